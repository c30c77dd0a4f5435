//! What OTLP 1.11 asks of a client, one test for each requirement, so that the list of tests is the report:
//! `cargo test --test otlp_client`. Numbers are those of the project's table of requirements. Each test sends through a
//! running collector and looks at what reaches a scripted downstream over sockets.
//!
//! Nothing depends on how fast a machine is: a time is only ever a least one ("not before").

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/downstream.rs"]
mod downstream;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/sender.rs"]
mod sender;

use std::time::{Duration, SystemTime};

use burgee::observe::ledger::{DropReason, OutboxLedger};
use burgee::otlp::answer::Answer as Outcome;
use burgee::otlp::compression::gzip;
use bytes::Bytes;
use downstream::{AT_ONCE, Downstream, PATIENCE, Reply, Rig, Speaks};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use sender::{http1, request};
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tonic::metadata::{Binary, MetadataValue};

const BOTH: [Speaks; 2] = [Speaks::Http1, Speaks::Http2];

/// An exporter for a downstream that speaks this, with more keys.
fn exporter(speaks: Speaks, downstream: &Downstream, keys: &str) -> (&'static str, String) {
    let id = match speaks {
        Speaks::Http1 => "otlp_http",
        Speaks::Http2 => "otlp_grpc",
    };
    (id, format!("endpoint: 'http://{}', compression: none, {keys}", downstream.address))
}

/// Sends one request of `spans` spans to the collector, which takes it.
async fn send(rig: &Rig, number: u32, spans: u8) {
    let body = request(number, spans);
    let length = body.len().to_string();
    let headers = [("content-type", "application/x-protobuf"), ("content-length", &length)];
    assert_eq!(http1(rig.address, &headers, &[&body]).await.status, 200);
}

/// What becomes of one request of two spans: how many requests the downstream gets, and the ledger's sent, rejected and
/// dropped.
async fn fate(speaks: Speaks, script: impl FnMut(usize) -> Reply + Send + 'static) -> (usize, u64, u64, u64) {
    let mut script = script;
    let downstream = Downstream::start(speaks, move |number, _| script(number)).await;
    let (id, keys) = exporter(speaks, &downstream, AT_ONCE);
    let rig = Rig::start(&[(id, keys)]).await;
    send(&rig, 1, 1).await;
    let ledger = rig.settled(id, 1).await.ledger;
    let count = downstream.seen().len();
    rig.collector.stop(PATIENCE).await;
    assert_eq!(downstream.seen().len(), count, "nothing comes afterwards");
    (count, ledger.sent, ledger.rejected, dropped(&ledger))
}

fn dropped(ledger: &OutboxLedger) -> u64 {
    DropReason::ALL.into_iter().map(|reason| ledger.dropped.get(reason)).sum()
}

/// The first reply, and success afterwards.
fn once(speaks: Speaks, first: impl Fn() -> Reply + Send + 'static) -> impl FnMut(usize) -> Reply + Send {
    move |number| if number == 0 { first() } else { Reply::ok(speaks) }
}

const SENT_AGAIN: (usize, u64, u64, u64) = (2, 1, 0, 0);
const REJECTED: (usize, u64, u64, u64) = (1, 0, 1, 0);

fn retry_info(delay: Duration) -> String {
    let status = Outcome::RetryLater { after: Some(delay), message: String::new() }.status();
    let encoded = MetadataValue::<Binary>::from_bytes(&status);
    String::from_utf8(encoded.as_encoded_bytes().to_vec()).expect("base64 is text")
}

#[tokio::test]
async fn c01_a_request_above_the_limit_is_not_sent_and_counted() {
    for speaks in BOTH {
        let downstream = Downstream::start(speaks, move |_, _| Reply::ok(speaks)).await;
        let (id, keys) = exporter(speaks, &downstream, "max_request_size: 100");
        let rig = Rig::start(&[(id, keys)]).await;
        // 60 spans of about 30 bytes: divided, and each piece is below the limit before compression.
        send(&rig, 1, 60).await;
        rig.settled(id, 60).await;
        let pieces = downstream.seen();
        let prefix = if speaks == Speaks::Http2 { 5 } else { 0 };
        assert!(pieces.len() > 10 && pieces.iter().all(|seen| seen.body.len() <= 100 + prefix));
        rig.collector.stop(PATIENCE).await;

        let downstream = Downstream::start(speaks, move |_, _| Reply::ok(speaks)).await;
        let (id, keys) = exporter(speaks, &downstream, "max_request_size: 20");
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 3).await;
        let outbox = rig.settled(id, 3).await;
        assert_eq!((dropped(&outbox.ledger), downstream.seen().len()), (3, 0));
        assert!(outbox.last.expect("it is told").message.contains("larger than the 20 bytes"));
    }
}

