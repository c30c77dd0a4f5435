use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
};
use prost::Message;

use super::changes::{Changes, newest};
use super::replay::{Found, Requests};
use super::trial;
use crate::flags;
use crate::otlp::compression::{Encoding, compress};
use crate::otlp::{self, Signal, Watchlist, json};

fn trial_args() -> trial::Content {
    let text = |text: &str| text.to_owned();
    trial::Content {
        flag: text("new-checkout"),
        variant: text("on"),
        reason: text("split"),
        service: text("shop"),
        count: 1,
    }
}

fn trial_request() -> Vec<u8> {
    trial::build(&trial_args(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)).request
}

fn metrics_request() -> Vec<u8> {
    let point = NumberDataPoint { time_unix_nano: 5_000, ..Default::default() };
    let data = Some(Data::Gauge(Gauge { data_points: vec![point] }));
    let metric = Metric { name: "a metric name 16".into(), data, ..Default::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..Default::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..Default::default() }],
    }
    .encode_to_vec()
}

fn as_json(request: &[u8]) -> String {
    let checked = otlp::check(Signal::Traces, Bytes::copy_from_slice(request), &Watchlist::default());
    let text = json::write(Signal::Traces, [&checked.expect("OTLP").payload]);
    String::from_utf8(text).expect("JSON is UTF-8")
}

fn after_length(record: &[u8]) -> Vec<u8> {
    let length = u32::try_from(record.len()).expect("it is small");
    [&length.to_be_bytes(), record].concat()
}

/// What is in a file: signal and items of each request, or what is wrong with it.
fn read(file: &[u8]) -> Vec<String> {
    let mut requests = match Requests::of(Cursor::new(file.to_vec())) {
        Ok(requests) => requests,
        Err(error) => return vec![error.to_string()],
    };
    std::iter::from_fn(|| requests.next())
        .map(|(place, found)| match found {
            Ok(Found { payload, flawed: 0 }) => format!("{place}: {} {}", payload.len(), payload.signal()),
            Ok(Found { payload, flawed }) => {
                format!("{place}: {} {}, {flawed} flawed", payload.len(), payload.signal())
            }
            Err(why) => format!("{place}: {why}"),
        })
        .collect()
}

#[test]
fn the_test_trace_has_one_evaluation_on_each_of_its_two_spans() {
    let checked =
        otlp::check(Signal::Traces, trial_request().into(), &flags::watchlist(&flags::ContextId::Keep))
            .expect("OTLP");
    assert_eq!((checked.payload.len(), checked.flawed), (2, 0));
    let mut seen = Vec::new();
    flags::evaluations(&checked.payload, |item, evaluation| {
        let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
        seen.push((item.name().to_owned(), text(&evaluation.key), text(&evaluation.variant)));
    });
    assert_eq!(
        seen,
        ["GET /burgee-test", "flagEvaluation"].map(|name| (name.into(), "new-checkout".into(), "on".into()))
    );
}

