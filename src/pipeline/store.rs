//! All outboxes behind one boundary: reserve, commit, next, settle.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::limits::{BatchLimits, Size};
use super::outbox::{Fate, Outbox, Room, Settings};
use super::waiting::for_room;
use crate::component::{
    Batch, Budget, Origin, OutboxId, Outcome, Parcel, QueueConfig, Receipt, Refusal, RetryConfig, Ticket,
};
use crate::observe::board::{Board, OutboxView};
use crate::observe::ledger::DropReason;
use crate::otlp::{Payload, Signal};

/// Holds what is accepted until it is settled.
pub trait Store: Send + Sync {
    /// Whether a small request would fit everywhere. Cheap while nothing is full.
    fn has_room(&self, outboxes: &[OutboxId]) -> bool;

    /// Reserves room in all outboxes that take part, or in none. Each need is one payload.
    ///
    /// An outbox that is full refuses for all of them, unless nobody minds its losses or it is isolated: it has
    /// delivered nothing for long, and another one of these has room.
    fn reserve(&self, needs: &[(OutboxId, Size)]) -> Result<Reservation, Refusal>;

    /// Waits, where senders are made to wait, until each of these outboxes has room for its need, or `deadline`. Until
    /// the place is dropped, nobody who waits as well is served before. `None` if none of them makes senders wait.
    fn wait_for_room(
        &self,
        needs: &[(OutboxId, Size)],
        deadline: Instant,
    ) -> Option<BoxFuture<'static, Box<dyn Any + Send + Sync>>>;

    /// Puts one payload for each need, in the same order.
    fn commit(&self, reservation: Reservation, payloads: Vec<Payload>, origin: &Arc<Origin>) -> Ticket;

    /// The next batch to send, when there is one; `None` once there will be none any more. Merged, and divided, as
    /// the outbox's configuration says.
    fn next(&self, outbox: OutboxId) -> BoxFuture<'_, Option<Batch>>;

    /// How the one try of a batch ended: the only way out.
    fn settle(&self, batch: Batch, outcome: Outcome);

    /// Takes back a batch whose try was stopped from this side.
    fn give_back(&self, batch: Batch);

    /// Cancelled when what is on its way is given up.
    fn cut(&self, outbox: OutboxId) -> CancellationToken;
}

/// Room in outboxes. Given back when it is dropped.
pub struct Reservation {
    slots: Vec<Slot>,
    outboxes: Arc<Vec<Arc<Outbox>>>,
}

struct Slot {
    outbox: OutboxId,
    need: Size,
    fate: Fate,
    /// The sender waits for what becomes of it.
    waits: bool,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for slot in self.slots.drain(..).filter(|slot| slot.fate == Fate::Hold) {
            find(&self.outboxes, slot.outbox).give_back_room(slot.need);
        }
    }
}

/// The store in memory. Cloning shares it.
#[derive(Clone)]
pub struct MemoryStore(Arc<Shelf>);

pub(super) struct Shelf {
    config: ArcSwap<StoreConfig>,
    budget: Budget,
    board: Board,
    pub outboxes: ArcSwap<Vec<Arc<Outbox>>>,
    /// Held while outboxes are added.
    adding: Mutex<()>,
}

/// What holds for all outboxes.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Bytes that one outbox holds at most.
    pub outbox_bytes_max: u64,
}

impl StoreConfig {
    /// The default: half of the memory for any one outbox, so that one that does not deliver leaves room for the
    /// others.
    pub fn for_budget(budget: &Budget) -> StoreConfig {
        StoreConfig { outbox_bytes_max: budget.limit() / 2 }
    }
}

/// What an outbox is opened with.
#[derive(Clone, Debug)]
pub struct OutboxSpec {
    pub exporter: Arc<str>,
    pub signal: Signal,
    pub queue: QueueConfig,
    pub retry: RetryConfig,
    /// Nobody minds the loss of what does not fit.
    pub lossy: bool,
}

impl MemoryStore {
    pub fn new(config: StoreConfig, budget: Budget, board: Board) -> MemoryStore {
        board.set_memory(Arc::new(budget.clone()));
        let (config, outboxes) = (ArcSwap::from_pointee(config), ArcSwap::default());
        MemoryStore(Arc::new(Shelf { config, budget, board, outboxes, adding: Mutex::default() }))
    }

    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// Holds for outboxes that are opened, or opened anew, from now on.
    pub fn configure(&self, config: StoreConfig) {
        self.0.config.store(Arc::new(config));
    }

    /// Where its outboxes are shown.
    pub fn board(&self) -> &Board {
        &self.0.board
    }

    /// The outbox of this exporter and signal, under these settings from now on; with what it holds, if it is there.
    pub fn open(&self, spec: OutboxSpec) -> OutboxId {
        let OutboxSpec { exporter, signal, queue, retry, lossy } = spec;
        let limits = BatchLimits::new(queue.batch.as_ref(), queue.request);
        let settings =
            Settings { queue, retry, limits, bytes_max: self.0.config.load().outbox_bytes_max, lossy };
        let _adding = self.0.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let outboxes = self.0.outboxes.load_full();
        let same = |outbox: &&Arc<Outbox>| outbox.exporter == exporter && outbox.signal == signal;
        if let Some(outbox) = outboxes.iter().find(same) {
            outbox.apply(settings);
            return outbox.id;
        }
        let id = OutboxId(u32::try_from(outboxes.len()).expect("nobody configures four billion exporters"));
        let outbox = Arc::new(Outbox::new(id, exporter, signal, self.0.budget.clone(), settings));
        self.0.board.add_outbox(Arc::clone(&outbox) as Arc<dyn OutboxView>);
        let mut more = Vec::clone(&outboxes);
        more.push(outbox);
        self.0.outboxes.store(Arc::new(more));
        id
    }

