//! Traffic as a fixture tells it, replayed over real sockets to a real collector that a doctor looks at.

mod downstream;
pub mod fixture;
mod otlp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use burgee::admin;
use burgee::collector::Collector;
use burgee::config::Source;
use burgee::doctor::{Doctor, Finding, Severity};
use burgee::observe::board::{Fill, OutboxState, OutboxView};
use burgee::observe::facts::Fact;
use burgee::observe::instance;
use burgee::observe::ledger::OutboxLedger;
use burgee::registry::{self, Plan};
use prost::Message;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::sender::{Answer, Http2, exchange, framed};
use downstream::Downstream;
use fixture::{Fixture, From, Http, Port, Step};

/// What a fixture's `config` is laid over.
pub const CONFIG: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '127.0.0.1:0'}
      http: {endpoint: '127.0.0.1:0'}
processors: {feature_flag: }
exporters: {nop: }
extensions: {admin: {endpoint: '127.0.0.1:0'}}
service:
  extensions: [admin]
  pipelines:
    traces: {receivers: [otlp], processors: [feature_flag], exporters: [nop]}
    logs: {receivers: [otlp], processors: [feature_flag], exporters: [nop]}
";

/// What is at `${env:FLAGS}`.
const FLAGS: &str = "new-checkout: {variations: {on: true, off: false}, defaultRule: {variation: on}}\n";

/// A collector that is being sent to, and a doctor of its own.
pub struct Scene {
    collector: Collector,
    doctor: Doctor,
    downstream: Downstream,
    /// Spans and records that were taken.
    taken: u64,
    /// What has to be there as long as the collector runs: a folder, ports that others have.
    _stage: (TempDir, TcpSocket, TcpListener),
}

impl Scene {
    pub async fn of(fixture: &Fixture) -> Scene {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let cert = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        std::fs::write(path("cert.pem"), cert.cert.pem()).expect("a folder of ours");
        std::fs::write(path("key.pem"), cert.signing_key.serialize_pem()).expect("a folder of ours");
        std::fs::write(path("flags.yaml"), FLAGS).expect("a folder of ours");
        // bound and not listening: whoever connects is refused
        let nobody = TcpSocket::new_v4().expect("a socket");
        nobody.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let other = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let downstream = Downstream::start(&fixture.downstream).await;
        let env = |name: &str| match name {
            "DOWNSTREAM" => Some(downstream.address.to_string()),
            "NOBODY" => Some(nobody.local_addr().expect("bound").to_string()),
            "FOLDER" => Some(path("")),
            "CERT" => Some(path("cert.pem")),
            "FLAGS" => Some(path("flags.yaml")),
            "KEY" => Some(path("key.pem")),
            _ => None,
        };
        let mut sources = vec![Source::new("default.yaml", CONFIG)];
        if !fixture.config.is_null() {
            sources.push(Source::new("config", fixture.config.to_string()));
        }
        let mut plan = Plan::read(&sources, &env).unwrap_or_else(|report| panic!("{report}"));
        if fixture.taken_admin_port {
            let taken = other.local_addr().expect("bound").to_string();
            let endpoint = taken.parse().expect("an address");
            let config = admin::Config { endpoint, ..Default::default() };
            plan.extensions = vec![registry::Extension::unasked_admin(&config)];
        }
        let warnings = plan.warnings.problems().iter().map(ToString::to_string).collect();
        let collector = Collector::start(plan).await.unwrap_or_else(|error| panic!("{error}"));
        if fixture.unbalanced {
            collector.board().add_outbox(Arc::new(Unbalanced));
        }
        let doctor = Doctor::new(
            collector.board().clone(),
            collector.facts().clone(),
            collector.insight().clone(),
            fixture.surroundings.clone(),
        );
        doctor.warned(warnings);
        let scene = Scene { collector, doctor, downstream, taken: 0, _stage: (folder, nobody, other) };
        scene.downstream.sends_back_to(scene.port(Port::Http));
        scene
    }

    fn port(&self, port: Port) -> SocketAddr {
        let mut ports = self.collector.local_addrs();
        match port {
            Port::Grpc => ports.next().expect("there are ports"),
            Port::Http => ports.last().expect("there are ports"),
        }
    }

