//! Who may send: asked before anything else of a request is looked at, and before its body is read.

use std::time::Duration;

use http::{HeaderValue, Response, header};

use super::Caller;
use super::door::Door;
use super::sight::{Ends, Sight};
use crate::component::{Denied, Transport};
use crate::net::Body;
use crate::observe::facts::Fact;
use crate::otlp::Signal;
use crate::otlp::answer::{Answer, Code};

/// A request that is not let in.
pub(super) struct TurnedAway {
    pub answer: Answer,
    challenge: Option<HeaderValue>,
}

impl Caller {
    /// Whether a request that looks like this may come in on this port. What does not is counted, of a signal that it is
    /// for.
    pub async fn let_in(
        &self,
        sight: Sight<'_>,
        door: &Door,
        transport: Transport,
        signal: Option<Signal>,
    ) -> Result<(), TurnedAway> {
        let Some(auth) = &self.auth else { return Ok(()) };
        let Err(denied) = auth.authenticate(sight.headers).wait().await else { return Ok(()) };
        let Ends { peer, listener } = sight.ends;
        let (answer, challenge) = match denied {
            Denied::Unauthenticated { challenge, message } => {
                let detail = match sight.headers.contains_key(header::AUTHORIZATION) {
                    true => "authorization sent",
                    false => "no authorization header",
                };
                door.facts().report_with(Fact::Unauthenticated { peer, listener }, detail);
                (
                    Answer::Rejected { code: Code::Unauthenticated, message: message.into_owned() },
                    Some(challenge),
                )
            }
            Denied::Busy => {
                let message = Denied::Busy.message().to_owned();
                (Answer::RetryLater { after: Some(BUSY_FOR), message }, None)
            }
        };
        if let Some(signal) = signal {
            let arrival = door.arrive(signal, transport, self.clone(), None);
            door.answered(arrival, answer.clone());
        }
        let code = answer.code();
        let status = if transport == Transport::Grpc { code as u16 } else { code.http_status() };
        door.reject(sight, transport, status, answer.message());
        Err(TurnedAway { answer, challenge })
    }
}

impl TurnedAway {
    /// The response, which says how to be let in.
    pub fn with_challenge(self, mut response: Response<Body>) -> Response<Body> {
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Until passwords that were being checked are.
const BUSY_FOR: Duration = Duration::from_secs(1);
