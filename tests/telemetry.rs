//! What burgee tells of itself, asked over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use burgee::collector::Collector;
use burgee::config::Source;
use burgee::otlp::Signal;
use burgee::otlp::answer::Answer;
use burgee::registry::Plan;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn start(text: &str) -> Collector {
    let plan = Plan::read(&[Source::new("test.yaml", text)], &|_| None);
    Collector::start(plan.unwrap_or_else(|report| panic!("{report}"))).await.expect("free ports")
}

/// Where a component listens.
fn address(collector: &Collector, component: &str) -> SocketAddr {
    let listening = collector.listening().iter().find(|listening| &*listening.component == component);
    listening.unwrap_or_else(|| panic!("{component} is not in {:?}", collector.listening())).address
}

/// Status and body of what is answered to a GET.
async fn get(address: SocketAddr, path: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

/// An evaluation that two spans tell of, whose user and value are nobody's business.
fn evaluations() -> Bytes {
    let attribute = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
        ..Default::default()
    };
    let span = |id: u8| Span {
        trace_id: vec![7; 16],
        span_id: vec![id; 8],
        name: "feature_flag.evaluation".to_owned(),
        attributes: vec![
            attribute("feature_flag.key", "new \"checkout\""),
            attribute("feature_flag.result.variant", "on"),
            attribute("feature_flag.result.reason", "STATIC"),
            attribute("feature_flag.context.id", "alice@example.com"),
            attribute("feature_flag.result.value", "hunter2"),
        ],
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span(1), span(2)], ..Default::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..Default::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn pipeline(telemetry: &str) -> String {
    format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
processors: {{feature_flag: }}
extensions: {{admin: {{endpoint: \"127.0.0.1:0\"}}}}
exporters: {{nop: }}
service:
  extensions: [admin]
  telemetry: {telemetry}
  pipelines: {{traces: {{receivers: [otlp], processors: [feature_flag], exporters: [nop]}}}}"
    )
}

#[tokio::test]
async fn prometheus_reads_what_went_through() {
    let reader = "{metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0, \
                  without_type_suffix: true, without_units: true, without_scope_info: true}}}}]}}";
    let collector = start(&pipeline(reader)).await;
    let page = address(&collector, "telemetry");
    let answer = collector.local("otlp").send(Signal::Traces, evaluations()).await;
    assert_eq!(answer, Answer::Accepted);
    let (status, body) = get(page, "/metrics", "localhost:8888").await;
    assert_eq!(status, 200);
    for line in [
        "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"local\"} 2",
        "otelcol_receiver_requests{receiver=\"otlp\",transport=\"local\",outcome=\"success\"} 1",
        "otelcol_processor_incoming_items{processor=\"feature_flag\",otel_signal=\"traces\"} 2",
        "burgee_pipeline_evaluations{pipeline=\"traces\"} 2",
        "burgee_flag_evaluations{pipeline=\"traces\",feature_flag_key=\"new \\\"checkout\\\"\",\
         feature_flag_result_variant=\"on\",feature_flag_result_reason=\"static\"} 2",
        "burgee_exporter_put_spans{exporter=\"nop\"} 2",
    ] {
        assert!(body.lines().any(|of| of == line), "{line} is not in\n{body}");
    }
    assert!(body.contains("\ntarget_info{service_name=\"burgee\","), "{body}");
    for secret in ["alice", "hunter2"] {
        assert!(!body.contains(secret), "{body}");
    }
    assert_eq!(get(page, "/", "localhost").await.0, 404);
    assert_eq!(get(page, "/metrics", "evil.example").await.0, 403);
    collector.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_taken_port_is_an_error_for_whoever_asked_for_it() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let reader = format!(
        "{{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {port}}}}}}}}}]}}}}"
    );
    let plan = Plan::read(&[Source::new("test.yaml", pipeline(&reader))], &|_| None).expect("right");
    let error = Collector::start(plan).await.err().expect("the port is taken").to_string();
    assert!(error.starts_with("service.telemetry.metrics: cannot listen on 127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn own_metrics_are_sent_over_otlp() {
    let downstream = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = downstream.local_addr().expect("bound");
    let reader = format!(
        "{{resource: {{service.name: shop-burgee}}, metrics: {{readers: [{{periodic: {{interval: 100, exporter: \
         {{otlp: {{endpoint: \"http://{endpoint}\", headers: {{x-team: flags}}}}}}}}}}]}}}}"
    );
    let collector = start(&pipeline(&reader)).await;
    let (mut stream, _) = downstream.accept().await.expect("a connection");
    let mut received = Vec::new();
    let (head, body) = loop {
        assert!(stream.read_buf(&mut received).await.expect("it sends") > 0, "it closed early");
        let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).expect("a length");
        if let Some(body) = received.get(end + 4..end + 4 + length) {
            break (head, body.to_vec());
        }
    };
    assert!(head.starts_with("post /v1/metrics ") && head.contains("\r\nx-team: flags"), "{head}");
    let request = ExportMetricsServiceRequest::decode(&*body).expect("OTLP");
    let resource = request.resource_metrics[0].resource.as_ref().expect("it has one");
    assert_eq!(
        resource.attributes[0].value,
        Some(AnyValue { value: Some(Value::StringValue("shop-burgee".into())) })
    );
    let names: Vec<_> =
        request.resource_metrics[0].scope_metrics[0].metrics.iter().map(|metric| &*metric.name).collect();
    assert!(names.contains(&"otelcol_process_uptime"), "{names:?}");
    let summary = collector.stop(Duration::from_secs(10)).await;
    assert_eq!(summary.requests, 0, "own metrics go past the pipelines");
}

/// What `burgee healthcheck` says, and whether that is well.
async fn healthcheck(args: &[&str]) -> (bool, String) {
    let output =
        tokio::process::Command::new(env!("CARGO_BIN_EXE_burgee")).arg("healthcheck").args(args).output();
    let output = output.await.expect("it runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_the_truth_until_the_last_port_closes() {
    // Bound and not listening: whoever connects is refused, and what is held keeps burgee from stopping.
    let gone = tokio::net::TcpSocket::new_v4().expect("a socket");
    gone.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let downstream = gone.local_addr().expect("bound");
    let collector = start(&format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
exporters: {{otlp_http: {{endpoint: \"http://{downstream}\", sending_queue: {{queue_size: 1, sizer: requests}}}}}}
extensions:
  admin: {{endpoint: \"127.0.0.1:0\"}}
  health_check: {{endpoint: \"127.0.0.1:0\"}}
  zpages: {{endpoint: \"127.0.0.1:0\"}}
service:
  extensions: [admin, health_check, zpages]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}"
    ))
    .await;
    let (health, pages) = (address(&collector, "health_check"), address(&collector, "zpages"));
    let (status, body) = get(health, "/", "127.0.0.1").await;
    assert_eq!(status, 200, "{body}");
    assert!(body.starts_with("{\"status\":\"Server available\""), "{body}");
    let url = format!("http://{health}/");
    assert_eq!(healthcheck(&["--endpoint", &url]).await, (true, String::new()));

    // The one request fills the queue, and no try of it succeeds.
    assert_eq!(collector.local("otlp").send(Signal::Traces, evaluations()).await, Answer::Accepted);
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let unwell = async {
        while get(health, "/", "127.0.0.1").await.0 == 200 {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), unwell).await.expect("a try fails, and the queue is full");
    let (status, body) = get(health, "/", "127.0.0.1").await;
    assert_eq!(status, 503);
    assert!(body.contains("every queue is full and no exporter delivers"), "{body}");
    let (is_well, said) = healthcheck(&["--endpoint", &url]).await;
    assert!(!is_well && said.contains("503") && said.contains("every queue is full"), "{said}");
    assert!(healthcheck(&["--endpoint", &url, "--live"]).await.0);

    let (status, page) = get(pages, "/debug/pipelinez", "localhost").await;
    assert_eq!(status, 200);
    assert!(page.contains("<td>otlp_http</td><td>traces</td><td>2</td>"), "{page}");
    assert_eq!(get(pages, "/debug/tracez", "localhost").await.0, 404);
    assert_eq!(get(pages, "/debug/pipelinez", "evil.example").await.0, 403);

    let stopping = tokio::spawn(collector.stop(Duration::from_secs(2)));
    let seen = async {
        loop {
            let (status, body) = get(health, "/", "127.0.0.1").await;
            if body.contains("burgee is stopping") {
                break status;
            }
            looks.tick().await;
        }
    };
    assert_eq!(seen.await, 503);
    let summary = stopping.await.expect("it ends");
    assert_eq!(summary.exporters[0].held, 0);
    let (is_well, said) = healthcheck(&["--endpoint", &url]).await;
    assert!(!is_well && said.contains("nothing answers on"), "{said}");
}
