//! One evaluation of one flag, as it left.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::flags::{Evaluated, Evaluation, conventions};
use crate::otlp::{Event, Item, Signal, Value};

/// What a span, event or log record told of one evaluation. Texts are cut after [`TEXT_BYTES_MAX`] bytes and empty
/// where nothing was said.
#[derive(Clone, Debug)]
pub struct Told {
    /// Counted from 1 since the start.
    pub number: u64,
    pub at: SystemTime,
    pub service: Arc<str>,
    pub key: Arc<str>,
    pub variant: Arc<str>,
    /// Only where there is no variant.
    pub value: Box<str>,
    pub reason: Arc<str>,
    pub error: Arc<str>,
    pub provider: Arc<str>,
    pub version: Arc<str>,
    /// All zeros if there is none.
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// The name of the span, or of the event of a log record.
    pub span: Arc<str>,
    pub told_by: ToldBy,
    /// Of whom the flag was evaluated for, as a hash; 0 if unknown. Never the id itself.
    pub context: u64,
}

/// What told of an evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToldBy {
    #[default]
    Span,
    Event,
    Log,
}

impl ToldBy {
    /// `span`, `event` or `log`.
    pub fn name(self) -> &'static str {
        match self {
            ToldBy::Span => "span",
            ToldBy::Event => "event",
            ToldBy::Log => "log",
        }
    }
}

impl Default for Told {
    fn default() -> Told {
        let empty: Arc<str> = Arc::default();
        Told {
            number: 0,
            at: SystemTime::UNIX_EPOCH,
            service: Arc::clone(&empty),
            key: Arc::clone(&empty),
            variant: Arc::clone(&empty),
            value: Box::default(),
            reason: Arc::clone(&empty),
            error: Arc::clone(&empty),
            provider: Arc::clone(&empty),
            version: Arc::clone(&empty),
            trace_id: [0; 16],
            span_id: [0; 8],
            span: empty,
            told_by: ToldBy::Span,
            context: 0,
        }
    }
}

impl Told {
    /// Reads an evaluation of an item of this service; `intern` shares texts that come again and again.
    pub(super) fn read(
        item: Item<'_>,
        evaluation: &Evaluation<'_>,
        service: &Arc<str>,
        intern: &mut impl FnMut(&str) -> Arc<str>,
        hash: impl Fn(&str) -> u64,
    ) -> Told {
        let event = item.events().take(EVENTS_MAX).find(|event| tells_of(event, evaluation));
        let (told_by, nanos) = match (&event, item.signal()) {
            (_, Signal::Logs) => (ToldBy::Log, item.time_unix_nano()),
            (Some(event), _) => (ToldBy::Event, event.time_unix_nano()),
            (None, _) => (ToldBy::Span, item.time_unix_nano()),
        };
        let mut text = |text: Option<&str>| text.map_or_else(Arc::default, |text| intern(cut(text)));
        let variant = text(evaluation.variant.as_deref());
        let value = match &evaluation.value {
            Some(Evaluated::Text(value)) if variant.is_empty() => cut(value).into(),
            Some(value) if variant.is_empty() => value_text(value.as_value(), TEXT_BYTES_MAX).into(),
            _ => Box::default(),
        };
        Told {
            number: 0,
            at: time(nanos),
            service: Arc::clone(service),
            key: text(evaluation.key.as_deref()),
            variant,
            value,
            reason: text(evaluation.reason.as_deref()),
            error: text(evaluation.error_type.as_deref()),
            provider: text(evaluation.provider.as_deref()),
            version: text(evaluation.version.as_deref()),
            trace_id: id(item.trace_id()),
            span_id: id(item.span_id()),
            span: text(Some(item.name())),
            told_by,
            context: evaluation.context_id.as_deref().map_or(0, hash),
        }
    }

    pub fn failed(&self) -> bool {
        !self.error.is_empty() || &*self.reason == conventions::REASON_ERROR
    }

    /// About what it takes, without the texts that it shares.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Told>() + self.value.len() + 2 * size_of::<usize>()
    }
}

fn tells_of(event: &Event<'_>, evaluation: &Evaluation<'_>) -> bool {
    match &evaluation.key {
        Some(key) => event.attributes().text(conventions::KEY).is_some_and(|of| of == &**key),
        None => event.name() == conventions::EVENT,
    }
}

/// As much of a text as is kept.
pub(super) fn cut(text: &str) -> &str {
    cut_at(text, TEXT_BYTES_MAX)
}

fn cut_at(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// A value as text, at most about so many bytes of it.
pub(super) fn value_text(value: Value<'_>, bytes_max: usize) -> String {
    match value {
        Value::Empty => String::new(),
        Value::Str(text) => cut_at(text, bytes_max).to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Array(values) => {
            let mut text = String::from("[");
            for (number, value) in values.iter().enumerate() {
                if text.len() >= bytes_max {
                    text.push('…');
                    break;
                }
                text.push_str(if number > 0 { ", " } else { "" });
                text.push_str(&value_text(value, bytes_max.saturating_sub(text.len()) / 2));
            }
            text + "]"
        }
        Value::Map(pairs) => {
            let mut text = String::from("{");
            for (number, (key, value)) in pairs.iter().enumerate() {
                if text.len() >= bytes_max {
                    text.push('…');
                    break;
                }
                text.push_str(if number > 0 { ", " } else { "" });
                text.push_str(cut_at(key, bytes_max));
                text.push_str(": ");
                text.push_str(&value_text(value, bytes_max.saturating_sub(text.len()) / 2));
            }
            text + "}"
        }
    }
}

/// An id of the right length, or zeros.
pub(super) fn id<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}

/// A time of telemetry; what does not fit is the epoch.
pub(super) fn time(unix_nano: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(unix_nano)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Events of a span among which the one that told is looked for.
const EVENTS_MAX: usize = 64;
/// Bytes of a text that is remembered.
pub const TEXT_BYTES_MAX: usize = 256;
