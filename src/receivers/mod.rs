//! What takes telemetry in: one folder per receiver.

pub mod otlp;
