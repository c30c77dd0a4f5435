use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use bytes::{BufMut, Bytes, BytesMut};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic_types::pb;

use super::{Config, build};
use crate::component::{
    Admission, Authenticators, Budget, Intake, Origin, Receiver, ReceiverContext, Refusal, Ticket,
};
use crate::net::{Body, Client, ClientConfig, Listener, Offer, Protocol, Received, Stop, Windows, serve};
use crate::observe::board::Board;
use crate::observe::facts::{Facts, Kind};
use crate::observe::ledger::DoorOutcome;
use crate::otlp::answer::Answer;
use crate::otlp::compression::{Encoding, gzip};
use crate::otlp::{Payload, Signal, Watchlist};

mod auth;
mod doctor;
mod pages;

/// Takes everything, or nothing.
struct Recorder {
    budget: Budget,
    full: AtomicBool,
    taken: Mutex<Vec<Payload>>,
    origins: Mutex<Vec<Arc<Origin>>>,
    /// What the downstream of an exporter answers, where somebody waits for it.
    downstream: Mutex<Option<Answer>>,
}

impl Intake for Recorder {
    fn admit(&self, signal: Signal, wire_bytes: u64) -> Result<Admission, Refusal> {
        if self.full.load(Ordering::Relaxed) {
            return Err(Refusal::Full { retry_after: Duration::from_millis(2500) });
        }
        let charge = self.budget.charge(wire_bytes * 2).ok_or_else(Refusal::full)?;
        Ok(Admission::new(signal, charge))
    }

    fn accept(&self, _: Admission, payload: Payload, origin: &Arc<Origin>) -> Result<Ticket, Refusal> {
        self.taken.lock().expect("no panic while taking").push(payload);
        self.origins.lock().expect("no panic while taking").push(Arc::clone(origin));
        if let Some(answer) = self.downstream.lock().expect("no panic while taking").clone() {
            let (sender, ticket) = Ticket::waiting();
            sender.send(answer).expect("the ticket is there");
            return Ok(ticket);
        }
        Ok(Ticket::ready())
    }

    fn serves(&self, signal: Signal) -> bool {
        signal != Signal::Metrics
    }

    fn watchlist(&self, _: Signal) -> Arc<Watchlist> {
        Arc::default()
    }
}

/// A receiver on two free ports: first the one for gRPC, then the one for HTTP.
struct Running {
    ports: Vec<std::net::SocketAddr>,
    intake: Arc<Recorder>,
    board: Board,
    facts: Arc<Facts>,
    stop: Stop,
    servers: Vec<tokio::task::JoinHandle<crate::net::Report>>,
}

const BOTH: &str = "
protocols:
  grpc: {endpoint: '127.0.0.1:0', max_recv_msg_size_mib: 1}
  http: {endpoint: 'localhost:0', max_request_body_size: 1048576}";

async fn start(config: &str) -> Running {
    start_with(config, Authenticators::default()).await
}

async fn start_with(config: &str, authenticators: Authenticators) -> Running {
    let config: Config = serde_yaml::from_str(config).expect("a good config");
    assert_eq!(config.errors(), vec![]);
    let intake = Arc::new(Recorder {
        budget: Budget::new(8 << 20),
        full: AtomicBool::new(false),
        taken: Mutex::default(),
        origins: Mutex::default(),
        downstream: Mutex::default(),
    });
    let (board, facts, stop) = (Board::new(), Arc::new(Facts::default()), Stop::new());
    let cx = ReceiverContext {
        id: "otlp".into(),
        intake: intake.clone(),
        authenticators,
        facts: facts.clone(),
        board: board.clone(),
    };
    let (mut ports, mut servers) = (Vec::new(), Vec::new());
    for listen in build(&config, cx).listeners() {
        let listener = Listener::bind(&listen.endpoint.to_string()).await.expect("a free port");
        ports.push(listener.local_addr());
        let server = serve(
            listener,
            Offer::new(listen.service, listen.limits),
            Windows::new(0),
            facts.clone(),
            stop.clone(),
        );
        servers.push(tokio::spawn(server));
    }
    Running { ports, intake, board, facts, stop, servers }
}

