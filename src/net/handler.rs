//! Between hyper and the service: counts handlers and answers, so that deadlines and the stop know of them.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::body::{Body, BoxError, RequestBody};
use super::connection::Connection;
use super::stop::Phase;

/// The service of one connection, as hyper calls it.
pub(super) struct Handlers {
    connection: Arc<Connection>,
}

impl Handlers {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Handlers { connection }
    }
}

impl hyper::service::Service<Request<Incoming>> for Handlers {
    type Response = Response<Sending>;
    type Error = Infallible;
    type Future = Handling;

    fn call(&self, request: Request<Incoming>) -> Handling {
        self.connection.activity().handler_began();
        let unanswered = Unanswered(Arc::clone(&self.connection));
        let (head, incoming) = request.into_parts();
        let body = RequestBody::new(&head, incoming, Arc::clone(&self.connection));
        let request = Request::from_parts(head, body);
        let answer = self.connection.port().offer.current().service.call(request, &self.connection);
        Handling { answer, unanswered: Some(unanswered) }
    }
}

/// A running handler. Dropped before its end if the client leaves or the stop runs out of time.
pub(super) struct Handling {
    answer: BoxFuture<'static, Response<Body>>,
    unanswered: Option<Unanswered>,
}

impl Future for Handling {
    type Output = Result<Response<Sending>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(cx));
        let unanswered = self.unanswered.take();
        if let Some(Unanswered(connection)) = &unanswered {
            connection.activity().handler_ended();
        }
        Poll::Ready(Ok(answer.map(|body| Sending { body, _unanswered: unanswered })))
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        let Some(Unanswered(connection)) = &self.unanswered else { return };
        connection.activity().handler_ended();
        if connection.port().moments.borrow().phase == Phase::Cut {
            connection.port().handlers_aborted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// An answer on its way out.
pub(super) struct Sending {
    body: Body,
    _unanswered: Option<Unanswered>,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request that has no complete answer yet.
struct Unanswered(Arc<Connection>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.activity().answer_ended();
    }
}
