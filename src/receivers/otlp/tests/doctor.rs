//! What the doctor hears of senders: facts with their details, and the requests that were not taken.

use super::*;
use crate::component::PortRole;
use crate::observe::instance;
use crate::otlp::answer::Code;

impl Running {
    /// The details of the encounters of this kind.
    fn details(&self, kind: Kind) -> Vec<String> {
        let encounters = self.facts.encounters();
        encounters.iter().filter(|seen| seen.kind == kind).map(|seen| seen.detail.to_string()).collect()
    }

    /// Transport, path, status and reason of what was not taken.
    fn rejected(&self) -> Vec<(&'static str, String, u16, String)> {
        let all = self.facts.rejections().all();
        all.iter()
            .map(|seen| (seen.transport, seen.path.to_string(), seen.status, seen.reason.to_string()))
            .collect()
    }
}

#[tokio::test]
async fn what_is_taken_is_neither_odd_nor_rejected() {
    let running = start(BOTH).await;
    for port in [0, 1] {
        running.send(port, Protocol::Http1, post("/v1/traces", body(), &[])).await;
        running.send(port, Protocol::Http2, grpc(framed(0, &body()), &[])).await;
    }
    let mut flawed = spans(2);
    flawed.resource_spans[0].scope_spans[0].spans[1].span_id = vec![0; 8];
    running.http(post("/v1/traces", Bytes::from(flawed.encode_to_vec()), &[])).await;
    assert_eq!(running.facts.all(), []);
    assert_eq!(running.facts.rejections().total(), 0);
    running.end().await;
}

#[tokio::test]
async fn a_payload_knows_which_port_it_came_to() {
    let running = start(BOTH).await;
    for (port, role) in [(0, PortRole::Grpc), (1, PortRole::Http)] {
        running.send(port, Protocol::Http1, post("/v1/traces", body(), &[])).await;
        running.send(port, Protocol::Http2, grpc(framed(0, &body()), &[])).await;
        let origins = std::mem::take(&mut *running.intake.origins.lock().expect("no panic while taking"));
        for origin in origins {
            assert_eq!((origin.port, origin.listener), (Some(role), Some(running.ports[port])));
        }
    }
    running.end().await;
}

#[tokio::test]
async fn every_request_that_is_not_taken_is_remembered_with_what_it_looked_like() {
    let running = start(BOTH).await;
    let cut = body().slice(..body().len() - 3);
    running.http(post("/v1/traces?key=hunter2", cut.clone(), &[("user-agent", "otel/1\tx")])).await;
    let seen = running.facts.rejections().all().remove(0);
    assert_eq!((&*seen.method, &*seen.path, seen.listener), ("POST", "/v1/traces", running.ports[1]));
    assert_eq!((&*seen.content_type, &*seen.content_encoding), ("application/x-protobuf", ""));
    assert_eq!((&*seen.user_agent, seen.bytes), ("otel/1\\tx", Some(cut.len() as u64)));

    running.http(post("/v1/metrics", "", &[])).await;
    running.http(post("/v1/traces", "x", &[("content-type", "text/plain")])).await;
    running.http(post("/v1/traces", Bytes::from(vec![0; (1 << 20) + 1]), &[])).await;
    running.http(post("/nowhere", "", &[])).await;
    running.http(Request::get("/v1/logs").body(Body::empty()).expect("a request")).await;
    running.grpc(framed(0, &cut), &[]).await;
    running.grpc(framed(1, b"x"), &[("grpc-encoding", "snappy")]).await;
    let other = post("/no.such.Service/Method", "", &[("content-type", "application/grpc")]);
    running.send(0, Protocol::Http2, other).await;
    let json = post(Signal::Traces.grpc_path(), "", &[("content-type", "application/grpc+json")]);
    running.send(0, Protocol::Http2, json).await;
    running.intake.full.store(true, Ordering::Relaxed);
    running.http(post("/v1/traces", body(), &[])).await;
    running.grpc(framed(0, &body()), &[]).await;
    let mut socket = TcpStream::connect(running.ports[1]).await.expect("connects");
    socket.write_all(b"POST /v1/traces HTTP/1.1\r\ncontent-length: 0\r\n\r\n").await.expect("writes");
    socket.read_to_end(&mut Vec::new()).await.expect("an answer");

    let expected = [
        ("http", "/v1/traces", 400, "not an OTLP traces request"),
        ("http", "/v1/metrics", 404, "no pipeline of this collector takes metrics"),
        ("http", "/v1/traces", 415, "the content-type has to be"),
        ("http", "/v1/traces", 413, "larger than the limit"),
        ("http", "/nowhere", 404, "nothing takes data"),
        ("http", "/v1/logs", 405, "POST only"),
        ("grpc", Signal::Traces.grpc_path(), 3, "not an OTLP traces request"),
        ("grpc", Signal::Traces.grpc_path(), 12, "grpc-encoding is not supported"),
        ("grpc", "/no.such.Service/Method", 12, "unknown service"),
        ("grpc", Signal::Traces.grpc_path(), 12, "have to be protobuf"),
        ("http", "/v1/traces", 503, "queue is full"),
        ("grpc", Signal::Traces.grpc_path(), 14, "queue is full"),
        ("http", "/v1/traces", 400, "one host header"),
    ];
    let rejected = running.rejected();
    assert_eq!(rejected.len(), expected.len(), "{rejected:#?}");
    for (seen, expected) in rejected.iter().zip(expected) {
        assert_eq!((seen.0, &*seen.1, seen.2), (expected.0, expected.1, expected.2), "{seen:?}");
        assert!(seen.3.contains(expected.3), "{seen:?}");
    }
    assert!(!format!("{:?}", running.facts.rejections().all()).contains("hunter2"));
    running.end().await;
}

