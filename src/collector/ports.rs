//! Open ports, which outlive what answers on them.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::{Listening, StartError};
use crate::component::{Listen, WhenTaken};
use crate::net::{self, Listener, Offer, Stop, Windows};
use crate::observe::facts::{Fact, Facts};
use crate::values::ListenEndpoint;

/// A port that a component wants.
pub(super) struct Wanted {
    pub component: Arc<str>,
    /// The key that asks for it, for errors: `receivers.otlp`.
    pub key: String,
    /// Telemetry comes in here.
    pub receives: bool,
    pub listen: Listen,
}

/// A port that is served. Dropped, it closes at once.
pub(super) struct Port {
    endpoint: ListenEndpoint,
    pub listening: Listening,
    offer: Offer,
    stop: Stop,
    serving: JoinSet<()>,
}

/// Where a wanted port is to come from.
pub(super) enum Found {
    /// It is open already: its place among the open ones.
    Open(usize),
    New(Listener),
    /// Taken, and nobody asked for it.
    Without,
}

/// Finds a port for each that is wanted: those that are open stay, others are opened. Nothing is changed.
///
/// # Errors
/// A port that cannot be listened on.
pub(super) async fn find(wanted: &[Wanted], open: &[Port], facts: &Facts) -> Result<Vec<Found>, StartError> {
    let mut kept = vec![false; open.len()];
    let mut found = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let same = |(number, port): (usize, &Port)| !kept[number] && port.is(wanted);
        if let Some(number) = open.iter().enumerate().position(same) {
            kept[number] = true;
            found.push(Found::Open(number));
            continue;
        }
        let Listen { endpoint, speaks, when_taken, .. } = &wanted.listen;
        found.push(match Listener::bind(&endpoint.to_string()).await {
            Ok(listener) => Found::New(listener),
            Err(error) if *when_taken == WhenTaken::Warn => {
                tracing::warn!("without {speaks}: {error}");
                if let Ok(listener) = endpoint.to_string().parse() {
                    facts.keep_with(Fact::PortTaken { listener }, &error.cause.to_string());
                }
                Found::Without
            }
            Err(error) => return Err(StartError::Listen { component: wanted.key.clone(), error }),
        });
    }
    Ok(found)
}

/// What all ports share.
#[derive(Clone)]
pub(super) struct Shared {
    pub windows: Arc<Windows>,
    pub facts: Arc<Facts>,
}

impl Port {
    pub fn open(wanted: Wanted, listener: Listener, shared: &Shared) -> Port {
        let Wanted { component, receives, listen, key: _ } = wanted;
        let Listen { endpoint, speaks, limits, service, .. } = listen;
        let listening = Listening { component, receives, address: listener.local_addr(), speaks };
        let (offer, stop, mut serving) = (Offer::new(service, limits), Stop::new(), JoinSet::new());
        let Shared { windows, facts } = shared.clone();
        let served = net::serve(listener, offer.clone(), windows, facts, stop.clone());
        serving.spawn(async move { note_cuts(served.await) });
        tracing::info!("listening on {} ({speaks})", listening.address);
        Port { endpoint, listening, offer, stop, serving }
    }

    /// Something else answers here from now on.
    pub fn hand_over(&mut self, wanted: Wanted) {
        let Wanted { component, receives, listen, key: _ } = wanted;
        let address = self.listening.address;
        self.listening = Listening { component, receives, address, speaks: listen.speaks };
        self.offer.replace(listen.service, listen.limits);
    }

    /// Begins to close it: no new connections, and what has begun ends within this time.
    pub fn close(&self, within: Duration) {
        self.stop.begin(within);
    }

    /// Waits until the last of its connections has ended.
    pub async fn closed(&mut self) {
        while let Some(ended) = self.serving.join_next().await {
            note_failure(ended);
        }
    }

    /// Whether this is the port that is wanted. One that the system chose belongs to the component it was chosen for.
    fn is(&self, wanted: &Wanted) -> bool {
        self.endpoint == wanted.listen.endpoint
            && (self.endpoint.port() != 0 || self.listening.component == wanted.component)
    }
}

/// What had to be cut concerns senders, who will send it again: a warning, no more.
fn note_cuts(report: net::Report) {
    if report != net::Report::default() {
        let net::Report { uploads_cut, connections_cut, handlers_aborted } = report;
        tracing::warn!(uploads_cut, connections_cut, handlers_aborted, "not all clients were done in time");
    }
}

fn note_failure(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && !error.is_cancelled()
    {
        tracing::error!(%error, "a listener failed");
    }
}
