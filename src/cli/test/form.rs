//! The short form in which tests are written.

use std::fmt;
use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A file of tests.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub tests: Vec<Test>,
}

/// One request, and what is expected of it when it leaves the pipeline.
#[derive(Debug, Deserialize)]
pub(super) struct Test {
    pub name: String,
    /// `traces`, `logs/app`; may be left out where there is only one of the signal.
    pub pipeline: Option<String>,
    /// Of all spans and logs that have none of their own.
    #[serde(default)]
    pub resource: Attributes,
    #[serde(default)]
    pub scope: String,
    /// When all of it begins; without it, a time that is the same in every run.
    pub time: Option<Time>,
    #[serde(default)]
    pub spans: Vec<Span>,
    #[serde(default)]
    pub logs: Vec<Log>,
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// Texts that must be nowhere in what leaves.
    #[serde(default)]
    pub must_not_leave: Vec<String>,
    /// How many flag evaluations the pipeline recognises.
    pub evaluations: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Span {
    pub name: String,
    /// How the test calls it; without it, the name.
    pub id: Option<String>,
    /// What the test calls its parent.
    pub parent: Option<String>,
    /// Spans of one word are one trace; those without one, too.
    #[serde(default)]
    pub trace: String,
    #[serde(default)]
    pub kind: SpanKind,
    #[serde(default)]
    pub status: Status,
    pub resource: Option<Attributes>,
    pub scope: Option<String>,
    #[serde(default)]
    pub attributes: Attributes,
    #[serde(default)]
    pub events: Vec<Event>,
}

/// In the order of OTLP's numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SpanKind {
    #[default]
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// In the order of OTLP's numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    #[default]
    Unset,
    Ok,
    Error,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub name: String,
    /// How the test calls it; without it, the name.
    pub id: Option<String>,
    #[serde(default)]
    pub attributes: Attributes,
}

#[derive(Debug, Deserialize)]
pub(super) struct Log {
    /// How the test calls it; without it, the event's name, else its place from 1.
    pub id: Option<String>,
    /// The event's name (field 12 of a log record).
    #[serde(default)]
    pub event: String,
    #[serde(default)]
    pub body: Literal,
    #[serde(default)]
    pub severity: String,
    pub resource: Option<Attributes>,
    pub scope: Option<String>,
    #[serde(default)]
    pub attributes: Attributes,
}

/// What is expected of one span, event of a span, or log record.
#[derive(Debug, Deserialize)]
pub(super) struct Expectation {
    pub span: Option<String>,
    /// An event of that span.
    pub event: Option<String>,
    pub log: Option<String>,
    /// The name with which it leaves.
    pub name: Option<String>,
    /// Attributes that it leaves with, exactly these values.
    #[serde(default)]
    pub attributes: Attributes,
    /// Names of attributes that it leaves without; `x.*` is every name that begins with `x.`.
    #[serde(default)]
    pub absent: Vec<String>,
    /// It leaves as it came, with its events.
    #[serde(default)]
    pub unchanged: bool,
}

/// Nanoseconds since the epoch, written as `2026-08-06T07:06:40Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub u64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let time = humantime::parse_rfc3339_weak(&text).ok();
        let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let nanos =
            since.and_then(|since| u64::try_from(since.as_nanos()).ok()).filter(|nanos| *nanos < LAST);
        nanos.map(Time).ok_or_else(|| D::Error::custom("this is no time; write one as 2026-08-06T07:06:40Z"))
    }
}

/// What follows still fits into OTLP's numbers.
const LAST: u64 = u64::MAX / 2;

/// Keys and values in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Attributes(pub Vec<(String, Literal)>);

/// A value as it is written: `on` and `"3"` are text, `true`, `3` and `3.0` are what they look like.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Literal {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Literal>),
    Map(Attributes),
}

impl Attributes {
    pub fn to_otlp(&self) -> Vec<KeyValue> {
        let pair = |(key, value): &(String, Literal)| KeyValue {
            key: key.clone(),
            value: Some(value.to_otlp()),
            ..Default::default()
        };
        self.0.iter().map(pair).collect()
    }
}

impl Literal {
    pub fn to_otlp(&self) -> AnyValue {
        let value = match self {
            Literal::Null => None,
            Literal::Bool(value) => Some(Any::BoolValue(*value)),
            Literal::Int(value) => Some(Any::IntValue(*value)),
            Literal::Double(value) => Some(Any::DoubleValue(*value)),
            Literal::Text(text) => Some(Any::StringValue(text.clone())),
            Literal::List(items) => {
                Some(Any::ArrayValue(ArrayValue { values: items.iter().map(Literal::to_otlp).collect() }))
            }
            Literal::Map(map) => Some(Any::KvlistValue(KeyValueList { values: map.to_otlp() })),
        };
        AnyValue { value }
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_map(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a map of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes::default();
        while let Some(entry) = entries.next_entry()? {
            attributes.0.push(entry);
        }
        Ok(attributes)
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(LiteralVisitor)
    }
}

struct LiteralVisitor;

impl<'de> Visitor<'de> for LiteralVisitor {
    type Value = Literal;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Literal, E> {
        Ok(Literal::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Literal, E> {
        Ok(Literal::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Literal, E> {
        Ok(Literal::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Literal, E> {
        let int = i64::try_from(value).map(Literal::Int);
        int.map_err(|_| E::custom("OTLP has no whole number as large as this; write it as text"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Literal, E> {
        Ok(Literal::Double(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Literal, E> {
        Ok(Literal::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Literal, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Literal::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Literal, A::Error> {
        AttributesVisitor.visit_map(entries).map(Literal::Map)
    }
}
