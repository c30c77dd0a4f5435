//! The engine: from a receiver's intake through processors into outboxes, and from there to exporters.
//!
//! [`Graph`] says which receiver reaches which pipelines and which outboxes; [`Entrance`] lets receivers in by the
//! current graph; the [`Store`] holds what is accepted until it is settled; [`Consumers`] send it. The collector owns
//! entrance and store, a graph only borrows the outboxes, so that a reload can replace the graph and keep the rest.

mod consumers;
mod drain;
mod graph;
mod intake;
mod limits;
mod outbox;
mod pull;
mod retry;
mod route;
mod settle;
mod store;
mod trial;
mod waiting;

pub use consumers::Consumers;
pub use drain::{DrainReport, Drained};
pub use graph::{BuildError, ExporterSpec, Graph, PipelineSpec, Spec};
pub use intake::Entrance;
pub use limits::Size;
pub use store::{MemoryStore, OutboxSpec, Reservation, Store, StoreConfig};
pub use trial::{Passed, Trial};

#[cfg(test)]
mod tests;
