//! What the answer to an OTLP/HTTP request means (OTLP 1.11, "OTLP/HTTP Response").

use http::{HeaderMap, Response, StatusCode, Uri, header};
use serde::Deserialize;

use crate::exporters::{downstream, endpoint, escape::escape};
use crate::net::Received;
use crate::otlp::Signal;
use crate::otlp::answer::{self, Answer, Code};

/// Reads status, message, delay and partial success.
pub(super) fn read(signal: Signal, uri: &Uri, response: &Response<Received>) -> Answer {
    let headers = response.headers();
    let encoding = headers.get(header::CONTENT_ENCODING).map_or(&b""[..], |value| value.as_bytes());
    let body = &match downstream::unpack(encoding, &response.body().bytes, &endpoint::shown(uri)) {
        Ok(body) => body,
        Err(rejected) => return rejected,
    }[..];
    let format = Format::of(headers);
    if response.status().is_success() {
        return downstream::tame(match format {
            Format::Json => from_json_response(body),
            Format::Protobuf | Format::Text | Format::Other => Answer::from_response(signal, body),
        });
    }
    let said = match format {
        Format::Protobuf => answer::status_message(body),
        Format::Json => serde_json::from_slice(body).ok().map(|status: JsonStatus| status.message),
        Format::Text => Some(String::from_utf8_lossy(body).trim().to_owned()),
        Format::Other => None,
    };
    let message = sentence(uri, response.status(), headers, said.unwrap_or_default().as_str());
    Answer::from_http(response.status().as_u16(), downstream::retry_after(headers), message)
}

/// The answer for a signal that nothing was configured for, had it not been refused as unserved.
pub(super) fn no_url(signal: Signal) -> Answer {
    let message = format!("no endpoint is configured for {signal}");
    Answer::Rejected { code: Code::FailedPrecondition, message }
}

fn sentence(uri: &Uri, status: StatusCode, headers: &HeaderMap, said: &str) -> String {
    let at = endpoint::shown(uri);
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    match (status.as_u16(), location) {
        (300..=399, Some(location)) => {
            // A redirect's target may hold a key in its query.
            let location = location.split('?').next().unwrap_or_default();
            format!("{at}: HTTP {status} to {}; write that as the endpoint", escape(location))
        }
        (404 | 405, _) if said.is_empty() => {
            format!(
                "{at}: HTTP {status}; OTLP/HTTP servers take POST on /v1/traces, /v1/metrics and /v1/logs"
            )
        }
        _ if said.is_empty() => format!("{at}: HTTP {status}"),
        _ => format!("{at}: HTTP {status}: {}", escape(said)),
    }
}

enum Format {
    Protobuf,
    Json,
    Text,
    /// Such as a proxy's HTML.
    Other,
}

impl Format {
    fn of(headers: &HeaderMap) -> Format {
        let value =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Format::Protobuf,
            "application/json" => Format::Json,
            "text/plain" => Format::Text,
            _ => Format::Other,
        }
    }
}

/// The part of a `google.rpc.Status` that people read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonStatus {
    message: String,
}

/// An `Export…ServiceResponse` in JSON, which some servers send whatever they were sent.
fn from_json_response(body: &[u8]) -> Answer {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct JsonResponse {
        partial_success: Option<JsonPartialSuccess>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct JsonPartialSuccess {
        #[serde(alias = "rejectedDataPoints", alias = "rejectedLogRecords")]
        rejected_spans: Option<Count>,
        error_message: String,
    }
    /// 64-bit numbers are strings in protobuf's JSON; readers take both.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Count {
        Number(u64),
        Text(String),
    }
    let response: JsonResponse = serde_json::from_slice(body).unwrap_or_default();
    let Some(JsonPartialSuccess { rejected_spans, error_message: message }) = response.partial_success else {
        return Answer::Accepted;
    };
    let rejected = match rejected_spans {
        Some(Count::Number(count)) => count,
        Some(Count::Text(text)) => text.parse().unwrap_or(0),
        None => 0,
    };
    if rejected == 0 && message.is_empty() { Answer::Accepted } else { Answer::Partly { rejected, message } }
}
