//! What is odd about senders, burgee itself and its downstreams, why, and what to do about it.
//!
//! The [`catalogue`] has every finding that burgee knows, each with a stable id. Detectors raise them from what was
//! seen; [`settings`] raises them from files of others; [`decode`] explains error texts that people paste.

pub mod catalogue;
pub mod decode;
mod detect;
mod findings;
pub mod settings;
mod surroundings;
pub mod versions;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use findings::{EXPIRES_AFTER, Finding};
pub use surroundings::Surroundings;

use crate::insight::Insight;
use crate::observe::board::{Board, BoardState};
use crate::observe::facts::Facts;
use detect::{Change, Evidence, Fill};
use findings::Findings;

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

/// Looks at everything once in [`PERIOD`] and keeps what it finds. One for the whole collector.
pub struct Doctor {
    board: Board,
    facts: Arc<Facts>,
    insight: Arc<Insight>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    findings: Findings,
    surroundings: Surroundings,
    /// What the configuration in force was warned of.
    warnings: Vec<String>,
    /// Of the last minute, the oldest first.
    fills: VecDeque<Fill>,
    counters: BTreeMap<String, Counter>,
    examined: Option<SystemTime>,
}

/// A counter as it is now.
#[derive(Default)]
struct Counter {
    value: u64,
    change: Option<Change>,
}

impl Doctor {
    pub fn new(board: Board, facts: Arc<Facts>, insight: Arc<Insight>, surroundings: Surroundings) -> Doctor {
        let state = Mutex::new(State { surroundings, ..State::default() });
        Doctor { board, facts, insight, state }
    }

    /// What the configuration that comes into force was warned of.
    pub fn warned(&self, warnings: Vec<String>) {
        self.state().warnings = warnings;
    }

    /// Examines for ever.
    pub async fn run(self: Arc<Self>) {
        let mut period = tokio::time::interval(PERIOD);
        period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            period.tick().await;
            // drawing conclusions takes some milliseconds where much was seen
            let doctor = Arc::clone(&self);
            let examined = tokio::task::spawn_blocking(move || doctor.examine(SystemTime::now()));
            if let Err(error) = examined.await
                && error.is_panic()
            {
                tracing::error!("an examination failed: a defect of burgee");
            }
        }
    }

    /// Draws conclusions from what was seen until `now`.
    pub fn examine(&self, now: SystemTime) {
        let board = self.board.snapshot();
        let signs = self.insight.signs();
        let (encounters, connections) = (self.facts.encounters(), self.facts.connections());
        let mut state = self.state();
        state.count(&board, now);
        let (surroundings, warnings) = (state.surroundings.clone(), state.warnings.clone());
        let fills: Vec<Fill> = state.fills.iter().cloned().collect();
        let changes: BTreeMap<String, Change> = state
            .counters
            .iter()
            .filter_map(|(name, counter)| Some((name.clone(), counter.change?)))
            .collect();
        // whoever asks for findings does not wait for the next ones
        drop(state);
        let raised = detect::detect(&Evidence {
            now,
            board,
            encounters,
            connections,
            signs,
            surroundings: &surroundings,
            warnings: &warnings,
            fills: &fills,
            changes: &changes,
        });
        let mut state = self.state();
        state.findings.update(raised, now);
        state.examined = Some(now);
    }

    /// Those that hold first, the gravest of them first, then those that were resolved in the last hour; and when
    /// burgee looked last.
    pub fn findings(&self) -> (Vec<Finding>, Option<SystemTime>) {
        let state = self.state();
        (state.findings.all(), state.examined)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // An examination that panicked has found less than there is, which spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, board: &BoardState, now: SystemTime) {
        let flawed = board.doors.iter().map(|door| door.ledger.flawed).sum();
        self.counter(detect::FLAWED.to_owned(), flawed, now);
        for outbox in &board.outboxes {
            let name = format!("rejected {} {}", outbox.exporter, outbox.signal);
            self.counter(name, outbox.ledger.rejected, now);
            self.fills.push_back(Fill {
                exporter: (*outbox.exporter).into(),
                signal: outbox.signal,
                at: now,
                used: outbox.fill.used(),
                bytes: outbox.fill.bytes,
            });
        }
        let too_old = |fill: &Fill| now.duration_since(fill.at).unwrap_or_default() > FILLS_OF;
        while self.fills.front().is_some_and(too_old) || self.fills.len() > FILLS_MAX {
            self.fills.pop_front();
        }
    }

    fn counter(&mut self, name: String, value: u64, now: SystemTime) {
        let counter = self.counters.entry(name).or_default();
        if value > counter.value {
            counter.value = value;
            let first = counter.change.map_or(now, |change| change.first);
            counter.change = Some(Change { count: value, first, last: now });
        }
    }
}

/// How often burgee looks.
pub const PERIOD: Duration = Duration::from_secs(2);
const FILLS_OF: Duration = Duration::from_secs(60);
const FILLS_MAX: usize = 2000;
