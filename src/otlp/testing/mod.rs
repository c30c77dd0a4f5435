//! Tests of the wire level: traps one by one, and properties with prost as the oracle.

mod generate;
mod hostile;
mod json;
mod properties;
mod schema;
mod traps;
mod views;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use prost::Message;

use super::{Checked, Malformed, Payload, Signal, Watchlist};

/// An export request as prost sees it.
#[derive(Clone, Debug)]
enum Decoded {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
}

fn decode(signal: Signal, bytes: &[u8]) -> Result<Decoded, prost::DecodeError> {
    Ok(match signal {
        Signal::Traces => Decoded::Traces(Message::decode(bytes)?),
        Signal::Metrics => Decoded::Metrics(Message::decode(bytes)?),
        Signal::Logs => Decoded::Logs(Message::decode(bytes)?),
    })
}

fn check(signal: Signal, bytes: impl Into<Bytes>) -> Result<Checked, Malformed> {
    super::check(signal, bytes.into(), &Watchlist::default())
}

fn checked(signal: Signal, bytes: impl Into<Bytes>) -> Payload {
    check(signal, bytes).expect("well formed").payload
}

/// One item as prost sees it, as far as edits reach.
struct Seen<'d> {
    attributes: &'d mut Vec<KeyValue>,
    name: Option<&'d mut String>,
    events: Option<&'d mut Vec<Event>>,
}

impl Decoded {
    /// The encoding by prost. Equal encodings are equal messages; unlike `==` that holds for NaN, too.
    fn encoded(&self) -> Vec<u8> {
        match self {
            Decoded::Traces(request) => request.encode_to_vec(),
            Decoded::Metrics(request) => request.encode_to_vec(),
            Decoded::Logs(request) => request.encode_to_vec(),
        }
    }

    /// Appends the groups of another request.
    fn append(&mut self, other: Decoded) {
        match (self, other) {
            (Decoded::Traces(a), Decoded::Traces(b)) => a.resource_spans.extend(b.resource_spans),
            (Decoded::Metrics(a), Decoded::Metrics(b)) => a.resource_metrics.extend(b.resource_metrics),
            (Decoded::Logs(a), Decoded::Logs(b)) => a.resource_logs.extend(b.resource_logs),
            _ => unreachable!("both are of one signal"),
        }
    }

    /// All items in their order.
    fn items(&mut self) -> Vec<Seen<'_>> {
        let mut items = Vec::new();
        match self {
            Decoded::Traces(request) => {
                for span in request
                    .resource_spans
                    .iter_mut()
                    .flat_map(|r| &mut r.scope_spans)
                    .flat_map(|s| &mut s.spans)
                {
                    items.push(Seen {
                        attributes: &mut span.attributes,
                        name: Some(&mut span.name),
                        events: Some(&mut span.events),
                    });
                }
            }
            Decoded::Logs(request) => {
                let logs = request.resource_logs.iter_mut().flat_map(|r| &mut r.scope_logs);
                for log in logs.flat_map(|s| &mut s.log_records) {
                    items.push(Seen {
                        attributes: &mut log.attributes,
                        name: Some(&mut log.event_name),
                        events: None,
                    });
                }
            }
            Decoded::Metrics(request) => {
                let metrics = request.resource_metrics.iter_mut().flat_map(|r| &mut r.scope_metrics);
                for metric in metrics.flat_map(|s| &mut s.metrics) {
                    for attributes in point_attributes(metric.data.as_mut()) {
                        items.push(Seen { attributes, name: None, events: None });
                    }
                }
            }
        }
        items
    }

    /// The resource attributes of every group that an item lies in, once for each item.
    fn resources(&mut self) -> Vec<&mut Option<opentelemetry_proto::tonic::resource::v1::Resource>> {
        match self {
            Decoded::Traces(request) => request.resource_spans.iter_mut().map(|r| &mut r.resource).collect(),
            Decoded::Metrics(request) => {
                request.resource_metrics.iter_mut().map(|r| &mut r.resource).collect()
            }
            Decoded::Logs(request) => request.resource_logs.iter_mut().map(|r| &mut r.resource).collect(),
        }
    }

    /// Keeps the items for which `keep` says so, by their index; what loses its last item goes, too.
    fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut index = 0;
        let mut kept = |_: &mut ()| {
            index += 1;
            keep(index - 1)
        };
        match self {
            Decoded::Traces(request) => prune(&mut request.resource_spans, |resource| {
                prune(&mut resource.scope_spans, |scope| prune(&mut scope.spans, |_| kept_leaf(&mut kept)))
            }),
            Decoded::Logs(request) => prune(&mut request.resource_logs, |resource| {
                prune(&mut resource.scope_logs, |scope| {
                    prune(&mut scope.log_records, |_| kept_leaf(&mut kept))
                })
            }),
            Decoded::Metrics(request) => prune(&mut request.resource_metrics, |resource| {
                prune(&mut resource.scope_metrics, |scope| {
                    prune(&mut scope.metrics, |metric| match &mut metric.data {
                        Some(Data::Gauge(data)) => prune(&mut data.data_points, |_| kept_leaf(&mut kept)),
                        Some(Data::Sum(data)) => prune(&mut data.data_points, |_| kept_leaf(&mut kept)),
                        Some(Data::Histogram(data)) => prune(&mut data.data_points, |_| kept_leaf(&mut kept)),
                        Some(Data::ExponentialHistogram(data)) => {
                            prune(&mut data.data_points, |_| kept_leaf(&mut kept))
                        }
                        Some(Data::Summary(data)) => prune(&mut data.data_points, |_| kept_leaf(&mut kept)),
                        None => Fate::Stays,
                    })
                })
            }),
        };
    }
}

#[derive(PartialEq)]
enum Fate {
    Stays,
    Goes,
}

fn kept_leaf(kept: &mut impl FnMut(&mut ()) -> bool) -> Fate {
    if kept(&mut ()) { Fate::Stays } else { Fate::Goes }
}

/// Removes the elements that go; says that the list goes if it lost its last element by that.
fn prune<T>(list: &mut Vec<T>, mut fate: impl FnMut(&mut T) -> Fate) -> Fate {
    let before = list.len();
    list.retain_mut(|element| fate(element) == Fate::Stays);
    if before > 0 && list.is_empty() { Fate::Goes } else { Fate::Stays }
}

fn point_attributes(data: Option<&mut Data>) -> Vec<&mut Vec<KeyValue>> {
    match data {
        Some(Data::Gauge(data)) => data.data_points.iter_mut().map(|p| &mut p.attributes).collect(),
        Some(Data::Sum(data)) => data.data_points.iter_mut().map(|p| &mut p.attributes).collect(),
        Some(Data::Histogram(data)) => data.data_points.iter_mut().map(|p| &mut p.attributes).collect(),
        Some(Data::ExponentialHistogram(data)) => {
            data.data_points.iter_mut().map(|p| &mut p.attributes).collect()
        }
        Some(Data::Summary(data)) => data.data_points.iter_mut().map(|p| &mut p.attributes).collect(),
        None => Vec::new(),
    }
}
