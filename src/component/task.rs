//! Background work of components: reading what changes outside, such as files and other services.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Problem;
use crate::observe::board::Board;
use crate::observe::facts::Facts;

/// What a component is built with beside its settings.
#[derive(Debug)]
pub struct BuildContext {
    /// The component's id: `feature_flag`, `feature_flag/shop`.
    pub id: Arc<str>,
    tasks: Vec<Task>,
    warnings: Vec<Problem>,
}

/// Work that goes on beside the data as long as the collector runs. The collector starts it once everything is built,
/// starts it anew if it panics, and drops it at the stop, at whatever await it is.
pub struct Task {
    /// Component and what the work is: `feature_flag: definitions`.
    pub name: String,
    work: Box<dyn Fn(TaskContext) -> BoxFuture<'static, ()> + Send + Sync>,
}

/// What a task may use of the collector that runs it.
#[derive(Clone)]
pub struct TaskContext {
    pub facts: Arc<Facts>,
    pub board: Board,
}

impl BuildContext {
    pub fn new(id: impl Into<Arc<str>>) -> BuildContext {
        BuildContext { id: id.into(), tasks: Vec::new(), warnings: Vec::new() }
    }

    /// Gives work to the collector. A future can run only once, so it is made by a function, again for each start.
    pub fn task<F>(&mut self, name: &str, work: impl Fn(TaskContext) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let name = format!("{}: {name}", self.id);
        self.tasks.push(Task { name, work: Box::new(move |cx| work(cx).boxed()) });
    }

    /// Says what is odd about the settings, and no reason not to start.
    pub fn warn(&mut self, problem: Problem) {
        self.warnings.push(problem);
    }

    /// What is odd, for the report.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The work, for the collector.
    pub fn into_tasks(self) -> Vec<Task> {
        self.tasks
    }
}

impl Task {
    /// Starts it from the beginning.
    pub fn run(&self, cx: TaskContext) -> BoxFuture<'static, ()> {
        (self.work)(cx)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Task({})", self.name)
    }
}
