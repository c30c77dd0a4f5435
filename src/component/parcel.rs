//! What an outbox holds: payloads that owe an outcome, and to whom it is told.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Origin, Refusal, Ticket};
use crate::otlp::Payload;
use crate::otlp::answer::Answer;

/// One outbox of the store: an exporter and a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutboxId(pub u32);

/// A payload in an outbox.
#[derive(Debug)]
pub struct Parcel {
    pub payload: Payload,
    pub origin: Arc<Origin>,
    pub receipt: Receipt,
    /// When it was put; pieces of a split keep it.
    pub put_at: Instant,
    /// Whether it is a piece that cannot be divided any further for the limits of its outbox.
    pub divided: bool,
}

impl Parcel {
    /// The same debt for a piece of the payload.
    pub fn piece(&self, payload: Payload) -> Parcel {
        Parcel {
            payload,
            origin: Arc::clone(&self.origin),
            receipt: self.receipt.clone(),
            put_at: self.put_at,
            divided: self.divided,
        }
    }
}

/// Whom to tell how a payload fared: nobody, or a waiting [`Ticket`].
///
/// Pieces of a payload and its copies in several outboxes share the ticket: it is told the worst outcome, once, when
/// the last receipt is settled. A receipt that is dropped unsettled tells the sender to try again.
#[derive(Debug, Default)]
pub struct Receipt(Option<Arc<Waiter>>);

#[derive(Debug)]
struct Waiter {
    worst: Mutex<Answer>,
    /// Taken by `drop`.
    sender: Option<oneshot::Sender<Answer>>,
}

impl Receipt {
    /// For a sender that has its answer already.
    pub fn nobody() -> Receipt {
        Receipt(None)
    }

    /// A receipt to clone, and the ticket that waits for all clones.
    pub fn waiting() -> (Receipt, Ticket) {
        let (sender, ticket) = Ticket::waiting();
        let waiter = Waiter { worst: Mutex::new(Answer::Accepted), sender: Some(sender) };
        (Receipt(Some(Arc::new(waiter))), ticket)
    }

    /// Tells how it ended.
    pub fn settle(mut self, answer: &Answer) {
        if let Some(waiter) = self.0.take() {
            waiter.hear(answer);
        }
    }
}

impl Clone for Receipt {
    fn clone(&self) -> Self {
        Receipt(self.0.clone())
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(waiter) = self.0.take() {
            waiter.hear(&Refusal::Stopping.answer());
        }
    }
}

impl Waiter {
    fn hear(&self, answer: &Answer) {
        let mut worst = self.worst.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Answer::Partly { rejected: sum, .. }, Answer::Partly { rejected, .. }) = (&mut *worst, answer)
        {
            *sum += rejected;
        } else if badness(answer) > badness(&worst) {
            *worst = answer.clone();
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let worst = self.worst.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = self.sender.take() {
            // whoever waited may have left, which loses nothing but the answer
            let _ = sender.send(std::mem::replace(worst, Answer::Accepted));
        }
    }
}

/// "Try again" is the worst: it is the only answer after which the sender keeps what has not arrived.
fn badness(answer: &Answer) -> u8 {
    match answer {
        Answer::Accepted => 0,
        Answer::Partly { .. } => 1,
        Answer::TooLarge { .. } => 2,
        Answer::Rejected { .. } => 3,
        Answer::RetryLater { .. } => 4,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::otlp::answer::Code;

    fn rejected() -> Answer {
        Answer::Rejected { code: Code::InvalidArgument, message: "no".into() }
    }

    #[tokio::test]
    async fn the_ticket_hears_the_worst_when_the_last_piece_is_settled() {
        let (receipt, ticket) = Receipt::waiting();
        let mut ticket = Box::pin(ticket);
        let (second, third) = (receipt.clone(), receipt.clone());
        second.settle(&rejected());
        receipt.settle(&Answer::Accepted);
        assert!((&mut ticket).now_or_never().is_none(), "one piece is still out");
        third.settle(&Answer::Accepted);
        assert_eq!(ticket.await, rejected());
    }

    #[tokio::test]
    async fn partial_successes_of_pieces_add_up() {
        let (receipt, ticket) = Receipt::waiting();
        for rejected in [2, 3] {
            receipt.clone().settle(&Answer::Partly { rejected, message: "bad ids".into() });
        }
        receipt.settle(&Answer::Accepted);
        assert_eq!(ticket.await, Answer::Partly { rejected: 5, message: "bad ids".into() });
    }

    #[tokio::test]
    async fn a_receipt_that_is_lost_makes_the_sender_try_again() {
        let (receipt, ticket) = Receipt::waiting();
        receipt.clone().settle(&Answer::Accepted);
        drop(receipt);
        assert!(matches!(ticket.await, Answer::RetryLater { .. }));
    }
}
