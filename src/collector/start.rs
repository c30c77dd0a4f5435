//! From a plan to a running collector.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Collector;
use super::ports::{Shared, Wanted};
use super::standing::Standing;
use crate::component::{Budget, Downstreams, ExtensionContext, Receiver as _, ReceiverContext};
use crate::config::ComponentId;
use crate::doctor::{Doctor, Surroundings};
use crate::insight::Insight;
use crate::net::{BindCause, BindError, Windows};
use crate::observe::board::{self, Board};
use crate::observe::facts::Facts;
use crate::pipeline::{
    BuildError, Consumers, Entrance, ExporterSpec, Graph, MemoryStore, PipelineSpec, Spec, StoreConfig,
};
use crate::receivers::otlp;
use crate::registry::{self, Plan};

/// Why the collector does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be listened on.
    #[error("{component}: {error}")]
    Listen { component: String, error: BindError },
    /// Components that do not fit together.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl StartError {
    /// Whether another program has the port.
    pub fn is_port_in_use(&self) -> bool {
        matches!(self, StartError::Listen { error, .. } if matches!(error.cause, BindCause::InUse { .. }))
    }
}

/// A collector without anything, on which the plan is put as the first of its configurations.
pub(super) async fn start(plan: Plan) -> Result<Collector, StartError> {
    let board = Board::new();
    let facts = Arc::new(Facts::default());
    let budget = Budget::new(MEMORY_LIMIT);
    let store = MemoryStore::new(StoreConfig::for_budget(&budget), budget.clone(), board.clone());
    let insight = Arc::new(Insight::default());
    let surroundings = Surroundings::now();
    let doctor = Arc::new(Doctor::new(board.clone(), facts.clone(), insight.clone(), surroundings));
    let mut watching = JoinSet::new();
    watching.spawn(Arc::clone(&insight).run());
    watching.spawn(Arc::clone(&doctor).run());
    let entrance = Entrance::new(Graph::build(Spec::default(), &store)?, budget.clone(), insight.clone());
    let shared = Shared { windows: Windows::new(budget.limit()), facts: facts.clone() };
    let mut collector = Collector {
        listening: Vec::new(),
        ports: Vec::new(),
        closing: JoinSet::new(),
        shared,
        entrance,
        store,
        consumers: Consumers::default(),
        standing: Standing::default(),
        board,
        budget,
        facts,
        insight,
        doctor,
        downstreams: Downstreams::default(),
        watching,
    };
    collector.replace_by(plan, Duration::ZERO).await?;
    collector.board.set_phase(board::Phase::Running);
    Ok(collector)
}

/// The ports that a plan wants, those of the receivers first, and what is to answer there.
pub(super) fn wanted(plan: &Plan, collector: &Collector) -> Vec<Wanted> {
    let Collector { entrance, board, facts, .. } = collector;
    let mut wanted = Vec::new();
    for receiver in &plan.receivers {
        let id = shared(&receiver.id);
        let intake = entrance.intake(&id);
        let cx = ReceiverContext {
            id: id.clone(),
            intake,
            authenticators: plan.authenticators.clone(),
            facts: facts.clone(),
            board: board.clone(),
        };
        let listeners = otlp::build(&receiver.config, cx).listeners().into_iter();
        let key = format!("receivers.{id}");
        wanted.extend(listeners.map(|listen| Wanted {
            component: id.clone(),
            key: key.clone(),
            receives: true,
            listen,
        }));
    }
    for registry::Extension { id, key, built } in &plan.extensions {
        let Some(serve) = &built.serve else { continue };
        let listeners = serve.listeners(context(id, collector));
        wanted.extend(listeners.into_iter().map(|listen| Wanted {
            component: id.clone(),
            key: key.clone(),
            receives: false,
            listen,
        }));
    }
    wanted
}

/// What an extension may look at.
pub(super) fn context(id: &Arc<str>, collector: &Collector) -> ExtensionContext {
    ExtensionContext {
        id: id.clone(),
        board: collector.board.clone(),
        facts: collector.facts.clone(),
        budget: collector.budget.clone(),
        insight: collector.insight.clone(),
        doctor: collector.doctor.clone(),
        downstreams: collector.downstreams.clone(),
    }
}

/// What the engine is told of a plan.
pub(super) fn spec(
    exporters: Vec<registry::Exporter>,
    connectors: Vec<ComponentId>,
    pipelines: Vec<registry::Pipeline>,
) -> Spec {
    let ids = |ids: Vec<ComponentId>| ids.iter().map(shared).collect();
    let exporter = |registry::Exporter { id, built, .. }: registry::Exporter| ExporterSpec {
        id: shared(&id),
        exporter: built.exporter,
        queue: built.queue,
        retry: built.retry,
    };
    let pipeline = |pipeline: registry::Pipeline| PipelineSpec {
        id: pipeline.id.to_string().into(),
        signal: pipeline.id.signal,
        receivers: ids(pipeline.receivers),
        processors: pipeline
            .processors
            .into_iter()
            .map(|runner| (shared(&runner.id), runner.processor))
            .collect(),
        batch: pipeline.batch,
        exporters: ids(pipeline.exporters),
    };
    Spec {
        exporters: exporters.into_iter().map(exporter).collect(),
        connectors: ids(connectors),
        pipelines: pipelines.into_iter().map(pipeline).collect(),
    }
}

fn shared(id: &ComponentId) -> Arc<str> {
    id.to_string().into()
}

/// Bytes of telemetry held at once, where no `memory_limiter` says otherwise.
pub(super) const MEMORY_LIMIT: u64 = 64 << 20;
