//! Downstreams and networks that are wrong in every way that is known: what was accepted arrives or is counted, nothing
//! grows, and no fault ends the collector. On loopback, bounded; a fault lasts for a number of requests, never for a time.

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/downstream.rs"]
mod downstream;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/sender.rs"]
mod sender;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/mod.rs"]
mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use burgee::net::Body;
use bytes::Bytes;
use downstream::{AT_ONCE, Downstream, PATIENCE, Reply, Rig, Speaks};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use sender::{http1, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

const BOTH: [Speaks; 2] = [Speaks::Http1, Speaks::Http2];

fn exporter(speaks: Speaks, at: SocketAddr, keys: &str) -> (&'static str, String) {
    let id = if speaks == Speaks::Http1 { "otlp_http" } else { "otlp_grpc" };
    (id, format!("endpoint: 'http://{at}', compression: none, {keys}"))
}

async fn send(rig: &Rig, number: u32, spans: u8) -> u16 {
    post(rig.address, &request(number, spans)).await
}

async fn post(address: SocketAddr, body: &[u8]) -> u16 {
    let length = body.len().to_string();
    let headers = [("content-type", "application/x-protobuf"), ("content-length", length.as_str())];
    http1(address, &headers, &[body]).await.status
}

#[tokio::test]
async fn a_connection_that_is_reset_within_a_request_is_made_anew() {
    for speaks in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (id, keys) = exporter(speaks, address, AT_ONCE);
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 50).await;
        // Resets after some bytes, from the first to the middle of the body.
        for bytes in [1, 24, 100, 700, 1000] {
            let (mut socket, _) = accept(&listener).await;
            socket.read_exact(&mut vec![0; bytes]).await.expect("so much comes");
            socket.set_zero_linger().expect("a socket option");
        }
        let back = Downstream::of(listener, speaks, move |_, _| Reply::ok(speaks));
        assert_eq!(rig.settled(id, 50).await.ledger.sent, 50);
        assert_eq!(back.seen().len(), 1, "{speaks:?}");
    }
}

async fn accept(listener: &TcpListener) -> (tokio::net::TcpStream, SocketAddr) {
    timeout(PATIENCE, listener.accept()).await.expect("it tries again").expect("a connection")
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_given_up_for_a_new_one() {
    for speaks in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (id, keys) = exporter(speaks, address, &format!("timeout: 100ms, {AT_ONCE}"));
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        let (_silent, _) = accept(&listener).await;
        let _back = Downstream::of(listener, speaks, move |_, _| Reply::ok(speaks));
        assert_eq!(rig.settled(id, 1).await.ledger.sent, 1, "{speaks:?}");
    }
}

#[tokio::test]
async fn a_downstream_that_flaps_gets_everything_in_the_end() {
    for speaks in BOTH {
        // Of six requests, two get through.
        let script = move |number, _: &_| match (number % 6, speaks) {
            (0, Speaks::Http1) => Reply::http(503, &[("retry-after", "0")], "busy"),
            (0, Speaks::Http2) => Reply::grpc(14, &[]),
            (1 | 3, _) => Reply::Close,
            (4, Speaks::Http1) => Reply::http(502, &[("content-type", "text/html")], "<h1>Bad gateway</h1>"),
            (4, Speaks::Http2) => Reply::http(503, &[("content-type", "text/html")], "<h1>Busy</h1>"),
            _ => Reply::ok(speaks),
        };
        let downstream = Downstream::start(speaks, script).await;
        let (id, keys) = exporter(speaks, downstream.address, AT_ONCE);
        let rig = Rig::start(&[(id, keys)]).await;
        for number in 1..=60 {
            assert_eq!(send(&rig, number, 2).await, 200);
        }
        assert_eq!(rig.settled(id, 120).await.ledger.sent, 120, "{speaks:?}");
    }
}

#[tokio::test]
async fn garbage_instead_of_an_answer_is_tried_again() {
    for speaks in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (id, keys) = exporter(speaks, address, AT_ONCE);
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        for garbage in
            [&b"\xff\xfe\0\0garbage\r\n\r\n"[..], b"HTTP/1.1 2000 OK\r\n\r\n", b"\0\0\x01\x63\0\0\0\0\0"]
        {
            let (mut socket, _) = accept(&listener).await;
            socket.write_all(garbage).await.expect("it reads");
            // until it has had enough
            let _ = socket.read_to_end(&mut Vec::new()).await;
        }
        let _back = Downstream::of(listener, speaks, move |_, _| Reply::ok(speaks));
        assert_eq!(rig.settled(id, 1).await.ledger.sent, 1, "{speaks:?}");
    }
}

