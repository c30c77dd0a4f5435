//! N: nothing arrives, or not all of it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Evidence, shown, times};
use crate::doctor::Raised;
use crate::insight::{Call, Oddity, Sender};
use crate::observe::facts::Kind;

pub(super) fn detect(evidence: &Evidence<'_>) -> Vec<Raised> {
    let mut raised = Vec::new();
    raised.extend(nobody_connected(evidence));
    raised.extend(only_checks(evidence));
    raised.extend(silent_relay_proxy(evidence));
    raised.extend(loopback_in_container(evidence));
    raised.extend(taken_ports(evidence));
    raised.extend(no_ipv6_loopback(evidence));
    raised.extend(lost_upstream(evidence));
    raised
}

/// Connections to the ports for telemetry, and telemetry of this very process.
fn nothing_came(evidence: &Evidence<'_>) -> bool {
    let connected =
        evidence.connections.iter().any(|(address, count, _)| *count > 0 && evidence.is_otlp_port(*address));
    !connected && evidence.board.doors.iter().all(|door| door.ledger.requests == 0)
}

fn nobody_connected(evidence: &Evidence<'_>) -> Option<Raised> {
    let ports: Vec<_> = evidence.otlp_ports().map(|listener| listener.address.as_str()).collect();
    if evidence.since_start() < PATIENCE || ports.is_empty() || !nothing_came(evidence) {
        return None;
    }
    let seconds = evidence.since_start().as_secs();
    let text =
        format!("burgee has listened on {} for {seconds} s, and nobody connected", ports.join(" and "));
    Some(evidence.state("N01", "", text))
}

/// Whoever connects and says nothing, and sends nothing otherwise.
fn only_checks(evidence: &Evidence<'_>) -> Vec<Raised> {
    let silent = |kind: Kind| matches!(kind, Kind::Silent | Kind::HelloTimeout);
    let sends = |peer| evidence.signs.senders.iter().any(|sender| sender.peer == peer && sender.items > 0);
    let checks = evidence.encounters.iter().filter(|seen| {
        silent(seen.kind)
            && seen.listener.is_some_and(|port| evidence.is_otlp_port(port))
            && !sends(seen.peer)
    });
    checks
        .filter_map(|seen| {
            let (peer, port) = (seen.peer?, seen.listener?);
            Some(Raised {
                id: "N02",
                subject: format!("{peer} {port}"),
                evidence: format!(
                    "{peer} connected to {port} {} without sending anything",
                    times(seen.count)
                ),
                fix: None,
                count: seen.count,
                first: seen.first,
                last: seen.last,
            })
        })
        .collect()
}

/// Callers tell of a relay proxy that tells nothing itself.
fn silent_relay_proxy(evidence: &Evidence<'_>) -> Option<Raised> {
    let pairs = &evidence.signs.pairs;
    // other servers of flags answer on the same paths
    let served: HashSet<_> =
        pairs.served.iter().chain(&pairs.served_elsewhere).map(|served| served.parent).collect();
    let unserved = |call: &&Call| call.is_to_relay_proxy && !served.contains(&call.span_id);
    let calls: Vec<&Call> = pairs.calls.iter().filter(unserved).collect();
    let (first, last) = (calls.first()?, calls.last()?);
    let waited = evidence.now.duration_since(first.seen).unwrap_or_default();
    let speaks = |sender: &&Sender| sender.is_relay_proxy && sender.last_seen >= first.seen;
    if calls.len() < CALLS_MIN
        || waited < BATCH_DELAY
        || evidence.signs.senders.iter().any(|sender| speaks(&sender))
    {
        return None;
    }
    let host = if last.host.is_empty() { "the relay proxy".to_owned() } else { shown(&last.host) };
    let text = format!(
        "{} called the relay proxy at {host} {}; no relay proxy sends traces here",
        shown(&last.service),
        times(calls.len() as u64)
    );
    Some(Raised {
        id: "N03",
        subject: host,
        evidence: text,
        fix: None,
        count: calls.len() as u64,
        first: first.seen,
        last: last.seen,
    })
}

