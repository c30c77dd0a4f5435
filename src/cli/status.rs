//! `burgee status`: what a running burgee has received, enriched and sent.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use super::ask::Admin;
use super::{Failure, lines, printed};
use crate::admin::{signal_name, v1};
use crate::collector::counted;
use crate::config::escape;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    admin: Admin,
    /// Print everything as one JSON object, with the names of admin.proto.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let running = args.admin.connect().await?;
    let status = running.ask(async |mut client| client.status(v1::StatusRequest {}).await).await?;
    match args.json {
        true => lines::print_json(&status),
        false => printed(anstream::stdout().write_all(describe(&status, SystemTime::now()).as_bytes())),
    }
}

/// For people: a few lines, one for each thing that counts.
fn describe(status: &v1::StatusResponse, now: SystemTime) -> String {
    let uptime = humantime::format_duration(Duration::from_secs(status.uptime_ms / 1000));
    let mut text = format!("burgee {}, up {uptime}, pid {}\n", status.version, status.pid);
    section(
        &mut text,
        "listening",
        status
            .listeners
            .iter()
            .map(|listener| format!("{} {} ({})", listener.address, listener.component, listener.speaks)),
    );
    section(&mut text, "received", status.doors.iter().map(door));
    section(
        &mut text,
        "pipelines",
        status.pipelines.iter().filter(|pipeline| pipeline.r#in > 0).map(pipeline),
    );
    section(&mut text, "exporters", status.outboxes.iter().filter(|outbox| outbox.put > 0).map(outbox));
    if status.doors.is_empty() {
        text.push_str("received    nothing yet\n");
    }
    section(&mut text, "config", status.configuration.iter().filter_map(|of| configuration(of, now)));
    section(&mut text, "definitions", status.definitions.iter().map(|of| definitions(of, now)));
    if let Some(memory) = &status.memory {
        let (used, limit) = (bytesize::ByteSize(memory.used), bytesize::ByteSize(memory.limit));
        section(&mut text, "memory", [format!("{used} of {limit}")]);
    }
    text
}

fn door(door: &v1::Door) -> String {
    let items = items(door.signal);
    let requests = counted(door.requests, "requests");
    let mut line = format!("{} {} {}: {requests}", door.receiver, door.transport, name(door.signal));
    note(&mut line, door.refused, "refused for want of room");
    note(&mut line, door.rejected, "rejected as malformed or too large");
    note(&mut line, door.abandoned, "abandoned by their client");
    let _ = write!(line, "; {} accepted", counted(door.items_accepted, items));
    note(&mut line, door.items_refused, &format!("{items} refused"));
    note(&mut line, door.items_flawed, &format!("{items} with an invalid id cut out"));
    line
}

fn pipeline(pipeline: &v1::Pipeline) -> String {
    let items = items(pipeline.signal);
    let mut line = format!(
        "{}: {}, {}",
        pipeline.id,
        counted(pipeline.out, items),
        counted(pipeline.evaluations, "flag evaluations")
    );
    for discarded in &pipeline.discarded {
        note(&mut line, discarded.items, &format!("discarded by {}", discarded.component));
    }
    note(&mut line, pipeline.added, "added");
    line
}

fn outbox(outbox: &v1::Outbox) -> String {
    let items = items(outbox.signal);
    let mut line =
        format!("{} {}: {} sent", outbox.exporter, name(outbox.signal), counted(outbox.sent, items));
    if outbox.held_items > 0 {
        let used = match outbox.sizer.as_str() {
            "items" => outbox.held_items,
            "bytes" => outbox.held_bytes,
            _ => outbox.held_requests,
        };
        let _ = write!(line, ", {} held ({used} of {} {})", outbox.held_items, outbox.capacity, outbox.sizer);
    }
    note(&mut line, outbox.rejected, "rejected by the downstream");
    for dropped in &outbox.dropped {
        note(&mut line, dropped.items, &format!("dropped ({})", dropped.reason));
    }
    if outbox.isolated {
        line.push_str(", ISOLATED: it is full and delivers nothing");
    }
    if let Some(last) = outbox.last.as_ref().filter(|last| !last.message.is_empty()) {
        let _ = write!(line, "; last answer: {} {}", last.what, last.message);
    }
    line
}

/// Nothing as long as it is the one of the start.
fn configuration(of: &v1::Configuration, now: SystemTime) -> Option<String> {
    let read = ago(of.read_at_unix_ms?, now);
    let since = ago(of.since_unix_ms, now);
    Some(match &of.failure {
        // the first line says what is wrong; the log has all of it
        Some(failure) => {
            let first = failure.lines().next().unwrap_or_default();
            format!("in force since {since}; what was read {read} CANNOT BE USED: {first}")
        }
        None => format!("in force since {since}, last read {read}, {} reloads changed it", of.changed),
    })
}

fn definitions(definitions: &v1::Definitions, now: SystemTime) -> String {
    let mut line = format!("{}: {}, ", definitions.processor, definitions.source);
    match definitions.flags {
        Some(flags) => line.push_str(&counted(flags, "flags")),
        None => line.push_str("nothing read yet"),
    }
    match (&definitions.failure, definitions.read_at_unix_ms) {
        (Some(failure), _) => {
            let ago = ago(failure.at_unix_ms, now);
            let _ = write!(line, "; last reading failed {ago}: {}", failure.message);
        }
        (None, Some(at)) => {
            let _ = write!(line, ", read {}", ago(at, now));
            note(&mut line, definitions.failed, "failed before");
        }
        (None, None) => {}
    }
    line
}

/// `3m 20s ago`. Both are times of one machine: the admin service listens on loopback.
fn ago(unix_ms: u64, now: SystemTime) -> String {
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms));
    let age = at.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
    format!("{} ago", humantime::format_duration(Duration::from_secs(age.as_secs())))
}

