//! What the transports of all ports may hold of bytes that nobody has read yet.
//!
//! A client may send a window's worth before a handler has looked at it, and no charge covers that. A window for
//! each connection that is wide enough for a distant sender, times all connections that a port takes, is many
//! times the memory budget. So a window's width is decided when its connection comes: the first few get all they
//! want, later ones a part of what is left, and never less than HTTP/2 demands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shared by the ports of a process.
#[derive(Debug)]
pub struct Windows {
    limit: AtomicU64,
    given: AtomicU64,
}

impl Windows {
    /// All windows together get `limit` bytes, beside the [`WINDOW_MIN`] that every connection has at least.
    pub fn new(limit: u64) -> Arc<Windows> {
        Arc::new(Windows { limit: AtomicU64::new(limit), given: AtomicU64::new(0) })
    }

    /// Sets another limit, for connections to come.
    pub fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// A window for one more connection, of at most `most` bytes.
    pub(super) fn open(self: &Arc<Self>, most: u32) -> Window {
        let limit = self.limit.load(Ordering::Relaxed);
        let width = |given: u64| {
            let part = u32::try_from(limit.saturating_sub(given) / PART).unwrap_or(u32::MAX);
            part.max(WINDOW_MIN).min(most)
        };
        let given = self.given.update(Ordering::AcqRel, Ordering::Relaxed, |given| {
            given.saturating_add(u64::from(width(given)))
        });
        Window { bytes: width(given), of: Arc::clone(self) }
    }

    /// Bytes that the windows of open connections have now.
    pub fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }
}

/// A connection's window. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Window {
    bytes: u32,
    of: Arc<Windows>,
}

impl Window {
    pub(super) fn bytes(&self) -> u32 {
        self.bytes
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.of.given.fetch_sub(u64::from(self.bytes), Ordering::AcqRel);
    }
}

/// What one connection gets of what is left: enough for a few to be fast, little enough for many to come.
const PART: u64 = 16;
/// With this every HTTP/2 connection begins, and no setting lowers it (RFC 9113, 6.9.2).
pub(super) const WINDOW_MIN: u32 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u32 = 1 << 20;

    #[test]
    fn the_first_get_what_they_want_and_all_together_no_more_than_the_limit() {
        let windows = Windows::new(64 << 20);
        let open: Vec<Window> = (0..1000).map(|_| windows.open(2 * MIB)).collect();
        assert!(open[..10].iter().all(|window| window.bytes() == 2 * MIB));
        assert!(open.is_sorted_by_key(|window| std::cmp::Reverse(window.bytes())));
        assert!(windows.given() <= (64 << 20) + 1000 * u64::from(WINDOW_MIN), "{}", windows.given());
        drop(open);
        assert_eq!(windows.given(), 0);
        assert_eq!(windows.open(2 * MIB).bytes(), 2 * MIB);
    }

    #[test]
    fn nothing_left_is_the_least_that_the_protocol_has_and_never_more_than_was_wanted() {
        let windows = Windows::new(0);
        assert_eq!(windows.open(2 * MIB).bytes(), WINDOW_MIN);
        assert_eq!(windows.open(8192).bytes(), 8192);
    }
}