/// An HTTP/2 server as it is configured, that closes a connection with GOAWAY after `requests_max` requests.
async fn server(
    builder: http2::Builder<TokioExecutor>,
    requests_max: usize,
) -> (SocketAddr, mpsc::Receiver<Bytes>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (sender, bodies) = mpsc::channel(1024);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (sender, enough) = (sender.clone(), Arc::new(Notify::new()));
            let (counted, builder) = (Arc::new(std::sync::atomic::AtomicUsize::new(0)), builder.clone());
            tokio::spawn(async move {
                let full = Arc::clone(&enough);
                let service = service_fn(move |request: Request<Incoming>| {
                    let (sender, counted, full) = (sender.clone(), Arc::clone(&counted), Arc::clone(&full));
                    async move {
                        let body = request.into_body().collect().await.map(|body| body.to_bytes());
                        if let Ok(body) = body {
                            sender.send(body).await.expect("the test reads, or has room");
                        }
                        if counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == requests_max {
                            full.notify_one();
                        }
                        let Reply::Answer(answer) = Reply::grpc(0, &[]) else { unreachable!("it answers") };
                        Ok::<Response<Body>, Infallible>(answer)
                    }
                });
                let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(socket), service));
                tokio::select! {
                    _ = serving.as_mut() => return,
                    () = enough.notified() => serving.as_mut().graceful_shutdown(),
                }
                // how it ends is the other side's test
                let _ = serving.await;
            });
        }
    });
    (address, bodies)
}

#[tokio::test]
async fn goaway_one_stream_and_tiny_windows_cost_time_and_no_data() {
    let plain = || http2::Builder::new(TokioExecutor::new());
    let mut one_stream = plain();
    one_stream.max_concurrent_streams(1);
    let mut tiny = plain();
    tiny.initial_stream_window_size(64).initial_connection_window_size(65_535);
    for (builder, requests_max) in [(plain(), 1), (one_stream, usize::MAX), (tiny, usize::MAX)] {
        let (address, mut bodies) = server(builder, requests_max).await;
        let (id, keys) = exporter(Speaks::Http2, address, AT_ONCE);
        let rig = Rig::start(&[(id, keys)]).await;
        for number in 1..=30 {
            assert_eq!(send(&rig, number, 5).await, 200);
        }
        assert_eq!(rig.settled(id, 150).await.ledger.sent, 150);
        assert!(bodies.try_recv().is_ok());
    }
}

