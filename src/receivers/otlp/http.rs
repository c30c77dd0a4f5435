//! OTLP/HTTP: protobuf and JSON bodies on the signals' paths, CORS around every answer, helpful pages for everything else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use tower::ServiceExt;
use tower_http::cors::CorsLayer;

use super::door::{Arrival, Door, Syntax, Written};
use super::{Caller, config, pages};
use crate::component::Transport;
use crate::net::{Body, RequestBody, Sizing, discard};
use crate::observe::facts::Fact;
use crate::otlp::Signal;
use crate::otlp::answer::{Answer, Code};
use crate::otlp::compression::Encoding;

/// What belongs to HTTP, whichever port it comes in on: paths, CORS, pages.
pub(super) struct Http {
    config: config::Http,
    cors: Option<CorsLayer>,
    pages: axum::Router,
    encodings: Vec<Encoding>,
    /// `accept-encoding` of a 415.
    accept_encoding: HeaderValue,
    /// On every answer.
    headers: HeaderMap,
}

impl Http {
    pub fn new(config: &config::Http) -> Http {
        let cors = config.cors.as_ref().and_then(|cors| cors.layer());
        let encodings = config.encodings();
        // the one that needs nothing comes last
        let (plain, mut named): (Vec<_>, Vec<_>) = encodings
            .iter()
            .map(|encoding| encoding.name())
            .partition(|name| *name == Encoding::Identity.name());
        named.extend(plain);
        let accept_encoding = HeaderValue::try_from(named.join(", ")).expect("codings are words");
        let mut headers = config.response_headers.get().clone();
        if !config.keep_alives_enabled {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Http {
            config: config.clone(),
            cors,
            pages: pages::router(config),
            encodings,
            accept_encoding,
            headers,
        }
    }

    pub async fn call(
        self: Arc<Self>,
        door: Arc<Door>,
        request: Request<RequestBody>,
        caller: Caller,
    ) -> Response<Body> {
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let with_cors = request.headers().contains_key(header::ORIGIN) || preflight;
        let Some(cors) = self.cors.clone().filter(|_| with_cors) else {
            return self.answer(door, request, caller).await;
        };
        if request.method() == Method::OPTIONS && !preflight {
            // the layer would take any OPTIONS for a preflight
            return self.answer(door, request, caller).await;
        }
        let inner = tower::service_fn(move |request| {
            let (http, door, caller) = (self.clone(), door.clone(), caller.clone());
            async move { Ok::<_, std::convert::Infallible>(http.answer(door, request, caller).await) }
        });
        match tower::Layer::layer(&cors, inner).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    async fn answer(&self, door: Arc<Door>, request: Request<RequestBody>, caller: Caller) -> Response<Body> {
        let signal = self.config.signal(request.uri().path()).filter(|_| request.method() == Method::POST);
        let let_in = caller.let_in(request.headers(), &door, Transport::Http, signal).await;
        let mut response = match (let_in, signal) {
            (Err(turned_away), _) => {
                let format = Format::of(request.headers());
                let response = respond(signal.unwrap_or(Signal::Traces), &turned_away.answer, format, None);
                refuse_body(request.version(), request.into_body()).await;
                turned_away.with_challenge(response)
            }
            (Ok(()), Some(signal)) => self.export(&door, signal, request, caller).await,
            (Ok(()), None) => self.page(&door, request, caller).await,
        };
        for (name, value) in &self.headers {
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        response
    }

    async fn export(
        &self,
        door: &Door,
        signal: Signal,
        request: Request<RequestBody>,
        caller: Caller,
    ) -> Response<Body> {
        let (head, mut body) = request.into_parts();
        let format = Format::of(&head.headers);
        let (peer, listener) = (caller.connection.peer, caller.connection.local);
        let arrival = door.arrive(signal, Transport::Http, caller);
        let answer = match self.written(&head.headers, format) {
            Ok(written) => receive(door, &mut body, arrival, written).await,
            Err(unsupported) => {
                door.report(Fact::UnsupportedMediaType { peer, listener });
                let answer = Answer::Rejected { code: Code::InvalidArgument, message: unsupported.0 };
                door.answered(arrival, answer.clone());
                refuse_body(head.version, body).await;
                let mut response = respond(signal, &answer, format, Some(StatusCode::UNSUPPORTED_MEDIA_TYPE));
                let headers = response.headers_mut();
                headers.insert(header::ACCEPT_ENCODING, self.accept_encoding.clone());
                headers.insert("accept-post", HeaderValue::from_static(ACCEPT_POST));
                return response;
            }
        };
        if answer.code() != Code::Ok {
            refuse_body(head.version, body).await;
        }
        let stalled = matches!(answer, Answer::Rejected { code: Code::Cancelled, .. });
        respond(signal, &answer, format, stalled.then_some(StatusCode::REQUEST_TIMEOUT))
    }

    /// How the body is written, if burgee can read it at all.
    fn written(&self, headers: &HeaderMap, format: Format) -> Result<Written, Unsupported> {
        let unsupported = |message: &str| Err(Unsupported(message.to_owned()));
        let syntax = match format {
            Format::Protobuf => Syntax::Protobuf,
            Format::Json => Syntax::Json,
            Format::Other if is_grpc_web(headers) => {
                return unsupported("gRPC-Web is not supported; send OTLP/HTTP with application/x-protobuf");
            }
            Format::Other => {
                return unsupported("the content-type has to be application/x-protobuf or application/json");
            }
        };
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let coding = codings.next().map_or(&b""[..], HeaderValue::as_bytes);
        match Encoding::from_header(coding).filter(|encoding| self.encodings.contains(encoding)) {
            Some(encoding) if codings.next().is_none() => Ok(Written { syntax, encoding }),
            _ => unsupported("the content-encoding is not supported; accept-encoding says which are"),
        }
    }

    /// Wrong paths, wrong methods, people with a browser.
    async fn page(&self, door: &Door, request: Request<RequestBody>, caller: Caller) -> Response<Body> {
        let (head, body) = request.into_parts();
        let format = Format::of(&head.headers);
        if head.method == Method::POST {
            let (peer, listener) = (caller.connection.peer, caller.connection.local);
            door.report(Fact::WrongPath { peer, listener });
        }
        refuse_body(head.version, body).await;
        let page = self.pages.clone().oneshot(Request::from_parts(head, axum::body::Body::empty()));
        let mut response = match page.await {
            Ok(response) => response.map(Body::boxed),
            Err(never) => match never {},
        };
        if let Some(answer) = response.extensions_mut().remove::<Answer>() {
            let (content_type, body) = failure(&answer, format);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            // the router has measured its own, empty one
            response.headers_mut().remove(header::CONTENT_LENGTH);
            *response.body_mut() = body.into();
        }
        response
    }
}

async fn receive(door: &Door, body: &mut RequestBody, arrival: Arrival, written: Written) -> Answer {
    let read = async {
        let mut admission = door.admit(&arrival, body.size_hint().exact())?;
        let bytes = door.read(body, &arrival, &mut admission, Sizing::ContentLength).await?;
        Ok((admission, Bytes::from(bytes)))
    };
    match read.await {
        Ok((admission, bytes)) => door.take(arrival, admission, bytes, written).await,
        Err(answer) => door.turned_away(arrival, answer),
    }
}

/// What a body is written in. Failures are written in the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Protobuf,
    Json,
    Other,
}

impl Format {
    fn of(headers: &HeaderMap) -> Format {
        let value = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
        match value[..end].trim_ascii().to_ascii_lowercase().as_slice() {
            b"application/x-protobuf" | b"application/protobuf" => Format::Protobuf,
            b"application/json" => Format::Json,
            _ => Format::Other,
        }
    }
}

/// What is wrong with the form of a body.
struct Unsupported(String);

fn is_grpc_web(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc-web"))
}

/// `status` where the code alone does not say it.
fn respond(signal: Signal, answer: &Answer, format: Format, status: Option<StatusCode>) -> Response<Body> {
    let status = status.or_else(|| StatusCode::from_u16(answer.code().http_status()).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (content_type, body) = match format {
        Format::Json if status == StatusCode::OK => (JSON, answer.response_json(signal)),
        _ if status == StatusCode::OK => (PROTOBUF, answer.response(signal)),
        format => failure(answer, format),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Answer::RetryLater { after, .. } = answer {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after.unwrap_or(RETRY_AFTER))));
    }
    response
}

/// A `google.rpc.Status`, written as the request was; in JSON for those who said nothing that burgee knows.
fn failure(answer: &Answer, format: Format) -> (&'static str, Bytes) {
    match format {
        Format::Protobuf => (PROTOBUF, answer.status()),
        Format::Json | Format::Other => (JSON, answer.status_json()),
    }
}

/// What a client gets whose request has no `host`, or several; its connection ends.
pub(super) fn wrong_host() -> Response<Body> {
    let message = "a request over HTTP/1.1 needs one host header, and only one".into();
    let answer = Answer::Rejected { code: Code::InvalidArgument, message };
    let mut response = respond(Signal::Traces, &answer, Format::Other, None);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// A client that is still writing sees a broken pipe instead of the answer; over HTTP/2 it does not.
async fn refuse_body(version: Version, body: RequestBody) {
    if version < Version::HTTP_2 && !body.is_end_stream() {
        discard(body, DISCARD_WITHIN).await;
    }
}

const ACCEPT_POST: &str = "application/x-protobuf, application/json";
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
/// What a client is told to wait when nobody knows better.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const DISCARD_WITHIN: Duration = Duration::from_secs(2);
