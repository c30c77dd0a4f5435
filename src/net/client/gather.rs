//! Fewer and larger writes: what HTTP/2 writes frame by frame goes to the socket together.
//!
//! h2 flushes after every DATA frame, of 16 KiB with most servers, and each write is a system call and a run through
//! the network stack. So a flush that follows a write is put off once: the task is woken, the connection goes on
//! writing frames if it has more, and when it has nothing more to write, its next flush is a real one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes wait for each other, up to [`GATHERED_MAX`].
pub(super) struct Gather<S> {
    stream: S,
    gathered: Vec<u8>,
    /// So much of it is written.
    written: usize,
    /// Written to since the last flush.
    is_fresh: bool,
    is_on: bool,
}

impl<S> Gather<S> {
    /// Does nothing of all that if it is not `on`: HTTP/1 writes a request at once.
    pub(super) fn new(stream: S, is_on: bool) -> Self {
        Gather { stream, gathered: Vec::new(), written: 0, is_fresh: false, is_on }
    }
}

impl<S: AsyncWrite + Unpin> Gather<S> {
    /// Writes what is gathered.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.gathered.len() {
            let rest = &self.gathered[self.written..];
            self.written += some(ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?)?;
        }
        self.gathered.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

/// A socket that takes nothing and says so for ever.
fn some(written: usize) -> io::Result<usize> {
    if written > 0 { Ok(written) } else { Err(io::ErrorKind::WriteZero.into()) }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.is_on {
            return Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        }
        this.is_fresh = true;
        let more: usize = bufs.iter().map(|buf| buf.len()).sum();
        if this.gathered.len() + more > GATHERED_MAX {
            ready!(this.poll_drain(cx))?;
        }
        if more > GATHERED_MAX {
            return Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        }
        if this.gathered.capacity() == 0 {
            this.gathered.reserve_exact(GATHERED_MAX);
        }
        bufs.iter().for_each(|buf| this.gathered.extend_from_slice(buf));
        Poll::Ready(Ok(more))
    }

    fn is_write_vectored(&self) -> bool {
        self.is_on || self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.is_fresh) && !this.gathered.is_empty() {
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gather<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Connection> Connection for Gather<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

/// What one write carries: two of the segments that a network card or loopback takes at once.
const GATHERED_MAX: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn writes_go_out_together_at_the_second_flush_or_when_there_are_too_many() {
        let (stream, mut other) = tokio::io::duplex(4 * GATHERED_MAX);
        let mut gather = Gather::new(stream, true);
        let mut seen = vec![0; 4 * GATHERED_MAX];
        for _ in 0..2 {
            gather.write_all(b"frame").await.expect("it is gathered");
            gather.flush().await.expect("it is put off");
        }
        assert!(poll!(Box::pin(other.read(&mut seen))).is_pending());
        gather.flush().await.expect("written");
        assert_eq!(other.read(&mut seen).await.expect("read"), 10);
        assert_eq!(&seen[..10], b"frameframe");

        let frame = vec![7; GATHERED_MAX - 1];
        gather.write_all(&frame).await.expect("it is gathered");
        gather.write_all(b"two").await.expect("the first one goes");
        assert_eq!(other.read(&mut seen).await.expect("read"), frame.len());
        gather.write_all(&vec![8; GATHERED_MAX + 1]).await.expect("in between and a large one go");
        assert_eq!(other.read(&mut seen).await.expect("read"), 3 + GATHERED_MAX + 1);
        gather.write_all(b"end").await.expect("it is gathered");
        gather.shutdown().await.expect("nothing is left behind");
        assert_eq!(other.read(&mut seen).await.expect("read"), 3);
    }

    #[tokio::test]
    async fn a_socket_that_is_full_is_waited_for_and_no_byte_is_lost() {
        let (stream, mut other) = tokio::io::duplex(100);
        let mut gather = Gather::new(stream, true);
        let sent: Vec<u8> = (0..GATHERED_MAX * 3).map(|n| n as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            for frame in sent.chunks(16 << 10) {
                gather.write_all(frame).await.expect("written");
                gather.flush().await.expect("flushed");
            }
            gather.flush().await.expect("flushed");
        });
        let mut seen = vec![0; expected.len()];
        other.read_exact(&mut seen).await.expect("read");
        assert_eq!(seen, expected);
        writing.await.expect("it does not panic");
    }

    #[tokio::test]
    async fn nothing_is_gathered_where_it_is_off() {
        let (stream, mut other) = tokio::io::duplex(100);
        let mut gather = Gather::new(stream, false);
        gather.write_all(b"request").await.expect("written");
        let mut seen = [0; 7];
        other.read_exact(&mut seen).await.expect("read");
    }
}
