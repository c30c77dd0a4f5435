//! The requests that were not taken lately: by whom, what for, and what they looked like from outside.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::shown::shown;

/// A request that was not taken. Its texts are cut and escaped; none is of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub at: SystemTime,
    pub peer: SocketAddr,
    pub listener: SocketAddr,
    /// `grpc` or `http`.
    pub transport: &'static str,
    pub method: Box<str>,
    /// Without its query.
    pub path: Box<str>,
    /// Of the answer: an HTTP status, over gRPC its code.
    pub status: u16,
    /// The answer's sentence.
    pub reason: Box<str>,
    /// Empty if there was none, as the next two.
    pub content_type: Box<str>,
    pub content_encoding: Box<str>,
    pub user_agent: Box<str>,
    /// The body's size, if it was announced.
    pub bytes: Option<u64>,
}

/// What a port knows of a request that it does not take, as it came; header values are bytes.
#[derive(Clone, Copy, Debug)]
pub struct Rejected<'a> {
    pub peer: SocketAddr,
    pub listener: SocketAddr,
    pub transport: &'static str,
    pub method: &'a str,
    /// Without its query.
    pub path: &'a str,
    pub status: u16,
    /// A sentence without anything that the request's body or credentials say.
    pub reason: &'a str,
    pub content_type: &'a [u8],
    pub content_encoding: &'a [u8],
    pub user_agent: &'a [u8],
    pub bytes: Option<u64>,
}

/// The last of them, and the number of all.
#[derive(Debug, Default)]
pub struct Rejections {
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    /// The latest comes last.
    latest: VecDeque<Rejection>,
    total: u64,
}

impl Rejections {
    /// Remembers it, instead of the oldest if there are [`REJECTIONS_MAX`].
    pub fn reject(&self, rejected: Rejected<'_>) {
        let rejection = rejected.now();
        let mut ring = self.ring();
        ring.total += 1;
        if ring.latest.len() == REJECTIONS_MAX {
            ring.latest.pop_front();
        }
        ring.latest.push_back(rejection);
    }

    /// All that are remembered, the oldest first.
    pub fn all(&self) -> Vec<Rejection> {
        self.ring().latest.iter().cloned().collect()
    }

    /// How many there were since the start.
    pub fn total(&self) -> u64 {
        self.ring().total
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Nothing under this lock can leave half a value, so a panic elsewhere does not spoil it.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rejected<'_> {
    fn now(self) -> Rejection {
        let text = |text: &str, chars_max| Box::from(shown(text, chars_max));
        let header = |value: &[u8]| text(&String::from_utf8_lossy(value), HEADER_CHARS_MAX);
        Rejection {
            at: SystemTime::now(),
            peer: self.peer,
            listener: self.listener,
            transport: self.transport,
            method: text(self.method, METHOD_CHARS_MAX),
            path: text(self.path, PATH_CHARS_MAX),
            status: self.status,
            reason: text(self.reason, REASON_CHARS_MAX),
            content_type: header(self.content_type),
            content_encoding: header(self.content_encoding),
            user_agent: header(self.user_agent),
            bytes: self.bytes,
        }
    }
}

/// So many are remembered.
pub const REJECTIONS_MAX: usize = 200;
const METHOD_CHARS_MAX: usize = 20;
const PATH_CHARS_MAX: usize = 200;
const HEADER_CHARS_MAX: usize = 200;
const REASON_CHARS_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(path: &str) -> Rejected<'_> {
        Rejected {
            peer: SocketAddr::from(([10, 0, 0, 1], 1000)),
            listener: SocketAddr::from(([127, 0, 0, 1], 4318)),
            transport: "http",
            method: "POST",
            path,
            status: 404,
            reason: "nothing takes data at this path",
            content_type: b"application/json",
            content_encoding: b"",
            user_agent: b"curl/8.5.0",
            bytes: Some(2),
        }
    }

    #[test]
    fn the_last_ones_are_remembered_and_all_are_counted() {
        let rejections = Rejections::default();
        for n in 0..REJECTIONS_MAX + 2 {
            rejections.reject(rejected(&n.to_string()));
        }
        let all = rejections.all();
        assert_eq!((all.len(), rejections.total()), (REJECTIONS_MAX, REJECTIONS_MAX as u64 + 2));
        assert_eq!((&*all[0].path, &*all[REJECTIONS_MAX - 1].path), ("2", "201"));
    }

    #[test]
    fn hostile_texts_are_cut_and_escaped() {
        let rejections = Rejections::default();
        let long = "a".repeat(100_000);
        rejections.reject(Rejected {
            method: &long,
            user_agent: b"x\x1b]0;y\x07\xff",
            reason: &long,
            content_type: long.as_bytes(),
            ..rejected(&format!("/{long}"))
        });
        let seen = &rejections.all()[0];
        assert_eq!(&*seen.user_agent, "x\\u{1b}]0;y\\u{7}\u{fffd}");
        let lengths =
            [&seen.method, &seen.path, &seen.reason, &seen.content_type].map(|text| text.chars().count());
        assert_eq!(lengths, [21, 201, 401, 201]);
    }
}
