use std::sync::Arc;

use serde_yaml::Value;

use super::{
    problem::{Problem, escape, quote},
    source::Place,
};
use crate::values::{REDACTED, split_list};

/// A piece of configuration that knows where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: Kind,
    /// Where it is written: for a value reached through an alias, where the anchor is.
    pub place: Place,
    /// Where its key is written, if it has one.
    pub key: Option<Place>,
    /// Dotted, from the root: `receivers.otlp.protocols`, items as `[0]`; empty for the root.
    pub path: String,
    /// What `${…}` made of it.
    pub expanded: Option<Expanded>,
    /// Where the value came from, if not from the text at its place: `env HOST`, `file token.txt`, several with
    /// commas.
    pub from: Option<Arc<str>>,
    /// Whether its key, or one above it, says that it must not be shown.
    pub secret: bool,
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// Nothing behind the key, `~` or `null`.
    Null,
    Scalar(Scalar),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar as it was written and as YAML 1.2 reads it: `0123`, `on` and `off` are texts.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// As written, without quotes: what a text field gets, also for `4317` or `true`.
    pub text: String,
    /// Its meaning: a bool, a number or a string.
    pub value: Value,
    pub quoted: bool,
}

/// A key and its value, in the order of the file.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Key,
    pub value: Node,
}

#[derive(Clone, Debug)]
pub struct Key {
    pub text: String,
    pub place: Place,
}

/// What `${…}` made of a scalar.
#[derive(Clone, Debug)]
pub struct Expanded {
    /// The text before it was read as YAML: what a text field gets, also for `0123` or `{a}`.
    pub text: String,
    /// Whether a variable's name says that the value must not be shown.
    pub secret: bool,
}

