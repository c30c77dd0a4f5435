//! The key `tls` of both network exporters.

use super::{Notes, Problem};
use crate::net::tls::{ClientTls, TlsProblem};

pub use crate::net::tls::ClientTlsKeys as TlsKeys;

/// TLS for the connections of an exporter, if it has any that are secure.
pub(super) fn client(keys: Option<&TlsKeys>, is_secure: bool, notes: &mut Notes) -> Option<ClientTls> {
    let none = TlsKeys::default();
    let keys = keys.unwrap_or(&none);
    if !is_secure {
        let unused = keys.given().into_iter().filter(|key| *key != "insecure");
        notes.warnings.extend(
            unused.map(|key| Problem::new(&["tls", key], "has no effect on a connection in plain text")),
        );
        return None;
    }
    if keys.insecure {
        let warning = Problem::new(&["tls", "insecure"], "has no effect: the endpoint begins with https://");
        notes.warnings.push(warning.with_help("write http:// for plain text, or remove the key"));
    }
    match ClientTls::build(keys) {
        Ok((tls, warnings)) => {
            notes.warnings.extend(warnings.into_iter().map(placed));
            Some(tls)
        }
        Err(problems) => {
            notes.problems.extend(problems.into_iter().map(placed));
            None
        }
    }
}

fn placed(problem: TlsProblem) -> Problem {
    let TlsProblem { key, message, help } = problem;
    let placed = Problem::new(&["tls", key], message);
    match help {
        Some(help) => placed.with_help(help),
        None => placed,
    }
}
