//! Configuration: text → tree with positions. Expansion, merging, typed decoding, error reports.
//!
//! Knows no component; what is known comes in as an argument.
//!
//! ```
//! use burgee::config::{self, Source};
//!
//! let source = Source::new("collector.yaml", "receivers:\n  otlp:\n    endpoint: ${env:HOST:-localhost}:4317\n");
//! let loaded = config::load(&[source], &|name| std::env::var(name).ok())?;
//! let otlp = loaded.root.find(&["receivers", "otlp"]);
//! let settings: std::collections::HashMap<String, String> =
//!     config::decode(otlp).map_err(config::Report::new)?;
//! assert_eq!(settings["endpoint"], "localhost:4317");
//! # Ok::<(), config::Report>(())
//! ```

mod decode;
mod digest;
mod expand;
mod id;
mod locate;
mod mask;
mod merge;
mod parse;
mod print;
mod problem;
mod render;
mod source;
mod suggest;
mod tree;

use std::{path::PathBuf, sync::Arc};

pub use decode::decode;
pub use digest::Print;
pub use id::{ComponentId, InvalidId, PipelineId, parse_ids};
pub use locate::SCHEMES;
pub use print::Secrets;
pub use problem::{PROBLEMS_MAX, Problem, Report, Severity, escape, quote};
pub use source::{Origin, Place, SOURCE_BYTES_MAX, Source};
pub use suggest::nearest;
pub use tree::{Entry, Expanded, Key, Kind, Node, Scalar};

/// Where variables come from: `&|name| std::env::var(name).ok()`, or a map in tests.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What the sources say together.
#[derive(Debug)]
pub struct Loaded {
    /// A map, or null if all sources are empty.
    pub root: Node,
    pub warnings: Vec<Problem>,
    /// What `${file:…}` has read, beside the sources.
    pub files: Vec<PathBuf>,
}

/// Reads the sources, lays each over the ones before it (maps merge deep, lists and null replace), and expands
/// `${…}` in what is left.
///
/// # Errors
/// All problems found: those of every source that is not YAML, or else those of the expansion.
pub fn load(sources: &[Arc<Source>], env: &Environment<'_>) -> Result<Loaded, Report> {
    let (mut roots, mut report) = (Vec::new(), Report::default());
    for source in sources {
        match parse::parse(source) {
            Ok(root) if matches!(root.kind, Kind::Map(_) | Kind::Null) => roots.push(root),
            Ok(root) => report.push(root.mistyped("a map of sections")),
            Err(problems) => report.extend(problems),
        }
    }
    // An empty file says nothing; only a null behind a key erases.
    let is_said = |root: &Node| !root.is_null();
    let merged = match roots.iter().any(is_said) {
        true => roots.into_iter().filter(is_said).reduce(|earlier, later| merge::merge(earlier.kind, later)),
        false => roots.into_iter().next(),
    };
    let Some(mut root) = merged.filter(|_| !report.has_errors()) else {
        if report.is_empty() {
            report.push(Problem::error("no configuration was given"));
        }
        return Err(report);
    };
    let expand::Outcome { problems, files } = expand::expand(&mut root, env);
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Problem::is_error);
    match errors.is_empty() {
        true => Ok(Loaded { root, warnings, files }),
        false => Err(Report::new(errors.into_iter().chain(warnings))),
    }
}

/// Reads one source as it stands: nothing is merged with it, and no `${…}` is expanded.
///
/// # Errors
/// Whatever is no YAML, each at its place.
pub fn read(source: &Arc<Source>) -> Result<Node, Report> {
    parse::parse(source).map_err(Report::new)
}

/// Errors for the keys of a map that are not among the known ones, each at its key with the nearest known name.
pub fn unknown_keys(map: &Node, known: &[&str]) -> Vec<Problem> {
    let unknown = map.entries().iter().filter(|entry| !known.contains(&entry.key.text.as_str()));
    unknown.map(|entry| decode::unknown_key(map, &entry.key, known)).collect()
}

#[cfg(test)]
mod tests;
