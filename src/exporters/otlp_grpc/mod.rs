#![doc = include_str!("README.md")]

mod answer;

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tonic::metadata::{Binary, MetadataValue};

use super::endpoint::{self, Destination};
use super::packing::{Packed, Packer};
use super::{
    BodyFormat, Built, Compression, CompressionParams, Notes, Problem, QueueKeys, RetryKeys, TlsKeys, Unused,
    auth, downstream, tls,
};
use crate::component::{AuthKeys, Authenticators, Batch, ClientAuth, Exporter, Outcome};
use crate::net::{Body, Client, ClientConfig, Pings, Protocol, Received, SendErrorKind};
use crate::otlp::Signal;
use crate::otlp::answer::Answer;
use crate::values::{self, ByteSize, Headers};

/// The keys of `otlp_grpc`, alias `otlp`. Defaults: those of the OpenTelemetry Collector 0.159.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Required. `http://host:port` is plain text; `https://host:port`, and `host:port` without `tls.insecure`, are TLS.
    pub endpoint: String,
    /// `gzip`, `zstd` or `none`.
    pub compression: Compression,
    /// On every request. Values are never printed.
    pub headers: Headers,
    /// Of one try. 0 is no limit.
    pub timeout: values::Duration,
    /// What burgee calls itself; `burgee/<version>` if left out.
    pub user_agent: String,
    /// How to trust the downstream, and what to show it.
    pub tls: Option<TlsKeys>,
    /// When and how often a request is sent again.
    pub retry_on_failure: RetryKeys,
    /// What waits for the downstream.
    pub sending_queue: QueueKeys,
    /// burgee's own: no uncompressed request is larger. Left out: split below 4 MiB, a single item may have 64 MiB.
    pub max_request_size: Option<ByteSize>,
    /// What requests say they go to, instead of the endpoint.
    pub authority: String,
    /// `pick_first` is what burgee does; `round_robin` is a warning.
    pub balancer_name: Option<Balancer>,
    /// Pings over HTTP/2; none unless it is given.
    pub keepalive: Option<Keepalive>,
    /// A try waits for the downstream to be there, as long as its timeout allows.
    pub wait_for_ready: bool,
    /// Proves to the downstream who sends; goes before `headers`.
    pub auth: Option<AuthKeys>,
    /// Not in burgee: an error.
    pub middlewares: Vec<values::Unread>,
    pub read_buffer_size: Unused,
    pub write_buffer_size: Unused,
}

/// The key `balancer_name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balancer {
    RoundRobin,
    PickFirst,
}

/// The key `keepalive`: pings over HTTP/2.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keepalive {
    /// At least 10 s, as gRPC has it.
    pub time: values::Duration,
    /// How long an answer to a ping may take.
    pub timeout: values::Duration,
    /// Also while nothing is being sent.
    pub permit_without_stream: bool,
}

