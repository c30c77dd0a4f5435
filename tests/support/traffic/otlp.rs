//! OTLP of what a fixture says in short.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{self, ResourceSpans, ScopeSpans, span};
use serde_json::Value;

use super::fixture::{From, Logs, Record, Span, Spans, Time};

pub fn traces(said: &Spans, now: SystemTime) -> ExportTraceServiceRequest {
    let spans = (0..said.from.repeat).flat_map(|n| said.spans.iter().map(move |span| of_span(span, n, now)));
    let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
    let resource = Some(resource(&said.from));
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }],
    }
}

pub fn logs(said: &Logs, now: SystemTime) -> ExportLogsServiceRequest {
    let records =
        (0..said.from.repeat).flat_map(|n| said.records.iter().map(move |record| of_record(record, n, now)));
    let scope_logs = vec![ScopeLogs { log_records: records.collect(), ..ScopeLogs::default() }];
    let resource = Some(resource(&said.from));
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }],
    }
}

fn resource(from: &From) -> Resource {
    let mut attributes = attributes(&from.resource, 0);
    let service = from.service.iter().map(|name| KeyValue {
        key: "service.name".to_owned(),
        value: any(&Value::String(name.clone()), 0),
        ..KeyValue::default()
    });
    attributes.extend(service);
    Resource { attributes, ..Resource::default() }
}

fn of_span(said: &Span, n: usize, now: SystemTime) -> v1::Span {
    const SAMPLED_AND_KNOWN: u32 = 0x101;
    const REMOTE: u32 = 0x200;
    let events = said.events.iter().map(|event| span::Event {
        name: event.name.clone(),
        time_unix_nano: nanos(&said.end, now),
        attributes: attributes(&event.attributes, n),
        ..span::Event::default()
    });
    v1::Span {
        trace_id: id::<16>(said.trace.as_deref(), n),
        span_id: id::<8>(said.id.as_deref(), n),
        parent_span_id: said.parent.as_deref().map(|name| id::<8>(Some(name), n)).unwrap_or_default(),
        flags: SAMPLED_AND_KNOWN | if said.remote { REMOTE } else { 0 },
        name: text(&said.name, n),
        kind: said.kind as i32,
        start_time_unix_nano: nanos(&said.start, now),
        end_time_unix_nano: nanos(&said.end, now),
        attributes: attributes(&said.attributes, n),
        events: events.collect(),
        status: Some(v1::Status { code: said.status, ..v1::Status::default() }),
        ..v1::Span::default()
    }
}

fn of_record(said: &Record, n: usize, now: SystemTime) -> LogRecord {
    LogRecord {
        time_unix_nano: nanos(&Time::FromNow(-0.5), now),
        event_name: said.event_name.clone(),
        body: (!said.body.is_empty()).then(|| any(&Value::String(said.body.clone()), n)).flatten(),
        trace_id: said.trace.as_deref().map(|name| id::<16>(Some(name), n)).unwrap_or_default(),
        span_id: said.span.as_deref().map(|name| id::<8>(Some(name), n)).unwrap_or_default(),
        attributes: attributes(&said.attributes, n),
        ..LogRecord::default()
    }
}

fn attributes(said: &BTreeMap<String, Value>, n: usize) -> Vec<KeyValue> {
    let pair = |(key, value): (&String, &Value)| KeyValue {
        key: key.clone(),
        value: any(value, n),
        ..KeyValue::default()
    };
    said.iter().map(pair).collect()
}

fn any(value: &Value, n: usize) -> Option<AnyValue> {
    let value = match value {
        Value::String(said) => Any::StringValue(text(said, n)),
        Value::Bool(value) => Any::BoolValue(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Any::IntValue(number),
            None => Any::DoubleValue(number.as_f64().expect("a number of YAML")),
        },
        other => panic!("{other} is no value that a fixture may have"),
    };
    Some(AnyValue { value: Some(value) })
}

fn text(said: &str, n: usize) -> String {
    said.replace("{n}", &n.to_string())
        .replace("{long}", &"x".repeat(LONG))
        .replace("{some}", &"x".repeat(SOME))
}

/// The bytes of an id, by its name.
fn id<const N: usize>(name: Option<&str>, n: usize) -> Vec<u8> {
    static OWN: AtomicU64 = AtomicU64::new(0);
    let Some(name) = name else {
        return spread::<N>(&format!("own {}", OWN.fetch_add(1, Ordering::Relaxed)));
    };
    if let Some(digits) = name.strip_prefix("hex ") {
        let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
        return pairs.collect::<Result<_, _>>().expect("pairs of hex digits");
    }
    let numbered = if name.starts_with('=') { name.to_owned() } else { format!("{name} {n}") };
    let mut bytes = spread::<N>(&numbered);
    if name.starts_with("short ") {
        bytes[..N / 2].fill(0);
    }
    bytes
}

/// Bytes that look random and are those of this name: FNV-1a, once for each half.
fn spread<const N: usize>(name: &str) -> Vec<u8> {
    let half = |salt: u64| {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ salt, step).to_be_bytes()
    };
    [half(0), half(0x9e37_79b9)].concat()[..N].to_vec()
}

fn nanos(time: &Time, now: SystemTime) -> u64 {
    let now = now.duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos();
    let nanos = match time {
        Time::Nanos(nanos) => return nanos.parse().expect("nanoseconds"),
        Time::FromNow(seconds) if *seconds < 0.0 => now - (seconds.abs() * 1e9) as u128,
        Time::FromNow(seconds) => now + (seconds * 1e9) as u128,
    };
    u64::try_from(nanos).expect("it is before 2554")
}

/// Moves the times of an OTLP/JSON request so that the latest is now.
pub fn shifted(mut request: Value, now: SystemTime) -> Value {
    let mut latest = 0;
    each_time(&mut request, &mut |nanos| latest = latest.max(*nanos));
    let now = u64::try_from(now.duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos())
        .expect("before 2554");
    each_time(&mut request, &mut |nanos| *nanos = *nanos + now - latest);
    request
}

fn each_time(value: &mut Value, see: &mut impl FnMut(&mut u64)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().and_then(|text| text.parse::<u64>().ok()) {
                    Some(mut nanos) if key.ends_with("UnixNano") && nanos > 0 => {
                        see(&mut nanos);
                        *value = Value::String(nanos.to_string());
                    }
                    _ => each_time(value, see),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each_time(value, see)),
        _ => {}
    }
}

const LONG: usize = 20_000;
const SOME: usize = 4_000;
