//! When a batch is tried again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::component::RetryConfig;

/// What has become of a batch so far.
#[derive(Debug)]
pub(super) struct History {
    pub first_try: Instant,
    /// How often it was divided because of an answer.
    pub divisions: u32,
    backoff: Option<ExponentialBackoff>,
}

impl History {
    pub fn new(now: Instant) -> History {
        History { first_try: now, divisions: 0, backoff: None }
    }

    /// For a piece of the batch: as old as it, and with a patience of its own.
    pub fn inherit(&self) -> History {
        History { first_try: self.first_try, divisions: self.divisions + 1, backoff: None }
    }

    /// How long to wait before the next try; `None` when `max_elapsed_time` would be over by then, as in the
    /// Collector. What the downstream asked for is a lower bound, up to five minutes.
    pub fn next_delay(
        &mut self,
        config: &RetryConfig,
        asked: Option<Duration>,
        now: Instant,
    ) -> Option<Duration> {
        let backoff = self.backoff.get_or_insert_with(|| builder(config).build());
        let interval = backoff.next().unwrap_or(config.max_interval).min(config.max_interval);
        let part = config.randomization_factor * (2.0 * fastrand::f64() - 1.0);
        let spread = interval.mul_f64((1.0 + part).max(0.0));
        let delay = spread.max(asked.unwrap_or_default().min(ASKED_DELAY_MAX));
        let elapsed = now.duration_since(self.first_try) + delay;
        (config.max_elapsed_time.is_zero() || elapsed <= config.max_elapsed_time).then_some(delay)
    }
}

fn builder(config: &RetryConfig) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(config.initial_interval)
        .with_factor(config.multiplier as f32)
        .with_max_delay(config.max_interval)
        .without_max_times()
}

/// A downstream that asks for more is asked again all the same: it may have been restarted since.
const ASKED_DELAY_MAX: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(history: &mut History, config: &RetryConfig, asked: Option<u64>) -> Option<f64> {
        let delay = history.next_delay(config, asked.map(Duration::from_secs), history.first_try);
        delay.map(|delay| (delay.as_secs_f64() * 100.0).round() / 100.0)
    }

    #[test]
    fn delays_grow_up_to_the_longest_interval() {
        let config = RetryConfig { randomization_factor: 0.0, ..RetryConfig::default() };
        let mut history = History::new(Instant::now());
        let delays: Vec<_> =
            (0..7).map(|_| seconds(&mut history, &config, None).expect("time is left")).collect();
        assert_eq!(delays, [5.0, 7.5, 11.25, 16.88, 25.31, 30.0, 30.0]);
    }

    #[test]
    fn delays_are_spread_to_both_sides() {
        let config = RetryConfig::default();
        let first = || seconds(&mut History::new(Instant::now()), &config, None).expect("time is left");
        let delays: Vec<_> = (0..200).map(|_| first()).collect();
        assert!(delays.iter().all(|delay| (2.5..=7.5).contains(delay)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay < 4.5) && delays.iter().any(|delay| *delay > 5.5));
    }

    #[test]
    fn what_the_downstream_asks_for_is_a_lower_bound_with_an_end() {
        let config = RetryConfig {
            randomization_factor: 0.0,
            max_elapsed_time: Duration::ZERO,
            ..RetryConfig::default()
        };
        let mut history = History::new(Instant::now());
        assert_eq!(seconds(&mut history, &config, Some(1)), Some(5.0));
        assert_eq!(seconds(&mut history, &config, Some(60)), Some(60.0));
        assert_eq!(seconds(&mut history, &config, Some(u64::MAX)), Some(300.0));
    }

    #[test]
    fn no_try_is_planned_for_after_the_time_is_over() {
        let config = RetryConfig { randomization_factor: 0.0, ..RetryConfig::default() };
        let mut history = History::new(Instant::now());
        let late = history.first_try + Duration::from_secs(296);
        assert_eq!(history.next_delay(&config, None, late), None);
    }
}
