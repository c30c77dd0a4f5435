//! Where receivers bring requests in: processors, reservations, puts, in one call that never waits.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tracing::error;

use super::graph::{Graph, Pipeline};
use super::limits::Size;
use super::route::{Route, Step};
use crate::component::{Admission, Budget, Charge, Cx, Intake, Origin, OutboxId, Refusal, Ticket};
use crate::insight::Insight;
use crate::observe::evaluations::Tally;
use crate::otlp::{Edits, Payload, Signal, Watchlist};

/// The way in for all receivers: by the current graph, into one budget.
pub struct Entrance {
    graph: ArcSwap<Graph>,
    budget: Budget,
    stopping: AtomicBool,
    failures: AtomicU64,
    insight: Arc<Insight>,
}

impl Entrance {
    /// What is put is shown to `insight`.
    pub fn new(graph: Graph, budget: Budget, insight: Arc<Insight>) -> Arc<Entrance> {
        let graph = ArcSwap::from_pointee(graph);
        let (stopping, failures) = (AtomicBool::new(false), AtomicU64::new(0));
        Arc::new(Entrance { graph, budget, stopping, failures, insight })
    }

    /// The intake of a receiver: it reaches only the pipelines that name it.
    pub fn intake(self: &Arc<Self>, receiver: &str) -> Arc<dyn Intake> {
        Arc::new(ReceiverIntake { receiver: receiver.into(), entrance: Arc::clone(self) })
    }

    pub fn graph(&self) -> Arc<Graph> {
        self.graph.load_full()
    }

    /// Requests admitted from now on go by `graph`; those before keep theirs.
    pub fn replace(&self, graph: Graph) {
        self.graph.store(Arc::new(graph));
    }

    /// Admits nothing any more. What is admitted may still come in.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// How often a processor failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The payload never goes on unprocessed: it may contain what a processor was to remove.
    fn failed(&self, component: &str, payload: &Payload) -> Refusal {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let (signal, items) = (payload.signal(), payload.len());
        error!(processor = component, %signal, items, "the processor failed on a request: a defect of burgee");
        Refusal::Failed
    }
}

struct ReceiverIntake {
    receiver: Arc<str>,
    entrance: Arc<Entrance>,
}

impl ReceiverIntake {
    /// A receiver that the graph does not know at all was taken out of the configuration a moment ago, and its
    /// connections are ending. That is nothing a sender should lose data for.
    fn unserved(&self, graph: &Graph) -> Refusal {
        if graph.has(&self.receiver) { Refusal::Unserved } else { Refusal::Reloaded }
    }
}

impl Intake for ReceiverIntake {
    fn admit(&self, signal: Signal, wire_bytes: u64) -> Result<Admission, Refusal> {
        let Entrance { graph, budget, stopping, .. } = &*self.entrance;
        if stopping.load(Ordering::Relaxed) {
            return Err(Refusal::Stopping);
        }
        let graph = graph.load_full();
        let route = graph.route(&self.receiver, signal).ok_or_else(|| self.unserved(&graph))?;
        if !graph.store.has_room(&route.outboxes) {
            return Err(Refusal::full());
        }
        let charge = budget.charge(wire_bytes.saturating_mul(2)).ok_or(Refusal::full())?;
        let mut admission = Admission::new(signal, charge);
        admission.route = Some(graph as Arc<dyn Any + Send + Sync>);
        Ok(admission)
    }