#[tokio::test]
async fn c02_an_answer_above_the_limit_is_not_asked_for_again() {
    let large = vec![0; 5 << 20];
    let bomb = gzip([&large[..]]);
    let plain = Bytes::from(large.clone());
    assert_eq!(fate(Speaks::Http1, move |_| Reply::http(200, &[], plain.clone())).await, REJECTED);
    let gzipped = [("content-encoding", "gzip"), ("content-type", "application/x-protobuf")];
    assert_eq!(fate(Speaks::Http1, move |_| Reply::http(200, &gzipped, bomb.clone())).await, REJECTED);
    assert_eq!(fate(Speaks::Http2, move |_| Reply::grpc_message(&large)).await, REJECTED);
}

#[tokio::test]
async fn c03_as_many_requests_are_under_way_as_there_are_consumers() {
    for speaks in BOTH {
        let downstream = Downstream::start(speaks, move |_, _| Reply::held_ok(speaks)).await;
        let (id, keys) = exporter(speaks, &downstream, "sending_queue: {num_consumers: 10}, timeout: 60s");
        let rig = Rig::start(&[(id, keys)]).await;
        for number in 1..=10 {
            send(&rig, number, 1).await;
            // So that none of them is merged with the next.
            downstream.requests(number as usize).await;
        }
        assert_eq!(rig.outbox(id, |_| true).await.in_flight, 10, "none of them has an answer yet");
        downstream.answers.add_permits(10);
        rig.settled(id, 10).await;
    }
}

#[tokio::test]
async fn c04_a_shutdown_waits_for_answers_and_counts_what_it_cannot_deliver() {
    for speaks in BOTH {
        let downstream = Downstream::start(speaks, move |_, _| Reply::held_ok(speaks)).await;
        let (id, keys) = exporter(speaks, &downstream, "timeout: 60s");
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 2).await;
        downstream.requests(1).await;
        let stopping = tokio::spawn(rig.collector.stop(PATIENCE));
        downstream.answers.add_permits(1);
        let exported = &stopping.await.expect("no panic").exporters[0];
        assert_eq!((exported.sent, exported.dropped.len()), (2, 0));

        let downstream = Downstream::start(speaks, |_, _| Reply::Hang).await;
        let (id, keys) = exporter(speaks, &downstream, "timeout: 60s");
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 2).await;
        downstream.requests(1).await;
        let exported = &rig.collector.stop(Duration::ZERO).await.exporters[0];
        assert_eq!((exported.sent, exported.dropped.get("drain_deadline")), (0, Some(&2)));
    }
}

#[tokio::test]
async fn c05_each_grpc_code_is_sent_again_or_not() {
    for code in 1..=16 {
        let again = matches!(code, 1 | 4 | 10 | 11 | 14 | 15);
        let fate = fate(Speaks::Http2, once(Speaks::Http2, move || Reply::grpc(code, &[]))).await;
        let expected = match code {
            _ if again => SENT_AGAIN,
            // Too large, and a single span cannot be halved.
            8 => (1, 0, 0, 1),
            _ => REJECTED,
        };
        assert_eq!(fate, expected, "gRPC code {code}");
    }
    let details = retry_info(Duration::ZERO);
    let exhausted = move || Reply::grpc(8, &[("grpc-status-details-bin", &details)]);
    assert_eq!(fate(Speaks::Http2, once(Speaks::Http2, exhausted)).await, SENT_AGAIN, "with RetryInfo");
}

#[tokio::test]
async fn c06_what_is_not_retryable_is_dropped_and_counted() {
    assert_eq!(fate(Speaks::Http2, |_| Reply::grpc(3, &[])).await, REJECTED);
    assert_eq!(fate(Speaks::Http1, |_| Reply::http(400, &[], "")).await, REJECTED);
}

/// The least time between two tries: half of what the backoff has grown to, for jitter goes to both sides. That delays
/// differ is shown with the backoff itself, in `src/pipeline/retry.rs`.
#[tokio::test]
async fn c07_the_time_between_tries_grows() {
    for speaks in BOTH {
        let refuse = match speaks {
            Speaks::Http1 => || Reply::http(503, &[], ""),
            Speaks::Http2 => || Reply::grpc(14, &[]),
        };
        let script = move |number, _: &_| if number < 4 { refuse() } else { Reply::ok(speaks) };
        let downstream = Downstream::start(speaks, script).await;
        let keys = "retry_on_failure: {initial_interval: 40ms, multiplier: 2, max_interval: 1s}";
        let (id, keys) = exporter(speaks, &downstream, keys);
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        let tries = downstream.requests(5).await;
        for (pair, least) in tries.windows(2).zip([20, 40, 80, 160]) {
            let gap = pair[1].at - pair[0].at;
            assert!(gap >= Duration::from_millis(least), "{gap:?} is less than {least} ms");
        }
    }
}

