//! Emptying outboxes before a deadline.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::outbox::{Outbox, Phase, State};
use super::store::MemoryStore;
use crate::observe::ledger::{DropReason, Dropped, OutboxLedger};
use crate::otlp::Signal;

/// What became of what was in the outboxes when the drain began, and of what came in during it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// By exporter and signal, in the order in which the outboxes were opened.
    pub outboxes: Vec<Drained>,
}

/// The part of one outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    pub exporter: Arc<str>,
    pub signal: Signal,
    pub sent: u64,
    pub rejected: u64,
    pub dropped: Dropped,
}

impl MemoryStore {
    /// Sends what is left as fast as the exporters take it, tries again without long pauses, and never later than
    /// `deadline`: what is left then is dropped. Afterwards nothing is taken any more.
    ///
    /// Needs running consumers. Call it when no receiver brings anything in.
    pub async fn drain(&self, deadline: Instant) -> DrainReport {
        let outboxes = self.all();
        let before: Vec<OutboxLedger> = outboxes.iter().map(|outbox| outbox.begin_drain(deadline)).collect();
        for outbox in outboxes.iter() {
            outbox.drained(deadline).await;
        }
        let drained = |(outbox, before): (&Arc<Outbox>, OutboxLedger)| {
            if !matches!(outbox.lock().phase, Phase::Closed(_)) {
                outbox.close(DropReason::DrainDeadline);
            }
            let after = outbox.lock().ledger;
            Drained {
                exporter: Arc::clone(&outbox.exporter),
                signal: outbox.signal,
                sent: after.sent - before.sent,
                rejected: after.rejected - before.rejected,
                dropped: after.dropped.since(&before.dropped),
            }
        };
        DrainReport { outboxes: outboxes.iter().zip(before).map(drained).collect() }
    }
}

impl Outbox {
    fn begin_drain(&self, deadline: Instant) -> OutboxLedger {
        let mut state = self.lock();
        match state.phase {
            Phase::Closed(_) => return state.ledger,
            Phase::Leaving(earlier) => state.phase = Phase::Draining(deadline.min(earlier)),
            Phase::Open | Phase::Draining(_) => state.phase = Phase::Draining(deadline),
        }
        state.try_again_now();
        self.wake.notify_one();
        state.ledger
    }

    /// From here on what is left is sent until `deadline`, since its exporter is no longer configured. Requests that have
    /// begun their way here may come in until it is empty. False if it does not leave, being drained or closed.
    pub fn begin_leaving(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return false;
        }
        state.phase = Phase::Leaving(deadline);
        state.try_again_now();
        self.wake.notify_one();
        true
    }

    /// Waits for the end of what [`Outbox::begin_leaving`] began, and drops what is left then. Nothing of it if the
    /// exporter comes back meanwhile. Gives what was dropped.
    pub async fn leave(&self, deadline: Instant) -> u64 {
        loop {
            let emptied = self.emptied.notified();
            if let Some(dropped) = self.left(deadline) {
                return dropped;
            }
            // woken or not: the next look tells
            let _ = tokio::time::timeout_at(deadline, emptied).await;
        }
    }

    /// Closes it if it has nothing more to send, or no time to; `None` as long as it has.
    fn left(&self, deadline: Instant) -> Option<u64> {
        let state = self.lock();
        if state.phase != Phase::Leaving(deadline) {
            return Some(0);
        }
        let is_over = state.is_empty() || Instant::now() >= deadline;
        is_over.then(|| {
            let dropped = state.held.items;
            self.close_locked(state, DropReason::ExporterRemoved);
            dropped
        })
    }

    /// What its exporter could not deliver is tried at once: there is another one now.
    pub fn try_with_another(&self) {
        let mut state = self.lock();
        state.try_again_now();
        state.progress_at = Instant::now();
        state.isolated = false;
        self.wake.notify_one();
    }

    async fn drained(&self, deadline: Instant) {
        loop {
            // a permit is kept for whoever comes late, so nothing is missed between the look and the wait
            let emptied = self.emptied.notified();
            if self.lock().is_empty() || tokio::time::timeout_at(deadline, emptied).await.is_err() {
                return;
            }
        }
    }
}

impl State {
    fn try_again_now(&mut self) {
        let now = Instant::now();
        self.again.iter_mut().for_each(|again| again.not_before = now);
    }
}

impl DrainReport {
    pub fn sent(&self) -> u64 {
        self.outboxes.iter().map(|drained| drained.sent).sum()
    }

    /// Items that burgee gave up or the downstream refused.
    pub fn lost(&self) -> u64 {
        self.outboxes.iter().map(|drained| drained.rejected + drained.dropped.sum()).sum()
    }
}

impl fmt::Display for DrainReport {
    /// One line: `otlp: 1200 spans sent; otlp/backup: 3 log records dropped (drain_deadline)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for Drained { exporter, signal, sent, rejected, dropped } in &self.outboxes {
            let what = signal.items();
            let mut fates = Vec::new();
            if *sent > 0 {
                fates.push(format!("{sent} {what} sent"));
            }
            if *rejected > 0 {
                fates.push(format!("{rejected} {what} rejected"));
            }
            fates.extend(
                dropped.iter().map(|(reason, items)| format!("{items} {what} dropped ({})", reason.name())),
            );
            if !fates.is_empty() {
                parts.push(format!("{exporter}: {}", fates.join(", ")));
            }
        }
        if parts.is_empty() {
            f.write_str("nothing was left to send")
        } else {
            f.write_str(&parts.join("; "))
        }
    }
}