impl Running {
    fn taken(&self) -> Vec<Payload> {
        std::mem::take(&mut self.intake.taken.lock().expect("no panic while taking"))
    }

    async fn send(&self, port: usize, protocol: Protocol, request: Request<Body>) -> Response<Received> {
        let (mut head, body) = request.into_parts();
        let uri = format!("http://{}{}", self.ports[port], head.uri);
        head.uri = uri.parse().expect("a URI");
        let client = Client::new(&ClientConfig { protocol, ..ClientConfig::default() });
        client.send(Request::from_parts(head, body), Duration::from_secs(20)).await.expect("an answer")
    }

    async fn http(&self, request: Request<Body>) -> Response<Received> {
        self.send(1, Protocol::Http1, request).await
    }

    async fn grpc(&self, body: Bytes, headers: &[(&str, &str)]) -> (Option<String>, HeaderMap) {
        let answer = self.send(0, Protocol::Http2, grpc(body, headers)).await;
        let headers = answer.headers().clone();
        let trailers = answer.into_body().trailers.unwrap_or_default();
        let status = trailers.get("grpc-status").or_else(|| headers.get("grpc-status"));
        (status.map(|status| status.to_str().expect("a number").to_owned()), headers)
    }

    /// Requests that had this outcome, all doors together.
    fn outcomes(&self, outcome: DoorOutcome) -> u64 {
        self.board.snapshot().doors.iter().map(|door| door.ledger.requests_by(outcome)).sum()
    }

    /// Ends the servers; then nothing is under way, so everything balances and all memory is back.
    async fn end(self) -> Board {
        self.stop.begin(Duration::from_secs(3));
        for server in self.servers {
            server.await.expect("a report");
        }
        for door in self.board.snapshot().doors {
            assert!(door.ledger.balanced(), "{door:?}");
        }
        drop(self.intake.taken.lock().expect("no panic while taking").drain(..));
        assert_eq!(self.intake.budget.used(), 0);
        self.board
    }
}

fn spans(count: u8) -> ExportTraceServiceRequest {
    let span = |n| Span { trace_id: vec![7; 16], span_id: vec![n + 1; 8], ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: (0..count).map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

fn body() -> Bytes {
    spans(2).encode_to_vec().into()
}

fn post(path: &str, body: impl Into<Body>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(Method::POST).uri(path);
    if headers.iter().all(|(name, _)| *name != "content-type") {
        request = request.header("content-type", "application/x-protobuf");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}

fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flag);
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}

fn grpc(body: Bytes, headers: &[(&str, &str)]) -> Request<Body> {
    let mut all = vec![("content-type", "application/grpc"), ("te", "trailers")];
    all.extend(headers);
    post(Signal::Traces.grpc_path(), body, &all)
}

fn status(answer: &Response<Received>) -> pb::Status {
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/x-protobuf");
    pb::Status::decode(&*answer.body().bytes).expect("a google.rpc.Status")
}

#[tokio::test]
async fn both_protocols_are_taken_on_both_ports() {
    let running = start(BOTH).await;
    for port in [0, 1] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let answer = running.send(port, protocol, post("/v1/traces", body(), &[])).await;
            assert_eq!((answer.status(), answer.body().bytes.len()), (StatusCode::OK, 0));
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/x-protobuf");
        }
        let answer = running.send(port, Protocol::Http2, grpc(framed(0, &body()), &[])).await;
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/grpc");
        assert_eq!(answer.body().bytes, framed(0, b""));
        assert_eq!(answer.body().trailers.as_ref().expect("trailers")["grpc-status"], "0");
    }
    let taken = running.taken();
    assert_eq!(taken.len(), 6);
    assert!(taken.iter().all(|payload| *payload.bytes() == body()));
    assert_eq!(running.outcomes(DoorOutcome::Ok), 6);
    running.end().await;
}

