//! From the board to metrics: every number that burgee shows of itself, at one moment.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use super::board::{BoardState, DefinitionsState, DoorState, OutboxState, PipelineState};
use super::facts::{Facts, Kind as FactKind};
use super::ledger::{DoorOutcome, DropReason};
use super::names::{self, ITEMS, Kind, Level, Metric};
use super::process::Process;
use super::reloads::ReloadOutcome;

/// A metric and its series.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// `otelcol_receiver_accepted_spans`.
    pub name: Cow<'static, str>,
    pub help: &'static str,
    pub kind: Kind,
    pub unit: &'static str,
    /// At least one.
    pub series: Vec<Series>,
}

/// One series of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: Vec<(&'static str, String)>,
    pub value: Value,
}

/// Counts are whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Int(u64),
    Float(f64),
}

impl Value {
    pub fn as_f64(self) -> f64 {
        match self {
            Value::Int(value) => value as f64,
            Value::Float(value) => value,
        }
    }
}

/// Where the numbers are.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    pub board: &'a BoardState,
    pub facts: &'a Facts,
    pub process: Process,
    pub now: SystemTime,
}

/// All metrics up to `level`, in the order of [`names::ALL`], their series in the order of the board.
pub fn families(level: Level, numbers: &Numbers<'_>) -> Vec<Family> {
    let mut families = Families { level, families: Vec::new() };
    if level == Level::None {
        return families.families;
    }
    let board = numbers.board;
    board.doors.iter().for_each(|door| families.door(door));
    requests(&board.doors, &mut families);
    processors(&board.pipelines, &mut families);
    board.pipelines.iter().for_each(|pipeline| families.pipeline(pipeline));
    board.outboxes.iter().for_each(|outbox| families.outbox(outbox));
    board.definitions.iter().for_each(|definitions| families.definitions(definitions, numbers.now));
    for kind in FactKind::ALL {
        families.add(&names::FACTS, None, &[kind.name()], numbers.facts.count(kind));
    }
    if let Some(memory) = board.memory {
        families.add(&names::MEMORY_USED, None, &[], memory.used);
        families.add(&names::MEMORY_LIMIT, None, &[], memory.limit);
    }
    for outcome in ReloadOutcome::ALL {
        families.add(&names::CONFIG_RELOADS, None, &[outcome.name()], board.config.reloads_by(outcome));
    }
    families.add(&names::CONFIG_LAST_GOOD, None, &[], u64::from(board.config.is_last_good()));
    families.process(board.uptime, &numbers.process);
    families.families
}

struct Families {
    level: Level,
    families: Vec<Family>,
}

