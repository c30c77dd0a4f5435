use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::net::{self, Body, Connection, Limits, Listener, Offer, RequestBody, Service, Stop, Windows};
use crate::observe::board::Board;
use crate::observe::definitions::ReadingsState;
use crate::observe::facts::Kind;
use crate::values::Secret;

#[tokio::test]
async fn a_changed_file_is_in_force_without_a_restart() {
    let file = FlagFile::new("flags.json", &json("one"));
    let running = file.watch();
    assert_eq!(running.version().as_deref(), Some("one"));
    file.write(&json("two"));
    running.until(|running| running.version().as_deref() == Some("two")).await;
    let readings = running.readings();
    assert_eq!((readings.flags, readings.changed, readings.failed), (Some(1), 1, 0));
}

#[tokio::test]
async fn a_file_that_is_written_in_place_is_in_force() {
    let file = FlagFile::new("flags.yaml", &yaml("one"));
    let running = file.watch();
    std::fs::write(&file.path, yaml("two")).expect("a folder of ours");
    running.until(|running| running.version().as_deref() == Some("two")).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_is_swapped_as_kubernetes_does_is_in_force() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().expect("a folder");
    let path_of = |name: &str| folder.path().join(name);
    for version in ["one", "two"] {
        std::fs::create_dir(path_of(version)).expect("a folder of ours");
        std::fs::write(path_of(version).join("flags.yaml"), yaml(version)).expect("a folder of ours");
    }
    symlink("one", path_of("..data")).expect("a folder of ours");
    symlink("..data/flags.yaml", path_of("flags.yaml")).expect("a folder of ours");
    let running = watch(&path_of("flags.yaml"));
    assert_eq!(running.version().as_deref(), Some("one"));
    symlink("two", path_of("..data_tmp")).expect("a folder of ours");
    std::fs::rename(path_of("..data_tmp"), path_of("..data")).expect("a folder of ours");
    running.until(|running| running.version().as_deref() == Some("two")).await;
}

#[tokio::test]
async fn a_broken_file_keeps_the_last_good_one_and_is_counted_with_its_place() {
    let file = FlagFile::new("flags.yaml", &yaml("one"));
    let running = file.watch();
    file.write("flag:\n  variations: [on]\n");
    running.until(|running| running.readings().failed == 1).await;
    assert_eq!(running.version().as_deref(), Some("one"));
    let (_, why) = running.readings().failure.expect("it just failed");
    assert!(why.contains("flags.yaml:2:15: error: "), "{why}");
    assert_eq!(running.facts.count(Kind::DefinitionsBroken), 1);
    std::fs::remove_file(&file.path).expect("a folder of ours");
    running.until(|running| running.readings().failed == 2).await;
    assert_eq!(running.facts.count(Kind::DefinitionsUnreachable), 1);
    assert_eq!(running.version().as_deref(), Some("one"));
    file.write(&yaml("two"));
    running.until(|running| running.version().as_deref() == Some("two")).await;
    assert_eq!(running.readings().failure, None);
}

#[tokio::test]
async fn what_is_there_but_cannot_be_read_is_tried_again() {
    let file = FlagFile::new("flags.yaml", &yaml("one"));
    let running = file.watch();
    std::fs::remove_file(&file.path).expect("a folder of ours");
    std::fs::create_dir(&file.path).expect("a folder of ours");
    running.until(|running| running.readings().failed > 2).await;
    assert_eq!(running.version().as_deref(), Some("one"));
    std::fs::remove_dir(&file.path).expect("a folder of ours");
    file.write(&yaml("two"));
    running.until(|running| running.version().as_deref() == Some("two")).await;
}

#[tokio::test]
#[should_panic(expected = "a defect")]
async fn a_panic_beside_the_watch_is_one_of_the_watch() {
    file::aside(|| panic!("a defect")).await.unwrap_or(());
}

