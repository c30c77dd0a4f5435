//! What the tables of all families say about a name, found at once.

use std::sync::LazyLock;

use super::request::{self, Part};
use super::{Clue, FAMILIES, Family, Form, Homonym};
use crate::flags::conventions::{self, EVENT_NAME_ATTRIBUTES, Field, Name};
use crate::flags::evaluation::Candidate;
use crate::flags::normalise::{self, Read};
use crate::otlp::Value;

/// What a key means, found by its first byte and its length.
pub(super) struct Index {
    shelves: Vec<Vec<Entry>>,
    /// The names of evaluation events.
    events: Vec<&'static str>,
    /// What stands before the key in names of which each is one flag.
    flags: Vec<&'static str>,
    homonyms: Vec<Meant>,
    pub spans: Vec<Shape>,
    pub bulk: Vec<Shape>,
    /// What each name adds to [`Carried`], by its place in the tables.
    bits: Vec<u32>,
}

/// What a span carries of all that forms need, a bit for each name; a key that says nothing is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carried(u32);

impl Carried {
    /// A flag's key of any name.
    pub fn key(self) -> bool {
        self.0 & KEYED != 0
    }
}

/// A form, and what it needs.
pub(super) struct Shape {
    pub form: &'static Form,
    needs: u32,
}

impl Shape {
    /// Whether the span carries what the form needs.
    #[inline]
    pub fn is_carried(&self, carried: Carried) -> bool {
        self.needs == 0 || self.needs & carried.0 != 0
    }

    /// Whether a span that carries nothing else fits once it has a key.
    pub fn needs_key(&self) -> bool {
        self.form.carries.contains(&conventions::KEY)
    }
}

#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub key: &'static str,
    pub meaning: Meaning,
}

#[derive(Clone, Copy)]
pub(super) enum Meaning {
    Field { name: &'static Name, rank: u16 },
    Http(Part),
    EventName,
}

/// A homonym, by the rank of the name that it is taken for and of what it is.
struct Meant {
    seems: u16,
    homonym: &'static Homonym,
    rank: u16,
}

impl Index {
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<&Entry> {
        self.shelves[Index::shelf(key)?].iter().find(|entry| entry.key.as_bytes() == key)
    }

    /// The flag's key in a name that is one flag.
    #[inline]
    pub fn flag<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let prefix = |prefix: &&str| match prefix.as_bytes() {
            [first, ..] if key.first() == Some(first) => key.strip_prefix(prefix.as_bytes()),
            _ => None,
        };
        self.flags.iter().find_map(prefix)
    }

    pub fn carried(&self, candidates: &[Candidate<'_>]) -> Carried {
        let mut carried = 0;
        for candidate in candidates {
            let bits = self.bits[usize::from(candidate.rank & PLACES)];
            if bits != 0 && (candidate.name.field != Field::Key || is_key(candidate)) {
                carried |= bits;
            }
        }
        Carried(carried)
    }

    pub fn is_event(&self, name: &str) -> bool {
        self.events.contains(&name)
    }

    /// Gives attributes whose name has another meaning in some sender's hands that meaning.
    pub fn tell_apart(&self, candidates: &mut [Candidate<'_>]) {
        for Meant { seems, homonym, rank } in &self.homonyms {
            let Some(place) = candidates.iter().position(|candidate| candidate.rank == *seems) else {
                continue;
            };
            if homonym.fits(candidates[place].value, candidates) {
                candidates[place] =
                    Candidate { name: &homonym.means, rank: *rank, value: candidates[place].value };
            }
        }
    }

    fn add(&mut self, key: &'static str, meaning: Meaning) {
        if let Some(shelf) = Index::shelf(key.as_bytes()) {
            self.shelves[shelf].push(Entry { key, meaning });
        }
    }

    fn rank_of(&self, key: &str) -> Option<u16> {
        match self.find(key.as_bytes())?.meaning {
            Meaning::Field { rank, .. } => Some(rank),
            _ => None,
        }
    }

    /// Spreads the names of the tables so far that nearly every key meets an empty shelf or its own.
    #[inline]
    fn shelf(key: &[u8]) -> Option<usize> {
        let [first, .., last] = key else { return None };
        let middle = usize::from(key[key.len() / 2]);
        Some((usize::from(*first) * 5 + middle * 37 + usize::from(*last) * 101 + key.len() * 11) % SHELVES)
    }
}

impl Homonym {
    fn fits(&self, value: Value<'_>, candidates: &[Candidate<'_>]) -> bool {
        let clue = candidates.iter().any(|candidate| match self.clue {
            Clue::Carries(name) => candidate.name.name == name,
            Clue::Provider(name) => {
                candidate.name.field == Field::Provider && candidate.value == Value::Str(name)
            }
        });
        clue && (self.means.field != Field::VariationIndex
            || normalise::variation_index(value) != Read::Foreign)
    }
}

pub(super) static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index {
        shelves: vec![Vec::new(); SHELVES],
        events: FAMILIES.iter().flat_map(|family| family.events).copied().collect(),
        flags: FAMILIES.iter().flat_map(|family| family.flags).copied().collect(),
        homonyms: Vec::new(),
        spans: Vec::new(),
        bulk: Vec::new(),
        bits: vec![0; usize::from(PLACES) + 1],
    };
    let names = conventions::NAMES.iter().chain(FAMILIES.iter().flat_map(|family| family.names));
    let mut place = 0;
    for name in names {
        index.add(name.name, Meaning::Field { name, rank: rank(name.field, place) });
        place += 1;
    }
    for homonym in FAMILIES.iter().flat_map(|family| family.homonyms) {
        let rank = rank(homonym.means.field, place);
        index.homonyms.extend(index.rank_of(homonym.means.name).map(|seems| Meant { seems, homonym, rank }));
        place += 1;
    }
    index.bits = bits(&index);
    index.spans = shapes(&index, |family| family.spans);
    index.bulk = shapes(&index, |family| family.bulk);
    for &(key, part) in request::PARTS {
        index.add(key, Meaning::Http(part));
    }
    for key in EVENT_NAME_ATTRIBUTES {
        index.add(key, Meaning::EventName);
    }
    index
});

