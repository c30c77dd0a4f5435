//! From ids in pipelines to the components they name.

use super::defaults::Sections;
use super::known::{alias_of, nearest_id};
use super::service::Service;
use super::{Defined, Section};
use crate::config::{ComponentId, Node, Problem, Report, Severity, parse_ids, quote};

/// The entries of all sections.
pub(super) struct Definitions<'a> {
    pub(super) receivers: Vec<Defined<'a>>,
    pub(super) processors: Vec<Defined<'a>>,
    pub(super) exporters: Vec<Defined<'a>>,
    pub(super) connectors: Vec<Defined<'a>>,
    pub(super) extensions: Vec<Defined<'a>>,
}

/// The entries of one section.
pub(super) fn entries<'a>(
    sections: &Sections<'a>,
    section: Section,
    report: &mut Report,
) -> Vec<Defined<'a>> {
    let Some(node) = sections.get(section) else { return Vec::new() };
    let (ids, problems) = parse_ids(node, ComponentId::parse);
    report.extend(problems);
    ids.into_iter().map(|(id, entry)| Defined { id, key: &entry.key.place, node: &entry.value }).collect()
}

impl<'a> Definitions<'a> {
    pub(super) fn read(sections: &Sections<'a>, report: &mut Report) -> Self {
        Definitions {
            receivers: entries(sections, Section::Receivers, report),
            processors: entries(sections, Section::Processors, report),
            exporters: entries(sections, Section::Exporters, report),
            connectors: entries(sections, Section::Connectors, report),
            extensions: entries(sections, Section::Extensions, report),
        }
    }

    pub(super) fn of(&self, section: Section) -> &[Defined<'a>] {
        match section {
            Section::Receivers => &self.receivers,
            Section::Processors => &self.processors,
            Section::Exporters => &self.exporters,
            Section::Extensions => &self.extensions,
            Section::Connectors => &self.connectors,
        }
    }

    pub(super) fn ids(&self, section: Section) -> Vec<ComponentId> {
        self.of(section).iter().map(|defined| defined.id.clone()).collect()
    }

    /// The components that a list names, each once, and what is wrong with the others.
    pub(super) fn resolve(&self, section: Section, list: &Node) -> (Vec<ComponentId>, Vec<Problem>) {
        let texts = match list.expect_texts() {
            Ok(texts) => texts,
            Err(problem) => return (Vec::new(), vec![problem]),
        };
        let (mut ids, mut problems) = (Vec::new(), Vec::new());
        for (text, item) in texts {
            match self.find(section, text) {
                Ok(id) if ids.contains(&id) => {
                    problems.push(at(
                        list,
                        item,
                        format!("references {} {} multiple times", section.noun(), quote(text)),
                    ));
                }
                Ok(id) => ids.push(id),
                Err((message, help)) => {
                    let problem = at(list, item, message);
                    problems.push(match help {
                        Some(help) => problem.help(help),
                        None => problem,
                    });
                }
            }
        }
        (ids, problems)
    }

    fn find(&self, section: Section, text: &str) -> Result<ComponentId, (String, Option<String>)> {
        let id = ComponentId::parse(text).map_err(|error| (error.to_string(), None))?;
        // Connectors stand in pipelines where receivers and exporters do.
        let connectors: &[Defined<'a>] = match section {
            Section::Receivers | Section::Exporters => &self.connectors,
            _ => &[],
        };
        let configured = self.of(section).iter().chain(connectors);
        let configured: Vec<&ComponentId> = configured.map(|defined| &defined.id).collect();
        if configured.contains(&&id) {
            return Ok(id);
        }
        let noun = section.noun();
        let message = format!("references {noun} {} which is not configured", quote(text));
        let help = match nearest_id(&id.to_string(), &configured) {
            Some(meant) => format!("did you mean {}?", quote(&meant)),
            None => format!("write it under {}, or take it out of the pipeline", section.key()),
        };
        Err((message, Some(help)))
    }
}

/// A problem with an item of a list, or with the whole where it is one text.
fn at(list: &Node, item: &Node, message: String) -> Problem {
    list.problem(message).at(item.place.clone())
}

/// Warnings for components under a name that the Collector has given up.
pub(super) fn renamed(defined: &Definitions<'_>) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for section in [Section::Receivers, Section::Processors, Section::Exporters, Section::Extensions] {
        for defined in defined.of(section) {
            let Some(name) = alias_of(section, defined.id.kind()) else { continue };
            let message = format!(
                "{} {} is called {name} by now; the old name is read as well",
                section.noun(),
                quote(defined.id.kind())
            );
            warnings.push(Problem { severity: Severity::Warning, ..defined.problem(message) });
        }
    }
    warnings
}

/// Warnings for what is configured and does nothing.
pub(super) fn unused(defined: &Definitions<'_>, service: &Service, sections: &Sections<'_>) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for section in Section::ALL {
        if !sections.is_own(section) {
            continue;
        }
        for defined in defined.of(section).iter().filter(|defined| !service.uses(section, &defined.id)) {
            let place = if section == Section::Extensions { "service.extensions" } else { "a pipeline" };
            let message = format!(
                "{} {} is configured, but not in {place}",
                section.noun(),
                quote(&defined.id.to_string())
            );
            let warning = defined.problem(message).help(format!("add it to {place}, or remove it"));
            warnings.push(Problem { severity: Severity::Warning, ..warning });
        }
    }
    warnings
}