/// The gap between the first request and the second.
async fn gap(speaks: Speaks, first: impl Fn() -> Reply + Send + 'static) -> (Duration, SystemTime) {
    let mut script = once(speaks, first);
    let downstream = Downstream::start(speaks, move |number, _| script(number)).await;
    let (id, keys) = exporter(speaks, &downstream, AT_ONCE);
    let rig = Rig::start(&[(id, keys)]).await;
    send(&rig, 1, 1).await;
    let tries = downstream.requests(2).await;
    (tries[1].at - tries[0].at, tries[1].wall)
}

#[tokio::test]
async fn c08_a_retry_info_is_waited_for() {
    let details = retry_info(Duration::from_millis(700));
    let unavailable = move || Reply::grpc(14, &[("grpc-status-details-bin", &details)]);
    assert!(gap(Speaks::Http2, unavailable).await.0 >= Duration::from_millis(700));
}

#[tokio::test]
async fn c09_each_http_status_is_sent_again_or_not() {
    for status in [301, 308, 400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 500, 501, 502, 503, 504, 505] {
        let fate = fate(Speaks::Http1, once(Speaks::Http1, move || Reply::http(status, &[], ""))).await;
        let expected = match status {
            429 | 502 | 503 | 504 => SENT_AGAIN,
            // Too large, and a single span cannot be halved.
            413 => (1, 0, 0, 1),
            _ => REJECTED,
        };
        assert_eq!(fate, expected, "HTTP {status}");
    }
}

#[tokio::test]
async fn c10_a_retry_after_is_waited_for_in_seconds_and_as_a_date() {
    for status in [429, 503] {
        let seconds = move || Reply::http(status, &[("retry-after", "1")], "");
        assert!(gap(Speaks::Http1, seconds).await.0 >= Duration::from_secs(1));
    }
    let date = httpdate::HttpDate::from(SystemTime::now() + Duration::from_secs(3));
    let until = move || Reply::http(503, &[("retry-after", &date.to_string())], "");
    assert!(gap(Speaks::Http1, until).await.1 >= SystemTime::from(date));
}

#[tokio::test]
async fn c11_a_partial_success_is_counted_and_not_sent_again() {
    let partial = |rejected, message: &str| {
        let error_message = message.to_owned();
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans: rejected, error_message });
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    };
    for (rejected, message, expected) in [
        (1, "no", (1, 0, 1, 0)),
        // More than was sent, and less than nothing.
        (9, "no", (1, 0, 1, 0)),
        (-1, "no", (1, 1, 0, 0)),
        // A warning, and a full success that says so at length.
        (0, "beware", (1, 1, 0, 0)),
        (0, "", (1, 1, 0, 0)),
    ] {
        let body = partial(rejected, message);
        let over_http = body.clone();
        let headers = [("content-type", "application/x-protobuf")];
        let http = fate(Speaks::Http1, move |_| Reply::http(200, &headers, over_http.clone())).await;
        let grpc = fate(Speaks::Http2, move |_| Reply::grpc_message(&body)).await;
        assert_eq!((http, grpc), (expected, expected), "{rejected} {message:?}");
    }
}

#[tokio::test]
async fn c12_without_an_answer_the_same_request_is_sent_again() {
    for speaks in BOTH {
        let script = move |number, _: &_| if number == 0 { Reply::Close } else { Reply::ok(speaks) };
        let downstream = Downstream::start(speaks, script).await;
        let (id, keys) = exporter(speaks, &downstream, AT_ONCE);
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        let tries = downstream.requests(2).await;
        assert_eq!(tries[0].body, tries[1].body);
        assert_eq!(rig.settled(id, 1).await.ledger.sent, 1);

        // Bound and not listening: whoever connects is refused.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let endpoint = socket.local_addr().expect("it is bound");
        let rig = Rig::start(&[(id, format!("endpoint: 'http://{endpoint}', {AT_ONCE}"))]).await;
        send(&rig, 1, 1).await;
        rig.outbox(id, |outbox| outbox.last.is_some()).await;
        let listener = socket.listen(8).expect("it is bound");
        let _back = Downstream::of(listener, speaks, move |_, _| Reply::ok(speaks));
        assert_eq!(rig.settled(id, 1).await.ledger.sent, 1);
    }
}

