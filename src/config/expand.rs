//! `${env:NAME}`, `${NAME}` and `${env:NAME:-default}` in values, never in keys; `$$` is a `$`.
//!
//! As the Collector does it (`confmap/expand.go`): a value that is nothing but a reference is read as YAML,
//! and a text field still gets the original; inside a longer text the original is pasted. What a variable holds
//! is expanded in turn. Unlike there, a variable that is not set and has no default is an error.

use super::{
    Environment,
    parse::{DEPTH_MAX, parse_value},
    problem::{Problem, quote},
    tree::{Expanded, Kind, Node},
};
use crate::values::is_secret_name;
use serde_yaml::Value;

/// Expands all values of the tree; what cannot be expanded is a problem at its place.
pub(super) fn expand(root: &mut Node, env: &Environment<'_>) -> Vec<Problem> {
    let mut expander = Expander { env, problems: Vec::new(), rounds: 0, bytes: 0 };
    expander.node(root, 0, 0);
    expander.problems
}

struct Expander<'a> {
    env: &'a Environment<'a>,
    problems: Vec<Problem>,
    rounds: usize,
    bytes: usize,
}

/// Why a reference has no value; the node adds its place.
struct Unresolved {
    message: String,
    help: Option<String>,
}

/// A text with its references replaced.
struct Pasted {
    text: String,
    secret: bool,
    /// The text was one reference and nothing else.
    whole: bool,
    references: usize,
    unclosed: bool,
}

