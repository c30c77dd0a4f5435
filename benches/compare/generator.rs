//! The senders: a fixed number of requests in flight, or a fixed rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use burgee::net::{Body, Client, ClientConfig, Protocol};
use burgee::otlp::Signal;
use burgee::otlp::compression::{Encoding, compress_at};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::join_all;
use http::{HeaderValue, Request, StatusCode, Uri};

use super::corpus::{Sample, Workload};

/// How requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Grpc,
    Http,
}

/// A workload as the bytes of its requests.
pub struct Traffic {
    pub transport: Transport,
    encoding: Encoding,
    is_json: bool,
    requests: Vec<Ready>,
}

/// A request's body, framed and compressed.
#[derive(Clone)]
struct Ready {
    body: Bytes,
    spans: u64,
    id_sum: u64,
}

/// What was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub requests: u64,
    pub spans: u64,
    pub id_sum: u64,
    /// Answers that asked for another try.
    pub refused: u64,
}

impl Traffic {
    pub fn new(workload: &Workload, transport: Transport, encoding: Encoding) -> Traffic {
        Traffic::of(&workload.requests(), workload.is_json, transport, encoding)
    }

    pub fn of(samples: &[Sample], is_json: bool, transport: Transport, encoding: Encoding) -> Traffic {
        let ready = |sample: &Sample| {
            let body = ready_body(&sample.body, transport, encoding);
            Ready { body, spans: sample.spans, id_sum: sample.id_sum }
        };
        Traffic { transport, encoding, is_json, requests: samples.iter().map(ready).collect() }
    }

    pub fn distinct(&self) -> u64 {
        self.requests.len() as u64
    }

    /// Of so many requests, framed and compressed.
    pub fn bytes(&self, requests: u64) -> u64 {
        let all: u64 = self.requests.iter().map(|ready| ready.body.len() as u64).sum();
        all * requests / self.distinct()
    }

    pub fn uri(&self, address: &str) -> Uri {
        let path = match self.transport {
            Transport::Grpc => Signal::Traces.grpc_path(),
            Transport::Http => "/v1/traces",
        };
        format!("http://{address}{path}").parse().expect("a URI")
    }

    fn request(&self, uri: &Uri, body: Bytes) -> Request<Body> {
        let content_type = match self.transport {
            Transport::Grpc => "application/grpc",
            Transport::Http if self.is_json => "application/json",
            Transport::Http => "application/x-protobuf",
        };
        let mut request = Request::post(uri.clone()).header("content-type", content_type);
        if self.transport == Transport::Grpc {
            request = request.header("te", "trailers");
        }
        if self.encoding != Encoding::Identity {
            let name = if self.transport == Transport::Grpc { "grpc-encoding" } else { "content-encoding" };
            request = request.header(name, self.encoding.name());
        }
        request.body(Body::from(body)).expect("a request")
    }

    fn client(&self) -> Client {
        let protocol = match self.transport {
            Transport::Grpc => Protocol::Http2,
            Transport::Http => Protocol::Http1,
        };
        Client::new(&ClientConfig { protocol, ..ClientConfig::default() })
    }
}

/// gzip as SDKs make it: level 6.
fn ready_body(body: &[u8], transport: Transport, encoding: Encoding) -> Bytes {
    let packed = match encoding {
        Encoding::Identity => Bytes::copy_from_slice(body),
        Encoding::Gzip => compress_at(encoding, Some(6), [body]).into(),
        other => compress_at(other, None, [body]).into(),
    };
    if transport == Transport::Http {
        return packed;
    }
    let mut framed = BytesMut::with_capacity(packed.len() + 5);
    framed.put_u8(u8::from(encoding != Encoding::Identity));
    framed.put_u32(u32::try_from(packed.len()).expect("below 4 GiB"));
    framed.put(packed);
    framed.freeze()
}

/// Until when requests are begun.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    Count(u64),
    Time(Instant),
}