impl Families {
    /// `labels` are in the order of the metric's; an empty one is left out. A metric of items needs their signal.
    fn add(&mut self, metric: &Metric, signal: Option<&str>, labels: &[&str], value: impl Into<Value>) {
        if metric.level > self.level {
            return;
        }
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let items = signal.and_then(|signal| ITEMS.iter().find(|(of, _, _)| *of == signal));
        let (name, unit) = match items.filter(|_| metric.name.contains(PLURAL)) {
            Some((_, plural, unit)) => (Cow::Owned(metric.name.replace(PLURAL, plural)), *unit),
            None => (Cow::Borrowed(metric.name), metric.unit),
        };
        let labels = metric.labels.iter().zip(labels).filter(|(_, value)| !value.is_empty());
        let labels = labels.map(|(name, value)| (*name, (*value).to_owned())).collect();
        let series = Series { labels, value: value.into() };
        match self.families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.series.push(series),
            None => {
                let Metric { help, kind, .. } = *metric;
                self.families.push(Family { name, help, kind, unit, series: vec![series] });
            }
        }
    }

    fn door(&mut self, door: &DoorState) {
        let DoorState { receiver, transport, signal, ledger } = door;
        let labels: [&str; 2] = [receiver, transport];
        for (metric, items) in [
            (&names::DOOR_ACCEPTED, ledger.accepted),
            (&names::DOOR_REFUSED, ledger.refused),
            (&names::DOOR_FLAWED, ledger.flawed),
        ] {
            self.add(metric, Some(signal), &labels, items);
        }
        for outcome in DoorOutcome::ALL {
            let labels: [&str; 4] = [receiver, transport, signal, outcome.name()];
            self.add(&names::DOOR_OUTCOMES, None, &labels, ledger.requests_by(outcome));
        }
    }

    fn pipeline(&mut self, pipeline: &PipelineState) {
        let PipelineState { id, signal, ledger, evaluated } = pipeline;
        for (metric, items) in [
            (&names::PIPELINE_IN, ledger.entered),
            (&names::PIPELINE_ADDED, ledger.added),
            (&names::PIPELINE_OUT, ledger.out),
        ] {
            self.add(metric, Some(signal), &[id], items);
        }
        for (processor, items) in &ledger.discarded {
            self.add(&names::PIPELINE_DISCARDED, Some(signal), &[id, processor], *items);
        }
        self.add(&names::PIPELINE_EVALUATIONS, None, &[id], ledger.evaluations);
        for (series, evaluations) in &evaluated.series {
            let [key, variant, reason] = [&series.key, &series.variant, &series.reason]
                .map(|text| text.as_deref().unwrap_or_default());
            self.add(&names::FLAG_EVALUATIONS, None, &[id, key, variant, reason, ""], *evaluations);
        }
        if evaluated.beyond > 0 {
            self.add(&names::FLAG_EVALUATIONS, None, &[id, "", "", "", "true"], evaluated.beyond);
        }
    }

    fn outbox(&mut self, outbox: &OutboxState) {
        let OutboxState { exporter, signal, ledger, fill, .. } = outbox;
        let dropped = &ledger.dropped;
        let unqueued = dropped.get(DropReason::ExporterDown) + dropped.get(DropReason::LossyFull);
        for (metric, items) in [
            (&names::OUTBOX_PUT, ledger.put),
            (&names::OUTBOX_RECOVERED, ledger.recovered),
            (&names::OUTBOX_SENT, ledger.sent),
            (&names::OUTBOX_SEND_FAILED, ledger.rejected + dropped.sum() - unqueued),
            (&names::OUTBOX_ENQUEUE_FAILED, unqueued),
            (&names::OUTBOX_REJECTED, ledger.rejected),
            (&names::OUTBOX_HELD, ledger.held),
        ] {
            self.add(metric, Some(signal), &[exporter], items);
        }
        for reason in DropReason::ALL {
            self.add(&names::OUTBOX_DROPPED, Some(signal), &[exporter, reason.name()], dropped.get(reason));
        }
        for (metric, value) in [
            (&names::OUTBOX_QUEUE_SIZE, fill.used()),
            (&names::OUTBOX_QUEUE_CAPACITY, fill.capacity),
            (&names::OUTBOX_IN_FLIGHT, outbox.in_flight as u64),
            (&names::OUTBOX_HELD_BYTES, fill.bytes),
            (&names::OUTBOX_RETRYING, outbox.retrying as u64),
            (&names::OUTBOX_ISOLATED, u64::from(outbox.isolated)),
        ] {
            self.add(metric, None, &[exporter, signal], value);
        }
    }

    fn definitions(&mut self, definitions: &DefinitionsState, now: SystemTime) {
        let DefinitionsState { processor, readings } = definitions;
        for (outcome, times) in
            [("changed", readings.changed), ("unchanged", readings.unchanged), ("failed", readings.failed)]
        {
            self.add(&names::DEFINITIONS_READINGS, None, &[processor, outcome], times);
        }
        if let Some(flags) = readings.flags {
            self.add(&names::DEFINITIONS_FLAGS, None, &[processor], flags);
        }
        if let Some(read_at) = readings.read_at {
            let age = now.duration_since(read_at).unwrap_or(Duration::ZERO);
            self.add(&names::DEFINITIONS_AGE, None, &[processor], age);
        }
    }

    fn process(&mut self, uptime: Duration, process: &Process) {
        self.add(&names::PROCESS_UPTIME, None, &[], uptime);
        if let Some(cpu) = process.cpu {
            self.add(&names::PROCESS_CPU, None, &[], cpu);
        }
        for (metric, bytes) in [(&names::PROCESS_RSS, process.rss), (&names::PROCESS_HEAP, process.anonymous)]
        {
            if let Some(bytes) = bytes {
                self.add(metric, None, &[], bytes);
            }
        }
    }
}

/// The Collector's requests know no signal: those of all signals are one series.
fn requests(doors: &[DoorState], families: &mut Families) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for door in doors {
        let of = (&*door.receiver, door.transport);
        if seen.contains(&of) {
            continue;
        }
        seen.push(of);
        for outcome in ["success", "refused", "failure"] {
            let same = doors.iter().filter(|door| (&*door.receiver, door.transport) == of);
            let by = |door: &DoorState| {
                let outcomes =
                    DoorOutcome::ALL.into_iter().filter(|ended| collectors_word(*ended) == outcome);
                outcomes.map(|ended| door.ledger.requests_by(ended)).sum::<u64>()
            };
            families.add(&names::DOOR_REQUESTS, None, &[of.0, of.1, outcome], same.map(by).sum::<u64>());
        }
    }
}

fn collectors_word(outcome: DoorOutcome) -> &'static str {
    match outcome {
        DoorOutcome::Ok | DoorOutcome::Partial => "success",
        DoorOutcome::Refused => "refused",
        DoorOutcome::Rejected | DoorOutcome::Abandoned => "failure",
    }
}

/// The Collector's processors know no pipeline: those with one id are one series for each signal.
fn processors(pipelines: &[PipelineState], families: &mut Families) {
    let mut sums: Vec<Passed<'_>> = Vec::new();
    for PipelineState { signal, ledger, .. } in pipelines {
        for ((processor, _), (incoming, outgoing)) in ledger.discarded.iter().zip(&ledger.passed) {
            let same = |sum: &&mut Passed<'_>| sum.processor == &**processor && sum.signal == *signal;
            match sums.iter_mut().find(same) {
                Some(sum) => {
                    sum.incoming += incoming;
                    sum.outgoing += outgoing;
                }
                None => sums.push(Passed { processor, signal, incoming: *incoming, outgoing: *outgoing }),
            }
        }
    }
    for Passed { processor, signal, incoming, outgoing } in sums {
        families.add(&names::PROCESSOR_IN, None, &[processor, signal], incoming);
        families.add(&names::PROCESSOR_OUT, None, &[processor, signal], outgoing);
    }
}

/// What went through a processor in all pipelines of a signal.
struct Passed<'a> {
    processor: &'a str,
    signal: &'a str,
    incoming: u64,
    outgoing: u64,
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Value::Int(value)
    }
}

/// In seconds.
impl From<Duration> for Value {
    fn from(value: Duration) -> Value {
        Value::Float(value.as_secs_f64())
    }
}

const PLURAL: &str = "{items}";
