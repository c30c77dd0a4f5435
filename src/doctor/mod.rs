//! What is odd about senders, burgee itself and its downstreams, why, and what to do about it.
//!
//! The [`catalogue`] has every finding that burgee knows, each with a stable id. Detectors raise them from what was
//! seen; [`settings`] raises them from files of others; [`decode`] explains error texts that people paste.

pub mod catalogue;
pub mod decode;
pub mod settings;
pub mod versions;

use std::time::SystemTime;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know; nothing is lost by it.
    Info,
    /// Something is not as its owner believes.
    Warning,
    /// Telemetry is lost, or does not come at all.
    Error,
}

impl Severity {
    /// `info`, `warning` or `error`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One row of the catalogue: what burgee can find, whether it is there or not.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Stable: `X01`.
    pub id: &'static str,
    pub severity: Severity,
    /// One line without a full stop.
    pub title: &'static str,
    /// What it means, in plain words.
    pub means: &'static str,
    /// One thing to do or to paste; what is raised may bring a more exact one.
    pub fix: &'static str,
    /// What people see or search for: error texts, symptoms.
    pub symptoms: &'static [&'static str],
    /// How burgee notices it, in one sentence.
    pub noticed_by: &'static str,
}

/// What a detector says of one subject now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Of an entry of the catalogue.
    pub id: &'static str,
    /// What it is about, so that two of one kind are kept apart: a sender, an origin, a file and key. May be empty.
    pub subject: String,
    /// Who did it and how it shows: escaped, one line, at most [`EVIDENCE_CHARS_MAX`] characters.
    pub evidence: String,
    /// More exact than the catalogue's.
    pub fix: Option<String>,
    pub count: u64,
    /// When it was seen first and last.
    pub first: SystemTime,
    pub last: SystemTime,
}

/// Characters of the evidence of a finding.
pub const EVIDENCE_CHARS_MAX: usize = 400;
