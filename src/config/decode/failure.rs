use std::{fmt, ptr};

use serde::de::{self, Expected, Unexpected};

use super::{Context, Skip, address};
use crate::config::{
    problem::{Problem, escape, quote},
    suggest::suggestion,
    tree::{Kind, Node, TRUE_OR_FALSE},
};
use crate::values::REDACTED;

/// Why a node does not fit its type, and which node it is.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) what: What,
    /// The node's address, filled in by the innermost decoder.
    pub(super) node: Option<usize>,
    /// The node is null behind a struct's key, which then keeps its default.
    pub(super) is_null_setting: bool,
}

#[derive(Debug)]
pub(super) enum What {
    /// The wrong type or value; in serde's words for what was expected.
    Unfit {
        expected: String,
        found: Found,
    },
    Missing(&'static str),
    UnknownWord {
        word: String,
        known: &'static [&'static str],
    },
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    /// A sentence of the type itself, such as [`InvalidDuration`](crate::values::InvalidDuration).
    Other(String),
}

/// What kind of value serde saw; differs from the node's where serde read ahead (`flatten`, `untagged`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Scalar(&'static str),
    Structure,
    Unsaid,
}

impl Failure {
    fn new(what: What) -> Self {
        Failure { what, node: None, is_null_setting: false }
    }

    /// Says at which node it happened, unless a node further in has said so.
    pub(super) fn locate(mut self, node: &Node) -> Self {
        self.node.get_or_insert(address(node));
        self
    }

