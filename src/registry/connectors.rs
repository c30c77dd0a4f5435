//! Connectors: in two sections of pipelines at once, which has to add up.

use super::Section;
use super::known::known;
use super::references::Definitions;
use super::service::{Service, Wiring};
use crate::config::{ComponentId, Problem, quote};
use crate::otlp::Signal;

/// What is wrong with how the connectors are used. Those that no pipeline has are not looked at.
pub(super) fn misused(defined: &Definitions<'_>, service: &Service) -> Vec<Problem> {
    let mut problems = ambiguous(defined);
    // What is not in burgee is an error already, and may lead from one signal into another.
    let here = defined.of(Section::Connectors).iter();
    for connector in here.filter(|connector| known(Section::Connectors).contains(&connector.id.kind())) {
        for signal in Signal::ALL {
            let of = |list: fn(&Wiring) -> &Vec<ComponentId>| -> Vec<String> {
                let has =
                    |wiring: &&Wiring| wiring.id.signal == signal && list(wiring).contains(&connector.id);
                service.pipelines.iter().filter(has).map(|wiring| wiring.id.to_string()).collect()
            };
            let half = match (of(|wiring| &wiring.exporters), of(|wiring| &wiring.receivers)) {
                (senders, takers) if takers.is_empty() && !senders.is_empty() => {
                    Some(("exporter", senders, "receiver"))
                }
                (senders, takers) if senders.is_empty() && !takers.is_empty() => {
                    Some(("receiver", takers, "exporter"))
                }
                _ => None,
            };
            if let Some((as_one, pipelines, as_other)) = half {
                let message = format!(
                    "connector {} used as {as_one} in [{}] pipeline but not used in any supported {as_other} pipeline",
                    quote(&connector.id.to_string()),
                    pipelines.join(", ")
                );
                let help = format!("add it to the {as_other}s of a pipeline of {signal}, or remove it there");
                problems.push(connector.problem(message).help(help));
            }
        }
    }
    // The first that leads back to itself says enough: the others are on the same circle, or wait for its end.
    let starts = 0..service.pipelines.len();
    if let Some(way) = starts.into_iter().find_map(|start| circle(defined, service, start, &mut vec![start]))
    {
        let first = defined.of(Section::Connectors).iter().find(|connector| connector.id == *way[0].0);
        let steps = way.iter().map(|(connector, wiring)| {
            let signal = wiring.id.signal;
            format!("connector {} ({signal} to {signal})", quote(&connector.to_string()))
        });
        let steps = steps.chain([format!("connector {}", quote(&way[0].0.to_string()))]);
        let message = format!("cycle detected: {}", steps.collect::<Vec<_>>().join(" -> "));
        let pipelines: Vec<String> = way.iter().map(|(_, wiring)| wiring.id.to_string()).collect();
        let help = format!("take it out of one of the pipelines {}", pipelines.join(", "));
        problems.extend(first.map(|connector| connector.problem(message).help(help)));
    }
    problems
}

/// The connectors of a circle through the pipeline `seen[0]`, each with the pipeline it comes from. From the others in `seen` it
/// is not reached.
fn circle<'s>(
    defined: &Definitions<'_>,
    service: &'s Service,
    here: usize,
    seen: &mut Vec<usize>,
) -> Option<Vec<(&'s ComponentId, &'s Wiring)>> {
    let here = &service.pipelines[here];
    let connectors = defined.ids(Section::Connectors);
    for connector in here.exporters.iter().filter(|id| connectors.contains(id)) {
        for (next, wiring) in service.pipelines.iter().enumerate() {
            if wiring.id.signal != here.id.signal || !wiring.receivers.contains(connector) {
                continue;
            }
            if next == seen[0] {
                return Some(vec![(connector, here)]);
            }
            if seen.contains(&next) {
                continue;
            }
            seen.push(next);
            if let Some(mut rest) = circle(defined, service, next, seen) {
                rest.insert(0, (connector, here));
                return Some(rest);
            }
        }
    }
    None
}

/// Connectors whose id another component has that pipelines name in the same lists.
fn ambiguous(defined: &Definitions<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for connector in defined.of(Section::Connectors) {
        for section in [Section::Receivers, Section::Exporters] {
            if defined.of(section).iter().any(|other| other.id == connector.id) {
                let (id, noun) = (quote(&connector.id.to_string()), section.noun());
                let message = format!("ambiguous id: there are a connector and a {noun} {id}");
                let message = message.replace("a exporter", "an exporter");
                let help = format!(
                    "rename one of them, for instance the connector to {}",
                    quote(&format!("{}/connector", connector.id.kind()))
                );
                problems.push(connector.problem(message).help(help));
            }
        }
    }
    problems
}
