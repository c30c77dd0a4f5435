//! What a port offers, replaceable while it is served.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use super::limits::Limits;
use super::server::Service;
use super::stop::Phase;

/// The offer of one port: what answers there, and under which limits. Clones are the same one.
///
/// A new service is in force from the next request on, on connections that are open as well. New limits are in force
/// from the next connection on; a client that is connected under other ones is asked to connect anew (GOAWAY,
/// `connection: close`) once what it has begun is answered.
#[derive(Clone)]
pub struct Offer(Arc<State>);

struct State {
    current: ArcSwap<Current>,
    moment: watch::Sender<Moment>,
}

/// An offer at one moment.
pub(super) struct Current {
    pub(super) service: Arc<dyn Service>,
    pub(super) transport: Arc<Transport>,
}

/// What a connection begins with and keeps.
pub(super) struct Transport {
    pub(super) limits: Limits,
    generation: u64,
}

/// What all connections of a port hear of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) phase: Phase,
    /// Of the transport that new connections begin with.
    generation: u64,
}

impl Offer {
    pub fn new(service: Arc<dyn Service>, limits: Limits) -> Offer {
        let transport = Arc::new(Transport { limits, generation: 0 });
        let current = ArcSwap::from_pointee(Current { service, transport });
        let moment = watch::Sender::new(Moment { phase: Phase::Serving, generation: 0 });
        Offer(Arc::new(State { current, moment }))
    }

    /// Offers something else from now on. To be called by one at a time.
    pub fn replace(&self, service: Arc<dyn Service>, limits: Limits) {
        let State { current, moment } = &*self.0;
        let before = Arc::clone(&current.load().transport);
        // how many others there may be does not concern a connection
        let concerns = Limits { connections_max: before.limits.connections_max, ..limits.clone() };
        let generation = before.generation + u64::from(concerns != before.limits);
        let transport = Arc::new(Transport { limits, generation });
        current.store(Arc::new(Current { service, transport }));
        moment.send_modify(|moment| moment.generation = generation);
    }

    pub(super) fn current(&self) -> Guard<Arc<Current>> {
        self.0.current.load()
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.0.moment.send_modify(|moment| moment.phase = phase);
    }

    pub(super) fn moments(&self) -> watch::Receiver<Moment> {
        self.0.moment.subscribe()
    }
}

impl Transport {
    /// Whether new connections begin with another one.
    pub(super) fn is_outdated(&self, now: Moment) -> bool {
        self.generation != now.generation
    }
}
