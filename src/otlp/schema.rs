//! The table: every message of an OTLP export request, with number, JSON name and type of its fields.
//!
//! Source: opentelemetry-proto 1.10 (`common`, `resource`, `trace`, `metrics`, `logs`). A test compares it with
//! the descriptors that the package `opentelemetry-proto` was generated from.

use super::Signal;
use super::wire::Wire;

/// One message type.
pub struct Message {
    pub name: &'static str,
    pub fields: &'static [Field],
    /// What part the message plays in a request.
    pub part: Part,
    /// One bit per field number: the identifiers that have to be there.
    pub(super) required: u32,
    /// The number of the repeated field that leads down to the items; 0 if there is none.
    pub(super) list: u32,
    /// The number of the attributes; 0 if there are none.
    pub(super) attributes: u32,
    /// The tag of the attributes, which is one byte; 0 if there are none.
    pub(super) attribute_tag: u8,
    by_number: [u8; HIGHEST_NUMBER + 1],
    /// For fields that are one number, their wire type: there is nothing else to prove about them.
    numbers: [u8; HIGHEST_NUMBER + 1],
}

/// One field of a message.
pub struct Field {
    pub number: u32,
    /// The lowerCamelCase name of OTLP/JSON.
    pub name: &'static str,
    pub kind: Kind,
    pub label: Label,
    pub role: Role,
}

/// A field's type.
#[derive(Clone, Copy)]
pub enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    /// With the names of its values, which count up from 0. JSON has them as numbers.
    Enum(&'static [&'static str]),
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    String,
    Bytes,
    /// An identifier: `bytes` on the wire, hex in JSON, with the length that makes it valid.
    Id(Id),
    Message(&'static Message),
}

/// Which lengths an identifier may have. Zero length always means "not set".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Id {
    /// 16 bytes, not all zero: a span has to have one.
    TraceRequired,
    /// 8 bytes, not all zero: a span has to have one.
    SpanRequired,
    /// 16 bytes or absent.
    Trace,
    /// 8 bytes or absent.
    Span,
}

impl Id {
    /// Whether `id` may stay. Rules: the comments of `Span`, `Span.Link`, `LogRecord` and `Exemplar` in
    /// opentelemetry-proto; the OpenTelemetry Collector refuses every other length.
    pub fn allows(self, id: &[u8]) -> bool {
        match self {
            Id::TraceRequired => id.len() == 16 && id.iter().any(|&byte| byte != 0),
            Id::SpanRequired => id.len() == 8 && id.iter().any(|&byte| byte != 0),
            Id::Trace => id.is_empty() || id.len() == 16,
            Id::Span => id.is_empty() || id.len() == 8,
        }
    }
}

/// How often a field may occur.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Label {
    One,
    Many,
    /// One member of the message's oneof (no message of OTLP has two).
    OneOf,
}

/// What a field is for, as far as the walkers care.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    None,
    /// The resource of a group, the scope of a group.
    Header,
    /// Leads down to the items.
    List,
    /// The item's, event's, resource's or scope's attributes.
    Attributes,
    /// The events of a span.
    Events,
    /// Names that a watchlist can name, too.
    SpanName,
    EventName,
    ScopeName,
    Key,
}

/// What part a message plays in a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Request,
    ResourceGroup,
    ScopeGroup,
    Metric,
    MetricData,
    /// What the ledger counts: a span, a log record, a data point.
    Item,
    Event,
    Link,
    Resource,
    Scope,
    KeyValue,
    AnyValue,
    Other,
}

impl Kind {
    /// How a value of this type is laid out.
    pub(super) const fn wire(self) -> Wire {
        match self {
            Bool | Int32 | Int64 | Uint32 | Uint64 | Sint32 | Enum(_) => Wire::Varint,
            Fixed32 => Wire::Fixed32,
            Fixed64 | Sfixed64 | Double => Wire::Fixed64,
            String | Bytes | Kind::Id(_) | Kind::Message(_) => Wire::Len,
        }
    }
}

impl Message {
    const fn new(name: &'static str, part: Part, fields: &'static [Field]) -> Message {
        let mut by_number = [NO_FIELD; HIGHEST_NUMBER + 1];
        let mut numbers = [NO_FIELD; HIGHEST_NUMBER + 1];
        let mut required = 0;
        let mut attributes = 0;
        let mut list = 0;
        let mut i = 0;
        while i < fields.len() {
            by_number[fields[i].number as usize] = i as u8;
            if let Kind::Id(Id::TraceRequired | Id::SpanRequired) = fields[i].kind {
                required |= 1 << fields[i].number;
            }
            if let Role::Attributes = fields[i].role {
                attributes = fields[i].number;
            }
            if let (Role::List, Label::Many) = (fields[i].role, fields[i].label) {
                list = fields[i].number;
            }
            if let Label::One = fields[i].label {
                numbers[fields[i].number as usize] = match fields[i].kind.wire() {
                    Wire::Len => NO_FIELD,
                    wire => wire as u8,
                };
            }
            i += 1;
        }
        let attribute_tag = (attributes << 3 | if attributes == 0 { 0 } else { 2 }) as u8;
        Message { name, fields, part, required, list, attributes, attribute_tag, by_number, numbers }
    }

