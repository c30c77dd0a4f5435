//! Findings whose symptoms are like a text.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use super::normal;
use crate::doctor::Entry;
use crate::doctor::catalogue::entries;

/// Findings of which a symptom is in `text` as it stands, or the other way round.
pub fn with_symptom(text: &str) -> Vec<&'static Entry> {
    let text = normal(text).to_lowercase();
    let is_symptom = |symptom: &str| {
        let symptom = symptom.to_lowercase();
        (symptom.len() >= SYMPTOM_BYTES_MIN && text.contains(&symptom))
            || (text.len() >= SYMPTOM_BYTES_MIN && symptom.contains(&text))
    };
    entries()
        .filter(|entry| entry.symptoms.iter().any(|symptom| is_symptom(symptom)))
        .take(NEAREST_MAX)
        .collect()
}

/// Findings that share words with `text`, the one with the rarest words first; none if there is no such word.
pub fn nearest(text: &str) -> Vec<&'static Entry> {
    let asked = words(&normal(text));
    let mut near: Vec<(f64, &'static Entry)> = entries()
        .zip(&INDEX.words)
        .map(|(entry, of_entry)| {
            let shared = of_entry.intersection(&asked);
            (shared.map(|word| 1.0 / INDEX.entries_with[word] as f64).sum(), entry)
        })
        .filter(|(weight, _)| *weight >= WEIGHT_MIN)
        .collect();
    // Stable, so that of two equally near ones the catalogue's first is first.
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().take(NEAREST_MAX).map(|(_, entry)| entry).collect()
}

/// The words of every entry's title and symptoms, in the order of the catalogue.
struct Index {
    words: Vec<BTreeSet<String>>,
    entries_with: HashMap<String, usize>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let words: Vec<BTreeSet<String>> = entries()
        .map(|entry| entry.symptoms.iter().chain([&entry.title]).flat_map(|text| words(text)).collect())
        .collect();
    let mut entries_with = HashMap::new();
    for word in words.iter().flatten() {
        *entries_with.entry(word.clone()).or_insert(0) += 1;
    }
    Index { words, entries_with }
});

fn words(text: &str) -> BTreeSet<String> {
    let letters = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words = text.split(|letter| !letters(letter)).filter(|word| word.chars().count() >= WORD_CHARS_MIN);
    words.map(str::to_lowercase).collect()
}

/// Shorter ones are in too many texts.
const SYMPTOM_BYTES_MIN: usize = 8;
const WORD_CHARS_MIN: usize = 4;
/// That of one word which five entries have; what more of them have says nothing.
const WEIGHT_MIN: f64 = 0.2;
const NEAREST_MAX: usize = 3;
