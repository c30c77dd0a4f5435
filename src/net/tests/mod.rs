//! A server on port 0, scripted services and clients that misbehave. Deadlines under test are short and the
//! others long; tests wait for what happens, never for a time to pass.

mod body;
mod client;
mod deadlines;
mod offer;
mod server;
mod stop;
mod tls;
mod ways;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::*;
use crate::observe::facts::Facts;

/// Long enough never to be reached.
const LONG: Duration = Duration::from_secs(3600);
/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(40);

/// Limits of which no deadline is ever reached.
fn patient() -> Limits {
    Limits { hello: LONG, head: LONG, idle: LONG, body_window: LONG, ..Limits::default() }
}

/// Windows as wide as they are asked for.
fn plenty() -> Arc<Windows> {
    Windows::new(u64::MAX)
}

struct Running {
    address: SocketAddr,
    offer: Offer,
    facts: Arc<Facts>,
    stop: Stop,
    serving: JoinHandle<Report>,
}

async fn start(limits: Limits, service: impl Service) -> Running {
    let listener = Listener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let (address, facts, stop) = (listener.local_addr(), Arc::new(Facts::default()), Stop::new());
    let offer = Offer::new(Arc::new(service), limits);
    let serving = tokio::spawn(serve(listener, offer.clone(), plenty(), Arc::clone(&facts), stop.clone()));
    Running { address, offer, facts, stop, serving }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server listens")
    }

    fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Begins a stop and waits for its end.
    async fn end(self, within: Duration) -> Report {
        self.stop.begin(within);
        self.serving.await.expect("serve does not panic")
    }
}

/// A service from a function.
struct By<F>(F);

impl<F, A> Service for By<F>
where
    F: Fn(Request<RequestBody>, Arc<Connection>) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    fn call(
        &self,
        request: Request<RequestBody>,
        connection: &Arc<Connection>,
    ) -> BoxFuture<'static, Response<Body>> {
        Box::pin(self.0(request, Arc::clone(connection)))
    }
}

/// Reads the body and says how that went: 200 with the body, or 400 with the error.
fn reader() -> impl Service {
    By(|mut request: Request<RequestBody>, _| async move {
        let room = |_| Ok::<(), std::convert::Infallible>(());
        match read_body(request.body_mut(), 8 * 1024 * 1024, Sizing::ContentLength, room).await {
            Ok(bytes) => Response::new(Body::from(bytes::Bytes::from(bytes))),
            Err(error) => answer(StatusCode::BAD_REQUEST, error.to_string()),
        }
    })
}

fn answer(status: StatusCode, text: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer
}

/// A service whose handlers wait until they are let go, and which says when one begins and ends.
struct Holding {
    events: mpsc::Receiver<Event>,
    gate: watch::Sender<bool>,
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Began(Protocol),
    Answered,
    Dropped,
}

struct Held(mpsc::Sender<Event>, Option<Event>);

impl Held {
    fn answered(&mut self) {
        self.1 = Some(Event::Answered);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let event = self.1.take().expect("set until it is dropped");
        self.0.try_send(event).expect("tests have fewer requests than the channel has room");
    }
}

impl Holding {
    fn new() -> (Holding, impl Service) {
        let (sender, events) = mpsc::channel(64);
        let gate = watch::Sender::new(false);
        let door = gate.subscribe();
        let service = By(move |_, connection: Arc<Connection>| {
            sender.try_send(Event::Began(connection.protocol)).expect("there is room");
            let mut held = Held(sender.clone(), Some(Event::Dropped));
            let mut door = door.clone();
            async move {
                door.wait_for(|open| *open).await.expect("the test keeps the gate");
                held.answered();
                Response::new(Body::from("held"))
            }
        });
        (Holding { events, gate }, service)
    }

    async fn next(&mut self) -> Event {
        self.events.recv().await.expect("the service lives")
    }
}

fn client(protocol: Protocol) -> Client {
    Client::new(&ClientConfig { protocol, ..ClientConfig::default() })
}

fn post(uri: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(uri).body(body.into()).expect("the test's request is valid")
}

/// Everything that still comes until the other side closes; a reset counts as the end.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        bytes.extend_from_slice(&chunk[..read]);
    }
    bytes
}

/// Reads until `end` has come.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        text.push(stream.read_u8().await.expect("the connection is open"));
    }
    String::from_utf8(text).expect("the server's heads are text")
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("the connection is open");
}

async fn h2_client(
    stream: TcpStream,
) -> (h2::client::SendRequest<bytes::Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let (requests, connection) = h2::client::handshake(stream).await.expect("the server speaks HTTP/2");
    (requests, tokio::spawn(connection))
}
