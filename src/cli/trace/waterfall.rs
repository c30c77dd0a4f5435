//! The picture of a trace: what it is, its evaluations on a time line, its spans below each other with their time.

use std::time::{Duration, SystemTime};

use super::tree::{self, Placed, Stands};
use crate::admin::v1::{Evaluation, Span, TraceResponse};
use crate::cli::lines::{self, BOLD, CYAN, DIM, GREEN, Line, PLAIN, RED, YELLOW};
use crate::collector::counted;

/// How much of a long trace is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows {
    All,
    First(usize),
}

/// Lines of at most `width` columns.
pub(super) fn draw(trace: &TraceResponse, width: usize, rows: Rows) -> Vec<Line> {
    let scale = Scale::of(&trace.spans, width);
    let mut lines = head(trace);
    lines.extend(lane(trace, &scale, rows));
    lines.push(Line::default());
    lines.extend(spans(&trace.spans, &scale, rows));
    if !trace.notes.is_empty() {
        lines.push(Line::default());
        for note in &trace.notes {
            lines.extend(lines::wrapped(&format!("note: {note}"), width).map(|line| Line::of(YELLOW, &line)));
        }
    }
    lines.into_iter().map(|line| line.cut(width)).collect()
}

fn head(trace: &TraceResponse) -> Vec<Line> {
    let summary = trace.summary.clone().unwrap_or_default();
    let mut first = Line::of(DIM, "trace ");
    first.push(BOLD, &summary.trace_id);
    let mut name = Line::of(BOLD, &summary.name);
    if !summary.service.is_empty() {
        name.push(DIM, " of ");
        name.push(PLAIN, &summary.service);
    }
    let took = lines::took(summary.duration_us.saturating_mul(1_000));
    let start = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(summary.started_unix_ms));
    // years beyond 9999 have no such form
    let start = start.filter(|_| summary.started_unix_ms < YEAR_10000_MS);
    let start = start.map_or("-".to_owned(), |start| humantime::format_rfc3339_millis(start).to_string());
    let mut facts = Line::plain(&format!("{start}, took {took}, {}", counted(summary.spans.into(), "spans")));
    if summary.errors > 0 {
        facts.push(RED, &format!(", {}", counted(summary.errors.into(), "errors")));
    }
    let mut heads = vec![first, name, facts];
    if !summary.services.is_empty() {
        let mut services = Line::of(DIM, "services ");
        services.push(PLAIN, &summary.services.join(", "));
        heads.push(services);
    }
    heads
}

/// The evaluations by their time.
fn lane(trace: &TraceResponse, scale: &Scale, rows: Rows) -> Vec<Line> {
    let mut evaluations: Vec<(u64, &Span, &Evaluation)> = Vec::new();
    for span in &trace.spans {
        evaluations.extend(span.evaluations.iter().map(|of| (scale.offset_of(of, span), span, of)));
    }
    if evaluations.is_empty() {
        return Vec::new();
    }
    evaluations.sort_by_key(|(offset, ..)| *offset);
    let shown = match rows {
        Rows::All => evaluations.len(),
        Rows::First(_) => EVALUATIONS_SHOWN_MAX,
    };
    let mut lines = vec![Line::default(), Line::of(DIM, "flags")];
    lines.extend(evaluations.iter().take(shown).map(|(offset, span, evaluation)| {
        let mut line = evaluated(evaluation).padded(scale.name_width);
        if scale.service_width > 0 {
            line.push(PLAIN, " ");
            let service = if evaluation.service.is_empty() { &span.service } else { &evaluation.service };
            line.append(Line::plain(service).padded(scale.service_width));
        }
        line.push(PLAIN, "   ");
        line.append(Line::plain(&format!("+{}", lines::took(*offset))).right(TOOK_WIDTH));
        line.push(PLAIN, &format!(" {}", " ".repeat(scale.column(*offset))));
        line.push(CYAN, "◆");
        line
    }));
    if let Some(more @ 1..) = evaluations.len().checked_sub(shown) {
        let more = counted(more as u64, "evaluations");
        lines.push(Line::of(DIM, &format!("… and {more} more, beside their spans; --all shows them here")));
    }
    lines
}

fn spans(spans: &[Span], scale: &Scale, rows: Rows) -> Vec<Line> {
    let mut lines = Vec::new();
    let most = match rows {
        Rows::All => usize::MAX,
        Rows::First(most) => most,
    };
    let placed = tree::arrange(spans);
    for (at, place) in placed.iter().enumerate() {
        if lines.len() >= most {
            let more = counted((placed.len() - at) as u64, "spans");
            lines.push(Line::of(YELLOW, &format!("… {more} left out; --all shows everything")));
            break;
        }
        let span = &spans[place.span];
        lines.push(row(span, *place, scale));
        let room = most.saturating_sub(lines.len());
        lines.extend(beside(span, *place, scale).take(room));
    }
    lines
}

