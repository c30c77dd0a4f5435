//! D: downstreams, and burgee itself.

use std::time::Duration;

use super::{Evidence, Fill};
use crate::doctor::Raised;
use crate::observe::board::{LastOutcome, OutboxState};
use crate::observe::facts::Kind;
use crate::observe::ledger::DropReason;

pub(super) fn detect(evidence: &Evidence<'_>) -> Vec<Raised> {
    let mut raised = Vec::new();
    for outbox in &evidence.board.outboxes {
        raised.extend(troubled(evidence, outbox));
        raised.extend(filling(evidence, outbox));
        raised.extend(unbalanced(evidence, outbox));
    }
    raised.extend(memory(evidence));
    raised.extend(narrow(evidence));
    raised.extend(outdated(evidence));
    raised
}

/// D01, D02, D03, D06: what the downstream of an outbox does with what it gets.
fn troubled(evidence: &Evidence<'_>, outbox: &OutboxState) -> Option<Raised> {
    let LastOutcome { what, message, at } = outbox.last.as_ref()?;
    let who = format!("{} {}", outbox.exporter, outbox.signal);
    let failing = outbox.failing_for.filter(|time| *time >= FAILING_AFTER);
    let lost = evidence.changed(&format!("rejected {who}"));
    let is_file = &*outbox.exporter == "file" || outbox.exporter.starts_with("file/");
    let id = match *what {
        _ if is_file && (failing.is_some() || lost.is_some()) => "D06",
        "partly" => "D03",
        "rejected" | "too_large" => "D02",
        "retry_later" if failing.is_some() && is_answer(message) => "D02",
        "retry_later" if failing.is_some() => "D01",
        // it has gone well since
        _ if lost.is_some() => "D02",
        _ => return None,
    };
    let since = failing.map(|time| format!(" for {} s", time.as_secs())).unwrap_or_default();
    let sentence = if message.is_empty() { String::new() } else { format!(": {message}") };
    let text = match (id, &lost) {
        ("D03", _) => format!("{who}: the downstream took a part of a request{sentence}"),
        (_, Some(lost)) => format!("{who}: the downstream refused {} items for good{sentence}", lost.count),
        _ => format!("{who}: nothing was delivered{since}{sentence}"),
    };
    let last = if failing.is_some() { evidence.now } else { lost.as_ref().map_or(*at, |lost| lost.last) };
    let first = lost.as_ref().map_or(*at, |lost| lost.first);
    let count = lost.as_ref().map_or(1, |lost| lost.count);
    Some(Raised { id, subject: who, evidence: text, fix: None, count, first: first.min(last), last })
}

/// Whether a downstream said it, and not the way to it.
fn is_answer(message: &str) -> bool {
    let answered = [
        ": HTTP ",
        "UNAVAILABLE",
        "RESOURCE_EXHAUSTED",
        "ABORTED",
        "CANCELLED",
        "DATA_LOSS",
        "OUT_OF_RANGE",
        "DEADLINE_EXCEEDED",
    ];
    answered.iter().any(|word| message.contains(word))
}

/// D04: more than half full, and what that means.
fn filling(evidence: &Evidence<'_>, outbox: &OutboxState) -> Option<Raised> {
    let Room { used, capacity, unit } = Room::of(outbox);
    if outbox.lossy || capacity == 0 || used * 2 < capacity {
        return None;
    }
    let who = format!("{} {}", outbox.exporter, outbox.signal);
    let same = |fill: &&Fill| *fill.exporter == *outbox.exporter && fill.signal == outbox.signal;
    let before = evidence.fills.iter().find(same);
    let soon = before.and_then(|before| {
        let seconds = evidence.now.duration_since(before.at).ok()?.as_secs().max(1);
        let before = if unit == BYTES { before.bytes } else { before.used };
        let more = used.checked_sub(before).filter(|more| *more > 0)?;
        Some(format!("; at this rate it is full in {} s", (capacity - used.min(capacity)) * seconds / more))
    });
    let text = format!("the queue of {who} holds {used} of {capacity} {unit}{}", soon.unwrap_or_default());
    Some(evidence.state("D04", who, text))
}

