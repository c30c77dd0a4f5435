//! What changes payloads on their way.

use std::sync::Arc;

use super::Origin;
use crate::observe::evaluations::Tally;
use crate::otlp::{Edits, Payload, Watchlist};

/// Changes the payloads of one pipeline. Pure: no clock, no network, no file; background work is a task given to
/// the build context.
pub trait Processor: Send + Sync {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload;

    /// Adds the words it wants the door to look out for. Asked once, when the graph is built.
    fn watch(&self, watchlist: &mut Watchlist) {
        let _ = watchlist;
    }
}

/// One processor in several pipelines: what comes out depends on what went in alone.
impl<P: Processor + ?Sized> Processor for Arc<P> {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        (**self).process(payload, cx)
    }

    fn watch(&self, watchlist: &mut Watchlist) {
        (**self).watch(watchlist);
    }
}

/// What a processor is given beside the payload, and what it reports. Nothing reported counts unless the payload is
/// put.
pub struct Cx<'a> {
    /// Empty, with memory of earlier payloads.
    pub edits: &'a mut Edits,
    pub origin: &'a Origin,
    /// Items that this processor took out by configuration.
    pub discarded: u64,
    /// Items that this processor made.
    pub added: u64,
    /// Flag evaluations recognised.
    pub evaluations: u64,
    /// The same by flag, for burgee's own metrics; a processor may leave it empty.
    pub tally: Tally,
}

impl<'a> Cx<'a> {
    pub fn new(edits: &'a mut Edits, origin: &'a Origin) -> Self {
        Cx { edits, origin, discarded: 0, added: 0, evaluations: 0, tally: Tally::default() }
    }
}
