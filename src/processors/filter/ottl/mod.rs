//! The part of OTTL, the Collector's transformation language, that conditions of `filter` are written in.
//!
//! ```text
//! condition  = conjunction {"or" conjunction}
//! conjunction = negation {"and" negation}
//! negation   = ["not"] (comparison | call | "true" | "false" | "(" condition ")")
//! comparison = operand ("==" | "!=" | "<" | "<=" | ">" | ">=") operand
//! operand    = path | text | number | "true" | "false" | "nil" | ENUM | call
//! call       = Name "(" [operand {"," operand}] ")"
//! path       = name {"." name} {"[" (text | number) "]"}
//! ```

mod eval;
mod lexer;
mod parse;
mod paths;

use std::fmt;

pub(super) use eval::Subject;
pub(super) use parse::parse;
pub(super) use paths::{Context, PathNames};

use super::super::pattern::Pattern;
use paths::Path;

/// A condition, its paths resolved.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Constant(bool),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Compare(Operand, Comparison, Operand),
    /// `IsMatch`.
    Matches(Operand, Pattern),
    /// `HasPrefix`, `HasSuffix`.
    HasPrefix(Operand, String),
    HasSuffix(Operand, String),
    IsRootSpan,
    /// `HasAttrKeyOnDatapoint`, `HasAttrOnDatapoint`: whether a data point of the metric has it.
    PointHas(String, Option<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Path(Path),
    Call(Box<Condition>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Longer signs first.
    const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::LessOrEqual,
        Comparison::GreaterOrEqual,
        Comparison::Less,
        Comparison::Greater,
    ];

    fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    fn at_start(text: &str) -> Option<Comparison> {
        Comparison::ALL.into_iter().find(|op| text.starts_with(op.sign()))
    }
}

/// What is wrong with a condition, and the byte at which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub at: usize,
    pub message: String,
}

impl Mistake {
    fn new(at: usize, message: impl Into<String>) -> Mistake {
        Mistake { at, message: message.into() }
    }

    /// With the column in the condition, from 1, and what stands there.
    pub(super) fn show(&self, condition: &str) -> String {
        struct Here<'t>(&'t str);
        impl fmt::Display for Here<'_> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    "" => out.write_str("at its end"),
                    rest => write!(out, "at {}", crate::config::quote(rest)),
                }
            }
        }
        let (before, rest) = condition.split_at_checked(self.at).unwrap_or((condition, ""));
        let column = before.chars().count() + 1;
        let end = rest.char_indices().nth(SHOWN_CHARS).map_or(rest.len(), |(end, _)| end);
        format!("column {column}, {}: {}", Here(&rest[..end]), self.message)
    }
}

const SHOWN_CHARS: usize = 24;

#[cfg(test)]
mod tests;
