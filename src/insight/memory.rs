//! Everything that is remembered, under one lock.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use foldhash::fast::RandomState;
use tokio::sync::mpsc;

use super::filter::Filter;
use super::flags::Flags;
use super::look::{CLIENT, SERVER, SKEW_MAX};
use super::senders::Senders;
use super::signs::{Oddity, Pairs};
use super::told::Told;
use super::traces::{Span, SpanId, Trace, TraceId, Traces};
use super::{Page, TAPS_MAX, TooManyTaps};
use crate::otlp::hex;

pub(super) struct Memory {
    pub senders: Senders,
    pub flags: Flags,
    pub traces: Traces,
    pub pairs: Pairs,
    /// Spans and log records that were looked at.
    pub seen: u64,
    told: VecDeque<Arc<Told>>,
    told_bytes: usize,
    told_bytes_max: usize,
    /// Evaluations since the start.
    numbers: u64,
    bytes_max: usize,
    taps: Vec<Open>,
    /// Texts that come again and again, once each.
    texts: HashSet<Arc<str>, RandomState>,
    pub(super) hasher: RandomState,
}

/// A tap that somebody reads, or did.
struct Open {
    filter: Filter,
    sender: mpsc::Sender<Arc<Told>>,
    dropped: Arc<AtomicU64>,
}

impl Memory {
    pub fn new(bytes_max: u64) -> Memory {
        let mut memory = Memory {
            senders: Senders::default(),
            flags: Flags::default(),
            traces: Traces::default(),
            pairs: Pairs::default(),
            seen: 0,
            told: VecDeque::new(),
            told_bytes: 0,
            told_bytes_max: 0,
            numbers: 0,
            bytes_max: 0,
            taps: Vec::new(),
            texts: HashSet::default(),
            hasher: RandomState::default(),
        };
        memory.set_limit(usize::try_from(bytes_max).unwrap_or(usize::MAX));
        memory
    }

    /// Three quarters for traces, an eighth for evaluations; the rest is for tables that have limits of their own.
    pub fn set_limit(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        self.told_bytes_max = bytes_max / 8;
        self.traces.set_limit(bytes_max / 4 * 3);
        self.forget_told();
    }

    pub fn bytes(&self) -> usize {
        self.traces.bytes() + self.told_bytes
    }

    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub fn oldest(&self) -> Option<SystemTime> {
        self.traces.oldest()
    }

    /// The text, shared with all that are the same.
    pub fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        // whoever has one of those that are forgotten here keeps it
        if self.texts.len() >= TEXTS_MAX {
            self.texts.clear();
        }
        self.texts.insert(Arc::clone(&new));
        new
    }

    /// Remembers an evaluation and shows it to those who wait for it.
    pub fn tell(&mut self, mut told: Told, stands_for: u64, now: SystemTime) {
        self.numbers += 1;
        told.number = self.numbers;
        self.flags.count(&told, stands_for, now);
        let told = Arc::new(told);
        self.taps.retain(|tap| tap.show(&told));
        if told.trace_id != TraceId::default() {
            self.traces.tell(&told, now);
        }
        self.told_bytes += told.bytes();
        self.told.push_back(told);
        self.forget_told();
    }

    fn forget_told(&mut self) {
        while self.told_bytes > self.told_bytes_max
            && let Some(oldest) = self.told.pop_front()
        {
            self.told_bytes -= oldest.bytes();
        }
    }

    pub fn evaluations(&self, filter: &Filter, after: u64, limit: usize) -> Page {
        let oldest = self.told.front().map_or(self.numbers + 1, |told| told.number);
        let forgotten = oldest.saturating_sub(after.saturating_add(1));
        let from = self.told.partition_point(|told| told.number <= after);
        let passing = || self.told.range(from..).filter(|told| filter.passes(told));
        let left_out = passing().count().saturating_sub(limit);
        Page {
            told: passing().skip(left_out).cloned().collect(),
            last: self.numbers,
            missed: if after == 0 { 0 } else { forgotten } + left_out as u64,
        }
    }

    pub fn tap(
        &mut self,
        filter: Filter,
        sender: mpsc::Sender<Arc<Told>>,
        dropped: Arc<AtomicU64>,
    ) -> Result<(), TooManyTaps> {
        self.taps.retain(|tap| !tap.sender.is_closed());
        if self.taps.len() >= TAPS_MAX {
            return Err(TooManyTaps);
        }
        self.taps.push(Open { filter, sender, dropped });
        Ok(())
    }

    /// Looks at traces as a whole that nothing was added to for a while.
    pub fn settle(&mut self, now: SystemTime) {
        let before = now.checked_sub(SETTLED_AFTER).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut odd = Odd::default();
        self.traces.settled(before, SETTLED_SPANS_MAX, |id, trace| examine(id, trace, &mut odd));
        for ((service, oddity), (count, sample)) in odd.0 {
            self.senders.mark_service(&service, oddity, count, now, sample);
        }
    }
}

impl Open {
    /// False once nobody reads it any more.
    fn show(&self, told: &Arc<Told>) -> bool {
        if self.sender.is_closed() {
            return false;
        }
        if self.filter.passes(told) && self.sender.try_send(Arc::clone(told)).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
        true
    }
}

/// What is odd about traces as a whole: how often, by service, with a sample each.
#[derive(Default)]
struct Odd(BTreeMap<(Arc<str>, Oddity), (u64, String)>);

