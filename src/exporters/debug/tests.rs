use std::io::Write;
use std::sync::{Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
    metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use prost::Message;

use super::*;
use crate::flags;
use crate::otlp::{Edits, Payload, Watchlist, check};

/// What was printed so far.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is printed for a batch, with its colours.
async fn coloured(verbosity: Verbosity, signal: Signal, payloads: Vec<Payload>) -> String {
    let paper = Paper::default();
    let config = Config { verbosity, ..Config::default() };
    let debug =
        Debug { verbosity, sampler: Sampler::new(&config), output: Output::new(Box::new(paper.clone())) };
    assert_eq!(debug.export(&Batch::new(signal, payloads)).await, Outcome::Accepted);
    let printed = paper.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(printed).expect("it is text")
}

/// What is printed for a batch where there are no colours.
async fn printed(verbosity: Verbosity, signal: Signal, payloads: Vec<Payload>) -> String {
    anstream::adapter::strip_str(&coloured(verbosity, signal, payloads).await).to_string()
}

fn payload(signal: Signal, request: &impl Message) -> Payload {
    check(signal, request.encode_to_vec().into(), &Watchlist::default())
        .expect("prost writes valid messages")
        .payload
}

fn kv(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

fn text(key: &str, value: &str) -> KeyValue {
    kv(key, Value::StringValue(value.into()))
}

fn resource() -> Option<Resource> {
    Some(Resource { attributes: vec![text("service.name", "shop")], ..Resource::default() })
}

fn traces(spans: Vec<Span>) -> Payload {
    let scope = InstrumentationScope { name: "http".into(), version: "1.0".into(), ..Default::default() };
    let scope = ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() };
    let group = ResourceSpans { resource: resource(), scope_spans: vec![scope], ..ResourceSpans::default() };
    payload(Signal::Traces, &ExportTraceServiceRequest { resource_spans: vec![group] })
}

fn span(attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: vec![0xab; 16],
        span_id: vec![0xcd; 8],
        name: "GET /cart".into(),
        kind: 2,
        start_time_unix_nano: NOON,
        end_time_unix_nano: NOON + 1_500_000,
        attributes,
        ..Span::default()
    }
}

fn logs(record: LogRecord) -> Payload {
    let scope = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
    let group = ResourceLogs { resource: resource(), scope_logs: vec![scope], ..ResourceLogs::default() };
    payload(Signal::Logs, &ExportLogsServiceRequest { resource_logs: vec![group] })
}

fn metrics(metrics: Vec<Metric>) -> Payload {
    let scope = ScopeMetrics { metrics, ..ScopeMetrics::default() };
    let group =
        ResourceMetrics { resource: resource(), scope_metrics: vec![scope], ..ResourceMetrics::default() };
    payload(Signal::Metrics, &ExportMetricsServiceRequest { resource_metrics: vec![group] })
}

/// 2026-01-02T12:00:00.250Z
const NOON: u64 = 1_767_355_200_250_000_000;
const TRACE: &str = "abababababababababababababababab";

#[tokio::test]
async fn basic_counts() {
    let batch = vec![traces(vec![span(vec![]), span(vec![])]), traces(vec![span(vec![])])];
    let bytes: usize = batch.iter().map(|payload| payload.bytes().len()).sum();
    let expected = format!("traces: 2 resource spans, 3 spans, {bytes} bytes\n");
    assert_eq!(printed(Verbosity::Basic, Signal::Traces, batch).await, expected);
}

#[tokio::test]
async fn normal_is_a_line_for_each_item() {
    let failed = Span { status: Some(Status { code: 2, message: "broke".into() }), ..span(vec![]) };
    let batch = vec![traces(vec![span(vec![text("a", "b c"), kv("n", Value::IntValue(-1))]), failed])];
    assert_eq!(
        printed(Verbosity::Normal, Signal::Traces, batch).await,
        format!(
            "12:00:00.250Z span shop \"GET /cart\" 1.500ms trace={TRACE} span=cdcdcdcdcdcdcdcd a=\"b c\" n=-1\n\
             12:00:00.250Z span shop \"GET /cart\" 1.500ms error \"broke\" trace={TRACE} span=cdcdcdcdcdcdcdcd\n"
        )
    );
    let record = LogRecord {
        severity_text: "WARN".into(),
        body: Some(AnyValue { value: Some(Value::StringValue("low stock".into())) }),
        ..LogRecord::default()
    };
    let expected = "--:--:--.---Z log shop WARN \"low stock\"\n";
    assert_eq!(printed(Verbosity::Normal, Signal::Logs, vec![logs(record)]).await, expected);

    let point = NumberDataPoint {
        time_unix_nano: NOON,
        value: Some(number_data_point::Value::AsDouble(0.5)),
        ..NumberDataPoint::default()
    };
    let load = Metric {
        name: "load".into(),
        unit: "1".into(),
        data: Some(Data::Gauge(Gauge { data_points: vec![point] })),
        ..Metric::default()
    };
    let point = HistogramDataPoint { count: 2, sum: Some(3.0), ..HistogramDataPoint::default() };
    let latency = Metric {
        name: "latency".into(),
        unit: "ms".into(),
        data: Some(Data::Histogram(Histogram { data_points: vec![point], ..Histogram::default() })),
        ..Metric::default()
    };
    assert_eq!(
        printed(Verbosity::Normal, Signal::Metrics, vec![metrics(vec![load, latency])]).await,
        "12:00:00.250Z point shop load 0.5 1\n--:--:--.---Z point shop latency count 2, sum 3 ms\n"
    );
}

