//! The life of one connection: hello, the HTTP machinery under its deadlines, the end.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use super::connection::{Activity, Connection, Missed, Patience, Port, Protocol};
use super::handler::Handlers;
use super::hello::{self, Hello};
use super::io::{Watched, Wire};
use super::limits::{H2_FRAME_MIN, Limits};
use super::offer::{Moment, Transport};
use super::stop::Phase;
use super::streams::{Begun, WithStreams};
use super::tls::describe_accept;
use super::windows::Window;
use crate::observe::facts::Fact;

/// Serves one connection to its end.
pub(super) async fn drive(
    stream: TcpStream,
    peer: std::net::SocketAddr,
    transport: Arc<Transport>,
    port: Arc<Port>,
) {
    let limits = &transport.limits;
    let mut moments = port.moments.clone();
    let listener = port.listener;
    let local = stream.local_addr().unwrap_or(listener);
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(limits.hello, greet(stream, limits)) => greeted,
        // Nothing was asked on it yet, so nothing is lost.
        _ = stopping(&mut moments) => return,
    };
    let (stream, protocol, hello) = match greeted {
        Err(_) => return port.facts.report(Fact::HelloTimeout { peer, listener }),
        Ok(Greeting::Http(stream, Hello::Http1(hello))) => (stream, Protocol::Http1, hello),
        Ok(Greeting::Http(stream, Hello::Http2(hello))) => (stream, Protocol::Http2, hello),
        // TLS within TLS is nothing that anybody speaks.
        Ok(Greeting::Http(_, Hello::Tls)) => return port.facts.report(Fact::NotHttp { peer, listener }),
        // Not a byte: a port check, which is worth knowing and no line in the log.
        Ok(Greeting::Http(Wire::Plain(_), Hello::Nothing)) => {
            return port.facts.keep(Fact::Silent { peer, listener });
        }
        Ok(Greeting::Http(Wire::Tls(_), Hello::Nothing)) => return,
        Ok(Greeting::TlsOnPlainPort(mut stream)) => {
            port.facts.report(Fact::TlsOnPlainPort { peer, listener });
            return hello::answer_tls(&mut stream, limits.hello).await;
        }
        Ok(Greeting::PlainOnTlsPort(mut stream, hello)) => {
            port.facts.report(Fact::PlainOnTlsPort { peer, listener });
            return hello::answer_plain(&mut stream, &hello, limits.hello).await;
        }
        Ok(Greeting::NoHandshake(why)) => {
            return port.facts.report_with(Fact::HandshakeFailed { peer, listener, why }, why);
        }
        Ok(Greeting::Lost(error)) => {
            return tracing::debug!(%peer, %error, "connection lost before its first bytes");
        }
    };
    let connection =
        Arc::new(Connection::new(peer, local, protocol, Arc::clone(&transport), Arc::clone(&port)));
    let io = TokioIo::new(Watched::new(stream, hello, Arc::clone(&connection)));
    let handlers = Handlers::new(Arc::clone(&connection));
    let end = match protocol {
        Protocol::Http1 => {
            let buffer = u32::try_from(limits.h1_buffer_max).unwrap_or(u32::MAX);
            let window = port.windows.open(buffer);
            let http = http1_builder(limits, &window).serve_connection(io, handlers);
            run(http, &connection, moments).await
        }
        Protocol::Http2 => {
            let window = port.windows.open(limits.h2_connection_window);
            let begun = Begun::default();
            let http = http2_builder(limits, &window, begun.clone()).serve_connection(io, handlers);
            run(WithStreams::new(http, begun), &connection, moments).await
        }
    };
    match end {
        End::Closed(Ok(())) | End::Missed(Missed::Idle) => {}
        End::Closed(Err(error)) if error.is_parse() => port.facts.report(Fact::NotHttp { peer, listener }),
        End::Closed(Err(error)) => tracing::debug!(%peer, %error, "connection ended"),
        End::Missed(Missed::Head) => port.facts.report(Fact::HeadTimeout { peer, listener }),
        End::Cut => {
            port.connections_cut.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How a connection began.
enum Greeting {
    Http(Wire, Hello),
    TlsOnPlainPort(TcpStream),
    PlainOnTlsPort(TcpStream, Hello),
    NoHandshake(&'static str),
    Lost(io::Error),
}

/// Finds out what the client speaks, through the handshake if the port has TLS.
async fn greet(mut stream: TcpStream, limits: &Limits) -> Greeting {
    let Some(tls) = &limits.tls else {
        return match hello::read(&mut stream).await {
            Ok(Hello::Tls) => Greeting::TlsOnPlainPort(stream),
            Ok(hello) => Greeting::Http(Wire::Plain(stream), hello),
            Err(error) => Greeting::Lost(error),
        };
    };
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(0) => return Greeting::Http(Wire::Plain(stream), Hello::Nothing),
        Ok(_) if first[0] == hello::TLS_HANDSHAKE => {}
        Ok(_) => {
            return match hello::read(&mut stream).await {
                Ok(hello) => Greeting::PlainOnTlsPort(stream, hello),
                Err(error) => Greeting::Lost(error),
            };
        }
        Err(error) if hello::is_reset(&error) => {
            return Greeting::Http(Wire::Plain(stream), Hello::Nothing);
        }
        Err(error) => return Greeting::Lost(error),
    }
    let mut stream = match tls.accept(stream).await {
        Ok(stream) => Box::new(stream),
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return Greeting::NoHandshake(describe_accept(&error));
        }
    };
    match hello::read(&mut stream).await {
        Ok(hello) => Greeting::Http(Wire::Tls(stream), hello),
        // In TLS 1.3 a client hears only now of a certificate it does not take, or that it should have shown one.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Greeting::NoHandshake(describe_accept(&error))
        }
        Err(error) => Greeting::Lost(error),
    }
}

