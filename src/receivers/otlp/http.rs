//! OTLP/HTTP: protobuf and JSON bodies on the signals' paths, CORS around every answer, helpful pages for everything else.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use tower::ServiceExt;
use tower_http::cors::CorsLayer;

use super::door::{Arrival, Door, Said, Syntax, Written};
use super::origins::{Browsers, is_preflight};
use super::sight::{Ends, Sight};
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
    browsers: Browsers,
    encodings: Vec<Encoding>,
    /// `accept-encoding` of a 415.
    accept_encoding: HeaderValue,
    /// On every answer.
    headers: HeaderMap,
}

impl Http {
    pub fn new(config: &config::Http) -> Http {
        let cors = config.cors.as_ref().and_then(|cors| cors.layer());
        let browsers = Browsers::new(config.cors.as_ref());
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
        Http { config: config.clone(), cors, browsers, encodings, accept_encoding, headers }
    }

    pub async fn call(
        self: Arc<Self>,
        door: Arc<Door>,
        request: Request<RequestBody>,
        caller: Caller,
    ) -> Response<Body> {
        let sight = Sight::of(&request, caller.ends());
        let preflight = is_preflight(sight);
        let with_cors = request.headers().contains_key(header::ORIGIN) || preflight;
        if with_cors
            && let Some(why) = self.browsers.look_at(&door, sight, caller.connection.has_tls())
            && self.cors.is_some()
        {
            // the layer's answer is a success without the headers that the browser looks for
            door.reject(sight, Transport::Http, StatusCode::OK.as_u16(), &why);
        }
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
        let sight = Sight::of(&request, caller.ends());
        let let_in = caller.let_in(sight, &door, Transport::Http, signal).await;
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
        let sight = Sight::of_head(&head, caller.ends());
        let arrival = door.arrive(signal, Transport::Http, caller, body.size_hint().exact());
        let (answer, said) = match self.written(&head.headers, format) {
            Ok(written) => receive(door, &mut body, arrival, written).await,
            Err(unsupported) => {
                self.unsupported(door, sight, &unsupported);
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
        let stalled = matches!(answer, Answer::Rejected { code: Code::Cancelled, .. });
        let response = respond(signal, &answer, format, stalled.then_some(StatusCode::REQUEST_TIMEOUT));
        if answer.code() != Code::Ok {
            door.reject(sight, Transport::Http, response.status().as_u16(), said.reason(&answer));
            refuse_body(head.version, body).await;
        }
        response
    }

    fn unsupported(&self, door: &Door, sight: Sight<'_>, unsupported: &Unsupported) {
        let Ends { peer, listener } = sight.ends;
        let none = |text: Cow<'_, str>| if text.is_empty() { "none".to_owned() } else { text.into_owned() };
        let content_type = none(sight.text(header::CONTENT_TYPE));
        let encoding = none(sight.text(header::CONTENT_ENCODING));
        let detail = format!("content-type: {content_type} / content-encoding: {encoding}");
        door.facts().report_with(Fact::UnsupportedMediaType { peer, listener }, &detail);
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16();
        door.reject(sight, Transport::Http, status, &unsupported.0);
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
        refuse_body(head.version, body).await;
        let sight = Sight::of_head(&head, caller.ends());
        if pages::is_for_a_person(sight) && head.uri.path() == "/" {
            return pages::welcome(sight, &self.config, door.board());
        }
        let mistake = pages::mistake(sight, &self.config, caller.role);
        if head.method == Method::POST {
            mistake.report(door, sight);
        }
        door.reject(sight, Transport::Http, mistake.status.as_u16(), &mistake.message);
        let mut response = if pages::is_for_a_person(sight) && pages::wants_html(&head.headers) {
            pages::person_page(sight, mistake.status, &format!("{}\n", mistake.message), None)
        } else {
            let message = mistake.message.into_owned();
            let format = Format::of(&head.headers);
            respond(
                Signal::Traces,
                &Answer::Rejected { code: mistake.code, message },
                format,
                Some(mistake.status),
            )
        };
        if mistake.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

async fn receive(door: &Door, body: &mut RequestBody, arrival: Arrival, written: Written) -> (Answer, Said) {
    let read = async {
        let mut admission = door.admit(&arrival)?;
        let bytes = door.read(body, &arrival, &mut admission, Sizing::ContentLength).await?;
        Ok((admission, Bytes::from(bytes)))
    };
    match read.await {
        Ok((admission, bytes)) => door.take(arrival, admission, bytes, written).await,
        Err(answer) => (door.turned_away(arrival, answer), Said::Here),
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
pub(super) fn wrong_host(door: &Door, sight: Sight<'_>) -> Response<Body> {
    let message = "a request over HTTP/1.1 needs one host header, and only one".into();
    let answer = Answer::Rejected { code: Code::InvalidArgument, message };
    let mut response = respond(Signal::Traces, &answer, Format::Other, None);
    door.reject(sight, Transport::Http, response.status().as_u16(), answer.message());
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
