//! X and C07: traces that are broken, partial, or not what their owner believes.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::{Evidence, called, shown, times};
use crate::doctor::Raised;
use crate::doctor::versions::{self, Tracing};
use crate::insight::{Call, Mark, Oddity, Sender, Served, SpanId};

/// A finding that is a mark and a sentence: id, oddity, how often it takes, and what the sender does.
struct Row(&'static str, Oddity, u64, &'static str);

const ROWS: [Row; 9] = [
    Row("X06", Oddity::ClientRoot, 10, "makes calls that no request of its own leads to, such as"),
    Row("X07", Oddity::Twice, 1, "sends spans twice:"),
    Row("X07", Oddity::Circle, 1, "sends spans that are their own ancestors:"),
    Row("X08", Oddity::EndlessTrace, 1, "keeps on adding to one trace:"),
    Row("X09", Oddity::Unjoined, 5, "evaluates flags outside every request:"),
    Row("X09", Oddity::UnjoinedByDesign, 5, "exports each evaluation as a trace of its own, by design:"),
    Row("X10", Oddity::Cached, 1, "answers evaluations from its cache:"),
    Row("X12", Oddity::Recovered, 1, "sends evaluations whose key only the URL knows:"),
    Row("X15", Oddity::Late, 3, "sends spans long after they ended, the latest after"),
];

pub(super) fn detect(evidence: &Evidence<'_>) -> Vec<Raised> {
    let mut raised = Vec::new();
    for Row(id, oddity, at_least, does) in ROWS {
        for (sender, mark) in evidence.senders_with(oddity, at_least) {
            let is_usual = match oddity {
                // in a page, what it fetches is often the first thing that there is
                Oddity::ClientRoot => sender.is_browser,
                // an answer that was lost or late is asked for again
                Oddity::Twice => mark.count * TWICE_ONE_IN < sender.items,
                _ => false,
            };
            if is_usual {
                continue;
            }
            let text = format!("{} {does} {} ({})", called(sender), shown(&mark.sample), times(mark.count));
            let marked = evidence.marked(id, sender, mark, text);
            raised.push(Raised { subject: format!("{} {does}", marked.subject), ..marked });
        }
    }
    raised.extend(unconnected(evidence));
    raised.extend(orphans(evidence));
    raised.extend(in_process(evidence));
    raised.extend(bulk_only(evidence));
    raised.extend(restarted(evidence));
    raised.extend(noise(evidence));
    raised
}

/// Calls, and what served them: in the same trace, or at the same time on the same path in another one.
#[derive(Default)]
struct Joined<'a> {
    connected: u64,
    apart: Vec<(&'a Call, &'a Served)>,
}

/// X01, X02, X03 for relay proxies and C07 for browsers, by the service that served.
fn unconnected(evidence: &Evidence<'_>) -> Vec<Raised> {
    let pairs = &evidence.signs.pairs;
    let all = || pairs.served.iter().chain(&pairs.served_elsewhere);
    let parents: HashSet<SpanId> = all().map(|served| served.parent).collect();
    let mut by_server: BTreeMap<(bool, &str), Joined<'_>> = BTreeMap::new();
    let mut taken = HashSet::new();
    // until then what served a call may come, and something else would be taken for it
    let is_old = |call: &&Call| evidence.now.duration_since(call.seen).unwrap_or_default() >= BATCH_DELAY;
    for call in pairs.calls.iter().filter(is_old) {
        if parents.contains(&call.span_id) {
            let served = all().find(|served| served.parent == call.span_id);
            if let Some(served) = served {
                by_server.entry((call.is_to_relay_proxy, &served.service)).or_default().connected += 1;
            }
            continue;
        }
        let fits = |(number, served): &(usize, &Served)| {
            !taken.contains(number)
                && served.parent == SpanId::default()
                && served.is_relay_proxy == call.is_to_relay_proxy
                && call.service != served.service
                && call.path.ends_with(&*served.path)
                && served.start.saturating_add(SKEW_NANOS) >= call.start
                && served.end <= call.end.saturating_add(SKEW_NANOS)
        };
        if let Some((number, served)) = all().enumerate().find(fits) {
            taken.insert(number);
            by_server
                .entry((call.is_to_relay_proxy, &served.service))
                .or_default()
                .apart
                .push((call, served));
        }
    }
    by_server
        .into_iter()
        .filter_map(|((is_relay_proxy, _), joined)| apart(evidence, is_relay_proxy, &joined))
        .collect()
}

fn apart(evidence: &Evidence<'_>, is_relay_proxy: bool, joined: &Joined<'_>) -> Option<Raised> {
    let apart = joined.apart.len() as u64;
    // 95 of 100
    if apart < PAIRS_MIN || apart * 5 < joined.connected * 95 {
        return None;
    }
    let (call, served) = joined.apart.last()?;
    let first = joined.apart.first()?.1.seen;
    let all = apart + joined.connected;
    let (caller, server) = (shown(&call.service), shown(&served.service));
    let (id, fix) = match is_relay_proxy {
        false => ("C07", None),
        true => relay_proxy(evidence, call, served),
    };
    let version =
        if served.version.is_empty() { String::new() } else { format!(" {}", shown(&served.version)) };
    let evidence = format!(
        "{caller} called {server}{version} {all} times; {apart} of {all} began a trace of their own there"
    );
    let last = call.seen.max(served.seen);
    Some(Raised { id, subject: format!("{caller} {server}"), evidence, fix, count: apart, first, last })
}

