//! Work that would hold a worker of the runtime for more than a few milliseconds.

use std::sync::{Arc, LazyLock};

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// Does `work` beside the runtime when there is a place for it. All components share as many places as the machine
/// has cores but one, so that one stays free for those who wait for an answer.
///
/// Dropped before its turn, the work is not done; dropped later, it goes on and keeps its place to the end.
///
/// # Errors
/// The work panicked, or the runtime ended first.
pub async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    let place = Arc::clone(&PLACES).acquire_owned().await.expect("nobody closes this semaphore");
    spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    })
    .await
}

static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new(cores.saturating_sub(1).max(1)))
});