impl Odd {
    fn add(&mut self, service: &Arc<str>, oddity: Oddity, sample: impl FnOnce() -> String) {
        let of = self.0.entry((Arc::clone(service), oddity)).or_insert_with(|| (0, sample()));
        of.0 += 1;
    }
}

fn examine(id: &TraceId, trace: &Trace, odd: &mut Odd) {
    let at = || format!("trace {}", hex(id));
    // where not all was kept, what is missing may be burgee's own doing
    let is_whole = trace.beyond == 0;
    for span in &trace.spans {
        if span.parent == span.id {
            odd.add(&span.service, Oddity::Circle, at);
        }
        if !is_whole {
            continue;
        }
        if span.has_remote_parent() {
            let oddity = if trace.has(&span.parent) { Oddity::Joined } else { Oddity::Orphan };
            odd.add(&span.service, oddity, at);
        } else if !span.is_root() && !trace.has(&span.parent) {
            odd.add(&span.service, Oddity::Gap, at);
        }
    }
    for (span, ahead) in served_before_called(trace) {
        odd.add(&span.service, Oddity::BeforeCall, || format!("{}: {ahead:.1} s", at()));
    }
    if let Some(span) = circle(trace) {
        odd.add(&trace.spans[span].service, Oddity::Circle, at);
    }
    let Some(head) = trace.head() else { return };
    let roots = trace.spans.iter().filter(|span| span.is_root()).count();
    let lasts = trace.last_seen.duration_since(trace.first_seen).unwrap_or_default();
    if roots >= ROOTS_MAX || lasts >= ENDLESS_AFTER {
        odd.add(&head.service, Oddity::EndlessTrace, || format!("{}: {roots} roots", at()));
    }
    if let Some((service, sample)) = two_variants(trace) {
        odd.add(&service, Oddity::TwoVariants, || format!("{}: {sample}", at()));
    }
    if trace.spans.len() == 1
        && head.is_root()
        && let Some(told) = trace.evaluations.iter().find(|told| told.span_id == head.id)
    {
        let by_design = &*head.name == EXPORTED_EVALUATION;
        let oddity = if by_design { Oddity::UnjoinedByDesign } else { Oddity::Unjoined };
        if matches!(told.told_by, super::ToldBy::Span) {
            odd.add(&told.service, oddity, || format!("{}: {}", at(), told.key));
        }
    }
}

/// Spans that serve a call, and say that they began seconds before it. A caller may give up long before what it called
/// does, so only the beginnings are compared.
fn served_before_called(trace: &Trace) -> Vec<(&Span, f64)> {
    let calls: std::collections::HashMap<SpanId, &Span, RandomState> = trace
        .spans
        .iter()
        .filter(|span| i32::from(span.kind) == CLIENT)
        .map(|span| (span.id, span))
        .collect();
    let served = trace.spans.iter().filter(|span| i32::from(span.kind) == SERVER && span.start > 0);
    let before = served.filter_map(|span| {
        let ahead = Duration::from_nanos(calls.get(&span.parent)?.start.saturating_sub(span.start));
        (ahead > SKEW_MAX).then_some((span, ahead.as_secs_f64()))
    });
    before.collect()
}

/// A span from which parents lead round and never to a root. Each span has one parent, so each is walked once.
fn circle(trace: &Trace) -> Option<usize> {
    let places: std::collections::HashMap<SpanId, usize, RandomState> =
        trace.spans.iter().enumerate().map(|(place, span)| (span.id, place)).collect();
    let mut walked = vec![0_usize; trace.spans.len()];
    for begin in 0..trace.spans.len() {
        let mut at = begin;
        while walked[at] == 0 {
            walked[at] = begin + 1;
            let span = &trace.spans[at];
            match places.get(&span.parent) {
                Some(parent) if span.parent != span.id => at = *parent,
                _ => break,
            }
            if walked[at] == begin + 1 {
                return Some(at);
            }
        }
    }
    None
}

/// A flag that came to two variants for one and the same, within one trace.
fn two_variants(trace: &Trace) -> Option<(Arc<str>, String)> {
    let mut variants: BTreeMap<(&str, u64), &Told> = BTreeMap::new();
    for told in trace
        .evaluations
        .iter()
        .filter(|told| told.context != 0 && !told.variant.is_empty() && !told.failed())
    {
        match variants.get(&(&*told.key, told.context)) {
            Some(other) if other.variant != told.variant => {
                let sample = format!(
                    "{} is {} in {} and {} in {}",
                    told.key, other.variant, other.service, told.variant, told.service
                );
                return Some((Arc::clone(&told.service), sample));
            }
            Some(_) => {}
            None => drop(variants.insert((&*told.key, told.context), told)),
        }
    }
    None
}

impl Memory {
    pub fn hash(&self, text: &str) -> u64 {
        // 0 stands for none
        self.hasher.hash_one(text) | 1
    }
}

/// SDKs send every five seconds: after that a trace of one machine is whole, mostly.
const SETTLED_AFTER: Duration = Duration::from_secs(6);
const SETTLED_SPANS_MAX: usize = 20_000;
const ROOTS_MAX: usize = 1000;
const ENDLESS_AFTER: Duration = Duration::from_secs(3600);
const TEXTS_MAX: usize = 8192;
/// What GO Feature Flag's exporter `opentelemetry` calls its spans.
const EXPORTED_EVALUATION: &str = "feature_flag.evaluate";