/// Of the two bounds of a queue, the one that it is nearer to.
struct Room {
    used: u64,
    capacity: u64,
    unit: &'static str,
}

impl Room {
    fn of(outbox: &OutboxState) -> Room {
        let fill = &outbox.fill;
        let (used, capacity) = (fill.used(), fill.capacity);
        let by_bytes = u128::from(fill.bytes) * u128::from(capacity);
        if fill.bytes_max > 0 && by_bytes > u128::from(used) * u128::from(fill.bytes_max) {
            return Room { used: fill.bytes, capacity: fill.bytes_max, unit: BYTES };
        }
        Room { used, capacity, unit: fill.sizer }
    }
}

fn unbalanced(evidence: &Evidence<'_>, outbox: &OutboxState) -> Option<Raised> {
    let lost = outbox.ledger.dropped.get(DropReason::Bug);
    (lost > 0 || !outbox.ledger.balanced()).then(|| {
        let who = format!("{} {}", outbox.exporter, outbox.signal);
        let text =
            format!("the ledger of {who} is off, {lost} items were lost by a defect: {:?}", outbox.ledger);
        evidence.state("D09", who, text)
    })
}

fn memory(evidence: &Evidence<'_>) -> Option<Raised> {
    let memory = evidence.board.memory?;
    let most = evidence.signs.senders.iter().max_by_key(|sender| sender.items);
    // a request that does not fit is refused before everything is used up
    let refuses = evidence.encounters.iter().any(|seen| {
        let ago = evidence.now.duration_since(seen.last).unwrap_or_default();
        seen.kind == Kind::NoRoom && ago < REFUSED_LATELY
    });
    let is_queue = evidence.board.outboxes.iter().any(|outbox| {
        let Room { used, capacity, .. } = Room::of(outbox);
        outbox.full || used * 2 >= capacity
    });
    let is_short =
        memory.used * 10 >= memory.limit * 9 || (refuses && !is_queue && memory.used * 2 >= memory.limit);
    (is_short && memory.limit > 0).then(|| {
        let most = most.map(|sender| format!("; {} sends most", super::called(sender))).unwrap_or_default();
        let text = format!("{} of {} bytes are in use{most}", memory.used, memory.limit);
        evidence.state("D07", "", text)
    })
}

fn narrow(evidence: &Evidence<'_>) -> Vec<Raised> {
    let mut raised = Vec::new();
    if let Some(files) = evidence.surroundings.files_max.filter(|files| *files < FILES_MIN) {
        raised.push(evidence.state(
            "D08",
            "files",
            format!("burgee may have {files} files and connections open"),
        ));
    }
    if let Some(millis) = evidence.surroundings.cpu_millis.filter(|millis| *millis < CPU_MILLIS_MIN) {
        let text = format!("burgee may use {:.2} of one processor", millis as f64 / 1000.0);
        raised.push(evidence.state("D08", "cpu", text));
    }
    raised
}

fn outdated(evidence: &Evidence<'_>) -> Vec<Raised> {
    let is_old = |warning: &&String| OLD_WORDS.iter().any(|word| warning.contains(word));
    evidence
        .warnings
        .iter()
        .filter(is_old)
        .map(|warning| evidence.state("D10", warning.clone(), warning.clone()))
        .collect()
}

impl Evidence<'_> {
    fn changed(&self, counter: &str) -> Option<super::Change> {
        self.changes.get(counter).copied()
    }
}

const FAILING_AFTER: Duration = Duration::from_secs(2);
const REFUSED_LATELY: Duration = Duration::from_secs(10);
const BYTES: &str = "bytes";
const FILES_MIN: u64 = 1024;
const CPU_MILLIS_MIN: u64 = 100;
/// Words of warnings about names that were replaced.
const OLD_WORDS: [&str; 3] = ["deprecated", "old name", "outdated"];
