//! Spans: what is known of their sampling stands in the trace state.

use super::threshold::{Randomness, Threshold};
use super::tracestate::TraceState;
use super::{ProbabilisticSampler, Sampler, consistent};
use crate::otlp::{Edits, Item, Value};

/// What the attribute `sampling.priority` asks for, as in OpenTracing.
enum Priority {
    None,
    Drop,
    Keep,
}

impl ProbabilisticSampler {
    /// Whether the span stays; what becomes of its trace state is recorded.
    pub(super) fn span(&self, span: Item<'_>, edits: &mut Edits) -> bool {
        let before = span.trace_state();
        let read = TraceState::parse(before);
        let (randomness, state, is_known) = match &self.sampler {
            // Nothing is random about it.
            Sampler::Never => (Some(Randomness::MOST), read.clone(), read.is_some()),
            Sampler::Hash { seed, .. } => hashed(span, *seed, read),
            Sampler::Equalizing { .. } | Sampler::Proportional { .. } => {
                let explicit = read.as_ref().and_then(|state| state.randomness);
                let randomness = match read {
                    Some(_) => explicit.or_else(|| Randomness::of_trace(span.trace_id())),
                    None => None,
                };
                let is_known = read.is_some();
                (randomness, read, is_known)
            }
        };
        let arrived = state.as_ref().and_then(|state| state.threshold);
        let consistent = consistent(randomness, arrived);
        let mut threshold = match (&consistent, is_known) {
            (Ok(_), true) => self.sampler.decide(arrived),
            _ => self.fallback(),
        };
        match priority(span) {
            Priority::None => {}
            Priority::Drop => threshold = Threshold::NEVER,
            Priority::Keep => threshold = Threshold::ALWAYS,
        }
        if !threshold.keeps(randomness.unwrap_or(Randomness::MOST)) {
            return false;
        }
        let Some(mut state) = state else { return true };
        // A threshold that contradicts its randomness is a lie; otherwise it can only rise.
        let is_lie = is_known && randomness.is_some() && consistent.is_err();
        if is_lie || arrived.is_none_or(|arrived| arrived <= threshold) {
            state.set_threshold(Some(threshold));
        }
        let after = state.text();
        if after != before {
            edits.item(span).set_trace_state(&after);
        }
        true
    }
}

/// By the hash of the trace id. A span that says how it was sampled is none of ours: it cannot be decided about, and its
/// trace state stays as it is.
fn hashed<'t>(
    span: Item<'_>,
    seed: u32,
    read: Option<TraceState<'t>>,
) -> (Option<Randomness>, Option<TraceState<'t>>, bool) {
    let id = span.trace_id();
    let is_there = id.iter().any(|byte| *byte != 0);
    let randomness = is_there.then(|| Randomness::hashed(id, seed));
    match read {
        Some(mut state) if state.randomness.is_none() && state.threshold.is_none() => {
            state.set_randomness(randomness.unwrap_or(Randomness::MOST));
            (randomness, Some(state), true)
        }
        _ => (randomness, None, false),
    }
}

fn priority(span: Item<'_>) -> Priority {
    let number = match span.attributes().get("sampling.priority") {
        Some(Value::Int(value)) => value as f64,
        Some(Value::Double(value)) => value,
        Some(Value::Str(text)) => match text.parse() {
            Ok(number) => number,
            Err(_) => return Priority::None,
        },
        _ => return Priority::None,
    };
    match number {
        0.0 => Priority::Drop,
        number if number > 0.0 => Priority::Keep,
        _ => Priority::None,
    }
}
