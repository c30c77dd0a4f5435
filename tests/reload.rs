//! Reloads under load: nothing that was acknowledged is lost, nothing is sent twice, connections stay.

#[expect(dead_code, reason = "the tests of bad input need more of it")]
#[path = "support/sender.rs"]
mod sender;
#[expect(dead_code, reason = "other tests count answers")]
#[path = "support/sink.rs"]
mod sink;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burgee::collector::{Collector, Reloaded};
use burgee::config::{Report, Source};
use burgee::observe::board::BoardState;
use burgee::observe::ledger::DropReason;
use burgee::registry::Plan;
use sender::{Answer, GRPC, HTTP, Http2, framed, request};
use sink::Sink;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

fn read(text: &str) -> Result<Plan, Report> {
    Plan::read(&[Source::new("test.yaml", text)], &|_| None)
}

fn plan(text: &str) -> Plan {
    read(text).unwrap_or_else(|report| panic!("{report}"))
}

/// A configuration by what may differ in it.
#[derive(Clone, Default)]
struct Config {
    /// Where `otlp_grpc/first` sends to, `otlp_grpc/second` and so on.
    sinks: Vec<SocketAddr>,
    /// Of each exporter.
    keys: &'static str,
    processors: &'static str,
    more_receivers: &'static str,
}

impl Config {
    fn text(&self) -> String {
        let ids: Vec<String> = (0..self.sinks.len()).map(|number| format!("otlp_grpc/{number}")).collect();
        let exporters = ids.iter().zip(&self.sinks).map(|(id, sink)| {
            format!("  {id}: {{endpoint: \"http://{sink}\", compression: none{}}}\n", self.keys)
        });
        let receivers = if self.more_receivers.is_empty() { "otlp" } else { "otlp, otlp/more" };
        format!(
            "receivers:
  otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:0\"}}}}}}
{}
processors: {{feature_flag: , batch: {{timeout: 10ms}}}}
extensions: {{admin: {{endpoint: \"127.0.0.1:0\"}}}}
exporters:
{}service:
  extensions: [admin]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [{receivers}], processors: [{}], exporters: [{}]}}",
            self.more_receivers,
            exporters.collect::<String>(),
            self.processors,
            ids.join(", "),
        )
    }
}

async fn sink() -> (Sink, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (Sink::serve(listener, usize::MAX >> 4), address)
}

/// A port on which nobody answers, for as long as it is held.
fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let address = socket.local_addr().expect("bound");
    (socket, address)
}

/// Senders on one connection each, which must live to the end.
struct Load {
    acknowledged: Arc<Mutex<Vec<u32>>>,
    progress: Arc<Notify>,
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(address: SocketAddr) -> Load {
        let (acknowledged, progress) = (Arc::default(), Arc::default());
        let (stop, numbers) = (Arc::default(), Arc::new(AtomicU32::new(1)));
        let mut load = Load { acknowledged, progress, stop, senders: Vec::new() };
        for over_grpc in [true, true, false, false] {
            let (acknowledged, progress) = (load.acknowledged.clone(), load.progress.clone());
            let (stop, numbers) = (load.stop.clone(), Arc::clone(&numbers));
            load.senders.push(tokio::spawn(async move {
                let connection = Http2::connect(address).await;
                while !stop.load(Ordering::Relaxed) {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    while !is_accepted(&send(&connection, over_grpc, number).await) {}
                    acknowledged.lock().expect("no panic while it is held").push(number);
                    progress.notify_one();
                }
            }));
        }
        load
    }