fn row(span: &Span, place: Placed, scale: &Scale) -> Line {
    let has_failed = span.status == "error";
    let mut name = scale.indent(place.depth);
    name.push(if has_failed { RED } else { BOLD }, &span.name);
    let mut line = name.padded(scale.name_width);
    if scale.service_width > 0 {
        line.push(PLAIN, " ");
        line.append(Line::of(CYAN, &span.service).padded(scale.service_width));
    }
    line.push(DIM, &format!(" {} ", kind(&span.kind)));
    line.append(Line::plain(&lines::took(span.duration_nano)).right(TOOK_WIDTH));
    line.push(PLAIN, " ");
    line.push(if has_failed { RED } else { GREEN }, &scale.bar(span));
    line
}

/// Why the span stands where it does, what went wrong, and the evaluations: each on a line below it.
fn beside(span: &Span, place: Placed, scale: &Scale) -> impl Iterator<Item = Line> {
    let depth = place.depth;
    let stands = match place.stands {
        Stands::First | Stands::Below => None,
        Stands::Orphan => Some("(parent did not arrive)"),
        Stands::Circle => Some("(its parents go in a circle)"),
    };
    let stands = stands.map(|stands| {
        let mut line = scale.indent(depth + 1);
        line.push(YELLOW, stands);
        line
    });
    let failure = (span.status == "error").then(|| {
        let mut line = scale.indent(depth + 1);
        line.push(RED, "error");
        if !span.status_message.is_empty() {
            line.push(RED, &format!(": {}", span.status_message));
        }
        line
    });
    let evaluations = span.evaluations.iter().map(move |evaluation| {
        let mut line = scale.indent(depth + 1);
        line.append(evaluated(evaluation));
        line
    });
    stands.into_iter().chain(failure).chain(evaluations)
}

/// `⚑ new-checkout = on (split)`
fn evaluated(evaluation: &Evaluation) -> Line {
    let has_failed = !evaluation.error.is_empty();
    let result = match (evaluation.variant.as_str(), evaluation.value.as_str()) {
        ("", "") => "-",
        ("", value) => value,
        (variant, _) => variant,
    };
    let mut line = Line::of(CYAN, "⚑ ");
    line.push(PLAIN, if evaluation.key.is_empty() { "-" } else { &evaluation.key });
    line.push(DIM, " = ");
    line.push(if has_failed { RED } else { GREEN }, result);
    let why = if has_failed { &evaluation.error } else { &evaluation.reason };
    if !why.is_empty() {
        line.push(if has_failed { RED } else { DIM }, &format!(" ({why})"));
    }
    line
}

fn kind(name: &str) -> &'static str {
    KINDS.iter().find(|(kind, _)| *kind == name).map_or("-", |(_, letter)| letter)
}

/// How time and depth become columns.
struct Scale {
    /// Nanoseconds since 1970.
    start: u64,
    duration: u64,
    name_width: usize,
    /// 0 where there is no room for it.
    service_width: usize,
    bar_width: usize,
}

impl Scale {
    fn of(spans: &[Span], width: usize) -> Scale {
        let end = |span: &Span| span.start_unix_nano.saturating_add(span.duration_nano);
        let start = spans.iter().map(|span| span.start_unix_nano).min().unwrap_or(0);
        let duration = spans.iter().map(end).max().unwrap_or(start) - start;
        let room = width.saturating_sub(KIND_WIDTH + TOOK_WIDTH + 1);
        let services = spans.iter().map(|span| Line::plain(&span.service).width()).max().unwrap_or(0);
        let service_width = if width < NARROW { 0 } else { services.min(room / 4) };
        let room = room.saturating_sub(service_width + usize::from(service_width > 0));
        let bar_width = room * 2 / 5;
        Scale { start, duration, name_width: room - bar_width, service_width, bar_width }
    }

    fn indent(&self, depth: usize) -> Line {
        let most = self.name_width / 2;
        match depth.saturating_mul(2) {
            columns if columns <= most => Line::plain(&" ".repeat(columns)),
            // so deep that names would not be seen
            _ => Line::of(DIM, &format!("{}›{depth} ", " ".repeat(most.saturating_sub(6)))),
        }
    }

    /// Evaluations know the millisecond in which they were; if that makes no sense here, they were when their span began.
    fn offset_of(&self, evaluation: &Evaluation, span: &Span) -> u64 {
        let begins = span.start_unix_nano - self.start;
        let at = evaluation.at_unix_ms.saturating_mul(1_000_000);
        let within = at.checked_sub(self.start).filter(|offset| *offset <= self.duration);
        within.map_or(begins, |offset| offset.max(begins))
    }

    /// The column of the bar in which an offset lies.
    fn column(&self, offset: u64) -> usize {
        self.eighths(offset) / 8
    }

