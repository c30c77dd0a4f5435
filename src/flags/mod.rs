//! What a flag evaluation is, in every shape in which it reaches OTLP, and what burgee writes about it.
//!
//! Pure: payloads in, edits out. The way of an evaluation is top-down through these files:
//!
//! 1. [`recognise`] says what a span, event or log record is (rules R of the processor) and collects what its
//!    attributes say; [`conventions`] holds the names and words, by generation, as tables;
//! 2. [`normalise`] turns the words of all generations into today's (rules N);
//! 3. [`Evaluation`] is the one form that the rest knows;
//! 4. [`enrich`] writes it (rules W) under a [`Policy`], [`project`] finds the other spans that it affects.
//!
//! A vendor is one file in `recognise/`, one line in its list and golden cases. [`definitions`] is what flag files say
//! (rules D).

pub mod conventions;
pub mod definitions;
mod enrich;
mod evaluation;
mod normalise;
mod policy;
mod project;
mod recognise;

pub use enrich::{Known, Memories, Memory, MetadataAttribute, enrich};
pub use evaluation::{Evaluated, Evaluation, KeySource};
pub use policy::{ContextId, HashKey, Originals, Policy, Project, ValuePolicy};
#[cfg(test)]
pub(crate) use recognise::vocabulary;
pub use recognise::{Evaluations, evaluations, watchlist};
