//! What `attributes` and `resource` do to attributes: a list of actions, in their order.

use std::fmt::{self, Write as _};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use sha2::{Digest as _, Sha256};

use super::Fault;
use super::pattern::Pattern;
use super::text::text_of;
use crate::component::Origin;
use crate::otlp::{Attributes, Edit, OwnedValue, Value};

/// One action, in the keys of the Collector's `attributesprocessor` 0.155.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Action {
    /// The attribute.
    pub key: String,
    /// What to do. Required.
    pub action: Option<Verb>,
    /// For `insert`, `update`, `upsert`: a text, number, bool, list or map.
    pub value: Option<Constant>,
    /// Instead of `value`: another attribute, whose value is copied.
    pub from_attribute: String,
    /// Instead of `value`: `client.address` is the sender's IP address. Nothing else is in this version.
    pub from_context: String,
    /// For `delete` and `hash`: also all attributes whose key it matches. For `extract`: what to look for.
    pub pattern: String,
    /// For `convert`.
    pub converted_type: Option<Conversion>,
}

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    #[serde(alias = "INSERT")]
    Insert,
    #[serde(alias = "UPDATE")]
    Update,
    #[serde(alias = "UPSERT")]
    Upsert,
    #[serde(alias = "DELETE")]
    Delete,
    #[serde(alias = "HASH")]
    Hash,
    #[serde(alias = "EXTRACT")]
    Extract,
    #[serde(alias = "CONVERT")]
    Convert,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Verb::Insert => "insert",
            Verb::Update => "update",
            Verb::Upsert => "upsert",
            Verb::Delete => "delete",
            Verb::Hash => "hash",
            Verb::Extract => "extract",
            Verb::Convert => "convert",
        }
    }
}

/// What `convert` makes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Conversion {
    String,
    Int,
    Double,
}

/// A value in a configuration; its type is that of the YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant(OwnedValue);

impl Constant {
    pub(super) fn value(&self) -> Value<'_> {
        self.0.value()
    }
}

