//! Assembling a request's body into one buffer of our own, and throwing one away.
//!
//! A transport's frames are slices of its read buffers: keeping one keeps the whole buffer, up to 168 times
//! its size. So they are copied once, into a buffer of the size the sender announced, which grows only with
//! what has really arrived.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;

use super::{BodyError, RequestBody};

/// How much of a refused HTTP/1 body is read before the answer; a client that is still writing when the
/// connection closes sees a broken pipe instead of the answer.
pub const DISCARD_BYTES_MAX: u64 = 1024 * 1024;

/// Where the announced size of a body stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizing {
    /// In `content-length`, if at all.
    ContentLength,
    /// In the four bytes after the first one, as in any gRPC message.
    GrpcPrefix,
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum ReadError<E> {
    #[error("the request body has more than {limit} bytes, which is the limit")]
    TooLarge { limit: u64 },
    /// What `on_grow` said.
    #[error("there is no room for the request body")]
    Refused(E),
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Reads the whole of `body` into one buffer.
///
/// `limit` is the size in bytes above which it is [`ReadError::TooLarge`], told as soon as it is known: for an
/// announced size before anything was read. `on_grow(capacity)` is asked before the buffer gets a new
/// capacity in bytes, so that memory can be charged; at most a quarter of the last one given is unused at the
/// end, or it is asked once more with less. Trailers are skipped.
///
/// # Errors
/// See [`ReadError`]; deadlines are those of the port ([`Limits`](crate::net::Limits)).
pub async fn read_body<E>(
    body: &mut RequestBody,
    limit: u64,
    sizing: Sizing,
    mut on_grow: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<u8>, ReadError<E>> {
    let announced = body.size_hint().exact();
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(ReadError::TooLarge { limit });
    }
    let limit_bytes = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut expected = announced.and_then(|bytes| usize::try_from(bytes).ok());
    let mut buffer = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let filled = buffer.len().saturating_add(data.len());
        if filled > limit_bytes {
            return Err(ReadError::TooLarge { limit });
        }
        if expected.is_none() && sizing == Sizing::GrpcPrefix {
            expected = grpc_message_end(&buffer, &data);
            if expected.is_some_and(|bytes| bytes > limit_bytes) {
                return Err(ReadError::TooLarge { limit });
            }
        }
        if filled > buffer.capacity() {
            let capacity = next_capacity(buffer.capacity(), filled, expected).min(limit_bytes);
            on_grow(capacity).map_err(ReadError::Refused)?;
            buffer.reserve_exact(capacity - buffer.len());
        }
        buffer.extend_from_slice(&data);
    }
    if buffer.capacity() - buffer.len() > buffer.len() / 4 {
        buffer.shrink_to_fit();
        on_grow(buffer.capacity()).map_err(ReadError::Refused)?;
    }
    Ok(buffer)
}

/// Reads and throws away up to [`DISCARD_BYTES_MAX`] of `body`, for at most `within`, so that a refusal over
/// HTTP/1 reaches a client that is still writing. Does nothing if the client waits to be asked for its body.
/// HTTP/2 does not need it. Returns the number of bytes thrown away.
pub async fn discard(mut body: RequestBody, within: Duration) -> u64 {
    let mut discarded = 0;
    if body.waits_for_continue() {
        return discarded;
    }
    let reading = async {
        while discarded < DISCARD_BYTES_MAX {
            // A body that fails here needs no answer of its own: the request is refused already.
            let Some(Ok(frame)) = body.frame().await else { break };
            discarded += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
    };
    // Out of time means that the refusal is sent now, to a client that may not see it.
    let _ = tokio::time::timeout(within, reading).await;
    discarded
}

/// Where the gRPC message that starts in `buffer` and goes on in `data` ends, prefix included.
fn grpc_message_end(buffer: &[u8], data: &Bytes) -> Option<usize> {
    let mut prefix = buffer.iter().chain(data.iter()).copied().skip(1);
    let length = [prefix.next()?, prefix.next()?, prefix.next()?, prefix.next()?];
    usize::try_from(u32::from_be_bytes(length)).ok()?.checked_add(GRPC_PREFIX_BYTES)
}

/// The announced size as soon as a good part of it has arrived, else room that doubles.
fn next_capacity(capacity: usize, filled: usize, expected: Option<usize>) -> usize {
    match expected {
        Some(expected) if expected >= filled => {
            expected.min(filled.saturating_mul(TRUST_FACTOR).max(TRUST_BYTES))
        }
        _ => filled.max(capacity.saturating_mul(2)),
    }
}

const GRPC_PREFIX_BYTES: usize = 5;
/// An announced size up to this is believed at once.
const TRUST_BYTES: usize = 256 * 1024;
/// Above it, up to this many times what has arrived.
const TRUST_FACTOR: usize = 4;