#[tokio::test]
async fn c13_connections_are_kept() {
    for speaks in BOTH {
        let downstream = Downstream::start(speaks, move |_, _| Reply::ok(speaks)).await;
        let (id, keys) = exporter(speaks, &downstream, "");
        let rig = Rig::start(&[(id, keys)]).await;
        for number in 1..=20 {
            send(&rig, number, 1).await;
            rig.settled(id, u64::from(number)).await;
        }
        let seen = downstream.seen();
        assert_eq!((seen.len(), seen[19].connection), (20, 1));
    }
}

#[tokio::test]
async fn c14_what_is_compressed_says_so_and_answers_may_be() {
    for speaks in BOTH {
        let downstream = Downstream::start(speaks, move |_, _| Reply::ok(speaks)).await;
        let (id, keys) = exporter(speaks, &downstream, "");
        let rig = Rig::start(&[(id, keys.replace("compression: none", "compression: gzip"))]).await;
        send(&rig, 1, 3).await;
        let seen = &downstream.requests(1).await[0];
        let (told, asked, start) = match speaks {
            Speaks::Http1 => ("content-encoding", "accept-encoding", 0),
            Speaks::Http2 => ("grpc-encoding", "grpc-accept-encoding", 5),
        };
        assert_eq!(seen.headers[told], "gzip");
        assert!(seen.headers[asked].to_str().expect("text").contains("gzip"));
        let body = burgee::otlp::compression::gunzip(&seen.body[start..], 1 << 20, |_| Ok::<(), ()>(()));
        assert_eq!(body.expect("gzip"), request(1, 3));
    }
}

#[tokio::test]
async fn c15_the_content_type_is_that_of_the_body() {
    for (speaks, keys, content_type) in [
        (Speaks::Http1, "encoding: proto", "application/x-protobuf"),
        (Speaks::Http1, "encoding: json", "application/json"),
        (Speaks::Http2, "", "application/grpc"),
    ] {
        let downstream = Downstream::start(speaks, move |_, _| Reply::ok(speaks)).await;
        let (id, keys) = exporter(speaks, &downstream, keys);
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        assert_eq!(downstream.requests(1).await[0].headers["content-type"], content_type);
    }
}

/// burgee speaks HTTP/1.1 to every OTLP/HTTP server, which is what others would fall back to.
#[tokio::test]
async fn c16_a_server_without_http2_gets_everything() {
    assert_eq!(fate(Speaks::Http1, |_| Reply::ok(Speaks::Http1)).await, (1, 1, 0, 0));
}

#[tokio::test]
async fn c17_destinations_do_not_hold_each_other_up() {
    let refusing = Downstream::start(Speaks::Http1, |_, _| Reply::http(503, &[], "")).await;
    let taking = Downstream::start(Speaks::Http2, |_, _| Reply::ok(Speaks::Http2)).await;
    let keys = "sending_queue: {queue_size: 2, isolate_after: 1ms}";
    let rig =
        Rig::start(&[exporter(Speaks::Http1, &refusing, keys), exporter(Speaks::Http2, &taking, "")]).await;
    for number in 1..=20 {
        send_until_taken(&rig, number).await;
        rig.settled("otlp_grpc", u64::from(number)).await;
    }
    assert!(!refusing.seen().is_empty());
    let exporters = rig.collector.stop(Duration::ZERO).await.exporters;
    let of = |id: &str| exporters.iter().find(|exported| exported.exporter == id).expect("both");
    assert_eq!((of("otlp_grpc").sent, of("otlp_grpc").dropped.len()), (20, 0));
    let lost: u64 = of("otlp_http").dropped.values().sum();
    assert_eq!((of("otlp_http").sent, lost), (0, 20), "each is counted where it was lost");
}

/// A queue may be full for the moment before its exporter counts as down.
async fn send_until_taken(rig: &Rig, number: u32) {
    let body = request(number, 1);
    let length = body.len().to_string();
    let headers = [("content-type", "application/x-protobuf"), ("content-length", length.as_str())];
    let taken = async { while http1(rig.address, &headers, &[&body]).await.status != 200 {} };
    timeout(PATIENCE, taken).await.expect("it is taken in the end");
}

