//! The collector as a program that embeds it sees it, with real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use burgee::admin;
use burgee::collector::{Collector, StartError};
use burgee::config::Source;
use burgee::otlp::Signal;
use burgee::otlp::answer::Answer;
use burgee::registry::{self, Plan};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

fn plan(text: &str) -> Plan {
    Plan::read(&[Source::new("test.yaml", text)], &|_| None).unwrap_or_else(|report| panic!("{report}"))
}

/// A collector on free ports that sends to `downstream` by OTLP/HTTP.
async fn forwarding(downstream: SocketAddr) -> Collector {
    let text = format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: \"127.0.0.1:0\"}}, http: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
extensions: {{admin: {{endpoint: \"127.0.0.1:0\"}}}}
exporters: {{otlp_http: {{endpoint: \"http://{downstream}\", compression: none}}}}
service: {{extensions: [admin]}}"
    );
    Collector::start(plan(&text)).await.expect("free ports")
}

fn evaluation() -> ExportTraceServiceRequest {
    let attribute = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
        ..Default::default()
    };
    let span = Span {
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        name: "flagEvaluation".to_owned(),
        attributes: vec![
            attribute("flagEvaluation.flagName", "new-checkout"),
            attribute("flagEvaluation.variant", "on"),
        ],
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..Default::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }] }
}

/// Takes one OTLP/HTTP request, answers 200, and returns its body.
async fn downstream(listener: TcpListener) -> ExportTraceServiceRequest {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut received = Vec::new();
    loop {
        let head = received.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&received[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize =
                length.expect("the exporter knows the length").trim().parse().expect("a number");
            if let Some(body) = received.get(head + 4..head + 4 + length) {
                let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("it reads");
                return request;
            }
        }
        assert!(stream.read_buf(&mut received).await.expect("it sends") > 0, "it closed early");
    }
}

#[tokio::test]
async fn an_evaluation_by_grpc_leaves_enriched_by_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let collector = forwarding(listener.local_addr().expect("bound")).await;
    // Either port takes gRPC; the second one is configured under `http`.
    let address = collector.local_addrs().last().expect("two ports");
    let mut client = TraceServiceClient::connect(format!("http://{address}")).await.expect("it listens");
    client.export(evaluation()).await.expect("it is accepted");

    let received = downstream(listener).await;
    let span = &received.resource_spans[0].scope_spans[0].spans[0];
    let keys: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert!(keys.contains(&"feature_flag.key") && keys.contains(&"feature_flag.result.variant"), "{keys:?}");

    let summary = collector.stop(Duration::from_secs(10)).await;
    assert_eq!(summary.received[&Signal::Traces], 1);
    assert_eq!((summary.evaluations, summary.exporters[0].sent, summary.exporters[0].held), (1, 1, 0));
}

#[tokio::test]
async fn definitions_from_a_file_are_in_force_and_follow_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("flags.yaml");
    let write = |version: &str| {
        let text = format!("new-checkout:\n  variations: {{on: true, off: false}}\n  version: {version}\n");
        let new = folder.path().join("new");
        std::fs::write(&new, text).expect("a folder of ours");
        std::fs::rename(&new, &file).expect("a folder of ours");
    };
    write("1.10");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let collector = Collector::start(plan(&format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
processors: {{feature_flag: {{definitions: {{file: {}}}}}}}
extensions: {{admin: {{endpoint: \"127.0.0.1:0\"}}}}
exporters: {{otlp_http: {{endpoint: \"http://{address}\", compression: none}}}}
service: {{extensions: [admin]}}",
        file.display()
    )))
    .await
    .expect("free ports");
    let version = async |listener| {
        let request = Bytes::from(evaluation().encode_to_vec());
        assert_eq!(collector.local("otlp").send(Signal::Traces, request).await, Answer::Accepted);
        let received = downstream(listener).await;
        let attributes = &received.resource_spans[0].scope_spans[0].spans[0].attributes;
        let version = attributes.iter().find(|attribute| attribute.key == "feature_flag.version");
        version.and_then(|version| version.value.clone()?.value)
    };
    assert_eq!(version(listener).await, Some(Value::StringValue("1.10".into())));

    write("2");
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let changed = async {
        while collector.board().snapshot().definitions.iter().all(|known| known.readings.changed == 0) {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), changed).await.expect("the file is looked at");
    let listener = TcpListener::bind(address).await.expect("the port is ours");
    assert_eq!(version(listener).await, Some(Value::StringValue("2".into())));
    collector.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn what_was_accepted_while_the_downstream_was_gone_is_sent_by_the_stop() {
    // Bound and not listening: whoever connects is refused.
    let gone = TcpSocket::new_v4().expect("a socket");
    gone.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let collector = forwarding(gone.local_addr().expect("bound")).await;
    let request = Bytes::from(evaluation().encode_to_vec());
    assert_eq!(collector.local("otlp").send(Signal::Traces, request).await, Answer::Accepted);

    let back = gone.listen(8).expect("it is bound");
    let (summary, received) = tokio::join!(collector.stop(Duration::from_secs(30)), downstream(back));
    assert_eq!(received.resource_spans.len(), 1);
    assert_eq!((summary.exporters[0].sent, summary.exporters[0].dropped.len()), (1, 0));
}

#[tokio::test]
async fn what_cannot_be_sent_before_the_deadline_is_dropped_and_counted() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let collector = forwarding(deaf.local_addr().expect("bound")).await;
    let request = Bytes::from(evaluation().encode_to_vec());
    assert_eq!(collector.local("otlp").send(Signal::Traces, request).await, Answer::Accepted);

    let summary = collector.stop(Duration::from_millis(200)).await;
    assert_eq!(summary.exporters[0].dropped, [("drain_deadline", 1)].into());
    assert!(summary.to_string().ends_with("otlp_http: 0 sent, 1 dropped (drain_deadline)"), "{summary}");
}

#[tokio::test]
async fn a_request_of_this_process_is_checked_and_counted_like_any_other() {
    let plan =
        plan("receivers: {otlp: {protocols: {http: {endpoint: \"127.0.0.1:0\"}}}}\nexporters: {nop: }");
    let collector = Collector::start(plan).await.expect("free ports");
    let local = collector.local("otlp");
    let answer = local.send(Signal::Traces, Bytes::from_static(b"\x0a\xff\xff\xff")).await;
    assert!(matches!(answer, Answer::Rejected { .. }), "{answer:?}");
    let mut flawed = evaluation();
    flawed.resource_spans[0].scope_spans[0].spans.push(Span { trace_id: vec![1, 2], ..Default::default() });
    let answer = local.send(Signal::Traces, flawed.encode_to_vec().into()).await;
    assert!(matches!(answer, Answer::Partly { rejected: 1, .. }), "{answer:?}");

    let doors = collector.board().snapshot().doors;
    let door =
        doors.iter().find(|door| door.transport == "local" && door.signal == "traces").expect("it was used");
    assert!(door.ledger.balanced(), "{door:?}");
    assert_eq!((door.ledger.requests, door.ledger.accepted, door.ledger.flawed), (2, 1, 1));
}

#[tokio::test]
async fn a_taken_admin_port_matters_only_to_those_who_asked_for_it() {
    let holder = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let taken = holder.local_addr().expect("bound");
    let receivers = "receivers: {otlp: {protocols: {http: {endpoint: \"127.0.0.1:0\"}}}}\n";
    let admin = format!("extensions: {{admin: {{endpoint: \"{taken}\"}}}}\nservice: {{extensions: [admin]}}");
    let refused = Collector::start(plan(&format!("{receivers}{admin}"))).await.err().expect("it is taken");
    assert!(refused.is_port_in_use() && matches!(refused, StartError::Listen { .. }), "{refused}");
    assert!(refused.to_string().starts_with("extensions.admin: cannot listen on"), "{refused}");

    let mut unasked = plan(receivers);
    let config =
        admin::Config { endpoint: taken.to_string().parse().expect("an address"), ..Default::default() };
    unasked.extensions = vec![registry::Extension::unasked_admin(&config)];
    let collector = Collector::start(unasked).await.expect("the admin service is only a help");
    assert_eq!(collector.listening().len(), 1);
}