#[tokio::test]
async fn gzip_is_taken_by_both_protocols() {
    let running = start(BOTH).await;
    let zipped = gzip([&*body()]);
    let answer =
        running.http(post("/v1/traces", Bytes::from(zipped.clone()), &[("content-encoding", "gzip")])).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let (code, _) = running.grpc(framed(1, &zipped), &[("grpc-encoding", "gzip")]).await;
    assert_eq!(code.as_deref(), Some("0"));
    // a message may stay uncompressed although the call names an encoding
    let (code, _) = running.grpc(framed(0, &body()), &[("grpc-encoding", "gzip")]).await;
    assert_eq!(code.as_deref(), Some("0"));
    assert!(running.taken().iter().all(|payload| *payload.bytes() == body()));
    running.end().await;
}

#[tokio::test]
async fn an_empty_request_succeeds() {
    let running = start(BOTH).await;
    let answer = running.http(post("/v1/logs", Bytes::new(), &[])).await;
    assert_eq!((answer.status(), answer.body().bytes.len()), (StatusCode::OK, 0));
    let (code, _) = running.grpc(framed(0, b""), &[]).await;
    assert_eq!(code.as_deref(), Some("0"));
    running.end().await;
}

#[tokio::test]
async fn malformed_bytes_are_an_invalid_argument() {
    let running = start(BOTH).await;
    let cut = body().slice(..body().len() - 3);
    let answer = running.http(post("/v1/traces", cut.clone(), &[])).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let status = status(&answer);
    assert_eq!(status.code, 3);
    assert!(status.message.starts_with("not an OTLP traces request: byte "), "{}", status.message);
    let noise = Bytes::from_static(b"\x1f\x8bnot gzip");
    let answer = running.http(post("/v1/traces", noise, &[("content-encoding", "gzip")])).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(running.grpc(framed(0, &cut), &[]).await.0.as_deref(), Some("3"));
    // a frame that promises more than it has, one with more than one message, none at all
    for frame in
        [framed(0, &body()).slice(..20), [framed(0, b""), framed(0, b"")].concat().into(), Bytes::new()]
    {
        assert_eq!(running.grpc(frame, &[]).await.0.as_deref(), Some("3"));
    }
    assert_eq!(running.grpc(framed(1, b"zip"), &[]).await.0.as_deref(), Some("13"), "flag without encoding");
    assert_eq!(
        running.grpc(framed(1, b"zip"), &[("grpc-encoding", "snappy")]).await.0.as_deref(),
        Some("12")
    );
    assert!(running.taken().is_empty());
    assert!(running.facts.count(Kind::Malformed) >= 3);
    running.end().await;
}

