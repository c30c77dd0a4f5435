//! `burgee send`: a test trace with a flag evaluation, or what a file holds, over OTLP.

mod changes;
mod replay;
mod trial;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use self::changes::Changes;
use self::replay::{Found, Requests};
use super::signals::Signals;
use super::{Failure, printed};
use crate::collector::counted;
use crate::component::{Authenticators, Batch, Exporter};
use crate::config::escape;
use crate::exporters::{Compression, Problem, otlp_grpc, otlp_http};
use crate::otlp::answer::Answer;
use crate::otlp::{self, Payload, Signal, Watchlist};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where OTLP is received; http://localhost:4318, or for grpc http://localhost:4317.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value = "http")]
    protocol: Protocol,
    #[command(flatten)]
    trial: trial::Content,
    /// Send what this file holds instead; - is the standard input.
    ///
    /// A request in OTLP/JSON or protobuf, or many of them as the exporter `file` writes them: lines of JSON, or
    /// protobuf, each after its length. What a request holds, traces, metrics or logs, shows by itself.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["flag", "variant", "reason", "service", "count"])]
    replay: Option<PathBuf>,
    /// Of a replay: other trace and span ids, the same for the same.
    #[arg(long, requires = "replay")]
    fresh_ids: bool,
    /// Of a replay: shift all times so that the newest is now. The file is read twice.
    #[arg(long, requires = "replay")]
    now: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Protocol {
    Http,
    Grpc,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut receiver = Receiver::new(&args)?;
    let mut signals = Signals::listen()?;
    let sent = async {
        match &args.replay {
            Some(path) => replay(path, &args, &mut receiver).await,
            None => trial(&args.trial, &mut receiver).await,
        }
    };
    tokio::select! {
        () = signals.next() => Err(Failure::new("interrupted")),
        sent = sent => sent,
    }
}

async fn trial(args: &trial::Content, receiver: &mut Receiver) -> Result<(), Failure> {
    let mut last = String::new();
    for _ in 0..args.count {
        let trial = trial::build(args, SystemTime::now());
        let checked = otlp::check(Signal::Traces, trial.request.into(), &Watchlist::default());
        let payload = checked.expect("what was built just now is OTLP").payload;
        receiver.deliver("the trace", payload).await;
        if receiver.failures > 0 {
            return receiver.verdict();
        }
        printed(writeln!(anstream::stdout(), "{}", trial.trace_id))?;
        last = trial.trace_id;
    }
    anstream::eprintln!(
        "burgee send: {} took it; `burgee trace {last}` shows what became of it",
        receiver.to
    );
    receiver.verdict()
}

async fn replay(path: &Path, args: &Args, receiver: &mut Receiver) -> Result<(), Failure> {
    let changes = Changes::new(args.fresh_ids, if args.now { Some(newest(path)?) } else { None });
    let mut requests = Requests::open(path)?;
    while let Some((place, found)) = requests.next() {
        let changed = found.and_then(|found| changes.apply(found));
        match changed {
            Ok(Found { payload, flawed }) => {
                if flawed > 0 {
                    let items = counted(flawed, payload.signal().items());
                    receiver.complain(flawed, &place, &format!("{items} have invalid ids and were not sent"));
                }
                if !payload.is_empty() {
                    receiver.deliver(&place, payload).await;
                }
            }
            Err(why) => receiver.complain(0, &place, &why),
        }
        if receiver.is_gone {
            break;
        }
    }
    anstream::eprintln!("burgee send: {}", receiver.summary());
    receiver.verdict()
}

/// The newest time of the file.
fn newest(path: &Path) -> Result<u64, Failure> {
    if replay::is_standard_input(path) {
        return Err(Failure::new(
            "--now reads the file twice, which the standard input cannot; write it to a file",
        ));
    }
    let mut requests = Requests::open(path)?;
    let mut newest = 0;
    while let Some((_, found)) = requests.next() {
        // what cannot be read is told when it is sent
        newest = newest.max(found.ok().map_or(0, |found| changes::newest(&found.payload)));
    }
    Ok(newest)
}

/// Who is sent to, and how it went.
struct Receiver {
    exporter: Arc<dyn Exporter>,
    /// Fit to be shown.
    to: String,
    /// What is odd about where it is; told if it fails.
    odd: Vec<Problem>,
    requests: u64,
    taken: [u64; Signal::ALL.len()],
    /// Items that were not taken.
    lost: u64,
    /// Requests that were not taken, or not as a whole.
    failures: u64,
    /// It has not answered: there is no sense in going on.
    is_gone: bool,
}

