//! A ledger that balances, in three places.
//!
//! Items are spans, data points and log records. [`Door`]: requests = ok + partial + refused + rejected + abandoned,
//! items checked = accepted + refused + flawed. [`Pipeline`]: in + added = discarded + out. Outbox
//! ([`OutboxLedger`]): put + recovered = sent + rejected + dropped + held. The last holds at every moment, the
//! others whenever no request is between its arrival and its answer. Never sum outboxes: with two exporters every
//! item is in two of them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::evaluations::{Evaluated, EvaluatedState, Tally};

/// What came in by one receiver, transport and signal.
#[derive(Debug)]
pub struct Door {
    /// The receiver's component id.
    pub receiver: Arc<str>,
    /// `grpc`, `http`, `local`.
    pub transport: &'static str,
    /// `traces`, `metrics`, `logs`.
    pub signal: &'static str,
    requests: AtomicU64,
    outcomes: [AtomicU64; DoorOutcome::ALL.len()],
    checked: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    flawed: AtomicU64,
}

/// How a request ended, as the door counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DoorOutcome {
    Ok,
    /// Some items were not taken, the rest was.
    Partial,
    /// Not taken now; worth a retry.
    Refused,
    /// Malformed, too large or otherwise not worth a retry.
    Rejected,
    /// The client went away, or the handler ended, before there was an answer.
    Abandoned,
}

impl DoorOutcome {
    pub const ALL: [DoorOutcome; 5] = [
        DoorOutcome::Ok,
        DoorOutcome::Partial,
        DoorOutcome::Refused,
        DoorOutcome::Rejected,
        DoorOutcome::Abandoned,
    ];

    /// The label `outcome`.
    pub fn name(self) -> &'static str {
        match self {
            DoorOutcome::Ok => "ok",
            DoorOutcome::Partial => "partial",
            DoorOutcome::Refused => "refused",
            DoorOutcome::Rejected => "rejected",
            DoorOutcome::Abandoned => "abandoned",
        }
    }
}

impl Door {
    pub fn new(receiver: Arc<str>, transport: &'static str, signal: &'static str) -> Door {
        Door {
            receiver,
            transport,
            signal,
            requests: AtomicU64::new(0),
            outcomes: Default::default(),
            checked: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            flawed: AtomicU64::new(0),
        }
    }

    /// Counts a request. What becomes of it is told to the guard.
    pub fn request(self: &Arc<Self>) -> DoorRequest {
        self.requests.fetch_add(1, Relaxed);
        DoorRequest { door: Arc::clone(self), outcome: DoorOutcome::Abandoned, items: Items::Unknown }
    }

    pub fn snapshot(&self) -> DoorLedger {
        DoorLedger {
            requests: self.requests.load(Relaxed),
            outcomes: DoorOutcome::ALL.map(|outcome| self.outcomes[outcome as usize].load(Relaxed)),
            checked: self.checked.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            flawed: self.flawed.load(Relaxed),
        }
    }
}

/// One request at a [`Door`], counted when it is dropped: as abandoned unless [`DoorRequest::finish`] said
/// otherwise, and its items as refused unless [`DoorRequest::accepted`] did.
#[derive(Debug)]
pub struct DoorRequest {
    door: Arc<Door>,
    outcome: DoorOutcome,
    items: Items,
}

#[derive(Clone, Copy, Debug)]
enum Items {
    /// The request is not checked, or was malformed.
    Unknown,
    Checked {
        valid: u64,
    },
    Accepted {
        valid: u64,
    },
}

impl DoorRequest {
    /// The request is well formed and has `valid` items; `flawed` more were cut out.
    pub fn checked(&mut self, valid: u64, flawed: u64) {
        self.door.checked.fetch_add(valid + flawed, Relaxed);
        self.door.flawed.fetch_add(flawed, Relaxed);
        self.items = Items::Checked { valid };
    }

    /// The items are put. Whatever happens to the answer, they are accepted.
    pub fn accepted(&mut self) {
        if let Items::Checked { valid } = self.items {
            self.items = Items::Accepted { valid };
        }
    }

