//! Marks, and lists of them that are merged on the way up.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::flags::normalise::Text;

/// What the evaluations of one flag come to. Flags and texts are numbers of [`Texts`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::flags) struct Mark {
    /// [`NONE`] if the evaluation turned out to have no key.
    pub flag: u32,
    /// Where the first of the evaluations stands in the request.
    pub first: u32,
    pub variant: Option<Said>,
    pub error: Option<Said>,
    /// There were several variants.
    pub conflict: bool,
}

/// A text, and where the evaluation that said it stands in the request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::flags) struct Said {
    pub text: u32,
    pub at: u32,
}

impl Mark {
    /// The later of two evaluations counts.
    pub fn absorb(&mut self, other: &Mark) {
        self.first = self.first.min(other.first);
        self.conflict |= other.conflict || differ(self.variant, other.variant);
        self.variant = later(self.variant, other.variant);
        self.error = later(self.error, other.error);
    }

    /// What the span says itself counts more than what was said below it.
    pub fn absorb_below(&mut self, below: &Mark) {
        self.conflict |= below.conflict || differ(self.variant, below.variant);
        self.variant = self.variant.or(below.variant);
        self.error = self.error.or(below.error);
    }
}

fn differ(a: Option<Said>, b: Option<Said>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.text != b.text)
}

fn later(a: Option<Said>, b: Option<Said>) -> Option<Said> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.at >= a.at { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// What has been told from below: the first `cap` flags in order, and the rest.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub list: Vec<Mark>,
    pub rest: HashMap<u32, Mark, RandomState>,
}

impl Marks {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn contains(&self, flag: u32) -> bool {
        self.list.iter().any(|mark| mark.flag == flag) || self.rest.contains_key(&flag)
    }

    /// Takes a flag out, and where it stood.
    pub fn take(&mut self, flag: u32) -> Option<(usize, Mark)> {
        match self.list.iter().position(|mark| mark.flag == flag) {
            Some(place) => Some((place, self.list.remove(place))),
            None => self.rest.remove(&flag).map(|mark| (usize::MAX, mark)),
        }
    }

    /// Undoes [`Marks::take`].
    pub fn put_back(&mut self, taken: Vec<(usize, Mark)>) {
        for (place, mark) in taken.into_iter().rev() {
            match place {
                usize::MAX => _ = self.rest.insert(mark.flag, mark),
                place => self.list.insert(place, mark),
            }
        }
    }

    /// The smaller goes into the larger, so that each mark is moved a logarithmic number of times.
    pub fn merge(&mut self, mut other: Marks, cap: usize, slots: &mut Slots) {
        if self.list.len() + self.rest.len() < other.list.len() + other.rest.len() {
            std::mem::swap(self, &mut other);
        }
        slots.begin();
        for (place, mark) in self.list.iter().enumerate() {
            slots.place(mark.flag, place);
        }
        for mark in other.list.iter().chain(other.rest.values()) {
            self.add(mark, slots);
        }
        self.settle(cap);
    }

    pub fn add(&mut self, mark: &Mark, slots: &mut Slots) {
        if let Some(place) = slots.place_of(mark.flag) {
            self.list[place].absorb(mark);
            return;
        }
        let mut mark = *mark;
        if let Some(rest) = self.rest.remove(&mark.flag) {
            mark.absorb(&rest);
        }
        slots.place(mark.flag, self.list.len());
        self.list.push(mark);
    }

    pub fn settle(&mut self, cap: usize) {
        if !self.list.is_sorted_by_key(|mark| mark.first) {
            self.list.sort_unstable_by_key(|mark| mark.first);
        }
        // one at least, since an empty list means that nothing was told
        let late = self.list.drain(cap.max(1).min(self.list.len())..);
        self.rest.extend(late.map(|mark| (mark.flag, mark)));
    }
}

impl Mark {
    pub fn is_told(&self) -> bool {
        self.flag != NONE && (self.variant.is_some() || self.error.is_some())
    }
}

/// Where each flag stands in some list; starting over costs nothing.
#[derive(Debug, Default)]
pub(in crate::flags) struct Slots {
    places: Vec<(u32, u32)>,
    round: u32,
}

impl Slots {
    pub fn begin(&mut self) {
        self.round += 1;
    }

    pub fn place(&mut self, flag: u32, place: usize) {
        #[cfg(test)]
        crate::otlp::work::step();
        let flag = flag as usize;
        if self.places.len() <= flag {
            self.places.resize(flag + 1, (0, 0));
        }
        self.places[flag] = (self.round, place as u32);
    }

    pub fn place_of(&self, flag: u32) -> Option<usize> {
        let &(round, place) = self.places.get(flag as usize)?;
        (round == self.round).then_some(place as usize)
    }
}

/// Keys, variants and error types as numbers.
#[derive(Default)]
pub(in crate::flags) struct Texts<'a> {
    numbers: HashMap<Text<'a>, u32, RandomState>,
    texts: Vec<Text<'a>>,
}

impl<'a> Texts<'a> {
    /// With room for so many.
    pub fn with_capacity(texts: usize) -> Texts<'a> {
        let numbers = HashMap::with_capacity_and_hasher(texts, RandomState::default());
        Texts { numbers, texts: Vec::with_capacity(texts) }
    }

    pub fn number(&mut self, text: &Text<'a>) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.clone());
        self.numbers.insert(text.clone(), number);
        number
    }

    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }
}

/// No span, no flag.
pub(in crate::flags) const NONE: u32 = u32::MAX;