#[tokio::test]
async fn what_a_downstream_says_may_quote_telemetry_and_is_not_repeated() {
    let running = start(BOTH).await;
    let message = "hunter2 is no good span name".to_owned();
    let answer = Answer::Rejected { code: Code::InvalidArgument, message };
    *running.intake.downstream.lock().expect("no panic while taking") = Some(answer);
    let answer = running.http(post("/v1/traces", body(), &[])).await;
    assert!(status(&answer).message.contains("hunter2"), "the sender knows it anyway");
    running.grpc(framed(0, &body()), &[]).await;
    let rejected = running.rejected();
    assert_eq!(rejected.iter().map(|seen| seen.2).collect::<Vec<_>>(), [400, 3]);
    assert!(rejected.iter().all(|seen| seen.3.contains("its downstream's answer")), "{rejected:?}");
    running.end().await;
}

#[tokio::test]
async fn facts_say_what_it_was_about() {
    let running = start(BOTH).await;
    running.http(post("/nowhere?key=hunter2", "", &[])).await;
    assert_eq!(running.details(Kind::WrongPath), ["/nowhere"]);
    running.http(post("/v1/traces", "", &[("content-type", "text/plain"), ("content-encoding", "br")])).await;
    running.http(post("/v1/traces", "", &[("content-encoding", "br")])).await;
    running.grpc(framed(1, b"x"), &[("grpc-encoding", "snappy")]).await;
    assert_eq!(
        running.details(Kind::UnsupportedMediaType),
        [
            "content-type: text/plain / content-encoding: br",
            "content-type: application/x-protobuf / content-encoding: br",
            "grpc-encoding: snappy"
        ]
    );
    running.http(post("/v1/traces", Bytes::from(vec![0; (1 << 20) + 1]), &[])).await;
    running
        .http(post("/v1/traces", Bytes::from(gzip([&*vec![0u8; 64 << 20]])), &[("content-encoding", "gzip")]))
        .await;
    assert_eq!(
        running.details(Kind::TooLarge),
        ["2MiB announced, the limit is 1MiB", "more than the limit of 1MiB when it is decompressed or read"]
    );
    running.http(post("/v1/metrics", "", &[])).await;
    let profiles = post(
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "",
        &[("content-type", "application/grpc")],
    );
    running.send(0, Protocol::Http2, profiles).await;
    assert_eq!(running.details(Kind::Unserved), ["metrics", "profiles"]);
    running.end().await;
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_is_named_for_what_it_is() {
    let running = start(BOTH).await;
    let answer = running.http(post("/v1/traces", r#"{"resourceSpans":[]}"#, &[])).await;
    assert!(status(&answer).message.contains("begins like JSON"), "{}", status(&answer).message);
    // the same mistake at another place
    for body in [r#"{"resourceSpans":[1]}"#, r#"{"resourceSpans":[], "hunter2":1}"#] {
        running.http(post("/v1/traces", body, &[])).await;
    }
    running.http(post("/v1/traces", body(), &[("content-type", "application/json")])).await;
    let details = running.details(Kind::Malformed);
    assert_eq!(details.len(), 2, "{details:#?}");
    assert!(details[0].contains("begins like JSON") && details[0].contains("byte N"), "{details:#?}");
    assert!(details[1].contains("begins like protobuf") && details[1].contains("line N"), "{details:#?}");
    assert!(!details.concat().contains("hunter2"));
    running.end().await;
}

#[tokio::test]
async fn other_protocols_are_named() {
    let running = start(BOTH).await;
    for path in ["/api/v2/spans", "/api/v1/spans", "/api/traces", "/v1/trace", "/opentelemetry/proto/x"] {
        running.http(post(path, "", &[])).await;
    }
    let jaeger =
        post("/jaeger.api_v2.CollectorService/PostSpans", "", &[("content-type", "application/grpc")]);
    running.send(0, Protocol::Http2, jaeger).await;
    assert_eq!(
        running.details(Kind::Legacy),
        [
            "Zipkin: /api/v2/spans",
            "Zipkin: /api/v1/spans",
            "Jaeger: /api/traces",
            "an early OTLP: /v1/trace",
            "an early OTLP: /opentelemetry/proto/x",
            "Jaeger: /jaeger.api_v2.CollectorService/PostSpans"
        ]
    );
    assert_eq!(running.facts.count(Kind::WrongPath), 0);
    running.end().await;
}

#[tokio::test]
async fn what_this_process_has_sent_is_taken_and_is_a_loop() {
    let running = start(BOTH).await;
    let own = ("user-agent", instance::agent());
    assert_eq!(running.http(post("/v1/traces", body(), &[own])).await.status(), StatusCode::OK);
    assert_eq!(running.grpc(framed(0, &body()), &[own]).await.0.as_deref(), Some("0"));
    // another burgee is none of ours
    let other = ("user-agent", "burgee/0.1.0 (00000000)");
    assert_eq!(running.http(post("/v1/traces", body(), &[other])).await.status(), StatusCode::OK);
    assert_eq!(running.facts.count(Kind::Loop), 2);
    running.end().await;
}

#[tokio::test]
async fn a_proxy_on_the_way_is_noticed() {
    let running = start(BOTH).await;
    running.http(post("/v1/traces", body(), &[("via", "1.1 squid")])).await;
    let message = body();
    let mut socket = TcpStream::connect(running.ports[1]).await.expect("connects");
    let head = format!(
        "POST http://burgee:4318/v1/traces HTTP/1.1\r\nhost: burgee:4318\r\nconnection: close\r\n\
         content-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        message.len()
    );
    socket.write_all(&[head.as_bytes(), &message].concat()).await.expect("writes");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(
        running.details(Kind::ThroughProxy),
        ["via: 1.1 squid", "the request names host and path, as a proxy is asked"]
    );
    running.end().await;
}

#[tokio::test]
async fn a_page_that_may_not_send_is_named_with_what_was_probably_meant() {
    let running = start(&cors("{allowed_origins: ['http://localhost:4200']}")).await;
    running.http(preflight("https://shop.example", "content-type")).await;
    running.http(preflight("http://127.0.0.1:4200", "content-type")).await;
    running.http(post("/v1/traces", body(), &[("origin", "https://shop.example")])).await;
    assert_eq!(
        running.details(Kind::CorsRefused),
        ["http://127.0.0.1:4200 ~ http://localhost:4200", "https://shop.example"]
    );
    let rejected = running.rejected();
    assert_eq!(rejected.len(), 2, "the telemetry itself was taken: {rejected:?}");
    assert_eq!((rejected[0].2, &*rejected[0].1), (200, "/v1/traces"));
    assert!(rejected[0].3.contains("https://shop.example"), "{rejected:?}");
    // a page from the same place is not asked
    let host = running.ports[1].to_string();
    for headers in [
        [("origin", &*format!("http://{host}")), ("x", "x")],
        [("origin", "https://other.example"), ("sec-fetch-site", "same-origin")],
    ] {
        running.http(post("/v1/traces", body(), &headers)).await;
    }
    assert_eq!(running.facts.count(Kind::CorsRefused), 3);
    running.end().await;
}

#[tokio::test]
async fn a_page_is_refused_where_cors_is_off_too() {
    let running = start(BOTH).await;
    let answer = running.http(preflight("https://shop.example", "content-type")).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(running.details(Kind::CorsRefused), ["https://shop.example"]);
    let rejected = running.rejected();
    assert_eq!(rejected.len(), 1);
    assert!(rejected[0].3.contains("cors.allowed_origins"), "{rejected:?}");
    running.end().await;
}

#[tokio::test]
async fn headers_that_a_page_may_not_send_are_named() {
    let running =
        start(&cors("{allowed_origins: ['https://shop.example'], allowed_headers: [X-Api-Key]}")).await;
    running.http(preflight("https://shop.example", "content-type,x-api-key")).await;
    assert_eq!(running.facts.count(Kind::CorsHeaders), 0);
    running.http(preflight("https://shop.example", "content-type, traceparent,x-team")).await;
    assert_eq!(running.details(Kind::CorsHeaders), ["https://shop.example: traceparent, x-team"]);
    assert!(running.rejected()[0].3.contains("traceparent, x-team"), "{:?}", running.rejected());
    running.end().await;
}

#[tokio::test]
async fn credentials_of_any_page_are_noticed_and_not_shown() {
    let running = start(&cors("{allowed_origins: ['*']}")).await;
    let origin = ("origin", "https://shop.example");
    running.http(post("/v1/traces", body(), &[origin])).await;
    assert_eq!(running.facts.count(Kind::CorsCredentials), 0);
    for credentials in [("cookie", "session=hunter2"), ("authorization", "Bearer hunter2")] {
        running.http(post("/v1/traces", body(), &[origin, credentials])).await;
    }
    assert_eq!(running.facts.count(Kind::CorsCredentials), 2);
    assert_eq!(running.details(Kind::CorsCredentials), ["https://shop.example"]);
    assert_eq!(running.facts.count(Kind::InsecureOrigin), 0, "this machine is not a network");
    running.end().await;
}
