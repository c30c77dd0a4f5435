//! Who gets which variation: a port of GO Feature Flag's `modules/core/flag/rule.go` and `utils/hash.go` (v0.7.2).
//!
//! Only what needs no evaluation context: buckets, and rollouts that proceed with time.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// How a rule chooses. `progressiveRollout` goes before `percentage`, and that before `variation`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// What a scheduled step calls the rule that it changes.
    pub name: Option<String>,
    pub variation: Option<String>,
    /// By variation. They need not sum up to 100.
    pub percentages: BTreeMap<String, f64>,
    pub progressive: Option<Ramp>,
    /// Does not matter in a default rule.
    pub disabled: bool,
}

/// A rollout from one variation to another, linear in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ramp {
    pub initial: RampEnd,
    pub end: RampEnd,
}

/// Where a [`Ramp`] begins or ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RampEnd {
    pub variation: Option<String>,
    /// The share of the end's variation at this date.
    pub percentage: Option<f64>,
    pub date: Option<SystemTime>,
}

impl Rule {
    /// The variation whose bucket a key falls into; `None` if the rule has no buckets, or if GO Feature Flag itself may
    /// come to one or another number of them.
    pub fn bucket(&self, flag: &str, key: &str, time: SystemTime) -> Option<&str> {
        if let Some(ramp) = &self.progressive {
            return ramp.bucket(hash(flag, key, PERCENT_100), time);
        }
        let hash = hash(flag, key, buckets(&self.percentages)?);
        let mut end = 0.0;
        // from the last name to the first, so that `True` comes before `False`
        self.percentages.iter().rev().find_map(|(variation, percentage)| {
            let start = end;
            end += percentage * PER_PERCENT;
            (start as u32 <= hash && hash < end as u32).then_some(variation.as_str())
        })
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        bytes(self.name.as_ref(), self.variation.as_ref(), &self.percentages, self.progressive.as_ref())
    }

    /// Takes over what a scheduled step says; a negative percentage removes one.
    pub(super) fn merge(&mut self, change: RuleChange) {
        let RuleChange { variation, percentages, progressive, disabled, name: _ } = change;
        self.variation = variation.or(self.variation.take());
        self.disabled = disabled.unwrap_or(self.disabled);
        for (variation, percentage) in percentages {
            if percentage < 0.0 {
                self.percentages.remove(&variation);
            } else {
                self.percentages.insert(variation, percentage);
            }
        }
        if let Some(change) = progressive {
            let ramp = self.progressive.get_or_insert_default();
            ramp.initial.merge(change.initial);
            ramp.end.merge(change.end);
        }
    }
}

/// What a file says about a rule, or a scheduled step about the rule of that name.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleChange {
    pub name: Option<String>,
    pub variation: Option<String>,
    pub percentages: BTreeMap<String, f64>,
    pub progressive: Option<Ramp>,
    pub disabled: Option<bool>,
}

impl RuleChange {
    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        bytes(self.name.as_ref(), self.variation.as_ref(), &self.percentages, self.progressive.as_ref())
    }
}

fn bytes(
    name: Option<&String>,
    variation: Option<&String>,
    percentages: &BTreeMap<String, f64>,
    ramp: Option<&Ramp>,
) -> usize {
    let ends = ramp.into_iter().flat_map(|ramp| [&ramp.initial.variation, &ramp.end.variation]).flatten();
    let texts = name.into_iter().chain(variation).chain(ends).map(String::len).sum::<usize>();
    size_of::<Rule>() + texts + percentages.keys().map(|name| entry_bytes(name)).sum::<usize>()
}

/// About what an entry of a map takes in memory, its value aside if that is not a number.
pub(super) fn entry_bytes(name: &str) -> usize {
    64 + name.len()
}

impl From<RuleChange> for Rule {
    fn from(said: RuleChange) -> Rule {
        let RuleChange { name, variation, percentages, progressive, disabled } = said;
        Rule { name, variation, percentages, progressive, disabled: disabled.unwrap_or(false) }
    }
}