impl Expander<'_> {
    /// `level` counts the variables between the file and this value, `depth` the maps and lists.
    fn node(&mut self, node: &mut Node, level: usize, depth: usize) {
        if depth > DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX} levels once expanded");
            self.problems.push(node.problem(message));
            node.kind = Kind::Null;
            return;
        }
        match &mut node.kind {
            Kind::Null => {}
            Kind::Seq(items) => items.iter_mut().for_each(|item| self.node(item, level, depth + 1)),
            Kind::Map(entries) => {
                entries.iter_mut().for_each(|entry| self.node(&mut entry.value, level, depth + 1));
            }
            Kind::Scalar(scalar) if scalar.text.contains('$') => self.scalar(node, level, depth),
            Kind::Scalar(_) => {}
        }
    }

    fn scalar(&mut self, node: &mut Node, level: usize, depth: usize) {
        let Kind::Scalar(scalar) = &mut node.kind else { return };
        let pasted = match self.paste(&scalar.text, level) {
            Ok(pasted) => pasted,
            Err(Unresolved { message, help }) => {
                node.kind = Kind::Null;
                let problem = node.problem(message);
                self.problems.push(match help {
                    Some(help) => problem.help(help),
                    None => problem,
                });
                return;
            }
        };
        let unclosed = pasted.unclosed;
        scalar.text.clone_from(&pasted.text);
        scalar.value = Value::String(pasted.text.clone());
        if pasted.whole
            && let Some(typed) = parse_value(&pasted.text, node)
        {
            node.kind = typed.kind;
            set_secret(node, node.secret || pasted.secret);
            // References that the variable's own lists and maps hold.
            if !matches!(node.kind, Kind::Scalar(_)) {
                self.node(node, level + 1, depth);
            }
        }
        if pasted.references > 0 {
            node.expanded = Some(Expanded { text: pasted.text, secret: pasted.secret });
        }
        if unclosed {
            let warning = node.problem("a `${` without its `}` stays as it is");
            let warning = warning.help("write $${ if it is meant so");
            self.problems.push(Problem { severity: super::Severity::Warning, ..warning });
        }
    }

    /// Replaces the references of a text, innermost first, and `$$` by `$`.
    fn paste(&mut self, text: &str, level: usize) -> Result<Pasted, Unresolved> {
        let mut pasted =
            Pasted { text: String::new(), secret: false, whole: false, references: 0, unclosed: false };
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            pasted.text.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            if let Some(after) = rest.strip_prefix("$$") {
                pasted.text.push('$');
                rest = after;
            } else if let Some(inside) = rest.strip_prefix("${") {
                let Some(end) = closing_brace(inside) else {
                    pasted.text.push_str(rest);
                    pasted.unclosed = true;
                    rest = "";
                    break;
                };
                let (value, secret) = self.resolve(&inside[..end], level)?;
                pasted.references += 1;
                pasted.secret |= secret;
                pasted.whole = rest.len() == text.len() && end + 3 == text.len();
                pasted.text.push_str(&value);
                rest = &inside[end + 1..];
            } else {
                pasted.text.push('$');
                rest = &rest[1..];
            }
        }
        pasted.text.push_str(rest);
        self.bytes += pasted.text.len();
        match self.bytes > EXPANDED_BYTES_MAX {
            true => Err(Unresolved {
                message: format!("all expanded values are larger than {} MiB", EXPANDED_BYTES_MAX >> 20),
                help: None,
            }),
            false => Ok(pasted),
        }
    }

    /// What stands between `${` and `}`: the variable's value, and whether its name looks secret.
    fn resolve(&mut self, inside: &str, level: usize) -> Result<(String, bool), Unresolved> {
        self.rounds += 1;
        if level >= LEVELS_MAX || self.rounds > ROUNDS_MAX {
            let message = format!("too many recursive expansions, at {}", quote(&format!("${{{inside}}}")));
            let help = Some("does the variable contain itself?".to_owned());
            return Err(Unresolved { message, help });
        }
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let name = self.paste(name, level + 1)?.text;
        let name = match name.split_once(':') {
            Some(("env", name)) => name,
            Some((scheme, _)) => {
                let message = format!("scheme {} is not supported in ${{…}}", quote(scheme));
                let help = Some("use ${env:NAME} or ${env:NAME:-default}; $${ for the letters ${".to_owned());
                return Err(Unresolved { message, help });
            }
            None => &name,
        };
        if !is_variable_name(name) {
            let message = format!("{} is not the name of an environment variable", quote(name));
            let help = Some("letters, digits and _ only; write $${ for the letters ${".to_owned());
            return Err(Unresolved { message, help });
        }
        let held = (self.env)(name);
        let text = match (&held, default) {
            (Some(held), _) => held.as_str(),
            (None, Some(default)) => default,
            (None, None) => {
                let message = format!("environment variable {} is not set", quote(name));
                let help = Some(format!(
                    "set it, or give a default: ${{env:{name}:-default}} (empty: ${{env:{name}:-}})"
                ));
                return Err(Unresolved { message, help });
            }
        };
        let inner = self.paste(text, level + 1)?;
        Ok((inner.text, inner.secret || is_secret_name(name)))
    }
}

fn set_secret(node: &mut Node, secret: bool) {
    node.secret = secret;
    match &mut node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::Seq(items) => items.iter_mut().for_each(|item| set_secret(item, secret)),
        Kind::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| set_secret(&mut entry.value, secret || is_secret_name(&entry.key.text))),
    }
}

/// The `}` that closes a `${` before the text, past inner references.
fn closing_brace(inside: &str) -> Option<usize> {
    let (mut open, mut at) = (0usize, 0);
    while let Some(next) = inside[at..].find(['$', '}']) {
        at += next;
        if inside[at..].starts_with("${") {
            open += 1;
            at += 2;
        } else if inside[at..].starts_with('}') {
            match open {
                0 => return Some(at),
                _ => open -= 1,
            }
            at += 1;
        } else {
            at += 1;
        }
    }
    None
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Variables that name variables: the Collector stops after 1,000 rounds, ten deep is more than anybody needs.
const LEVELS_MAX: usize = 10;
const ROUNDS_MAX: usize = 10_000;
const EXPANDED_BYTES_MAX: usize = 4 << 20;