#[tokio::test]
async fn headers_without_end_are_cut_off() {
    let long = "x".repeat(64 << 10);
    for speaks in BOTH {
        let long = long.clone();
        let script = move |number, _: &_| match number {
            0..3 => Reply::http(200, &[("content-type", "application/grpc"), ("x-long", &long)], ""),
            _ => Reply::ok(speaks),
        };
        let downstream = Downstream::start(speaks, script).await;
        let (id, keys) = exporter(speaks, downstream.address, AT_ONCE);
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        let ledger = rig.settled(id, 1).await.ledger;
        assert_eq!((ledger.sent, ledger.rejected), (1, 0), "{speaks:?}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off_and_not_asked_for_again() {
    for (speaks, kind) in [(Speaks::Http1, "application/x-protobuf"), (Speaks::Http2, "application/grpc")] {
        let script = move |_, _: &_| {
            Reply::endless(&[("content-type", kind)], Bytes::from(vec![0; 64 << 10]), Duration::ZERO)
        };
        let downstream = Downstream::start(speaks, script).await;
        let (id, keys) = exporter(speaks, downstream.address, &format!("timeout: 60s, {AT_ONCE}"));
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        let outbox = rig.settled(id, 1).await;
        assert_eq!((outbox.ledger.rejected, downstream.seen().len()), (1, 1), "{outbox:?}");
    }
}

#[tokio::test]
async fn an_answer_that_drips_is_cut_off_by_the_timeout() {
    for (speaks, kind) in [(Speaks::Http1, "application/x-protobuf"), (Speaks::Http2, "application/grpc")] {
        let script = move |number, _: &_| match number {
            0 => {
                Reply::endless(&[("content-type", kind)], Bytes::from_static(b"\0"), Duration::from_millis(5))
            }
            _ => Reply::ok(speaks),
        };
        let downstream = Downstream::start(speaks, script).await;
        let (id, keys) = exporter(speaks, downstream.address, &format!("timeout: 100ms, {AT_ONCE}"));
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        assert_eq!(rig.settled(id, 1).await.ledger.sent, 1, "{speaks:?}");
        assert!(downstream.seen().len() >= 2, "the first answer was not waited for");
    }
}

#[tokio::test]
async fn a_retry_after_that_makes_no_sense_is_no_reason_to_stop() {
    for value in ["-5", "99999999999999999999999", "1e9", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let script = move |number, _: &_| match number {
            0 => Reply::http(503, &[("retry-after", value)], ""),
            _ => Reply::ok(Speaks::Http1),
        };
        let downstream = Downstream::start(Speaks::Http1, script).await;
        let (id, keys) = exporter(Speaks::Http1, downstream.address, AT_ONCE);
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        assert_eq!(rig.settled(id, 1).await.ledger.sent, 1, "{value:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_arrives_in_halves() {
    for speaks in BOTH {
        let refuse = move || match speaks {
            Speaks::Http1 => Reply::http(413, &[], ""),
            Speaks::Http2 => Reply::grpc(8, &[]),
        };
        // Takes 200 bytes; a span of a test has about 30.
        let script = move |_, seen: &downstream::Seen| {
            if seen.body.len() > 200 { refuse() } else { Reply::ok(speaks) }
        };
        let downstream = Downstream::start(speaks, script).await;
        let (id, keys) = exporter(speaks, downstream.address, AT_ONCE);
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 64).await;
        assert_eq!(rig.settled(id, 64).await.ledger.sent, 64, "{speaks:?}");
    }
}

#[tokio::test]
async fn where_senders_are_to_wait_a_full_queue_delays_and_does_not_refuse() {
    let downstream = Downstream::start(Speaks::Http2, |_, _| Reply::held_ok(Speaks::Http2)).await;
    let keys = "timeout: 60s, sending_queue: {queue_size: 1, block_on_overflow: true}";
    let (id, keys) = exporter(Speaks::Http2, downstream.address, keys);
    let rig = Rig::start(&[(id, keys)]).await;
    assert_eq!(send(&rig, 1, 1).await, 200);
    downstream.requests(1).await;
    let address = rig.address;
    let mut waiting = tokio::spawn(async move { post(address, &request(2, 1)).await });
    // Its answer comes after the downstream's first one, or else it would have come by now.
    assert!(timeout(Duration::from_millis(100), &mut waiting).await.is_err(), "it waits");
    downstream.answers.add_permits(2);
    assert_eq!(waiting.await.expect("no panic"), 200);
    let outbox = rig.settled(id, 2).await;
    assert_eq!((outbox.ledger.sent, downstream.seen().len()), (2, 2));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_keeps_whole_lines_and_the_queue_keeps_the_rest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("out.jsonl");
    let config = format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}}}\n\
         extensions: {{admin: {{endpoint: '127.0.0.1:0'}}}}\n\
         exporters:\n  file: {{path: '{}', sending_queue: {{queue_size: 5, num_consumers: 1}}, {AT_ONCE}}}\n\
         service:\n  extensions: [admin]\n  pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}\n",
        path.display()
    );
    let config = support::file(folder.path(), "config.yaml", &config);
    // No file may grow beyond a few blocks; the signal for it is ignored, so that writing says so.
    let mut burgee = support::start_after("trap '' XFSZ; ulimit -f 8", &["run", "--config", &config]);
    let address = burgee.listening("OTLP").await;
    let mut accepted = 0;
    let refused = async {
        while post(address, &request(accepted, 10)).await == 200 {
            accepted += 1;
        }
    };
    timeout(PATIENCE, refused).await.expect("the queue is full in the end");
    burgee.log.line_with(&["cannot deliver", "out.jsonl cannot be written to"]).await;
    let text = std::fs::read_to_string(&path).expect("it is there");
    let whole = text
        .lines()
        .map(|line| serde_json::from_str::<ExportTraceServiceRequest>(line).expect("a whole line"));
    let spans: usize = whole
        .map(|request| {
            request.resource_spans.iter().map(|group| group.scope_spans[0].spans.len()).sum::<usize>()
        })
        .sum();
    assert!(
        text.ends_with('\n') && spans > 0 && spans < accepted as usize * 10,
        "{spans} of {accepted} requests"
    );
}
