//! The sender in front and the downstream behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use burgee::net::{
    Body, Client, ClientConfig, Connection, Limits, Listener, Offer, Protocol, RequestBody, Service, Stop,
    Windows,
};
use burgee::net::{Sizing, read_body, serve};
use burgee::observe::facts::Facts;
use burgee::otlp::{Signal, Watchlist, check};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::sync::Notify;

/// Takes whatever comes and counts its spans.
pub struct Sink {
    pub address: String,
    counter: Arc<Counter>,
}

#[derive(Default)]
struct Counter {
    spans: AtomicU64,
    more: Notify,
}

impl Sink {
    pub async fn start() -> Sink {
        let listener = Listener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().to_string();
        let counter = Arc::new(Counter::default());
        let service = Arc::new(Counting(counter.clone()));
        // as tonic's and Go's servers have it
        let limits = Limits { h2_frame_max: 16 << 10, ..Limits::default() };
        let (windows, facts) = (Windows::new(u64::MAX), Arc::new(Facts::default()));
        tokio::spawn(serve(listener, Offer::new(service, limits), windows, facts, Stop::new()));
        Sink { address, counter }
    }

    /// Waits until exactly this many spans have come since the last call.
    pub async fn wait_for(&self, spans: u64) {
        let all = async {
            while self.counter.spans.load(Ordering::Acquire) < spans {
                self.counter.more.notified().await;
            }
        };
        if tokio::time::timeout(super::PATIENCE, all).await.is_err() {
            panic!("{} of {spans} spans arrived", self.counter.spans.load(Ordering::Acquire));
        }
        assert_eq!(self.counter.spans.swap(0, Ordering::AcqRel), spans, "every span once");
    }
}

struct Counting(Arc<Counter>);

impl Service for Counting {
    fn call(&self, request: Request<RequestBody>, _: &Arc<Connection>) -> BoxFuture<'static, Response<Body>> {
        let counter = self.0.clone();
        async move {
            let mut body = request.into_body();
            let bytes = read_body(&mut body, 64 << 20, Sizing::GrpcPrefix, |_| Ok::<_, ()>(()))
                .await
                .expect("a body");
            let message = Bytes::from(bytes).slice(5..);
            let checked = check(Signal::Traces, message, &Watchlist::default()).expect("well formed");
            counter.spans.fetch_add(checked.payload.len(), Ordering::AcqRel);
            counter.more.notify_one();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let mut response = Response::new(Body::from(Bytes::from_static(&[0; 5])).with_trailers(trailers));
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            response
        }
        .boxed()
    }
}

/// Sends `count` requests, the given ones in turn.
pub async fn send(address: &str, requests: &[Bytes], count: u64, connections: usize, in_flight: usize) {
    let uri: http::Uri = format!("http://{address}{}", Signal::Traces.grpc_path()).parse().expect("a URI");
    let sent = Arc::new(AtomicU64::new(0));
    let mut senders = Vec::new();
    for _ in 0..connections {
        let client = Client::new(&ClientConfig { protocol: Protocol::Http2, ..ClientConfig::default() });
        for _ in 0..in_flight {
            let (client, uri, sent, requests) =
                (client.clone(), uri.clone(), sent.clone(), requests.to_vec());
            senders.push(tokio::spawn(async move {
                loop {
                    let n = sent.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    one(&client, &uri, requests[n as usize % requests.len()].clone()).await;
                }
            }));
        }
    }
    for sender in join_all(senders).await {
        sender.expect("a sender does not panic");
    }
}

/// Sends one request, again if the collector asks for it.
async fn one(client: &Client, uri: &http::Uri, message: Bytes) {
    loop {
        let request = Request::post(uri.clone())
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Body::from(message.clone()))
            .expect("a request");
        let answer = client.send(request, Duration::from_secs(20)).await.expect("an answer");
        let trailers = answer.body().trailers.as_ref();
        let status =
            trailers.and_then(|t| t.get("grpc-status")).or_else(|| answer.headers().get("grpc-status"));
        match status.map(HeaderValue::as_bytes) {
            Some(b"0") => return,
            Some(b"14") => tokio::time::sleep(Duration::from_millis(20)).await,
            other => panic!("{other:?}: {:?}", answer.headers()),
        }
    }
}

/// Asks for what the page shows, once a second, for ever.
pub async fn watch(admin: String) {
    let mut after = 0;
    loop {
        for path in
            ["/api/overview".to_owned(), format!("/api/evaluations?after={after}"), "/api/flags".to_owned()]
        {
            let answer = get(&admin, &path).await;
            if let Some((_, rest)) = answer.split_once("\"last\":") {
                after = rest.split(',').next().and_then(|last| last.parse().ok()).unwrap_or(after);
            }
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

async fn get(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return String::new() };
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut answer = Vec::new();
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_end(&mut answer).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}
