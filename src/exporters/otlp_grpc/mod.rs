#![doc = include_str!("README.md")]

mod answer;

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use serde::Deserialize;
use tonic::metadata::{Binary, MetadataValue};

use super::{
    Built, Compression, Notes, Problem, QueueKeys, RetryKeys, TlsKeys, Unused, downstream, endpoint,
};
use crate::component::{Batch, Exporter, Outcome};
use crate::net::{Body, Client, ClientConfig, Protocol};
use crate::otlp::Signal;
use crate::otlp::answer::Answer;
use crate::otlp::compression::Encoding;
use crate::values::{self, Headers};

/// The keys of `otlp_grpc`, alias `otlp`. Defaults: those of the OpenTelemetry Collector 0.159.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub endpoint: String,
    pub compression: Compression,
    pub headers: Headers,
    /// Of one try. 0 is no limit.
    pub timeout: values::Duration,
    pub user_agent: String,
    pub tls: Option<TlsKeys>,
    pub retry_on_failure: RetryKeys,
    pub sending_queue: QueueKeys,
    pub auth: Unused,
    pub middlewares: Vec<serde::de::IgnoredAny>,
    pub authority: String,
    pub balancer_name: Unused,
    pub keepalive: Unused,
    pub read_buffer_size: Unused,
    pub write_buffer_size: Unused,
    pub wait_for_ready: Unused,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            compression: Compression::Gzip,
            headers: Headers::default(),
            timeout: values::Duration::from_secs(5),
            user_agent: String::new(),
            tls: None,
            retry_on_failure: RetryKeys::default(),
            sending_queue: QueueKeys::default(),
            auth: None,
            middlewares: Vec::new(),
            authority: String::new(),
            balancer_name: None,
            keepalive: None,
            read_buffer_size: None,
            write_buffer_size: None,
            wait_for_ready: None,
        }
    }
}

/// Connects when there is something to send, not now.
///
/// # Errors
/// Every key that is wrong.
pub fn build(config: &Config) -> Result<Built, Vec<Problem>> {
    let mut notes = Notes::default();
    let queue = config.sending_queue.build(&mut notes);
    let retry = config.retry_on_failure.build(&mut notes);
    config.note_unused(&mut notes);
    let headers = config.request_headers(&mut notes);
    let endpoint = notes.take(endpoint::grpc(&config.endpoint, config.tls.as_ref()));
    notes
        .warnings
        .extend(endpoint.iter().filter_map(|uri| endpoint::port_warning("endpoint", uri, Protocol::Http2)));
    let warnings = notes.settle()?;
    let endpoint = endpoint.expect("without one there is a problem");
    let client = Client::new(&ClientConfig { protocol: Protocol::Http2, ..ClientConfig::default() });
    let exporter = OtlpGrpc {
        client,
        uris: Signal::ALL.map(|signal| endpoint::join(&endpoint, signal.grpc_path())),
        headers,
        compression: config.compression,
        timeout: downstream::timeout(config.timeout.get()),
    };
    Ok(Built { exporter: Arc::new(exporter), queue, retry, warnings, unserved: Vec::new() })
}

impl Config {
    fn note_unused(&self, notes: &mut Notes) {
        if self.auth.is_some() {
            let problem = Problem::new(&["auth"], "is not in this version");
            notes.problems.push(problem.with_help("write the credentials under headers"));
        }
        if !self.middlewares.is_empty() {
            notes
                .problems
                .push(Problem::new(&["middlewares"], "is not in this version").with_help("remove the key"));
        }
        if let Some(tls) = &self.tls {
            tls.warn(notes);
        }
        let unused = [
            ("authority", !self.authority.is_empty()),
            ("balancer_name", self.balancer_name.is_some()),
            ("keepalive", self.keepalive.is_some()),
            ("read_buffer_size", self.read_buffer_size.is_some()),
            ("write_buffer_size", self.write_buffer_size.is_some()),
            ("wait_for_ready", self.wait_for_ready.is_some()),
        ];
        let unused = unused.into_iter().filter(|(_, present)| *present);
        notes.warnings.extend(unused.map(|(key, _)| Problem::unused(&[key])));
    }

