//! Tree to typed settings, with every problem at its place.
//!
//! A deserializer of our own over the tree, because what a scalar means depends on who asks: a text field gets
//! `0123` as written, a list is split from a text with commas, null leaves a setting at its default, and
//! [`Block`](crate::values::Block) tells null from absent. serde's structured errors give the plain words.

mod access;
mod failure;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use serde::de::DeserializeOwned;

use self::{
    access::Decoder,
    failure::{Failure, What},
};
use super::{
    problem::{Problem, escape, quote},
    suggest::suggestion,
    tree::{Key, Node},
};

/// Reads a node as `T`, and reports all that is wrong with it at once.
///
/// - Keys that `T` does not have are errors, also without `deny_unknown_fields`. (A struct with
///   `#[serde(flatten)]` hides its keys from serde: give it `deny_unknown_fields`, or better, nest.)
/// - Null behind a struct's key is as if the key were not there, so the default stays. It is `None` for an
///   `Option`, on for a [`Block`](crate::values::Block), off for an [`Extra`](crate::values::Extra). A null
///   node itself, such as `otlp:` under `receivers`, is `T` with all its defaults.
/// - Text fields take any scalar as it is written; numbers and bools are not read from quoted text.
/// - A list may be a text with commas.
/// - A choice of words is an enum; a map with one key is an enum's variant with settings.
///
/// # Errors
/// In the order of the file, all of `Severity::Error`. A value that does not fit is left out and the rest is
/// read again, so that one run shows the mistakes of all settings (at most 50 rounds).
pub fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, Vec<Problem>> {
    let context = Context { skipped: RefCell::default(), unknown: RefCell::default() };
    let mut problems = Vec::<Problem>::new();
    let mut decoded = None;
    for _ in 0..ROUNDS_MAX {
        context.unknown.borrow_mut().clear();
        match T::deserialize(Decoder::root(node, &context)) {
            Ok(value) => {
                decoded = Some(value);
                break;
            }
            Err(failure) => {
                let at = failure.at(node);
                if !context.explains(&failure, at) {
                    problems.push(failure.problem(at, &context));
                }
                // A failure that leaving out did not remove would only come again.
                let why = if failure.is_null_setting { Skip::Null } else { Skip::Wrong };
                let is_known = context.skipped.borrow_mut().insert(address(at), why).is_some();
                if is_known || std::ptr::eq(at, node) {
                    break;
                }
            }
        }
    }
    problems.append(&mut context.unknown.borrow_mut());
    problems.sort_by_key(|problem| problem.place.as_ref().map(|place| place.range().start));
    match decoded {
        Some(value) if problems.is_empty() => Ok(value),
        _ if problems.is_empty() => Err(vec![node.problem("too many empty keys; remove them")]),
        _ => Err(problems),
    }
}

/// What the decoder remembers between its rounds.
pub(super) struct Context {
    /// Nodes to leave out, by address; the tree is borrowed for as long.
    skipped: RefCell<HashMap<usize, Skip>>,
    unknown: RefCell<Vec<Problem>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Skip {
    /// Null: as if it were not written.
    Null,
    /// It does not fit, which has been said.
    Wrong,
}

impl Context {
    fn is_skipped(&self, node: &Node) -> bool {
        self.skipped.borrow().contains_key(&address(node))
    }

    /// Whether a failure is only the consequence of something left out below it.
    fn explains(&self, failure: &Failure, at: &Node) -> bool {
        if failure.is_null_setting {
            return true;
        }
        let skipped = self.skipped.borrow();
        let wrong: HashSet<usize> =
            skipped.iter().filter(|(_, why)| **why == Skip::Wrong).map(|(node, _)| *node).collect();
        match failure.what {
            What::Missing(_) | What::Other(_) => !wrong.is_empty() && holds_one_of(at, &wrong),
            _ => false,
        }
    }
}

fn holds_one_of(node: &Node, wanted: &HashSet<usize>) -> bool {
    wanted.contains(&address(node))
        || node.items().iter().any(|item| holds_one_of(item, wanted))
        || node.entries().iter().any(|entry| holds_one_of(&entry.value, wanted))
}

fn address(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}

/// `unknown key "htttp" in receivers.otlp.protocols: did you mean "http"? (known: grpc, http)`
pub(super) fn unknown_key(map: &Node, key: &Key, known: &[&str]) -> Problem {
    let place =
        if map.path.is_empty() { "at the top".to_owned() } else { format!("in {}", escape(&map.path)) };
    let message = format!("unknown key {} {place}{}", quote(&key.text), suggestion(&key.text, known));
    Problem::error(message).at(key.place.clone()).path(map.path.as_str())
}

const ROUNDS_MAX: usize = 50;
