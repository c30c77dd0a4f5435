#![doc = include_str!("README.md")]

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Built;
use crate::component::{Batch, Exporter, Outcome, QueueConfig, RetryConfig};

/// There is nothing to configure.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// Never fails.
pub fn build(_: &Config) -> Built {
    let queue = QueueConfig { num_consumers: 1, ..QueueConfig::default() };
    let retry = RetryConfig { enabled: false, ..RetryConfig::default() };
    Built { exporter: Arc::new(Nop), queue, retry, warnings: Vec::new(), unserved: Vec::new() }
}

struct Nop;

impl Exporter for Nop {
    fn export<'a>(&'a self, _: &'a Batch) -> BoxFuture<'a, Outcome> {
        std::future::ready(Outcome::Accepted).boxed()
    }

    fn is_lossy(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Signal;

    #[tokio::test]
    async fn everything_is_taken_and_nothing_is_done_with_it() {
        let nop = build(&Config::default()).exporter;
        for signal in Signal::ALL {
            assert_eq!(nop.export(&Batch::new(signal, Vec::new())).await, Outcome::Accepted);
        }
        assert!(nop.is_lossy());
        assert!(serde_json::from_str::<Config>(r#"{"endpoint": "x"}"#).is_err());
    }
}
