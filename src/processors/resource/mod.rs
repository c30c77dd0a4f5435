#![doc = include_str!("README.md")]

use schemars::JsonSchema;
use serde::Deserialize;

use super::Fault;
use super::actions::{Action, Actions};
use crate::component::{Cx, Processor};
use crate::otlp::Payload;

/// The keys of the Collector's `resourceprocessor` 0.155.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The actions, at least one.
    pub attributes: Vec<Action>,
}

/// Changes the attributes of resources.
#[derive(Clone, Debug)]
pub struct ResourceProcessor {
    actions: Actions,
}

/// # Errors
/// All settings that are wrong.
pub fn build(config: &Config) -> Result<ResourceProcessor, Vec<Fault>> {
    if config.attributes.is_empty() {
        return Err(vec![Fault::new("attributes", "is missing: the processor would do nothing")]);
    }
    Ok(ResourceProcessor { actions: Actions::build(&config.attributes, "attributes")? })
}

impl Processor for ResourceProcessor {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        let mut seen = None;
        for resource in payload.items().map(|item| item.resource()) {
            // The items of a resource follow each other.
            if seen.replace(resource.id()) == Some(resource.id()) {
                continue;
            }
            let attributes = resource.attributes();
            if self.actions.concern(attributes) {
                self.actions.run(attributes, &mut cx.edits.resource(resource), cx.origin);
            }
        }
        cx.edits.apply(&payload)
    }
}

#[cfg(test)]
mod tests;
