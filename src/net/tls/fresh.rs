//! What is made of files, made again when they have changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::TlsProblem;
use super::material::Text;

/// A value made of files. Whoever takes it after the interval has it made again first.
pub(super) struct Fresh<T> {
    current: ArcSwap<T>,
    make: Make<T>,
    sources: Vec<Text>,
    every: Option<Duration>,
    looked: Mutex<Looked>,
}

struct Looked {
    /// When it is looked at again.
    next: Instant,
    /// Somebody looks. A file system that hangs holds one thread so, and not one more at every interval.
    is_looking: bool,
    print: Print,
    complaint: Option<TlsProblem>,
}

type Make<T> = Box<dyn Fn() -> Result<T, TlsProblem> + Send + Sync>;
/// Tells contents apart.
type Print = [u8; 32];

impl<T: Send + Sync + 'static> Fresh<T> {
    /// Makes it for the first time.
    pub fn new(
        sources: Vec<Text>,
        every: Option<Duration>,
        make: impl Fn() -> Result<T, TlsProblem> + Send + Sync + 'static,
    ) -> Result<Arc<Fresh<T>>, TlsProblem> {
        let print = print(&sources)?;
        let current = ArcSwap::from_pointee(make()?);
        // Without a runtime, as in `burgee validate`, nobody takes it later.
        let next = Instant::now() + every.unwrap_or_default();
        let looked = Mutex::new(Looked { next, is_looking: false, print, complaint: None });
        Ok(Arc::new(Fresh { current, make: Box::new(make), sources, every, looked }))
    }

    /// The value; files are read beside the runtime when it is time.
    pub async fn get(self: &Arc<Self>) -> Arc<T> {
        if self.is_due() {
            let own = Arc::clone(self);
            // It fails only if the runtime ends, or by a defect that the panic hook has told of.
            let _ = tokio::task::spawn_blocking(move || own.look()).await;
        }
        self.current.load_full()
    }

    /// Tells contents apart, as they were last seen.
    pub fn print(&self) -> Print {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).print
    }

    /// True for the one who has to look.
    fn is_due(&self) -> bool {
        let Some(every) = self.every else { return false };
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = now >= looked.next && !looked.is_looking;
        if due {
            looked.next = now + every;
            looked.is_looking = true;
        }
        due
    }

    fn look(&self) {
        let _end = EndOfLook(&self.looked);
        let found = print(&self.sources);
        if found.as_ref().is_ok_and(|found| *found == self.print()) {
            return;
        }
        let made = found.and_then(|print| Ok((print, (self.make)()?)));
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        match made {
            Ok((print, value)) => {
                self.current.store(Arc::new(value));
                looked.print = print;
                looked.complaint = None;
                tracing::info!("new certificates are in force");
            }
            Err(problem) if looked.complaint.as_ref() == Some(&problem) => {}
            Err(problem) => {
                tracing::warn!(%problem, "certificates that changed cannot be used: the old ones stay in force");
                looked.complaint = Some(problem);
            }
        }
    }
}

/// Lets others look again, whatever became of this look.
struct EndOfLook<'a>(&'a Mutex<Looked>);

impl Drop for EndOfLook<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_looking = false;
    }
}

fn print(sources: &[Text]) -> Result<Print, TlsProblem> {
    let mut hash = Sha256::new();
    for source in sources {
        let content = source.read()?;
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content);
    }
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_looks() {
        let fresh = Fresh::new(Vec::new(), Some(Duration::ZERO), || Ok(())).expect("nothing to read");
        assert!(fresh.is_due());
        assert!(!fresh.is_due(), "the first still looks");
        fresh.look();
        assert!(fresh.is_due());
    }
}
