//! The section `service`: pipelines, extensions, and burgee's own log.

use serde::Deserialize;

use super::Section;
use super::defaults::Sections;
use super::references::Definitions;
use crate::config::{
    self, ComponentId, Entry, Node, PipelineId, Problem, Report, Severity, parse_ids, unknown_keys,
};
use crate::otlp::Signal;

/// What `service` says, references resolved.
pub(super) struct Service {
    pub(super) pipelines: Vec<Wiring>,
    pub(super) extensions: Vec<ComponentId>,
    pub(super) log_level: LogLevel,
}

/// A pipeline, by ids.
#[derive(Clone)]
pub(super) struct Wiring {
    pub(super) id: PipelineId,
    pub(super) receivers: Vec<ComponentId>,
    pub(super) processors: Vec<ComponentId>,
    pub(super) exporters: Vec<ComponentId>,
}

/// How much burgee's log says: `service.telemetry.logs.level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    #[serde(alias = "DEBUG")]
    Debug,
    #[default]
    #[serde(alias = "INFO")]
    Info,
    #[serde(alias = "WARN", alias = "warning")]
    Warn,
    #[serde(alias = "ERROR")]
    Error,
}

impl LogLevel {
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }
}

impl Service {
    pub(super) fn uses(&self, section: Section, id: &ComponentId) -> bool {
        let in_pipeline = |of: fn(&Wiring) -> &Vec<ComponentId>| {
            self.pipelines.iter().any(|wiring| of(wiring).contains(id))
        };
        match section {
            Section::Receivers => in_pipeline(|wiring| &wiring.receivers),
            Section::Processors => in_pipeline(|wiring| &wiring.processors),
            Section::Exporters => in_pipeline(|wiring| &wiring.exporters),
            Section::Extensions => self.extensions.contains(id),
            Section::Connectors => false,
        }
    }
}

pub(super) fn read(sections: &Sections<'_>, defined: &Definitions<'_>, report: &mut Report) -> Service {
    let mut service =
        Service { pipelines: Vec::new(), extensions: Vec::new(), log_level: LogLevel::default() };
    if let Some(node) = sections.service() {
        report.extend(node.expect_map().err());
        report.extend(unknown_keys(node, &["pipelines", "extensions", "telemetry"]));
        if let Some(list) = node.get("extensions") {
            let (ids, problems) = defined.resolve(Section::Extensions, list);
            report.extend(problems);
            service.extensions = ids;
        }
        if let Some(telemetry) = node.get("telemetry") {
            service.log_level = log_level(telemetry, report);
        }
    }
    service.pipelines = match sections.pipelines() {
        Some(node) => pipelines(node, defined, report),
        None => wire_all(defined),
    };
    service
}

fn pipelines(node: &Node, defined: &Definitions<'_>, report: &mut Report) -> Vec<Wiring> {
    let (ids, problems) = parse_ids(node, PipelineId::parse);
    if ids.is_empty() && problems.is_empty() {
        report.push(node.problem("service must have at least one pipeline").help(EXAMPLE));
    }
    report.extend(problems);
    ids.into_iter().map(|(id, entry)| pipeline(id, entry, defined, report)).collect()
}

fn pipeline(id: PipelineId, entry: &Entry, defined: &Definitions<'_>, report: &mut Report) -> Wiring {
    let node = &entry.value;
    report.extend(node.expect_map().err());
    report.extend(unknown_keys(node, &["receivers", "processors", "exporters"]));
    let mut list = |section: Section, is_needed: bool| {
        let key = section.key();
        let (ids, problems) =
            node.get(key).map_or_else(Default::default, |list| defined.resolve(section, list));
        let is_empty = ids.is_empty() && problems.is_empty();
        report.extend(problems);
        if is_empty && is_needed {
            let place = node.entry(key).map_or(&entry.key.place, |list| &list.key.place);
            let problem =
                node.problem(format!("must have at least one {}", section.noun())).at(place.clone());
            let names = defined.ids(section).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            report.push(problem.help(format!("add `{key}: [{names}]`")));
        }
        ids
    };
    Wiring {
        receivers: list(Section::Receivers, true),
        processors: list(Section::Processors, false),
        exporters: list(Section::Exporters, true),
        id,
    }
}

/// Without pipelines in the file, everything that is defined is connected, for every signal.
fn wire_all(defined: &Definitions<'_>) -> Vec<Wiring> {
    let mut processors = defined.ids(Section::Processors);
    processors.sort_by_key(|id| match id.kind() {
        "memory_limiter" => 0,
        "batch" => 2,
        _ => 1,
    });
    let wiring = |signal| Wiring {
        id: PipelineId { signal, name: None },
        receivers: defined.ids(Section::Receivers),
        // Data points have no trace ids to sample by.
        processors: (processors.iter())
            .filter(|id| signal != Signal::Metrics || id.kind() != "probabilistic_sampler")
            .cloned()
            .collect(),
        exporters: defined.ids(Section::Exporters),
    };
    Signal::ALL.into_iter().map(wiring).collect()
}

fn log_level(telemetry: &Node, report: &mut Report) -> LogLevel {
    report.extend(telemetry.expect_map().err());
    for entry in telemetry.entries() {
        match entry.key.text.as_str() {
            "logs" => {}
            "metrics" => {
                let warning = entry
                    .value
                    .problem("burgee's own metrics are not in this version; nothing is served there");
                let warning = warning.at(entry.key.place.clone()).help("`burgee status` shows its counters");
                report.push(Problem { severity: Severity::Warning, ..warning });
            }
            _ => report.extend(unknown_keys(telemetry, &["logs", "metrics"])),
        }
    }
    let Some(logs) = telemetry.get("logs") else { return LogLevel::default() };
    match config::decode::<Logs>(logs) {
        Ok(logs) => logs.level,
        Err(problems) => {
            report.extend(problems);
            LogLevel::default()
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Logs {
    level: LogLevel,
}

const EXAMPLE: &str =
    "write for instance `traces: {receivers: [otlp], processors: [feature_flag], exporters: [debug]}`";
