//! Whether burgee is of use to whoever sends to it: what health checks answer.

use std::time::Duration;

use super::board::{BoardState, OutboxState, Phase};

/// How burgee is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether requests should be sent here.
    pub is_ready: bool,
    /// What keeps it from that, and what is odd though it does not: a sentence each.
    pub why: Vec<String>,
}

/// When an exporter that does not deliver counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long an exporter may deliver nothing before it is told of.
    pub failing_after: Duration,
    /// Whether one such exporter is enough not to be ready.
    pub failing_is_unready: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { failing_after: Duration::from_secs(60), failing_is_unready: false }
    }
}

/// Not ready is what starts, what stops, and what could only refuse: every queue is full, and no exporter delivers.
/// An exporter that fails while there is room for what comes in is a reason to look, not to send elsewhere.
pub fn health(board: &BoardState, patience: Patience) -> Health {
    match board.phase {
        Phase::Starting => return unready("burgee is starting"),
        Phase::Stopping => return unready("burgee is stopping"),
        Phase::Running => {}
    }
    let failing: Vec<&OutboxState> = board
        .outboxes
        .iter()
        .filter(|outbox| outbox.failing_for.is_some_and(|time| time >= patience.failing_after))
        .collect();
    let mut why: Vec<String> = failing.iter().map(|outbox| sentence(outbox)).collect();
    let mut minded = board.outboxes.iter().filter(|outbox| !outbox.lossy).peekable();
    let is_stuck = |outbox: &OutboxState| outbox.full && outbox.failing_for.is_some();
    let can_only_refuse = minded.peek().is_some() && minded.all(is_stuck);
    if can_only_refuse {
        why.insert(0, "every queue is full and no exporter delivers: requests are refused".to_owned());
    }
    Health { is_ready: !can_only_refuse && (failing.is_empty() || !patience.failing_is_unready), why }
}

fn unready(why: &str) -> Health {
    Health { is_ready: false, why: vec![why.to_owned()] }
}

fn sentence(outbox: &OutboxState) -> String {
    let seconds = outbox.failing_for.unwrap_or_default().as_secs();
    let OutboxState { exporter, signal, .. } = outbox;
    let full = if outbox.full { ", and its queue is full" } else { "" };
    format!("exporter {exporter} has delivered no {signal} for {seconds}s{full}; the log says why")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::board::{Board, Fill, OutboxView};
    use crate::observe::ledger::OutboxLedger;

    #[derive(Clone, Copy)]
    struct Downstream {
        failing_for: Option<u64>,
        full: bool,
        lossy: bool,
    }

    impl OutboxView for Downstream {
        fn snapshot(&self) -> OutboxState {
            OutboxState {
                exporter: "otlp".into(),
                signal: "traces",
                ledger: OutboxLedger::default(),
                fill: Fill::default(),
                in_flight: 0,
                retrying: 0,
                isolated: false,
                failing_for: self.failing_for.map(Duration::from_secs),
                full: self.full,
                lossy: self.lossy,
                last: None,
            }
        }
    }

    const FINE: Downstream = Downstream { failing_for: None, full: false, lossy: false };

    fn with(downstreams: &[Downstream], patience: Patience) -> Health {
        let board = Board::new();
        board.set_phase(Phase::Running);
        for downstream in downstreams {
            board.add_outbox(Arc::new(*downstream));
        }
        health(&board.snapshot(), patience)
    }

    #[test]
    fn what_starts_and_what_stops_is_not_ready() {
        let board = Board::new();
        assert_eq!(health(&board.snapshot(), Patience::default()), unready("burgee is starting"));
        board.set_phase(Phase::Running);
        assert_eq!(
            health(&board.snapshot(), Patience::default()),
            Health { is_ready: true, why: Vec::new() }
        );
        board.set_phase(Phase::Stopping);
        assert_eq!(health(&board.snapshot(), Patience::default()), unready("burgee is stopping"));
    }

    #[test]
    fn an_exporter_that_fails_is_told_of_and_no_reason_to_send_elsewhere() {
        let short = Downstream { failing_for: Some(59), ..FINE };
        let long = Downstream { failing_for: Some(60), ..FINE };
        assert_eq!(with(&[FINE, short], Patience::default()).why, [""; 0]);
        let health = with(&[FINE, long], Patience::default());
        assert!(health.is_ready);
        assert_eq!(health.why, ["exporter otlp has delivered no traces for 60s; the log says why"]);
        let strict = Patience { failing_is_unready: true, ..Patience::default() };
        assert!(!with(&[FINE, long], strict).is_ready);
        assert!(with(&[FINE, short], strict).is_ready);
    }

    #[test]
    fn what_can_only_refuse_is_not_ready() {
        let stuck = Downstream { failing_for: Some(1), full: true, lossy: false };
        let lossy = Downstream { lossy: true, ..FINE };
        let health = with(&[stuck, stuck, lossy], Patience::default());
        assert!(!health.is_ready);
        assert!(health.why[0].contains("every queue is full"), "{health:?}");
        assert!(with(&[stuck, FINE], Patience::default()).is_ready);
        let busy = Downstream { full: true, ..FINE };
        assert!(with(&[busy], Patience::default()).is_ready, "full and delivering is a moment's matter");
        assert!(with(&[lossy], Patience::default()).is_ready);
    }
}
