//! Bodies in both directions: [`Body`] goes out, [`RequestBody`] comes in under the port's deadlines, and
//! [`read_body`] assembles what comes in into one buffer of our own.

mod incoming;
mod outgoing;
mod read;

pub use incoming::{BodyError, RequestBody};
pub use outgoing::{Body, BoxError};
pub use read::{DISCARD_BYTES_MAX, ReadError, Sizing, discard, read_body};
