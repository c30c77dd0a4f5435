//! Plain HTML from the board: no script, no style, every text escaped.

use std::fmt::{self, Write as _};

use crate::observe::board::{BoardState, DoorState, OutboxState, PipelineState};
use crate::observe::ledger::DoorOutcome;
use crate::values;

/// What went through: doors, pipelines, outboxes.
pub(super) fn pipelines(state: &BoardState) -> String {
    let mut page = Page::new("Pipelines");
    page.table(
        "Pipelines",
        &["pipeline", "signal", "processors", "in", "added", "discarded", "out", "evaluations"],
        state.pipelines.iter().map(pipeline),
    );
    page.table(
        "Receivers",
        &[
            "receiver",
            "transport",
            "signal",
            "requests",
            "ok",
            "partial",
            "refused",
            "rejected",
            "abandoned",
            "items accepted",
            "refused",
            "flawed",
        ],
        state.doors.iter().map(door),
    );
    page.table(
        "Exporters",
        &[
            "exporter",
            "signal",
            "put",
            "sent",
            "rejected",
            "dropped",
            "held",
            "queue",
            "in flight",
            "retrying",
            "state",
            "last answer",
        ],
        state.outboxes.iter().map(outbox),
    );
    page.end()
}

/// The process and its ports.
pub(super) fn service(state: &BoardState) -> String {
    let mut page = Page::new("Service");
    let uptime = values::Duration::from(std::time::Duration::from_secs(state.uptime.as_secs()));
    let memory = state.memory.map(|memory| format!("{} of {} bytes", memory.used, memory.limit));
    let rows = [
        ["version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()],
        ["started".to_owned(), humantime::format_rfc3339_seconds(state.started_at).to_string()],
        ["uptime".to_owned(), uptime.to_string()],
        ["phase".to_owned(), format!("{:?}", state.phase)],
        ["memory held by telemetry".to_owned(), memory.unwrap_or_default()],
    ];
    page.table("burgee", &["", ""], rows.into_iter().map(Vec::from));
    let listeners = state.listeners.iter();
    page.table(
        "Ports",
        &["component", "address", "speaks"],
        listeners.map(|of| vec![of.component.to_string(), of.address.clone(), of.protocols.join(", ")]),
    );
    page.end()
}

fn pipeline(pipeline: &PipelineState) -> Vec<String> {
    let ledger = &pipeline.ledger;
    let processors: Vec<&str> = ledger.discarded.iter().map(|(id, _)| &**id).collect();
    let discarded: u64 = ledger.discarded.iter().map(|(_, items)| items).sum();
    let numbers = [ledger.entered, ledger.added, discarded, ledger.out, ledger.evaluations];
    let mut cells = vec![pipeline.id.to_string(), pipeline.signal.to_owned(), processors.join(", ")];
    cells.extend(numbers.iter().map(u64::to_string));
    cells
}

fn door(door: &DoorState) -> Vec<String> {
    let ledger = &door.ledger;
    let mut cells = vec![door.receiver.to_string(), door.transport.to_owned(), door.signal.to_owned()];
    cells.push(ledger.requests.to_string());
    cells.extend(DoorOutcome::ALL.map(|outcome| ledger.requests_by(outcome).to_string()));
    cells.extend([ledger.accepted, ledger.refused, ledger.flawed].map(|items| items.to_string()));
    cells
}

fn outbox(outbox: &OutboxState) -> Vec<String> {
    let (ledger, fill) = (&outbox.ledger, &outbox.fill);
    let numbers = [ledger.put, ledger.sent, ledger.rejected, ledger.dropped.sum(), ledger.held];
    let state = match (outbox.isolated, outbox.full, outbox.failing_for) {
        (true, _, _) => "isolated".to_owned(),
        (false, is_full, Some(time)) => {
            format!("failing for {}s{}", time.as_secs(), if is_full { ", full" } else { "" })
        }
        (false, true, None) => "full".to_owned(),
        (false, false, None) => String::new(),
    };
    let mut cells = vec![outbox.exporter.to_string(), outbox.signal.to_owned()];
    cells.extend(numbers.iter().map(u64::to_string));
    cells.push(format!("{} of {} {}", fill.used(), fill.capacity, fill.sizer));
    cells.extend([outbox.in_flight.to_string(), outbox.retrying.to_string(), state]);
    cells.push(outbox.last.as_ref().map_or_else(String::new, |last| match last.message.as_str() {
        "" => last.what.to_owned(),
        message => format!("{}: {message}", last.what),
    }));
    cells
}

/// A page that grows.
struct Page(String);

impl Page {
    fn new(title: &str) -> Page {
        let title = Escaped(title);
        let mut page = Page(String::new());
        page.put(format_args!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>burgee: {title}</title><h1>{title}</h1>\
             <p><a href=\"/debug/pipelinez\">pipelines</a> <a href=\"/debug/servicez\">service</a></p>\n"
        ));
        page
    }

    fn table(&mut self, caption: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        self.put(format_args!("<h2>{}</h2><table border=\"1\"><tr>", Escaped(caption)));
        for cell in head {
            self.put(format_args!("<th>{}</th>", Escaped(cell)));
        }
        self.put(format_args!("</tr>\n"));
        for row in rows {
            self.put(format_args!("<tr>"));
            for cell in &row {
                self.put(format_args!("<td>{}</td>", Escaped(cell)));
            }
            self.put(format_args!("</tr>\n"));
        }
        self.put(format_args!("</table>\n"));
    }

    fn put(&mut self, html: fmt::Arguments<'_>) {
        self.0.write_fmt(html).expect("a string takes everything");
    }

    fn end(mut self) -> String {
        self.put(format_args!("</html>\n"));
        self.0
    }
}

/// Text in HTML: what would end it is written as a character reference (HTML, 13.3 "Escaping a string").
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                letter if letter.is_control() => out.write_char('\u{fffd}')?,
                letter => out.write_char(letter)?,
            }
        }
        Ok(())
    }
}
