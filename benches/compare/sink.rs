//! The downstream: takes everything, counts spans and adds up their ids; on request keeps bodies, fails once, takes its time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use burgee::net::{
    Body, Connection, Limits, Listener, Offer, RequestBody, Service, Sizing, Stop, Windows, read_body, serve,
};
use burgee::observe::facts::Facts;
use burgee::otlp::compression::{Encoding, decompress};
use bytes::{Buf, Bytes};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use prost::encoding::{WireType, decode_key, decode_varint};
use tokio::sync::Notify;

pub struct Sink {
    pub address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    spans: AtomicU64,
    id_sum: AtomicU64,
    requests: AtomicU64,
    /// Of bodies as they came, compressed or not.
    bytes: AtomicU64,
    /// So many of the next requests are to come again.
    failures: AtomicU64,
    /// Spans that are taken in a second; 0 is no limit.
    pace: AtomicU64,
    /// Requests are taken one after the other where there is a pace.
    turn: tokio::sync::Mutex<()>,
    kept: Mutex<Option<Vec<Bytes>>>,
    arrivals: Mutex<Option<Vec<(u64, Instant)>>>,
    more: Notify,
}

/// What came since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    pub spans: u64,
    pub id_sum: u64,
    pub requests: u64,
    pub bytes: u64,
}

impl Sink {
    pub async fn start() -> Sink {
        Sink::at("127.0.0.1:0").await
    }

    pub async fn at(address: &str) -> Sink {
        let listener = Listener::bind(address).await.expect("a free port");
        let address = listener.local_addr().to_string();
        let state = Arc::new(State::default());
        let service = Arc::new(Counting(state.clone()));
        // as tonic's and Go's servers have it
        let limits = Limits { h2_frame_max: 16 << 10, ..Limits::default() };
        let (windows, facts) = (Windows::new(u64::MAX), Arc::new(Facts::default()));
        tokio::spawn(serve(listener, Offer::new(service, limits), windows, facts, Stop::new()));
        Sink { address, state }
    }

    /// Waits for so many spans, and takes the count back to nothing.
    ///
    /// # Errors
    /// What has come, when no more comes for `patience`, or more than was sent.
    pub async fn wait_for(&self, spans: u64, patience: Duration) -> Result<Arrived, Arrived> {
        let mut seen = 0;
        loop {
            let now = self.state.spans.load(Ordering::Acquire);
            if now >= spans {
                break;
            }
            let more = tokio::time::timeout(patience, self.state.more.notified()).await;
            if more.is_err() && now == seen {
                break;
            }
            seen = now;
        }
        let arrived = self.take();
        if arrived.spans == spans { Ok(arrived) } else { Err(arrived) }
    }

    pub fn take(&self) -> Arrived {
        let State { spans, id_sum, requests, bytes, .. } = &*self.state;
        let [spans, id_sum, requests, bytes] =
            [spans, id_sum, requests, bytes].map(|counter| counter.swap(0, Ordering::AcqRel));
        Arrived { spans, id_sum, requests, bytes }
    }

    /// The next requests are answered with UNAVAILABLE, and not counted.
    pub fn fail_next(&self, requests: u64) {
        self.state.failures.store(requests, Ordering::Release);
    }

    /// Takes no more than so many spans in a second.
    pub fn pace(&self, spans_per_second: u64) {
        self.state.pace.store(spans_per_second, Ordering::Release);
    }

    /// Keeps bodies from now on.
    pub fn keep(&self) {
        *lock(&self.state.kept) = Some(Vec::new());
    }

    pub fn kept(&self) -> Vec<Bytes> {
        lock(&self.state.kept).take().unwrap_or_default()
    }

    /// Notes from now on when which first span came.
    pub fn note_arrivals(&self) {
        *lock(&self.state.arrivals) = Some(Vec::new());
    }

    /// The id of the first span of each request, and when it was here.
    pub fn arrivals(&self) -> Vec<(u64, Instant)> {
        lock(&self.state.arrivals).take().unwrap_or_default()
    }
}

struct Counting(Arc<State>);