impl Node {
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The entries of a map in the order of the file; of anything else, none.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; of anything else, none.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Seq(items) => items,
            _ => &[],
        }
    }

    /// The entry of a map's key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.text == key)
    }

    /// The value behind a map's key; null is a value.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The node behind several keys, or the deepest one on the way there: somewhere to point at. In a list, a key is
    /// the number of an item, from 0.
    pub fn find(&self, keys: &[&str]) -> &Node {
        let mut found = self;
        for key in keys {
            let next = match key.parse::<usize>() {
                Ok(at) if !found.items().is_empty() => found.items().get(at),
                _ => found.get(key),
            };
            match next {
                Some(node) => found = node,
                None => break,
            }
        }
        found
    }

    /// The text of a scalar or of an expansion, as a text field gets it.
    pub fn text(&self) -> Option<&str> {
        match (&self.expanded, &self.kind) {
            (Some(expanded), _) => Some(&expanded.text),
            (None, Kind::Scalar(scalar)) => Some(&scalar.text),
            (None, _) => None,
        }
    }

    /// The entries of a map; null is a map without any. An error names what was found instead.
    pub fn expect_map(&self) -> Result<&[Entry], Problem> {
        match &self.kind {
            Kind::Map(entries) => Ok(entries),
            Kind::Null => Ok(&[]),
            _ => Err(self.mistyped("a map")),
        }
    }

    /// A list of texts, each with the place of its item; a text is split on `,`, null is an empty list.
    pub fn expect_texts(&self) -> Result<Vec<(&str, &Node)>, Problem> {
        match &self.kind {
            Kind::Null => Ok(Vec::new()),
            Kind::Scalar(_) => {
                Ok(split_list(self.text().unwrap_or_default()).map(|item| (item, self)).collect())
            }
            Kind::Seq(items) => items
                .iter()
                .map(|item| match &item.kind {
                    Kind::Scalar(_) => Ok((item.text().unwrap_or_default(), item)),
                    _ => Err(item.mistyped("text")),
                })
                .collect(),
            Kind::Map(_) => Err(self.mistyped("a list")),
        }
    }

    /// A problem of this value: its path before the message, its place under it.
    pub fn problem(&self, message: impl AsRef<str>) -> Problem {
        let message = message.as_ref();
        let message = match self.path.is_empty() {
            true => message.to_owned(),
            false => format!("{}: {message}", escape(&self.path)),
        };
        Problem::error(message + &self.whence()).at(self.place.clone()).path(self.path.as_str())
    }

    /// Whose value it is, in words to put behind a message; empty where it is written in the text itself.
    pub fn whence(&self) -> String {
        self.from.as_ref().map_or_else(String::new, |from| format!(" (the value of {})", escape(from)))
    }

    /// The same, pointing at its key: for what a map lacks.
    pub fn problem_at_key(&self, message: impl AsRef<str>) -> Problem {
        let problem = self.problem(message);
        match &self.key {
            Some(key) => problem.at(key.clone()),
            None => problem,
        }
    }

    /// The problem "expected …, found …" in plain words, with the likely slip.
    pub fn mistyped(&self, expected: &str) -> Problem {
        let problem = self.problem(format!("expected {expected}, found {}", self.describe()));
        match self.hint(expected) {
            Some(hint) => problem.help(hint),
            None => problem,
        }
    }

    /// What it is, in plain words and without giving a secret away: `a map`, `the text "abc"`, `nothing`.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Seq(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
            Kind::Scalar(scalar) => {
                let kind = match &scalar.value {
                    Value::Bool(_) => "the word",
                    Value::Number(_) => "the number",
                    _ => "the text",
                };
                match self.is_hidden() {
                    true => format!("{} (not shown)", kind.replace("the", "a")),
                    false if matches!(scalar.value, Value::String(_)) => {
                        format!("{kind} {}", quote(&scalar.text))
                    }
                    false => format!("{kind} {}", escape(&scalar.text)),
                }
            }
        }
    }

    /// Whether the value must not be shown, by the name of its key or of its variable.
    pub fn is_hidden(&self) -> bool {
        self.secret || self.expanded.as_ref().is_some_and(|expanded| expanded.secret)
    }

    /// The subtree as a value to print: secrets are `[REDACTED]`, unless a reference stands there unexpanded.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Scalar(_) if self.is_hidden() => Value::String(REDACTED.to_owned()),
            Kind::Scalar(scalar) => scalar.value.clone(),
            Kind::Seq(items) => Value::Sequence(items.iter().map(Node::to_value).collect()),
            Kind::Map(entries) => Value::Mapping(
                entries.iter().map(|entry| (entry.key.text.clone().into(), entry.value.to_value())).collect(),
            ),
        }
    }

    /// The node as it stands, with null in it.
    pub(super) fn clone_without_kind(&self) -> Node {
        Node {
            kind: Kind::Null,
            place: self.place.clone(),
            key: self.key.clone(),
            path: self.path.clone(),
            expanded: None,
            from: None,
            secret: self.secret,
        }
    }

    /// Gives it and all below it another path.
    pub(super) fn rebase(&mut self, path: &str) {
        match &mut self.kind {
            Kind::Null | Kind::Scalar(_) => {}
            Kind::Seq(items) => {
                items.iter_mut().enumerate().for_each(|(at, item)| item.rebase(&format!("{path}[{at}]")));
            }
            Kind::Map(entries) => {
                entries.iter_mut().for_each(|entry| entry.value.rebase(&format!("{path}.{}", entry.key.text)))
            }
        }
        path.clone_into(&mut self.path);
    }

    fn hint(&self, expected: &str) -> Option<String> {
        let Kind::Scalar(scalar) = &self.kind else { return None };
        if let Some(key) =
            missing_space(&scalar.text).filter(|_| expected.contains("map") || expected.contains("list"))
        {
            return Some(format!("missing space after ':'; write \"{key}: …\""));
        }
        let word = scalar.text.to_ascii_lowercase();
        if expected == TRUE_OR_FALSE && ["on", "yes", "y"].contains(&word.as_str()) {
            return Some("YAML 1.2 knows only true and false; write true".to_owned());
        }
        if expected == TRUE_OR_FALSE && ["off", "no", "n"].contains(&word.as_str()) {
            return Some("YAML 1.2 knows only true and false; write false".to_owned());
        }
        let number = expected.contains("number") && scalar.text.trim().parse::<f64>().is_ok();
        (number && scalar.quoted).then(|| "remove the quotes".to_owned())
    }
}

/// The key of `endpoint:0.0.0.0:4317`, where a space is missing and YAML therefore sees one text.
pub(super) fn missing_space(text: &str) -> Option<&str> {
    let (key, rest) = text.trim_start().trim_start_matches("- ").split_once(':')?;
    let is_word = key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    let is_key = key.starts_with(|first: char| first.is_ascii_alphabetic()) && is_word;
    (is_key && !rest.is_empty() && !rest.starts_with([' ', '\t', '\r', '\n']) && !rest.starts_with("//"))
        .then_some(key)
}

/// What a bool is called in messages.
pub(super) const TRUE_OR_FALSE: &str = "true or false";