    /// Ends it, and gives the numbers that were acknowledged.
    async fn end(self) -> Vec<u32> {
        self.stop.store(true, Ordering::Relaxed);
        for sender in self.senders {
            sender.await.expect("its connection lived and no request failed for good");
        }
        let mut numbers = self.acknowledged.lock().expect("all have ended").clone();
        numbers.sort_unstable();
        numbers
    }
}

async fn send(connection: &Http2, over_grpc: bool, number: u32) -> Answer {
    let body = request(number, 1);
    match over_grpc {
        true => {
            let headers = [("content-type", "application/grpc"), ("te", "trailers")];
            connection.send(GRPC, &headers, &[framed(0, &body)]).await
        }
        false => connection.send(HTTP, &[("content-type", "application/x-protobuf")], &[body]).await,
    }
}

/// Whether a request was taken. What was not has to be worth another try.
fn is_accepted(answer: &Answer) -> bool {
    match (answer.status, answer.grpc_status()) {
        (200, None | Some(0)) => true,
        (503, None) | (200, Some(14)) => false,
        _ => panic!("not worth a retry: {answer:?}"),
    }
}

/// The numbers that arrived at a sink, sorted.
fn arrived(sink: &Sink) -> Vec<u32> {
    let number = |id: Vec<u8>| u32::from_be_bytes(id[..4].try_into().expect("four of sixteen bytes"));
    sink.trace_ids().into_iter().map(number).collect()
}

/// Every equation of the ledger, and put = Σ out.
fn assert_balanced(state: &BoardState) {
    assert!(state.doors.iter().all(|door| door.ledger.balanced()), "{:?}", state.doors);
    assert!(state.pipelines.iter().all(|pipeline| pipeline.ledger.balanced()), "{:?}", state.pipelines);
    assert!(state.outboxes.iter().all(|outbox| outbox.ledger.balanced()), "{:?}", state.outboxes);
    let out: u64 = state.pipelines.iter().map(|pipeline| pipeline.ledger.out).sum();
    let put = state.outboxes.iter().find(|outbox| &*outbox.exporter == "otlp_grpc/0").map(|of| of.ledger.put);
    assert_eq!(put, Some(out), "the first exporter was in every configuration");
}

const WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_reloads_under_load_lose_and_repeat_nothing_that_was_acknowledged() {
    let ((first, first_at), (second, second_at)) = (sink().await, sink().await);
    let base = Config { sinks: vec![first_at], ..Config::default() };
    let mut collector = Collector::start(plan(&base.text())).await.expect("free ports");
    let address = collector.local_addrs().next().expect("one port");
    let load = Load::start(address);
    let more = "  otlp/more: {protocols: {http: {endpoint: \"127.0.0.1:0\"}}}";
    let (mut changed, mut refused) = (0, 0);
    for turn in 0..200 {
        let config = match turn % 8 {
            0 => Config { sinks: vec![first_at, second_at], ..base.clone() },
            1 => Config { processors: "feature_flag, batch", ..base.clone() },
            2 => Config { more_receivers: more, ..base.clone() },
            3 => Config { keys: ", sending_queue: {num_consumers: 3}", ..base.clone() },
            4 => Config { processors: "batch", sinks: vec![first_at, second_at], ..base.clone() },
            _ => base.clone(),
        };
        let mut text = config.text();
        match turn % 8 {
            5 => text.truncate(text.len() / 2),
            6 => text = text.replace("otlp: {protocols", "otlp: {protocol"),
            _ => {}
        }
        let before = collector.board().snapshot().config.fingerprint;
        match read(&text) {
            Ok(plan) => match collector.reload(plan, WITHIN).await.expect("free ports") {
                Reloaded::Changed(change) => {
                    assert_eq!(change.ports_kept, 2, "the port of the load and that of the admin service");
                    changed += 1;
                }
                Reloaded::Unchanged => {}
            },
            Err(_) => {
                assert_eq!(collector.board().snapshot().config.fingerprint, before);
                refused += 1;
            }
        }
        let progress = tokio::time::timeout(WITHIN * 2, load.progress.notified());
        progress.await.expect("requests are taken after every reload");
    }
    assert!(changed >= 125 && refused >= 25, "{changed} changed, {refused} refused");
    assert_eq!(collector.local_addrs().next(), Some(address));
    let acknowledged = load.end().await;
    let board = collector.board().clone();
    collector.stop(WITHIN).await;
    let state = board.snapshot();
    assert_balanced(&state);
    assert_eq!(arrived(&first), acknowledged, "each exactly once");
    let second = arrived(&second);
    let of_second =
        state.outboxes.iter().find(|outbox| &*outbox.exporter == "otlp_grpc/1").expect("it was there");
    assert!(second.iter().all(|number| acknowledged.binary_search(number).is_ok()), "nothing is made up");
    assert_eq!((of_second.ledger.put, of_second.ledger.dropped.sum()), (second.len() as u64, 0));
    let mut unique = second.clone();
    unique.dedup();
    assert_eq!(unique.len(), second.len(), "nothing was sent twice");
}

#[tokio::test]
async fn a_port_that_is_taken_changes_nothing_and_says_where_it_is_wanted() {
    let (first, first_at) = sink().await;
    let base = Config { sinks: vec![first_at], ..Config::default() };
    let mut collector = Collector::start(plan(&base.text())).await.expect("free ports");
    let before = (collector.listening().to_vec(), collector.board().snapshot().config);
    let holder = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let taken = holder.local_addr().expect("bound").to_string();
    let more = "  otlp/more: {protocols: {http: {endpoint: \"TAKEN\"}}}";
    let text = Config { more_receivers: more, keys: ", timeout: 1s", ..base.clone() }.text();
    let error =
        collector.reload(plan(&text.replace("TAKEN", &taken)), WITHIN).await.expect_err("it is taken");
    assert!(error.is_port_in_use(), "{error}");
    assert!(error.to_string().starts_with("receivers.otlp/more: cannot listen on"), "{error}");
    assert_eq!((collector.listening().to_vec(), collector.board().snapshot().config), before);
    let connection = Http2::connect(collector.local_addrs().next().expect("one port")).await;
    assert!(is_accepted(&send(&connection, true, 1).await));
    collector.stop(WITHIN).await;
    assert_eq!(arrived(&first), [1]);
}

#[tokio::test]
async fn a_configuration_that_says_the_same_touches_nothing() {
    let (_sink, at) = sink().await;
    let text = Config { sinks: vec![at], ..Config::default() }.text();
    let mut collector = Collector::start(plan(&text)).await.expect("free ports");
    let since = collector.board().snapshot().config.since;
    let same =
        collector.reload(plan(&format!("# a comment\n{text}\n")), WITHIN).await.expect("nothing to open");
    assert_eq!(same, Reloaded::Unchanged);
    assert_eq!(collector.board().snapshot().config.since, since);
}

#[tokio::test]
async fn what_did_not_change_goes_on_and_a_port_that_is_not_wanted_closes() {
    let ((_first, first_at), (_second, second_at)) = (sink().await, sink().await);
    let more = "  otlp/more: {protocols: {http: {endpoint: \"127.0.0.1:0\"}}}";
    let base = Config { sinks: vec![first_at], processors: "feature_flag", ..Config::default() };
    let both = Config { more_receivers: more, sinks: vec![first_at, second_at], ..base.clone() };
    let mut collector = Collector::start(plan(&both.text())).await.expect("free ports");
    let ports: Vec<_> = collector.local_addrs().collect();
    let more = Http2::connect(ports[1]).await;
    assert!(is_accepted(&send(&more, false, 1).await));
    let Reloaded::Changed(change) =
        collector.reload(plan(&base.text()), WITHIN).await.expect("nothing to open")
    else {
        panic!("it did change")
    };
    assert_eq!((change.ports_kept, change.ports_opened, change.ports_closed), (2, 0, 1));
    assert_eq!((change.exporters, change.exporters_kept, change.processors_kept), (1, 1, 1));
    assert_eq!(collector.local_addrs().collect::<Vec<_>>(), ports[..1]);
    // GOAWAY, then the end
    while more.requests.clone().ready().await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(tokio::net::TcpStream::connect(ports[1]).await.is_err(), "the port is closed");
    assert_eq!(collector.board().snapshot().listeners.len(), 2);
}

#[tokio::test]
async fn an_exporter_that_is_down_and_taken_out_gives_up_at_the_deadline_and_says_how_much() {
    let (first, first_at) = sink().await;
    let (_held, down_at) = nobody();
    let base = Config { sinks: vec![first_at], ..Config::default() };
    let both = Config { sinks: vec![first_at, down_at], ..base.clone() };
    let mut collector = Collector::start(plan(&both.text())).await.expect("free ports");
    let connection = Http2::connect(collector.local_addrs().next().expect("one port")).await;
    assert!(is_accepted(&send(&connection, true, 1).await));
    collector.reload(plan(&base.text()), Duration::from_millis(300)).await.expect("nothing to open");
    assert!(is_accepted(&send(&connection, true, 2).await), "the connection is the same");
    let board = collector.board().clone();
    let dropped = async {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        loop {
            let outboxes = board.snapshot().outboxes;
            let down: BTreeMap<_, _> =
                outboxes.iter().map(|outbox| (outbox.exporter.to_string(), outbox.ledger.dropped)).collect();
            if down["otlp_grpc/1"].get(DropReason::ExporterRemoved) == 1 {
                break;
            }
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), dropped).await.expect("the deadline comes");
    collector.stop(WITHIN).await;
    assert_eq!(arrived(&first), [1, 2]);
    assert_balanced(&board.snapshot());
}
