#![doc = include_str!("README.md")]

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::component::{Cx, Processor};
use crate::flags::{self, ContextId, Originals, Policy, Project, ValuePolicy};
use crate::otlp::{Payload, Watched, Watchlist};

/// The options of the processor; all have defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub originals: Originals,
    pub value: ValuePolicy,
    pub context_id: ContextId,
    #[serde(deserialize_with = "not_yet")]
    pub hash_key: (),
    pub project: Project,
    #[serde(deserialize_with = "flags_per_span")]
    pub max_flags_per_span: usize,
    pub provider_name: String,
    #[serde(deserialize_with = "not_yet")]
    pub definitions: (),
}

impl Default for Config {
    fn default() -> Self {
        let policy = Policy::default();
        Config {
            originals: policy.originals,
            value: policy.value,
            context_id: policy.context_id,
            hash_key: (),
            project: policy.project,
            max_flags_per_span: policy.max_flags_per_span,
            provider_name: policy.provider_name,
            definitions: (),
        }
    }
}

/// Writes what is known about flag evaluations onto spans and log records.
pub struct FeatureFlag {
    policy: Policy,
}

pub fn build(config: Config) -> FeatureFlag {
    FeatureFlag {
        policy: Policy {
            originals: config.originals,
            value: config.value,
            context_id: config.context_id,
            project: config.project,
            max_flags_per_span: config.max_flags_per_span,
            provider_name: config.provider_name,
        },
    }
}

/// What the door has to look out for in the processor's stead.
pub fn watchlist() -> Watchlist {
    flags::watchlist()
}

impl Processor for FeatureFlag {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        if payload.watched() == Watched::No {
            return payload;
        }
        cx.evaluations += flags::enrich(&payload, &self.policy, cx.edits);
        cx.edits.apply(&payload)
    }

    fn watch(&self, words: &mut Watchlist) {
        words.extend(&watchlist());
    }
}

fn not_yet<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(D::Error::custom("this is not in this version yet; remove it"))
}

fn flags_per_span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        flags @ 1..=FLAGS_PER_SPAN_MAX => Ok(flags),
        flags => Err(D::Error::custom(format!(
            "`max_flags_per_span` is {flags}; it can be 1 to {FLAGS_PER_SPAN_MAX}"
        ))),
    }
}

/// A span with more attributes than this is of no use to any store.
const FLAGS_PER_SPAN_MAX: usize = 1024;

#[cfg(test)]
mod tests;
