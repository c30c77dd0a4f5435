//! Why a request has no answer, told from whatever error came up.

use std::error::Error as _;
use std::fmt;
use std::io;

use hyper_util::client::legacy;

use super::dial::Blocked;
use super::resolver::Unresolved;
use super::secure::NotSecure;

/// Why a request has no answer.
#[derive(Debug)]
pub struct SendError {
    pub kind: SendErrorKind,
    /// From the outermost to the innermost cause.
    causes: String,
}

/// What happened, as far as the sender acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendErrorKind {
    /// The host name has no address.
    Unresolved,
    /// Nobody listens there.
    Refused,
    /// There is no way there, or it did not answer in time.
    Unreachable,
    /// TLS could not be agreed on, or one side does not trust the other.
    NotSecure,
    /// The connection ended before the answer did.
    Closed,
    /// The deadline of the request passed.
    Timeout,
    /// The answer is larger than allowed.
    AnswerTooLarge,
    /// What came back is not the HTTP that was expected.
    Protocol,
    /// The request cannot be sent as it is; it never was.
    Invalid,
}

impl SendError {
    pub(super) fn new(kind: SendErrorKind, causes: String) -> Self {
        SendError { kind, causes }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            SendErrorKind::Unresolved => "the host name does not resolve",
            SendErrorKind::Refused => "nobody listens there",
            SendErrorKind::Unreachable => "it cannot be reached",
            SendErrorKind::NotSecure => "there is no secure connection",
            SendErrorKind::Closed => "the connection was closed before the answer",
            SendErrorKind::Timeout => "it took too long",
            SendErrorKind::AnswerTooLarge => "the answer is too large",
            SendErrorKind::Protocol => "it does not speak the expected HTTP",
            SendErrorKind::Invalid => "the request cannot be sent",
        };
        write!(f, "{what} ({})", self.causes)
    }
}

impl std::error::Error for SendError {}

impl From<legacy::Error> for SendError {
    fn from(error: legacy::Error) -> Self {
        // Its own text only says where in the client it was.
        let otherwise = if error.is_connect() { SendErrorKind::Unreachable } else { SendErrorKind::Protocol };
        classify(error.source(), otherwise)
    }
}

impl From<hyper::Error> for SendError {
    fn from(error: hyper::Error) -> Self {
        classify(Some(&error), SendErrorKind::Protocol)
    }
}

/// The innermost cause that tells a kind decides; the sentence has all of them that say something new.
fn classify(error: Option<&(dyn std::error::Error + 'static)>, otherwise: SendErrorKind) -> SendError {
    let mut kind = otherwise;
    let mut causes: Vec<String> = Vec::new();
    let mut next = error;
    while let Some(cause) = next {
        kind = kind_of(cause, otherwise).unwrap_or(kind);
        let text = cause.to_string();
        // Some causes repeat those below them in their own text.
        if !causes.iter().any(|said| said.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    SendError::new(kind, causes.join(": "))
}

fn kind_of(cause: &(dyn std::error::Error + 'static), otherwise: SendErrorKind) -> Option<SendErrorKind> {
    if cause.is::<Unresolved>() {
        return Some(SendErrorKind::Unresolved);
    }
    if cause.is::<NotSecure>() {
        return Some(SendErrorKind::NotSecure);
    }
    if cause.is::<Blocked>() {
        return Some(SendErrorKind::Unreachable);
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        let closed = error.is_closed() || error.is_incomplete_message() || error.is_canceled();
        return Some(if closed { SendErrorKind::Closed } else { SendErrorKind::Protocol });
    }
    if let Some(error) = cause.downcast_ref::<h2::Error>() {
        // What we ended ourselves, we ended over something that broke the protocol.
        let ended = error.is_remote() && (error.is_go_away() || error.is_reset());
        return ended.then_some(SendErrorKind::Closed);
    }
    let error = cause.downcast_ref::<io::Error>()?;
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(SendErrorKind::Refused),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(SendErrorKind::Unreachable)
        }
        // On an open connection these are its end; while connecting, there was none.
        _ if otherwise == SendErrorKind::Unreachable => None,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::TimedOut
        | io::ErrorKind::UnexpectedEof => Some(SendErrorKind::Closed),
        _ => None,
    }
}