impl Ramp {
    fn bucket(&self, hash: u32, time: SystemTime) -> Option<&str> {
        let (start, end) = (self.initial.date?, self.end.date?);
        let (from, to) = (self.initial.variation.as_deref()?, self.end.variation.as_deref()?);
        if end <= start {
            return None;
        }
        if time < start {
            return Some(from);
        }
        let initial = self.initial.percentage.unwrap_or(0.0) * PER_PERCENT;
        let last = match self.end.percentage {
            Some(percentage) if percentage != 0.0 && percentage <= 100.0 => percentage * PER_PERCENT,
            _ => f64::from(PERCENT_100),
        };
        let share = if time >= end {
            last
        } else {
            // in whole seconds, as the original counts them
            let lasts = seconds(end) - seconds(start);
            if lasts == 0 {
                return None;
            }
            let passed = seconds(time) - seconds(start);
            passed as f64 * ((last - initial) / lasts as f64) + initial
        };
        Some(if hash < share as u32 { to } else { from })
    }
}

impl RampEnd {
    fn merge(&mut self, change: RampEnd) {
        self.variation = change.variation.or(self.variation.take());
        self.percentage = change.percentage.or(self.percentage);
        self.date = change.date.or(self.date);
    }
}

/// How many buckets a split has; `None` if that depends on the order in which the percentages are summed up.
///
/// The original sums them up over a map of Go, whose order is another one each time, and cuts off the rest: 33.3, 33.3
/// and 33.4 make 100,000 buckets or 99,999.
fn buckets(percentages: &BTreeMap<String, f64>) -> Option<u32> {
    let sum: f64 = percentages.values().sum();
    let count = |sum: f64| (sum * PER_PERCENT) as u32;
    let said = percentages.values().filter(|percentage| **percentage != 0.0).count();
    // two have one sum, and so have whole numbers, halves, quarters … up to 1/1024: nothing is rounded
    let is_exact =
        |percentage: &f64| (percentage * 1024.0).fract() == 0.0 && percentage.abs() < f64::from(u32::MAX);
    if said <= 2 || percentages.values().all(is_exact) {
        return Some(count(sum));
    }
    let error =
        percentages.values().map(|percentage| percentage.abs()).sum::<f64>() * said as f64 * f64::EPSILON;
    (count(sum - error) == count(sum + error)).then(|| count(sum))
}

/// The place of a key among the buckets of a flag.
fn hash(flag: &str, key: &str, modulus: u32) -> u32 {
    fnv1a(flag.bytes().chain(key.bytes())).checked_rem(modulus).unwrap_or(0)
}