    /// All headers of a request; those of the protocol last, so that nothing configured can spoil them.
    fn request_headers(&self, notes: &mut Notes) -> HeaderMap {
        let mut headers = downstream::headers(&self.headers, &RESERVED, notes);
        for (name, value) in &mut headers {
            if name.as_str().ends_with("-bin") {
                // gRPC carries the values of such headers in base64
                let encoded = MetadataValue::<Binary>::from_bytes(value.as_bytes());
                *value =
                    HeaderValue::from_bytes(encoded.as_encoded_bytes()).expect("base64 is a header value");
                value.set_sensitive(true);
            }
        }
        match HeaderValue::from_str(self.user_agent.trim()) {
            // without one, the client names burgee
            Ok(user_agent) if user_agent.is_empty() => {}
            Ok(user_agent) => drop(headers.insert(header::USER_AGENT, user_agent)),
            Err(_) => {
                let message = "has a line break or another control character";
                notes.problems.push(Problem::new(&["user_agent"], message));
            }
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if self.compression == Compression::Gzip {
            headers.insert(GRPC_ENCODING, HeaderValue::from_static(Encoding::Gzip.name()));
        }
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip"));
        headers.insert(GRPC_TIMEOUT, grpc_timeout(downstream::timeout(self.timeout.get())));
        headers
    }
}

/// Calls `Export` by hand: the payloads go to the socket as they are, which no generated client can do.
struct OtlpGrpc {
    client: Client,
    /// By signal.
    uris: [Uri; Signal::ALL.len()],
    headers: HeaderMap,
    compression: Compression,
    timeout: Duration,
}

impl Exporter for OtlpGrpc {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Outcome> {
        self.call(batch).map(|tried| tried.unwrap_or_else(|failure| failure)).boxed()
    }
}

impl OtlpGrpc {
    async fn call(&self, batch: &Batch) -> Result<Outcome, Outcome> {
        let packed = self.compression.pack(batch).await?;
        let uri = &self.uris[batch.signal() as usize];
        let message = std::iter::once(prefix(self.compression, packed.bytes)?).chain(packed.chunks);
        let mut request = Request::new(Body::packed(message));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.headers.clone();
        let response = downstream::send(&self.client, uri, request, self.timeout).await?;
        Ok(answer::read(batch.signal(), uri, &response))
    }
}

/// What stands before a message: whether it is compressed, and its length in four bytes (gRPC over HTTP/2,
/// "Length-Prefixed-Message").
fn prefix(compression: Compression, message_bytes: usize) -> Result<Bytes, Outcome> {
    let length = u32::try_from(message_bytes)
        .map_err(|_| Answer::TooLarge { message: "gRPC messages end at 4 GiB".to_owned() })?;
    let mut prefix = BytesMut::with_capacity(PREFIX_BYTES);
    prefix.put_u8(u8::from(compression == Compression::Gzip));
    prefix.put_u32(length);
    Ok(prefix.freeze())
}

/// At most eight digits and a unit (gRPC over HTTP/2, "Timeout").
fn grpc_timeout(timeout: Duration) -> HeaderValue {
    let text = match timeout.as_millis() {
        millis if millis < 100_000_000 => format!("{}m", millis.max(1)),
        _ => format!("{}S", timeout.as_secs().min(99_999_999)),
    };
    HeaderValue::from_str(&text).expect("digits and a letter are a header value")
}

const PREFIX_BYTES: usize = 5;
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// What gRPC sets by itself, and what HTTP/2 forbids (RFC 9113, 8.2.2).
static RESERVED: [HeaderName; 13] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::USER_AGENT,
    header::TE,
    header::HOST,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    GRPC_TIMEOUT,
    GRPC_ENCODING,
    GRPC_ACCEPT_ENCODING,
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
];

#[cfg(test)]
mod tests;
