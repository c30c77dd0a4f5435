//! What OTLP 1.11 asks of a server, one test for each requirement, so that the list of tests is the report:
//! `cargo test --test otlp_server`. Numbers, levels and the lines of the specification are those of the project's table
//! of requirements. Each test speaks to a running collector over sockets and looks at what reaches a downstream.

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/sender.rs"]
mod sender;
#[path = "support/server.rs"]
mod server;

use burgee::otlp::Signal;
use burgee::otlp::compression::{Encoding, compress};
use burgee::receivers::otlp::Config;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use sender::{Answer, Http2, exchange, framed, http1, parse, raw};
use serde_json::{Value, json};
use server::{JSON, LOGS, METRICS, PROTOBUF, Running, Settings, TRACES, start};
use tonic_types::pb;

const MIB: usize = 1 << 20;
const SERVICES: [(&str, &str); 3] = [
    ("trace.v1.TraceService", TRACES),
    ("metrics.v1.MetricsService", METRICS),
    ("logs.v1.LogsService", LOGS),
];

fn span(name: &str) -> Span {
    Span { trace_id: vec![7; 16], span_id: vec![9; 8], name: name.into(), ..Default::default() }
}

fn traces(spans: Vec<Span>) -> Bytes {
    let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..Default::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn metrics() -> Bytes {
    let data_points = vec![NumberDataPoint { time_unix_nano: 1, ..Default::default() }];
    let data = Some(Data::Gauge(Gauge { data_points }));
    let metrics = vec![Metric { name: "m".into(), data, ..Default::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..Default::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..Default::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec().into()
}

fn logs() -> Bytes {
    let log_records = vec![LogRecord { severity_text: "INFO".into(), ..Default::default() }];
    let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..Default::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec().into()
}

/// A span of these members beside its ids, as OTLP/JSON.
fn span_json(members: &str) -> String {
    let ids = r#""traceId":"07070707070707070707070707070707","spanId":"0909090909090909""#;
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{ids}{comma}{members}}}]}}]}}]}}"#)
}

fn only_span(bytes: &[u8]) -> Span {
    let mut request = ExportTraceServiceRequest::decode(bytes).expect("the collector sends OTLP");
    request.resource_spans[0].scope_spans[0].spans.remove(0)
}

/// The span that reaches the downstream when one of these members is sent.
async fn forwarded(running: &mut Running, members: &str) -> Span {
    let answer = running.post(TRACES, JSON, span_json(members)).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]), "{members}");
    only_span(&running.received().await.1)
}

fn text(answer: &Answer, name: &str) -> String {
    let value = answer.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", answer.headers));
    value.to_str().expect("text").to_owned()
}

fn status(answer: &Answer) -> pb::Status {
    assert_eq!(text(answer, "content-type"), PROTOBUF);
    pb::Status::decode(answer.body.clone()).expect("a google.rpc.Status")
}

