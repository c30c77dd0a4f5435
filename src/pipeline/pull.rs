//! What an outbox hands out: the next batch, merged or divided, when it is time for it.

use std::sync::Arc;

use tokio::time::Instant;

use super::limits::{BatchLimits, Size};
use super::outbox::{Again, Outbox, Phase, State};
use super::retry::History;
use crate::component::{Batch, Creditor, Owed, Parcel, beside};
use crate::otlp;
use crate::otlp::answer::Answer;

impl Outbox {
    /// The next batch to send; `None` once there will be no more.
    pub async fn next(self: &Arc<Self>) -> Option<Batch> {
        let _turn = self.turn.lock().await;
        loop {
            match self.pull(Instant::now()) {
                Pull::Send(batch) => return Some(batch),
                Pull::Divide(taken) => taken.divide().await,
                Pull::Forbidden(batch, limit) => {
                    let message =
                        format!("a single item is larger than the {limit} bytes that a request may have");
                    self.settle(batch, Answer::TooLarge { message });
                }
                Pull::Wait(None) => self.wake.notified().await,
                Pull::Wait(Some(until)) => {
                    // woken or not: the next look tells
                    let _ = tokio::time::timeout_at(until, self.wake.notified()).await;
                }
                Pull::End => return None,
            }
        }
    }

    fn pull(self: &Arc<Self>, now: Instant) -> Pull {
        let mut state = self.lock();
        let state = &mut *state;
        if matches!(state.phase, Phase::Closed(_)) || state.is_drained() {
            // the next in line looks for itself
            return Pull::End;
        }
        let earliest = state.again.iter().enumerate().min_by_key(|(_, again)| again.not_before);
        let earliest = earliest.map(|(index, again)| (index, again.not_before));
        if let Some((index, _)) = earliest.filter(|(_, not_before)| *not_before <= now) {
            let Again { parcels, size, history, .. } = state.again.remove(index);
            return Pull::Send(self.send(state, parcels, size, history));
        }
        let mut until = earliest.map(|(_, not_before)| not_before);
        // what waits for a retry takes a consumer's place, so that a downstream which does not answer is not
        // asked by everything that comes in
        let places = state.settings.queue.num_consumers.max(1);
        if state.again.len() + state.flights.len() < places
            && let Some(first) = state.waiting.front()
        {
            let flush_at = first.put_at + state.settings.limits.flush_timeout;
            let ready = state.phase != Phase::Open
                || state.settings.limits.suffices(state.waiting_size)
                || first.payload.is_opaque()
                || flush_at <= now;
            if ready {
                return self.cut_batch(state, now);
            }
            until = Some(until.map_or(flush_at, |until| until.min(flush_at)));
        }
        Pull::Wait(until)
    }

    /// Takes as much of what waits as makes a batch.
    fn cut_batch(self: &Arc<Self>, state: &mut State, now: Instant) -> Pull {
        let first = state.waiting.pop_front().expect("the caller has seen it");
        let limits = state.settings.limits;
        let mut size = Size::of(&first.payload);
        let history = History::new(now);
        if limits.divides(&first) {
            state.waiting_size -= size;
            let number = state.take_off(size, history);
            return Pull::Divide(Taken { outbox: Arc::clone(self), number, limits, parcel: Some(first) });
        }
        if limits.forbids(&first) {
            state.waiting_size -= size;
            let batch = self.send(state, vec![first], size, history);
            return Pull::Forbidden(batch, limits.request.drop_above);
        }
        let mut parcels = vec![first];
        while let Some(next) = state.waiting.front() {
            let next_size = Size::of(&next.payload);
            if !otlp::mergeable(&parcels[0].payload, &next.payload) || !limits.joins(size, next_size) {
                break;
            }
            size += next_size;
            parcels.extend(state.waiting.pop_front());
        }
        state.waiting_size -= size;
        Pull::Send(self.send(state, parcels, size, history))
    }

    fn send(
        self: &Arc<Self>,
        state: &mut State,
        parcels: Vec<Parcel>,
        size: Size,
        history: History,
    ) -> Batch {
        let number = state.take_off(size, history);
        let creditor = Arc::clone(self) as Arc<dyn Creditor>;
        Batch::owed(self.signal, parcels, Owed { outbox: self.id, number, creditor })
    }
}

enum Pull {
    Send(Batch),
    Divide(Taken),
    /// Too large for any request, and for this limit in bytes.
    Forbidden(Batch, u64),
    Wait(Option<Instant>),
    End,
}

/// A parcel that is too large for a batch, on its way to be divided. Goes back to its outbox whatever happens.
struct Taken {
    outbox: Arc<Outbox>,
    number: u64,
    limits: BatchLimits,
    parcel: Option<Parcel>,
}

impl Taken {
    /// Large payloads are divided beside the runtime, so that no worker is held for long.
    async fn divide(self) {
        let bytes = self.parcel.as_ref().map_or(0, |parcel| parcel.payload.bytes().len());
        if bytes <= INLINE_BYTES_MAX {
            return self.divide_now();
        }
        // if the runtime ends first, the parcel is back in its outbox undivided
        let _ = beside(move || self.divide_now()).await;
    }

    fn divide_now(mut self) {
        let Some(parcel) = &mut self.parcel else { return };
        parcel.divided = true;
        let pieces = self.limits.divide(parcel, &self.outbox.budget);
        if let Some(whole) = self.parcel.take() {
            // the pieces have the receipt now
            whole.receipt.settle(&Answer::Accepted);
        }
        self.return_to_outbox(pieces);
    }

    fn return_to_outbox(&self, parcels: Vec<Parcel>) {
        let mut state = self.outbox.lock();
        // otherwise it was given up in the meantime, and the receipts say so when they are dropped
        if let Some(flight) = state.land(self.number) {
            state.held -= flight.size;
            state.held += Size::sum(&parcels);
            state.put_back(parcels);
            self.outbox.refresh(&state);
            self.outbox.wake.notify_one();
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(parcel) = self.parcel.take() {
            self.return_to_outbox(vec![parcel]);
        }
    }
}

/// Dividing this takes about half a millisecond.
const INLINE_BYTES_MAX: usize = 1 << 20;