#[test]
fn an_endpoint_may_have_its_path_already() {
    for text in ["http://h/base", "http://h/base/", "http://h/base/v1/flag/configuration"] {
        let endpoint = Endpoint::try_from(text).expect(text);
        assert_eq!(endpoint.shown(), "http://h/base/v1/flag/configuration", "{text}");
    }
}

#[test]
fn without_its_file_or_with_a_broken_one_nothing_starts() {
    let file = FlagFile::new("flags.toml", "[flag\n");
    let broken = build(&file.config(), &mut BuildContext::new("feature_flag")).expect_err("no TOML");
    let BuildError::File(problem) = broken else { panic!("{broken}") };
    let place = problem.place.as_ref().expect("TOML says where");
    assert_eq!((place.line(), place.source().name()), (1, &*file.path.display().to_string()));

    std::fs::write(&file.path, b"flag = \"\xff\"").expect("a folder of ours");
    let not_utf8 = build(&file.config(), &mut BuildContext::new("feature_flag")).expect_err("no UTF-8");
    assert!(not_utf8.to_string().contains(":1:9: error: this byte is not UTF-8"), "{not_utf8}");

    std::fs::remove_file(&file.path).expect("a folder of ours");
    let missing = build(&file.config(), &mut BuildContext::new("feature_flag")).expect_err("no file");
    assert!(missing.to_string().starts_with("definitions.file \""), "{missing}");

    let config = Config { file: Some(file.folder.path().into()), ..Config::default() };
    let folder = build(&config, &mut BuildContext::new("feature_flag")).expect_err("no file");
    assert!(folder.to_string().contains("it is not a file"), "{folder}");
}

