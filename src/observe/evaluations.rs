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
    series: Vec<Noted>,
    /// From the hash of a series to its number, once there are more than [`FEW`].
    numbers: HashMap<u64, usize, BuildHasherDefault<Identity>>,
    /// Evaluations beyond the limit.
    beyond: u64,
}

/// A series of a [`Tally`].
#[derive(Clone, Copy, Debug)]
struct Noted {
    hash: u64,
    /// Where it ends in the bytes; it begins where the one before ends.
    end: usize,
    evaluations: u64,
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

/// By the hash of a series. Two series with one hash, which nobody will see, are one and the rest.
type Totals = HashMap<u64, Total, BuildHasherDefault<Identity>>;

#[derive(Debug)]
struct Total {
    encoded: Box<[u8]>,
    series: Arc<Series>,
    evaluations: AtomicU64,
}

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
        let texts = [key, variant, reason].map(|text| text.map(Text::of));
        let mut hasher = HASHER.build_hasher();
        for text in &texts {
            match text {
                None => hasher.write_u8(0),
                Some(Text { kept, is_cut }) => {
                    hasher.write(kept.as_bytes());
                    hasher.write_u8(1 + u8::from(*is_cut));
                }
            }
        }
        let hash = hasher.finish();
        let known = match self.series.len() {
            0..=FEW => self.series.iter().position(|noted| noted.hash == hash),
            _ => self.numbers.get(&hash).copied(),
        };
        match known {
            Some(number) if Text::are(&texts, self.encoded(number)) => {
                self.series[number].evaluations += 1;
                Note(number)
            }
            None if self.series.len() < SERIES_MAX => self.add(hash, &texts),
            Some(_) | None => {
                self.beyond += 1;
                BEYOND
            }
        }
    }

    fn add(&mut self, hash: u64, texts: &[Option<Text<'_>>; 3]) -> Note {
        let number = self.series.len();
        // most requests have one or two series, and no use for more memory
        match number {
            0 => self.bytes.reserve(FIRST_BYTES),
            SOME => {
                self.bytes.reserve(FEW * FIRST_BYTES / SOME);
                self.series.reserve(FEW);
            }
            _ => {}
        }
        texts.iter().for_each(|text| Text::encode(text.as_ref(), &mut self.bytes));
        self.series.push(Noted { hash, end: self.bytes.len(), evaluations: 1 });
        if self.series.len() == FEW + 1 {
            // who has more than a few may have many
            self.series.reserve(MANY);
            self.bytes.reserve(MANY * FIRST_BYTES / 2);
            self.numbers.reserve(MANY);
            self.numbers.extend(self.series.iter().map(|noted| noted.hash).zip(0..));
        } else if self.series.len() > FEW {
            self.numbers.insert(hash, number);
        }
        Note(number)
    }

    /// The evaluation turned out to be another one, which is noted itself.
    pub fn take_back(&mut self, note: Note) {
        match note {
            BEYOND => self.beyond -= 1,
            Note(number) => self.series[number].evaluations -= 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Evaluations noted.
    pub fn sum(&self) -> u64 {
        self.beyond + self.series.iter().map(|noted| noted.evaluations).sum::<u64>()
    }

    fn encoded(&self, number: usize) -> &[u8] {
        let start = if number == 0 { 0 } else { self.series[number - 1].end };
        &self.bytes[start..self.series[number].end]
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
        for (number, noted) in tally.series.iter().enumerate().filter(|(_, noted)| noted.evaluations > 0) {
            match known.get(&noted.hash) {
                Some(total) if *total.encoded == *tally.encoded(number) => {
                    total.evaluations.fetch_add(noted.evaluations, Relaxed);
                }
                None if known.len() < SERIES_MAX => new.push((*noted, tally.encoded(number))),
                Some(_) | None => beyond += noted.evaluations,
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
    fn admit(&self, new: &[(Noted, &[u8])]) -> u64 {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let mut beyond = 0;
        for &(Noted { hash, evaluations, .. }, encoded) in new {
            match series.get(&hash) {
                Some(total) if *total.encoded == *encoded => {
                    total.evaluations.fetch_add(evaluations, Relaxed);
                }
                None if series.len() < SERIES_MAX => {
                    let of = Arc::new(Series::decode(encoded));
                    let evaluations = AtomicU64::new(evaluations);
                    series.insert(hash, Total { encoded: encoded.into(), series: of, evaluations });
                }
                Some(_) | None => beyond += evaluations,
            }
        }
        beyond
    }

    pub fn snapshot(&self) -> EvaluatedState {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let mut series: Vec<_> = series
            .values()
            .map(|total| (Arc::clone(&total.series), total.evaluations.load(Relaxed)))
            .collect();
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

/// A label's text, as much of it as is kept.
struct Text<'a> {
    kept: &'a str,
    is_cut: bool,
}

impl<'a> Text<'a> {
    fn of(text: &'a str) -> Text<'a> {
        match text.len() > TEXT_BYTES_MAX {
            false => Text { kept: text, is_cut: false },
            true => {
                Text { kept: &text[..text.floor_char_boundary(TEXT_BYTES_MAX - CUT.len())], is_cut: true }
            }
        }
    }

    /// Its length and one more, then its bytes; nothing is a zero.
    fn encode(text: Option<&Text<'_>>, bytes: &mut Vec<u8>) {
        let Some(Text { kept, is_cut }) = text else { return bytes.push(0) };
        let more = if *is_cut { CUT } else { "" };
        bytes.push(u8::try_from(kept.len() + more.len() + 1).expect("the limit is below 255"));
        bytes.extend_from_slice(kept.as_bytes());
        bytes.extend_from_slice(more.as_bytes());
    }

    /// Whether a series that was encoded has these texts.
    fn are(texts: &[Option<Text<'_>>; 3], encoded: &[u8]) -> bool {
        let mut rest = encoded;
        texts.iter().all(|text| {
            let Some((&length, bytes)) = rest.split_first() else { return false };
            let (stored, after) = bytes.split_at(usize::from(length).saturating_sub(1).min(bytes.len()));
            rest = after;
            match text {
                None => length == 0,
                Some(Text { kept, is_cut: false }) => length > 0 && stored == kept.as_bytes(),
                Some(Text { kept, is_cut: true }) => {
                    stored.strip_suffix(CUT.as_bytes()).is_some_and(|stored| stored == kept.as_bytes())
                }
            }
        })
    }
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
/// So many are found by looking at each.
const FEW: usize = 16;
/// Whoever has so many is given room for [`FEW`].
const SOME: usize = 4;
/// Room for so many more, once there are more than those.
const MANY: usize = 64;
/// What two or three series take.
const FIRST_BYTES: usize = 160;

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
