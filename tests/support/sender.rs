//! Senders that can be as wrong as they like: every byte of a request is the test's own.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request, header};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The path of OTLP/HTTP and that of OTLP/gRPC.
pub const HTTP: &str = "/v1/traces";
pub const GRPC: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// What came back, whichever protocol it was.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Without those of a body that was announced and did not come.
    pub body: Bytes,
    pub trailers: HeaderMap,
}

impl Answer {
    /// The code of gRPC: of the trailers, or of an answer that is nothing but headers.
    pub fn grpc_status(&self) -> Option<i32> {
        let status = self.trailers.get("grpc-status").or_else(|| self.headers.get("grpc-status"))?;
        status.to_str().ok()?.parse().ok()
    }
}

/// A request of `count` spans, whose trace id is `number`.
pub fn request(number: u32, count: u8) -> Bytes {
    let mut trace_id = vec![1; 16];
    trace_id[..4].copy_from_slice(&number.to_be_bytes());
    let span = |n: u8| Span { trace_id: trace_id.clone(), span_id: vec![n + 1; 8], ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: (0..count).map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

/// A message as gRPC frames it.
pub fn framed(compressed: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a test's message is small");
    [&[compressed][..], &length.to_be_bytes(), message].concat().into()
}

/// Sends over HTTP/1.1 on a connection of its own; what cannot be written any more is left out.
pub async fn http1(address: SocketAddr, headers: &[(&str, &str)], body: &[&[u8]]) -> Answer {
    exchange(address, &format!("POST {HTTP}"), headers, body).await
}

/// The same with any method and path: `GET /`.
pub async fn exchange(address: SocketAddr, what: &str, headers: &[(&str, &str)], body: &[&[u8]]) -> Answer {
    let mut head = format!("{what} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let received = raw(address, &[&[head.as_bytes()], body].concat()).await;
    parse(&received)
}

/// Writes `pieces` on a connection of its own, as far as they are taken, and reads what comes back until it ends.
pub async fn raw(address: SocketAddr, pieces: &[&[u8]]) -> Vec<u8> {
    let (mut read, mut write) = TcpStream::connect(address).await.expect("it listens").into_split();
    let writing = async {
        let mut rest = pieces.iter().copied();
        // A server may close as soon as it has answered; the answer is what counts.
        while let Some(bytes) = rest.next()
            && write.write_all(bytes).await.is_ok()
        {}
        write
    };
    let reading = async {
        let mut received = Vec::new();
        while matches!(read.read_buf(&mut received).await, Ok(1..)) {}
        received
    };
    tokio::join!(writing, reading).1
}

/// The first answer of HTTP/1.1 in what was received.
pub fn parse(received: &[u8]) -> Answer {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer in {:?}", String::from_utf8_lossy(received)));
    let head = String::from_utf8(received[..end].to_vec()).expect("a head is ASCII");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| {
        let name = header::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, value.parse().expect("a value"))
    });
    Answer {
        status: status.parse().expect("a number"),
        headers: headers.collect(),
        body: Bytes::copy_from_slice(&received[end + 4..]),
        trailers: HeaderMap::new(),
    }
}

/// An HTTP/2 connection; its task ends with it.
pub struct Http2 {
    pub requests: SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for Http2 {
    /// The socket closes without a word, as it does when a process dies.
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Http2 {
    pub async fn connect(address: SocketAddr) -> Http2 {
        let socket = TcpStream::connect(address).await.expect("it listens");
        socket.set_nodelay(true).expect("the connection lives");
        let (requests, connection) = h2::client::handshake(socket).await.expect("HTTP/2");
        let connection = tokio::spawn(async {
            // How a connection ends is seen by its requests.
            let _end = connection.await;
        });
        Http2 { requests: requests.ready().await.expect("a new connection has room"), connection }
    }

    /// Sends `body` chunk by chunk, as far as it is taken, while it waits for the answer.
    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: &[Bytes]) -> Answer {
        let mut requests = self.requests.clone().ready().await.expect("the connection lives");
        let (answer, stream) = requests.send_request(post(path, headers), false).expect("a request");
        let writing = write(stream, body);
        let reading = async {
            let (head, mut stream) = answer.await.expect("an answer comes before any reset").into_parts();
            let mut received = BytesMut::new();
            while let Some(data) = stream.data().await {
                let data = data.expect("the answer is whole");
                stream.flow_control().release_capacity(data.len()).expect("it was received");
                received.extend_from_slice(&data);
            }
            let trailers = stream.trailers().await.expect("trailers, if any, are whole");
            Answer {
                status: head.status.as_u16(),
                headers: head.headers,
                body: received.freeze(),
                trailers: trailers.unwrap_or_default(),
            }
        };
        tokio::join!(writing, reading).1
    }
}

/// A POST of `path` to be sent over HTTP/2.
pub fn post(path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::post(format!("http://burgee.test{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

async fn write(mut stream: h2::SendStream<Bytes>, body: &[Bytes]) {
    for chunk in body {
        let mut chunk = chunk.clone();
        while chunk.has_remaining() {
            stream.reserve_capacity(chunk.len());
            // None and errors: the server has answered and wants no more.
            let Some(Ok(room)) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
            if stream.send_data(chunk.split_to(room.min(chunk.len())), false).is_err() {
                return;
            }
        }
    }
    // The server may have gone; then there is nobody to tell that this was all.
    let _gone = stream.send_data(Bytes::new(), true);
}