#[test]
fn a_byte_order_mark_is_no_defect() {
    for (name, text) in [("flags.yaml", yaml("one")), ("flags.json", json("one"))] {
        let file = FlagFile::new(name, &format!("\u{feff}{text}"));
        file::load(&file.path).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[tokio::test]
async fn the_relay_proxy_is_asked_with_the_key_and_its_etag() {
    let mut relay = Relay::start([
        with("etag", "\"1-a\"", answer(200, json_answer("one"))),
        answer(304, String::new()),
        with("etag", "\"2-b\"", answer(200, json_answer("two"))),
    ])
    .await;
    let running = relay.poll(Some("hunter2"));
    let first = relay.asked().await;
    assert_eq!(first.method, Method::POST);
    assert_eq!(first.path, "/base/v1/flag/configuration");
    assert_eq!(first.headers["authorization"], "Bearer hunter2");
    assert_eq!(first.headers["user-agent"], concat!("burgee/", env!("CARGO_PKG_VERSION")));
    assert_eq!(first.headers["content-type"], "application/json");
    assert!(first.headers["traceparent"].as_bytes().ends_with(b"-00"), "a trace that nobody keeps");
    assert!(!first.headers.contains_key("if-none-match"));
    assert_eq!(first.body, "{}");
    assert_eq!(running.version(), None, "nothing is known before the first answer");

    assert_eq!(relay.asked().await.headers["if-none-match"], "\"1-a\"");
    assert_eq!(running.version().as_deref(), Some("one"));
    assert_eq!(relay.asked().await.headers["if-none-match"], "\"1-a\"");
    assert_eq!(running.version().as_deref(), Some("one"));
    assert_eq!(relay.asked().await.headers["if-none-match"], "\"2-b\"");
    assert_eq!(running.version().as_deref(), Some("two"));
    let readings = running.readings();
    assert_eq!((readings.changed, readings.unchanged, readings.failed), (2, 1, 0));
    assert!(readings.source.starts_with("http://127.0.0.1:"), "{}", readings.source);
}

#[tokio::test]
async fn whatever_the_relay_proxy_answers_the_last_good_definitions_stay() {
    let bad = [
        (answer(401, "no"), "it refuses the api_key (401"),
        (answer(404, "no"), "v1.45.0 or later"),
        (answer(500, "no"), "it answered 500"),
        (with("location", "http://127.0.0.1:1/", answer(301, String::new())), "it answered 301"),
        (with("etag", "\"9\"", answer(200, "<html>\u{1b}[31m")), "no flag configuration (byte 0)"),
        (answer(200, r#"{"errorCode":"X","errorDetails":"no cache"}"#), "X: no cache"),
        (answer(200, String::new()), "empty"),
        (answer(200, "x".repeat(17 << 20)), "too large"),
    ];
    let (replies, says): (Vec<_>, Vec<_>) = bad.into_iter().unzip();
    let good = with("etag", "\"1\"", answer(200, json_answer("one")));
    let mut relay = Relay::start(std::iter::once(good).chain(replies)).await;
    let running = relay.poll(Some("hunter2"));
    relay.asked().await;
    relay.asked().await;
    for (failed, says) in (1..).zip(says) {
        assert_eq!(
            relay.asked().await.headers["if-none-match"],
            "\"1\"",
            "a broken answer's tag is not kept"
        );
        assert_eq!(running.version().as_deref(), Some("one"));
        let readings = running.readings();
        let (_, why) = readings.failure.expect("it failed");
        assert!(why.contains(says) && !why.contains("hunter2") && !why.contains('\u{1b}'), "{why}");
        assert_eq!(readings.failed, failed);
    }
    assert_eq!(running.facts.count(Kind::DefinitionsBroken), 3);
    assert_eq!(running.facts.count(Kind::DefinitionsUnreachable), 5);
}

#[tokio::test]
async fn a_relay_proxy_that_comes_later_is_no_defect() {
    let listener = Listener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr();
    drop(listener);
    let running = poll(address, None);
    running.until(|running| running.readings().failed > 1).await;
    assert_eq!(running.version(), None);
    assert_eq!(running.readings().flags, None);
    let mut relay = Relay::start_at(&address.to_string(), [answer(200, json_answer("one"))]).await;
    relay.asked().await;
    relay.asked().await;
    assert_eq!(running.version().as_deref(), Some("one"));
    assert_eq!(running.readings().failure, None);
}

/// A file in a folder of its own.
struct FlagFile {
    folder: TempDir,
    path: std::path::PathBuf,
}

impl FlagFile {
    fn new(name: &str, text: &str) -> FlagFile {
        let folder = TempDir::new().expect("a folder");
        let file = FlagFile { path: folder.path().join(name), folder };
        file.write(text);
        file
    }

    /// At once, as editors do.
    fn write(&self, text: &str) {
        let new = self.path.with_extension("new");
        std::fs::write(&new, text).expect("a folder of ours");
        std::fs::rename(&new, &self.path).expect("a folder of ours");
    }

    fn config(&self) -> Config {
        Config { file: Some(self.path.clone()), ..Config::default() }
    }

    fn watch(&self) -> Running {
        watch(&self.path)
    }
}

/// What the background task keeps up to date.
struct Running {
    live: Arc<Live>,
    facts: Arc<Facts>,
    board: Board,
    task: JoinHandle<()>,
}

fn watch(path: &Path) -> Running {
    let first = file::load(path).expect("a good file at first");
    let live = Live { current: ArcSwapOption::from_pointee(first.definitions), metadata: Vec::new() };
    let path = path.to_owned();
    run(live, |keeper| file::watch(path, first.stamp, Duration::from_millis(2), keeper))
}

fn poll(address: SocketAddr, api_key: Option<&str>) -> Running {
    let live = Live { current: ArcSwapOption::empty(), metadata: Vec::new() };
    let relay = RelayProxy {
        endpoint: Endpoint::try_from(format!("http://{address}/base/").as_str()).expect("a URL"),
        api_key: api_key.map(Secret::new),
        poll_interval: Duration::from_millis(1),
        tls: None,
    };
    let pace = relay_proxy::Pace { retry_after: Duration::from_millis(1), ..relay_proxy::Pace::default() };
    run(live, |keeper| relay_proxy::poll(relay, None, pace, keeper))
}

fn run<F: Future<Output = ()> + Send + 'static>(live: Live, work: impl FnOnce(Keeper) -> F) -> Running {
    let (live, facts, board) = (Arc::new(live), Arc::new(Facts::default()), Board::new());
    let cx = TaskContext { facts: Arc::clone(&facts), board: board.clone() };
    let task = tokio::spawn(work(Keeper::new(&live, &"feature_flag".into(), "http://127.0.0.1:", cx)));
    Running { live, facts, board, task }
}

impl Running {
    fn version(&self) -> Option<String> {
        self.live.look(SystemTime::UNIX_EPOCH, |known| {
            Some(known?.definitions.get("flag")?.at(SystemTime::now()).version()?.to_owned())
        })
    }

    fn readings(&self) -> ReadingsState {
        self.board.definitions(&"feature_flag".into()).snapshot()
    }

    /// Waits until something is so.
    async fn until(&self, is_so: impl Fn(&Running) -> bool) {
        let waiting = async {
            let mut looks = tokio::time::interval(Duration::from_millis(1));
            while !is_so(self) {
                looks.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{:?}", self.readings()));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A relay proxy that answers as it is told, and then not any more.
struct Relay {
    address: SocketAddr,
    asked: mpsc::Receiver<Asked>,
    serving: JoinHandle<net::Report>,
}

struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

struct Script {
    replies: Arc<Mutex<VecDeque<Response<String>>>>,
    asked: mpsc::Sender<Asked>,
}

impl Service for Script {
    fn call(&self, request: Request<RequestBody>, _: &Arc<Connection>) -> BoxFuture<'static, Response<Body>> {
        let (replies, sender) = (Arc::clone(&self.replies), self.asked.clone());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.expect("a small body").to_bytes();
            let (method, path) = (head.method, head.uri.path().to_owned());
            sender.send(Asked { method, path, headers: head.headers, body }).await.expect("the test listens");
            let reply = replies.lock().expect("nobody panics with it").pop_front();
            match reply {
                Some(reply) => reply.map(|body| Body::from(Bytes::from(body))),
                None => std::future::pending().await,
            }
        })
    }
}

impl Relay {
    async fn start(replies: impl IntoIterator<Item = Response<String>>) -> Relay {
        Relay::start_at("127.0.0.1:0", replies).await
    }

    async fn start_at(address: &str, replies: impl IntoIterator<Item = Response<String>>) -> Relay {
        let listener = Listener::bind(address).await.expect("a free port");
        let address = listener.local_addr();
        let (asked, receiver) = mpsc::channel(1);
        let script = Script { replies: Arc::new(Mutex::new(replies.into_iter().collect())), asked };
        let (windows, facts) = (Windows::new(u64::MAX), Arc::new(Facts::default()));
        let serving = tokio::spawn(net::serve(
            listener,
            Offer::new(Arc::new(script), Limits::default()),
            windows,
            facts,
            Stop::new(),
        ));
        Relay { address, asked: receiver, serving }
    }

    fn poll(&self, api_key: Option<&str>) -> Running {
        poll(self.address, api_key)
    }

    /// The next question; what came before it has been dealt with.
    async fn asked(&mut self) -> Asked {
        let asked = tokio::time::timeout(PATIENCE, self.asked.recv()).await.expect("it is asked");
        asked.expect("the relay proxy runs")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn answer(status: u16, body: impl Into<String>) -> Response<String> {
    Response::builder().status(status).body(body.into()).expect("a status")
}

/// With a header.
fn with(name: &'static str, value: &'static str, mut answer: Response<String>) -> Response<String> {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

fn yaml(version: &str) -> String {
    format!("flag:\n  variations: {{on: true}}\n  version: {version}\n")
}

fn json(version: &str) -> String {
    format!(r#"{{"flag":{{"variations":{{"on":true}},"version":"{version}"}}}}"#)
}

fn json_answer(version: &str) -> String {
    format!(r#"{{"flags":{}}}"#, json(version))
}

/// For whatever should happen at once.
const PATIENCE: Duration = Duration::from_secs(60);
