//! Sending burgee's own metrics over OTLP, again and again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::MissedTickBehavior;

use super::{Resource, encode};
use crate::component::{Batch, Exporter, Outcome, TaskContext};
use crate::observe::metrics::{Numbers, families};
use crate::observe::names::Level;
use crate::observe::process::Process;
use crate::otlp::{self, Signal, Watchlist};

/// What is sent when, and by whom.
#[derive(Clone)]
pub struct Push {
    /// One try each time; it has its own deadline.
    pub exporter: Arc<dyn Exporter>,
    pub interval: Duration,
    pub level: Level,
    pub resource: Arc<Resource>,
    /// For the log: where it goes.
    pub endpoint: String,
}

/// Sends as long as it is not dropped. Goes past burgee's own pipelines: what counts itself never ends.
///
/// A try that fails is not repeated, since the next one has the same numbers, and later ones.
pub async fn push(push: Push, cx: TaskContext) {
    let mut ticks = tokio::time::interval(push.interval.max(INTERVAL_MIN));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // the first tick is at once, and there is nothing to tell yet
    ticks.tick().await;
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        let outcome = push.send(&cx).await;
        let failed = !matches!(outcome, Outcome::Accepted | Outcome::Partly { .. });
        let (endpoint, message) = (&push.endpoint, crate::config::escape(outcome.message()));
        match (is_failing, failed) {
            (false, true) => {
                tracing::warn!(endpoint, %message, "burgee's own metrics cannot be sent; the next try has them all");
            }
            (true, false) => tracing::info!(endpoint, "burgee's own metrics are sent again"),
            _ => {}
        }
        is_failing = failed;
    }
}

impl Push {
    async fn send(&self, cx: &TaskContext) -> Outcome {
        let board = cx.board.snapshot();
        let now = SystemTime::now();
        let numbers = Numbers { board: &board, facts: &cx.facts, process: Process::now(), now };
        let bytes = encode(&families(self.level, &numbers), &self.resource, board.started_at, now);
        let checked = otlp::check(Signal::Metrics, bytes.into(), &Watchlist::default())
            .expect("an encoded message is well formed");
        self.exporter.export(&Batch::new(Signal::Metrics, vec![checked.payload])).await
    }
}

/// More often would be of no use to anybody.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
