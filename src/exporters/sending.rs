//! The keys `sending_queue` and `retry_on_failure`, with the defaults and rules of the Collector's exporterhelper.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Notes, Problem, Unused};
use crate::component::{BatchConfig, QueueConfig, RequestLimit, RetryConfig, Sizer};
use crate::values::{Block, Duration};

/// What may stand under `sending_queue`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueueKeys {
    /// `false`: the sender waits for the downstream's answer.
    pub enabled: bool,
    /// Requests on their way at once.
    pub num_consumers: usize,
    /// In units of `sizer`.
    pub queue_size: u64,
    /// What `queue_size` counts.
    pub sizer: SizerKey,
    /// The sender gets its answer when the downstream has answered.
    pub wait_for_result: bool,
    /// Small requests wait, and are sent together. Off unless it is given, or the pipeline has the processor `batch`.
    pub batch: Block<BatchKeys>,
    /// A full queue lets senders wait for a while before it refuses.
    pub block_on_overflow: bool,
    /// burgee's own: after how long without a delivery a full queue no longer holds up other exporters. 0 is never.
    pub isolate_after: Duration,
    /// Not in burgee: an error. Queues are in memory.
    pub storage: Unused,
}

/// What may stand under `sending_queue.batch`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BatchKeys {
    /// How long a batch below `min_size` waits, unless it fills a request already.
    pub flush_timeout: Duration,
    /// In units of `sizer`.
    pub min_size: u64,
    /// 0: no limit.
    pub max_size: u64,
    /// `items` or `bytes`.
    pub sizer: SizerKey,
    /// Not in burgee: an error. Requests would be merged across the headers it names.
    pub partition: PartitionKeys,
}

/// What may stand under `sending_queue.batch.partition`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PartitionKeys {
    pub metadata_keys: Vec<String>,
}

/// What sizes are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SizerKey {
    Requests,
    Items,
    Bytes,
}

/// What may stand under `retry_on_failure`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryKeys {
    /// `false`: one try, then it is dropped and counted.
    pub enabled: bool,
    /// Before the second try.
    pub initial_interval: Duration,
    /// 0 to 1: an interval is spread by this part of it to both sides.
    pub randomization_factor: f64,
    /// By which each interval is longer than the one before.
    pub multiplier: f64,
    /// No interval is longer.
    pub max_interval: Duration,
    /// How long there are tries; what is then left is dropped and counted. 0: for ever.
    pub max_elapsed_time: Duration,
}

impl QueueKeys {
    /// Checks the keys.
    pub(super) fn build(&self, notes: &mut Notes) -> QueueConfig {
        let queue = QueueConfig {
            enabled: self.enabled,
            num_consumers: self.num_consumers,
            queue_size: self.queue_size,
            sizer: self.sizer.into(),
            wait_for_result: self.wait_for_result,
            batch: self.batch.as_ref().map(BatchKeys::config),
            block_on_overflow: self.block_on_overflow,
            isolate_after: self.isolate_after.get(),
            request: RequestLimit::default(),
        };
        if !self.enabled {
            return queue;
        }
        let mut wrong =
            |path: &[&'static str], message: &str| notes.problems.push(Problem::new(path, message));
        if self.num_consumers == 0 {
            wrong(&[KEY, "num_consumers"], "must be positive");
        }
        if self.queue_size == 0 {
            wrong(&[KEY, "queue_size"], "must be positive");
        }
        if let Some(batch) = &*self.batch {
            if batch.max_size > 0 && batch.max_size < batch.min_size {
                let (max, min) = (batch.max_size, batch.min_size);
                wrong(
                    &[KEY, "batch", "max_size"],
                    &format!("({max}) must not be less than min_size ({min})"),
                );
            }
            if batch.sizer == SizerKey::Requests {
                wrong(&[KEY, "batch", "sizer"], "must be items or bytes: a batch is made of requests");
            }
            if batch.sizer == self.sizer && batch.min_size > self.queue_size {
                let (min, size) = (batch.min_size, self.queue_size);
                wrong(
                    &[KEY, "batch", "min_size"],
                    &format!("({min}) must not be more than queue_size ({size})"),
                );
            }
            if !batch.partition.metadata_keys.is_empty() {
                let path = [KEY, "batch", "partition", "metadata_keys"];
                wrong(&path, "is not in this version: requests would be merged across these headers");
            }
        }
        if self.storage.is_some() {
            let problem =
                Problem::new(&[KEY, "storage"], "is not in this version: queues are kept in memory");
            notes.problems.push(problem.with_help("remove the key"));
        }
        queue
    }
}

impl Default for QueueKeys {
    fn default() -> Self {
        let default = QueueConfig::default();
        QueueKeys {
            enabled: default.enabled,
            num_consumers: default.num_consumers,
            queue_size: default.queue_size,
            sizer: default.sizer.into(),
            wait_for_result: default.wait_for_result,
            batch: Block::OFF,
            block_on_overflow: default.block_on_overflow,
            isolate_after: default.isolate_after.into(),
            storage: None,
        }
    }
}

impl BatchKeys {
    fn config(&self) -> BatchConfig {
        BatchConfig {
            flush_timeout: self.flush_timeout.get(),
            min_size: self.min_size,
            max_size: self.max_size,
            sizer: self.sizer.into(),
            is_before_queue: false,
        }
    }
}

impl Default for BatchKeys {
    fn default() -> Self {
        let BatchConfig { flush_timeout, min_size, max_size, sizer, .. } = BatchConfig::default();
        let flush_timeout = flush_timeout.into();
        BatchKeys {
            flush_timeout,
            min_size,
            max_size,
            sizer: sizer.into(),
            partition: PartitionKeys::default(),
        }
    }
}

impl RetryKeys {
    /// Checks the keys.
    pub(super) fn build(&self, notes: &mut Notes) -> RetryConfig {
        let retry = RetryConfig {
            enabled: self.enabled,
            initial_interval: self.initial_interval.get(),
            randomization_factor: self.randomization_factor,
            multiplier: self.multiplier,
            max_interval: self.max_interval.get(),
            max_elapsed_time: self.max_elapsed_time.get(),
        };
        if !self.enabled {
            return retry;
        }
        let mut wrong = |key: &'static str, message: &str| {
            notes.problems.push(Problem::new(&["retry_on_failure", key], message));
        };
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            wrong("randomization_factor", "must be between 0 and 1");
        }
        if !(self.multiplier >= 0.0 && self.multiplier.is_finite()) {
            wrong("multiplier", "must not be negative");
        }
        if self.max_elapsed_time > Duration::ZERO {
            if self.max_elapsed_time < self.initial_interval {
                wrong("max_elapsed_time", "must not be less than initial_interval");
            }
            if self.max_elapsed_time < self.max_interval {
                wrong("max_elapsed_time", "must not be less than max_interval");
            }
        }
        retry
    }
}

