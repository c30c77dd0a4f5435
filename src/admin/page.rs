//! The page for people: its files, which are part of the program, and what they ask for as JSON.
//!
//! It only reads. It answers whoever calls this machine by a name of its own, and no other web page: neither one that
//! points its own name at 127.0.0.1 nor one that asks across origins.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{assets, findings, recent, status, v1};
use crate::component::{ExtensionContext, beside};
use crate::insight::{Filter, FilterError, Span, Trace, TraceId};
use crate::net::pages::is_of_this_machine;
use crate::otlp::hex;

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
    pub fn refuses(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        if self.is_local && !is_of_this_machine(uri, headers) {
            let why = "this page is for this machine: ask for it as localhost, or as 127.0.0.1\n";
            return Some(text(StatusCode::FORBIDDEN, why));
        }
        if is_from_elsewhere(uri, headers) {
            return Some(text(StatusCode::FORBIDDEN, "this page does not answer other pages\n"));
        }
        None
    }

    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", get(async |headers: HeaderMap| asset("index.html", &headers)))
            .route(
                "/page/{name}",
                get(async |Path(name): Path<String>, headers: HeaderMap| asset(&name, &headers)),
            )
            .route("/api/overview", get(overview))
            .route("/api/evaluations", get(evaluations))
            .route("/api/flags", get(flags))
            .route("/api/traces", get(traces))
            .route("/api/trace/{id}", get(trace))
            .route("/api/trace/{id}/span/{span_id}", get(span))
            .route("/api/rejections", get(rejections))
            .method_not_allowed_fallback(async || {
                text(StatusCode::METHOD_NOT_ALLOWED, "there is only something to read here\n")
            })
            .fallback(async || error(StatusCode::NOT_FOUND, "there is no such page"))
            .with_state(Arc::clone(self))
    }
}

type Answer = Result<Response, Refused>;

/// An answer that ends a question early.
struct Refused(Box<Response>);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<Response> for Refused {
    fn from(answer: Response) -> Refused {
        Refused(Box::new(answer))
    }
}

async fn overview(State(page): State<Arc<Page>>) -> Response {
    let ExtensionContext { board, budget, insight, doctor, .. } = &page.cx;
    insight.watched();
    answer(&json!({
        "status": status(board, budget),
        "findings": findings::findings(doctor),
        "senders": recent::senders(insight),
        "horizon": recent::horizon(insight),
        "now_unix_ms": super::status::unix_ms(std::time::SystemTime::now()),
    }))
}

async fn evaluations(State(page): State<Arc<Page>>, query: Query<Asked>) -> Answer {
    let (filter, after, limit) = (query.filter()?, query.after.unwrap_or(0), query.limit(EVALUATIONS));
    Ok(answer(&recent::evaluations(&page.cx.insight, &filter, after, limit)))
}

async fn flags(State(page): State<Arc<Page>>) -> Response {
    answer(&recent::flags(&page.cx.board, &page.cx.insight))
}

async fn traces(State(page): State<Arc<Page>>, query: Query<Asked>) -> Answer {
    let (filter, limit) = (query.filter()?, query.limit(TRACES));
    written(move || Ok(answer(&recent::traces(&page.cx.insight, &filter, None, limit)))).await
}

async fn trace(State(page): State<Arc<Page>>, Path(id): Path<String>) -> Answer {
    written(move || {
        let found = page.cx.insight.trace(&id, compact);
        found.map(|found| answer(&found)).ok_or_else(|| forgotten(&id).into())
    })
    .await
}

async fn span(State(page): State<Arc<Page>>, Path((id, span_id)): Path<(String, String)>) -> Answer {
    written(move || {
        let found = page.cx.insight.trace(&id, |_, trace| {
            let mut spans = trace.spans.iter();
            spans.find(|span| hex(&span.id) == span_id).map(|span| of(trace, span))
        });
        found.flatten().map(|span| answer(&span)).ok_or_else(|| forgotten(&id).into())
    })
    .await
}

async fn rejections(State(page): State<Arc<Page>>) -> Response {
    answer(&findings::rejections(&page.cx.facts))
}

/// A large trace takes a while to write down: beside the runtime.
async fn written(work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    let failed = || text(StatusCode::INTERNAL_SERVER_ERROR, "the answer failed; the log says why\n");
    beside(work).await.unwrap_or_else(|_| Err(failed().into()))
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
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    filter: String,
    after: Option<u64>,
    limit: Option<usize>,
}

impl Asked {
    fn filter(&self) -> Result<Filter, Refused> {
        let wrong = |wrong: FilterError| error(StatusCode::BAD_REQUEST, &wrong.to_string()).into();
        self.filter.parse().map_err(wrong)
    }

    fn limit(&self, default: usize) -> usize {
        self.limit.filter(|limit| *limit > 0).unwrap_or(default).min(LIMIT_MAX)
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

fn answer(value: &impl Serialize) -> Response {
    let json = serde_json::to_vec(value).expect("messages have a JSON form");
    page(StatusCode::OK, "application/json", json)
}

fn error(status: StatusCode, sentence: &str) -> Response {
    let json = serde_json::to_vec(&json!({ "error": sentence })).expect("a text has a JSON form");
    page(status, "application/json", json)
}

fn forgotten(id: &str) -> Response {
    let is_id = id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let sentence = match is_id {
        true => {
            "burgee does not remember this trace: it is older than what is kept, was not looked at, or never came"
        }
        false => "a trace id has 32 hexadecimal digits",
    };
    error(StatusCode::NOT_FOUND, sentence)
}

fn text(status: StatusCode, text: &'static str) -> Response {
    page(status, "text/plain; charset=utf-8", text)
}

fn asset(name: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = assets::find(name) else {
        return error(StatusCode::NOT_FOUND, "there is no such page");
    };
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == assets::tag());
    let mut response = match is_known {
        true => page(StatusCode::NOT_MODIFIED, asset.content_type, Bytes::new()),
        false => page(StatusCode::OK, asset.content_type, Bytes::from_static(asset.content)),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::ETAG, HeaderValue::from_static(assets::tag()));
    response
}

fn page(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut page = Response::new(body.into());
    *page.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    ] {
        page.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    page
}

const CROSS_ORIGIN_RESOURCE_POLICY: header::HeaderName =
    header::HeaderName::from_static("cross-origin-resource-policy");
/// Nothing but the page's own files; no text ever becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const EVALUATIONS: usize = 500;
const TRACES: usize = 100;
const LIMIT_MAX: usize = 5000;
