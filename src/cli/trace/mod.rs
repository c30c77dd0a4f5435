//! `burgee trace`: a trace as a waterfall, or the latest traces.

mod tree;
mod waterfall;

use std::time::SystemTime;

use tonic::Code;

use self::waterfall::Rows;
use super::Failure;
use super::ask::{Admin, Running};
use super::lines::{self, BOLD, DIM, Line, PLAIN};
use super::table::{Column, Table};
use crate::admin::v1;

#[derive(Debug, clap::Args)]
#[command(after_long_help = super::tap::FILTERS)]
pub(super) struct Args {
    /// Its 32 hex digits, the first 6 or more of them, or a traceparent. Without it, the latest traces are listed.
    ///
    /// In the picture, S is a server's span, C a client's, P a producer's, M a consumer's, and I an internal one.
    #[arg(value_name = "ID", value_parser = parse_id)]
    id: Option<String>,
    /// Print JSON, with the names of admin.proto.
    #[arg(long)]
    json: bool,
    /// Show a trace to its end, however long it is.
    #[arg(long, requires = "id")]
    all: bool,
    /// Of the list: only traces with an evaluation for which this holds; see --help.
    #[arg(long, value_name = "FILTER", conflicts_with = "id")]
    filter: Option<String>,
    /// Of the list: at most so many.
    #[arg(long, value_name = "NUMBER", default_value = "20", conflicts_with = "id")]
    limit: u32,
    #[command(flatten)]
    admin: Admin,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let running = args.admin.connect().await?;
    match &args.id {
        Some(id) => show(&running, id, &args).await,
        None => list(&running, &args).await,
    }
}

async fn show(running: &Running, id: &str, args: &Args) -> Result<(), Failure> {
    let request = v1::TraceRequest { trace_id: id.to_owned() };
    let trace = match running.ask(async |mut client| client.trace(request).await).await {
        Ok(trace) => trace,
        Err(why) if why.code == Code::NotFound => {
            return Err(missing(running, id, &why.failure.message).await);
        }
        Err(why) => return Err(why.into()),
    };
    if args.json {
        return lines::print_json(&trace);
    }
    let rows = if args.all { Rows::All } else { Rows::First(ROWS_MAX) };
    lines::print(&waterfall::draw(&trace, lines::terminal_width().unwrap_or(COLUMNS), rows))
}

/// What burgee remembers, so that it is seen why the trace is not part of it.
async fn missing(running: &Running, id: &str, said: &str) -> Failure {
    let mut message = match said {
        "" => format!("burgee does not remember a trace {id}"),
        said => said.to_owned(),
    };
    let request = v1::TracesRequest { limit: 1, ..Default::default() };
    let latest = running.ask(async |mut client| client.traces(request).await).await;
    if let Some(horizon) = latest.ok().and_then(|latest| latest.horizon) {
        message += &format!("; {}", horizon_sentence(&horizon, SystemTime::now()));
    }
    Failure::new(
        message + ". Spans come some seconds after they have ended. `burgee trace` lists what is there",
    )
}

fn horizon_sentence(horizon: &v1::Horizon, now: SystemTime) -> String {
    if horizon.oldest_unix_ms == 0 {
        return "it has seen no trace yet".to_owned();
    }
    let (used, most) = (bytesize::ByteSize(horizon.bytes), bytesize::ByteSize(horizon.bytes_max));
    let age = lines::age(horizon.oldest_unix_ms, now);
    let kept = format!("it remembers the last {age} ({used} of {most})");
    match horizon.one_in {
        0 | 1 => kept,
        one_in => format!("{kept}, of which it keeps one trace in {one_in}"),
    }
}

async fn list(running: &Running, args: &Args) -> Result<(), Failure> {
    let filter = args.filter.clone().unwrap_or_default();
    let is_filtered = !filter.is_empty();
    let request = v1::TracesRequest { filter, limit: args.limit, ..Default::default() };
    let answer = running.ask(async |mut client| client.traces(request).await).await?;
    if args.json {
        return lines::print_json(&answer);
    }
    let now = SystemTime::now();
    if answer.traces.is_empty() {
        let why = match (is_filtered, &answer.horizon) {
            (false, Some(horizon)) => horizon_sentence(horizon, now),
            (false, None) => "burgee remembers no trace".to_owned(),
            (true, _) => "no trace that burgee remembers passes the filter".to_owned(),
        };
        anstream::eprintln!("burgee trace: {why}; `burgee send` and `burgee demo` send some");
        return Ok(());
    }
    let width = lines::terminal_width();
    lines::print(&table(&answer.traces, width, now).lines(width))
}

