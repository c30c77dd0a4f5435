//! TLS for what comes in and what goes out: rustls with ring, versions 1.2 and 1.3.
//!
//! [`ServerTlsKeys`] and [`ClientTlsKeys`] are the Collector's `tls` blocks (configtls 0.159). They are built into
//! [`ServerTls`] and [`ClientTls`], which read their files, and with `reload_interval` read them again: connections
//! keep what they began with, the next handshake after the interval sees the new files. Files that cannot be used
//! leave the old ones in force, and the log says why.

mod choice;
mod client;
mod fresh;
mod keys;
mod material;
mod server;

use std::borrow::Cow;
use std::fmt;

pub use client::ClientTls;
pub(super) use client::describe;
pub use keys::{ClientTlsKeys, ServerTlsKeys};
pub use server::ServerTls;
pub(super) use server::{TlsStream, describe_accept};

/// What is wrong, or only odd, with a key of a `tls` block. Never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsProblem {
    /// The key below `tls`.
    pub key: &'static str,
    /// A sentence that reads on after the key.
    pub message: Cow<'static, str>,
    /// What to do now.
    pub help: Option<&'static str>,
}

impl TlsProblem {
    fn new(key: &'static str, message: impl Into<Cow<'static, str>>) -> TlsProblem {
        TlsProblem { key, message: message.into(), help: None }
    }

    fn help(self, help: &'static str) -> TlsProblem {
        TlsProblem { help: Some(help), ..self }
    }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tls.{} {}", self.key, self.message)?;
        match self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
