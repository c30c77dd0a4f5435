//! From one plan to the next, without a gap.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::ports::{self, Found, Port, Wanted};
use super::start::{self, StartError};
use super::{Collector, Listening};
use crate::component::TaskContext;
use crate::net::Limits;
use crate::observe::board;
use crate::otlp::Signal;
use crate::pipeline::{Graph, StoreConfig};
use crate::registry::Plan;

/// What became of a reload that was possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The plan's configuration says what is in force already: nothing was touched.
    Unchanged,
    Changed(Change),
}

/// What a reload has kept and replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub ports_kept: usize,
    pub ports_opened: usize,
    pub ports_closed: usize,
    pub exporters: usize,
    /// Those of `exporters` that go on as they were, with their connections.
    pub exporters_kept: usize,
    /// Processors that go on as they were, with what they have read.
    pub processors_kept: usize,
}

impl Collector {
    pub(super) async fn replace_by(
        &mut self,
        mut plan: Plan,
        within: Duration,
    ) -> Result<Reloaded, StartError> {
        if self.standing.is(&plan) {
            return Ok(Reloaded::Unchanged);
        }
        let kept = self.standing.lend(&mut plan);
        let wanted = start::wanted(&plan, self);
        let found = ports::find(&wanted, &self.ports, &self.facts).await?;
        let next = self.standing.next(&mut plan, &kept);
        let mut change = Change {
            exporters: plan.exporters.len(),
            exporters_kept: kept.exporters(),
            processors_kept: kept.processors(),
            ..Change::default()
        };
        let spec = start::spec(plan.exporters, plan.connectors, plan.pipelines);
        spec.check()?;

        // From here on nothing fails and nothing waits: every port is open, and what comes in has somewhere to go.
        let deadline = Instant::now() + within;
        self.budget.set_limit(plan.memory_limit.unwrap_or(start::MEMORY_LIMIT));
        // Beside what telemetry may take, transports get as much again for what nobody has read yet.
        self.shared.windows.set_limit(self.budget.limit());
        self.store.configure(StoreConfig::for_budget(&self.budget));
        let cx = TaskContext { facts: self.facts.clone(), board: self.board.clone() };
        self.standing.become_next(next, plan.tasks, &kept, &cx);
        let graph = Graph::build(spec, &self.store)?;
        for warning in graph.warnings() {
            tracing::warn!("{warning}");
        }
        graph.show(&self.board);
        self.consumers.follow(&graph, &self.store, deadline);
        self.downstreams.set(graph.exporters(Signal::Traces));
        self.entrance.replace(graph);
        self.swap_ports(wanted, found, within, &mut change);
        for extension in &plan.extensions {
            if let Some(serve) = &extension.built.serve {
                serve.in_force(&start::context(&extension.id, self));
            }
        }
        self.doctor.warned(plan.warnings.problems().iter().map(ToString::to_string).collect());
        self.board.set_config(plan.prints.fingerprint);
        Ok(Reloaded::Changed(change))
    }

    fn swap_ports(&mut self, wanted: Vec<Wanted>, found: Vec<Found>, within: Duration, change: &mut Change) {
        let receiving = wanted.iter().filter(|wanted| wanted.receives).count();
        let share = self.budget.limit() / receiving.max(1) as u64;
        let mut before: Vec<Option<Port>> = self.ports.drain(..).map(Some).collect();
        for (mut wanted, found) in wanted.into_iter().zip(found) {
            if wanted.receives {
                let limits: Limits = wanted.listen.limits.clone().within(share);
                wanted.listen.limits = limits;
            }
            match found {
                Found::Without => {}
                Found::New(listener) => {
                    change.ports_opened += 1;
                    self.ports.push(Port::open(wanted, listener, &self.shared));
                }
                Found::Open(number) => {
                    let mut port = before[number].take().expect("find() names each port once");
                    change.ports_kept += 1;
                    port.hand_over(wanted);
                    self.ports.push(port);
                }
            }
        }
        while self.closing.try_join_next().is_some() {}
        for mut port in before.into_iter().flatten() {
            change.ports_closed += 1;
            tracing::info!("no longer listening on {} ({})", port.listening.address, port.listening.speaks);
            port.close(within);
            self.closing.spawn(async move { port.closed().await });
        }
        self.listening = self.ports.iter().map(|port| port.listening.clone()).collect();
        let shown = |Listening { component, address, speaks, .. }: &Listening| board::Listener {
            component: component.clone(),
            address: address.to_string(),
            protocols: vec![speaks],
        };
        self.board.set_listeners(self.listening.iter().map(shown).collect());
    }
}

impl fmt::Display for Change {
    /// `2 ports kept, 1 opened, 0 closed; exporters: 1 kept, 1 built anew; 1 processor kept`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { ports_kept, ports_opened, ports_closed, exporters, exporters_kept, processors_kept } =
            self;
        write!(
            f,
            "ports: {ports_kept} kept, {ports_opened} opened, {ports_closed} closed; exporters: {exporters_kept} \
             kept, {} built anew; processors: {processors_kept} kept",
            exporters - exporters_kept
        )
    }
}
