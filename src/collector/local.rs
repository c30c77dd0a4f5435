//! The way in for telemetry of this very process, past the network.

use std::sync::Arc;

use bytes::Bytes;

use crate::component::{Intake, Origin, Refusal, Ticket, Transport};
use crate::observe::board::Board;
use crate::observe::ledger::{Door, DoorOutcome, DoorRequest};
use crate::otlp::answer::{Answer, Code};
use crate::otlp::{self, Checked, Signal};

/// A door of a receiver that no socket leads to. Its requests are checked, counted and processed like any other.
#[derive(Clone)]
pub struct Local {
    receiver: Arc<str>,
    intake: Arc<dyn Intake>,
    doors: [Arc<Door>; Signal::ALL.len()],
}

impl Local {
    pub(super) fn new(receiver: &str, intake: Arc<dyn Intake>, board: &Board) -> Local {
        let receiver: Arc<str> = receiver.into();
        let doors = Signal::ALL.map(|signal| board.door(&receiver, Transport::Local.name(), signal.name()));
        Local { receiver, intake, doors }
    }

    /// Brings in one encoded export request, such as an `ExportTraceServiceRequest`, and waits for its answer as
    /// the sender of a request over the network would.
    pub async fn send(&self, signal: Signal, request: Bytes) -> Answer {
        let mut counted = self.doors[signal as usize].request();
        let answer = match self.bring_in(signal, request, &mut counted) {
            Ok((ticket, flawed)) => match ticket.await {
                Answer::Accepted if flawed > 0 => {
                    Answer::Partly { rejected: flawed, message: Checked::flaw_message(signal, flawed) }
                }
                answer => answer,
            },
            Err(answer) => answer,
        };
        counted.finish(match &answer {
            Answer::Accepted => DoorOutcome::Ok,
            Answer::Partly { .. } => DoorOutcome::Partial,
            Answer::RetryLater { .. } => DoorOutcome::Refused,
            Answer::TooLarge { .. } | Answer::Rejected { .. } => DoorOutcome::Rejected,
        });
        answer
    }

    fn bring_in(
        &self,
        signal: Signal,
        request: Bytes,
        counted: &mut DoorRequest,
    ) -> Result<(Ticket, u64), Answer> {
        let admission = self.intake.admit(signal, request.len() as u64).map_err(Refusal::answer)?;
        let checked = otlp::check(signal, request, &self.intake.watchlist(signal))
            .map_err(|error| Answer::Rejected { code: Code::InvalidArgument, message: error.to_string() })?;
        counted.checked(checked.payload.len(), checked.flawed);
        let origin = Arc::new(Origin::local(Arc::clone(&self.receiver)));
        let ticket = self.intake.accept(admission, checked.payload, &origin).map_err(Refusal::answer)?;
        counted.accepted();
        Ok((ticket, checked.flawed))
    }
}