    fn wait_for_room<'a>(
        &'a self,
        admission: &'a mut Admission,
        payload: &Payload,
        deadline: Instant,
    ) -> Option<BoxFuture<'a, ()>> {
        // Asked for every request, and nearly always for nothing.
        if !admission.route.as_ref()?.downcast_ref::<Graph>()?.waits {
            return None;
        }
        let graph = admission.route.clone()?.downcast::<Graph>().ok()?;
        let route = graph.route(&self.receiver, payload.signal())?;
        let needs: Vec<_> =
            route.outboxes.iter().map(|outbox| (*outbox, route.need(*outbox, payload))).collect();
        let waiting = graph.store.wait_for_room(&needs, deadline)?;
        Some(async move { admission.place = Some(waiting.await) }.boxed())
    }

    fn accept(
        &self,
        mut admission: Admission,
        payload: Payload,
        origin: &Arc<Origin>,
    ) -> Result<Ticket, Refusal> {
        let graph = admission.route.take().and_then(|route| route.downcast::<Graph>().ok());
        let graph = graph.unwrap_or_else(|| self.entrance.graph());
        let route = graph.route(&self.receiver, payload.signal()).ok_or_else(|| self.unserved(&graph))?;
        // What the door looked out for may have been the words of another graph.
        let is_current = std::ptr::eq(&raw const *graph, Arc::as_ptr(&self.entrance.graph.load()));
        let payload = if is_current { payload } else { payload.unwatched() };
        if payload.is_empty() {
            return Ok(Ticket::ready());
        }
        let mut passages = pass(&route.steps, &payload, origin)
            .map_err(|component| self.entrance.failed(&component, &payload))?;
        drop(payload);
        let mut needs = Vec::with_capacity(route.outboxes.len());
        for (Step { pipeline, .. }, passage) in route.steps.iter().zip(&passages) {
            if !passage.out.is_empty() {
                needs.extend(pipeline.outboxes.iter().map(|outbox| (*outbox, Size::of(&passage.out))));
            }
        }
        if !admission.charge.grow(distinct_bytes(&passages)) {
            return Err(Refusal::full());
        }
        let reservation = graph.store.reserve(&needs)?;
        attach(&mut admission.charge, &mut passages);
        let mut puts = Vec::with_capacity(needs.len());
        for (Step { pipeline, .. }, passage) in route.steps.iter().zip(&passages) {
            if !passage.out.is_empty() {
                puts.extend(pipeline.outboxes.iter().map(|_| passage.out.clone()));
            }
        }
        let ticket = graph.store.commit(reservation, puts, origin);
        for (Step { pipeline, .. }, passage) in route.steps.iter().zip(&passages) {
            let Passage { entered, changes, evaluations, tallies, out } = passage;
            pipeline.ledger.count(*entered, changes, out.len(), *evaluations);
            tallies.iter().for_each(|tally| pipeline.ledger.count_evaluated(tally));
        }
        if let Some(seen) = shown(&route.steps, &passages) {
            self.entrance.insight.watch().put(seen, || origin.as_seen());
        }
        Ok(ticket)
    }

    fn serves(&self, signal: Signal) -> bool {
        let graph = self.entrance.graph.load();
        graph.route(&self.receiver, signal).is_some() || !graph.has(&self.receiver)
    }

    fn watchlist(&self, signal: Signal) -> Arc<Watchlist> {
        let graph = self.entrance.graph.load();
        graph
            .route(&self.receiver, signal)
            .map_or_else(Arc::default, |Route { watchlist, .. }| Arc::clone(watchlist))
    }
}

impl Route {
    /// What an outbox has to have room for, as far as that is known before the processors have run: they add a little.
    fn need(&self, outbox: OutboxId, payload: &Payload) -> Size {
        let mut need = Size::default();
        for _ in self.steps.iter().filter(|step| step.pipeline.outboxes.contains(&outbox)) {
            let size = Size::of(payload);
            need += Size { bytes: size.bytes + size.bytes / 4, ..size };
        }
        need
    }
}

/// What a pipeline made of a payload.
pub(super) struct Passage {
    pub out: Payload,
    entered: u64,
    /// Items added and discarded by each processor; left empty while there are none.
    changes: Vec<(u64, u64)>,
    pub evaluations: u64,
    /// Of the processors that say which evaluations they were; left empty while there are none.
    tallies: Vec<Tally>,
}

