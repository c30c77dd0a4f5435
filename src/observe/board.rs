//! Read-only state of the whole collector: what the admin service and the page show.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::definitions::{Readings, ReadingsState};
use super::evaluations::EvaluatedState;
use super::ledger::{Door, DoorLedger, OutboxLedger, Pipeline, PipelineLedger};
use super::reloads::{ConfigState, ReloadOutcome};

/// Where components and engine put what others may look at. Cloning shares it.
#[derive(Clone)]
pub struct Board(Arc<State>);

struct State {
    started: Instant,
    started_at: SystemTime,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    phase: Phase,
    config: ConfigState,
    listeners: Vec<Listener>,
    doors: Vec<Arc<Door>>,
    pipelines: Vec<PipelineEntry>,
    outboxes: Vec<Arc<dyn OutboxView>>,
    definitions: Vec<Arc<Readings>>,
    memory: Option<Arc<dyn MemoryView>>,
}

/// How far the collector is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not everything is bound and built yet.
    #[default]
    Starting,
    /// Telemetry is taken.
    Running,
    /// Nothing new is taken; what is held is still sent.
    Stopping,
}

/// A pipeline of the current graph.
#[derive(Clone, Debug)]
pub struct PipelineEntry {
    /// `traces`, `traces/browser`.
    pub id: Arc<str>,
    pub signal: &'static str,
    pub ledger: Arc<Pipeline>,
}

/// An outbox that tells what is in it.
pub trait OutboxView: Send + Sync {
    fn snapshot(&self) -> OutboxState;
}

/// The budget of memory, which tells what is used of it.
pub trait MemoryView: Send + Sync {
    fn snapshot(&self) -> Memory;
}

/// What telemetry takes of the memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub used: u64,
    pub limit: u64,
}

/// An open port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The component that opened it.
    pub component: Arc<str>,
    /// As it is bound: `127.0.0.1:4317`.
    pub address: String,
    /// What may be spoken there: `OTLP/gRPC`, `OTLP/HTTP`.
    pub protocols: Vec<&'static str>,
}

/// An outbox at one moment.
#[derive(Clone, Debug)]
pub struct OutboxState {
    /// The exporter's component id.
    pub exporter: Arc<str>,
    pub signal: &'static str,
    pub ledger: OutboxLedger,
    pub fill: Fill,
    /// Batches on their way now.
    pub in_flight: usize,
    /// Batches that wait for their next try.
    pub retrying: usize,
    /// Full and not delivering while others do: what does not fit is dropped.
    pub isolated: bool,
    /// How long nothing has been delivered, while the latest try failed.
    pub failing_for: Option<Duration>,
    /// Not even the smallest request would be taken.
    pub full: bool,
    /// Nobody minds its losses: it is never full.
    pub lossy: bool,
    pub last: Option<LastOutcome>,
}

/// What is in an outbox, waiting or on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    pub requests: u64,
    pub items: u64,
    pub bytes: u64,
    /// The bound of `sending_queue.queue_size`, in units of `sizer`.
    pub capacity: u64,
    /// `requests`, `items` or `bytes`: what `capacity` counts.
    pub sizer: &'static str,
    /// A second bound, in bytes.
    pub bytes_max: u64,
}

impl Fill {
    /// What is used of `capacity`.
    pub fn used(&self) -> u64 {
        match self.sizer {
            "items" => self.items,
            "bytes" => self.bytes,
            _ => self.requests,
        }
    }
}

/// How the latest try of an exporter ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOutcome {
    pub at: SystemTime,
    /// `accepted`, `partly`, `retry_later`, `too_large`, `rejected`.
    pub what: &'static str,
    /// The downstream's sentence, escaped and shortened; empty on success.
    pub message: String,
}

/// The board at one moment.
#[derive(Clone, Debug)]
pub struct BoardState {
    pub started_at: SystemTime,
    pub uptime: Duration,
    pub phase: Phase,
    pub config: ConfigState,
    pub listeners: Vec<Listener>,
    pub doors: Vec<DoorState>,
    pub pipelines: Vec<PipelineState>,
    pub outboxes: Vec<OutboxState>,
    pub definitions: Vec<DefinitionsState>,
    /// Once there is an engine.
    pub memory: Option<Memory>,
}

/// A door at one moment.
#[derive(Clone, Debug)]
pub struct DoorState {
    pub receiver: Arc<str>,
    pub transport: &'static str,
    pub signal: &'static str,
    pub ledger: DoorLedger,
}

/// A pipeline at one moment.
#[derive(Clone, Debug)]
pub struct PipelineState {
    pub id: Arc<str>,
    pub signal: &'static str,
    pub ledger: PipelineLedger,
    /// Its evaluations, by flag.
    pub evaluated: EvaluatedState,
}

/// The definitions of a processor at one moment.
#[derive(Clone, Debug)]
pub struct DefinitionsState {
    pub processor: Arc<str>,
    pub readings: ReadingsState,
}

impl Default for Board {
    fn default() -> Self {
        Board::new()
    }
}

impl Board {
    /// An empty board; uptime counts from here.
    pub fn new() -> Board {
        let entries = Mutex::default();
        Board(Arc::new(State { started: Instant::now(), started_at: SystemTime::now(), entries }))
    }

    pub fn phase(&self) -> Phase {
        self.entries().phase
    }

    pub fn set_phase(&self, phase: Phase) {
        self.entries().phase = phase;
    }

    /// Another configuration is in force from now on.
    pub fn set_config(&self, fingerprint: String) {
        self.entries().config.in_force(fingerprint);
    }

