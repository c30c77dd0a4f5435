use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1 as trace;
use prost::Message;
use tonic::metadata::{Binary, MetadataValue};

use super::*;
use crate::exporters::scripted::{Downstream, Reply, Seen, request, traces, try_once};
use crate::otlp::answer::Code;
use crate::otlp::compression::{Encoding, decompress};

/// An exporter for `downstream` with more keys in JSON.
fn exporter(downstream: &Downstream, keys: &str) -> Arc<dyn Exporter> {
    let config = format!(r#"{{"endpoint": "http://{}"{keys}}}"#, downstream.address);
    built(&config).exporter
}

fn built(json: &str) -> Built {
    let config: Config = serde_json::from_str(json).expect("the keys are known");
    build(&config, &Authenticators::default()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(json: &str) -> Vec<String> {
    let config: Config = serde_json::from_str(json).expect("the keys are known");
    build(&config, &Authenticators::default())
        .expect_err("it is wrong")
        .iter()
        .map(Problem::to_string)
        .collect()
}

async fn grpc() -> Downstream {
    Downstream::start(Protocol::Http2).await
}

/// How the exporter takes one scripted reply.
async fn outcome_of(reply: Reply) -> Outcome {
    let downstream = grpc().await;
    downstream.reply(reply);
    let outcome = try_once(&*exporter(&downstream, "")).await;
    assert_eq!(downstream.seen().len(), 1, "an exporter tries once");
    outcome
}

fn retry_info(delay: Duration) -> String {
    let answer = Answer::RetryLater { after: Some(delay), message: String::new() };
    let encoded = MetadataValue::<Binary>::from_bytes(&answer.status());
    String::from_utf8(encoded.as_encoded_bytes().to_vec()).expect("base64 is text")
}

/// The message of a request, decompressed.
fn message(seen: &Seen) -> trace::ExportTraceServiceRequest {
    let (prefix, message) = seen.body.split_at(PREFIX_BYTES);
    assert_eq!(u32::from_be_bytes(prefix[1..].try_into().expect("four bytes")) as usize, message.len());
    match prefix[0] {
        0 => trace::ExportTraceServiceRequest::decode(message).expect("a request"),
        _ => {
            let encoding = Encoding::from_header(seen.header("grpc-encoding").as_bytes()).expect("known");
            let message =
                decompress(encoding, message, 1 << 26, |_| Ok::<(), ()>(())).expect("as it is called");
            trace::ExportTraceServiceRequest::decode(&*message).expect("a request")
        }
    }
}

#[tokio::test]
async fn a_request_is_what_grpc_wants() {
    let downstream = grpc().await;
    downstream.reply(Reply::grpc(Some(&[]), &[("grpc-status", "0")]));
    let keys =
        r#", "compression": "none", "timeout": "2500ms", "headers": {"x-team": "a", "key-bin": "\u0041b"}"#;
    assert_eq!(try_once(&*exporter(&downstream, keys)).await, Outcome::Accepted);

    let seen = &downstream.seen()[0];
    assert_eq!(seen.head.version, Version::HTTP_2);
    assert_eq!(seen.head.method, "POST");
    assert_eq!(seen.head.path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    assert_eq!(seen.head.authority, downstream.address.to_string());
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-timeout", "2500m"),
        ("grpc-encoding", ""),
        ("x-team", "a"),
        ("key-bin", "QWI"),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    assert!(seen.header("user-agent").starts_with("burgee/"));
    assert_eq!(message(seen), request(&["a"]));
}

#[tokio::test]
async fn payloads_of_a_batch_arrive_as_one_message() {
    let downstream = grpc().await;
    for (compression, names) in [("none", &["a", "b", "c"]), ("gzip", &["d", "e", "f"])] {
        downstream.reply(Reply::grpc(Some(&[]), &[("grpc-status", "0")]));
        let exporter = exporter(&downstream, &format!(r#", "compression": "{compression}""#));
        assert_eq!(exporter.export(&traces(names)).await, Outcome::Accepted);
        assert_eq!(message(downstream.seen().last().expect("a request")), request(names));
    }
}

#[tokio::test]
async fn a_large_batch_is_compressed_beside_the_runtime_and_arrives_whole() {
    let downstream = grpc().await;
    downstream.reply(Reply::grpc(Some(&[]), &[("grpc-status", "0")]));
    let name = "long".repeat(100_000);
    let names = [name.as_str(), "short"];
    assert_eq!(exporter(&downstream, "").export(&traces(&names)).await, Outcome::Accepted);
    let seen = &downstream.seen()[0];
    assert_eq!(message(seen), request(&names));
    assert!(seen.body.len() < 10_000);
}

#[tokio::test]
async fn each_compression_is_named_and_done() {
    for name in ["gzip", "zstd"] {
        let downstream = grpc().await;
        downstream.reply(Reply::grpc(None, &[("grpc-status", "0")]));
        let keys = format!(r#", "compression": "{name}""#);
        assert_eq!(try_once(&*exporter(&downstream, &keys)).await, Outcome::Accepted);
        let seen = &downstream.seen()[0];
        assert_eq!((seen.header("grpc-encoding"), seen.body[0]), (name, 1));
        assert_eq!(message(seen), request(&["a"]));
    }
    let refused = problems(r#"{"endpoint": "http://x:1", "compression": "snappy"}"#);
    assert_eq!(refused, ["compression \"snappy\" is not in burgee; there are gzip, zstd, none"]);
}

#[tokio::test]
async fn an_authority_replaces_what_the_request_says_it_goes_to() {
    let downstream = grpc().await;
    downstream.reply(Reply::grpc(None, &[("grpc-status", "0")]));
    let keys = r#", "authority": "otel.example""#;
    assert_eq!(try_once(&*exporter(&downstream, keys)).await, Outcome::Accepted);
    assert_eq!(downstream.seen()[0].head.authority, "otel.example");
}

#[tokio::test]
async fn who_waits_for_a_downstream_to_be_ready_gets_through_in_one_try() {
    // Bound and not listening: whoever connects is refused.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    let exporter =
        built(&format!(r#"{{"endpoint": "http://{address}", "wait_for_ready": true, "timeout": "60s"}}"#))
            .exporter;
    let mut trying = Box::pin(try_once(&*exporter));
    assert!((&mut trying).now_or_never().is_none(), "the first connection is under way or refused");
    let downstream = Downstream::of(socket.listen(8).expect("it is bound"), Protocol::Http2);
    downstream.reply(Reply::grpc(None, &[("grpc-status", "0")]));
    assert_eq!(trying.await, Outcome::Accepted);
}

#[tokio::test]
async fn each_code_is_retried_or_not_as_otlp_says() {
    for (code, retried) in [
        (1, true),
        (2, false),
        (3, false),
        (4, true),
        (5, false),
        (6, false),
        (7, false),
        (8, false),
        (9, false),
        (10, true),
        (11, true),
        (12, false),
        (13, false),
        (14, true),
        (15, true),
        (16, false),
        (99, false),
    ] {
        let code = code.to_string();
        let outcome =
            outcome_of(Reply::grpc(None, &[("grpc-status", &code), ("grpc-message", "why%20not")])).await;
        assert_eq!(matches!(outcome, Outcome::RetryLater { .. }), retried, "{code}: {outcome:?}");
        assert!(outcome.message().ends_with(": why not"), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_retry_info_sets_the_delay_and_makes_exhaustion_worth_a_retry() {
    let details = retry_info(Duration::from_millis(3200));
    for code in ["8", "14"] {
        let trailers = [("grpc-status", code), ("grpc-status-details-bin", &details)];
        let outcome = outcome_of(Reply::grpc(None, &trailers)).await;
        let Outcome::RetryLater { after, .. } = outcome else { panic!("{code}: {outcome:?}") };
        assert_eq!(after, Some(Duration::from_millis(3200)));
    }
}

#[tokio::test]
async fn details_that_are_not_base64_are_passed_over() {
    let trailers = [("grpc-status", "14"), ("grpc-status-details-bin", "!!!")];
    let outcome = outcome_of(Reply::grpc(None, &trailers)).await;
    assert!(matches!(outcome, Outcome::RetryLater { after: None, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_status_may_stand_in_the_headers() {
    let outcome =
        outcome_of(Reply::grpc_trailers_only(&[("grpc-status", "3"), ("grpc-message", "bad")])).await;
    let Outcome::Rejected { code: Code::InvalidArgument, message } = outcome else { panic!("{outcome:?}") };
    assert!(message.ends_with("INVALID_ARGUMENT: bad"), "{message}");
}

#[tokio::test]
async fn a_message_from_the_downstream_cannot_command_a_terminal() {
    let outcome =
        outcome_of(Reply::grpc(None, &[("grpc-status", "3"), ("grpc-message", "%1B[2J%0Ax")])).await;
    assert!(outcome.message().ends_with(r"\u{1b}[2J\nx"), "{outcome:?}");
}

#[tokio::test]
async fn a_partial_success_is_not_a_failure() {
    let partial = Answer::Partly { rejected: 3, message: "too old".to_owned() };
    let body = partial.response(Signal::Traces);
    assert_eq!(outcome_of(Reply::grpc(Some(&body), &[("grpc-status", "0")])).await, partial);
    // an empty one is a full success
    let empty = trace::ExportTraceServiceResponse {
        partial_success: Some(trace::ExportTracePartialSuccess::default()),
    };
    let reply = Reply::grpc(Some(&empty.encode_to_vec()), &[("grpc-status", "0")]);
    assert_eq!(outcome_of(reply).await, Outcome::Accepted);
}

#[tokio::test]
async fn an_answer_without_status_is_asked_for_again() {
    let outcome = outcome_of(Reply::grpc(Some(&[]), &[])).await;
    assert!(matches!(outcome, Outcome::RetryLater { after: None, .. }), "{outcome:?}");
}

#[tokio::test]
async fn an_http_error_is_mapped_as_grpc_says() {
    for (status, code) in [
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (500, Code::Unknown),
        (200, Code::Unknown),
    ] {
        let outcome = outcome_of(Reply::http(status, &[("content-type", "text/html")], "<html>")).await;
        let Outcome::Rejected { code: mapped, message } = outcome else { panic!("{status}: {outcome:?}") };
        assert_eq!(mapped, code, "{status}");
        assert!(message.contains("text/html"), "{message}");
    }
    for status in [429, 502, 503, 504] {
        let outcome = outcome_of(Reply::http(status, &[("retry-after", "7")], "")).await;
        let Outcome::RetryLater { after, .. } = outcome else { panic!("{status}: {outcome:?}") };
        assert_eq!(after, Some(Duration::from_secs(7)));
    }
}

#[tokio::test]
async fn without_a_whole_answer_the_request_is_tried_again() {
    let grpc_head = [("content-type", "application/grpc")];
    for reply in [Reply::Close, Reply::broken(&grpc_head, b"\0\0\0")] {
        let outcome = outcome_of(reply).await;
        assert!(matches!(outcome, Outcome::RetryLater { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_downstream_that_hangs_is_given_up_after_the_timeout() {
    let downstream = grpc().await;
    downstream.reply(Reply::Hang);
    let outcome = try_once(&*exporter(&downstream, r#", "timeout": "50ms""#)).await;
    assert!(
        matches!(&outcome, Outcome::RetryLater { message, .. } if message.contains("50ms")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_downstream_that_is_not_there_is_tried_again() {
    let downstream = grpc().await;
    let exporter = exporter(&downstream, "");
    let address = downstream.address;
    drop(downstream);
    // the aborted listener closes its socket when the runtime gets to it
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let outcome = try_once(&*exporter).await;
    assert!(matches!(&outcome, Outcome::RetryLater { message, .. } if message.contains("nobody listens")));
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_asked_for_again() {
    let bomb = crate::otlp::compression::gzip([&vec![0; 5 << 20][..]]);
    let outcome = outcome_of(Reply::grpc_compressed("gzip", &bomb, &[("grpc-status", "0")])).await;
    assert!(
        matches!(&outcome, Outcome::Rejected { message, .. } if message.contains("after decompression")),
        "{outcome:?}"
    );
    let large = vec![0; 5 << 20];
    let outcome = outcome_of(Reply::grpc(Some(&large), &[("grpc-status", "0")])).await;
    assert!(matches!(outcome, Outcome::Rejected { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_connection_is_kept() {
    let downstream = grpc().await;
    let exporter = exporter(&downstream, "");
    for _ in 0..20 {
        downstream.reply(Reply::grpc(Some(&[]), &[("grpc-status", "0")]));
        assert_eq!(try_once(&*exporter).await, Outcome::Accepted);
    }
    assert!(downstream.seen().iter().all(|seen| seen.connection == 1));
}

#[test]
fn the_defaults_are_the_collectors() {
    let built = built(r#"{"endpoint": "localhost:4317", "tls": {"insecure": true}}"#);
    assert_eq!(built.queue, crate::component::QueueConfig::default());
    assert_eq!(built.retry, crate::component::RetryConfig::default());
    assert!(built.warnings.is_empty());
    let config = Config::default();
    assert_eq!((config.timeout.get(), config.compression), (Duration::from_secs(5), Compression::Gzip));
}

#[test]
fn what_is_wrong_is_said_all_at_once() {
    let problems = problems(
        r#"{"endpoint": "x:0", "auth": {"authenticator": "a"}, "sending_queue": {"queue_size": 0}}"#,
    );
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(serde_json::from_str::<Config>(r#"{"endpont": "x"}"#).is_err());
    assert!(serde_json::from_str::<Config>(r#"{"compression": "brotli"}"#).is_err());
}

#[test]
fn what_has_no_effect_is_said() {
    let warnings: Vec<String> = built(
        r#"{"endpoint": "http://x:4318", "keepalive": {"time": "1s"}, "balancer_name": "round_robin",
            "tls": {"ca_file": "x"}, "headers": {"te": "hunter2", "user-agent": "hunter2"}}"#,
    )
    .warnings
    .iter()
    .map(Problem::to_string)
    .collect();
    for part in
        ["tls.ca_file", "keepalive.time", "balancer_name", "\"te\"", "\"user-agent\"", "has port 4318"]
    {
        assert_eq!(
            warnings.iter().filter(|warning| warning.contains(part)).count(),
            1,
            "{part}: {warnings:?}"
        );
    }
    assert!(!warnings.concat().contains("hunter2"));
}

#[test]
fn timeouts_fit_into_eight_digits() {
    for (timeout, text) in [
        (Duration::from_secs(5), "5000m"),
        (Duration::from_nanos(1), "1m"),
        (Duration::from_secs(86_400), "86400000m"),
        (Duration::from_secs(200_000), "200000S"),
    ] {
        assert_eq!(grpc_timeout(timeout), text);
    }
}

/// The generated service of tonic, as a real server.
mod real_server {
    use std::sync::Mutex;

    use futures_util::stream;
    use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server as server;
    use tonic::{Request, Response, Status};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<trace::ExportTraceServiceRequest>>>);

    #[tonic::async_trait]
    impl server::TraceService for Sink {
        async fn export(
            &self,
            request: Request<trace::ExportTraceServiceRequest>,
        ) -> Result<Response<trace::ExportTraceServiceResponse>, Status> {
            assert_eq!(request.metadata().get("x-team").map(|value| value.as_bytes()), Some(&b"a"[..]));
            self.0.lock().expect("no panic under this lock").push(request.into_inner());
            Ok(Response::new(trace::ExportTraceServiceResponse::default()))
        }
    }

    #[tokio::test]
    async fn a_server_made_by_others_understands_what_is_sent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let sink = Sink::default();
        let service = server::TraceServiceServer::new(sink.clone());
        let serving = tonic::transport::Server::builder().add_service(service);
        let accepted = stream::unfold(listener, |listener| async {
            Some((listener.accept().await.map(|(socket, _)| socket), listener))
        });
        let serving = tokio::spawn(serving.serve_with_incoming(accepted));
        let config = format!(
            r#"{{"endpoint": "http://{address}", "compression": "none", "headers": {{"x-team": "a"}}}}"#
        );
        let exporter = built(&config).exporter;
        assert_eq!(exporter.export(&traces(&["a", "b"])).await, Outcome::Accepted);
        assert_eq!(*sink.0.lock().expect("no panic"), [request(&["a", "b"])]);
        // a service it does not have
        let logs = exporter.export(&Batch::new(Signal::Logs, Vec::new())).await;
        assert!(matches!(logs, Outcome::Rejected { code: Code::Unimplemented, .. }), "{logs:?}");
        serving.abort();
    }
}
