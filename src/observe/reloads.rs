//! How the reading of the configuration goes.

use std::time::SystemTime;

/// What became of one reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReloadOutcome {
    /// The new configuration is in force.
    Changed,
    /// It says what it said before.
    Unchanged,
    /// It cannot be used, and the old one stays in force.
    Failed,
}

impl ReloadOutcome {
    pub const ALL: [ReloadOutcome; 3] =
        [ReloadOutcome::Changed, ReloadOutcome::Unchanged, ReloadOutcome::Failed];

    /// The label `outcome`.
    pub fn name(self) -> &'static str {
        match self {
            ReloadOutcome::Changed => "changed",
            ReloadOutcome::Unchanged => "unchanged",
            ReloadOutcome::Failed => "failed",
        }
    }
}

/// The configuration in force, and how often it was read since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigState {
    /// The beginning of a digest of what it says, without secrets; empty before the start.
    pub fingerprint: String,
    /// Since when it is in force.
    pub since: Option<SystemTime>,
    /// By [`ReloadOutcome`], in the order of [`ReloadOutcome::ALL`].
    pub reloads: [u64; ReloadOutcome::ALL.len()],
    pub last: Option<LastReload>,
}

/// The latest reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastReload {
    pub at: SystemTime,
    pub outcome: ReloadOutcome,
    /// What was wrong, in lines; empty unless it failed.
    pub message: String,
}

impl ConfigState {
    pub fn reloads_by(&self, outcome: ReloadOutcome) -> u64 {
        self.reloads[outcome as usize]
    }

    /// Whether the latest reload was possible; true as long as there was none.
    pub fn is_last_good(&self) -> bool {
        self.last.as_ref().is_none_or(|last| last.outcome != ReloadOutcome::Failed)
    }

    pub(super) fn in_force(&mut self, fingerprint: String) {
        self.fingerprint = fingerprint;
        self.since = Some(SystemTime::now());
    }

    pub(super) fn reloaded(&mut self, outcome: ReloadOutcome, message: String) {
        self.reloads[outcome as usize] += 1;
        self.last = Some(LastReload { at: SystemTime::now(), outcome, message });
    }
}
