//! `burgee run`, also without the word: the collector as a process. And `burgee --demo`, which feeds it too.

use std::time::Duration;

use super::greeting::{self, Destinations};
use super::reload::{Files, Reloads};
use super::signals::Signals;
use super::sources::ConfigArgs;
use super::{Failure, demo, logs, runtime, validate};
use crate::collector::{Collector, StartError};
use crate::config::Source;
use crate::registry::{DEFAULT, DEFAULT_NAME, Plan};
use crate::telemetry::Encoding;
use crate::values;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sources: ConfigArgs,
    /// After SIGTERM or Ctrl-C, how long to send what is still held; what is left then is dropped and counted.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    drain_deadline: values::Duration,
    /// Do not look for changes of the configuration's files once a second. SIGHUP still makes burgee read them anew.
    #[arg(long)]
    no_watch: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    // A change from here on is seen as one.
    let files = Files::new(args.sources.files());
    let plan = validate::read(&args.sources)?;
    begin(&plan)?;
    runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let within = args.drain_deadline.get();
        let mut reloads = Reloads::new(args.sources, files, &plan, !args.no_watch, within)?;
        let (destinations, is_console) = (Destinations::of(&plan), plan.logs.encoding == Encoding::Console);
        let mut collector = Collector::start(plan).await.map_err(explain)?;
        if is_console {
            anstream::eprintln!("{}", greeting::lines(collector.listening(), &destinations));
        }
        reloads.run(&mut collector, &mut signals).await;
        finish(collector, args.drain_deadline.get(), signals).await
    })
}

/// The collector with its built-in default and the demo's traffic in one process.
pub(super) fn demo(args: Args) -> Result<(), Failure> {
    let default = Source::new(DEFAULT_NAME, DEFAULT);
    let plan = validate::plan(&Ok(vec![default.clone()]))?;
    begin(&plan)?;
    runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let collector = match Collector::start(plan).await {
            Err(error) if error.is_port_in_use() => {
                tracing::warn!("{error}; the demo uses free ports instead");
                let free = Source::new("the demo's ports", FREE_PORTS);
                Collector::start(validate::plan(&Ok(vec![default, free]))?).await
            }
            started => started,
        };
        let collector = collector.map_err(explain)?;
        let endpoint = collector.listening().iter().rev().find(|listening| &*listening.component == "otlp");
        let endpoint = endpoint.expect("the built-in default has a receiver").address;
        let plan = demo::Plan {
            endpoint: format!("http://{endpoint}").parse().expect("an address is an authority"),
            visits: DEMO_VISITS,
            within: DEMO_LASTS,
        };
        anstream::eprintln!("{DEMO_GREETING}");
        if let Some(page) = greeting::page(collector.listening()) {
            anstream::eprintln!("Meanwhile, the same and more is on {page}\n");
        }
        let sent = demo::send(&plan, signals.next()).await;
        let finished = finish(collector, args.drain_deadline.get(), signals).await;
        match sent {
            Ok(sent) => anstream::eprintln!("{sent}\n{DEMO_FAREWELL}"),
            Err(error) => return Err(Failure::new(format!("cannot send to {}: {error}", plan.endpoint))),
        }
        finished
    })
}

/// The log, and what is odd about the configuration as its first lines.
fn begin(plan: &Plan) -> Result<(), Failure> {
    logs::start(&plan.logs)?;
    for warning in plan.warnings.problems() {
        tracing::warn!("{warning}");
    }
    if let Some(supplied) = &plan.supplied {
        tracing::info!("{supplied}");
    }
    Ok(())
}

/// Drains, and says what became of everything. A second signal ends the process at once.
async fn finish(collector: Collector, within: Duration, mut signals: Signals) -> Result<(), Failure> {
    tracing::info!("stopping: sending what is held, for at most {}", values::Duration::from(within));
    tokio::select! {
        summary = collector.stop(within) => {
            anstream::eprintln!("{summary}");
            Ok(())
        }
        () = signals.next() => Err(Failure::new("asked a second time: stopped at once, what was held is lost")),
    }
}

fn explain(error: StartError) -> Failure {
    Failure::new(error.to_string())
}

const FREE_PORTS: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 127.0.0.1:0}
      http: {endpoint: 127.0.0.1:0}
";

/// A minute's visits at the default rate of `burgee demo`, in ten seconds.
const DEMO_VISITS: u64 = 120;
const DEMO_LASTS: Duration = Duration::from_secs(10);

const DEMO_GREETING: &str = "
A shop's traffic for ten seconds: two relay proxies, applications in Node.js and Java, a web page.
Every line is one flag evaluation as it leaves burgee: time, service, flag, variant, reason, trace.
";

const DEMO_FAREWELL: &str = "
That was a demo. `burgee` alone waits for your own traffic on ports 4317 and 4318; `burgee --help` has the rest.";
