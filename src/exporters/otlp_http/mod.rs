#![doc = include_str!("README.md")]

mod answer;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use schemars::JsonSchema;
use serde::Deserialize;

use super::packing::Packer;
use super::{
    BodyFormat, Built, Compression, CompressionParams, Notes, Problem, QueueKeys, RetryKeys, TlsKeys, Unused,
    auth, downstream, endpoint, tls,
};
use crate::component::{AuthKeys, Authenticators, Batch, ClientAuth, Exporter, Outcome};
use crate::net::{Body, Client, ClientConfig, Protocol, Proxies};
use crate::otlp::Signal;
use crate::values::{self, ByteSize, Headers, Secret};

/// The keys of `otlp_http`, alias `otlphttp`. Defaults: those of the OpenTelemetry Collector 0.159.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// To which `/v1/traces` and the like are added. Required, unless each signal has its own; with `http://` or `https://`.
    pub endpoint: String,
    /// Instead of `endpoint`, for traces; used as it is.
    pub traces_endpoint: String,
    /// Likewise for metrics.
    pub metrics_endpoint: String,
    /// Likewise for logs.
    pub logs_endpoint: String,
    pub profiles_endpoint: Unused,
    /// Of bodies.
    pub encoding: BodyFormat,
    /// `gzip`, `zstd`, `zlib`, `deflate` or `none`.
    pub compression: Compression,
    /// How hard it tries.
    pub compression_params: CompressionParams,
    /// burgee's own: no uncompressed request is larger. Left out: split below 4 MiB, a single item may have 64 MiB.
    pub max_request_size: Option<ByteSize>,
    /// On every request. Values are never printed. `Host` overrides the name the downstream sees.
    pub headers: Headers,
    /// Of one try. 0 is no limit.
    pub timeout: values::Duration,
    /// How to trust the downstream, and what to show it.
    pub tls: Option<TlsKeys>,
    /// How long an unused connection is kept.
    pub idle_conn_timeout: values::Duration,
    /// When and how often a request is sent again.
    pub retry_on_failure: RetryKeys,
    /// What waits for the downstream.
    pub sending_queue: QueueKeys,
    /// Instead of what the environment says; it may hold a user and a password.
    pub proxy_url: Secret,
    /// Unused connections that are kept. 0 is no limit of its own.
    pub max_idle_conns: usize,
    /// The same: one exporter has one downstream. 0 is no limit of its own.
    pub max_idle_conns_per_host: usize,
    /// Connections at once. 0 is no limit.
    pub max_conns_per_host: usize,
    /// `true`: a connection is used once.
    pub disable_keep_alives: bool,
    /// Proves to the downstream who sends; goes before `headers`.
    pub auth: Option<AuthKeys>,
    /// Not in burgee: an error.
    pub middlewares: Vec<values::Unread>,
    pub read_buffer_size: Unused,
    pub write_buffer_size: Unused,
    pub force_attempt_http2: Unused,
    pub http2_read_idle_timeout: Unused,
    pub http2_ping_timeout: Unused,
    pub cookies: Unused,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            profiles_endpoint: None,
            encoding: BodyFormat::Proto,
            compression: Compression::Gzip,
            compression_params: CompressionParams::default(),
            max_request_size: None,
            headers: Headers::default(),
            timeout: values::Duration::from_secs(30),
            tls: None,
            idle_conn_timeout: values::Duration::from_secs(90),
            retry_on_failure: RetryKeys::default(),
            sending_queue: QueueKeys::default(),
            proxy_url: Secret::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            disable_keep_alives: false,
            auth: None,
            middlewares: Vec::new(),
            read_buffer_size: None,
            write_buffer_size: None,
            force_attempt_http2: None,
            http2_read_idle_timeout: None,
            http2_ping_timeout: None,
            cookies: None,
        }
    }
}

