//! The span that shows whether downstreams answer.

use std::time::SystemTime;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use crate::otlp::{self, Payload, Signal, Watchlist};

/// A root span of service `burgee-doctor`, with an id of its own, that lasts no time.
pub(super) fn span() -> Option<Payload> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_nanos()).unwrap_or_default();
    let id = |bytes: usize| -> Vec<u8> { (0..bytes).map(|_| fastrand::u8(1..)).collect() };
    let text = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    };
    let span = Span {
        trace_id: id(16),
        span_id: id(8),
        name: "burgee doctor: does the downstream answer?".to_owned(),
        kind: 1,
        start_time_unix_nano: now,
        end_time_unix_nano: now,
        attributes: vec![text("burgee.doctor", "downstream")],
        ..Span::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![text("service.name", "burgee-doctor")],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "burgee".to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let bytes = Bytes::from(request.encode_to_vec());
    otlp::check(Signal::Traces, bytes, &Watchlist::default()).ok().map(|checked| checked.payload)
}
