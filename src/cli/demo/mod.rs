//! `burgee demo`: a minute in the life of a shop with feature flags, as OTLP.
//!
//! Relay proxies of two generations, applications in Node.js and Java, and a web page; what each sends is what
//! their real counterparts send.

mod apps;
mod relay;
mod shop;
mod traffic;

use std::fmt;
use std::future::Future;
use std::time::{Duration, SystemTime};

use http::{Request, Uri, header};
use tokio::time::{Instant, MissedTickBehavior};

use self::traffic::{Export, Traffic};
use super::Failure;
use super::signals::Signals;
use crate::net::{Body, Client, ClientConfig, SendError, SendErrorKind};
use crate::otlp::answer::{Answer, Code, status_message};
use crate::values;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Where OTLP/HTTP is received.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4318", value_parser = parse_endpoint)]
    endpoint: Uri,
    /// How long to send.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    duration: values::Duration,
    /// Visits to the demo's shop in a second; one is two to nine spans.
    #[arg(long, value_name = "NUMBER", default_value = "2", value_parser = clap::value_parser!(u32).range(1..=MAX_RATE))]
    rate: u32,
}

/// What to send, and how fast.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) endpoint: Uri,
    pub(super) visits: u64,
    /// In which time; the visits are spread evenly.
    pub(super) within: Duration,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    requests: u64,
    spans: u64,
    records: u64,
    /// Items whose request was answered with success.
    accepted: u64,
    /// What the other answers said, the last of them.
    complaint: Option<String>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let visits = u64::from(args.rate) * args.duration.as_secs().max(1);
    let plan = Plan { endpoint: args.endpoint, visits, within: args.duration.get() };
    anstream::eprintln!(
        "burgee demo: sending a shop's traffic to {} for {}, Ctrl-C ends it",
        base(&plan.endpoint),
        args.duration
    );
    let mut signals = Signals::listen()?;
    let sent = send(&plan, signals.next()).await.map_err(|error| explain(&plan.endpoint, &error))?;
    anstream::eprintln!("{sent}");
    match sent.accepted == sent.items() {
        true => Ok(()),
        false => Err(Failure::new("not everything was accepted")),
    }
}

/// Sends until the plan is fulfilled or `stop` is ready.
///
/// # Errors
/// When a request has no answer. An answer that refuses is counted, see [`Sent`].
pub(super) async fn send(plan: &Plan, stop: impl Future<Output = ()>) -> Result<Sent, SendError> {
    let client = Client::new(&ClientConfig::default());
    let mut traffic = Traffic::new(seed());
    let mut sent = Sent::default();
    let mut done = 0;
    let start = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut stop = std::pin::pin!(stop);
    while done < plan.visits {
        tokio::select! {
            _ = ticks.tick() => {}
            () = &mut stop => break,
        }
        let due = plan.due(start.elapsed());
        for export in traffic.visits(due - done, SystemTime::now()) {
            let answer = post(&client, &plan.endpoint, &export).await?;
            sent.count(&export, answer);
        }
        done = due;
    }
    Ok(sent)
}

impl Plan {
    /// How many visits should have been by then; at least one, so that something is seen at once.
    fn due(&self, elapsed: Duration) -> u64 {
        let part = (elapsed + TICK).as_secs_f64() / self.within.as_secs_f64().max(f64::MIN_POSITIVE);
        // Below 2^53 visits the product is exact enough; `as` saturates.
        ((self.visits as f64 * part) as u64).clamp(1, self.visits)
    }
}

impl Sent {
    fn items(&self) -> u64 {
        self.spans + self.records
    }

    fn count(&mut self, export: &Export, answer: Answer) {
        self.requests += 1;
        match export.signal {
            crate::otlp::Signal::Logs => self.records += export.items,
            _ => self.spans += export.items,
        }
        self.accepted += match &answer {
            Answer::Accepted => export.items,
            Answer::Partly { rejected, .. } => export.items.saturating_sub(*rejected),
            _ => 0,
        };
        if !answer.message().is_empty() {
            self.complaint = Some(answer.message().to_owned());
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "sent {} spans and {} log records in {} requests, {} accepted",
            self.spans, self.records, self.requests, self.accepted
        )?;
        match &self.complaint {
            Some(complaint) => write!(out, "; the receiver said: {}", complaint.escape_debug()),
            None => Ok(()),
        }
    }
}

async fn post(client: &Client, endpoint: &Uri, export: &Export) -> Result<Answer, SendError> {
    let path = export.signal.http_path();
    let request = Request::post(format!("{}{path}", base(endpoint)))
        .header(header::CONTENT_TYPE, "application/x-protobuf")
        .body(Body::from(bytes::Bytes::copy_from_slice(&export.body)))
        .expect("an URI with a path after it is one");
    let answer = client.send(request, TIMEOUT).await?;
    let body = &answer.body().bytes;
    if answer.headers().contains_key("grpc-status") {
        // A server that knows gRPC only answers everything with 200, so this is no success.
        let said = "this is a gRPC server without OTLP/HTTP".to_owned();
        return Ok(Answer::Rejected { code: Code::Unimplemented, message: said });
    }
    if answer.status().is_success() {
        return Ok(Answer::from_response(export.signal, body));
    }
    let said = status_message(body).unwrap_or_else(|| answer.status().to_string());
    Ok(Answer::from_http(answer.status().as_u16(), None, said))
}

fn explain(endpoint: &Uri, error: &SendError) -> Failure {
    let now = match error.kind {
        SendErrorKind::Refused | SendErrorKind::Unreachable => {
            "start `burgee` in another terminal first, or see both in one with `burgee --demo`"
        }
        SendErrorKind::Unresolved => "is --endpoint right?",
        SendErrorKind::Closed => "the receiver went away",
        _ => "is an OTLP/HTTP receiver there? try --endpoint http://127.0.0.1:4318",
    };
    Failure::new(format!("cannot send to {}: {error}; {now}", base(endpoint)))
}

/// A bare `host:port` means `http://`, as it does for `burgee status`.
fn parse_endpoint(text: &str) -> Result<Uri, String> {
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let uri: Uri = url.parse().map_err(|error| format!("{error}; try http://127.0.0.1:4318"))?;
    match uri.query() {
        None => Ok(uri),
        Some(_) => Err("an endpoint has no ?query; OTLP's paths are added to it".to_owned()),
    }
}

/// The endpoint without the slash that `Uri` adds.
fn base(endpoint: &Uri) -> String {
    endpoint.to_string().trim_end_matches('/').to_owned()
}

/// Other ids in every run.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    now.as_nanos() as u64 ^ u64::from(std::process::id()) << 48
}

const TICK: Duration = Duration::from_millis(250);
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_RATE: i64 = 10_000;

#[cfg(test)]
mod tests;
