//! Which components there are: burgee's, and those that only the OpenTelemetry Collector has.

use super::Defined;
use crate::config::{ComponentId, Problem, nearest, quote};

/// A section of the configuration that defines components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Receivers,
    Processors,
    Exporters,
    Connectors,
    Extensions,
}

impl Section {
    pub const ALL: [Section; 5] = [
        Section::Receivers,
        Section::Processors,
        Section::Exporters,
        Section::Connectors,
        Section::Extensions,
    ];

    /// What may stand at the top of a configuration.
    pub(super) const ROOT_KEYS: [&str; 6] =
        ["receivers", "processors", "exporters", "connectors", "extensions", "service"];

    /// The section's key: `receivers`.
    pub fn key(self) -> &'static str {
        match self {
            Section::Receivers => "receivers",
            Section::Processors => "processors",
            Section::Exporters => "exporters",
            Section::Connectors => "connectors",
            Section::Extensions => "extensions",
        }
    }

    /// One component of it: `receiver`.
    pub fn noun(self) -> &'static str {
        self.key().trim_end_matches('s')
    }
}

/// Other names of a type, as the Collector has them: its section, the other name, and the type.
const ALIASES: [(Section, &str, &str); 2] =
    [(Section::Exporters, "otlp", "otlp_grpc"), (Section::Exporters, "otlphttp", "otlp_http")];

/// The type that a name stands for, if it is another name.
pub fn alias_of(section: Section, kind: &str) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(of, alias, _)| *of == section && *alias == kind);
    alias.map(|(_, _, name)| *name)
}

/// The types that burgee has, aliases included.
pub fn known(section: Section) -> &'static [&'static str] {
    match section {
        Section::Receivers => &["otlp"],
        Section::Processors => &[
            "feature_flag",
            "attributes",
            "batch",
            "filter",
            "memory_limiter",
            "probabilistic_sampler",
            "resource",
        ],
        Section::Exporters => &["otlp_grpc", "otlp", "otlp_http", "otlphttp", "debug", "nop"],
        Section::Connectors => &[],
        Section::Extensions => &["admin"],
    }
}

/// Types that the OpenTelemetry Collector has and burgee does not: its core and contrib distributions, 0.159.
fn elsewhere(section: Section) -> &'static [&'static str] {
    match section {
        Section::Receivers => &COLLECTOR_RECEIVERS,
        Section::Processors => &COLLECTOR_PROCESSORS,
        Section::Exporters => &COLLECTOR_EXPORTERS,
        Section::Connectors => &COLLECTOR_CONNECTORS,
        Section::Extensions => &COLLECTOR_EXTENSIONS,
    }
}

/// The problem with a component whose type burgee does not have.
pub(super) fn unknown(section: Section, defined: &Defined<'_>) -> Problem {
    let kind = defined.id.kind();
    let noun = section.noun();
    let known = known(section);
    if let Some(help) = instead(section, kind) {
        return defined.problem(format!("{noun} {} is not in burgee", quote(kind))).help(help);
    }
    if elsewhere(section).contains(&kind) {
        let message = format!(
            "{noun} {} exists in the OpenTelemetry Collector, not in this version of burgee",
            quote(kind)
        );
        let help = match known {
            [] => format!("remove it; burgee has no {} yet", section.key()),
            known => {
                format!("remove it, or send to a Collector that has it; burgee has: {}", known.join(", "))
            }
        };
        return defined.problem(message).help(help);
    }
    let message = match nearest(kind, known.iter().copied()) {
        Some(meant) => format!("unknown {noun} {}: did you mean {}?", quote(kind), quote(meant)),
        None => format!("unknown {noun} {}", quote(kind)),
    };
    match known {
        [] => defined.problem(message),
        known => defined.problem(message).help(format!("burgee has: {}", known.join(", "))),
    }
}

/// The known id that was probably meant by one that is not configured.
pub(super) fn nearest_id(id: &str, configured: &[&ComponentId]) -> Option<String> {
    let names: Vec<String> = configured.iter().map(ToString::to_string).collect();
    nearest(id, names.iter().map(String::as_str)).map(str::to_owned)
}

