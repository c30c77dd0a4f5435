//! What an outbox is told by the configuration: `sending_queue` and `retry_on_failure`.

use std::time::Duration;

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
    /// A full queue lets senders wait for a while before it refuses.
    pub block_on_overflow: bool,
    /// After how long without a delivery a full queue no longer holds up other exporters. Zero is never.
    pub isolate_after: Duration,
    pub request: RequestLimit,
}

/// How large one uncompressed request to the downstream may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    /// Bytes above which a request is divided as far as its items allow.
    pub split_above: u64,
    /// Bytes above which a request is dropped and counted, if nothing is left to be divided.
    pub drop_above: u64,
}

impl RequestLimit {
    /// For what is no network.
    pub const NONE: RequestLimit = RequestLimit { split_above: u64::MAX, drop_above: u64::MAX };

    /// No request is larger than `bytes`.
    pub fn of(bytes: u64) -> RequestLimit {
        RequestLimit { split_above: bytes, drop_above: bytes }
    }
}

impl Default for RequestLimit {
    /// Divided below what every gRPC server takes by default (4 MiB), less what stands around the message; a single
    /// item may be as large as OTLP 1.11 recommends for requests (64 MiB), since some servers take more.
    fn default() -> Self {
        RequestLimit { split_above: (4 << 20) - (64 << 10), drop_above: 64 << 20 }
    }
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
            block_on_overflow: false,
            isolate_after: Duration::from_secs(5),
            request: RequestLimit::default(),
        }
    }
}

/// The keys under `sending_queue.batch`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchConfig {
    pub flush_timeout: Duration,
    /// In units of `sizer`: a batch that is smaller waits for `flush_timeout`, unless it fills a request already.
    pub min_size: u64,
    /// 0 is no limit of its own; the exporter's request size limit always holds.
    pub max_size: u64,
    pub sizer: Sizer,
    /// As the Collector's processor `batch` works: what waits to be merged is not in the queue yet. A queue that counts
    /// requests then counts those that are sent, not those that came.
    pub is_before_queue: bool,
}

/// What queue and batch sizes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizer {
    Requests,
    Items,
    Bytes,
}

impl Sizer {
    /// As it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Sizer::Requests => "requests",
            Sizer::Items => "items",
            Sizer::Bytes => "bytes",
        }
    }
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
            is_before_queue: false,
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
