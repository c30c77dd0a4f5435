//! Every flag that was seen, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::told::Told;

/// A flag as it was seen in what was looked at.
#[derive(Clone, Debug)]
pub struct Flag {
    pub evaluations: u64,
    pub errors: u64,
    /// Evaluations by variant; an empty one is none. At most [`NAMES_MAX`].
    pub variants: BTreeMap<Arc<str>, u64>,
    pub reasons: BTreeMap<Arc<str>, u64>,
    pub services: BTreeSet<Arc<str>>,
    pub providers: BTreeSet<Arc<str>>,
    pub versions: BTreeSet<Arc<str>>,
    /// Evaluations that failed since there is no such flag.
    pub not_found: u64,
    pub first_seen: SystemTime,
    pub last_seen: SystemTime,
    /// Evaluations in each of the last [`SLOTS`] spans of [`SLOT`], by the number of the span.
    recent: [(u64, u64); SLOTS],
}

/// How often a flag was seen, and since when.
#[derive(Clone, Copy, Debug)]
pub struct FlagCounts {
    pub evaluations: u64,
    /// Evaluations that failed since there is no such flag.
    pub not_found: u64,
    pub first_seen: SystemTime,
    pub last_seen: SystemTime,
}

/// All flags that are remembered; [`FLAGS_MAX`] at most.
#[derive(Debug, Default)]
pub(super) struct Flags {
    flags: BTreeMap<Arc<str>, Flag>,
}

impl Flags {
    /// Counts an evaluation, which stands for so many.
    pub fn count(&mut self, told: &Told, stands_for: u64, now: SystemTime) {
        if told.key.is_empty() {
            return;
        }
        if self.flags.len() >= FLAGS_MAX && !self.flags.contains_key(&told.key) {
            return;
        }
        let flag = self.flags.entry(Arc::clone(&told.key)).or_insert_with(|| Flag::new(now));
        flag.evaluations += stands_for;
        flag.errors += if told.failed() { stands_for } else { 0 };
        flag.not_found +=
            if *told.error == *crate::flags::conventions::ERROR_FLAG_NOT_FOUND { stands_for } else { 0 };
        flag.last_seen = now;
        for (names, name) in [(&mut flag.variants, &told.variant), (&mut flag.reasons, &told.reason)] {
            let fits = names.len() < NAMES_MAX && name.len() <= NAME_BYTES_MAX;
            if fits || names.contains_key(name) {
                *names.entry(Arc::clone(name)).or_default() += stands_for;
            }
        }
        for (names, name) in [
            (&mut flag.services, &told.service),
            (&mut flag.providers, &told.provider),
            (&mut flag.versions, &told.version),
        ] {
            if !name.is_empty() && names.len() < NAMES_MAX && name.len() <= NAME_BYTES_MAX {
                names.insert(Arc::clone(name));
            }
        }
        let slot = slot(now);
        let place = &mut flag.recent[slot as usize % SLOTS];
        if place.0 != slot {
            *place = (slot, 0);
        }
        place.1 += stands_for;
    }

    /// What conclusions are drawn from.
    pub fn counts(&self) -> BTreeMap<Arc<str>, FlagCounts> {
        let counts = |flag: &Flag| FlagCounts {
            evaluations: flag.evaluations,
            not_found: flag.not_found,
            first_seen: flag.first_seen,
            last_seen: flag.last_seen,
        };
        self.flags.iter().map(|(key, flag)| (Arc::clone(key), counts(flag))).collect()
    }

    pub fn all(&self) -> BTreeMap<Arc<str>, Flag> {
        self.flags.clone()
    }
}

impl Flag {
    fn new(now: SystemTime) -> Flag {
        Flag {
            evaluations: 0,
            errors: 0,
            variants: BTreeMap::new(),
            reasons: BTreeMap::new(),
            services: BTreeSet::new(),
            providers: BTreeSet::new(),
            versions: BTreeSet::new(),
            not_found: 0,
            first_seen: now,
            last_seen: now,
            recent: [(0, 0); SLOTS],
        }
    }

    /// Evaluations in each of the last [`SLOTS`] spans of [`SLOT`], the present one last.
    pub fn recent(&self, now: SystemTime) -> Vec<u64> {
        let last = slot(now);
        let first = last.saturating_sub(SLOTS as u64 - 1);
        (first..=last)
            .map(|slot| match self.recent[slot as usize % SLOTS] {
                (of, evaluations) if of == slot => evaluations,
                _ => 0,
            })
            .collect()
    }
}

fn slot(now: SystemTime) -> u64 {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / SLOT.as_secs()
}

/// Flags that are remembered.
pub const FLAGS_MAX: usize = 2000;
/// Variants, services and the like of one flag.
pub const NAMES_MAX: usize = 32;
/// Longer names of variants, services and the like are not listed.
const NAME_BYTES_MAX: usize = 64;
pub const SLOTS: usize = 30;
pub const SLOT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_knows_what_was_evaluated_of_late() {
        let mut flags = Flags::default();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let told = Told { key: "a".into(), variant: "on".into(), ..Told::default() };
        flags.count(&told, 1, start);
        flags.count(&told, 4, start + SLOT);
        flags.count(&told, 1, start + SLOT);
        let all = flags.all();
        let flag = &all["a"];
        assert_eq!(flag.recent(start + 2 * SLOT)[27..], [1, 5, 0]);
        assert_eq!(flag.recent(start + 40 * SLOT), [0; SLOTS]);
        assert_eq!(flag.variants["on"], 6);
    }

    #[test]
    fn flags_beyond_the_limit_leave_those_that_are_known() {
        let mut flags = Flags::default();
        let now = SystemTime::UNIX_EPOCH;
        for number in 0..FLAGS_MAX + 3 {
            flags.count(&Told { key: number.to_string().into(), ..Told::default() }, 1, now);
        }
        flags.count(&Told { key: "0".into(), ..Told::default() }, 1, now);
        assert_eq!(flags.all().len(), FLAGS_MAX);
        assert_eq!(flags.all()["0"].evaluations, 2);
    }
}
