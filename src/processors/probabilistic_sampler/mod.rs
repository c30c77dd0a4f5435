#![doc = include_str!("README.md")]

mod logs;
mod spans;
mod threshold;
mod tracestate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::threshold::{BUCKETS, DIGITS, Randomness, SHARE_MIN, Threshold};
use super::Fault;
use crate::component::{Cx, Processor};
use crate::otlp::{Payload, Signal};

/// The keys of the Collector's `probabilisticsamplerprocessor` 0.155.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Of the items, 0 to 100; more is 100.
    pub sampling_percentage: f64,
    /// For `mode: hash_seed`: collectors in a row want different ones.
    pub hash_seed: u32,
    /// How it is decided.
    pub mode: Mode,
    /// Drops what cannot be decided about.
    pub fail_closed: bool,
    /// Hexadecimal digits of a threshold, 1 to 14.
    pub sampling_precision: u32,
    /// Logs: what is random about a record.
    pub attribute_source: AttributeSource,
    /// Logs: the attribute that is hashed where there is no trace id, or with `attribute_source: record`.
    pub from_attribute: String,
    /// Logs: an attribute with the percentage of its record.
    pub sampling_priority: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sampling_percentage: 0.0,
            hash_seed: 0,
            mode: Mode::HashSeed,
            fail_closed: false,
            sampling_precision: 4,
            attribute_source: AttributeSource::TraceId,
            from_attribute: String::new(),
            sampling_priority: String::new(),
        }
    }
}

/// How it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    HashSeed,
    Equalizing,
    Proportional,
}

/// What of a log record is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributeSource {
    #[serde(rename = "traceID")]
    TraceId,
    Record,
}

/// Keeps a share of spans and log records.
#[derive(Clone, Debug)]
pub struct ProbabilisticSampler {
    sampler: Sampler,
    is_closed: bool,
    precision: u32,
    /// Logs.
    priority: Option<String>,
}

#[derive(Clone, Debug)]
enum Sampler {
    Never,
    Hash { threshold: Threshold, seed: u32, uses_trace_id: bool, attribute: Option<String> },
    Equalizing { threshold: Threshold },
    Proportional { share: f64, precision: u32 },
}

/// Why it cannot be decided about an item.
struct Undecidable;

/// # Errors
/// All settings that are wrong.
pub fn build(config: &Config) -> Result<ProbabilisticSampler, Vec<Fault>> {
    let mut faults = Vec::new();
    // The Collector reads it as a 32-bit number, which the rounding of `hash_seed` shows.
    let percentage = config.sampling_percentage as f32;
    let share = f64::from(percentage) / 100.0;
    if !percentage.is_finite() || percentage < 0.0 {
        faults.push(Fault::new("sampling_percentage", "must be a number from 0 to 100"));
    } else if share != 0.0 && share < SHARE_MIN {
        faults.push(Fault::new("sampling_percentage", "is too small; write 0 to keep nothing"));
    }
    if !(1..=DIGITS).contains(&config.sampling_precision) {
        faults.push(Fault::new("sampling_precision", format!("must be 1 to {DIGITS} digits")));
    }
    if config.attribute_source == AttributeSource::Record && config.from_attribute.is_empty() {
        let message = "is record, which needs a `from_attribute`: without one no record can be decided about";
        faults.push(Fault::new("attribute_source", message));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Ok(ProbabilisticSampler {
        sampler: sampler(config, percentage.min(100.0)),
        is_closed: config.fail_closed,
        precision: config.sampling_precision,
        priority: some(&config.sampling_priority),
    })
}

fn sampler(config: &Config, percentage: f32) -> Sampler {
    let share = f64::from(percentage) / 100.0;
    if percentage == 0.0 {
        return Sampler::Never;
    }
    match config.mode {
        Mode::Equalizing => {
            let threshold = Threshold::keeping(share, config.sampling_precision);
            Sampler::Equalizing {
                threshold: threshold.expect("build() proved that the share is within bounds"),
            }
        }
        Mode::Proportional => Sampler::Proportional { share, precision: config.sampling_precision },
        Mode::HashSeed => {
            // In 32 bits and towards zero, as ever.
            let kept = (percentage * (BUCKETS as f32 / 100.0)) as u32;
            if kept == 0 {
                return Sampler::Never;
            }
            Sampler::Hash {
                threshold: Threshold::of_buckets(BUCKETS as u32 - kept),
                seed: config.hash_seed,
                uses_trace_id: config.attribute_source == AttributeSource::TraceId,
                attribute: Some(config.from_attribute.clone()).filter(|key| !key.is_empty()),
            }
        }
    }
}

/// What is wrong in a pipeline of this signal, and what has no effect there.
pub fn misfits(config: &Config, signal: Signal) -> (Vec<Fault>, Vec<Fault>) {
    match signal {
        Signal::Metrics => {
            let message = "samples by trace ids, which data points do not have";
            (vec![Fault::new("", message).help("take it out of the pipelines of metrics")], Vec::new())
        }
        Signal::Logs => {
            let is_idle = config.mode != Mode::HashSeed && !config.from_attribute.is_empty();
            let idle =
                || Fault::new("from_attribute", "has no effect but in mode hash_seed, as in the Collector");
            (Vec::new(), is_idle.then(idle).into_iter().collect())
        }
        Signal::Traces => (Vec::new(), Vec::new()),
    }
}

impl Processor for ProbabilisticSampler {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        for item in payload.items() {
            let stays = match payload.signal() {
                Signal::Traces => self.span(item, cx.edits),
                Signal::Logs => self.record(item, cx.edits),
                Signal::Metrics => true,
            };
            if !stays {
                cx.edits.item(item).discard();
                cx.discarded += 1;
            }
        }
        cx.edits.apply(&payload)
    }
}

impl ProbabilisticSampler {
    /// What holds for an item that cannot be decided about.
    fn fallback(&self) -> Threshold {
        if self.is_closed { Threshold::NEVER } else { Threshold::ALWAYS }
    }
}

impl Sampler {
    /// The threshold for an item that came with one, or with none.
    fn decide(&self, before: Option<Threshold>) -> Threshold {
        match self {
            Sampler::Never => Threshold::NEVER,
            Sampler::Hash { threshold, .. } => *threshold,
            Sampler::Equalizing { threshold } => before.map_or(*threshold, |before| before.max(*threshold)),
            Sampler::Proportional { share, precision } => {
                let before = before.map_or(1.0, Threshold::share);
                Threshold::keeping(before * share, *precision).unwrap_or(Threshold::NEVER)
            }
        }
    }
}

/// Whether the threshold that an item came with fits its randomness; with neither, nothing is known.
fn consistent(randomness: Option<Randomness>, before: Option<Threshold>) -> Result<Randomness, Undecidable> {
    match (randomness, before) {
        (None, _) => Err(Undecidable),
        (Some(randomness), Some(before)) if !before.keeps(randomness) => Err(Undecidable),
        (Some(randomness), _) => Ok(randomness),
    }
}

#[cfg(test)]
mod tests;
