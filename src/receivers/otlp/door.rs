//! From a body to an answer, the same for both protocols.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use memchr::memmem;
use tokio::time::Instant;

use super::Caller;
use super::sight::{Ends, looks_like, oversize, without_places};
use crate::component::{Admission, Origin, ReceiverContext, Refusal, Ticket, Transport, beside};
use crate::net::{BodyError, ReadError, RequestBody, Sizing, read_body};
use crate::observe::board::Board;
use crate::observe::facts::{Fact, Facts};
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
    /// The body's size, as it was announced.
    announced: Option<u64>,
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

    /// `announced` is what `content-length` says.
    pub fn arrive(
        &self,
        signal: Signal,
        transport: Transport,
        caller: Caller,
        announced: Option<u64>,
    ) -> Arrival {
        let door = self.doors.iter().find(|door| (door.0, door.1) == (transport, signal));
        let ledger = door.expect("there is one for every transport and signal").2.request();
        Arrival { signal, transport, caller, announced, ledger }
    }

    /// Whether any pipeline takes this signal.
    pub fn serves(&self, signal: Signal) -> bool {
        self.cx.intake.serves(signal)
    }

    pub fn facts(&self) -> &Facts {
        &self.cx.facts
    }

    pub fn board(&self) -> &Board {
        &self.cx.board
    }

    /// Asked before the body is read.
    pub fn admit(&self, arrival: &Arrival) -> Result<Admission, Answer> {
        let (limit, announced) = (arrival.caller.limit, arrival.announced);
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
    ) -> (Answer, Said) {
        let origin = Arc::new(Origin {
            receiver: self.cx.id.clone(),
            transport: arrival.transport,
            peer: Some(arrival.caller.connection.peer),
            listener: Some(arrival.caller.connection.local),
            port: Some(arrival.caller.role),
            arrival: SystemTime::now(),
        });
        let mut parcel = Inbound { admission, body, written, limit: arrival.caller.limit, origin };
        let is_small = match parcel.unpack_if_small() {
            Ok(is_small) => is_small,
            Err(answer) => return (self.turned_away(arrival, answer), Said::Here),
        };
        let brought = if !is_small {
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
                Err(_) => return (Refusal::Failed.answer(), Said::Here),
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
            Err(answer) => return (self.turned_away(arrival, answer), Said::Here),
        };
        (self.answered(arrival, answer), Said::Downstream)
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
        let Ends { peer, listener } = arrival.caller.ends();
        let facts = self.facts();
        match &answer {
            Answer::TooLarge { .. } => {
                let detail = oversize(arrival.announced, arrival.caller.limit);
                facts.report_with(Fact::TooLarge { peer, listener }, &detail);
            }
            // Without a time to come back, burgee is shutting down.
            Answer::RetryLater { after: Some(_), .. } => {
                facts.report_with(Fact::NoRoom { peer, listener }, arrival.signal.name());
            }
            Answer::Rejected { code: Code::InvalidArgument, message } => {
                facts.report_with(Fact::Malformed { peer, listener }, &without_places(message));
            }
            Answer::Rejected { code: Code::Unimplemented, .. } => {
                facts.report_with(Fact::Unserved { peer, listener }, arrival.signal.name());
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

/// Who has found the words of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// burgee: no word of it is of the request's body.
    Here,
    /// Possibly who it was sent on to: it may quote what it was sent.
    Downstream,
}

impl Said {
    /// The answer's sentence, as far as it may be shown to others than the sender.
    pub fn reason(self, answer: &Answer) -> &str {
        match self {
            Said::Here => answer.message(),
            Said::Downstream => {
                "an exporter waits for its downstream's answer, which was this; `burgee status` has it"
            }
        }
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
    /// Bodies up to this size are worked on at once: it takes a few milliseconds at most. Compressed ones have to have
    /// the size of plain ones after decompression, too.
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
        let looks = looks_like(Syntax::Protobuf, &body);
        let checked = otlp::check(signal, body, &watchlist)
            .map_err(|error| malformed(format!("not an OTLP {signal} request: {error}{looks}")))?;
        // a field that is not known is passed over, and then nothing would be left
        if self.written.syntax == Syntax::Json
            && checked.payload.is_empty()
            && memmem::find(&self.body, OLD_FIELD).is_some()
        {
            return Err(malformed(OLD_FIELDS.to_owned()));
        }
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
    /// Whether the body is small enough to be worked on at once. If so, it is decompressed now: of what only turns out to
    /// be large, no more than that is ever decompressed here.
    fn unpack_if_small(&mut self) -> Result<bool, Answer> {
        if self.body.len() > self.written.inline_bytes_max() {
            return Ok(false);
        }
        let plain = Written { encoding: Encoding::Identity, ..self.written };
        self.unpack(plain.inline_bytes_max())
    }

    /// Decompresses the body. False, and nothing is changed, if it would have more than `most` bytes though the port
    /// takes more.
    fn unpack(&mut self, most: usize) -> Result<bool, Answer> {
        let encoding = std::mem::replace(&mut self.written.encoding, Encoding::Identity);
        if encoding == Encoding::Identity {
            return Ok(true);
        }
        let limit = self.limit();
        let held = self.body.len();
        let grow = |bytes: usize| self.admission.cover((held + bytes) as u64);
        match decompress(encoding, &self.body, most.min(limit), grow) {
            Ok(out) => {
                self.body = out.into();
                Ok(true)
            }
            Err(DecompressError::TooLarge { .. }) if most < limit => {
                self.written.encoding = encoding;
                Ok(false)
            }
            Err(DecompressError::TooLarge { .. }) => Err(Refusal::TooLarge { limit: self.limit }.answer()),
            Err(error @ DecompressError::Window) => Err(Answer::TooLarge { message: error.to_string() }),
            Err(error @ DecompressError::Corrupt(_)) => Err(malformed(error.to_string())),
            Err(DecompressError::Refused(refusal)) => Err(refusal.answer()),
        }
    }

    /// The body as protobuf, all that it takes on the way charged before it is used.
    fn protobuf(&mut self, signal: Signal) -> Result<Bytes, Answer> {
        let limit = self.limit();
        self.unpack(limit)?;
        if self.written.syntax == Syntax::Protobuf {
            return Ok(std::mem::take(&mut self.body));
        }
        let held = self.body.len();
        let grow = |bytes: usize| self.admission.cover((held + bytes) as u64);
        let read = json::read(signal, &self.body, limit, grow).map_err(|error| match error {
            json::ReadError::Malformed(flaw) => {
                let looks = looks_like(Syntax::Json, &self.body);
                malformed(format!("not an OTLP/JSON {signal} request: {flaw}{looks}"))
            }
            json::ReadError::TooLarge { .. } => Refusal::TooLarge { limit: self.limit }.answer(),
            json::ReadError::Refused(refusal) => refusal.answer(),
        });
        read.map(Bytes::from)
    }

    fn limit(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
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
/// Of an OTLP that is no more; other names begin like this, too.
const OLD_FIELD: &[u8] = b"\"instrumentationLibrary";
const OLD_FIELDS: &str = "it has instrumentationLibrarySpans or its kin, which OTLP calls scopeSpans since 0.15: update the sender";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::Budget;
    use crate::otlp::compression::compress;

    #[test]
    fn what_is_small_only_while_it_is_compressed_is_not_decompressed_at_once() {
        let budget = Budget::new(64 << 20);
        for syntax in [Syntax::Protobuf, Syntax::Json] {
            let most = Written { syntax, encoding: Encoding::Identity }.inline_bytes_max();
            for encoding in Encoding::ALL {
                for (size, is_small) in [(most, true), (most + 1, false), (8 * most, false)] {
                    let body = Bytes::from(compress(encoding, [&vec![b' '; size][..]]));
                    let charge = budget.charge(0).expect("there is room");
                    let origin = Origin {
                        receiver: "otlp".into(),
                        transport: Transport::Http,
                        peer: None,
                        listener: None,
                        port: None,
                        arrival: SystemTime::UNIX_EPOCH,
                    };
                    let mut parcel = Inbound {
                        admission: Admission::new(Signal::Traces, charge),
                        body: body.clone(),
                        written: Written { syntax, encoding },
                        limit: 64 << 20,
                        origin: Arc::new(origin),
                    };
                    let case = format!("{syntax:?} {encoding:?} {size}");
                    assert_eq!(parcel.unpack_if_small(), Ok(is_small), "{case}");
                    assert!(budget.used() <= 2 * (body.len() + most + 1) as u64, "{case}: {}", budget.used());
                    if is_small {
                        assert_eq!(parcel.body.len(), size, "{case}");
                    } else {
                        assert_eq!(parcel.body, body, "{case}: as it came");
                        parcel.unpack(64 << 20).expect("it fits");
                        assert_eq!(parcel.body.len(), size, "{case}");
                    }
                }
            }
        }
    }
}
