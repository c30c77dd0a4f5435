//! The admin port as browsers and burgee's commands see it: a running collector, real sockets, real telemetry.

use std::net::SocketAddr;
use std::time::Duration;

use burgee::admin::v1::{self, admin_client::AdminClient};
use burgee::collector::Collector;
use burgee::config::Source;
use burgee::otlp::Signal;
use burgee::registry::Plan;
use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A collector whose telemetry ends in it, and its admin port.
async fn collector(more: &str) -> (Collector, SocketAddr) {
    let text = format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
processors: {{feature_flag: {{}}}}
exporters: {{nop: }}
extensions: {{admin: {{endpoint: \"127.0.0.1:0\"{more}}}}}
service:
  extensions: [admin]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [feature_flag], exporters: [nop]}}}}"
    );
    let plan =
        Plan::read(&[Source::new("test.yaml", text)], &|_| None).unwrap_or_else(|report| panic!("{report}"));
    let collector = Collector::start(plan).await.expect("free ports");
    let admin =
        collector.listening().iter().find(|port| &*port.component == "admin").expect("it listens").address;
    (collector, admin)
}

/// One request to a shop in which a flag is evaluated, by the names of 2022.
fn request(key: &str) -> Bytes {
    let text = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
        "scopeSpans":[{{"spans":[{{"traceId":"{TRACE}","spanId":"b7ad6b7169203331","name":"GET /basket","kind":2,
        "startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000500000000",
        "events":[{{"name":"feature_flag","timeUnixNano":"1700000000100000000","attributes":[
        {{"key":"feature_flag.key","value":{{"stringValue":{}}}}},
        {{"key":"feature_flag.variant","value":{{"stringValue":"on"}}}}]}}]}}]}}]}}]}}"#,
        serde_json::to_string(key).expect("a text")
    );
    let body = burgee::otlp::json::read(Signal::Traces, text.as_bytes(), 1 << 20, |_| Ok::<(), ()>(()));
    body.expect("OTLP/JSON").into()
}

