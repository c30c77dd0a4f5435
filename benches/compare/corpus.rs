//! Requests as they come from services beside a relay proxy: about 470 bytes and ten attributes a span, every fifth
//! span a flag evaluation.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

#[allow(dead_code, reason = "not every benchmark has a use for both")]
/// A few different requests of `spans` spans each, as gRPC messages with their prefix.
pub fn requests(spans: u64) -> Vec<Bytes> {
    (0..8).map(|seed| framed(&request(seed, spans).encode_to_vec())).collect()
}

fn framed(message: &[u8]) -> Bytes {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

/// Spans without any evaluation.
#[allow(dead_code, reason = "not every benchmark has a use for both")]
pub fn ordinary(spans: u64) -> ExportTraceServiceRequest {
    of((0..spans).map(|n| server_span(base(0, n))).collect())
}

fn request(seed: u64, spans: u64) -> ExportTraceServiceRequest {
    of((0..spans).map(|n| span(seed, n)).collect())
}

fn of(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![text("service.name", "go-feature-flag"), text("host.name", "relay-7f9c")],
        ..Resource::default()
    };
    let scope = InstrumentationScope { name: "go-feature-flag".into(), ..Default::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans,
            schema_url: String::new(),
        }],
    }
}

fn base(seed: u64, n: u64) -> Span {
    let id = (seed << 32 | n).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let trace_id = [id.to_be_bytes(), (!id).to_be_bytes()].concat();
    let start = 1_786_000_000_000_000_000 + n * 1000;
    Span {
        trace_id,
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: id.rotate_left(13).to_be_bytes().to_vec(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 65_000,
        status: Some(Status::default()),
        ..Span::default()
    }
}

fn span(seed: u64, n: u64) -> Span {
    let base = base(seed, n);
    if n.is_multiple_of(5) {
        let attributes = vec![
            text("flagEvaluation.flagName", "new-checkout"),
            value("flagEvaluation.trackEvents", Value::BoolValue(true)),
            text("flagEvaluation.variant", "on"),
            value("flagEvaluation.failed", Value::BoolValue(false)),
            text("flagEvaluation.version", "3.1.0"),
            text("flagEvaluation.reason", "SPLIT"),
            text("flagEvaluation.errorCode", ""),
            value("flagEvaluation.cacheable", Value::BoolValue(true)),
            text("flagEvaluation.value", "true"),
        ];
        return Span { name: "flagEvaluation".into(), kind: 1, attributes, ..base };
    }
    server_span(base)
}

fn server_span(base: Span) -> Span {
    let attributes = vec![
        text("http.request.method", "GET"),
        text("url.path", "/api/v2/orders/8812/items"),
        text("url.scheme", "https"),
        text("server.address", "shop.internal.example"),
        value("server.port", Value::IntValue(8443)),
        text("network.protocol.version", "1.1"),
        text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/142.0"),
        text("client.address", "10.31.8.114"),
        value("http.response.status_code", Value::IntValue(200)),
        text("http.route", "/api/v2/orders/:id/items"),
    ];
    Span { name: "GET /api/v2/orders/:id/items".into(), kind: 2, attributes, ..base }
}

fn text(key: &str, text: &str) -> KeyValue {
    value(key, Value::StringValue(text.into()))
}

fn value(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
