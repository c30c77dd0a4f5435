//! Evaluations that came before, byte for byte: what was made of them holds for the next one.
//!
//! A flag that is evaluated a thousand times a second says the same a thousand times: of the relay proxy's spans nothing
//! differs but ids and times. Reading one, putting it into today's words and writing it costs ten times as much as
//! finding it here.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use crate::flags::evaluation::Evaluation;
use crate::flags::normalise::Text;
use crate::otlp::{Appended, Keys, Saying};

/// What a processor remembers for one request at a time: [`SLOTS`] evaluations. With what is written about each, and its
/// texts once more, that is about a megabyte where all slots are taken, and four at most.
///
/// Holds for one policy, and as long as nothing but the span itself says what is written about it.
pub struct Memory {
    slots: Box<[Slot]>,
    hash: RandomState,
    /// Spans that were asked for since it was last asked whether that is of use, and those that were remembered: under a
    /// policy that takes attributes away none is, however often it comes.
    asked: u32,
    known: u32,
    /// So many spans are not asked for: nearly nothing comes twice.
    resting: u32,
}

#[derive(Clone, Default)]
struct Slot {
    hash: u64,
    /// How often it was asked for lately, up to [`WORTH_MAX`]: others take its place only when that is used up.
    worth: u8,
    /// Nothing until it is asked for a second time, so that what never comes again costs next to nothing.
    remembered: Option<Arc<Remembered>>,
}

/// A span that is an evaluation, and what was made of it.
pub(super) struct Remembered {
    /// Head and tail of the span, then the name of its scope.
    said: Box<[u8]>,
    head_end: usize,
    tail_end: usize,
    key: Option<Range<usize>>,
    variant: Option<Range<usize>>,
    /// Without its value.
    pub evaluation: Evaluation<'static>,
    pub written: Appended,
    /// Which of the names that may be written it has.
    pub keys: Keys,
    pub is_answer: bool,
}

/// What a memory knows about a span.
pub(super) enum Recall {
    Known(Arc<Remembered>),
    /// It has been asked for before, and is to be remembered.
    Again(Place),
    Unknown,
}

/// Where something is to be remembered.
#[derive(Clone, Copy)]
pub(super) struct Place {
    slot: usize,
    hash: u64,
}

impl Default for Memory {
    fn default() -> Self {
        let (slots, hash) = (vec![Slot::default(); SLOTS].into(), RandomState::default());
        Memory { slots, hash, asked: 0, known: 0, resting: 0 }
    }
}

impl Memory {
    /// Whether it is worth asking for the next span. Where every evaluation names another user nothing comes twice, and
    /// the time to find that out is spent in vain.
    #[inline]
    pub(super) fn is_of_use(&mut self) -> bool {
        let rests = self.resting > 0;
        self.resting -= u32::from(rests);
        !rests
    }

    pub(super) fn recall(&mut self, saying: &Saying<'_>, scope: &str) -> Recall {
        if saying.head.len() + saying.tail.len() + scope.len() > BYTES_MAX {
            return Recall::Unknown;
        }
        self.asked += 1;
        if self.asked == TRIAL {
            self.resting = if self.known < TRIAL / WORTHWHILE { TRIAL * RESTS } else { 0 };
            (self.asked, self.known) = (0, 0);
        }
        let mut hasher = self.hash.build_hasher();
        for bytes in [saying.head, saying.tail, scope.as_bytes()] {
            hasher.write(bytes);
            hasher.write_usize(bytes.len());
        }
        let hash = hasher.finish();
        let [one, other] = slots_of(hash);
        let Some(known) = [one, other].into_iter().find(|slot| self.slots[*slot].hash == hash) else {
            // the one that is missed less makes room; of two, not always the same, or two newcomers who share one would
            // drive each other out for ever
            let least = match self.slots[one].worth.cmp(&self.slots[other].worth) {
                Ordering::Less => one,
                Ordering::Greater => other,
                Ordering::Equal => [one, other][usize::from(fastrand::bool())],
            };
            let slot = &mut self.slots[least];
            if slot.worth > 0 {
                slot.worth -= 1;
            } else {
                *slot = Slot { hash, worth: 0, remembered: None };
            }
            return Recall::Unknown;
        };
        let slot = &mut self.slots[known];
        slot.worth = (slot.worth + 1).min(WORTH_MAX);
        match &slot.remembered {
            Some(remembered) if remembered.is(saying, scope) => {
                self.known += 1;
                Recall::Known(Arc::clone(remembered))
            }
            Some(_) => Recall::Unknown,
            None => Recall::Again(Place { slot: known, hash }),
        }
    }