enum End {
    Closed(hyper::Result<()>),
    Missed(Missed),
    Cut,
}

/// A connection that can be asked to finish what it has begun and take no more.
trait Graceful: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

type Io = TokioIo<Watched<Wire>>;

impl Graceful for http1::Connection<Io, Handlers> {
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl Graceful for WithStreams<http2::Connection<Io, Handlers, Begun>> {
    fn finish(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().connection).graceful_shutdown();
    }
}

async fn run(http: impl Graceful, connection: &Connection, mut moments: watch::Receiver<Moment>) -> End {
    let mut http = pin!(http);
    let mut alarm = Alarm::new(connection);
    // It may have moved on while the hello was read.
    let mut now = *moments.borrow_and_update();
    loop {
        match now.phase {
            Phase::Serving if connection.is_outdated(now) && !alarm.is_last() => {
                http.as_mut().finish();
                alarm.make_last();
            }
            Phase::Serving => {}
            Phase::Draining => http.as_mut().finish(),
            // A request is cut through its body, so that it gets an answer; half a head is just closed.
            Phase::NoUploads => alarm.make_last(),
            Phase::Cut => return End::Cut,
        }
        let missed = tokio::select! {
            end = poll_fn(|cx| match http.as_mut().poll(cx) {
                Poll::Ready(end) => Poll::Ready(Err(end)),
                Poll::Pending => alarm.poll(cx).map(Ok),
            }) => end,
            next = moments.changed() => {
                next.expect("the port holds its offer, and with it the sender");
                now = *moments.borrow_and_update();
                continue;
            }
        };
        match missed {
            Err(closed) => return End::Closed(closed),
            Ok(Missed::Idle) if connection.protocol == Protocol::Http2 && !alarm.is_last() => {
                // GOAWAY first: a request that is on its way is then known not to have been looked at.
                http.as_mut().finish();
                alarm.make_last();
            }
            Ok(_) if now.phase != Phase::Serving => return End::Cut,
            Ok(missed) => return End::Missed(missed),
        }
    }
}