    pub async fn play(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Http(http) => drop(self.http(http).await),
                Step::Grpc(http) => drop(self.grpc(http).await),
                Step::Spans(said) => {
                    let request = otlp::traces(said, SystemTime::now()).encode_to_vec();
                    let items = said.from.repeat * said.spans.len();
                    self.send(&said.from, "traces", "trace.v1.TraceService", request, items).await;
                }
                Step::Logs(said) => {
                    let request = otlp::logs(said, SystemTime::now()).encode_to_vec();
                    let items = said.from.repeat * said.records.len();
                    self.send(&said.from, "logs", "logs.v1.LogsService", request, items).await;
                }
                Step::Raw { port, text } => {
                    let mut socket = TcpStream::connect(self.port(*port)).await.expect("it listens");
                    socket.write_all(&bytes(text)).await.expect("it reads");
                    // so that all of it has been read before the end comes
                    socket.shutdown().await.expect("the connection lives");
                    let mut nowhere = tokio::io::sink();
                    let answered = tokio::io::copy(&mut socket, &mut nowhere);
                    // how it ends is the other side's affair
                    let _end = tokio::time::timeout(Duration::from_secs(5), answered).await;
                }
                Step::Connect { port } => {
                    drop(TcpStream::connect(self.port(*port)).await.expect("it listens"));
                }
                Step::Distrust { port } => distrust(self.port(*port)).await,
                Step::Answers(answers) => self.downstream.answer(*answers),
                Step::AllIsWell => {
                    self.all_seen().await;
                    let found = self.examine(Duration::ZERO);
                    assert!(found.iter().all(|finding| finding.severity == Severity::Info), "{found:#?}");
                }
                Step::Repeat { times, steps } => {
                    for _ in 0..*times {
                        Box::pin(self.play(steps)).await;
                    }
                }
                Step::InsecureOrigin(origin) => {
                    let peer = SocketAddr::from(([10, 0, 0, 7], 50_000));
                    let listener = self.port(Port::Http);
                    self.collector.facts().report_with(Fact::InsecureOrigin { peer, listener }, origin);
                }
                Step::Capture(file) => self.capture(file).await,
            }
        }
    }

    async fn http(&self, http: &Http) -> Answer {
        let Http { port, method, path, headers, body, .. } = http;
        let body = bytes(body).repeat(http.body_repeat);
        let length = body.len().to_string();
        let mut headers = filled(headers);
        headers.push(("content-length".to_owned(), length));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let answer = exchange(self.port(*port), &format!("{method} {path}"), &headers, &[&body]).await;
        if let Some(status) = http.answer {
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        }
        answer
    }

    async fn grpc(&self, http: &Http) -> Answer {
        let headers = filled(&http.headers);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let body = [framed(0, &bytes(&http.body))];
        Http2::connect(self.port(http.port)).await.send(&http.path, &headers, &body).await
    }

    async fn send(&mut self, from: &From, path: &str, service: &str, request: Vec<u8>, items: usize) {
        let begun = Instant::now();
        let mut is_taken = self.takes(from, path, service, &request).await;
        while from.until_taken && !is_taken {
            assert!(begun.elapsed() < Duration::from_secs(60), "it is refused for a minute");
            tokio::time::sleep(POLL).await;
            is_taken = self.takes(from, path, service, &request).await;
        }
        self.taken += if is_taken { items as u64 } else { 0 };
    }

    /// Sends over the protocol of the port, unless the fixture wants another. Whether all of it was taken.
    async fn takes(&self, from: &From, path: &str, service: &str, request: &[u8]) -> bool {
        let port = self.port(from.port);
        match from.over.unwrap_or(from.port) {
            Port::Grpc => {
                let path = format!("/opentelemetry.proto.collector.{service}/Export");
                let headers = [("content-type", "application/grpc"), ("te", "trailers")];
                let answer = Http2::connect(port).await.send(&path, &headers, &[framed(0, request)]).await;
                answer.grpc_status() == Some(0) && answer.body.len() <= EMPTY_MESSAGE
            }
            Port::Http => {
                let length = request.len().to_string();
                let headers = [("content-type", "application/x-protobuf"), ("content-length", &*length)];
                let answer = exchange(port, &format!("POST /v1/{path}"), &headers, &[request]).await;
                answer.status == 200 && answer.body.is_empty()
            }
        }
    }

    async fn capture(&mut self, file: &std::path::Path) {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let request: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let path = if request.get("resourceLogs").is_some() { "/v1/logs" } else { "/v1/traces" };
        let body = otlp::shifted(request, SystemTime::now()).to_string();
        let length = body.len().to_string();
        let headers = [("content-type", "application/json"), ("content-length", &*length)];
        let answer =
            exchange(self.port(Port::Http), &format!("POST {path}"), &headers, &[body.as_bytes()]).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", file.display());
        self.taken += 1;
    }

    /// What the doctor finds when it looks so much later, the gravest first.
    pub fn examine(&self, later: Duration) -> Vec<Finding> {
        let now = SystemTime::now() + later;
        self.collector.insight().settle(now);
        self.doctor.examine(now);
        self.doctor.findings().0.into_iter().filter(|finding| finding.resolved.is_none()).collect()
    }

    /// Waits until everything that was taken was looked at.
    pub async fn all_seen(&self) {
        let begun = Instant::now();
        loop {
            let horizon = self.collector.insight().horizon();
            if horizon.seen + horizon.skipped >= self.taken || begun.elapsed() > Duration::from_secs(10) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Letters as bytes: a text of YAML may hold any of them.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("each letter is one byte")).collect()
}

fn filled(headers: &std::collections::BTreeMap<String, String>) -> Vec<(String, String)> {
    let fill =
        |(name, value): (&String, &String)| (name.clone(), value.replace("{agent}", instance::agent()));
    headers.iter().map(fill).collect()
}

/// Begins TLS with a port whose certificate it does not know.
async fn distrust(port: SocketAddr) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let socket = TcpStream::connect(port).await.expect("it listens");
    let name = "localhost".try_into().expect("a name");
    let refused = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, socket).await;
    assert!(refused.is_err(), "it trusts nobody");
}

/// What no outbox of burgee ever is.
struct Unbalanced;

impl OutboxView for Unbalanced {
    fn snapshot(&self) -> OutboxState {
        OutboxState {
            exporter: "otlp_http".into(),
            signal: "traces",
            ledger: OutboxLedger { put: 10, sent: 9, ..OutboxLedger::default() },
            fill: Fill { capacity: 1000, sizer: "requests", ..Fill::default() },
            in_flight: 0,
            retrying: 0,
            isolated: false,
            failing_for: None,
            full: false,
            lossy: false,
            last: None,
        }
    }
}

/// How often somebody looks.
pub const POLL: Duration = Duration::from_millis(50);
/// The five bytes before a message of gRPC.
const EMPTY_MESSAGE: usize = 5;
