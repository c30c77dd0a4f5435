//! From a receiver's hands into the outboxes: two calls, and nothing waits between them.

use std::any::Any;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Charge;
use crate::insight;
use crate::otlp::answer::Answer;
use crate::otlp::{Payload, Signal, Watchlist};

/// Where requests go in.
pub trait Intake: Send + Sync {
    /// Asked before the body is read, with the bytes that are on the wire as far as they are known. Refuses while
    /// that costs nothing; otherwise charges the memory: twice the size, since an edit makes a copy.
    fn admit(&self, signal: Signal, wire_bytes: u64) -> Result<Admission, Refusal>;

    /// Waits for room where full queues make senders wait (`block_on_overflow`), at most until `deadline`; `None` where
    /// none does. What it holds then is a place in line, in the admission: [`Intake::accept`] is to be called next,
    /// without waiting for anything else, and still may refuse.
    fn wait_for_room<'a>(
        &'a self,
        _admission: &'a mut Admission,
        _payload: &Payload,
        _deadline: Instant,
    ) -> Option<BoxFuture<'a, ()>> {
        None
    }

    /// Runs the processors, reserves room in every outbox, puts. Never waits: whoever drops the ticket loses the
    /// answer, not the data, and nothing is ever half done.
    fn accept(&self, admission: Admission, payload: Payload, origin: &Arc<Origin>)
    -> Result<Ticket, Refusal>;

    /// Whether any pipeline takes this signal.
    fn serves(&self, signal: Signal) -> bool;

    /// What the reached pipelines want to be told about, for [`crate::otlp::check`].
    fn watchlist(&self, signal: Signal) -> Arc<Watchlist>;
}

/// The right to bring one request in, and the memory charged for it.
#[derive(Debug)]
pub struct Admission {
    pub signal: Signal,
    pub charge: Charge,
    /// What the intake wants to see again with the payload: the request keeps the graph it started with.
    pub(crate) route: Option<Arc<dyn Any + Send + Sync>>,
    /// First in some lines for room, until the request is put.
    pub(crate) place: Option<Box<dyn Any + Send + Sync>>,
}

impl Admission {
    pub fn new(signal: Signal, charge: Charge) -> Admission {
        Admission { signal, charge, route: None, place: None }
    }

    /// Makes sure that a message of `bytes` is paid for: twice, as in [`Intake::admit`].
    pub fn cover(&mut self, bytes: u64) -> Result<(), Refusal> {
        if self.charge.grow(bytes.saturating_mul(2)) { Ok(()) } else { Err(Refusal::full()) }
    }
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No room in an outbox or no memory. Always worth a retry.
    Full { retry_after: Duration },
    /// Larger than what is configured, in bytes. Never worth a retry.
    TooLarge { limit: u64 },
    /// burgee is shutting down; another instance may take it.
    Stopping,
    /// The configuration has just changed, and the way that the request has begun is no more; the new one may take it.
    Reloaded,
    /// No pipeline takes this signal from this receiver.
    Unserved,
    /// A processor failed on this payload: a defect of burgee. The same payload would fail again.
    Failed,
}

impl Refusal {
    /// Full, with the delay that burgee suggests when it knows none better.
    pub fn full() -> Refusal {
        Refusal::Full { retry_after: Duration::from_secs(1) }
    }

    /// What the sender is told.
    pub fn answer(self) -> Answer {
        use crate::otlp::answer::Code;
        match self {
            Refusal::Full { retry_after } => {
                Answer::RetryLater { after: Some(retry_after), message: "burgee's queue is full".into() }
            }
            Refusal::TooLarge { limit } => {
                Answer::TooLarge { message: format!("the request is larger than the limit of {limit} bytes") }
            }
            Refusal::Stopping => {
                Answer::RetryLater { after: None, message: "burgee is shutting down".into() }
            }
            Refusal::Reloaded => Answer::RetryLater {
                after: None,
                message: "burgee's configuration has just changed; send it again".into(),
            },
            Refusal::Unserved => Answer::Rejected {
                code: Code::Unimplemented,
                message: "no pipeline of burgee takes this signal".into(),
            },
            Refusal::Failed => Answer::Rejected {
                code: Code::Internal,
                message: "burgee failed to process the request; its log says where".into(),
            },
        }
    }
}

/// The answer to an accepted request: there at once for queues in memory, later where someone waits for the result.
#[derive(Debug)]
pub struct Ticket(State);

#[derive(Debug)]
enum State {
    Ready,
    Waiting(oneshot::Receiver<Answer>),
}

impl Ticket {
    /// Put everywhere, and nothing more is promised.
    pub fn ready() -> Ticket {
        Ticket(State::Ready)
    }

    /// The answer comes through the other end; if that is dropped, the answer is to retry.
    pub fn waiting() -> (oneshot::Sender<Answer>, Ticket) {
        let (sender, receiver) = oneshot::channel();
        (sender, Ticket(State::Waiting(receiver)))
    }
}

impl Future for Ticket {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        match &mut self.0 {
            State::Ready => Poll::Ready(Answer::Accepted),
            State::Waiting(receiver) => Pin::new(receiver)
                .poll(cx)
                .map(|answer| answer.unwrap_or_else(|_| Refusal::Stopping.answer())),
        }
    }
}

/// Where a payload came from; travels with it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The receiver's component id: `otlp`, `otlp/browser`.
    pub receiver: Arc<str>,
    pub transport: Transport,
    /// `None` where there is no network: the demo, a program that embeds burgee.
    pub peer: Option<SocketAddr>,
    /// Our address on the connection that it came over; `None` as for `peer`.
    pub listener: Option<SocketAddr>,
    /// Which of the receiver's ports that is; `None` as for `peer`.
    pub port: Option<PortRole>,
    pub arrival: SystemTime,
}

impl Origin {
    /// Of a payload that was made in this process, now.
    pub fn local(receiver: Arc<str>) -> Origin {
        Origin {
            receiver,
            transport: Transport::Local,
            peer: None,
            listener: None,
            port: None,
            arrival: SystemTime::now(),
        }
    }
}

/// What a port is there for by the configuration, whatever its number: it takes the other protocol as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortRole {
    /// `protocols.grpc`, usually 4317.
    Grpc,
    /// `protocols.http`, usually 4318.
    Http,
    /// Both have the same endpoint.
    Both,
}

impl PortRole {
    /// `grpc`, `http` or `both`.
    pub fn name(self) -> &'static str {
        match self {
            PortRole::Grpc => "grpc",
            PortRole::Http => "http",
            PortRole::Both => "both",
        }
    }
}

impl Origin {
    /// As much of it as is remembered.
    pub fn as_seen(&self) -> insight::From {
        let Origin { peer, transport, arrival, port, .. } = *self;
        insight::From { peer, transport: transport.name(), port: port.map(PortRole::name), arrival }
    }
}

/// The label `transport` of the Collector's receiver metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Grpc,
    Http,
    /// In the same process.
    Local,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Transport::Grpc => "grpc",
            Transport::Http => "http",
            Transport::Local => "local",
        }
    }
}