    /// The configuration was read again. `message` says what was wrong, if anything was.
    pub fn reloaded(&self, outcome: ReloadOutcome, message: String) {
        self.entries().config.reloaded(outcome, message);
    }

    /// The open ports, instead of those shown before.
    pub fn set_listeners(&self, listeners: Vec<Listener>) {
        self.entries().listeners = listeners;
    }

    /// The open ports, in the order in which they were opened.
    pub fn listeners(&self) -> Vec<Listener> {
        self.entries().listeners.clone()
    }

    pub fn add_listener(&self, listener: Listener) {
        self.entries().listeners.push(listener);
    }

    /// Forgets the ports of a component that has closed them.
    pub fn remove_listeners(&self, component: &str) {
        self.entries().listeners.retain(|listener| &*listener.component != component);
    }

    /// The door of this receiver, transport and signal; the same one for whoever asks again.
    pub fn door(&self, receiver: &Arc<str>, transport: &'static str, signal: &'static str) -> Arc<Door> {
        let doors = &mut self.entries().doors;
        let known = doors
            .iter()
            .find(|door| door.receiver == *receiver && door.transport == transport && door.signal == signal);
        if let Some(door) = known {
            return Arc::clone(door);
        }
        let door = Arc::new(Door::new(Arc::clone(receiver), transport, signal));
        doors.push(Arc::clone(&door));
        door
    }

    /// A ledger for a pipeline that goes on counting where the one of this id and signal is, if there is one.
    pub fn ledger(
        &self,
        id: &str,
        signal: &'static str,
        processors: impl IntoIterator<Item = Arc<str>>,
    ) -> Arc<Pipeline> {
        let entries = self.entries();
        let same = |entry: &&PipelineEntry| *entry.id == *id && entry.signal == signal;
        Arc::new(match entries.pipelines.iter().find(same) {
            Some(entry) => entry.ledger.succeeded_by(processors),
            None => Pipeline::new(processors),
        })
    }

    /// Shows the pipelines of a new graph. Those that it no longer has are shown after them: what went through them
    /// is in the outboxes.
    pub fn set_pipelines(&self, mut pipelines: Vec<PipelineEntry>) {
        let shown = &mut self.entries().pipelines;
        shown.retain(|entry| !pipelines.iter().any(|new| new.id == entry.id && new.signal == entry.signal));
        pipelines.append(shown);
        *shown = pipelines;
    }

    /// Shows what telemetry takes of the memory.
    pub fn set_memory(&self, memory: Arc<dyn MemoryView>) {
        self.entries().memory = Some(memory);
    }

    pub fn add_outbox(&self, outbox: Arc<dyn OutboxView>) {
        self.entries().outboxes.push(outbox);
    }

    /// The readings of this processor's definitions; the same ones for whoever asks again.
    pub fn definitions(&self, processor: &Arc<str>) -> Arc<Readings> {
        let definitions = &mut self.entries().definitions;
        if let Some(known) = definitions.iter().find(|readings| readings.processor == *processor) {
            return Arc::clone(known);
        }
        let readings = Arc::new(Readings::new(Arc::clone(processor)));
        definitions.push(Arc::clone(&readings));
        readings
    }

    pub fn snapshot(&self) -> BoardState {
        let entries = self.entries();
        let outboxes = entries.outboxes.clone();
        let door = |door: &Arc<Door>| DoorState {
            receiver: Arc::clone(&door.receiver),
            transport: door.transport,
            signal: door.signal,
            ledger: door.snapshot(),
        };
        let pipeline = |entry: &PipelineEntry| PipelineState {
            id: Arc::clone(&entry.id),
            signal: entry.signal,
            ledger: entry.ledger.snapshot(),
            evaluated: entry.ledger.evaluated(),
        };
        let definitions = |readings: &Arc<Readings>| DefinitionsState {
            processor: Arc::clone(&readings.processor),
            readings: readings.snapshot(),
        };
        let (phase, config, listeners) = (entries.phase, entries.config.clone(), entries.listeners.clone());
        let memory = entries.memory.as_ref().map(|memory| memory.snapshot());
        let doors = entries.doors.iter().map(door).collect();
        let pipelines = entries.pipelines.iter().map(pipeline).collect();
        let definitions = entries.definitions.iter().map(definitions).collect();
        // an outbox has a lock of its own, and nobody should hold two
        drop(entries);
        BoardState {
            started_at: self.0.started_at,
            uptime: self.0.started.elapsed(),
            phase,
            config,
            listeners,
            doors,
            pipelines,
            outboxes: outboxes.iter().map(|outbox| outbox.snapshot()).collect(),
            definitions,
            memory,
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_a_door_again_gets_the_same_one() {
        let board = Board::new();
        let otlp: Arc<str> = "otlp".into();
        let door = board.door(&otlp, "grpc", "traces");
        drop(board.door(&otlp, "grpc", "traces").request());
        board.door(&otlp, "http", "traces");
        assert_eq!(door.snapshot().requests, 1);
        assert_eq!(board.snapshot().doors.len(), 2);
    }

    #[test]
    fn closed_ports_are_no_longer_shown() {
        let board = Board::new();
        for component in ["otlp", "admin"] {
            let address = "127.0.0.1:4317".to_owned();
            board.add_listener(Listener {
                component: component.into(),
                address,
                protocols: vec!["OTLP/HTTP"],
            });
        }
        board.remove_listeners("otlp");
        let left: Vec<_> =
            board.snapshot().listeners.into_iter().map(|listener| listener.component).collect();
        assert_eq!(left, ["admin".into()]);
    }
}