/// Connects when there is something to send, not now.
///
/// # Errors
/// Every key that is wrong.
pub fn build(config: &Config, authenticators: &Authenticators) -> Result<Built, Vec<Problem>> {
    let mut notes = Notes::default();
    let mut queue = config.sending_queue.build(&mut notes);
    queue.request = downstream::request_limit(config.max_request_size, &mut notes);
    let retry = config.retry_on_failure.build(&mut notes);
    config.note_unused(&mut notes);
    let packer =
        config.compression.build(&config.compression_params, config.encoding, &COMPRESSIONS, &mut notes);
    let headers = config.request_headers(packer, &mut notes);
    let proxies = config.proxies(&mut notes);
    let uris = config.uris(&mut notes);
    let unserved = config.unserved(&mut notes);
    let is_secure = uris.iter().flatten().any(endpoint::is_secure);
    let tls = tls::client(config.tls.as_ref(), is_secure, &mut notes);
    let auth = auth::client(config.auth.as_ref(), authenticators, uris.iter().flatten(), &mut notes);
    let warnings = notes.settle()?;
    let packer = packer.expect("without one there is a problem");
    let client = Client::new(&ClientConfig { tls, proxies, ..config.connections() });
    let exporter =
        OtlpHttp { client, uris, headers, auth, packer, timeout: downstream::timeout(config.timeout.get()) };
    Ok(Built { exporter: Arc::new(exporter), queue, retry, warnings, unserved })
}

impl Config {
    fn note_unused(&self, notes: &mut Notes) {
        if !self.middlewares.is_empty() {
            let problem = Problem::new(&["middlewares"], "is not in this version");
            notes.problems.push(problem.with_help("remove the key"));
        }
        let unused = [
            ("profiles_endpoint", self.profiles_endpoint),
            ("read_buffer_size", self.read_buffer_size),
            ("write_buffer_size", self.write_buffer_size),
            ("cookies", self.cookies),
        ];
        let unused = unused.into_iter().filter(|(_, value)| value.is_some());
        notes.warnings.extend(unused.map(|(key, _)| Problem::unused(&[key])));
        let of_http2 = [
            ("force_attempt_http2", self.force_attempt_http2),
            ("http2_read_idle_timeout", self.http2_read_idle_timeout),
            ("http2_ping_timeout", self.http2_ping_timeout),
        ];
        for (key, _) in of_http2.into_iter().filter(|(_, value)| value.is_some()) {
            let message =
                "has no effect: burgee sends OTLP/HTTP over HTTP/1.1, which every such server takes";
            notes.warnings.push(Problem::new(&[key], message));
        }
    }

    /// How connections are made and kept, but for the proxies.
    fn connections(&self) -> ClientConfig {
        let idle = [self.max_idle_conns, self.max_idle_conns_per_host].into_iter().filter(|max| *max > 0);
        let default = ClientConfig::default();
        ClientConfig {
            protocol: Protocol::Http1,
            idle_timeout: downstream::timeout(self.idle_conn_timeout.get()),
            idle_connections_max: idle.fold(default.idle_connections_max, usize::min),
            connections_max: (self.max_conns_per_host > 0).then_some(self.max_conns_per_host),
            ..default
        }
    }

    /// What `proxy_url` says, or else the environment.
    fn proxies(&self, notes: &mut Notes) -> Proxies {
        if self.proxy_url.is_empty() {
            return downstream::environment_proxies(notes);
        }
        let proxies = Proxies::one(self.proxy_url.reveal());
        let problem = |error: crate::net::InvalidProxy| Problem::new(&["proxy_url"], error.to_string());
        notes.take(proxies.map_err(problem)).unwrap_or_default()
    }