fn table(traces: &[v1::TraceSummary], width: Option<usize>, now: SystemTime) -> Table {
    let mut table = Table::new(&TRACES);
    for trace in traces {
        // enough to ask for it
        let id = match width {
            Some(width) if width < WIDE => trace.trace_id.get(..ID_DIGITS).unwrap_or(&trace.trace_id),
            _ => &trace.trace_id,
        };
        table.row(vec![
            Line::of(BOLD, id),
            Line::plain(&lines::age(trace.started_unix_ms, now)),
            Line::plain(&lines::took(trace.duration_us.saturating_mul(1_000))),
            Line::plain(&trace.spans.to_string()),
            super::flags::errors(trace.errors.into()),
            Line::plain(&trace.service),
            Line::plain(&trace.name),
            flags(&trace.flags),
        ]);
    }
    table
}

fn flags(flags: &[v1::FlagAndVariant]) -> Line {
    let mut line = Line::default();
    for flag in flags.iter().take(FLAGS_SHOWN_MAX) {
        if line.width() > 0 {
            line.push(PLAIN, ", ");
        }
        line.push(PLAIN, &flag.key);
        if !flag.variant.is_empty() {
            line.push(DIM, &format!("={}", flag.variant));
        }
    }
    if flags.len() > FLAGS_SHOWN_MAX {
        line.push(DIM, &format!(", {} more", flags.len() - FLAGS_SHOWN_MAX));
    }
    line
}

/// Also the trace id of a `traceparent`, as it stands in a request or a log.
fn parse_id(text: &str) -> Result<String, String> {
    let id = text.trim().to_ascii_lowercase();
    let id = match id.split('-').collect::<Vec<_>>()[..] {
        [_, trace, _, _] => trace.to_owned(),
        _ => id,
    };
    let is_hex = id.bytes().all(|digit| digit.is_ascii_hexdigit());
    match is_hex && (6..=32).contains(&id.len()) {
        true => Ok(id),
        false => Err("a trace id has 32 hex digits; the first 6 or more of them will do".to_owned()),
    }
}

const TRACES: [Column; 8] = [
    Column::whole("TRACE", 9),
    Column::number("AGE", 7),
    Column::number("TOOK", 8),
    Column::number("SPANS", 3),
    Column::number("ERRORS", 4),
    Column::text("SERVICE", 10, 2),
    Column::text("NAME", 10, 6),
    Column::text("FLAGS", 12, 5),
];
/// Of a trace id in a list on a terminal.
const ID_DIGITS: usize = 12;
/// From here on there is room for all of an id.
const WIDE: usize = 140;
/// Of a waterfall that is not printed to a terminal.
const COLUMNS: usize = 120;
const ROWS_MAX: usize = 2_000;
const FLAGS_SHOWN_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_named_by_its_id_a_part_of_it_or_a_traceparent() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(parse_id(&id.to_uppercase()).as_deref(), Ok(id));
        assert_eq!(parse_id(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(), Ok(id));
        assert_eq!(parse_id(" 4bf92f ").as_deref(), Ok("4bf92f"));
        for wrong in ["", "4bf92", "xyzxyz", &format!("{id}0"), "00-x-y-01", "é"] {
            assert!(parse_id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_remembered_says_why_a_trace_may_be_missing() {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
        let nothing = v1::Horizon::default();
        assert_eq!(horizon_sentence(&nothing, now), "it has seen no trace yet");
        let full = v1::Horizon {
            bytes: 31 << 20,
            bytes_max: 32 << 20,
            oldest_unix_ms: 700_000,
            one_in: 8,
            ..Default::default()
        };
        assert_eq!(
            horizon_sentence(&full, now),
            "it remembers the last 5m (31.0 MiB of 32.0 MiB), of which it keeps one trace in 8"
        );
    }
}
