//! Before anything is timed: whether a collector passes on every span, once, and leaves it as it was.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::corpus::{Sample, UNKNOWN_FIELD, Workload, id_of};
use super::generator::{Traffic, Until, keep_sending};
use super::peers::{Job, Peer, Programs};
use super::process::Process;
use super::sink::Sink;

/// What is worth knowing of a collector that may be timed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passed {
    /// Spans that got attributes.
    pub enriched: u64,
    /// Of the fields that its OTLP does not know; `None` if there were none.
    pub keeps_unknown_fields: Option<bool>,
}

/// Sends every distinct request once, without a failure of the downstream and with one, and compares what comes out.
///
/// # Errors
/// What was lost, doubled or changed. Such a collector gets no number.
pub async fn check(
    peer: Peer,
    job: Job,
    workload: &Workload,
    traffic: &Arc<Traffic>,
    programs: &Programs,
) -> Result<Passed, String> {
    let samples = workload.requests();
    let mut passed = Passed::default();
    let tries = if peer.retries() { &[0, 1][..] } else { &[0] };
    for &failures in tries {
        let sink = Sink::start().await;
        sink.keep();
        sink.fail_next(failures);
        let mut process =
            Process::start(peer, job, programs, &sink.address, "0").ok_or("it cannot do this job")?;
        process.listens(job).await;
        let count = traffic.distinct();
        let sent = keep_sending(traffic, process.address(job), Until::Count(count), 2, 2).await?;
        let arrived = sink.wait_for(sent.spans, PATIENCE).await;
        let with = format!("with {failures} failures of the downstream");
        arrived.map_err(|arrived| format!("{} of {} spans came out {with}", arrived.spans, sent.spans))?;
        passed = compare(&samples, &sink.kept()).map_err(|error| format!("{error} ({with})"))?;
    }
    if peer.enriches() && workload.has_evaluations() && passed.enriched == 0 {
        return Err("no span got an attribute".to_owned());
    }
    Ok(passed)
}

/// A span with what it belongs to.
struct Whole {
    resource: Option<Resource>,
    scope: Option<InstrumentationScope>,
    span: Span,
}

fn compare(samples: &[Sample], bodies: &[Bytes]) -> Result<Passed, String> {
    let mut expected = HashMap::new();
    samples
        .iter()
        .for_each(|sample| each(&sample.message, |whole| drop(expected.insert(id_of(&whole.span), whole))));
    let had_unknown_fields = samples.iter().any(|sample| count(&sample.body, &UNKNOWN_FIELD) > 0);
    let mut passed = Passed::default();
    let (mut wrong, mut unknown_fields, mut spans) = (None, 0, 0);
    for body in bodies {
        let request = ExportTraceServiceRequest::decode(body.clone())
            .map_err(|error| format!("what came out is no OTLP: {error}"))?;
        unknown_fields += count(body, &UNKNOWN_FIELD);
        each(&request, |whole| {
            spans += 1;
            let id = id_of(&whole.span);
            match expected.remove(&id) {
                None => wrong = Some(format!("the span {id:016x} came twice, or was never sent")),
                Some(before) => match is_the_same(&before, &whole) {
                    Ok(added) => passed.enriched += u64::from(added),
                    Err(what) => wrong = Some(format!("{what} of the span {id:016x} has changed")),
                },
            }
        });
    }
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    if !expected.is_empty() {
        return Err(format!("{} spans never came", expected.len()));
    }
    passed.keeps_unknown_fields = had_unknown_fields.then_some(unknown_fields >= spans);
    Ok(passed)
}

fn each(request: &ExportTraceServiceRequest, mut found: impl FnMut(Whole)) {
    for group in &request.resource_spans {
        for scope_spans in &group.scope_spans {
            for span in &scope_spans.spans {
                found(Whole {
                    resource: group.resource.clone(),
                    scope: scope_spans.scope.clone(),
                    span: span.clone(),
                });
            }
        }
    }
}

/// Whether attributes were added; or what is no more as it was.
fn is_the_same(before: &Whole, after: &Whole) -> Result<bool, &'static str> {
    if before.resource != after.resource {
        return Err("the resource");
    }
    if before.scope != after.scope {
        return Err("the scope");
    }
    let mut added = adds(&before.span.attributes, &after.span.attributes)?;
    if before.span.events.len() != after.span.events.len() {
        return Err("the number of events");
    }
    let bare = |span: &Span| Span { attributes: Vec::new(), events: Vec::new(), ..span.clone() };
    if bare(&before.span) != bare(&after.span) {
        return Err("a field");
    }
    for (before, after) in before.span.events.iter().zip(&after.span.events) {
        added |= adds(&before.attributes, &after.attributes)?;
        if (before.time_unix_nano, &before.name) != (after.time_unix_nano, &after.name) {
            return Err("an event");
        }
    }
    Ok(added)
}

/// None may be missing, but the one that burgee takes away unless it is told to keep it.
fn adds(before: &[KeyValue], after: &[KeyValue]) -> Result<bool, &'static str> {
    let is_missing =
        |attribute: &&KeyValue| attribute.key != "feature_flag.context.id" && !after.contains(attribute);
    if before.iter().any(|attribute| is_missing(&attribute)) {
        return Err("an attribute");
    }
    Ok(after.iter().any(|attribute| !before.contains(attribute)))
}

fn count(body: &[u8], needle: &[u8]) -> u64 {
    memmem::find_iter(body, needle).count() as u64
}

const PATIENCE: Duration = Duration::from_secs(10);
