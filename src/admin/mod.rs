#![doc = include_str!("README.md")]

mod assets;
mod findings;
mod page;
mod probe;
mod recent;
mod server;
mod status;

use schemars::JsonSchema;
use serde::Deserialize;

pub use server::build;
pub use status::status;

use crate::insight;
use crate::values::{ByteSize, ListenEndpoint};

/// The keys of the extension `admin`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Without TLS and authentication, so loopback is where it belongs.
    pub endpoint: ListenEndpoint,
    /// How much of the recent past is kept in memory for people to look at: `32MiB`. With 0 nothing is looked
    /// at, and findings that come from spans are not found.
    pub remember: ByteSize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: ListenEndpoint::new("127.0.0.1", DEFAULT_PORT),
            remember: ByteSize::bytes(insight::BYTES_MAX),
        }
    }
}

/// The generated messages, server and client.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod v1 {
    include!("generated/burgee.admin.v1.rs");

    /// The encoded `google.protobuf.FileDescriptorSet` of this package.
    pub const DESCRIPTORS: &[u8] = include_bytes!("generated/burgee.admin.v1.bin");

    /// JSON has the signal's name, not its number.
    fn signal_name<S: serde::Serializer>(signal: &i32, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(super::signal_name(Signal::try_from(*signal).unwrap_or(Signal::Unspecified)))
    }
}

/// A signal's name: `traces`, `metrics`, `logs`.
pub fn signal_name(signal: v1::Signal) -> &'static str {
    match signal {
        v1::Signal::Unspecified => "unspecified",
        v1::Signal::Traces => "traces",
        v1::Signal::Metrics => "metrics",
        v1::Signal::Logs => "logs",
    }
}

/// The port of the admin service: beside those of OTLP.
pub const DEFAULT_PORT: u16 = 4380;

#[cfg(test)]
mod tests;
