//! One client's connection: who it is, and what its deadlines count.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::limits::Limits;
use super::offer::{Moment, Offer, Transport};
use super::stop::Phase;
use super::windows::Windows;
use crate::observe::facts::{Fact, Facts};

/// A connection as the service sees it.
pub struct Connection {
    /// The client's address.
    pub peer: SocketAddr,
    /// Our address on this connection.
    pub local: SocketAddr,
    pub protocol: Protocol,
    port: Arc<Port>,
    transport: Arc<Transport>,
    activity: Activity,
}

/// What the client spoke in its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    Http1,
    Http2,
}

/// What all connections of one `serve` share.
pub(super) struct Port {
    /// The address that was bound.
    pub(super) listener: SocketAddr,
    pub(super) offer: Offer,
    pub(super) windows: Arc<Windows>,
    pub(super) facts: Arc<Facts>,
    pub(super) moments: watch::Receiver<Moment>,
    /// Open now.
    pub(super) connections: AtomicUsize,
    pub(super) uploads_cut: AtomicUsize,
    pub(super) connections_cut: AtomicUsize,
    pub(super) handlers_aborted: AtomicUsize,
}

impl Connection {
    pub(super) fn new(
        peer: SocketAddr,
        local: SocketAddr,
        protocol: Protocol,
        transport: Arc<Transport>,
        port: Arc<Port>,
    ) -> Self {
        let activity = Activity::new(protocol);
        Connection { peer, local, protocol, port, transport, activity }
    }

    /// Whether it is encrypted.
    pub fn has_tls(&self) -> bool {
        self.transport.limits.tls.is_some()
    }

    /// Whether the port takes no new requests any more.
    pub fn is_stopping(&self) -> bool {
        self.port.moments.borrow().phase != Phase::Serving
    }

    /// Resolves when the port takes no new requests any more: what would go on for ever has to end then.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut moments = self.port.moments.clone();
        async move {
            // An error means that the server itself is gone, which is a stop, too.
            let _ = moments.wait_for(|now| now.phase != Phase::Serving).await;
        }
    }

    pub(super) fn port(&self) -> &Arc<Port> {
        &self.port
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.transport.limits
    }

    /// New connections begin with other limits than this one.
    pub(super) fn is_outdated(&self, now: Moment) -> bool {
        self.transport.is_outdated(now)
    }

    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }

    pub(super) fn count_upload_cut(&self) {
        self.port.uploads_cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn report_stalled_body(&self) {
        self.port.facts.report(Fact::BodyStalled { peer: self.peer, listener: self.port.listener });
    }

    pub(super) fn uploads_have_ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut moments = self.port.moments.clone();
        async move {
            // An error means that the server itself is gone, which ends uploads as well.
            let _ = moments.wait_for(|now| now.phase >= Phase::NoUploads).await;
        }
    }
}

/// Which deadline a connection missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missed {
    Head,
    Idle,
}

/// How long a connection may take for a head, and for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) idle: Duration,
}

/// What happens on a connection, as the deadlines need it. Times are milliseconds since its start.
pub(super) struct Activity {
    started: Instant,
    protocol: Protocol,
    /// Requests whose handler runs. While there is one, only its body has deadlines.
    handlers: AtomicUsize,
    /// Requests whose answer is not sent, those of `handlers` included.
    unanswered: AtomicUsize,
    /// When it last did something useful.
    touched_ms: AtomicU64,
    /// When the request head that is being read began; [`NO_HEAD`] without one.
    head_ms: AtomicU64,
}

impl Activity {
    fn new(protocol: Protocol) -> Self {
        Activity {
            started: Instant::now(),
            protocol,
            handlers: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            touched_ms: AtomicU64::new(0),
            // The hello of HTTP/1 is the beginning of the first head.
            head_ms: AtomicU64::new(if protocol == Protocol::Http1 { 0 } else { NO_HEAD }),
        }
    }

    /// Bytes came from the client.
    pub(super) fn read(&self) {
        let between_requests =
            self.protocol == Protocol::Http1 && self.unanswered.load(Ordering::Relaxed) == 0;
        if between_requests && self.head_ms.load(Ordering::Relaxed) == NO_HEAD {
            self.head_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// Bytes went to the client. Between requests that is housekeeping and does not count.
    pub(super) fn wrote(&self, written: &Poll<io::Result<usize>>) {
        if matches!(written, Poll::Ready(Ok(1..))) && self.unanswered.load(Ordering::Relaxed) > 0 {
            self.touch();
        }
    }

    pub(super) fn handler_began(&self) {
        self.handlers.fetch_add(1, Ordering::Relaxed);
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        self.head_ms.store(NO_HEAD, Ordering::Relaxed);
    }

    pub(super) fn handler_ended(&self) {
        self.touch();
        self.handlers.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn answer_ended(&self) {
        self.touch();
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
    }

    /// True while no request has been begun and not yet answered.
    fn is_idle(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) == 0
    }

    /// The next deadline; none while a handler runs.
    pub(super) fn deadline(&self, patience: Patience) -> Option<(Instant, Missed)> {
        if self.handlers.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let head_ms = self.head_ms.load(Ordering::Relaxed);
        if head_ms != NO_HEAD && self.is_idle() {
            return Some((self.at(head_ms) + patience.head, Missed::Head));
        }
        Some((self.at(self.touched_ms.load(Ordering::Relaxed)) + patience.idle, Missed::Idle))
    }

    pub(super) fn touch(&self) {
        self.touched_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(NO_HEAD - 1)
    }

    fn at(&self, ms: u64) -> Instant {
        self.started + Duration::from_millis(ms)
    }
}

const NO_HEAD: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { head: Duration::from_secs(10), idle: Duration::from_secs(120) };

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_outlives_the_head_deadline_and_not_the_idle_one() {
        let activity = Activity::new(Protocol::Http1);
        let start = Instant::now();
        assert_eq!(activity.deadline(PATIENCE), Some((start + PATIENCE.head, Missed::Head)));

        activity.handler_began();
        assert_eq!(activity.deadline(PATIENCE), None, "a handler has its own deadlines");
        tokio::time::advance(Duration::from_secs(300)).await;
        activity.handler_ended();
        activity.answer_ended();
        let answered = Instant::now();
        assert_eq!(activity.deadline(PATIENCE), Some((answered + PATIENCE.idle, Missed::Idle)));

        tokio::time::advance(Duration::from_secs(60)).await;
        activity.read();
        let begun = Instant::now();
        tokio::time::advance(Duration::from_secs(5)).await;
        activity.read();
        assert_eq!(activity.deadline(PATIENCE), Some((begun + PATIENCE.head, Missed::Head)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_moves_keeps_its_connection_and_pings_do_not() {
        let activity = Activity::new(Protocol::Http2);
        let start = Instant::now();
        activity.read();
        activity.wrote(&Poll::Ready(Ok(17)));
        assert_eq!(activity.deadline(PATIENCE), Some((start + PATIENCE.idle, Missed::Idle)));

        activity.handler_began();
        activity.handler_ended();
        tokio::time::advance(Duration::from_secs(100)).await;
        activity.wrote(&Poll::Ready(Ok(17)));
        assert_eq!(activity.deadline(PATIENCE), Some((Instant::now() + PATIENCE.idle, Missed::Idle)));
        assert!(!activity.is_idle());
    }
}
