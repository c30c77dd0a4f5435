//! Facts: typed sightings of what is odd about senders and sockets, for the log now and the doctor later.
//!
//! A fact carries addresses, limits and error kinds, never a value from telemetry or from a request.
//! Each kind has a counter and its latest sighting, so memory does not depend on what the network does.
//! A kind is logged at most once in [`LOG_EVERY`]; the line says how often it was seen since the last one.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The shortest time between two log lines of one [`Kind`].
pub const LOG_EVERY: Duration = Duration::from_secs(30);

/// Something odd that was seen once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A client opened with a TLS handshake on a port that speaks plain HTTP.
    TlsOnPlainPort { peer: SocketAddr, listener: SocketAddr },
    /// A client opened in plain text on a port that speaks TLS.
    PlainOnTlsPort { peer: SocketAddr, listener: SocketAddr },
    /// A client and a port with TLS could not agree.
    HandshakeFailed { peer: SocketAddr, listener: SocketAddr, why: &'static str },
    /// A client sent something that is neither HTTP/1 nor HTTP/2.
    NotHttp { peer: SocketAddr, listener: SocketAddr },
    /// A connection was closed at once because `connections_max` are open.
    ConnectionCap { peer: SocketAddr, listener: SocketAddr, connections_max: usize },
    /// A client connected and did not finish its first bytes (or the HTTP/2 opening) in time.
    HelloTimeout { peer: SocketAddr, listener: SocketAddr },
    /// A client began a request and did not finish its head in time.
    HeadTimeout { peer: SocketAddr, listener: SocketAddr },
    /// A request body came too slowly, or not at all.
    BodyStalled { peer: SocketAddr, listener: SocketAddr },
    /// A request on an OTLP path was not an OTLP message, or not decompressible.
    Malformed { peer: SocketAddr, listener: SocketAddr },
    /// A request was larger than the limit of its port.
    TooLarge { peer: SocketAddr, listener: SocketAddr },
    /// A request was told to come again, because a queue or the memory is full.
    NoRoom { peer: SocketAddr, listener: SocketAddr },
    /// Something was posted to a path that takes nothing.
    WrongPath { peer: SocketAddr, listener: SocketAddr },
    /// A content type or content encoding that burgee does not read.
    UnsupportedMediaType { peer: SocketAddr, listener: SocketAddr },
    /// A request did not prove who sends it, on a port that asks for that.
    Unauthenticated { peer: SocketAddr, listener: SocketAddr },
    /// The system did not hand out a new connection, usually for want of file descriptors.
    AcceptFailed { listener: SocketAddr, error: io::ErrorKind },
    /// Flag definitions were there, but cannot be used; `flags` older ones stay in force.
    DefinitionsBroken { flags: u64 },
    /// Flag definitions were not there; `flags` older ones stay in force.
    DefinitionsUnreachable { flags: u64 },
}

/// The sort of a [`Fact`], without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    TlsOnPlainPort,
    PlainOnTlsPort,
    HandshakeFailed,
    NotHttp,
    ConnectionCap,
    HelloTimeout,
    HeadTimeout,
    BodyStalled,
    Malformed,
    TooLarge,
    NoRoom,
    WrongPath,
    UnsupportedMediaType,
    Unauthenticated,
    AcceptFailed,
    DefinitionsBroken,
    DefinitionsUnreachable,
}

/// The latest fact of a kind, and how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    pub fact: Fact,
    pub at: SystemTime,
    /// Facts of this kind since the start, this one included.
    pub count: u64,
}

/// Where facts are reported and looked up; shared by reference count.
#[derive(Debug, Default)]
pub struct Facts {
    shelves: [Shelf; Kind::ALL.len()],
}

impl Facts {
    /// Counts `fact`, keeps it as the latest of its kind, and logs it unless its kind was logged lately.
    pub fn report(&self, fact: Fact) {
        if let Some(count) = self.note(fact, Instant::now()) {
            tracing::warn!(kind = fact.kind().name(), count, "{fact}");
        }
    }

    /// The same without a line in the log: for whoever says there what a fact may not hold.
    pub fn keep(&self, fact: Fact) {
        drop(self.shelf(fact.kind()).sight(fact));
    }

    /// How many facts of `kind` were reported since the start.
    pub fn count(&self, kind: Kind) -> u64 {
        self.shelf(kind).count.load(Ordering::Relaxed)
    }

    /// The latest fact of `kind`.
    pub fn latest(&self, kind: Kind) -> Option<Sighting> {
        self.shelf(kind).latest().sighting
    }

    /// The latest fact of every kind that was seen at all.
    pub fn all(&self) -> Vec<Sighting> {
        Kind::ALL.iter().filter_map(|kind| self.latest(*kind)).collect()
    }