impl Service for Counting {
    fn call(&self, request: Request<RequestBody>, _: &Arc<Connection>) -> BoxFuture<'static, Response<Body>> {
        let state = self.0.clone();
        async move {
            let (head, mut body) = request.into_parts();
            let is_grpc = header(&head.headers, "content-type").starts_with(b"application/grpc");
            let sizing = if is_grpc { Sizing::GrpcPrefix } else { Sizing::ContentLength };
            let body = read_body(&mut body, 64 << 20, sizing, |_| Ok::<_, ()>(())).await;
            let Ok(body) = body else { return answer(is_grpc, false) };
            let arrival = Instant::now();
            let failures = &state.failures;
            let fails = failures.try_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
            if fails.is_ok() {
                return answer(is_grpc, false);
            }
            let body = Bytes::from(body);
            state.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
            let coding = if is_grpc { "grpc-encoding" } else { "content-encoding" };
            let encoding = Encoding::from_header(header(&head.headers, coding)).expect("a known encoding");
            let spans = state.take(&plain(body, is_grpc, encoding), arrival);
            let pace = state.pace.load(Ordering::Acquire);
            if pace > 0 {
                let _turn = state.turn.lock().await;
                tokio::time::sleep(Duration::from_secs_f64(spans as f64 / pace as f64)).await;
            }
            answer(is_grpc, true)
        }
        .boxed()
    }
}

impl State {
    /// Counts it; returns how many spans it has.
    fn take(&self, message: &Bytes, arrival: Instant) -> u64 {
        let (mut spans, mut id_sum, mut first) = (0, 0_u64, None);
        each_span_id(message, &mut |id| {
            spans += 1;
            id_sum = id_sum.wrapping_add(id);
            first.get_or_insert(id);
        });
        if let (Some(arrivals), Some(first)) = (&mut *lock(&self.arrivals), first) {
            arrivals.push((first, arrival));
        }
        if let Some(kept) = &mut *lock(&self.kept) {
            kept.push(message.clone());
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.id_sum.fetch_add(id_sum, Ordering::Relaxed);
        self.spans.fetch_add(spans, Ordering::AcqRel);
        self.more.notify_one();
        spans
    }
}

fn plain(mut body: Bytes, is_grpc: bool, encoding: Encoding) -> Bytes {
    let mut is_compressed = true;
    if is_grpc {
        is_compressed = body.get_u8() == 1;
        body.advance(4);
    }
    if encoding == Encoding::Identity || !is_compressed {
        return body;
    }
    decompress(encoding, &body, 64 << 20, |_| Ok::<_, ()>(())).expect("it can be decompressed").into()
}

/// Calls `found` with the id of every span of an export request.
fn each_span_id(request: &[u8], found: &mut dyn FnMut(u64)) {
    each_field(request, 1, &mut |resource_spans| {
        each_field(resource_spans, 2, &mut |scope_spans| {
            each_field(scope_spans, 2, &mut |span| {
                each_field(span, 2, &mut |id| found(id.try_into().map_or(0, u64::from_be_bytes)));
            });
        });
    });
}

fn each_field(mut message: &[u8], wanted: u32, found: &mut dyn FnMut(&[u8])) {
    while !message.is_empty() {
        let (number, wire) = decode_key(&mut message).expect("a field");
        let len = match wire {
            WireType::LengthDelimited => decode_varint(&mut message).expect("a length") as usize,
            WireType::Varint => {
                decode_varint(&mut message).expect("a number");
                0
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::StartGroup | WireType::EndGroup => panic!("OTLP has no groups"),
        };
        let (body, rest) = message.split_at(len);
        if number == wanted && wire == WireType::LengthDelimited {
            found(body);
            // an id is not followed by another
            if wanted == 2 && len == 8 {
                return;
            }
        }
        message = rest;
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a [u8] {
    headers.get(name).map_or(&b""[..], HeaderValue::as_bytes)
}

fn answer(is_grpc: bool, is_taken: bool) -> Response<Body> {
    if !is_grpc {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = if is_taken { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/x-protobuf"));
        return response;
    }
    let status = HeaderValue::from_static(if is_taken { "0" } else { "14" });
    let mut response = if is_taken {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", status);
        Response::new(Body::from(Bytes::from_static(&[0; 5])).with_trailers(trailers))
    } else {
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("grpc-status", status);
        response
    };
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
