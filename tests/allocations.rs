//! What a request costs in allocations, from socket to outbox: a limit, so that nobody adds to it without knowing.
//!
//! The collector runs on one thread of its own, whose allocations are counted; the sender on another. The count is of
//! everything: hyper, h2, the door, the processor, the outbox.

use std::sync::mpsc;
use std::time::Duration;

use burgee::collector::Collector;
use burgee::config::Source;
use burgee::net::{Body, Client, ClientConfig, Protocol};
use burgee::otlp::Signal;
use burgee::registry::Plan;
use bytes::Bytes;
use http::{HeaderValue, Request, Uri};
use prost::Message;

#[path = "../benches/compare/corpus.rs"]
#[allow(dead_code, reason = "two of its workloads are enough here")]
mod corpus;

/// Measured when this was written, with some room for what comes once in a while: timers, tables that grow.
const LIMITS: [(Protocol, &str, f64); 4] = [
    (Protocol::Http2, "mixed-1", 27.0),
    (Protocol::Http2, "mixed-50", 49.0),
    (Protocol::Http1, "mixed-1", 23.0),
    (Protocol::Http1, "mixed-50", 42.0),
];

#[test]
fn a_request_allocates_no_more_than_it_did() {
    let mut over = Vec::new();
    for (protocol, workload, limit) in LIMITS {
        let counted = allocations_per_request(protocol, workload);
        println!("{protocol:?} {workload}: {counted:.1} allocations per request, limit {limit}");
        if counted > limit {
            over.push((protocol, workload, counted));
        }
    }
    assert!(over.is_empty(), "more than before: {over:?}");
}

fn allocations_per_request(protocol: Protocol, workload: &str) -> f64 {
    let (address, listens) = mpsc::channel();
    let (go_on, goes_on) = tokio::sync::mpsc::channel(2);
    let collector = std::thread::spawn(move || collect(&address, goes_on));
    let address = listens.recv().expect("it starts");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let traffic = Traffic::new(protocol, workload, address);
    runtime.block_on(async {
        let client = Client::new(&ClientConfig { protocol, ..ClientConfig::default() });
        // the first ones fill tables and thread-locals
        for measured in [false, true] {
            for number in 0..REQUESTS {
                traffic.send(&client, number).await;
            }
            go_on.send(measured).await.expect("the collector waits for it");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    collector.join().expect("it does not panic") as f64 / REQUESTS as f64
}

/// Runs the collector: not counted until the first word comes, then counted until the second.
fn collect(
    listens: &mpsc::Sender<std::net::SocketAddr>,
    mut goes_on: tokio::sync::mpsc::Receiver<bool>,
) -> u64 {
    let text = "receivers: {otlp: {protocols: {grpc: {endpoint: \"127.0.0.1:0\"}}}}
processors: {feature_flag: {}}
exporters: {nop: {}}
extensions: {admin: {endpoint: \"127.0.0.1:0\", remember: 0}}
service:
  extensions: [admin]
  pipelines: {traces: {receivers: [otlp], processors: [feature_flag], exporters: [nop]}}";
    let plan = Plan::read(&[Source::new("test.yaml", text)], &|_| None);
    let plan = plan.unwrap_or_else(|report| panic!("{report}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let collector = runtime.block_on(async {
        let collector = Collector::start(plan).await.expect("free ports");
        let otlp = collector.listening().iter().find(|listening| &*listening.component == "otlp");
        listens.send(otlp.expect("it has one").address).expect("the test waits");
        goes_on.recv().await.expect("the first word");
        collector
    });
    let counted = allocation_counter::measure(|| {
        runtime.block_on(async { goes_on.recv().await.expect("the second word") });
    });
    runtime.block_on(async { collector.stop(Duration::from_secs(5)).await });
    counted.count_total
}

struct Traffic {
    uri: Uri,
    content_type: HeaderValue,
    bodies: Vec<Bytes>,
}

impl Traffic {
    fn new(protocol: Protocol, workload: &str, address: std::net::SocketAddr) -> Traffic {
        let is_grpc = protocol == Protocol::Http2;
        let path = if is_grpc { Signal::Traces.grpc_path() } else { Signal::Traces.http_path() };
        let bodies = corpus::Workload::named(workload).expect("it is there").requests();
        let framed = |body: Vec<u8>| match is_grpc {
            true => {
                let length = u32::try_from(body.len()).expect("small").to_be_bytes();
                [&[0][..], &length, &body].concat().into()
            }
            false => body.into(),
        };
        let content_type = if is_grpc { "application/grpc" } else { "application/x-protobuf" };
        Traffic {
            uri: format!("http://{address}{path}").parse().expect("a URI"),
            content_type: HeaderValue::from_static(content_type),
            bodies: bodies.iter().map(|sample| framed(sample.message.encode_to_vec())).collect(),
        }
    }

    async fn send(&self, client: &Client, number: usize) {
        let body = self.bodies[number % self.bodies.len()].clone();
        let request = Request::post(self.uri.clone())
            .header("content-type", self.content_type.clone())
            .header("te", "trailers")
            .body(Body::from(body))
            .expect("a request");
        let answer = client.send(request, Duration::from_secs(20)).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let status = answer.body().trailers.as_ref().and_then(|trailers| trailers.get("grpc-status"));
        assert!(status.is_none_or(|status| status == "0"), "{status:?}");
    }
}

const REQUESTS: usize = 500;
