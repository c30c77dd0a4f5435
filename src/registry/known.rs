//! Which components there are: burgee's, and those that only the OpenTelemetry Collector has.

use super::Defined;
use crate::config::{ComponentId, Problem, nearest, quote};

/// A section of the configuration that defines components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
const ALIASES: [(Section, &str, &str); 4] = [
    (Section::Exporters, "otlp", "otlp_grpc"),
    (Section::Exporters, "otlphttp", "otlp_http"),
    (Section::Extensions, "bearer_token_auth", "bearertokenauth"),
    (Section::Extensions, "basic_auth", "basicauth"),
];

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
        Section::Exporters => &["otlp_grpc", "otlp", "otlp_http", "otlphttp", "file", "debug", "nop"],
        Section::Connectors => &["forward"],
        Section::Extensions => &[
            "admin",
            "bearertokenauth",
            "bearer_token_auth",
            "basicauth",
            "basic_auth",
            "health_check",
            "zpages",
        ],
    }
}

/// Types that the OpenTelemetry Collector has and burgee does not: its core and contrib distributions, 0.159.
/// A type is found with underscores and without.
fn elsewhere(section: Section) -> &'static [&'static str] {
    match section {
        Section::Receivers => COLLECTOR_RECEIVERS,
        Section::Processors => COLLECTOR_PROCESSORS,
        Section::Exporters => COLLECTOR_EXPORTERS,
        Section::Connectors => COLLECTOR_CONNECTORS,
        Section::Extensions => COLLECTOR_EXTENSIONS,
    }
}

