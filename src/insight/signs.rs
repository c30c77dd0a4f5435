//! What looks odd about what passes, counted while it passes, for whoever draws conclusions from it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::traces::{SpanId, TraceId};

/// Something odd about spans and records, by sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// No `service.name`, or one that an SDK made up.
    NoServiceName,
    /// It ended after it arrived.
    EndsInFuture,
    /// A time of 0, of another century, or an end before the start.
    ImplausibleTime,
    /// It arrived minutes after it had ended.
    Late,
    /// Names of evaluations that are no longer those of the conventions.
    OutdatedNames,
    /// More different span names than code can have.
    ManyNames,
    /// Very many attributes, or very long ones.
    LargeAttributes,
    /// What looks like an address of a person.
    Personal,
    /// Trace ids of which only the lower half is used, as with B3 and Jaeger.
    ShortTraceId,
    /// A CLIENT span without a parent.
    ClientRoot,
    /// A span came twice.
    Twice,
    /// A span is its own parent, or parents go round.
    Circle,
    /// Very many roots in one trace, or one trace over hours.
    EndlessTrace,
    /// One trace has two variants of a flag.
    TwoVariants,
    /// An evaluation outside every request.
    Unjoined,
    /// What GO Feature Flag's exporter makes of an evaluation, which is always a trace of its own.
    UnjoinedByDesign,
    /// An evaluation that was answered from a cache, or in the application.
    Cached,
    /// Flags were evaluated all at once.
    Bulk,
    /// A failed evaluation without attributes, whose key was found in the URL.
    Recovered,
    /// A health check or a scrape of metrics.
    Noise,
    /// An evaluation by itself.
    Evaluated,
    /// A SERVER span that is no noise.
    Served,
    /// A parent in another process that did not come.
    Orphan,
    /// A parent in another process that came, too.
    Joined,
    /// A parent that is not known to be in another process, and did not come.
    Gap,
    /// It began long before the call that it serves.
    BeforeCall,
    /// A flag, or a variant of it, that the definitions do not have.
    Undeclared,
    /// One `service.instance.id`, and processes that take turns.
    SharedInstance,
    /// The process has changed, and the one before did not come again.
    Restarted,
    /// A request without a flag's key to a relay proxy's configuration.
    ConfigurationFetched,
}

/// How often something was seen, and the latest of it.
#[derive(Clone, Debug)]
pub struct Mark {
    pub count: u64,
    pub first: SystemTime,
    pub last: SystemTime,
    /// Something about the latest that helps to find it; may be empty.
    pub sample: Box<str>,
}

impl Mark {
    pub(super) fn note(
        marks: &mut std::collections::BTreeMap<Oddity, Mark>,
        oddity: Oddity,
        now: SystemTime,
        sample: impl FnOnce() -> String,
    ) {
        Mark::note_many(marks, oddity, 1, now, sample);
    }

    /// Notes it so many times.
    pub(super) fn note_many(
        marks: &mut std::collections::BTreeMap<Oddity, Mark>,
        oddity: Oddity,
        count: u64,
        now: SystemTime,
        sample: impl FnOnce() -> String,
    ) {
        let new = || Mark { count: 0, first: now, last: now, sample: Box::default() };
        let mark = marks.entry(oddity).or_insert_with(new);
        if now.duration_since(mark.last).unwrap_or_default() > FORGOTTEN_AFTER {
            *mark = new();
        }
        mark.count += count;
        mark.last = now;
        // the first one, and then not each time: making up a text costs
        if mark.sample.is_empty() || mark.count.is_multiple_of(SAMPLE_EVERY) {
            mark.sample = super::told::cut(&sample()).into();
        }
    }
}

/// A CLIENT span to a relay proxy, or of a browser.
#[derive(Clone, Debug)]
pub struct Call {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub service: Arc<str>,
    pub is_browser: bool,
    pub is_to_relay_proxy: bool,
    /// Host and port, where the span says them.
    pub host: Box<str>,
    /// Of the URL, without the query.
    pub path: Box<str>,
    pub start: u64,
    pub end: u64,
    pub seen: SystemTime,
}

/// A SERVER span.
#[derive(Clone, Debug)]
pub struct Served {
    pub trace_id: TraceId,
    /// Zeros for a root.
    pub parent: SpanId,
    pub service: Arc<str>,
    pub version: Arc<str>,
    pub is_relay_proxy: bool,
    pub path: Box<str>,
    pub start: u64,
    pub end: u64,
    pub seen: SystemTime,
}

/// The latest calls and what served them.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    pub calls: VecDeque<Call>,
    /// What relay proxies served.
    pub served: VecDeque<Served>,
    /// What all others served, who are often many more.
    pub served_elsewhere: VecDeque<Served>,
}

impl Pairs {
    pub(super) fn call(&mut self, call: Call) {
        if self.calls.len() == PAIRS_MAX {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    pub(super) fn serve(&mut self, served: Served) {
        let of_kind = if served.is_relay_proxy { &mut self.served } else { &mut self.served_elsewhere };
        if of_kind.len() == PAIRS_MAX {
            of_kind.pop_front();
        }
        of_kind.push_back(served);
    }

    /// Since when everything that relay proxies served is remembered; `None` if nothing was forgotten.
    pub fn served_since(&self) -> Option<SystemTime> {
        let oldest = self.served.front().filter(|_| self.served.len() == PAIRS_MAX)?;
        Some(oldest.seen)
    }
}

const PAIRS_MAX: usize = 512;
const SAMPLE_EVERY: u64 = 64;
/// What was not seen for so long begins anew when it comes again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
