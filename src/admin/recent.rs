//! From what is remembered to the messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::status::unix_ms;
use super::v1;
use crate::flags::conventions;
use crate::insight::{self, Enough, Filter, Flag, Insight, Sender, Span, Told, Trace, TraceId};
use crate::observe::board::Board;
use crate::observe::evaluations::EvaluatedState;
use crate::otlp::hex;

/// How far back burgee remembers.
pub fn horizon(insight: &Insight) -> v1::Horizon {
    let horizon = insight.horizon();
    v1::Horizon {
        bytes: horizon.bytes,
        bytes_max: horizon.bytes_max,
        oldest_unix_ms: horizon.oldest.map_or(0, unix_ms),
        seen: horizon.seen,
        skipped: horizon.skipped,
        one_in: horizon.one_in,
    }
}

/// Who sends.
pub fn senders(insight: &Insight) -> v1::SendersResponse {
    v1::SendersResponse { senders: insight.senders().into_iter().map(sender).collect() }
}

fn sender(sender: Sender) -> v1::Sender {
    v1::Sender {
        service: sender.service.to_string(),
        peer: sender.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        transport: sender.transport.to_owned(),
        port: sender.port.unwrap_or_default().to_owned(),
        sdk: sender.sdk.into(),
        version: sender.version.to_string(),
        is_relay_proxy: sender.is_relay_proxy,
        items: sender.items,
        evaluations: sender.evaluations,
        first_seen_unix_ms: unix_ms(sender.first_seen),
        last_seen_unix_ms: unix_ms(sender.last_seen),
    }
}

/// Every flag: counted exactly by the pipelines, and what is remembered of it.
pub fn flags(board: &Board, insight: &Insight) -> v1::FlagsResponse {
    let mut counted: BTreeMap<Arc<str>, Counted> = BTreeMap::new();
    let mut beyond = 0;
    // a request that several pipelines put is counted in each of them: the one that has most counts
    for pipeline in board.snapshot().pipelines {
        beyond = beyond.max(pipeline.evaluated.beyond);
        for (key, of) in by_key(&pipeline.evaluated) {
            let known = counted.entry(key).or_default();
            *known = std::mem::take(known).with(of);
        }
    }
    let now = SystemTime::now();
    let seen = insight.flags();
    let keys: BTreeSet<_> = counted.keys().chain(seen.keys()).cloned().collect();
    let flags = keys.into_iter().map(|key| flag(&key, counted.get(&key), seen.get(&key), now)).collect();
    v1::FlagsResponse { flags, beyond, horizon: Some(horizon(insight)) }
}

/// Evaluations of one flag, by variant and by reason.
#[derive(Clone, Default)]
struct Counted {
    variants: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
}

impl Counted {
    /// Pipelines of spans and of log records tell of different evaluations.
    fn with(mut self, other: Counted) -> Counted {
        for (mine, others) in [(&mut self.variants, other.variants), (&mut self.reasons, other.reasons)] {
            others.into_iter().for_each(|(name, evaluations)| *mine.entry(name).or_default() += evaluations);
        }
        self
    }
}

fn by_key(evaluated: &EvaluatedState) -> BTreeMap<Arc<str>, Counted> {
    let mut by_key: BTreeMap<Arc<str>, Counted> = BTreeMap::new();
    for (series, evaluations) in &evaluated.series {
        let Some(key) = series.key.as_deref() else { continue };
        let counted = by_key.entry(key.into()).or_default();
        let name = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        *counted.variants.entry(name(&series.variant)).or_default() += evaluations;
        *counted.reasons.entry(name(&series.reason)).or_default() += evaluations;
    }
    by_key
}

