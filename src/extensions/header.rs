//! The header by which a request says who sends it: one, of one scheme.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use crate::component::Denied;

/// What stands behind the scheme in the one header of that name; the whole value where there is no scheme. The scheme's
/// case does not matter (RFC 9110, 11.1), and what is behind it begins after any number of spaces.
///
/// # Errors
/// In words for the one who sent it.
pub(super) fn credentials<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    scheme: &str,
) -> Result<&'h [u8], &'static str> {
    let mut values = headers.get_all(name).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.as_bytes(),
        (None, _) => return Err("the header with the credentials is missing"),
        // Whoever stands between may look at another of them than burgee does.
        (Some(_), Some(_)) => return Err("the header with the credentials occurs more than once"),
    };
    if scheme.is_empty() {
        return Ok(value.trim_ascii());
    }
    let (given, rest) = value.split_at(value.iter().position(|&byte| byte == b' ').unwrap_or(value.len()));
    if given.eq_ignore_ascii_case(scheme.as_bytes()) {
        Ok(rest.trim_ascii())
    } else {
        Err("the credentials are of another scheme than this server takes")
    }
}

/// The refusal of a request.
pub(super) fn denied(challenge: &HeaderValue, message: &'static str) -> Denied {
    Denied::Unauthenticated { challenge: challenge.clone(), message: message.into() }
}

/// What is said of credentials that are not right, whatever is wrong with them.
pub(super) const WRONG: &str = "the credentials are not right";

/// A name for people and nobody else.
pub(super) fn challenge(scheme: &str, realm: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{scheme} realm=\"{realm}\"")).ok()
}
