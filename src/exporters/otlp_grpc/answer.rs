//! What the answer to a gRPC call means.
//!
//! Sources: "gRPC over HTTP/2" (Responses), the gRPC documentation's "HTTP to gRPC Status Code Mapping", OTLP 1.11
//! ("OTLP/gRPC Response").

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, Uri, header};
use tonic::metadata::MetadataMap;

use super::PREFIX_BYTES;
use crate::exporters::{downstream, endpoint, escape::escape};
use crate::net::Received;
use crate::otlp::Signal;
use crate::otlp::answer::{Answer, Code};

/// Reads status, message, details and partial success.
pub(super) fn read(signal: Signal, uri: &Uri, response: &Response<Received>) -> Answer {
    let received = response.body();
    // A call that fails at once has its status in the headers.
    let places = received.trailers.iter().chain([response.headers()]);
    let Some(status) = places.into_iter().find(|headers| headers.contains_key(GRPC_STATUS)) else {
        return without_status(uri, response);
    };
    match code(status) {
        Code::Ok => success(signal, uri, response.headers(), &received.bytes),
        code => failure(code, uri, status),
    }
}

fn code(status: &HeaderMap) -> Code {
    let number = status.get(GRPC_STATUS).and_then(|value| value.to_str().ok()?.parse().ok());
    number.map_or(Code::Unknown, Code::from_number)
}

/// Whatever is in the body, the status has said yes; only what is no answer by its size is none.
fn success(signal: Signal, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Answer {
    if body.len() < PREFIX_BYTES {
        return Answer::Accepted;
    }
    let message = body.slice(PREFIX_BYTES..);
    let compressed = body[0] == 1;
    let encoding =
        headers.get("grpc-encoding").filter(|_| compressed).map_or(&b""[..], |value| value.as_bytes());
    match downstream::unpack(encoding, &message, &endpoint::shown(uri)) {
        Ok(message) => downstream::tame(Answer::from_response(signal, &message)),
        Err(rejected) => rejected,
    }
}

fn failure(code: Code, uri: &Uri, status: &HeaderMap) -> Answer {
    let said = status.get(GRPC_MESSAGE).map_or(&b""[..], |value| value.as_bytes());
    let said = percent_encoding::percent_decode(said).decode_utf8_lossy();
    let message = format!("{}: {}{}{}", endpoint::shown(uri), code.name(), separator(&said), escape(&said));
    Answer::from_grpc(code, message, &details(status))
}

/// The bytes of `grpc-status-details-bin`; none if they are not base64.
fn details(status: &HeaderMap) -> Vec<u8> {
    let Some(value) = status.get(GRPC_DETAILS) else { return Vec::new() };
    let mut metadata = HeaderMap::new();
    metadata.insert(GRPC_DETAILS, value.clone());
    let metadata = MetadataMap::from_headers(metadata);
    let details = metadata.get_bin(GRPC_DETAILS).and_then(|value| value.to_bytes().ok());
    details.map_or_else(Vec::new, |bytes| bytes.to_vec())
}

/// Something between here and the service has answered, or the service has gone away in the middle.
fn without_status(uri: &Uri, response: &Response<Received>) -> Answer {
    let (at, status) = (endpoint::shown(uri), response.status());
    if status == StatusCode::OK && is_grpc(response.headers()) {
        return downstream::retry(format!("{at}: the answer ended without a status"));
    }
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = escape(content_type.unwrap_or("no content type"));
    let message =
        format!("{at}: HTTP {status} with {content_type} instead of a gRPC answer; is this OTLP/gRPC?");
    let code = match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => {
            let after = downstream::retry_after(response.headers());
            return Answer::RetryLater { after, message };
        }
        _ => Code::Unknown,
    };
    Answer::Rejected { code, message }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    content_type.starts_with(b"application/grpc")
}

fn separator(said: &str) -> &'static str {
    if said.is_empty() { "" } else { ": " }
}

const GRPC_STATUS: &str = "grpc-status";
const GRPC_MESSAGE: &str = "grpc-message";
const GRPC_DETAILS: &str = "grpc-status-details-bin";
