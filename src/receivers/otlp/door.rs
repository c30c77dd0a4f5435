//! From a body to an answer, the same for both protocols.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::Instant;

use super::Caller;
use crate::component::{Admission, Origin, ReceiverContext, Refusal, Ticket, Transport, beside};
use crate::net::{BodyError, ReadError, RequestBody, Sizing, read_body};
use crate::observe::facts::Fact;
use crate::observe::ledger::{self, DoorOutcome, DoorRequest};
use crate::otlp::answer::{Answer, Code};
use crate::otlp::compression::{DecompressError, Encoding, decompress};
use crate::otlp::{self, Checked, Payload, Signal, json};

/// What all ports of a receiver share.
pub(super) struct Door {
    cx: ReceiverContext,
    /// The counters, by transport and signal.
    doors: Vec<(Transport, Signal, Arc<ledger::Door>)>,
}

/// A request that has come to the door, until it is answered.
pub(super) struct Arrival {
    pub signal: Signal,
    pub transport: Transport,
    pub caller: Caller,
    /// Counts the request, as abandoned if nothing else becomes of it.
    ledger: DoorRequest,
}

impl Door {
    pub fn new(cx: ReceiverContext) -> Door {
        let mut doors = Vec::new();
        for transport in [Transport::Grpc, Transport::Http] {
            for signal in Signal::ALL {
                doors.push((transport, signal, cx.board.door(&cx.id, transport.name(), signal.name())));
            }
        }
        Door { cx, doors }
    }

    pub fn arrive(&self, signal: Signal, transport: Transport, caller: Caller) -> Arrival {
        let door = self.doors.iter().find(|door| (door.0, door.1) == (transport, signal));
        let ledger = door.expect("there is one for every transport and signal").2.request();
        Arrival { signal, transport, caller, ledger }
    }

    /// Whether any pipeline takes this signal.
    pub fn serves(&self, signal: Signal) -> bool {
        self.cx.intake.serves(signal)
    }

    pub fn report(&self, fact: Fact) {
        self.cx.facts.report(fact);
    }

    /// Asked before the body is read. `announced` is what `content-length` says.
    pub fn admit(&self, arrival: &Arrival, announced: Option<u64>) -> Result<Admission, Answer> {
        let limit = arrival.caller.limit;
        if announced.is_some_and(|bytes| bytes > limit.saturating_add(GRPC_PREFIX)) {
            return Err(Refusal::TooLarge { limit }.answer());
        }
        if !self.cx.intake.serves(arrival.signal) {
            return Err(unserved(arrival.signal));
        }
        self.cx.intake.admit(arrival.signal, announced.unwrap_or(0)).map_err(Refusal::answer)
    }

    /// Reads the body into a buffer of our own, charging the memory as it grows.
    pub async fn read(
        &self,
        body: &mut RequestBody,
        arrival: &Arrival,
        admission: &mut Admission,
        sizing: Sizing,
    ) -> Result<Vec<u8>, Answer> {
        let limit = match sizing {
            Sizing::GrpcPrefix => arrival.caller.limit.saturating_add(GRPC_PREFIX),
            Sizing::ContentLength => arrival.caller.limit,
        };
        let read = read_body(body, limit, sizing, |bytes| admission.cover(bytes as u64)).await;
        read.map_err(|error| match error {
            ReadError::TooLarge { .. } => Refusal::TooLarge { limit: arrival.caller.limit }.answer(),
            ReadError::Refused(refusal) => refusal.answer(),
            ReadError::Body(BodyError::Stopping) => Refusal::Stopping.answer(),
            ReadError::Body(error @ BodyError::Framing(_)) => malformed(error.to_string()),
            ReadError::Body(error) => Answer::Rejected { code: Code::Cancelled, message: error.to_string() },
        })
    }

