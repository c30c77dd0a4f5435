//! Which receiver reaches which pipelines, and which pipelines reach which outboxes.

use std::collections::HashMap;
use std::sync::Arc;

use super::route::{self, Link, Route, Routes, Step};
use super::store::{MemoryStore, OutboxSpec, Store};
use crate::component::{BatchConfig, Exporter, OutboxId, Processor, QueueConfig, RetryConfig};
use crate::observe::board::{Board, PipelineEntry};
use crate::observe::ledger;
use crate::otlp::{Signal, Watchlist};

/// Typed components and how they hang together; references are by id.
#[derive(Default)]
pub struct Spec {
    pub pipelines: Vec<PipelineSpec>,
    pub exporters: Vec<ExporterSpec>,
    /// What pipelines have among their exporters, and others of the same signal among their receivers.
    pub connectors: Vec<Arc<str>>,
}

/// One pipeline.
pub struct PipelineSpec {
    /// `traces`, `traces/browser`.
    pub id: Arc<str>,
    pub signal: Signal,
    /// And connectors.
    pub receivers: Vec<Arc<str>>,
    /// In order, without `batch` and `memory_limiter`, which do not run.
    pub processors: Vec<(Arc<str>, Box<dyn Processor>)>,
    /// What the pipeline's processor `batch` says to its outboxes.
    pub batch: Option<BatchConfig>,
    /// And connectors.
    pub exporters: Vec<Arc<str>>,
}

/// One exporter.
pub struct ExporterSpec {
    pub id: Arc<str>,
    pub exporter: Arc<dyn Exporter>,
    pub queue: QueueConfig,
    pub retry: RetryConfig,
}

impl Spec {
    /// Whether all references lead somewhere: then building the graph does not fail.
    ///
    /// # Errors
    /// Names the reference, or the circle.
    pub fn check(&self) -> Result<(), BuildError> {
        let Spec { pipelines, exporters, connectors } = self;
        for pipeline in pipelines {
            let known = |id: &&Arc<str>| {
                connectors.contains(id) || exporters.iter().any(|exporter| exporter.id == **id)
            };
            if let Some(exporter) = pipeline.exporters.iter().find(|id| !known(id)) {
                let (pipeline, exporter) = (Arc::clone(&pipeline.id), Arc::clone(exporter));
                return Err(BuildError::UnknownExporter { pipeline, exporter });
            }
        }
        route::ways(&self.links(), connectors).map(|_| ())
    }

    fn links(&self) -> Vec<Link> {
        let link = |pipeline: &PipelineSpec| Link {
            id: Arc::clone(&pipeline.id),
            signal: pipeline.signal,
            sources: pipeline.receivers.clone(),
            targets: pipeline.exporters.clone(),
        };
        self.pipelines.iter().map(link).collect()
    }
}

/// References that lead nowhere, or back to where they came from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("service.pipelines.{pipeline}: there is no exporter \"{exporter}\"")]
    UnknownExporter { pipeline: Arc<str>, exporter: Arc<str> },
    #[error("service.pipelines: cycle detected: {way}")]
    Cycle { way: String },
    #[error("service.pipelines: connectors make more than {limit} ways for the requests of one receiver")]
    TooManyWays { limit: usize },
}

/// The current way of the data. Borrows its outboxes from the store.
pub struct Graph {
    pub(super) store: Arc<dyn Store>,
    /// Senders may have to wait for room in one of its outboxes.
    pub(super) waits: bool,
    routes: Routes,
    pub(super) consumers: Vec<Consumer>,
    pipelines: Vec<PipelineEntry>,
    warnings: Vec<String>,
}

pub(super) struct Pipeline {
    pub processors: Vec<(Arc<str>, Box<dyn Processor>)>,
    pub outboxes: Vec<OutboxId>,
    pub ledger: Arc<ledger::Pipeline>,
}

/// Who sends what is in an outbox.
pub(super) struct Consumer {
    pub outbox: OutboxId,
    pub signal: Signal,
    pub id: Arc<str>,
    pub exporter: Arc<dyn Exporter>,
    /// How many batches are on their way at once.
    pub count: usize,
}

impl Graph {
    /// Opens the outboxes that the pipelines need, from right to left. Nothing runs yet.
    pub fn build(spec: Spec, store: &MemoryStore) -> Result<Graph, BuildError> {
        let mut graph = Graph {
            waits: false,
            store: Arc::new(store.clone()),
            routes: Routes::new(),
            consumers: Vec::new(),
            pipelines: Vec::new(),
            warnings: Vec::new(),
        };
        spec.check()?;
        let ways = route::ways(&spec.links(), &spec.connectors)?;
        let Spec { pipelines, exporters, connectors: _ } = spec;
        let mut opened = HashMap::new();
        for exporter in &exporters {
            for signal in Signal::ALL {
                let sources: Vec<_> = pipelines
                    .iter()
                    .filter(|pipeline| pipeline.signal == signal && pipeline.exporters.contains(&exporter.id))
                    .collect();
                if !sources.is_empty() {
                    let outbox = graph.open(exporter, signal, &sources, store);
                    opened.insert((Arc::clone(&exporter.id), signal), outbox);
                }
            }
        }
        let pipelines: Vec<Arc<Pipeline>> =
            pipelines.into_iter().map(|pipeline| graph.add(pipeline, &opened, store)).collect();
        graph.routes = route::routes(ways, &pipelines);
        Ok(graph)
    }