    /// Whether a field of this number and wire type is a number that may stand there once or, the last one counting,
    /// more often.
    #[inline]
    pub(super) fn is_number(&self, number: u32, wire: Wire) -> bool {
        self.numbers.get(number as usize).is_some_and(|&expected| expected == wire as u8)
    }

    /// The field of this number, if the table knows it.
    #[inline]
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        let at = *self.by_number.get(number as usize)?;
        self.fields.get(at as usize)
    }

    /// The field of this name in OTLP/JSON, if the table knows it.
    pub fn field_named(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The export request of a signal.
pub fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &TRACES,
        Signal::Metrics => &METRICS,
        Signal::Logs => &LOGS,
    }
}

const NO_FIELD: u8 = u8::MAX;
pub(super) const HIGHEST_NUMBER: usize = 16;

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, label: Label::One, role: Role::None }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, label: Label::Many, role: Role::None }
}

const fn either(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, label: Label::OneOf, role: Role::None }
}

const fn list(number: u32, name: &'static str, message: &'static Message) -> Field {
    Field { number, name, kind: Kind::Message(message), label: Label::Many, role: Role::List }
}

const fn attributes(number: u32) -> Field {
    Field {
        number,
        name: "attributes",
        kind: Kind::Message(&KEY_VALUE),
        label: Label::Many,
        role: Role::Attributes,
    }
}

const fn header(name: &'static str, message: &'static Message) -> Field {
    Field { number: 1, name, kind: Kind::Message(message), label: Label::One, role: Role::Header }
}

const fn name(number: u32, name: &'static str, role: Role) -> Field {
    Field { number, name, kind: Kind::String, label: Label::One, role }
}

const fn data(number: u32, name: &'static str, message: &'static Message) -> Field {
    Field { number, name, kind: Kind::Message(message), label: Label::OneOf, role: Role::List }
}

use Kind::{
    Bool, Bytes, Double, Enum, Fixed32, Fixed64, Int32, Int64, Sfixed64, Sint32, String, Uint32, Uint64,
};

const SPAN_KIND: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const STATUS_CODE: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
const AGGREGATION_TEMPORALITY: &[&str] = &[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];
const SEVERITY_NUMBER: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

pub static TRACES: Message =
    Message::new("ExportTraceServiceRequest", Part::Request, &[list(1, "resourceSpans", &RESOURCE_SPANS)]);
pub static METRICS: Message = Message::new(
    "ExportMetricsServiceRequest",
    Part::Request,
    &[list(1, "resourceMetrics", &RESOURCE_METRICS)],
);
pub static LOGS: Message =
    Message::new("ExportLogsServiceRequest", Part::Request, &[list(1, "resourceLogs", &RESOURCE_LOGS)]);

pub static RESOURCE_SPANS: Message = Message::new(
    "ResourceSpans",
    Part::ResourceGroup,
    &[header("resource", &RESOURCE), list(2, "scopeSpans", &SCOPE_SPANS), one(3, "schemaUrl", String)],
);
pub static RESOURCE_METRICS: Message = Message::new(
    "ResourceMetrics",
    Part::ResourceGroup,
    &[header("resource", &RESOURCE), list(2, "scopeMetrics", &SCOPE_METRICS), one(3, "schemaUrl", String)],
);
pub static RESOURCE_LOGS: Message = Message::new(
    "ResourceLogs",
    Part::ResourceGroup,
    &[header("resource", &RESOURCE), list(2, "scopeLogs", &SCOPE_LOGS), one(3, "schemaUrl", String)],
);
pub static SCOPE_SPANS: Message = Message::new(
    "ScopeSpans",
    Part::ScopeGroup,
    &[header("scope", &SCOPE), list(2, "spans", &SPAN), one(3, "schemaUrl", String)],
);
pub static SCOPE_METRICS: Message = Message::new(
    "ScopeMetrics",
    Part::ScopeGroup,
    &[header("scope", &SCOPE), list(2, "metrics", &METRIC), one(3, "schemaUrl", String)],
);
pub static SCOPE_LOGS: Message = Message::new(
    "ScopeLogs",
    Part::ScopeGroup,
    &[header("scope", &SCOPE), list(2, "logRecords", &LOG_RECORD), one(3, "schemaUrl", String)],
);

