//! What a component wants to listen on.

use std::sync::Arc;

use crate::net;
use crate::values::ListenEndpoint;

/// An address, and what answers there. The collector owns the socket: it is bound before anything starts, and kept
/// over a reload that still wants the same address.
#[derive(Clone)]
pub struct Listen {
    pub endpoint: ListenEndpoint,
    /// What may be spoken there, for people: `OTLP/gRPC and OTLP/HTTP`.
    pub speaks: &'static str,
    pub limits: net::Limits,
    pub service: Arc<dyn net::Service>,
    /// What it means that another program has the port.
    pub when_taken: WhenTaken,
}

/// What it means that a port is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenTaken {
    /// Somebody asked for this port: burgee does not start, a reload changes nothing.
    Fail,
    /// A default that nobody wrote: a warning, and burgee runs without it. A second one on a machine should start.
    Warn,
}

impl Listen {
    /// With the default limits; a taken port is an error.
    pub fn new(endpoint: ListenEndpoint, speaks: &'static str, service: Arc<dyn net::Service>) -> Listen {
        Listen { endpoint, speaks, limits: net::Limits::default(), service, when_taken: WhenTaken::Fail }
    }
}
