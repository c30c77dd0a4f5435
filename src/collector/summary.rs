//! The last line: what became of everything.

use std::collections::BTreeMap;
use std::fmt;

use crate::observe::board::BoardState;
use crate::otlp::Signal;

/// What a collector has done, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests at all doors.
    pub requests: u64,
    /// Accepted items by signal, for signals that came.
    pub received: BTreeMap<Signal, u64>,
    /// Items that were refused at the door, and so are still their senders'.
    pub refused: u64,
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
            summary.refused += door.ledger.refused;
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
            write!(out, "{}{count} {}", if index > 0 { ", " } else { "" }, signal.items())?;
        }
        write!(out, " in {} requests", self.requests)?;
        if self.refused > 0 {
            write!(out, ", refused {}", self.refused)?;
        }
        write!(out, "; enriched {} flag evaluations", self.evaluations)?;
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
    fn nothing_received_is_said_too() {
        let text = Summary::default().to_string();
        assert_eq!(text, "burgee stopped: received nothing in 0 requests; enriched 0 flag evaluations");
    }
}
