//! Sockets: listening with deadlines and limits, and the HTTP client.
//!
//! Every port speaks HTTP/1.1 and HTTP/2. [`serve`] reads the first bytes of a connection to know which one
//! and hands its requests to a [`Service`], which answers with a [`Body`]. A request's body comes as a
//! [`RequestBody`] that keeps to the port's [`Limits`]; [`read_body`] makes one buffer of it. [`Stop`] ends
//! all of it by a deadline. Anything odd is reported as a [`Fact`](crate::observe::facts::Fact).
//!
//! [`Client`] is the way out, over the same two protocols.

mod body;
mod client;
mod connection;
mod drive;
mod handler;
mod hello;
mod holder;
mod io;
mod limits;
mod listener;
mod offer;
pub mod pages;
mod server;
mod stop;
mod streams;
pub mod tls;
mod windows;

pub use body::{
    Body, BodyError, BoxError, DISCARD_BYTES_MAX, ReadError, RequestBody, Sizing, discard, read_body,
};
pub use client::{
    Client, ClientConfig, InvalidProxy, Pings, Proxies, Received, SendError, SendErrorKind, Target,
};
pub use connection::{Connection, Protocol};
pub use limits::Limits;
pub use listener::{BindCause, BindError, Listener};
pub use offer::Offer;
pub use server::{Report, Service, serve};
pub use stop::{Schedule, Stop};
pub use windows::Windows;

#[cfg(test)]
mod tests;
