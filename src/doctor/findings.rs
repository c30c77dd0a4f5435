//! The life of findings: raised, seen again, resolved, forgotten.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::{EVIDENCE_CHARS_MAX, Raised, Severity, catalogue};

/// A finding as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub id: &'static str,
    pub severity: Severity,
    pub title: &'static str,
    pub means: &'static str,
    pub evidence: String,
    pub fix: String,
    pub count: u64,
    pub first_seen: SystemTime,
    pub last_seen: SystemTime,
    /// Since when it is no longer so.
    pub resolved: Option<SystemTime>,
}

/// All findings that hold, and those that were resolved lately.
#[derive(Debug, Default)]
pub(super) struct Findings {
    by_subject: BTreeMap<(&'static str, String), Finding>,
}

impl Findings {
    /// Takes what the detectors say now in place of what they said before.
    pub fn update(&mut self, raised: Vec<Raised>, now: SystemTime) {
        let holding: Vec<(&'static str, String)> = raised
            .iter()
            .filter(|raised| holds(raised, now))
            .map(|raised| (raised.id, raised.subject.clone()))
            .collect();
        for raised in few_of_each(raised, now) {
            let Some(entry) = catalogue::entry(raised.id) else { continue };
            let key = (entry.id, raised.subject);
            let before = self.by_subject.get(&key);
            let first_seen = match before {
                Some(before) if before.resolved.is_none() => before.first_seen.min(raised.first),
                _ => raised.first,
            };
            let finding = Finding {
                id: entry.id,
                severity: entry.severity,
                title: entry.title,
                means: entry.means,
                evidence: within(raised.evidence),
                fix: raised.fix.unwrap_or_else(|| entry.fix.to_owned()),
                count: raised.count,
                first_seen,
                last_seen: raised.last,
                resolved: None,
            };
            self.by_subject.insert(key, finding);
        }
        for (key, finding) in &mut self.by_subject {
            if finding.resolved.is_none() && !holding.contains(key) {
                finding.resolved = Some(now);
            }
        }
        self.by_subject.retain(|_, finding| {
            finding.resolved.is_none_or(|at| now.duration_since(at).unwrap_or_default() < FORGOTTEN_AFTER)
        });
        while self.by_subject.len() > FINDINGS_MAX {
            let resolved = self.by_subject.iter().filter_map(|(key, finding)| Some((finding.resolved?, key)));
            let oldest = resolved.min().map(|(_, key)| key.clone());
            let Some(key) = oldest.or_else(|| self.by_subject.keys().next_back().cloned()) else { break };
            self.by_subject.remove(&key);
        }
    }

    /// Those that hold, the gravest first; then those that were resolved, the latest first.
    pub fn all(&self) -> Vec<Finding> {
        let mut all: Vec<_> = self.by_subject.values().cloned().collect();
        all.sort_by(|left, right| {
            let grave = || right.severity.cmp(&left.severity).then_with(|| left.id.cmp(right.id));
            match (left.resolved, right.resolved) {
                (None, None) => grave().then_with(|| right.count.cmp(&left.count)),
                (None, Some(_)) => std::cmp::Ordering::Less,
                (Some(_), None) => std::cmp::Ordering::Greater,
                (Some(left), Some(right)) => right.cmp(&left),
            }
        });
        all
    }
}

/// Whether its evidence is new enough.
fn holds(raised: &Raised, now: SystemTime) -> bool {
    now.duration_since(raised.last).unwrap_or_default() < EXPIRES_AFTER
}

/// Of what still holds, the few subjects of each kind that count most; the last of them tells how many more there are.
fn few_of_each(mut raised: Vec<Raised>, now: SystemTime) -> Vec<Raised> {
    raised.retain(|raised| holds(raised, now));
    raised.sort_by(|left, right| left.id.cmp(right.id).then_with(|| right.count.cmp(&left.count)));
    let mut few: Vec<Raised> = Vec::new();
    for of_kind in raised.chunk_by(|left, right| left.id == right.id) {
        few.extend(of_kind.iter().take(SUBJECTS_MAX).cloned());
        let beyond = of_kind.len().saturating_sub(SUBJECTS_MAX);
        if let Some(last) = few.last_mut().filter(|_| beyond > 0) {
            last.evidence = format!("{} (and {beyond} more like this)", last.evidence);
        }
    }
    few
}

fn within(evidence: String) -> String {
    match evidence.char_indices().nth(EVIDENCE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &evidence[..end]),
        None => evidence,
    }
}

/// Without new evidence a finding is resolved after this.
pub const EXPIRES_AFTER: Duration = Duration::from_secs(120);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
const SUBJECTS_MAX: usize = 5;
const FINDINGS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn raised(id: &'static str, subject: &str, seconds: u64) -> Raised {
        Raised {
            id,
            subject: subject.to_owned(),
            evidence: format!("{subject} did it"),
            fix: None,
            count: 1,
            first: at(seconds),
            last: at(seconds),
        }
    }

    #[test]
    fn a_finding_is_resolved_without_new_evidence_and_forgotten_after_an_hour() {
        let mut findings = Findings::default();
        findings.update(vec![raised("P05", "web", 100)], at(101));
        assert_eq!(findings.all()[0].resolved, None);
        findings.update(vec![raised("P05", "web", 100)], at(230));
        assert_eq!(findings.all()[0].resolved, Some(at(230)));
        findings.update(Vec::new(), at(230 + 3599));
        assert_eq!(findings.all().len(), 1);
        findings.update(Vec::new(), at(230 + 3600));
        assert_eq!(findings.all(), []);
    }

    #[test]
    fn what_comes_again_after_it_was_resolved_is_new() {
        let mut findings = Findings::default();
        findings.update(vec![raised("P05", "web", 100)], at(100));
        findings.update(vec![raised("P05", "web", 110)], at(110));
        assert_eq!((findings.all()[0].first_seen, findings.all()[0].last_seen), (at(100), at(110)));
        findings.update(Vec::new(), at(120));
        findings.update(vec![raised("P05", "web", 500)], at(500));
        assert_eq!((findings.all()[0].first_seen, findings.all()[0].resolved), (at(500), None));
    }

    #[test]
    fn the_gravest_come_first_and_a_kind_has_few_subjects() {
        let mut findings = Findings::default();
        let mut many: Vec<_> = (0..9).map(|number| raised("P01", &number.to_string(), 5)).collect();
        many.push(raised("P05", "web", 5));
        findings.update(many, at(5));
        let all = findings.all();
        assert_eq!(all[0].id, "P05");
        assert_eq!(all.len(), 1 + SUBJECTS_MAX);
        assert!(all.iter().any(|finding| finding.evidence.ends_with("(and 4 more like this)")), "{all:?}");
    }
}
