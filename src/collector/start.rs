//! From a plan to a running collector.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::tasks::Tasks;
use super::{Collector, Listening};
use crate::component::{
    Budget, ExtensionContext, Listen, Receiver as _, ReceiverContext, TaskContext, WhenTaken,
};
use crate::config::ComponentId;
use crate::net::{self, BindCause, BindError, Listener, Offer, Stop, Windows};
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
        matches!(self, StartError::Listen { error, .. } if matches!(error.cause, BindCause::InUse))
    }
}

/// What is bound, and what will answer there.
struct Bound {
    listener: Listener,
    listening: Listening,
    listen: Listen,
}

pub(super) async fn start(plan: Plan) -> Result<Collector, StartError> {
    let board = Board::new();
    let facts = Arc::new(Facts::default());
    let budget = Budget::new(plan.memory_limit.unwrap_or(MEMORY_LIMIT));
    let store = MemoryStore::new(StoreConfig::for_budget(&budget), budget.clone(), board.clone());
    let graph = Graph::build(spec(plan.exporters, plan.pipelines), &store)?;
    for warning in graph.warnings() {
        tracing::warn!("{warning}");
    }
    graph.show(&board);
    let entrance = Entrance::new(graph, budget.clone());

    let mut receiving = Vec::new();
    for receiver in plan.receivers {
        let id = shared(&receiver.id);
        let intake = entrance.intake(&id);
        let cx = ReceiverContext { id: id.clone(), intake, facts: facts.clone(), board: board.clone() };
        for listen in otlp::build(&receiver.config, cx).listeners() {
            receiving.extend(bind(listen, &id, &format!("receivers.{id}"), true).await?);
        }
    }
    let mut answering = Vec::new();
    for registry::Extension { id, key, built } in plan.extensions {
        let (board, facts, budget) = (board.clone(), facts.clone(), budget.clone());
        let cx = ExtensionContext { id: id.clone(), board, facts, budget };
        for listen in built.serve.map(|serve| serve.listeners(cx)).unwrap_or_default() {
            answering.extend(bind(listen, &id, &key, false).await?);
        }
    }

    // From here on nothing fails: every port is open, and what comes in has somewhere to go.
    let tasks = Tasks::start(plan.tasks, &TaskContext { facts: facts.clone(), board: board.clone() });
    let mut consumers = Consumers::default();
    consumers.follow(&entrance.graph(), &store, tokio::time::Instant::now());
    let listening: Vec<_> =
        receiving.iter().chain(&answering).map(|bound: &Bound| bound.listening.clone()).collect();
    for Listening { component, address, speaks, receives: _ } in &listening {
        let (component, address) = (component.clone(), address.to_string());
        board.add_listener(board::Listener { component, address, protocols: vec![speaks] });
    }
    // Beside what telemetry may take, transports get as much again for what nobody has read yet.
    let windows = Windows::new(budget.limit());
    let share = budget.limit() / receiving.len().max(1) as u64;
    let serve = |bounds: Vec<Bound>| {
        let (stop, mut servers) = (Stop::new(), JoinSet::new());
        for Bound { listener, listening, listen } in bounds {
            let Listen { limits, service, .. } = listen;
            let limits = if listening.receives { limits.within(share) } else { limits };
            tracing::debug!(address = %listening.address, limits.connections_max, "serving");
            let (windows, facts) = (windows.clone(), facts.clone());
            servers.spawn(net::serve(listener, Offer::new(service, limits), windows, facts, stop.clone()));
        }
        (stop, servers)
    };
    let (receivers_stop, servers) = serve(receiving);
    let (extensions_stop, extensions) = serve(answering);
    board.set_phase(board::Phase::Running);
    for Listening { address, speaks, .. } in &listening {
        tracing::info!("listening on {address} ({speaks})");
    }
    Ok(Collector {
        listening,
        servers,
        receivers_stop,
        entrance,
        store,
        consumers,
        tasks,
        extensions,
        extensions_stop,
        board,
        budget,
    })
}

/// Opens a port; `None` if it is taken and nobody asked for it.
async fn bind(listen: Listen, id: &Arc<str>, key: &str, receives: bool) -> Result<Option<Bound>, StartError> {
    match Listener::bind(&listen.endpoint.to_string()).await {
        Ok(listener) => {
            let (component, address) = (Arc::clone(id), listener.local_addr());
            let listening = Listening { component, receives, address, speaks: listen.speaks };
            Ok(Some(Bound { listener, listening, listen }))
        }
        Err(error) if listen.when_taken == WhenTaken::Warn => {
            tracing::warn!("without {}: {error}", listen.speaks);
            Ok(None)
        }
        Err(error) => Err(StartError::Listen { component: key.to_owned(), error }),
    }
}

/// What the engine is told of a plan.
fn spec(exporters: Vec<registry::Exporter>, pipelines: Vec<registry::Pipeline>) -> Spec {
    let ids = |ids: Vec<ComponentId>| ids.iter().map(shared).collect();
    let exporter = |registry::Exporter { id, built }: registry::Exporter| ExporterSpec {
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
        pipelines: pipelines.into_iter().map(pipeline).collect(),
    }
}

fn shared(id: &ComponentId) -> Arc<str> {
    id.to_string().into()
}

/// Bytes of telemetry held at once, where no `memory_limiter` says otherwise.
const MEMORY_LIMIT: u64 = 64 << 20;