fn json(answer: &Answer) -> Value {
    assert_eq!(text(answer, "content-type"), JSON);
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// The code, and the message as it was meant.
fn grpc(answer: &Answer) -> (Option<i32>, String) {
    let place = if answer.trailers.is_empty() { &answer.headers } else { &answer.trailers };
    let message = place.get("grpc-message").map_or(&b""[..], |value| value.as_bytes());
    let message = percent_encoding::percent_decode(message).decode_utf8_lossy().into_owned();
    (answer.grpc_status(), message)
}

/// Whether there is a `RetryInfo` with the status of a call.
fn has_retry_info(answer: &Answer) -> bool {
    let place = if answer.trailers.is_empty() { &answer.headers } else { &answer.trailers };
    place.contains_key("grpc-status-details-bin")
}

/// The message of a response, without the five bytes of gRPC.
fn response(answer: &Answer) -> ExportTraceServiceResponse {
    assert_eq!(answer.grpc_status(), Some(0), "{answer:?}");
    ExportTraceServiceResponse::decode(&answer.body[5..]).expect("a response")
}

#[tokio::test]
async fn s01_bodies_come_plain_or_in_gzip_by_grpc_and_by_http() {
    let mut running = start(Settings::default()).await;
    let body = traces(vec![span("s01")]);
    for encoding in Encoding::ALL {
        let (name, packed) = (encoding.name(), compress(encoding, [&body[..]]));
        let headers = [("content-type", PROTOBUF), ("content-encoding", name)];
        assert_eq!(running.post_with(TRACES, &headers, &packed).await.status, 200, "{name}");
        assert_eq!(running.received().await.1, body, "{name}");
        let flag = u8::from(encoding != Encoding::Identity);
        let answer =
            running.call("trace.v1.TraceService", &[("grpc-encoding", name)], framed(flag, &packed)).await;
        assert_eq!(answer.grpc_status(), Some(0), "{name}");
        assert_eq!(running.received().await.1, body, "{name}");
        let packed = compress(encoding, [span_json(r#""name":"s01""#).as_bytes()]);
        let headers = [("content-type", JSON), ("content-encoding", name)];
        assert_eq!(running.post_with(TRACES, &headers, &packed).await.status, 200, "{name}");
        assert_eq!(only_span(&running.received().await.1).name, "s01", "{name}");
    }
    // words in any case, and the old name
    let packed = compress(Encoding::Gzip, [&body[..]]);
    for name in ["GZIP", "x-gzip", "X-GZip"] {
        let headers = [("content-type", PROTOBUF), ("content-encoding", name)];
        assert_eq!(running.post_with(TRACES, &headers, &packed).await.status, 200, "{name}");
    }
    running.end().await;
}

#[tokio::test]
async fn s02_export_is_a_unary_call_of_every_signals_service() {
    let mut running = start(Settings::default()).await;
    for ((service, path), body) in SERVICES.into_iter().zip([traces(vec![span("s02")]), metrics(), logs()]) {
        let answer = running.call(service, &[], framed(0, &body)).await;
        assert_eq!((answer.grpc_status(), &answer.body[..]), (Some(0), &[0, 0, 0, 0, 0][..]), "{service}");
        assert_eq!(running.received().await, (path.to_owned(), body));
    }
    let profiles = running.call("profiles.v1development.ProfilesService", &[], framed(0, b"")).await;
    assert_eq!(profiles.grpc_status(), Some(12), "profiles are in development");
    running.end().await;
}

#[tokio::test]
async fn s03_a_grpc_request_has_a_configurable_limit_also_after_decompression() {
    let running = start(Settings { grpc: "max_recv_msg_size_mib: 1", ..Default::default() }).await;
    let large = traces(vec![span(&"x".repeat(MIB + 1))]);
    let fits = traces(vec![span(&"x".repeat(MIB - 100))]);
    assert_eq!(running.export(&fits).await.grpc_status(), Some(0));
    assert_eq!(running.export(&large).await.grpc_status(), Some(8));
    for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate] {
        let frame = framed(1, &compress(encoding, [&large[..]]));
        let answer =
            running.call("trace.v1.TraceService", &[("grpc-encoding", encoding.name())], frame).await;
        assert_eq!(answer.grpc_status(), Some(8), "{encoding:?}");
    }
    running.end().await;
    let running = start(Settings::default()).await;
    let announced = [&[0][..], &(64 * MIB as u32 + 1).to_be_bytes(), b"no more"].concat();
    let (code, message) = grpc(&running.call("trace.v1.TraceService", &[], announced.into()).await);
    assert!(code == Some(8) && message.contains("67108864"), "64 MiB by default: {code:?} {message}");
    running.end().await;
}

#[tokio::test]
async fn s04_a_request_over_the_limit_is_resource_exhausted_and_not_to_be_retried() {
    let running = start(Settings { grpc: "max_recv_msg_size_mib: 1", ..Default::default() }).await;
    let answer = running.export(traces(vec![span(&"x".repeat(2 * MIB))])).await;
    let (code, message) = grpc(&answer);
    assert!(code == Some(8) && message.contains("1048576"), "{code:?} {message}");
    assert!(!has_retry_info(&answer));
    running.end().await;
}

/// A collector that answers what its downstream answers, and a downstream that has a lot to say.
async fn talkative() -> Running {
    let running = start(Settings { queue: "enabled: false", ..Default::default() }).await;
    let error_message = "a long story, ".repeat(MIB / 14);
    let partial_success = Some(ExportTracePartialSuccess { rejected_spans: 1, error_message });
    running.sink.answers_with(200, ExportTraceServiceResponse { partial_success }.encode_to_vec());
    running
}

#[tokio::test]
async fn s05_a_grpc_response_is_small_its_message_shortened_if_need_be() {
    let running = talkative().await;
    let answer = running.export(traces(vec![span("s05")])).await;
    assert!(answer.body.len() < 4096, "{}", answer.body.len());
    let partial = response(&answer).partial_success.expect("the downstream rejected a span");
    assert!(partial.rejected_spans == 1 && partial.error_message.contains("a long story"));
    running.end().await;
}

#[tokio::test]
async fn s06_an_empty_request_is_a_success() {
    let running = start(Settings::default()).await;
    for (service, path) in SERVICES {
        assert_eq!(running.call(service, &[], framed(0, b"")).await.grpc_status(), Some(0));
        assert_eq!(running.post(path, PROTOBUF, b"").await.status, 200);
        for body in ["{}", "null", r#"{"resourceSpans":[]}"#] {
            assert_eq!(running.post(path, JSON, body).await.status, 200, "{path} {body}");
        }
    }
    running.end().await;
}

#[tokio::test]
async fn s07_a_full_success_leaves_partial_success_unset() {
    let running = start(Settings::default()).await;
    let answer = running.post(TRACES, PROTOBUF, traces(vec![span("s07")])).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let answer = running.post(TRACES, JSON, span_json("")).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
    let answer = running.export(traces(vec![span("s07")])).await;
    assert_eq!((answer.grpc_status(), &answer.body[..]), (Some(0), &[0, 0, 0, 0, 0][..]));
    running.end().await;
}

/// One good span, one whose id is all zero.
fn one_of_two() -> Bytes {
    traces(vec![span("good"), Span { span_id: vec![0; 8], ..span("zero") }])
}

#[tokio::test]
async fn s08_a_partial_success_is_a_success_that_says_how_many_were_rejected() {
    let mut running = start(Settings::default()).await;
    let answer = running.post(TRACES, PROTOBUF, one_of_two()).await;
    assert_eq!(answer.status, 200);
    let partial = ExportTraceServiceResponse::decode(answer.body).expect("a response").partial_success;
    assert_eq!(partial.map(|partial| partial.rejected_spans), Some(1));
    assert_eq!(only_span(&running.received().await.1).name, "good");

    let zero = span_json("").replace("0909090909090909", "0000000000000000");
    let answer = running.post(TRACES, JSON, zero).await;
    assert_eq!((answer.status, &json(&answer)["partialSuccess"]["rejectedSpans"]), (200, &json!("1")));

    let partial = response(&running.export(one_of_two()).await).partial_success;
    assert_eq!(partial.map(|partial| partial.rejected_spans), Some(1));
    running.end().await;
}

#[tokio::test]
async fn s09_a_partial_success_says_in_english_what_was_wrong() {
    let running = start(Settings::default()).await;
    let partial = response(&running.export(one_of_two()).await).partial_success.expect("a span was rejected");
    assert!(
        partial
            .error_message
            .contains("1 spans with an invalid id rejected: a span needs a trace id of 16 bytes")
    );
    running.end().await;
}

#[tokio::test]
async fn s10_a_warning_rejects_nothing_and_has_a_message() {
    let running = start(Settings { queue: "enabled: false", ..Default::default() }).await;
    let warn = |error_message: &str| {
        let partial = ExportTracePartialSuccess { rejected_spans: 0, error_message: error_message.into() };
        running
            .sink
            .answers_with(200, ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec());
    };
    warn("mind the step");
    let partial = response(&running.export(traces(vec![span("s10")])).await).partial_success;
    assert!(partial.is_some_and(
        |partial| partial.rejected_spans == 0 && partial.error_message.contains("mind the step")
    ));
    warn("");
    assert_eq!(response(&running.export(traces(vec![span("s10")])).await).partial_success, None);
    running.end().await;
}

/// A collector whose queue is full, and the downstream stalled.
async fn full() -> Running {
    let running = start(Settings { queue: "queue_size: 1, num_consumers: 1", ..Default::default() }).await;
    running.sink.stall();
    for _ in 0..100 {
        if running.post(TRACES, PROTOBUF, traces(vec![span("full")])).await.status != 200 {
            return running;
        }
    }
    panic!("a hundred requests went into a queue of one");
}

#[tokio::test]
async fn s11_what_may_be_retried_over_grpc_is_unavailable() {
    let running = full().await;
    let answer = running.export(traces(vec![span("s11")])).await;
    assert_eq!(grpc(&answer).0, Some(14));
    assert!(has_retry_info(&answer));
    running.end().await;
}

#[tokio::test]
async fn s12_what_is_malformed_is_an_invalid_argument() {
    let running = start(Settings::default()).await;
    let body = traces(vec![span("s12")]);
    let (code, message) = grpc(&running.export(&body[..body.len() - 3]).await);
    assert_eq!(code, Some(3));
    assert!(message.starts_with("not an OTLP traces request: byte"), "{message}");
    running.end().await;
}

#[tokio::test]
async fn s13_resource_exhausted_is_not_said_where_a_retry_would_help() {
    let running = start(Settings { memory_mib: Some(1), ..Default::default() }).await;
    running.sink.stall();
    let body = traces(vec![span(&"x".repeat(200_000))]);
    let mut answer = running.export(&body).await;
    for _ in 0..100 {
        if answer.grpc_status() == Some(0) {
            answer = running.export(&body).await;
        }
    }
    assert_eq!(answer.grpc_status(), Some(14), "no memory now");
    assert!(has_retry_info(&answer));
    running.end().await;
}

#[tokio::test]
async fn s14_overload_is_told_to_the_sender_before_the_body_is_read() {
    let running = full().await;
    let answer = running.post(TRACES, PROTOBUF, traces(vec![span("s14")])).await;
    let after: u64 = text(&answer, "retry-after").parse().expect("whole seconds");
    assert!(answer.status == 503 && after >= 1, "{answer:?}");
    assert_eq!(status(&answer).code, 14);
    // Of a megabyte that was announced nothing has to be sent to hear the same.
    let headers = [("content-type", PROTOBUF), ("content-length", "1000000"), ("expect", "100-continue")];
    assert_eq!(http1(running.http, &headers, &[]).await.status, 503);
    let answer = running.post(TRACES, JSON, span_json("")).await;
    assert_eq!((answer.status, &json(&answer)["code"]), (503, &json!(14)));
    running.end().await;
}

#[tokio::test]
async fn s15_the_ports_are_4317_and_4318_unless_others_are_configured() {
    // Tests bind free ports, so this one reads what would be bound.
    let config: Config = serde_yaml::from_str("protocols: {grpc: , http: }").expect("the keys are known");
    let grpc = config.protocols.grpc.as_ref().expect("written").endpoint.to_string();
    let http = config.protocols.http.as_ref().expect("written").endpoint.to_string();
    assert_eq!((grpc.as_str(), http.as_str()), ("localhost:4317", "localhost:4318"));
    let running = start(Settings::default()).await;
    assert_ne!(running.grpc, running.http);
    running.end().await;
}

#[tokio::test]
async fn s16_otlp_http_is_taken_over_http_1_1_and_http_2() {
    let mut running = start(Settings::default()).await;
    let body = traces(vec![span("s16")]);
    assert_eq!(running.post(TRACES, PROTOBUF, &body).await.status, 200);
    assert_eq!(running.received().await.1, body);
    let http2 = Http2::connect(running.http).await;
    let answer = http2.send(TRACES, &[("content-type", PROTOBUF)], std::slice::from_ref(&body)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(running.received().await.1, body);
    let json = Bytes::from(span_json(""));
    let answer = http2.send(TRACES, &[("content-type", JSON)], &[json]).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
    drop(http2);
    running.end().await;
}

#[tokio::test]
async fn s17_the_answer_is_written_as_the_request_was() {
    let running = start(Settings { http: "max_request_body_size: 1000", ..Default::default() }).await;
    let large = "x".repeat(1001);
    for (content_type, good, bad) in [
        (PROTOBUF, &traces(vec![])[..], &b"\xff"[..]),
        (JSON, b"{}", b"{"),
        ("Application/JSON; charset=utf-8", b"{}", b"["),
    ] {
        let expected = if content_type == PROTOBUF { PROTOBUF } else { JSON };
        let cases = [
            (TRACES, good, 200),
            (TRACES, bad, 400),
            (TRACES, large.as_bytes(), 413),
            ("/nowhere", good, 404),
        ];
        for (path, body, code) in cases {
            let answer = running.post(path, content_type, body).await;
            assert_eq!(
                (answer.status, text(&answer, "content-type").as_str()),
                (code, expected),
                "{content_type}"
            );
        }
        let answer =
            exchange(running.http, &format!("PUT {TRACES}"), &[("content-type", content_type)], &[]).await;
        assert_eq!((answer.status, text(&answer, "content-type").as_str()), (405, expected));
    }
    running.end().await;
}

#[tokio::test]
async fn s18_identifiers_in_json_are_hex_of_any_case_in_every_message() {
    let mut running = start(Settings::default()).await;
    let (trace, other): (Vec<u8>, Vec<u8>) = ((0xa0..0xb0).collect(), (0xc8..0xd0).collect());
    let ids = r#""traceId":"A0a1A2a3A4a5A6a7a8A9aaABacADaeAF","spanId":"C8c9CAcbCCcdCEcf""#;
    let span =
        forwarded(&mut running, &format!(r#"{ids},"parentSpanId":"C8C9CACBCCCDCECF","links":[{{{ids}}}]"#))
            .await;
    assert_eq!((&span.trace_id, &span.span_id, &span.parent_span_id), (&trace, &other, &other));
    assert_eq!((&span.links[0].trace_id, &span.links[0].span_id), (&trace, &other));

    let record = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{ids}}}]}}]}}]}}"#);
    assert_eq!(running.post(LOGS, JSON, record).await.status, 200);
    let logs = ExportLogsServiceRequest::decode(running.received().await.1).expect("OTLP");
    let record = &logs.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!((&record.trace_id, &record.span_id), (&trace, &other));

    let point = format!(r#"{{"exemplars":[{{{ids},"asInt":"1"}}]}}"#);
    let metric = format!(r#"{{"name":"m","gauge":{{"dataPoints":[{point}]}}}}"#);
    let body = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}]}}"#);
    assert_eq!(running.post(METRICS, JSON, body).await.status, 200);
    let metrics = ExportMetricsServiceRequest::decode(running.received().await.1).expect("OTLP");
    let Some(Data::Gauge(gauge)) = &metrics.resource_metrics[0].scope_metrics[0].metrics[0].data else {
        panic!("it was a gauge")
    };
    let exemplar = &gauge.data_points[0].exemplars[0];
    assert_eq!((&exemplar.trace_id, &exemplar.span_id), (&trace, &other));

    let base64 = span_json("").replace("07070707070707070707070707070707", "BwcHBwcHBwcHBwcHBwcHBw==");
    let answer = running.post(TRACES, JSON, base64).await;
    let message = json(&answer)["message"].to_string();
    assert!(answer.status == 400 && message.contains("spans[0].traceId is not hex"), "{message}");
    running.end().await;
}

