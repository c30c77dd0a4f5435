//! The tasks that send what is in the outboxes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tracing::error;

use super::store::Store;
use crate::component::{Batch, Exporter, OutboxId, Outcome};
use crate::otlp::answer::Code;

/// The running consumers of a graph. Dropped, they stop at once; what was on its way goes back to its outbox.
#[derive(Debug, Default)]
pub struct Consumers(JoinSet<()>);

impl Consumers {
    /// `count` tasks for one outbox: so many batches are on their way at once. They end by themselves when the outbox
    /// is drained.
    pub(super) fn start(
        &mut self,
        store: &Arc<dyn Store>,
        outbox: OutboxId,
        id: &Arc<str>,
        exporter: &Arc<dyn Exporter>,
        count: usize,
    ) {
        for _ in 0..count.max(1) {
            let (store, id, exporter) = (Arc::clone(store), Arc::clone(id), Arc::clone(exporter));
            self.0.spawn(async move { consume(&*store, outbox, &id, &*exporter).await });
        }
    }

    /// Waits until all of them have ended.
    pub async fn ended(&mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

async fn consume(store: &dyn Store, outbox: OutboxId, id: &str, exporter: &dyn Exporter) {
    let cut = store.cut(outbox);
    while let Some(batch) = store.next(outbox).await {
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
