//! Requests of absurd size, of any size: one function for each shape, which grows with `n`.

pub use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span::Event};
use prost::Message;

/// What can be made absurdly large.
pub struct Shape {
    pub name: &'static str,
    pub build: fn(u32) -> Request,
}

pub const SHAPES: &[Shape] = &[
    Shape { name: "events of one flag each on one span", build: events_of_many_flags },
    Shape { name: "events of one flag on one span", build: events_of_one_flag },
    Shape { name: "failed evaluations as exceptions of one span", build: exceptions },
    Shape { name: "evaluations below one span", build: star },
    Shape { name: "evaluations in a row, roots first", build: |n| row(n, true) },
    Shape { name: "evaluations in a row, leaves first", build: |n| row(n, false) },
    Shape { name: "spans in a row above many flags", build: row_above_many_flags },
    Shape { name: "evaluations in a circle", build: |n| circle(n, 1) },
    Shape { name: "circles of two", build: circles_of_two },
    Shape { name: "the same span with another flag each", build: twins },
    Shape { name: "attributes on a span that many flags affect", build: attributes },
    Shape { name: "attributes of one key", build: attributes_of_one_key },
    Shape { name: "attributes that say a flag's variant", build: flag_attributes },
    Shape { name: "requests in a row, each with its answer", build: requests_and_answers },
    Shape { name: "scopes with one evaluation each", build: scopes },
    Shape { name: "a query of many parameters", build: query },
    Shape { name: "long texts on an evaluation, an event and a row of spans", build: long_texts },
    Shape { name: "a long answer below a row of requests", build: long_answer },
];

/// The request, encoded.
pub fn encode(request: &Request) -> Vec<u8> {
    request.encode_to_vec()
}

fn events_of_many_flags(n: u32) -> Request {
    let mut busy = span(1, 0, "busy", vec![]);
    busy.events = (0..n).map(|i| event("feature_flag", evaluated(&format!("flag {i}")))).collect();
    request(vec![busy])
}

fn events_of_one_flag(n: u32) -> Request {
    let mut busy = span(1, 0, "busy", vec![]);
    busy.events = (0..n).map(|_| event("feature_flag", evaluated("flag"))).collect();
    request(vec![busy])
}

fn exceptions(n: u32) -> Request {
    let mut busy = span(1, 0, "busy", vec![]);
    let failed = |i: u32| {
        let key = text("feature_flag.key", &format!("flag {}", i / 2));
        event(if i.is_multiple_of(2) { "exception" } else { "feature_flag" }, vec![key])
    };
    busy.events = (0..n).map(failed).collect();
    request(vec![busy])
}

fn star(n: u32) -> Request {
    let evaluation = |i: u32| span(i + 2, 1, "evaluation", evaluated(&format!("flag {i}")));
    request(std::iter::once(span(1, 0, "root", vec![])).chain((0..n).map(evaluation)).collect())
}

fn row(n: u32, roots_first: bool) -> Request {
    let evaluation = |i: u32| span(i, i - 1, "evaluation", evaluated(&format!("flag {i}")));
    let mut spans: Vec<_> = (1..=n).map(evaluation).collect();
    if !roots_first {
        spans.reverse();
    }
    request(spans)
}

/// Each of `n` spans is above 1,000 flags.
fn row_above_many_flags(n: u32) -> Request {
    let mut spans: Vec<_> = (1..=n).map(|i| span(i, i - 1, "work", vec![])).collect();
    let mut busy = span(n + 1, n, "busy", vec![]);
    busy.events = (0..1_000).map(|i| event("feature_flag", evaluated(&format!("flag {i}")))).collect();
    spans.push(busy);
    request(spans)
}

fn circle(n: u32, first: u32) -> Request {
    let last = first + n - 1;
    let evaluation = |i: u32| {
        let parent = if i == first { last } else { i - 1 };
        let mut span = span(i, parent, "evaluation", evaluated(&format!("flag {i}")));
        span.events = vec![event("feature_flag", evaluated(&format!("other {i}")))];
        span
    };
    request((first..=last).map(evaluation).collect())
}

fn circles_of_two(n: u32) -> Request {
    let circles = (0..n / 2).map(|i| circle(2, 2 * i + 1));
    Request { resource_spans: circles.flat_map(|circle| circle.resource_spans).collect() }
}

fn twins(n: u32) -> Request {
    let twin = |i: u32| {
        let mut span = span(1, 0, "twin", vec![]);
        span.events = vec![event("feature_flag", evaluated(&format!("{i} {}", "k".repeat(1_000))))];
        span
    };
    request((0..n).map(twin).collect())
}

fn attributes(n: u32) -> Request {
    let mut busy = span(1, 0, "busy", (0..n).map(|i| text(&format!("attribute {i}"), "x")).collect());
    busy.events = (0..1_000).map(|i| event("feature_flag", evaluated(&format!("flag {i}")))).collect();
    request(vec![busy])
}

