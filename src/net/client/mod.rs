//! The HTTP client for what leaves: HTTP/1.1, or HTTP/2 from the first byte as gRPC wants it.
//!
//! A request's chunks go to the socket as they are. An answer is collected under a limit. An error says in
//! one sentence what happened, and by its kind what kind of thing that was.

//!
//! Connections are kept, but no connection and no resolved name for ever: after [`ClientConfig::renew_after`], and after
//! a try that nothing answered, what is sent goes over new ones.

mod dial;
mod error;
mod gather;
mod proxy;
mod resolver;
mod secure;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::dial::{Dialer, Dialling};
use self::resolver::Resolver;
use self::secure::Secure;
use super::body::Body;
use super::connection::Protocol;
use super::tls::ClientTls;
use crate::observe::instance::PROGRAM;

pub use self::dial::Target;
pub use self::error::{SendError, SendErrorKind};
pub use self::proxy::{InvalidProxy, Proxies};

/// How a [`Client`] connects and what it accepts.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    pub protocol: Protocol,
    pub tls: Option<ClientTls>,
    /// Where to connect to; otherwise what the URI of a request names.
    pub target: Option<Target>,
    /// Not asked for a [`Target::Unix`].
    pub proxies: Proxies,
    /// Time for a TCP connection, all addresses of the name together. Default 10 s.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. Default 90 s, as in the Collector.
    pub idle_timeout: Duration,
    /// Unused connections that are kept. Default 32.
    pub idle_connections_max: usize,
    /// HTTP/1 connections at once; a request beyond waits for one, within its time. Default: no limit.
    pub connections_max: Option<usize>,
    /// After how long new connections are made, with a new look at the name's addresses. Default 10 min.
    pub renew_after: Duration,
    /// HTTP/2 pings. Default: none, since many gRPC servers answer more than one in five minutes with GOAWAY.
    pub pings: Option<Pings>,
    /// How long sent bytes may stay unacknowledged before the connection counts as dead, so that a host that
    /// vanished does not hold requests for the system's quarter of an hour. Default 30 s.
    pub unacknowledged_timeout: Duration,
    /// Size in bytes above which an answer is an error. Default 4 MiB.
    pub answer_bytes_max: u64,
}

/// Pings over HTTP/2 that find out whether the other side is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pings {
    pub every: Duration,
    /// After so long without an answer the connection is closed.
    pub timeout: Duration,
    /// Also while no request is under way.
    pub while_idle: bool,
}

/// Sends requests, over kept connections. Clones share them.
#[derive(Debug, Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    config: ClientConfig,
    dialer: Dialer,
    pool: ArcSwap<Pool>,
    connections: Option<Semaphore>,
}

/// Connections that were made since `born`.
struct Pool {
    http: legacy::Client<Secure, Body>,
    born: Instant,
}

/// The whole body of an answer.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub bytes: Bytes,
    /// What came after it, such as the status of a gRPC call.
    pub trailers: Option<HeaderMap>,
}

