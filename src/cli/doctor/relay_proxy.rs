//! The relay proxy, asked for a flag with a trace of our own: does the trace come out here, and as one?

use std::time::{Duration, Instant};

use http::{Request, Uri, header};

use super::report::{Mark, Probe, Report, Verdict};
use super::{Failure, Running, raised, send};
use crate::admin::v1;
use crate::config::escape;
use crate::doctor::versions::{self, Tracing};
use crate::net::Body;
use crate::values::Secret;

/// The ids that the relay proxy is given.
struct Ids {
    trace: String,
    span: String,
    /// Named by the relay proxy on the span of the request, so that it is found in whichever trace.
    agent: String,
}

impl Ids {
    fn random() -> Ids {
        let digits =
            |count: usize| -> String { (0..count).map(|_| format!("{:02x}", fastrand::u8(1..))).collect() };
        // ids that end in zeros are looked at, however much comes (`insight`)
        let trace = format!("{}{}", digits(12), "40000000");
        let agent = format!("burgee-doctor/{trace}");
        Ids { trace, span: digits(8), agent }
    }
}

/// Asks, waits, and says what became of it.
pub(super) async fn probe(
    running: &Running,
    url: &Uri,
    api_key: Option<&Secret>,
    report: &mut Report,
) -> Result<(), Failure> {
    let shown = shown(url);
    let ids = Ids::random();
    let request = request(url, &ids, api_key)
        .ok_or_else(|| Failure::new(format!("--relay-proxy {shown} is not http://host:port")))?;
    let begun = Instant::now();
    let answer = match send(request, ASK_WITHIN).await {
        Ok(answer) => answer,
        Err(error) => {
            report.relay_proxy(Probe::unreachable(shown, escape(&error.to_string()).into_owned()));
            return Ok(());
        }
    };
    let version = answer.headers().get(VERSION_HEADER).and_then(|value| value.to_str().ok());
    let version: Option<String> = version.map(|text| escape(text).chars().take(VERSION_CHARS_MAX).collect());
    let mut probe = Probe::answered(shown, version, answer.status().as_u16(), ids.trace.clone());
    while probe.verdict == Verdict::Nothing && begun.elapsed() < TRACE_WITHIN {
        tokio::time::sleep(POLL_EVERY).await;
        look(running, &ids, &mut probe).await?;
    }
    probe.took = begun.elapsed();
    conclude(running, &probe, report).await?;
    report.relay_proxy(probe);
    Ok(())
}

