//! What flag files say: GO Feature Flag's (YAML, JSON, TOML), flagd's, and what GO Feature Flag's relay proxy answers
//! to `POST /v1/flag/configuration`. Pure: text in, [`Definitions`] out.
//!
//! 1. `read` knows the syntaxes, and where in the text an error is;
//! 2. `raw` is what may stand in such a text;
//! 3. `rule` decides who gets which variation, as GO Feature Flag does (`modules/core/flag`, v0.7.2);
//! 4. [`Flag`] is the canonical form: how the flag is at any time, its scheduled steps applied;
//! 5. `values` finds the variation that has a value.

mod date;
mod raw;
mod read;
mod rule;
mod values;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::fast::RandomState;
use serde_json::{Map, Value};

pub use read::{FILE_BYTES_MAX, ParseError, Syntax};
pub use rule::{Ramp, RampEnd, Rule};
pub use values::Seen;

/// Flags by their keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    flags: HashMap<String, Flag, RandomState>,
}

/// One flag.
#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    /// The field of the context that stands in for the targeting key.
    bucketing_key: Option<String>,
    metadata: Map<String, Value>,
    /// What the file says about all of its flags; a flag's own goes before.
    shared: Arc<Map<String, Value>>,
    /// How it is from a time on, in the order of time; the first one always was.
    revisions: Vec<(SystemTime, Revision)>,
}

/// How a flag is between two steps of its schedule. What a step leaves alone is shared with the one before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    variations: Arc<values::Variations>,
    targeting: Arc<Vec<Rule>>,
    default_rule: Option<Arc<Rule>>,
    disabled: bool,
    version: Option<Arc<str>>,
    experimentation: Window,
}

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub start: Option<SystemTime>,
    pub end: Option<SystemTime>,
}

impl Definitions {
    /// Reads a flag file: GO Feature Flag's, or flagd's, which has its flags under `flags`.
    ///
    /// What is not known in it is passed over, and so is an entry without variations, which GO Feature Flag refuses
    /// itself.
    ///
    /// # Errors
    /// A text that is empty, larger than [`FILE_BYTES_MAX`], not of that syntax, has something else where flags should
    /// be, or makes more than 128 MiB of definitions, which only very many rules times very many scheduled steps do.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Definitions, ParseError> {
        read::file(text, syntax)
    }

    /// Reads the relay proxy's answer to `POST /v1/flag/configuration` (v1.45.0 and later).
    ///
    /// # Errors
    /// As [`Definitions::parse`], and what the relay proxy itself says is wrong.
    pub fn parse_configuration(text: &str) -> Result<Definitions, ParseError> {
        read::configuration(text)
    }

    pub fn get(&self, key: &str) -> Option<&Flag> {
        self.flags.get(key)
    }

    /// How many flags there are.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }
}

impl Flag {
    /// How it is at a time: every step of its schedule that is due has been taken.
    pub fn at(&self, time: SystemTime) -> &Revision {
        let due = self.revisions.partition_point(|(since, _)| *since <= time);
        let (_, revision) = &self.revisions[due.saturating_sub(1)];
        revision
    }

    /// What the file says about the flag beside its working.
    pub fn metadata(&self, name: &str) -> Option<&Value> {
        self.metadata.get(name).or_else(|| self.shared.get(name)).filter(|value| !value.is_null())
    }

    /// The variation that a split of the default rule gives to a targeting key at a time.
    ///
    /// `None` if there is no split then, if the flag is off, or if it goes by another key than the targeting key.
    pub fn expected(&self, key: &str, targeting_key: &str, time: SystemTime) -> Option<&str> {
        if self.bucketing_key.as_ref().is_some_and(|key| !key.is_empty()) {
            return None;
        }
        let revision = self.at(time);
        if revision.disabled || !revision.experimentation.contains(time) {
            return None;
        }
        revision.default_rule.as_ref()?.bucket(key, targeting_key, time)
    }
}

impl Revision {
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether a variation has that name.
    pub fn declares(&self, variant: &str) -> bool {
        self.variations.contains_key(variant)
    }

    /// The one variation that has this value; `None` also if several have it.
    pub fn variation_of(&self, seen: Seen<'_>) -> Option<&str> {
        values::variation_of(&self.variations, seen)
    }

    /// The rules that come before the default rule.
    pub fn targeting(&self) -> &[Rule] {
        &self.targeting
    }
}

impl Window {
    pub fn contains(&self, time: SystemTime) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

#[cfg(test)]
mod tests;