    pub(super) fn all(&self) -> Arc<Vec<Arc<Outbox>>> {
        self.0.outboxes.load_full()
    }

    pub(super) fn outbox(&self, id: OutboxId) -> Arc<Outbox> {
        Arc::clone(find(&self.0.outboxes.load(), id))
    }
}

fn find(outboxes: &[Arc<Outbox>], id: OutboxId) -> &Arc<Outbox> {
    outboxes.get(id.0 as usize).expect("ids come from open(), and no outbox is ever removed")
}

impl Store for MemoryStore {
    fn has_room(&self, ids: &[OutboxId]) -> bool {
        let outboxes = self.0.outboxes.load();
        if ids.iter().all(|id| !find(&outboxes, *id).is_full()) {
            return true;
        }
        // the same rule as for a request, tried with the smallest one
        let needs: Vec<_> = ids.iter().map(|id| (*id, Size::LEAST)).collect();
        self.reserve(&needs).is_ok()
    }

    fn reserve(&self, needs: &[(OutboxId, Size)]) -> Result<Reservation, Refusal> {
        let mut reservation =
            Reservation { slots: Vec::with_capacity(needs.len()), outboxes: self.0.outboxes.load_full() };
        let (mut someone_has_room, mut someone_is_stuck) = (false, false);
        // one lock at a time, and always in the order of the needs: nobody waits for anybody
        for &(outbox, need) in needs {
            let (fate, waits) = match find(&reservation.outboxes, outbox).reserve(need) {
                Room::Reserved { lossy, waits } => {
                    someone_has_room |= !lossy;
                    (Fate::Hold, waits)
                }
                Room::Lossy => (Fate::Drop(DropReason::LossyFull), false),
                Room::Full { stuck: true } => {
                    someone_is_stuck = true;
                    (Fate::Drop(DropReason::ExporterDown), false)
                }
                Room::Full { stuck: false } => return Err(Refusal::full()),
                Room::Closed(DropReason::ExporterRemoved) => return Err(Refusal::Reloaded),
                Room::Closed(_) => return Err(Refusal::Stopping),
            };
            reservation.slots.push(Slot { outbox, need, fate, waits });
        }
        if someone_is_stuck && !someone_has_room {
            return Err(Refusal::full());
        }
        let isolated = |slot: &&Slot| slot.fate == Fate::Drop(DropReason::ExporterDown);
        for slot in reservation.slots.iter().filter(isolated) {
            find(&reservation.outboxes, slot.outbox).isolate();
        }
        Ok(reservation)
    }

    fn wait_for_room(
        &self,
        needs: &[(OutboxId, Size)],
        deadline: Instant,
    ) -> Option<BoxFuture<'static, Box<dyn Any + Send + Sync>>> {
        let outboxes = self.0.outboxes.load();
        if !needs.iter().any(|(id, _)| find(&outboxes, *id).blocks()) {
            return None;
        }
        let needs = needs.iter().map(|(id, need)| (Arc::clone(find(&outboxes, *id)), *need)).collect();
        Some(async move { Box::new(for_room(needs, deadline).await) as Box<dyn Any + Send + Sync> }.boxed())
    }

    fn commit(&self, mut reservation: Reservation, payloads: Vec<Payload>, origin: &Arc<Origin>) -> Ticket {
        let slots = std::mem::take(&mut reservation.slots);
        debug_assert_eq!(slots.len(), payloads.len(), "one payload for each need");
        let outboxes = &reservation.outboxes;
        let waits = slots.iter().any(|slot| slot.waits);
        let (shared, ticket) = if waits { Receipt::waiting() } else { (Receipt::nobody(), Ticket::ready()) };
        let put_at = Instant::now();
        for (slot, payload) in slots.into_iter().zip(payloads) {
            let receipt = if slot.waits { shared.clone() } else { Receipt::nobody() };
            let origin = Arc::clone(origin);
            find(outboxes, slot.outbox)
                .put(Parcel { payload, origin, receipt, put_at, divided: false }, slot.fate);
        }
        shared.settle(&Outcome::Accepted);
        ticket
    }

    fn next(&self, outbox: OutboxId) -> BoxFuture<'_, Option<Batch>> {
        let outbox = self.outbox(outbox);
        async move { outbox.next().await }.boxed()
    }

    fn settle(&self, batch: Batch, outcome: Outcome) {
        if let Some(outbox) = batch.outbox() {
            self.outbox(outbox).settle(batch, outcome);
        }
    }

    fn give_back(&self, batch: Batch) {
        if let Some(outbox) = batch.outbox() {
            self.outbox(outbox).give_back(batch);
        }
    }

    fn cut(&self, outbox: OutboxId) -> CancellationToken {
        self.outbox(outbox).lock().cut.clone()
    }
}
