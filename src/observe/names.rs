//! The names of burgee's own metrics. The only file that has them.
//!
//! What the OpenTelemetry Collector counts too has its name (receiverhelper, processorhelper, exporterhelper and
//! service 0.159, `documentation.md`), so that its dashboards work; the rest starts with `burgee_`. `{items}` stands
//! for the plural of [`ITEMS`]. Names are as OTLP has them; how they look to Prometheus is for
//! [`exposition`](super::exposition) to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the Collector calls the items of a signal in metric names, and their unit, by the signal's name.
pub const ITEMS: [(&str, &str, &str); 3] = [
    ("traces", "spans", "{spans}"),
    ("metrics", "metric_points", "{datapoints}"),
    ("logs", "log_records", "{records}"),
];

/// One metric: what it is called, what it counts, its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub help: &'static str,
    /// Names of OTLP attributes; a label without a value is left out.
    pub labels: &'static [&'static str],
    pub kind: Kind,
    /// As UCUM has it: `s`, `By`, `{requests}`. Of `{items}`, that of [`ITEMS`].
    pub unit: &'static str,
    /// From which level of `service.telemetry.metrics.level` on.
    pub level: Level,
}

/// What a metric's number does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    Gauge,
}

/// How much is told: `service.telemetry.metrics.level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    None,
    Basic,
    #[default]
    Normal,
    Detailed,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Basic => "basic",
            Level::Normal => "normal",
            Level::Detailed => "detailed",
        }
    }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    unit: &'static str,
    help: &'static str,
) -> Metric {
    Metric { name, help, labels, unit, kind: Kind::Counter, level: Level::Basic }
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    unit: &'static str,
    help: &'static str,
) -> Metric {
    Metric { kind: Kind::Gauge, ..counter(name, labels, unit, help) }
}

const DOOR: &[&str] = &["receiver", "transport"];
const PIPELINE: &[&str] = &["pipeline"];
const PROCESSOR: &[&str] = &["processor", "otel.signal"];
/// Its signal is in the name.
const EXPORTER: &[&str] = &["exporter"];
const OUTBOX: &[&str] = &["exporter", "data_type"];
const ITEM: &str = "{items}";

pub const DOOR_ACCEPTED: Metric = counter("otelcol_receiver_accepted_{items}", DOOR, ITEM, "Items put.");
pub const DOOR_REFUSED: Metric =
    counter("otelcol_receiver_refused_{items}", DOOR, ITEM, "Items of requests that burgee did not take.");
pub const DOOR_FLAWED: Metric = counter(
    "otelcol_receiver_failed_{items}",
    DOOR,
    ITEM,
    "Items cut out of requests because an identifier was invalid.",
);
pub const DOOR_REQUESTS: Metric = counter(
    "otelcol_receiver_requests",
    &["receiver", "transport", "outcome"],
    "{requests}",
    "Requests by outcome: success, refused (worth a retry), failure.",
);
pub const DOOR_OUTCOMES: Metric = counter(
    "burgee_receiver_requests",
    &["receiver", "transport", "data_type", "outcome"],
    "{requests}",
    "Requests by outcome: ok, partial, refused (worth a retry), rejected (not worth one), abandoned (the client left).",
);

pub const PROCESSOR_IN: Metric =
    counter("otelcol_processor_incoming_items", PROCESSOR, "{items}", "Items that went into the processor.");
pub const PROCESSOR_OUT: Metric = counter(
    "otelcol_processor_outgoing_items",
    PROCESSOR,
    "{items}",
    "Items that came out of the processor.",
);

pub const PIPELINE_IN: Metric =
    counter("burgee_pipeline_in_{items}", PIPELINE, ITEM, "Items that entered the pipeline.");
pub const PIPELINE_ADDED: Metric =
    counter("burgee_pipeline_added_{items}", PIPELINE, ITEM, "Items that processors made.");
pub const PIPELINE_DISCARDED: Metric = counter(
    "burgee_pipeline_discarded_{items}",
    &["pipeline", "processor"],
    ITEM,
    "Items that a processor took out by configuration.",
);
pub const PIPELINE_OUT: Metric =
    counter("burgee_pipeline_out_{items}", PIPELINE, ITEM, "Items put into outboxes.");
pub const PIPELINE_EVALUATIONS: Metric =
    counter("burgee_pipeline_evaluations", PIPELINE, "{evaluations}", "Flag evaluations recognised.");
pub const FLAG_EVALUATIONS: Metric = Metric {
    level: Level::Normal,
    ..counter(
        "burgee_flag_evaluations",
        &[
            "pipeline",
            "feature_flag.key",
            "feature_flag.result.variant",
            "feature_flag.result.reason",
            "otel.metric.overflow",
        ],
        "{evaluations}",
        "Flag evaluations by flag, variant and reason; what is beyond 2,000 series of a pipeline has only \
         otel_metric_overflow.",
    )
};

pub const OUTBOX_SENT: Metric =
    counter("otelcol_exporter_sent_{items}", EXPORTER, ITEM, "Items that the downstream accepted.");
pub const OUTBOX_SEND_FAILED: Metric = counter(
    "otelcol_exporter_send_failed_{items}",
    EXPORTER,
    ITEM,
    "Items lost after they were tried: rejected by the downstream, or given up.",
);
pub const OUTBOX_ENQUEUE_FAILED: Metric = counter(
    "otelcol_exporter_enqueue_failed_{items}",
    EXPORTER,
    ITEM,
    "Items that found no room in a queue that may lose them; requests that are refused count at their receiver.",
);
pub const OUTBOX_QUEUE_SIZE: Metric =
    gauge("otelcol_exporter_queue_size", OUTBOX, "{units}", "Fill of the queue in units of its sizer.");
