//! Flag evaluations by flag, variant and reason: noted while a request is processed, counted once it is put.
//!
//! Flag keys, variants and reasons are configuration, and the only telemetry that burgee's own metrics contain. All
//! else an evaluation says (contexts, user ids, values, messages) has no way in here. Three limits hold: texts are cut
//! at [`TEXT_BYTES_MAX`], a pipeline has at most [`SERIES_MAX`] series, and what is beyond them is one series more.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use foldhash::fast::RandomState;

/// Series of one pipeline. Evaluations of further ones are counted together.
pub const SERIES_MAX: usize = 2000;

/// Bytes of one label; longer texts are cut and end in `…`.
pub const TEXT_BYTES_MAX: usize = 128;

/// The evaluations of one request and pipeline, summed up. Pure memory: nothing is counted before [`Evaluated::add`].
#[derive(Debug, Default)]
pub struct Tally {
    /// Encoded series, one after the other.
    bytes: Vec<u8>,
    /// By number: where a series ends in `bytes`, and how many evaluations it has.
    series: Vec<(usize, u64)>,
    /// From the hash of an encoded series to its number. Of two with one hash, only the first is found again.
    numbers: HashMap<u64, usize, BuildHasherDefault<Identity>>,
    /// Evaluations beyond the limit.
    beyond: u64,
}

/// What an evaluation was noted as, so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note(usize);

/// The evaluations of one pipeline, by series.
#[derive(Debug, Default)]
pub struct Evaluated {
    series: RwLock<Totals>,
    beyond: AtomicU64,
}

/// By encoded series.
type Totals = HashMap<Box<[u8]>, (Arc<Series>, AtomicU64), RandomState>;

/// What is counted apart. A label that is not known is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// `feature_flag.key`.
    pub key: Option<Box<str>>,
    /// `feature_flag.result.variant`.
    pub variant: Option<Box<str>>,
    /// `feature_flag.result.reason`.
    pub reason: Option<Box<str>>,
}

/// The evaluations of a pipeline at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvaluatedState {
    /// Sorted.
    pub series: Vec<(Arc<Series>, u64)>,
    /// Evaluations of series beyond [`SERIES_MAX`].
    pub beyond: u64,
}

impl Tally {
    /// Notes one evaluation.
    pub fn note(&mut self, key: Option<&str>, variant: Option<&str>, reason: Option<&str>) -> Note {
        let start = self.bytes.len();
        for text in [key, variant, reason] {
            encode(text, &mut self.bytes);
        }
        let hash = HASHER.hash_one(&self.bytes[start..]);
        if let Some(&number) = self.numbers.get(&hash)
            && self.encoded(number) == &self.bytes[start..]
        {
            self.bytes.truncate(start);
            self.series[number].1 += 1;
            return Note(number);
        }
        if self.series.len() == SERIES_MAX {
            self.bytes.truncate(start);
            self.beyond += 1;
            return BEYOND;
        }
        let number = self.series.len();
        self.series.push((self.bytes.len(), 1));
        self.numbers.entry(hash).or_insert(number);
        Note(number)
    }

    /// The evaluation turned out to be another one, which is noted itself.
    pub fn take_back(&mut self, note: Note) {
        match note {
            BEYOND => self.beyond -= 1,
            Note(number) => self.series[number].1 -= 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Evaluations noted.
    pub fn sum(&self) -> u64 {
        self.beyond + self.series.iter().map(|(_, evaluations)| evaluations).sum::<u64>()
    }

    fn encoded(&self, number: usize) -> &[u8] {
        let start = if number == 0 { 0 } else { self.series[number - 1].0 };
        &self.bytes[start..self.series[number].0]
    }
}

impl Evaluated {
    /// Counts what a request had. One shared lock for all of it, unless it brings a new series.
    pub fn add(&self, tally: &Tally) {
        if tally.is_empty() {
            return;
        }
        let (mut new, mut beyond) = (Vec::new(), tally.beyond);
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner);
        for (number, &(_, evaluations)) in tally.series.iter().enumerate().filter(|(_, (_, sum))| *sum > 0) {
            match known.get(tally.encoded(number)) {
                Some((_, total)) => drop(total.fetch_add(evaluations, Relaxed)),
                None if known.len() >= SERIES_MAX => beyond += evaluations,
                None => new.push((tally.encoded(number), evaluations)),
            }
        }
        drop(known);
        if !new.is_empty() {
            beyond += self.admit(&new);
        }
        if beyond > 0 {
            self.beyond.fetch_add(beyond, Relaxed);
        }
    }

    /// Counts series that were not known a moment ago; returns the evaluations of those that find no room.
    fn admit(&self, new: &[(&[u8], u64)]) -> u64 {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let mut beyond = 0;
        for &(encoded, evaluations) in new {
            if let Some((_, total)) = series.get(encoded) {
                total.fetch_add(evaluations, Relaxed);
            } else if series.len() < SERIES_MAX {
                let counted = (Arc::new(Series::decode(encoded)), AtomicU64::new(evaluations));
                series.insert(encoded.into(), counted);
            } else {
                beyond += evaluations;
            }
        }
        beyond
    }

    pub fn snapshot(&self) -> EvaluatedState {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let mut series: Vec<_> =
            series.values().map(|(series, total)| (Arc::clone(series), total.load(Relaxed))).collect();
        series.sort_unstable();
        EvaluatedState { series, beyond: self.beyond.load(Relaxed) }
    }
}

impl Series {
    fn decode(mut encoded: &[u8]) -> Series {
        let mut next = || {
            let (length, rest) = encoded.split_first()?;
            let (text, rest) = rest.split_at_checked(usize::from(*length).saturating_sub(1))?;
            encoded = rest;
            // What Tally::note encoded is text; control characters have no business in a label.
            let text = std::str::from_utf8(text).ok().filter(|_| *length > 0)?;
            Some(text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect())
        };
        Series { key: next(), variant: next(), reason: next() }
    }
}

/// Its length and one more, then its bytes; nothing is a zero.
fn encode(text: Option<&str>, bytes: &mut Vec<u8>) {
    let Some(text) = text else { return bytes.push(0) };
    let (kept, more) = match text.len() > TEXT_BYTES_MAX {
        false => (text, ""),
        true => (&text[..text.floor_char_boundary(TEXT_BYTES_MAX - CUT.len())], CUT),
    };
    let length = kept.len() + more.len();
    bytes.push(u8::try_from(length + 1).expect("the limit is below 255"));
    bytes.extend_from_slice(kept.as_bytes());
    bytes.extend_from_slice(more.as_bytes());
}

/// A hash is hashed already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// One seed for the process, which no sender knows.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
const BEYOND: Note = Note(usize::MAX);
const CUT: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    fn series(key: &str, variant: Option<&str>) -> Series {
        Series { key: Some(key.into()), variant: variant.map(Into::into), reason: Some("static".into()) }
    }

