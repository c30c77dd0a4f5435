#![doc = include_str!("README.md")]

mod definitions;

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use crate::component::{self, BuildContext, Cx, Processor};
use crate::config::Problem;
use crate::flags::{self, ContextId, HashKey, Memories, Originals, Policy, Project, ValuePolicy};
use crate::otlp::{Payload, Watched, Watchlist};
use crate::values::Secret;

use definitions::Live;
pub use definitions::{Config as DefinitionsConfig, Endpoint, RelayProxy};

/// The options of the processor; all have defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What becomes of the private and outdated names that an evaluation arrived with.
    pub originals: Originals,
    /// When `feature_flag.result.value` leaves.
    pub value: ValuePolicy,
    /// What becomes of the ids of those whom flags are evaluated for.
    pub context_id: ContextIds,
    /// What `context_id: hash` needs, and nothing else takes.
    pub hash_key: Option<Secret>,
    /// `request`: the spans that an evaluation affects are marked, as far as they came in the same request.
    pub project: Project,
    /// How many flags are written onto one span, 1 to 1024; the others are counted there.
    #[serde(deserialize_with = "flags_per_span")]
    pub max_flags_per_span: usize,
    /// For spans of the relay proxy, which name none. At most 256 bytes, without control characters; empty: none is written.
    #[serde(deserialize_with = "provider_name")]
    pub provider_name: String,
    /// What the flags are: off unless it is given.
    #[serde(deserialize_with = "said")]
    pub definitions: Option<DefinitionsConfig>,
    /// Whether burgee's own metrics count evaluations by flag, variant and reason, or only how many there were.
    pub metrics: Metrics,
}

impl Default for Config {
    fn default() -> Self {
        let policy = Policy::default();
        Config {
            originals: policy.originals,
            value: policy.value,
            context_id: ContextIds::Keep,
            hash_key: None,
            project: policy.project,
            max_flags_per_span: policy.max_flags_per_span,
            provider_name: policy.provider_name,
            definitions: None,
            metrics: Metrics::default(),
        }
    }
}

/// What burgee's own metrics say about evaluations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metrics {
    /// How many of each flag, variant and reason there were.
    #[default]
    ByFlag,
    /// How many there were.
    Total,
}

/// What becomes of context ids: the words for [`ContextId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContextIds {
    Keep,
    Hash,
    Drop,
}

/// Writes what is known about flag evaluations onto spans and log records.
#[derive(Clone, Debug)]
pub struct FeatureFlag {
    policy: Policy,
    definitions: Option<Arc<Live>>,
    metrics: Metrics,
    memories: Arc<Memories>,
}

/// Why the processor cannot be built.
#[derive(Debug)]
pub enum BuildError {
    /// A setting is wrong, or does not go with another: its path, and a sentence that reads on after it.
    Setting { path: &'static [&'static str], message: String },
    /// The flag file is, at this place of it.
    File(Box<Problem>),
}

impl fmt::Display for BuildError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Setting { path, message } => write!(out, "{} {message}", path.join(".")),
            BuildError::File(problem) => fmt::Display::fmt(problem, out),
        }
    }
}

impl std::error::Error for BuildError {}

/// Reads the flag file, if there is one; keeping definitions up to date is a task of `cx`.
///
/// # Errors
/// Options that do not go together, and a flag file that cannot be used.
pub fn build(config: &Config, cx: &mut BuildContext) -> Result<FeatureFlag, BuildError> {
    let context_id = context_id(config).map_err(|(path, message)| BuildError::Setting { path, message })?;
    if let Some(key) = config.hash_key.as_ref().filter(|key| key.reveal().len() < HASH_KEY_BYTES_MIN) {
        let message =
            format!("has {} bytes: whoever tries all short keys finds the ids again", key.reveal().len());
        cx.warn(component::Problem::new(&["hash_key"], message).with_help(HOW_TO_MAKE_A_KEY));
    }
    let definitions = config.definitions.as_ref().map(|config| definitions::build(config, cx)).transpose()?;
    Ok(FeatureFlag {
        definitions,
        metrics: config.metrics,
        memories: Arc::default(),
        policy: Policy {
            originals: config.originals,
            value: config.value,
            context_id,
            project: config.project,
            max_flags_per_span: config.max_flags_per_span,
            provider_name: config.provider_name.clone(),
        },
    })
}

fn context_id(config: &Config) -> Result<ContextId, (&'static [&'static str], String)> {
    match (config.context_id, &config.hash_key) {
        (ContextIds::Hash, Some(key)) => match HashKey::new(key) {
            Some(key) => Ok(ContextId::Hash(key)),
            None => Err((&["hash_key"], format!("is empty; {HOW_TO_MAKE_A_KEY}"))),
        },
        (ContextIds::Hash, None) => {
            Err((&["context_id"], format!("is hash, which needs a `hash_key`; {HOW_TO_MAKE_A_KEY}")))
        }
        // Whoever made a key wants it used: raw ids must not leave because of a forgotten line.
        (_, Some(_)) => Err((
            &["hash_key"],
            "does nothing without `context_id: hash`; write that, or remove the key".into(),
        )),
        (ContextIds::Keep, None) => Ok(ContextId::Keep),
        (ContextIds::Drop, None) => Ok(ContextId::Drop),
    }
}

/// What the door has to look out for, with the default options.
pub fn watchlist() -> Watchlist {
    flags::watchlist(&ContextId::Keep)
}

impl Processor for FeatureFlag {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        if payload.watched() == Watched::No {
            return payload;
        }
        let (policy, edits) = (&self.policy, &mut *cx.edits);
        let tally = (self.metrics == Metrics::ByFlag).then_some(&mut cx.tally);
        cx.evaluations += match &self.definitions {
            None => {
                self.memories.lend(|memory| flags::enrich(&payload, policy, None, edits, tally, Some(memory)))
            }
            Some(definitions) => definitions
                .look(cx.origin.arrival, |known| flags::enrich(&payload, policy, known, edits, tally, None)),
        };
        cx.edits.apply(&payload)
    }

    fn watch(&self, words: &mut Watchlist) {
        words.extend(&flags::watchlist(&self.policy.context_id));
    }
}

/// `definitions:` with nothing below is said, too: what it lacks is then an error.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DefinitionsConfig>, D::Error> {
    Option::deserialize(deserializer).map(|said| Some(Option::unwrap_or_default(said)))
}

fn flags_per_span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        flags @ 1..=FLAGS_PER_SPAN_MAX => Ok(flags),
        flags => Err(D::Error::custom(format!(
            "`max_flags_per_span` is {flags}; it can be 1 to {FLAGS_PER_SPAN_MAX}"
        ))),
    }
}

fn provider_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.len() > PROVIDER_NAME_BYTES_MAX {
        return Err(D::Error::custom(format!(
            "this has {} bytes; a provider's name can have {PROVIDER_NAME_BYTES_MAX}",
            name.len()
        )));
    }
    if name.contains(char::is_control) {
        return Err(D::Error::custom("a provider's name has no control characters and no line breaks"));
    }
    Ok(name)
}

/// A shorter key is taken with a warning.
const HASH_KEY_BYTES_MIN: usize = 16;
const HOW_TO_MAKE_A_KEY: &str = "make one with `openssl rand -hex 32` and write `hash_key: ${env:NAME}`";
/// It is written on every evaluation of the relay proxy.
const PROVIDER_NAME_BYTES_MAX: usize = 256;
/// A span with more attributes than this is of no use to any store.
const FLAGS_PER_SPAN_MAX: usize = 1024;

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod tests;