    /// Returns the number of sightings a log line written now stands for, or `None` if it is too early for one.
    fn note(&self, fact: Fact, now: Instant) -> Option<u64> {
        let (count, mut latest) = self.shelf(fact.kind()).sight(fact);
        if latest.logged_at.is_some_and(|before| now.saturating_duration_since(before) < LOG_EVERY) {
            return None;
        }
        let since_last_line = count - latest.logged_count;
        latest.logged_at = Some(now);
        latest.logged_count = count;
        Some(since_last_line)
    }

    fn shelf(&self, kind: Kind) -> &Shelf {
        &self.shelves[kind as usize]
    }
}

#[derive(Debug, Default)]
struct Shelf {
    count: AtomicU64,
    latest: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    sighting: Option<Sighting>,
    logged_at: Option<Instant>,
    logged_count: u64,
}

impl Shelf {
    /// Counts, and keeps as the latest. Returns the new count, and the latest for who has more to note.
    fn sight(&self, fact: Fact) -> (u64, std::sync::MutexGuard<'_, Latest>) {
        let mut latest = self.latest();
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        latest.sighting = Some(Sighting { fact, at: SystemTime::now(), count });
        (count, latest)
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, Latest> {
        // Nothing under this lock can leave half a value, so a panic elsewhere does not spoil it.
        self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Fact {
    pub fn kind(&self) -> Kind {
        match self {
            Fact::TlsOnPlainPort { .. } => Kind::TlsOnPlainPort,
            Fact::PlainOnTlsPort { .. } => Kind::PlainOnTlsPort,
            Fact::HandshakeFailed { .. } => Kind::HandshakeFailed,
            Fact::NotHttp { .. } => Kind::NotHttp,
            Fact::ConnectionCap { .. } => Kind::ConnectionCap,
            Fact::HelloTimeout { .. } => Kind::HelloTimeout,
            Fact::HeadTimeout { .. } => Kind::HeadTimeout,
            Fact::BodyStalled { .. } => Kind::BodyStalled,
            Fact::Malformed { .. } => Kind::Malformed,
            Fact::TooLarge { .. } => Kind::TooLarge,
            Fact::NoRoom { .. } => Kind::NoRoom,
            Fact::WrongPath { .. } => Kind::WrongPath,
            Fact::UnsupportedMediaType { .. } => Kind::UnsupportedMediaType,
            Fact::Unauthenticated { .. } => Kind::Unauthenticated,
            Fact::AcceptFailed { .. } => Kind::AcceptFailed,
            Fact::DefinitionsBroken { .. } => Kind::DefinitionsBroken,
            Fact::DefinitionsUnreachable { .. } => Kind::DefinitionsUnreachable,
        }
    }
}

impl Kind {
    /// Every kind, in the order of its discriminants.
    pub const ALL: [Kind; 17] = [
        Kind::TlsOnPlainPort,
        Kind::PlainOnTlsPort,
        Kind::HandshakeFailed,
        Kind::NotHttp,
        Kind::ConnectionCap,
        Kind::HelloTimeout,
        Kind::HeadTimeout,
        Kind::BodyStalled,
        Kind::Malformed,
        Kind::TooLarge,
        Kind::NoRoom,
        Kind::WrongPath,
        Kind::UnsupportedMediaType,
        Kind::Unauthenticated,
        Kind::AcceptFailed,
        Kind::DefinitionsBroken,
        Kind::DefinitionsUnreachable,
    ];

    /// A stable name for logs, metrics and findings.
    pub fn name(self) -> &'static str {
        match self {
            Kind::TlsOnPlainPort => "tls_on_plain_port",
            Kind::PlainOnTlsPort => "plain_on_tls_port",
            Kind::HandshakeFailed => "handshake_failed",
            Kind::NotHttp => "not_http",
            Kind::ConnectionCap => "connection_cap",
            Kind::HelloTimeout => "hello_timeout",
            Kind::HeadTimeout => "head_timeout",
            Kind::BodyStalled => "body_stalled",
            Kind::Malformed => "malformed",
            Kind::TooLarge => "too_large",
            Kind::NoRoom => "no_room",
            Kind::WrongPath => "wrong_path",
            Kind::UnsupportedMediaType => "unsupported_media_type",
            Kind::Unauthenticated => "unauthenticated",
            Kind::AcceptFailed => "accept_failed",
            Kind::DefinitionsBroken => "definitions_broken",
            Kind::DefinitionsUnreachable => "definitions_unreachable",
        }
    }
}

/// One sentence for a person: who, what, what now.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::TlsOnPlainPort { peer, listener } => write!(
                f,
                "{peer} speaks TLS to {listener}, which is plain; give the sender an http:// endpoint or insecure: true"
            ),
            Fact::PlainOnTlsPort { peer, listener } => write!(
                f,
                "{peer} speaks plain text to {listener}, which has TLS; give the sender an https:// endpoint, or take `insecure` away"
            ),
            Fact::HandshakeFailed { peer, listener, why } => {
                write!(f, "no TLS between {peer} and {listener}: {why}")
            }
            Fact::NotHttp { peer, listener } => write!(
                f,
                "{peer} sent something to {listener} that is not HTTP; only OTLP over gRPC or HTTP belongs there"
            ),
            Fact::ConnectionCap { peer, listener, connections_max } => write!(
                f,
                "{listener} closed a connection from {peer}: {connections_max} are open, which is the limit; let senders reuse connections, or give burgee more memory (memory_limiter)"
            ),
            Fact::HelloTimeout { peer, listener } => write!(
                f,
                "{peer} connected to {listener} and did not begin to speak HTTP in time; the connection was closed"
            ),
            Fact::HeadTimeout { peer, listener } => write!(
                f,
                "{peer} began a request to {listener} and did not finish its head in time; the connection was closed"
            ),
            Fact::BodyStalled { peer, listener } => write!(
                f,
                "{peer} sent a request body to {listener} too slowly; the request was given up, look at the network between them"
            ),
            Fact::Malformed { peer, listener } => write!(
                f,
                "{peer} sent a request to {listener} that is not valid OTLP, or not compressed as it says; it was answered with the reason, see the sender's log"
            ),
            Fact::TooLarge { peer, listener } => write!(
                f,
                "{peer} sent a request to {listener} that is larger than the port's limit; let the sender make smaller batches, or raise max_recv_msg_size_mib and max_request_body_size"
            ),
            Fact::NoRoom { peer, listener } => write!(
                f,
                "a queue or the memory is full, so {peer} was told by {listener} to send again later; `burgee status` shows which exporter does not keep up"
            ),
            Fact::WrongPath { peer, listener } => write!(
                f,
                "{peer} posted to a path of {listener} that takes no data; the sender's endpoint setting is wrong, its log has the answer"
            ),
            Fact::UnsupportedMediaType { peer, listener } => write!(
                f,
                "{peer} sent a content type or encoding to {listener} that burgee does not read; use http/protobuf, http/json or grpc, with gzip, zstd, deflate or no compression"
            ),
            Fact::Unauthenticated { peer, listener } => write!(
                f,
                "{peer} sent a request to {listener} without the right credentials; it was answered with 401, look at auth here and at the sender's headers"
            ),
            Fact::AcceptFailed { listener, error } => write!(
                f,
                "{listener} cannot accept connections ({error}); if too many files are open, raise the limit (ulimit -n)"
            ),
            Fact::DefinitionsBroken { flags } => write!(
                f,
                "flag definitions cannot be read, so the last good ones ({flags} flags) stay in force; the log says what is wrong where"
            ),
            Fact::DefinitionsUnreachable { flags } => write!(
                f,
                "flag definitions cannot be fetched, so the last good ones ({flags} flags) stay in force; look at definitions in the configuration and at the relay proxy"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stalled(port: u16) -> Fact {
        Fact::BodyStalled {
            peer: SocketAddr::from(([127, 0, 0, 1], port)),
            listener: SocketAddr::from(([127, 0, 0, 1], 4317)),
        }
    }

    #[test]
    fn every_kind_has_its_own_shelf() {
        for (index, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index, "{}", kind.name());
        }
    }