pub const OUTBOX_QUEUE_CAPACITY: Metric = gauge(
    "otelcol_exporter_queue_capacity",
    OUTBOX,
    "{units}",
    "Capacity of the queue in units of its sizer.",
);
pub const OUTBOX_IN_FLIGHT: Metric =
    gauge("otelcol_exporter_in_flight_requests", OUTBOX, "{requests}", "Requests on their way.");
pub const OUTBOX_PUT: Metric =
    counter("burgee_exporter_put_{items}", EXPORTER, ITEM, "Items put into the outbox.");
pub const OUTBOX_RECOVERED: Metric =
    counter("burgee_exporter_recovered_{items}", EXPORTER, ITEM, "Items found in the outbox at the start.");
pub const OUTBOX_REJECTED: Metric = counter(
    "burgee_exporter_rejected_{items}",
    EXPORTER,
    ITEM,
    "Items that the downstream refused for good.",
);
pub const OUTBOX_DROPPED: Metric = counter(
    "burgee_exporter_dropped_{items}",
    &["exporter", "reason"],
    ITEM,
    "Items that burgee gave up, by reason.",
);
pub const OUTBOX_HELD: Metric =
    gauge("burgee_exporter_held_{items}", EXPORTER, ITEM, "Items waiting or on their way.");
pub const OUTBOX_HELD_BYTES: Metric =
    gauge("burgee_exporter_held_bytes", OUTBOX, "By", "Size of what waits or is on its way.");
pub const OUTBOX_RETRYING: Metric = gauge(
    "burgee_exporter_retrying_requests",
    OUTBOX,
    "{requests}",
    "Requests that wait for their next try.",
);
pub const OUTBOX_ISOLATED: Metric = gauge(
    "burgee_exporter_isolated",
    OUTBOX,
    "",
    "1 while the queue is full and nothing is delivered though others deliver: what does not fit is dropped.",
);

pub const DEFINITIONS_READINGS: Metric = counter(
    "burgee_definitions_readings",
    &["processor", "outcome"],
    "{readings}",
    "Times that flag definitions were read: changed, unchanged, failed.",
);
pub const DEFINITIONS_FLAGS: Metric =
    gauge("burgee_definitions_flags", &["processor"], "{flags}", "Flags whose definitions are in force.");
pub const DEFINITIONS_AGE: Metric = gauge(
    "burgee_definitions_age",
    &["processor"],
    "s",
    "Time since flag definitions were last read with success.",
);

pub const FACTS: Metric = counter(
    "burgee_facts",
    &["kind"],
    "{sightings}",
    "Oddities of senders and sockets by kind: refusals, timeouts, wrong protocols.",
);

pub const MEMORY_USED: Metric = gauge("burgee_memory_used", &[], "By", "What telemetry holds of the memory.");
pub const MEMORY_LIMIT: Metric =
    gauge("burgee_memory_limit", &[], "By", "What telemetry may hold of the memory.");

pub const CONFIG_RELOADS: Metric = counter(
    "burgee_config_reloads",
    &["outcome"],
    "{reloads}",
    "Times that the configuration was read again: changed, unchanged, failed.",
);
pub const CONFIG_LAST_GOOD: Metric = gauge(
    "burgee_config_last_reload_successful",
    &[],
    "1",
    "1 if the configuration in force is the one on disk as last read, 0 if that one cannot be used.",
);

pub const PROCESS_UPTIME: Metric = counter("otelcol_process_uptime", &[], "s", "Time since the start.");
pub const PROCESS_CPU: Metric =
    counter("otelcol_process_cpu_seconds", &[], "s", "Time of processors used, user and system (Linux).");
pub const PROCESS_RSS: Metric =
    gauge("otelcol_process_memory_rss", &[], "By", "Resident memory of the process (Linux).");
pub const PROCESS_HEAP: Metric = gauge(
    "otelcol_process_runtime_heap_alloc_bytes",
    &[],
    "By",
    "Resident anonymous memory, which is heap and stacks (Linux): the nearest to the Collector's Go heap.",
);

/// All of them.
pub const ALL: [Metric; 39] = [
    DOOR_ACCEPTED,
    DOOR_REFUSED,
    DOOR_FLAWED,
    DOOR_REQUESTS,
    DOOR_OUTCOMES,
    PROCESSOR_IN,
    PROCESSOR_OUT,
    PIPELINE_IN,
    PIPELINE_ADDED,
    PIPELINE_DISCARDED,
    PIPELINE_OUT,
    PIPELINE_EVALUATIONS,
    FLAG_EVALUATIONS,
    OUTBOX_SENT,
    OUTBOX_SEND_FAILED,
    OUTBOX_ENQUEUE_FAILED,
    OUTBOX_QUEUE_SIZE,
    OUTBOX_QUEUE_CAPACITY,
    OUTBOX_IN_FLIGHT,
    OUTBOX_PUT,
    OUTBOX_RECOVERED,
    OUTBOX_REJECTED,
    OUTBOX_DROPPED,
    OUTBOX_HELD,
    OUTBOX_HELD_BYTES,
    OUTBOX_RETRYING,
    OUTBOX_ISOLATED,
    DEFINITIONS_READINGS,
    DEFINITIONS_FLAGS,
    DEFINITIONS_AGE,
    FACTS,
    MEMORY_USED,
    MEMORY_LIMIT,
    CONFIG_RELOADS,
    CONFIG_LAST_GOOD,
    PROCESS_UPTIME,
    PROCESS_CPU,
    PROCESS_RSS,
    PROCESS_HEAP,
];