#[tokio::test]
async fn too_large_is_413_and_resource_exhausted_plain_chunked_and_compressed() {
    let running = start(BOTH).await;
    let large = vec![0u8; (1 << 20) + 1];
    let chunked = Body::boxed(http_body_util::StreamBody::new(futures_util::stream::iter(
        large
            .chunks(64 << 10)
            .map(|chunk| Ok::<_, std::io::Error>(http_body::Frame::data(chunk.to_vec().into())))
            .collect::<Vec<_>>(),
    )));
    let bomb = Bytes::from(gzip([&*vec![0u8; 64 << 20]]));
    let requests = [
        post("/v1/traces", Bytes::from(large.clone()), &[]),
        post("/v1/traces", chunked, &[]),
        post("/v1/traces", bomb.clone(), &[("content-encoding", "gzip")]),
    ];
    for request in requests {
        let answer = running.http(request).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(!answer.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(status(&answer).code, 8);
    }
    for (frame, encoding) in [(framed(0, &large), "identity"), (framed(1, &bomb), "gzip")] {
        let (code, headers) = running.grpc(frame, &[("grpc-encoding", encoding)]).await;
        assert_eq!(code.as_deref(), Some("8"));
        assert!(!headers.contains_key("grpc-status-details-bin"), "without RetryInfo");
    }
    assert_eq!(running.facts.count(Kind::TooLarge), 5);
    // others are served all the same
    assert_eq!(running.http(post("/v1/traces", body(), &[])).await.status(), StatusCode::OK);
    running.end().await;
}

#[tokio::test]
async fn spans_without_valid_ids_are_a_partial_success() {
    let running = start(BOTH).await;
    let mut request = spans(3);
    request.resource_spans[0].scope_spans[0].spans[1].span_id = vec![0; 8];
    let answer = running.http(post("/v1/traces", Bytes::from(request.encode_to_vec()), &[])).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let partial =
        ExportTraceServiceResponse::decode(&*answer.body().bytes).expect("a response").partial_success;
    let partial = partial.expect("partial");
    assert_eq!(partial.rejected_spans, 1);
    assert!(
        partial.error_message.starts_with("1 spans with an invalid id rejected"),
        "{}",
        partial.error_message
    );
    assert_eq!(running.taken()[0].len(), 2);
    assert_eq!(running.outcomes(DoorOutcome::Partial), 1);
    let door = running.board.snapshot().doors.into_iter().find(|door| door.ledger.checked > 0).expect("one");
    assert_eq!((door.ledger.checked, door.ledger.accepted, door.ledger.flawed), (3, 2, 1));
    running.end().await;
}

#[tokio::test]
async fn a_full_queue_is_answered_before_the_body_and_retryably() {
    let running = start(BOTH).await;
    running.intake.full.store(true, Ordering::Relaxed);
    let answer = running.http(post("/v1/traces", Bytes::from(vec![0; 900_000]), &[])).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let after = answer.headers()[header::RETRY_AFTER].to_str().expect("text").to_owned();
    assert!(matches!(after.as_str(), "3" | "4"), "up to half as much again, in whole seconds: {after}");
    assert_eq!(status(&answer).code, 14);
    let (code, headers) = running.grpc(framed(0, &body()), &[]).await;
    assert_eq!(code.as_deref(), Some("14"));
    assert!(headers.contains_key("grpc-status-details-bin"), "with RetryInfo");
    assert_eq!(running.outcomes(DoorOutcome::Refused), 2);
    assert_eq!(running.facts.count(Kind::NoRoom), 2);
    running.end().await;
}

#[tokio::test]
async fn what_no_pipeline_takes_is_unimplemented_and_says_so() {
    let running = start(BOTH).await;
    let answer = running.http(post("/v1/metrics", Bytes::new(), &[])).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(status(&answer).message.contains("no pipeline of this collector takes metrics"));
    let unknown = post(
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        Bytes::new(),
        &[("content-type", "application/grpc")],
    );
    let answer = running.send(0, Protocol::Http2, unknown).await;
    assert_eq!(answer.headers()["grpc-status"], "12");
    running.end().await;
}

#[tokio::test]
async fn wrong_requests_are_told_what_to_change() {
    let running = start(BOTH).await;
    let get = Request::builder().uri("/v1/traces").body(Body::empty()).expect("a request");
    let answer = running.http(get).await;
    assert_eq!(
        (answer.status(), &answer.headers()[header::ALLOW]),
        (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().expect("a value"))
    );
    let message = |answer: Response<Received>| -> String {
        let written = answer.headers()[header::CONTENT_TYPE].to_str().expect("text").to_owned();
        if written == "application/x-protobuf" {
            return status(&answer).message;
        }
        assert_eq!(written, "application/json");
        let status: serde_json::Value = serde_json::from_slice(&answer.body().bytes).expect("JSON");
        status["message"].as_str().expect("a message").to_owned()
    };
    let cases = [
        ("/v1/traces", "text/plain", 415, "application/x-protobuf"),
        ("/v1/traces", "application/json", 400, "not an OTLP/JSON traces request: line"),
        ("/v1/traces", "application/grpc-web+proto", 415, "gRPC-Web is not supported"),
        ("/v1/traces/v1/traces", "application/x-protobuf", 404, "take that off"),
        ("/v1/trace", "application/x-protobuf", 404, "try /v1/traces"),
        ("/", "application/x-protobuf", 404, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        ("/api/v2/spans", "application/x-protobuf", 404, "/v1/traces, /v1/metrics, /v1/logs"),
    ];
    for (path, content_type, code, hint) in cases {
        let answer = running.http(post(path, body(), &[("content-type", content_type)])).await;
        assert_eq!(answer.status().as_u16(), code, "{path} {content_type}");
        let message = message(answer);
        assert!(message.contains(hint), "{path} {content_type}: {message}");
    }
    let answer = running.http(post("/v1/traces", body(), &[("content-encoding", "br")])).await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(answer.headers()[header::ACCEPT_ENCODING], "gzip, zstd, deflate, identity");
    assert!(running.taken().is_empty());
    running.end().await;
}

/// What a browser asks before it sends for a page.
fn preflight(origin: &str, headers: &str) -> Request<Body> {
    Request::builder()
        .method(Method::OPTIONS)
        .uri("/v1/traces")
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, headers)
        .body(Body::empty())
        .expect("a request")
}

fn cors(cors: &str) -> String {
    format!(
        "protocols:\n  grpc: {{endpoint: '127.0.0.1:0'}}\n  http: {{endpoint: '127.0.0.1:0', cors: {cors}}}"
    )
}

#[tokio::test]
async fn every_page_may_send_where_the_origin_is_a_star_but_without_credentials() {
    let running = start(&cors("{allowed_origins: ['*'], allowed_headers: [x-api-key], max_age: 7200}")).await;
    for port in [0, 1] {
        let answer = running
            .send(port, Protocol::Http1, preflight("https://shop.example", "content-type,x-api-key"))
            .await;
        assert!(answer.status().is_success());
        let headers = answer.headers();
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        assert_eq!(headers[header::ACCESS_CONTROL_MAX_AGE], "7200");
        let allowed = headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("text").to_owned();
        for name in ["accept", "content-type", "x-requested-with", "x-api-key"] {
            assert!(allowed.contains(name), "{allowed}");
        }
    }
    // failures carry it, too, or a page could not read them
    let answer = running.http(post("/v1/traces", "noise", &[("origin", "https://shop.example")])).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(answer.headers()[header::ACCESS_CONTROL_EXPOSE_HEADERS], "retry-after");
    // gRPC never
    let (code, headers) = running.grpc(framed(0, &body()), &[("origin", "https://shop.example")]).await;
    assert_eq!(code.as_deref(), Some("0"));
    assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    running.end().await;
}

#[tokio::test]
async fn origins_are_exact_or_have_one_star() {
    let running =
        start(&cors("{allowed_origins: ['https://shop.example', 'https://*.Preview.example']}")).await;
    let allowed = |answer: Response<Received>| {
        let origin = answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN).cloned();
        origin.map(|origin| origin.to_str().expect("text").to_owned())
    };
    for origin in ["https://shop.example", "https://a.preview.example", "https://a.b.preview.example"] {
        let answer = running.http(preflight(origin, "content-type")).await;
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(allowed(answer).as_deref(), Some(origin));
    }
    for origin in ["http://shop.example", "https://shop.example.evil", "https://preview.example", "null"] {
        assert_eq!(allowed(running.http(preflight(origin, "content-type")).await), None, "{origin}");
    }
    running.end().await;
}

