//! From a plan to a running collector.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::tasks::Tasks;
use super::{Collector, Listening};
use crate::admin::Admin;
use crate::component::{Budget, Receiver as _, ReceiverContext, TaskContext};
use crate::config::ComponentId;
use crate::net::{self, BindCause, BindError, Listener, Stop, Windows};
use crate::observe::board::{self, Board};
use crate::observe::facts::Facts;
use crate::pipeline::{
    BuildError, Entrance, ExporterSpec, Graph, MemoryStore, PipelineSpec, REQUEST_BYTES_MAX, Spec,
    StoreConfig,
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
    service: Arc<dyn net::Service>,
    limits: net::Limits,
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

    let mut listening = Vec::new();
    let mut bound = Vec::new();
    for receiver in plan.receivers {
        let id = shared(&receiver.id);
        let intake = entrance.intake(&id);
        let cx = ReceiverContext { id: id.clone(), intake, facts: facts.clone(), board: board.clone() };
        for listen in otlp::build(&receiver.config, cx).listeners() {
            let bind = Listener::bind(&listen.endpoint.to_string()).await;
            let listener =
                bind.map_err(|error| StartError::Listen { component: format!("receivers.{id}"), error })?;
            let address = listener.local_addr();
            listening.push(Listening { component: id.clone(), address, speaks: OTLP });
            bound.push(Bound { listener, service: listen.service, limits: listen.limits });
        }
    }
    let admin = bind_admin(&plan.admin, &mut listening).await?;

    // From here on nothing fails: every port is open, and what comes in has somewhere to go.
    let tasks = Tasks::start(plan.tasks, &TaskContext { facts: facts.clone(), board: board.clone() });
    let consumers = entrance.graph().run();
    let receivers_stop = Stop::new();
    let mut servers = JoinSet::new();
    // Beside what telemetry may take, transports get as much again for what nobody has read yet.
    let windows = Windows::new(budget.limit());
    let share = budget.limit() / bound.len().max(1) as u64;
    for Bound { listener, service, limits } in bound {
        let limits = limits.within(share);
        tracing::debug!(address = %listener.local_addr(), limits.connections_max, "serving");
        let (windows, facts) = (windows.clone(), facts.clone());
        servers.spawn(net::serve(listener, service, limits, windows, facts, receivers_stop.clone()));
    }
    let admin = admin.map(|admin| {
        let (stop, mut server) = (Stop::new(), JoinSet::new());
        server.spawn(admin.serve(board.clone(), budget.clone(), facts.clone(), stop.clone()));
        (stop, server)
    });
    for Listening { component, address, speaks } in &listening {
        board.add_listener(board::Listener {
            component: component.clone(),
            address: address.to_string(),
            protocols: vec![speaks],
        });
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
        admin,
        board,
        budget,
    })
}

/// What the engine is told of a plan.
fn spec(exporters: Vec<registry::Exporter>, pipelines: Vec<registry::Pipeline>) -> Spec {
    let ids = |ids: Vec<ComponentId>| ids.iter().map(shared).collect();
    let exporter = |registry::Exporter { id, built }: registry::Exporter| ExporterSpec {
        id: shared(&id),
        exporter: built.exporter,
        queue: built.queue,
        retry: built.retry,
        request_bytes_max: REQUEST_BYTES_MAX,
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

/// A taken port is an error only if somebody asked for it: a second burgee on a machine should start.
async fn bind_admin(
    admin: &registry::Admin,
    listening: &mut Vec<Listening>,
) -> Result<Option<Admin>, StartError> {
    match Admin::bind(&admin.config).await {
        Ok(bound) => {
            let address = bound.local_addr();
            listening.push(Listening {
                component: ADMIN.into(),
                address,
                speaks: "admin, for burgee status",
            });
            Ok(Some(bound))
        }
        Err(error) if admin.is_asked_for => {
            Err(StartError::Listen { component: format!("extensions.{ADMIN}"), error })
        }
        Err(error) => {
            tracing::warn!("no admin service, so `burgee status` will not see this process: {error}");
            Ok(None)
        }
    }
}

pub(super) const ADMIN: &str = "admin";
const OTLP: &str = "OTLP/gRPC and OTLP/HTTP";
/// Bytes of telemetry held at once, where no `memory_limiter` says otherwise.
const MEMORY_LIMIT: u64 = 64 << 20;
