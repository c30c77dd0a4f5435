//! The only way out of an outbox: what the outcome of a try means for the batch.

use std::sync::MutexGuard;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::limits::{Size, halve};
use super::outbox::{Again, Flight, Outbox, Phase, State};
use crate::component::{Batch, Creditor, Outcome, Parcel, Refusal, RetryConfig};
use crate::config;
use crate::observe::board::LastOutcome;
use crate::observe::ledger::DropReason;
use crate::otlp::answer::{Answer, Code};

/// What becomes of the parcels of a batch.
enum Verdict {
    /// They leave: counted, and whoever waits is told.
    Out(Exit),
    /// The same batch is tried again.
    Later(Option<Duration>),
    /// It is tried again at once, in these batches.
    Divided(Vec<Vec<Parcel>>),
}

/// How items leave.
#[derive(Clone, Copy)]
enum Exit {
    Sent,
    Partly { rejected: u64 },
    Rejected,
    Dropped(DropReason),
}

impl Outbox {
    /// Notes the outcome of one try. Whatever it is, every item of the batch is counted or held again afterwards.
    pub fn settle(&self, batch: Batch, outcome: Outcome) {
        let (number, mut parcels) = batch.open();
        // dividing takes time, so it is done before the lock is taken
        let verdict = match outcome {
            Answer::TooLarge { .. } if self.lock().divided_in_vain(number) => {
                Verdict::Out(Exit::Dropped(DropReason::TooLarge))
            }
            _ => self.judge(&mut parcels, &outcome),
        };
        let now = Instant::now();
        let mut state = self.lock();
        let Some(flight) = state.land(number) else {
            drop(state);
            return tell(parcels, &Refusal::Stopping.answer());
        };
        state.last = Some(last_outcome(&outcome));
        let recovered = state.failing && !matches!(outcome, Outcome::RetryLater { .. });
        let began_to_fail = !state.failing && matches!(outcome, Outcome::RetryLater { .. });
        state.failing = matches!(outcome, Outcome::RetryLater { .. });
        let items = flight.size.items;
        let exit = match verdict {
            Verdict::Out(exit) => {
                state.leave(flight.size, exit);
                Some(exit)
            }
            Verdict::Divided(batches) => {
                let history = &flight.history;
                state.held -= flight.size;
                for parcels in batches {
                    let size = Size::sum(&parcels);
                    state.held += size;
                    let history = history.inherit();
                    state.again.push(Again { parcels, size, not_before: now, history });
                }
                None
            }
            Verdict::Later(asked) => match state.retry(flight, std::mem::take(&mut parcels), asked, now) {
                Ok(()) => None,
                Err((reason, back)) => {
                    parcels = back;
                    Some(Exit::Dropped(reason))
                }
            },
        };
        let complain = exit.is_some_and(|exit| exit.is_loss()) && state.may_complain(now);
        self.moved(&state);
        drop(state);

        let who = (&self.exporter, self.signal);
        if began_to_fail {
            warn!(exporter = %who.0, signal = %who.1, message = %escaped(&outcome), "exporter cannot deliver; trying again");
        } else if recovered {
            info!(exporter = %who.0, signal = %who.1, "exporter gets answers again");
        }
        if let (true, Some(exit)) = (complain, exit) {
            let (lost, reason) = exit.loss(items);
            warn!(exporter = %who.0, signal = %who.1, items = lost, reason, message = %escaped(&outcome), "items lost");
        }
        if exit.is_some() {
            tell(parcels, &outcome);
        }
    }

