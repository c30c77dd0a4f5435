//! What holds where a configuration says nothing: the sections of `config/burgee.yaml`.

use super::{Pipeline, Section};
use crate::config::{self, Node, Source};

/// The configuration that burgee has without a file.
pub const DEFAULT: &str = include_str!("../../config/burgee.yaml");

/// What error messages call it.
pub const DEFAULT_NAME: &str = "built-in default";

/// The default's tree.
pub(super) fn tree() -> Node {
    let source = Source::new(DEFAULT_NAME, DEFAULT);
    config::load(&[source], &|_| None).expect("tests/configs.rs loads every file in config/").root
}

/// The sections of a configuration, those of the default where it has none.
pub(super) struct Sections<'a> {
    own: &'a Node,
    default: &'a Node,
}

impl<'a> Sections<'a> {
    pub(super) fn new(own: &'a Node, default: &'a Node) -> Self {
        Sections { own, default }
    }

    pub(super) fn get(&self, section: Section) -> Option<&'a Node> {
        let of = if self.is_own(section) { self.own } else { self.default };
        of.get(section.key())
    }

    /// `service` as the file has it.
    pub(super) fn service(&self) -> Option<&'a Node> {
        self.own.get("service")
    }

    /// `service.pipelines` as the file has it.
    pub(super) fn pipelines(&self) -> Option<&'a Node> {
        self.service()?.get("pipelines").filter(|pipelines| !pipelines.is_null())
    }

    /// Whether the file has the section. The default's are not: nobody wrote them, so nobody is warned of them.
    pub(super) fn is_own(&self, section: Section) -> bool {
        self.own.get(section.key()).is_some()
    }

    /// What burgee says when it made up for missing sections.
    pub(super) fn supplied(&self, pipelines: &[Pipeline]) -> Option<String> {
        let mut missing: Vec<&str> = [Section::Receivers, Section::Processors, Section::Exporters]
            .into_iter()
            .filter(|section| !self.is_own(*section) && section.is_in(pipelines))
            .map(Section::key)
            .collect();
        let has_pipelines = self.pipelines().is_some();
        if !has_pipelines {
            missing.push("service.pipelines");
        }
        if missing.is_empty() {
            return None;
        }
        let ways: Vec<String> = pipelines.iter().map(|pipeline| pipeline.id.to_string()).collect();
        let way = pipelines.first().map(Pipeline::way).unwrap_or_default();
        let (last, others) = missing.split_last()?;
        let missing = match others {
            [] => (*last).to_owned(),
            others => format!("{} and {last}", others.join(", ")),
        };
        Some(match has_pipelines {
            true => format!("the configuration has no {missing}: burgee's built-in default stands in"),
            false => format!("the configuration has no {missing}: {} go {way}", ways.join(", ")),
        })
    }
}

impl Section {
    pub(super) fn is_in(self, pipelines: &[Pipeline]) -> bool {
        pipelines.iter().any(|pipeline| match self {
            Section::Receivers => !pipeline.receivers.is_empty(),
            Section::Processors => !pipeline.processors.is_empty(),
            _ => !pipeline.exporters.is_empty(),
        })
    }
}

impl Pipeline {
    /// Its way in short: `otlp → feature_flag → debug`.
    pub fn way(&self) -> String {
        let list = |ids: &[crate::config::ComponentId]| {
            ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let processors = self.processors.iter().map(|runner| runner.id.to_string());
        let steps = std::iter::once(list(&self.receivers)).chain(processors).chain([list(&self.exporters)]);
        steps.collect::<Vec<_>>().join(" → ")
    }
}
