//! What both network exporters do alike: compress, send, and name what went wrong.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};

use super::escape::escape;
use super::packing::{Packed, Packer};
use super::{Notes, Problem, endpoint};
use crate::component::{Batch, Outcome, RequestLimit};
use crate::net::{Body, Client, Proxies, Received, SendError, SendErrorKind};
use crate::observe::instance;
use crate::otlp::answer::{Answer, Code};
#[cfg(test)]
use crate::otlp::compression::gzip;
use crate::otlp::compression::{DecompressError, Encoding, decompress};
use crate::values::{ByteSize, Headers};

/// The configured headers without those that the protocol sets by itself, for which there is a warning each; and, if
/// they do not say who sends, this very process.
pub(super) fn headers(headers: &Headers, reserved: &[HeaderName], notes: &mut Notes) -> HeaderMap {
    let mut kept = headers.get().clone();
    for name in reserved {
        if kept.remove(name).is_some() {
            let message = format!("has \"{name}\", which the protocol sets by itself: it is left out");
            notes.warnings.push(Problem::new(&["headers"], message));
        }
    }
    kept.entry(header::USER_AGENT).or_insert_with(|| HeaderValue::from_static(instance::agent()));
    kept
}

/// The batch in a body.
///
/// # Errors
/// The runtime is ending: it is to be tried again, by whoever gets it next.
pub(super) async fn pack(packer: Packer, batch: &Batch) -> Result<Packed, Outcome> {
    packer.pack(batch).await.ok_or_else(|| retry("the runtime ended while a batch was packed".to_owned()))
}

/// The body of an answer without its compression; nothing, if it cannot be read: the status has said what counts.
///
/// # Errors
/// It is larger than any answer may be, after which a request must not be sent again (OTLP 1.11, "response size").
pub(super) fn unpack(encoding: &[u8], body: &Bytes, at: &str) -> Result<Bytes, Outcome> {
    let Some(encoding) = Encoding::from_header(encoding) else { return Ok(Bytes::new()) };
    if encoding == Encoding::Identity || body.is_empty() {
        return Ok(body.clone());
    }
    match decompress(encoding, body, ANSWER_BYTES_MAX, |_| Ok::<(), ()>(())) {
        Ok(body) => Ok(body.into()),
        Err(DecompressError::Corrupt(_) | DecompressError::Refused(())) => Ok(Bytes::new()),
        Err(error @ (DecompressError::TooLarge { .. } | DecompressError::Window)) => {
            Err(Answer::Rejected { code: Code::Unknown, message: format!("{at}: the answer is {error}") })
        }
    }
}

/// Sends `request` to `uri` and returns what came back, whatever its status.
pub(super) async fn send(
    client: &Client,
    uri: &Uri,
    request: Request<Body>,
    within: Duration,
) -> Result<Response<Received>, Outcome> {
    client.send(request, within).await.map_err(|error| failed(uri, &error))
}

/// What it means that there is no answer.
pub(super) fn failed(uri: &Uri, error: &SendError) -> Outcome {
    let message = format!("{}: {}", endpoint::shown(uri), escape(&error.to_string()));
    match error.kind {
        // Sent again, it would end the same way; and a batch with too large an answer may well be accepted.
        SendErrorKind::AnswerTooLarge | SendErrorKind::Invalid => {
            Answer::Rejected { code: Code::Unknown, message }
        }
        SendErrorKind::Unresolved
        | SendErrorKind::Refused
        | SendErrorKind::Unreachable
        | SendErrorKind::NotSecure
        | SendErrorKind::Closed
        | SendErrorKind::Timeout
        | SendErrorKind::Protocol => retry(message),
    }
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

/// `name` as a header, where there is one.
pub(super) fn encoding_header(packer: Packer) -> Option<HeaderValue> {
    packer.name.map(HeaderValue::from_static)
}

/// The limit of one request: what is configured, or what OTLP and most servers take.
pub(super) fn request_limit(configured: Option<ByteSize>, notes: &mut Notes) -> RequestLimit {
    match configured {
        None => RequestLimit::default(),
        Some(size) if size.get() > 0 => RequestLimit::of(size.get()),
        Some(_) => {
            let problem = Problem::new(&["max_request_size"], "must be positive");
            notes.problems.push(problem.with_help("leave it out for 64MiB, split below 4MiB"));
            RequestLimit::default()
        }
    }
}

/// The proxies of the environment.
pub(super) fn environment_proxies(notes: &mut Notes) -> Proxies {
    proxies_of(&|name| std::env::var(name).ok(), notes)
}

fn proxies_of(variable: &dyn Fn(&str) -> Option<String>, notes: &mut Notes) -> Proxies {
    Proxies::from_environment(variable).unwrap_or_else(|(name, error)| {
        let problem = Problem::new(
            &["endpoint"],
            format!("would be reached through the proxy of {name}, which {error}"),
        );
        notes
            .problems
            .push(problem.with_help(format!("unset {name}, or name the hosts to spare in NO_PROXY")));
        Proxies::NONE
    })
}

/// After decompression, as OTLP 1.11 recommends for answers.
pub(super) const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_the_environment_that_cannot_be_used_is_a_mistake_to_be_told() {
        let mut notes = Notes::default();
        proxies_of(&|name| (name == "HTTP_PROXY").then(|| "socks5://me:hunter2@p:1".to_owned()), &mut notes);
        let text = notes.problems[0].to_string();
        assert!(text.contains("the proxy of HTTP_PROXY, which is not an HTTP proxy"), "{text}");
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn an_answer_is_as_large_as_allowed_after_decompression_too() {
        let bomb = Bytes::from(gzip([&vec![0; ANSWER_BYTES_MAX + 1][..]]));
        let fits = Bytes::from(gzip([&vec![0; ANSWER_BYTES_MAX][..]]));
        assert_eq!(unpack(b"gzip", &fits, "x").expect("it fits").len(), ANSWER_BYTES_MAX);
        assert!(matches!(unpack(b"gzip", &bomb, "x"), Err(Answer::Rejected { .. })));
        for encoding in [&b"zstd"[..], b"br"] {
            assert_eq!(unpack(encoding, &fits, "x"), Ok(Bytes::new()), "what cannot be read says nothing");
        }
    }
}
