//! What a replay may change: other ids, other times.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric, metric::Data};
use prost::Message;
use sha2::{Digest, Sha256};

use super::replay::Found;
use crate::otlp::{self, Payload, Signal, Watchlist};

/// The same for every request of a file.
pub(super) struct Changes {
    /// Ids become digests of this and themselves, so that what belonged together still does.
    ids: Option<u128>,
    /// Nanoseconds that all times are moved by.
    later: i128,
}

/// The newest time in a request, in nanoseconds since 1970; 0 if it has none.
pub(super) fn newest(payload: &Payload) -> u64 {
    payload.items().map(|item| item.time_unix_nano().max(item.end_time_unix_nano())).max().unwrap_or(0)
}

impl Changes {
    /// `newest` is what is to become now.
    pub(super) fn new(fresh_ids: bool, newest: Option<u64>) -> Changes {
        let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_nanos() as i128);
        let later = match newest {
            None | Some(0) => 0,
            Some(newest) => now - i128::from(newest),
        };
        Changes { ids: fresh_ids.then(|| fastrand::u128(..)), later }
    }

    pub(super) fn apply(&self, found: Found) -> Result<Found, String> {
        if self.ids.is_none() && self.later == 0 {
            return Ok(found);
        }
        let signal = found.payload.signal();
        let bytes =
            self.changed(signal, found.payload.bytes()).map_err(|why| format!("is no OTLP: {why}"))?;
        let checked = otlp::check(signal, bytes, &Watchlist::default());
        let checked = checked.map_err(|why| format!("is no OTLP: {why}"))?;
        Ok(Found { payload: checked.payload, flawed: found.flawed })
    }

    fn changed(&self, signal: Signal, bytes: &Bytes) -> Result<Bytes, prost::DecodeError> {
        let bytes = match signal {
            Signal::Traces => {
                let mut request = ExportTraceServiceRequest::decode(bytes.clone())?;
                self.traces(&mut request);
                request.encode_to_vec()
            }
            Signal::Metrics => {
                let mut request = ExportMetricsServiceRequest::decode(bytes.clone())?;
                let resources = request.resource_metrics.iter_mut();
                let scopes = resources.flat_map(|resource| &mut resource.scope_metrics);
                scopes.flat_map(|scope| &mut scope.metrics).for_each(|metric| self.metric(metric));
                request.encode_to_vec()
            }
            Signal::Logs => {
                let mut request = ExportLogsServiceRequest::decode(bytes.clone())?;
                let resources = request.resource_logs.iter_mut();
                let scopes = resources.flat_map(|resource| &mut resource.scope_logs);
                for record in scopes.flat_map(|scope| &mut scope.log_records) {
                    self.ids([&mut record.trace_id, &mut record.span_id]);
                    self.times([&mut record.time_unix_nano, &mut record.observed_time_unix_nano]);
                }
                request.encode_to_vec()
            }
        };
        Ok(bytes.into())
    }

    fn traces(&self, request: &mut ExportTraceServiceRequest) {
        let resources = request.resource_spans.iter_mut();
        let scopes = resources.flat_map(|resource| &mut resource.scope_spans);
        for span in scopes.flat_map(|scope| &mut scope.spans) {
            self.ids([&mut span.trace_id, &mut span.span_id, &mut span.parent_span_id]);
            self.times([&mut span.start_time_unix_nano, &mut span.end_time_unix_nano]);
            span.links.iter_mut().for_each(|link| self.ids([&mut link.trace_id, &mut link.span_id]));
            span.events.iter_mut().for_each(|event| self.times([&mut event.time_unix_nano]));
        }
    }

    fn metric(&self, metric: &mut Metric) {
        // the points of the kinds of metrics have the same fields and are not of the same type
        macro_rules! points {
            ($metric:expr) => {
                for point in &mut $metric.data_points {
                    self.times([&mut point.start_time_unix_nano, &mut point.time_unix_nano]);
                    point.exemplars.iter_mut().for_each(|exemplar| self.exemplar(exemplar));
                }
            };
        }
        match &mut metric.data {
            Some(Data::Gauge(gauge)) => points!(gauge),
            Some(Data::Sum(sum)) => points!(sum),
            Some(Data::Histogram(histogram)) => points!(histogram),
            Some(Data::ExponentialHistogram(histogram)) => points!(histogram),
            Some(Data::Summary(summary)) => {
                for point in &mut summary.data_points {
                    self.times([&mut point.start_time_unix_nano, &mut point.time_unix_nano]);
                }
            }
            None => {}
        }
    }

    fn exemplar(&self, exemplar: &mut Exemplar) {
        self.ids([&mut exemplar.trace_id, &mut exemplar.span_id]);
        self.times([&mut exemplar.time_unix_nano]);
    }

    fn ids<const N: usize>(&self, ids: [&mut Vec<u8>; N]) {
        let Some(key) = self.ids else { return };
        for id in ids {
            let digest = Sha256::new().chain_update(key.to_be_bytes()).chain_update(&*id).finalize();
            // an id is none if it is missing or all zeros
            if id.iter().any(|byte| *byte != 0) {
                id.iter_mut().zip(digest).for_each(|(byte, fresh)| *byte = fresh);
            }
        }
    }

    /// 0 is unknown and stays so.
    fn times<const N: usize>(&self, times: [&mut u64; N]) {
        for time in times.into_iter().filter(|time| **time > 0) {
            let moved = (i128::from(*time) + self.later).max(1);
            *time = u64::try_from(moved).unwrap_or(u64::MAX);
        }
    }
}