#[tokio::test]
async fn detailed_shows_everything_and_the_group_once() {
    let array =
        ArrayValue { values: vec![AnyValue { value: Some(Value::BoolValue(true)) }, AnyValue::default()] };
    let map = KeyValueList { values: vec![kv("k", Value::BytesValue(vec![1, 255]))] };
    let attributes = vec![kv("list", Value::ArrayValue(array)), kv("map", Value::KvlistValue(map))];
    let event = Event {
        time_unix_nano: NOON,
        name: "cached".into(),
        attributes: vec![text("x", "y")],
        ..Event::default()
    };
    let first = Span { events: vec![event], parent_span_id: vec![1; 8], ..span(attributes) };
    let shown = printed(Verbosity::Detailed, Signal::Traces, vec![traces(vec![first, span(vec![])])]).await;
    let expected = format!(
        "resource
  service.name: \"shop\"
 scope http 1.0
  span GET /cart
    trace id: {TRACE}
    span id: cdcdcdcdcdcdcdcd
    parent id: 0101010101010101
    kind: server
    start: 2026-01-02T12:00:00.250000000Z
    end: 2026-01-02T12:00:00.251500000Z (1.500ms)
    list: [true, null]
    map: {{k: 0x01ff}}
    event cached at 2026-01-02T12:00:00.250000000Z
      x: \"y\"
  span GET /cart
    trace id: {TRACE}
    span id: cdcdcdcdcdcdcdcd
    kind: server
    start: 2026-01-02T12:00:00.250000000Z
    end: 2026-01-02T12:00:00.251500000Z (1.500ms)
"
    );
    assert_eq!(shown, expected);
}

fn evaluation(attributes: &[(&str, &str)]) -> Event {
    let attributes = attributes.iter().map(|(key, value)| text(key, value)).collect();
    Event { name: "feature_flag.evaluation".into(), attributes, ..Event::default() }
}

#[tokio::test]
async fn evaluations_are_a_line_each_and_nothing_else() {
    let on = evaluation(&[
        ("feature_flag.key", "new-checkout"),
        ("feature_flag.result.variant", "on"),
        ("feature_flag.result.reason", "targeting_match"),
    ]);
    let missing = evaluation(&[
        ("feature_flag.key", "gone"),
        ("feature_flag.result.reason", "error"),
        ("error.type", "flag_not_found"),
        ("feature_flag.error.message", "no flag of this name"),
    ]);
    let index = kv("feature_flag.result.variationIndex", Value::IntValue(1));
    let unnamed = Event { attributes: vec![text("feature_flag.key", "dark-mode"), index], ..evaluation(&[]) };
    let span = Span { events: vec![on, missing, unnamed], ..span(vec![]) };
    let shown = printed(Verbosity::Evaluations, Signal::Traces, vec![traces(vec![span.clone()])]).await;
    assert_eq!(
        shown,
        format!(
            "12:00:00.250Z  shop  new-checkout = on  targeting_match  trace {TRACE}\n\
             12:00:00.250Z  shop  gone = -  error  flag_not_found  no flag of this name  trace {TRACE}\n\
             12:00:00.250Z  shop  dark-mode = variation 1  -  trace {TRACE}\n"
        )
    );
    let with_colours = coloured(Verbosity::Evaluations, Signal::Traces, vec![traces(vec![span])]).await;
    assert!(with_colours.contains("\u{1b}[32mon\u{1b}[0m"), "{with_colours:?}");
    let silent = printed(Verbosity::Evaluations, Signal::Logs, vec![logs(LogRecord::default())]).await;
    assert_eq!(silent, "");
}