impl Client {
    /// A client that connects when it has something to send.
    pub fn new(config: &ClientConfig) -> Client {
        let config = config.clone();
        let mut tcp = HttpConnector::new_with_resolver(Resolver::default());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(config.connect_timeout));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(config.unacknowledged_timeout));
        let dialer = Dialer::new(Dialling {
            tcp,
            target: config.target.clone(),
            proxies: config.proxies.clone(),
            protocol: config.protocol,
            timeout: config.connect_timeout,
        });
        let pool = ArcSwap::from_pointee(Pool::new(&config, &dialer));
        let connections = match config.protocol {
            Protocol::Http1 => config.connections_max.map(Semaphore::new),
            Protocol::Http2 => None,
        };
        Client(Arc::new(Shared { config, dialer, pool, connections }))
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
        let scheme = request.uri().scheme();
        if scheme != Some(&Scheme::HTTP) && (scheme != Some(&Scheme::HTTPS) || self.0.config.tls.is_none()) {
            let cause = "its URI does not begin with http://, and this client has no TLS";
            return Err(SendError::new(SendErrorKind::Invalid, cause.to_owned()));
        }
        request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static(PROGRAM));
        if let Some(authorization) = self.0.dialer.proxy_authorization(request.uri()) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        let pool = self.pool();
        match timeout_at(deadline, self.exchange(&pool, request)).await {
            Ok(answer) => answer,
            Err(_) => {
                // whatever does not answer may have moved: others look for it anew
                self.renew(&pool);
                let within = humantime::format_duration(within);
                Err(SendError::new(SendErrorKind::Timeout, format!("no answer within {within}")))
            }
        }
    }

    async fn exchange(&self, pool: &Pool, request: Request<Body>) -> Result<Response<Received>, SendError> {
        let _place = match &self.0.connections {
            Some(connections) => Some(connections.acquire().await.expect("nobody closes this semaphore")),
            None => None,
        };
        let (head, body) = pool.http.request(request).await?.into_parts();
        Ok(Response::from_parts(head, self.collect(body).await?))
    }

    /// The connections to use now.
    fn pool(&self) -> Arc<Pool> {
        let pool = self.0.pool.load_full();
        if pool.born.elapsed() < self.0.config.renew_after {
            return pool;
        }
        self.renew(&pool);
        self.0.pool.load_full()
    }

    /// New connections from now on instead of those of `pool`, if they still are what is used. Its requests under way
    /// come to their end.
    fn renew(&self, pool: &Arc<Pool>) {
        self.0.pool.compare_and_swap(pool, Arc::new(Pool::new(&self.0.config, &self.0.dialer)));
    }

    async fn collect(&self, mut body: Incoming) -> Result<Received, SendError> {
        let too_large = || {
            let limit = self.0.config.answer_bytes_max;
            SendError::new(SendErrorKind::AnswerTooLarge, format!("the answer has more than {limit} bytes"))
        };
        if body.size_hint().lower() > self.0.config.answer_bytes_max {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(data) if (bytes.len() + data.len()) as u64 > self.0.config.answer_bytes_max => {
                    return Err(too_large());
                }
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok().or(trailers),
            }
        }
        Ok(Received { bytes: bytes.into(), trailers })
    }
}

impl Pool {
    fn new(config: &ClientConfig, dialer: &Dialer) -> Pool {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.idle_connections_max)
            .http1_writev(true)
            .http1_max_buf_size(H1_BUFFER_MAX)
            .http2_only(config.protocol == Protocol::Http2)
            .http2_initial_stream_window_size(H2_WINDOW)
            .http2_initial_connection_window_size(H2_WINDOW)
            .http2_max_header_list_size(HEAD_BYTES_MAX);
        if let Some(Pings { every, timeout, while_idle }) = config.pings {
            builder
                .http2_keep_alive_interval(every)
                .http2_keep_alive_timeout(timeout)
                .http2_keep_alive_while_idle(while_idle);
        }
        let secure = Secure {
            dialer: dialer.clone(),
            tls: config.tls.clone(),
            protocol: config.protocol,
            timeout: config.connect_timeout,
        };
        Pool { http: builder.build(secure), born: Instant::now() }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            protocol: Protocol::Http1,
            tls: None,
            target: None,
            proxies: Proxies::NONE,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            idle_connections_max: IDLE_CONNECTIONS_MAX,
            connections_max: None,
            renew_after: Duration::from_secs(600),
            pings: None,
            unacknowledged_timeout: Duration::from_secs(30),
            answer_bytes_max: 4 * 1024 * 1024,
        }
    }
}

/// A quiet connection is probed after this long, and dead after the probes went unanswered.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
const IDLE_CONNECTIONS_MAX: usize = 32;
/// Answers are small; this is also how much of a request is gathered for one write.
const H1_BUFFER_MAX: usize = 512 * 1024;
const H2_WINDOW: u32 = 1024 * 1024;
const HEAD_BYTES_MAX: u32 = 16 * 1024;
