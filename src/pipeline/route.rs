//! Which way the requests of a receiver take: through pipelines, and by connectors from one to the next.

use std::collections::HashMap;
use std::sync::Arc;

use super::graph::{BuildError, Pipeline, watchlist};
use crate::component::OutboxId;
use crate::otlp::{Signal, Watchlist};

/// Where the requests of one receiver and signal go.
#[derive(Default)]
pub(super) struct Route {
    /// A tree, each step after the one it follows. A pipeline that is reached on two ways is in it twice.
    pub steps: Vec<Step>,
    /// All that are reached, each once, in order.
    pub outboxes: Vec<OutboxId>,
    pub watchlist: Arc<Watchlist>,
}

/// A pipeline on the way.
pub(super) struct Step {
    pub pipeline: Arc<Pipeline>,
    /// The step whose output goes in here; none for what the receiver brings.
    pub from: Option<usize>,
}

/// The routes of all receivers, by their ids.
pub(super) type Routes = HashMap<Arc<str>, [Route; Signal::ALL.len()]>;

/// A pipeline and what it hangs on, by ids.
pub(super) struct Link {
    pub id: Arc<str>,
    pub signal: Signal,
    /// Receivers and connectors.
    pub sources: Vec<Arc<str>>,
    /// Exporters and connectors.
    pub targets: Vec<Arc<str>>,
}

/// The pipelines on the way of each receiver and signal, by their places among the links, each with the place on the
/// way of the one it follows.
pub(super) type Ways = HashMap<(Arc<str>, Signal), Vec<(usize, Option<usize>)>>;

/// All ways through the pipelines, so that a request only walks along one.
///
/// # Errors
/// Pipelines that lead back to themselves, and too many ways.
pub(super) fn ways(links: &[Link], connectors: &[Arc<str>]) -> Result<Ways, BuildError> {
    let mut ways = Ways::new();
    for (at, link) in links.iter().enumerate() {
        // A circle that no receiver reaches is wrong, too.
        Walk { links, connectors, way: Vec::new(), steps: &mut Vec::new() }.visit(at, None)?;
        for source in link.sources.iter().filter(|source| !connectors.contains(source)) {
            let steps = ways.entry((Arc::clone(source), link.signal)).or_default();
            Walk { links, connectors, way: Vec::new(), steps }.visit(at, None)?;
        }
    }
    Ok(ways)
}

/// The routes along these ways; `pipelines` are in the order of the links.
pub(super) fn routes(ways: Ways, pipelines: &[Arc<Pipeline>]) -> Routes {
    let mut routes = Routes::new();
    for ((receiver, signal), way) in ways {
        let step = |(at, from): (usize, Option<usize>)| Step { pipeline: Arc::clone(&pipelines[at]), from };
        let steps: Vec<Step> = way.into_iter().map(step).collect();
        let mut outboxes: Vec<_> =
            steps.iter().flat_map(|step| step.pipeline.outboxes.iter().copied()).collect();
        outboxes.sort_unstable();
        outboxes.dedup();
        let watchlist = Arc::new(watchlist(&steps));
        routes.entry(receiver).or_default()[signal as usize] = Route { steps, outboxes, watchlist };
    }
    routes
}

struct Walk<'w> {
    links: &'w [Link],
    connectors: &'w [Arc<str>],
    /// The pipelines between the receiver and here.
    way: Vec<usize>,
    steps: &'w mut Vec<(usize, Option<usize>)>,
}

impl Walk<'_> {
    fn visit(&mut self, at: usize, from: Option<usize>) -> Result<(), BuildError> {
        let links = self.links;
        let here = &links[at];
        if let Some(start) = self.way.iter().position(|earlier| *earlier == at) {
            let ids = self.way[start..].iter().chain([&at]).map(|at| &*links[*at].id);
            return Err(BuildError::Cycle { way: ids.collect::<Vec<_>>().join(" -> ") });
        }
        if self.steps.len() >= STEPS_MAX {
            return Err(BuildError::TooManyWays { limit: STEPS_MAX });
        }
        self.way.push(at);
        self.steps.push((at, from));
        let step = self.steps.len() - 1;
        for connector in here.targets.iter().filter(|target| self.connectors.contains(target)) {
            let is_next = |next: &Link| next.signal == here.signal && next.sources.contains(connector);
            for (next, _) in links.iter().enumerate().filter(|(_, next)| is_next(next)) {
                self.visit(next, Some(step))?;
            }
        }
        self.way.pop();
        Ok(())
    }
}

/// Connectors that meet again and again double the ways each time; nobody wants that many.
const STEPS_MAX: usize = 256;
