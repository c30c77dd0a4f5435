//! The receiver's keys, as the OpenTelemetry Collector has them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::net;
use crate::otlp::Signal;
use crate::values::{Block, Extra, ListenEndpoint, Unread};

/// `receivers.otlp`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub protocols: Protocols,
}

/// `protocols`: at least one. Each opens a port, and each port takes both protocols.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Protocols {
    pub grpc: Block<Grpc>,
    pub http: Block<Http>,
}

/// `protocols.grpc`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Grpc {
    /// Default `localhost:4317`.
    pub endpoint: ListenEndpoint,
    /// The largest message in MiB, also after decompression; 0 or left out: 64 (OTLP 1.11). Holds for everything
    /// that comes in on this port.
    pub max_recv_msg_size_mib: u64,
    /// Requests at once on one connection; 0 or left out: 200.
    pub max_concurrent_streams: u32,
    /// `tcp`, the only one there is.
    pub transport: Transport,
    // Keys of the Collector that are errors: without what they ask for, the port would be open to more than it should.
    tls: Option<Unread>,
    auth: Option<Unread>,
    middlewares: Option<Unread>,
    // Keys of the Collector that change nothing here; they are accepted and named in a warning.
    read_buffer_size: Option<Unread>,
    write_buffer_size: Option<Unread>,
    keepalive: Option<Unread>,
    include_metadata: Option<Unread>,
    dialer: Option<Unread>,
}

/// `protocols.http`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Default `localhost:4318`.
    pub endpoint: ListenEndpoint,
    /// Off unless there are `allowed_origins`.
    pub cors: Extra<Cors>,
    /// The largest body in bytes, also after decompression; 0 or left out: 64 MiB (OTLP 1.11). Holds for everything
    /// that comes in on this port.
    pub max_request_body_size: u64,
    pub traces_url_path: UrlPath,
    pub metrics_url_path: UrlPath,
    pub logs_url_path: UrlPath,
    pub transport: Transport,
    // As for `grpc`: errors, then warnings.
    tls: Option<Unread>,
    auth: Option<Unread>,
    middlewares: Option<Unread>,
    include_metadata: Option<Unread>,
    read_timeout: Option<Unread>,
    read_header_timeout: Option<Unread>,
    write_timeout: Option<Unread>,
    idle_timeout: Option<Unread>,
    keep_alives_enabled: Option<Unread>,
    compression_algorithms: Option<Unread>,
    response_headers: Option<Unread>,
    dialer: Option<Unread>,
}

/// `protocols.http.cors`: which web pages may send from a browser.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Exact origins, origins with one `*` in them, or `*` for every page (then without credentials).
    pub allowed_origins: Vec<String>,
    /// Beside `accept`, `content-type` and `x-requested-with`, which are always allowed; `*` allows every header.
    pub allowed_headers: Vec<String>,
    /// Response headers that a page may read, beside `retry-after`.
    pub exposed_headers: Vec<String>,
    /// Seconds for which a browser may remember the answer; 0 leaves it to the browser.
    pub max_age: u64,
}

/// The transports of a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Tcp,
}

/// The path of a signal; empty means the default. A leading `/` is added where it is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "String")]
pub struct UrlPath(String);