    #[test]
    fn a_fact_is_counted_and_the_latest_one_kept() {
        let facts = Facts::default();
        facts.report(stalled(1));
        facts.report(stalled(2));
        assert_eq!(facts.count(Kind::BodyStalled), 2);
        assert_eq!(facts.count(Kind::NotHttp), 0);
        let latest = facts.latest(Kind::BodyStalled).expect("two were reported");
        assert_eq!((latest.fact, latest.count), (stalled(2), 2));
        assert_eq!(facts.all().len(), 1);
    }

    #[test]
    fn a_fact_that_is_only_kept_does_not_use_up_the_line_in_the_log() {
        let facts = Facts::default();
        facts.keep(stalled(1));
        assert_eq!(facts.count(Kind::BodyStalled), 1);
        assert_eq!(facts.note(stalled(2), Instant::now()), Some(2));
    }

    #[test]
    fn a_kind_is_logged_once_per_half_minute_with_the_number_since() {
        let facts = Facts::default();
        let start = Instant::now();
        assert_eq!(facts.note(stalled(1), start), Some(1));
        assert_eq!(facts.note(stalled(1), start + Duration::from_secs(1)), None);
        assert_eq!(facts.note(stalled(1), start + Duration::from_secs(29)), None);
        assert_eq!(facts.note(stalled(1), start + LOG_EVERY), Some(3));
        let other = Fact::AcceptFailed {
            listener: SocketAddr::from(([127, 0, 0, 1], 1)),
            error: io::ErrorKind::Other,
        };
        assert_eq!(facts.note(other, start + LOG_EVERY), Some(1), "another kind has its own clock");
    }
}
