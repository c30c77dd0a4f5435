//! The streams of one HTTP/2 connection, run by the task of the connection itself.
//!
//! A task for every stream costs an allocation, a wake and often a change of the processor, for a handler that mostly
//! is done at once; and each answer would go to the socket by itself. Here the connection reads what there is, then
//! the handlers of all that came run, then their answers are written together.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::{BoxFuture, CatchUnwind};
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use futures_util::{FutureExt, Stream};

/// Takes the streams that hyper begins.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl<F> hyper::rt::Executor<F> for Begun
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.lock().push(Box::pin(stream));
    }
}

impl Begun {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<BoxFuture<'static, ()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection with its streams.
pub(super) struct WithStreams<C> {
    pub(super) connection: C,
    begun: Begun,
    /// Reused.
    fresh: Vec<BoxFuture<'static, ()>>,
    waiting: FuturesUnordered<Guarded>,
    wakes: Arc<Wakes>,
    waker: Waker,
}

type Guarded = CatchUnwind<AssertUnwindSafe<BoxFuture<'static, ()>>>;

/// What wakes the connection or one of its streams. While they are being polled, that is a note, not a wake of the
/// task: it is polled once more anyway.
#[derive(Default)]
struct Wakes {
    is_woken: AtomicBool,
    is_polled: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        if !self.is_polled.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

impl<C> WithStreams<C> {
    /// `begun` is what the connection hands its streams to.
    pub(super) fn new(connection: C, begun: Begun) -> Self {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        WithStreams { connection, begun, fresh: Vec::new(), waiting: FuturesUnordered::new(), wakes, waker }
    }

    fn poll_streams(&mut self, cx: &mut Context<'_>) {
        std::mem::swap(&mut *self.begun.lock(), &mut self.fresh);
        for stream in self.fresh.drain(..) {
            // one that fails takes no other with it, and the panic hook has said so
            let mut stream = AssertUnwindSafe(stream).catch_unwind();
            if stream.poll_unpin(cx).is_pending() {
                self.waiting.push(stream);
            }
        }
        while let Poll::Ready(Some(_)) = Pin::new(&mut self.waiting).poll_next(cx) {}
    }
}

impl<C: Future + Unpin> Future for WithStreams<C> {
    type Output = C::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let this = self.get_mut();
        this.wakes.task.register(cx.waker());
        this.wakes.is_polled.store(true, Ordering::SeqCst);
        let waker = this.waker.clone();
        let mut own = Context::from_waker(&waker);
        for _ in 0..TURNS_MAX {
            this.wakes.is_woken.store(false, Ordering::SeqCst);
            if let Poll::Ready(end) = Pin::new(&mut this.connection).poll(&mut own) {
                return Poll::Ready(end);
            }
            this.poll_streams(&mut own);
            if !this.wakes.is_woken.load(Ordering::SeqCst) {
                break;
            }
        }
        this.wakes.is_polled.store(false, Ordering::SeqCst);
        // others have their turn first
        if this.wakes.is_woken.load(Ordering::SeqCst) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// How often connection and streams are polled in turn: read, answer, write, and once more if something came meanwhile.
const TURNS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use hyper::rt::Executor;
    use tokio::sync::oneshot;

    use super::*;

    /// Begins one stream at its first poll, and ends when that has ended.
    struct Connection {
        begun: Begun,
        to_begin: Option<BoxFuture<'static, ()>>,
        end: oneshot::Receiver<()>,
    }

    impl Future for Connection {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            if let Some(stream) = self.to_begin.take() {
                self.begun.execute(stream);
            }
            Pin::new(&mut self.end).poll(cx).map(|_| ())
        }
    }

    fn connection(
        stream: impl FnOnce(oneshot::Sender<()>) -> BoxFuture<'static, ()>,
    ) -> WithStreams<Connection> {
        let (done, end) = oneshot::channel();
        let begun = Begun::default();
        let connection = Connection { begun: begun.clone(), to_begin: Some(stream(done)), end };
        WithStreams::new(connection, begun)
    }

    #[tokio::test]
    async fn a_stream_that_is_done_at_once_ends_its_connection_in_the_same_poll() {
        let mut both = connection(|done| Box::pin(async move { done.send(()).expect("awaited") }));
        let polled = futures_util::poll!(&mut both);
        assert!(polled.is_ready());
    }

    #[tokio::test]
    async fn a_stream_that_waits_is_woken_from_elsewhere() {
        let (wake, woken) = oneshot::channel::<()>();
        let both = connection(|done| {
            Box::pin(async move {
                woken.await.expect("sent");
                done.send(()).expect("awaited");
            })
        });
        let running = tokio::spawn(both);
        tokio::task::yield_now().await;
        wake.send(()).expect("awaited");
        running.await.expect("it ends");
    }

    #[tokio::test]
    async fn a_stream_that_panics_ends_alone() {
        let (go_on, goes_on) = oneshot::channel::<()>();
        let begun = Begun::default();
        begun.execute(async { panic!("on purpose") });
        let (done, end) = oneshot::channel();
        begun.execute(async move {
            goes_on.await.expect("sent");
            done.send(()).expect("awaited");
        });
        let both = WithStreams::new(Connection { begun: begun.clone(), to_begin: None, end }, begun);
        let running = tokio::spawn(both);
        tokio::task::yield_now().await;
        go_on.send(()).expect("awaited");
        running.await.expect("the other stream has ended it");
    }
}