impl From<String> for UrlPath {
    fn from(path: String) -> Self {
        if path.is_empty() || path.starts_with('/') { UrlPath(path) } else { UrlPath(format!("/{path}")) }
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Grpc {
            endpoint: ListenEndpoint::new("localhost", 4317),
            max_recv_msg_size_mib: 0,
            max_concurrent_streams: 0,
            transport: Transport::Tcp,
            tls: None,
            auth: None,
            middlewares: None,
            read_buffer_size: None,
            write_buffer_size: None,
            keepalive: None,
            include_metadata: None,
            dialer: None,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Http {
            endpoint: ListenEndpoint::new("localhost", 4318),
            cors: Extra::OFF,
            max_request_body_size: 0,
            traces_url_path: UrlPath::default(),
            metrics_url_path: UrlPath::default(),
            logs_url_path: UrlPath::default(),
            transport: Transport::Tcp,
            tls: None,
            auth: None,
            middlewares: None,
            include_metadata: None,
            read_timeout: None,
            read_header_timeout: None,
            write_timeout: None,
            idle_timeout: None,
            keep_alives_enabled: None,
            compression_algorithms: None,
            response_headers: None,
            dialer: None,
        }
    }
}

/// What is wrong with a value that by its type is right: the key below the component, and a sentence.
pub type Complaint = (Vec<&'static str>, String);

impl Config {
    /// What cannot be right, whatever the types say.
    pub fn errors(&self) -> Vec<Complaint> {
        let mut errors = Vec::new();
        if self.protocols.grpc.is_none() && self.protocols.http.is_none() {
            let what = "needs at least one protocol: write \"grpc:\" or \"http:\" (each port takes both)";
            errors.push((vec!["protocols"], what.into()));
        }
        let cors = self.protocols.http.as_ref().and_then(|http| http.cors.as_ref());
        for error in cors.into_iter().flat_map(Cors::errors) {
            errors.push((vec!["protocols", "http", "cors", error.0], error.1));
        }
        let grpc = self.protocols.grpc.as_ref().map(|grpc| [&grpc.tls, &grpc.auth, &grpc.middlewares]);
        let http = self.protocols.http.as_ref().map(|http| [&http.tls, &http.auth, &http.middlewares]);
        for (protocol, given) in [("grpc", grpc), ("http", http)] {
            let missing = MISSING.into_iter().zip(given.into_iter().flatten());
            for ((key, sentence), _) in missing.filter(|(_, value)| value.is_some()) {
                errors.push((vec!["protocols", protocol, key], sentence.into()));
            }
        }
        errors
    }

    /// Keys that are accepted and do nothing.
    pub fn warnings(&self) -> Vec<Complaint> {
        let mut warnings = Vec::new();
        let mut ignored = |protocol: &'static str, keys: &[(&'static str, bool)]| {
            for &(key, _) in keys.iter().filter(|(_, given)| *given) {
                warnings.push((
                    vec!["protocols", protocol, key],
                    "has no effect in this version of burgee".into(),
                ));
            }
        };
        if let Some(grpc) = self.protocols.grpc.as_ref() {
            ignored(
                "grpc",
                &[
                    ("read_buffer_size", grpc.read_buffer_size.is_some()),
                    ("write_buffer_size", grpc.write_buffer_size.is_some()),
                    ("keepalive", grpc.keepalive.is_some()),
                    ("include_metadata", grpc.include_metadata.is_some()),
                    ("dialer", grpc.dialer.is_some()),
                ],
            );
        }
        if let Some(http) = self.protocols.http.as_ref() {
            ignored(
                "http",
                &[
                    ("include_metadata", http.include_metadata.is_some()),
                    ("read_timeout", http.read_timeout.is_some()),
                    ("read_header_timeout", http.read_header_timeout.is_some()),
                    ("write_timeout", http.write_timeout.is_some()),
                    ("idle_timeout", http.idle_timeout.is_some()),
                    ("keep_alives_enabled", http.keep_alives_enabled.is_some()),
                    ("compression_algorithms", http.compression_algorithms.is_some()),
                    ("response_headers", http.response_headers.is_some()),
                    ("dialer", http.dialer.is_some()),
                ],
            );
            if let Some(cors) = http.cors.as_ref()
                && cors.allowed_origins.is_empty()
                && !cors.allowed_headers.is_empty()
            {
                let what = "has no effect without allowed_origins: CORS stays off";
                warnings.push((vec!["protocols", "http", "cors", "allowed_headers"], what.into()));
            }
        }
        warnings
    }
}

impl Grpc {
    /// Bytes.
    pub(super) fn limit(&self) -> u64 {
        match self.max_recv_msg_size_mib {
            0 => DEFAULT_LIMIT,
            mib => mib.saturating_mul(1 << 20),
        }
    }

    pub(super) fn transport_limits(&self) -> net::Limits {
        let mut limits = net::Limits::default();
        if self.max_concurrent_streams > 0 {
            limits.h2_streams_max = self.max_concurrent_streams;
        }
        limits
    }
}

impl Http {
    /// Bytes.
    pub(super) fn limit(&self) -> u64 {
        match self.max_request_body_size {
            0 => DEFAULT_LIMIT,
            bytes => bytes,
        }
    }

    /// The signal whose path this is.
    pub(super) fn signal(&self, path: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|&signal| self.path(signal) == path)
    }

    pub(super) fn path(&self, signal: Signal) -> &str {
        let configured = match signal {
            Signal::Traces => &self.traces_url_path.0,
            Signal::Metrics => &self.metrics_url_path.0,
            Signal::Logs => &self.logs_url_path.0,
        };
        if configured.is_empty() { signal.http_path() } else { configured }
    }
}

/// OTLP 1.11 recommends 64 MiB for requests, compressed or not.
const DEFAULT_LIMIT: u64 = 64 << 20;

/// Keys of a port that this version lacks, and that nobody should think are in effect.
const MISSING: [(&str, &str); 3] = [
    (
        "tls",
        "is not in this version: the port takes plain text; put a proxy that ends TLS before it, and remove the key",
    ),
    ("auth", "is not in this version: whoever reaches the port may send; if that is right, remove the key"),
    ("middlewares", "is not in this version; remove the key"),
];
