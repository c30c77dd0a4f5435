//! What the tests of processors share: a processor that is built from YAML, and OTLP/JSON in and out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest as Logs;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest as Metrics;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Traces;
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::component::{Cx, Origin, Processor, Transport};
use crate::config::{self, Source};
use crate::otlp::{self, Edits, Payload, Signal, Watchlist};

/// A processor's section, read as the collector reads it.
pub(super) fn config<C: DeserializeOwned>(yaml: &str) -> C {
    let loaded = config::load(&[Source::new("section.yaml", yaml)], &|_| None).expect("YAML");
    config::decode(&loaded.root).unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub(super) fn encode(signal: Signal, json: Value) -> Payload {
    let bytes = match signal {
        Signal::Traces => serde_json::from_value::<Traces>(json).expect("OTLP/JSON").encode_to_vec(),
        Signal::Logs => serde_json::from_value::<Logs>(json).expect("OTLP/JSON").encode_to_vec(),
        Signal::Metrics => serde_json::from_value::<Metrics>(json).expect("OTLP/JSON").encode_to_vec(),
    };
    check(signal, bytes)
}

pub(super) fn check(signal: Signal, bytes: Vec<u8>) -> Payload {
    otlp::check(signal, bytes.into(), &Watchlist::default()).expect("it is well formed").payload
}

/// Spans with these attributes and other fields, of one resource.
pub(super) fn spans(spans: impl IntoIterator<Item = Value>) -> Payload {
    let spans: Vec<Value> = (1_u64..)
        .zip(spans)
        .map(|(number, mut span)| {
            let defaults = json!({"traceId": format!("{:032x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                "spanId": format!("{number:016x}"), "name": "span"});
            for (key, value) in defaults.as_object().expect("an object") {
                span.as_object_mut().expect("an object").entry(key).or_insert(value.clone());
            }
            span
        })
        .collect();
    let resource = json!({"attributes": attributes(&json!({"service.name": "shop"}))});
    let scope = json!({"name": "lib", "version": "1.2"});
    encode(
        Signal::Traces,
        json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}),
    )
}

pub(super) fn log_records(records: impl IntoIterator<Item = Value>) -> Payload {
    let records: Vec<Value> = records.into_iter().collect();
    let resource = json!({"attributes": attributes(&json!({"service.name": "shop"}))});
    let scope = json!({"name": "lib"});
    encode(
        Signal::Logs,
        json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": records}]}]}),
    )
}

/// One gauge for each name, with data points of these attributes.
pub(super) fn gauges(gauges: impl IntoIterator<Item = (&'static str, Vec<Value>)>) -> Payload {
    let metrics: Vec<Value> = gauges
        .into_iter()
        .map(|(name, points)| {
            let points: Vec<Value> =
                points.iter().map(|point| json!({"asInt": "7", "attributes": attributes(point)})).collect();
            json!({"name": name, "unit": "1", "gauge": {"dataPoints": points}})
        })
        .collect();
    encode(
        Signal::Metrics,
        json!({"resourceMetrics": [{"scopeMetrics": [{"scope": {"name": "lib"}, "metrics": metrics}]}]}),
    )
}

/// A map as the list of attributes that OTLP/JSON has for it.
pub(super) fn attributes(map: &Value) -> Value {
    let value = |value: &Value| match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        Value::Number(number) => json!({"doubleValue": number}),
        Value::Array(values) => {
            let values: Vec<Value> = values.iter().map(|text| json!({"stringValue": text})).collect();
            json!({"arrayValue": {"values": values}})
        }
        _ => panic!("not in these tests: {value}"),
    };
    map.as_object().expect("a map").iter().map(|(key, of)| json!({"key": key, "value": value(of)})).collect()
}

/// What came out, and how many items it said were discarded.
pub(super) struct Passed {
    pub out: Payload,
    pub discarded: u64,
}

/// As the intake runs it; holds that the ledger would balance and that what comes out is well formed.
pub(super) fn run(processor: &dyn Processor, payload: &Payload) -> Passed {
    let origin = Origin {
        receiver: Arc::from("otlp"),
        transport: Transport::Grpc,
        peer: Some(SocketAddr::from(([192, 0, 2, 7], 1234))),
        listener: None,
        port: None,
        arrival: SystemTime::UNIX_EPOCH,
    };
    let mut edits = Edits::default();
    let mut cx = Cx::new(&mut edits, &origin);
    let out = processor.process(payload.clone(), &mut cx);
    let discarded = cx.discarded;
    assert_eq!(payload.len(), out.len() + discarded, "the pipeline's ledger has to balance");
    let again = check(payload.signal(), out.bytes().to_vec());
    assert_eq!(again.len(), out.len());
    Passed { out, discarded }
}

/// The attributes of all items as `key=value` texts, an item after the other.
pub(super) fn shown(payload: &Payload) -> Vec<Vec<String>> {
    let of = |item: otlp::Item<'_>| {
        item.attributes().iter().map(|(key, value)| format!("{key}={}", short(&value))).collect()
    };
    payload.items().map(of).collect()
}

pub(super) fn short(value: &otlp::Value<'_>) -> String {
    match value {
        otlp::Value::Str(text) => (*text).to_owned(),
        other => format!("{other:?}"),
    }
}

pub(super) fn names(payload: &Payload) -> Vec<String> {
    payload.items().map(|item| item.name().to_owned()).collect()
}
