//! CPU-seconds per million spans: burgee with enrichment beside a bare tonic passthrough, gRPC in and out, no
//! compression.
//!
//! ```sh
//! cargo bench --bench passthrough              # 50 spans per request
//! cargo bench --bench passthrough -- 512 5     # spans per request, rounds
//! cargo bench --bench passthrough -- watching 50 5   # what it costs to remember, and to be watched
//! ```
//!
//! Both get the same requests in the same minute, in turn (A B B A ...), each in a process of its own; load and sink
//! live in this one. The passthrough decodes nothing and merges by concatenation, up to 2 MiB or 200 ms. Quote the
//! ratio: the machine's speed drifts, the ratio does not.

mod corpus;
mod load;
mod tonic_passthrough;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SPANS_PER_RUN: u64 = 1_500_000;
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 4;

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [role, endpoint] = args.as_slice()
        && role == "tonic-passthrough"
    {
        return tonic_passthrough::run(endpoint).await;
    }
    if let Some(("watching", args)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return watching(args).await;
    }
    let number = |at: usize, default: u64| args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    let (spans, rounds) = (number(0, 50), number(1, 3));

    let sink = load::Sink::start().await;
    let requests = corpus::requests(spans);
    // both merge up to the same size
    let batch = tonic_passthrough::BATCH_BYTES as u64 * spans / requests[0].len() as u64;
    println!("{spans} spans per request, {} bytes per span", requests[0].len() as u64 / spans);
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let mut costs = [0.0; 2];
        for turn in [round % 2, 1 - round % 2] {
            let sut = if turn == 0 { Sut::burgee(&sink, batch, "32MiB") } else { Sut::tonic(&sink) };
            let cost = sut.measure(&sink, &requests, spans).await;
            println!(
                "round {round}: {:<17} {:.3} CPU-s per million spans, peak {} MiB",
                sut.name, cost.cpu, cost.peak
            );
            costs[turn as usize] = cost.cpu;
        }
        ratios.push(costs[0] / costs[1]);
    }
    ratios.sort_by(f64::total_cmp);
    let shown: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    println!("burgee / tonic passthrough: median {:.2} of [{}]", ratios[ratios.len() / 2], shown.join(", "));
}

/// burgee that looks at nothing, that remembers, and that somebody watches: all in turn, as ratios to the first.
async fn watching(args: &[String]) {
    let number = |at: usize, default: u64| args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    let (spans, rounds) = (number(0, 50), number(1, 5));
    let sink = load::Sink::start().await;
    let requests = corpus::requests(spans);
    let batch = tonic_passthrough::BATCH_BYTES as u64 * spans / requests[0].len() as u64;
    const KINDS: [(&str, &str); 4] = [
        ("looks at nothing", "0"),
        ("looks at nothing, again", "0"),
        ("remembers", "32MiB"),
        ("is watched", "32MiB"),
    ];
    let mut ratios = [const { Vec::new() }; KINDS.len()];
    for round in 0..rounds as usize {
        let mut costs = [0.0; KINDS.len()];
        for turn in 0..KINDS.len() {
            let kind = (turn + round) % KINDS.len();
            let (name, remember) = KINDS[kind];
            let sut = Sut::burgee(&sink, batch, remember);
            let watcher = (kind == 3).then(|| tokio::spawn(load::watch(sut.admin.clone())));
            let cost = sut.measure(&sink, &requests, spans).await;
            println!(
                "round {round}: {name:<24} {:.3} CPU-s per million spans, peak {} MiB",
                cost.cpu, cost.peak
            );
            costs[kind] = cost.cpu;
            if let Some(watcher) = watcher {
                watcher.abort();
            }
        }
        (0..KINDS.len()).for_each(|kind| ratios[kind].push(costs[kind] / costs[0]));
    }
    for ((name, _), ratios) in KINDS.iter().zip(&mut ratios).skip(1) {
        ratios.sort_by(f64::total_cmp);
        let shown: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.3}")).collect();
        println!(
            "{name} / looks at nothing: median {:.3} of [{}]",
            ratios[ratios.len() / 2],
            shown.join(", ")
        );
    }
}

