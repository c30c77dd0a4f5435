//! What people and misconfigured clients get on an OTLP port.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::config;
use crate::otlp::Signal;
use crate::otlp::answer::{Answer, Code};

/// A page at `/`, 405 on the signals' paths, 404 elsewhere; failures carry their [`Answer`] as an
/// extension, for the caller to write as the request was written.
pub(super) fn router(config: &config::Http) -> Router {
    let paths: Vec<String> = Signal::ALL.iter().map(|&signal| config.path(signal).to_owned()).collect();
    let known = paths.join(", ");
    let is_export = {
        let paths = paths.clone();
        move |path: &str| paths.iter().any(|known| known == path)
    };
    Router::new().route("/", get(|| async { WELCOME }).fallback(wrong_root)).fallback(
        move |uri: Uri, headers: HeaderMap| {
            let response =
                if is_export(uri.path()) { wrong_method() } else { wrong_path(&uri, &headers, &known) };
            async move { response }
        },
    )
}

const WELCOME: &str = "This is burgee, an OpenTelemetry collector. This port takes OTLP/gRPC and OTLP/HTTP:\n\
    POST /v1/traces, /v1/metrics or /v1/logs with content-type application/x-protobuf or application/json.\n\
    There is nothing to see here with a browser; `burgee status` shows what has arrived.\n";

async fn wrong_root() -> Response {
    let message = "nothing takes data at /; an OTLP/HTTP exporter appends /v1/traces, /v1/metrics or /v1/logs \
                   to its endpoint, but not to OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and its kin, which are used as they are";
    failure(StatusCode::NOT_FOUND, Code::NotFound, message.into())
}

fn wrong_method() -> Response {
    let message = "this path takes POST only";
    let mut response = failure(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, message.into());
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

fn wrong_path(uri: &Uri, headers: &HeaderMap, known: &str) -> Response {
    let is_grpc_web = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc-web"));
    if is_grpc_web {
        let message = "gRPC-Web is not supported; send OTLP/HTTP with application/x-protobuf";
        return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, message.into());
    }
    let path = uri.path().trim_end_matches('/');
    let hint = Signal::ALL.into_iter().find_map(|signal| {
        let right = signal.http_path();
        let twice = path.ends_with(&format!("{right}{right}"));
        let word = path.rsplit('/').next().unwrap_or_default();
        let singular = signal.name().trim_end_matches('s');
        match () {
            () if twice => Some(format!("the endpoint already ends in {right}: take that off")),
            () if path == right || word == signal.name() || word == singular => Some(format!("try {right}")),
            () => None,
        }
    });
    let message = match hint {
        Some(hint) => format!("nothing takes data at this path; {hint}"),
        None => format!("nothing takes data at this path; there are {known}"),
    };
    failure(StatusCode::NOT_FOUND, Code::NotFound, message)
}

fn failure(status: StatusCode, code: Code, message: String) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(Answer::Rejected { code, message });
    response
}
