use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, metric::Data,
    number_data_point::Value,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::checked;
use crate::otlp::{Payload, Reading, Signal, wire};

fn request(signal: Signal, group: &impl Message) -> Payload {
    let mut out = Vec::new();
    wire::put_len(&mut out, 1, &group.encode_to_vec());
    checked(signal, out)
}

fn reading(data: Data) -> Option<Reading> {
    let metric = Metric { name: "m".into(), data: Some(data), ..Metric::default() };
    let scope = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
    let group = ResourceMetrics { scope_metrics: vec![scope], ..ResourceMetrics::default() };
    request(Signal::Metrics, &group).items().next().expect("one data point").reading()
}

#[test]
fn a_data_point_tells_what_it_measured() {
    let number = |value| vec![NumberDataPoint { value, ..NumberDataPoint::default() }];
    let gauge = |value| Data::Gauge(Gauge { data_points: number(value) });
    assert_eq!(reading(gauge(Some(Value::AsDouble(-1.5)))), Some(Reading::Double(-1.5)));
    assert_eq!(reading(gauge(None)), None);
    let sum = Sum { data_points: number(Some(Value::AsInt(-7))), ..Sum::default() };
    assert_eq!(reading(Data::Sum(sum)), Some(Reading::Int(-7)));

    let point = HistogramDataPoint { count: 3, sum: Some(4.5), ..HistogramDataPoint::default() };
    let histogram = Histogram { data_points: vec![point], ..Histogram::default() };
    assert_eq!(reading(Data::Histogram(histogram)), Some(Reading::Distribution { count: 3, sum: Some(4.5) }));
    let point = ExponentialHistogramDataPoint { count: 3, ..ExponentialHistogramDataPoint::default() };
    let histogram = ExponentialHistogram { data_points: vec![point], ..ExponentialHistogram::default() };
    let without_sum = Some(Reading::Distribution { count: 3, sum: None });
    assert_eq!(reading(Data::ExponentialHistogram(histogram)), without_sum);
    let point = SummaryDataPoint { count: 2, sum: 9.0, ..SummaryDataPoint::default() };
    let summary = Summary { data_points: vec![point] };
    assert_eq!(reading(Data::Summary(summary)), Some(Reading::Distribution { count: 2, sum: Some(9.0) }));
}

#[test]
fn of_both_members_of_a_data_points_number_the_last_counts() {
    let (double, int) =
        ([&[4 << 3 | 1][..], &1.5f64.to_le_bytes()], [&[6 << 3 | 1][..], &7i64.to_le_bytes()]);
    let reading = |members: [[&[u8]; 2]; 2]| {
        let (mut gauge, mut metric, mut scope, mut group, mut out) = (vec![], vec![], vec![], vec![], vec![]);
        wire::put_len(&mut gauge, 1, &members.concat().concat());
        wire::put_len(&mut metric, 5, &gauge);
        wire::put_len(&mut scope, 2, &metric);
        wire::put_len(&mut group, 2, &scope);
        wire::put_len(&mut out, 1, &group);
        checked(Signal::Metrics, out).items().next().expect("one data point").reading()
    };
    assert_eq!(reading([double, int]), Some(Reading::Int(7)));
    assert_eq!(reading([int, double]), Some(Reading::Double(1.5)));
}

#[test]
fn a_log_record_tells_its_severity_and_a_span_its_status() {
    let body = Some(AnyValue { value: Some(any_value::Value::StringValue("x".into())) });
    let record =
        LogRecord { severity_number: 17, severity_text: "ERROR".into(), body, ..LogRecord::default() };
    let scope = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
    let group = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    let logs = request(Signal::Logs, &group);
    let record = logs.items().next().expect("one record");
    assert_eq!((record.severity_number(), record.severity_text()), (17, "ERROR"));
    assert_eq!((record.status_message(), record.reading(), record.signal()), ("", None, Signal::Logs));

    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        status: Some(Status { code: 2, message: "broke".into() }),
        ..Span::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let group = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let traces = request(Signal::Traces, &group);
    let span = traces.items().next().expect("one span");
    assert_eq!((span.status_code(), span.status_message(), span.signal()), (2, "broke", Signal::Traces));
    assert_eq!((span.severity_number(), span.severity_text()), (0, ""));
}