#[test]
fn json_is_read_in_lines_in_one_piece_and_without_breaks() {
    let line = as_json(&trial_request());
    let lines = format!("{line}\n\n{line}\n");
    assert_eq!(read(lines.as_bytes()), ["line 1: 2 traces", "line 3: 2 traces"]);
    let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let pretty = serde_json::to_string_pretty(&value).expect("JSON");
    assert_eq!(read(format!("\u{feff}{pretty}\n{pretty}").as_bytes()).len(), 2);
    assert_eq!(read(format!("\n  {pretty}").as_bytes()), ["line 2: 2 traces"]);
    assert_eq!(read(br#"{"resourceLogs": null, "resourceMetrics": []}"#), ["line 1: 0 metrics"]);
}

#[test]
fn what_is_wrong_with_json_is_told_with_its_line_and_the_rest_is_read() {
    let line = as_json(&trial_request());
    let half = &line[..line.len() / 2];
    let file = format!("{line}\n{half}\n{line}\n{{\"resources\": 1}}\n[7]\n{half}");
    let read = read(file.as_bytes());
    assert_eq!(read.len(), 6, "{read:#?}");
    assert_eq!(read[0], "line 1: 2 traces");
    assert_eq!(read[1], "line 2: has no end: it was cut off");
    assert_eq!(read[2], "line 3: 2 traces");
    assert!(read[3].starts_with("line 4: is no OTLP: it has neither resourceSpans"), "{}", read[3]);
    assert!(read[4].starts_with("line 5: column "), "{}", read[4]);
    assert!(read[5].contains("is not JSON"), "{}", read[5]);
}

#[test]
fn records_after_lengths_are_what_the_file_exporter_writes() {
    let request = trial_request();
    let zstd = |record: &[u8]| compress(Encoding::Zstd, [record]);
    let file = [
        after_length(&request),
        after_length(&metrics_request()),
        after_length(&zstd(&request)),
        after_length(&zstd(as_json(&request).as_bytes())),
        after_length(&[]),
        after_length(b"\x0a\xff"),
        after_length(&request)[..40].to_vec(),
    ]
    .concat();
    let read = read(&file);
    assert_eq!(read[0], "request 1: 2 traces");
    assert_eq!(read[1], "request 2: 1 metrics");
    assert_eq!(&read[2..4], ["request 3: 2 traces", "request 4: 2 traces"]);
    assert_eq!(read[4], "request 5: 0 traces");
    assert!(read[5].starts_with("request 6: is no OTLP: byte "), "{}", read[5]);
    assert!(read[6].starts_with("request 7: has no end: 36 of "), "{}", read[6]);
    assert_eq!(read.len(), 7);
}

#[test]
fn bare_requests_show_their_signal() {
    assert_eq!(read(&trial_request()), ["the request: 2 traces"]);
    assert_eq!(read(&metrics_request()), ["the request: 1 metrics"]);
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/captures");
    let mut seen = 0;
    for entry in std::fs::read_dir(captures).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "pb") {
            let name = path.to_string_lossy().into_owned();
            let found = read(&std::fs::read(&path).expect("a file")).join("; ");
            let signal = if name.contains("logs") { "logs" } else { "traces" };
            assert!(found.starts_with("the request: ") && found.ends_with(signal), "{name}: {found}");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} captures were found");
}

#[test]
fn what_is_no_telemetry_is_said_before_anything_is_sent() {
    for (file, said) in [
        (&b""[..], "it is empty"),
        (b"hello", "it is neither OTLP/JSON nor OTLP in protobuf"),
        (b"\x1f\x8b\x08\0", "it is compressed; `gunzip` it first"),
        (b"\x28\xb5\x2f\xfd\0", "it is compressed; `unzstd` it first"),
        (b"\0\0", "it is neither OTLP/JSON nor OTLP in protobuf"),
    ] {
        assert_eq!(read(file), [said]);
    }
    assert_eq!(read(b"\x04\xff\xff\xff\x01"), ["request 1: is larger than 64.0 MiB, or no request"]);
}

#[test]
fn a_line_without_an_end_takes_no_more_memory_than_a_request_may_have() {
    let endless = std::io::repeat(b'[');
    let file = Cursor::new(b"{\"a\":".to_vec());
    let mut requests = Requests::of(std::io::Read::chain(file, endless)).expect("it can be read");
    let (place, found) = requests.next().expect("there is something");
    assert_eq!(place, "line 1");
    assert_eq!(found.err().as_deref(), Some("is larger than 64.0 MiB, or no request"));
    assert!(requests.next().is_none());
}

#[test]
fn fresh_ids_keep_spans_together_and_times_move_as_one() {
    let found = |request: Vec<u8>| {
        let checked = otlp::check(Signal::Traces, request.into(), &Watchlist::default()).expect("OTLP");
        Found { payload: checked.payload, flawed: 0 }
    };
    let request = trial_request();
    let before = ExportTraceServiceRequest::decode(&*request).expect("OTLP");
    let newest_before = newest(&found(request.clone()).payload);
    assert_eq!(newest_before, 1_000_000_000_000);
    let changed = Changes::new(true, Some(newest_before)).apply(found(request)).expect("OTLP");
    let after = ExportTraceServiceRequest::decode(changed.payload.bytes().clone()).expect("OTLP");
    let spans = |request: ExportTraceServiceRequest| -> Vec<_> {
        let scopes = request.resource_spans.into_iter().flat_map(|of| of.scope_spans);
        scopes.flat_map(|of| of.spans).collect()
    };
    let (before, after) = (spans(before), spans(after));
    assert_ne!(before[0].trace_id, after[0].trace_id);
    assert_eq!(after[0].trace_id, after[1].trace_id);
    assert_eq!((after[0].span_id.clone(), 8), (after[1].parent_span_id.clone(), after[1].span_id.len()));
    assert!(after[0].parent_span_id.is_empty(), "what had no parent has none");
    let moved = |at: usize| after[at].start_time_unix_nano - before[at].start_time_unix_nano;
    assert_eq!(moved(0), moved(1));
    assert_eq!(after[0].events[0].time_unix_nano - before[0].events[0].time_unix_nano, moved(0));
    assert!(after[0].end_time_unix_nano > 1_700_000_000_000_000_000, "it ended lately");
}

#[test]
fn metrics_move_too() {
    let checked = otlp::check(Signal::Metrics, metrics_request().into(), &Watchlist::default());
    let payload = checked.expect("OTLP").payload;
    assert_eq!(newest(&payload), 5_000);
    let changed = Changes::new(false, Some(4_000)).apply(Found { payload, flawed: 0 }).expect("OTLP");
    assert!(newest(&changed.payload) > 1_700_000_000_000_000_000);
}
