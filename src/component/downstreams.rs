//! Asking every downstream at once whether it answers, past the queues.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::{Batch, Exporter, Outcome};
use crate::otlp::{Payload, Signal};

/// The exporters of traces in force. Shared by reference count.
#[derive(Clone, Default)]
pub struct Downstreams(Arc<ArcSwap<Vec<Named>>>);

type Named = (Arc<str>, Arc<dyn Exporter>);

/// How one downstream answered.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The exporter's component id.
    pub exporter: Arc<str>,
    pub outcome: Outcome,
    pub took: Duration,
}

impl Downstreams {
    /// Those that are asked from now on.
    pub fn set(&self, exporters: Vec<(Arc<str>, Arc<dyn Exporter>)>) {
        self.0.store(Arc::new(exporters));
    }

    /// Sends the payload of traces once to each of them, whatever waits in their queues. It is in no ledger: nobody
    /// was promised anything. Exporters whose losses nobody minds are left out, since nothing leaves through them.
    pub async fn try_all(&self, payload: &Payload) -> Vec<Tried> {
        let exporters = self.0.load_full();
        let tries = exporters.iter().filter(|(_, exporter)| !exporter.is_lossy()).map(|(id, exporter)| {
            let batch = Batch::new(Signal::Traces, vec![payload.clone()]);
            async move {
                let begun = Instant::now();
                let outcome = tokio::time::timeout(TRY_WITHIN, exporter.export(&batch)).await;
                let outcome = outcome.unwrap_or_else(|_| {
                    let within = humantime::format_duration(TRY_WITHIN);
                    Outcome::RetryLater { after: None, message: format!("no answer within {within}") }
                });
                Tried { exporter: Arc::clone(id), outcome, took: begun.elapsed() }
            }
        });
        futures_util::future::join_all(tries).await
    }
}

/// A downstream that takes longer to answer does not.
const TRY_WITHIN: Duration = Duration::from_secs(10);
