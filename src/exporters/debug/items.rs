//! Spans, log records and data points as a line or as a block of text.

use std::time::{Duration, SystemTime};

use crate::exporters::escape::escape_within;
use crate::otlp::{Attributes, Item, ItemId, Payload, Reading, Signal, Value, hex};

/// The service of items that come one after another. Looked up once for each resource: finding it walks over all of
/// the resource's group.
#[derive(Default)]
pub(super) struct Service<'a>(Option<(ItemId, &'a str)>);

impl<'a> Service<'a> {
    pub(super) fn of(&mut self, item: &Item<'a>) -> &'a str {
        let resource = item.resource();
        match self.0 {
            Some((id, name)) if id == resource.id() => name,
            _ => self.0.insert((resource.id(), resource.service_name().unwrap_or("-"))).1,
        }
    }
}

/// An item in one line: time, service, name, what it came to, ids, attributes.
pub(super) fn line(out: &mut String, item: &Item<'_>, service: &str) {
    let mut text = Text::new(out, LINE_BYTES_MAX);
    text.add(&clock(item.time_unix_nano()));
    text.add(&format!(" {} {}", kind_of(item), escape_within(service, SHORT_CHARS_MAX)));
    match kind_of(item) {
        "span" => {
            text.add(&format!(" {} {}", quoted(item.name(), SHORT_CHARS_MAX), duration(item)));
            if item.status_code() == STATUS_ERROR {
                text.add(&format!(" error {}", quoted(item.status_message(), SHORT_CHARS_MAX)));
            }
        }
        "log" => {
            text.add(&format!(" {}", severity(item)));
            if !item.name().is_empty() {
                text.add(&format!(" {}", escape_within(item.name(), SHORT_CHARS_MAX)));
            }
            if let Some(body) = item.log_body() {
                text.add(" ");
                text.value(body, SHORT_CHARS_MAX, 0);
            }
        }
        _ => text.add(&format!(" {} {}", escape_within(item.name(), SHORT_CHARS_MAX), measured(item))),
    }
    for (name, id) in [("trace", item.trace_id()), ("span", item.span_id())] {
        if !id.is_empty() {
            text.add(&format!(" {name}={}", hex(id)));
        }
    }
    for (key, value) in item.attributes().iter() {
        if text.is_full() {
            break;
        }
        text.add(&format!(" {}=", escape_within(key, SHORT_CHARS_MAX)));
        text.value(value, SHORT_CHARS_MAX, 0);
    }
    text.end();
}

/// What the last block stood under: resource and scope are shown where they change.
#[derive(Default)]
pub(super) struct Group {
    resource: Option<ItemId>,
    scope: Option<ItemId>,
}

/// An item with everything that it has.
pub(super) fn block(out: &mut String, item: &Item<'_>, group: &mut Group) {
    let mut text = Text::new(out, BLOCK_BYTES_MAX);
    headers(&mut text, item, group);
    text.add(&format!("  {} {}\n", kind_of(item), escape_within(item.name(), LONG_CHARS_MAX)));
    for (name, id) in
        [("trace id", item.trace_id()), ("span id", item.span_id()), ("parent id", item.parent_span_id())]
    {
        if !id.is_empty() {
            text.field(name, &hex(id));
        }
    }
    match kind_of(item) {
        "span" => span_fields(&mut text, item),
        "log" => {
            text.field("time", &date(item.time_unix_nano()));
            text.field("severity", &severity(item));
            if let Some(body) = item.log_body() {
                text.add("    body: ");
                text.value(body, LONG_CHARS_MAX, 0);
                text.add("\n");
            }
        }
        _ => {
            text.field("time", &date(item.time_unix_nano()));
            text.field("value", &measured(item));
        }
    }
    text.attributes("    ", item.attributes());
    for event in item.events() {
        if text.is_full() {
            break;
        }
        let name = escape_within(event.name(), LONG_CHARS_MAX);
        text.add(&format!("    event {name} at {}\n", date(event.time_unix_nano())));
        text.attributes("      ", event.attributes());
    }
    text.end();
}

fn headers(text: &mut Text<'_>, item: &Item<'_>, group: &mut Group) {
    if group.resource.replace(item.resource().id()) != Some(item.resource().id()) {
        text.add("resource\n");
        text.attributes("  ", item.resource().attributes());
    }
    if group.scope.replace(item.scope().id()) != Some(item.scope().id()) {
        let (name, version) = (item.scope().name(), item.scope().version());
        text.add(&format!(
            " scope {} {}\n",
            escape_within(name, LONG_CHARS_MAX),
            escape_within(version, LONG_CHARS_MAX)
        ));
        text.attributes("   ", item.scope().attributes());
    }
}

fn span_fields(text: &mut Text<'_>, item: &Item<'_>) {
    let kind = usize::try_from(item.kind()).ok().and_then(|kind| SPAN_KINDS.get(kind));
    text.field("kind", kind.unwrap_or(&"unknown"));
    text.field("start", &date(item.time_unix_nano()));
    text.field("end", &format!("{} ({})", date(item.end_time_unix_nano()), duration(item)));
    match item.status_code() {
        0 => {}
        STATUS_ERROR => {
            text.field("status", &format!("error {}", quoted(item.status_message(), LONG_CHARS_MAX)));
        }
        1 => text.field("status", "ok"),
        _ => text.field("status", "unknown"),
    }
}

/// How many groups of one resource there are among the items.
pub(super) fn resource_groups(payload: &Payload) -> usize {
    let mut last = None;
    payload.items().filter(|item| last.replace(item.resource().id()) != Some(item.resource().id())).count()
}

/// A value on its own.
pub(super) fn value(value: Value<'_>, chars_max: usize) -> String {
    let mut out = String::new();
    Text::new(&mut out, LINE_BYTES_MAX).value(value, chars_max, 0);
    out
}

/// `14:03:12.123Z`, of a time in nanoseconds since the epoch.
pub(super) fn clock(unix_nano: u64) -> String {
    match unix_nano {
        0 => "--:--:--.---Z".to_owned(),
        _ => humantime::format_rfc3339_millis(at(unix_nano)).to_string().split_off("2026-01-02T".len()),
    }
}

fn date(unix_nano: u64) -> String {
    match unix_nano {
        0 => "unknown".to_owned(),
        _ => humantime::format_rfc3339_nanos(at(unix_nano)).to_string(),
    }
}

/// Nanoseconds in 64 bits end in the year 2554, which every clock here can hold.
fn at(unix_nano: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nano)
}

