use std::{collections::HashMap, fmt, hash::Hash};

use super::{
    problem::{Problem, quote},
    tree::{Entry, Node},
};
use crate::otlp::Signal;

/// A component's id, `type` or `type/name`, as the Collector defines it (`component/identifiable.go`).
///
/// The type is ASCII, starts with a letter and has at most 63 letters, digits and `_`; the name has 1 to 1024
/// characters, none of them a space, a control character or a symbol. Both are trimmed: `otlp / a` is `otlp/a`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId {
    kind: String,
    name: Option<String>,
}

/// A pipeline's id: `traces`, `metrics` or `logs`, and an optional name by the same rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    pub signal: Signal,
    pub name: Option<String>,
}

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    #[error("the id is empty")]
    Empty,
    #[error("in {id}: the part before / should not be empty", id = quote(.0))]
    NoType(String),
    #[error("in {id}: the part after / should not be empty", id = quote(.0))]
    NoName(String),
    #[error(
        "invalid character(s) in type {kind}: a type is letters, digits and _, begins with a letter \
         and has at most 63 characters",
        kind = quote(.0)
    )]
    Type(String),
    #[error(
        "invalid character(s) in name {name}: a name is 1 to 1024 characters without spaces, control characters \
         and symbols",
        name = quote(.0)
    )]
    Name(String),
    #[error("{0}")]
    Signal(String),
}

impl ComponentId {
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let (kind, name) = split(text)?;
        let mut letters = kind.bytes();
        let is_type = kind.len() <= TYPE_LETTERS_MAX
            && letters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
        match is_type {
            true => Ok(ComponentId { kind: kind.to_owned(), name }),
            false => Err(InvalidId::Type(kind.to_owned())),
        }
    }

    /// The component's type, such as `otlp`: what the registry knows.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl PipelineId {
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let (kind, name) = split(text)?;
        match Signal::ALL.into_iter().find(|signal| signal.name() == kind) {
            Some(signal) => Ok(PipelineId { signal, name }),
            None if kind == "profiles" => {
                Err(InvalidId::Signal("pipeline \"profiles\": burgee has traces, metrics and logs; profiles are not supported yet, so remove it"
                        .to_owned()))
            }
            None => {
                let known: Vec<_> = Signal::ALL.iter().map(|signal| signal.name()).collect();
                let meant = super::suggest::suggestion(kind, &known);
                Err(InvalidId::Signal(format!("unknown signal {} of a pipeline{meant}", quote(kind))))
            }
        }
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(out, &self.kind, self.name.as_deref())
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(out, self.signal.name(), self.name.as_deref())
    }
}

/// The entries of a section by id: `receivers:` with [`ComponentId::parse`], `pipelines:` with [`PipelineId::parse`].
///
/// What is no id, and what is the same id once trimmed, is a problem at its key; the other entries still come.
pub fn parse_ids<Id: Clone + Eq + Hash + fmt::Display>(
    section: &Node,
    parse: impl Fn(&str) -> Result<Id, InvalidId>,
) -> (Vec<(Id, &Entry)>, Vec<Problem>) {
    let entries = match section.expect_map() {
        Ok(entries) => entries,
        Err(problem) => return (Vec::new(), vec![problem]),
    };
    let (mut ids, mut problems) = (Vec::new(), Vec::new());
    let mut seen = HashMap::<Id, &Entry>::new();
    for entry in entries {
        let problem = |message: String| section.problem(message).at(entry.key.place.clone());
        match parse(&entry.key.text) {
            Err(error) => problems.push(problem(error.to_string())),
            Ok(id) => match seen.get(&id) {
                Some(first) => problems.push(
                    problem(format!("duplicate id \"{id}\" (first at {})", first.key.place))
                        .also(first.key.place.clone(), "first here"),
                ),
                None => {
                    seen.insert(id.clone(), entry);
                    ids.push((id, entry));
                }
            },
        }
    }
    (ids, problems)
}

fn write_id(out: &mut fmt::Formatter<'_>, kind: &str, name: Option<&str>) -> fmt::Result {
    match name {
        Some(name) => write!(out, "{kind}/{name}"),
        None => out.write_str(kind),
    }
}

fn split(text: &str) -> Result<(&str, Option<String>), InvalidId> {
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (kind.trim(), Some(name.trim())),
        None => (text.trim(), None),
    };
    match (kind, name) {
        ("", None) => Err(InvalidId::Empty),
        ("", Some(_)) => Err(InvalidId::NoType(text.to_owned())),
        (_, Some("")) => Err(InvalidId::NoName(text.to_owned())),
        (_, Some(name)) if !is_name(name) => Err(InvalidId::Name(name.to_owned())),
        (kind, name) => Ok((kind, name.map(str::to_owned))),
    }
}

/// The Collector's `^[^\pZ\pC\pS]+$`; outside ASCII a little stricter: letters and digits of any script only.
fn is_name(name: &str) -> bool {
    let is_allowed = |letter: char| match letter.is_ascii() {
        true => letter.is_ascii_graphic() && !"$+<=>^`|~".contains(letter),
        false => letter.is_alphanumeric(),
    };
    name.chars().count() <= NAME_CHARS_MAX && name.chars().all(is_allowed)
}

const TYPE_LETTERS_MAX: usize = 63;
const NAME_CHARS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_a_type_and_maybe_a_name() {
        for (text, printed) in [
            ("otlp", "otlp"),
            ("otlp/a", "otlp/a"),
            (" otlp / a ", "otlp/a"),
            ("otlp/a/b", "otlp/a/b"),
            ("otlp_grpc/eu-1.x", "otlp_grpc/eu-1.x"),
            ("otlp/größe", "otlp/größe"),
        ] {
            assert_eq!(ComponentId::parse(text).unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let refused = |text: &str| ComponentId::parse(text).unwrap_err();
        assert_eq!(refused(" "), InvalidId::Empty);
        assert_eq!(refused("/a"), InvalidId::NoType("/a".to_owned()));
        assert_eq!(refused("otlp/"), InvalidId::NoName("otlp/".to_owned()));
        for text in ["a-b", "1a", "_a", "a b", "é", &"a".repeat(64)] {
            assert_eq!(refused(text), InvalidId::Type(text.to_owned()), "{text}");
        }
        for name in ["a b", "a\u{7}", "a$b", "a+b", "\u{202e}", "€", &"n".repeat(1025)] {
            assert_eq!(refused(&format!("otlp/{name}")), InvalidId::Name(name.to_owned()), "{name}");
        }
        assert!(ComponentId::parse(&format!("{}/{}", "a".repeat(63), "n".repeat(1024))).is_ok());
    }

    #[test]
    fn pipelines_begin_with_a_signal() {
        assert_eq!(
            PipelineId::parse("traces / eu"),
            Ok(PipelineId { signal: Signal::Traces, name: Some("eu".to_owned()) })
        );
        assert_eq!(PipelineId::parse("logs").unwrap().to_string(), "logs");
        let slip = PipelineId::parse("trace").unwrap_err().to_string();
        assert!(slip.contains("did you mean \"traces\"?"), "{slip}");
        let profiles = PipelineId::parse("profiles").unwrap_err().to_string();
        assert!(profiles.contains("not supported"), "{profiles}");
    }
}
