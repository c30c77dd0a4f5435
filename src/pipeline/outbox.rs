//! One outbox: what waits for an exporter, what is on its way, what is tried again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::limits::{BatchLimits, Size};
use super::retry::History;
use crate::component::{Budget, OutboxId, Parcel, QueueConfig, Refusal, RetryConfig, Sizer};
use crate::observe::board::{Fill, LastOutcome, OutboxState, OutboxView};
use crate::observe::ledger::{DropReason, OutboxLedger};
use crate::otlp::Signal;
use crate::otlp::answer::Answer;

/// The queue in front of an exporter, for one signal.
pub(super) struct Outbox {
    pub id: OutboxId,
    pub exporter: Arc<str>,
    pub signal: Signal,
    pub budget: Budget,
    state: Mutex<State>,
    /// There is no room for even the smallest request. Read without the lock at the door.
    full: AtomicBool,
    /// Senders wait for room instead of being refused at once.
    blocks: AtomicBool,
    /// In which they wait.
    pub line: Arc<tokio::sync::Mutex<()>>,
    /// For the first in line.
    pub room: Notify,
    /// For the one consumer whose turn it is.
    pub wake: Notify,
    /// Consumers wait in line, so that one of them, not all, watches the queue and its timers.
    pub turn: tokio::sync::Mutex<()>,
    /// For whoever drains it.
    pub emptied: Notify,
}

/// What an outbox is told by the configuration.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub queue: QueueConfig,
    pub retry: RetryConfig,
    pub limits: BatchLimits,
    /// Bytes that it holds at most, beside the bound of `queue`.
    pub bytes_max: u64,
    /// Nobody minds the loss of what does not fit.
    pub lossy: bool,
}

pub(super) struct State {
    pub settings: Settings,
    /// Without `held`.
    pub ledger: OutboxLedger,
    pub waiting: VecDeque<Parcel>,
    pub waiting_size: Size,
    /// Batches to be tried again, each as it was.
    pub again: Vec<Again>,
    pub flights: Vec<Flight>,
    next_number: u64,
    reserved: Size,
    /// Of everything in it: what waits, what is tried again, what is on its way.
    pub held: Size,
    pub phase: Phase,
    /// What is on its way is given up.
    pub cut: CancellationToken,
    /// When the downstream last took or refused something for good, or when there was nothing to send.
    pub progress_at: Instant,
    /// When the downstream last took something.
    pub delivered_at: Option<Instant>,
    pub isolated: bool,
    pub last: Option<LastOutcome>,
    /// The latest try failed, and the log says so.
    pub failing: bool,
    pub complained_at: Option<Instant>,
}

/// A batch that waits for its next try.
pub(super) struct Again {
    pub parcels: Vec<Parcel>,
    pub size: Size,
    pub not_before: Instant,
    pub history: History,
}

/// A batch on its way.
pub(super) struct Flight {
    pub number: u64,
    pub size: Size,
    pub history: History,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// Everything is sent at once, until then; what comes in late is still taken. Consumers end with the last of it.
    Draining(Instant),
    /// The same for an exporter that is no longer configured. It may come back: consumers go on.
    Leaving(Instant),
    /// Nothing is taken. What was left is dropped, for this reason.
    Closed(DropReason),
}

/// Whether a request fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// And the room is reserved.
    Reserved {
        lossy: bool,
        /// Senders wait for what becomes of their requests.
        waits: bool,
    },
    Full {
        /// It has not delivered for so long that others need not wait for it.
        stuck: bool,
    },
    /// Full, and nobody minds.
    Lossy,
    Closed(DropReason),
}

/// What is to become of a payload that is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its room is reserved.
    Hold,
    Drop(DropReason),
}

