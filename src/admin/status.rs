//! From the board to the message.

use std::time::{Duration, SystemTime};

use super::v1;
use crate::component::Budget;
use crate::observe::board::{Board, DefinitionsState, DoorState, Listener, OutboxState, PipelineState};
use crate::observe::ledger::DoorOutcome;
use crate::observe::reloads::{ConfigState, ReloadOutcome};

/// What the board and the budget say now.
pub fn status(board: &Board, budget: &Budget) -> v1::StatusResponse {
    let state = board.snapshot();
    v1::StatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_unix_ms: unix_ms(state.started_at),
        uptime_ms: millis(state.uptime),
        listeners: state.listeners.into_iter().map(listener).collect(),
        doors: state.doors.into_iter().filter(|door| door.ledger.requests > 0).map(door).collect(),
        pipelines: state.pipelines.into_iter().map(pipeline).collect(),
        outboxes: state.outboxes.into_iter().map(outbox).collect(),
        memory: Some(v1::Memory { used: budget.used(), limit: budget.limit() }),
        definitions: state.definitions.into_iter().map(definitions).collect(),
        configuration: Some(configuration(state.config)),
    }
}

fn configuration(state: ConfigState) -> v1::Configuration {
    let by = |outcome| state.reloads_by(outcome);
    let (changed, unchanged, failed) =
        (by(ReloadOutcome::Changed), by(ReloadOutcome::Unchanged), by(ReloadOutcome::Failed));
    v1::Configuration {
        changed,
        unchanged,
        failed,
        since_unix_ms: state.since.map_or(0, unix_ms),
        read_at_unix_ms: state.last.as_ref().map(|last| unix_ms(last.at)),
        failure: state.last.filter(|last| last.outcome == ReloadOutcome::Failed).map(|last| last.message),
        fingerprint: state.fingerprint,
    }
}

fn listener(listener: Listener) -> v1::Listener {
    v1::Listener {
        address: listener.address,
        component: listener.component.to_string(),
        speaks: listener.protocols.join(" and "),
    }
}

fn door(door: DoorState) -> v1::Door {
    let by = |outcome| door.ledger.requests_by(outcome);
    v1::Door {
        receiver: door.receiver.to_string(),
        transport: door.transport.to_owned(),
        signal: signal(door.signal),
        requests: door.ledger.requests,
        ok: by(DoorOutcome::Ok),
        partial: by(DoorOutcome::Partial),
        refused: by(DoorOutcome::Refused),
        rejected: by(DoorOutcome::Rejected),
        abandoned: by(DoorOutcome::Abandoned),
        items: door.ledger.checked,
        items_accepted: door.ledger.accepted,
        items_refused: door.ledger.refused,
        items_flawed: door.ledger.flawed,
    }
}

fn pipeline(pipeline: PipelineState) -> v1::Pipeline {
    let ledger = pipeline.ledger;
    v1::Pipeline {
        id: pipeline.id.to_string(),
        signal: signal(pipeline.signal),
        r#in: ledger.entered,
        added: ledger.added,
        out: ledger.out,
        discarded: ledger
            .discarded
            .into_iter()
            .filter(|(_, items)| *items > 0)
            .map(|(component, items)| v1::Discarded { component: component.to_string(), items })
            .collect(),
        evaluations: ledger.evaluations,
    }
}

fn outbox(outbox: OutboxState) -> v1::Outbox {
    let (ledger, fill) = (outbox.ledger, outbox.fill);
    v1::Outbox {
        exporter: outbox.exporter.to_string(),
        signal: signal(outbox.signal),
        put: ledger.put,
        recovered: ledger.recovered,
        sent: ledger.sent,
        rejected: ledger.rejected,
        dropped: ledger
            .dropped
            .iter()
            .map(|(reason, items)| v1::Dropped { reason: reason.name().to_owned(), items })
            .collect(),
        held_items: ledger.held,
        held_bytes: fill.bytes,
        held_requests: fill.requests,
        capacity: fill.capacity,
        sizer: fill.sizer.to_owned(),
        bytes_max: fill.bytes_max,
        in_flight: outbox.in_flight as u64,
        retrying: outbox.retrying as u64,
        isolated: outbox.isolated,
        last: outbox.last.map(|last| v1::Outcome {
            what: last.what.to_owned(),
            message: last.message,
            at_unix_ms: unix_ms(last.at),
        }),
    }
}

fn definitions(definitions: DefinitionsState) -> v1::Definitions {
    let readings = definitions.readings;
    v1::Definitions {
        processor: definitions.processor.to_string(),
        source: readings.source,
        flags: readings.flags,
        ok: readings.changed + readings.unchanged,
        changed: readings.changed,
        failed: readings.failed,
        read_at_unix_ms: readings.read_at.map(unix_ms),
        failure: readings
            .failure
            .map(|(at, message)| v1::ReadingFailure { message, at_unix_ms: unix_ms(at) }),
    }
}

fn signal(name: &str) -> i32 {
    let known = [v1::Signal::Traces, v1::Signal::Metrics, v1::Signal::Logs];
    let signal = known.into_iter().find(|signal| super::signal_name(*signal) == name);
    signal.unwrap_or(v1::Signal::Unspecified).into()
}

pub(super) fn unix_ms(at: SystemTime) -> u64 {
    millis(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
