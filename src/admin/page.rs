//! The page for people: its files, which are part of the program, and what they ask for as JSON.
//!
//! It only reads. It answers whoever calls this machine by a name of its own, and no other web page: neither one that
//! points its own name at 127.0.0.1 nor one that asks across origins.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use serde::Serialize;
use serde_json::json;

use super::{assets, findings, recent, status, v1};
use crate::component::{ExtensionContext, beside};
use crate::insight::{Filter, Span, Trace, TraceId, hex};
use crate::net::Body;
use crate::net::pages::is_of_this_machine;

/// Answers the page's questions.
pub(super) struct Page {
    cx: ExtensionContext,
    /// Whether it is for this machine alone.
    is_local: bool,
}

impl Page {
    pub fn new(cx: ExtensionContext, is_local: bool) -> Page {
        Page { cx, is_local }
    }

    /// Whether somebody may ask at all.
    pub fn refuses(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response<Body>> {
        if self.is_local && !is_of_this_machine(uri, headers) {
            let why = "this page is for this machine: ask for it as localhost, or as 127.0.0.1\n";
            return Some(text(StatusCode::FORBIDDEN, why));
        }
        if is_from_elsewhere(uri, headers) {
            return Some(text(StatusCode::FORBIDDEN, "this page does not answer other pages\n"));
        }
        None
    }

    pub async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Response<Body> {
        let (method, uri) = (request.method(), request.uri());
        if method != Method::GET && method != Method::HEAD {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "there is only something to read here\n");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        if let Some(asset) = assets::find(uri.path()) {
            let is_known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|tag| tag == asset.tag());
            return asset_page(asset, is_known);
        }
        let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
        // a large trace takes a while to write down
        let work = beside(move || self.api(&path, &Query::of(&query)).unwrap_or_else(|error| error));
        work.await.unwrap_or_else(|_| {
            text(StatusCode::INTERNAL_SERVER_ERROR, "the answer failed; the log says why\n")
        })
    }

    fn api(&self, path: &str, query: &Query) -> Result<Response<Body>, Response<Body>> {
        let ExtensionContext { board, facts, budget, insight, doctor, .. } = &self.cx;
        insight.watched();
        let path: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        Ok(match path[..] {
            ["api", "overview"] => answer(&json!({
                "status": status(board, budget),
                "findings": findings::findings(doctor),
                "senders": recent::senders(insight),
                "horizon": recent::horizon(insight),
                "now_unix_ms": super::status::unix_ms(std::time::SystemTime::now()),
            })),
            ["api", "evaluations"] => {
                let (filter, after) = (query.filter()?, query.number("after")?.unwrap_or(0));
                answer(&recent::evaluations(insight, &filter, after, query.limit(EVALUATIONS)?))
            }
            ["api", "flags"] => answer(&recent::flags(board, insight)),
            ["api", "traces"] => {
                answer(&recent::traces(insight, &query.filter()?, None, query.limit(TRACES)?))
            }
            ["api", "rejections"] => answer(&findings::rejections(facts)),
            ["api", "trace", id] => {
                let found = insight.trace(id, compact);
                found.map(|found| answer(&found)).ok_or_else(|| forgotten(id))?
            }
            ["api", "trace", id, "span", span_id] => {
                let found = insight.trace(id, |_, trace| {
                    let mut spans = trace.spans.iter();
                    spans.find(|span| hex(&span.id) == *span_id).map(|span| of(trace, span))
                });
                found.flatten().map(|span| answer(&span)).ok_or_else(|| forgotten(id))?
            }
            _ => return Err(error(StatusCode::NOT_FOUND, "there is no such page")),
        })
    }
}

/// A trace in few bytes: texts once each, spans as rows.
#[derive(Serialize)]
struct Compact {
    trace_id: String,
    summary: v1::TraceSummary,
    notes: Vec<String>,
    names: Vec<String>,
    services: Vec<String>,
    spans: Vec<Row>,
    /// A number that JavaScript cannot hold.
    start_unix_nano: String,
    evaluations: Vec<Placed>,
}

/// Id, parent, name, service, kind, start, duration in microseconds, status, evaluations.
#[derive(Serialize)]
struct Row(String, String, usize, usize, u8, u64, u64, u8, usize);

/// An evaluation and where in the trace it is.
#[derive(Serialize)]
struct Placed {
    #[serde(flatten)]
    evaluation: v1::Evaluation,
    span_index: Option<usize>,
    offset_us: u64,
}