impl Outbox {
    pub fn new(
        id: OutboxId,
        exporter: Arc<str>,
        signal: Signal,
        budget: Budget,
        settings: Settings,
    ) -> Outbox {
        let blocks = AtomicBool::new(settings.queue.block_on_overflow);
        let state = State {
            settings,
            ledger: OutboxLedger::default(),
            waiting: VecDeque::new(),
            waiting_size: Size::default(),
            again: Vec::new(),
            flights: Vec::new(),
            next_number: 0,
            reserved: Size::default(),
            held: Size::default(),
            phase: Phase::Open,
            cut: CancellationToken::new(),
            progress_at: Instant::now(),
            delivered_at: None,
            isolated: false,
            last: None,
            failing: false,
            complained_at: None,
        };
        Outbox {
            id,
            exporter,
            signal,
            budget,
            state: Mutex::new(state),
            full: AtomicBool::new(false),
            blocks,
            line: Arc::default(),
            room: Notify::new(),
            wake: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
            emptied: Notify::new(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called with the lock held, after every change of what is held or reserved.
    pub fn refresh(&self, state: &State) {
        let Settings { queue, lossy, .. } = &state.settings;
        let full = !lossy && !queue.block_on_overflow && !state.fits(Size::LEAST);
        self.full.store(full, Ordering::Relaxed);
        if queue.block_on_overflow {
            self.room.notify_one();
        }
    }

    pub fn blocks(&self) -> bool {
        self.blocks.load(Ordering::Relaxed)
    }

    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub fn apply(&self, settings: Settings) {
        let mut state = self.lock();
        self.blocks.store(settings.queue.block_on_overflow, Ordering::Relaxed);
        state.settings = settings;
        state.reopen();
        self.refresh(&state);
        self.wake.notify_one();
    }

    /// Reserves room if there is any.
    pub fn reserve(&self, need: Size) -> Room {
        let mut state = self.lock();
        let room = state.look(need);
        if let Room::Reserved { .. } = room {
            state.reserved += need;
            self.refresh(&state);
        }
        room
    }

    /// What [`Outbox::reserve`] would say now.
    pub fn look(&self, need: Size) -> Room {
        self.lock().look(need)
    }

    pub fn give_back_room(&self, need: Size) {
        let mut state = self.lock();
        state.reserved -= need;
        self.refresh(&state);
        self.emptied.notify_one();
    }

    /// Others need not wait for this outbox any longer.
    pub fn isolate(&self) {
        let mut state = self.lock();
        if !state.isolated {
            state.isolated = true;
            drop(state);
            warn!(
                exporter = %self.exporter,
                signal = %self.signal,
                "exporter is isolated: its queue is full and it delivers nothing while others do; \
                 what does not fit is dropped until it delivers again"
            );
        }
    }

    /// Takes the payload, in the room reserved for it.
    pub fn put(&self, parcel: Parcel, fate: Fate) {
        let size = Size::of(&parcel.payload);
        let mut state = self.lock();
        state.ledger.put += size.items;
        let fate = match fate {
            Fate::Hold => {
                state.reserved -= size;
                match state.phase {
                    Phase::Closed(reason) => Fate::Drop(reason),
                    _ => Fate::Hold,
                }
            }
            dropped => dropped,
        };
        if let Fate::Drop(reason) = fate {
            state.ledger.dropped.add(reason, size.items);
            self.refresh(&state);
            drop(state);
            let answer = match reason {
                DropReason::DrainDeadline => Refusal::Stopping.answer(),
                DropReason::ExporterRemoved => Refusal::Reloaded.answer(),
                // the other outboxes have it: a retry of the sender would be for them alone
                _ => Answer::Accepted,
            };
            parcel.receipt.settle(&answer);
            return;
        }
        if state.held.requests == 0 {
            state.progress_at = Instant::now();
        }
        let sufficed = !state.waiting.is_empty() && state.settings.limits.suffices(state.waiting_size);
        let first = state.waiting.is_empty();
        state.held += size;
        state.waiting_size += size;
        state.waiting.push_back(parcel);
        // once enough was waiting, someone has been woken for it
        if first || !sufficed && state.settings.limits.suffices(state.waiting_size) {
            self.wake.notify_one();
        }
    }
}

impl State {
    fn look(&self, need: Size) -> Room {
        if let Phase::Closed(reason) = self.phase {
            return Room::Closed(reason);
        }
        let Settings { queue, lossy, .. } = &self.settings;
        if self.fits(need) {
            return Room::Reserved { lossy: *lossy, waits: queue.wait_for_result || !queue.enabled };
        }
        if *lossy {
            return Room::Lossy;
        }
        let patience = queue.isolate_after;
        let stuck = !patience.is_zero() && self.progress_at.elapsed() >= patience;
        Room::Full { stuck }
    }

    /// What does not fit is taken all the same when there is nothing else, so that "full" is always worth a retry.
    fn fits(&self, need: Size) -> bool {
        let mut used = self.held;
        used += self.reserved;
        if used.requests == 0 {
            return true;
        }
        used += need;
        let Settings { queue, limits, bytes_max, .. } = &self.settings;
        limits.places(used, queue.sizer) <= queue.queue_size
            && used.bytes.saturating_add(used.requests.saturating_mul(PARCEL_BYTES)) <= *bytes_max
    }

    /// Its exporter is configured again.
    fn reopen(&mut self) {
        if !matches!(self.phase, Phase::Leaving(_) | Phase::Closed(DropReason::ExporterRemoved)) {
            return;
        }
        self.phase = Phase::Open;
        self.progress_at = Instant::now();
        self.isolated = false;
        if self.cut.is_cancelled() {
            self.cut = CancellationToken::new();
        }
    }

    pub fn is_drained(&self) -> bool {
        matches!(self.phase, Phase::Draining(_)) && self.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.held.requests == 0 && self.reserved.requests == 0
    }

    pub fn take_off(&mut self, size: Size, history: History) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.flights.push(Flight { number, size, history });
        number
    }

    /// Ends a batch's flight; `None` if the outbox gave it up before.
    pub fn land(&mut self, number: u64) -> Option<Flight> {
        let index = self.flights.iter().position(|flight| flight.number == number)?;
        Some(self.flights.swap_remove(index))
    }

    /// Puts parcels back to where they were, in front of the others.
    pub fn put_back(&mut self, parcels: Vec<Parcel>) {
        self.waiting_size += Size::sum(&parcels);
        parcels.into_iter().rev().for_each(|parcel| self.waiting.push_front(parcel));
    }

    /// Gives up everything: what waits, what is tried again, what is on its way.
    pub fn give_up(&mut self, reason: DropReason) -> Vec<Parcel> {
        let mut parcels: Vec<Parcel> = self.waiting.drain(..).collect();
        parcels.extend(self.again.drain(..).flat_map(|again| again.parcels));
        self.flights.clear();
        self.waiting_size = Size::default();
        self.ledger.dropped.add(reason, self.held.items);
        self.held = Size::default();
        parcels
    }

    /// The ledger with `held` counted from what is there.
    pub fn count(&self) -> OutboxLedger {
        let waiting: u64 = self.waiting.iter().map(|parcel| parcel.payload.len()).sum();
        let again: u64 =
            self.again.iter().flat_map(|again| &again.parcels).map(|parcel| parcel.payload.len()).sum();
        let flights: u64 = self.flights.iter().map(|flight| flight.size.items).sum();
        OutboxLedger { held: waiting + again + flights, ..self.ledger }
    }
}

impl OutboxView for Outbox {
    fn snapshot(&self) -> OutboxState {
        let state = self.lock();
        let queue = &state.settings.queue;
        OutboxState {
            exporter: Arc::clone(&self.exporter),
            signal: self.signal.name(),
            ledger: state.count(),
            fill: Fill {
                requests: state.settings.limits.places(state.held, Sizer::Requests),
                items: state.held.items,
                bytes: state.held.bytes,
                capacity: queue.queue_size,
                sizer: queue.sizer.name(),
                bytes_max: state.settings.bytes_max,
            },
            in_flight: state.flights.len(),
            retrying: state.again.len(),
            isolated: state.isolated,
            failing_for: state.failing.then(|| state.progress_at.elapsed()),
            full: self.is_full(),
            lossy: state.settings.lossy,
            last: state.last.clone(),
        }
    }
}

/// What a request takes in memory beside its bytes, about. A queue of very small requests would be many times its size.
const PARCEL_BYTES: u64 = 512;