/// Actions, decided at build.
#[derive(Clone, Debug)]
pub(super) struct Actions {
    steps: Vec<Step>,
    /// Whether one of them does something to attributes whatever they are.
    always: bool,
    /// Otherwise the keys and patterns without which none of them does anything.
    keys: Vec<String>,
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
enum Step {
    Put { key: String, source: Source, when: When },
    Remove(Keys),
    Hash(Keys),
    Extract { key: String, pattern: Pattern, names: Vec<String> },
    Convert { key: String, to: Conversion },
}

#[derive(Clone, Debug)]
enum Source {
    Constant(OwnedValue),
    Attribute(String),
    ClientAddress,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Absent,
    Present,
    Any,
}

/// One key, and all that a pattern matches.
#[derive(Clone, Debug)]
struct Keys {
    key: Option<String>,
    pattern: Option<Pattern>,
    /// Those that the pattern matches among the keys that earlier actions make.
    made: Vec<String>,
}

impl Actions {
    /// # Errors
    /// All actions that are wrong, each with the path of its key below `list`.
    pub(super) fn build(config: &[Action], list: &str) -> Result<Actions, Vec<Fault>> {
        let (mut steps, mut faults, mut made) = (Vec::<Step>::new(), Vec::new(), Vec::<String>::new());
        for (at, action) in config.iter().enumerate() {
            match step(action, &made) {
                Ok(step) => {
                    step.makes(&mut made);
                    steps.push(step);
                }
                Err(fault) => faults.push(fault.below(&format!("{list}.{at}"))),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut actions = Actions { steps, always: false, keys: Vec::new(), patterns: Vec::new() };
        for step in &actions.steps {
            match step {
                Step::Put { source: Source::Attribute(key), .. }
                | Step::Put { key, when: When::Present, .. }
                | Step::Extract { key, .. }
                | Step::Convert { key, .. } => actions.keys.push(key.clone()),
                Step::Put { .. } => actions.always = true,
                Step::Remove(keys) | Step::Hash(keys) => {
                    actions.keys.extend(keys.key.clone());
                    actions.patterns.extend(keys.pattern.clone());
                }
            }
        }
        Ok(actions)
    }

    /// Whether anything may happen to these attributes. It spares those without any of the keys an edit.
    pub(super) fn concern(&self, attributes: Attributes<'_>) -> bool {
        self.always
            || attributes.pairs().any(|pair| {
                self.keys.iter().any(|key| key.as_bytes() == pair.key())
                    || !self.patterns.is_empty()
                        && std::str::from_utf8(pair.key())
                            .is_ok_and(|key| self.patterns.iter().any(|pattern| pattern.matches(key)))
            })
    }

    /// Records what happens; `attributes` are those before all edits.
    pub(super) fn run(&self, attributes: Attributes<'_>, edit: &mut Edit<'_, '_>, origin: &Origin) {
        for step in &self.steps {
            match step {
                Step::Put { key, source, when } => {
                    let fits = match when {
                        When::Any => true,
                        When::Absent => edit.get(key).is_none(),
                        When::Present => edit.get(key).is_some(),
                    };
                    if fits {
                        source.put(key, edit, origin);
                    }
                }
                Step::Remove(keys) => keys.each(attributes, edit, |edit, key| edit.remove(key)),
                Step::Hash(keys) => keys.each(attributes, edit, hash),
                Step::Extract { key, pattern, names } => extract(edit, key, pattern, names),
                Step::Convert { key, to } => convert(edit, key, *to),
            }
        }
    }
}

impl Source {
    fn put(&self, key: &str, edit: &mut Edit<'_, '_>, origin: &Origin) {
        match self {
            Source::Constant(value) => edit.set(key, value.value()),
            Source::Attribute(from) => {
                edit.copy(from, key);
            }
            Source::ClientAddress => {
                if let Some(peer) = origin.peer {
                    edit.set(key, Value::Str(&peer.ip().to_string()));
                }
            }
        }
    }
}

impl Keys {
    /// First the key, then whatever the pattern matches, as the Collector does it: a key that is both is hashed twice.
    fn each(
        &self,
        attributes: Attributes<'_>,
        edit: &mut Edit<'_, '_>,
        act: impl Fn(&mut Edit<'_, '_>, &str),
    ) {
        if let Some(key) = &self.key {
            act(edit, key);
        }
        let Some(pattern) = &self.pattern else { return };
        let present = attributes.pairs().filter_map(|pair| std::str::from_utf8(pair.key()).ok());
        let mut matched: Vec<&str> = present.filter(|key| pattern.matches(key)).collect();
        matched.extend(self.made.iter().map(String::as_str));
        matched.sort_unstable();
        matched.dedup();
        for key in matched {
            act(edit, key);
        }
    }
}

impl Step {
    /// Adds the keys that may be there after it and were not before.
    fn makes(&self, made: &mut Vec<String>) {
        match self {
            Step::Put { key, .. } => made.push(key.clone()),
            Step::Extract { names, .. } => made.extend(names.iter().cloned()),
            Step::Remove(_) | Step::Hash(_) | Step::Convert { .. } => {}
        }
    }
}

fn step(action: &Action, made: &[String]) -> Result<Step, Fault> {
    let Some(verb) = action.action else {
        return Err(Fault::new(
            "action",
            "is missing; write insert, update, upsert, delete, hash, extract or convert",
        ));
    };
    let takes_pattern = matches!(verb, Verb::Delete | Verb::Hash);
    let has_pattern = takes_pattern && !action.pattern.is_empty();
    if action.key.is_empty() && !has_pattern {
        let or = if takes_pattern { " (or a `pattern`)" } else { "" };
        return Err(Fault::new(
            "key",
            format!("is missing: {} needs the key of an attribute{or}", verb.name()),
        ));
    }
    unused(action, verb)?;
    let key = action.key.clone();
    let pattern = || Pattern::parse(&action.pattern).map_err(|error| Fault::new("pattern", error));
    let keys = || -> Result<Keys, Fault> {
        let pattern = if action.pattern.is_empty() { None } else { Some(pattern()?) };
        let fits = |made: &&String| pattern.as_ref().is_some_and(|pattern| pattern.matches(made));
        let made = made.iter().filter(fits).cloned().collect();
        Ok(Keys { key: Some(key.clone()).filter(|key| !key.is_empty()), pattern, made })
    };
    Ok(match verb {
        Verb::Insert => Step::Put { source: source(action)?, key, when: When::Absent },
        Verb::Update => Step::Put { source: source(action)?, key, when: When::Present },
        Verb::Upsert => Step::Put { source: source(action)?, key, when: When::Any },
        Verb::Delete => Step::Remove(keys()?),
        Verb::Hash => Step::Hash(keys()?),
        Verb::Extract => {
            if action.pattern.is_empty() {
                return Err(Fault::new(
                    "pattern",
                    "is missing: extract needs a regular expression with named groups",
                ));
            }
            let pattern = pattern()?;
            let names: Option<Vec<String>> = pattern.groups().map(|name| name.map(str::to_owned)).collect();
            match names {
                Some(names) if !names.is_empty() => Step::Extract { key, pattern, names },
                _ => {
                    let message =
                        "needs a name for each of its groups, and at least one: the names are the new keys";
                    return Err(Fault::new("pattern", message).help("write `(?P<new_key>...)`"));
                }
            }
        }
        Verb::Convert => match action.converted_type {
            Some(to) => Step::Convert { key, to },
            None => return Err(Fault::new("converted_type", "is missing: write string, int or double")),
        },
    })
}

/// What is set and has no meaning for this verb.
fn unused(action: &Action, verb: Verb) -> Result<(), Fault> {
    let puts = matches!(verb, Verb::Insert | Verb::Update | Verb::Upsert);
    let set = [
        ("value", action.value.is_some(), puts),
        ("from_attribute", !action.from_attribute.is_empty(), puts),
        ("from_context", !action.from_context.is_empty(), puts),
        ("pattern", !action.pattern.is_empty(), matches!(verb, Verb::Delete | Verb::Hash | Verb::Extract)),
        ("converted_type", action.converted_type.is_some(), verb == Verb::Convert),
    ];
    match set.into_iter().find(|(_, is_set, is_used)| *is_set && !is_used) {
        Some((key, ..)) => Err(Fault::new(key, format!("has no meaning for {}; remove it", verb.name()))),
        None => Ok(()),
    }
}

fn source(action: &Action) -> Result<Source, Fault> {
    match (&action.value, action.from_attribute.as_str(), action.from_context.as_str()) {
        (Some(constant), "", "") => Ok(Source::Constant(constant.0.clone())),
        (None, "", "client.address") => Ok(Source::ClientAddress),
        (None, "", "") => {
            Err(Fault::new("value", "is missing: write it, or `from_attribute` or `from_context` instead"))
        }
        (None, "", _) => Err(Fault::new(
            "from_context",
            "can only be client.address in this version: burgee keeps no headers of requests",
        )),
        (None, from, "") => Ok(Source::Attribute(from.to_owned())),
        _ => Err(Fault::new("", "has several sources; keep one of value, from_attribute, from_context")),
    }
}

/// SHA-256 in hexadecimal of the UTF-8 text, one byte for a bool, eight bytes (little endian) for a number. Bytes, lists,
/// maps and the empty value become the empty text, and the empty text stays. So the Collector does it (0.155); its old versions wrote SHA-1.
fn hash(edit: &mut Edit<'_, '_>, key: &str) {
    let digest = match edit.get(key) {
        None => return,
        Some(Value::Str(text)) => (!text.is_empty()).then(|| Sha256::digest(text)),
        Some(Value::Bool(value)) => Some(Sha256::digest([u8::from(value)])),
        Some(Value::Int(value)) => Some(Sha256::digest(value.to_le_bytes())),
        Some(Value::Double(value)) => Some(Sha256::digest(value.to_le_bytes())),
        Some(Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::Map(_)) => None,
    };
    let mut hex = String::with_capacity(64);
    for byte in digest.iter().flatten() {
        let _ = write!(hex, "{byte:02x}");
    }
    edit.set(key, Value::Str(&hex));
}

/// Only text is looked into.
fn extract(edit: &mut Edit<'_, '_>, key: &str, pattern: &Pattern, names: &[String]) {
    let Some(Value::Str(text)) = edit.get(key) else { return };
    let Some(parts) = pattern.captures(text) else { return };
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    for (name, part) in names.iter().zip(&parts) {
        edit.set(name, Value::Str(part));
    }
}

/// What cannot be converted stays.
fn convert(edit: &mut Edit<'_, '_>, key: &str, to: Conversion) {
    let Some(value) = edit.get(key) else { return };
    match (to, value) {
        (Conversion::String, Value::Str(_)) | (Conversion::Int, Value::Int(_)) => {}
        (Conversion::Double, Value::Double(_)) => {}
        (Conversion::String, value) => {
            let text = text_of(&value).into_owned();
            edit.set(key, Value::Str(&text));
        }
        (Conversion::Int, Value::Double(value)) => edit.set(key, Value::Int(value as i64)),
        (Conversion::Int, Value::Bool(value)) => edit.set(key, Value::Int(value.into())),
        (Conversion::Int, Value::Str(text)) => {
            if let Ok(value) = text.parse() {
                edit.set(key, Value::Int(value));
            }
        }
        (Conversion::Double, Value::Int(value)) => edit.set(key, Value::Double(value as f64)),
        (Conversion::Double, Value::Bool(value)) => edit.set(key, Value::Double(f64::from(u8::from(value)))),
        (Conversion::Double, Value::Str(text)) => {
            if let Ok(value) = text.parse() {
                edit.set(key, Value::Double(value));
            }
        }
        (_, Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::Map(_)) => {}
    }
}

impl<'de> Deserialize<'de> for Constant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Constant, D::Error> {
        deserializer.deserialize_any(ConstantVisitor)
    }
}

impl JsonSchema for Constant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Constant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean", "array", "object"] })
    }
}

struct ConstantVisitor;

impl<'de> Visitor<'de> for ConstantVisitor {
    type Value = Constant;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text, a number, a bool, a list or a map")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Constant, E> {
        Ok(Constant(OwnedValue::new(Value::Bool(value))))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Constant, E> {
        Ok(Constant(OwnedValue::new(Value::Int(value))))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Constant, E> {
        let value =
            i64::try_from(value).map_err(|_| E::custom("is larger than the largest number of OTLP"))?;
        self.visit_i64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Constant, E> {
        Ok(Constant(OwnedValue::new(Value::Double(value))))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Constant, E> {
        Ok(Constant(OwnedValue::new(Value::Str(value))))
    }

    /// Inside of a list or map.
    fn visit_unit<E: Error>(self) -> Result<Constant, E> {
        Ok(Constant(OwnedValue::new(Value::Empty)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Constant, A::Error> {
        let mut values = Vec::new();
        while let Some(Constant(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Constant(OwnedValue::array(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Constant, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, Constant(value))) = entries.next_entry::<String, Constant>()? {
            pairs.push((key, value));
        }
        Ok(Constant(OwnedValue::map(pairs)))
    }
}
