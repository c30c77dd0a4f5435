//! `${env:NAME}`, `${NAME}`, `${env:NAME:-default}`, `${file:path}` and `${yaml:text}` in values, never in keys; `$$`
//! is a `$`.
//!
//! As the Collector does it (`confmap/expand.go`): a value that is nothing but a reference is read as YAML,
//! and a text field still gets the original; inside a longer text the original is pasted. What a variable or a file
//! holds is expanded in turn. Unlike there, a variable that is not set and has no default is an error, and the line
//! break at the end of a file is not part of the value.

use std::{path::PathBuf, sync::Arc};

use super::{
    Environment, Source,
    locate::{self, read_file},
    mask::mark_secrets,
    parse::{DEPTH_MAX, parse_below, parse_value},
    problem::{Problem, quote},
    tree::{Expanded, Kind, Node, Scalar},
};
use crate::values::{REDACTED, is_secret_name};
use serde_yaml::Value;

/// What the expansion of a tree came to.
pub(super) struct Outcome {
    /// What could not be expanded, at its place, and warnings.
    pub(super) problems: Vec<Problem>,
    /// What `${file:…}` has read.
    pub(super) files: Vec<PathBuf>,
}

/// Expands all values of the tree.
pub(super) fn expand(root: &mut Node, env: &Environment<'_>) -> Outcome {
    let mut expander = Expander { env, problems: Vec::new(), files: Vec::new(), rounds: 0, bytes: 0 };
    expander.node(root, 0, 0);
    Outcome { problems: expander.problems, files: expander.files }
}

struct Expander<'a> {
    env: &'a Environment<'a>,
    problems: Vec<Problem>,
    files: Vec<PathBuf>,
    rounds: usize,
    bytes: usize,
}

/// Why a reference has no value; the node adds its place.
struct Unresolved {
    message: String,
    help: Option<String>,
}

impl Unresolved {
    /// For what a secret holds, of which nothing may be shown.
    fn within(holder: &str) -> Unresolved {
        let message = format!("{holder} holds a `${{` that cannot be expanded");
        Unresolved { message, help: Some("write $${ there for the letters ${".to_owned()) }
    }
}

