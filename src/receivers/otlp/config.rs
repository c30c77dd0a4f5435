//! The receiver's keys, as the OpenTelemetry Collector has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::component::AuthKeys;
use crate::net;
use crate::net::tls::{ServerTls, ServerTlsKeys, TlsProblem};
use crate::otlp::Signal;
use crate::otlp::compression::Encoding;
use crate::values::{Block, Duration, Extra, Headers, ListenEndpoint, Unread};

/// A key whose value does not matter: only whether it is there.
type Unused = Option<Unread>;

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
    /// Where to listen.
    pub endpoint: ListenEndpoint,
    /// The largest message in MiB, also after decompression; 0 or left out: 64 (OTLP 1.11). Holds for everything
    /// that comes in on this port.
    pub max_recv_msg_size_mib: u64,
    /// Requests at once on one connection; 0 or left out: 200.
    pub max_concurrent_streams: u32,
    /// Who may send, over either protocol: anybody, unless it is given.
    pub auth: Extra<AuthKeys>,
    /// The port begins every connection with TLS, over either protocol; off unless it is given.
    pub tls: Extra<ServerTlsKeys>,
    /// What `tls` became, once [`Config::load_tls`] was called.
    #[serde(skip)]
    secured: Option<ServerTls>,
    /// `tcp`, the only one there is.
    pub transport: Transport,
    // Keys of the Collector that are errors: without what they ask for, the port would be open to more than it should.
    /// Not in burgee: an error.
    middlewares: Unused,
    pub keepalive: Extra<Keepalive>,
    // Keys of the Collector that change nothing here; they are accepted and named in a warning.
    read_buffer_size: Unused,
    write_buffer_size: Unused,
    include_metadata: Unused,
    dialer: Unused,
}

/// `protocols.grpc.keepalive`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keepalive {
    pub server_parameters: Extra<ServerParameters>,
    enforcement_policy: Unused,
}

/// `protocols.grpc.keepalive.server_parameters`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerParameters {
    /// How long a connection may be quiet before it is ended; 0 or left out: 2 minutes.
    pub max_connection_idle: Duration,
    max_connection_age: Unused,
    max_connection_age_grace: Unused,
    time: Unused,
    timeout: Unused,
}

/// `protocols.http`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where to listen.
    pub endpoint: ListenEndpoint,
    /// Off unless there are `allowed_origins`.
    pub cors: Extra<Cors>,
    /// The largest body in bytes, also after decompression; 0 or left out: 64 MiB (OTLP 1.11). Holds for everything
    /// that comes in on this port.
    pub max_request_body_size: u64,
    /// On every port; `/v1/traces` if left out. A leading `/` is added where it is missing.
    pub traces_url_path: UrlPath,
    /// Likewise; `/v1/metrics` if left out.
    pub metrics_url_path: UrlPath,
    /// Likewise; `/v1/logs` if left out.
    pub logs_url_path: UrlPath,
    /// Who may send, over either protocol: anybody, unless it is given.
    pub auth: Extra<AuthKeys>,
    /// The port begins every connection with TLS, over either protocol; off unless it is given.
    pub tls: Extra<ServerTlsKeys>,
    /// What `tls` became, once [`Config::load_tls`] was called.
    #[serde(skip)]
    secured: Option<ServerTls>,
    /// `tcp`, the only one there is.
    pub transport: Transport,
    /// From the first byte of a request to the end of its head; 0 or left out: 10 seconds.
    pub read_header_timeout: Duration,
    /// How long a connection may be quiet between requests; 0 or left out: 2 minutes.
    pub idle_timeout: Duration,
    /// `false`: a connection ends with its first answer.
    pub keep_alives_enabled: bool,
    /// The content codings that are taken, beside none, which always is. Left out: all that burgee knows.
    pub compression_algorithms: Option<Vec<String>>,
    /// On every answer of OTLP/HTTP.
    pub response_headers: Headers,
    // As for `grpc`: errors, then warnings.
    /// Not in burgee: an error.
    middlewares: Unused,
    include_metadata: Unused,
    read_timeout: Unused,
    write_timeout: Unused,
    dialer: Unused,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Tcp,
}

