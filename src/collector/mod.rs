//! The whole of it: starts what a plan asks for, replaces it by what another plan asks for, and ends it without losing
//! anything silently.
//!
//! It is built right to left, from the outboxes to the sockets, so that nothing comes in before it can go on; it
//! ends left to right, so that what came in still goes out. Sockets and outboxes belong to the collector; what lies
//! between them is replaced by a reload.

mod local;
mod ports;
mod reload;
mod standing;
mod start;
mod summary;
mod tasks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

pub use local::Local;
pub use reload::{Change, Reloaded};
pub use start::StartError;
pub use summary::Summary;
pub(crate) use summary::counted;

use crate::component::{Budget, Downstreams};
use crate::doctor::Doctor;
use crate::insight::Insight;
use crate::observe::board::{Board, Phase};
use crate::observe::facts::Facts;
use crate::pipeline::{Consumers, Entrance, MemoryStore};
use crate::registry::Plan;
use ports::{Port, Shared};
use standing::Standing;

/// A running collector. Dropping it ends everything at once; [`Collector::stop`] ends it well.
pub struct Collector {
    listening: Vec<Listening>,
    ports: Vec<Port>,
    /// Ports that are no longer wanted, until their last connection has ended.
    closing: JoinSet<()>,
    shared: Shared,
    entrance: Arc<Entrance>,
    store: MemoryStore,
    consumers: Consumers,
    /// What is running of the plan in force.
    standing: Standing,
    board: Board,
    budget: Budget,
    facts: Arc<Facts>,
    insight: Arc<Insight>,
    doctor: Arc<Doctor>,
    downstreams: Downstreams,
    /// Those who remember and examine. Dropped, they end.
    watching: JoinSet<()>,
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

    /// Replaces what runs by what another plan asks for, or changes nothing.
    ///
    /// Ports that both plans want stay open, and so do their connections; ports that only the old plan wants end what
    /// has begun within `within`. Outboxes keep what they hold; those whose exporter is gone have `within` to send it.
    /// Components whose configuration is the same go on as they are. Dropped before its end, nothing has changed.
    ///
    /// # Errors
    /// A port that cannot be listened on.
    pub async fn reload(&mut self, plan: Plan, within: Duration) -> Result<Reloaded, StartError> {
        self.replace_by(plan, within).await
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

    /// What was odd, counted by kind.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// What was seen lately.
    pub fn insight(&self) -> &Arc<Insight> {
        &self.insight
    }

    /// What is odd about senders, burgee itself and its downstreams.
    pub fn doctor(&self) -> &Arc<Doctor> {
        &self.doctor
    }

    /// Closes the ports, waits for the requests under way, then sends what the outboxes hold. All of it takes at
    /// most `within`, and a moment; what is left then is dropped and counted.
    pub async fn stop(mut self, within: Duration) -> Summary {
        let begun = Instant::now();
        self.board.set_phase(Phase::Stopping);
        let (mut receiving, mut answering): (Vec<Port>, Vec<Port>) =
            self.ports.drain(..).partition(|port| port.listening.receives);
        receiving.iter().for_each(|port| port.close(within));
        let clients = async {
            for port in &mut receiving {
                port.closed().await;
            }
            while self.closing.join_next().await.is_some() {}
        };
        // A client that is slow, or waits for a downstream that is gone, must not use up the time of what is held.
        let are_gone = tokio::time::timeout_at(begun + within * 2 / 3, clients).await.is_ok();
        self.entrance.stop();
        self.standing.end().await;
        self.consumers.stop_leaving().await;
        self.store.drain(begun + within).await;
        // those that an earlier reload closes have their own time, and no more than this
        self.closing.shutdown().await;
        if !are_gone {
            for port in &mut receiving {
                port.closed().await;
            }
        }
        self.consumers.ended().await;
        let summary = Summary::of(&self.board.snapshot());
        // Nobody minds that `burgee status` is cut off now.
        answering.iter().for_each(|port| port.close(Duration::ZERO));
        for port in &mut answering {
            port.closed().await;
        }
        self.watching.shutdown().await;
        summary
    }
}