fn attributes_of_one_key(n: u32) -> Request {
    let mut attributes: Vec<_> = (0..n).map(|i| text("feature_flag.key", &format!("flag {i}"))).collect();
    attributes.extend((0..n).map(|i| text("feature_flag.variant", &format!("variant {i}"))));
    request(vec![span(1, 0, "evaluation", attributes)])
}

fn flag_attributes(n: u32) -> Request {
    let says = |i: u32| text(&format!("flag.evaluation.flag {i}"), "on");
    request(vec![span(1, 0, "render", (0..n).map(says).collect())])
}

/// Chains of 32 requests above one evaluation of the relay proxy.
fn requests_and_answers(n: u32) -> Request {
    let mut spans = Vec::new();
    for i in 1..=n {
        let key = format!("flag {}", i / 32);
        let parent = if i % 32 == 1 { 0 } else { i - 1 };
        if i % 32 == 0 {
            let said = vec![text("flagEvaluation.flagName", &key), text("flagEvaluation.variant", "on")];
            spans.push(span(i, parent, "flagEvaluation", said));
        } else {
            let path = format!("/v1/feature/flag {}/eval", i / 32);
            let asked = vec![text("url.path", &path), text("http.request.method", "POST")];
            spans.push(Span { kind: 2, ..span(i, parent, "POST", asked) });
        }
    }
    request(spans)
}

fn scopes(n: u32) -> Request {
    let mut request = request(vec![]);
    request.resource_spans[0].scope_spans = (1..=n)
        .map(|i| ScopeSpans {
            scope: Some(InstrumentationScope { name: "go-feature-flag".into(), ..Default::default() }),
            spans: vec![span(i, 0, "flagEvaluation", evaluated(&format!("flag {i}")))],
            ..Default::default()
        })
        .collect();
    request
}

fn query(n: u32) -> Request {
    let url = format!("http://relay/ws/v1/flag/change?{}", "apiKey=secret&%61piKey=x&".repeat(n as usize));
    let target = format!("/v1/feature/{}/eval", "%25".repeat(n as usize));
    let asked = vec![text("url.full", &url), text("http.target", &target), text("http.method", "POST")];
    request(vec![Span { kind: 3, ..span(1, 0, "POST", asked) }])
}

/// Texts of 100 times `n` bytes.
fn long_texts(n: u32) -> Request {
    let long = "\"'%../X".repeat(n as usize * 100 / 8);
    let said = || {
        let names =
            ["key", "variant", "value", "evaluation.reason", "provider_name", "context.key", "version"];
        let mut said: Vec<_> =
            names.iter().map(|name| text(&format!("feature_flag.{name}"), &long)).collect();
        said.push(text("error.type", &long));
        said.push(text("feature_flag.set.id", &format!("\"{}\"", long.replace('"', "\\\""))));
        said
    };
    let mut spans: Vec<_> = (1..=20).map(|i| span(i, i - 1, "work", vec![])).collect();
    spans.push(span(21, 20, "feature_flag.evaluation", said()));
    let mut busy = span(22, 20, "busy", vec![]);
    busy.events = vec![event("feature_flag", said())];
    spans.push(busy);
    request(spans)
}

/// A text of 100 times `n` bytes.
fn long_answer(n: u32) -> Request {
    let asked = || vec![text("url.path", "/v1/feature/flag/eval"), text("http.request.method", "POST")];
    let mut spans: Vec<_> = (1..=64).map(|i| Span { kind: 2, ..span(i, i - 1, "POST", asked()) }).collect();
    let long = "x".repeat(n as usize * 100);
    let said = vec![text("flagEvaluation.flagName", "flag"), text("flagEvaluation.variant", &long)];
    spans.push(span(65, 64, "flagEvaluation", said));
    request(spans)
}

fn evaluated(key: &str) -> Vec<KeyValue> {
    vec![text("feature_flag.key", key), text("feature_flag.variant", "on")]
}

/// One group of spans.
fn request(spans: Vec<Span>) -> Request {
    let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
    Request { resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }] }
}

/// `parent` 0 is none.
fn span(id: u32, parent: u32, name: &str, attributes: Vec<KeyValue>) -> Span {
    let id_of = |id: u32| if id == 0 { Vec::new() } else { u64::from(id).to_be_bytes().to_vec() };
    Span {
        trace_id: vec![7; 16],
        span_id: id_of(id),
        parent_span_id: id_of(parent),
        name: name.into(),
        attributes,
        ..Default::default()
    }
}

fn event(name: &str, attributes: Vec<KeyValue>) -> Event {
    Event { name: name.into(), attributes, ..Default::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.into())) });
    KeyValue { key: key.into(), value, ..Default::default() }
}
