//! A downstream that is gone or hangs: what was accepted arrives, what does not fit is refused retryably, and nobody
//! else suffers.

#[expect(dead_code, reason = "the tests of bad input need more of it")]
#[path = "support/sender.rs"]
mod sender;
#[expect(dead_code, reason = "other tests decide when it answers")]
#[path = "support/sink.rs"]
mod sink;

use std::net::SocketAddr;
use std::time::Duration;

use burgee::collector::Collector;
use burgee::config::Source;
use burgee::registry::Plan;
use sender::{GRPC, HTTP, Http2, framed, request};
use sink::Sink;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Instant, sleep, timeout};

/// A collector with these exporters, all of which get all traces.
async fn collector(exporters: &[(&str, SocketAddr, &str)]) -> (Collector, SocketAddr) {
    let mut text = String::from(
        "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
extensions: {admin: {endpoint: '127.0.0.1:0'}}
exporters:
",
    );
    for (id, downstream, keys) in exporters {
        text += &format!("  {id}: {{endpoint: 'http://{downstream}', compression: none, {keys}}}\n");
    }
    let ids: Vec<&str> = exporters.iter().map(|exporter| exporter.0).collect();
    text += &format!(
        "service:\n  extensions: [admin]\n  pipelines: {{traces: {{receivers: [otlp], exporters: [{}]}}}}\n",
        ids.join(", ")
    );
    let plan = Plan::read(&[Source::new("test.yaml", &text)], &|_| None);
    let collector = Collector::start(plan.unwrap_or_else(|report| panic!("{report}"))).await;
    let collector = collector.expect("free ports");
    let address = collector.local_addrs().next().expect("one port");
    (collector, address)
}

#[tokio::test]
async fn two_hundred_requests_for_a_dead_downstream_arrive_as_far_as_they_were_accepted() {
    // Bound and not listening: whoever connects is refused.
    let dead = TcpSocket::new_v4().expect("a socket");
    dead.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let downstream = dead.local_addr().expect("bound");
    let keys =
        "sending_queue: {queue_size: 50}, retry_on_failure: {initial_interval: 20ms, max_interval: 50ms}";
    let (collector, address) = collector(&[("otlp_grpc", downstream, keys)]).await;

    let client = Http2::connect(address).await;
    let mut accepted = Vec::new();
    for number in 0..200_u32 {
        let body = request(number, 3);
        // Both protocols, in turns.
        let taken = if number % 2 == 0 {
            let answer =
                client.send(GRPC, &[("content-type", "application/grpc")], &[framed(0, &body)]).await;
            let code = answer.grpc_status().expect("gRPC");
            let headers = if answer.trailers.is_empty() { &answer.headers } else { &answer.trailers };
            assert!(code == 0 || code == 14 && headers.contains_key("grpc-status-details-bin"), "{answer:?}");
            code == 0
        } else {
            let answer = client.send(HTTP, &[("content-type", "application/x-protobuf")], &[body]).await;
            let again = answer.status == 503 && answer.headers.contains_key("retry-after");
            assert!(answer.status == 200 || again, "{answer:?}");
            answer.status == 200
        };
        if taken {
            accepted.push(number);
        }
    }
    assert_eq!(accepted.len(), 50, "as many as the queue has places");

    let back = Sink::serve(dead.listen(64).expect("it is bound"), usize::MAX >> 4);
    let summary = collector.stop(Duration::from_secs(30)).await;
    assert_eq!((summary.exporters[0].sent, summary.exporters[0].dropped.len()), (150, 0));
    assert_eq!(summary.refused, 150);
    let expected: Vec<u32> = accepted.iter().flat_map(|number| [*number; 3]).collect();
    let arrived: Vec<u32> =
        back.trace_ids().iter().map(|id| u32::from_be_bytes([id[0], id[1], id[2], id[3]])).collect();
    assert_eq!(arrived, expected, "each of them once, and nothing that was refused");
}

#[tokio::test]
async fn a_downstream_that_hangs_does_not_keep_the_other_from_getting() {
    // Its connections are made by the system, and nobody reads from them.
    let paused = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let living = listener.local_addr().expect("bound");
    let mut sink = Sink::serve(listener, usize::MAX >> 4);
    let (collector, address) = collector(&[
        ("otlp_grpc/paused", paused.local_addr().expect("bound"), "sending_queue: {queue_size: 4}"),
        ("otlp_grpc/living", living, ""),
    ])
    .await;

    // A sender that comes again when it is told to, as every SDK does.
    let client = Http2::connect(address).await;
    let mut refused = 0;
    for number in 0..40 {
        let body = [request(number, 1)];
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = client.send(HTTP, &[("content-type", "application/x-protobuf")], &body).await;
            if answer.status == 200 {
                break;
            }
            assert!(answer.status == 503 && Instant::now() < deadline, "{answer:?}");
            let after = answer.headers["retry-after"].to_str().expect("ASCII").parse().expect("seconds");
            refused += 1;
            sleep(Duration::from_secs(after)).await;
        }
        timeout(PATIENCE, sink.arrived.recv()).await.expect("it arrives at once").expect("the sink lives");
    }
    assert!(refused > 0, "the paused one was full for a while before it was isolated");

    let summary = collector.stop(Duration::from_millis(500)).await;
    let exported =
        |id: &str| summary.exporters.iter().find(|exported| exported.exporter == id).expect("both");
    assert_eq!((exported("otlp_grpc/living").sent, exported("otlp_grpc/living").dropped.len()), (40, 0));
    let paused = exported("otlp_grpc/paused");
    assert_eq!(paused.dropped, [("drain_deadline", 4), ("exporter_down", 36)].into());
    assert_eq!(sink.trace_ids().len(), 40);
}

/// Far more than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
