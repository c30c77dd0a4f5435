//! Stopping: one handle that everything which listens hears, with the time it has left.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Tells servers to stop, and by when. Clones are the same handle.
#[derive(Debug, Clone)]
pub struct Stop {
    schedule: watch::Sender<Option<Schedule>>,
}

/// When what happens after a stop began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// What still uploads then is cut: a third of the whole.
    pub uploads: Instant,
    /// Everything is cut then.
    pub end: Instant,
}

impl Stop {
    pub fn new() -> Self {
        Stop { schedule: watch::Sender::new(None) }
    }

    /// Begins the stop, which has `within` to finish. Only the first call counts.
    pub fn begin(&self, within: Duration) {
        let now = Instant::now();
        self.schedule.send_if_modified(|schedule| {
            let first = schedule.is_none();
            schedule.get_or_insert(Schedule { uploads: now + within / 3, end: now + within });
            first
        });
    }

    /// The schedule, once the stop has begun.
    pub async fn begun(&self) -> Schedule {
        let mut schedule = self.schedule.subscribe();
        loop {
            if let Some(schedule) = *schedule.borrow_and_update() {
                return schedule;
            }
            schedule.changed().await.expect("this handle holds a sender while it waits");
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Stop::new()
    }
}

/// What connections and requests hear of it; later ones include earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Serving,
    /// No new requests; those that have begun finish.
    Draining,
    /// No more uploads: bodies end with an error, connections without a request are closed.
    NoUploads,
    /// Nothing any more.
    Cut,
}
