//! Log records: what is known of their sampling stands in two attributes.

use super::threshold::{Randomness, Threshold};
use super::{ProbabilisticSampler, Sampler, consistent};
use crate::otlp::{Attributes, Edits, Item, Value};
use crate::processors::text::text_of;

/// What the attributes of a record say about its sampling.
#[derive(Clone, Copy)]
struct Marks {
    randomness: Option<Randomness>,
    threshold: Option<Threshold>,
}

impl Marks {
    /// None if one of them is no digits.
    fn read(attributes: Attributes<'_>) -> Option<Marks> {
        let text = |key| attributes.text(key).filter(|text| !text.is_empty());
        let randomness = text(RANDOMNESS).map(|text| Randomness::parse(text).ok_or(()));
        let threshold = text(THRESHOLD).map(|text| Threshold::parse(text).ok_or(()));
        Some(Marks { randomness: randomness.transpose().ok()?, threshold: threshold.transpose().ok()? })
    }
}

impl ProbabilisticSampler {
    /// Whether the record stays; what becomes of its marks is recorded.
    pub(super) fn record(&self, record: Item<'_>, edits: &mut Edits) -> bool {
        let attributes = record.attributes();
        let read = Marks::read(attributes);
        let (randomness, marks, is_known) = match &self.sampler {
            Sampler::Never => (Some(Randomness::MOST), read, read.is_some()),
            Sampler::Hash { seed, uses_trace_id, attribute, .. } => {
                let id = record.trace_id();
                let by_id = (*uses_trace_id && id.iter().any(|byte| *byte != 0))
                    .then(|| Randomness::hashed(id, *seed));
                let by_attribute = || by_attribute(attributes, attribute.as_deref()?, *seed);
                let randomness = by_id.or_else(by_attribute);
                // A record that says how it was sampled stays as it is.
                let marks = read.filter(|marks| marks.randomness.is_none() && marks.threshold.is_none());
                (randomness, marks, marks.is_some())
            }
            Sampler::Equalizing { .. } | Sampler::Proportional { .. } => {
                let of_trace = || Randomness::of_trace(record.trace_id());
                (read.and_then(|marks| marks.randomness.or_else(of_trace)), read, read.is_some())
            }
        };
        let arrived = marks.and_then(|marks| marks.threshold);
        let consistent = consistent(randomness, arrived);
        let mut threshold = match (&consistent, is_known) {
            (Ok(_), true) => self.sampler.decide(arrived),
            _ => self.fallback(),
        };
        if let Some(asked) = self.asked(attributes) {
            threshold = asked;
        }
        if !threshold.keeps(randomness.unwrap_or(Randomness::MOST)) {
            return false;
        }
        if marks.is_none() {
            return true;
        }
        let is_lie = is_known && randomness.is_some() && consistent.is_err();
        let mut edit = edits.item(record);
        if let (Sampler::Hash { .. }, Some(randomness)) = (&self.sampler, randomness) {
            edit.set(RANDOMNESS, Value::Str(&randomness.digits()));
        }
        if is_lie || arrived.is_none_or(|arrived| arrived <= threshold) {
            edit.set(THRESHOLD, Value::Str(&threshold.digits()));
        }
        true
    }

    /// The threshold that the record itself asks for.
    fn asked(&self, attributes: Attributes<'_>) -> Option<Threshold> {
        let percentage = match attributes.get(self.priority.as_deref()?)? {
            Value::Double(percentage) => percentage,
            Value::Int(percentage) => percentage as f64,
            _ => return None,
        };
        Threshold::keeping(percentage / 100.0, self.precision)
    }
}

/// Bytes as they are, everything else as text; nothing is no randomness.
fn by_attribute(attributes: Attributes<'_>, key: &str, seed: u32) -> Option<Randomness> {
    let value = attributes.get(key)?;
    let text = text_of(&value);
    let bytes = match value {
        Value::Bytes(bytes) => bytes,
        _ => text.as_bytes(),
    };
    (!bytes.is_empty()).then(|| Randomness::hashed(bytes, seed))
}

const RANDOMNESS: &str = "sampling.randomness";
const THRESHOLD: &str = "sampling.threshold";