#[tokio::test]
async fn an_options_request_that_is_no_preflight_is_a_wrong_method() {
    let running = start(&cors("{allowed_origins: ['*']}")).await;
    let options = Request::builder()
        .method(Method::OPTIONS)
        .uri("/v1/traces")
        .header(header::ORIGIN, "https://shop.example")
        .body(Body::empty())
        .expect("a request");
    assert_eq!(running.http(options).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let off = start(BOTH).await;
    assert_eq!(off.http(preflight("https://a.example", "x")).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    off.end().await;
    running.end().await;
}

#[tokio::test]
async fn clients_that_vanish_at_any_point_leave_nothing_half_done() {
    let running = start(BOTH).await;
    let message = body();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        message.len()
    );
    let whole = [head.as_bytes(), &message].concat();
    for end in (0..=whole.len()).step_by(7) {
        let mut socket = TcpStream::connect(running.ports[1]).await.expect("connects");
        socket.write_all(&whole[..end]).await.expect("writes");
        drop(socket);
    }
    // a last, whole request over a connection of its own shows that the server lives
    let answer = running.http(post("/v1/traces", message.clone(), &[])).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let taken = running.intake.clone();
    let board = running.end().await;
    let doors = board.snapshot().doors;
    let sum =
        |of: fn(&crate::observe::ledger::DoorLedger) -> u64| doors.iter().map(|d| of(&d.ledger)).sum::<u64>();
    assert!(sum(|ledger| ledger.requests) > 1, "some of them got as far as a request");
    assert_eq!(sum(|ledger| ledger.accepted) % 2, 0, "both spans or none");
    assert!(taken.taken.lock().expect("no panic while taking").is_empty());
}

#[tokio::test]
async fn random_bytes_never_take_the_server_down() {
    let running = start(BOTH).await;
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise
    };
    for round in 0..60 {
        let bytes: Vec<u8> = (0..next() % 300).map(|_| next() as u8).collect();
        let answer = running.http(post("/v1/traces", Bytes::from(bytes.clone()), &[])).await;
        assert!(matches!(answer.status().as_u16(), 200 | 400), "{}", answer.status());
        running.grpc(bytes.clone().into(), &[]).await;
        let mut socket = TcpStream::connect(running.ports[round % 2]).await.expect("connects");
        let _reset_is_fine = socket.write_all(&bytes).await;
        let _reset_is_fine = socket.shutdown().await;
        let _reset_is_fine = socket.read_to_end(&mut Vec::new()).await;
    }
    assert_eq!(running.http(post("/v1/traces", body(), &[])).await.status(), StatusCode::OK);
    running.end().await;
}

