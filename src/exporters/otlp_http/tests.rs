use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::*;
use crate::exporters::scripted::{Downstream, Reply, request, traces, try_once};
use crate::otlp::answer::{Answer, Code};
use crate::otlp::compression;

fn exporter(downstream: &Downstream, keys: &str) -> Arc<dyn Exporter> {
    built(&format!(r#"{{"endpoint": "http://{}"{keys}}}"#, downstream.address)).exporter
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

async fn http() -> Downstream {
    Downstream::start(Protocol::Http1).await
}

/// How the exporter takes one scripted reply.
async fn outcome_of(reply: Reply) -> Outcome {
    let downstream = http().await;
    downstream.reply(reply);
    let outcome = try_once(&*exporter(&downstream, "")).await;
    assert_eq!(downstream.seen().len(), 1, "an exporter tries once");
    outcome
}

#[tokio::test]
async fn a_request_is_what_otlp_wants() {
    let downstream = http().await;
    downstream.reply(Reply::http(200, &[], ""));
    let keys =
        r#", "compression": "none", "headers": {"X-Team": "a", "Host": "otel.example", "expect": "x"}"#;
    assert_eq!(exporter(&downstream, keys).export(&traces(&["a", "b"])).await, Outcome::Accepted);

    let seen = &downstream.seen()[0];
    assert_eq!((seen.head.method.as_str(), seen.head.path.as_str()), ("POST", "/v1/traces"));
    for (name, value) in [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", ""),
        ("x-team", "a"),
        ("host", "otel.example"),
        ("expect", ""),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    assert_eq!(seen.header("content-length"), seen.body.len().to_string());
    assert!(seen.header("user-agent").starts_with("burgee/"));
    assert_eq!(ExportTraceServiceRequest::decode(&*seen.body), Ok(request(&["a", "b"])));
}

#[tokio::test]
async fn a_compressed_body_is_the_same_body() {
    let downstream = http().await;
    downstream.reply(Reply::http(200, &[], ""));
    assert_eq!(exporter(&downstream, "").export(&traces(&["a", "b"])).await, Outcome::Accepted);
    let seen = &downstream.seen()[0];
    assert_eq!(seen.header("content-encoding"), "gzip");
    let body = compression::gunzip(&seen.body, 1 << 20, |_| Ok::<(), ()>(())).expect("gzip");
    assert_eq!(body, traces(&["a", "b"]).body().collect::<Vec<_>>().concat());
}

#[tokio::test]
async fn each_compression_is_named_and_done() {
    for (name, level) in [("gzip", 9), ("zstd", 19), ("deflate", 1), ("zlib", 0)] {
        let downstream = http().await;
        downstream.reply(Reply::http(200, &[], ""));
        let keys = format!(r#", "compression": "{name}", "compression_params": {{"level": {level}}}"#);
        assert_eq!(try_once(&*exporter(&downstream, &keys)).await, Outcome::Accepted);
        let seen = &downstream.seen()[0];
        assert_eq!(seen.header("content-encoding"), name);
        let encoding = compression::Encoding::from_header(name.as_bytes()).expect("known");
        let body = compression::decompress(encoding, &seen.body, 1 << 20, |_| Ok::<(), ()>(()));
        assert_eq!(body.expect("as it is called"), traces(&["a"]).body().collect::<Vec<_>>().concat());
    }
    let refused = problems(r#"{"endpoint": "http://x:1", "compression": "x-snappy-framed"}"#);
    assert!(refused[0].ends_with("there are gzip, zstd, zlib, deflate, none"), "{refused:?}");
}

#[tokio::test]
async fn json_is_one_document_for_the_whole_batch() {
    let downstream = http().await;
    downstream.reply(Reply::http(200, &[("content-type", "application/json")], "{}"));
    let keys = r#", "encoding": "json", "compression": "none""#;
    assert_eq!(exporter(&downstream, keys).export(&traces(&["a", "b"])).await, Outcome::Accepted);
    let seen = &downstream.seen()[0];
    assert_eq!(seen.header("content-type"), "application/json");
    let request: ExportTraceServiceRequest = serde_json::from_slice(&seen.body).expect("OTLP/JSON");
    assert_eq!(request, super::super::scripted::request(&["a", "b"]));
    assert!(
        std::str::from_utf8(&seen.body)
            .expect("text")
            .contains(&format!("\"traceId\":\"{}\"", "01".repeat(16)))
    );
}

#[tokio::test]
async fn a_compressed_answer_is_read_as_far_as_any_answer_may_go() {
    let says = compression::gzip([&br#"{"message": "no, and here is why"}"#[..]]);
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let outcome = outcome_of(Reply::http(400, &headers, says)).await;
    assert!(outcome.message().ends_with("no, and here is why"), "{outcome:?}");
    let bomb = compression::gzip([&vec![0; 5 << 20][..]]);
    let outcome = outcome_of(Reply::http(503, &headers, bomb)).await;
    assert!(
        matches!(&outcome, Outcome::Rejected { message, .. } if message.contains("after decompression")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_proxy_is_asked_where_the_configuration_names_one() {
    let downstream = http().await;
    downstream.reply(Reply::http(200, &[], ""));
    let proxy = format!("http://me:hunter2@{}", downstream.address);
    let config: Config = serde_json::from_str(&format!(
        r#"{{"endpoint": "http://nowhere.test:4318", "proxy_url": "{proxy}", "compression": "none"}}"#
    ))
    .expect("the keys are known");
    assert!(!format!("{config:?}").contains("hunter2"));
    let exporter = build(&config, &Authenticators::default()).expect("it is right").exporter;
    assert_eq!(try_once(&*exporter).await, Outcome::Accepted);
    let seen = &downstream.seen()[0];
    assert_eq!(
        (seen.header("host"), seen.header("proxy-authorization")),
        ("nowhere.test:4318", "Basic bWU6aHVudGVyMg==")
    );
    let problems = problems(r#"{"endpoint": "http://x:1", "proxy_url": "socks5://me:hunter2@p:1"}"#);
    assert!(problems[0].starts_with("proxy_url is not an HTTP proxy") && !problems[0].contains("hunter2"));
}

#[tokio::test]
async fn each_signal_goes_to_its_own_url() {
    let downstream = http().await;
    let at = downstream.address;
    let exporter = built(&format!(
        r#"{{"endpoint": "http://{at}/base/", "traces_endpoint": "http://{at}/own?key=1", "logs_endpoint": "http://{at}"}}"#
    ))
    .exporter;
    for signal in Signal::ALL {
        downstream.reply(Reply::http(200, &[], ""));
        assert_eq!(exporter.export(&Batch::new(signal, Vec::new())).await, Outcome::Accepted);
    }
    let paths: Vec<String> = downstream.seen().into_iter().map(|seen| seen.head.path).collect();
    assert_eq!(paths, ["/own?key=1", "/base/v1/metrics", "/"]);
}

#[tokio::test]
async fn each_status_is_retried_or_not_as_otlp_says() {
    for status in [400, 401, 403, 404, 405, 408, 413, 415, 429, 500, 501, 502, 503, 504] {
        let outcome = outcome_of(Reply::http(status, &[], "")).await;
        let retried = matches!(outcome, Outcome::RetryLater { after: None, .. });
        assert_eq!(retried, [429, 502, 503, 504].contains(&status), "{status}: {outcome:?}");
        assert!(outcome.message().contains(&format!("/v1/traces: HTTP {status}")), "{outcome:?}");
    }
}

#[tokio::test]
async fn retry_after_is_seconds_or_a_date() {
    let delay = |outcome: Outcome| match outcome {
        Outcome::RetryLater { after, .. } => after,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        delay(outcome_of(Reply::http(503, &[("retry-after", "3")], "")).await),
        Some(Duration::from_secs(3))
    );
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
    let after = delay(outcome_of(Reply::http(429, &[("retry-after", &date)], "")).await).expect("a delay");
    assert!((60..=90).contains(&after.as_secs()), "{after:?}");
    let past = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(90));
    assert_eq!(
        delay(outcome_of(Reply::http(503, &[("retry-after", &past)], "")).await),
        Some(Duration::ZERO)
    );
    assert_eq!(delay(outcome_of(Reply::http(503, &[("retry-after", "soon")], "")).await), None);
}

#[tokio::test]
async fn the_reason_is_read_in_every_format() {
    let status =
        Answer::Rejected { code: Code::InvalidArgument, message: "odd \u{1b}[2J id".to_owned() }.status();
    let json = r#"{"code": 3, "message": "odd \u001b[2J id"}"#;
    for (content_type, body) in [
        ("application/x-protobuf", status),
        ("application/json; charset=utf-8", json.into()),
        ("text/plain", "odd \u{1b}[2J id\n".into()),
    ] {
        let outcome = outcome_of(Reply::http(400, &[("content-type", content_type)], body)).await;
        assert!(outcome.message().ends_with(r": odd \u{1b}[2J id"), "{content_type}: {outcome:?}");
    }
    let outcome = outcome_of(Reply::http(500, &[("content-type", "text/html")], "<html>")).await;
    assert!(!outcome.message().contains("html"), "{outcome:?}");
}

#[tokio::test]
async fn a_partial_success_is_not_a_failure() {
    let partial = Answer::Partly { rejected: 3, message: "too old".to_owned() };
    let json = r#"{"partialSuccess": {"rejectedLogRecords": "3", "errorMessage": "too old"}}"#;
    for (content_type, body) in
        [("application/x-protobuf", partial.response(Signal::Traces)), ("application/json", json.into())]
    {
        let outcome = outcome_of(Reply::http(200, &[("content-type", content_type)], body)).await;
        assert_eq!(outcome, partial, "{content_type}");
    }
    for body in ["{}", r#"{"partialSuccess": {}}"#, "not JSON"] {
        let outcome = outcome_of(Reply::http(200, &[("content-type", "application/json")], body)).await;
        assert_eq!(outcome, Outcome::Accepted, "{body}");
    }
}

#[tokio::test]
async fn a_redirect_is_named_and_not_followed() {
    let location = [("location", "https://otel.example/v1/traces?key=hunter2")];
    let outcome = outcome_of(Reply::http(308, &location, "")).await;
    let Outcome::Rejected { message, .. } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("to https://otel.example/v1/traces; write that"), "{message}");
    assert!(!message.contains("hunter2"));
}

#[tokio::test]
async fn without_a_whole_answer_the_request_is_tried_again() {
    for reply in [Reply::Close, Reply::broken(&[("content-length", "100")], b"start")] {
        let outcome = outcome_of(reply).await;
        assert!(matches!(outcome, Outcome::RetryLater { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_downstream_that_hangs_is_given_up_after_the_timeout() {
    let downstream = http().await;
    downstream.reply(Reply::Hang);
    let outcome = try_once(&*exporter(&downstream, r#", "timeout": "50ms""#)).await;
    assert!(
        matches!(&outcome, Outcome::RetryLater { message, .. } if message.contains("50ms")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_message_about_a_url_does_not_show_its_query() {
    let downstream = Downstream::start(Protocol::Http2).await;
    let keys = format!(r#", "traces_endpoint": "http://{}/x?key=hunter2""#, downstream.address);
    let outcome = try_once(&*exporter(&downstream, &keys)).await;
    assert!(matches!(outcome, Outcome::RetryLater { .. }), "{outcome:?}");
    assert!(!outcome.message().contains("hunter2"), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_asked_for_again() {
    let outcome = outcome_of(Reply::http(200, &[], vec![0; 5 << 20])).await;
    assert!(matches!(outcome, Outcome::Rejected { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_connection_is_kept_unless_the_user_wants_otherwise() {
    for (keys, connections) in [("", 1), (r#", "disable_keep_alives": true"#, 20)] {
        let downstream = http().await;
        let exporter = exporter(&downstream, keys);
        for _ in 0..20 {
            downstream.reply(Reply::http(200, &[], ""));
            assert_eq!(try_once(&*exporter).await, Outcome::Accepted);
        }
        assert_eq!(downstream.seen().last().map(|seen| seen.connection), Some(connections));
    }
}

#[test]
fn the_defaults_are_the_collectors() {
    let built = built(r#"{"endpoint": "http://localhost:4318"}"#);
    assert_eq!(built.queue, crate::component::QueueConfig::default());
    assert_eq!(built.retry, crate::component::RetryConfig::default());
    assert!(built.warnings.is_empty());
    let config = Config::default();
    assert_eq!((config.timeout.get(), config.compression), (Duration::from_secs(30), Compression::Gzip));
}

#[test]
fn a_signal_without_a_url_is_named() {
    assert_eq!(
        problems("{}"),
        ["endpoint is missing: an exporter has to know where to send; try \"http://localhost:4318\""]
    );
    let unserved = built(r#"{"traces_endpoint": "http://x:1"}"#).unserved;
    let signals: Vec<Signal> = unserved.iter().map(|(signal, _)| *signal).collect();
    assert_eq!(signals, [Signal::Metrics, Signal::Logs]);
    assert!(unserved[0].1.message.ends_with("so is metrics_endpoint: there is nowhere to send metrics"));
    assert!(built(r#"{"endpoint": "http://x:1"}"#).unserved.is_empty());
}

#[test]
fn what_is_wrong_is_said_all_at_once() {
    let json = r#"{"endpoint": "x:4318", "compression": "lz4", "proxy_url": "socks5://p", "retry_on_failure": {"multiplier": -1}}"#;
    let problems = problems(json);
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.ends_with("try \"http://x:4318\"")), "{problems:?}");
    assert!(serde_json::from_str::<Config>(r#"{"endpont": "x"}"#).is_err());
}

#[test]
fn what_has_no_effect_is_said() {
    let json = r#"{"endpoint": "http://x:4317", "http2_ping_timeout": "5s", "cookies": {}, "headers": {"content-type": "hunter2"}}"#;
    let warnings: Vec<String> = built(json).warnings.iter().map(Problem::to_string).collect();
    for part in ["http2_ping_timeout", "cookies", "\"content-type\"", "has port 4317"] {
        assert_eq!(
            warnings.iter().filter(|warning| warning.contains(part)).count(),
            1,
            "{part}: {warnings:?}"
        );
    }
    assert!(!warnings.concat().contains("hunter2"));
}
