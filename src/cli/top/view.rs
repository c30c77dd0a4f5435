//! The picture of a state: a strip, tables, and what the keys do.

use std::cmp::{Ordering, Reverse};
use std::time::{Duration, SystemTime};

use super::sample::held;
use super::state::{Mode, Order, State};
use crate::admin::{signal_name, v1};
use crate::cli::flags::{errors, shares};
use crate::cli::lines::{self, BOLD, CYAN, DIM, GREEN, Line, PLAIN, RED, YELLOW};
use crate::cli::table::{Column, Table};

/// At most `height` lines of at most `width` columns.
pub(super) fn screen(state: &mut State, width: usize, height: usize) -> Vec<Line> {
    let mut lines = head(state);
    let content = match state.mode {
        Mode::Help => HELP.iter().map(|line| Line::plain(line)).collect(),
        Mode::Watching | Mode::Filtering => content(state, width),
    };
    let room = height.saturating_sub(lines.len() + 1);
    state.scrolled = state.scrolled.min(content.len().saturating_sub(room));
    let seen = content.len().min(state.scrolled + room);
    let keys = keys(state, content.len() - seen);
    lines.extend(content.into_iter().skip(state.scrolled).take(room));
    // the last line stays where it is
    let missing = height.saturating_sub(lines.len() + 1);
    lines.extend(std::iter::repeat_n(Line::default(), missing));
    lines.push(keys);
    lines.truncate(height);
    lines.into_iter().map(|line| line.cut(width)).collect()
}

/// Everything, however long.
pub(super) fn whole(state: &State, width: usize) -> Vec<Line> {
    let mut lines = head(state);
    lines.extend(content(state, width));
    lines.into_iter().map(|line| line.cut(width)).collect()
}

/// Who it is, and whether data pass: the strip.
fn head(state: &State) -> Vec<Line> {
    let status = &state.sample.status;
    let mut title = Line::of(BOLD, &format!("burgee {}", status.version));
    let uptime = Duration::from_secs(status.uptime_ms / 1_000);
    title.push(DIM, &format!("  up {}  {}", humantime::format_duration(uptime), state.url));
    if state.is_paused {
        title.push(YELLOW, "  paused");
    }
    let rates = &state.rates;
    let mut strip = Line::default();
    for (name, rate) in [("received", rates.received), ("enriched", rates.enriched), ("sent", rates.sent)] {
        if strip.width() > 0 {
            strip.push(DIM, " → ");
        }
        strip.push(PLAIN, &format!("{name} "));
        strip.push(if rate > 0.0 { GREEN } else { DIM }, &format!("{}/s", number(rate)));
    }
    let waiting = held(&state.sample);
    strip.push(PLAIN, "  queue ");
    strip.push(if waiting > 0 { YELLOW } else { DIM }, &waiting.to_string());
    let mut head = vec![title, strip, findings(&state.sample.findings)];
    if let Some(trouble) = &state.trouble {
        head.push(Line::of(RED, trouble));
    }
    head
}

fn findings(findings: &[v1::Finding]) -> Line {
    let mut line = Line::of(PLAIN, "findings ");
    let Some(first) = findings.first() else {
        line.push(DIM, "0");
        return line;
    };
    let style = match first.severity.as_str() {
        "error" => RED,
        "warning" => YELLOW,
        _ => PLAIN,
    };
    line.push(style, &format!("{}: {} {}", findings.len(), first.id, first.title));
    if findings.len() > 1 {
        line.push(DIM, " …");
    }
    line
}

fn content(state: &State, width: usize) -> Vec<Line> {
    let now = SystemTime::now();
    let mut lines = Vec::new();
    for (title, table) in
        [("QUEUES", queues(state)), ("SENDERS", senders(state, now)), ("FLAGS", flags(state, now))]
    {
        lines.push(Line::default());
        if table.is_empty() {
            let why = if state.filter.is_empty() { "none yet" } else { "none pass the filter" };
            lines.push(Line::of(DIM, &format!("{title}: {why}")));
            continue;
        }
        lines.extend(table.lines(Some(width)));
    }
    lines
}

fn queues(state: &State) -> Table {
    let mut table = Table::new(&QUEUES);
    for outbox in state.sample.status.outboxes.iter().filter(|outbox| state.passes(&[&outbox.exporter])) {
        let signal = signal_name(v1::Signal::try_from(outbox.signal).unwrap_or_default());
        let used = match outbox.sizer.as_str() {
            "items" => outbox.held_items,
            "bytes" => outbox.held_bytes,
            _ => outbox.held_requests,
        };
        let lost = outbox.dropped.iter().fold(outbox.rejected, |sum, of| sum.saturating_add(of.items));
        let last = outbox.last.as_ref();
        let (style, said) = match last {
            _ if outbox.isolated => (RED, "isolated: full, and nothing is delivered".to_owned()),
            None => (DIM, "-".to_owned()),
            Some(last) if last.message.is_empty() => (GREEN, last.what.clone()),
            Some(last) => (RED, format!("{}: {}", last.what, last.message)),
        };
        table.row(vec![
            Line::of(BOLD, &format!("{} {signal}", outbox.exporter)),
            Line::plain(&number(state.rates.outbox(outbox))),
            Line::plain(&outbox.sent.to_string()),
            Line::of(if outbox.held_items > 0 { YELLOW } else { DIM }, &outbox.held_items.to_string()),
            Line::plain(&lines::percent(used, outbox.capacity)),
            errors(lost),
            Line::of(style, &said),
        ]);
    }
    table
}

