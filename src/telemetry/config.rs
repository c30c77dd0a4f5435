//! The keys of `service.telemetry`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::component::Problem;
use crate::observe::exposition::Naming;
use crate::observe::names::Level;
use crate::values::{self, Headers, ListenEndpoint, Unread};

/// `service.telemetry.logs`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// How much is said; `RUST_LOG` goes before it.
    pub level: LogLevel,
    /// `console`: for people. `json`: one object a line.
    pub encoding: Encoding,
    /// `stderr`, `stdout`, or files, which are appended to.
    pub output_paths: Vec<String>,
    /// What every line of JSON has as well.
    pub initial_fields: BTreeMap<String, String>,
    pub sampling: Option<Unread>,
    pub development: Option<Unread>,
    pub disable_caller: Option<Unread>,
    pub disable_stacktrace: Option<Unread>,
    pub error_output_paths: Option<Unread>,
    pub processors: Option<Unread>,
    pub disable_zap_resource: Option<Unread>,
}

impl Default for Logs {
    fn default() -> Self {
        Logs {
            level: LogLevel::default(),
            encoding: Encoding::default(),
            output_paths: vec!["stderr".to_owned()],
            initial_fields: BTreeMap::new(),
            sampling: None,
            development: None,
            disable_caller: None,
            disable_stacktrace: None,
            error_output_paths: None,
            processors: None,
            disable_zap_resource: None,
        }
    }
}

/// How much burgee's log says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    #[serde(alias = "DEBUG")]
    Debug,
    #[default]
    #[serde(alias = "INFO")]
    Info,
    #[serde(alias = "WARN", alias = "warning")]
    Warn,
    #[serde(alias = "ERROR")]
    Error,
}

impl LogLevel {
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// For people.
    #[default]
    Console,
    /// One object a line.
    Json,
}

/// `service.telemetry.metrics`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// How much is told; `basic` has no evaluations by flag.
    pub level: Level,
    /// What older configurations have instead of a reader.
    pub address: Option<ListenEndpoint>,
    /// None at all is one for Prometheus on `localhost:8888`; an empty list is none.
    pub readers: Option<Vec<Reader>>,
    pub views: Option<Unread>,
}

/// One way for the metrics to go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reader {
    /// Somebody comes for them.
    pub pull: Option<Pull>,
    /// They are sent, again and again.
    pub periodic: Option<Periodic>,
}

/// Somebody comes for them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pull {
    /// What it is.
    pub exporter: PullExporter,
    pub producers: Option<Unread>,
    pub cardinality_limits: Option<Unread>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PullExporter {
    /// A page for Prometheus, `http://host:port/metrics`.
    pub prometheus: Option<PrometheusReader>,
}

/// The keys of the Collector's Prometheus reader.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrometheusReader {
    /// Where to listen.
    pub host: String,
    /// The port.
    pub port: u16,
    /// No `otel_scope_name` and `otel_scope_version`.
    pub without_scope_info: bool,
    /// No `_seconds`, no `_bytes`.
    pub without_units: bool,
    /// No `_total`.
    pub without_type_suffix: bool,
    /// Which attributes of the resource are labels of every series.
    pub with_resource_constant_labels: ConstantLabels,
}

impl Default for PrometheusReader {
    fn default() -> Self {
        PrometheusReader {
            host: HOST.to_owned(),
            port: PORT,
            without_scope_info: false,
            without_units: false,
            without_type_suffix: false,
            with_resource_constant_labels: ConstantLabels::default(),
        }
    }
}

impl PrometheusReader {
    /// Without any reader in the configuration.
    pub fn unasked() -> PrometheusReader {
        PrometheusReader {
            without_scope_info: true,
            without_units: true,
            without_type_suffix: true,
            ..PrometheusReader::default()
        }
    }

    pub fn endpoint(&self) -> ListenEndpoint {
        let host = self.host.trim();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        ListenEndpoint::new(host, self.port)
    }

    pub fn naming(&self) -> Naming {
        let PrometheusReader { without_scope_info, without_units, without_type_suffix, .. } = *self;
        Naming { without_scope_info, without_units, without_type_suffix }
    }
}

/// Which attributes of the resource are labels of every series. `*` stands for any letters.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConstantLabels {
    /// Their names; `*` and `?` stand for letters.
    pub included: Vec<String>,
    /// Of those, which are not.
    pub excluded: Vec<String>,
}

