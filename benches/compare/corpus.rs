//! What is sent: requests as senders make them, encoded before anything is timed.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

/// One kind of traffic.
pub struct Workload {
    pub name: &'static str,
    pub spans_per_request: u64,
    /// What it stands for.
    pub about: &'static str,
    /// The n-th span of all.
    span: fn(u64) -> Span,
    /// Goes out as OTLP/JSON.
    pub is_json: bool,
    /// Behind every span: a field that no OTLP of today knows.
    has_unknown_fields: bool,
}

impl Workload {
    const fn new(name: &'static str, spans: u64, about: &'static str, span: fn(u64) -> Span) -> Workload {
        Workload { name, spans_per_request: spans, about, span, is_json: false, has_unknown_fields: false }
    }

    pub fn named(name: &str) -> Option<&'static Workload> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }

    /// Whether some of its spans tell of an evaluation.
    pub fn has_evaluations(&self) -> bool {
        !matches!(self.name, "W6-fat" | "W7-none")
    }

    /// The distinct requests: a few, with other ids in every span.
    pub fn requests(&self) -> Vec<Sample> {
        let count = (2000 / self.spans_per_request).clamp(8, 200);
        (0..count).map(|n| self.sample(n)).collect()
    }

    fn sample(&self, number: u64) -> Sample {
        let first = number * self.spans_per_request;
        let spans: Vec<Span> = (first..first + self.spans_per_request).map(self.span).collect();
        let id_sum = spans.iter().fold(0_u64, |sum, span| sum.wrapping_add(id_of(span)));
        let message = of(spans);
        let body = if self.is_json {
            serde_json::to_vec(&message).expect("OTLP has a form in JSON")
        } else if self.has_unknown_fields {
            with_unknown_fields(&message)
        } else {
            message.encode_to_vec()
        };
        Sample { body: body.into(), spans: self.spans_per_request, id_sum, message }
    }
}

/// One request.
#[derive(Clone)]
pub struct Sample {
    /// As it is sent, without framing and compression.
    pub body: Bytes,
    pub spans: u64,
    /// Of all span ids, wrapping: what arrives has the same sum, in whatever order.
    pub id_sum: u64,
    pub message: ExportTraceServiceRequest,
}

pub fn id_of(span: &Span) -> u64 {
    span.span_id.as_slice().try_into().map_or(0, u64::from_be_bytes)
}

/// W1 to W9, and the traffic beside a relay proxy in three sizes of requests.
pub static WORKLOADS: [Workload; 13] = [
    Workload::new("mixed-50", 50, "473-byte spans, 10 attributes, 20 % flagEvaluation", mixed),
    Workload::new("mixed-512", 512, "the same, full batches of the SDKs", mixed),
    Workload::new("mixed-1", 1, "the same, a request for every span", mixed),
    Workload::new(
        "W1-gateway",
        512,
        "800-byte server spans, 16 attributes, 10 % of them evaluations",
        gateway,
    ),
    Workload::new("W2-relay", 512, "nothing but the relay proxy's flagEvaluation spans", |n| relay(base(n))),
    Workload::new("W3-exporter", 100, "the relay proxy's exporter: feature_flag.evaluate spans", |n| {
        exporter(base(n))
    }),
    Workload::new("W4-js-hook", 64, "1-KiB server spans, 30 % with a feature_flag.evaluation event", js_hook),
    Workload::new("W5-tiny", 8, "gateway spans, 8 in a request", gateway),
    Workload::new("W6-fat", 20, "20 attributes of 5 KB in every span", fat),
    Workload::new("W7-none", 1000, "gateway spans without any evaluation", |n| server(base(n), 800)),
    Workload {
        has_unknown_fields: true,
        ..Workload::new(
            "W8-hostile",
            100,
            "umlauts and emoji, every kind of value, events, links, unknown fields",
            hostile,
        )
    },
    Workload { is_json: true, ..Workload::new("W9-json", 100, "gateway spans as OTLP/JSON", gateway) },
    Workload::new("large-50", 50, "gateway spans, 50 in a request", gateway),
];

/// Spans without any evaluation, 470 bytes each.
#[allow(dead_code, reason = "for the benchmark `enrich`")]
pub fn ordinary(spans: u64) -> ExportTraceServiceRequest {
    of((0..spans).map(|n| server(base(n), 470)).collect())
}