    /// A span's part of the trace's time. What is too short to be seen is a line.
    fn bar(&self, span: &Span) -> String {
        let from = self.column(span.start_unix_nano - self.start);
        let length = self.eighths(span.duration_nano).min((self.bar_width - from.min(self.bar_width)) * 8);
        let mut bar = " ".repeat(from);
        bar.push_str(&"█".repeat(length / 8));
        let rest = length % 8;
        if rest > 0 || length == 0 {
            bar.push(EIGHTHS[rest]);
        }
        bar
    }

    /// A column has eight of them. The last column is not left.
    fn eighths(&self, nanos: u64) -> usize {
        let columns = self.bar_width as u128 * 8;
        let eighths = u128::from(nanos) * columns / u128::from(self.duration.max(1));
        // not above the number of columns, which was an usize
        eighths.min(columns.saturating_sub(if nanos < self.duration { 1 } else { 0 })) as usize
    }
}

const EIGHTHS: [char; 8] = ['▏', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const KINDS: [(&str, &str); 5] =
    [("internal", "I"), ("server", "S"), ("client", "C"), ("producer", "P"), ("consumer", "M")];
const TOOK_WIDTH: usize = 8;
/// A letter between two blanks.
const KIND_WIDTH: usize = 3;
/// Below it, services have no column.
const NARROW: usize = 60;
/// In the lane; all of them stand beside their spans.
const EVALUATIONS_SHOWN_MAX: usize = 30;
const YEAR_10000_MS: u64 = 253_402_300_800_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::v1::TraceSummary;

    fn span(id: &str, parent: &str, start_ms: u64, took_ms: u64) -> Span {
        Span {
            span_id: id.into(),
            parent_span_id: parent.into(),
            name: format!("span {id}"),
            service: "checkout-api".into(),
            kind: "server".into(),
            start_unix_nano: (1_000 + start_ms) * 1_000_000,
            duration_nano: took_ms * 1_000_000,
            status: "unset".into(),
            ..Default::default()
        }
    }

    fn trace() -> TraceResponse {
        let evaluation = Evaluation {
            key: "new-checkout".into(),
            variant: "on".into(),
            reason: "split".into(),
            at_unix_ms: 1_050,
            ..Default::default()
        };
        let failed =
            Evaluation { key: "x\u{1b}[31m".into(), error: "flag_not_found".into(), ..evaluation.clone() };
        let mut spans = vec![span("a", "", 0, 100), span("b", "a", 50, 25), span("c", "gone", 99, 0)];
        spans[0].evaluations = vec![evaluation];
        spans[1].evaluations = vec![failed];
        spans[1].status = "error".into();
        spans[1].status_message = "no\nroom\u{1b}[2J".into();
        TraceResponse {
            summary: Some(TraceSummary {
                trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
                name: "span a".into(),
                service: "checkout-api".into(),
                started_unix_ms: 1_000,
                duration_us: 100_000,
                spans: 3,
                errors: 1,
                services: vec!["checkout-api".into()],
                ..Default::default()
            }),
            spans,
            notes: vec!["1 span names a parent that did not arrive".into()],
        }
    }

    fn text(trace: &TraceResponse, width: usize, rows: Rows) -> String {
        let lines = draw(trace, width, rows);
        assert!(lines.iter().all(|line| line.width() <= width), "{width}");
        let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        anstream::adapter::strip_str(&text.concat()).to_string()
    }

    #[test]
    fn a_trace_is_drawn() {
        insta::assert_snapshot!("waterfall_in_80_columns", text(&trace(), 80, Rows::First(100)));
        insta::assert_snapshot!("waterfall_in_40_columns", text(&trace(), 40, Rows::First(100)));
    }

    #[test]
    fn any_width_and_any_time_can_be_drawn() {
        let mut odd = trace();
        odd.spans.push(Span { start_unix_nano: 0, duration_nano: u64::MAX, ..Default::default() });
        odd.spans.push(Span { start_unix_nano: u64::MAX, duration_nano: u64::MAX, ..Default::default() });
        if let Some(summary) = &mut odd.summary {
            (summary.started_unix_ms, summary.duration_us) = (u64::MAX, u64::MAX);
        }
        for width in 0..150 {
            text(&odd, width, Rows::All);
            text(&TraceResponse::default(), width, Rows::All);
        }
    }

    #[test]
    fn a_long_trace_says_what_it_leaves_out() {
        let spans = (0..5_000).map(|at| span(&at.to_string(), "", at, 1)).collect();
        let long = TraceResponse { spans, ..Default::default() };
        let short = text(&long, 80, Rows::First(2_000));
        assert!(short.ends_with("… 3000 spans left out; --all shows everything\n"), "{short}");
        assert!(text(&long, 80, Rows::All).lines().count() > 5_000);
    }

    #[test]
    fn a_deep_trace_still_has_names() {
        let spans = (1..3_000_u64).map(|at| span(&at.to_string(), &(at - 1).to_string(), at, 1)).collect();
        let deep = text(&TraceResponse { spans, ..Default::default() }, 80, Rows::All);
        assert!(deep.contains("›2998 span 2999"), "{deep}");
    }
}
