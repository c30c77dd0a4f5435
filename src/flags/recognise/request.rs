//! Requests for an evaluation over HTTP, known by their URL (R3), and the secrets in such URLs (N10).

use std::borrow::Cow;

use memchr::memmem;
use percent_encoding::percent_decode_str;

use crate::otlp::{Edits, Item, Pair, Value, Watchlist};

/// A span that asked for the evaluation of one flag, or answered.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::flags) struct Request<'a> {
    pub key: Cow<'a, str>,
    /// The HTTP status of the answer.
    pub status: Option<i64>,
}

/// What an attribute says about an HTTP request. Each has had two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole URL, percent-encoded.
    Url(usize),
    /// The path; of `http.target` also the query.
    Path(usize),
    Query,
    Method(usize),
    Status(usize),
}

/// The names of HTTP attributes, the current one (semantic conventions 1.23 and later) before the outdated one.
pub(super) const PARTS: &[(&str, Part)] = &[
    ("url.full", Part::Url(0)),
    ("http.url", Part::Url(1)),
    ("url.path", Part::Path(0)),
    ("http.target", Part::Path(1)),
    (QUERY, Part::Query),
    ("http.request.method", Part::Method(0)),
    ("http.method", Part::Method(1)),
    ("http.response.status_code", Part::Status(0)),
    ("http.status_code", Part::Status(1)),
];

/// Paths with a key between the two parts. A base path may precede.
const EVALUATION_PATHS: &[(&str, &str)] = &[("/ofrep/v1/evaluate/flags/", ""), ("/v1/feature/", "/eval")];

/// The relay proxy's streams, which take an API key in the query.
const STREAM_PATHS: &[&str] =
    &["/ws/v1/flag/change", "/stream/v1/ws/flag/change", "/stream/v1/sse/flag/change"];

/// What all of these paths contain: the door looks for this alone, since it may say yes too often.
const IN_EVERY_PATH: &str = "/f";

/// Attributes in which such a query may stand.
const WITH_QUERY: &[&str] = &["url.full", "http.url", QUERY, "http.target"];
const QUERY: &str = "url.query";
const SECRET: &str = "apiKey";
const REDACTED: &str = "REDACTED";

/// A key that is longer comes from no flag file; a path is whatever a client wrote.
const KEY_BYTES_MAX: usize = 256;

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const METHOD: &str = "POST";

pub(super) fn watch(list: &mut Watchlist) {
    for (key, part) in PARTS {
        if matches!(part, Part::Url(_) | Part::Path(_)) {
            list.url(key, IN_EVERY_PATH);
        }
    }
}

/// The HTTP attributes of one span, read when they matter.
#[derive(Clone, Copy, Default)]
pub(super) struct Http<'a> {
    any: bool,
    query: bool,
    url: [Option<Pair<'a>>; 2],
    path: [Option<Pair<'a>>; 2],
    method: [Option<Pair<'a>>; 2],
    status: [Option<Pair<'a>>; 2],
}

impl<'a> Http<'a> {
    pub fn clear(&mut self) {
        if self.any {
            *self = Http::default();
        }
    }

    #[inline]
    pub fn note(&mut self, part: Part, pair: Pair<'a>) {
        self.any = true;
        let place = match part {
            Part::Url(age) => &mut self.url[age],
            Part::Path(age) => &mut self.path[age],
            Part::Method(age) => &mut self.method[age],
            Part::Status(age) => &mut self.status[age],
            Part::Query => {
                self.query = true;
                return;
            }
        };
        place.get_or_insert(pair);
    }

    /// The request that a span of this kind and name is.
    pub fn request(&self, kind: i32, name: &str) -> Option<Request<'a>> {
        if !self.any || !(kind == SERVER || kind == CLIENT) {
            return None;
        }
        let method = texts(&self.method).next();
        if !method.map_or_else(|| name.starts_with("POST "), |method| method == METHOD) {
            return None;
        }
        let key = if kind == SERVER {
            // already decoded by whoever wrote them: everything after the prefix is the key
            self.paths().find_map(key_in).map(|key| Cow::Borrowed(key.trim()))
        } else {
            texts(&self.url).find_map(|url| key_in(path_of(url))).map(decode)
        }?;
        if key.is_empty() || key.len() > KEY_BYTES_MAX || is_template(&key) {
            return None;
        }
        Some(Request { key, status: self.status() })
    }

    /// Whether there is a query at a path that takes secrets in it.
    pub fn may_hold_secrets(&self) -> bool {
        self.any && self.has_query() && {
            self.paths().chain(texts(&self.url).map(path_of)).any(is_secret_path)
        }
    }

    fn has_query(&self) -> bool {
        let [_, target] = self.path;
        self.query || texts(&self.url).chain(texts(&[target, None])).any(|text| text.contains('?'))
    }

    fn paths(&self) -> impl Iterator<Item = &'a str> {
        let [path, target] = self.path;
        texts(&[path, None]).chain(texts(&[target, None]).map(without_query))
    }

    fn status(&self) -> Option<i64> {
        self.status.iter().flatten().find_map(|pair| match pair.value() {
            Value::Int(code) => Some(code),
            _ => None,
        })
    }
}

/// Those of the two that are text, the current one first.
fn texts<'a>(pairs: &[Option<Pair<'a>>; 2]) -> impl Iterator<Item = &'a str> + use<'a> {
    (*pairs).into_iter().flatten().filter_map(|pair| as_text(pair.value()))
}