fn flag(key: &str, counted: Option<&Counted>, seen: Option<&Flag>, now: SystemTime) -> v1::Flag {
    let names = |names: Option<&BTreeSet<Arc<str>>>| -> Vec<String> {
        names.into_iter().flatten().map(|name| name.to_string()).collect()
    };
    // without the processor's own counting (`metrics: none`), what was looked at has to do
    let remembered = |names: &BTreeMap<Arc<str>, u64>| {
        names.iter().map(|(name, evaluations)| (name.to_string(), *evaluations)).collect::<BTreeMap<_, _>>()
    };
    let (variants, reasons) = match (counted, seen) {
        (Some(counted), _) => (counted.variants.clone(), counted.reasons.clone()),
        (None, Some(seen)) => (remembered(&seen.variants), remembered(&seen.reasons)),
        (None, None) => Default::default(),
    };
    v1::Flag {
        key: key.to_owned(),
        evaluations: variants.values().sum(),
        errors: reasons.get(conventions::REASON_ERROR).copied().unwrap_or_default(),
        variants: shares(variants),
        reasons: shares(reasons),
        services: names(seen.map(|seen| &seen.services)),
        providers: names(seen.map(|seen| &seen.providers)),
        versions: names(seen.map(|seen| &seen.versions)),
        first_seen_unix_ms: seen.map_or(0, |seen| unix_ms(seen.first_seen)),
        last_seen_unix_ms: seen.map_or(0, |seen| unix_ms(seen.last_seen)),
        recent: seen.map(|seen| seen.recent(now)).unwrap_or_default(),
    }
}

/// The most frequent first.
fn shares(names: BTreeMap<String, u64>) -> Vec<v1::Share> {
    let mut shares: Vec<_> =
        names.into_iter().map(|(name, evaluations)| v1::Share { name, evaluations }).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.evaluations));
    shares
}

/// The evaluations that are remembered.
pub fn evaluations(insight: &Insight, filter: &Filter, after: u64, limit: usize) -> v1::EvaluationsResponse {
    let page = insight.evaluations(filter, after, limit);
    v1::EvaluationsResponse {
        evaluations: page.told.iter().map(|told| evaluation(told)).collect(),
        last: page.last,
        missed: page.missed,
        horizon: Some(horizon(insight)),
    }
}

/// One of them.
pub fn evaluation(told: &Told) -> v1::Evaluation {
    let id = |bytes: &[u8]| if bytes.iter().all(|byte| *byte == 0) { String::new() } else { hex(bytes) };
    v1::Evaluation {
        number: told.number,
        at_unix_ms: unix_ms(told.at),
        service: told.service.to_string(),
        key: told.key.to_string(),
        variant: told.variant.to_string(),
        value: told.value.to_string(),
        reason: told.reason.to_string(),
        error: told.error.to_string(),
        provider: told.provider.to_string(),
        version: told.version.to_string(),
        trace_id: id(&told.trace_id),
        span_id: id(&told.span_id),
        span: told.span.to_string(),
        told_by: told.told_by.name().to_owned(),
    }
}

/// The latest traces. With a filter, those with an evaluation that passes.
pub fn traces(
    insight: &Insight,
    filter: &Filter,
    having: Option<&v1::Attribute>,
    limit: usize,
) -> v1::TracesResponse {
    let has = |span: &Span| {
        let of = |wanted: &v1::Attribute| {
            span.attributes.iter().any(|(key, value)| key == wanted.key && value == wanted.value)
        };
        having.is_none_or(of)
    };
    let mut traces = Vec::new();
    let mut left = TRACES_LOOKED_AT;
    insight.each_trace(|id, trace| {
        left -= 1;
        let told = || trace.evaluations.iter().any(|told| filter.passes(told));
        let passes =
            filter.is_empty() || told() || trace.head().is_some_and(|head| filter.passes(&heading(id, head)));
        if passes && trace.spans.iter().any(has) {
            traces.push(summary(id, trace));
        }
        if traces.len() >= limit || left == 0 { Enough::Yes } else { Enough::No }
    });
    v1::TracesResponse { traces, horizon: Some(horizon(insight)) }
}

/// What a filter may ask of a trace without evaluations: its id, and the service and name of its head.
fn heading(id: &TraceId, head: &Span) -> Told {
    let (service, span) = (Arc::clone(&head.service), Arc::clone(&head.name));
    Told { trace_id: *id, service, span, ..Told::default() }
}

