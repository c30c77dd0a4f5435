//! What people and misconfigured senders get on an OTLP port.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};

use super::config;
use super::door::Door;
use super::origins::is_preflight;
use super::sight::{Ends, Sight};
use crate::component::PortRole;
use crate::net::Body;
use crate::net::pages::{TEXT, page};
use crate::observe::board::Board;
use crate::observe::facts::Fact;
use crate::otlp::Signal;
use crate::otlp::answer::Code;

/// What is wrong with a request that is no export.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub sort: Sort,
    pub status: StatusCode,
    pub code: Code,
    /// What to do now; nothing of what was sent.
    pub message: Cow<'static, str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A path where nothing is.
    Path,
    /// A path of this protocol, which burgee does not take.
    Protocol(&'static str),
    /// A signal that burgee does not take.
    Signal(&'static str),
    /// What is said to be in the body.
    ContentType,
    Method,
}

impl Mistake {
    /// Tells the doctor of something that was posted.
    pub fn report(&self, door: &Door, sight: Sight<'_>) {
        let Ends { peer, listener } = sight.ends;
        let path = sight.uri.path();
        match self.sort {
            Sort::Path => door.facts().report_with(Fact::WrongPath { peer, listener }, path),
            Sort::Protocol(protocol) => {
                let detail = format!("{protocol}: {path}");
                door.facts().report_with(Fact::Legacy { peer, listener }, &detail);
            }
            Sort::Signal(signal) => door.facts().report_with(Fact::Unserved { peer, listener }, signal),
            Sort::ContentType => {
                let detail = format!("content-type: {}", sight.text(header::CONTENT_TYPE));
                door.facts().report_with(Fact::UnsupportedMediaType { peer, listener }, &detail);
            }
            Sort::Method => {}
        }
    }
}

/// Says what is wrong with a request whose method and path are not those of an export over HTTP.
pub(super) fn mistake(sight: Sight<'_>, config: &config::Http, role: PortRole) -> Mistake {
    let path = sight.uri.path();
    let is_export = config.signal(path).is_some();
    if sight.header(header::CONTENT_TYPE).starts_with(b"application/grpc-web") {
        return Mistake {
            sort: Sort::ContentType,
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: Code::InvalidArgument,
            message: "gRPC-Web is not supported; send OTLP/HTTP with application/x-protobuf".into(),
        };
    }
    if is_preflight(sight) {
        let message = "no web page may send here: its origin is not in cors.allowed_origins";
        return wrong_method(message);
    }
    if is_export {
        return wrong_method(match is_for_a_person(sight) {
            true => {
                "this path takes POST only: senders leave telemetry here, and there is nothing to read; \
                     `burgee status` shows what has arrived"
            }
            false => "this path takes POST only",
        });
    }
    if path == "/" {
        return not_found(Sort::Path, WRONG_ROOT, role);
    }
    if let Some((protocol, message)) = other_protocol(path) {
        let message = match message {
            "" => Cow::from(format!(
                "this is a path of {protocol}, and burgee takes OTLP: let the sender export that; there are {}",
                paths(config)
            )),
            message => message.into(),
        };
        return not_found(Sort::Protocol(protocol), message, role);
    }
    if path == "/v1development/profiles" {
        return not_found(Sort::Signal("profiles"), "burgee takes no profiles; let the sender stop", role);
    }
    if path.starts_with(GRPC_PACKAGE) {
        return not_found(Sort::Path, grpc_path(sight.version), role);
    }
    match hint(path, config) {
        Some(hint) => not_found(Sort::Path, format!("nothing takes data at this path; {hint}"), role),
        None => {
            let known = paths(config);
            not_found(Sort::Path, format!("nothing takes data at this path; there are {known}"), role)
        }
    }
}

/// The protocol whose path this is, and a sentence of its own if it has one.
pub(super) fn other_protocol(path: &str) -> Option<(&'static str, &'static str)> {
    let row = OTHERS.iter().find(|(known, ..)| match known.strip_suffix('*') {
        Some(begin) => path.starts_with(begin),
        None => path.trim_end_matches('/') == *known,
    });
    row.map(|&(_, protocol, message)| (protocol, message))
}

/// What to do about a path that is nearly right.
fn hint(path: &str, config: &config::Http) -> Option<Cow<'static, str>> {
    let path = path.trim_end_matches('/');
    Signal::ALL.into_iter().find_map(|signal| {
        let right = config.path(signal);
        let word = path.rsplit('/').next().unwrap_or_default();
        let singular = signal.name().trim_end_matches('s');
        if path == right {
            return Some(format!("it ends with a / too many, try {right}").into());
        }
        if path.eq_ignore_ascii_case(right) {
            return Some(format!("paths are in lower case, try {right}").into());
        }
        match path.strip_suffix(right) {
            Some(before) if before.ends_with(right) => {
                Some(format!("the sender's endpoint already ends in {right}, which SDKs append: take that off").into())
            }
            Some("/v1") => Some(format!("the sender's endpoint ends in /v1, and SDKs append {right}: take that off").into()),
            Some("/otlp") => Some(format!("the sender's endpoint ends in /otlp, which other collectors have: take that off, and try {right}").into()),
            Some(_) => Some(format!("take off what stands before {right} in the sender's endpoint").into()),
            None if word == signal.name() || word == singular => Some(format!("try {right}").into()),
            None => None,
        }
    })
}