/// Runs the processors of all pipelines along a route, or says which one failed.
pub(super) fn pass(steps: &[Step], payload: &Payload, origin: &Origin) -> Result<Vec<Passage>, Arc<str>> {
    let mut edits = EDITS.take();
    let at = Cell::new((0, 0));
    let run = || {
        let mut passages = Vec::<Passage>::with_capacity(steps.len());
        for (number, Step { pipeline, from }) in steps.iter().enumerate() {
            let entering = from.map_or(payload, |from| &passages[from].out).clone();
            let begins = |processor| at.set((number, processor));
            passages.push(match entering.is_empty() {
                // all of it was discarded before a connector
                true => Passage::new(entering),
                false => pipeline.pass(entering, &mut edits, origin, begins),
            });
        }
        passages
    };
    // what a panic leaves behind is dropped: passages, and the edits, which are not put back
    let passages = catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        let (step, processor) = at.get();
        Arc::clone(&steps[step].pipeline.processors[processor].0)
    })?;
    if payload.bytes().len() <= EDITS_KEPT_BYTES_MAX {
        edits.clear();
        EDITS.set(edits);
    }
    Ok(passages)
}

impl Passage {
    fn new(payload: Payload) -> Passage {
        let entered = payload.len();
        Passage { out: payload, entered, changes: Vec::new(), evaluations: 0, tallies: Vec::new() }
    }
}

impl Pipeline {
    fn pass(&self, payload: Payload, edits: &mut Edits, origin: &Origin, begins: impl Fn(usize)) -> Passage {
        let mut passage = Passage::new(payload);
        for (number, (_, processor)) in self.processors.iter().enumerate() {
            begins(number);
            edits.clear();
            let mut cx = Cx::new(edits, origin);
            passage.out = processor.process(passage.out, &mut cx);
            passage.evaluations += cx.evaluations;
            if !cx.tally.is_empty() {
                passage.tallies.push(cx.tally);
            }
            if cx.added > 0 || cx.discarded > 0 {
                passage.changes.resize(self.processors.len(), (0, 0));
                passage.changes[number] = (cx.added, cx.discarded);
            }
        }
        passage
    }
}

/// What people see of a request that several pipelines may have put: what left the one that found most evaluations, or
/// else the first. Twice the same spans would be none of its sender's doing.
fn shown<'a>(steps: &[Step], passages: &'a [Passage]) -> Option<&'a Payload> {
    let leaves =
        |(step, passage): &(&Step, &Passage)| !step.pipeline.outboxes.is_empty() && !passage.out.is_empty();
    let left = steps.iter().zip(passages).filter(leaves).map(|(_, passage)| passage);
    let most = left.reduce(|most, other| if other.evaluations > most.evaluations { other } else { most });
    most.map(|passage| &passage.out)
}

/// Whether the passage's buffer is one that an earlier passage has as well.
fn shared(passages: &[Passage], number: usize) -> Option<&Passage> {
    passages[..number].iter().find(|earlier| earlier.out.is_same(&passages[number].out))
}

/// Of all buffers that go out.
fn distinct_bytes(passages: &[Passage]) -> u64 {
    let goes_out = |number: &usize| !passages[*number].out.is_empty() && shared(passages, *number).is_none();
    (0..passages.len()).filter(goes_out).map(|number| passages[number].out.bytes().len() as u64).sum()
}

/// Ties its part of the charge to every buffer that goes out, once.
fn attach(charge: &mut Charge, passages: &mut [Passage]) {
    for number in 0..passages.len() {
        let out = &passages[number].out;
        if out.is_empty() {
            continue;
        }
        let charged = match shared(passages, number) {
            Some(earlier) => earlier.out.clone(),
            None => out.clone().guarded(charge.split(out.bytes().len() as u64)),
        };
        passages[number].out = charged;
    }
}

thread_local! {
    /// Reused from request to request, for their memory.
    static EDITS: RefCell<Edits> = RefCell::default();
}

/// Edits of larger payloads are not kept, since they keep their memory.
const EDITS_KEPT_BYTES_MAX: usize = 1 << 20;