/// Which of the causes it is, by the version and the caller's ids.
fn relay_proxy(evidence: &Evidence<'_>, call: &Call, served: &Served) -> (&'static str, Option<String>) {
    let verdict = versions::verdict(&served.version);
    let short = |sender: &&Sender| sender.service == call.service && sender.count(Oddity::ShortTraceId) > 0;
    match verdict.tracing {
        Tracing::ContinuesCallers if call.is_browser => ("C07", None),
        Tracing::ContinuesCallers if evidence.signs.senders.iter().any(|sender| short(&sender)) => {
            ("X03", None)
        }
        Tracing::ContinuesCallers => ("X02", None),
        Tracing::Unknown => ("X01", None),
        _ => ("X01", Some(verdict.fix.to_owned()).filter(|fix| !fix.is_empty())),
    }
}

/// X04, X05: spans whose parents are in another process and never came.
fn orphans(evidence: &Evidence<'_>) -> Vec<Raised> {
    let found = evidence.senders_with(Oddity::Orphan, ORPHANS_MIN);
    let raised = found.filter_map(|(sender, mark)| {
        let joined = sender.count(Oddity::Joined);
        let all = mark.count + joined;
        let text = format!(
            "{} of {all} spans of {} have a parent elsewhere that did not arrive",
            mark.count,
            called(sender)
        );
        // a part of them: their callers are sampled, and this one is not
        let is_part = sender.is_relay_proxy && joined * 50 > all;
        let id = if is_part { "X05" } else { "X04" };
        (mark.count * 20 > all).then(|| evidence.marked(id, sender, mark, text))
    });
    raised.collect()
}

/// X10: SDKs that fetch the flags and evaluate them by themselves.
fn in_process(evidence: &Evidence<'_>) -> Vec<Raised> {
    let found = evidence.senders_with(Oddity::ConfigurationFetched, 1);
    let raised = found.map(|(sender, mark)| {
        let text = format!(
            "{} was asked for all its flags {}: they are evaluated in applications",
            called(sender),
            times(mark.count)
        );
        evidence.marked("X10", sender, mark, text)
    });
    raised.collect()
}

fn bulk_only(evidence: &Evidence<'_>) -> Vec<Raised> {
    let found =
        evidence.senders_with(Oddity::Bulk, 1).filter(|(sender, _)| sender.count(Oddity::Evaluated) == 0);
    let raised = found.map(|(sender, mark)| {
        let text = format!(
            "{} evaluated all flags at once {}, and no single one",
            called(sender),
            times(mark.count)
        );
        evidence.marked("X11", sender, mark, text)
    });
    raised.collect()
}

/// X13: calls just before the process of a relay proxy changed, which nothing served.
fn restarted(evidence: &Evidence<'_>) -> Vec<Raised> {
    let pairs = &evidence.signs.pairs;
    let parents: HashSet<SpanId> = pairs.served.iter().map(|served| served.parent).collect();
    let (joined, unserved): (Vec<&Call>, Vec<&Call>) = pairs
        .calls
        .iter()
        .filter(|call| call.is_to_relay_proxy && pairs.served_since().is_none_or(|since| call.seen > since))
        .partition(|call| parents.contains(&call.span_id));
    // one that never goes on with the traces of its callers has lost nothing that would show
    if joined.len() < JOINED_MIN {
        return Vec::new();
    }
    let found = evidence.senders_with(Oddity::Restarted, 1).filter(|(sender, mark)| {
        // until then spans of before may come, and perhaps the process is one of several
        sender.is_relay_proxy && evidence.now.duration_since(mark.last).unwrap_or_default() >= SETTLED
    });
    let raised = found.filter_map(|(sender, mark)| {
        let before = mark.last.checked_sub(BEFORE_RESTART)?;
        let unserved =
            unserved.iter().filter(|call| (before..=mark.last).contains(&call.seen)).count() as u64;
        let text = format!(
            "{}: {}; {unserved} calls just before have no span there",
            called(sender),
            shown(&mark.sample)
        );
        (unserved > 0)
            .then(|| evidence.marked("X13", sender, &Mark { count: unserved, ..mark.clone() }, text))
    });
    raised.collect()
}

fn noise(evidence: &Evidence<'_>) -> Vec<Raised> {
    let found = evidence.senders_with(Oddity::Noise, NOISE_MIN).filter(|(sender, _)| sender.is_relay_proxy);
    let raised = found.filter_map(|(sender, mark)| {
        let all = mark.count + sender.count(Oddity::Served);
        let text =
            format!("{} of {all} requests to {} are health checks and the like", mark.count, called(sender));
        (mark.count * 10 > all * 3).then(|| evidence.marked("X14", sender, mark, text))
    });
    raised.collect()
}

const PAIRS_MIN: u64 = 20;
/// Of so many spans one may come twice.
const TWICE_ONE_IN: u64 = 20;
/// SDKs send every five seconds.
const BATCH_DELAY: Duration = Duration::from_secs(6);
const ORPHANS_MIN: u64 = 20;
const NOISE_MIN: u64 = 10;
/// Clocks of two hosts may differ by so much.
const SKEW_NANOS: u64 = 2_000_000_000;
/// SDKs hold spans for five seconds.
const BEFORE_RESTART: Duration = Duration::from_secs(30);
/// Calls that have their counterpart, so that one without means something.
const JOINED_MIN: usize = 5;
const SETTLED: Duration = Duration::from_secs(10);
