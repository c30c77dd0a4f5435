//! What the user wants of the enrichment.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// The choices that [`super::enrich`] follows; the options of the processor `feature_flag`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub originals: Originals,
    pub value: ValuePolicy,
    pub context_id: ContextId,
    pub project: Project,
    /// How many flags are written as `feature_flags.<key>` or `burgee.flag.error.<key>` on one span; the others are
    /// counted there.
    pub max_flags_per_span: usize,
    /// `feature_flag.provider.name` of relay-proxy spans, which name none. Empty: none is written.
    pub provider_name: String,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            originals: Originals::Keep,
            value: ValuePolicy::WhenNoVariant,
            context_id: ContextId::Keep,
            project: Project::Request,
            max_flags_per_span: 32,
            provider_name: "GO Feature Flag".into(),
        }
    }
}

/// What becomes of the private and outdated names that an evaluation arrived with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Originals {
    Keep,
    Drop,
}

/// When `feature_flag.result.value` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValuePolicy {
    Always,
    WhenNoVariant,
    /// Nor does the attribute that it came from.
    Never,
}

/// What becomes of `feature_flag.context.id` and of the attribute that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextId {
    Keep,
    Drop,
}

impl<'de> Deserialize<'de> for ContextId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Word {
            Keep,
            Hash,
            Drop,
        }
        match Word::deserialize(deserializer)? {
            Word::Keep => Ok(ContextId::Keep),
            Word::Drop => Ok(ContextId::Drop),
            Word::Hash => {
                Err(D::Error::custom("`context_id: hash` is not in this version yet; use `drop` or `keep`"))
            }
        }
    }
}

/// Whether the spans that an evaluation affects are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Project {
    Off,
    /// Those in the same export request.
    Request,
}
