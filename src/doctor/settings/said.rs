//! A setting as somebody wrote it, and where.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::config::{Source, escape};

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub file: Arc<str>,
    pub line: usize,
}

impl Spot {
    pub(super) fn new(source: &Source, line: usize) -> Self {
        Spot { file: source.name().into(), line }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", escape(&self.file), self.line)
    }
}

/// How a setting is written in its file, so that what is to be pasted looks the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `KEY=value`, of an env file.
    Line,
    /// `- KEY=value`, of a list in a compose file.
    Item,
    /// `key: value`.
    Yaml,
    /// `key = "value"`.
    Toml,
    /// `"key": "value"`.
    Json,
}

impl Form {
    /// The line to paste.
    pub(super) fn line(self, key: &str, value: &str) -> String {
        match self {
            Form::Line => format!("{key}={value}"),
            Form::Item => format!("- {key}={value}"),
            Form::Yaml if matches!(value, "true" | "false") => format!("{key}: \"{value}\""),
            Form::Yaml => format!("{key}: {value}"),
            Form::Toml => format!("{key} = \"{value}\""),
            Form::Json => format!("\"{key}\": \"{value}\""),
        }
    }
}

/// One setting with its place.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// The variable, or the dotted path of the key, as it is written.
    pub name: String,
    /// None if it comes from a variable that is in no file.
    pub text: Option<String>,
    pub spot: Spot,
    pub form: Form,
}

impl Said {
    /// The text as far as it is known, without space around it; empty if it is not known.
    pub(super) fn known(&self) -> &str {
        self.text.as_deref().unwrap_or_default().trim()
    }

    /// Whether it says something, as far as one can tell.
    pub(super) fn is_set(&self) -> bool {
        self.text.is_none() || !self.known().is_empty()
    }

    /// The same line with another value.
    pub(super) fn line_with(&self, value: &str) -> String {
        let is_variable = matches!(self.form, Form::Line | Form::Item);
        let key = if is_variable { &self.name } else { self.name.rsplit('.').next().unwrap_or_default() };
        self.form.line(key, value)
    }
}

/// Environment variables of one process; what is put in later wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment(BTreeMap<String, Said>);

impl Environment {
    pub(super) fn put(&mut self, said: Said) {
        self.0.insert(said.name.clone(), said);
    }

    pub(super) fn extend(&mut self, later: impl IntoIterator<Item = Said>) {
        later.into_iter().for_each(|said| self.put(said));
    }

    pub(super) fn get(&self, name: &str) -> Option<&Said> {
        self.0.get(name)
    }

    /// The variable if it is set to something: SDKs take an empty one for none.
    pub(super) fn set(&self, name: &str) -> Option<&Said> {
        self.get(name).filter(|said| said.is_set())
    }

    /// As the relay proxy looks for it, which takes variables for keys without upper and lower case.
    pub(super) fn get_in_any_case(&self, name: &str) -> Option<&Said> {
        self.get(name).or_else(|| self.0.values().find(|said| said.name.eq_ignore_ascii_case(name)))
    }

    pub(super) fn any(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        self.0.keys().any(|name| is_meant(name))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Said> {
        self.0.values()
    }
}

/// A word of a file for people to see: escaped and short.
pub(super) fn word(text: &str) -> String {
    let mut letters = text.chars();
    let shown: String = letters.by_ref().take(WORD_CHARS_MAX).collect();
    let more = if letters.next().is_some() { "…" } else { "" };
    format!("{}{more}", escape(&shown))
}

const WORD_CHARS_MAX: usize = 80;
