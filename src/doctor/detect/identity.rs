//! T: times, identity and quality of what comes.

use std::time::SystemTime;

use super::{Change, Evidence, FLAWED, called, shown, times};
use crate::doctor::Raised;
use crate::insight::{FlagCounts, NAMES_MAX, Oddity};

/// A finding that is a mark and a sentence: id, oddity, how often it takes, and what the sender does.
struct Row(&'static str, Oddity, u64, &'static str);

const ROWS: [Row; 10] = [
    Row("T01", Oddity::EndsInFuture, 3, "sends spans that end after they arrive, the latest by"),
    Row("T01", Oddity::BeforeCall, 3, "says that it served calls before they were made:"),
    Row("T02", Oddity::ImplausibleTime, 1, "sends spans with impossible times:"),
    Row("T03", Oddity::NoServiceName, 1, "sends telemetry and does not say which service it is:"),
    Row("T04", Oddity::SharedInstance, 3, "has the same service.instance.id as another process:"),
    Row("T05", Oddity::OutdatedNames, 1, "tells of evaluations by an outdated name:"),
    Row("T06", Oddity::ManyNames, 1, "has very many different span names, such as"),
    Row("T06", Oddity::LargeAttributes, 1, "sends very many or very large attributes:"),
    Row("T08", Oddity::Personal, 1, "sends what looks like an e-mail address, in"),
    Row("T09", Oddity::Undeclared, 1, "evaluates what the definitions do not have: the"),
];

pub(super) fn detect(evidence: &Evidence<'_>) -> Vec<Raised> {
    let mut raised = Vec::new();
    for Row(id, oddity, at_least, does) in ROWS {
        for (sender, mark) in evidence.senders_with(oddity, at_least) {
            let sample = match oddity {
                Oddity::NoServiceName if mark.sample.is_empty() => "there is no service.name".to_owned(),
                Oddity::ManyNames => format!("{} (over {NAMES_MAX})", shown(&mark.sample)),
                _ => shown(&mark.sample),
            };
            let text = format!("{} {does} {sample} ({})", called(sender), times(mark.count));
            let marked = evidence.marked(id, sender, mark, text);
            raised.push(Raised { subject: format!("{} {does}", marked.subject), ..marked });
        }
    }
    raised.extend(invalid_ids(evidence));
    raised.extend(two_variants(evidence));
    raised.extend(misspelt(evidence));
    raised
}

fn invalid_ids(evidence: &Evidence<'_>) -> Option<Raised> {
    let change = evidence.changes.get(FLAWED)?;
    let text = format!(
        "{} items had ids of the wrong length or of zeros only, and were cut out; the rest of their requests was taken",
        change.count
    );
    let Change { count, first, last } = *change;
    Some(Raised { count, first, last, ..evidence.state("T07", "ids", text) })
}

fn two_variants(evidence: &Evidence<'_>) -> Vec<Raised> {
    let found = evidence.senders_with(Oddity::TwoVariants, 1);
    let raised = found.map(|(sender, mark)| {
        let text =
            format!("one request got two variants of a flag for the same context: {}", shown(&mark.sample));
        evidence.marked("T09", sender, mark, text)
    });
    raised.collect()
}

/// A key that never is found, and is nearly one that is.
fn misspelt(evidence: &Evidence<'_>) -> Vec<Raised> {
    let never_found =
        |flag: &FlagCounts| flag.not_found >= NOT_FOUND_MIN && flag.not_found == flag.evaluations;
    let flags = &evidence.signs.flags;
    let there: Vec<&str> =
        flags.iter().filter(|(_, flag)| flag.not_found == 0).map(|(key, _)| &**key).collect();
    let strange = flags.iter().filter(|(_, flag)| never_found(flag)).take(STRANGE_MAX);
    let raised = strange.filter_map(|(key, flag)| {
        let near = there.iter().copied().find(|there| is_near(key, there))?;
        let (first, last): (SystemTime, SystemTime) = (flag.first_seen, flag.last_seen);
        Some(Raised {
            id: "T09",
            subject: key.to_string(),
            evidence: format!(
                "the flag {} was asked for {} and does not exist; there is {}",
                shown(key),
                times(flag.evaluations),
                shown(near)
            ),
            fix: Some(format!("Correct the key in the caller:\n{}", shown(near))),
            count: flag.evaluations,
            first,
            last,
        })
    });
    raised.collect()
}

/// One or two letters apart.
fn is_near(key: &str, there: &str) -> bool {
    key.len().abs_diff(there.len()) <= NEAR
        && (2 * NEAR + 1..=KEY_BYTES_MAX).contains(&key.len())
        && strsim::osa_distance(key, there) <= NEAR
}

const NOT_FOUND_MIN: u64 = 5;
const NEAR: usize = 2;
/// Keys that are compared with those that there are; comparing takes time.
const STRANGE_MAX: usize = 20;
const KEY_BYTES_MAX: usize = 64;
