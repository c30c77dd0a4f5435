//! From the short form to the request that a sender would send.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message;

use super::form::{self, Attributes, Literal, Test};
use crate::otlp::Signal;

/// The export request of a test, encoded.
pub(super) fn request(test: &Test, signal: Signal) -> Vec<u8> {
    match signal {
        Signal::Logs => logs(test).encode_to_vec(),
        _ => traces(test).encode_to_vec(),
    }
}

/// The span id of a test's span, by its place among them.
pub(super) fn span_id(place: usize) -> [u8; 8] {
    (place as u64 + 1).to_be_bytes()
}

/// The time of an event by its place on its span, and of a log record by its place: what they are known by when they
/// leave, since no processor changes it.
pub(super) fn time(test: &Test, place: usize) -> u64 {
    start(test) + 1_000 * (place as u64 + 1)
}

fn start(test: &Test) -> u64 {
    test.time.map_or(START, |time| time.0)
}

fn traces(test: &Test) -> ExportTraceServiceRequest {
    let mut request = ExportTraceServiceRequest::default();
    let mut last = None;
    for (place, span) in test.spans.iter().enumerate() {
        let group = group(test, &span.resource, &span.scope);
        if last != Some(group) {
            request.resource_spans.push(ResourceSpans {
                resource: Some(resource(group.0)),
                scope_spans: vec![ScopeSpans { scope: Some(scope(group.1)), ..Default::default() }],
                ..Default::default()
            });
            last = Some(group);
        }
        let groups = request.resource_spans.last_mut().map(|group| &mut group.scope_spans);
        if let Some(group) = groups.and_then(|groups| groups.last_mut()) {
            group.spans.push(self::span(test, place, span));
        }
    }
    request
}

fn span(test: &Test, place: usize, span: &form::Span) -> Span {
    let trace = test.spans.iter().position(|other| other.trace == span.trace).unwrap_or_default();
    let parent = span.parent.as_deref().and_then(|parent| place_of(test, parent));
    let events = span.events.iter().enumerate().map(|(place, event)| span::Event {
        time_unix_nano: time(test, place),
        name: event.name.clone(),
        attributes: event.attributes.to_otlp(),
        dropped_attributes_count: 0,
    });
    Span {
        trace_id: (trace as u128 + 1).to_be_bytes().to_vec(),
        span_id: span_id(place).to_vec(),
        parent_span_id: parent.map_or_else(Vec::new, |parent| span_id(parent).to_vec()),
        name: span.name.clone(),
        kind: span.kind as i32,
        start_time_unix_nano: start(test),
        end_time_unix_nano: start(test) + 1_000_000_000,
        attributes: span.attributes.to_otlp(),
        events: events.collect(),
        status: Some(Status { message: String::new(), code: span.status as i32 }),
        ..Default::default()
    }
}

/// The place of the span that the test calls so.
pub(super) fn place_of(test: &Test, id: &str) -> Option<usize> {
    test.spans.iter().position(|span| span.id() == id)
}

fn logs(test: &Test) -> ExportLogsServiceRequest {
    let mut request = ExportLogsServiceRequest::default();
    let mut last = None;
    for (place, log) in test.logs.iter().enumerate() {
        let group = group(test, &log.resource, &log.scope);
        if last != Some(group) {
            request.resource_logs.push(ResourceLogs {
                resource: Some(resource(group.0)),
                scope_logs: vec![ScopeLogs { scope: Some(scope(group.1)), ..Default::default() }],
                ..Default::default()
            });
            last = Some(group);
        }
        let record = LogRecord {
            time_unix_nano: time(test, place),
            severity_text: log.severity.clone(),
            body: (log.body != Literal::Null).then(|| log.body.to_otlp()),
            attributes: log.attributes.to_otlp(),
            event_name: log.event.clone(),
            ..Default::default()
        };
        let groups = request.resource_logs.last_mut().map(|group| &mut group.scope_logs);
        if let Some(group) = groups.and_then(|groups| groups.last_mut()) {
            group.log_records.push(record);
        }
    }
    request
}

/// The resource and scope that a span or record belongs to: its own, else the test's.
fn group<'t>(
    test: &'t Test,
    resource: &'t Option<Attributes>,
    scope: &'t Option<String>,
) -> (&'t Attributes, &'t str) {
    (resource.as_ref().unwrap_or(&test.resource), scope.as_ref().unwrap_or(&test.scope))
}

fn resource(attributes: &Attributes) -> Resource {
    Resource { attributes: attributes.to_otlp(), ..Default::default() }
}

fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope { name: name.to_owned(), ..Default::default() }
}

impl form::Span {
    /// How the test calls it.
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}

impl form::Event {
    /// How the test calls it.
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}

impl form::Log {
    /// How the test calls it.
    pub fn id(&self, place: usize) -> String {
        match &self.id {
            Some(id) => id.clone(),
            None if self.event.is_empty() => (place + 1).to_string(),
            None => self.event.clone(),
        }
    }
}

/// Unless a test says when it is, any time will do: 2026-08-06T07:06:40Z.
const START: u64 = 1_786_000_000_000_000_000;