/// The three examples of the exporter specification. burgee reads its endpoints from its configuration alone.
#[tokio::test]
async fn c18_a_base_gets_the_signals_path_and_an_endpoint_of_a_signal_stays_as_it_is() {
    for (endpoint, traces, path) in [
        ("http://@", "", "/v1/traces"),
        ("http://@/mycollector/", "", "/mycollector/v1/traces"),
        ("http://@", "http://@", "/"),
        ("http://@", "http://@/own?key=1", "/own?key=1"),
    ] {
        let downstream = Downstream::start(Speaks::Http1, |_, _| Reply::ok(Speaks::Http1)).await;
        let at = |url: &str| url.replace('@', &downstream.address.to_string());
        let keys = format!("endpoint: '{}', traces_endpoint: '{}'", at(endpoint), at(traces));
        let rig = Rig::start(&[("otlp_http", keys)]).await;
        send(&rig, 1, 1).await;
        assert_eq!(downstream.requests(1).await[0].path, path);
    }
}

#[tokio::test]
async fn c19_http_means_plain_text_and_beats_insecure() {
    let downstream = Downstream::start(Speaks::Http2, |_, _| Reply::ok(Speaks::Http2)).await;
    for tls in ["tls: {insecure: false}", "tls: {insecure: true}"] {
        let rig = Rig::start(&[exporter(Speaks::Http2, &downstream, tls)]).await;
        send(&rig, 1, 1).await;
        assert_eq!(rig.settled("otlp_grpc", 1).await.ledger.sent, 1, "{tls}");
    }
}

#[tokio::test]
async fn c20_requests_say_who_sends_them() {
    for speaks in BOTH {
        let downstream = Downstream::start(speaks, move |_, _| Reply::ok(speaks)).await;
        let (id, keys) = exporter(speaks, &downstream, "");
        let rig = Rig::start(&[(id, keys)]).await;
        send(&rig, 1, 1).await;
        let agent = downstream.requests(1).await[0].headers["user-agent"].clone();
        // and which of all burgees it is, so that each knows its own
        let agent = agent.to_str().expect("it is text");
        let instance =
            agent.strip_prefix(concat!("burgee/", env!("CARGO_PKG_VERSION"), " (")).expect("its name");
        let digits = instance.strip_suffix(')').expect("an id in parentheses");
        assert!(digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{agent}");
    }
}

#[test]
fn c21_the_defaults_are_those_of_the_collector_and_of_otlp() {
    use burgee::component::RequestLimit;
    use burgee::exporters::{otlp_grpc, otlp_http};
    assert_eq!(otlp_grpc::Config::default().timeout.get(), Duration::from_secs(5));
    assert_eq!(otlp_http::Config::default().timeout.get(), Duration::from_secs(30));
    assert_eq!(burgee::net::ClientConfig::default().answer_bytes_max, 4 << 20);
    assert_eq!(RequestLimit::default().drop_above, 64 << 20);
    assert!(RequestLimit::default().split_above < 4 << 20, "what every gRPC server takes");
}

#[tokio::test]
async fn c22_json_is_as_otlp_writes_it() {
    let downstream = Downstream::start(Speaks::Http1, |_, _| Reply::ok(Speaks::Http1)).await;
    let rig = Rig::start(&[exporter(Speaks::Http1, &downstream, "encoding: json")]).await;
    let mut sent = ExportTraceServiceRequest::decode(request(1, 1)).expect("it is one");
    let span = &mut sent.resource_spans[0].scope_spans[0].spans[0];
    span.kind = 2;
    span.start_time_unix_nano = 1_544_712_660_000_000_001;
    let body = sent.encode_to_vec();
    let length = body.len().to_string();
    let headers = [("content-type", "application/x-protobuf"), ("content-length", length.as_str())];
    assert_eq!(http1(rig.address, &headers, &[&body]).await.status, 200);
    let seen = &downstream.requests(1).await[0];
    let json: serde_json::Value = serde_json::from_slice(&seen.body).expect("JSON");
    let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "00000001010101010101010101010101");
    assert_eq!(span["spanId"], "0101010101010101");
    assert_eq!(span["kind"], 2);
    assert_eq!(span["startTimeUnixNano"], "1544712660000000001");
    let back: ExportTraceServiceRequest = serde_json::from_slice(&seen.body).expect("OTLP/JSON");
    assert_eq!(back, sent);
}

#[tokio::test]
async fn c23_what_arrived_without_an_answer_arrives_twice() {
    // The first connection takes the whole request and closes: nobody knows whether it was stored.
    let script = |number, _: &_| if number == 0 { Reply::Close } else { Reply::ok(Speaks::Http2) };
    let downstream = Downstream::start(Speaks::Http2, script).await;
    let rig = Rig::start(&[exporter(Speaks::Http2, &downstream, AT_ONCE)]).await;
    send(&rig, 1, 2).await;
    let ledger = rig.settled("otlp_grpc", 2).await.ledger;
    assert_eq!((ledger.put, ledger.sent, downstream.seen().len()), (2, 2, 2), "twice there, counted once");
}
