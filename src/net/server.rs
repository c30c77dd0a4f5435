//! Accepting connections, and ending them within a deadline.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio_util::task::TaskTracker;

use super::body::{Body, RequestBody};
use super::connection::{Connection, Port};
use super::drive::drive;
use super::listener::Listener;
use super::offer::Offer;
use super::stop::{Phase, Stop};
use super::windows::Windows;
use crate::observe::facts::{Fact, Facts};

/// What answers requests. Called once per request, for any number of them at once. The future is dropped when the client leaves or the stop runs out of time.
pub trait Service: Send + Sync + 'static {
    fn call(
        &self,
        request: Request<RequestBody>,
        connection: &Arc<Connection>,
    ) -> BoxFuture<'static, Response<Body>>;
}

/// What a stop had to cut. All zero: every client got its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Request bodies that had not ended by a third of the deadline; their handlers were told so.
    pub uploads_cut: usize,
    /// Connections that were closed under a request, or under a client that kept an idle one.
    pub connections_cut: usize,
    /// Handlers that had no answer at the deadline.
    pub handlers_aborted: usize,
}

/// Serves `listener` with its own `offer` until `stop` begins, then ends within its schedule: no new connections at once, uploads
/// until a third of it, handlers until its end. What is not read yet fits into `windows`. Dropping the future closes everything at once.
pub async fn serve(
    listener: Listener,
    offer: Offer,
    windows: Arc<Windows>,
    facts: Arc<Facts>,
    stop: Stop,
) -> Report {
    let served = Served(offer.clone());
    let port = Arc::new(Port {
        listener: listener.local_addr(),
        moments: offer.moments(),
        offer,
        windows,
        facts,
        connections: AtomicUsize::new(0),
        uploads_cut: AtomicUsize::new(0),
        connections_cut: AtomicUsize::new(0),
        handlers_aborted: AtomicUsize::new(0),
    });
    let tasks = TaskTracker::new();
    let schedule = tokio::select! {
        schedule = stop.begun() => schedule,
        never = accept(&listener, &port, &tasks) => match never {},
    };
    drop(listener);

    tasks.close();
    let steps = [
        (Phase::Draining, schedule.uploads),
        (Phase::NoUploads, schedule.end),
        (Phase::Cut, schedule.end + CUT_LINGER),
    ];
    for (step, until) in steps {
        served.0.enter(step);
        if tokio::time::timeout_at(until, tasks.wait()).await.is_ok() {
            break;
        }
    }
    Report {
        uploads_cut: port.uploads_cut.load(Ordering::Relaxed),
        connections_cut: port.connections_cut.load(Ordering::Relaxed),
        handlers_aborted: port.handlers_aborted.load(Ordering::Relaxed),
    }
}

/// A port that is served. Its connections go with it.
struct Served(Offer);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.enter(Phase::Cut);
    }
}

async fn accept(listener: &Listener, port: &Arc<Port>, tasks: &TaskTracker) -> Infallible {
    let mut pause = ACCEPT_PAUSE_MIN;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if concerns_one_client(&error) => continue,
            Err(error) => {
                // The next try would fail as fast as this one, until someone closes a file.
                port.facts.report(Fact::AcceptFailed { listener: port.listener, error: error.kind() });
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
                continue;
            }
        };
        pause = ACCEPT_PAUSE_MIN;
        port.facts.connected(port.listener);
        let transport = Arc::clone(&port.offer.current().transport);
        let connections_max = transport.limits.connections_max;
        let Some(seat) = Seat::take(port, connections_max) else {
            port.facts.report(Fact::ConnectionCap { peer, listener: port.listener, connections_max });
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection lost before it was served");
            continue;
        }
        let connection = drive(stream, peer, transport, Arc::clone(port));
        tasks.spawn(async move {
            connection.await;
            drop(seat);
        });
    }
}

/// One of the connections that a port may have. Only `accept` takes them, one after the other.
struct Seat(Arc<Port>);

impl Seat {
    fn take(port: &Arc<Port>, connections_max: usize) -> Option<Seat> {
        if port.connections.load(Ordering::Relaxed) >= connections_max {
            return None;
        }
        port.connections.fetch_add(1, Ordering::Relaxed);
        Some(Seat(Arc::clone(port)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The client left between its connect and our accept; the listener is fine.
fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long tasks may take to notice that they were cut; one that computes cannot be stopped.
const CUT_LINGER: Duration = Duration::from_secs(1);
