//! OTLP/JSON, both ways, by the table in [`schema`](super::schema).
//!
//! Source: OTLP 1.11, "JSON Protobuf Encoding", which is the JSON form of Protocol Buffers with identifiers in hex,
//! enums as integers and lowerCamelCase names only.

mod number;
mod read;
mod write;

pub use read::{Malformed, ReadError, read};
pub use write::write;