/// Keeps `in_flight` requests on each of `connections` under way.
///
/// # Errors
/// A request was answered with something that is neither a success nor a wish for another try.
pub async fn keep_sending(
    traffic: &Arc<Traffic>,
    address: &str,
    until: Until,
    connections: usize,
    in_flight: usize,
) -> Result<Sent, String> {
    let begun = Arc::new(AtomicU64::new(0));
    let uri = traffic.uri(address);
    let mut senders = Vec::new();
    for _ in 0..connections {
        let client = traffic.client();
        for _ in 0..in_flight {
            let (client, uri, begun, traffic) = (client.clone(), uri.clone(), begun.clone(), traffic.clone());
            senders.push(tokio::spawn(async move {
                let mut sent = Sent::default();
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    let goes_on = match until {
                        Until::Count(count) => number < count,
                        Until::Time(end) => Instant::now() < end,
                    };
                    if !goes_on {
                        return Ok::<_, String>(sent);
                    }
                    let ready = &traffic.requests[(number % traffic.distinct()) as usize];
                    sent.refused += one(&traffic, &client, &uri, &ready.body).await?;
                    sent.requests += 1;
                    sent.spans += ready.spans;
                    sent.id_sum = sent.id_sum.wrapping_add(ready.id_sum);
                }
            }));
        }
    }
    join_all(senders).await.into_iter().try_fold(Sent::default(), |all, sender| {
        let sent = sender.expect("a sender does not panic")?;
        Ok(Sent {
            requests: all.requests + sent.requests,
            spans: all.spans + sent.spans,
            id_sum: all.id_sum.wrapping_add(sent.id_sum),
            refused: all.refused + sent.refused,
        })
    })
}

