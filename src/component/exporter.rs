//! What sends payloads on.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::otlp::{Payload, Signal};

/// How one try to send a batch ended.
pub type Outcome = crate::otlp::answer::Answer;

/// Sends batches. Queue, retry, splitting and counting belong to the outbox in front of it.
pub trait Exporter: Send + Sync {
    /// One try. Ends by itself within the exporter's timeout.
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Outcome>;

    /// Whether nobody minds the loss of what it is given: its outbox never refuses a request.
    fn is_lossy(&self) -> bool {
        false
    }
}

/// Payloads of one signal that travel in one request. Owned by the outbox until it is settled.
#[derive(Debug)]
pub struct Batch {
    signal: Signal,
    payloads: Vec<Payload>,
}

impl Batch {
    /// All payloads have to be of `signal` and mergeable.
    pub fn new(signal: Signal, payloads: Vec<Payload>) -> Batch {
        debug_assert!(payloads.iter().all(|payload| payload.signal() == signal));
        Batch { signal, payloads }
    }

    pub fn signal(&self) -> Signal {
        self.signal
    }

    pub fn payloads(&self) -> &[Payload] {
        &self.payloads
    }

    /// Spans, data points or log records.
    pub fn items(&self) -> u64 {
        self.payloads.iter().map(Payload::len).sum()
    }

    /// Size of the merged request.
    pub fn bytes(&self) -> usize {
        self.payloads.iter().map(|payload| payload.bytes().len()).sum()
    }

    /// The merged request: its parts one after the other are the message.
    pub fn body(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.payloads.iter().map(|payload| payload.bytes().clone())
    }
}

/// The keys under `sending_queue` (exporterhelper of the OpenTelemetry Collector).
#[derive(Clone, Debug, PartialEq)]
pub struct QueueConfig {
    /// Off means that the sender waits for the downstream's answer.
    pub enabled: bool,
    /// How many batches may be on their way at once.
    pub num_consumers: usize,
    /// In units of `sizer`.
    pub queue_size: u64,
    pub sizer: Sizer,
    /// Answer the sender only when the downstream has answered.
    pub wait_for_result: bool,
    pub batch: Option<BatchConfig>,
}

impl Default for QueueConfig {
    fn default() -> Self {
        QueueConfig {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            wait_for_result: false,
            batch: None,
        }
    }
}

/// The keys under `sending_queue.batch`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchConfig {
    pub flush_timeout: Duration,
    /// In units of `sizer`: a batch that is smaller waits for `flush_timeout`.
    pub min_size: u64,
    /// 0 is no limit of its own; the exporter's request size limit always holds.
    pub max_size: u64,
    pub sizer: Sizer,
}

/// What queue and batch sizes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizer {
    Requests,
    Items,
    Bytes,
}

/// The keys under `retry_on_failure`.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryConfig {
    pub enabled: bool,
    pub initial_interval: Duration,
    /// 0 to 1: an interval is spread by this part of it to both sides.
    pub randomization_factor: f64,
    pub multiplier: f64,
    pub max_interval: Duration,
    /// 0 is for ever.
    pub max_elapsed_time: Duration,
}

impl Default for BatchConfig {
    fn default() -> Self {
        BatchConfig {
            flush_timeout: Duration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: Sizer::Items,
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        RetryConfig {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
        }
    }
}