fn request(url: &Uri, ids: &Ids, api_key: Option<&Secret>) -> Option<Request<Body>> {
    let (scheme, authority) = (url.scheme_str()?, url.authority()?);
    let base = url.path().trim_end_matches('/');
    let mut request = Request::post(format!("{scheme}://{authority}{base}{PATH}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, &ids.agent)
        .header("traceparent", format!("00-{}-{}-01", ids.trace, ids.span));
    if let Some(key) = api_key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", key.reveal()));
    }
    request.body(Body::from(QUESTION)).ok()
}

/// Whether the request's span has arrived, in our trace or in another one.
async fn look(running: &Running, ids: &Ids, probe: &mut Probe) -> Result<(), Failure> {
    let asked = v1::TraceRequest { trace_id: ids.trace.clone() };
    let trace = running.ask(async |mut client| client.trace(asked).await).await;
    let ours = match trace {
        // a proxy that traces may stand in between
        Ok(trace) => trace.spans.into_iter().next(),
        Err(unanswered) if unanswered.code == tonic::Code::NotFound => None,
        Err(unanswered) => return Err(unanswered.into()),
    };
    if let Some(span) = ours {
        probe.verdict = Verdict::Connected;
        probe.service = Some(span.service);
        return Ok(());
    }
    let having = v1::Attribute { key: "user_agent.original".to_owned(), value: ids.agent.clone() };
    let asked = v1::TracesRequest { having: Some(having), limit: 2, ..v1::TracesRequest::default() };
    let traces = running.ask(async |mut client| client.traces(asked).await).await?;
    probe.is_blind = traces.horizon.as_ref().is_some_and(|horizon| horizon.bytes_max == 0);
    probe.one_in = traces.horizon.map_or(1, |horizon| horizon.one_in);
    if let Some(other) = traces.traces.into_iter().find(|trace| trace.trace_id != ids.trace) {
        probe.verdict = Verdict::Separate;
        probe.other_trace_id = Some(other.trace_id);
        probe.service = Some(other.service);
    }
    Ok(())
}

/// Which finding it is, and by which way the spans came.
async fn conclude(running: &Running, probe: &Probe, report: &mut Report) -> Result<(), Failure> {
    let senders = running.ask(async |mut client| client.senders(v1::SendersRequest {}).await).await?;
    let relays = senders.senders.into_iter().filter(|sender| match &probe.service {
        Some(service) => sender.service == *service,
        None => sender.is_relay_proxy,
    });
    let latest = relays.max_by_key(|sender| sender.last_seen_unix_ms);
    let version = probe.version.as_deref();
    let tracing = version.map(versions::verdict);
    let named = match version {
        Some(version) => format!("relay proxy {version}"),
        None => "the relay proxy, which does not say its version,".to_owned(),
    };
    match probe.verdict {
        Verdict::Connected => {}
        Verdict::Nothing if probe.is_blind => {
            let text =
                "whether its spans arrive cannot be told: this burgee looks at nothing (admin.remember is 0)";
            report.line(Mark::Info, text.to_owned());
        }
        Verdict::Nothing if probe.one_in > 1 => {
            let text = format!(
                "so much arrives that burgee looks at one of {} traces: ask again when it is quieter",
                probe.one_in
            );
            report.line(Mark::Info, text);
        }
        Verdict::Separate => {
            let other = probe.other_trace_id.as_deref().unwrap_or_default();
            let evidence =
                format!("{named} was given the trace {} and began its own trace {other}", probe.trace_id);
            let advice = tracing.map(|verdict| verdict.fix).filter(|fix| !fix.is_empty());
            report.raise(raised("X01", evidence, advice.map(str::to_owned)));
        }
        Verdict::Nothing => {
            let seconds = TRACE_WITHIN.as_secs();
            let evidence =
                format!("{named} answered a request, and no span of it arrived here within {seconds} s");
            let (evidence, fix) = match tracing.filter(|verdict| verdict.tracing.sends() == Some(false)) {
                Some(verdict) => (format!("{evidence}: {}", verdict.means), verdict.fix.to_owned()),
                None => (evidence, reasons(tracing.map(|verdict| verdict.tracing))),
            };
            report.raise(raised("N03", evidence, Some(fix)));
        }
    }
    report.way(latest.filter(|_| probe.verdict != Verdict::Nothing));
    Ok(())
}

/// Why a relay proxy that could send does not, the likeliest first.
fn reasons(tracing: Option<Tracing>) -> String {
    let mut reasons = Vec::new();
    if tracing.is_some_and(Tracing::needs_old_setting) {
        reasons.push("This version is started by openTelemetryOtlpEndpoint alone: set that one.");
    }
    reasons.extend([
        "No endpoint is set. OTEL_EXPORTER_OTLP_TRACES_ENDPOINT alone does not start tracing (N04).",
        "In a container, localhost is the relay proxy itself: use burgee's name there (N01).",
        "Tracing is switched off: OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER or OTEL_TRACES_SAMPLER (N07).",
        "burgee listens on loopback, in another container or on another host (N08).",
    ]);
    let mut text = String::from(
        "Set the endpoint in the relay proxy's environment, and look at these, the likeliest first:\n",
    );
    text.push_str("OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318");
    for (number, reason) in reasons.iter().enumerate() {
        text.push_str(&format!("\n# {}. {reason}", number + 1));
    }
    text
}

/// Without what may stand before an `@`, and without a query.
fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
    let authority = url.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    escape(&format!("{scheme}{host}{}", url.path().trim_end_matches('/'))).into_owned()
}

const PATH: &str = "/ofrep/v1/evaluate/flags/burgee-doctor-probe";
/// A flag that nobody has is answered with 404, and makes spans all the same.
const QUESTION: &str = r#"{"context":{"targetingKey":"burgee-doctor"}}"#;
const VERSION_HEADER: &str = "x-gofeatureflag-version";
const VERSION_CHARS_MAX: usize = 40;
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// SDKs send every five seconds, and once more if the first batch was under way.
const TRACE_WITHIN: Duration = Duration::from_secs(12);
const POLL_EVERY: Duration = Duration::from_millis(250);