/// Sends it, and waits until burgee remembers it.
async fn remember(collector: &Collector, admin: SocketAddr, key: &str) {
    let local = collector.local("otlp");
    loop {
        local.send(Signal::Traces, request(key)).await;
        // what comes before the watch is open is not looked at, however long one waits
        for _ in 0..200 {
            let page = json(admin, "/api/evaluations").await;
            if page["last"].as_u64() > Some(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Status, head and body of a GET.
async fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    let answer = String::from_utf8(answer).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_ascii_lowercase(), body.to_owned())
}

async fn json(address: SocketAddr, path: &str) -> Value {
    let (status, head, body) = get(address, path, "host: localhost\r\n").await;
    assert_eq!(status, 200, "{path}: {body}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let body = match head.contains("transfer-encoding: chunked") {
        true => panic!("the answer's size is known"),
        false => body,
    };
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

#[tokio::test]
async fn what_leaves_is_seen_on_the_page_and_by_commands() {
    let (collector, admin) = collector("").await;
    remember(&collector, admin, "new-checkout").await;

    let evaluations = json(admin, "/api/evaluations?limit=1").await;
    let told = &evaluations["evaluations"][0];
    assert_eq!(
        (&told["key"], &told["variant"], &told["service"]),
        (&"new-checkout".into(), &"on".into(), &"shop".into())
    );
    assert_eq!((&told["trace_id"], &told["told_by"]), (&TRACE.into(), &"event".into()));
    let none = json(admin, "/api/evaluations?filter=flag%3Dold-*+variant%3Don").await;
    assert_eq!(none["evaluations"], Value::Array(Vec::new()));
    let (status, _, body) = get(admin, "/api/evaluations?filter=falg%3Da", "host: localhost\r\n").await;
    assert!(status == 400 && body.contains("there is no key \\\"falg\\\""), "{body}");

    let flags = json(admin, "/api/flags").await;
    assert_eq!(
        (&flags["flags"][0]["key"], &flags["flags"][0]["services"][0]),
        (&"new-checkout".into(), &"shop".into())
    );
    let traces = json(admin, "/api/traces").await;
    assert_eq!(traces["traces"][0]["name"], "GET /basket");
    let trace = json(admin, &format!("/api/trace/{TRACE}")).await;
    assert_eq!((&trace["names"][0], &trace["spans"][0][6]), (&"GET /basket".into(), &500_000.into()));
    assert_eq!(
        (&trace["evaluations"][0]["span_index"], &trace["evaluations"][0]["offset_us"]),
        (&0.into(), &100_000.into())
    );
    let span = json(admin, &format!("/api/trace/{TRACE}/span/b7ad6b7169203331")).await;
    let marked = serde_json::json!({"key": "feature_flags.new-checkout", "value": "on"});
    assert!(
        span["attributes"].as_array().is_some_and(|all| all.contains(&marked)),
        "it left enriched: {span}"
    );
    let (status, _, body) =
        get(admin, &format!("/api/trace/{}", "7".repeat(32)), "host: localhost\r\n").await;
    assert!(status == 404 && body.contains("does not remember"), "{body}");
    let overview = json(admin, "/api/overview").await;
    assert_eq!(overview["senders"]["senders"][0]["service"], "shop");
    assert_eq!(overview["horizon"]["bytes_max"], 32 << 20);

    let mut client = AdminClient::connect(format!("http://{admin}")).await.expect("it listens");
    let flags = client.flags(v1::FlagsRequest {}).await.expect("it answers").into_inner().flags;
    assert_eq!((flags[0].key.as_str(), flags[0].variants[0].name.as_str()), ("new-checkout", "on"));
    let trace =
        client.trace(v1::TraceRequest { trace_id: TRACE[..8].to_owned() }).await.expect("it is there");
    assert_eq!(trace.into_inner().spans[0].evaluations[0].key, "new-checkout");
    let having = v1::Attribute { key: "feature_flag.key".to_owned(), value: "new-checkout".to_owned() };
    let asked = v1::TracesRequest { having: Some(having), ..v1::TracesRequest::default() };
    assert_eq!(client.traces(asked).await.expect("it answers").into_inner().traces.len(), 1);
    let wrong = client.tap(v1::TapRequest { filter: "\"".to_owned() }).await.expect_err("no filter");
    assert_eq!(wrong.code(), tonic::Code::InvalidArgument);
    let mut tap =
        client.tap(v1::TapRequest { filter: "variant=on".to_owned() }).await.expect("a filter").into_inner();
    collector.local("otlp").send(Signal::Traces, request("another")).await;
    let told = tap.message().await.expect("it goes on").expect("it goes on").evaluations;
    assert_eq!(told[0].key, "another");
    drop((client, tap));
    collector.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn the_page_answers_this_machine_and_no_other_page() {
    let (collector, admin) = collector("").await;
    for host in ["localhost", "127.0.0.1:4380", "[::1]"] {
        assert_eq!(get(admin, "/", &format!("host: {host}\r\n")).await.0, 200, "{host}");
    }
    for headers in [
        "host: evil.example\r\n",
        "host: localhost\r\norigin: http://evil.example\r\n",
        "host: localhost\r\norigin: null\r\n",
        "host: localhost\r\norigin: http://localhost:1\r\n",
        "host: localhost\r\nsec-fetch-site: cross-site\r\n",
    ] {
        for path in ["/", "/api/overview", "/page/main.js"] {
            assert_eq!(get(admin, path, headers).await.0, 403, "{path} {headers:?}");
        }
    }
    let link = "host: localhost\r\nsec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\n";
    assert_eq!(get(admin, "/", link).await.0, 200, "a link from elsewhere may lead here");
    collector.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn every_answer_says_that_it_runs_nothing_and_sets_no_cookie() {
    let (collector, admin) = collector("").await;
    for path in [
        "/",
        "/page/main.js",
        "/page/style.css",
        "/api/overview",
        "/nothing",
        "/page/../mod.rs",
        "/page/nothing.js",
    ] {
        let (status, head, _) = get(admin, path, "host: localhost\r\n").await;
        assert!(
            head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
            "{path}: {head}"
        );
        assert!(
            head.contains("x-content-type-options: nosniff") && !head.contains("set-cookie"),
            "{path}: {head}"
        );
        assert_eq!(status, if path.contains("nothing") || path.contains("..") { 404 } else { 200 }, "{path}");
    }
    let (_, head, _) = get(admin, "/page/main.js", "host: localhost\r\n").await;
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").to_owned();
    let known = format!("host: localhost\r\nif-none-match: {tag}\r\n");
    assert_eq!(get(admin, "/page/main.js", &known).await.0, 304);
    collector.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn nothing_is_looked_at_where_nothing_is_to_be_remembered() {
    let (collector, admin) = collector(", remember: 0").await;
    collector.local("otlp").send(Signal::Traces, request("new-checkout")).await;
    let evaluations = json(admin, "/api/evaluations").await;
    assert_eq!((&evaluations["last"], &evaluations["horizon"]["skipped"]), (&0.into(), &1.into()));
    let flags = json(admin, "/api/flags").await;
    assert_eq!(flags["flags"][0]["evaluations"], 1, "they are counted all the same");
    collector.stop(Duration::from_secs(10)).await;
}