/// What to write instead of something that has another name by now.
fn instead(section: Section, kind: &str) -> Option<&'static str> {
    match (section, kind) {
        (Section::Exporters, "logging") => Some("the logging exporter is gone; write debug"),
        (Section::Exporters, "jaeger") => {
            Some("Jaeger takes OTLP: write otlp_grpc with endpoint: jaeger:4317")
        }
        (Section::Processors, "queued_retry") => {
            Some("write sending_queue and retry_on_failure under the exporter")
        }
        (Section::Extensions, "memory_ballast" | "ballast") => Some("burgee needs none; remove it"),
        _ => None,
    }
}

const COLLECTOR_RECEIVERS: [&str; 49] = [
    "nop",
    "awscloudwatch",
    "awsxray",
    "azure_event_hub",
    "carbon",
    "collectd",
    "docker_stats",
    "elasticsearch",
    "faro",
    "file_log",
    "filelog",
    "file_stats",
    "filestats",
    "fluent_forward",
    "fluentforward",
    "github",
    "googlecloudpubsub",
    "host_metrics",
    "hostmetrics",
    "httpcheck",
    "influxdb",
    "jaeger",
    "journald",
    "k8s_cluster",
    "k8s_events",
    "k8sobjects",
    "kafka",
    "kubeletstats",
    "loki",
    "mongodb",
    "mysql",
    "nginx",
    "opencensus",
    "otelarrow",
    "postgresql",
    "prometheus",
    "prometheus_simple",
    "pulsar",
    "rabbitmq",
    "receiver_creator",
    "redis",
    "skywalking",
    "splunk_hec",
    "statsd",
    "syslog",
    "tcplog",
    "udplog",
    "windowseventlog",
    "zipkin",
];

const COLLECTOR_PROCESSORS: [&str; 28] = [
    "coralogix",
    "cumulativetodelta",
    "deltatocumulative",
    "deltatorate",
    "dns_lookup",
    "geoip",
    "groupbyattrs",
    "groupbytrace",
    "interval",
    "isolation_forest",
    "k8s_attributes",
    "k8sattributes",
    "log_dedup",
    "logdedup",
    "logstransform",
    "metric_start_time",
    "metricsgeneration",
    "metricstransform",
    "queuebatch",
    "redaction",
    "remotetap",
    "resource_detection",
    "resourcedetection",
    "schema",
    "span",
    "sumologic",
    "tail_sampling",
    "transform",
];

const COLLECTOR_EXPORTERS: [&str; 34] = [
    "alertmanager",
    "awscloudwatchlogs",
    "awsemf",
    "awss3",
    "awsxray",
    "azuremonitor",
    "carbon",
    "cassandra",
    "clickhouse",
    "coralogix",
    "datadog",
    "elasticsearch",
    "file",
    "googlecloud",
    "honeycombmarker",
    "influxdb",
    "kafka",
    "load_balancing",
    "loadbalancing",
    "logzio",
    "loki",
    "opencensus",
    "opensearch",
    "otelarrow",
    "prometheus",
    "prometheus_remote_write",
    "prometheusremotewrite",
    "pulsar",
    "rabbitmq",
    "sentry",
    "signalfx",
    "splunk_hec",
    "syslog",
    "zipkin",
];

const COLLECTOR_CONNECTORS: [&str; 17] = [
    "count",
    "datadog",
    "exceptions",
    "failover",
    "forward",
    "grafanacloud",
    "metrics_as_logs",
    "nop",
    "otlpjson",
    "roundrobin",
    "routing",
    "servicegraph",
    "signaltometrics",
    "signal_to_metrics",
    "span_metrics",
    "spanmetrics",
    "sum",
];

const COLLECTOR_EXTENSIONS: [&str; 26] = [
    "asapclient",
    "awsproxy",
    "basicauth",
    "basic_auth",
    "bearertokenauth",
    "bearer_token_auth",
    "cgroupruntime",
    "db_storage",
    "docker_observer",
    "file_storage",
    "headers_setter",
    "health_check",
    "healthcheckv2",
    "host_observer",
    "http_forwarder",
    "jaegerremotesampling",
    "k8s_observer",
    "memory_limiter",
    "oauth2client",
    "oidc",
    "opamp",
    "pprof",
    "redis_storage",
    "remotetap",
    "sigv4auth",
    "zpages",
];
