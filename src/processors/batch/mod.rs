#![doc = include_str!("README.md")]

use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{BatchConfig, Sizer};
use crate::values::Duration;

/// The keys of the Collector's `batchprocessor` 0.159.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Items; a batch that is smaller waits for `timeout`.
    pub send_batch_size: u64,
    /// How long a batch below `send_batch_size` waits, unless it fills a request already; 0 sends at once.
    pub timeout: Duration,
    /// Items; 0 is no limit.
    pub send_batch_max_size: u64,
    /// Not in burgee: an error. Batches by the sender's headers.
    pub metadata_keys: Vec<String>,
    /// Belongs to `metadata_keys`.
    pub metadata_cardinality_limit: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            send_batch_size: 8192,
            timeout: Duration::from_millis(200),
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

/// What an outbox makes of it.
///
/// # Errors
/// The key that is wrong, and a sentence about it.
pub fn build(config: &Config) -> Result<BatchConfig, (&'static str, String)> {
    let (size, max) = (config.send_batch_size, config.send_batch_max_size);
    if max > 0 && max < size {
        return Err((
            "send_batch_max_size",
            format!("({max}) must not be less than send_batch_size ({size})"),
        ));
    }
    if !config.metadata_keys.is_empty() {
        let message = "is not in this version: requests would be merged across these headers";
        return Err(("metadata_keys", message.to_owned()));
    }
    Ok(BatchConfig {
        flush_timeout: config.timeout.get(),
        min_size: size,
        max_size: max,
        sizer: Sizer::Items,
        is_before_queue: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_collectors() {
        let batch = build(&Config::default()).expect("the default is right");
        assert_eq!((batch.min_size, batch.max_size, batch.sizer), (8192, 0, Sizer::Items));
        assert_eq!(batch.flush_timeout, std::time::Duration::from_millis(200));
    }

    #[test]
    fn a_largest_size_below_the_size_to_wait_for_is_refused() {
        let config = Config { send_batch_max_size: 10, ..Config::default() };
        assert_eq!(build(&config).expect_err("10 is less than 8192").0, "send_batch_max_size");
    }
}