    /// Decompresses, transcodes, checks, hands over and waits for the answer.
    pub async fn take(
        &self,
        mut arrival: Arrival,
        admission: Admission,
        body: Bytes,
        written: Written,
    ) -> Answer {
        let origin = Arc::new(Origin {
            receiver: self.cx.id.clone(),
            transport: arrival.transport,
            peer: Some(arrival.caller.connection.peer),
            arrival: SystemTime::now(),
        });
        let parcel = Inbound { admission, body, written, limit: arrival.caller.limit, origin };
        let brought = if parcel.body.len() > written.inline_bytes_max() {
            let intake = self.cx.intake.clone();
            let work = beside(move || {
                let brought = parcel.bring_in(&*intake, &mut arrival);
                (brought, arrival)
            });
            match work.await {
                Ok((brought, back)) => {
                    arrival = back;
                    brought
                }
                // the runtime is ending, or a defect was logged by the panic hook
                Err(_) => return Refusal::Failed.answer(),
            }
        } else {
            parcel.bring_in(&*self.cx.intake, &mut arrival)
        };
        let brought = match brought {
            Ok(Brought::Put(ticket, flawed)) => Ok((ticket, flawed)),
            Ok(Brought::Waits(waiting)) => self.put_when_there_is_room(waiting, &mut arrival).await,
            Err(answer) => Err(answer),
        };
        let answer = match brought {
            Ok((ticket, flawed)) => match ticket.await {
                Answer::Accepted if flawed > 0 => Answer::Partly {
                    rejected: flawed,
                    message: Checked::flaw_message(arrival.signal, flawed),
                },
                answer => answer,
            },
            Err(answer) => return self.turned_away(arrival, answer),
        };
        self.answered(arrival, answer)
    }

    /// Waits for room where the configuration lets senders wait (`block_on_overflow`). A client that leaves meanwhile
    /// leaves nothing behind.
    async fn put_when_there_is_room(
        &self,
        waiting: Waiting,
        arrival: &mut Arrival,
    ) -> Result<(Ticket, u64), Answer> {
        let Waiting { mut admission, payload, flawed, origin } = waiting;
        let intake = Arc::clone(&self.cx.intake);
        if let Some(room) = intake.wait_for_room(&mut admission, &payload, Instant::now() + ROOM_PATIENCE) {
            room.await;
        }
        let is_large = payload.bytes().len() > LARGE_BYTES;
        let put = move || intake.accept(admission, payload, &origin).map_err(Refusal::answer);
        let put = if is_large { beside(put).await.map_err(|_| Refusal::Failed.answer())? } else { put() };
        let ticket = put?;
        arrival.ledger.accepted();
        Ok((ticket, flawed))
    }

    /// Notes the door's own refusal: a fact, where people can do something about it, and the ledger.
    pub fn turned_away(&self, arrival: Arrival, mut answer: Answer) -> Answer {
        let connection = &arrival.caller.connection;
        let (peer, listener) = (connection.peer, connection.local);
        match &answer {
            Answer::TooLarge { .. } => self.report(Fact::TooLarge { peer, listener }),
            // Without a time to come back, burgee is shutting down.
            Answer::RetryLater { after: Some(_), .. } => self.report(Fact::NoRoom { peer, listener }),
            answer if answer.code() == Code::InvalidArgument => {
                self.report(Fact::Malformed { peer, listener })
            }
            _ => {}
        }
        if let Answer::RetryLater { after: Some(after), .. } = &mut answer {
            // Senders that were refused together should not come back together.
            *after = after.mul_f64(1.0 + fastrand::f64() / 2.0);
        }
        self.answered(arrival, answer)
    }

    /// Notes the answer in the ledger.
    pub fn answered(&self, arrival: Arrival, answer: Answer) -> Answer {
        arrival.ledger.finish(match &answer {
            Answer::Accepted => DoorOutcome::Ok,
            Answer::Partly { .. } => DoorOutcome::Partial,
            Answer::RetryLater { .. } => DoorOutcome::Refused,
            Answer::TooLarge { .. } | Answer::Rejected { .. } => DoorOutcome::Rejected,
        });
        answer
    }
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub syntax: Syntax,
    pub encoding: Encoding,
}

/// The two forms of an OTLP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Protobuf,
    Json,
}

