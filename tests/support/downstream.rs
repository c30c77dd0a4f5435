//! A scripted downstream over real sockets, behind a real collector.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use burgee::collector::Collector;
use burgee::config::Source;
use burgee::net::Body;
use burgee::observe::board::{BoardState, OutboxState};
use burgee::registry::Plan;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

/// What the downstream speaks. A connection of the other protocol fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    Http1,
    Http2,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    pub wall: SystemTime,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Counted from 1.
    pub connection: usize,
}

/// What it does with a request.
pub enum Reply {
    Answer(Response<Body>),
    /// Answers when a permit is there.
    Held(Response<Body>),
    /// Closes the connection without an answer.
    Close,
    /// Says nothing.
    Hang,
}

pub struct Downstream {
    pub address: SocketAddr,
    /// As many held answers as it may give.
    pub answers: Arc<Semaphore>,
    shared: Arc<Shared>,
}

type Script = Box<dyn FnMut(usize, &Seen) -> Reply + Send>;

struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    more: Notify,
    answers: Arc<Semaphore>,
}

impl Downstream {
    /// Answers by a script that is told how many requests there were before.
    pub async fn start(
        speaks: Speaks,
        script: impl FnMut(usize, &Seen) -> Reply + Send + 'static,
    ) -> Downstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Downstream::of(listener, speaks, script)
    }

    pub fn of(
        listener: TcpListener,
        speaks: Speaks,
        script: impl FnMut(usize, &Seen) -> Reply + Send + 'static,
    ) -> Downstream {
        let address = listener.local_addr().expect("it is bound");
        let answers = Arc::new(Semaphore::new(0));
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            seen: Mutex::default(),
            more: Notify::new(),
            answers: Arc::clone(&answers),
        });
        tokio::spawn(listen(listener, speaks, Arc::clone(&shared)));
        Downstream { address, answers, shared }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("no panic under this lock").clone()
    }

    /// All requests, when there are at least `count`.
    pub async fn requests(&self, count: usize) -> Vec<Seen> {
        let enough = async {
            loop {
                let more = self.shared.more.notified();
                let seen = self.seen();
                if seen.len() >= count {
                    return seen;
                }
                more.await;
            }
        };
        timeout(PATIENCE, enough).await.unwrap_or_else(|_| panic!("{count} requests do not come"))
    }
}

async fn listen(listener: TcpListener, speaks: Speaks, shared: Arc<Shared>) {
    let connections = AtomicUsize::new(0);
    while let Ok((socket, _)) = listener.accept().await {
        let connection = connections.fetch_add(1, Ordering::Relaxed) + 1;
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let close = Arc::new(Notify::new());
            let service =
                service_fn(|request| answer(Arc::clone(&shared), request, connection, Arc::clone(&close)));
            let io = TokioIo::new(socket);
            // how a connection ends is the other side's test
            match speaks {
                Speaks::Http1 => {
                    let serving = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
                    tokio::select! { _ = serving => {}, () = close.notified() => {} }
                }
                Speaks::Http2 => {
                    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(io, service);
                    tokio::select! { _ = serving => {}, () = close.notified() => {} }
                }
            }
        });
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    connection: usize,
    close: Arc<Notify>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let seen = Seen {
        at: Instant::now(),
        wall: SystemTime::now(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body,
        connection,
    };
    let reply = {
        let mut all = shared.seen.lock().expect("no panic under this lock");
        let reply = (shared.script.lock().expect("no panic under this lock"))(all.len(), &seen);
        all.push(seen);
        reply
    };
    shared.more.notify_waiters();
    match reply {
        Reply::Answer(response) => return Ok(response),
        Reply::Held(response) => {
            shared.answers.acquire().await.expect("nobody closes it").forget();
            return Ok(response);
        }
        Reply::Close => close.notify_one(),
        Reply::Hang => {}
    }
    std::future::pending().await
}

impl Reply {
    pub fn http(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        Reply::Answer(response(status, headers, Body::from(body.into())))
    }

    /// What says yes in either protocol.
    pub fn ok(speaks: Speaks) -> Reply {
        match speaks {
            Speaks::Http1 => Reply::http(200, &[("content-type", "application/x-protobuf")], ""),
            Speaks::Http2 => Reply::grpc(0, &[]),
        }
    }

