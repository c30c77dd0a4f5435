//! The facts themselves: what was seen, by whom, and the sentence for a person.

use std::fmt;
use std::io;
use std::net::SocketAddr;

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
    /// Another program has the port; burgee runs without it.
    PortTaken { listener: SocketAddr },
    /// Flag definitions were there, but cannot be used; `flags` older ones stay in force.
    DefinitionsBroken { flags: u64 },
    /// Flag definitions were not there; `flags` older ones stay in force.
    DefinitionsUnreachable { flags: u64 },
    /// A client connected and left without a byte, as port checks do.
    Silent { peer: SocketAddr, listener: SocketAddr },
    /// A browser asked or sent for a web page whose origin is not allowed.
    CorsRefused { peer: SocketAddr, listener: SocketAddr },
    /// A browser asked to send headers that are not allowed to its page.
    CorsHeaders { peer: SocketAddr, listener: SocketAddr },
    /// A browser sent credentials to a port that takes every page, and therefore no credentials.
    CorsCredentials { peer: SocketAddr, listener: SocketAddr },
    /// A web page that came over https sent to a plain port that is not of its own machine.
    InsecureOrigin { peer: SocketAddr, listener: SocketAddr },
    /// A request came through an HTTP proxy.
    ThroughProxy { peer: SocketAddr, listener: SocketAddr },
    /// A request was of a signal that no pipeline takes.
    Unserved { peer: SocketAddr, listener: SocketAddr },
    /// A request of another protocol than OTLP, or of an OTLP that is no more.
    Legacy { peer: SocketAddr, listener: SocketAddr },
    /// What this very process sent came back to it.
    Loop { peer: SocketAddr, listener: SocketAddr },
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
    PortTaken,
    DefinitionsBroken,
    DefinitionsUnreachable,
    Silent,
    CorsRefused,
    CorsHeaders,
    CorsCredentials,
    InsecureOrigin,
    ThroughProxy,
    Unserved,
    Legacy,
    Loop,
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
            Fact::PortTaken { .. } => Kind::PortTaken,
            Fact::DefinitionsBroken { .. } => Kind::DefinitionsBroken,
            Fact::DefinitionsUnreachable { .. } => Kind::DefinitionsUnreachable,
            Fact::Silent { .. } => Kind::Silent,
            Fact::CorsRefused { .. } => Kind::CorsRefused,
            Fact::CorsHeaders { .. } => Kind::CorsHeaders,
            Fact::CorsCredentials { .. } => Kind::CorsCredentials,
            Fact::InsecureOrigin { .. } => Kind::InsecureOrigin,
            Fact::ThroughProxy { .. } => Kind::ThroughProxy,
            Fact::Unserved { .. } => Kind::Unserved,
            Fact::Legacy { .. } => Kind::Legacy,
            Fact::Loop { .. } => Kind::Loop,
        }
    }

    /// The client's address; `None` where no client was concerned.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.ends().0
    }

    /// Our address: the one that was bound, or the one that the client's connection has. `None` where no port was
    /// concerned.
    pub fn listener(&self) -> Option<SocketAddr> {
        self.ends().1
    }

    fn ends(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        match *self {
            Fact::DefinitionsBroken { .. } | Fact::DefinitionsUnreachable { .. } => (None, None),
            Fact::AcceptFailed { listener, .. } | Fact::PortTaken { listener } => (None, Some(listener)),
            Fact::TlsOnPlainPort { peer, listener }
            | Fact::PlainOnTlsPort { peer, listener }
            | Fact::HandshakeFailed { peer, listener, .. }
            | Fact::NotHttp { peer, listener }
            | Fact::ConnectionCap { peer, listener, .. }
            | Fact::HelloTimeout { peer, listener }
            | Fact::HeadTimeout { peer, listener }
            | Fact::BodyStalled { peer, listener }
            | Fact::Malformed { peer, listener }
            | Fact::TooLarge { peer, listener }
            | Fact::NoRoom { peer, listener }
            | Fact::WrongPath { peer, listener }
            | Fact::UnsupportedMediaType { peer, listener }
            | Fact::Unauthenticated { peer, listener }
            | Fact::Silent { peer, listener }
            | Fact::CorsRefused { peer, listener }
            | Fact::CorsHeaders { peer, listener }
            | Fact::CorsCredentials { peer, listener }
            | Fact::InsecureOrigin { peer, listener }
            | Fact::ThroughProxy { peer, listener }
            | Fact::Unserved { peer, listener }
            | Fact::Legacy { peer, listener }
            | Fact::Loop { peer, listener } => (Some(peer), Some(listener)),
        }
    }
}

impl Kind {
    /// Every kind, in the order of its discriminants.
    pub const ALL: [Kind; 27] = [
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
        Kind::PortTaken,
        Kind::DefinitionsBroken,
        Kind::DefinitionsUnreachable,
        Kind::Silent,
        Kind::CorsRefused,
        Kind::CorsHeaders,
        Kind::CorsCredentials,
        Kind::InsecureOrigin,
        Kind::ThroughProxy,
        Kind::Unserved,
        Kind::Legacy,
        Kind::Loop,
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
            Kind::PortTaken => "port_taken",
            Kind::DefinitionsBroken => "definitions_broken",
            Kind::DefinitionsUnreachable => "definitions_unreachable",
            Kind::Silent => "silent",
            Kind::CorsRefused => "cors_refused",
            Kind::CorsHeaders => "cors_headers",
            Kind::CorsCredentials => "cors_credentials",
            Kind::InsecureOrigin => "insecure_origin",
            Kind::ThroughProxy => "through_proxy",
            Kind::Unserved => "unserved",
            Kind::Legacy => "legacy",
            Kind::Loop => "loop",
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
            Fact::PortTaken { listener } => {
                write!(f, "another program has {listener}; burgee runs without it")
            }
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
            Fact::Silent { peer, listener } => write!(
                f,
                "{peer} connected to {listener} and left without a word, as port checks do; nothing was lost"
            ),
            Fact::CorsRefused { peer, listener } => write!(
                f,
                "a browser at {peer} works for a web page that may not send to {listener}; add its origin to cors.allowed_origins, the browser's console has it"
            ),
            Fact::CorsHeaders { peer, listener } => write!(
                f,
                "a browser at {peer} was not allowed by {listener} to send all headers that its web page wants; add them to cors.allowed_headers, the browser's console has them"
            ),
            Fact::CorsCredentials { peer, listener } => write!(
                f,
                "a browser at {peer} sent credentials to {listener}, whose cors.allowed_origins is *; its page cannot read the answer, name its origin instead"
            ),
            Fact::InsecureOrigin { peer, listener } => write!(
                f,
                "a web page over https sends in plain text to {listener} ({peer}); browsers block that, give the port TLS or put a proxy with TLS before it"
            ),
            Fact::ThroughProxy { peer, listener } => write!(
                f,
                "{peer} passes requests to {listener} on for somebody else; if no proxy should be between, set NO_PROXY at the sender"
            ),
            Fact::Unserved { peer, listener } => write!(
                f,
                "{peer} sends a signal to {listener} that no pipeline takes; add a pipeline for it, or let the sender stop (OTEL_METRICS_EXPORTER=none and its kin)"
            ),
            Fact::Legacy { peer, listener } => write!(
                f,
                "{peer} speaks a protocol to {listener} that burgee does not take, Zipkin, Jaeger or an early OTLP; let the sender export OTLP"
            ),
            Fact::Loop { peer, listener } => write!(
                f,
                "what burgee sends comes back to it at {listener} (from {peer}); an exporter's endpoint leads here, let it name another one"
            ),
        }
    }
}
