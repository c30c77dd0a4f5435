//! What serves people and other components rather than telemetry.

use std::sync::Arc;

use super::{Budget, ClientAuth, Downstreams, Listen, Problem, ServerAuth};
use crate::doctor::{Doctor, Surroundings};
use crate::insight::Insight;
use crate::observe::board::Board;
use crate::observe::facts::Facts;

/// An extension that is built. Each kind has some of these parts; background work it gives to the
/// [`BuildContext`](super::BuildContext) it is built with.
#[derive(Clone, Default)]
pub struct Extension {
    /// It answers questions on ports of its own: health checks, pages, metrics.
    pub serve: Option<Arc<dyn Serve>>,
    /// It tells who may send to a receiver that names it as `auth.authenticator`.
    pub server_auth: Option<Arc<dyn ServerAuth>>,
    /// It proves who burgee is, for an exporter that names it as `auth.authenticator`.
    pub client_auth: Option<Arc<dyn ClientAuth>>,
    /// What is odd about its settings.
    pub warnings: Vec<Problem>,
}

/// What answers questions about the collector. The collector owns the sockets; they are the last to close, so that a
/// stop can be seen from outside.
pub trait Serve: Send + Sync {
    /// What to bind, and what answers there. Asked when the collector starts, and again at each reload.
    fn listeners(&self, cx: ExtensionContext) -> Vec<Listen>;

    /// The configuration is in force now: nothing can fail any more.
    fn in_force(&self, cx: &ExtensionContext) {
        let _ = cx;
    }
}

/// What an extension may look at.
#[derive(Clone)]
pub struct ExtensionContext {
    /// The component's id: `health_check`, `zpages/inside`.
    pub id: Arc<str>,
    /// State of the whole collector: its [phase](Board::phase), ledgers, queues, exporters' last answers.
    pub board: Board,
    /// What was odd, counted by kind.
    pub facts: Arc<Facts>,
    /// What telemetry holds of the memory, and may hold.
    pub budget: Budget,
    /// What was seen lately.
    pub insight: Arc<Insight>,
    /// What is odd, and why.
    pub doctor: Arc<Doctor>,
    pub downstreams: Downstreams,
}

impl ExtensionContext {
    /// Of a collector in which nothing has happened yet.
    pub fn new(id: impl Into<Arc<str>>, board: Board, facts: Arc<Facts>, budget: Budget) -> ExtensionContext {
        let insight = Arc::new(Insight::default());
        let doctor = Doctor::new(board.clone(), facts.clone(), insight.clone(), Surroundings::default());
        let (doctor, downstreams) = (Arc::new(doctor), Downstreams::default());
        ExtensionContext { id: id.into(), board, facts, budget, insight, doctor, downstreams }
    }
}

impl Extension {
    /// One that only answers questions.
    pub fn serving(serve: impl Serve + 'static) -> Extension {
        Extension { serve: Some(Arc::new(serve)), ..Extension::default() }
    }
}

impl std::fmt::Debug for Extension {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Extension { serve, server_auth, client_auth, warnings } = self;
        out.debug_struct("Extension")
            .field("serves", &serve.is_some())
            .field("authenticates", &(server_auth.is_some(), client_auth.is_some()))
            .field("warnings", warnings)
            .finish()
    }
}
