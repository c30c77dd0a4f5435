//! What was seen lately, for people to look at and for the doctor to draw conclusions from; bounded.
//!
//! The pipeline shows what it puts to the [`Watch`]; one task looks at it ([`Insight::run`]) and remembers senders,
//! evaluations, traces and flags. People see what leaves, never what came in. Nothing here knows where it is shown.

mod filter;
mod flags;
mod look;
mod memory;
mod senders;
mod signs;
mod told;
mod traces;
mod watch;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

pub use filter::{Filter, FilterError};
pub use flags::{Flag, FlagCounts};
pub use senders::{NAMES_MAX, Sender};
pub use signs::{Call, Mark, Oddity, Pairs, Served};
pub use told::{TEXT_BYTES_MAX, Told, ToldBy};
pub use traces::{Span, SpanId, Trace, TraceId, Traces};
pub use watch::{From, Watch};

use crate::observe::process::Process;
use crate::otlp::hex;
use memory::Memory;
use watch::Thrift;

/// The recent past. One for the whole collector, shared by reference count.
pub struct Insight {
    watch: Arc<Watch>,
    memory: Mutex<Memory>,
    /// Until when somebody watches, in milliseconds since [`Insight::started`].
    watched_until: AtomicU64,
    started: Instant,
}

/// What is remembered, and of how much.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    pub bytes: u64,
    pub bytes_max: u64,
    pub oldest: Option<SystemTime>,
    /// Spans and log records that were looked at.
    pub seen: u64,
    /// Those that were not, so that looking costs little.
    pub skipped: u64,
    /// One of so many traces is looked at.
    pub one_in: u32,
}

/// Evaluations that were asked for.
#[derive(Clone, Debug)]
pub struct Page {
    /// The oldest first.
    pub told: Vec<Arc<Told>>,
    /// The number of the latest evaluation, whether it passes the filter or not.
    pub last: u64,
    /// Evaluations that are forgotten already or were left out.
    pub missed: u64,
}

/// Evaluations as they come.
pub struct Tap {
    insight: Arc<Insight>,
    told: mpsc::Receiver<Arc<Told>>,
    dropped: Arc<AtomicU64>,
}

/// Senders, calls and the like at one moment, for whoever draws conclusions.
#[derive(Clone, Debug, Default)]
pub struct Signs {
    pub senders: Vec<Sender>,
    pub pairs: Pairs,
    pub flags: BTreeMap<Arc<str>, FlagCounts>,
}

impl Default for Insight {
    fn default() -> Insight {
        Insight {
            watch: Arc::new(Watch::new()),
            memory: Mutex::new(Memory::new(BYTES_MAX)),
            watched_until: AtomicU64::new(0),
            started: Instant::now(),
        }
    }
}

impl Insight {
    /// Where a pipeline shows what it puts.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// How many bytes of the recent past are kept. With 0 nothing is looked at, either.
    pub fn set_limit(&self, bytes_max: u64) {
        self.watch.set_off(bytes_max == 0);
        self.memory().set_limit(usize::try_from(bytes_max).unwrap_or(usize::MAX));
    }