/// What is shown of a capture of the relay proxy after its enrichment, without time and trace id.
async fn shown_of(capture: &str) -> String {
    let file = format!("{}/tests/interop/captures/{capture}.pb", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(file).expect("the capture is there");
    let captured = check(Signal::Traces, bytes.into(), &flags::watchlist(&flags::ContextId::Keep))
        .expect("it is OTLP")
        .payload;
    let mut edits = Edits::default();
    flags::enrich(&captured, &flags::Policy::default(), None, &mut edits, None, None);
    let enriched = edits.apply(&captured);
    let shown = printed(Verbosity::Evaluations, Signal::Traces, vec![enriched]).await;
    let fields =
        shown.trim_end().split("  ").filter(|field| !field.ends_with('Z') && !field.starts_with("trace "));
    fields.collect::<Vec<_>>().join("  ")
}

#[tokio::test]
async fn what_the_relay_proxy_evaluates_is_shown() {
    for (capture, line) in [
        ("relayproxy-v1.49.0-ofrep-success", "go-feature-flag  new-checkout = on  targeting_match"),
        ("relayproxy-v1.49.0-ofrep-unknown-flag", "go-feature-flag  ghost = -  error  flag_not_found"),
        (
            "relayproxy-v1.49.0-v1-unknown-flag",
            "go-feature-flag  ghost = false (default)  error  flag_not_found",
        ),
        ("relayproxy-v1.49.0-v1-disabled-flag", "go-feature-flag  old-search = false (default)  disabled"),
        ("relayproxy-v1.49.0-ofrep-bulk", ""),
    ] {
        assert_eq!(shown_of(capture).await, line, "{capture}");
    }
}

#[tokio::test]
async fn telemetry_cannot_command_the_terminal() {
    let hostile = "x\u{1b}[2J\u{9b}1m\r\n\u{202e}";
    let flag = evaluation(&[("feature_flag.key", hostile), ("feature_flag.result.variant", hostile)]);
    let span = Span {
        name: hostile.into(),
        events: vec![flag, Event { name: hostile.into(), ..Event::default() }],
        status: Some(Status { code: 2, message: hostile.into() }),
        ..span(vec![text(hostile, hostile)])
    };
    for verbosity in [Verbosity::Normal, Verbosity::Detailed, Verbosity::Evaluations] {
        let shown = printed(verbosity, Signal::Traces, vec![traces(vec![span.clone()])]).await;
        assert!(shown.contains(r"x\u{1b}[2J\u{9b}1m\r\n\u{202e}"), "{verbosity:?}: {shown}");
        let harmful = |char: char| (char.is_control() && char != '\n') || char == '\u{202e}';
        assert!(!shown.contains(harmful), "{verbosity:?}: {shown:?}");
    }
}

#[tokio::test]
async fn an_item_without_end_is_cut_and_the_next_one_shown() {
    let long = "v".repeat(500_000);
    let attributes =
        (0..2000).map(|n| text(&format!("key{n}"), &long[..300])).chain([text("long", &long)]).collect();
    let spans = vec![span(attributes), Span { name: "second".into(), ..span(vec![]) }];
    for (verbosity, bytes_max) in [(Verbosity::Normal, 10_000), (Verbosity::Detailed, 80_000)] {
        let shown = printed(verbosity, Signal::Traces, vec![traces(spans.clone())]).await;
        assert!(shown.len() < bytes_max && shown.contains("… (more is not shown)\n"), "{verbosity:?}");
        assert!(shown.contains("second"), "{verbosity:?}");
    }
}

#[tokio::test]
async fn a_batch_of_many_pages_is_shown_whole_and_in_order() {
    let spans: Vec<Span> = (0..2000).map(|n| Span { name: format!("#{n}"), ..span(vec![]) }).collect();
    let shown = printed(Verbosity::Normal, Signal::Traces, vec![traces(spans)]).await;
    assert!(shown.len() > 128 * 1024);
    let names: Vec<&str> = shown.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(names, (0..2000).map(|n| format!("#{n}")).collect::<Vec<_>>());
}

#[test]
fn the_collectors_keys_are_read() {
    let config = |json: &str| serde_json::from_str::<Config>(json);
    let detailed =
        config(r#"{"verbosity": "Detailed", "use_internal_logger": false, "output_paths": ["stderr"]}"#);
    let detailed = detailed.expect("known keys");
    assert_eq!(detailed.verbosity, Verbosity::Detailed);
    let built = build(&detailed).expect("nothing is wrong");
    assert!(built.warnings.is_empty() && built.exporter.is_lossy() && !built.retry.enabled);
    assert_eq!((built.queue.num_consumers, built.queue.enabled), (1, true));

    let error = config(r#"{"verbosity": "loud"}"#).expect_err("no such word").to_string();
    assert!(error.contains("\"loud\" is none of basic, normal, detailed, evaluations"), "{error}");
    assert!(config(r#"{"loglevel": "debug"}"#).is_err());

    let logger = config(r#"{"use_internal_logger": true}"#).expect("known keys");
    assert_eq!(build(&logger).expect("only odd").warnings.len(), 1);
    let file = config(r#"{"output_paths": ["/tmp/x"]}"#).expect("known keys");
    assert_eq!(build(&file).expect_err("no files")[0].path, ["output_paths"]);
}
