//! burgee: an OpenTelemetry collector that knows feature flags.
//!
//! A module imports lower ranks only, never its own rank; `tests/architecture.rs` holds the table.
//! The data's way is left to right: a receiver, the intake, an outbox, an exporter.

// rank 0: what flows, what a scalar can mean, what burgee says of itself
pub mod observe;
pub mod otlp;
pub mod values;

// rank 1: the domain, text to tree, sockets
pub mod config;
pub mod flags;
pub mod net;

// rank 2 and 3: what was seen lately, and what is odd about it
pub mod doctor;
pub mod insight;

// rank 4: the contract between components and the engine
pub mod component;

// rank 5: the components
pub mod admin;
pub mod connectors;
pub mod exporters;
pub mod extensions;
pub mod processors;
pub mod receivers;
pub mod telemetry;

// rank 6: the list of components, the engine
pub mod pipeline;
pub mod registry;

// rank 7 and 8: the only places that see all of it
pub mod cli;
pub mod collector;