    /// Looks at what passes, for ever.
    pub async fn run(self: Arc<Self>) {
        let mut thrift = Thrift::new(Arc::clone(&self.watch));
        let mut period = tokio::time::interval(watch::PERIOD);
        period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                passed = self.watch.next() => {
                    let Some(passed) = passed else { return };
                    // it leaves first, and what comes meanwhile is looked at together
                    tokio::time::sleep(LOOKS_AFTER).await;
                    thrift.spend(self.look(passed).await);
                }
                _ = period.tick() => {
                    let begun = thread_time();
                    self.settle(SystemTime::now());
                    thrift.spend(thread_time().saturating_sub(begun));
                    thrift.earn(Process::now().cpu, self.is_watched());
                }
            }
        }
    }

    /// Looks at a payload and all others that wait, beside the runtime. Returns the time that it took.
    async fn look(self: &Arc<Self>, first: watch::Passed) -> Duration {
        let insight = Arc::clone(self);
        let look = move || {
            let begun = thread_time();
            let (mut next, mut spent) = (Some(first), Duration::ZERO);
            while let Some(passed) = next {
                let looked = || insight.memory().look(&passed.payload, &passed.from, &insight.watch);
                if catch_unwind(AssertUnwindSafe(looked)).is_err() {
                    let (signal, items) = (passed.payload.signal(), passed.payload.len());
                    tracing::error!(%signal, items, "looking at a payload failed, which loses nothing else: a defect of burgee");
                }
                spent = thread_time().saturating_sub(begun);
                next = if spent < LOOKS_FOR { insight.watch.try_next() } else { None };
            }
            spent
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// Draws conclusions from traces as if it were this time; [`Insight::run`] does it once a second.
    pub fn settle(&self, now: SystemTime) {
        self.memory().settle(now);
    }

    /// Somebody looks at it now: for some seconds it may cost more.
    pub fn watched(&self) {
        let until = self.started.elapsed() + WATCHED_FOR;
        self.watched_until.fetch_max(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    fn is_watched(&self) -> bool {
        self.started.elapsed() < Duration::from_millis(self.watched_until.load(Relaxed))
    }

    pub fn horizon(&self) -> Horizon {
        let memory = self.memory();
        Horizon {
            bytes: memory.bytes() as u64,
            bytes_max: memory.bytes_max() as u64,
            oldest: memory.oldest(),
            seen: memory.seen,
            skipped: self.watch.skipped(),
            one_in: self.watch.one_in(),
        }
    }

    pub fn senders(&self) -> Vec<Sender> {
        self.memory().senders.all()
    }

    pub fn flags(&self) -> BTreeMap<Arc<str>, Flag> {
        self.memory().flags.all()
    }

    pub fn signs(&self) -> Signs {
        let memory = self.memory();
        Signs { senders: memory.senders.all(), pairs: memory.pairs.clone(), flags: memory.flags.counts() }
    }

    /// The evaluations after a number that pass, at most so many of them, the latest.
    pub fn evaluations(&self, filter: &Filter, after: u64, limit: usize) -> Page {
        self.watched();
        self.memory().evaluations(filter, after, limit)
    }

    /// Evaluations that pass, from now on.
    pub fn tap(self: &Arc<Self>, filter: Filter) -> Result<Tap, TooManyTaps> {
        let (sender, told) = mpsc::channel(TAP_EVALUATIONS);
        let dropped = Arc::new(AtomicU64::new(0));
        self.memory().tap(filter, sender, Arc::clone(&dropped))?;
        Ok(Tap { insight: Arc::clone(self), told, dropped })
    }

    /// Calls `see` for the traces that are remembered, the latest first, until it has seen enough.
    pub fn each_trace(&self, mut see: impl FnMut(&TraceId, &Trace) -> Enough) {
        self.watched();
        let memory = self.memory();
        for (id, trace) in memory.traces.iter() {
            if see(id, trace) == Enough::Yes {
                break;
            }
        }
    }

    /// Looks at the one trace whose id begins like this, in lower-case hex.
    pub fn trace<T>(&self, id: &str, see: impl FnOnce(&TraceId, &Trace) -> T) -> Option<T> {
        self.watched();
        let memory = self.memory();
        if let Some(id) = whole(id) {
            return memory.traces.get(&id).map(|trace| see(&id, trace));
        }
        let mut found = memory.traces.iter().filter(|(known, _)| hex(&known[..]).starts_with(id));
        let (id, trace) = found.next().filter(|_| id.len() >= PREFIX_MIN)?;
        found.next().is_none().then(|| see(id, trace))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A look that panicked has counted less than there was, which spoils nothing.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap {
    /// Some evaluations, as soon as there are any.
    pub async fn next(&mut self) -> Option<Vec<Arc<Told>>> {
        self.insight.watched();
        let first = loop {
            match tokio::time::timeout(WATCHED_FOR / 2, self.told.recv()).await {
                Ok(first) => break first?,
                Err(_) => self.insight.watched(),
            }
        };
        let mut told = vec![first];
        while told.len() < TAP_AT_ONCE
            && let Ok(next) = self.told.try_recv()
        {
            told.push(next);
        }
        Some(told)
    }

    /// Evaluations that passed the filter and were lost since this was asked last.
    pub fn dropped(&self) -> u64 {
        self.dropped.swap(0, Relaxed)
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enough {
    Yes,
    No,
}

/// More taps than [`TAPS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{TAPS_MAX} taps are open, which is the limit; close one")]
pub struct TooManyTaps;

/// Processor time of this thread: on a busy machine, time passes that nobody has spent.
#[cfg(unix)]
fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// Elsewhere the time that passes has to do.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    static BEGIN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    BEGIN.elapsed()
}

/// The id that these 32 digits are.
fn whole(digits: &str) -> Option<TraceId> {
    let is_id = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u128::from_str_radix(digits, 16).ok().filter(|_| is_id)?;
    Some(number.to_be_bytes())
}

/// Bytes of the recent past, unless the configuration says otherwise.
pub const BYTES_MAX: u64 = 32 << 20;
/// Taps that may be open at once.
pub const TAPS_MAX: usize = 32;
/// How long a payload waits to be looked at: others come meanwhile, and waking somebody for each costs more than a look.
const LOOKS_AFTER: Duration = Duration::from_millis(5);
/// Processor time after which it is accounted for.
const LOOKS_FOR: Duration = Duration::from_millis(20);
const TAP_EVALUATIONS: usize = 4096;
const TAP_AT_ONCE: usize = 256;
const WATCHED_FOR: Duration = Duration::from_secs(5);
/// Digits of a trace id that may do.
const PREFIX_MIN: usize = 6;

#[cfg(test)]
mod tests;