#[tokio::test]
async fn s19_enums_in_json_are_integers_and_names_are_taken_by_courtesy() {
    let mut running = start(Settings::default()).await;
    for kind in ["2", "\"2\"", "\"SPAN_KIND_SERVER\""] {
        assert_eq!(forwarded(&mut running, &format!(r#""kind":{kind}"#)).await.kind, 2, "{kind}");
    }
    let answer = running.post(TRACES, JSON, span_json(r#""kind":"SERVER""#)).await;
    assert_eq!(answer.status, 400);
    running.end().await;
}

#[tokio::test]
async fn s20_names_in_json_that_nobody_knows_are_ignored() {
    let mut running = start(Settings::default()).await;
    assert_eq!(
        running.post(TRACES, JSON, r#"{"resourceSpans":[],"futureField":{"a":[1]}}"#).await.status,
        200
    );
    let span = forwarded(&mut running, r#""futureField":{"a":[1,null,"x"]},"name":"s20""#).await;
    assert_eq!(span.name, "s20");
    running.end().await;
}

#[tokio::test]
async fn s21_names_in_json_are_lower_camel_case_only() {
    let mut running = start(Settings::default()).await;
    let members = r#""dropped_attributes_count":7,"start_time_unix_nano":"5","droppedEventsCount":3"#;
    let span = forwarded(&mut running, members).await;
    assert_eq!(
        (span.dropped_attributes_count, span.start_time_unix_nano, span.dropped_events_count),
        (0, 0, 3)
    );
    running.end().await;
}

#[tokio::test]
async fn s22_64_bit_integers_in_json_are_texts_or_numbers() {
    let mut running = start(Settings::default()).await;
    let members = r#""startTimeUnixNano":1544712660000000001,"endTimeUnixNano":"18446744073709551615",
        "attributes":[{"key":"a","value":{"intValue":-9223372036854775808}},{"key":"b","value":{"intValue":"9007199254740993"}}]"#;
    let span = forwarded(&mut running, members).await;
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_544_712_660_000_000_001, u64::MAX));
    let values: Vec<_> = span.attributes.into_iter().filter_map(|attribute| attribute.value?.value).collect();
    assert_eq!(values, [Any::IntValue(i64::MIN), Any::IntValue(9_007_199_254_740_993)]);
    running.end().await;
}

#[tokio::test]
async fn s23_everything_else_in_json_is_as_protobuf_has_it() {
    let mut running = start(Settings::default()).await;
    let values = [
        (r#"{"bytesValue":"+/8="}"#, Some(Any::BytesValue(vec![0xfb, 0xff]))),
        (r#"{"bytesValue":"-_8"}"#, Some(Any::BytesValue(vec![0xfb, 0xff]))),
        (r#"{"doubleValue":"0.5"}"#, Some(Any::DoubleValue(0.5))),
        (r#"{"doubleValue":"-Infinity"}"#, Some(Any::DoubleValue(f64::NEG_INFINITY))),
        (r#"{"stringValue":null}"#, None),
        (r#"{"arrayValue":{}}"#, Some(Any::ArrayValue(Default::default()))),
        (r#"{"kvlistValue":{}}"#, Some(Any::KvlistValue(Default::default()))),
    ];
    let list: Vec<String> =
        values.iter().map(|(json, _)| format!(r#"{{"key":"k","value":{json}}}"#)).collect();
    let members = format!(
        r#""droppedLinksCount":"4","status":null,"links":null,"traceState":null,"attributes":[{},{{"key":"k","value":null}}]"#,
        list.join(",")
    );
    let span = forwarded(&mut running, &members).await;
    assert_eq!((span.dropped_links_count, span.status), (4, None));
    let read: Vec<_> =
        span.attributes.into_iter().map(|attribute| attribute.value.and_then(|v| v.value)).collect();
    let mut expected: Vec<_> = values.into_iter().map(|(_, value)| value).collect();
    expected.push(None);
    assert_eq!(read, expected);
    let span = forwarded(&mut running, r#""attributes":[{"key":"k","value":{"doubleValue":"NaN"}}]"#).await;
    let value = span.attributes[0].value.as_ref().and_then(|value| value.value.clone());
    assert!(matches!(value, Some(Any::DoubleValue(value)) if value.is_nan()));
    running.end().await;
}

#[tokio::test]
async fn s24_every_signal_has_its_path_which_takes_post_only_and_may_be_another() {
    let mut running = start(Settings::default()).await;
    for (path, body) in [(TRACES, traces(vec![span("s24")])), (METRICS, metrics()), (LOGS, logs())] {
        assert_eq!(running.post(path, PROTOBUF, &body).await.status, 200);
        assert_eq!(running.received().await, (path.to_owned(), body));
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            assert_eq!(exchange(running.http, &format!("{method} {path}"), &[], &[]).await.status, 405);
        }
    }
    assert_eq!(running.post("/v1development/profiles", PROTOBUF, b"").await.status, 404);
    running.end().await;
    let running = start(Settings { http: "traces_url_path: custom", ..Default::default() }).await;
    assert_eq!(running.post("/custom", PROTOBUF, traces(vec![span("s24")])).await.status, 200);
    assert_eq!(running.post(TRACES, PROTOBUF, b"").await.status, 404);
    running.end().await;
}

#[tokio::test]
async fn s25_an_http_request_over_the_limit_is_413_also_after_decompression() {
    let running = start(Settings { http: "max_request_body_size: 1000", ..Default::default() }).await;
    let large = traces(vec![span(&"x".repeat(1000))]);
    assert_eq!(running.post(TRACES, PROTOBUF, &large).await.status, 413);
    for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate] {
        let headers = [("content-type", PROTOBUF), ("content-encoding", encoding.name())];
        let answer = running.post_with(TRACES, &headers, compress(encoding, [&large[..]])).await;
        assert_eq!((answer.status, status(&answer).code), (413, 8), "{encoding:?}");
    }
    let chunk = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    let headers = [("content-type", PROTOBUF), ("transfer-encoding", "chunked")];
    assert_eq!(http1(running.http, &headers, &[&chunk]).await.status, 413);
    let answer = running.post(TRACES, JSON, span_json(&format!(r#""name":"{}""#, "x".repeat(1000)))).await;
    assert_eq!((answer.status, &json(&answer)["code"]), (413, &json!(8)));
    running.end().await;
    let running = start(Settings::default()).await;
    let announced = (64 * MIB + 1).to_string();
    let answer =
        http1(running.http, &[("content-type", PROTOBUF), ("content-length", &announced)], &[]).await;
    assert_eq!(answer.status, 413, "64 MiB by default");
    running.end().await;
}

#[tokio::test]
async fn s26_an_http_response_is_small_its_message_shortened_if_need_be() {
    let running = talkative().await;
    for (content_type, body) in [(PROTOBUF, traces(vec![span("s26")])), (JSON, span_json("").into())] {
        let answer = running.post(TRACES, content_type, body).await;
        assert!(answer.status == 200 && answer.body.len() < 4096, "{} {}", answer.status, answer.body.len());
    }
    running.sink.answers_with(
        400,
        pb::Status { message: "no, ".repeat(MIB / 8), ..Default::default() }.encode_to_vec(),
    );
    let answer = running.post(TRACES, PROTOBUF, traces(vec![span("s26")])).await;
    assert!(answer.status == 400 && answer.body.len() < 8192, "{} {}", answer.status, answer.body.len());
    running.end().await;
}

#[tokio::test]
async fn s27_whoever_takes_gzip_gets_an_answer_he_can_read() {
    // Compressing a response is allowed and not done: it is empty, or a sentence.
    let running = start(Settings::default()).await;
    let headers = [("content-type", JSON), ("accept-encoding", "gzip")];
    let answer = running.post_with(TRACES, &headers, "{").await;
    assert!(!answer.headers.contains_key("content-encoding"));
    assert_eq!(json(&answer)["code"], 3);
    running.end().await;
}

#[tokio::test]
async fn s28_failures_are_4xx_or_5xx_with_a_status_written_as_the_request() {
    let running = start(Settings::default()).await;
    let answer = running.post(TRACES, JSON, "{").await;
    assert_eq!((answer.status, &json(&answer)["code"]), (400, &json!(3)));
    let answer = running.post(TRACES, PROTOBUF, b"\xff").await;
    assert_eq!((answer.status, status(&answer).code), (400, 3));
    // Who sends neither is answered in JSON.
    let answer = running.post(TRACES, "text/plain", "{}").await;
    assert_eq!(answer.status, 415);
    assert!(json(&answer)["message"].is_string());
    running.end().await;
}

#[tokio::test]
async fn s29_the_status_speaks_to_developers() {
    let running = start(Settings::default()).await;
    let cases = [
        (TRACES, r#"{"resourceSpans":7}"#, "resourceSpans is not a list"),
        ("/v1/trace", "{}", "try /v1/traces"),
        ("/v1/traces/v1/traces", "{}", "take that off"),
    ];
    for (path, body, said) in cases {
        let message = json(&running.post(path, JSON, body).await)["message"].to_string();
        assert!(message.contains(said), "{path}: {message}");
    }
    running.end().await;
}

#[tokio::test]
async fn s30_what_cannot_be_decoded_is_400_with_a_bad_request_in_its_details() {
    let running = start(Settings::default()).await;
    let body = traces(vec![span("s30")]);
    let answer = running.post(TRACES, PROTOBUF, &body[..body.len() - 3]).await;
    let status = status(&answer);
    assert_eq!(answer.status, 400);
    let detail = status.details.first().expect("a detail");
    assert_eq!(detail.type_url, "type.googleapis.com/google.rpc.BadRequest");
    let bad = pb::BadRequest::decode(&detail.value[..]).expect("a BadRequest");
    assert_eq!(bad.field_violations[0].description, status.message);
    let answer = running.post(TRACES, JSON, "{} {}").await;
    let status = json(&answer);
    assert_eq!((answer.status, &status["details"][0]["@type"]), (400, &json!(detail.type_url)));
    let headers = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
    assert_eq!(running.post_with(TRACES, &headers, &body).await.status, 400, "not gzip");
    running.end().await;
}

#[tokio::test]
async fn s31_overload_is_503_with_the_seconds_to_wait() {
    let running = full().await;
    for (content_type, body) in [(PROTOBUF, traces(vec![span("s31")])), (JSON, span_json("").into())] {
        let answer = running.post(TRACES, content_type, body).await;
        let after: u64 = text(&answer, "retry-after").parse().expect("whole seconds");
        assert!(answer.status == 503 && (1..60).contains(&after), "{} {after}", answer.status);
    }
    running.end().await;
}

#[tokio::test]
async fn s32_protobuf_and_json_come_to_one_port_and_the_content_type_tells() {
    let mut running = start(Settings::default()).await;
    assert_eq!(running.post(TRACES, PROTOBUF, traces(vec![span("one")])).await.status, 200);
    assert_eq!(running.post(TRACES, JSON, span_json(r#""name":"two""#)).await.status, 200);
    for name in ["one", "two"] {
        assert_eq!(only_span(&running.received().await.1).name, name);
    }
    assert_eq!(running.post(TRACES, PROTOBUF, span_json("")).await.status, 400);
    assert_eq!(running.post(TRACES, JSON, traces(vec![span("x")])).await.status, 400);
    running.end().await;
}

#[tokio::test]
async fn s33_grpc_and_http_come_to_one_port() {
    let mut running = start(Settings::default()).await;
    let body = traces(vec![span("s33")]);
    for port in [running.grpc, running.http] {
        let length = body.len().to_string();
        let answer = http1(port, &[("content-type", PROTOBUF), ("content-length", &length)], &[&body]).await;
        assert_eq!(answer.status, 200);
        let http2 = Http2::connect(port).await;
        let answer =
            http2.send(sender::GRPC, &[("content-type", "application/grpc")], &[framed(0, &body)]).await;
        assert_eq!(answer.grpc_status(), Some(0));
        for _ in 0..2 {
            assert_eq!(running.received().await.1, body);
        }
    }
    running.end().await;
}

#[tokio::test]
async fn s34_empty_envelopes_are_dropped_or_forwarded_as_they_are() {
    let mut running = start(Settings::default()).await;
    let empty = [b"\x0a\x00".as_slice(), b"\x0a\x02\x12\x00"];
    for body in empty {
        assert_eq!(running.post(TRACES, PROTOBUF, body).await.status, 200);
    }
    let last = traces(vec![span("s34")]);
    assert_eq!(running.post(TRACES, PROTOBUF, &last).await.status, 200);
    loop {
        let (_, body) = running.received().await;
        if body == last {
            break;
        }
        assert!(empty.contains(&&body[..]), "{body:?}");
    }
    running.end().await;
}

#[tokio::test]
async fn s35_fields_that_nobody_knows_break_nothing_and_are_forwarded() {
    let mut running = start(Settings::default()).await;
    // field 99 in the span, field 15 in the request
    let span = [&span("s35").encode_to_vec()[..], b"\x9a\x06\x03new"].concat();
    let field = |content: &[u8], number: u8| [&[number << 3 | 2, content.len() as u8][..], content].concat();
    let body = [&field(&field(&field(&span, 2), 2), 1)[..], b"\x78\x01"].concat();
    assert_eq!(running.post(TRACES, PROTOBUF, &body).await.status, 200);
    assert_eq!(running.received().await.1, body, "byte for byte");
    running.end().await;
}

#[tokio::test]
async fn s36_a_span_with_an_invalid_id_is_rejected_alone() {
    let mut running = start(Settings::default()).await;
    let flawed = [
        Span { trace_id: vec![1; 15], ..span("short") },
        Span { trace_id: vec![0; 16], ..span("zero") },
        Span { span_id: vec![1; 9], ..span("long") },
        Span { span_id: vec![], ..span("none") },
    ];
    let spans = flawed.into_iter().chain([span("good")]).collect();
    let partial = response(&running.export(traces(spans)).await).partial_success.expect("four were rejected");
    assert_eq!(partial.rejected_spans, 4);
    assert_eq!(running.received().await.1, traces(vec![span("good")]));
    running.end().await;
}

#[tokio::test]
async fn s37_all_bits_of_flags_are_passed_through() {
    let mut running = start(Settings::default()).await;
    let body = traces(vec![Span { flags: 0xffff_fc01, ..span("s37") }]);
    assert_eq!(running.export(&body).await.grpc_status(), Some(0));
    assert_eq!(running.received().await.1, body);
    assert_eq!(forwarded(&mut running, r#""flags":4294966273"#).await.flags, 0xffff_fc01);
    running.end().await;
}

#[tokio::test]
async fn s38_values_may_be_empty_or_refer_to_a_string_table_that_is_not_there() {
    let mut running = start(Settings::default()).await;
    let value = |value| KeyValue { key: "k".into(), value: Some(AnyValue { value }), ..Default::default() };
    let attributes = vec![
        value(None),
        value(Some(Any::StringValueStrindex(3))),
        KeyValue { key_strindex: 2, ..Default::default() },
    ];
    let body = traces(vec![Span { attributes, ..span("s38") }]);
    assert_eq!(running.export(&body).await.grpc_status(), Some(0));
    assert_eq!(running.received().await.1, body);
    running.end().await;
}

#[tokio::test]
async fn s39_connections_are_kept_and_there_may_be_many() {
    let running = start(Settings::default()).await;
    let body = traces(vec![span("s39")]);
    let head = format!(
        "POST {TRACES} HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n",
        body.len()
    );
    let one = [head.as_bytes(), b"\r\n", &body].concat();
    let last = [head.as_bytes(), b"connection: close\r\n\r\n", &body].concat();
    let received = raw(running.http, &[&one, &one, &one, &last]).await;
    assert_eq!(String::from_utf8_lossy(&received).matches("HTTP/1.1 200 OK").count(), 4);
    let parallel =
        futures_util::future::join_all((0..50).map(|_| running.post(TRACES, PROTOBUF, &body))).await;
    assert!(parallel.iter().all(|answer| answer.status == 200));
    running.end().await;
}

#[tokio::test]
async fn s40_http_is_spoken_as_its_own_rules_have_it() {
    let running = start(Settings::default()).await;
    let body = traces(vec![span("s40")]);
    let answer = exchange(running.http, &format!("GET {TRACES}"), &[], &[]).await;
    assert_eq!((answer.status, text(&answer, "allow").as_str()), (405, "POST"));
    let answer = running.post(TRACES, "text/html", &body).await;
    assert_eq!((answer.status, text(&answer, "accept-post")), (415, format!("{PROTOBUF}, {JSON}")));
    for coding in ["br", "gzip, gzip", "snappy"] {
        let headers = [("content-type", PROTOBUF), ("content-encoding", coding)];
        let answer = running.post_with(TRACES, &headers, &body).await;
        assert_eq!(
            (answer.status, text(&answer, "accept-encoding").as_str()),
            (415, "gzip, zstd, deflate, identity")
        );
    }
    let headers = [("content-type", PROTOBUF), ("content-encoding", "identity")];
    assert_eq!(running.post_with(TRACES, &headers, &body).await.status, 200);
    let length = body.len().to_string();
    let headers =
        [("content-type", PROTOBUF), ("content-length", length.as_str()), ("expect", "100-continue")];
    let head = format!("POST {TRACES} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    let head = headers.iter().fold(head, |head, (name, value)| format!("{head}{name}: {value}\r\n")) + "\r\n";
    let received = raw(running.http, &[head.as_bytes(), &body]).await;
    let rest = received.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").expect("the client is asked to go on");
    assert_eq!(parse(rest).status, 200);
    running.end().await;
}

/// A message with its field 1, a text.
fn named(name: &str) -> Bytes {
    framed(0, &[&[0x0a, name.len() as u8], name.as_bytes()].concat())
}

#[tokio::test]
async fn grpc_health_says_what_is_served_on_every_port() {
    let running = start(Settings::default()).await;
    let path = "/grpc.health.v1.Health/Check";
    let trace = "opentelemetry.proto.collector.trace.v1.TraceService";
    for port in [running.grpc, running.http] {
        let http2 = Http2::connect(port).await;
        for name in ["", trace, "grpc.health.v1.Health"] {
            let answer = http2.send(path, &[("content-type", "application/grpc")], &[named(name)]).await;
            assert_eq!(
                (answer.grpc_status(), &answer.body[..]),
                (Some(0), &[0, 0, 0, 0, 2, 8, 1][..]),
                "{name}"
            );
        }
        let unknown = http2.send(path, &[("content-type", "application/grpc")], &[named("x.y.Z")]).await;
        assert_eq!(unknown.grpc_status(), Some(5));
    }
    running.end().await;
}

#[tokio::test]
async fn whoever_watches_the_health_hears_of_the_stop_and_does_not_hold_it_up() {
    let running = start(Settings::default()).await;
    let http2 = Http2::connect(running.grpc).await;
    let mut requests = http2.requests.clone();
    let head = sender::post("/grpc.health.v1.Health/Watch", &[("content-type", "application/grpc")]);
    let (answer, mut stream) = requests.send_request(head, false).expect("a request");
    stream.send_data(named(""), true).expect("it is small");
    let mut body = answer.await.expect("an answer").into_body();
    assert_eq!(body.data().await.expect("at once").expect("data")[..], [0, 0, 0, 0, 2, 8, 1], "serving");
    let watching = async {
        let next = body.data().await.expect("it hears of it").expect("data");
        assert_eq!(next[..], [0, 0, 0, 0, 2, 8, 2], "not serving");
        assert!(body.data().await.is_none(), "that was all");
    };
    tokio::join!(running.end(), watching);
}

#[tokio::test]
async fn grpc_reflection_lists_the_services_and_describes_their_messages() {
    let running = start(Settings::default()).await;
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let http2 = Http2::connect(running.grpc).await;
        let headers = [("content-type", "application/grpc")];
        // list_services = 7, file_containing_symbol = 4
        let answer = http2.send(&path, &headers, &[framed(0, &[0x3a, 1, b'*'])]).await;
        let listed = String::from_utf8_lossy(&answer.body).into_owned();
        for (service, _) in SERVICES {
            assert!(listed.contains(&format!("opentelemetry.proto.collector.{service}")), "{listed}");
        }
        assert!(listed.contains("grpc.health.v1.Health") && !listed.contains("rofiles"), "{listed}");
        let symbol = b"opentelemetry.proto.trace.v1.Span";
        let asked = framed(0, &[&[0x22, symbol.len() as u8][..], symbol].concat());
        let answer = http2.send(&path, &headers, &[asked]).await;
        assert_eq!(answer.grpc_status(), Some(0));
        assert!(String::from_utf8_lossy(&answer.body).contains("start_time_unix_nano"), "{version}");
    }
    let json = [("content-type", "application/grpc+json")];
    let answer = Http2::connect(running.grpc).await.send(sender::GRPC, &json, &[framed(0, b"{}")]).await;
    assert_eq!(answer.grpc_status(), Some(12), "messages are protobuf");
    running.end().await;
}

#[test]
fn there_is_a_test_for_every_requirement() {
    let source = include_str!("otlp_server.rs");
    for number in 1..=40 {
        assert_eq!(source.matches(&format!("async fn s{number:02}_")).count(), 1, "S{number}");
    }
    assert_eq!(Signal::ALL.len(), SERVICES.len());
}
