//! Traces of the recent past: whole spans, compactly, until there is no more room.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::fast::RandomState;

use super::told::Told;

/// The id of a trace.
pub type TraceId = [u8; 16];
/// The id of a span; zeros for none.
pub type SpanId = [u8; 8];

/// A span as it left.
#[derive(Clone, Debug)]
pub struct Span {
    pub id: SpanId,
    /// Zeros for a root.
    pub parent: SpanId,
    pub name: Arc<str>,
    pub service: Arc<str>,
    /// `SpanKind` as a number, 0 to 5.
    pub kind: u8,
    /// `StatusCode` as a number, 0 to 2.
    pub status: u8,
    /// The flags of the span: bit 9 tells of a parent in another process, if bit 8 is set.
    pub flags: u32,
    /// Nanoseconds since the epoch.
    pub start: u64,
    pub end: u64,
    pub status_message: Box<str>,
    pub attributes: Packed,
}

/// Attributes as texts, in one piece of memory.
#[derive(Clone, Debug, Default)]
pub struct Packed(Box<[u8]>);

/// What is remembered of one trace.
#[derive(Debug)]
pub struct Trace {
    pub spans: Vec<Span>,
    pub evaluations: Vec<Arc<Told>>,
    pub first_seen: SystemTime,
    pub last_seen: SystemTime,
    /// Spans that there was no room for.
    pub beyond: u64,
    /// Spans that came with an id that the trace had already.
    pub duplicates: u64,
    ids: HashSet<SpanId, RandomState>,
    tick: u64,
    bytes: usize,
}

/// All traces that are remembered.
#[derive(Debug, Default)]
pub struct Traces {
    traces: HashMap<TraceId, Trace, RandomState>,
    /// By when they were added to, the oldest first.
    order: BTreeMap<u64, TraceId>,
    ticks: u64,
    /// Traces up to this tick were settled.
    settled_to: u64,
    bytes: usize,
    bytes_max: usize,
}

impl Packed {
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Packed {
        let mut packed = Vec::new();
        for (key, value) in pairs {
            for text in [super::told::cut(key), super::told::cut(&value)] {
                // texts are cut at a few hundred bytes
                let length = u16::try_from(text.len()).unwrap_or_default();
                packed.extend_from_slice(&length.to_le_bytes());
                packed.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
            }
        }
        Packed(packed.into())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &self.0[..];
        let mut next = move || {
            let (length, after) = rest.split_first_chunk()?;
            let (text, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            rest = after;
            std::str::from_utf8(text).ok()
        };
        std::iter::from_fn(move || Some((next()?, next()?)))
    }
}

impl Span {
    /// About what it takes.
    fn bytes(&self) -> usize {
        // a list that has grown is half empty at times, and so is the table of ids
        let in_tables = size_of::<Span>() / 2 * 3 + 3 * size_of::<SpanId>();
        in_tables + self.status_message.len() + self.attributes.0.len()
    }

    pub fn is_root(&self) -> bool {
        self.parent == SpanId::default()
    }

    /// Whether the parent is known to be in another process.
    pub fn has_remote_parent(&self) -> bool {
        const KNOWN_AND_REMOTE: u32 = 0x300;
        !self.is_root() && self.flags & KNOWN_AND_REMOTE == KNOWN_AND_REMOTE
    }
}

impl Traces {
    pub fn set_limit(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        self.make_room();
    }

    /// Remembers a span. False if its trace has it already.
    pub fn add(&mut self, trace_id: TraceId, span: Span, now: SystemTime) -> bool {
        let bytes = span.bytes();
        let room = self.trace_bytes_max();
        let trace = self.touch(trace_id, now);
        if trace.bytes + bytes > room {
            trace.beyond += 1;
            self.make_room();
            return true;
        }
        let is_new = trace.ids.insert(span.id);
        trace.duplicates += u64::from(!is_new);
        trace.bytes += bytes;
        trace.spans.push(span);
        self.bytes += bytes;
        self.make_room();
        is_new
    }

    /// Remembers what was told of an evaluation in a trace.
    pub fn tell(&mut self, told: &Arc<Told>, now: SystemTime) {
        let trace = self.touch(told.trace_id, now);
        if trace.evaluations.len() < EVALUATIONS_MAX {
            trace.evaluations.push(Arc::clone(told));
            // it stays for as long as the trace, whatever else forgets it
            trace.bytes += told.bytes();
            self.bytes += told.bytes();
        }
        self.make_room();
    }

    fn touch(&mut self, trace_id: TraceId, now: SystemTime) -> &mut Trace {
        self.ticks += 1;
        let tick = self.ticks;
        let bytes = &mut self.bytes;
        let trace = self.traces.entry(trace_id).or_insert_with(|| {
            *bytes += TRACE_BYTES;
            Trace::new(now)
        });
        self.order.remove(&trace.tick);
        self.order.insert(tick, trace_id);
        trace.tick = tick;
        trace.last_seen = now;
        trace
    }

    /// Forgets the oldest until the rest fits.
    fn make_room(&mut self) {
        while self.bytes > self.bytes_max
            && let Some((_, trace_id)) = self.order.pop_first()
        {
            if let Some(trace) = self.traces.remove(&trace_id) {
                self.bytes -= trace.bytes;
            }
        }
    }

    pub fn get(&self, trace_id: &TraceId) -> Option<&Trace> {
        self.traces.get(trace_id)
    }

    /// The latest first.
    pub fn iter(&self) -> impl Iterator<Item = (&TraceId, &Trace)> {
        self.order.values().rev().filter_map(|id| self.traces.get_key_value(id))
    }

    /// Those that did not change since `before` and that nobody has looked at, the oldest first: at most so many
    /// spans. They count as looked at.
    pub fn settled(&mut self, before: SystemTime, spans_max: usize, mut see: impl FnMut(&TraceId, &Trace)) {
        let mut spans = 0;
        for (tick, trace_id) in self.order.range(self.settled_to + 1..) {
            let Some(trace) = self.traces.get_mut(trace_id) else { continue };
            if trace.last_seen > before || spans >= spans_max {
                break;
            }
            // one that is added to later gets a later tick
            self.settled_to = *tick;
            spans += trace.spans.len();
            see(trace_id, trace);
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn oldest(&self) -> Option<SystemTime> {
        let (_, trace_id) = self.order.first_key_value()?;
        self.traces.get(trace_id).map(|trace| trace.first_seen)
    }

    /// A single trace does not drive out everything else.
    fn trace_bytes_max(&self) -> usize {
        self.bytes_max / 8 * 7
    }
}

impl Trace {
    fn new(now: SystemTime) -> Trace {
        Trace {
            // very many have one span
            spans: Vec::with_capacity(1),
            evaluations: Vec::new(),
            first_seen: now,
            last_seen: now,
            beyond: 0,
            duplicates: 0,
            ids: HashSet::default(),
            tick: 0,
            bytes: TRACE_BYTES,
        }
    }

    pub fn has(&self, span_id: &SpanId) -> bool {
        self.ids.contains(span_id)
    }

    /// The span that the trace is called after: the earliest one without a parent, or else the earliest.
    pub fn head(&self) -> Option<&Span> {
        let earliest = |left: &&Span, right: &&Span| left.start.cmp(&right.start);
        let roots = self.spans.iter().filter(|span| span.is_root());
        roots.min_by(earliest).or_else(|| self.spans.iter().min_by(earliest))
    }
}

/// What an empty trace takes in all tables, about.
const TRACE_BYTES: usize = 640;
/// Evaluations of one trace.
const EVALUATIONS_MAX: usize = 4_000;
