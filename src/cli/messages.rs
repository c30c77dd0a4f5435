//! Short ways to write OTLP messages down.

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span, span};

/// An attribute's value as it is written here.
pub(super) enum Attribute {
    Text(String),
    Flag(bool),
    Number(i64),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Attribute::Text(text.to_owned())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Attribute::Text(text)
    }
}

impl From<bool> for Attribute {
    fn from(flag: bool) -> Self {
        Attribute::Flag(flag)
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Attribute::Number(number)
    }
}

pub(super) fn attribute(key: &str, value: impl Into<Attribute>) -> KeyValue {
    let value = match value.into() {
        Attribute::Text(text) => Value::StringValue(text),
        Attribute::Flag(flag) => Value::BoolValue(flag),
        Attribute::Number(number) => Value::IntValue(number),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

pub(super) fn scope(name: &str, version: &str, spans: Vec<Span>) -> ScopeSpans {
    ScopeSpans { scope: Some(scope_of(name, version)), spans, schema_url: String::new() }
}

pub(super) fn scope_of(name: &str, version: &str) -> InstrumentationScope {
    InstrumentationScope { name: name.to_owned(), version: version.to_owned(), ..Default::default() }
}

pub(super) fn event(name: &str, at: u64, attributes: Vec<KeyValue>) -> span::Event {
    span::Event { time_unix_nano: at, name: name.to_owned(), attributes, dropped_attributes_count: 0 }
}

/// Where a span stands: its trace, itself and its parent.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) parent: Option<u64>,
}

impl Place {
    pub(super) fn child(self, span: u64) -> Place {
        Place { trace: self.trace, span, parent: Some(self.span) }
    }
}

/// When a span was: nanoseconds since 1970.
#[derive(Clone, Copy)]
pub(super) struct When {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl When {
    /// A part of this time, in microseconds from its start.
    pub(super) fn part(self, from_us: u64, to_us: u64) -> When {
        let at = |us: u64| self.start.saturating_add(us * 1_000).min(self.end);
        When { start: at(from_us), end: at(to_us) }
    }
}

pub(super) fn span(
    place: Place,
    name: &str,
    kind: span::SpanKind,
    when: When,
    attributes: Vec<KeyValue>,
) -> Span {
    Span {
        trace_id: place.trace.to_be_bytes().to_vec(),
        span_id: place.span.to_be_bytes().to_vec(),
        parent_span_id: place.parent.map_or_else(Vec::new, |parent| parent.to_be_bytes().to_vec()),
        flags: 0x101,
        name: name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: when.start,
        end_time_unix_nano: when.end,
        attributes,
        status: Some(Default::default()),
        ..Default::default()
    }
}
