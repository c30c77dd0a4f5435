//! A downstream for tests: answers by a script, notes what it was sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, request};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::component::{Batch, Exporter, Outcome};
use crate::net::{Body, Protocol};
use crate::otlp::{Payload, Signal, Watchlist, check};

/// Listens on loopback until it is dropped.
pub struct Downstream {
    pub address: SocketAddr,
    script: Arc<Script>,
    listening: tokio::task::JoinHandle<()>,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: Head,
    pub body: Bytes,
    /// Connections are counted from 1.
    pub connection: usize,
}

#[derive(Clone, Debug)]
pub struct Head {
    pub method: String,
    pub path: String,
    pub authority: String,
    pub version: Version,
    pub headers: HeaderMap,
}

/// What the downstream does with a request.
pub enum Reply {
    Answer(Response<Body>),
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and closes the connection.
    Close,
}

#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
}

impl Downstream {
    pub async fn start(protocol: Protocol) -> Downstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        Downstream::of(listener, protocol)
    }

    pub fn of(listener: TcpListener, protocol: Protocol) -> Downstream {
        let address = listener.local_addr().expect("it is bound");
        let script = Arc::new(Script::default());
        let listening = tokio::spawn(listen(listener, protocol, script.clone()));
        Downstream { address, script, listening }
    }

    pub fn reply(&self, reply: Reply) {
        lock(&self.script.replies).push_back(reply);
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.script.seen).clone()
    }
}

impl Drop for Downstream {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics under this lock")
}

async fn listen(listener: TcpListener, protocol: Protocol, script: Arc<Script>) {
    for connection in 1.. {
        let Ok((socket, _)) = listener.accept().await else { return };
        tokio::spawn(serve(socket, protocol, script.clone(), connection));
    }
}

async fn serve(socket: tokio::net::TcpStream, protocol: Protocol, script: Arc<Script>, connection: usize) {
    let close = Arc::new(Notify::new());
    let service = service_fn(|request| script.clone().answer(request, connection, close.clone()));
    let io = TokioIo::new(socket);
    // how a connection ends is the client's test, not the server's
    match protocol {
        Protocol::Http1 => {
            let serving = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
            tokio::select! { _ = serving => {}, () = close.notified() => {} }
        }
        Protocol::Http2 => {
            let serving =
                hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service);
            tokio::select! { _ = serving => {}, () = close.notified() => {} }
        }
    }
}

impl Script {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: usize,
        close: Arc<Notify>,
    ) -> Result<Response<Body>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        lock(&self.seen).push(Seen { head: Head::from(head), body, connection });
        let reply = lock(&self.replies).pop_front().unwrap_or(Reply::Hang);
        match reply {
            Reply::Answer(response) => return Ok(response),
            Reply::Hang => {}
            Reply::Close => close.notify_one(),
        }
        std::future::pending().await
    }
}

impl From<request::Parts> for Head {
    fn from(parts: request::Parts) -> Head {
        Head {
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            authority: parts.uri.authority().map(ToString::to_string).unwrap_or_default(),
            version: parts.version,
            headers: parts.headers,
        }
    }
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.head.headers.get(name).map_or("", |value| value.to_str().expect("tests send text"))
    }
}

impl Reply {
    /// An HTTP answer.
    pub fn http(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        Reply::answer(status, headers, Body::from(body.into()))
    }

    /// A gRPC answer: status (and more) after a message.
    pub fn grpc(message: Option<&[u8]>, trailers: &[(&str, &str)]) -> Reply {
        let prefixed = message.map(|message| {
            let length = u32::try_from(message.len()).expect("a test's message is small");
            [&[0][..], &length.to_be_bytes(), message].concat()
        });
        let body = Body::chunks(prefixed.map(Bytes::from)).with_trailers(header_map(trailers));
        Reply::answer(200, &[("content-type", "application/grpc")], body)
    }

    /// A gRPC answer with a compressed message.
    pub fn grpc_compressed(encoding: &str, message: &[u8], trailers: &[(&str, &str)]) -> Reply {
        let length = u32::try_from(message.len()).expect("a test's message is small");
        let prefixed = [&[1][..], &length.to_be_bytes(), message].concat();
        let body = Body::chunks(vec![Bytes::from(prefixed)]).with_trailers(header_map(trailers));
        Reply::answer(200, &[("content-type", "application/grpc"), ("grpc-encoding", encoding)], body)
    }

    /// A gRPC answer whose status is in the headers already.
    pub fn grpc_trailers_only(headers: &[(&str, &str)]) -> Reply {
        let headers = [&[("content-type", "application/grpc")], headers].concat();
        Reply::answer(200, &headers, Body::empty())
    }

    /// An answer that breaks off after `start`.
    pub fn broken(headers: &[(&str, &str)], start: &'static [u8]) -> Reply {
        let start = stream::once(async move { Ok(Frame::data(Bytes::from_static(start))) });
        // the start has to be on its way before the end of the connection
        let end = stream::once(async {
            tokio::task::yield_now().await;
            Err(std::io::Error::other("scripted"))
        });
        Reply::answer(200, headers, Body::boxed(StreamBody::new(start.chain(end))))
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: Body) -> Reply {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).expect("tests use real statuses");
        *response.headers_mut() = header_map(headers);
        Reply::Answer(response)
    }
}

fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        (name, HeaderValue::from_str(value).expect("a header's value"))
    });
    pairs.collect()
}

/// A batch of traces with one payload for each name, and one span in each.
pub fn traces(names: &[&str]) -> Batch {
    let payloads = names.iter().map(|name| payload(name)).collect();
    Batch::new(Signal::Traces, payloads)
}

/// The request that the downstream should see for it.
pub fn request(names: &[&str]) -> ExportTraceServiceRequest {
    let groups = names.iter().map(|name| {
        let span =
            Span { trace_id: vec![1; 16], span_id: vec![2; 8], name: (*name).to_owned(), ..Span::default() };
        ResourceSpans {
            scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }
    });
    ExportTraceServiceRequest { resource_spans: groups.collect() }
}

fn payload(name: &str) -> Payload {
    let bytes = request(&[name]).encode_to_vec();
    check(Signal::Traces, bytes.into(), &Watchlist::default()).expect("prost writes valid messages").payload
}

/// One try with a small batch.
pub async fn try_once(exporter: &dyn Exporter) -> Outcome {
    exporter.export(&traces(&["a"])).await
}