/// A collector in a process of its own. Killed when dropped.
struct Sut {
    name: &'static str,
    process: Child,
    address: String,
    /// Where burgee's page is.
    admin: String,
    _config: Option<tempfile::NamedTempFile>,
}

struct Cost {
    cpu: f64,
    /// MiB.
    peak: u64,
}

impl Sut {
    fn burgee(sink: &load::Sink, batch: u64, remember: &str) -> Sut {
        let text = format!(
            "receivers:\n  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}\n\
             processors:\n  feature_flag: {{}}\n  batch: {{timeout: 200ms, send_batch_size: {batch}}}\n\
             exporters:\n  otlp_grpc: {{endpoint: 'http://{}', compression: none}}\n\
             extensions:\n  admin: {{endpoint: '127.0.0.1:0', remember: {remember}}}\n\
             service:\n  extensions: [admin]\n  pipelines:\n    \
             traces: {{receivers: [otlp], processors: [feature_flag, batch], exporters: [otlp_grpc]}}\n",
            sink.address
        );
        let config = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file");
        std::fs::write(config.path(), text).expect("written");
        let process = Command::new(env!("CARGO_BIN_EXE_burgee"))
            .args(["run", "--config"])
            .arg(config.path())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .env("NO_COLOR", "1")
            .spawn()
            .expect("burgee starts");
        Sut::wait("burgee", process, Some(config), &["OTLP/", "admin"])
    }

    fn tonic(sink: &load::Sink) -> Sut {
        let process = Command::new(std::env::current_exe().expect("a path"))
            .args(["tonic-passthrough", &format!("http://{}", sink.address)])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the passthrough starts");
        Sut::wait("tonic passthrough", process, None, &["OTLP/"])
    }

    /// Reads lines until they say where it listens for each of these.
    fn wait(
        name: &'static str,
        mut process: Child,
        config: Option<tempfile::NamedTempFile>,
        words: &[&str],
    ) -> Sut {
        let mut lines = BufReader::new(process.stderr.take().expect("piped")).lines();
        let mut seen = String::new();
        let mut addresses = Vec::new();
        while addresses.len() < words.len() {
            let line = lines.next().unwrap_or_else(|| panic!("{name} ended: {seen}")).expect("text");
            seen += &line;
            seen += "\n";
            let found = line
                .split_once("listening on ")
                .map(|(_, rest)| rest)
                .filter(|_| line.contains(words[addresses.len()]));
            if let Some(rest) = found {
                addresses.push(rest.split([' ', '(']).next().expect("split has a first part").to_owned());
            }
        }
        addresses.reverse();
        let (address, admin) = (addresses.pop().unwrap_or_default(), addresses.pop().unwrap_or_default());
        std::thread::spawn(move || lines.for_each(drop));
        Sut { name, process, address, admin, _config: config }
    }

    async fn measure(&self, sink: &load::Sink, requests: &[bytes::Bytes], spans: u64) -> Cost {
        let warm_up = SPANS_PER_RUN / 10 / spans;
        load::send(&self.address, requests, warm_up, CONNECTIONS, IN_FLIGHT).await;
        sink.wait_for(warm_up * spans).await;
        let before = self.cpu_seconds();
        let count = SPANS_PER_RUN / spans;
        load::send(&self.address, requests, count, CONNECTIONS, IN_FLIGHT).await;
        sink.wait_for(count * spans).await;
        let cpu = (self.cpu_seconds() - before) / (count * spans) as f64 * 1e6;
        Cost { cpu, peak: self.peak_mib() }
    }

    /// User and system time so far, all threads (`proc_pid_stat`, fields 14 and 15; 100 ticks are a second).
    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("it runs");
        let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
        ticks as f64 / 100.0
    }

    fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux says so");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    }
}

impl Drop for Sut {
    fn drop(&mut self) {
        // it was measured; how it ends does not matter here
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How long the last batches may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
