//! The last line: what became of everything.

use std::collections::BTreeMap;
use std::fmt;

use crate::observe::board::BoardState;
use crate::observe::ledger::DoorOutcome;
use crate::otlp::Signal;

/// What a collector has done, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests at all doors.
    pub requests: u64,
    /// Accepted items by signal, for signals that came.
    pub received: BTreeMap<Signal, u64>,
    /// Requests that were told to come again, for want of room or at the stop.
    pub refused: u64,
    /// Requests that were turned away for good: malformed, too large.
    pub rejected: u64,
    /// Flag evaluations recognised.
    pub evaluations: u64,
    /// By exporter, in the order of the configuration.
    pub exporters: Vec<Exported>,
}

/// What became of the items of one exporter, all signals together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub exporter: String,
    pub sent: u64,
    /// Refused by the downstream for good.
    pub rejected: u64,
    /// By reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Still held; 0 after a stop.
    pub held: u64,
}

impl Summary {
    pub(super) fn of(board: &BoardState) -> Summary {
        let mut summary = Summary::default();
        for door in &board.doors {
            summary.requests += door.ledger.requests;
            summary.refused += door.ledger.requests_by(DoorOutcome::Refused);
            summary.rejected += door.ledger.requests_by(DoorOutcome::Rejected);
            let signal = Signal::ALL.into_iter().find(|signal| signal.name() == door.signal);
            if let Some(signal) = signal.filter(|_| door.ledger.accepted > 0) {
                *summary.received.entry(signal).or_default() += door.ledger.accepted;
            }
        }
        summary.evaluations = board.pipelines.iter().map(|pipeline| pipeline.ledger.evaluations).sum();
        for outbox in &board.outboxes {
            let exported = summary.exporter(&outbox.exporter);
            exported.sent += outbox.ledger.sent;
            exported.rejected += outbox.ledger.rejected;
            exported.held += outbox.ledger.held;
            for (reason, items) in outbox.ledger.dropped.iter() {
                *exported.dropped.entry(reason.name()).or_default() += items;
            }
        }
        summary
    }

    fn exporter(&mut self, id: &str) -> &mut Exported {
        let known = self.exporters.iter().position(|exported| exported.exporter == id);
        let at = known.unwrap_or_else(|| {
            self.exporters.push(Exported { exporter: id.to_owned(), ..Exported::default() });
            self.exporters.len() - 1
        });
        &mut self.exporters[at]
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("burgee stopped: received ")?;
        if self.received.is_empty() {
            out.write_str("nothing")?;
        }
        for (index, (signal, count)) in self.received.iter().enumerate() {
            write!(out, "{}{}", if index > 0 { ", " } else { "" }, counted(*count, signal.items()))?;
        }
        write!(out, " in {}", counted(self.requests, "requests"))?;
        if self.refused > 0 {
            write!(out, ", {} refused", self.refused)?;
        }
        if self.rejected > 0 {
            write!(out, ", {} rejected", self.rejected)?;
        }
        write!(out, "; enriched {}", counted(self.evaluations, "flag evaluations"))?;
        for exported in &self.exporters {
            write!(out, "; {}: {} sent", exported.exporter, exported.sent)?;
            if exported.rejected > 0 {
                write!(out, ", {} rejected", exported.rejected)?;
            }
            for (reason, items) in &exported.dropped {
                write!(out, ", {items} dropped ({reason})")?;
            }
            if exported.held > 0 {
                write!(out, ", {} held", exported.held)?;
            }
        }
        Ok(())
    }
}

/// A number and what it counts: `1 span`, `2 spans`. `plural` ends in s.
pub(crate) fn counted(count: u64, plural: &str) -> String {
    let word = if count == 1 { plural.trim_end_matches('s') } else { plural };
    format!("{count} {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_where_everything_went() {
        let debug = Exported { exporter: "debug".into(), sent: 12, ..Exported::default() };
        let dropped = [("drain_deadline", 3)].into();
        let jaeger = Exported { exporter: "otlp/jaeger".into(), sent: 9, dropped, ..Exported::default() };
        let summary = Summary {
            requests: 4,
            received: [(Signal::Traces, 10), (Signal::Logs, 2)].into(),
            refused: 0,
            rejected: 0,
            evaluations: 5,
            exporters: vec![debug, jaeger],
        };
        assert_eq!(
            summary.to_string(),
            "burgee stopped: received 10 spans, 2 log records in 4 requests; enriched 5 flag evaluations; \
             debug: 12 sent; otlp/jaeger: 9 sent, 3 dropped (drain_deadline)"
        );
    }

    #[test]
    fn what_was_turned_away_is_said_and_one_is_not_many() {
        let received = [(Signal::Traces, 1)].into();
        let summary =
            Summary { requests: 6, received, refused: 3, rejected: 2, evaluations: 1, ..Summary::default() };
        assert_eq!(
            summary.to_string(),
            "burgee stopped: received 1 span in 6 requests, 3 refused, 2 rejected; enriched 1 flag evaluation"
        );
    }

    #[test]
    fn nothing_received_is_said_too() {
        let text = Summary::default().to_string();
        assert_eq!(text, "burgee stopped: received nothing in 0 requests; enriched 0 flag evaluations");
    }
}
