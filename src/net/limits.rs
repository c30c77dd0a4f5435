//! What one port asks of its clients and allows them: TLS, deadlines, counts and the memory a transport may hold.

use std::time::Duration;

use super::tls::ServerTls;
use super::windows::WINDOW_MIN;

/// Limits of one listener. The defaults hold for every port unless its configuration says otherwise. What lies
/// outside the range a protocol allows is taken as the nearest value inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections begin with TLS; without it, in plain text. Default none.
    pub tls: Option<ServerTls>,
    /// Open connections; one more is closed at once. Default 1024.
    pub connections_max: usize,
    /// From the connection to its first bytes, TLS handshake included; for HTTP/2 up to the end of the client's opening (preface and
    /// first SETTINGS). Default 10 s.
    pub hello: Duration,
    /// From the first byte of an HTTP/1 request to the end of its head. HTTP/2 has [`idle`](Self::idle) for
    /// that, since a gRPC client may connect long before it has something to say. Default 10 s.
    pub head: Duration,
    /// How long a connection may be quiet between requests, and an answer may be stuck on a client that does
    /// not read it. Longer than the pause between exports of any SDK (60 s for metrics) and than the 90 s for
    /// which Go clients keep idle connections, so that the client closes first. Default 2 min.
    pub idle: Duration,
    /// In each window of this length in which a request waits for its body, at least
    /// [`body_bytes_min`](Self::body_bytes_min) of it must arrive. Default 10 s.
    pub body_window: Duration,
    /// See [`body_window`](Self::body_window). Default 10 KiB, that is 1 KiB/s.
    pub body_bytes_min: u64,
    /// HTTP/2 flow control per stream, in bytes; at most 2^31 - 1. 1 MiB moves 20 MB/s per stream over a
    /// round trip of 50 ms. Default 1 MiB.
    pub h2_stream_window: u32,
    /// HTTP/2 flow control per connection, in bytes; at most 2^31 - 1. This is what one connection may make
    /// the transport hold; it gets less where there are many ([`Windows`](super::Windows)). Default 2 MiB.
    pub h2_connection_window: u32,
    /// Largest HTTP/2 frame asked for, in bytes, 16 KiB to 16 MiB - 1; a narrow window asks for less.
    /// Default 64 KiB.
    pub h2_frame_max: u32,
    /// Requests at once on one HTTP/2 connection. Default 200.
    pub h2_streams_max: u32,
    /// Size of a request's head in bytes, for HTTP/2 by its own measure (RFC 9113, 6.5.2). Default 16 KiB.
    pub head_bytes_max: u32,
    /// The read buffer of an HTTP/1 connection in bytes, at least 8 KiB; less where there are many connections
    /// ([`Windows`](super::Windows)). Default 128 KiB.
    pub h1_buffer_max: usize,
}

impl Limits {
    /// These limits with no more connections than `bytes` suffice for when all of them are open and have the
    /// narrowest windows; one at least.
    #[must_use]
    pub fn within(self, bytes: u64) -> Limits {
        let fitting = usize::try_from(bytes / CONNECTION_BYTES_MIN).unwrap_or(usize::MAX);
        Limits { connections_max: self.connections_max.min(fitting.max(1)), ..self }
    }
}

/// What a transport can hold for a connection in any case: the narrowest window and a frame that overruns it.
const CONNECTION_BYTES_MIN: u64 = WINDOW_MIN as u64 + H2_FRAME_MIN as u64;
/// The smallest frame that a server may ask for (RFC 9113, 4.2).
pub(super) const H2_FRAME_MIN: u32 = 1 << 14;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            tls: None,
            connections_max: 1024,
            hello: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            body_window: Duration::from_secs(10),
            body_bytes_min: 10 * 1024,
            h2_stream_window: 1024 * 1024,
            h2_connection_window: 2 * 1024 * 1024,
            h2_frame_max: 64 * 1024,
            h2_streams_max: 200,
            head_bytes_max: 16 * 1024,
            h1_buffer_max: 128 * 1024,
        }
    }
}
