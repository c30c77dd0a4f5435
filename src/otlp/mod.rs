//! What flows through burgee and how it travels: OTLP at the wire level.
//!
//! A request stays the bytes it arrived as. [`check`] proves once, at the door, that they are well formed;
//! after it, [`Payload`] gives [`Item`]s, [`Attributes`] and [`Value`]s to look at, and [`Edits`] changes them
//! by splicing. This is the only module that knows tags, varints and message layouts; [`schema`] is the one
//! table that `check`, the views, the edits and [`split`] walk.

pub mod answer;
mod batch;
mod check;
pub mod compression;
mod edit;
pub mod json;
pub mod schema;
mod value;
mod view;
mod watch;
mod wire;

pub use batch::{mergeable, split};
pub use check::{Checked, Malformed, check};
pub use edit::{Appended, Edit, Edits, Keys};
pub use value::{OwnedValue, hex};
pub use view::{
    Attributes, Event, Events, Item, ItemId, Items, Metric, MetricData, Outline, Pair, Payload, Reading,
    Resource, Saying, Scope, Value, Values,
};
pub use watch::{Watched, Watchlist};

/// The three signals of OTLP 1.x that burgee carries (profiles are still in development).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// The signal's name in pipeline ids and metric labels: `traces`, `metrics`, `logs`.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        }
    }

    /// What one item of the signal is called in the ledger: `spans`, `data points`, `log records`.
    pub fn items(self) -> &'static str {
        match self {
            Signal::Traces => "spans",
            Signal::Metrics => "data points",
            Signal::Logs => "log records",
        }
    }

    /// The default OTLP/HTTP path (OTLP 1.11, "OTLP/HTTP Request").
    pub fn http_path(self) -> &'static str {
        match self {
            Signal::Traces => "/v1/traces",
            Signal::Metrics => "/v1/metrics",
            Signal::Logs => "/v1/logs",
        }
    }

    /// The path of the gRPC method `Export` of the signal's service (OTLP 1.11, "OTLP/gRPC").
    pub fn grpc_path(self) -> &'static str {
        match self {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
pub(crate) mod work;

#[cfg(test)]
mod testing;
