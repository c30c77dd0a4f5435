//! Whether a condition holds.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::paths::{Context, Field, Key, Path};
use super::{Comparison, Condition, Operand};
use crate::otlp::{Attributes, Event, Item, Items, Reading, Value, hex};
use crate::processors::matching::kind_word;
use crate::processors::text::text_of;

/// What is asked about.
#[derive(Clone, Copy)]
pub(in super::super) struct Subject<'s, 'a> {
    pub item: Item<'a>,
    /// Of the item, where the condition is about events.
    pub event: Option<Event<'a>>,
    /// What follows the item in its payload: the other data points of its metric come first.
    pub following: &'s Items<'a>,
}

/// A value, as conditions see it.
enum Got<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    /// A list or a map.
    Nested(Value<'a>),
}

impl Condition {
    pub(in super::super) fn holds(&self, subject: &Subject<'_, '_>) -> bool {
        self.answer(subject) == Some(true)
    }

    /// None where the Collector fails: `HasPrefix` and `HasSuffix` of what is no text. From there on the whole
    /// condition has no answer, `not` in front of it included.
    fn answer(&self, subject: &Subject<'_, '_>) -> Option<bool> {
        Some(match self {
            Condition::Constant(value) => *value,
            Condition::Not(condition) => !condition.answer(subject)?,
            Condition::All(parts) => !first(parts, subject, false)?,
            Condition::Any(parts) => first(parts, subject, true)?,
            Condition::Compare(left, op, right) => compare(&left.get(subject)?, *op, &right.get(subject)?),
            Condition::Matches(target, pattern) => {
                let target = target.get(subject)?;
                target.text().is_some_and(|text| pattern.matches(&text))
            }
            Condition::HasPrefix(target, prefix) => match target.get(subject)? {
                Got::Text(text) => text.starts_with(prefix.as_str()),
                _ => return None,
            },
            Condition::HasSuffix(target, suffix) => match target.get(subject)? {
                Got::Text(text) => text.ends_with(suffix.as_str()),
                _ => return None,
            },
            Condition::IsRootSpan => subject.item.parent_span_id().iter().all(|byte| *byte == 0),
            Condition::PointHas(key, value) => point_has(subject, key, value.as_deref()),
        })
    }
}

/// Whether one of the parts is so. Those behind it are not asked.
fn first(parts: &[Condition], subject: &Subject<'_, '_>, so: bool) -> Option<bool> {
    for part in parts {
        if part.answer(subject)? == so {
            return Some(true);
        }
    }
    Some(false)
}

fn point_has(subject: &Subject<'_, '_>, key: &str, value: Option<&str>) -> bool {
    let metric = subject.item.metric().map(|metric| metric.id());
    let others =
        subject.following.clone().take_while(|item| item.metric().map(|metric| metric.id()) == metric);
    std::iter::once(subject.item).chain(others).any(|point| match (point.attributes().get(key), value) {
        (Some(_), None) => true,
        (Some(Value::Str(text)), Some(value)) => text == value,
        _ => false,
    })
}

impl Operand {
    /// None where a call has no answer.
    fn get<'g>(&'g self, subject: &Subject<'_, 'g>) -> Option<Got<'g>> {
        Some(match self {
            Operand::Nil => Got::Nil,
            Operand::Bool(value) => Got::Bool(*value),
            Operand::Int(value) => Got::Int(*value),
            Operand::Float(value) => Got::Float(*value),
            Operand::Text(text) => Got::Text(Cow::Borrowed(text)),
            Operand::Path(path) => path.get(subject),
            Operand::Call(condition) => Got::Bool(condition.answer(subject)?),
        })
    }
}

impl Path {
    fn get<'a>(&self, subject: &Subject<'_, 'a>) -> Got<'a> {
        let item = &subject.item;
        let text = |text: &'a str| Got::Text(Cow::Borrowed(text));
        let hex = |bytes: &[u8]| Got::Text(Cow::Owned(hex(bytes)));
        match (self.field, self.context) {
            (Field::Attributes, context) => self.attribute(match context {
                Context::Resource => item.resource().attributes(),
                Context::Scope => item.scope().attributes(),
                Context::SpanEvent => match subject.event {
                    Some(event) => event.attributes(),
                    None => return Got::Nil,
                },
                _ => item.attributes(),
            }),
            (Field::Name, Context::Scope) => text(item.scope().name()),
            (Field::Name, Context::SpanEvent) => text(subject.event.map_or("", |event| event.name())),
            (Field::Name | Field::EventName, _) => text(item.name()),
            (Field::Version, _) => text(item.scope().version()),
            (Field::Kind, _) => Got::Int(item.kind().into()),
            (Field::KindText, _) => text(kind_text(item.kind())),
            (Field::KindWord, _) => text(kind_word(item.kind())),
            (Field::StatusCode, _) => Got::Int(item.status_code().into()),
            (Field::StatusMessage, _) => text(item.status_message()),
            (Field::TraceIdText, _) => hex(item.trace_id()),
            (Field::SpanIdText, _) => hex(item.span_id()),
            (Field::ParentSpanIdText, _) => hex(item.parent_span_id()),
            (Field::TraceState, _) => text(item.trace_state()),
            (Field::EndTime, _) => Got::Int(item.end_time_unix_nano() as i64),
            (Field::Time, Context::SpanEvent) => {
                Got::Int(subject.event.map_or(0, |event| event.time_unix_nano()) as i64)
            }
            (Field::StartTime | Field::Time, _) => Got::Int(item.time_unix_nano() as i64),
            (Field::Body, _) => item.log_body().map_or(Got::Nil, |body| nested(body, &self.keys)),
            (Field::BodyText, _) => {
                Got::Text(item.log_body().map_or(Cow::Borrowed(""), |body| text_of(&body)))
            }
            (Field::SeverityNumber, _) => Got::Int(item.severity_number().into()),
            (Field::SeverityText, _) => text(item.severity_text()),
            (Field::Unit, _) => text(item.metric().map_or("", |metric| metric.unit())),
            (Field::Description, _) => text(item.metric().map_or("", |metric| metric.description())),
            (Field::Type, _) => item.metric().map_or(Got::Nil, |metric| Got::Int(metric.data() as i64)),
            (Field::ValueInt | Field::ValueDouble | Field::Count | Field::Sum, _) => self.reading(item),
        }
    }