#[tokio::test]
async fn answers_carry_the_configured_headers_and_only_configured_codings_are_read() {
    let running = start(
        "protocols: {http: {endpoint: '127.0.0.1:0', response_headers: {x-served-by: burgee}, \
         keep_alives_enabled: false, compression_algorithms: [zstd]}}",
    )
    .await;
    let send = |request| running.send(0, Protocol::Http1, request);
    for (path, code) in [("/v1/traces", 200), ("/nowhere", 404)] {
        let answer = send(post(path, body(), &[])).await;
        assert_eq!(answer.status().as_u16(), code);
        assert_eq!(answer.headers()["x-served-by"], "burgee");
        assert_eq!(answer.headers()[header::CONNECTION], "close");
    }
    let packed = crate::otlp::compression::compress(Encoding::Zstd, [&body()[..]]);
    assert_eq!(
        send(post("/v1/traces", Bytes::from(packed), &[("content-encoding", "zstd")])).await.status(),
        200
    );
    let answer =
        send(post("/v1/traces", Bytes::from(gzip([&body()[..]])), &[("content-encoding", "gzip")])).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[header::ACCEPT_ENCODING]),
        (415, &"zstd, identity".parse().expect("a value"))
    );
    // HTTP/2 has no such header, and says it by GOAWAY
    assert_eq!(running.send(0, Protocol::Http2, post("/v1/traces", body(), &[])).await.status(), 200);
    running.end().await;
}

