#![doc = include_str!("README.md")]

use schemars::JsonSchema;
use serde::Deserialize;

use super::actions::{Action, Actions};
use super::matching::{Properties, Selection};
use super::{Fault, matching};
use crate::component::{Cx, Processor};
use crate::otlp::{Payload, Signal};

/// The keys of the Collector's `attributesprocessor` 0.155.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// At least one.
    pub actions: Vec<Action>,
    /// Only these items; absent: all.
    pub include: Option<Properties>,
    /// Not these, of those included.
    pub exclude: Option<Properties>,
}

/// Changes the attributes of spans, log records and data points.
#[derive(Clone, Debug)]
pub struct AttributesProcessor {
    actions: Actions,
    selection: Selection,
}

/// # Errors
/// All settings that are wrong.
pub fn build(config: &Config) -> Result<AttributesProcessor, Vec<Fault>> {
    if config.actions.is_empty() {
        return Err(vec![Fault::new("actions", "is missing: the processor would do nothing")]);
    }
    let selection = Selection::build(config.include.as_ref(), config.exclude.as_ref());
    match (Actions::build(&config.actions, "actions"), selection) {
        (Ok(actions), Ok(selection)) => Ok(AttributesProcessor { actions, selection }),
        (actions, selection) => Err(actions.err().into_iter().chain(selection.err()).flatten().collect()),
    }
}

/// What is wrong, or of no effect, in a pipeline of this signal: errors, then warnings.
pub fn misfits(config: &Config, signal: Signal) -> (Vec<Fault>, Vec<Fault>) {
    let of = |key: &'static str, properties: &Option<Properties>, what: matching::Look| {
        let faults = properties.iter().flat_map(move |properties| what(properties, signal));
        faults.map(move |fault| fault.below(key)).collect::<Vec<_>>()
    };
    let both = |what| [of("include", &config.include, what), of("exclude", &config.exclude, what)].concat();
    (both(Properties::misfits), both(Properties::ignored))
}

impl Processor for AttributesProcessor {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        for item in payload.items() {
            let attributes = item.attributes();
            if self.actions.concern(attributes) && self.selection.has(&item) {
                self.actions.run(attributes, &mut cx.edits.item(item), cx.origin);
            }
        }
        cx.edits.apply(&payload)
    }
}

#[cfg(test)]
mod tests;
