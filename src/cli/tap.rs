//! `burgee tap`: evaluations as they leave a running burgee.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tonic::Streaming;

use super::ask::{Admin, Running};
use super::lines::{self, BOLD, CYAN, DIM, GREEN, Line, PLAIN, RED};
use super::signals::Signals;
use super::{Failure, printed};
use crate::admin::v1;
use crate::collector::counted;

#[derive(Debug, clap::Args)]
#[command(after_long_help = FILTERS)]
pub(super) struct Args {
    /// Which evaluations: terms that all have to hold, such as flag=new-*; without any, all. See --help.
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// A line for people, or a JSON object with the names of admin.proto.
    #[arg(short, long, value_enum, value_name = "FORM", default_value = "text")]
    output: Form,
    /// End after so many evaluations.
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Begin with the evaluations that burgee remembers.
    #[arg(long)]
    past: bool,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Form {
    Text,
    Json,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let running = args.admin.connect().await?;
    let watched = watch(&args, &running);
    tokio::select! {
        // what is still to be printed is not waited for: whoever reads it may be the one who has stopped
        () = signals.next() => Ok(()),
        ended = watched => ended,
    }
}

/// Ends when there were enough, when nobody reads any more, or with the collector.
async fn watch(args: &Args, running: &Running) -> Result<(), Failure> {
    let filter = args.filter.join(" ");
    let request = v1::TapRequest { filter: filter.clone() };
    let mut tap = running.ask(async |mut client| client.tap(request).await).await?;
    let mut printer = Printer::start(args.output)?;
    let what = if filter.is_empty() { "every evaluation" } else { filter.as_str() };
    note(&format!("watching {what} on {}, Ctrl-C ends it", running.url));
    let mut left = args.count.unwrap_or(u64::MAX);
    // The tap is open already, so that nothing falls between what was and what comes; it may bring some of it again.
    let mut seen = 0;
    if args.past {
        let request = v1::EvaluationsRequest { filter, ..Default::default() };
        let past = running.ask(async |mut client| client.evaluations(request).await).await?;
        if past.missed > 0 {
            note(&format!("{} before these are forgotten or too many", counted(past.missed, "evaluations")));
        }
        seen = past.last;
        printer.put(past.evaluations, &mut left).await;
    }
    let mut losses = Losses::default();
    let ended = loop {
        if left == 0 || printer.is_done() {
            break Ok(());
        }
        let Some(message) = next(&mut tap, running).await.transpose() else {
            break Err(Failure::new("the tap has ended: burgee stopped"));
        };
        match message {
            Ok(v1::TapResponse { mut evaluations, dropped, skipped }) => {
                losses.add(dropped, skipped);
                evaluations.retain(|evaluation| evaluation.number == 0 || evaluation.number > seen);
                printer.put(evaluations, &mut left).await;
            }
            Err(failure) => break Err(failure),
        }
    };
    losses.tell();
    printer.finish().await?;
    ended
}

async fn next(
    tap: &mut Streaming<v1::TapResponse>,
    running: &Running,
) -> Result<Option<v1::TapResponse>, Failure> {
    match tap.message().await {
        Ok(message) => Ok(message),
        Err(status) => {
            let why = running.explain(&status).await.failure;
            Err(Failure { message: format!("the tap has ended: {}", why.message), ..why })
        }
    }
}

/// Prints in a thread of its own, so that a reader who has stopped reading does not keep Ctrl-C from being heard.
struct Printer {
    lines: mpsc::Sender<Vec<v1::Evaluation>>,
    done: oneshot::Receiver<io::Result<()>>,
}

impl Printer {
    fn start(form: Form) -> Result<Printer, Failure> {
        let (lines, mut waiting) = mpsc::channel::<Vec<v1::Evaluation>>(MESSAGES_WAITING_MAX);
        let (tell, done) = oneshot::channel();
        let print = move || {
            let mut columns = Columns::default();
            let mut written = Ok(());
            while let Some(evaluations) = waiting.blocking_recv() {
                written = write(&evaluations, form, &mut columns);
                if written.is_err() {
                    break;
                }
            }
            // whoever started it may have been interrupted
            let _ = tell.send(written);
        };
        let started = thread::Builder::new().name("print".into()).spawn(print);
        started.map_err(|error| Failure::new(format!("cannot start: {error}")))?;
        Ok(Printer { lines, done })
    }

    /// Waits for room. What comes after the last that is wanted is left out.
    async fn put(&mut self, mut evaluations: Vec<v1::Evaluation>, left: &mut u64) {
        evaluations.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
        if !evaluations.is_empty() {
            *left -= evaluations.len() as u64;
            // a printer that has ended says so in `finish`
            let _ = self.lines.send(evaluations).await;
        }
    }

    /// Whether nothing more can be printed.
    fn is_done(&self) -> bool {
        self.lines.is_closed()
    }

    /// When everything is printed.
    async fn finish(self) -> Result<(), Failure> {
        drop(self.lines);
        printed(self.done.await.unwrap_or(Ok(())))
    }
}

fn write(evaluations: &[v1::Evaluation], form: Form, columns: &mut Columns) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for evaluation in evaluations {
        match form {
            Form::Text => writeln!(out, "{}", columns.line(evaluation))?,
            Form::Json => writeln!(out, "{}", lines::json_line(evaluation))?,
        }
    }
    out.flush()
}

/// The widths of what was printed so far, so that lines stand below each other.
struct Columns {
    service: usize,
    flag: usize,
    result: usize,
    reason: usize,
}

