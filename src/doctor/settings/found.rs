//! What the rules find, until it is raised.

use std::time::SystemTime;

use super::said::{Said, Spot, word};
use crate::doctor::{EVIDENCE_CHARS_MAX, Raised};

/// All findings of all files.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: Vec<Found>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    spot: Spot,
    id: &'static str,
    key: String,
    evidence: String,
    fix: Option<String>,
}

impl Findings {
    /// Raises a finding about a setting of a program. Nothing of `reason` may come from a file unescaped.
    pub(super) fn raise(&mut self, id: &'static str, who: &str, said: &Said, reason: &str, fix: String) {
        self.raise_at(id, who, &said.spot, &said.name, reason, fix);
    }

    /// Raises a finding about something that is not there, at what it should be in.
    pub(super) fn raise_at(
        &mut self,
        id: &'static str,
        who: &str,
        spot: &Spot,
        key: &str,
        reason: &str,
        fix: String,
    ) {
        let evidence = match who {
            "" => format!("{spot}: {reason}"),
            who => format!("{spot}: {}: {reason}", word(who)),
        };
        let fix = Some(fix).filter(|fix| !fix.is_empty());
        // Through an anchor one line may belong to several services: it is one finding.
        let is_there =
            self.found.iter().any(|found| found.id == id && found.spot == *spot && found.key == key);
        if !is_there && self.found.len() < FINDINGS_MAX {
            self.found.push(Found { spot: spot.clone(), id, key: key.to_owned(), evidence, fix });
        }
    }

    /// All of them, by file and line.
    pub(super) fn into_raised(mut self, now: SystemTime) -> Vec<Raised> {
        self.found.sort();
        let raised = self.found.into_iter().map(|found| Raised {
            id: found.id,
            subject: format!("{} {}", found.spot, word(&found.key)).trim_end().to_owned(),
            evidence: found.evidence.chars().take(EVIDENCE_CHARS_MAX).collect(),
            fix: found.fix,
            count: 1,
            first: now,
            last: now,
        });
        raised.collect()
    }
}

/// More than anybody reads.
const FINDINGS_MAX: usize = 500;
