//! The body of a request, under the deadlines of its port: it has to make progress, and it ends when the
//! server stops taking uploads. Whoever reads it, with [`read_body`](super::read_body) or through a router,
//! has these for nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::Body;
use crate::net::connection::Connection;

/// A request's body as it arrives. Its frames share memory with the transport and are not to be kept.
pub struct RequestBody {
    source: Source,
    /// `None` for a body that did not come from a socket.
    connection: Option<Arc<Connection>>,
    wait: Option<Pin<Box<Wait>>>,
    progress: Progress,
    invitation: Invitation,
}

enum Source {
    Wire(Incoming),
    Held(Body),
}

/// Whether the client waits for `100 Continue` before it sends its body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Invitation {
    Wanted,
    NotWanted,
}

/// Why a request's body did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the request body came too slowly and was given up; send at least {bytes_min} bytes in any {}", humantime::format_duration(*.window))]
    Stalled { bytes_min: u64, window: std::time::Duration },
    #[error("the client went away before the end of its request body")]
    Aborted(#[source] super::BoxError),
    #[error("the request body is not framed as HTTP has it: its chunks have no valid lengths")]
    Framing(#[source] super::BoxError),
    #[error("this collector is stopping and takes no more uploads; send the request again")]
    Stopping,
}

impl RequestBody {
    pub(in crate::net) fn new(head: &Parts, incoming: Incoming, connection: Arc<Connection>) -> Self {
        let expects = head.headers.get(http::header::EXPECT);
        let invited = expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        RequestBody {
            source: Source::Wire(incoming),
            connection: Some(connection),
            wait: None,
            progress: Progress::default(),
            invitation: if invited { Invitation::Wanted } else { Invitation::NotWanted },
        }
    }

    /// True while the client holds its body back until it is asked for: reading asks, a refusal need not.
    pub fn waits_for_continue(&self) -> bool {
        self.invitation == Invitation::Wanted
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let aborted = |error: super::BoxError| {
            if is_framing(&*error) { BodyError::Framing(error) } else { BodyError::Aborted(error) }
        };
        match &mut self.source {
            Source::Wire(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|f| f.map_err(|e| aborted(e.into()))))
            }
            Source::Held(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|f| f.map_err(aborted)))
            }
        }
    }

    /// The client has sent nothing for now: is that still all right?
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let Some(connection) = &self.connection else { return Poll::Pending };
        let (window, bytes_min) = (connection.limits().body_window, connection.limits().body_bytes_min);
        let wait = self.wait.get_or_insert_with(|| Box::pin(Wait::new(connection, window)));
        let wait = wait.as_mut().get_mut();
        if wait.no_uploads.as_mut().poll(cx).is_ready() {
            connection.count_upload_cut();
            return Poll::Ready(BodyError::Stopping);
        }
        while wait.window.as_mut().poll(cx).is_ready() {
            // A window that ended while the reader was busy elsewhere says nothing about the client.
            if self.progress.waiting && self.progress.window_bytes < bytes_min {
                connection.report_stalled_body();
                return Poll::Ready(BodyError::Stalled { bytes_min, window });
            }
            self.progress.window_bytes = 0;
            wait.window.as_mut().reset(Instant::now() + window);
        }
        self.progress.waiting = true;
        Poll::Pending
    }
}

/// A body that is at hand already, for requests from within the program and for tests.
impl From<Body> for RequestBody {
    fn from(body: Body) -> Self {
        RequestBody {
            source: Source::Held(body),
            connection: None,
            wait: None,
            progress: Progress::default(),
            invitation: Invitation::NotWanted,
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.invitation = Invitation::NotWanted;
        let Poll::Ready(frame) = self.poll_source(cx) else {
            return self.poll_wait(cx).map(|error| Some(Err(error)));
        };
        self.progress.waiting = false;
        if let Some(Ok(frame)) = &frame {
            self.progress.window_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Wire(body) => body.is_end_stream(),
            Source::Held(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Wire(body) => body.size_hint(),
            Source::Held(body) => body.size_hint(),
        }
    }
}

/// Whether the transport could not make sense of what came, rather than that nothing came any more.
fn is_framing(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|io| matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
    })
}

#[derive(Default)]
struct Progress {
    window_bytes: u64,
    /// The last poll found nothing.
    waiting: bool,
}

/// Made only for a body that keeps its reader waiting; most have arrived together with their head.
struct Wait {
    window: Pin<Box<Sleep>>,
    no_uploads: BoxFuture<'static, ()>,
}

impl Wait {
    fn new(connection: &Connection, window: std::time::Duration) -> Self {
        Wait {
            window: Box::pin(tokio::time::sleep(window)),
            no_uploads: Box::pin(connection.uploads_have_ended()),
        }
    }
}