    /// What the client is told.
    pub fn finish(mut self, outcome: DoorOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for DoorRequest {
    fn drop(&mut self) {
        match self.items {
            Items::Unknown => {}
            Items::Checked { valid } => drop(self.door.refused.fetch_add(valid, Relaxed)),
            Items::Accepted { valid } => drop(self.door.accepted.fetch_add(valid, Relaxed)),
        }
        self.door.outcomes[self.outcome as usize].fetch_add(1, Relaxed);
    }
}

/// The numbers of a [`Door`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorLedger {
    pub requests: u64,
    /// By [`DoorOutcome`], in the order of [`DoorOutcome::ALL`].
    pub outcomes: [u64; DoorOutcome::ALL.len()],
    pub checked: u64,
    pub accepted: u64,
    pub refused: u64,
    pub flawed: u64,
}

impl DoorLedger {
    pub fn requests_by(&self, outcome: DoorOutcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Whether both equations hold. They do whenever no request is under way.
    pub fn balanced(&self) -> bool {
        self.requests == self.outcomes.iter().sum::<u64>()
            && self.checked == self.accepted + self.refused + self.flawed
    }
}

/// What went through one pipeline. Everything is counted after the put.
///
/// The counts go on when a reload gives the pipeline other processors: those that it no longer has keep theirs, so
/// that the equation holds over all of them.
#[derive(Debug)]
pub struct Pipeline {
    totals: Arc<Totals>,
    /// In their order.
    processors: Box<[Arc<Changes>]>,
}

#[derive(Debug, Default)]
struct Totals {
    entered: AtomicU64,
    out: AtomicU64,
    evaluations: AtomicU64,
    evaluated: Evaluated,
    /// All processors that the pipeline has had.
    known: Mutex<Vec<Arc<Changes>>>,
}

/// What one processor of a pipeline did to the number of items.
#[derive(Debug, Default)]
struct Changes {
    processor: Arc<str>,
    incoming: AtomicU64,
    added: AtomicU64,
    discarded: AtomicU64,
}

impl Pipeline {
    /// For a pipeline with these processors.
    pub fn new(processors: impl IntoIterator<Item = Arc<str>>) -> Pipeline {
        Pipeline::of(Arc::default(), processors)
    }

    /// For the same pipeline with these processors from now on.
    pub fn succeeded_by(&self, processors: impl IntoIterator<Item = Arc<str>>) -> Pipeline {
        Pipeline::of(Arc::clone(&self.totals), processors)
    }

    fn of(totals: Arc<Totals>, processors: impl IntoIterator<Item = Arc<str>>) -> Pipeline {
        let mut known = totals.known();
        let changes = |processor: Arc<str>| {
            if let Some(changes) = known.iter().find(|changes| changes.processor == processor) {
                return Arc::clone(changes);
            }
            let changes = Arc::new(Changes { processor, ..Changes::default() });
            known.push(Arc::clone(&changes));
            changes
        };
        let processors = processors.into_iter().map(changes).collect();
        drop(known);
        Pipeline { totals, processors }
    }

    /// Counts what one payload did. `changes` are items added and discarded, by processor; none if there are none.
    pub fn count(&self, entered: u64, changes: &[(u64, u64)], out: u64, evaluations: u64) {
        let add = |total: &AtomicU64, more: u64| {
            if more > 0 {
                total.fetch_add(more, Relaxed);
            }
        };
        add(&self.totals.entered, entered);
        add(&self.totals.out, out);
        add(&self.totals.evaluations, evaluations);
        let mut incoming = entered;
        for (number, total) in self.processors.iter().enumerate() {
            add(&total.incoming, incoming);
            let (added, discarded) = changes.get(number).copied().unwrap_or_default();
            add(&total.added, added);
            add(&total.discarded, discarded);
            incoming = (incoming + added).saturating_sub(discarded);
        }
    }

    /// Counts the evaluations of the same payload by flag.
    pub fn count_evaluated(&self, tally: &Tally) {
        self.totals.evaluated.add(tally);
    }

    /// The evaluations by flag, as far as processors say which they were.
    pub fn evaluated(&self) -> EvaluatedState {
        self.totals.evaluated.snapshot()
    }

