//! How the reading of flag definitions goes, processor by processor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What came of reading the definitions of one processor, again and again.
#[derive(Debug)]
pub struct Readings {
    /// The processor's component id.
    pub processor: Arc<str>,
    state: Mutex<ReadingsState>,
}

/// The readings at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadingsState {
    /// A file's path, or a URL without what may be secret.
    pub source: String,
    /// Flags in force; none before the first success.
    pub flags: Option<u64>,
    /// Readings that brought new definitions.
    pub changed: u64,
    /// Readings after which all stayed as it was.
    pub unchanged: u64,
    /// Readings that failed; the last good definitions stayed.
    pub failed: u64,
    /// When a reading succeeded last, the one at the start included.
    pub read_at: Option<SystemTime>,
    /// Of the latest reading, if it failed: when, and why.
    pub failure: Option<(SystemTime, String)>,
}

impl Readings {
    pub(super) fn new(processor: Arc<str>) -> Readings {
        Readings { processor, state: Mutex::default() }
    }

    /// Says where the definitions come from, and how many there were at the start.
    pub fn begin(&self, source: &str, flags: Option<u64>) {
        let mut state = self.state();
        // work that begins anew after a failure of its own has read nothing
        if flags.is_some() && (state.read_at.is_none() || state.source != source) {
            state.read_at = Some(SystemTime::now());
        }
        source.clone_into(&mut state.source);
        state.flags = flags.or(state.flags);
    }

    /// New definitions are in force.
    pub fn changed(&self, flags: u64) {
        let mut state = self.state();
        state.changed += 1;
        state.flags = Some(flags);
        state.read_at = Some(SystemTime::now());
        state.failure = None;
    }

    /// What is in force is what there is.
    pub fn unchanged(&self) {
        let mut state = self.state();
        state.unchanged += 1;
        state.read_at = Some(SystemTime::now());
        state.failure = None;
    }

    /// The reading failed: `why` is one sentence, without anything secret.
    pub fn failed(&self, why: &str) {
        let mut state = self.state();
        state.failed += 1;
        state.failure = Some((SystemTime::now(), why.to_owned()));
    }

    pub fn snapshot(&self) -> ReadingsState {
        self.state().clone()
    }

    fn state(&self) -> MutexGuard<'_, ReadingsState> {
        // Nothing under this lock can leave half a value, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_says_when_it_was_read() {
        let readings = Readings::new("feature_flag".into());
        readings.begin("http://localhost:1031", None);
        readings.failed("nothing answers");
        assert_eq!(readings.snapshot().read_at, None);
        readings.changed(1);
        let first = readings.snapshot().read_at;
        assert!(first.is_some());
        readings.failed("nothing answers");
        readings.begin("http://localhost:1031", Some(1));
        assert_eq!(readings.snapshot().read_at, first);
    }

    #[test]
    fn a_failure_is_counted_and_stands_until_a_reading_succeeds() {
        let readings = Readings::new("feature_flag".into());
        readings.begin("flags.yaml", Some(3));
        readings.failed("flags.yaml:1:1: not YAML");
        let state = readings.snapshot();
        assert_eq!((state.flags, state.failed), (Some(3), 1));
        assert_eq!(state.failure.map(|(_, why)| why).as_deref(), Some("flags.yaml:1:1: not YAML"));
        readings.unchanged();
        assert_eq!(readings.snapshot().failure, None);
        readings.changed(4);
        let state = readings.snapshot();
        assert_eq!((state.flags, state.changed, state.unchanged, state.failed), (Some(4), 1, 1, 1));
    }
}
