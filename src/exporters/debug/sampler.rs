//! Which batches are shown when there are many.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::Config;
use crate::otlp::Signal;

/// In each second, the first batches of a signal and then every so-manieth, like zap's sampler in the Collector.
pub(super) struct Sampler {
    initial: u64,
    thereafter: u64,
    /// By signal.
    seconds: [Mutex<Second>; Signal::ALL.len()],
}

#[derive(Default)]
struct Second {
    began: Option<Instant>,
    batches: u64,
}

impl Sampler {
    pub(super) fn new(config: &Config) -> Sampler {
        Sampler {
            initial: config.sampling_initial,
            thereafter: config.sampling_thereafter,
            seconds: Default::default(),
        }
    }

    /// Counts a batch; whether it is to be shown.
    pub(super) fn picks(&self, signal: Signal) -> bool {
        let second = self.seconds[signal as usize].lock();
        // two numbers cannot be left half changed
        let mut second = second.unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        if second.began.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(1)) {
            *second = Second { began: Some(now), batches: 0 };
        }
        second.batches += 1;
        match second.batches.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(more) => self.thereafter > 0 && more % self.thereafter == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(initial: u64, thereafter: u64) -> Vec<bool> {
        let sampler = Sampler::new(&Config {
            sampling_initial: initial,
            sampling_thereafter: thereafter,
            ..Config::default()
        });
        (0..6).map(|_| sampler.picks(Signal::Logs)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_are_shown_and_then_every_so_manieth() {
        assert_eq!(picked(2, 1), [true; 6]);
        assert_eq!(picked(2, 3), [true, true, false, false, true, false]);
        assert_eq!(picked(2, 0), [true, true, false, false, false, false]);
        assert_eq!(picked(0, 2), [false, true, false, true, false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn each_second_and_each_signal_counts_for_itself() {
        let sampler =
            Sampler::new(&Config { sampling_initial: 1, sampling_thereafter: 0, ..Config::default() });
        assert_eq!([(); 2].map(|()| sampler.picks(Signal::Logs)), [true, false]);
        assert!(sampler.picks(Signal::Traces));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(sampler.picks(Signal::Logs));
    }
}