/// A text with its references replaced.
struct Pasted {
    text: String,
    secret: bool,
    /// Where its parts came from: `env HOST`.
    from: Vec<String>,
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
        if let Some(path) = whole_file(&scalar.text).map(str::to_owned) {
            if let Err(why) = self.subtree(node, &path, level, depth) {
                self.refuse(node, why);
            }
            return;
        }
        let pasted = match self.paste(&scalar.text, level) {
            Ok(pasted) => pasted,
            Err(_) if level > 0 && node.secret => return self.refuse(node, Unresolved::within("a secret")),
            Err(why) => return self.refuse(node, why),
        };
        let unclosed = pasted.unclosed;
        let from = (!pasted.from.is_empty()).then(|| Arc::from(pasted.from.join(", ")));
        scalar.text.clone_from(&pasted.text);
        scalar.value = Value::String(pasted.text.clone());
        if pasted.whole
            && let Some(typed) = parse_value(&pasted.text, node, from.as_ref())
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
            node.from = from;
        }
        if unclosed {
            let warning = node.problem("a `${` without its `}` stays as it is");
            let warning = warning.help("write $${ if it is meant so");
            self.problems.push(Problem { severity: super::Severity::Warning, ..warning });
        }
    }

    fn refuse(&mut self, node: &mut Node, Unresolved { message, help }: Unresolved) {
        node.kind = Kind::Null;
        let problem = node.problem(message);
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    /// Puts what a file holds in the place of a `${file:…}`. Maps and lists keep their places in that file.
    fn subtree(&mut self, node: &mut Node, path: &str, level: usize, depth: usize) -> Result<(), Unresolved> {
        self.step(level, &format!("file:{path}"))?;
        let path = self.paste(path, level + 1)?.text;
        let source = self.file(&path)?;
        let is_secret = node.secret || is_secret_name(&path);
        let text = source.text().to_owned();
        let mut found = parse_below(&source, &node.path).unwrap_or_else(|_| {
            // As in the Collector, what is not YAML is text.
            let place = source.place(0..text.len());
            let kind = Kind::Scalar(Scalar { text: text.clone(), value: text.clone().into(), quoted: false });
            Node { kind, place, ..node.clone_without_kind() }
        });
        mark_secrets(&mut found, &source, is_secret);
        match found.kind {
            Kind::Seq(_) | Kind::Map(_) => (node.kind, node.place) = (found.kind, found.place),
            kind => {
                node.kind = kind;
                node.from = Some(Arc::from(format!("file {path}")));
            }
        }
        node.secret = is_secret;
        self.node(node, level + 1, depth);
        if node.expanded.is_none() {
            node.expanded = Some(Expanded { text, secret: is_secret });
        }
        Ok(())
    }

    /// A file's text without the line break at its end.
    fn file(&mut self, path: &str) -> Result<Arc<Source>, Unresolved> {
        let source =
            read_file(path).map_err(|problem| Unresolved { message: problem.message, help: problem.help })?;
        self.files.push(PathBuf::from(path));
        self.count(source.text().len())?;
        let text = source.text();
        let text = text.strip_suffix('\n').unwrap_or(text);
        Ok(Source::new(path, text.strip_suffix('\r').unwrap_or(text)))
    }

    /// Replaces the references of a text, innermost first, and `$$` by `$`.
    fn paste(&mut self, text: &str, level: usize) -> Result<Pasted, Unresolved> {
        let mut pasted = Pasted {
            text: String::new(),
            secret: false,
            from: Vec::new(),
            whole: false,
            references: 0,
            unclosed: false,
        };
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
                let found = self.resolve(&inside[..end], level)?;
                pasted.references += 1;
                pasted.secret |= found.secret;
                pasted.from.extend(found.from);
                pasted.whole = rest.len() == text.len() && end + 3 == text.len();
                pasted.text.push_str(&found.text);
                rest = &inside[end + 1..];
            } else {
                pasted.text.push('$');
                rest = &rest[1..];
            }
        }
        pasted.text.push_str(rest);
        self.count(pasted.text.len())?;
        Ok(pasted)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Unresolved> {
        self.bytes += bytes;
        match self.bytes > EXPANDED_BYTES_MAX {
            true => Err(Unresolved {
                message: format!("all expanded values are larger than {} MiB", EXPANDED_BYTES_MAX >> 20),
                help: None,
            }),
            false => Ok(()),
        }
    }

    fn step(&mut self, level: usize, inside: &str) -> Result<(), Unresolved> {
        self.rounds += 1;
        if level < LEVELS_MAX && self.rounds <= ROUNDS_MAX {
            return Ok(());
        }
        let message = format!("too many recursive expansions, at {}", quote(&format!("${{{inside}}}")));
        let help = Some("does the variable or the file contain itself?".to_owned());
        Err(Unresolved { message, help })
    }

    /// What stands between `${` and `}`.
    fn resolve(&mut self, inside: &str, level: usize) -> Result<Resolved, Unresolved> {
        self.step(level, inside)?;
        let (scheme, rest) = match locate::scheme(inside) {
            Some((scheme, rest)) if !rest.starts_with('-') => (scheme, rest),
            _ => ("env", inside),
        };
        let (text, is_secret, from) = match scheme {
            "env" => self.variable(rest, level)?,
            "yaml" => (rest.to_owned(), false, None),
            "file" => {
                let path = self.paste(rest, level + 1)?.text;
                let text = self.file(&path)?.text().to_owned();
                (text, is_secret_name(&path), Some(format!("file {path}")))
            }
            other => {
                let (message, help) = locate::unsupported(other, inside);
                return Err(Unresolved { message, help: Some(help + "; $${ for the letters ${") });
            }
        };
        let mut inner = match (self.paste(&text, level + 1), &from) {
            (Err(_), Some(from)) if is_secret => return Err(Unresolved::within(from)),
            (pasted, _) => pasted?,
        };
        inner.from.splice(0..0, from);
        Ok(Resolved { text: inner.text, secret: inner.secret || is_secret, from: inner.from })
    }

    /// What `NAME` or `NAME:-default` stands for, whether the name looks secret, and what to call it.
    fn variable(&mut self, inside: &str, level: usize) -> Result<(String, bool, Option<String>), Unresolved> {
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let pasted = self.paste(name, level + 1)?;
        let name = pasted.text.strip_prefix("env:").unwrap_or(&pasted.text);
        let shown = if pasted.secret { REDACTED } else { name };
        if !locate::is_variable_name(name) {
            let message = format!("{} is not the name of an environment variable", quote(shown));
            let help = Some("letters, digits and _ only; write $${ for the letters ${".to_owned());
            return Err(Unresolved { message, help });
        }
        match ((self.env)(name), default) {
            (Some(held), _) => Ok((held, is_secret_name(name), Some(format!("env {name}")))),
            (None, Some(default)) => Ok((default.to_owned(), is_secret_name(name), None)),
            (None, None) => {
                let message = format!("environment variable {} is not set", quote(shown));
                let help = Some(format!(
                    "set it, or give a default: ${{env:{shown}:-default}} (empty: ${{env:{shown}:-}})"
                ));
                Err(Unresolved { message, help })
            }
        }
    }
}

/// What a reference stands for.
struct Resolved {
    text: String,
    secret: bool,
    from: Vec<String>,
}

/// The path of a value that is a `${file:…}` and nothing else.
fn whole_file(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("${file:")?;
    (closing_brace(inside)? + 1 == inside.len()).then(|| &inside[..inside.len() - 1])
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

/// Variables that name variables: the Collector stops after 1,000 rounds, ten deep is more than anybody needs.
const LEVELS_MAX: usize = 10;
const ROUNDS_MAX: usize = 10_000;
const EXPANDED_BYTES_MAX: usize = 4 << 20;
