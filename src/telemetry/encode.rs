//! Metric families as an OTLP export request.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1 as proto;
use prost::Message;

use super::Resource;
use crate::observe::exposition::{SCOPE_NAME, SCOPE_VERSION};
use crate::observe::metrics::{Family, Series, Value};
use crate::observe::names::Kind;

/// An encoded `ExportMetricsServiceRequest`: cumulative sums since `started`, and gauges, as they are `now`.
pub fn encode(families: &[Family], resource: &Resource, started: SystemTime, now: SystemTime) -> Vec<u8> {
    let times = (unix_nanos(started), unix_nanos(now));
    let attributes = resource.attributes().iter().map(|(name, value)| attribute(name, value)).collect();
    let scope = InstrumentationScope {
        name: SCOPE_NAME.to_owned(),
        version: SCOPE_VERSION.to_owned(),
        ..InstrumentationScope::default()
    };
    let metrics = families.iter().map(|family| metric(family, times)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource = Some(proto::Resource { attributes, ..proto::Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn metric(family: &Family, times: (u64, u64)) -> Metric {
    let data_points = family.series.iter().map(|series| point(series, times)).collect();
    let data = match family.kind {
        Kind::Counter => metric::Data::Sum(Sum {
            data_points,
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
            is_monotonic: true,
        }),
        Kind::Gauge => metric::Data::Gauge(Gauge { data_points }),
    };
    Metric {
        name: family.name.clone().into_owned(),
        description: family.help.to_owned(),
        unit: family.unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn point(series: &Series, (started, now): (u64, u64)) -> NumberDataPoint {
    let value = match series.value {
        Value::Int(value) => number_data_point::Value::AsInt(i64::try_from(value).unwrap_or(i64::MAX)),
        Value::Float(value) => number_data_point::Value::AsDouble(value),
    };
    NumberDataPoint {
        attributes: series.labels.iter().map(|(name, value)| attribute(name, value)).collect(),
        start_time_unix_nano: started,
        time_unix_nano: now,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = Some(any_value::Value::StringValue(value.to_owned()));
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() }
}

fn unix_nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
