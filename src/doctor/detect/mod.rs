//! Detectors: from what was seen to what it means. Each is a function of the evidence; none waits or asks anybody.

mod arrivals;
mod downstream;
mod identity;
mod ports;
mod traces;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::Raised;
use super::surroundings::Surroundings;
use crate::insight::{Mark, Oddity, Sender, Signs};
use crate::observe::board::{BoardState, Listener};
use crate::observe::encounters::Encounter;

/// Everything that conclusions are drawn from, at one moment.
pub(super) struct Evidence<'a> {
    pub now: SystemTime,
    pub board: BoardState,
    pub encounters: Vec<Encounter>,
    pub connections: Vec<(SocketAddr, u64, SystemTime)>,
    pub signs: Signs,
    pub surroundings: &'a Surroundings,
    /// What the configuration in force was warned of.
    pub warnings: &'a [String],
    pub fills: &'a [Fill],
    /// Counters that have risen, by what they count.
    pub changes: &'a BTreeMap<String, Change>,
}

/// A counter that has risen since burgee looked first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub count: u64,
    pub first: SystemTime,
    pub last: SystemTime,
}

/// How full a queue was at a moment, for what becomes of it.
#[derive(Clone, Debug)]
pub(super) struct Fill {
    pub exporter: Box<str>,
    pub signal: &'static str,
    pub at: SystemTime,
    /// In the queue's own unit.
    pub used: u64,
    pub bytes: u64,
}

type Detector = fn(&Evidence<'_>) -> Vec<Raised>;

const DETECTORS: [Detector; 5] =
    [arrivals::detect, ports::detect, traces::detect, identity::detect, downstream::detect];

/// What all detectors say, without what only follows from something else that they say.
pub(super) fn detect(evidence: &Evidence<'_>) -> Vec<Raised> {
    let mut raised: Vec<_> = DETECTORS.iter().flat_map(|detector| detector(evidence)).collect();
    for (cause, follows) in CONSEQUENCES {
        if raised.iter().any(|raised| raised.id == *cause) {
            raised.retain(|raised| !follows.contains(&raised.id));
        }
    }
    raised
}

impl Evidence<'_> {
    fn since_start(&self) -> Duration {
        self.now.duration_since(self.board.started_at).unwrap_or_default()
    }

    /// The ports on which telemetry is received.
    fn otlp_ports(&self) -> impl Iterator<Item = &Listener> {
        self.board
            .listeners
            .iter()
            .filter(|listener| listener.protocols.iter().any(|speaks| speaks.contains("OTLP")))
    }

    fn is_otlp_port(&self, address: SocketAddr) -> bool {
        let address = address.to_string();
        self.otlp_ports().any(|listener| listener.address == address)
    }

    /// Something about a state: it holds as long as it is raised.
    fn state(&self, id: &'static str, subject: impl Into<String>, evidence: String) -> Raised {
        let (first, last) = (self.now, self.now);
        Raised { id, subject: subject.into(), evidence, fix: None, count: 1, first, last }
    }

    /// Something that a sender does.
    fn marked(&self, id: &'static str, sender: &Sender, mark: &Mark, evidence: String) -> Raised {
        let Mark { count, first, last, .. } = *mark;
        Raised {
            id,
            subject: format!("{} {} {}", called(sender), sender.transport, sender.port.unwrap_or_default()),
            evidence,
            fix: None,
            count,
            first,
            last,
        }
    }

    /// Senders with so many marks of one kind.
    fn senders_with(&self, oddity: Oddity, at_least: u64) -> impl Iterator<Item = (&Sender, &Mark)> {
        self.signs.senders.iter().filter_map(move |sender| {
            let mark = sender.marks.get(&oddity).filter(|mark| mark.count >= at_least)?;
            Some((sender, mark))
        })
    }
}

/// A sender's name for people: `checkout-api (10.0.0.7)`.
fn called(sender: &Sender) -> String {
    let service = match &*sender.service {
        "" => "a sender without service.name".to_owned(),
        name => shown(name),
    };
    match sender.peer {
        Some(peer) if !peer.is_loopback() => format!("{service} ({peer})"),
        _ => service,
    }
}

/// Text from the network, fit for a line.
fn shown(text: &str) -> String {
    let end = text.char_indices().nth(SHOWN_CHARS_MAX).map_or(text.len(), |(end, _)| end);
    let dots = if end < text.len() { "…" } else { "" };
    format!("{}{dots}", crate::config::escape(&text[..end]))
}

/// `1 time`, `12 times`.
fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// What goes round comes twice and for ever; who listens where nobody can come hears nobody.
const CONSEQUENCES: &[(&str, &[&str])] = &[("D05", &["X07", "X08"]), ("N08", &["N01", "N10"])];
const SHOWN_CHARS_MAX: usize = 120;
/// The counter of items that were cut out at the door.
pub(super) const FLAWED: &str = "flawed";