impl Default for Columns {
    /// What fits most of what comes.
    fn default() -> Columns {
        Columns { service: 15, flag: 16, result: 8, reason: 15 }
    }
}

impl Columns {
    fn line(&mut self, evaluation: &v1::Evaluation) -> Line {
        let has_failed = !evaluation.error.is_empty();
        let result = match (evaluation.variant.as_str(), evaluation.value.as_str()) {
            ("", value) => or_dash(value),
            (variant, _) => variant,
        };
        let mut line = Line::of(DIM, &clock(evaluation.at_unix_ms));
        let columns = [
            (&mut self.service, CYAN, or_dash(&evaluation.service)),
            (&mut self.flag, BOLD, or_dash(&evaluation.key)),
            (&mut self.result, if has_failed { RED } else { GREEN }, result),
            (&mut self.reason, PLAIN, or_dash(&evaluation.reason)),
        ];
        for (width, style, text) in columns {
            let cell = Line::of(style, text).cut(CELL_MAX);
            *width = cell.width().max(*width);
            line.push(PLAIN, "  ");
            line.append(cell.padded(*width));
        }
        if has_failed {
            line.push(PLAIN, "  ");
            line.append(Line::of(RED, &evaluation.error).cut(CELL_MAX));
        }
        if !evaluation.trace_id.is_empty() {
            line.push(DIM, "  trace ");
            line.append(Line::of(DIM, &evaluation.trace_id).cut(CELL_MAX));
        }
        line
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// `12:34:56.789`, in UTC as in burgee's log.
fn clock(unix_ms: u64) -> String {
    let day = Duration::from_millis(unix_ms % (24 * 60 * 60 * 1000));
    let whole = humantime::format_rfc3339_millis(std::time::SystemTime::UNIX_EPOCH + day).to_string();
    whole.get(11..23).unwrap_or_default().to_owned()
}

/// What was not shown, told now and then.
#[derive(Default)]
struct Losses {
    dropped: u64,
    skipped: u64,
    told: Option<Instant>,
}

impl Losses {
    fn add(&mut self, dropped: u64, skipped: u64) {
        self.dropped += dropped;
        self.skipped += skipped;
        if self.told.is_none_or(|told| told.elapsed() > TELL_EVERY) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if self.dropped > 0 {
            let dropped = counted(self.dropped, "evaluations");
            note(&format!("{dropped} dropped: they came faster than they are read here"));
        }
        if self.skipped > 0 {
            note(&format!(
                "{} spans and log records not looked at, so that watching costs burgee little",
                self.skipped
            ));
        }
        if self.dropped + self.skipped > 0 {
            *self = Losses { told: Some(Instant::now()), ..Losses::default() };
        }
    }
}

fn note(what: &str) {
    anstream::eprintln!("burgee tap: {}", crate::config::escape(what));
}

/// What a filter can say.
pub(super) const FILTERS: &str = "\
Filters:
  Terms are separated by spaces, and all of them have to hold.
    flag=new-checkout     this flag
    flag=new-*            flags that begin so; * stands for anything, also for nothing
    variant!=on           any other variant, also none
    service=\"my shop\"     a value with spaces
    checkout              a word alone is looked for in flag, service and span
  Names: flag, variant, value, reason, service, provider, version, error, trace, span.

Examples:
  burgee tap flag=new-checkout variant=on
  burgee tap 'error=*' -o json
  burgee tap service=checkout-api 'reason!=static' -n 10

Evaluations go to stdout, everything else to stderr.";

/// Of one column; the rest is in the JSON.
const CELL_MAX: usize = 60;
const MESSAGES_WAITING_MAX: usize = 16;
const TELL_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(key: &str) -> v1::Evaluation {
        v1::Evaluation {
            at_unix_ms: 86_400_000 * 20_000 + 45_296_789,
            service: "checkout-api".into(),
            key: key.into(),
            variant: "on".into(),
            reason: "split".into(),
            ..Default::default()
        }
    }

    fn plain(line: &Line) -> String {
        anstream::adapter::strip_str(&line.to_string()).to_string()
    }

    #[test]
    fn lines_stand_below_each_other_as_far_as_they_can() {
        let mut columns = Columns::default();
        let lines = ["new-checkout", "a", &"x".repeat(100)].map(|key| plain(&columns.line(&evaluation(key))));
        assert_eq!(lines[0], "12:34:56.789  checkout-api     new-checkout      on        split");
        assert_eq!(lines[1], "12:34:56.789  checkout-api     a                 on        split");
        assert!(lines[2].contains(&format!("  {}…  on", "x".repeat(59))), "{}", lines[2]);
    }

    #[test]
    fn a_failure_has_its_error_and_a_trace_its_id() {
        let failed = v1::Evaluation {
            variant: String::new(),
            value: "false".into(),
            error: "flag_not_found\n\u{1b}[31m".into(),
            trace_id: "4bf92f3577b34da6".into(),
            ..evaluation("new-chekout")
        };
        let line = plain(&Columns::default().line(&failed));
        let expected = r"new-chekout       false     split            flag_not_found\n\u{1b}[31m  trace 4bf92f3577b34da6";
        assert!(line.ends_with(expected), "{line}");
        let empty = plain(&Columns::default().line(&v1::Evaluation::default()));
        assert_eq!(empty.split_whitespace().collect::<Vec<_>>(), ["00:00:00.000", "-", "-", "-", "-"]);
    }
}
