//! TLS over what is dialled, where the URI asks for it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;
use tower::Service;

use super::dial::{Dialer, Stream};
use super::gather::Gather;
use crate::net::connection::Protocol;
use crate::net::tls::{ClientTls, describe};

/// Dials, and shakes hands where the URI begins with `https://`.
#[derive(Clone)]
pub(super) struct Secure {
    pub dialer: Dialer,
    pub tls: Option<ClientTls>,
    pub protocol: Protocol,
    /// Of the handshake.
    pub timeout: Duration,
}

/// A connection to a destination or to a proxy that reads requests.
pub(super) enum Wire {
    Plain(Stream),
    Tls(Box<TlsStream<Stream>>),
}

/// The handshake failed. What it means is said here, not by a cause.
#[derive(Debug)]
pub(super) struct NotSecure(String);

impl Secure {
    async fn connect(mut self, uri: Uri) -> Result<Wire, Error> {
        let stream = self.dialer.call(uri.clone()).await?.into_inner();
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(Wire::Plain(stream));
        }
        let Some(tls) = self.tls else { return Err(NotSecure("this client has no TLS".to_owned()).into()) };
        let protocols: &[&[u8]] = match self.protocol {
            Protocol::Http2 => &[b"h2"],
            Protocol::Http1 => &[b"h2", b"http/1.1"],
        };
        let handshake = tls.connect(uri.host().unwrap_or_default(), protocols, stream);
        match tokio::time::timeout(self.timeout, handshake).await {
            Ok(Ok(stream)) => Ok(Wire::Tls(Box::new(stream))),
            Ok(Err(error)) => Err(NotSecure(explain(&error)).into()),
            Err(_) => Err(NotSecure("the server did not finish the handshake in time".to_owned()).into()),
        }
    }
}

fn explain(error: &io::Error) -> String {
    match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(error) => describe(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection during the handshake; does it speak TLS there?".to_owned()
        }
        None => format!("the handshake broke off: {error}"),
    }
}

impl Service<Uri> for Secure {
    type Response = TokioIo<Gather<Wire>>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<TokioIo<Gather<Wire>>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let gathers = self.protocol == Protocol::Http2;
        let connecting = self.clone().connect(uri);
        connecting.map(move |wire| wire.map(|wire| TokioIo::new(Gather::new(wire, gathers)))).boxed()
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        match self {
            Wire::Plain(stream) => stream.connected(),
            Wire::Tls(stream) => {
                let (stream, session) = stream.get_ref();
                let connected = stream.connected();
                if session.alpn_protocol() == Some(b"h2") { connected.negotiated_h2() } else { connected }
            }
        }
    }
}

impl Wire {
    fn reading(self: Pin<&mut Self>) -> Pin<&mut (dyn AsyncRead + Unpin)> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream),
            Wire::Tls(stream) => Pin::new(&mut **stream),
        }
    }

    fn writing(self: Pin<&mut Self>) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream),
            Wire::Tls(stream) => Pin::new(&mut **stream),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.reading().poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writing().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writing().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing().poll_shutdown(cx)
    }
}

impl fmt::Display for NotSecure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotSecure {}

type Error = Box<dyn std::error::Error + Send + Sync>;
