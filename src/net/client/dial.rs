//! From a request's URI to a connection: straight, through a proxy, or to a socket file.
//!
//! TLS, where a URI asks for it, goes over what is dialled here.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tower::Service;

use super::proxy::{Proxies, Via};
use super::resolver::Resolver;
use crate::net::connection::Protocol;

/// Where a client connects to, whatever host its requests name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An `http://` or `https://` URI of which only scheme, host and port matter.
    Address(Uri),
    /// A socket file of this machine.
    Unix(PathBuf),
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Dialer(Arc<Dialling>);

pub(super) struct Dialling {
    pub tcp: HttpConnector<Resolver>,
    pub target: Option<Target>,
    pub proxies: Proxies,
    pub protocol: Protocol,
    /// Of a proxy's answer.
    pub timeout: Duration,
}

/// A connection that bytes can be sent over.
pub(super) struct Stream {
    socket: Socket,
    /// Requests name their destination in full, for the proxy at the other end.
    is_proxied: bool,
}

enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// What kept a connection from being made, at which place.
#[derive(Debug)]
pub(super) struct Blocked {
    place: String,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Said(String),
    Error(Box<dyn std::error::Error + Send + Sync>),
}

impl Dialer {
    pub fn new(dialling: Dialling) -> Dialer {
        Dialer(Arc::new(dialling))
    }

    /// The credentials for a proxy that reads the request itself.
    pub fn proxy_authorization(&self, uri: &Uri) -> Option<http::HeaderValue> {
        let reads = self.0.target.is_none() && !self.0.tunnels(uri);
        if reads { self.0.proxies.on_the_way_to(uri)?.authorization } else { None }
    }
}

impl Dialling {
    /// Whether a proxy is asked for a tunnel. Only plain HTTP/1 requests are read by it.
    fn tunnels(&self, uri: &Uri) -> bool {
        self.protocol == Protocol::Http2 || uri.scheme() == Some(&Scheme::HTTPS)
    }

    async fn dial(&self, uri: Uri) -> Result<Stream, Error> {
        let uri = match &self.target {
            None => uri,
            Some(Target::Address(address)) => address.clone(),
            Some(Target::Unix(path)) => return unix(path).await,
        };
        let Some(via) = self.proxies.on_the_way_to(&uri) else {
            let socket = Socket::Tcp(self.tcp.clone().call(uri).await?.into_inner());
            return Ok(Stream { socket, is_proxied: false });
        };
        let place = || format!("proxy {}", via.proxy.authority().map_or("", |authority| authority.as_str()));
        let connected = self.tcp.clone().call(via.proxy.clone()).await;
        let socket =
            connected.map_err(|error| Blocked { place: place(), cause: Cause::Error(error.into()) })?;
        let mut socket = socket.into_inner();
        let is_proxied = !self.tunnels(&uri);
        if !is_proxied {
            let opening = tokio::time::timeout(self.timeout, open_tunnel(&mut socket, &uri, &via));
            let opened =
                opening.await.unwrap_or_else(|_| Err(Cause::Said("did not answer in time".to_owned())));
            opened.map_err(|cause| Blocked { place: place(), cause })?;
        }
        Ok(Stream { socket: Socket::Tcp(socket), is_proxied })
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Stream, Error> {
    let connected = UnixStream::connect(path).await;
    let socket = connected
        .map_err(|error| Blocked { place: path.display().to_string(), cause: Cause::Error(error.into()) })?;
    Ok(Stream { socket: Socket::Unix(socket), is_proxied: false })
}

#[cfg(not(unix))]
async fn unix(path: &std::path::Path) -> Result<Stream, Error> {
    let cause = Cause::Said("this system has no socket files".to_owned());
    Err(Blocked { place: path.display().to_string(), cause }.into())
}

/// Asks the proxy for a connection to the destination (RFC 9110, 9.3.6).
///
/// Reads not one byte beyond the proxy's answer: an HTTP/2 server may speak first, and a ready-made tunnel that
/// reads into a buffer would lose that.
async fn open_tunnel(socket: &mut TcpStream, to: &Uri, via: &Via) -> Result<(), Cause> {
    let host = to.host().unwrap_or_default();
    let port = to.port_u16().unwrap_or(if to.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 });
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = &via.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    socket.write_all(&request).await.map_err(|error| Cause::Error(error.into()))?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == PROXY_ANSWER_BYTES_MAX {
            return Err(Cause::Said(format!(
                "answered with more than {PROXY_ANSWER_BYTES_MAX} bytes of headers"
            )));
        }
        answer.push(socket.read_u8().await.map_err(|error| Cause::Error(error.into()))?);
    }
    let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    match status.and_then(|status| std::str::from_utf8(status).ok()) {
        Some(status) if status.starts_with('2') => Ok(()),
        Some("407") => Err(Cause::Said("wants a user and a password, or others than these (407)".to_owned())),
        Some(status) if status.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Cause::Said(format!("refuses a tunnel to {host}:{port} with HTTP {status}")))
        }
        _ => Err(Cause::Said("does not answer as an HTTP proxy".to_owned())),
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<Stream>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<TokioIo<Stream>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialling = Arc::clone(&self.0);
        async move { dialling.dial(uri).await.map(TokioIo::new) }.boxed()
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

impl Stream {
    fn reading(self: Pin<&mut Self>) -> Pin<&mut (dyn AsyncRead + Unpin)> {
        match &mut self.get_mut().socket {
            Socket::Tcp(socket) => Pin::new(socket),
            #[cfg(unix)]
            Socket::Unix(socket) => Pin::new(socket),
        }
    }

    fn writing(self: Pin<&mut Self>) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match &mut self.get_mut().socket {
            Socket::Tcp(socket) => Pin::new(socket),
            #[cfg(unix)]
            Socket::Unix(socket) => Pin::new(socket),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.reading().poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
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
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing().poll_shutdown(cx)
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Said(what) => write!(f, "{} {what}", self.place),
            Cause::Error(_) => f.write_str(&self.place),
        }
    }
}

impl std::error::Error for Blocked {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Said(_) => None,
            Cause::Error(error) => Some(&**error),
        }
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;
const PROXY_ANSWER_BYTES_MAX: usize = 8 * 1024;
