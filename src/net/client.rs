//! The HTTP client for what leaves: HTTP/1.1, or HTTP/2 from the first byte as gRPC wants it.
//!
//! A request's chunks go to the socket as they are. An answer is collected under a limit. An error says in
//! one sentence what happened, and by its kind what kind of thing that was.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use super::body::Body;
use super::connection::Protocol;
use super::resolver::{Resolver, Unresolved};

/// How a [`Client`] connects and what it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    pub protocol: Protocol,
    pub tls: Tls,
    /// Time for a TCP connection, all addresses of the name together. Default 10 s.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. Default 90 s, as in the Collector.
    pub idle_timeout: Duration,
    /// How long sent bytes may stay unacknowledged before the connection counts as dead, so that a host that
    /// vanished does not hold requests for the system's quarter of an hour. Default 30 s.
    pub unacknowledged_timeout: Duration,
    /// Size in bytes above which an answer is an error. Default 4 MiB.
    pub answer_bytes_max: u64,
}

/// What is around the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Nothing: the endpoint is `http://`.
    Off,
}

/// Sends requests, over kept connections. Clones share them.
#[derive(Debug, Clone)]
pub struct Client {
    http: legacy::Client<HttpConnector<Resolver>, Body>,
    answer_bytes_max: u64,
}

/// The whole body of an answer.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub bytes: Bytes,
    /// What came after it, such as the status of a gRPC call.
    pub trailers: Option<HeaderMap>,
}

/// Why a request has no answer.
#[derive(Debug)]
pub struct SendError {
    pub kind: SendErrorKind,
    /// From the outermost to the innermost cause.
    causes: String,
}

/// What happened, as far as the sender acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendErrorKind {
    /// The host name has no address.
    Unresolved,
    /// Nobody listens there.
    Refused,
    /// There is no way there, or it did not answer in time.
    Unreachable,
    /// The connection ended before the answer did.
    Closed,
    /// The deadline of the request passed.
    Timeout,
    /// The answer is larger than allowed.
    AnswerTooLarge,
    /// What came back is not the HTTP that was expected.
    Protocol,
    /// The request cannot be sent as it is; it never was.
    Invalid,
}

impl Client {
    /// A client that connects when it has something to send.
    pub fn new(config: &ClientConfig) -> Client {
        let Tls::Off = config.tls;
        let mut connector = HttpConnector::new_with_resolver(Resolver::default());
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(config.connect_timeout));
        connector.set_keepalive(Some(KEEPALIVE));
        connector.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
        connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        // Not HTTP/2 pings: many gRPC servers answer more than one in five minutes with GOAWAY.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        connector.set_tcp_user_timeout(Some(config.unacknowledged_timeout));
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .http1_writev(true)
            .http1_max_buf_size(H1_BUFFER_MAX)
            .http2_only(config.protocol == Protocol::Http2)
            .http2_initial_stream_window_size(H2_WINDOW)
            .http2_initial_connection_window_size(H2_WINDOW)
            .http2_max_header_list_size(HEAD_BYTES_MAX)
            .build(connector);
        Client { http, answer_bytes_max: config.answer_bytes_max }
    }

    /// Sends `request`, whose URI is absolute, and collects its answer; any status is an answer. Sets
    /// `user-agent` if it is missing. `within` covers everything from the name's resolution to the answer's
    /// last byte.
    ///
    /// # Errors
    /// See [`SendErrorKind`]. Except after `Unresolved`, `Refused`, `Unreachable` and `Invalid`, the request may
    /// have been received.
    pub async fn send(
        &self,
        mut request: Request<Body>,
        within: Duration,
    ) -> Result<Response<Received>, SendError> {
        let deadline = Instant::now() + within;
        if request.uri().scheme() != Some(&Scheme::HTTP) {
            let cause = "its URI does not begin with http://, and this client has no TLS";
            return Err(SendError::new(SendErrorKind::Invalid, cause.to_owned()));
        }
        request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static(BURGEE));
        let timeout = |_| {
            SendError::new(
                SendErrorKind::Timeout,
                format!("no answer within {}", humantime::format_duration(within)),
            )
        };
        let answer = timeout_at(deadline, self.http.request(request)).await.map_err(timeout)??;
        let (head, body) = answer.into_parts();
        let answer = timeout_at(deadline, self.collect(body)).await.map_err(timeout)??;
        Ok(Response::from_parts(head, answer))
    }

    async fn collect(&self, mut body: Incoming) -> Result<Received, SendError> {
        let too_large = || {
            let limit = self.answer_bytes_max;
            SendError::new(SendErrorKind::AnswerTooLarge, format!("the answer has more than {limit} bytes"))
        };
        if body.size_hint().lower() > self.answer_bytes_max {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(data) if (bytes.len() + data.len()) as u64 > self.answer_bytes_max => {
                    return Err(too_large());
                }
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok().or(trailers),
            }
        }
        Ok(Received { bytes: bytes.into(), trailers })
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            protocol: Protocol::Http1,
            tls: Tls::Off,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            unacknowledged_timeout: Duration::from_secs(30),
            answer_bytes_max: 4 * 1024 * 1024,
        }
    }
}