/// The problem with a component whose type burgee does not have.
pub(super) fn unknown(section: Section, defined: &Defined<'_>) -> Problem {
    let kind = defined.id.kind();
    let noun = section.noun();
    let known: Vec<&str> =
        known(section).iter().copied().filter(|name| alias_of(section, name).is_none()).collect();
    if let Some(help) = instead(section, kind) {
        return defined.problem(format!("{noun} {} is not in burgee", quote(kind))).help(help);
    }
    // The Collector has been giving its types underscores: hostmetrics is host_metrics by now, both are written.
    let plain = |name: &str| name.replace('_', "");
    if elsewhere(section).iter().any(|name| plain(name) == plain(kind)) {
        let message = format!(
            "{noun} {} exists in the OpenTelemetry Collector, not in this version of burgee",
            quote(kind)
        );
        let help = match known.as_slice() {
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
    match known.as_slice() {
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
        (Section::Exporters, "prometheusremotewrite" | "prometheus_remote_write") => {
            Some("Prometheus takes OTLP: write otlp_http with endpoint: http://prometheus:9090/api/v1/otlp")
        }
        (Section::Exporters, "loki") => {
            Some("Loki takes OTLP: write otlp_http with endpoint: http://loki:3100/otlp")
        }
        (Section::Receivers, "jaeger" | "zipkin" | "opencensus") => {
            Some("let the senders speak OTLP to the receiver otlp, or keep a Collector before burgee")
        }
        (Section::Processors, "queued_retry") => {
            Some("write sending_queue and retry_on_failure under the exporter")
        }
        (Section::Processors, "queuebatch") => Some("write sending_queue with a batch under the exporter"),
        (Section::Extensions, "pprof") => Some("burgee is no Go program; remove it"),
        (Section::Extensions, "memory_ballast" | "ballast") => Some("burgee needs none; remove it"),
        _ => None,
    }
}

const COLLECTOR_RECEIVERS: &[&str] = &[
    "active_directory_ds",
    "aerospike",
    "apache",
    "apache_spark",
    "awscloudwatch",
    "awscontainerinsightreceiver",
    "awsecscontainermetrics",
    "awsfirehose",
    "awss3",
    "awsxray",
    "azure_event_hub",
    "azureblob",
    "azuremonitor",
    "bigip",
    "carbon",
    "chrony",
    "cloudflare",
    "cloudfoundry",
    "collectd",
    "couchdb",
    "datadog",
    "docker_stats",
    "elasticsearch",
    "expvar",
    "faro",
    "file_log",
    "file_stats",
    "flinkmetrics",
    "fluent_forward",
    "github",
    "gitlab",
    "googlecloudmonitoring",
    "googlecloudpubsub",
    "googlecloudspanner",
    "haproxy",
    "host_metrics",
    "httpcheck",
    "iis",
    "influxdb",
    "jaeger",
    "jmx",
    "journald",
    "k8s_cluster",
    "k8s_events",
    "k8slog",
    "k8sobjects",
    "kafka",
    "kubeletstats",
    "libhoney",
    "loki",
    "memcached",
    "mongodb",
    "mongodbatlas",
    "mysql",
    "namedpipe",
    "netflow",
    "nginx",
    "nop",
    "nsxt",
    "ntp",
    "opencensus",
    "oracledb",
    "osquery",
    "otelarrow",
    "otlpjsonfile",
    "podman_stats",
    "postgresql",
    "pprof",
    "prometheus",
    "prometheus_remote_write",
    "prometheus_simple",
    "pulsar",
    "purefa",
    "purefb",
    "rabbitmq",
    "receiver_creator",
    "redis",
    "riak",
    "saphana",
    "sapm",
    "signalfx",
    "simpleprometheus",
    "skywalking",
    "snmp",
    "snowflake",
    "solace",
    "splunk_hec",
    "splunkenterprise",
    "sqlquery",
    "sqlserver",
    "sshcheck",
    "statsd",
    "stef",
    "syslog",
    "systemd",
    "tcpcheck",
    "tcplog",
    "tlscheck",
    "udplog",
    "vcenter",
    "wavefront",
    "webhookevent",
    "windowseventlog",
    "windowsperfcounters",
    "windowsservice",
    "zipkin",
    "zookeeper",
];

const COLLECTOR_PROCESSORS: &[&str] = &[
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
    "log_dedup",
    "logstransform",
    "metric_start_time",
    "metricsgeneration",
    "metricstransform",
    "queuebatch",
    "redaction",
    "remotetap",
    "resource_detection",
    "schema",
    "span",
    "sumologic",
    "tail_sampling",
    "transform",
    "unroll",
];

const COLLECTOR_EXPORTERS: &[&str] = &[
    "alertmanager",
    "awscloudwatchlogs",
    "awsemf",
    "awskinesis",
    "awss3",
    "awsxray",
    "azureblob",
    "azuredataexplorer",
    "azuremonitor",
    "bmchelix",
    "carbon",
    "cassandra",
    "clickhouse",
    "coralogix",
    "datadog",
    "doris",
    "elasticsearch",
    "googlecloud",
    "googlecloudpubsub",
    "googlemanagedprometheus",
    "honeycombmarker",
    "influxdb",
    "kafka",
    "load_balancing",
    "logicmonitor",
    "logzio",
    "loki",
    "mezmo",
    "opencensus",
    "opensearch",
    "otelarrow",
    "prometheus",
    "prometheus_remote_write",
    "pulsar",
    "rabbitmq",
    "sapm",
    "sentry",
    "signalfx",
    "splunk_hec",
    "stef",
    "sumologic",
    "syslog",
    "tencentcloud_logservice",
    "tinybird",
    "zipkin",
];

const COLLECTOR_CONNECTORS: &[&str] = &[
    "count",
    "datadog",
    "exceptions",
    "failover",
    "grafanacloud",
    "metrics_as_logs",
    "nop",
    "otlpjson",
    "roundrobin",
    "routing",
    "servicegraph",
    "signal_to_metrics",
    "slowsql",
    "span_metrics",
    "sum",
];

const COLLECTOR_EXTENSIONS: &[&str] = &[
    "ack",
    "asapclient",
    "avro_log_encoding",
    "awsproxy",
    "azureauth",
    "cfgarden_observer",
    "cgroupruntime",
    "db_storage",
    "docker_observer",
    "ecs_observer",
    "ecs_task_observer",
    "file_storage",
    "googleclientauth",
    "headers_setter",
    "healthcheckv2",
    "host_observer",
    "http_forwarder",
    "jaeger_encoding",
    "jaegerremotesampling",
    "json_log_encoding",
    "k8s_observer",
    "kafkatopics_observer",
    "memory_limiter",
    "oauth2client",
    "oidc",
    "opamp",
    "otlp_encoding",
    "pprof",
    "redis_storage",
    "remotetap",
    "sigv4auth",
    "solarwindsapmsettings",
    "sumologic",
    "text_encoding",
    "zipkin_encoding",
];