#[test]
fn deadlines_are_the_configured_ones_and_never_none() {
    let config: Config = serde_yaml::from_str(
        "protocols: {grpc: {keepalive: {server_parameters: {max_connection_idle: 11s}}}, \
         http: {read_header_timeout: 3s, idle_timeout: 0s}}",
    )
    .expect("the keys are known");
    assert_eq!((config.errors(), config.warnings()), (vec![], vec![]));
    let default = crate::net::Limits::default();
    let grpc = config.protocols.grpc.as_ref().expect("written").transport_limits();
    assert_eq!((grpc.idle, grpc.head), (Duration::from_secs(11), default.head));
    let http = config.protocols.http.as_ref().expect("written").transport_limits();
    assert_eq!((http.idle, http.head), (default.idle, Duration::from_secs(3)));
}

#[test]
fn keys_that_do_nothing_are_named_with_what_happens_instead() {
    let config: Config = serde_yaml::from_str(
        "protocols: {grpc: {read_buffer_size: 1, keepalive: {enforcement_policy: {min_time: 1s}, \
         server_parameters: {time: 1s, max_connection_age: 1h}}}, \
         http: {read_timeout: 1s, write_timeout: 0s, include_metadata: true, compression_algorithms: ['', gzip, snappy]}}",
    )
    .expect("the keys are known");
    assert_eq!(config.errors(), vec![]);
    let warnings: Vec<_> =
        config.warnings().into_iter().map(|(path, what)| format!("{} {what}", path.join("."))).collect();
    let named = [
        "protocols.grpc.read_buffer_size has no effect: buffers",
        "protocols.grpc.keepalive.enforcement_policy has no effect: pings",
        "protocols.grpc.keepalive.server_parameters.max_connection_age has no effect: a connection lives",
        "protocols.grpc.keepalive.server_parameters.time has no effect: burgee sends no pings",
        "protocols.http.include_metadata has no effect: no component",
        "protocols.http.read_timeout has no effect: a request may take",
        "protocols.http.write_timeout has no effect: an answer",
        "protocols.http.compression_algorithms snappy is not in this version",
    ];
    assert_eq!(warnings.len(), named.len(), "{warnings:#?}");
    for (warning, named) in warnings.iter().zip(named) {
        assert!(warning.starts_with(named), "{warning}");
    }
    let config: Config =
        serde_yaml::from_str("protocols: {http: {compression_algorithms: [brotli]}}").expect("a list");
    assert!(config.errors()[0].1.starts_with("\"brotli\" is no content coding"), "{:?}", config.errors());
}

#[test]
fn a_config_without_a_protocol_is_refused() {
    let config: Config = serde_yaml::from_str("protocols: {}").expect("the types are right");
    assert_eq!(config.errors().len(), 1);
    let cors: Config = serde_yaml::from_str(
        "protocols: {http: {cors: {allowed_origins: ['shop.example', 'https://a.example/', '*.*.x'], allowed_headers: ['a b']}}}",
    )
    .expect("the types are right");
    let sentences: Vec<_> = cors.errors().into_iter().map(|(_, sentence)| sentence).collect();
    assert!(sentences[0].contains("https://shop.example"), "{sentences:?}");
    assert!(sentences[1].contains("\"https://a.example\""), "{sentences:?}");
    assert!(sentences[2].contains("more than one *"), "{sentences:?}");
    assert!(sentences[3].contains("not the name of a header"), "{sentences:?}");
}

#[test]
fn what_would_close_a_port_and_is_not_there_is_an_error_and_not_an_unknown_key() {
    let config: Config =
        serde_yaml::from_str("protocols: {grpc: {middlewares: [{id: a}]}, http: {middlewares: [{id: a}]}}")
            .expect("the keys are known");
    let errors = config.errors();
    let keys: Vec<_> = errors.iter().map(|(key, _)| key.join(".")).collect();
    assert_eq!(keys, ["protocols.grpc.middlewares", "protocols.http.middlewares"]);
    assert!(errors.iter().all(|(_, what)| what.contains("remove the key")), "{errors:?}");
}