/// One for each name that a form needs, and one that all keys share.
fn bits(index: &Index) -> Vec<u32> {
    let mut bits = vec![0; usize::from(PLACES) + 1];
    for entry in index.shelves.iter().flatten() {
        if let Meaning::Field { name, rank } = entry.meaning
            && name.field == Field::Key
        {
            bits[usize::from(rank & PLACES)] |= KEYED;
        }
    }
    for (name, bit) in needed().zip(0..) {
        if let Some(rank) = index.rank_of(name) {
            bits[usize::from(rank & PLACES)] |= 1 << bit;
        }
    }
    bits
}

/// The names that forms need, each once.
fn needed() -> impl Iterator<Item = &'static str> {
    let forms = FAMILIES.iter().flat_map(|family| family.spans.iter().chain(family.bulk));
    let names: std::collections::BTreeSet<_> = forms.flat_map(|form| form.carries).copied().collect();
    names.into_iter()
}

fn shapes(index: &Index, forms: fn(&Family) -> &'static [Form]) -> Vec<Shape> {
    let bit =
        |name: &&str| index.rank_of(name).map_or(0, |rank| index.bits[usize::from(rank & PLACES)] & !KEYED);
    let needs = |form: &Form| form.carries.iter().map(bit).fold(0, |all, bit| all | bit);
    FAMILIES.iter().flat_map(|family| forms(family)).map(|form| Shape { form, needs: needs(form) }).collect()
}

pub(super) fn is_key(candidate: &Candidate<'_>) -> bool {
    matches!(normalise::key(candidate.value), Read::Known(_))
}

/// By field first, then in the order of the tables.
pub(super) fn rank(field: Field, place: usize) -> u16 {
    (field as u16) << 8 | place as u16
}

/// Where the place in the tables stands in a rank.
const PLACES: u16 = 0xff;
const KEYED: u32 = 1 << 31;

const SHELVES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_the_tables_once_and_a_homonym_takes_another_names_place() {
        let mut names: Vec<_> = INDEX.shelves.iter().flatten().map(|entry| entry.key).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(all < usize::from(PLACES), "a rank has room for one byte of places");
        assert!(needed().count() < 31, "a word has room for as many names");
        assert!(needed().all(|name| INDEX.rank_of(name).is_some()), "what a form needs is in the tables");
        let homonyms = FAMILIES.iter().flat_map(|family| family.homonyms).count();
        assert_eq!(INDEX.homonyms.len(), homonyms);
    }

    #[test]
    fn names_are_spread_over_the_shelves() {
        assert!(INDEX.shelves.iter().all(|shelf| shelf.len() <= 3));
    }
}