    fn attribute<'a>(&self, attributes: Attributes<'a>) -> Got<'a> {
        match self.keys.split_first() {
            Some((Key::Name(key), rest)) => attributes.get(key).map_or(Got::Nil, |value| nested(value, rest)),
            _ => Got::Nil,
        }
    }

    /// A number of another type than asked for is 0, as in the Collector.
    fn reading<'a>(&self, item: &Item<'_>) -> Got<'a> {
        match (self.field, item.reading()) {
            (Field::ValueInt, Some(Reading::Int(value))) => Got::Int(value),
            (Field::ValueDouble, Some(Reading::Double(value))) => Got::Float(value),
            (Field::ValueInt, Some(Reading::Double(_)) | None) => Got::Int(0),
            (Field::ValueDouble, Some(Reading::Int(_)) | None) => Got::Float(0.0),
            (Field::Count, Some(Reading::Distribution { count, .. })) => Got::Int(count as i64),
            (Field::Sum, Some(Reading::Distribution { sum, .. })) => Got::Float(sum.unwrap_or_default()),
            _ => Got::Nil,
        }
    }
}

/// The value behind several keys; nil where there is no such thing.
fn nested<'a>(value: Value<'a>, keys: &[Key]) -> Got<'a> {
    let step = |value: Value<'a>, key: &Key| match (value, key) {
        (Value::Map(map), Key::Name(name)) => map.get(name),
        (Value::Array(values), Key::Index(index)) => values.iter().nth(*index),
        _ => None,
    };
    keys.iter().try_fold(value, step).map_or(Got::Nil, Got::from)
}

impl<'a> From<Value<'a>> for Got<'a> {
    fn from(value: Value<'a>) -> Got<'a> {
        match value {
            Value::Empty => Got::Nil,
            Value::Str(text) => Got::Text(Cow::Borrowed(text)),
            Value::Bool(value) => Got::Bool(value),
            Value::Int(value) => Got::Int(value),
            Value::Double(value) => Got::Float(value),
            Value::Bytes(bytes) => Got::Bytes(bytes),
            Value::Array(_) | Value::Map(_) => Got::Nested(value),
        }
    }
}

impl<'a> Got<'a> {
    /// What `IsMatch` looks at: bytes are hexadecimal there, everything else as in JSON.
    fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Got::Nil => return None,
            Got::Text(text) => Cow::Borrowed(text),
            Got::Bool(value) => text_of(&Value::Bool(*value)),
            Got::Int(value) => text_of(&Value::Int(*value)),
            Got::Float(value) => text_of(&Value::Double(*value)),
            Got::Bytes(bytes) => Cow::Owned(hex(bytes)),
            Got::Nested(value) => text_of(value),
        })
    }
}

/// Values of different types are unequal, and neither is less; numbers are compared as numbers, nil only with nil.
fn compare(left: &Got<'_>, op: Comparison, right: &Got<'_>) -> bool {
    let ordering = match (left, right) {
        (Got::Nil, Got::Nil) => Some(Ordering::Equal),
        (Got::Bool(left), Got::Bool(right)) => Some(left.cmp(right)),
        (Got::Int(left), Got::Int(right)) => Some(left.cmp(right)),
        (Got::Int(left), Got::Float(right)) => (*left as f64).partial_cmp(right),
        (Got::Float(left), Got::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Got::Float(left), Got::Float(right)) => left.partial_cmp(right),
        (Got::Text(left), Got::Text(right)) => Some(left.cmp(right)),
        (Got::Bytes(left), Got::Bytes(right)) => Some(left.cmp(right)),
        (Got::Nested(left), Got::Nested(right)) => {
            let is_equal = left == right;
            return match op {
                Comparison::Equal => is_equal,
                Comparison::NotEqual => !is_equal,
                _ => false,
            };
        }
        _ => return op == Comparison::NotEqual,
    };
    match op {
        Comparison::Equal => ordering == Some(Ordering::Equal),
        Comparison::NotEqual => ordering != Some(Ordering::Equal),
        Comparison::Less => ordering == Some(Ordering::Less),
        Comparison::LessOrEqual => ordering.is_some_and(Ordering::is_le),
        Comparison::Greater => ordering == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => ordering.is_some_and(Ordering::is_ge),
    }
}

/// `kind.string`.
fn kind_text(kind: i32) -> &'static str {
    match kind {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "",
    }
}