    pub(super) fn remember(&mut self, Place { slot, hash }: Place, what: Remembered) {
        let slot = &mut self.slots[slot];
        if slot.hash == hash && what.said.len() + what.written.len() <= 2 * BYTES_MAX {
            slot.remembered = Some(Arc::new(what));
        }
    }
}

/// The two slots in which something may stand: with one, every tenth of a hundred would find its own taken.
fn slots_of(hash: u64) -> [usize; 2] {
    [hash as usize % SLOTS, (hash >> 32) as usize % SLOTS]
}

impl Remembered {
    pub fn new(
        saying: &Saying<'_>,
        scope: &str,
        evaluation: &Evaluation<'_>,
        (written, keys): (Appended, Keys),
        is_answer: bool,
    ) -> Remembered {
        let said = [saying.head, saying.tail, scope.as_bytes()].concat().into();
        let place = |text: &Option<Text<'_>>| text.as_ref().and_then(|text| place_in(saying.tail, text));
        Remembered {
            said,
            head_end: saying.head.len(),
            tail_end: saying.head.len() + saying.tail.len(),
            key: place(&evaluation.key),
            variant: place(&evaluation.variant),
            evaluation: evaluation.texts(),
            written,
            keys,
            is_answer,
        }
    }

    #[inline]
    fn is(&self, saying: &Saying<'_>, scope: &str) -> bool {
        let Remembered { said, head_end, tail_end, .. } = self;
        said[*head_end..*tail_end] == *saying.tail
            && said[..*head_end] == *saying.head
            && said[*tail_end..] == *scope.as_bytes()
    }

    /// The flag's key as it stands in a span that says the same.
    pub fn key<'a>(&self, saying: &Saying<'a>) -> Option<Text<'a>> {
        text_at(saying.tail, &self.key, &self.evaluation.key)
    }

    /// The variant as it stands in a span that says the same.
    pub fn variant<'a>(&self, saying: &Saying<'a>) -> Option<Text<'a>> {
        text_at(saying.tail, &self.variant, &self.evaluation.variant)
    }
}

/// Where a text lies in `bytes`, if it is part of them.
fn place_in(bytes: &[u8], text: &Text<'_>) -> Option<Range<usize>> {
    let Cow::Borrowed(text) = text else { return None };
    let start = text.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
    (start + text.len() <= bytes.len()).then_some(start..start + text.len())
}

fn text_at<'a>(
    bytes: &'a [u8],
    place: &Option<Range<usize>>,
    text: &Option<Text<'static>>,
) -> Option<Text<'a>> {
    match place {
        Some(place) => std::str::from_utf8(&bytes[place.clone()]).ok().map(Cow::Borrowed),
        None => text.clone(),
    }
}

/// The memories of one processor: as many as there ever were requests at once. Each has one for itself.
#[derive(Default)]
pub struct Memories(Mutex<Vec<Memory>>);

impl Memories {
    /// Lends a memory for one request. One that a panic interrupts is gone.
    pub fn lend<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        let lent = self.lock().pop();
        let mut memory = lent.unwrap_or_default();
        let done = work(&mut memory);
        self.lock().push(memory);
        done
    }

    /// How many evaluations are remembered.
    #[cfg(test)]
    pub(crate) fn known(&self) -> usize {
        let known = |memory: &Memory| memory.slots.iter().filter(|slot| slot.remembered.is_some()).count();
        self.lock().iter().map(known).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memories {
    /// What is remembered is telemetry, and no log's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memories")
    }
}

const SLOTS: usize = 512;
/// Of what a span and its scope's name say, and of what is written about it.
const BYTES_MAX: usize = 1 << 10;
const WORTH_MAX: u8 = 3;
/// After so many spans it is asked whether one in [`WORTHWHILE`] was remembered; if not, it rests for [`RESTS`] times as
/// many.
const TRIAL: u32 = 512;
const WORTHWHILE: u32 = 16;
const RESTS: u32 = 16;
