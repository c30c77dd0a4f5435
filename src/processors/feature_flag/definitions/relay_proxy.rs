//! Definitions from GO Feature Flag's relay proxy (v1.45.0 and later), asked for again and again.
//!
//! An `ETag` makes an answer without news small. The relay proxy traces these requests, too; they carry a trace that
//! is not sampled, for relay proxies that heed that, and no flag key, so that no rule takes them for evaluations.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{Method, Request, StatusCode};

use super::config::RelayProxy;
use super::{Failure, Keeper};
use crate::component::beside;
use crate::config::escape;
use crate::flags::definitions::{Definitions, FILE_BYTES_MAX};
use crate::net::tls::ClientTls;
use crate::net::{Body, Client, ClientConfig};

/// How fast it goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// For one answer.
    pub timeout: Duration,
    /// The first pause after a failure; each further one is twice as long, give or take some.
    pub retry_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { timeout: Duration::from_secs(10), retry_after: Duration::from_secs(1) }
    }
}

/// Asks for ever.
pub(super) async fn poll(relay: RelayProxy, tls: Option<ClientTls>, pace: Pace, mut keeper: Keeper) {
    let config = ClientConfig { tls, answer_bytes_max: FILE_BYTES_MAX as u64, ..ClientConfig::default() };
    let client = Client::new(&config);
    let retries = ExponentialBuilder::new()
        .with_min_delay(pace.retry_after)
        .with_max_delay(relay.poll_interval.max(RETRY_AFTER_MAX))
        .without_max_times()
        .with_jitter();
    let mut pauses = retries.build();
    let mut etag = None;
    loop {
        let pause = match ask(&client, &relay, etag.as_ref(), pace.timeout).await {
            Ok(answer) => {
                pauses = retries.build();
                match answer {
                    Answer::Unchanged => keeper.unchanged(),
                    Answer::Changed { definitions, etag: new } => {
                        etag = new;
                        keeper.take(definitions);
                    }
                }
                relay.poll_interval
            }
            Err(failure) => {
                keeper.fail(failure);
                pauses.next().unwrap_or(RETRY_AFTER_MAX)
            }
        };
        tokio::time::sleep(pause).await;
    }
}

enum Answer {
    Unchanged,
    Changed { definitions: Definitions, etag: Option<HeaderValue> },
}

async fn ask(
    client: &Client,
    relay: &RelayProxy,
    etag: Option<&HeaderValue>,
    within: Duration,
) -> Result<Answer, Failure> {
    let unreachable =
        |why: String| Failure::Unreachable(format!("{}: {}", relay.endpoint.shown(), escape(&why)));
    let answer =
        client.send(request(relay, etag), within).await.map_err(|error| unreachable(error.to_string()))?;
    match answer.status() {
        StatusCode::NOT_MODIFIED if etag.is_some() => Ok(Answer::Unchanged),
        StatusCode::OK => {
            let etag = answer.headers().get(ETAG).cloned();
            let bytes = answer.into_body().bytes;
            let definitions = beside(move || parse(&bytes)).await.unwrap_or_else(|error| Err(error.to_string()));
            let definitions = definitions.map_err(|why| {
                Failure::Broken(format!("{}: {}", relay.endpoint.shown(), shortened(&why)))
            })?;
            Ok(Answer::Changed { definitions, etag })
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(unreachable(match relay.api_key {
            Some(_) => format!("it refuses the api_key ({})", answer.status()),
            None => format!("it wants an api_key ({})", answer.status()),
        })),
        StatusCode::NOT_FOUND => Err(unreachable(
            "it knows no such path (404 Not Found); that needs GO Feature Flag's relay proxy v1.45.0 or later".into(),
        )),
        status => Err(unreachable(format!("it answered {status}"))),
    }
}

fn request(relay: &RelayProxy, etag: Option<&HeaderValue>) -> Request<Body> {
    let mut request = Request::new(Body::from(Bytes::from_static(EVERY_FLAG)));
    *request.method_mut() = Method::POST;
    request.uri_mut().clone_from(relay.endpoint.uri());
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // W3C Trace Context, level 1: a trace that nobody keeps
    let trace = format!("00-{:032x}-{:016x}-00", fastrand::u128(1..), fastrand::u64(1..));
    headers.insert("traceparent", HeaderValue::from_str(&trace).expect("digits and dashes"));
    if let Some(etag) = etag {
        headers.insert(IF_NONE_MATCH, etag.clone());
    }
    if let Some(key) = &relay.api_key {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", key.reveal()));
        let mut bearer = bearer.expect("the configuration refuses keys that no header can have");
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    request
}

fn parse(bytes: &[u8]) -> Result<Definitions, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "its answer is not UTF-8".to_owned())?;
    Definitions::parse_configuration(text).map_err(|error| match &error.at {
        Some(at) => format!("its answer is no flag configuration (byte {}): {error}", at.start),
        None => format!("its answer is no flag configuration: {error}"),
    })
}

/// What a server wrote, as far as a log line should repeat it.
fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(MESSAGE_BYTES_MAX);
    escape(&text[..end]).into_owned()
}

const EVERY_FLAG: &[u8] = b"{}";
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
const MESSAGE_BYTES_MAX: usize = 300;