impl ConstantLabels {
    /// Without a word about what is included, nothing is.
    pub fn has(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        any(&self.included) && !any(&self.excluded)
    }
}

/// They are sent somewhere, again and again.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Periodic {
    /// How often, 100ms at least.
    pub interval: Millis,
    /// Of one try.
    pub timeout: Millis,
    /// Where they go.
    pub exporter: PeriodicExporter,
    pub producers: Option<Unread>,
    pub cardinality_limits: Option<Unread>,
}

impl Default for Periodic {
    fn default() -> Self {
        Periodic {
            interval: Millis(Duration::from_secs(60)),
            timeout: Millis(Duration::from_secs(30)),
            exporter: PeriodicExporter::default(),
            producers: None,
            cardinality_limits: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PeriodicExporter {
    /// Over OTLP.
    pub otlp: Option<OtlpExporter>,
    pub console: Option<Unread>,
}

/// The keys of the Collector's OTLP exporter for its own metrics.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpExporter {
    /// How.
    pub protocol: Protocol,
    /// Where to; without a path, `/v1/metrics` is added for `http/protobuf`.
    pub endpoint: String,
    /// On every request. Values are never printed.
    pub headers: Headers,
    /// Of bodies.
    pub compression: Compression,
    /// Plaintext, where the endpoint has no scheme.
    pub insecure: bool,
    /// The authority that the downstream's certificate is checked against, a PEM file.
    pub certificate: Option<String>,
    /// What is shown to a downstream that asks, a PEM file.
    pub client_certificate: Option<String>,
    /// Its private key, a PEM file.
    pub client_key: Option<String>,
    /// Of one try, before the reader's.
    pub timeout: Option<Millis>,
    pub headers_list: Option<Unread>,
    pub temporality_preference: Option<Unread>,
    pub default_histogram_aggregation: Option<Unread>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Protocol {
    #[serde(rename = "grpc")]
    Grpc,
    #[default]
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    #[default]
    None,
    Gzip,
}

/// A time as OpenTelemetry's own configuration has it: milliseconds without a unit; with one, any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Millis(pub Duration);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        values::Duration::from(self.0).serialize(out)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Millis;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("milliseconds, or a duration such as 10s")
            }

            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Millis, E> {
                Ok(Millis(Duration::from_millis(millis)))
            }

            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Millis, E> {
                let millis = u64::try_from(millis).map_err(|_| E::custom("a time cannot be negative"))?;
                self.visit_u64(millis)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Millis, E> {
                text.parse::<values::Duration>().map(|time| Millis(time.get())).map_err(E::custom)
            }
        }
        input.deserialize_any(Visitor)
    }
}

impl JsonSchema for Millis {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Millis".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["integer", "string"], "description": "Milliseconds, or a duration such as 10s."})
    }
}

impl Logs {
    /// Keys that are set and have no effect.
    pub fn warnings(&self) -> Vec<Problem> {
        let unused = [
            ("sampling", self.sampling),
            ("development", self.development),
            ("disable_caller", self.disable_caller),
            ("disable_stacktrace", self.disable_stacktrace),
            ("error_output_paths", self.error_output_paths),
            ("processors", self.processors),
            ("disable_zap_resource", self.disable_zap_resource),
        ];
        unused.into_iter().filter(|(_, set)| set.is_some()).map(|(key, _)| Problem::unused(&[key])).collect()
    }

    /// What cannot be.
    pub fn errors(&self) -> Vec<Problem> {
        let mut errors = Vec::new();
        if self.output_paths.iter().any(|path| path.trim().is_empty()) {
            let problem = Problem::new(&["output_paths"], "has an empty path");
            errors.push(problem.with_help("write stderr, stdout or a file's path"));
        }
        if self.initial_fields.len() > FIELDS_MAX {
            errors.push(Problem::new(&["initial_fields"], format!("can have {FIELDS_MAX} fields at most")));
        }
        errors
    }
}

/// Whether a name is of a pattern in which `*` stands for any letters and `?` for one.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // by how much of the name is matched so far
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for letter in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match letter {
                '*' => reached[at] || at > 0 && next[at - 1],
                letter => at > 0 && reached[at - 1] && (letter == '?' || letter == name[at - 1]),
            };
        }
        reached = next;
    }
    reached[name.len()]
}

const HOST: &str = "localhost";
/// Where every dashboard and every scrape configuration looks for a Collector's metrics.
const PORT: u16 = 8888;
const FIELDS_MAX: usize = 64;