impl SendError {
    fn new(kind: SendErrorKind, causes: String) -> Self {
        SendError { kind, causes }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            SendErrorKind::Unresolved => "the host name does not resolve",
            SendErrorKind::Refused => "nobody listens there",
            SendErrorKind::Unreachable => "it cannot be reached",
            SendErrorKind::Closed => "the connection was closed before the answer",
            SendErrorKind::Timeout => "it took too long",
            SendErrorKind::AnswerTooLarge => "the answer is too large",
            SendErrorKind::Protocol => "it does not speak the expected HTTP",
            SendErrorKind::Invalid => "the request cannot be sent",
        };
        write!(f, "{what} ({})", self.causes)
    }
}

impl std::error::Error for SendError {}

impl From<legacy::Error> for SendError {
    fn from(error: legacy::Error) -> Self {
        // Its own text only says where in the client it was.
        let otherwise = if error.is_connect() { SendErrorKind::Unreachable } else { SendErrorKind::Protocol };
        classify(error.source(), otherwise)
    }
}

impl From<hyper::Error> for SendError {
    fn from(error: hyper::Error) -> Self {
        classify(Some(&error), SendErrorKind::Protocol)
    }
}

/// The innermost cause that tells a kind decides; the sentence has all of them that say something new.
fn classify(error: Option<&(dyn std::error::Error + 'static)>, otherwise: SendErrorKind) -> SendError {
    let mut kind = otherwise;
    let mut causes: Vec<String> = Vec::new();
    let mut next = error;
    while let Some(cause) = next {
        kind = kind_of(cause, otherwise).unwrap_or(kind);
        let text = cause.to_string();
        // Some causes repeat those below them in their own text.
        if !causes.iter().any(|said| said.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    SendError::new(kind, causes.join(": "))
}

fn kind_of(cause: &(dyn std::error::Error + 'static), otherwise: SendErrorKind) -> Option<SendErrorKind> {
    if cause.is::<Unresolved>() {
        return Some(SendErrorKind::Unresolved);
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        let closed = error.is_closed() || error.is_incomplete_message() || error.is_canceled();
        return Some(if closed { SendErrorKind::Closed } else { SendErrorKind::Protocol });
    }
    if let Some(error) = cause.downcast_ref::<h2::Error>() {
        // What we ended ourselves, we ended over something that broke the protocol.
        let ended = error.is_remote() && (error.is_go_away() || error.is_reset());
        return ended.then_some(SendErrorKind::Closed);
    }
    let error = cause.downcast_ref::<io::Error>()?;
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(SendErrorKind::Refused),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(SendErrorKind::Unreachable)
        }
        // On an open connection these are its end; while connecting, there was none.
        _ if otherwise == SendErrorKind::Unreachable => None,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::TimedOut
        | io::ErrorKind::UnexpectedEof => Some(SendErrorKind::Closed),
        _ => None,
    }
}

const BURGEE: &str = concat!("burgee/", env!("CARGO_PKG_VERSION"));
/// A quiet connection is probed after this long, and dead after the probes went unanswered.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
const IDLE_CONNECTIONS_MAX: usize = 32;
/// Answers are small; this is also how much of a request is gathered for one write.
const H1_BUFFER_MAX: usize = 512 * 1024;
const H2_WINDOW: u32 = 1024 * 1024;
const HEAD_BYTES_MAX: u32 = 16 * 1024;
