//! The names of burgee's own metrics. The only file that has them.
//!
//! What the OpenTelemetry Collector counts too has its name (receiverhelper and exporterhelper 0.159,
//! `documentation.md`), so that its dashboards work; the rest starts with `burgee_`. `{items}` stands for the
//! plural of [`ITEMS`]. Names are without the suffix `_total`.

/// What the Collector calls the items of a signal in metric names, by the signal's name.
pub const ITEMS: [(&str, &str); 3] =
    [("traces", "spans"), ("metrics", "metric_points"), ("logs", "log_records")];

/// One metric: what it is called, what it counts, its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

const fn metric(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, help, labels }
}

const DOOR: &[&str] = &["receiver", "transport"];
const PIPELINE: &[&str] = &["pipeline"];
const OUTBOX: &[&str] = &["exporter", "data_type"];

pub const DOOR_REQUESTS: Metric =
    metric("otelcol_receiver_requests", &["receiver", "transport", "outcome"], "Requests by their outcome.");
pub const DOOR_ACCEPTED: Metric = metric("otelcol_receiver_accepted_{items}", DOOR, "Items put.");
pub const DOOR_REFUSED: Metric =
    metric("otelcol_receiver_refused_{items}", DOOR, "Items that burgee did not take.");
pub const DOOR_FLAWED: Metric =
    metric("otelcol_receiver_failed_{items}", DOOR, "Items cut out because an identifier was invalid.");

pub const PIPELINE_IN: Metric = metric("burgee_pipeline_in_{items}", PIPELINE, "Items that entered.");
pub const PIPELINE_ADDED: Metric =
    metric("burgee_pipeline_added_{items}", PIPELINE, "Items that processors made.");
pub const PIPELINE_DISCARDED: Metric = metric(
    "burgee_pipeline_discarded_{items}",
    &["pipeline", "processor"],
    "Items that a processor took out by configuration.",
);
pub const PIPELINE_OUT: Metric = metric("burgee_pipeline_out_{items}", PIPELINE, "Items put into outboxes.");
pub const PIPELINE_EVALUATIONS: Metric =
    metric("burgee_pipeline_evaluations", PIPELINE, "Flag evaluations recognised.");

pub const OUTBOX_PUT: Metric = metric("burgee_exporter_put_{items}", OUTBOX, "Items put into the outbox.");
pub const OUTBOX_RECOVERED: Metric =
    metric("burgee_exporter_recovered_{items}", OUTBOX, "Items found in the outbox at start.");
pub const OUTBOX_SENT: Metric =
    metric("otelcol_exporter_sent_{items}", OUTBOX, "Items that the downstream accepted.");
pub const OUTBOX_REJECTED: Metric =
    metric("burgee_exporter_rejected_{items}", OUTBOX, "Items that the downstream refused for good.");
pub const OUTBOX_DROPPED: Metric = metric(
    "burgee_exporter_dropped_{items}",
    &["exporter", "data_type", "reason"],
    "Items that burgee gave up.",
);
pub const OUTBOX_HELD: Metric =
    metric("burgee_exporter_held_{items}", OUTBOX, "Items waiting or on their way.");
pub const OUTBOX_QUEUE_SIZE: Metric =
    metric("otelcol_exporter_queue_size", OUTBOX, "Fill of the outbox in units of its sizer.");
pub const OUTBOX_QUEUE_CAPACITY: Metric =
    metric("otelcol_exporter_queue_capacity", OUTBOX, "Capacity of the outbox in units of its sizer.");
pub const OUTBOX_IN_FLIGHT: Metric =
    metric("otelcol_exporter_in_flight_requests", OUTBOX, "Batches on their way.");

pub const DEFINITIONS_READINGS: Metric = metric(
    "burgee_definitions_readings",
    &["processor", "outcome"],
    "Times that flag definitions were read: changed, unchanged, failed.",
);
pub const DEFINITIONS_FLAGS: Metric =
    metric("burgee_definitions_flags", &["processor"], "Flags whose definitions are in force.");

pub const PROCESS_UPTIME: Metric = metric("otelcol_process_uptime", &[], "Seconds since the start.");

/// All of them.
pub const ALL: [Metric; 21] = [
    DOOR_REQUESTS,
    DOOR_ACCEPTED,
    DOOR_REFUSED,
    DOOR_FLAWED,
    PIPELINE_IN,
    PIPELINE_ADDED,
    PIPELINE_DISCARDED,
    PIPELINE_OUT,
    PIPELINE_EVALUATIONS,
    OUTBOX_PUT,
    OUTBOX_RECOVERED,
    OUTBOX_SENT,
    OUTBOX_REJECTED,
    OUTBOX_DROPPED,
    OUTBOX_HELD,
    OUTBOX_QUEUE_SIZE,
    OUTBOX_QUEUE_CAPACITY,
    OUTBOX_IN_FLIGHT,
    DEFINITIONS_READINGS,
    DEFINITIONS_FLAGS,
    PROCESS_UPTIME,
];
