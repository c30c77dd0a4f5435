//! A collector on free ports with a downstream of the test's own, and requests in every encoding.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burgee::collector::Collector;
use burgee::config::Source;
use burgee::registry::Plan;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use crate::sender::{Answer, Http2, exchange, framed};

pub const TRACES: &str = "/v1/traces";
pub const METRICS: &str = "/v1/metrics";
pub const LOGS: &str = "/v1/logs";
pub const PROTOBUF: &str = "application/x-protobuf";
pub const JSON: &str = "application/json";

/// What is configured beside the ports.
#[derive(Default)]
pub struct Settings {
    /// Keys of `protocols.grpc` and `protocols.http`, in braces' inside.
    pub grpc: &'static str,
    pub http: &'static str,
    /// Keys of the exporter's `sending_queue`.
    pub queue: &'static str,
    /// MiB for `memory_limiter`.
    pub memory_mib: Option<u32>,
}

/// A running collector; it receives on two ports and sends to `sink`.
pub struct Running {
    pub collector: Collector,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    pub sink: Sink,
}

/// Starts one that has a pipeline for every signal.
pub async fn start(settings: Settings) -> Running {
    let sink = Sink::listen().await;
    let Settings { grpc, http, queue, memory_mib } = settings;
    let (limiter, used) = match memory_mib {
        Some(mib) => (format!("memory_limiter: {{limit_mib: {mib}, spike_limit_mib: 0}}"), "memory_limiter"),
        None => (String::new(), ""),
    };
    let text = format!(
        "receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0', {grpc}}}, http: {{endpoint: '127.0.0.1:0', {http}}}}}}}
processors: {{{limiter}}}
exporters: {{otlp_http: {{endpoint: 'http://{}', compression: none, sending_queue: {{{queue}}}}}}}
extensions: {{admin: {{endpoint: '127.0.0.1:0'}}}}
service:
  extensions: [admin]
  pipelines:
    traces: {{receivers: [otlp], processors: [{used}], exporters: [otlp_http]}}
    metrics: {{receivers: [otlp], processors: [{used}], exporters: [otlp_http]}}
    logs: {{receivers: [otlp], processors: [{used}], exporters: [otlp_http]}}
",
        sink.address
    );
    let plan = Plan::read(&[Source::new("test.yaml", text)], &|_| None);
    let collector =
        Collector::start(plan.unwrap_or_else(|report| panic!("{report}"))).await.expect("free ports");
    let ports: Vec<SocketAddr> = collector.local_addrs().collect();
    Running { grpc: ports[0], http: ports[1], sink, collector }
}

impl Running {
    /// Sends `body` over HTTP/1.1.
    pub async fn post(&self, path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
        self.post_with(path, &[("content-type", content_type)], body).await
    }

    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        let length = body.as_ref().len().to_string();
        let headers = [headers, &[("content-length", length.as_str())]].concat();
        exchange(self.http, &format!("POST {path}"), &headers, &[body.as_ref()]).await
    }

    /// Calls the `Export` of a service: `trace.v1.TraceService`.
    pub async fn call(&self, service: &str, headers: &[(&str, &str)], frame: Bytes) -> Answer {
        let path = format!("/opentelemetry.proto.collector.{service}/Export");
        let headers = [&[("content-type", "application/grpc"), ("te", "trailers")], headers].concat();
        Http2::connect(self.grpc).await.send(&path, &headers, &[frame]).await
    }

    /// Calls `TraceService/Export` with an uncompressed message.
    pub async fn export(&self, message: impl AsRef<[u8]>) -> Answer {
        self.call("trace.v1.TraceService", &[], framed(0, message.as_ref())).await
    }

    /// What the sink got next.
    pub async fn received(&mut self) -> (String, Bytes) {
        self.sink.next().await
    }

    /// Stops it; whatever is still in a queue goes to the sink, which has to take it.
    pub async fn end(self) {
        self.sink.answers.add_permits(1 << 20);
        let doors = self.collector.board().clone();
        self.collector.stop(Duration::from_secs(20)).await;
        for door in doors.snapshot().doors {
            assert!(door.ledger.balanced(), "{door:?}");
        }
    }
}

/// A downstream that speaks OTLP/HTTP 1.1, keeps what it gets, and answers as it is told.
pub struct Sink {
    address: SocketAddr,
    requests: mpsc::Receiver<(String, Bytes)>,
    /// As many answers as it may give.
    pub answers: Arc<Semaphore>,
    /// What it answers: status and body. By default a 200 without any.
    pub answer: Arc<Mutex<(u16, Vec<u8>)>>,
}

impl Sink {
    async fn listen() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (sender, requests) = mpsc::channel(4096);
        let answers = Arc::new(Semaphore::new(1 << 20));
        let answer = Arc::new(Mutex::new((200, Vec::new())));
        let (permits, reply) = (answers.clone(), answer.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, sender.clone(), permits.clone(), reply.clone()));
            }
        });
        Sink { address, requests, answers, answer }
    }

    async fn next(&mut self) -> (String, Bytes) {
        let next = tokio::time::timeout(Duration::from_secs(60), self.requests.recv());
        next.await.expect("the collector sends it").expect("the sink lives")
    }

    /// Gives no answers until it is told to.
    pub fn stall(&self) {
        self.answers.forget_permits(1 << 20);
    }

    pub fn answers_with(&self, status: u16, body: Vec<u8>) {
        *self.answer.lock().expect("no panic while it is held") = (status, body);
    }
}

/// One connection, request after request, until it closes.
async fn serve(
    mut socket: TcpStream,
    sender: mpsc::Sender<(String, Bytes)>,
    permits: Arc<Semaphore>,
    reply: Arc<Mutex<(u16, Vec<u8>)>>,
) {
    let mut buffer = Vec::new();
    loop {
        while let Some((path, body, end)) = request(&buffer) {
            buffer.drain(..end);
            // A test that does not look at them needs no more.
            let _full = sender.try_send((path, body));
            permits.acquire().await.expect("it is never closed").forget();
            let (status, body) = reply.lock().expect("no panic while it is held").clone();
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            if socket.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
                return;
            }
        }
        if !matches!(socket.read_buf(&mut buffer).await, Ok(1..)) {
            return;
        }
    }
}

/// Path, body and end of the first request in `buffer`, once it is whole.
fn request(buffer: &[u8]) -> Option<(String, Bytes, usize)> {
    let head_end = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&buffer[..head_end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let end =
        head_end + length.expect("the exporter knows the length").trim().parse::<usize>().expect("a number");
    let body = Bytes::copy_from_slice(buffer.get(head_end..end)?);
    Some((head.split(' ').nth(1).expect("a path").to_owned(), body, end))
}
