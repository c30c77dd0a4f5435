use bytes::Bytes;
use tokio::net::TcpListener;

use super::*;

/// Sends its request's body back, with the size it was announced with in a header and its sum in a trailer.
fn echo() -> impl Service {
    By(|mut request: Request<RequestBody>, _| async move {
        let agent = request.headers().get("user-agent").cloned();
        let announced = request.headers().get("content-length").cloned();
        let room = |_| Ok::<(), std::convert::Infallible>(());
        let body = read_body(request.body_mut(), u64::MAX, Sizing::ContentLength, room)
            .await
            .expect("the body comes whole");
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let mut answer = Response::new(Body::from(Bytes::from(body)).with_trailers(trailers));
        for (name, value) in [("agent", agent), ("announced", announced)] {
            answer.headers_mut().extend(value.map(|value| (http::HeaderName::from_static(name), value)));
        }
        answer
    })
}

#[tokio::test]
async fn a_request_of_many_chunks_makes_its_round_trip_over_both_protocols() {
    let server = start(patient(), echo()).await;
    let chunks: Vec<Bytes> = (0..40_u8).map(|n| Bytes::from(vec![n; 10_000 + usize::from(n)])).collect();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = post(&server.uri("/v1/traces?x=1"), Body::chunks(chunks.clone()));
        let answer = client(protocol).send(request, LONG).await.expect("it answers");
        assert_eq!(answer.body().bytes, chunks.concat(), "{protocol:?}");
        assert_eq!(answer.headers()["announced"], chunks.concat().len().to_string(), "{protocol:?}");
        assert_eq!(answer.headers()["agent"], concat!("burgee/", env!("CARGO_PKG_VERSION")));
        if protocol == Protocol::Http2 {
            let trailers = answer.body().trailers.as_ref().expect("trailers came");
            assert_eq!(trailers["grpc-status"], "0");
        }
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let peers = By(|_, connection: Arc<Connection>| async move {
        Response::new(Body::from(connection.peer.to_string()))
    });
    let server = start(patient(), peers).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = client(protocol);
        let mut peers = Vec::new();
        for _ in 0..3 {
            let answer = client.send(post(&server.uri("/"), "x"), LONG).await.expect("it answers");
            peers.push(answer.into_body().bytes);
        }
        peers.dedup();
        assert_eq!(peers.len(), 1, "{protocol:?}");
    }
}

#[tokio::test]
async fn an_answer_is_as_large_as_allowed() {
    let server = start(patient(), echo()).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client =
            Client::new(&ClientConfig { protocol, answer_bytes_max: 1000, ..ClientConfig::default() });
        let fits = client.send(post(&server.uri("/"), "x".repeat(1000)), LONG).await;
        assert_eq!(fits.expect("it fits").body().bytes.len(), 1000);
        let error = client.send(post(&server.uri("/"), "x".repeat(1001)), LONG).await.expect_err("too large");
        assert_eq!(error.kind, SendErrorKind::AnswerTooLarge);
        assert_eq!(error.to_string(), "the answer is too large (the answer has more than 1000 bytes)");
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_from_a_name_without_address() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = free.local_addr().expect("it is bound");
    drop(free);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let error =
            client(protocol).send(post(&format!("http://{address}/"), "x"), LONG).await.expect_err("closed");
        assert_eq!(error.kind, SendErrorKind::Refused, "{error}");
        assert_eq!(
            error.to_string(),
            "nobody listens there (tcp connect error: Connection refused (os error 111))"
        );
    }
    // A label of more than 63 bytes is no name, which the resolver knows without asking anybody.
    let nowhere = format!("http://{}/", "a".repeat(64));
    let error = client(Protocol::Http1).send(post(&nowhere, "x"), LONG).await.expect_err("no such host");
    assert_eq!(error.kind, SendErrorKind::Unresolved, "{error}");
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The request is read first, so that the client gets an end and not a reset.
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let error =
            client(protocol).send(post(&format!("http://{address}/"), "x"), LONG).await.expect_err("closed");
        assert_eq!(error.kind, SendErrorKind::Closed, "{protocol:?}: {error}");
        assert!(error.to_string().starts_with("the connection was closed before the answer ("), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_the_protocol_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            say(&mut stream, "220 mail.example ESMTP ready\r\n\r\n").await;
            tokio::spawn(async move { rest(&mut stream).await });
        }
    });
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let error =
            client(protocol).send(post(&format!("http://{address}/"), "x"), LONG).await.expect_err("no HTTP");
        assert_eq!(error.kind, SendErrorKind::Protocol, "{protocol:?}: {error}");
    }
}

#[tokio::test]
async fn a_uri_that_needs_tls_is_not_sent() {
    for uri in ["https://localhost/", "/v1/traces"] {
        let error = client(Protocol::Http1).send(post(uri, "x"), LONG).await.expect_err("no TLS here");
        assert_eq!(error.kind, SendErrorKind::Invalid, "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let error = client(protocol).send(post(&server.uri("/"), "x"), SHORT).await.expect_err("it waits");
        assert_eq!(error.kind, SendErrorKind::Timeout, "{error}");
        assert_eq!(error.to_string(), "it took too long (no answer within 40ms)");
        assert_eq!(holding.next().await, Event::Began(protocol));
        assert_eq!(holding.next().await, Event::Dropped, "the server is told that nobody waits any more");
    }
}
