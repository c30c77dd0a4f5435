//! What runs of a plan and can be kept when the next one says the same of it.

use std::collections::HashMap;
use std::sync::Arc;

use super::tasks::Tasks;
use crate::component::{Cx, Exporter, Processor, TaskContext};
use crate::config::ComponentId;
use crate::otlp::{Payload, Watchlist};
use crate::registry::{self, Plan, Prints, Section, Work};

type Component = (Section, ComponentId);

/// The components of the plan in force, by what may be kept of them: connections, and what background work has read.
#[derive(Default)]
pub(super) struct Standing {
    prints: Option<Prints>,
    exporters: HashMap<ComponentId, Arc<dyn Exporter>>,
    /// By pipeline and id.
    processors: HashMap<(String, ComponentId), Arc<dyn Processor>>,
    tasks: Vec<(Option<Component>, Tasks)>,
}

/// What of the plan before goes on in the new one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    exporters: Vec<ComponentId>,
    processors: Vec<ComponentId>,
}

impl Standing {
    /// Whether this plan's configuration says what is in force already.
    pub fn is(&self, plan: &Plan) -> bool {
        self.prints.as_ref().is_some_and(|prints| prints.whole == plan.prints.whole)
    }

    /// Which components of `plan` have the configuration that they run with; puts running exporters in the place of
    /// those built anew.
    pub fn lend(&self, plan: &mut Plan) -> Kept {
        let mut kept = Kept::default();
        let Some(before) = &self.prints else { return kept };
        let is_same = |section: Section, id: &ComponentId, prints: &Prints| {
            let key = (section, id.clone());
            let print = prints.components.get(&key);
            print.is_some() && print == before.components.get(&key)
        };
        for exporter in &mut plan.exporters {
            if let Some(running) = self.exporters.get(&exporter.id)
                && is_same(Section::Exporters, &exporter.id, &plan.prints)
            {
                exporter.built.exporter = Arc::clone(running);
                kept.exporters.push(exporter.id.clone());
            }
        }
        // A processor is kept in all pipelines or in none: its background work keeps one of the two up to date.
        let runs = |pipeline: &registry::Pipeline, id: &ComponentId| {
            self.processors.contains_key(&(pipeline.id.to_string(), id.clone()))
        };
        let ids = plan.pipelines.iter().flat_map(|pipeline| &pipeline.processors).map(|runner| &runner.id);
        for id in ids {
            let mut users = plan.pipelines.iter().filter(|pipeline| pipeline.has_processor(id));
            if !kept.processors.contains(id)
                && is_same(Section::Processors, id, &plan.prints)
                && users.all(|pipeline| runs(pipeline, id))
            {
                kept.processors.push(id.clone());
            }
        }
        kept
    }

    /// What will run of `plan`. Leaves processors in it that share theirs with this.
    pub fn next(&self, plan: &mut Plan, kept: &Kept) -> Standing {
        let mut next = Standing { prints: Some(plan.prints.clone()), ..Standing::default() };
        for exporter in &plan.exporters {
            next.exporters.insert(exporter.id.clone(), Arc::clone(&exporter.built.exporter));
        }
        for pipeline in &mut plan.pipelines {
            let name = pipeline.id.to_string();
            for runner in &mut pipeline.processors {
                let key = (name.clone(), runner.id.clone());
                let running = self.processors.get(&key).filter(|_| kept.processors.contains(&runner.id));
                let running = running.cloned().unwrap_or_else(|| {
                    Arc::from(std::mem::replace(&mut runner.processor, Box::new(Nothing)))
                });
                runner.processor = Box::new(Lent(Arc::clone(&running)));
                next.processors.insert(key, running);
            }
        }
        next
    }

    /// Becomes `next`: starts its background work, and ends that of what is no longer there.
    pub fn become_next(&mut self, mut next: Standing, work: Vec<Work>, kept: &Kept, cx: &TaskContext) {
        for Work { of, tasks } in work {
            let is_kept = of.as_ref().is_some_and(|of| kept.has(of));
            let running = self.tasks.iter().position(|(before, _)| is_kept && *before == of);
            let running = running.map(|number| self.tasks.swap_remove(number).1);
            next.tasks.push((of, running.unwrap_or_else(|| Tasks::start(tasks, cx))));
        }
        *self = next;
    }

    /// Ends the background work.
    pub async fn end(&mut self) {
        for (_, tasks) in &mut self.tasks {
            tasks.end().await;
        }
    }
}

impl Kept {
    pub fn exporters(&self) -> usize {
        self.exporters.len()
    }

    pub fn processors(&self) -> usize {
        self.processors.len()
    }

    fn has(&self, (section, id): &Component) -> bool {
        match section {
            Section::Exporters => self.exporters.contains(id),
            Section::Processors => self.processors.contains(id),
            // receivers and extensions are built anew each time: their sockets are what is kept
            _ => false,
        }
    }
}

/// A processor that the next graph may have as well.
struct Lent(Arc<dyn Processor>);

impl Processor for Lent {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        self.0.process(payload, cx)
    }

    fn watch(&self, watchlist: &mut Watchlist) {
        self.0.watch(watchlist);
    }
}

/// Stands where a processor is taken out to be shared.
struct Nothing;

impl Processor for Nothing {
    fn process(&self, payload: Payload, _: &mut Cx<'_>) -> Payload {
        payload
    }
}