    #[test]
    fn what_is_noted_counts_once_it_is_added() {
        let evaluated = Evaluated::default();
        let mut tally = Tally::default();
        for _ in 0..3 {
            tally.note(Some("new-checkout"), Some("on"), Some("static"));
        }
        tally.note(Some("new-checkout"), None, Some("static"));
        assert_eq!(evaluated.snapshot(), EvaluatedState::default());
        evaluated.add(&tally);
        evaluated.add(&tally);
        let counted: Vec<_> = evaluated.snapshot().series;
        let expected = [(series("new-checkout", None), 2), (series("new-checkout", Some("on")), 6)];
        assert_eq!(counted, expected.map(|(series, count)| (Arc::new(series), count)));
    }

    #[test]
    fn what_is_taken_back_is_not_counted() {
        let evaluated = Evaluated::default();
        let mut tally = Tally::default();
        let note = tally.note(None, None, None);
        tally.note(Some("a"), None, None);
        tally.take_back(note);
        evaluated.add(&tally);
        let state = evaluated.snapshot();
        assert_eq!((tally.sum(), state.series.len(), state.series[0].1), (1, 1, 1));
    }

    #[test]
    fn texts_that_meet_at_their_ends_are_kept_apart() {
        let mut tally = Tally::default();
        tally.note(Some("ab"), Some("c"), None);
        tally.note(Some("a"), Some("bc"), None);
        tally.note(Some(""), None, None);
        tally.note(None, Some(""), None);
        assert_eq!(tally.series.len(), 4);
    }

    #[test]
    fn series_beyond_the_limit_are_one_and_lose_no_evaluation() {
        let evaluated = Evaluated::default();
        let many = |from: usize, to: usize| {
            let mut tally = Tally::default();
            for number in from..to {
                tally.note(Some(&format!("flag-{number}")), None, None);
                tally.note(Some(&format!("flag-{number}")), None, None);
            }
            tally
        };
        evaluated.add(&many(0, SERIES_MAX - 1));
        evaluated.add(&many(0, SERIES_MAX + 5));
        evaluated.add(&many(SERIES_MAX, SERIES_MAX + 1));
        let state = evaluated.snapshot();
        let sum: u64 = state.series.iter().map(|(_, count)| count).sum();
        assert_eq!(state.series.len(), SERIES_MAX);
        assert_eq!(sum, 2 * (2 * (SERIES_MAX as u64 - 1) + 1));
        assert_eq!(state.beyond, 2 * 5 + 2);
    }

    #[test]
    fn labels_are_short_and_without_control_characters() {
        let evaluated = Evaluated::default();
        let mut tally = Tally::default();
        tally.note(Some(&"ü".repeat(500)), Some("a\nb\u{7}"), None);
        evaluated.add(&tally);
        let (series, _) = &evaluated.snapshot().series[0];
        let key = series.key.as_deref().expect("it has one");
        assert!(key.len() <= TEXT_BYTES_MAX && key.ends_with("ü…"), "{key}");
        assert_eq!(series.variant.as_deref(), Some("a\u{fffd}b\u{fffd}"));
    }
}
