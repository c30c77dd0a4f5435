//! A downstream that does as its script says.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::fixture::Script;

/// Ends when it is dropped.
pub struct Downstream {
    pub address: SocketAddr,
    answers: Arc<Semaphore>,
    back: Arc<OnceLock<SocketAddr>>,
    _serving: JoinSet<()>,
}

impl Downstream {
    pub async fn start(script: &Script) -> Downstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (answers, back) = (Arc::new(Semaphore::new(0)), Arc::new(OnceLock::new()));
        let mut serving = JoinSet::new();
        let (script, permits, to) = (script.clone(), answers.clone(), back.clone());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (script, permits, to) = (script.clone(), permits.clone(), to.clone());
                connections.spawn(async move {
                    match to.get().filter(|_| script.sends_back) {
                        Some(to) => pass_on(socket, *to).await,
                        None => answer(socket, &script, &permits).await,
                    }
                });
            }
        });
        Downstream { address, answers, back, _serving: serving }
    }

    /// Where it sends what comes, if its script says so.
    pub fn sends_back_to(&self, port: SocketAddr) {
        self.back.set(port).expect("it is told once");
    }

    /// Gives so many of the answers that it holds back.
    pub fn answer(&self, answers: usize) {
        self.answers.add_permits(answers);
    }
}

async fn pass_on(mut socket: TcpStream, to: SocketAddr) {
    if let Ok(mut onward) = TcpStream::connect(to).await {
        // either side may close first
        let _end = copy_bidirectional(&mut socket, &mut onward).await;
    }
}

/// One connection, request after request, until it closes.
async fn answer(mut socket: TcpStream, script: &Script, permits: &Semaphore) {
    let mut received = Vec::new();
    loop {
        while let Some(end) = request_end(&received) {
            received.drain(..end);
            if script.held {
                permits.acquire().await.expect("nobody closes it").forget();
            }
            if socket.write_all(&response(script)).await.is_err() {
                return;
            }
        }
        if !matches!(socket.read_buf(&mut received).await, Ok(1..)) {
            return;
        }
    }
}

/// Where the first request ends, once it is whole.
fn request_end(received: &[u8]) -> Option<usize> {
    let head_end = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&received[..head_end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.expect("the exporter knows the length").trim().parse().expect("a number");
    (received.len() >= head_end + length).then_some(head_end + length)
}

fn response(script: &Script) -> Vec<u8> {
    let partial_success = script
        .partly
        .as_ref()
        .map(|why| ExportTracePartialSuccess { rejected_spans: 1, error_message: why.clone() });
    let body = match partial_success {
        Some(_) => ExportTraceServiceResponse { partial_success }.encode_to_vec(),
        None => script.body.clone().into_bytes(),
    };
    let kind = if script.body.is_empty() { "application/x-protobuf" } else { "text/plain" };
    let status = script.status.unwrap_or(200);
    let head =
        format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body].concat()
}