fn duration(item: &Item<'_>) -> String {
    match item.end_time_unix_nano().checked_sub(item.time_unix_nano()) {
        Some(nanos) if item.time_unix_nano() > 0 => format!("{:.3?}", Duration::from_nanos(nanos)),
        _ => "?".to_owned(),
    }
}

fn severity(item: &Item<'_>) -> String {
    match (item.severity_text(), item.severity_number()) {
        ("", 0) => "-".to_owned(),
        ("", number) => format!("severity {number}"),
        (text, _) => escape_within(text, SHORT_CHARS_MAX).into_owned(),
    }
}

fn measured(item: &Item<'_>) -> String {
    let unit = item.metric().map_or("", |metric| metric.unit());
    let unit = escape_within(unit, SHORT_CHARS_MAX);
    match item.reading() {
        None => "no value".to_owned(),
        Some(Reading::Int(number)) => format!("{number} {unit}"),
        Some(Reading::Double(number)) => format!("{number} {unit}"),
        Some(Reading::Distribution { count, sum: None }) => format!("count {count}"),
        Some(Reading::Distribution { count, sum: Some(sum) }) => format!("count {count}, sum {sum} {unit}"),
    }
}

fn quoted(text: &str, chars_max: usize) -> String {
    format!("\"{}\"", escape_within(text, chars_max))
}

/// Text with a limit: what is added behind it is left out, and an ellipsis says so.
struct Text<'a> {
    out: &'a mut String,
    end: usize,
}

impl<'a> Text<'a> {
    fn new(out: &'a mut String, bytes_max: usize) -> Self {
        let end = out.len() + bytes_max;
        Text { out, end }
    }

    fn is_full(&self) -> bool {
        self.out.len() >= self.end
    }

    fn add(&mut self, text: &str) {
        if !self.is_full() {
            self.out.push_str(text);
        }
    }

    fn field(&mut self, name: &str, text: &str) {
        self.add(&format!("    {name}: {text}\n"));
    }

    fn attributes(&mut self, indent: &str, attributes: Attributes<'_>) {
        for (key, value) in attributes.iter() {
            if self.is_full() {
                return;
            }
            self.add(&format!("{indent}{}: ", escape_within(key, LONG_CHARS_MAX)));
            self.value(value, LONG_CHARS_MAX, 0);
            self.add("\n");
        }
    }

    /// JSON in spirit: what is text is in quotes.
    fn value(&mut self, value: Value<'_>, chars_max: usize, depth: usize) {
        match value {
            Value::Empty => self.add("null"),
            Value::Str(text) => self.add(&quoted(text, chars_max)),
            Value::Bool(value) => self.add(&value.to_string()),
            Value::Int(value) => self.add(&value.to_string()),
            Value::Double(value) => self.add(&format!("{value:?}")),
            Value::Bytes(bytes) => {
                let shown = &bytes[..bytes.len().min(chars_max / 2)];
                let more = if shown.len() < bytes.len() { "…" } else { "" };
                self.add(&format!("0x{}{more}", hex(shown)));
            }
            Value::Array(_) | Value::Map(_) if depth == DEPTH_MAX => self.add("…"),
            Value::Array(values) => {
                self.add("[");
                for (index, value) in values.iter().enumerate() {
                    if self.is_full() {
                        break;
                    }
                    self.add(if index > 0 { ", " } else { "" });
                    self.value(value, chars_max, depth + 1);
                }
                self.add("]");
            }
            Value::Map(map) => {
                self.add("{");
                for (index, (key, value)) in map.iter().enumerate() {
                    if self.is_full() {
                        break;
                    }
                    self.add(if index > 0 { ", " } else { "" });
                    self.add(&format!("{}: ", escape_within(key, chars_max)));
                    self.value(value, chars_max, depth + 1);
                }
                self.add("}");
            }
        }
    }

    /// Ends the line, whether or not there was room for everything.
    fn end(self) {
        if self.is_full() {
            self.out.push_str(" … (more is not shown)");
        }
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }
}

fn kind_of(item: &Item<'_>) -> &'static str {
    match item.signal() {
        Signal::Traces => "span",
        Signal::Logs => "log",
        Signal::Metrics => "point",
    }
}

const SPAN_KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUS_ERROR: i32 = 2;
const SHORT_CHARS_MAX: usize = 100;
const LONG_CHARS_MAX: usize = 1000;
const LINE_BYTES_MAX: usize = 4 * 1024;
const BLOCK_BYTES_MAX: usize = 64 * 1024;
const DEPTH_MAX: usize = 8;