/// Sends one request until it is taken; how often it was refused.
async fn one(traffic: &Traffic, client: &Client, uri: &Uri, body: &Bytes) -> Result<u64, String> {
    let mut refused = 0;
    let begun = Instant::now();
    loop {
        match try_once(traffic, client, uri, body.clone()).await {
            Ok(()) => return Ok(refused),
            Err(Failure::Again) if begun.elapsed() < PATIENCE => {
                refused += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(Failure::Again) => return Err("it took nothing for a minute".to_owned()),
            Err(Failure::Final(said)) => return Err(format!("it failed: {said}")),
        }
    }
}

#[derive(Debug)]
enum Failure {
    /// UNAVAILABLE and its kin.
    Again,
    Final(String),
}

async fn try_once(traffic: &Traffic, client: &Client, uri: &Uri, body: Bytes) -> Result<(), Failure> {
    let answer = client.send(traffic.request(uri, body), Duration::from_secs(30)).await;
    let answer = answer.map_err(|error| Failure::Final(error.to_string()))?;
    if traffic.transport == Transport::Http {
        return match answer.status() {
            StatusCode::OK => Ok(()),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Err(Failure::Again),
            other => Err(Failure::Final(format!("{other}: {:?}", answer.body().bytes))),
        };
    }
    let trailers = answer.body().trailers.as_ref();
    let status = trailers.and_then(|t| t.get("grpc-status")).or_else(|| answer.headers().get("grpc-status"));
    match status.map(HeaderValue::as_bytes) {
        Some(b"0") => Ok(()),
        Some(b"14" | b"8") => Err(Failure::Again),
        other => Err(Failure::Final(format!("{other:?}: {:?}", answer.headers()))),
    }
}

/// Sends the smallest request until it is taken for the first time, from before anything listens.
pub async fn first_accepted(address: &str, body: &Bytes, within: Duration) -> Option<()> {
    let samples = Traffic {
        transport: Transport::Grpc,
        encoding: Encoding::Identity,
        is_json: false,
        requests: Vec::new(),
    };
    let (begun, uri) = (Instant::now(), samples.uri(address));
    let framed = ready_body(body, Transport::Grpc, Encoding::Identity);
    while begun.elapsed() < within {
        // the client would wait between two tries to connect
        if tokio::net::TcpStream::connect(address).await.is_ok()
            && try_once(&samples, &samples.client(), &uri, framed.clone()).await.is_ok()
        {
            return Some(());
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    None
}

/// Sends `per_second` requests for `lasting`, whatever becomes of those before; the first span of each has its number
/// as its id, so that the sink can tell when it came. Returns when each was due.
pub async fn at_rate(
    sample: &Sample,
    transport: Transport,
    address: &str,
    per_second: f64,
    lasting: Duration,
) -> Vec<Instant> {
    let traffic = Traffic::of(std::slice::from_ref(sample), false, transport, Encoding::Identity);
    let traffic = Arc::new(traffic);
    let id = &sample.message.resource_spans[0].scope_spans[0].spans[0].span_id;
    let body = &traffic.requests[0].body;
    let at = memchr::memmem::find(body, &[&[0x12, 8][..], id].concat()).expect("the id is in it") + 2;
    let uri = traffic.uri(address);
    let clients: Vec<Client> = (0..4).map(|_| traffic.client()).collect();
    let count = (per_second * lasting.as_secs_f64()) as u64;
    let begin = Instant::now() + Duration::from_millis(10);
    let (mut due, mut sending) = (Vec::new(), Vec::new());
    for number in 0..count {
        let at_time = begin + Duration::from_secs_f64(number as f64 / per_second);
        // tokio's timer has a millisecond; the last part of the way is waited for in full
        while Instant::now() < at_time {
            match at_time.saturating_duration_since(Instant::now()) {
                long if long > Duration::from_millis(2) => {
                    tokio::time::sleep(long - Duration::from_micros(1500)).await;
                }
                _ => tokio::task::yield_now().await,
            }
        }
        let mut patched = BytesMut::from(&traffic.requests[0].body[..]);
        patched[at..at + 8].copy_from_slice(&(number + 1).to_be_bytes());
        let (client, uri, traffic) =
            (clients[(number % 4) as usize].clone(), uri.clone(), Arc::clone(&traffic));
        due.push(at_time);
        sending.push(tokio::spawn(async move { one(&traffic, &client, &uri, &patched.freeze()).await }));
    }
    for request in sending {
        request.await.expect("a sender does not panic").expect("it is taken");
    }
    due
}

/// Sends `per_second` requests for `lasting` over many connections, each once, however many are unanswered.
pub async fn offer(traffic: &Arc<Traffic>, address: &str, per_second: f64, lasting: Duration) -> Sent {
    let uri = traffic.uri(address);
    let clients: Vec<Client> = (0..8).map(|_| traffic.client()).collect();
    let (mut sending, mut number) = (tokio::task::JoinSet::new(), 0_u64);
    let begun = Instant::now();
    let mut sent = Sent::default();
    while begun.elapsed() < lasting {
        let due = (begun.elapsed().as_secs_f64() * per_second) as u64;
        while number < due {
            let ready = traffic.requests[(number % traffic.distinct()) as usize].clone();
            let (client, uri) = (clients[(number % 8) as usize].clone(), uri.clone());
            let traffic = Arc::clone(traffic);
            number += 1;
            sending
                .spawn(async move { (try_once(&traffic, &client, &uri, ready.body.clone()).await, ready) });
        }
        while let Some(answered) = sending.try_join_next() {
            sent.note(answered.expect("a sender does not panic"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    while let Some(answered) = sending.join_next().await {
        sent.note(answered.expect("a sender does not panic"));
    }
    sent
}

impl Sent {
    fn note(&mut self, (answer, ready): (Result<(), Failure>, Ready)) {
        match answer {
            Ok(()) => {
                self.requests += 1;
                self.spans += ready.spans;
                self.id_sum = self.id_sum.wrapping_add(ready.id_sum);
            }
            Err(Failure::Again) => self.refused += 1,
            Err(failure) => panic!("neither taken nor to be sent again: {failure:?}"),
        }
    }
}

/// How long one request is tried.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
