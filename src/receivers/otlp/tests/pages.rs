//! What people see on an OTLP port, and what is said to senders that ask in the wrong place.

use super::*;
use crate::observe::board::Listener;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");

fn get(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

fn text(answer: &Response<Received>) -> String {
    String::from_utf8(answer.body().bytes.to_vec()).expect("text")
}

/// The sentence in an answer in JSON.
fn sentence(answer: &Response<Received>) -> String {
    let status: serde_json::Value = serde_json::from_slice(&answer.body().bytes).expect("JSON");
    status["message"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn whoever_looks_at_a_port_is_told_what_it_is_by_every_protocol() {
    let running = start(BOTH).await;
    for port in [0, 1] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let answer = running.send(port, protocol, get("/", &[])).await;
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
            let text = text(&answer);
            assert!(text.starts_with("This is burgee"), "{text}");
            for named in ["/v1/traces", "burgee doctor", "burgee send", "OTLP/gRPC"] {
                assert!(text.contains(named), "{named}: {text}");
            }
            assert!(!text.contains("http://"), "no page listens: {text}");
        }
    }
    assert_eq!(running.facts.rejections().total(), 0);
    assert_eq!(running.facts.all(), []);
    running.end().await;
}

#[tokio::test]
async fn a_browser_gets_a_page_that_can_do_nothing() {
    let running = start(BOTH).await;
    let answer = running.http(get("/", &[HTML])).await;
    let headers = answer.headers();
    assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(headers[header::CONTENT_SECURITY_POLICY].as_bytes().starts_with(b"default-src 'none'"));
    let page = text(&answer);
    assert!(page.starts_with("<!doctype html>") && page.contains("This is burgee"), "{page}");

    let answer = running.http(get("/v1/traces", &[HTML])).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[header::ALLOW]),
        (405, &"POST".parse().expect("a value"))
    );
    assert!(text(&answer).contains("there is nothing to read"), "{}", text(&answer));
    let answer = running.http(get("/%3Cscript%3Ealert(1)", &[HTML])).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(!text(&answer).contains("script"), "{}", text(&answer));
    running.end().await;
}

#[tokio::test]
async fn the_page_of_the_admin_extension_is_named_while_it_listens() {
    let running = start(BOTH).await;
    for (address, url) in [
        ("127.0.0.1:4380", "http://127.0.0.1:4380/"),
        ("[::1]:4380", "http://[::1]:4380/"),
        ("0.0.0.0:4380", "http://localhost:4380/"),
        ("[::]:4380", "http://localhost:4380/"),
    ] {
        let listener = |component: &str| Listener {
            component: component.into(),
            address: address.into(),
            protocols: vec![],
        };
        running.board.set_listeners(vec![listener("otlp"), listener("admin")]);
        assert!(text(&running.http(get("/", &[])).await).contains(&format!("{url}\n")), "{address}");
        let page = text(&running.http(get("/", &[HTML])).await);
        assert!(page.contains(&format!("<a href=\"{url}\">{url}</a>")), "{page}");
    }
    running.board.remove_listeners("admin");
    assert!(!text(&running.http(get("/", &[])).await).contains("http://"));
    running.end().await;
}

#[tokio::test]
async fn who_asks_for_the_head_of_a_page_gets_no_more() {
    let running = start(BOTH).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let head = Request::head("/").body(Body::empty()).expect("a request");
        let answer = running.send(0, protocol, head).await;
        assert_eq!((answer.status(), answer.body().bytes.len()), (StatusCode::OK, 0));
    }
    running.end().await;
}

#[tokio::test]
async fn a_wrong_path_is_told_what_is_wrong_with_it() {
    let running = start(BOTH).await;
    let cases = [
        ("/", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        ("/v1/trace", "try /v1/traces"),
        ("/v1/traces/", "try /v1/traces"),
        ("/V1/Traces", "in lower case, try /v1/traces"),
        ("/v1/traces/v1/traces", "already ends in /v1/traces, which SDKs append: take that off"),
        ("/v1/v1/metrics", "ends in /v1, and SDKs append /v1/metrics: take that off"),
        ("/otlp/v1/logs", "ends in /otlp"),
        ("/some/where/v1/logs", "take off what stands before /v1/logs"),
        ("/traces", "try /v1/traces"),
        ("/api/traces", "a path of Jaeger"),
        ("/api/v2/spans", "a path of Zipkin"),
        ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", "needs HTTP/2"),
        ("/v1development/profiles", "no profiles"),
        ("/nowhere", "there are /v1/traces, /v1/metrics, /v1/logs"),
    ];
    for (path, hint) in cases {
        let headers = [("content-type", "application/json")];
        let answer = running.http(post(path, "{}", &headers)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let said = sentence(&answer);
        assert!(said.contains(hint) && !said.contains("this is the port for gRPC"), "{path}: {said}");
        let answer = running.send(0, Protocol::Http1, post(path, "{}", &headers)).await;
        let said = sentence(&answer);
        assert!(said.contains(hint) && said.contains("where OTLP/HTTP works as well"), "{path}: {said}");
    }
    // HTTP/2 from the first byte, but no gRPC
    let path = Signal::Traces.grpc_path();
    let answer =
        running.send(0, Protocol::Http2, post(path, "{}", &[("content-type", "application/json")])).await;
    assert!(sentence(&answer).contains("the content-type is not application/grpc"), "{}", sentence(&answer));
    running.end().await;
}

#[tokio::test]
async fn hints_name_the_paths_that_are_configured() {
    let running = start("protocols: {http: {endpoint: '127.0.0.1:0', traces_url_path: /spans}}").await;
    for (path, hint) in
        [("/Spans", "try /spans"), ("/v1/traces", "try /spans"), ("/x", "there are /spans, /v1/metrics")]
    {
        let answer =
            running.send(0, Protocol::Http1, post(path, "{}", &[("content-type", "application/json")])).await;
        assert!(sentence(&answer).contains(hint), "{path}: {}", sentence(&answer));
    }
    let answer = running.send(0, Protocol::Http1, get("/", &[])).await;
    assert!(text(&answer).contains("POST /spans, /v1/metrics or /v1/logs"));
    running.end().await;
}
