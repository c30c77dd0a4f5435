//! Stand-ins for tests: a feeder in front, recorders and scripted downstreams behind.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use opentelemetry_proto::tonic::collector::{logs::v1 as logs, trace::v1 as trace};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::sync::Notify;

use super::{Batch, Exporter, Intake, Origin, Outcome, Refusal, Ticket};
use crate::otlp::answer::Code;
use crate::otlp::{self, Payload, Signal, Watchlist};

/// A request of one span for each name.
pub fn spans<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Payload {
    let span = |(number, name): (u64, N)| Span {
        trace_id: vec![1; 16],
        span_id: number.to_be_bytes().to_vec(),
        name: name.as_ref().to_owned(),
        ..Span::default()
    };
    let spans = (1..).zip(names).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    checked(Signal::Traces, trace::ExportTraceServiceRequest { resource_spans }.encode_to_vec())
}

/// A request of `count` log records.
pub fn log_records(count: usize) -> Payload {
    let log_records = vec![LogRecord { event_name: "event".into(), ..LogRecord::default() }; count];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    checked(Signal::Logs, logs::ExportLogsServiceRequest { resource_logs }.encode_to_vec())
}

/// A request of spans with an unknown field at its top, which is never merged or split.
pub fn opaque_spans<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Payload {
    let mut bytes = spans(names).bytes().to_vec();
    bytes.extend_from_slice(&[0x78, 1]);
    checked(Signal::Traces, bytes)
}

fn checked(signal: Signal, bytes: Vec<u8>) -> Payload {
    otlp::check(signal, bytes.into(), &Watchlist::default())
        .expect("an encoded message is well formed")
        .payload
}

/// The names of the spans in a merged request.
pub fn span_names(body: &[u8]) -> Vec<String> {
    let request =
        trace::ExportTraceServiceRequest::decode(body).expect("an exporter sends well formed requests");
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).map(|span| span.name).collect()
}

/// Brings payloads in as a receiver does it.
pub struct Feeder {
    intake: Arc<dyn Intake>,
    origin: Arc<Origin>,
}

impl Feeder {
    pub fn new(intake: Arc<dyn Intake>) -> Feeder {
        Feeder { intake, origin: Arc::new(Origin::local("feeder".into())) }
    }

    pub fn feed(&self, payload: Payload) -> Result<Ticket, Refusal> {
        let admission = self.intake.admit(payload.signal(), payload.bytes().len() as u64)?;
        self.intake.accept(admission, payload, &self.origin)
    }
}

/// What a [`Scripted`] downstream does with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Answer(Outcome),
    /// Answers nothing, ever.
    Hang,
    /// Answers [`Outcome::Accepted`] once [`Scripted::release`] is called.
    Hold,
    Panic,
}

impl Step {
    pub fn retry_later() -> Step {
        Step::Answer(Outcome::RetryLater { after: None, message: "busy".into() })
    }

    pub fn rejected() -> Step {
        Step::Answer(Outcome::Rejected { code: Code::InvalidArgument, message: "poison".into() })
    }

    pub fn too_large() -> Step {
        Step::Answer(Outcome::TooLarge { message: "too large".into() })
    }

    pub fn partly(rejected: u64) -> Step {
        Step::Answer(Outcome::Partly { rejected, message: "bad ids".into() })
    }
}

type Script = dyn FnMut(&Batch) -> Step + Send;

/// An exporter that follows a script and remembers every try. Without a script it accepts everything.
pub struct Scripted {
    script: Mutex<Box<Script>>,
    tries: Mutex<Vec<Try>>,
    released: Notify,
    lossy: bool,
}

/// One try of a [`Scripted`] exporter.
#[derive(Clone, Debug)]
pub struct Try {
    pub at: tokio::time::Instant,
    pub items: u64,
    pub body: Bytes,
    pub step: Step,
}

impl Scripted {
    /// The script is asked once for every try.
    pub fn new(script: impl FnMut(&Batch) -> Step + Send + 'static) -> Arc<Scripted> {
        Scripted::with(script, false)
    }

    /// As `new`, for an exporter whose loss nobody minds.
    pub fn lossy(script: impl FnMut(&Batch) -> Step + Send + 'static) -> Arc<Scripted> {
        Scripted::with(script, true)
    }

    /// Accepts everything.
    pub fn recorder() -> Arc<Scripted> {
        Scripted::new(|_| Step::Answer(Outcome::Accepted))
    }

    fn with(script: impl FnMut(&Batch) -> Step + Send + 'static, lossy: bool) -> Arc<Scripted> {
        Arc::new(Scripted {
            script: Mutex::new(Box::new(script)),
            tries: Mutex::default(),
            released: Notify::new(),
            lossy,
        })
    }

    /// From now on follows another script.
    pub fn rewrite(&self, script: impl FnMut(&Batch) -> Step + Send + 'static) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(script);
    }

    /// Lets all tries end that are held now.
    pub fn release(&self) {
        self.released.notify_waiters();
    }

    /// All tries so far.
    pub fn tries(&self) -> Vec<Try> {
        self.log().clone()
    }

    /// Names of the spans in accepted batches, in order.
    pub fn accepted_spans(&self) -> Vec<String> {
        let accepted = |tried: &&Try| matches!(tried.step, Step::Answer(Outcome::Accepted) | Step::Hold);
        self.log().iter().filter(accepted).flat_map(|tried| span_names(&tried.body)).collect()
    }

    fn log(&self) -> MutexGuard<'_, Vec<Try>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(&self, batch: &Batch) -> Outcome {
        let released = self.released.notified();
        let step = (self.script.lock().unwrap_or_else(PoisonError::into_inner))(batch);
        let body: Vec<u8> = batch.body().flatten().collect();
        let at = tokio::time::Instant::now();
        self.log().push(Try { at, items: batch.items(), body: body.into(), step: step.clone() });
        match step {
            Step::Answer(outcome) => outcome,
            Step::Hang => std::future::pending().await,
            Step::Hold => {
                released.await;
                Outcome::Accepted
            }
            Step::Panic => panic!("scripted"),
        }
    }
}

impl Exporter for Scripted {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Outcome> {
        self.follow(batch).boxed()
    }

    fn is_lossy(&self) -> bool {
        self.lossy
    }
}
