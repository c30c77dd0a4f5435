//! What sends payloads on.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{Origin, OutboxId, Parcel, Receipt};
use crate::otlp::{Payload, Signal};

/// How one try to send a batch ended.
pub type Outcome = crate::otlp::answer::Answer;

/// Sends batches. Queue, retry, splitting and counting belong to the outbox in front of it.
pub trait Exporter: Send + Sync {
    /// One try. Ends by itself within the exporter's timeout.
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Outcome>;

    /// Whether nobody minds the loss of what it is given: its outbox never refuses a request.
    fn is_lossy(&self) -> bool {
        false
    }
}

/// Payloads of one signal that travel in one request: the parcels of an outbox that wait for one outcome.
///
/// A batch from an outbox has to be settled: dropped unsettled, its items count as lost by a defect.
pub struct Batch {
    signal: Signal,
    parcels: Vec<Parcel>,
    owed: Option<Owed>,
}

/// To whom the outcome of a batch is owed.
pub struct Owed {
    pub outbox: OutboxId,
    /// The batch's number in its outbox.
    pub number: u64,
    pub creditor: Arc<dyn Creditor>,
}

/// An outbox that waits for outcomes.
pub trait Creditor: Send + Sync {
    /// A batch was dropped without an outcome.
    fn lost(&self, number: u64, parcels: Vec<Parcel>);
}

impl Batch {
    /// A batch that nobody waits for. All payloads have to be of `signal` and mergeable.
    pub fn new(signal: Signal, payloads: Vec<Payload>) -> Batch {
        let origin = Arc::new(Origin::local("batch".into()));
        let parcel = |payload| Parcel {
            payload,
            origin: Arc::clone(&origin),
            receipt: Receipt::nobody(),
            put_at: Instant::now(),
            divided: false,
        };
        Batch::checked(signal, payloads.into_iter().map(parcel).collect(), None)
    }

    /// A batch that has to be settled.
    pub fn owed(signal: Signal, parcels: Vec<Parcel>, owed: Owed) -> Batch {
        Batch::checked(signal, parcels, Some(owed))
    }

    fn checked(signal: Signal, parcels: Vec<Parcel>, owed: Option<Owed>) -> Batch {
        debug_assert!(parcels.iter().all(|parcel| parcel.payload.signal() == signal));
        Batch { signal, parcels, owed }
    }

    pub fn signal(&self) -> Signal {
        self.signal
    }

    pub fn payloads(&self) -> impl ExactSizeIterator<Item = &Payload> {
        self.parcels.iter().map(|parcel| &parcel.payload)
    }

    /// Spans, data points or log records.
    pub fn items(&self) -> u64 {
        self.payloads().map(Payload::len).sum()
    }

    /// Size of the merged request.
    pub fn bytes(&self) -> usize {
        self.payloads().map(|payload| payload.bytes().len()).sum()
    }

    /// The merged request: its parts one after the other are the message.
    pub fn body(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.payloads().map(|payload| payload.bytes().clone())
    }

    /// The outbox that waits for the outcome, if any.
    pub fn outbox(&self) -> Option<OutboxId> {
        self.owed.as_ref().map(|owed| owed.outbox)
    }

    /// The parcels and the batch's number, for the one who settles it.
    pub fn open(mut self) -> (u64, Vec<Parcel>) {
        let number = self.owed.take().map_or(0, |owed| owed.number);
        (number, std::mem::take(&mut self.parcels))
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(owed) = self.owed.take() {
            owed.creditor.lost(owed.number, std::mem::take(&mut self.parcels));
            debug_assert!(std::thread::panicking(), "a batch was dropped without an outcome");
        }
    }
}

impl fmt::Debug for Batch {
    /// Sizes only: telemetry never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Batch { signal, parcels, owed: _ } = self;
        write!(f, "Batch({signal}, {} payloads, {} items)", parcels.len(), self.items())
    }
}
