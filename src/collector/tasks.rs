//! The background work of components: started, started anew after a panic, ended.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;

use crate::component::{Task, TaskContext};

/// Tasks that run. Dropping it ends them.
pub(super) struct Tasks(JoinSet<()>);

impl Tasks {
    pub fn start(tasks: Vec<Task>, cx: &TaskContext) -> Tasks {
        let mut running = JoinSet::new();
        for task in tasks {
            running.spawn(supervise(task, cx.clone()));
        }
        Tasks(running)
    }

    /// Ends all of them, each at its next await.
    pub async fn end(&mut self) {
        self.0.shutdown().await;
    }
}

/// A task that returns is done. One that panics has a defect: what it kept up to date stays as it is meanwhile.
async fn supervise(task: Task, cx: TaskContext) {
    let mut pause = RESTART_AFTER;
    while AssertUnwindSafe(task.run(cx.clone())).catch_unwind().await.is_err() {
        tracing::error!(task = task.name, again_in = ?pause, "background work panicked; this is a defect of burgee");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RESTART_AFTER_MAX);
    }
}

const RESTART_AFTER: Duration = Duration::from_secs(1);
const RESTART_AFTER_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc;

    use super::*;
    use crate::component::BuildContext;
    use crate::observe::board::Board;

    fn context() -> TaskContext {
        TaskContext { facts: Arc::default(), board: Board::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_anew_and_one_that_returns_is_not() {
        let (seen, mut starts) = mpsc::channel(8);
        let runs = Arc::new(AtomicUsize::new(0));
        let mut cx = BuildContext::new("feature_flag");
        cx.task("panics twice", move |_| {
            let (seen, run) = (seen.clone(), runs.fetch_add(1, Ordering::Relaxed));
            async move {
                seen.send(run).await.expect("somebody listens");
                assert!(run >= 2, "a defect");
            }
        });
        let tasks = cx.into_tasks();
        assert_eq!(tasks[0].name, "feature_flag: panics twice");
        let _tasks = Tasks::start(tasks, &context());
        for run in 0..3 {
            assert_eq!(starts.recv().await, Some(run));
        }
        // the task is gone, and with it the sender
        assert_eq!(starts.recv().await, None);
    }

    #[tokio::test]
    async fn a_task_ends_with_the_collector() {
        let held = Arc::new(());
        let of_task = Arc::clone(&held);
        let (started, mut starts) = mpsc::channel(1);
        let mut cx = BuildContext::new("feature_flag");
        cx.task("waits", move |_| {
            let (held, started) = (Arc::clone(&of_task), started.clone());
            async move {
                started.send(()).await.expect("somebody listens");
                std::future::pending::<()>().await;
                drop(held);
            }
        });
        let mut tasks = Tasks::start(cx.into_tasks(), &context());
        starts.recv().await.expect("it starts");
        tasks.end().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