    /// The processors in their order, then those that it had before.
    pub fn snapshot(&self) -> PipelineLedger {
        let Totals { entered, out, evaluations, .. } = &*self.totals;
        let mut ledger = PipelineLedger {
            entered: entered.load(Relaxed),
            out: out.load(Relaxed),
            evaluations: evaluations.load(Relaxed),
            ..PipelineLedger::default()
        };
        let known = self.totals.known().clone();
        let is_gone = |changes: &&Arc<Changes>| !self.processors.iter().any(|own| Arc::ptr_eq(own, changes));
        for changes in self.processors.iter().chain(known.iter().filter(is_gone)) {
            let Changes { processor, incoming, added, discarded } = &**changes;
            let (incoming, added, discarded) =
                (incoming.load(Relaxed), added.load(Relaxed), discarded.load(Relaxed));
            ledger.added += added;
            ledger.discarded.push((Arc::clone(processor), discarded));
            ledger.passed.push((incoming, (incoming + added).saturating_sub(discarded)));
        }
        ledger
    }
}

impl Totals {
    fn known(&self) -> MutexGuard<'_, Vec<Arc<Changes>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The numbers of a [`Pipeline`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineLedger {
    pub entered: u64,
    /// Items that processors made.
    pub added: u64,
    /// Items that each processor took out by configuration.
    pub discarded: Vec<(Arc<str>, u64)>,
    /// Items that went into each processor, and that came out of it, in the same order.
    pub passed: Vec<(u64, u64)>,
    pub out: u64,
    /// Flag evaluations recognised.
    pub evaluations: u64,
}

impl PipelineLedger {
    /// Whether the equation holds. It does whenever no request is under way.
    pub fn balanced(&self) -> bool {
        let discarded: u64 = self.discarded.iter().map(|(_, items)| items).sum();
        self.entered + self.added == discarded + self.out
    }
}

/// Why burgee gave up items that were in an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// Tried again until `max_elapsed_time`.
    RetriesExhausted,
    /// One try failed, and `retry_on_failure` is off.
    RetryOff,
    /// One item alone is larger than the downstream takes.
    TooLarge,
    /// The exporter is isolated: its outbox is full and delivers nothing, while others do.
    ExporterDown,
    /// The outbox of an exporter whose loss nobody minds is full.
    LossyFull,
    /// Left when the time to stop was over.
    DrainDeadline,
    /// Left when the exporter was no longer configured.
    ExporterRemoved,
    /// Lost by a defect of burgee.
    Bug,
}

impl DropReason {
    pub const ALL: [DropReason; 8] = [
        DropReason::RetriesExhausted,
        DropReason::RetryOff,
        DropReason::TooLarge,
        DropReason::ExporterDown,
        DropReason::LossyFull,
        DropReason::DrainDeadline,
        DropReason::ExporterRemoved,
        DropReason::Bug,
    ];

    /// The label `reason`.
    pub fn name(self) -> &'static str {
        match self {
            DropReason::RetriesExhausted => "retries_exhausted",
            DropReason::RetryOff => "retry_off",
            DropReason::TooLarge => "too_large",
            DropReason::ExporterDown => "exporter_down",
            DropReason::LossyFull => "lossy_full",
            DropReason::DrainDeadline => "drain_deadline",
            DropReason::ExporterRemoved => "exporter_removed",
            DropReason::Bug => "bug",
        }
    }
}

/// Items that an outbox gave up, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped([u64; DropReason::ALL.len()]);

impl Dropped {
    pub fn add(&mut self, reason: DropReason, items: u64) {
        self.0[reason as usize] += items;
    }

    pub fn get(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The reasons that occurred.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.into_iter().zip(self.0).filter(|(_, items)| *items > 0)
    }

    /// What was dropped since `earlier`.
    pub fn since(&self, earlier: &Dropped) -> Dropped {
        let mut since = *self;
        since.0.iter_mut().zip(earlier.0).for_each(|(now, then)| *now -= then);
        since
    }
}

