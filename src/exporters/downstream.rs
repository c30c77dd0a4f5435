//! What both network exporters do alike: compress, send, and name what went wrong.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, Uri};
use serde::Deserialize;

use super::escape::escape;
use super::{Notes, Problem, Unused, endpoint};
use crate::component::{Batch, Outcome, beside};
use crate::net::{Body, Client, Received, SendErrorKind};
use crate::otlp::answer::{Answer, Code};
use crate::otlp::compression;
use crate::values::Headers;

/// The key `compression`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    #[default]
    Gzip,
    #[serde(alias = "")]
    None,
}

/// The key `tls` of a client. This version has no TLS: `insecure` says so, the others have no effect.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsKeys {
    pub insecure: bool,
    pub insecure_skip_verify: Unused,
    pub server_name_override: Unused,
    pub ca_file: Unused,
    pub ca_pem: Unused,
    pub cert_file: Unused,
    pub cert_pem: Unused,
    pub key_file: Unused,
    pub key_pem: Unused,
    pub include_system_ca_certs_pool: Unused,
    pub min_version: Unused,
    pub max_version: Unused,
    pub cipher_suites: Unused,
    pub include_insecure_cipher_suites: Unused,
    pub curve_preferences: Unused,
    pub reload_interval: Unused,
    pub tpm: Unused,
}

impl TlsKeys {
    /// One warning for each key without effect.
    pub(super) fn warn(&self, notes: &mut Notes) {
        let unused = [
            ("insecure_skip_verify", self.insecure_skip_verify),
            ("server_name_override", self.server_name_override),
            ("ca_file", self.ca_file),
            ("ca_pem", self.ca_pem),
            ("cert_file", self.cert_file),
            ("cert_pem", self.cert_pem),
            ("key_file", self.key_file),
            ("key_pem", self.key_pem),
            ("include_system_ca_certs_pool", self.include_system_ca_certs_pool),
            ("min_version", self.min_version),
            ("max_version", self.max_version),
            ("cipher_suites", self.cipher_suites),
            ("include_insecure_cipher_suites", self.include_insecure_cipher_suites),
            ("curve_preferences", self.curve_preferences),
            ("reload_interval", self.reload_interval),
            ("tpm", self.tpm),
        ];
        for (key, value) in unused {
            if value.is_some() {
                let warning = Problem::new(&["tls", key], "has no effect on a connection in plain text");
                notes.warnings.push(warning);
            }
        }
    }
}

/// The configured headers without those that the protocol sets by itself, for which there is a warning each.
pub(super) fn headers(headers: &Headers, reserved: &[HeaderName], notes: &mut Notes) -> HeaderMap {
    let mut kept = headers.get().clone();
    for name in reserved {
        if kept.remove(name).is_some() {
            let message = format!("has \"{name}\", which the protocol sets by itself: it is left out");
            notes.warnings.push(Problem::new(&["headers"], message));
        }
    }
    kept
}

/// The body of a request that carries a batch.
pub(super) struct Packed {
    pub chunks: Vec<Bytes>,
    /// Of all chunks together.
    pub bytes: usize,
}

impl Compression {
    /// The batch as it goes over the wire. Uncompressed, no byte is copied. Larger batches are compressed beside the
    /// runtime.
    pub(super) async fn pack(self, batch: &Batch) -> Result<Packed, Outcome> {
        let chunks: Vec<Bytes> = batch.body().collect();
        let bytes = batch.bytes();
        match self {
            Compression::None => Ok(Packed { chunks, bytes }),
            Compression::Gzip if bytes <= INLINE_BYTES_MAX => Ok(gzip(&chunks)),
            Compression::Gzip => {
                let packed = beside(move || gzip(&chunks)).await;
                packed.map_err(|_| retry("the runtime ended while a batch was compressed".to_owned()))
            }
        }
    }
}

fn gzip(chunks: &[Bytes]) -> Packed {
    let compressed = compression::gzip(chunks.iter().map(|chunk| &chunk[..]));
    let bytes = compressed.len();
    Packed { chunks: vec![compressed.into()], bytes }
}

/// Sends `request` to `uri` and returns what came back, whatever its status.
pub(super) async fn send(
    client: &Client,
    uri: &Uri,
    request: Request<Body>,
    within: Duration,
) -> Result<Response<Received>, Outcome> {
    client.send(request, within).await.map_err(|error| {
        let message = format!("{}: {}", endpoint::shown(uri), escape(&error.to_string()));
        match error.kind {
            // Sent again, it would end the same way; and a batch with too large an answer may well be accepted.
            SendErrorKind::AnswerTooLarge | SendErrorKind::Invalid => {
                Answer::Rejected { code: Code::Unknown, message }
            }
            SendErrorKind::Unresolved
            | SendErrorKind::Refused
            | SendErrorKind::Unreachable
            | SendErrorKind::Closed
            | SendErrorKind::Timeout
            | SendErrorKind::Protocol => retry(message),
        }
    })
}

/// The answer of a success, with its message fit for a log.
pub(super) fn tame(answer: Answer) -> Answer {
    match answer {
        Answer::Partly { rejected, message } => {
            Answer::Partly { rejected, message: escape(&message).into_owned() }
        }
        other => other,
    }
}

pub(super) fn retry(message: String) -> Outcome {
    Answer::RetryLater { after: None, message }
}

/// The delay of a `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3). A date in the past is no delay.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(std::time::SystemTime::now()).unwrap_or_default())
}

/// 0 means no limit, as in the Collector; as good as that is a day.
pub(super) fn timeout(configured: Duration) -> Duration {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    if configured.is_zero() { DAY } else { configured.min(DAY) }
}

/// At about 200 MB/s this takes a third of a millisecond: less than it would take to hand it over under load.
const INLINE_BYTES_MAX: usize = 64 * 1024;