/// Why a path of gRPC, which has come without gRPC's content type, leads nowhere.
fn grpc_path(version: Version) -> &'static str {
    if version < Version::HTTP_2 {
        "this is a method of OTLP/gRPC, which needs HTTP/2 and the content-type application/grpc; over HTTP/1.1 \
         send OTLP/HTTP to /v1/traces, /v1/metrics or /v1/logs, or let the sender speak gRPC without a proxy that \
         makes HTTP/1.1 of it"
    } else {
        "this is a method of OTLP/gRPC, but the content-type is not application/grpc; set that, or send OTLP/HTTP \
         to /v1/traces, /v1/metrics or /v1/logs"
    }
}

fn paths(config: &config::Http) -> String {
    Signal::ALL.map(|signal| config.path(signal)).join(", ")
}

fn wrong_method(message: &'static str) -> Mistake {
    Mistake {
        sort: Sort::Method,
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: Code::Unimplemented,
        message: message.into(),
    }
}

fn not_found(sort: Sort, message: impl Into<Cow<'static, str>>, role: PortRole) -> Mistake {
    let mut message = message.into();
    // who looks for the right port need not look any further
    if role == PortRole::Grpc {
        message.to_mut().push_str("; this is the port for gRPC, where OTLP/HTTP works as well");
    }
    Mistake { sort, status: StatusCode::NOT_FOUND, code: Code::NotFound, message }
}

/// What is at `/`: what this is, and where to look.
pub(super) fn welcome(sight: Sight<'_>, config: &config::Http, board: &Board) -> Response<Body> {
    let paths = Signal::ALL.map(|signal| config.path(signal));
    let [traces, metrics, logs] = paths;
    let mut text = format!(
        "This is burgee, an OpenTelemetry collector that knows feature flags.\n\
         This port takes telemetry, as OTLP/gRPC and as OTLP/HTTP:\n\
         POST {traces}, {metrics} or {logs} with content-type application/x-protobuf or application/json.\n\
         There is nothing to see here with a browser. Where burgee runs:\n\
         `burgee doctor` says what is wrong with senders and what to do about it,\n\
         `burgee send` sends a trace to try it out, `burgee status` shows what has arrived.\n"
    );
    let url = admin_url(board);
    if let Some(url) = &url {
        text.push_str(&format!("The page of burgee, on the same machine: {url}\n"));
    }
    person_page(sight, StatusCode::OK, &text, url.as_deref())
}

/// A page with a text, as HTML for those who ask for it. `link` stands in the text.
pub(super) fn person_page(
    sight: Sight<'_>,
    status: StatusCode,
    text: &str,
    link: Option<&str>,
) -> Response<Body> {
    let (content_type, body) = match wants_html(sight.headers) {
        true => (HTML, html(text, link)),
        false => (TEXT, text.to_owned()),
    };
    let length = body.len();
    let is_head = sight.method == Method::HEAD;
    let mut answer = page(status, content_type, if is_head { Body::empty() } else { Body::from(body) });
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    answer
}

/// Whether somebody with a browser looks at it.
pub(super) fn is_for_a_person(sight: Sight<'_>) -> bool {
    matches!(*sight.method, Method::GET | Method::HEAD)
}

pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|part| {
        let kind = part.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html")
    })
}

fn html(text: &str, link: Option<&str>) -> String {
    let mut text = escaped(text);
    if let Some(link) = link.map(escaped) {
        text = text.replace(&link, &format!("<a href=\"{link}\">{link}</a>"));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>burgee</title>\n<pre>{text}</pre>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Where the page of the admin extension is, if it listens.
fn admin_url(board: &Board) -> Option<String> {
    let admin = |component: &str| component == "admin" || component.starts_with("admin/");
    let listeners = board.listeners();
    let address = &listeners.iter().find(|listener| admin(&listener.component))?.address;
    let every_address = ["0.0.0.0:", "[::]:"].iter().find_map(|all| address.strip_prefix(all));
    Some(match every_address {
        Some(port) => format!("http://localhost:{port}/"),
        None => format!("http://{address}/"),
    })
}

const WRONG_ROOT: &str = "nothing takes data at /; an OTLP/HTTP exporter appends /v1/traces, /v1/metrics or /v1/logs \
                          to its endpoint, but not to OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and its kin, nor to what code \
                          gives its constructor: these are used as they are";
/// Paths of others, `*` for any end; with a sentence where there is more to say than that.
const OTHERS: [(&str, &str, &str); 7] = [
    ("/api/v1/spans", "Zipkin", ""),
    ("/api/v2/spans", "Zipkin", ""),
    ("/api/traces", "Jaeger", ""),
    ("/jaeger.api_v2.*", "Jaeger", ""),
    ("/opencensus.proto.*", "OpenCensus", ""),
    ("/v1/trace", EARLY_OTLP, "nothing takes data at this path, which is of an early OTLP; try /v1/traces"),
    ("/opentelemetry/proto/*", EARLY_OTLP, ""),
];
const EARLY_OTLP: &str = "an early OTLP";
const GRPC_PACKAGE: &str = "/opentelemetry.proto.collector.";
const HTML: &str = "text/html; charset=utf-8";