impl Written {
    /// Bodies up to this size are worked on at once: it takes a few milliseconds at most, unless the sender compressed
    /// far more than senders do.
    fn inline_bytes_max(self) -> usize {
        match (self.syntax, self.encoding) {
            (Syntax::Protobuf, Encoding::Identity) => 1 << 20,
            (Syntax::Protobuf, _) | (Syntax::Json, Encoding::Identity) => 128 << 10,
            (Syntax::Json, _) => 16 << 10,
        }
    }
}

/// A body and all that is needed to bring it in.
struct Inbound {
    admission: Admission,
    body: Bytes,
    written: Written,
    limit: u64,
    origin: Arc<Origin>,
}

/// What has become of a body.
enum Brought {
    /// It is in all outboxes; so many items were cut out.
    Put(Ticket, u64),
    /// It has to wait for room.
    Waits(Waiting),
}

struct Waiting {
    admission: Admission,
    payload: Payload,
    flawed: u64,
    origin: Arc<Origin>,
}

impl Inbound {
    fn bring_in(
        mut self,
        intake: &dyn crate::component::Intake,
        arrival: &mut Arrival,
    ) -> Result<Brought, Answer> {
        let body = self.protobuf(arrival.signal)?;
        let signal = arrival.signal;
        let watchlist = intake.watchlist(signal);
        let checked = otlp::check(signal, body, &watchlist)
            .map_err(|error| malformed(format!("not an OTLP {signal} request: {error}")))?;
        arrival.ledger.checked(checked.payload.len(), checked.flawed);
        let (mut admission, Checked { payload, flawed }) = (self.admission, checked);
        let room = intake.wait_for_room(&mut admission, &payload, Instant::now() + ROOM_PATIENCE);
        if room.is_some_and(|room| room.now_or_never().is_none()) {
            return Ok(Brought::Waits(Waiting { admission, payload, flawed, origin: self.origin }));
        }
        let ticket = intake.accept(admission, payload, &self.origin).map_err(Refusal::answer)?;
        arrival.ledger.accepted();
        Ok(Brought::Put(ticket, flawed))
    }
}

impl Inbound {
    /// The body as protobuf, all that it takes on the way charged before it is used.
    fn protobuf(&mut self, signal: Signal) -> Result<Bytes, Answer> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let too_large = Refusal::TooLarge { limit: self.limit };
        let Written { syntax, encoding } = self.written;
        let mut body = self.body.clone();
        let mut held = body.len() as u64;
        if encoding != Encoding::Identity {
            let grow = |bytes: usize| self.admission.cover(held + bytes as u64);
            let out = decompress(encoding, &body, limit, grow).map_err(|error| match error {
                DecompressError::TooLarge { .. } => too_large.answer(),
                DecompressError::Window => Answer::TooLarge { message: error.to_string() },
                DecompressError::Corrupt(_) => malformed(error.to_string()),
                DecompressError::Refused(refusal) => refusal.answer(),
            })?;
            held += out.len() as u64;
            body = out.into();
        }
        if syntax == Syntax::Json {
            let grow = |bytes: usize| self.admission.cover(held + bytes as u64);
            body = json::read(signal, &body, limit, grow)
                .map_err(|error| match error {
                    json::ReadError::Malformed(flaw) => {
                        malformed(format!("not an OTLP/JSON {signal} request: {flaw}"))
                    }
                    json::ReadError::TooLarge { .. } => too_large.answer(),
                    json::ReadError::Refused(refusal) => refusal.answer(),
                })?
                .into();
        }
        Ok(body)
    }
}

pub(super) fn malformed(message: String) -> Answer {
    Answer::Rejected { code: Code::InvalidArgument, message }
}

fn unserved(signal: Signal) -> Answer {
    let message = format!(
        "no pipeline of this collector takes {signal}; add one under service.pipelines, or stop sending {signal}"
    );
    Answer::Rejected { code: Code::Unimplemented, message }
}

const GRPC_PREFIX: u64 = 5;
/// Processors take more than a few milliseconds for what is larger.
const LARGE_BYTES: usize = 1 << 20;
/// SDKs wait ten seconds for an answer: one that says "try again" has to come before they give up by themselves.
const ROOM_PATIENCE: Duration = Duration::from_secs(8);
