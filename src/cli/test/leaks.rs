//! Where a text stands in a request.

use std::collections::HashSet;

use memchr::memmem;

use super::form::Test;
use super::show::value;
use crate::config::quote;
use crate::otlp::{Attributes, Item, Payload, Signal, Value};

/// Every place in which the text occurs, also as a part of something longer, in words; numbers and truth values count
/// if they read the same.
pub(super) fn find(test: &Test, payload: &Payload, text: &str) -> Vec<String> {
    let mut search = Search { text, found: Vec::new() };
    let mut seen = HashSet::new();
    for item in payload.items() {
        let name = title(test, &item);
        search.text(&name, "the name", item.name());
        search.attributes(&name, item.attributes());
        search.text(&name, "the status", item.status_message());
        search.text(&name, "the severity", item.severity_text());
        if let Some(body) = item.log_body() {
            search.value(&name, "the body", body);
        }
        for event in item.events() {
            let name = format!("{name}, event {}", quote(event.name()));
            search.text(&name, "the name", event.name());
            search.attributes(&name, event.attributes());
        }
        if seen.insert(item.resource().id()) {
            search.attributes("a resource", item.resource().attributes());
        }
        if seen.insert(item.scope().id()) {
            search.text("a scope", "the name", item.scope().name());
            search.attributes("a scope", item.scope().attributes());
        }
    }
    if search.found.is_empty() && memmem::find(payload.bytes(), text.as_bytes()).is_some() {
        search.found.push("a field that has no name here".to_owned());
    }
    search.found
}

/// What a test calls an item of a request.
pub(super) fn title(test: &Test, item: &Item<'_>) -> String {
    match item.signal() {
        Signal::Logs => {
            let place =
                (0..test.logs.len()).find(|&at| super::request::time(test, at) == item.time_unix_nano());
            place.map_or("a log record".into(), |at| format!("log record {}", quote(&test.logs[at].id(at))))
        }
        _ => {
            let place = (0..test.spans.len()).find(|&at| super::request::span_id(at) == *item.span_id());
            place.map_or("a span".into(), |at| format!("span {}", quote(test.spans[at].id())))
        }
    }
}

struct Search<'s> {
    text: &'s str,
    found: Vec<String>,
}

impl Search<'_> {
    fn text(&mut self, whose: &str, what: &str, text: &str) {
        self.value(whose, what, Value::Str(text));
    }

    fn attributes(&mut self, whose: &str, attributes: Attributes<'_>) {
        for (key, value) in attributes.iter() {
            match key.contains(self.text) {
                true => self.found.push(format!("{whose}: the attribute {}", quote(key))),
                false => self.value(whose, &quote(key), value),
            }
        }
    }

    fn value(&mut self, whose: &str, what: &str, of: Value<'_>) {
        if self.is_in(of) {
            self.found.push(format!("{whose}: {what}: {}", value(of)));
        }
    }

    fn is_in(&self, value: Value<'_>) -> bool {
        match value {
            Value::Empty => false,
            Value::Str(text) => text.contains(self.text),
            Value::Bool(value) => value.to_string() == self.text,
            Value::Int(value) => value.to_string() == self.text,
            Value::Double(value) => value.to_string() == self.text,
            Value::Bytes(bytes) => memmem::find(bytes, self.text.as_bytes()).is_some(),
            Value::Array(values) => values.iter().any(|value| self.is_in(value)),
            Value::Map(map) => map.iter().any(|(key, value)| key.contains(self.text) || self.is_in(value)),
        }
    }
}
