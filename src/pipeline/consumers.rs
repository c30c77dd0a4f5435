//! The tasks that send what is in the outboxes.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::graph::{Consumer, Graph};
use super::outbox::Outbox;
use super::store::{MemoryStore, Store};
use crate::component::{Batch, Exporter, OutboxId, Outcome};
use crate::otlp::answer::Code;

/// The running consumers of a graph. Dropped, they stop at once; what was on its way goes back to its outbox.
#[derive(Default)]
pub struct Consumers {
    groups: HashMap<OutboxId, Group>,
    /// They end what they have begun, and take nothing more.
    retired: JoinSet<()>,
    /// Outboxes whose exporter is no longer configured.
    leaving: JoinSet<()>,
}

/// The consumers of one outbox.
struct Group {
    exporter: Arc<dyn Exporter>,
    count: usize,
    retire: CancellationToken,
    tasks: JoinSet<()>,
    is_leaving: bool,
}

impl Consumers {
    /// Sends as `graph` says from now on. Consumers whose exporter is the same go on. Those with another one end what
    /// they have begun, at most until `deadline`, while the new ones send the rest. What is held for exporters that
    /// the graph does not have is sent by the old ones until `deadline`, then dropped as `exporter_removed`.
    pub fn follow(&mut self, graph: &Graph, store: &MemoryStore, deadline: Instant) {
        while self.retired.try_join_next().is_some() {}
        while self.leaving.try_join_next().is_some() {}
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        for consumer in &graph.consumers {
            let Consumer { outbox, exporter, count, .. } = consumer;
            if let Some(group) = self.groups.get_mut(outbox)
                && group.goes_on(exporter, *count)
            {
                group.is_leaving = false;
                continue;
            }
            if let Some(before) = self.groups.insert(*outbox, Group::start(&shared, consumer)) {
                // at once: what wakes them next is no longer for them
                before.retire.cancel();
                self.retired.spawn(before.ended_by(deadline));
                store.outbox(*outbox).try_with_another();
            }
        }
        let is_gone = |id: &OutboxId| !graph.consumers.iter().any(|consumer| consumer.outbox == *id);
        for (id, group) in self.groups.iter_mut().filter(|(id, group)| is_gone(id) && !group.is_leaving) {
            group.is_leaving = true;
            let outbox = store.outbox(*id);
            // Now, not when the task first runs: the exporter may be back by then.
            if outbox.begin_leaving(deadline) {
                self.leaving.spawn(leave(outbox, deadline));
            }
        }
    }

    /// Outboxes that leave are no longer waited for: the drain of all does that.
    pub async fn stop_leaving(&mut self) {
        self.leaving.shutdown().await;
    }

    /// Waits until all of them have ended.
    pub async fn ended(&mut self) {
        for group in self.groups.values_mut() {
            while group.tasks.join_next().await.is_some() {}
        }
        while self.retired.join_next().await.is_some() {}
    }
}

async fn leave(outbox: Arc<Outbox>, deadline: Instant) {
    let (exporter, signal) = (&outbox.exporter, outbox.signal);
    let before = outbox.lock().held.items;
    let dropped = outbox.leave(deadline).await;
    if dropped > 0 {
        warn!(%exporter, %signal, dropped, "the exporter is no longer configured, and what could not be sent in time is dropped");
    } else if before > 0 {
        info!(%exporter, %signal, "the exporter is no longer configured; nothing is left to send");
    }
}

impl Group {
    /// So many batches are on their way at once. The tasks end by themselves when the outbox is drained or closed.
    fn start(store: &Arc<dyn Store>, consumer: &Consumer) -> Group {
        let Consumer { outbox, id, exporter, count, .. } = consumer;
        let (retire, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for _ in 0..(*count).max(1) {
            let (store, id, exporter) = (Arc::clone(store), Arc::clone(id), Arc::clone(exporter));
            let (outbox, retire) = (*outbox, retire.clone());
            tasks.spawn(async move { consume(&*store, outbox, &id, &*exporter, &retire).await });
        }
        Group { exporter: Arc::clone(exporter), count: *count, retire, tasks, is_leaving: false }
    }

    /// Whether nothing is to change. Tasks have ended if the outbox was closed in the meantime.
    fn goes_on(&mut self, exporter: &Arc<dyn Exporter>, count: usize) -> bool {
        while self.tasks.try_join_next().is_some() {}
        std::ptr::addr_eq(Arc::as_ptr(&self.exporter), Arc::as_ptr(exporter))
            && self.count == count
            && self.tasks.len() == count.max(1)
    }

    async fn ended_by(mut self, deadline: Instant) {
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // what hangs longer goes back to its outbox, and is sent by the new ones
        let _ = tokio::time::timeout_at(deadline, ended).await;
    }
}

async fn consume(
    store: &dyn Store,
    outbox: OutboxId,
    id: &str,
    exporter: &dyn Exporter,
    retire: &CancellationToken,
) {
    let cut = store.cut(outbox);
    loop {
        let next = tokio::select! {
            biased;
            () = retire.cancelled() => return,
            next = store.next(outbox) => next,
        };
        let Some(batch) = next else { return };
        let tried = Tried { store, batch: Some(batch) };
        let outcome = tokio::select! {
            biased;
            outcome = tried.send(id, exporter) => outcome,
            // given up by the outbox, which has counted it
            () = cut.cancelled() => Outcome::RetryLater { after: None, message: "burgee is shutting down".into() },
        };
        tried.settle(outcome);
    }
}

/// A batch on its way; back in its outbox if the consumer is stopped.
struct Tried<'a> {
    store: &'a dyn Store,
    batch: Option<Batch>,
}

impl Tried<'_> {
    async fn send(&self, id: &str, exporter: &dyn Exporter) -> Outcome {
        let Some(batch) = &self.batch else { return Outcome::Accepted };
        // the call itself may panic as well as the future
        let trying = async { exporter.export(batch).await };
        AssertUnwindSafe(trying).catch_unwind().await.unwrap_or_else(|_| {
            error!(
                exporter = id,
                items = batch.items(),
                "the exporter failed on a batch: a defect of burgee"
            );
            Outcome::Rejected { code: Code::Internal, message: "the exporter failed".into() }
        })
    }

    fn settle(mut self, outcome: Outcome) {
        if let Some(batch) = self.batch.take() {
            self.store.settle(batch, outcome);
        }
    }
}

impl Drop for Tried<'_> {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.store.give_back(batch);
        }
    }
}
