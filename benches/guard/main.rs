//! Instruction counts of the work on bytes, so that what makes it dearer fails without a clock.
//!
//! ```sh
//! cargo bench --profile guard --bench guard              # compares with instructions.txt
//! cargo bench --profile guard --bench guard -- update    # writes instructions.txt
//! ```
//!
//! Runs itself under valgrind's callgrind, each case with two numbers of repetitions: their difference has no start and
//! no end of the program in it. The counts are those of the pinned Rust and of this profile; a processor with other
//! vector instructions may change a few per cent of them. Needs valgrind, and says so where it is missing.

#[path = "../compare/corpus.rs"]
#[allow(dead_code, reason = "one of its workloads is enough here")]
mod corpus;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use burgee::component::{BuildContext, Cx, Origin, Processor};
use burgee::otlp::{self, Edits, Payload, Signal};
use burgee::processors::feature_flag;
use bytes::Bytes;

/// What is counted, for each span of the workload `mixed-512`.
const CASES: [(&str, Case); 4] = [("check", check), ("edit", edit), ("batch", batch), ("json", json)];

/// Does it so many times.
type Case = fn(u64);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [word, name, times] if word == "run" => {
            let case = CASES.iter().find(|(case, _)| case == name).expect("a case").1;
            case(times.parse().expect("a number"));
            ExitCode::SUCCESS
        }
        [] => compare(),
        [word] if word == "update" => update(),
        _ => {
            eprintln!("guard: update, or nothing");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> ExitCode {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("guard: SKIPPED. valgrind is not installed (Debian: apt-get install valgrind).");
        println!("0 passed, 0 failed, {} skipped", CASES.len());
        return ExitCode::SUCCESS;
    }
    let text = std::fs::read_to_string(file()).expect("instructions.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeMap<&str, f64> = lines
        .filter_map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some((name, count.trim().parse().ok()?))
        })
        .collect();
    let (mut passed, mut failed) = (0, 0);
    for (name, _) in CASES {
        let counted = count(name);
        let before = known.get(name).copied().expect("every case has a count");
        let ratio = counted / before;
        let verdict = match ratio {
            dearer if dearer > 1.0 + TOLERANCE => "FAIL, it has become dearer",
            cheaper if cheaper < 1.0 - TOLERANCE => "ok, and cheaper: write that down with `update`",
            _ => "ok",
        };
        if verdict.starts_with("ok") {
            passed += 1
        } else {
            failed += 1
        }
        println!("{name:<6} {counted:>8.1} instructions per span, {ratio:.3} of {before}: {verdict}");
    }
    println!("{passed} passed, {failed} failed, 0 skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn update() -> ExitCode {
    let mut text =
        "# Instructions per span. `cargo bench --profile guard --bench guard -- update` writes this.\n"
            .to_owned();
    for (name, _) in CASES {
        text += &format!("{name} {:.1}\n", count(name));
    }
    print!("{text}");
    std::fs::write(file(), text).expect("written");
    ExitCode::SUCCESS
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/guard/instructions.txt")
}

/// Instructions for each span.
fn count(name: &str) -> f64 {
    let [few, many] = [FEW, MANY].map(|times| instructions(name, times));
    (many - few) as f64 / ((MANY - FEW) * SPANS) as f64
}

fn instructions(name: &str, times: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("a path"))
        .args(["run", name, &times.to_string()])
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    count.unwrap_or_else(|| panic!("valgrind: {said}"))
}

fn request() -> Bytes {
    corpus::Workload::named("mixed-512").expect("it is there").requests()[0].body.clone()
}

fn checked() -> Payload {
    otlp::check(Signal::Traces, request(), &feature_flag::watchlist()).expect("well formed").payload
}

fn check(times: u64) {
    let (request, watchlist) = (request(), feature_flag::watchlist());
    for _ in 0..times {
        black_box(otlp::check(Signal::Traces, request.clone(), &watchlist).expect("well formed"));
    }
}

fn edit(times: u64) {
    let processor =
        feature_flag::build(&feature_flag::Config::default(), &mut BuildContext::new("feature_flag"))
            .expect("the default options");
    let (payload, mut edits) = (checked(), Edits::default());
    let origin = Arc::new(Origin::local("guard".into()));
    for _ in 0..times {
        black_box(processor.process(payload.clone(), &mut Cx::new(&mut edits, &origin)));
    }
}

fn batch(times: u64) {
    let payload = checked();
    for _ in 0..times {
        let pieces = otlp::split(&payload, 64 << 10);
        black_box(pieces.windows(2).all(|pair| otlp::mergeable(&pair[0], &pair[1])));
    }
}

fn json(times: u64) {
    let workload = corpus::Workload::named("mixed-512").expect("it is there");
    let body = serde_json::to_vec(&workload.requests()[0].message).expect("OTLP has a form in JSON");
    for _ in 0..times {
        let read = otlp::json::read(Signal::Traces, &body, usize::MAX, |_| Ok::<(), ()>(()));
        black_box(read.is_ok());
    }
}

const SPANS: u64 = 512;
const FEW: u64 = 4;
const MANY: u64 = 24;
const TOLERANCE: f64 = 0.06;
