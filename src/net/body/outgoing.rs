//! A body on its way out: the answers of the server and the requests of the client.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

/// What a boxed body may fail with; it ends the connection or the stream.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Chunks that are sent as they are, without a copy, and trailers if there are any.
#[derive(Debug, Default)]
pub struct Body {
    content: Content,
    trailers: Option<Box<HeaderMap>>,
}

#[derive(Debug, Default)]
enum Content {
    #[default]
    Empty,
    One(Bytes),
    /// None of them is empty.
    Chunks(VecDeque<Bytes>),
    /// The same, small ones put together as they are sent.
    Packed(VecDeque<Bytes>),
    Boxed(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body {
    pub fn empty() -> Self {
        Body::default()
    }

    /// Several buffers that are one body, in this order.
    pub fn chunks(chunks: impl IntoIterator<Item = Bytes>) -> Self {
        let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        Body { content: Content::Chunks(chunks), trailers: None }
    }

    /// As [`Body::chunks`], but small buffers that follow one another are copied together as they are sent, since each
    /// costs a frame and a system call: for messages of many parts.
    pub fn packed(chunks: impl IntoIterator<Item = Bytes>) -> Self {
        let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        Body { content: Content::Packed(chunks), trailers: None }
    }

    /// Any other body, for instance that of a router.
    pub fn boxed<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Body { content: Content::Boxed(body.map_err(Into::into).boxed_unsync()), trailers: None }
    }

    /// Sends `trailers` after the content, for instance the status of a gRPC call. HTTP/1 sends them only in
    /// a chunked body whose head announces them.
    pub fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers = Some(Box::new(trailers));
        self
    }
}

/// The next chunk, or a block of several small ones.
fn next_block(chunks: &mut VecDeque<Bytes>) -> Option<Bytes> {
    let first = chunks.pop_front()?;
    let fits =
        |filled: usize, next: Option<&Bytes>| next.is_some_and(|next| filled + next.len() <= BLOCK_BYTES);
    if !fits(first.len(), chunks.front()) {
        return Some(first);
    }
    let mut block = BytesMut::with_capacity(BLOCK_BYTES);
    block.extend_from_slice(&first);
    while fits(block.len(), chunks.front()) {
        block.extend_from_slice(&chunks.pop_front().unwrap_or_default());
    }
    Some(block.freeze())
}

/// As large as the frames that most HTTP/2 servers take: Go's take no larger ones.
const BLOCK_BYTES: usize = 16 * 1024;

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let content = if bytes.is_empty() { Content::Empty } else { Content::One(bytes) };
        Body { content, trailers: None }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body::from(Bytes::from(text))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Body::from(Bytes::from_static(text.as_bytes()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let data = match &mut self.content {
            Content::Empty => None,
            Content::One(bytes) => Some(std::mem::take(bytes)),
            Content::Chunks(chunks) => chunks.pop_front(),
            Content::Packed(chunks) => next_block(chunks),
            Content::Boxed(body) => match std::task::ready!(Pin::new(body).poll_frame(cx)) {
                Some(frame) => return Poll::Ready(Some(frame)),
                None => None,
            },
        };
        if !matches!(self.content, Content::Chunks(_) | Content::Packed(_)) {
            self.content = Content::Empty;
        }
        match data {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None => Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(*trailers)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        let content_ended = match &self.content {
            Content::Empty => true,
            Content::One(_) => false,
            Content::Chunks(chunks) | Content::Packed(chunks) => chunks.is_empty(),
            Content::Boxed(body) => body.is_end_stream(),
        };
        content_ended && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = match &self.content {
            Content::Empty => 0,
            Content::One(bytes) => bytes.len() as u64,
            Content::Chunks(chunks) | Content::Packed(chunks) => {
                chunks.iter().map(|chunk| chunk.len() as u64).sum()
            }
            Content::Boxed(body) => return body.size_hint(),
        };
        if self.trailers.is_none() {
            return SizeHint::with_exact(bytes);
        }
        // An exact size becomes a content-length, with which HTTP/1 would leave the trailers out.
        let mut hint = SizeHint::new();
        hint.set_lower(bytes);
        hint
    }
}
