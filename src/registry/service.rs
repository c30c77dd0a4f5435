//! The section `service`: pipelines, extensions; its part [`telemetry`].

use super::Section;
use super::defaults::Sections;
use super::references::Definitions;
use super::telemetry::{self, Telemetry};
use crate::config::{ComponentId, Entry, Node, PipelineId, Report, parse_ids, unknown_keys};
use crate::otlp::Signal;

/// What `service` says, references resolved.
pub(super) struct Service {
    pub(super) pipelines: Vec<Wiring>,
    pub(super) extensions: Vec<ComponentId>,
    pub(super) telemetry: Telemetry,
}

/// A pipeline, by ids.
#[derive(Clone)]
pub(super) struct Wiring {
    pub(super) id: PipelineId,
    pub(super) receivers: Vec<ComponentId>,
    pub(super) processors: Vec<ComponentId>,
    pub(super) exporters: Vec<ComponentId>,
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
            Section::Connectors => {
                in_pipeline(|wiring| &wiring.receivers) || in_pipeline(|wiring| &wiring.exporters)
            }
        }
    }
}

pub(super) fn read(sections: &Sections<'_>, defined: &Definitions<'_>, report: &mut Report) -> Service {
    let mut service =
        Service { pipelines: Vec::new(), extensions: Vec::new(), telemetry: Telemetry::default() };
    if let Some(node) = sections.service() {
        report.extend(node.expect_map().err());
        report.extend(unknown_keys(node, &["pipelines", "extensions", "telemetry"]));
        if let Some(list) = node.get("extensions") {
            let (ids, problems) = defined.resolve(Section::Extensions, list);
            report.extend(problems);
            service.extensions = ids;
        }
    }
    let node = sections.service().and_then(|service| service.get("telemetry"));
    service.telemetry = telemetry::read(node, report);
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
    // What is no map is said once, not also as a lack of what would be in it.
    let is_map = node.expect_map().is_ok();
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
        receivers: list(Section::Receivers, is_map),
        processors: list(Section::Processors, false),
        exporters: list(Section::Exporters, is_map),
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

const EXAMPLE: &str =
    "write for instance `traces: {receivers: [otlp], processors: [feature_flag], exporters: [debug]}`";
