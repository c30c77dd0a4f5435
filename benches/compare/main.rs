//! burgee beside other collectors, and beside itself: processor time per span, memory, latency, start.
//!
//! ```sh
//! cargo bench --bench compare                        # burgee, burgee again, a bare tonic passthrough
//! cargo bench --bench compare -- --row mixed-512/http --peer burgee --peer rotel --rounds 5
//! cargo bench --bench compare -- all --out table.md  # everything, with every peer that can be installed
//! cargo bench --bench compare -- watching            # what it costs to remember, and to be watched
//! BURGEE_AGAIN=old/burgee cargo bench --bench compare  # two builds of burgee
//! ```
//!
//! README.md says what is measured and how. Quote ratios: the machine's speed drifts, a ratio within a round does not.

mod corpus;
mod gate;
mod generator;
mod measure;
mod passthrough;
mod peers;
mod process;
mod report;
mod sink;
mod watching;

use std::time::Duration;

use clap::{Parser, Subcommand};

use corpus::Workload;
use measure::Plan;
use peers::{Job, Peer, Programs};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// A workload, and after a slash how it is sent: grpc (without a word), grpc-gzip, http, http-gzip, direct.
    #[arg(long = "row", global = true)]
    rows: Vec<String>,
    /// burgee, again, passthrough, engine-direct, engine-batch, engine-attributes, rotel, collector.
    #[arg(long = "peer", global = true)]
    peers: Vec<String>,
    #[arg(long, global = true)]
    rounds: Option<usize>,
    /// Of a block, after a quarter of it to warm up.
    #[arg(long, global = true, default_value_t = 4.0)]
    seconds: f64,
    /// Writes the tables to this file, too.
    #[arg(long, global = true)]
    out: Option<std::path::PathBuf>,
    /// cargo says so.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum What {
    /// Every row, latency, memory and start, with all peers.
    All,
    /// What it costs to remember what was seen, and that somebody watches.
    Watching,
    /// Latency at fixed rates.
    Latency,
    /// Start, idle memory, size.
    Standing,
    /// Memory and processor at fixed rates.
    Rate,
    /// Twice and ten times what the downstream takes, for a minute.
    Overload,
    /// Drives a collector that was started by hand, for profilers: sends to ADDRESS, receives at DOWNSTREAM.
    Drive { address: String, downstream: String },
    #[command(hide = true)]
    Passthrough { listen: String, downstream: String, compression: String },
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match arguments.what {
        Some(What::Passthrough { listen, downstream, compression }) => {
            runtime.block_on(passthrough::run(&listen, &downstream, compression == "gzip"));
        }
        _ => runtime.block_on(run(&arguments)),
    }
}

async fn run(arguments: &Arguments) {
    let is_all = matches!(arguments.what, Some(What::All));
    let peers = match arguments.peers.as_slice() {
        [] if is_all => Peer::ALL.to_vec(),
        [] => vec![Peer::Burgee, Peer::BurgeeAgain, Peer::Passthrough],
        words => words.iter().map(|word| peer(word)).collect(),
    };
    let programs = Programs::of(&peers);
    let lasting = Duration::from_secs_f64(arguments.seconds);
    let plan = Plan { rounds: arguments.rounds.unwrap_or(3), lasting, connections: 4, in_flight: 4 };
    let rows: Vec<(&Workload, Job)> = match arguments.rows.as_slice() {
        [] if is_all => ALL_ROWS.iter().map(|row| parse_row(row)).collect(),
        [] => vec![parse_row("mixed-50")],
        rows => rows.iter().map(|row| parse_row(row)).collect(),
    };
    let mut tables = Tables { out: arguments.out.as_deref(), text: String::new() };
    // one of each is enough where nothing is timed against itself
    let others: Vec<Peer> = peers.iter().copied().filter(|peer| *peer != Peer::BurgeeAgain).collect();
    if matches!(arguments.what, None | Some(What::All)) {
        for (workload, job) in rows {
            tables.add(&measure::row(workload, job, &peers, &programs, plan).await.markdown());
        }
    }
    match &arguments.what {
        Some(What::Drive { address, downstream }) => {
            let row = arguments.rows.first().map_or("mixed-50", String::as_str);
            return measure::drive(parse_row(row), address, downstream, plan).await;
        }
        Some(What::Watching) => tables.add(&watching::table(&programs, plan).await),
        _ if is_all => tables.add(&watching::table(&programs, plan).await),
        _ => {}
    }
    if is_all || matches!(arguments.what, Some(What::Latency)) {
        for rate in [20_000.0, 100_000.0] {
            tables.add(&measure::latency(&others, &programs, rate, plan).await);
        }
    }
    if is_all || matches!(arguments.what, Some(What::Rate)) {
        let plan = Plan { lasting: lasting.max(Duration::from_secs(10)), ..plan };
        for rate in [10_000.0, 100_000.0] {
            tables.add(&measure::at_fixed_rate(&others, &programs, rate, plan).await);
        }
    }
    if is_all || matches!(arguments.what, Some(What::Overload)) {
        let peers: Vec<Peer> = others.iter().copied().filter(|peer| *peer != Peer::Passthrough).collect();
        tables.add(&measure::overload(&peers, &programs, Duration::from_secs(60)).await);
    }
    if is_all || matches!(arguments.what, Some(What::Standing)) {
        tables.add(&measure::standing(&others, &programs, 21).await);
    }
}

struct Tables<'a> {
    out: Option<&'a std::path::Path>,
    text: String,
}

impl Tables<'_> {
    /// Each is shown, and written, as soon as it is there.
    fn add(&mut self, table: &str) {
        println!("{table}");
        self.text += table;
        self.text.push('\n');
        if let Some(out) = self.out {
            std::fs::write(out, &self.text).expect("the file can be written");
        }
    }
}

fn peer(word: &str) -> Peer {
    let found = Peer::ALL.into_iter().find(|peer| peer.word() == word);
    found.unwrap_or_else(|| panic!("there is no peer {word}; --help names them"))
}

fn parse_row(row: &str) -> (&'static Workload, Job) {
    let (name, job) = row.split_once('/').unwrap_or((row, "grpc"));
    let workload = Workload::named(name).unwrap_or_else(|| panic!("there is no workload {name}"));
    let job = match job {
        "grpc" => Job::Grpc,
        "grpc-gzip" => Job::GrpcGzip,
        "http" => Job::Http,
        "http-gzip" => Job::HttpGzip,
        "direct" => Job::Direct,
        other => panic!("there is no way {other} to send; --help names them"),
    };
    (workload, job)
}

/// OTLP/JSON is HTTP.
const ALL_ROWS: [&str; 17] = [
    "mixed-50",
    "mixed-512",
    "mixed-1",
    "mixed-50/grpc-gzip",
    "mixed-50/http",
    "mixed-50/http-gzip",
    "W1-gateway",
    "W1-gateway/http",
    "W1-gateway/grpc-gzip",
    "W2-relay",
    "W3-exporter",
    "W4-js-hook",
    "W5-tiny",
    "W6-fat",
    "W7-none",
    "W8-hostile",
    "W9-json/http",
];