/// The numbers of an outbox, taken under its lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxLedger {
    /// Σ out of its pipelines.
    pub put: u64,
    /// Found at the start; 0 for queues in memory.
    pub recovered: u64,
    pub sent: u64,
    /// Refused by the downstream for good.
    pub rejected: u64,
    pub dropped: Dropped,
    /// Counted from what waits and what is on its way.
    pub held: u64,
}

impl OutboxLedger {
    /// Whether the equation holds. It always does.
    pub fn balanced(&self) -> bool {
        self.put + self.recovered == self.sent + self.rejected + self.dropped.sum() + self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Arc<Door> {
        Arc::new(Door::new("otlp".into(), "grpc", "traces"))
    }

    #[test]
    fn a_request_dropped_without_an_outcome_is_abandoned() {
        let door = door();
        drop(door.request());
        let mut checked = door.request();
        checked.checked(3, 1);
        drop(checked);
        let ledger = door.snapshot();
        assert_eq!(ledger.requests_by(DoorOutcome::Abandoned), 2);
        assert_eq!((ledger.checked, ledger.refused, ledger.flawed), (4, 3, 1));
        assert!(ledger.balanced());
    }

    #[test]
    fn items_that_are_put_are_accepted_even_if_the_client_left() {
        let door = door();
        let mut request = door.request();
        assert!(!door.snapshot().balanced(), "a request is under way");
        request.checked(3, 0);
        request.accepted();
        drop(request);
        let ledger = door.snapshot();
        assert_eq!((ledger.accepted, ledger.requests_by(DoorOutcome::Abandoned)), (3, 1));
        assert!(ledger.balanced());
    }

    #[test]
    fn every_outcome_balances() {
        let door = door();
        for outcome in DoorOutcome::ALL {
            let mut request = door.request();
            request.checked(2, 1);
            if matches!(outcome, DoorOutcome::Ok | DoorOutcome::Partial) {
                request.accepted();
            }
            request.finish(outcome);
        }
        let ledger = door.snapshot();
        assert_eq!(ledger.outcomes, [1; 5]);
        assert_eq!((ledger.checked, ledger.accepted, ledger.refused, ledger.flawed), (15, 4, 6, 5));
        assert!(ledger.balanced());
    }

    #[test]
    fn a_pipeline_that_loses_an_item_does_not_balance() {
        let pipeline = Pipeline::new(["filter".into(), "spanmetrics".into()]);
        pipeline.count(10, &[(0, 3), (2, 0)], 9, 1);
        assert!(pipeline.snapshot().balanced());
        assert_eq!(pipeline.snapshot().passed, [(10, 7), (7, 9)]);
        pipeline.count(10, &[], 9, 0);
        assert!(!pipeline.snapshot().balanced());
    }

    #[test]
    fn a_pipeline_with_other_processors_goes_on_counting() {
        let first = Pipeline::new(["filter".into(), "batch".into()]);
        first.count(10, &[(0, 3), (0, 0)], 7, 1);
        let second = first.succeeded_by(["attributes".into(), "batch".into()]);
        second.count(5, &[(1, 0), (0, 2)], 4, 0);
        // a request that began before
        first.count(1, &[(0, 1), (0, 0)], 0, 0);
        let ledger = second.snapshot();
        assert!(ledger.balanced(), "{ledger:?}");
        let discarded = [("attributes".into(), 0), ("batch".into(), 2), ("filter".into(), 4)];
        assert_eq!((ledger.entered, ledger.out, ledger.added), (16, 11, 1));
        assert_eq!(ledger.discarded, discarded);
        assert_eq!(ledger.passed, [(5, 6), (13, 11), (11, 7)]);
    }

    #[test]
    fn reasons_have_their_own_place_and_name() {
        let mut dropped = Dropped::default();
        for (items, reason) in (1..).zip(DropReason::ALL) {
            dropped.add(reason, items);
        }
        let names: std::collections::HashSet<_> = dropped.iter().map(|(reason, _)| reason.name()).collect();
        assert_eq!(names.len(), DropReason::ALL.len());
        assert_eq!(dropped.get(DropReason::RetryOff), 2);
        assert_eq!(dropped.sum(), 36);
    }
}
