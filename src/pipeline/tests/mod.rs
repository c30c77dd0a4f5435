//! The engine, with puppets on both sides.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::component::puppets::{Feeder, Scripted, Step, log_records, opaque_spans, span_names, spans};
use crate::component::{
    BatchConfig, Budget, Exporter, Outcome, Processor, QueueConfig, Refusal, RequestLimit, RetryConfig,
    Sizer, Ticket,
};
use crate::observe::board::{Board, OutboxState};
use crate::observe::ledger::DropReason;
use crate::otlp::Signal;

mod batching;
mod connectors;
mod delivery;
mod drain;
mod fan_out;
mod intake;
mod properties;
mod reload;
mod retries;
mod waiting;

/// A running engine: one receiver, `feeder`, and what is configured behind it.
struct Rig {
    board: Board,
    budget: Budget,
    store: MemoryStore,
    entrance: Arc<Entrance>,
    feeder: Feeder,
    consumers: Consumers,
}

impl Rig {
    /// One pipeline of traces without processors.
    fn new(exporters: Vec<ExporterSpec>) -> Rig {
        let pipelines = vec![pipeline("traces", Signal::Traces, &exporters)];
        Rig::with(Spec { pipelines, exporters, ..Spec::default() })
    }

    fn with(spec: Spec) -> Rig {
        Rig::within(spec, Budget::new(64 << 20))
    }

    fn within(spec: Spec, budget: Budget) -> Rig {
        let board = Board::new();
        let store = MemoryStore::new(StoreConfig::for_budget(&budget), budget.clone(), board.clone());
        let graph = Graph::build(spec, &store).expect("all references are known");
        graph.show(&board);
        let mut consumers = Consumers::default();
        consumers.follow(&graph, &store, Instant::now());
        let entrance = Entrance::new(graph, budget.clone(), Arc::default());
        let feeder = Feeder::new(entrance.intake("feeder"));
        Rig { board, budget, store, entrance, feeder, consumers }
    }

    fn feed<const N: usize>(&self, names: [&str; N]) -> Result<Ticket, Refusal> {
        self.feeder.feed(spans(names))
    }

    fn outbox(&self, exporter: &str) -> OutboxState {
        self.check();
        let outboxes = self.board.snapshot().outboxes;
        outboxes.into_iter().find(|outbox| &*outbox.exporter == exporter).expect("it is open")
    }

    /// Every equation of the ledger.
    fn check(&self) {
        self.check_outboxes();
        let state = self.board.snapshot();
        for pipeline in &state.pipelines {
            assert!(pipeline.ledger.balanced(), "{pipeline:?}");
        }
    }

    /// The equation that holds at every moment.
    fn check_outboxes(&self) {
        for outbox in &self.board.snapshot().outboxes {
            assert!(outbox.ledger.balanced(), "{outbox:?}");
            assert_eq!(outbox.ledger.held, outbox.fill.items, "{outbox:?}");
        }
    }

    async fn drain(&self, within: Duration) -> DrainReport {
        self.entrance.stop();
        let report = self.store.drain(Instant::now() + within).await;
        self.check();
        report
    }
}

fn pipeline(id: &str, signal: Signal, exporters: &[ExporterSpec]) -> PipelineSpec {
    PipelineSpec {
        id: id.into(),
        signal,
        receivers: vec!["feeder".into()],
        processors: Vec::new(),
        batch: None,
        exporters: exporters.iter().map(|exporter| exporter.id.clone()).collect(),
    }
}

fn exporter(id: &str, exporter: &Arc<Scripted>) -> ExporterSpec {
    ExporterSpec {
        id: id.into(),
        exporter: Arc::clone(exporter) as Arc<dyn Exporter>,
        queue: QueueConfig::default(),
        retry: RetryConfig { randomization_factor: 0.0, ..RetryConfig::default() },
    }
}

/// A queue of so many requests, sent one after the other.
fn queue(queue_size: u64) -> QueueConfig {
    QueueConfig { queue_size, num_consumers: 1, ..QueueConfig::default() }
}

/// Lets everything run that can run now. Paused time does not pass.
async fn settle_down() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn pass_time(seconds: u64) {
    settle_down().await;
    // small steps, so that what is woken runs at its time
    for _ in 0..seconds * 10 {
        tokio::time::advance(Duration::from_millis(100)).await;
        settle_down().await;
    }
}

fn seconds_since(start: Instant, exporter: &Scripted) -> Vec<f64> {
    let seconds = |at: Instant| (at.duration_since(start).as_secs_f64() * 10.0).round() / 10.0;
    exporter.tries().iter().map(|tried| seconds(tried.at)).collect()
}