fn compact(id: &TraceId, trace: &Trace) -> Compact {
    let spans = recent::by_start(trace);
    let start = spans.first().map_or(0, |span| span.start);
    let mut told = std::collections::HashMap::<_, usize>::new();
    trace.evaluations.iter().for_each(|evaluation| *told.entry(evaluation.span_id).or_default() += 1);
    let (mut names, mut services) = (Texts::default(), Texts::default());
    let row = |span: &&Span| {
        let parent = if span.is_root() { String::new() } else { hex(&span.parent) };
        let (offset, took) =
            (span.start.saturating_sub(start) / 1000, span.end.saturating_sub(span.start) / 1000);
        let (name, service) = (names.place(&span.name), services.place(&span.service));
        let flags = told.get(&span.id).copied().unwrap_or_default();
        Row(hex(&span.id), parent, name, service, span.kind, offset, took, span.status, flags)
    };
    let rows = spans.iter().map(row).collect();
    let places: std::collections::HashMap<_, _> =
        spans.iter().enumerate().map(|(place, span)| (span.id, place)).collect();
    let placed = |told: &Arc<crate::insight::Told>| {
        let at = told.at.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        Placed {
            evaluation: recent::evaluation(told),
            span_index: places.get(&told.span_id).copied(),
            offset_us: at.saturating_sub(start) / 1000,
        }
    };
    Compact {
        trace_id: hex(id),
        summary: recent::summary(id, trace),
        notes: recent::notes(trace),
        names: names.texts,
        services: services.texts,
        spans: rows,
        start_unix_nano: start.to_string(),
        evaluations: trace.evaluations.iter().map(placed).collect(),
    }
}

/// Texts and their places.
#[derive(Default)]
struct Texts {
    texts: Vec<String>,
    places: std::collections::HashMap<Arc<str>, usize>,
}

impl Texts {
    fn place(&mut self, text: &Arc<str>) -> usize {
        *self.places.entry(Arc::clone(text)).or_insert_with(|| {
            self.texts.push(text.to_string());
            self.texts.len() - 1
        })
    }
}

fn of(trace: &Trace, span: &Span) -> v1::Span {
    let told = trace.evaluations.iter().filter(|told| told.span_id == span.id);
    recent::span(span, told.map(|told| recent::evaluation(told)).collect())
}

/// What stands behind the `?`.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: &str) -> Query {
        // `+` is a space in what browsers build (URL Standard, application/x-www-form-urlencoded)
        let plain = |text: &str| {
            let text = text.replace('+', " ");
            percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Query(pairs.map(|(key, value)| (plain(key), plain(value))).collect())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    fn filter(&self) -> Result<Filter, Response<Body>> {
        let filter = self.get("filter").unwrap_or_default().parse();
        filter
            .map_err(|wrong: crate::insight::FilterError| error(StatusCode::BAD_REQUEST, &wrong.to_string()))
    }

    fn number(&self, key: &str) -> Result<Option<u64>, Response<Body>> {
        let number = self.get(key).map(str::parse).transpose();
        number.map_err(|_| error(StatusCode::BAD_REQUEST, &format!("{key} is a number")))
    }

    fn limit(&self, default: usize) -> Result<usize, Response<Body>> {
        let limit = self.number("limit")?.and_then(|limit| usize::try_from(limit).ok());
        Ok(limit.filter(|limit| *limit > 0).unwrap_or(default).min(LIMIT_MAX))
    }
}

/// A request that a page of another origin makes. What is no browser sends neither header.
fn is_from_elsewhere(uri: &Uri, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host =
        text(header::HOST).or_else(|| uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
    let is_other =
        |origin: &str| origin.split_once("://").is_none_or(|(_, from)| !from.eq_ignore_ascii_case(host));
    let is_navigation = text(header::HeaderName::from_static("sec-fetch-mode")) == Some("navigate");
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    headers.get(header::ORIGIN).is_some_and(|origin| origin.to_str().map_or(true, is_other))
        || (matches!(site, Some("cross-site" | "same-site")) && !is_navigation)
}

fn answer(value: &impl Serialize) -> Response<Body> {
    let json = serde_json::to_vec(value).expect("messages have a JSON form");
    page(StatusCode::OK, "application/json", json)
}

fn error(status: StatusCode, sentence: &str) -> Response<Body> {
    let json = serde_json::to_vec(&json!({ "error": sentence })).expect("a text has a JSON form");
    page(status, "application/json", json)
}

fn forgotten(id: &str) -> Response<Body> {
    let is_id = id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let sentence = match is_id {
        true => {
            "burgee does not remember this trace: it is older than what is kept, was not looked at, or never came"
        }
        false => "a trace id has 32 hexadecimal digits",
    };
    error(StatusCode::NOT_FOUND, sentence)
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    page(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
}

fn asset_page(asset: &'static assets::Asset, is_known: bool) -> Response<Body> {
    let mut response = match is_known {
        true => page(StatusCode::NOT_MODIFIED, asset.content_type, Vec::new()),
        false => page(StatusCode::OK, asset.content_type, asset.content),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(asset.tag()) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn page(status: StatusCode, content_type: &'static str, body: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut page = Response::new(Body::from(body.into()));
    *page.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        page.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    page
}

/// Nothing but the page's own files; no text ever becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const EVALUATIONS: usize = 500;
const TRACES: usize = 100;
const LIMIT_MAX: usize = 5000;