fn senders(state: &State, now: SystemTime) -> Table {
    let mut table = Table::new(&SENDERS);
    let mut senders: Vec<&v1::Sender> = state.sample.senders.iter().collect();
    senders.retain(|sender| state.passes(&[&sender.service, &sender.peer, &sender.sdk]));
    senders.sort_by(|a, b| match state.order {
        Order::Rate => descending(state.rates.sender(a), state.rates.sender(b)),
        Order::Total => b.items.cmp(&a.items),
        Order::Errors | Order::Last => b.last_seen_unix_ms.cmp(&a.last_seen_unix_ms),
        Order::Name => a.service.cmp(&b.service),
    });
    for sender in senders {
        let service = if sender.service.is_empty() { "(no service.name)" } else { &sender.service };
        let by = match sender.port.as_str() {
            "" => sender.transport.clone(),
            port if port == sender.transport => sender.transport.clone(),
            port => format!("{} on {port}", sender.transport),
        };
        table.row(vec![
            Line::of(if sender.is_relay_proxy { CYAN } else { BOLD }, service),
            Line::plain(&number(state.rates.sender(sender))),
            Line::plain(&sender.items.to_string()),
            Line::plain(&sender.evaluations.to_string()),
            Line::plain(&lines::age(sender.last_seen_unix_ms, now)),
            Line::plain(&by),
            Line::plain(if sender.peer.is_empty() { "-" } else { &sender.peer }),
            Line::plain(&sender.sdk),
        ]);
    }
    table
}

fn flags(state: &State, now: SystemTime) -> Table {
    let mut table = Table::new(&FLAGS);
    let mut flags: Vec<&v1::Flag> = state.sample.flags.iter().collect();
    flags.retain(|flag| state.passes(&[&flag.key]));
    match state.order {
        Order::Rate => flags.sort_by(|a, b| descending(state.rates.flag(a), state.rates.flag(b))),
        Order::Total => flags.sort_by_key(|flag| Reverse(flag.evaluations)),
        Order::Errors => flags.sort_by_key(|flag| Reverse(flag.errors)),
        Order::Last => flags.sort_by_key(|flag| Reverse(flag.last_seen_unix_ms)),
        Order::Name => flags.sort_by(|a, b| a.key.cmp(&b.key)),
    }
    for flag in flags {
        table.row(vec![
            Line::of(BOLD, &flag.key),
            Line::plain(&number(state.rates.flag(flag))),
            Line::plain(&flag.evaluations.to_string()),
            errors(flag.errors),
            Line::plain(&lines::age(flag.last_seen_unix_ms, now)),
            shares(&flag.variants),
            Line::of(GREEN, &lines::sparkline(&flag.recent)),
        ]);
    }
    table
}

fn descending(a: f64, b: f64) -> Ordering {
    b.total_cmp(&a)
}

/// What the keys do, or the filter as it is typed.
fn keys(state: &State, below: usize) -> Line {
    let mut line = Line::default();
    match state.mode {
        Mode::Filtering => {
            line.push(BOLD, &format!("/{}", state.filter));
            line.push(DIM, "▏ Enter keeps it, Esc clears it");
            return line;
        }
        Mode::Help => {
            line.push(DIM, "any key goes back");
            return line;
        }
        Mode::Watching => {}
    }
    if !state.filter.is_empty() {
        line.push(YELLOW, &format!("/{}  ", state.filter));
    }
    line.push(DIM, &format!("q quit  s sort: {}  / filter  p pause  ? help", state.order.name()));
    if below > 0 {
        line.push(DIM, &format!("  ↓ {below} more"));
    }
    line
}

/// `0`, `0.4`, `12`, `12.3k`
fn number(rate: f64) -> String {
    match rate {
        rate if rate <= 0.0 => "0".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate if rate < 10_000.0 => format!("{rate:.0}"),
        rate => format!("{:.1}k", rate / 1_000.0),
    }
}

const QUEUES: [Column; 7] = [
    Column::text("QUEUE", 12, 9),
    Column::number("SENT/S", 8),
    Column::number("SENT", 4),
    Column::number("WAITING", 7),
    Column::number("FULL", 3),
    Column::number("LOST", 6),
    Column::text("LAST ANSWER", 11, 5),
];
const SENDERS: [Column; 8] = [
    Column::text("SENDER", 12, 9),
    Column::number("ITEMS/S", 8),
    Column::number("ITEMS", 4),
    Column::number("EVALUATIONS", 5),
    Column::number("SEEN", 7),
    Column::text("BY", 8, 3),
    Column::text("FROM", 9, 2),
    Column::text("SDK", 8, 1),
];
const FLAGS: [Column; 7] = [
    Column::text("FLAG", 12, 9),
    Column::number("PER S", 8),
    Column::number("TOTAL", 6),
    Column::number("ERRORS", 7),
    Column::number("SEEN", 4),
    Column::text("VARIANTS", 12, 5),
    Column::whole("LAST 5 MINUTES", 1),
];
const HELP: [&str; 13] = [
    "",
    "q, Esc, Ctrl-C     quit",
    "s                  sort senders and flags by rate, total, errors, last seen, name",
    "/                  only names with this in them; Enter keeps it, Esc clears it",
    "p, space           pause",
    "arrows, j, k       scroll; also page up and down, g and G",
    "?                  this",
    "",
    "received → enriched → sent: spans, data points and log records accepted in a second,",
    "flag evaluations recognised, items that downstreams took.",
    "queue: items that wait for their downstream.",
    "Relay proxies are coloured.",
    "`burgee doctor` explains findings.",
];