/// What a trace is about.
pub fn summary(id: &TraceId, trace: &Trace) -> v1::TraceSummary {
    let start = trace.spans.iter().map(|span| span.start).min().unwrap_or_default();
    let end = trace.spans.iter().map(|span| span.end).max().unwrap_or_default();
    let services: BTreeSet<_> = trace.spans.iter().map(|span| &*span.service).take(SPANS_SUMMED).collect();
    let flags: BTreeSet<_> = trace.evaluations.iter().map(|told| (&*told.key, &*told.variant)).collect();
    let head = trace.head();
    v1::TraceSummary {
        trace_id: hex(id),
        name: head.map(|span| span.name.to_string()).unwrap_or_default(),
        service: head.map(|span| span.service.to_string()).unwrap_or_default(),
        started_unix_ms: start / 1_000_000,
        duration_us: end.saturating_sub(start) / 1000,
        spans: u32::try_from(trace.spans.len()).unwrap_or(u32::MAX),
        errors: u32::try_from(trace.spans.iter().filter(|span| span.status == ERROR).count())
            .unwrap_or(u32::MAX),
        services: services.into_iter().take(NAMES_MAX).map(str::to_owned).collect(),
        flags: flags
            .into_iter()
            .filter(|(key, _)| !key.is_empty())
            .take(NAMES_MAX)
            .map(|(key, variant)| v1::FlagAndVariant { key: key.to_owned(), variant: variant.to_owned() })
            .collect(),
    }
}

/// The whole of a trace.
pub fn trace(id: &TraceId, trace: &Trace) -> v1::TraceResponse {
    let mut by_span: BTreeMap<insight::SpanId, Vec<v1::Evaluation>> = BTreeMap::new();
    for told in &trace.evaluations {
        by_span.entry(told.span_id).or_default().push(evaluation(told));
    }
    let spans = by_start(trace).into_iter();
    let spans = spans.map(|of| span(of, by_span.get(&of.id).cloned().unwrap_or_default())).collect();
    v1::TraceResponse { summary: Some(summary(id, trace)), spans, notes: notes(trace) }
}

/// Spans by their start.
pub fn by_start(trace: &Trace) -> Vec<&Span> {
    let mut spans: Vec<_> = trace.spans.iter().collect();
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    spans
}

/// One span with its attributes.
pub fn span(span: &Span, evaluations: Vec<v1::Evaluation>) -> v1::Span {
    v1::Span {
        span_id: hex(&span.id),
        parent_span_id: if span.is_root() { String::new() } else { hex(&span.parent) },
        name: span.name.to_string(),
        service: span.service.to_string(),
        kind: KINDS.get(usize::from(span.kind)).unwrap_or(&KINDS[0]).to_string(),
        start_unix_nano: span.start,
        duration_nano: span.end.saturating_sub(span.start),
        status: STATUSES.get(usize::from(span.status)).unwrap_or(&STATUSES[0]).to_string(),
        status_message: span.status_message.to_string(),
        attributes: span
            .attributes
            .iter()
            .map(|(key, value)| v1::Attribute { key: key.to_owned(), value: value.to_owned() })
            .collect(),
        evaluations,
    }
}

/// What is odd about a trace, in sentences.
pub fn notes(trace: &Trace) -> Vec<String> {
    let mut notes = Vec::new();
    let missing: BTreeSet<_> = trace
        .spans
        .iter()
        .filter(|span| !span.is_root() && !trace.has(&span.parent))
        .map(|span| span.parent)
        .collect();
    if !missing.is_empty() {
        let spans = if missing.len() == 1 { "one span" } else { "several spans" };
        notes.push(format!(
            "The parents of {spans} never arrived ({} in all): their service does not send here, they were not sampled, or they are still on their way.",
            missing.len()
        ));
    }
    if trace.duplicates > 0 {
        notes.push(format!("{} spans arrived more than once.", trace.duplicates));
    }
    if trace.beyond > 0 {
        notes.push(format!("{} more spans arrived than burgee keeps of one trace.", trace.beyond));
    }
    let skewed = trace.spans.iter().filter(|span| span.end < span.start).count();
    if skewed > 0 {
        notes.push(format!("{skewed} spans end before they begin."));
    }
    notes
}

const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUSES: [&str; 3] = ["unset", "ok", "error"];
const ERROR: u8 = 2;
const NAMES_MAX: usize = 16;
const SPANS_SUMMED: usize = 10_000;
const TRACES_LOOKED_AT: usize = 20_000;