/// The path of a signal; empty means the default. A leading `/` is added where it is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
            tls: Extra::OFF,
            secured: None,
            auth: Extra::OFF,
            middlewares: None,
            keepalive: Extra::OFF,
            read_buffer_size: None,
            write_buffer_size: None,
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
            tls: Extra::OFF,
            secured: None,
            auth: Extra::OFF,
            middlewares: None,
            include_metadata: None,
            read_header_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
            keep_alives_enabled: true,
            compression_algorithms: None,
            response_headers: Headers::default(),
            read_timeout: None,
            write_timeout: None,
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
        for (key, what) in self.protocols.http.as_ref().map(Http::errors).unwrap_or_default() {
            errors.push((vec!["protocols", "http", key], what));
        }
        let grpc = self.protocols.grpc.as_ref().map(|grpc| [&grpc.middlewares]);
        let http = self.protocols.http.as_ref().map(|http| [&http.middlewares]);
        for (protocol, given) in [("grpc", grpc), ("http", http)] {
            let missing = MISSING.into_iter().zip(given.into_iter().flatten());
            for ((key, sentence), _) in missing.filter(|(_, value)| value.is_some()) {
                errors.push((vec!["protocols", protocol, key], sentence.into()));
            }
        }
        if self.shares_a_port() && self.auth("grpc") != self.auth("http") {
            let what = "differs from that of grpc, which has the same endpoint: a port has one";
            errors.push((vec!["protocols", "http", "auth"], what.into()));
        }
        errors
    }

    /// Whether both protocols have one endpoint.
    pub(super) fn shares_a_port(&self) -> bool {
        match (self.protocols.grpc.as_ref(), self.protocols.http.as_ref()) {
            (Some(grpc), Some(http)) => grpc.endpoint == http.endpoint && grpc.endpoint.port() != 0,
            _ => false,
        }
    }

    /// The key `auth` of each protocol that has one.
    pub fn auths(&self) -> impl Iterator<Item = (&'static str, &AuthKeys)> {
        ["grpc", "http"].into_iter().filter_map(|protocol| Some((protocol, self.auth(protocol)?)))
    }

    fn auth(&self, protocol: &str) -> Option<&AuthKeys> {
        match protocol {
            "grpc" => self.protocols.grpc.as_ref()?.auth.as_ref(),
            _ => self.protocols.http.as_ref()?.auth.as_ref(),
        }
    }

    /// Reads what `tls` names, and says what is wrong with it, then what is only odd.
    pub fn load_tls(&mut self) -> (Vec<Complaint>, Vec<Complaint>) {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let mut load = |protocol, keys: &Extra<ServerTlsKeys>| {
            let said = |problem: TlsProblem| {
                let message = match problem.help {
                    Some(help) => format!("{}; {help}", problem.message),
                    None => problem.message.into_owned(),
                };
                (vec!["protocols", protocol, "tls", problem.key], message)
            };
            match ServerTls::build(keys.as_ref()?) {
                Ok((tls, odd)) => {
                    warnings.extend(odd.into_iter().map(said));
                    Some(tls)
                }
                Err(problems) => {
                    errors.extend(problems.into_iter().map(said));
                    None
                }
            }
        };
        let (mut grpc, mut http) = (self.protocols.grpc.as_option_mut(), self.protocols.http.as_option_mut());
        if let Some(grpc) = &mut grpc {
            grpc.secured = load("grpc", &grpc.tls);
        }
        if let Some(http) = &mut http {
            http.secured = load("http", &http.tls);
        }
        if let (Some(grpc), Some(http)) = (grpc, http)
            && grpc.endpoint == http.endpoint
            && grpc.endpoint.port() != 0
            && grpc.tls != http.tls
        {
            let what = "differs from that of grpc, which has the same endpoint: a port has one";
            errors.push((vec!["protocols", "http", "tls"], what.into()));
        }
        (errors, warnings)
    }

    /// Keys that are accepted and do nothing, or not all that they say.
    pub fn warnings(&self) -> Vec<Complaint> {
        let mut warnings = Vec::new();
        if let Some(grpc) = self.protocols.grpc.as_ref() {
            grpc.warnings(|path: &[&'static str], what: &str| {
                warnings.push(([&["protocols", "grpc"], path].concat(), what.to_owned()));
            });
        }
        if let Some(http) = self.protocols.http.as_ref() {
            http.warnings(|path: &[&'static str], what: &str| {
                warnings.push(([&["protocols", "http"], path].concat(), what.to_owned()));
            });
        }
        warnings
    }
}