impl Default for RetryKeys {
    fn default() -> Self {
        let default = RetryConfig::default();
        RetryKeys {
            enabled: default.enabled,
            initial_interval: default.initial_interval.into(),
            randomization_factor: default.randomization_factor,
            multiplier: default.multiplier,
            max_interval: default.max_interval.into(),
            max_elapsed_time: default.max_elapsed_time.into(),
        }
    }
}

impl From<SizerKey> for Sizer {
    fn from(key: SizerKey) -> Sizer {
        match key {
            SizerKey::Requests => Sizer::Requests,
            SizerKey::Items => Sizer::Items,
            SizerKey::Bytes => Sizer::Bytes,
        }
    }
}

impl From<Sizer> for SizerKey {
    fn from(sizer: Sizer) -> SizerKey {
        match sizer {
            Sizer::Requests => SizerKey::Requests,
            Sizer::Items => SizerKey::Items,
            Sizer::Bytes => SizerKey::Bytes,
        }
    }
}

const KEY: &str = "sending_queue";

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(json: &str) -> (QueueConfig, Vec<String>, Vec<String>) {
        let keys: QueueKeys = serde_json::from_str(json).expect("the keys are known");
        let mut notes = Notes::default();
        let config = keys.build(&mut notes);
        let texts = |problems: Vec<Problem>| problems.iter().map(Problem::to_string).collect();
        (config, texts(notes.problems), texts(notes.warnings))
    }

    fn retry_problems(json: &str) -> Vec<String> {
        let keys: RetryKeys = serde_json::from_str(json).expect("the keys are known");
        let mut notes = Notes::default();
        keys.build(&mut notes);
        notes.problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn nothing_said_means_the_defaults_of_the_contract() {
        assert_eq!(queue("{}"), (QueueConfig::default(), vec![], vec![]));
        let mut notes = Notes::default();
        assert_eq!(RetryKeys::default().build(&mut notes), RetryConfig::default());
        assert!(notes.problems.is_empty());
    }

    #[test]
    fn a_batch_without_settings_is_on_with_defaults() {
        let (config, problems, _) = queue(r#"{"batch": null, "sizer": "bytes", "queue_size": 1000000}"#);
        assert_eq!((config.batch, config.sizer), (Some(BatchConfig::default()), Sizer::Bytes));
        assert!(problems.is_empty());
    }

    #[test]
    fn sizes_that_contradict_each_other_are_named() {
        let sizes = r#"{"num_consumers": 0, "queue_size": 0, "batch": {"min_size": 10, "max_size": 5}}"#;
        let (_, problems, _) = queue(sizes);
        assert_eq!(
            problems,
            [
                "sending_queue.num_consumers must be positive",
                "sending_queue.queue_size must be positive",
                "sending_queue.batch.max_size (5) must not be less than min_size (10)",
            ]
        );
        let (_, problems, _) = queue(r#"{"sizer": "items", "queue_size": 5, "batch": {"min_size": 10}}"#);
        assert_eq!(problems, ["sending_queue.batch.min_size (10) must not be more than queue_size (5)"]);
    }

    #[test]
    fn a_queue_that_is_off_is_not_judged() {
        assert!(queue(r#"{"enabled": false, "queue_size": 0}"#).1.is_empty());
        assert!(retry_problems(r#"{"enabled": false, "multiplier": -1}"#).is_empty());
    }

    #[test]
    fn what_this_version_lacks_is_said() {
        let partition = r#"{"storage": "file_storage", "batch": {"partition": {"metadata_keys": ["x"]}}}"#;
        assert_eq!(queue(partition).1.len(), 2);
    }

    #[test]
    fn senders_can_be_made_to_wait_and_isolation_put_off() {
        let (config, problems, warnings) = queue(r#"{"block_on_overflow": true, "isolate_after": "1m"}"#);
        assert!(config.block_on_overflow && problems.is_empty() && warnings.is_empty());
        assert_eq!(config.isolate_after, std::time::Duration::from_secs(60));
    }

    #[test]
    fn retry_times_must_make_sense() {
        let json = r#"{"randomization_factor": 2, "multiplier": -1, "max_elapsed_time": "1s"}"#;
        assert_eq!(
            retry_problems(json),
            [
                "retry_on_failure.randomization_factor must be between 0 and 1",
                "retry_on_failure.multiplier must not be negative",
                "retry_on_failure.max_elapsed_time must not be less than initial_interval",
                "retry_on_failure.max_elapsed_time must not be less than max_interval",
            ]
        );
        assert!(retry_problems(r#"{"max_elapsed_time": "0s"}"#).is_empty());
    }
}