impl Receiver {
    fn new(args: &Args) -> Result<Receiver, Failure> {
        let port = if args.protocol == Protocol::Http { 4318 } else { 4317 };
        let to = args.to.clone().unwrap_or_else(|| format!("http://localhost:{port}"));
        let endpoint = if to.contains("://") { to } else { format!("http://{to}") };
        let to = escape(&endpoint).trim_end_matches('/').to_owned();
        let compression = Compression::None;
        let nobody = Authenticators::default();
        let built = match args.protocol {
            Protocol::Http => {
                otlp_http::build(&otlp_http::Config { endpoint, compression, ..Default::default() }, &nobody)
            }
            Protocol::Grpc => {
                otlp_grpc::build(&otlp_grpc::Config { endpoint, compression, ..Default::default() }, &nobody)
            }
        };
        let built = built.map_err(|problems| {
            let said: Vec<String> = problems.iter().map(say).collect();
            Failure::new(said.join("\n"))
        })?;
        Ok(Receiver {
            exporter: built.exporter,
            to,
            odd: built.warnings,
            requests: 0,
            taken: Default::default(),
            lost: 0,
            failures: 0,
            is_gone: false,
        })
    }

    /// Sends it, again if it is told when, and says what went wrong.
    async fn deliver(&mut self, place: &str, payload: Payload) {
        let signal = payload.signal();
        let items = payload.len();
        let batch = Batch::new(signal, vec![payload]);
        let mut tries = 1;
        let answer = loop {
            match self.exporter.export(&batch).await {
                Answer::RetryLater { after: Some(after), .. } if tries < TRIES_MAX => {
                    tokio::time::sleep(after.clamp(PAUSE_MIN, PAUSE_MAX)).await;
                    tries += 1;
                }
                answer => break answer,
            }
        };
        self.requests += 1;
        let lost = match &answer {
            Answer::Accepted => 0,
            Answer::Partly { rejected, .. } => (*rejected).min(items),
            _ => items,
        };
        self.taken[signal as usize] += items - lost;
        self.is_gone |= matches!(answer, Answer::RetryLater { after: None, .. });
        let said = answer.message();
        match (lost, said) {
            (0, "") => {}
            (0, said) => anstream::eprintln!("burgee send: {place}: taken, with a warning: {}", escape(said)),
            (lost, said) => {
                let items = counted(lost, signal.items());
                self.complain(lost, place, &format!("{items} not taken: {said}"));
            }
        }
    }

    fn complain(&mut self, lost: u64, place: &str, why: &str) {
        self.lost += lost;
        self.failures += 1;
        match self.failures {
            0..=COMPLAINTS_MAX => anstream::eprintln!("burgee send: {}: {}", escape(place), escape(why)),
            COMPLAINTS_SILENT => anstream::eprintln!("burgee send: what else goes wrong is only counted"),
            _ => {}
        }
    }

    fn summary(&self) -> String {
        let taken: Vec<String> = Signal::ALL
            .into_iter()
            .filter(|signal| self.taken[*signal as usize] > 0)
            .map(|signal| counted(self.taken[signal as usize], signal.items()))
            .collect();
        let taken = if taken.is_empty() { "nothing".to_owned() } else { taken.join(", ") };
        format!("{} took {taken} in {}", self.to, counted(self.requests, "requests"))
    }

    fn verdict(&self) -> Result<(), Failure> {
        if self.failures == 0 {
            return Ok(());
        }
        let mut message = match self.lost {
            0 => format!("{} could not be read", counted(self.failures, "requests")),
            lost => format!("{} not taken", counted(lost, "items")),
        };
        for odd in &self.odd {
            message += &format!("; {}", say(odd));
        }
        if self.is_gone {
            message += &format!("; does somebody receive OTLP on {}? `burgee` does", self.to);
        }
        Err(Failure::new(message))
    }
}

fn say(problem: &Problem) -> String {
    let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    escape(&format!("--to {}{help}", problem.message)).into_owned()
}

const TRIES_MAX: u32 = 10;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
const COMPLAINTS_MAX: u64 = 20;
const COMPLAINTS_SILENT: u64 = COMPLAINTS_MAX + 1;

#[cfg(test)]
mod tests;
