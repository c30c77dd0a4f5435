//! A configuration with everything in it that burgee goes by, to be printed.

use std::sync::Arc;

use super::conceal::conceal;
use super::{DEFAULT_NAME, Pipeline, Plan, Section, defaults, plan};
use crate::config::{self, Entry, Environment, Kind, Node, Report, Source};

/// What a configuration comes to: sources merged, `${…}` expanded, and the sections of the built-in default where it has
/// none.
#[derive(Debug)]
pub struct Resolved {
    pub root: Node,
    /// What is odd.
    pub warnings: Report,
}

impl Resolved {
    /// Reads a configuration as [`Plan::read`] does, and checks it as far.
    ///
    /// # Errors
    /// All that is wrong, and all warnings.
    pub fn read(sources: &[Arc<Source>], env: &Environment<'_>) -> Result<Resolved, Report> {
        let loaded = config::load(sources, env)?;
        let plan = plan(&loaded)?;
        let mut root = loaded.root;
        complete(&mut root, &plan);
        conceal(&mut root);
        Ok(Resolved { root, warnings: plan.warnings })
    }

    /// The same without the check, and without what the default supplies.
    ///
    /// # Errors
    /// What cannot be read or expanded.
    pub fn read_unchecked(sources: &[Arc<Source>], env: &Environment<'_>) -> Result<Resolved, Report> {
        let mut loaded = config::load(sources, env)?;
        conceal(&mut loaded.root);
        Ok(Resolved { root: loaded.root, warnings: Report::new(loaded.warnings) })
    }
}

/// Adds what is not in the file and holds all the same.
fn complete(root: &mut Node, plan: &Plan) {
    let default = defaults::tree();
    let mut supplied: Vec<Entry> = Vec::new();
    for section in [Section::Receivers, Section::Processors, Section::Exporters] {
        if root.get(section.key()).is_none() && section.is_in(&plan.pipelines) {
            supplied.extend(default.entry(section.key()).cloned());
        }
    }
    let has_pipelines =
        root.get("service").and_then(|service| service.get("pipelines")).is_some_and(|node| !node.is_null());
    let wiring = (!has_pipelines).then(|| pipelines(&plan.pipelines)).flatten();
    if matches!(root.kind, Kind::Null) {
        root.kind = Kind::Map(Vec::new());
    }
    let Kind::Map(entries) = &mut root.kind else { return };
    let service = entries.iter().position(|entry| entry.key.text == "service").unwrap_or(entries.len());
    entries.splice(service..service, supplied);
    let Some(wiring) = wiring else { return };
    let found = entries.iter_mut().find(|entry| entry.key.text == "service");
    match found.map(|entry| &mut entry.value.kind) {
        Some(Kind::Map(service)) => {
            service.retain(|entry| entry.key.text != "pipelines");
            service.extend(wiring.value.entries().iter().cloned());
        }
        Some(kind) => *kind = wiring.value.kind,
        None => entries.push(wiring),
    }
}

/// `service: {pipelines: …}` as burgee has connected everything.
fn pipelines(pipelines: &[Pipeline]) -> Option<Entry> {
    let mut text = "service:\n  pipelines:\n".to_owned();
    for pipeline in pipelines {
        let list = |ids: &mut dyn Iterator<Item = String>| ids.collect::<Vec<_>>().join(", ");
        let receivers = list(&mut pipeline.receivers.iter().map(ToString::to_string));
        let processors = list(&mut pipeline.processors.iter().map(|runner| runner.id.to_string()));
        let exporters = list(&mut pipeline.exporters.iter().map(ToString::to_string));
        text.push_str(&format!(
            "    {}: {{receivers: [{receivers}], processors: [{processors}], exporters: [{exporters}]}}\n",
            pipeline.id
        ));
    }
    config::read(&Source::new(DEFAULT_NAME, text)).ok()?.entries().first().cloned()
}
