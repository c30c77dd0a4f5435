//! A pipeline by itself, for tests of a configuration.

use std::sync::Arc;
use std::time::SystemTime;

use super::graph::{Pipeline, watchlist};
use super::intake::{Passage, pass};
use super::route::Step;
use crate::component::{Origin, Processor, Transport};
use crate::observe::ledger;
use crate::otlp::{Payload, Watchlist};

/// The processors of one pipeline, run as the intake runs them: no door before them, no outboxes behind.
pub struct Trial {
    steps: [Step; 1],
}

/// What a pipeline made of a payload.
pub struct Passed {
    pub out: Payload,
    /// Flag evaluations recognised.
    pub evaluations: u64,
}

impl Trial {
    /// Of processors in their order, each with its id.
    pub fn new(processors: Vec<(Arc<str>, Box<dyn Processor>)>) -> Trial {
        let ledger = ledger::Pipeline::new(processors.iter().map(|(id, _)| Arc::clone(id)));
        let pipeline = Pipeline { processors, outboxes: Vec::new(), ledger: Arc::new(ledger) };
        Trial { steps: [Step { pipeline: Arc::new(pipeline), from: None }] }
    }

    /// What the door before it would look out for.
    pub fn watchlist(&self) -> Watchlist {
        watchlist(&self.steps)
    }

    /// Passes a payload through.
    ///
    /// # Errors
    /// The id of the processor that failed on it, which is a defect of burgee.
    pub fn run(&self, payload: &Payload) -> Result<Passed, Arc<str>> {
        let origin = Origin {
            receiver: Arc::from("test"),
            transport: Transport::Local,
            peer: None,
            listener: None,
            port: None,
            arrival: SystemTime::UNIX_EPOCH,
        };
        let passage = pass(&self.steps, payload, &origin)?.pop();
        let Passage { out, evaluations, .. } = passage.expect("one pipeline makes one passage");
        Ok(Passed { out, evaluations })
    }
}