    fn judge(&self, parcels: &mut Vec<Parcel>, outcome: &Outcome) -> Verdict {
        match outcome {
            Answer::Accepted => Verdict::Out(Exit::Sent),
            Answer::Partly { rejected, .. } => Verdict::Out(Exit::Partly { rejected: *rejected }),
            Answer::RetryLater { after, .. } => Verdict::Later(*after),
            Answer::Rejected { code, .. } if parcels.len() > 1 && may_be_one_of_many(*code) => {
                Verdict::Divided(parcels.drain(..).map(|parcel| vec![parcel]).collect())
            }
            Answer::Rejected { .. } => Verdict::Out(Exit::Rejected),
            Answer::TooLarge { .. } if parcels.len() > 1 => {
                let second = parcels.split_off(parcels.len() / 2);
                Verdict::Divided(vec![std::mem::take(parcels), second])
            }
            Answer::TooLarge { .. } => {
                let pieces = parcels.first().map_or_else(Vec::new, |parcel| halve(parcel, &self.budget));
                if pieces.len() < 2 {
                    return Verdict::Out(Exit::Dropped(DropReason::TooLarge));
                }
                // the pieces have the receipt now
                parcels.drain(..).for_each(|whole| whole.receipt.settle(&Answer::Accepted));
                Verdict::Divided(pieces.into_iter().map(|piece| vec![piece]).collect())
            }
        }
    }

    /// Takes back a batch that was not tried to the end: its exporter was stopped. It is next.
    pub fn give_back(&self, batch: Batch) {
        let (number, parcels) = batch.open();
        let mut state = self.lock();
        let Some(Flight { size, history, .. }) = state.land(number) else {
            drop(state);
            return tell(parcels, &Refusal::Stopping.answer());
        };
        state.again.push(Again { parcels, size, not_before: Instant::now(), history });
        self.moved(&state);
    }

    /// Gives up what is left, and takes nothing any more.
    pub fn close(&self, reason: DropReason) {
        let state = self.lock();
        self.close_locked(state, reason);
    }

    /// The same with the lock held.
    pub fn close_locked(&self, mut state: MutexGuard<'_, State>, reason: DropReason) {
        state.phase = Phase::Closed(reason);
        let parcels = state.give_up(reason);
        self.moved(&state);
        let cut = state.cut.clone();
        drop(state);
        cut.cancel();
        tell(parcels, &Refusal::Stopping.answer());
    }

    fn moved(&self, state: &State) {
        self.refresh(state);
        if state.phase != Phase::Open || !state.waiting.is_empty() || !state.again.is_empty() {
            self.wake.notify_one();
        }
        if state.is_empty() {
            self.emptied.notify_one();
        }
    }
}

impl Creditor for Outbox {
    fn lost(&self, number: u64, parcels: Vec<Parcel>) {
        let mut state = self.lock();
        if let Some(flight) = state.land(number) {
            state.leave(flight.size, Exit::Dropped(DropReason::Bug));
            self.moved(&state);
            drop(state);
            error!(exporter = %self.exporter, signal = %self.signal, items = flight.size.items, "a batch was lost by a defect of burgee");
        }
        tell(parcels, &Refusal::Stopping.answer());
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let state = self.lock().give_up(DropReason::DrainDeadline);
        tell(state, &Refusal::Stopping.answer());
    }
}

impl State {
    fn leave(&mut self, size: Size, exit: Exit) {
        self.held -= size;
        let ledger = &mut self.ledger;
        match exit {
            Exit::Sent => ledger.sent += size.items,
            Exit::Partly { rejected } => {
                let rejected = rejected.min(size.items);
                ledger.rejected += rejected;
                ledger.sent += size.items - rejected;
            }
            Exit::Rejected => ledger.rejected += size.items,
            Exit::Dropped(reason) => ledger.dropped.add(reason, size.items),
        }
        if !matches!(exit, Exit::Dropped(reason) if reason != DropReason::TooLarge) {
            self.progress_at = Instant::now();
            self.isolated = false;
        }
        if matches!(exit, Exit::Sent | Exit::Partly { .. }) {
            self.delivered_at = Some(self.progress_at);
        }
    }

    /// Whether a batch was divided often and nothing at all arrived since: then its size is not the reason. Some
    /// servers answer so when a quota is used up, and should not get a request for every single item.
    fn divided_in_vain(&self, number: u64) -> bool {
        let flight = self.flights.iter().find(|flight| flight.number == number);
        flight.is_some_and(|Flight { history, .. }| {
            let delivered = self.delivered_at.is_some_and(|at| at >= history.first_try);
            history.divisions >= DIVISIONS_IN_VAIN_MAX && !delivered
        })
    }