    /// What is odd about the configuration, in sentences.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The exporters of a signal, by id.
    pub fn exporters(&self, signal: Signal) -> Vec<(Arc<str>, Arc<dyn Exporter>)> {
        let of_signal = self.consumers.iter().filter(|consumer| consumer.signal == signal);
        of_signal.map(|Consumer { id, exporter, .. }| (Arc::clone(id), Arc::clone(exporter))).collect()
    }

    /// Shows the graph's pipelines on the board, instead of those of the graph before.
    pub fn show(&self, board: &Board) {
        board.set_pipelines(self.pipelines.clone());
    }

    /// Whether a pipeline has this receiver.
    pub(super) fn has(&self, receiver: &str) -> bool {
        self.routes.contains_key(receiver)
    }

    pub(super) fn route(&self, receiver: &str, signal: Signal) -> Option<&Route> {
        let route = &self.routes.get(receiver)?[signal as usize];
        (!route.steps.is_empty()).then_some(route)
    }

    fn open(
        &mut self,
        exporter: &ExporterSpec,
        signal: Signal,
        sources: &[&PipelineSpec],
        store: &MemoryStore,
    ) -> OutboxId {
        let ExporterSpec { id, exporter: sender, queue, retry } = exporter;
        let mut queue = queue.clone();
        queue.batch = self.agree(id, queue.batch.take(), sources);
        self.waits |= queue.block_on_overflow;
        let count = queue.num_consumers;
        let outbox = store.open(OutboxSpec {
            exporter: Arc::clone(id),
            signal,
            queue,
            retry: retry.clone(),
            lossy: sender.is_lossy(),
        });
        self.consumers.push(Consumer {
            outbox,
            signal,
            id: Arc::clone(id),
            exporter: Arc::clone(sender),
            count,
        });
        outbox
    }

    /// One outbox batches one way: where its pipelines and its own configuration disagree, the smaller holds.
    fn agree(
        &mut self,
        id: &str,
        own: Option<BatchConfig>,
        sources: &[&PipelineSpec],
    ) -> Option<BatchConfig> {
        let mut wishes = sources.iter().map(|pipeline| &pipeline.batch);
        let first = wishes.next().cloned().flatten();
        let (mut agreed, mut differ) = (first.clone(), false);
        for wish in wishes {
            differ |= *wish != first;
            agreed = smaller(agreed, wish.clone());
        }
        if let Some(own) = own {
            let is_before_queue = agreed.as_ref().unwrap_or(&own).is_before_queue;
            let own = BatchConfig { is_before_queue, ..own };
            differ |= agreed.as_ref().is_some_and(|agreed| *agreed != own);
            agreed = Some(match agreed {
                Some(agreed) => smaller_batch(agreed, own),
                None => own,
            });
        }
        if differ {
            let names: Vec<_> = sources.iter().map(|pipeline| &*pipeline.id).collect();
            self.warnings.push(format!(
                "exporter \"{id}\" is told different things about batching by the pipelines {} and its own \
                 sending_queue: the smaller size and time hold",
                names.join(", ")
            ));
        }
        agreed
    }

    fn add(
        &mut self,
        spec: PipelineSpec,
        opened: &HashMap<(Arc<str>, Signal), OutboxId>,
        store: &MemoryStore,
    ) -> Arc<Pipeline> {
        let PipelineSpec { id, signal, processors, exporters, .. } = spec;
        // no connector has an outbox
        let mut outboxes: Vec<_> =
            exporters.into_iter().filter_map(|exporter| opened.get(&(exporter, signal)).copied()).collect();
        outboxes.sort_unstable();
        outboxes.dedup();
        let names = processors.iter().map(|(id, _)| Arc::clone(id));
        let ledger = store.board().ledger(&id, signal.name(), names);
        self.pipelines.push(PipelineEntry { id, signal: signal.name(), ledger: Arc::clone(&ledger) });
        Arc::new(Pipeline { processors, outboxes, ledger })
    }
}

/// What the door has to look out for, for all of these pipelines.
pub(super) fn watchlist(steps: &[Step]) -> Watchlist {
    let mut watchlist = Watchlist::default();
    for (_, processor) in steps.iter().flat_map(|step| &step.pipeline.processors) {
        processor.watch(&mut watchlist);
    }
    watchlist
}

/// Without a wish, nothing waits.
fn smaller(a: Option<BatchConfig>, b: Option<BatchConfig>) -> Option<BatchConfig> {
    match (a, b) {
        (Some(a), Some(b)) => Some(smaller_batch(a, b)),
        (Some(one), None) | (None, Some(one)) => {
            Some(BatchConfig { flush_timeout: std::time::Duration::ZERO, min_size: 0, ..one })
        }
        (None, None) => None,
    }
}

fn smaller_batch(a: BatchConfig, b: BatchConfig) -> BatchConfig {
    let flush_timeout = a.flush_timeout.min(b.flush_timeout);
    if a.sizer != b.sizer {
        // sizes of different kinds cannot be compared: the shorter wait decides whose hold
        let one = if a.flush_timeout <= b.flush_timeout { a } else { b };
        return BatchConfig { flush_timeout, ..one };
    }
    let max_size = match (a.max_size, b.max_size) {
        (0, max) | (max, 0) => max,
        (a, b) => a.min(b),
    };
    BatchConfig { flush_timeout, min_size: a.min_size.min(b.min_size), max_size, ..a }
}