/// 32-bit FNV-1a (draft-eastlake-fnv).
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Buckets are thousandths of a percent.
const PER_PERCENT: f64 = 1000.0;
const PERCENT_100: u32 = 100_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn split<const N: usize>(percentages: [(&str, f64); N]) -> Rule {
        let percentages = percentages.map(|(variation, percentage)| (variation.to_owned(), percentage));
        Rule { percentages: percentages.into(), ..Rule::default() }
    }

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    /// From 0 % of B at second 1000 to 25 % at second 1002.
    fn ramp() -> Ramp {
        let end = |variation: &str, percentage, second| RampEnd {
            variation: Some(variation.to_owned()),
            percentage: Some(percentage),
            date: Some(at(second)),
        };
        Ramp { initial: end("A", 0.0, 1000), end: end("B", 25.0, 1002) }
    }

    #[test]
    fn the_hash_is_that_of_go_feature_flag() {
        assert_eq!(hash("flagName", "UserKey", u32::MAX), 3_946_001_934);
        assert_eq!(hash("new-checkout", "user-10", PERCENT_100), 7459);
        assert_eq!(hash("new-checkout", "user-46", PERCENT_100), 1124);
        assert_eq!(hash("new-checkout", "user-42", PERCENT_100), 90_648);
        assert_eq!(hash("new-checkout", "user-7", PERCENT_100), 67_143);
        assert_eq!(hash("any", "one", 0), 0);
    }

    #[test]
    fn buckets_are_those_of_go_feature_flags_own_tests() {
        let time = at(0);
        let flag = "flagname+";
        assert_eq!(
            split([("variation_B", 0.0), ("variation_C", 100.0)]).bucket(flag, "userkey", time),
            Some("variation_C")
        );
        assert_eq!(
            split([("variation_C", 9.0), ("variation_B", 91.0)]).bucket(flag, "userkey", time),
            Some("variation_C")
        );
        assert_eq!(
            split([("variation_C", 91.0), ("variation_B", 91.0)]).bucket(flag, "userkey", time),
            Some("variation_B")
        );
        let three = split([("variation_D", 70.0), ("variation_C", 10.0), ("variation_B", 20.0)]);
        assert_eq!(three.bucket(flag, "randomUserID", time), Some("variation_C"));
        assert_eq!(three.bucket(flag, "96ac59e6-7492-436b-b15a-ba1d797d2423", time), Some("variation_B"));
        let checkout = split([("on", 10.0), ("off", 90.0)]);
        for (user, variation) in [("user-10", "on"), ("user-46", "on"), ("user-42", "off"), ("user-7", "off")]
        {
            assert_eq!(checkout.bucket("new-checkout", user, time), Some(variation), "{user}");
        }
    }

    #[test]
    fn a_split_whose_sum_depends_on_the_order_has_no_bucket() {
        let thirds = [33.3, 33.3, 33.4_f64];
        assert_eq!((thirds.iter().sum::<f64>() * PER_PERCENT) as u32, 100_000);
        assert_eq!((thirds.iter().rev().sum::<f64>() * PER_PERCENT) as u32, 99_999);
        let count = |percentages: &[f64]| {
            buckets(&percentages.iter().enumerate().map(|(name, share)| (name.to_string(), *share)).collect())
        };
        assert_eq!(count(&thirds), None);
        assert_eq!(split([("a", 33.3), ("b", 33.3), ("c", 33.4)]).bucket("flag", "user", at(0)), None);
        assert_eq!(count(&[33.3, 66.7]), Some(100_000), "two have one sum");
        assert_eq!(count(&[33.3, 66.7, 0.0, 0.0]), Some(100_000));
        assert_eq!(count(&[33.0, 33.0, 34.0]), Some(100_000));
        assert_eq!(count(&[12.5, 12.25, 75.25]), Some(100_000));
        assert_eq!(count(&[0.1, 0.2, 0.0305]), Some(330), "every order is cut off to the same");
        assert_eq!(count(&[0.1, f64::NAN, 1.0]), Some(0));
    }

    #[test]
    fn percentages_of_nothing_have_no_bucket() {
        assert_eq!(split([]).bucket("flag", "user", at(0)), None);
        assert_eq!(split([("on", 0.0), ("off", 0.0)]).bucket("flag", "user", at(0)), None);
        assert_eq!(split([("on", f64::NAN)]).bucket("flag", "user", at(0)), None);
        assert_eq!(
            Rule { variation: Some("on".into()), ..Rule::default() }.bucket("flag", "user", at(0)),
            None
        );
    }

    /// The table of GO Feature Flag's `rule_progressive_rollout_test.go`.
    #[test]
    fn a_rollout_proceeds_as_in_go_feature_flags_own_tests() {
        for (hash, second, variation) in [
            (1, 999, "A"),
            (99_999, 999, "A"),
            (5, 1001, "B"),
            (12_499, 1001, "B"),
            (12_500, 1001, "A"),
            (24_999, 1002, "B"),
            (25_000, 1002, "A"),
            (24_999, 1006, "B"),
            (25_000, 1006, "A"),
        ] {
            assert_eq!(ramp().bucket(hash, at(second)), Some(variation), "{hash} at {second}");
        }
    }

    #[test]
    fn a_rollout_without_its_end_percentage_goes_to_100() {
        for percentage in [None, Some(0.0), Some(101.0)] {
            let mut ramp = ramp();
            ramp.end.percentage = percentage;
            assert_eq!(ramp.bucket(99_999, at(1002)), Some("B"), "{percentage:?}");
        }
    }

    #[test]
    fn a_rollout_that_lacks_something_or_ends_before_it_begins_has_no_bucket() {
        let broken: [fn(&mut Ramp); 5] = [
            |ramp| ramp.initial.date = None,
            |ramp| ramp.end.date = None,
            |ramp| ramp.initial.variation = None,
            |ramp| ramp.end.variation = None,
            |ramp| ramp.end.date = ramp.initial.date,
        ];
        for breaks in broken {
            let mut ramp = ramp();
            breaks(&mut ramp);
            assert_eq!(ramp.bucket(1, at(1001)), None, "{ramp:?}");
        }
    }

    #[test]
    fn a_rollout_goes_before_percentages() {
        let rule = Rule { progressive: Some(ramp()), ..split([("C", 100.0)]) };
        assert_eq!(rule.bucket("flag", "user", at(0)), Some("A"));
    }
}