/// N10: replaces the secrets in the URLs of a span.
pub(in crate::flags) fn redact(item: Item<'_>, edits: &mut Edits) {
    let attributes = item.attributes();
    let texts_of = |wanted: &'static str| {
        attributes.iter().filter(move |(key, _)| *key == wanted).filter_map(|(_, value)| as_text(value))
    };
    for key in WITH_QUERY {
        if texts_of(key).any(|text| redacted(key, text).is_some())
            && let Some(first) = texts_of(key).next()
        {
            let text = redacted(key, first).unwrap_or_else(|| first.to_owned());
            edits.item(item).set(key, Value::Str(&text));
        }
    }
}

fn as_text(value: Value<'_>) -> Option<&str> {
    match value {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

/// The text without its secrets; `None` if it has none.
fn redacted(key: &str, text: &str) -> Option<String> {
    let query = match key {
        QUERY => 0,
        _ => text.find('?')? + 1,
    };
    let end = text[query..].find('#').map_or(text.len(), |at| query + at);
    let mut out = text[..query].to_owned();
    let mut found = false;
    for (place, parameter) in text[query..end].split('&').enumerate() {
        if place > 0 {
            out.push('&');
        }
        match parameter.split_once('=') {
            Some((name, value)) if is_secret(name) && value != REDACTED => {
                found = true;
                out.push_str(name);
                out.push('=');
                out.push_str(REDACTED);
            }
            _ => out.push_str(parameter),
        }
    }
    out.push_str(&text[end..]);
    found.then_some(out)
}

/// The relay proxy decodes the names of parameters.
fn is_secret(name: &str) -> bool {
    percent_decode_str(name).decode_utf8_lossy().eq_ignore_ascii_case(SECRET)
}

fn is_secret_path(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    STREAM_PATHS.iter().any(|stream| path.ends_with(stream)) || key_in(path).is_some()
}

/// The key in the path of an evaluation request.
fn key_in(path: &str) -> Option<&str> {
    EVALUATION_PATHS.iter().find_map(|(begin, end)| {
        let within = path.strip_suffix(end)?;
        let at =
            if within.starts_with(begin) { 0 } else { memmem::find(within.as_bytes(), begin.as_bytes())? };
        let key = path[at + begin.len()..].strip_suffix(end)?;
        (!key.is_empty()).then_some(key)
    })
}

/// `:flagKey`, `{flagKey}`.
fn is_template(key: &str) -> bool {
    key.starts_with(':') || (key.starts_with('{') && key.ends_with('}'))
}

/// N1: a key has no blanks around it, wherever it stands.
fn decode(key: &str) -> Cow<'_, str> {
    match percent_decode_str(key).decode_utf8_lossy() {
        Cow::Borrowed(key) => Cow::Borrowed(key.trim()),
        Cow::Owned(key) => Cow::Owned(key.trim().to_owned()),
    }
}

fn path_of(url: &str) -> &str {
    let url = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    let from_host = url.find("://").map_or(url, |at| &url[at + 3..]);
    from_host.find('/').map_or("", |at| &from_host[at..])
}

fn without_query(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    use prost::Message;

    use super::*;
    use crate::otlp::{Signal, check};

    fn client(url: &str) -> Option<String> {
        let attribute = KeyValue {
            key: "url.full".into(),
            value: Some(AnyValue { value: Some(any_value::Value::StringValue(url.into())) }),
            ..KeyValue::default()
        };
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![1; 8],
            attributes: vec![attribute],
            ..Span::default()
        };
        let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        let bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let payload =
            check(Signal::Traces, bytes.into(), &Watchlist::default()).expect("made by prost").payload;
        let mut http = Http::default();
        payload.items().next()?.outline(|pair| http.note(Part::Url(0), pair));
        assert_eq!(http.request(CLIENT, "GET /"), None);
        http.request(CLIENT, "POST /").map(|request| request.key.into())
    }

    #[test]
    fn the_door_looks_for_what_every_path_contains() {
        let begins = EVALUATION_PATHS.iter().map(|(begin, _)| begin);
        assert!(begins.chain(STREAM_PATHS).all(|path| path.contains(IN_EVERY_PATH)));
    }

    #[test]
    fn a_clients_url_is_decoded_once() {
        assert_eq!(
            client("http://relay:1031/ofrep/v1/evaluate/flags/a%2Fb%2520c").as_deref(),
            Some("a/b%20c")
        );
        assert_eq!(
            client("https://h/base/v1/feature/k/eval?x=/ofrep/v1/evaluate/flags/no").as_deref(),
            Some("k")
        );
        assert_eq!(client("/ofrep/v1/evaluate/flags/%ff").as_deref(), Some("\u{fffd}"));
        assert_eq!(client("/ofrep/v1/evaluate/flags/%20a%20b%20").as_deref(), Some("a b"));
        assert_eq!(client("/ofrep/v1/evaluate/flags/%20"), None);
        assert_eq!(client("http://h?x=/ofrep/v1/evaluate/flags/no"), None);
        assert_eq!(client("http://h/ofrep/v1/evaluate/flags/%3AflagKey"), None);
        assert_eq!(client(&format!("http://h/ofrep/v1/evaluate/flags/{}", "k".repeat(257))), None);
    }

    #[test]
    fn every_secret_in_a_query_is_replaced_and_nothing_else() {
        let redacted = |text| redacted("url.full", text);
        assert_eq!(
            redacted("http://h/?apiKey=a&b=apiKey&api%4Bey=c&APIKEY=#d").as_deref(),
            Some("http://h/?apiKey=REDACTED&b=apiKey&api%4Bey=REDACTED&APIKEY=REDACTED#d")
        );
        assert_eq!(redacted("http://h/?apiKey=REDACTED&apiKey"), None);
        assert_eq!(redacted("http://h/apiKey=a"), None);
        assert_eq!(super::redacted(QUERY, "apiKey=a?b").as_deref(), Some("apiKey=REDACTED"));
    }
}