pub static RESOURCE: Message = Message::new(
    "Resource",
    Part::Resource,
    &[
        attributes(1),
        one(2, "droppedAttributesCount", Uint32),
        many(3, "entityRefs", Kind::Message(&ENTITY_REF)),
    ],
);
pub static ENTITY_REF: Message = Message::new(
    "EntityRef",
    Part::Other,
    &[
        one(1, "schemaUrl", String),
        one(2, "type", String),
        many(3, "idKeys", String),
        many(4, "descriptionKeys", String),
    ],
);
pub static SCOPE: Message = Message::new(
    "InstrumentationScope",
    Part::Scope,
    &[
        name(1, "name", Role::ScopeName),
        one(2, "version", String),
        attributes(3),
        one(4, "droppedAttributesCount", Uint32),
    ],
);
pub static KEY_VALUE: Message = Message::new(
    "KeyValue",
    Part::KeyValue,
    &[name(1, "key", Role::Key), one(2, "value", Kind::Message(&ANY_VALUE)), one(3, "keyStrindex", Int32)],
);
pub static ANY_VALUE: Message = Message::new(
    "AnyValue",
    Part::AnyValue,
    &[
        either(1, "stringValue", String),
        either(2, "boolValue", Bool),
        either(3, "intValue", Int64),
        either(4, "doubleValue", Double),
        either(5, "arrayValue", Kind::Message(&ARRAY_VALUE)),
        either(6, "kvlistValue", Kind::Message(&KEY_VALUE_LIST)),
        either(7, "bytesValue", Bytes),
        either(8, "stringValueStrindex", Int32),
    ],
);
pub static ARRAY_VALUE: Message =
    Message::new("ArrayValue", Part::Other, &[many(1, "values", Kind::Message(&ANY_VALUE))]);
pub static KEY_VALUE_LIST: Message =
    Message::new("KeyValueList", Part::Other, &[many(1, "values", Kind::Message(&KEY_VALUE))]);

pub static SPAN: Message = Message::new(
    "Span",
    Part::Item,
    &[
        one(1, "traceId", Kind::Id(Id::TraceRequired)),
        one(2, "spanId", Kind::Id(Id::SpanRequired)),
        one(3, "traceState", String),
        one(4, "parentSpanId", Kind::Id(Id::Span)),
        name(5, "name", Role::SpanName),
        one(6, "kind", Enum(SPAN_KIND)),
        one(7, "startTimeUnixNano", Fixed64),
        one(8, "endTimeUnixNano", Fixed64),
        attributes(9),
        one(10, "droppedAttributesCount", Uint32),
        Field {
            number: 11,
            name: "events",
            kind: Kind::Message(&EVENT),
            label: Label::Many,
            role: Role::Events,
        },
        one(12, "droppedEventsCount", Uint32),
        many(13, "links", Kind::Message(&LINK)),
        one(14, "droppedLinksCount", Uint32),
        one(15, "status", Kind::Message(&STATUS)),
        one(16, "flags", Fixed32),
    ],
);
pub static EVENT: Message = Message::new(
    "Event",
    Part::Event,
    &[
        one(1, "timeUnixNano", Fixed64),
        name(2, "name", Role::EventName),
        attributes(3),
        one(4, "droppedAttributesCount", Uint32),
    ],
);
pub static LINK: Message = Message::new(
    "Link",
    Part::Link,
    &[
        one(1, "traceId", Kind::Id(Id::Trace)),
        one(2, "spanId", Kind::Id(Id::Span)),
        one(3, "traceState", String),
        attributes(4),
        one(5, "droppedAttributesCount", Uint32),
        one(6, "flags", Fixed32),
    ],
);
pub static STATUS: Message =
    Message::new("Status", Part::Other, &[one(2, "message", String), one(3, "code", Enum(STATUS_CODE))]);

pub static LOG_RECORD: Message = Message::new(
    "LogRecord",
    Part::Item,
    &[
        one(1, "timeUnixNano", Fixed64),
        one(2, "severityNumber", Enum(SEVERITY_NUMBER)),
        one(3, "severityText", String),
        one(5, "body", Kind::Message(&ANY_VALUE)),
        attributes(6),
        one(7, "droppedAttributesCount", Uint32),
        one(8, "flags", Fixed32),
        one(9, "traceId", Kind::Id(Id::Trace)),
        one(10, "spanId", Kind::Id(Id::Span)),
        one(11, "observedTimeUnixNano", Fixed64),
        name(12, "eventName", Role::EventName),
    ],
);