/// Mentions what is not zero.
fn note(line: &mut String, count: u64, what: &str) {
    if count > 0 {
        // Writing to a String cannot fail.
        let _ = write!(line, ", {count} {what}");
    }
}

fn section(text: &mut String, title: &str, lines: impl IntoIterator<Item = String>) {
    for (index, line) in lines.into_iter().enumerate() {
        let title = if index == 0 { title } else { "" };
        // Names and messages come from whoever answered.
        let _ = writeln!(text, "{title:11} {}", escape(&line));
    }
}

fn name(signal: i32) -> &'static str {
    signal_name(v1::Signal::try_from(signal).unwrap_or_default())
}

fn items(signal: i32) -> &'static str {
    match v1::Signal::try_from(signal) {
        Ok(v1::Signal::Traces) => "spans",
        Ok(v1::Signal::Metrics) => "data points",
        Ok(v1::Signal::Logs) => "log records",
        _ => "items",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_cannot_be_used_is_told_and_the_first_one_is_not() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(600);
        let start = v1::Configuration { since_unix_ms: 1000, ..v1::Configuration::default() };
        assert_eq!(configuration(&start, now), None);
        let failed = v1::Configuration {
            read_at_unix_ms: Some(540_000),
            failure: Some("c.yaml:1:1: error: x\n | y".into()),
            ..start
        };
        let line = configuration(&failed, now).expect("there is something to say");
        assert!(line.ends_with("CANNOT BE USED: c.yaml:1:1: error: x"), "{line}");
    }

    /// The lines about definitions, ten minutes after 1970 began.
    fn lines_of(definitions: v1::Definitions) -> String {
        let definitions = v1::Definitions { processor: "feature_flag".into(), ..definitions };
        let status = v1::StatusResponse { definitions: vec![definitions], ..Default::default() };
        let text = describe(&status, SystemTime::UNIX_EPOCH + Duration::from_secs(600));
        text.lines().skip_while(|line| !line.starts_with("definitions")).collect::<Vec<_>>().join("\n")
    }

    fn of_a_file() -> v1::Definitions {
        v1::Definitions {
            source: "flags.goff.yaml".into(),
            flags: Some(1),
            read_at_unix_ms: Some(420_000),
            ..Default::default()
        }
    }

    #[test]
    fn definitions_say_how_many_there_are_and_since_when() {
        assert_eq!(lines_of(of_a_file()), "definitions feature_flag: flags.goff.yaml, 1 flag, read 3m ago");
        let again = v1::Definitions { flags: Some(2), failed: 4, ..of_a_file() };
        assert_eq!(
            lines_of(again),
            "definitions feature_flag: flags.goff.yaml, 2 flags, read 3m ago, 4 failed before"
        );
    }

    #[test]
    fn a_failed_reading_is_told_with_its_reason_in_one_line() {
        let failure = v1::ReadingFailure { message: "no\nmap\u{1b}[2J".into(), at_unix_ms: 600_000 - 61_500 };
        let failing = v1::Definitions { failed: 2, failure: Some(failure), ..of_a_file() };
        assert_eq!(
            lines_of(failing),
            r"definitions feature_flag: flags.goff.yaml, 1 flag; last reading failed 1m 1s ago: no\nmap\u{1b}[2J"
        );
    }

    #[test]
    fn before_the_first_success_nothing_is_read() {
        let source = "http://localhost:1031/v1/flag/configuration";
        let waiting = v1::Definitions { source: source.into(), ..Default::default() };
        assert_eq!(
            lines_of(waiting.clone()),
            format!("definitions feature_flag: {source}, nothing read yet")
        );
        // a clock that was set back
        let failure = v1::ReadingFailure { message: "no answer".into(), at_unix_ms: 700_000 };
        assert_eq!(
            lines_of(v1::Definitions { failure: Some(failure), ..waiting }),
            format!(
                "definitions feature_flag: {source}, nothing read yet; last reading failed 0s ago: no answer"
            )
        );
    }
}
