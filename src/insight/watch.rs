//! Where what leaves can be seen: one relaxed load while the watch is closed, else a reference into a short ring.
//!
//! Looking costs a share of what burgee itself uses: [`Thrift`] closes the watch when more was spent, and while much
//! comes only some of the traces are looked at, whole ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, mpsc};

use crate::otlp::Payload;

/// Where a payload came from, as far as it is remembered.
#[derive(Clone, Copy, Debug)]
pub struct From {
    /// `None` where there is no network.
    pub peer: Option<SocketAddr>,
    /// `grpc`, `http` or `local`.
    pub transport: &'static str,
    /// `grpc`, `http` or `both`: which of a receiver's ports; `None` where there is no network.
    pub port: Option<&'static str>,
    pub arrival: SystemTime,
}

/// A payload on its way to whoever remembers it.
pub(super) struct Passed {
    pub payload: Payload,
    pub from: From,
}

/// The end of the ring at which payloads are put. One for the whole collector.
pub struct Watch {
    is_open: AtomicBool,
    /// Nothing is to be looked at.
    is_off: AtomicBool,
    /// Of each so many traces one is looked at, as a power of two.
    thinning: AtomicU32,
    skipped: AtomicU64,
    waiting_bytes: AtomicU64,
    ring: mpsc::Sender<Passed>,
    other_end: Mutex<mpsc::Receiver<Passed>>,
}

impl Watch {
    pub(super) fn new() -> Watch {
        let (ring, other_end) = mpsc::channel(RING_PAYLOADS);
        Watch {
            is_open: AtomicBool::new(false),
            is_off: AtomicBool::new(false),
            thinning: AtomicU32::new(0),
            skipped: AtomicU64::new(0),
            waiting_bytes: AtomicU64::new(0),
            ring,
            other_end: Mutex::new(other_end),
        }
    }

    /// Shows what leaves a pipeline. Never waits; what finds no room is counted as not looked at.
    #[inline]
    pub fn put(&self, payload: &Payload, from: impl FnOnce() -> From) {
        if self.is_open.load(Relaxed) {
            self.offer(payload, from());
        } else {
            self.skipped.fetch_add(payload.len(), Relaxed);
        }
    }

    fn offer(&self, payload: &Payload, from: From) {
        let bytes = payload.bytes().len() as u64;
        let waiting = self.waiting_bytes.fetch_add(bytes, Relaxed);
        let fits = waiting + bytes <= RING_BYTES;
        // What waits here is not to be missing from what telemetry may take. Small ones are 8 MiB of it at most, and a copy
        // of each would cost more than that.
        let payload_to_see = || if bytes > REFERENCED_MAX { payload.copied() } else { payload.clone() };
        let passed = || Passed { payload: payload_to_see(), from };
        if !fits || self.ring.try_send(passed()).is_err() {
            self.waiting_bytes.fetch_sub(bytes, Relaxed);
            self.skipped.fetch_add(payload.len(), Relaxed);
        }
    }

    /// Opens or closes it. It does not open while it is off.
    pub(super) fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open && !self.is_off.load(Relaxed), Relaxed);
    }

    /// Switches it off, or on again: then it opens within a [`PERIOD`].
    pub(super) fn set_off(&self, is_off: bool) {
        self.is_off.store(is_off, Relaxed);
        if is_off {
            self.set_open(false);
        }
    }

    /// The next payload. Waits for one.
    pub(super) async fn next(&self) -> Option<Passed> {
        let passed = self.other_end.lock().await.recv().await?;
        Some(self.taken(passed))
    }

    /// The next payload, if one waits.
    pub(super) fn try_next(&self) -> Option<Passed> {
        let passed = self.other_end.try_lock().ok()?.try_recv().ok()?;
        Some(self.taken(passed))
    }

    fn taken(&self, passed: Passed) -> Passed {
        self.waiting_bytes.fetch_sub(passed.payload.bytes().len() as u64, Relaxed);
        passed
    }

    pub(super) fn skip(&self, items: u64) {
        self.skipped.fetch_add(items, Relaxed);
    }

    /// Items that were not looked at.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Relaxed)
    }

    /// One of so many traces is looked at.
    pub fn one_in(&self) -> u32 {
        1 << self.thinning.load(Relaxed)
    }

    /// Whether a trace is one of those that are looked at. Ids are random where they come last (W3C Trace Context 2).
    pub(super) fn picks(&self, trace_id: &[u8]) -> bool {
        let mask = u64::from(self.one_in() - 1);
        let random = trace_id.last_chunk().map_or(0, |last| u64::from_be_bytes(*last));
        random & mask == 0
    }
}

/// What looking may cost: a share of the processor time that the process uses, saved up for a moment.
pub(super) struct Thrift {
    watch: Arc<Watch>,
    saved: Duration,
    /// What was spent beyond what was saved.
    owed: Duration,
    used_before: Option<Duration>,
}