pub static METRIC: Message = Message::new(
    "Metric",
    Part::Metric,
    &[
        one(1, "name", String),
        one(2, "description", String),
        one(3, "unit", String),
        data(5, "gauge", &GAUGE),
        data(7, "sum", &SUM),
        data(9, "histogram", &HISTOGRAM),
        data(10, "exponentialHistogram", &EXPONENTIAL_HISTOGRAM),
        data(11, "summary", &SUMMARY),
        many(12, "metadata", Kind::Message(&KEY_VALUE)),
    ],
);
pub static GAUGE: Message =
    Message::new("Gauge", Part::MetricData, &[list(1, "dataPoints", &NUMBER_DATA_POINT)]);
pub static SUM: Message = Message::new(
    "Sum",
    Part::MetricData,
    &[
        list(1, "dataPoints", &NUMBER_DATA_POINT),
        one(2, "aggregationTemporality", Enum(AGGREGATION_TEMPORALITY)),
        one(3, "isMonotonic", Bool),
    ],
);
pub static HISTOGRAM: Message = Message::new(
    "Histogram",
    Part::MetricData,
    &[
        list(1, "dataPoints", &HISTOGRAM_DATA_POINT),
        one(2, "aggregationTemporality", Enum(AGGREGATION_TEMPORALITY)),
    ],
);
pub static EXPONENTIAL_HISTOGRAM: Message = Message::new(
    "ExponentialHistogram",
    Part::MetricData,
    &[
        list(1, "dataPoints", &EXPONENTIAL_HISTOGRAM_DATA_POINT),
        one(2, "aggregationTemporality", Enum(AGGREGATION_TEMPORALITY)),
    ],
);
pub static SUMMARY: Message =
    Message::new("Summary", Part::MetricData, &[list(1, "dataPoints", &SUMMARY_DATA_POINT)]);

pub static NUMBER_DATA_POINT: Message = Message::new(
    "NumberDataPoint",
    Part::Item,
    &[
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        either(4, "asDouble", Double),
        many(5, "exemplars", Kind::Message(&EXEMPLAR)),
        either(6, "asInt", Sfixed64),
        attributes(7),
        one(8, "flags", Uint32),
    ],
);
pub static HISTOGRAM_DATA_POINT: Message = Message::new(
    "HistogramDataPoint",
    Part::Item,
    &[
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        many(6, "bucketCounts", Fixed64),
        many(7, "explicitBounds", Double),
        many(8, "exemplars", Kind::Message(&EXEMPLAR)),
        attributes(9),
        one(10, "flags", Uint32),
        one(11, "min", Double),
        one(12, "max", Double),
    ],
);
pub static EXPONENTIAL_HISTOGRAM_DATA_POINT: Message = Message::new(
    "ExponentialHistogramDataPoint",
    Part::Item,
    &[
        attributes(1),
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        one(6, "scale", Sint32),
        one(7, "zeroCount", Fixed64),
        one(8, "positive", Kind::Message(&BUCKETS)),
        one(9, "negative", Kind::Message(&BUCKETS)),
        one(10, "flags", Uint32),
        many(11, "exemplars", Kind::Message(&EXEMPLAR)),
        one(12, "min", Double),
        one(13, "max", Double),
        one(14, "zeroThreshold", Double),
    ],
);
pub static BUCKETS: Message =
    Message::new("Buckets", Part::Other, &[one(1, "offset", Sint32), many(2, "bucketCounts", Uint64)]);
pub static SUMMARY_DATA_POINT: Message = Message::new(
    "SummaryDataPoint",
    Part::Item,
    &[
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        many(6, "quantileValues", Kind::Message(&VALUE_AT_QUANTILE)),
        attributes(7),
        one(8, "flags", Uint32),
    ],
);
pub static VALUE_AT_QUANTILE: Message =
    Message::new("ValueAtQuantile", Part::Other, &[one(1, "quantile", Double), one(2, "value", Double)]);
pub static EXEMPLAR: Message = Message::new(
    "Exemplar",
    Part::Other,
    &[
        one(2, "timeUnixNano", Fixed64),
        either(3, "asDouble", Double),
        one(4, "spanId", Kind::Id(Id::Span)),
        one(5, "traceId", Kind::Id(Id::Trace)),
        either(6, "asInt", Sfixed64),
        Field {
            number: 7,
            name: "filteredAttributes",
            kind: Kind::Message(&KEY_VALUE),
            label: Label::Many,
            role: Role::None,
        },
    ],
);