    /// The node itself, somewhere below `root`.
    pub(super) fn at<'a>(&self, root: &'a Node) -> &'a Node {
        self.node.and_then(|wanted| find(root, wanted)).unwrap_or(root)
    }

    pub(super) fn problem(&self, node: &Node, context: &Context) -> Problem {
        match &self.what {
            What::Unfit { expected, found: Found::Scalar(found) }
                if matches!(node.kind, Kind::Seq(_) | Kind::Map(_)) =>
            {
                node.problem(format!(
                    "expected {} for one of its values, found {found}",
                    plain_words(expected)
                ))
            }
            What::Unfit { expected, .. } => node.mistyped(&plain_words(expected)),
            What::Missing(key) => missing(node, key, context),
            What::UnknownWord { word, known } => {
                let shown = if node.is_hidden() { "(not shown)".to_owned() } else { quote(word) };
                node.problem(format!("unknown value {shown}{}", suggestion(word, known)))
            }
            What::UnknownKey { key, known } => match node.entry(key) {
                Some(entry) => super::unknown_key(node, &entry.key, known),
                None => node.problem(format!("unknown key {}{}", quote(key), suggestion(key, known))),
            },
            What::Other(sentence) if node.is_hidden() => match without_value(node, sentence) {
                Some(sentence) => node.problem(escape(&sentence)),
                None => node.problem("this value does not fit (not shown, since its name looks secret)"),
            },
            What::Other(sentence) => node.problem(escape(&crate::values::mask_url_password(sentence))),
        }
    }
}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(sentence: T) -> Self {
        Failure::new(What::Other(sentence.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => Found::Scalar("true or false"),
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => {
                Found::Scalar("a number")
            }
            Unexpected::Str(_) | Unexpected::Char(_) => Found::Scalar("a text"),
            Unexpected::Unit | Unexpected::Option => Found::Scalar("nothing"),
            Unexpected::Other(_) => Found::Unsaid,
            _ => Found::Structure,
        };
        Failure::new(What::Unfit { expected: expected.to_string(), found })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Failure::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Failure::new(What::Other(format!("expected {expected}, found {length} of them")))
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Failure::new(What::UnknownWord { word: word.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Failure::new(What::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Failure::new(What::Missing(key))
    }

    fn duplicate_field(key: &'static str) -> Self {
        Failure::new(What::Other(format!("\"{key}\" is given twice, under two of its names; keep one")))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Unfit { expected, .. } => write!(out, "expected {}", plain_words(expected)),
            What::Missing(key) => write!(out, "missing key \"{key}\""),
            What::UnknownWord { known, .. } => write!(out, "unknown value{}", suggestion("", known)),
            What::UnknownKey { key, known } => {
                write!(out, "unknown key {}{}", quote(key), suggestion(key, known))
            }
            What::Other(sentence) => out.write_str(sentence),
        }
    }
}

impl std::error::Error for Failure {}

/// A sentence about a hidden node with its values left out; none if parts of them would be left.
fn without_value(node: &Node, sentence: &str) -> Option<String> {
    let mut sentence = sentence.to_owned();
    if let Some(text) = node.text().filter(|text| !text.is_empty()) {
        for written in [text, &escape(text), text.trim()] {
            if written.len() >= PART_LETTERS {
                sentence = sentence.replace(&format!("\"{written}\""), REDACTED).replace(written, REDACTED);
            }
        }
        let (secret, said) = (text.to_lowercase(), sentence.replace(REDACTED, "\0").to_lowercase());
        let letters: Vec<char> = said.chars().collect();
        let is_part = |part: &[char]| secret.contains(&part.iter().collect::<String>());
        let is_short = secret.trim().chars().count() < PART_LETTERS;
        if is_short && said.contains(secret.trim()) || letters.windows(PART_LETTERS).any(is_part) {
            return None;
        }
    }
    (!gives_away_below(node, &sentence)).then_some(sentence)
}

/// Whether a sentence could give away what is below a hidden node.
fn gives_away_below(node: &Node, sentence: &str) -> bool {
    match &node.kind {
        Kind::Null | Kind::Scalar(_) => false,
        Kind::Seq(items) => items.iter().any(|item| gives_away(item, sentence)),
        Kind::Map(entries) => entries.iter().any(|entry| gives_away(&entry.value, sentence)),
    }
}

fn gives_away(node: &Node, sentence: &str) -> bool {
    match &node.kind {
        Kind::Null => false,
        Kind::Scalar(scalar) => sentence.contains(&scalar.text) || sentence.contains(&*escape(&scalar.text)),
        Kind::Seq(_) | Kind::Map(_) => gives_away_below(node, sentence),
    }
}

fn missing(node: &Node, key: &str, context: &Context) -> Problem {
    let empty = node.entry(key).filter(|entry| {
        context.skipped.borrow().get(&address(&entry.value)).is_some_and(|why| *why == Skip::Null)
    });
    match empty {
        Some(entry) => entry.value.problem_at_key("a value is missing behind this key"),
        None => node.problem_at_key(format!("missing required key \"{key}\"")),
    }
}

fn find(node: &Node, wanted: usize) -> Option<&Node> {
    if ptr::from_ref(node).addr() == wanted {
        return Some(node);
    }
    match &node.kind {
        Kind::Null | Kind::Scalar(_) => None,
        Kind::Seq(items) => items.iter().find_map(|item| find(item, wanted)),
        Kind::Map(entries) => entries.iter().find_map(|entry| find(&entry.value, wanted)),
    }
}

/// So many letters of a secret in a row are not said.
const PART_LETTERS: usize = 4;

/// serde speaks of Rust types to programmers; this is for whoever wrote the file.
fn plain_words(expected: &str) -> String {
    let expected = expected.strip_prefix("a nonzero ").unwrap_or(expected);
    let words = match expected {
        "a boolean" => TRUE_OR_FALSE,
        "a string" | "a borrowed string" | "a character" | "string or map" => "text",
        "a sequence" | "a tuple" => "a list",
        "unit" | "unit struct" => "nothing",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" | "u128" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") || other.starts_with("a map") => "a map of settings",
        other if other.starts_with("enum ") || other.starts_with("variant") => "one of the known words",
        other if other.starts_with("tuple ") || other.starts_with("an array") => "a list",
        other => other,
    };
    words.to_owned()
}
