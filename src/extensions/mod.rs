//! What serves people and other components rather than telemetry: health checks, pages, authenticators.
//!
//! Each has a folder with its `Config` and a `build` that turns it into a
//! [`component::Extension`](crate::component::Extension), or says in
//! [`component::Problem`](crate::component::Problem)s which key is wrong. A new one is a folder here, a line in
//! `registry::components` and one in `registry::known`. The extension `admin` has a room of its own.

pub mod basicauth;
pub mod bearertokenauth;
mod header;
pub mod health_check;
mod watched;
pub mod zpages;
