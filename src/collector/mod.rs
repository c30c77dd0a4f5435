//! The whole of it: starts what a plan asks for, and ends it without losing anything silently.
//!
//! It is built right to left, from the outboxes to the sockets, so that nothing comes in before it can go on; it
//! ends left to right, so that what came in still goes out.

mod local;
mod start;
mod summary;
mod tasks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

pub use local::Local;
pub use start::StartError;
pub use summary::Summary;
pub(crate) use summary::counted;

use crate::component::Budget;
use crate::net::{self, Stop};
use crate::observe::board::{Board, Phase};
use crate::pipeline::{Consumers, Entrance, MemoryStore};
use crate::registry::Plan;
use tasks::Tasks;

/// A running collector. Dropping it ends everything at once; [`Collector::stop`] ends it well.
pub struct Collector {
    listening: Vec<Listening>,
    /// One for each port of the receivers.
    servers: JoinSet<net::Report>,
    receivers_stop: Stop,
    entrance: Arc<Entrance>,
    store: MemoryStore,
    consumers: Consumers,
    tasks: Tasks,
    /// The ports of the extensions, which outlive those of the receivers.
    extensions: JoinSet<net::Report>,
    extensions_stop: Stop,
    board: Board,
    budget: Budget,
}

/// An open port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The component's id: `otlp`, `admin`.
    pub component: Arc<str>,
    /// Whether telemetry comes in here: the component is a receiver.
    pub receives: bool,
    /// As bound, with the port that the system chose if it was to.
    pub address: SocketAddr,
    /// What answers there: `OTLP/gRPC and OTLP/HTTP`.
    pub speaks: &'static str,
}

impl Collector {
    /// Starts everything, or nothing.
    ///
    /// # Errors
    /// A port that cannot be listened on.
    pub async fn start(plan: Plan) -> Result<Collector, StartError> {
        start::start(plan).await
    }

    /// The open ports, those of the receivers in the order of the configuration, then those of
    /// the extensions.
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// The ports on which telemetry is received.
    pub fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.listening.iter().filter(|listening| listening.receives).map(|listening| listening.address)
    }

    /// The way in for telemetry of this very process, past the network: into the pipelines of this receiver.
    pub fn local(&self, receiver: &str) -> Local {
        Local::new(receiver, self.entrance.intake(receiver), &self.board)
    }

    /// What everything has counted so far.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What telemetry holds of the memory.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Closes the ports, waits for the requests under way, then sends what the outboxes hold. All of it takes at
    /// most `within`, and a moment; what is left then is dropped and counted.
    pub async fn stop(mut self, within: Duration) -> Summary {
        let begun = Instant::now();
        self.board.set_phase(Phase::Stopping);
        self.receivers_stop.begin(within);
        // A client that is slow, or waits for a downstream that is gone, must not use up the time of what is held.
        let clients = tokio::time::timeout_at(begun + within * 2 / 3, self.servers_end()).await;
        self.entrance.stop();
        self.tasks.end().await;
        self.store.drain(begun + within).await;
        if clients.is_err() {
            self.servers_end().await;
        }
        self.consumers.ended().await;
        let summary = Summary::of(&self.board.snapshot());
        // Nobody minds that `burgee status` is cut off now.
        self.extensions_stop.begin(Duration::ZERO);
        while self.extensions.join_next().await.is_some() {}
        summary
    }

    async fn servers_end(&mut self) {
        while let Some(ended) = self.servers.join_next().await {
            note_cuts(ended);
        }
    }
}

/// What had to be cut concerns senders, who will send it again: a warning, no more.
fn note_cuts(ended: Result<net::Report, tokio::task::JoinError>) {
    match ended {
        Ok(report) if report == net::Report::default() => {}
        Ok(net::Report { uploads_cut, connections_cut, handlers_aborted }) => {
            tracing::warn!(
                uploads_cut,
                connections_cut,
                handlers_aborted,
                "not all clients were done in time"
            );
        }
        Err(error) => tracing::error!(%error, "a listener failed"),
    }
}
