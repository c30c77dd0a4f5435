//! What takes telemetry in.

use std::sync::Arc;

use super::{Authenticators, Intake, Listen};
use crate::observe::board::Board;
use crate::observe::facts::Facts;

/// Takes requests in and hands them to its intake. The collector owns the sockets: a receiver says what it wants to
/// listen on and what answers there.
pub trait Receiver: Send + Sync {
    /// What to bind. Asked once.
    fn listeners(&mut self) -> Vec<Listen>;
}

/// What a receiver is built with.
pub struct ReceiverContext {
    /// The component's id: `otlp`, `otlp/browser`.
    pub id: Arc<str>,
    /// Looks up the current graph for every request.
    pub intake: Arc<dyn Intake>,
    /// Has who lets clients in, where the settings name one: the registry has made sure of that.
    pub authenticators: Authenticators,
    pub facts: Arc<Facts>,
    /// Takes the receiver's doors, whose ledger others look at.
    pub board: Board,
}