    /// The same, as soon as it may answer.
    pub fn held_ok(speaks: Speaks) -> Reply {
        match Reply::ok(speaks) {
            Reply::Answer(response) => Reply::Held(response),
            other => other,
        }
    }

    /// A gRPC status without a message, with more trailers.
    pub fn grpc(code: i32, trailers: &[(&str, &str)]) -> Reply {
        let code = code.to_string();
        let trailers = [&[("grpc-status", code.as_str())], trailers].concat();
        let body = Body::empty().with_trailers(header_map(&trailers));
        Reply::Answer(response(200, &[("content-type", "application/grpc")], body))
    }

    /// A gRPC success with a message.
    pub fn grpc_message(message: &[u8]) -> Reply {
        let length = u32::try_from(message.len()).expect("a test's message is small");
        let framed = Bytes::from([&[0][..], &length.to_be_bytes(), message].concat());
        let body = Body::chunks([framed]).with_trailers(header_map(&[("grpc-status", "0")]));
        Reply::Answer(response(200, &[("content-type", "application/grpc")], body))
    }

    /// A success whose body never ends: `chunk` again and again, each after `pause`.
    pub fn endless(headers: &[(&str, &str)], chunk: Bytes, pause: Duration) -> Reply {
        let chunks = stream::repeat(chunk).then(move |chunk| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok::<_, std::io::Error>(Frame::data(chunk))
        });
        Reply::Answer(response(200, headers, Body::boxed(StreamBody::new(Box::pin(chunks)))))
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    *response.headers_mut() = header_map(headers);
    response
}

fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    });
    pairs.collect()
}

/// A collector with these exporters, all of which get all signals.
pub struct Rig {
    pub collector: Collector,
    pub address: SocketAddr,
}

impl Rig {
    /// Each exporter is its id and its keys; tries follow each other within milliseconds unless they say otherwise.
    pub async fn start(exporters: &[(&str, String)]) -> Rig {
        let mut text = String::from(
            "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n\
             extensions: {admin: {endpoint: '127.0.0.1:0'}}\nexporters:\n",
        );
        for (id, keys) in exporters {
            text += &format!("  {id}: {{{keys}}}\n");
        }
        let ids: Vec<&str> = exporters.iter().map(|(id, _)| *id).collect();
        let ids = ids.join(", ");
        text += "service:\n  extensions: [admin]\n  pipelines:\n";
        for signal in ["traces", "metrics", "logs"] {
            text += &format!("    {signal}: {{receivers: [otlp], exporters: [{ids}]}}\n");
        }
        let plan = Plan::read(&[Source::new("test.yaml", &text)], &|_| None);
        let collector = Collector::start(plan.unwrap_or_else(|report| panic!("{report}"))).await;
        let collector = collector.expect("free ports");
        let address = collector.local_addrs().next().expect("one port");
        Rig { collector, address }
    }

    /// The outbox of traces of an exporter, as soon as it is as wanted.
    pub async fn outbox(&self, exporter: &str, wanted: impl Fn(&OutboxState) -> bool) -> OutboxState {
        let find = |state: BoardState| {
            let mut outboxes = state.outboxes.into_iter();
            outboxes
                .find(|outbox| &*outbox.exporter == exporter && outbox.signal == "traces")
                .expect("it is open")
        };
        let reached = async {
            loop {
                let outbox = find(self.collector.board().snapshot());
                assert!(outbox.ledger.balanced(), "{outbox:?}");
                if wanted(&outbox) {
                    return outbox;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let last = || find(self.collector.board().snapshot());
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("not reached: {:?}", last()))
    }

    /// The same, when nothing is held any more.
    pub async fn settled(&self, exporter: &str, items: u64) -> OutboxState {
        self.outbox(exporter, |outbox| outbox.ledger.put == items && outbox.ledger.held == 0).await
    }
}

/// Keys that let tries follow each other at once.
pub const AT_ONCE: &str = "retry_on_failure: {initial_interval: 1ms, max_interval: 2ms}";
/// Far more than anything here takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
