//! Facts: typed sightings of what is odd about senders and sockets, for the log now and the doctor later.
//!
//! A fact carries addresses, limits and error kinds, never a value from telemetry or from a request.
//! Each kind has a counter and its latest sighting; by peer and detail there is a bounded table of [`Encounter`]s and
//! a ring of [`Rejections`], so memory does not depend on what the network does.
//! A kind is logged at most once in [`LOG_EVERY`]; the line says how often it was seen since the last one.

mod fact;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

pub use fact::{Fact, Kind};

use super::connections::Connections;
use super::encounters::{Encounter, Encounters};
use super::rejections::Rejections;

/// The shortest time between two log lines of one [`Kind`].
pub const LOG_EVERY: Duration = Duration::from_secs(30);

/// The latest fact of a kind, and how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    pub fact: Fact,
    pub at: SystemTime,
    /// Facts of this kind since the start, this one included.
    pub count: u64,
}

/// Where facts are reported and looked up; shared by reference count.
#[derive(Debug, Default)]
pub struct Facts {
    shelves: [Shelf; Kind::ALL.len()],
    encounters: Encounters,
    rejections: Rejections,
    connections: Connections,
}

impl Facts {
    /// Counts `fact`, keeps it as the latest of its kind, and logs it unless its kind was logged lately.
    pub fn report(&self, fact: Fact) {
        self.report_with(fact, "");
    }

    /// The same with what the fact does not hold, for its [`Encounter`] and not for the log. `detail` may come from a
    /// request, but only what may be shown: a path without query, an origin, a content type, names of headers, sizes.
    pub fn report_with(&self, fact: Fact, detail: &str) {
        self.encounters.enter(&fact, detail, SystemTime::now());
        if let Some(count) = self.note(fact, Instant::now()) {
            tracing::warn!(kind = fact.kind().name(), count, "{fact}");
        }
    }

    /// The same without a line in the log: for whoever says there what a fact may not hold.
    pub fn keep(&self, fact: Fact) {
        self.keep_with(fact, "");
    }

    /// [`Facts::keep`] with a detail, as in [`Facts::report_with`].
    pub fn keep_with(&self, fact: Fact, detail: &str) {
        self.encounters.enter(&fact, detail, SystemTime::now());
        drop(self.shelf(fact.kind()).sight(fact));
    }

    /// How many facts of `kind` were reported since the start.
    pub fn count(&self, kind: Kind) -> u64 {
        self.shelf(kind).count.load(Ordering::Relaxed)
    }

    /// The latest fact of `kind`.
    pub fn latest(&self, kind: Kind) -> Option<Sighting> {
        self.shelf(kind).latest().sighting
    }

    /// The latest fact of every kind that was seen at all.
    pub fn all(&self) -> Vec<Sighting> {
        Kind::ALL.iter().filter_map(|kind| self.latest(*kind)).collect()
    }

    /// The facts by who was seen, where and with which detail; the one that was seen last at the end. At most 512: the
    /// one that was not seen for longest makes room.
    pub fn encounters(&self) -> Vec<Encounter> {
        self.encounters.all()
    }

    /// How many encounters are forgotten.
    pub fn encounters_evicted(&self) -> u64 {
        self.encounters.evicted()
    }

    /// The requests that were not taken lately.
    pub fn rejections(&self) -> &Rejections {
        &self.rejections
    }

    /// A connection came to the port that is bound to `listener`.
    pub fn connected(&self, listener: SocketAddr) {
        self.connections.connected(listener, SystemTime::now());
    }

    /// How many connections came to every port since the start, and when the latest one did.
    pub fn connections(&self) -> Vec<(SocketAddr, u64, SystemTime)> {
        self.connections.all()
    }

    /// Returns the number of sightings a log line written now stands for, or `None` if it is too early for one.
    fn note(&self, fact: Fact, now: Instant) -> Option<u64> {
        let (count, mut latest) = self.shelf(fact.kind()).sight(fact);
        if latest.logged_at.is_some_and(|before| now.saturating_duration_since(before) < LOG_EVERY) {
            return None;
        }
        let since_last_line = count - latest.logged_count;
        latest.logged_at = Some(now);
        latest.logged_count = count;
        Some(since_last_line)
    }

    fn shelf(&self, kind: Kind) -> &Shelf {
        &self.shelves[kind as usize]
    }
}

#[derive(Debug, Default)]
struct Shelf {
    count: AtomicU64,
    latest: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    sighting: Option<Sighting>,
    logged_at: Option<Instant>,
    logged_count: u64,
}

impl Shelf {
    /// Counts, and keeps as the latest. Returns the new count, and the latest for who has more to note.
    fn sight(&self, fact: Fact) -> (u64, std::sync::MutexGuard<'_, Latest>) {
        let mut latest = self.latest();
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        latest.sighting = Some(Sighting { fact, at: SystemTime::now(), count });
        (count, latest)
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, Latest> {
        // Nothing under this lock can leave half a value, so a panic elsewhere does not spoil it.
        self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn stalled(port: u16) -> Fact {
        Fact::BodyStalled {
            peer: SocketAddr::from(([127, 0, 0, 1], port)),
            listener: SocketAddr::from(([127, 0, 0, 1], 4317)),
        }
    }

    #[test]
    fn every_kind_has_its_own_shelf() {
        for (index, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index, "{}", kind.name());
        }
    }

    #[test]
    fn a_fact_is_counted_and_the_latest_one_kept() {
        let facts = Facts::default();
        facts.report(stalled(1));
        facts.report(stalled(2));
        assert_eq!(facts.count(Kind::BodyStalled), 2);
        assert_eq!(facts.count(Kind::NotHttp), 0);
        let latest = facts.latest(Kind::BodyStalled).expect("two were reported");
        assert_eq!((latest.fact, latest.count), (stalled(2), 2));
        assert_eq!(facts.all().len(), 1);
    }

    #[test]
    fn a_fact_that_is_only_kept_does_not_use_up_the_line_in_the_log() {
        let facts = Facts::default();
        facts.keep(stalled(1));
        assert_eq!(facts.count(Kind::BodyStalled), 1);
        assert_eq!(facts.note(stalled(2), Instant::now()), Some(2));
    }

    #[test]
    fn a_detail_is_kept_apart_and_one_kind_and_line_all_the_same() {
        let facts = Facts::default();
        facts.report_with(stalled(1), "here");
        facts.report_with(stalled(2), "there");
        facts.keep(stalled(3));
        assert_eq!(facts.count(Kind::BodyStalled), 3);
        let encounters = facts.encounters();
        let details: Vec<_> = encounters.iter().map(|seen| &*seen.detail).collect();
        assert_eq!((details, facts.encounters_evicted()), (vec!["here", "there", ""], 0));
    }

    #[test]
    fn a_kind_is_logged_once_per_half_minute_with_the_number_since() {
        let facts = Facts::default();
        let start = Instant::now();
        assert_eq!(facts.note(stalled(1), start), Some(1));
        assert_eq!(facts.note(stalled(1), start + Duration::from_secs(1)), None);
        assert_eq!(facts.note(stalled(1), start + Duration::from_secs(29)), None);
        assert_eq!(facts.note(stalled(1), start + LOG_EVERY), Some(3));
        let other = Fact::AcceptFailed {
            listener: SocketAddr::from(([127, 0, 0, 1], 1)),
            error: io::ErrorKind::Other,
        };
        assert_eq!(facts.note(other, start + LOG_EVERY), Some(1), "another kind has its own clock");
    }
}
