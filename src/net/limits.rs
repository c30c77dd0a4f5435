//! What one port allows its clients: deadlines, counts and the memory a transport may hold.

use std::time::Duration;

/// Limits of one listener. The defaults hold for every port unless its configuration says otherwise. What lies
/// outside the range a protocol allows is taken as the nearest value inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; one more is closed at once. Default 1024.
    pub connections_max: usize,
    /// From the connection to its first bytes; for HTTP/2 up to the end of the client's opening (preface and
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
    /// the transport hold. Default 2 MiB.
    pub h2_connection_window: u32,
    /// Largest HTTP/2 frame asked for, in bytes, 16 KiB to 16 MiB - 1. Default 64 KiB.
    pub h2_frame_max: u32,
    /// Requests at once on one HTTP/2 connection. Default 200.
    pub h2_streams_max: u32,
    /// Size of a request's head in bytes, for HTTP/2 by its own measure (RFC 9113, 6.5.2). Default 16 KiB.
    pub head_bytes_max: u32,
    /// The read buffer of an HTTP/1 connection in bytes, at least 8 KiB. Default 128 KiB.
    pub h1_buffer_max: usize,
}

impl Limits {
    /// The most that transports can hold of what was not yet read, all connections together, in bytes.
    /// It lies outside the budget of the intake, which has to be compared with it at start.
    pub fn transport_bytes_max(&self) -> u64 {
        let h2 = u64::from(self.h2_connection_window) + u64::from(self.h2_frame_max);
        let h1 = self.h1_buffer_max as u64;
        (self.connections_max as u64).saturating_mul(h2.max(h1))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
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