    fn request_headers(&self, packer: Option<Packer>, notes: &mut Notes) -> HeaderMap {
        let mut headers = downstream::headers(&self.headers, &RESERVED, notes);
        let content_type = match self.encoding {
            BodyFormat::Proto => "application/x-protobuf",
            BodyFormat::Json => "application/json",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd, deflate"));
        if let Some(encoding) = packer.and_then(downstream::encoding_header) {
            headers.insert(header::CONTENT_ENCODING, encoding);
        }
        if self.disable_keep_alives {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        headers
    }

    /// Where each signal goes; `None` where nothing says so.
    fn uris(&self, notes: &mut Notes) -> [Option<Uri>; Signal::ALL.len()] {
        let has_base = !self.endpoint.trim().is_empty();
        let base = if has_base { notes.take(endpoint::base(&self.endpoint)) } else { None };
        let odd_port =
            base.as_ref().and_then(|base| endpoint::port_warning("endpoint", base, Protocol::Http1));
        notes.warnings.extend(odd_port);
        Signal::ALL.map(|signal| {
            let (key, own) = self.own_endpoint(signal);
            if !own.trim().is_empty() {
                let uri = notes.take(endpoint::http(key, own));
                notes
                    .warnings
                    .extend(uri.as_ref().and_then(|uri| endpoint::port_warning(key, uri, Protocol::Http1)));
                return uri;
            }
            base.as_ref().map(|base| endpoint::join(base, signal.http_path()))
        })
    }

    /// The signals without a URL; if there is none with one, that is the user's mistake whatever the pipelines.
    fn unserved(&self, notes: &mut Notes) -> Vec<(Signal, Problem)> {
        let is_given = |url: &str| !url.trim().is_empty();
        if is_given(&self.endpoint) {
            return Vec::new();
        }
        let without = Signal::ALL.into_iter().filter(|&signal| !is_given(self.own_endpoint(signal).1));
        let unserved: Vec<_> = without.map(|signal| (signal, self.no_url(signal))).collect();
        if unserved.len() == Signal::ALL.len() {
            let problem = Problem::new(&["endpoint"], "is missing: an exporter has to know where to send");
            notes.problems.push(problem.with_help(ENDPOINT_HELP));
        }
        unserved
    }

    fn no_url(&self, signal: Signal) -> Problem {
        let key = self.own_endpoint(signal).0;
        let message = format!("is missing, and so is {key}: there is nowhere to send {signal}");
        Problem::new(&["endpoint"], message).with_help(ENDPOINT_HELP)
    }

    fn own_endpoint(&self, signal: Signal) -> (&'static str, &str) {
        match signal {
            Signal::Traces => ("traces_endpoint", &self.traces_endpoint),
            Signal::Metrics => ("metrics_endpoint", &self.metrics_endpoint),
            Signal::Logs => ("logs_endpoint", &self.logs_endpoint),
        }
    }
}

struct OtlpHttp {
    client: Client,
    /// By signal.
    uris: [Option<Uri>; Signal::ALL.len()],
    headers: HeaderMap,
    auth: Option<Arc<dyn ClientAuth>>,
    packer: Packer,
    timeout: Duration,
}

impl Exporter for OtlpHttp {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Outcome> {
        self.post(batch).map(|tried| tried.unwrap_or_else(|failure| failure)).boxed()
    }
}

impl OtlpHttp {
    async fn post(&self, batch: &Batch) -> Result<Outcome, Outcome> {
        let uri =
            self.uris[batch.signal() as usize].as_ref().ok_or_else(|| answer::no_url(batch.signal()))?;
        let packed = downstream::pack(self.packer, batch).await?;
        let mut request = Request::new(Body::packed(packed.chunks));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(auth) = &self.auth {
            auth.authorize(request.headers_mut());
        }
        let response = downstream::send(&self.client, uri, request, self.timeout).await?;
        Ok(answer::read(batch.signal(), uri, &response))
    }
}

const ENDPOINT_HELP: &str = "try \"http://localhost:4318\"";
/// The Collector also has snappy, x-snappy-framed and lz4.
const COMPRESSIONS: [Compression; 5] =
    [Compression::Gzip, Compression::Zstd, Compression::Zlib, Compression::Deflate, Compression::None];
/// What HTTP sets by itself. `host` is not among them: it overrides the name the downstream sees.
static RESERVED: [HeaderName; 8] = [
    header::ACCEPT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

#[cfg(test)]
mod tests;