/// Resolves when the server no longer just serves.
async fn stopping(moments: &mut watch::Receiver<Moment>) {
    let stopped = moments.wait_for(|now| now.phase != Phase::Serving).await;
    stopped.expect("the port holds its offer, and with it the sender");
}

/// Watches a connection's next deadline. Setting a timer for every request would cost more than the rest of
/// this, so it is only ever set to something earlier, and looks again when it rings.
struct Alarm<'a> {
    activity: &'a Activity,
    patience: Patience,
    sleep: Pin<Box<Sleep>>,
    is_last: bool,
}

impl<'a> Alarm<'a> {
    fn new(connection: &'a Connection) -> Self {
        let Limits { head, idle, .. } = *connection.limits();
        let sleep = Box::pin(tokio::time::sleep(head.min(idle)));
        Alarm { activity: connection.activity(), patience: Patience { head, idle }, sleep, is_last: false }
    }

    fn is_last(&self) -> bool {
        self.is_last
    }

    /// From here on a connection without a running handler has to be gone within [`LINGER`].
    fn make_last(&mut self) {
        self.is_last = true;
        self.activity.touch();
        self.patience =
            Patience { head: self.patience.head.min(LINGER), idle: self.patience.idle.min(LINGER) };
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Missed> {
        loop {
            let next = self.activity.deadline(self.patience);
            if let Some((at, _)) = next
                && at < self.sleep.deadline()
            {
                self.sleep.as_mut().reset(at);
            }
            ready!(self.sleep.as_mut().poll(cx));
            match next {
                Some((at, missed)) if at <= self.sleep.deadline() => return Poll::Ready(missed),
                Some((at, _)) => self.sleep.as_mut().reset(at),
                None => self.sleep.as_mut().reset(Instant::now() + self.patience.idle),
            }
        }
    }
}

fn http1_builder(limits: &Limits, window: &Window) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // hyper's header deadline would also be the idle one. And with its half_close it would not notice that a
    // client has left, and keep a handler waiting for nobody.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes_max as usize)
        .max_buf_size((window.bytes() as usize).max(H1_BUFFER_MIN));
    builder
}

fn http2_builder(limits: &Limits, window: &Window, begun: Begun) -> http2::Builder<Begun> {
    let window = window.bytes().min(H2_WINDOW_MAX);
    let frame_max = limits.h2_frame_max.min(window / FRAMES_PER_WINDOW);
    let mut builder = http2::Builder::new(begun);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits.h2_stream_window.min(window))
        .initial_connection_window_size(window)
        .max_frame_size(frame_max.clamp(H2_FRAME_MIN, H2_FRAME_MAX))
        .max_concurrent_streams(limits.h2_streams_max)
        .max_header_list_size(limits.head_bytes_max)
        .max_pending_accept_reset_streams(H2_RESETS_WAITING_MAX)
        .max_local_error_reset_streams(H2_ERRORS_MAX);
    builder
}

// What RFC 9113 (6.9.1 and 4.2) allows; anything else makes h2 panic.
const H2_WINDOW_MAX: u32 = (1 << 31) - 1;
const H2_FRAME_MAX: u32 = (1 << 24) - 1;
/// Streams that a client may open and reset before they are looked at; more end the connection (CVE-2023-44487). An
/// honest client cancels a call now and then.
const H2_RESETS_WAITING_MAX: usize = 20;
/// Streams that may be reset for breaking the protocol; more end the connection (RUSTSEC-2024-0003).
const H2_ERRORS_MAX: usize = 128;
/// A frame is held whole before anybody sees a byte of it.
const FRAMES_PER_WINDOW: u32 = 16;
/// What hyper asks for at least.
const H1_BUFFER_MIN: usize = 8 * 1024;
/// How long a client may take to leave after it was told that its connection ends.
const LINGER: Duration = Duration::from_secs(2);