impl Default for Keepalive {
    fn default() -> Self {
        let ten_seconds = values::Duration::from_secs(10);
        Keepalive { time: ten_seconds, timeout: ten_seconds, permit_without_stream: false }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            compression: Compression::Gzip,
            headers: Headers::default(),
            timeout: values::Duration::from_secs(5),
            user_agent: String::new(),
            tls: None,
            retry_on_failure: RetryKeys::default(),
            sending_queue: QueueKeys::default(),
            max_request_size: None,
            authority: String::new(),
            balancer_name: None,
            keepalive: None,
            wait_for_ready: false,
            auth: None,
            middlewares: Vec::new(),
            read_buffer_size: None,
            write_buffer_size: None,
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
        config.compression.build(&CompressionParams::default(), BodyFormat::Proto, &COMPRESSIONS, &mut notes);
    let headers = config.request_headers(packer, &mut notes);
    let destination =
        notes.take(endpoint::destination(&config.endpoint, &config.authority, config.tls.as_ref()));
    notes.warnings.extend(
        destination
            .iter()
            .filter_map(|found| endpoint::port_warning("endpoint", &found.uri, Protocol::Http2)),
    );
    let proxies = downstream::environment_proxies(&mut notes);
    let pings = config.pings(&mut notes);
    let is_secure = destination.as_ref().is_some_and(|found| endpoint::is_secure(&found.uri));
    let tls = tls::client(config.tls.as_ref(), is_secure, &mut notes);
    let uris = destination.iter().filter(|found| found.target.is_none()).map(|found| &found.uri);
    let auth = auth::client(config.auth.as_ref(), authenticators, uris, &mut notes);
    let warnings = notes.settle()?;
    let (Some(Destination { uri, target }), Some(packer)) = (destination, packer) else {
        unreachable!("without them there is a problem");
    };
    let client = Client::new(&ClientConfig {
        protocol: Protocol::Http2,
        tls,
        target,
        proxies,
        pings,
        ..ClientConfig::default()
    });
    let exporter = OtlpGrpc {
        client,
        uris: Signal::ALL.map(|signal| endpoint::join(&uri, signal.grpc_path())),
        headers,
        auth,
        packer,
        timeout: downstream::timeout(config.timeout.get()),
        wait_for_ready: config.wait_for_ready,
    };
    Ok(Built { exporter: Arc::new(exporter), queue, retry, warnings, unserved: Vec::new() })
}

impl Config {
    fn note_unused(&self, notes: &mut Notes) {
        if !self.middlewares.is_empty() {
            notes
                .problems
                .push(Problem::new(&["middlewares"], "is not in this version").with_help("remove the key"));
        }
        let unused = [
            ("read_buffer_size", self.read_buffer_size.is_some()),
            ("write_buffer_size", self.write_buffer_size.is_some()),
        ];
        let unused = unused.into_iter().filter(|(_, present)| *present);
        notes.warnings.extend(unused.map(|(key, _)| Problem::unused(&[key])));
        if self.balancer_name == Some(Balancer::RoundRobin) {
            let message = "round_robin is not in burgee, which sends over one connection at a time";
            let warning = Problem::new(&["balancer_name"], message);
            notes
                .warnings
                .push(warning.with_help("it is made anew, after a new look at the name, every ten minutes"));
        }
    }

    fn pings(&self, notes: &mut Notes) -> Option<Pings> {
        let Keepalive { time, timeout, permit_without_stream } = self.keepalive.as_ref()?;
        if time.get() < PING_EVERY_MIN {
            let warning = Problem::new(&["keepalive", "time"], "is less than 10s, which is used instead");
            notes.warnings.push(warning.with_help("servers close connections that ping more often"));
        }
        if timeout.get().is_zero() {
            notes.problems.push(Problem::new(&["keepalive", "timeout"], "must be positive"));
        }
        let every = time.get().max(PING_EVERY_MIN);
        Some(Pings { every, timeout: timeout.get(), while_idle: *permit_without_stream })
    }

    /// All headers of a request; those of the protocol last, so that nothing configured can spoil them.
    fn request_headers(&self, packer: Option<Packer>, notes: &mut Notes) -> HeaderMap {
        let mut headers = downstream::headers(&self.headers, &RESERVED, notes);
        for (name, value) in &mut headers {
            if name.as_str().ends_with("-bin") {
                // gRPC carries the values of such headers in base64
                let encoded = MetadataValue::<Binary>::from_bytes(value.as_bytes());
                *value =
                    HeaderValue::from_bytes(encoded.as_encoded_bytes()).expect("base64 is a header value");
                value.set_sensitive(true);
            }
        }
        match HeaderValue::from_str(self.user_agent.trim()) {
            // without one, it is this process that sends
            Ok(user_agent) if user_agent.is_empty() => {}
            Ok(user_agent) => drop(headers.insert(header::USER_AGENT, user_agent)),
            Err(_) => {
                let message = "has a line break or another control character";
                notes.problems.push(Problem::new(&["user_agent"], message));
            }
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if let Some(encoding) = packer.and_then(downstream::encoding_header) {
            headers.insert(GRPC_ENCODING, encoding);
        }
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,zstd,deflate"));
        headers.insert(GRPC_TIMEOUT, grpc_timeout(downstream::timeout(self.timeout.get())));
        headers
    }
}

/// Calls `Export` by hand: the payloads go to the socket as they are, which no generated client can do.
struct OtlpGrpc {
    client: Client,
    /// By signal.
    uris: [Uri; Signal::ALL.len()],
    headers: HeaderMap,
    auth: Option<Arc<dyn ClientAuth>>,
    packer: Packer,
    timeout: Duration,
    wait_for_ready: bool,
}

impl Exporter for OtlpGrpc {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Outcome> {
        self.call(batch).map(|tried| tried.unwrap_or_else(|failure| failure)).boxed()
    }
}

impl OtlpGrpc {
    async fn call(&self, batch: &Batch) -> Result<Outcome, Outcome> {
        let packed = downstream::pack(self.packer, batch).await?;
        let uri = &self.uris[batch.signal() as usize];
        let prefix = prefix(self.packer, packed.bytes)?;
        let response = self.send(uri, &prefix, packed).await?;
        Ok(answer::read(batch.signal(), uri, &response))
    }

