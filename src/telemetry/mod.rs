#![doc = include_str!("README.md")]

mod config;
mod encode;
mod prometheus;
mod push;
mod resource;

pub use config::{
    Compression, Encoding, LogLevel, Logs, Metrics, Millis, OtlpExporter, Periodic, PrometheusReader,
    Protocol, Pull, Reader,
};
pub use encode::encode;
pub use prometheus::{Page, serve};
pub use push::{Push, push};
pub use resource::Resource;

#[cfg(test)]
mod tests;