    /// Plans another try, or gives the parcels back with the reason why there is none. They are counted as dropped
    /// then.
    fn retry(
        &mut self,
        flight: Flight,
        parcels: Vec<Parcel>,
        asked: Option<Duration>,
        now: Instant,
    ) -> Result<(), (DropReason, Vec<Parcel>)> {
        let Flight { size, mut history, .. } = flight;
        let retry: &RetryConfig = &self.settings.retry;
        let planned = if retry.enabled {
            history.next_delay(retry, asked, now).ok_or(DropReason::RetriesExhausted)
        } else {
            Err(DropReason::RetryOff)
        };
        let delay = match (planned, self.phase) {
            (Ok(delay), Phase::Draining(deadline) | Phase::Leaving(deadline)) => {
                let left = deadline.saturating_duration_since(now);
                // a downstream that asks for a pause gets it as long as there is a try left after it
                let pause = asked.filter(|asked| *asked < left / 2).unwrap_or(DRAIN_RETRY);
                delay.min(pause).min(left)
            }
            (Ok(delay), _) => delay,
            (Err(reason), _) => {
                self.leave(size, Exit::Dropped(reason));
                return Err((reason, parcels));
            }
        };
        self.again.push(Again { parcels, size, not_before: now + delay, history });
        Ok(())
    }

    /// Losses are logged at most once in a while; the ledger has all of them.
    fn may_complain(&mut self, now: Instant) -> bool {
        let may = self.complained_at.is_none_or(|at| now.duration_since(at) >= COMPLAIN_EVERY);
        if may {
            self.complained_at = Some(now);
        }
        may
    }
}

impl Exit {
    fn is_loss(self) -> bool {
        !matches!(self, Exit::Sent)
    }

    fn loss(self, items: u64) -> (u64, &'static str) {
        match self {
            Exit::Sent => (0, ""),
            Exit::Partly { rejected } => (rejected.min(items), "rejected"),
            Exit::Rejected => (items, "rejected"),
            Exit::Dropped(reason) => (items, reason.name()),
        }
    }
}

/// Whether a refusal may be about one request in a batch. What concerns the exporter's address or credentials
/// concerns all of them.
fn may_be_one_of_many(code: Code) -> bool {
    !matches!(code, Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented | Code::NotFound)
}

fn tell(parcels: Vec<Parcel>, outcome: &Outcome) {
    for parcel in parcels {
        match outcome {
            // of which request the items are is not known; no request has more of them than it has items
            Answer::Partly { rejected, message } => {
                let rejected = (*rejected).min(parcel.payload.len());
                parcel.receipt.settle(&Answer::Partly { rejected, message: message.clone() });
            }
            outcome => parcel.receipt.settle(outcome),
        }
    }
}

fn last_outcome(outcome: &Outcome) -> LastOutcome {
    let what = match outcome {
        Answer::Accepted => "accepted",
        Answer::Partly { .. } => "partly",
        Answer::RetryLater { .. } => "retry_later",
        Answer::TooLarge { .. } => "too_large",
        Answer::Rejected { .. } => "rejected",
    };
    LastOutcome { at: SystemTime::now(), what, message: escaped(outcome) }
}

/// The downstream's sentence, without control characters, shortened. What its exporter has escaped stays as it is.
fn escaped(outcome: &Outcome) -> String {
    let message = outcome.message();
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        None => config::escape(message).into_owned(),
        Some((end, _)) => format!("{}…", config::escape(&message[..end])),
    }
}

const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
const DRAIN_RETRY: Duration = Duration::from_millis(200);
/// Down to 32 KiB of 4 MiB.
const DIVISIONS_IN_VAIN_MAX: u32 = 7;
const MESSAGE_CHARS_MAX: usize = 200;