    async fn send(&self, uri: &Uri, prefix: &Bytes, packed: Packed) -> Result<Response<Received>, Outcome> {
        let deadline = Instant::now() + self.timeout;
        let (mut pause, mut left) = (READY_PAUSE_MIN, self.timeout);
        loop {
            let message = std::iter::once(prefix.clone()).chain(packed.chunks.iter().cloned());
            let mut request = Request::new(Body::packed(message));
            *request.method_mut() = Method::POST;
            *request.version_mut() = Version::HTTP_2;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = self.headers.clone();
            if let Some(auth) = &self.auth {
                auth.authorize(request.headers_mut());
            }
            match self.client.send(request, left).await {
                Ok(response) => return Ok(response),
                Err(error) if self.waits_after(error.kind) && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(READY_PAUSE_MAX);
                    left = deadline.saturating_duration_since(Instant::now());
                }
                Err(error) => return Err(downstream::failed(uri, &error)),
            }
        }
    }

    /// Whether the downstream was not there, which may change.
    fn waits_after(&self, kind: SendErrorKind) -> bool {
        use SendErrorKind::{Refused, Unreachable, Unresolved};
        self.wait_for_ready && matches!(kind, Unresolved | Refused | Unreachable)
    }
}

/// What stands before a message: whether it is compressed, and its length in four bytes (gRPC over HTTP/2,
/// "Length-Prefixed-Message").
fn prefix(packer: Packer, message_bytes: usize) -> Result<Bytes, Outcome> {
    let length = u32::try_from(message_bytes)
        .map_err(|_| Answer::TooLarge { message: "gRPC messages end at 4 GiB".to_owned() })?;
    let mut prefix = BytesMut::with_capacity(PREFIX_BYTES);
    prefix.put_u8(u8::from(packer.name.is_some()));
    prefix.put_u32(length);
    Ok(prefix.freeze())
}

/// At most eight digits and a unit (gRPC over HTTP/2, "Timeout").
fn grpc_timeout(timeout: Duration) -> HeaderValue {
    let text = match timeout.as_millis() {
        millis if millis < 100_000_000 => format!("{}m", millis.max(1)),
        _ => format!("{}S", timeout.as_secs().min(99_999_999)),
    };
    HeaderValue::from_str(&text).expect("digits and a letter are a header value")
}

const PREFIX_BYTES: usize = 5;
/// What gRPC clients can send; the Collector also has snappy here.
const COMPRESSIONS: [Compression; 3] = [Compression::Gzip, Compression::Zstd, Compression::None];
const PING_EVERY_MIN: Duration = Duration::from_secs(10);
const READY_PAUSE_MIN: Duration = Duration::from_millis(100);
const READY_PAUSE_MAX: Duration = Duration::from_secs(1);
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// What gRPC sets by itself, and what HTTP/2 forbids (RFC 9113, 8.2.2).
static RESERVED: [HeaderName; 13] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::USER_AGENT,
    header::TE,
    header::HOST,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    GRPC_TIMEOUT,
    GRPC_ENCODING,
    GRPC_ACCEPT_ENCODING,
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
];

#[cfg(test)]
mod tests;
