//! Who may send: the same before everything else, by every protocol.

use ::http::HeaderValue;

use super::*;
use crate::component::{Candidate, Denied, ServerAuth, Verdict};

/// Lets in who says the word, and is too busy for who says so.
struct Word;

impl ServerAuth for Word {
    fn authenticate(&self, headers: &HeaderMap) -> Verdict {
        match headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes) {
            Some(b"the word") => Verdict::Now(Ok(())),
            Some(b"busy") => Verdict::Later(Box::pin(async { Err(Denied::Busy) })),
            _ => Verdict::Now(Err(Denied::Unauthenticated {
                challenge: HeaderValue::from_static("Word realm=\"burgee\""),
                message: "say the word".into(),
            })),
        }
    }
}

async fn guarded(more: &str) -> Running {
    let word = Candidate { is_in_service: true, server: Some(Arc::new(Word)), ..Candidate::default() };
    let config = format!(
        "
protocols:
  grpc: {{endpoint: '127.0.0.1:0', auth: {{authenticator: word}}}}
  http: {{endpoint: 'localhost:0', auth: {{authenticator: word}}{more}}}"
    );
    start_with(&config, Authenticators::new([("word".to_owned(), word)])).await
}

const WORD: (&str, &str) = ("authorization", "the word");

#[tokio::test]
async fn who_says_the_word_is_let_in_by_every_protocol_on_every_port() {
    let running = guarded("").await;
    for port in [0, 1] {
        let answer = running.send(port, Protocol::Http1, post("/v1/traces", body(), &[WORD])).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answer = running.send(port, Protocol::Http2, grpc(framed(0, &body()), &[WORD])).await;
        assert_eq!(answer.body().trailers.as_ref().expect("trailers")["grpc-status"], "0");
    }
    assert_eq!(running.taken().len(), 4);
    assert_eq!(running.facts.count(Kind::Unauthenticated), 0);
    running.end().await;
}

#[tokio::test]
async fn everybody_else_is_told_how_to_be_let_in_and_counted_as_rejected() {
    let running = guarded("").await;
    for port in [0, 1] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let answer = running.send(port, protocol, post("/v1/traces", body(), &[])).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Word realm=\"burgee\"");
            let status = status(&answer);
            assert_eq!((status.code, status.message.as_str()), (16, "say the word"));
        }
        let json = post("/v1/traces", "{}", &[("content-type", "application/json")]);
        let answer = running.send(port, Protocol::Http1, json).await;
        assert_eq!(answer.body().bytes, &br#"{"code":16,"message":"say the word"}"#[..]);
        let answer = running.send(port, Protocol::Http2, grpc(framed(0, &body()), &[])).await;
        assert_eq!(answer.headers()["grpc-status"], "16");
    }
    assert_eq!(running.outcomes(DoorOutcome::Rejected), 8);
    assert_eq!(running.facts.count(Kind::Unauthenticated), 8);
    assert_eq!(running.facts.rejections().total(), 8);
    assert_eq!(running.taken().len(), 0);
    running.end().await;
}

#[tokio::test]
async fn whether_somebody_tried_at_all_is_known_and_what_he_said_is_not() {
    let running = guarded("").await;
    running.http(post("/v1/traces", body(), &[])).await;
    running.http(post("/v1/traces", body(), &[("authorization", "hunter2")])).await;
    let encounters = running.facts.encounters();
    let details: Vec<_> = encounters.iter().map(|seen| &*seen.detail).collect();
    assert_eq!(details, ["no authorization header", "authorization sent"]);
    assert!(!format!("{:?}", running.facts).contains("hunter2"));
    running.end().await;
}

#[tokio::test]
async fn not_even_what_is_there_is_told_to_strangers() {
    let running = guarded("").await;
    for request in [
        Request::get("/").body(Body::from("")).expect("a request"),
        Request::get("/v1/traces").body(Body::from("")).expect("a request"),
        post("/v1/nothing", "", &[]),
    ] {
        assert_eq!(running.http(request).await.status(), StatusCode::UNAUTHORIZED);
    }
    for path in ["/grpc.health.v1.Health/Check", "/no.such.Service/Method"] {
        let request = post(path, framed(0, b""), &[("content-type", "application/grpc"), ("te", "trailers")]);
        let answer = running.send(0, Protocol::Http2, request).await;
        assert_eq!(answer.headers()["grpc-status"], "16", "{path}");
    }
    running.end().await;
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_body() {
    let running = guarded("").await;
    let stream = TcpStream::connect(running.ports[0]).await.expect("it listens");
    let (mut requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let asking = async {
        let request = Request::post(format!("http://x{}", Signal::Traces.grpc_path()))
            .header("content-type", "application/grpc")
            .body(())
            .expect("a request");
        // nothing of the body is ever sent
        let (answer, _sending) = requests.send_request(request, false).expect("it is open");
        answer.await.expect("an answer").headers()["grpc-status"].clone()
    };
    let status = tokio::select! {
        status = asking => status,
        ended = connection => panic!("{ended:?}"),
    };
    assert_eq!(status, "16");
    running.end().await;
}

#[tokio::test]
async fn a_preflight_has_no_credentials_and_needs_none_and_a_browser_can_read_its_refusal() {
    let running =
        guarded(", cors: {allowed_origins: ['https://shop.example'], allowed_headers: [authorization]}")
            .await;
    let preflight = Request::options("/v1/traces")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
        .body(Body::from(""))
        .expect("a request");
    let answer = running.http(preflight).await;
    assert!(answer.status().is_success(), "{answer:?}");
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example");
    let answer = running.http(post("/v1/traces", body(), &[("origin", "https://shop.example")])).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example");
    running.end().await;
}

#[tokio::test]
async fn who_is_checked_behind_too_many_is_told_to_come_again() {
    let running = guarded("").await;
    let busy = ("authorization", "busy");
    let answer = running.http(post("/v1/traces", body(), &[busy])).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
    let (code, _) = running.grpc(framed(0, &body()), &[busy]).await;
    assert_eq!(code.as_deref(), Some("14"));
    assert_eq!(running.outcomes(DoorOutcome::Refused), 2);
    running.end().await;
}

#[tokio::test]
async fn a_header_of_a_mebibyte_is_no_request() {
    let running = guarded("").await;
    let mut stream = TcpStream::connect(running.ports[1]).await.expect("it listens");
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n", "x".repeat(1 << 20));
    // what is left when it has had enough cannot be written any more
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(running.facts.count(Kind::Unauthenticated), 0);
    running.end().await;
}

#[test]
fn one_port_has_one_authenticator() {
    let shared = "protocols: {grpc: {endpoint: 'localhost:4317', auth: {authenticator: a}}, http: {endpoint: 'localhost:4317'}}";
    let config: Config = serde_yaml::from_str(shared).expect("a good config");
    let errors = config.errors();
    assert_eq!(errors[0].0, ["protocols", "http", "auth"]);
    assert!(errors[0].1.contains("a port has one"), "{errors:?}");
}