fn of(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![text("service.name", "go-feature-flag"), text("host.name", "relay-7f9c")],
        ..Resource::default()
    };
    let scope = InstrumentationScope { name: "go-feature-flag".into(), ..Default::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans,
            schema_url: String::new(),
        }],
    }
}

fn base(n: u64) -> Span {
    // odd times anything is one to one, so no two spans have the same id
    let id = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let trace_id = [id.to_be_bytes(), (!id).to_be_bytes()].concat();
    let start = 1_786_000_000_000_000_000 + n * 1000;
    Span {
        trace_id,
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: id.rotate_left(13).to_be_bytes().to_vec(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 65_000,
        status: Some(Status::default()),
        ..Span::default()
    }
}

fn mixed(n: u64) -> Span {
    if n.is_multiple_of(5) { relay(base(n)) } else { server(base(n), 470) }
}

fn gateway(n: u64) -> Span {
    if n.is_multiple_of(10) { relay(base(n)) } else { server(base(n), 800) }
}

/// One of [`FLAGS`] and what it came to: that many evaluations say different things.
fn flag_of(span: &Span) -> (String, &'static str) {
    let id = id_of(span);
    (format!("new-checkout-{:02}", id % FLAGS), if (id / FLAGS).is_multiple_of(2) { "on" } else { "off" })
}

/// As many flags as a middling service has.
const FLAGS: u64 = 64;

/// As the relay proxy makes them.
fn relay(base: Span) -> Span {
    let (key, variant) = flag_of(&base);
    let attributes = vec![
        text("flagEvaluation.flagName", &key),
        value("flagEvaluation.trackEvents", Value::BoolValue(true)),
        text("flagEvaluation.variant", variant),
        value("flagEvaluation.failed", Value::BoolValue(false)),
        text("flagEvaluation.version", "3.1.0"),
        text("flagEvaluation.reason", "SPLIT"),
        text("flagEvaluation.errorCode", ""),
        value("flagEvaluation.cacheable", Value::BoolValue(true)),
        text("flagEvaluation.value", "true"),
    ];
    Span { name: "flagEvaluation".into(), kind: 1, attributes, ..base }
}

/// As the relay proxy's exporter for OpenTelemetry makes them.
fn exporter(base: Span) -> Span {
    let (key, variant) = flag_of(&base);
    let attributes = vec![
        text("feature_flag.key", &key),
        text("feature_flag.variant", variant),
        text("feature_flag.provider_name", "go-feature-flag"),
        text("feature_flag.context.id", &format!("user-{:08x}", id_of(&base) >> 32)),
        text("feature_flag.kind", "feature"),
        text("feature_flag.version", "3.1.0"),
        value("feature_flag.default", Value::BoolValue(false)),
        text("feature_flag.value", "true"),
    ];
    Span { name: "feature_flag.evaluate".into(), kind: 1, attributes, ..base }
}

/// A span of an HTTP server, of about `bytes`: 470 or more.
fn server(base: Span, bytes: usize) -> Span {
    let mut attributes = vec![
        text("http.request.method", "GET"),
        text("url.path", "/api/v2/orders/8812/items"),
        text("url.scheme", "https"),
        text("server.address", "shop.internal.example"),
        value("server.port", Value::IntValue(8443)),
        text("network.protocol.version", "1.1"),
        text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/142.0"),
        text("client.address", "10.31.8.114"),
        value("http.response.status_code", Value::IntValue(200)),
        text("http.route", "/api/v2/orders/:id/items"),
    ];
    if bytes >= 800 {
        let id = u64::from_be_bytes(base.span_id.as_slice().try_into().expect("eight bytes"));
        attributes.extend([
            text("k8s.pod.name", "checkout-6d5f9c7b8d-x2x9q"),
            text("k8s.namespace.name", "production-eu-central"),
            text("enduser.pseudo.id", &format!("{id:016x}")),
            text("http.request.header.x-request-id", &format!("{:016x}-{id:016x}", !id)),
            value("http.response.body.size", Value::IntValue((id >> 40) as i64)),
            text("code.function.name", "shop.orders.items.ItemsController.list"),
        ]);
    }
    Span { name: "GET /api/v2/orders/:id/items".into(), kind: 2, attributes, ..base }
}

fn js_hook(n: u64) -> Span {
    let mut span = server(base(n), 800);
    let time_unix_nano = span.start_time_unix_nano + 1000;
    let filler = Event {
        time_unix_nano,
        name: "cache.lookup".into(),
        attributes: vec![text("cache.key", "orders/8812/items"), value("cache.hit", Value::BoolValue(true))],
        ..Event::default()
    };
    span.events = vec![filler];
    if n % 10 < 3 {
        let (key, variant) = flag_of(&span);
        let attributes = vec![
            text("feature_flag.key", &key),
            text("feature_flag.result.variant", variant),
            text("feature_flag.provider.name", "go-feature-flag"),
            text("feature_flag.context.id", &format!("user-{:08x}", id_of(&span) >> 32)),
            text("feature_flag.result.reason", "split"),
        ];
        span.events.push(Event {
            time_unix_nano,
            name: "feature_flag.evaluation".into(),
            attributes,
            ..Event::default()
        });
    }
    span
}

fn fat(n: u64) -> Span {
    let id = u64::from_be_bytes(base(n).span_id.try_into().expect("eight bytes"));
    let attributes = (0..20)
        .map(|number| text(&format!("payload.{number}"), &format!("{:016x} ", id ^ number).repeat(5000 / 17)))
        .collect();
    Span { name: "import".into(), kind: 1, attributes, ..base(n) }
}

fn hostile(n: u64) -> Span {
    let mut span = server(base(n), 800);
    let value_of = |value| Some(AnyValue { value: Some(value) });
    if n % 10 < 3 {
        span.name = "Größe ändern · 変更".into();
        span.attributes.push(text("user.name", "Jürgen Łukasz 🚩"));
    }
    if n.is_multiple_of(10) {
        span = relay(base(n));
    }
    let list = ArrayValue {
        values: ["a", "ß", "c"].map(|t| AnyValue { value: Some(Value::StringValue(t.into())) }).into(),
    };
    let nested = KeyValueList {
        values: vec![
            text("inner", "text"),
            KeyValue {
                key: "list".into(),
                value: value_of(Value::ArrayValue(list.clone())),
                ..KeyValue::default()
            },
        ],
    };
    span.attributes.extend([
        value("ratio", Value::DoubleValue(0.25)),
        value("large", Value::IntValue(i64::MIN + n as i64)),
        value("list", Value::ArrayValue(list)),
        value("nested", Value::KvlistValue(nested)),
        value("raw", Value::BytesValue(vec![0, 159, 146, 150])),
    ]);
    span.events.push(Event {
        time_unix_nano: span.start_time_unix_nano,
        name: "exception".into(),
        attributes: vec![text("exception.message", &"at line 1 of a stack trace; ".repeat(10))],
        ..Event::default()
    });
    let linked = base(n + 1_000_000);
    span.links.push(Link { trace_id: linked.trace_id, span_id: linked.span_id, ..Link::default() });
    span.trace_state = "vendor=1".into();
    span
}

/// Field 1000: `new`.
pub const UNKNOWN_FIELD: [u8; 6] = [0xc2, 0x3e, 3, b'n', b'e', b'w'];

/// Adds field 1000 to every span, as a later OTLP might.
fn with_unknown_fields(message: &ExportTraceServiceRequest) -> Vec<u8> {
    let nested = |body: Vec<u8>, tag: u8, out: &mut Vec<u8>| {
        out.push(tag);
        prost::encode_length_delimiter(body.len(), out).expect("a Vec takes it");
        out.extend(body);
    };
    let mut request = Vec::new();
    for resource_spans in &message.resource_spans {
        let mut group = Vec::new();
        nested(
            resource_spans.resource.as_ref().map(Message::encode_to_vec).unwrap_or_default(),
            0x0a,
            &mut group,
        );
        for scope_spans in &resource_spans.scope_spans {
            let mut scope = Vec::new();
            nested(
                scope_spans.scope.as_ref().map(Message::encode_to_vec).unwrap_or_default(),
                0x0a,
                &mut scope,
            );
            for span in &scope_spans.spans {
                nested([&span.encode_to_vec()[..], &UNKNOWN_FIELD].concat(), 0x12, &mut scope);
            }
            nested(scope, 0x12, &mut group);
        }
        nested(group, 0x0a, &mut request);
    }
    request
}

fn text(key: &str, text: &str) -> KeyValue {
    value(key, Value::StringValue(text.into()))
}

fn value(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