impl Thrift {
    pub fn new(watch: Arc<Watch>) -> Thrift {
        watch.set_open(true);
        Thrift { watch, saved: SAVED_AT_FIRST, owed: Duration::ZERO, used_before: None }
    }

    /// Closes the watch when all is spent, until there is something again.
    pub fn spend(&mut self, time: Duration) {
        let beyond = time.saturating_sub(self.saved);
        self.saved = self.saved.saturating_sub(time);
        self.owed += beyond;
        if !self.owed.is_zero() {
            self.watch.set_open(false);
        }
    }

    /// Called once in [`PERIOD`] with the processor time of the process since its start.
    pub fn earn(&mut self, used: Option<Duration>, is_watched: bool) {
        let lately =
            used.zip(self.used_before).map_or(Duration::ZERO, |(now, before)| now.saturating_sub(before));
        self.used_before = used.or(self.used_before);
        let (share, at_least) = if is_watched { WATCHED } else { UNWATCHED };
        let earned = at_least.max(lately.mul_f64(share));
        let paid = earned.min(self.owed);
        self.owed -= paid;
        self.saved = (self.saved + (earned - paid)).min(SAVED_MAX);
        let thinning = &self.watch.thinning;
        let now = thinning.load(Relaxed);
        if !self.owed.is_zero() || self.saved < SAVED_MAX / 4 {
            thinning.store((now + 1).min(THINNING_MAX), Relaxed);
        } else if self.saved > SAVED_MAX / 2 {
            thinning.store(now.saturating_sub(1), Relaxed);
        }
        if self.owed.is_zero() && self.saved >= REOPENS_AT {
            self.watch.set_open(true);
        }
    }
}

/// How often something is earned.
pub(super) const PERIOD: Duration = Duration::from_secs(1);
/// Share of the process's time, and what is given in any case in each period.
const UNWATCHED: (f64, Duration) = (0.007, Duration::from_millis(2));
const WATCHED: (f64, Duration) = (0.035, Duration::from_millis(8));
/// A burst of a hundred thousand spans costs as much.
const SAVED_MAX: Duration = Duration::from_secs(1);
const SAVED_AT_FIRST: Duration = Duration::from_millis(800);
const REOPENS_AT: Duration = Duration::from_millis(40);
/// One in 1,024.
const THINNING_MAX: u32 = 10;
/// As many as may come until they are looked at: 50,000 a second.
const RING_PAYLOADS: usize = 256;
const RING_BYTES: u64 = 16 << 20;
const REFERENCED_MAX: u64 = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn thrift() -> (Thrift, Arc<Watch>) {
        let watch = Arc::new(Watch::new());
        (Thrift { saved: SAVED_MAX, ..Thrift::new(Arc::clone(&watch)) }, watch)
    }

    #[test]
    fn the_watch_closes_when_all_is_spent_and_opens_when_something_is_saved() {
        let (mut thrift, watch) = thrift();
        thrift.spend(SAVED_MAX + Duration::from_millis(10));
        assert!(!watch.is_open.load(Relaxed));
        let mut periods = 0;
        while !watch.is_open.load(Relaxed) {
            thrift.earn(Some(Duration::ZERO), false);
            periods += 1;
        }
        assert_eq!(periods, 25, "2 ms a second pay 10 ms back and save 40");
    }

    #[test]
    fn a_busy_process_earns_more_and_a_watched_one_more_than_that() {
        let (mut thrift, _) = thrift();
        thrift.saved = Duration::ZERO;
        thrift.earn(Some(Duration::from_secs(10)), false);
        assert_eq!(thrift.saved, Duration::from_millis(2));
        thrift.earn(Some(Duration::from_secs(12)), false);
        assert_eq!(thrift.saved, Duration::from_millis(2 + 14));
        thrift.earn(Some(Duration::from_secs(14)), true);
        assert_eq!(thrift.saved, Duration::from_millis(2 + 14 + 70));
    }

    #[test]
    fn fewer_traces_are_looked_at_while_much_comes_and_all_when_it_is_over() {
        let (mut thrift, watch) = thrift();
        thrift.spend(SAVED_MAX * 3);
        for _ in 0..3 {
            thrift.earn(None, false);
        }
        assert_eq!(watch.one_in(), 8);
        let ids = (0..1024u64).map(|number| [[0; 8], number.to_be_bytes()].concat());
        assert_eq!(ids.filter(|id| watch.picks(id)).count(), 128);
        thrift.owed = Duration::ZERO;
        thrift.saved = SAVED_MAX;
        for _ in 0..5 {
            thrift.earn(None, false);
        }
        assert_eq!(watch.one_in(), 1);
        assert!(watch.picks(&[0xff; 16]) && watch.picks(&[]));
    }
}