impl Grpc {
    fn warnings(&self, mut warn: impl FnMut(&[&'static str], &str)) {
        let keepalive = self.keepalive.as_ref();
        let parameters = keepalive.and_then(|keepalive| keepalive.server_parameters.as_ref());
        let parameter = |of: fn(&ServerParameters) -> &Unused| {
            parameters.is_some_and(|parameters| of(parameters).is_some())
        };
        let keys: [(&[&'static str], bool, &str); 9] = [
            (&["read_buffer_size"], self.read_buffer_size.is_some(), BUFFERS),
            (&["write_buffer_size"], self.write_buffer_size.is_some(), BUFFERS),
            (&["include_metadata"], self.include_metadata.is_some(), METADATA),
            (&["dialer"], self.dialer.is_some(), DIALER),
            (
                &["keepalive", "enforcement_policy"],
                keepalive.is_some_and(|keepalive| keepalive.enforcement_policy.is_some()),
                "has no effect: pings are answered at any rate, and a flood of them ends the connection",
            ),
            (&[KEEPALIVE[0], KEEPALIVE[1], "max_connection_age"], parameter(|p| &p.max_connection_age), AGE),
            (
                &[KEEPALIVE[0], KEEPALIVE[1], "max_connection_age_grace"],
                parameter(|p| &p.max_connection_age_grace),
                AGE,
            ),
            (&[KEEPALIVE[0], KEEPALIVE[1], "time"], parameter(|p| &p.time), PINGS),
            (&[KEEPALIVE[0], KEEPALIVE[1], "timeout"], parameter(|p| &p.timeout), PINGS),
        ];
        for (path, _, what) in keys.into_iter().filter(|(_, given, _)| *given) {
            warn(path, what);
        }
    }
}

impl Http {
    fn warnings(&self, mut warn: impl FnMut(&[&'static str], &str)) {
        let keys = [
            ("include_metadata", self.include_metadata.is_some(), METADATA),
            ("read_timeout", self.read_timeout.is_some(), READ_TIMEOUT),
            ("write_timeout", self.write_timeout.is_some(), WRITE_TIMEOUT),
            ("dialer", self.dialer.is_some(), DIALER),
        ];
        for (key, _, what) in keys.into_iter().filter(|(_, given, _)| *given) {
            warn(&[key], what);
        }
        for name in self.compression_algorithms.iter().flatten() {
            if BEYOND.contains(&name.as_str()) {
                let what = format!("{name} is not in this version: such requests are answered 415");
                warn(&["compression_algorithms"], &what);
            }
        }
        if let Some(cors) = self.cors.as_ref()
            && cors.allowed_origins.is_empty()
            && !cors.allowed_headers.is_empty()
        {
            warn(&["cors", "allowed_headers"], "has no effect without allowed_origins: CORS stays off");
        }
    }

    fn errors(&self) -> Vec<(&'static str, String)> {
        let known = |name: &&String| {
            Encoding::from_header(name.as_bytes()).is_some() || BEYOND.contains(&name.as_str())
        };
        let unknown = self.compression_algorithms.iter().flatten().filter(|name| !known(name));
        unknown
            .map(|name| {
                let what = format!(
                    "{name:?} is no content coding that is known; there are gzip, zstd, zlib and deflate"
                );
                ("compression_algorithms", what)
            })
            .collect()
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
        let mut limits = net::Limits { tls: self.secured.clone(), ..net::Limits::default() };
        if self.max_concurrent_streams > 0 {
            limits.h2_streams_max = self.max_concurrent_streams;
        }
        let keepalive = self.keepalive.as_ref();
        if let Some(parameters) = keepalive.and_then(|keepalive| keepalive.server_parameters.as_ref()) {
            limits.idle = or(parameters.max_connection_idle, limits.idle);
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

    pub(super) fn transport_limits(&self) -> net::Limits {
        let mut limits = net::Limits { tls: self.secured.clone(), ..net::Limits::default() };
        limits.head = or(self.read_header_timeout, limits.head);
        limits.idle = or(self.idle_timeout, limits.idle);
        limits
    }

    /// What may be written in `content-encoding`.
    pub(super) fn encodings(&self) -> Vec<Encoding> {
        let allowed = |encoding: &Encoding| match &self.compression_algorithms {
            None => true,
            Some(names) => {
                let mut named = names.iter().map(|name| Encoding::from_header(name.as_bytes()));
                *encoding == Encoding::Identity || named.any(|named| named == Some(*encoding))
            }
        };
        Encoding::ALL.into_iter().filter(allowed).collect()
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

/// 0 stands for the default: no deadline at all, as the Collector reads it, would let a few clients hold every connection.
fn or(configured: Duration, default: std::time::Duration) -> std::time::Duration {
    if configured == Duration::ZERO { default } else { configured.get() }
}

const KEEPALIVE: [&str; 2] = ["keepalive", "server_parameters"];
/// Codings of the Collector that burgee does not read.
const BEYOND: [&str; 3] = ["snappy", "x-snappy-framed", "lz4"];
// What warnings say: not only that a key does nothing, but what happens instead.
const BUFFERS: &str = "has no effect: buffers follow from the memory that connections share";
const METADATA: &str = "has no effect: no component of burgee reads the headers of requests";
const DIALER: &str = "has no effect on a port that is listened on; remove the key";
const AGE: &str = "has no effect: a connection lives as long as it is used";
const PINGS: &str =
    "has no effect: burgee sends no pings, and ends connections that are quiet for max_connection_idle";
const READ_TIMEOUT: &str = "has no effect: a request may take as long as it brings 10 KiB in any 10 seconds";
const WRITE_TIMEOUT: &str = "has no effect: an answer that nobody reads ends with idle_timeout";

/// OTLP 1.11 recommends 64 MiB for requests, compressed or not.
const DEFAULT_LIMIT: u64 = 64 << 20;

/// Keys of a port that this version lacks, and that nobody should think are in effect.
const MISSING: [(&str, &str); 1] = [("middlewares", "is not in this version; remove the key")];