fn loopback_in_container(evidence: &Evidence<'_>) -> Option<Raised> {
    let is_loopback =
        |address: &str| address.parse().is_ok_and(|address: SocketAddr| address.ip().is_loopback());
    let mut ports = evidence.otlp_ports().peekable();
    ports.peek()?;
    let all = ports.all(|listener| is_loopback(&listener.address));
    if !evidence.surroundings.in_container
        || !all
        || evidence.since_start() < AWHILE
        || !nothing_came(evidence)
    {
        return None;
    }
    let ports: Vec<_> = evidence.otlp_ports().map(|listener| listener.address.as_str()).collect();
    let text = format!(
        "burgee runs in a container and listens on {} only; nothing has arrived",
        ports.join(" and ")
    );
    Some(evidence.state("N08", "", text))
}

fn taken_ports(evidence: &Evidence<'_>) -> Vec<Raised> {
    let is_open =
        |port: SocketAddr| evidence.board.listeners.iter().any(|open| open.address == port.to_string());
    let taken = evidence
        .encounters
        .iter()
        .filter(|seen| seen.kind == Kind::PortTaken && !seen.listener.is_some_and(is_open));
    taken
        .map(|seen| {
            let subject = seen.listener.map(|port| port.to_string()).unwrap_or_default();
            // it is taken until burgee is started anew
            evidence.state("N09", subject.clone(), format!("{subject} could not be opened: {}", seen.detail))
        })
        .collect()
}

fn no_ipv6_loopback(evidence: &Evidence<'_>) -> Option<Raised> {
    let mut ports = evidence.otlp_ports().peekable();
    ports.peek()?;
    let all = ports.all(|listener| listener.address.starts_with("127.0.0.1:"));
    let waited = evidence.since_start() >= PATIENCE;
    (all && waited && evidence.surroundings.has_ipv6_loopback && nothing_came(evidence)).then(|| {
        let text = "nothing has arrived; burgee listens on 127.0.0.1, and localhost may mean ::1 to a sender";
        evidence.state("N10", "", text.to_owned())
    })
}

/// Who was refused for long enough has thrown something away: that shows in parents that are missing afterwards.
fn lost_upstream(evidence: &Evidence<'_>) -> Vec<Raised> {
    let refused =
        evidence.encounters.iter().filter(|seen| seen.kind == Kind::NoRoom && seen.count >= REFUSED_MIN);
    refused
        .filter_map(|seen| {
            let peer = seen.peer?;
            let senders = evidence.signs.senders.iter().filter(|sender| sender.peer == Some(peer));
            let marks = senders
                .flat_map(|sender| [Oddity::Orphan, Oddity::Gap].map(|oddity| sender.marks.get(&oddity)));
            let gaps: u64 = marks.flatten().filter(|mark| mark.last >= seen.first).map(|mark| mark.count).sum();
            let seconds = seen.last.duration_since(seen.first).unwrap_or_default().as_secs();
            (gaps > 0).then(|| Raised {
                id: "N11",
                subject: peer.to_string(),
                evidence: format!(
                    "burgee refused {peer} {} within {seconds} s for want of room, and the parents of {gaps} spans are missing",
                    times(seen.count)
                ),
                fix: None,
                count: seen.count,
                first: seen.first,
                last: seen.last,
            })
        })
        .collect()
}

const PATIENCE: Duration = Duration::from_secs(60);
const AWHILE: Duration = Duration::from_secs(10);
/// Relay proxies send every five seconds.
const BATCH_DELAY: Duration = Duration::from_secs(8);
const CALLS_MIN: usize = 3;
/// SDKs hold four batches by default, and try each a few times.
const REFUSED_MIN: u64 = 8;
