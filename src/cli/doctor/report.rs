//! What the doctor says: lines for people, one object for scripts.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::admin::v1;
use crate::cli::{Failure, printed};
use crate::collector::counted;
use crate::config::escape;
use crate::doctor::{Raised, Severity, catalogue};

/// Lines in the order in which they were said, and the findings.
#[derive(Default)]
pub(super) struct Report {
    lines: Vec<(Mark, String)>,
    findings: Vec<Finding>,
    burgee: Option<Value>,
    relay_proxy: Option<Probe>,
    way: Option<v1::Sender>,
    downstreams: Option<Vec<v1::DownstreamTried>>,
    notes: Vec<String>,
    is_broken: bool,
}

/// How a line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Good,
    Info,
    Warning,
    Error,
}

/// A finding of the running burgee, or one of our own.
struct Finding {
    id: String,
    severity: Severity,
    title: String,
    evidence: String,
    count: u64,
    fix: String,
    first_seen: SystemTime,
    last_seen: SystemTime,
    resolved: Option<SystemTime>,
}

/// What became of the question to the relay proxy.
pub(super) struct Probe {
    pub url: String,
    pub version: Option<String>,
    /// Why there was no answer.
    pub silent: Option<String>,
    /// Of the answer.
    pub status: Option<u16>,
    pub verdict: Verdict,
    pub trace_id: String,
    pub other_trace_id: Option<String>,
    /// `service.name` of the span.
    pub service: Option<String>,
    pub took: Duration,
    /// burgee looks at nothing.
    pub is_blind: bool,
    /// burgee looks at one of so many traces.
    pub one_in: u32,
}

/// Where the trace of the question came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Below our span.
    Connected,
    /// In a trace of its own.
    Separate,
    /// Not at all.
    Nothing,
}

impl Probe {
    pub fn answered(url: String, version: Option<String>, status: u16, trace_id: String) -> Probe {
        let (status, verdict) = (Some(status), Verdict::Nothing);
        Probe {
            url,
            version,
            silent: None,
            status,
            verdict,
            trace_id,
            other_trace_id: None,
            service: None,
            took: Duration::ZERO,
            is_blind: false,
            one_in: 1,
        }
    }

    pub fn unreachable(url: String, why: String) -> Probe {
        Probe { silent: Some(why), status: None, ..Probe::answered(url, None, 0, String::new()) }
    }
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Connected => "connected",
            Verdict::Separate => "separate",
            Verdict::Nothing => "nothing",
        }
    }
}

impl Report {
    pub fn line(&mut self, mark: Mark, text: String) {
        self.lines.push((mark, text));
    }

    /// Something that was asked for cannot be tried.
    pub fn broken(&mut self, why: String) {
        self.line(Mark::Error, why);
        self.is_broken = true;
    }

    /// What the running burgee is and has received.
    pub fn burgee(&mut self, url: &str, status: &v1::StatusResponse, senders: &[v1::Sender]) {
        let uptime = humantime::format_duration(Duration::from_secs(status.uptime_ms / 1000));
        let version = escape(&status.version);
        self.line(Mark::Good, format!("burgee {version} answers on {url}, up {uptime}"));
        let received: u64 = status.doors.iter().map(|door| door.items_accepted).sum();
        let evaluations: u64 = status.pipelines.iter().map(|pipeline| pipeline.evaluations).sum();
        if received == 0 {
            self.line(Mark::Info, "no telemetry has arrived yet".to_owned());
        } else {
            let mut services: Vec<String> = senders.iter().map(|sender| named(&sender.service)).collect();
            services.sort();
            services.dedup();
            let more = services.len().saturating_sub(SERVICES_SHOWN);
            services.truncate(SERVICES_SHOWN);
            let from =
                if services.is_empty() { String::new() } else { format!(" from {}", services.join(", ")) };
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let (items, evaluations) = (counted(received, "items"), counted(evaluations, "flag evaluations"));
            self.line(Mark::Good, format!("telemetry arrives{from}{more}: {items}, {evaluations}"));
        }
        self.burgee = Some(json!({ "url": url, "version": status.version, "uptime_ms": status.uptime_ms }));
    }

    pub fn without_burgee(&mut self, why: String) {
        self.line(Mark::Info, format!("only the files were looked at: {why}"));
    }

    pub fn notes(&mut self, notes: Vec<String>) {
        self.notes = notes;
    }

    pub fn relay_proxy(&mut self, probe: Probe) {
        let version = probe.version.as_deref().unwrap_or("of unknown version");
        let (url, way) = (&probe.url, self.described_way());
        let line = match (&probe.silent, probe.verdict) {
            (Some(why), _) => (Mark::Error, format!("the relay proxy does not answer on {url}: {why}")),
            (None, Verdict::Connected) => {
                let seconds = probe.took.as_secs_f64();
                (
                    Mark::Good,
                    format!(
                        "relay proxy {version} answers on {url}; its spans arrive {way}, connected to their caller ({seconds:.1} s)"
                    ),
                )
            }
            (None, Verdict::Separate) => (
                Mark::Warning,
                format!(
                    "relay proxy {version} answers on {url}; its spans arrive {way}, in a trace of their own"
                ),
            ),
            (None, Verdict::Nothing) => (
                Mark::Error,
                format!("relay proxy {version} answers on {url}; none of its spans arrive here"),
            ),
        };
        self.lines.push(line);
        if matches!(probe.status, Some(400 | 401 | 403)) {
            let told = format!(
                "it answered {}: --api-key shows it a key; the verdict needs none",
                probe.status.unwrap_or_default()
            );
            self.line(Mark::Info, told);
        }
        self.relay_proxy = Some(probe);
    }

    /// By which protocol, on which port the relay proxy's spans came last.
    pub fn way(&mut self, sender: Option<v1::Sender>) {
        self.way = sender;
    }

    fn described_way(&self) -> String {
        let Some(sender) = &self.way else { return "here".to_owned() };
        let protocol = match sender.transport.as_str() {
            "grpc" => "over OTLP/gRPC",
            "http" => "over OTLP/HTTP",
            _ => "here",
        };
        match sender.port.as_str() {
            "grpc" if sender.transport == "http" => {
                format!("{protocol} on the port for gRPC, which is fine here (P01)")
            }
            "http" if sender.transport == "grpc" => {
                format!("{protocol} on the port for HTTP, which is fine here (P02)")
            }
            _ => protocol.to_owned(),
        }
    }

    pub fn downstreams(&mut self, tried: Vec<v1::DownstreamTried>) {
        self.downstreams = Some(tried);
    }

    /// A finding of a probe, or of files.
    pub fn raise(&mut self, raised: Raised) {
        let Some(entry) = catalogue::entry(raised.id) else { return };
        self.findings.push(Finding {
            id: entry.id.to_owned(),
            severity: entry.severity,
            title: entry.title.to_owned(),
            evidence: raised.evidence,
            count: raised.count,
            fix: raised.fix.unwrap_or_else(|| entry.fix.to_owned()),
            first_seen: raised.first,
            last_seen: raised.last,
            resolved: None,
        });
    }

    /// What the running burgee has found. What a probe has just shown is not said a second time.
    pub fn found(&mut self, found: Vec<v1::Finding>) {
        let shown: Vec<String> = self.findings.iter().map(|finding| finding.id.clone()).collect();
        let at = |unix_ms| SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms);
        let found = found.into_iter().filter(|finding| {
            finding.resolved_unix_ms.is_some()
                || !(shown.contains(&finding.id) && PROBED.contains(&finding.id.as_str()))
        });
        self.findings.extend(found.map(|finding| Finding {
            severity: match finding.severity.as_str() {
                "error" => Severity::Error,
                "warning" => Severity::Warning,
                _ => Severity::Info,
            },
            id: finding.id,
            title: finding.title,
            evidence: finding.evidence,
            count: finding.count,
            fix: finding.fix,
            first_seen: at(finding.first_seen_unix_ms),
            last_seen: at(finding.last_seen_unix_ms),
            resolved: finding.resolved_unix_ms.map(at),
        }));
        self.findings
            .sort_by_key(|finding| (finding.resolved.is_some(), std::cmp::Reverse(finding.severity)));
    }

    /// Of what holds.
    pub fn gravest(&self) -> Option<Severity> {
        let holding = self.findings.iter().filter(|finding| finding.resolved.is_none());
        let silent = self.is_broken || self.relay_proxy.as_ref().is_some_and(|probe| probe.silent.is_some());
        holding.map(|finding| finding.severity).chain(silent.then_some(Severity::Error)).max()
    }

    pub fn print(&self, as_json: bool) -> Result<(), Failure> {
        let text = if as_json {
            serde_json::to_string_pretty(&self.json()).expect("texts and numbers have a JSON form") + "\n"
        } else {
            self.text(SystemTime::now())
        };
        printed(anstream::stdout().write_all(text.as_bytes()))
    }

    fn json(&self) -> Value {
        let time = |at: SystemTime| humantime::format_rfc3339_millis(at).to_string();
        let finding = |finding: &Finding| {
            json!({
                "id": finding.id,
                "severity": finding.severity.name(),
                "title": finding.title,
                "evidence": finding.evidence,
                "count": finding.count,
                "fix": finding.fix,
                "first_seen": time(finding.first_seen),
                "last_seen": time(finding.last_seen),
                "resolved": finding.resolved.map(time),
            })
        };
        let way = self.way.as_ref();
        let known = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
        let relay_proxy = self.relay_proxy.as_ref().map(|probe| {
            json!({
                "url": probe.url,
                "version": probe.version,
                "reachable": probe.silent.is_none(),
                "error": probe.silent,
                "status": probe.status,
                "verdict": probe.silent.is_none().then(|| probe.verdict.name()),
                "trace_id": probe.trace_id,
                "other_trace_id": probe.other_trace_id,
                "transport": known(way.map(|sender| &sender.transport)),
                "port": known(way.map(|sender| &sender.port)),
                "took_ms": u64::try_from(probe.took.as_millis()).unwrap_or(u64::MAX),
            })
        });
        json!({
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "burgee": self.burgee,
            "relay_proxy": relay_proxy,
            "downstreams": self.downstreams,
            "notes": self.notes,
        })
    }

    fn text(&self, now: SystemTime) -> String {
        let mut text = String::new();
        for note in &self.notes {
            text.push_str(&format!("  {note}\n"));
        }
        for (mark, line) in &self.lines {
            text.push_str(&format!("{} {}\n", mark.shown(), escape(line)));
        }
        let (holding, resolved): (Vec<_>, Vec<_>) =
            self.findings.iter().partition(|finding| finding.resolved.is_none());
        for finding in &holding {
            let mark = Mark::from(finding.severity);
            text.push_str(&format!("{} {} {}\n", mark.shown(), escape(&finding.id), escape(&finding.title)));
            text.push_str(&format!("      {}\n", escape(&finding.evidence)));
            let (sentence, paste) = catalogue::parts(&finding.fix);
            text.push_str(&format!("      Fix: {}\n", escape(sentence)));
            for line in paste.into_iter().flat_map(str::lines) {
                text.push_str(&format!("        {}\n", escape(line)));
            }
        }
        for finding in &resolved {
            let ago = finding.resolved.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
            let ago = humantime::format_duration(Duration::from_secs(ago.as_secs()));
            text.push_str(&format!(
                "{} {} {}: resolved {ago} ago\n",
                Mark::Good.shown(),
                escape(&finding.id),
                escape(&finding.title)
            ));
        }
        let problems = holding.iter().filter(|finding| finding.severity > Severity::Info).count() as u64;
        match holding.first() {
            Some(first) if problems > 0 => {
                text.push_str(&format!(
                    "{}. More: burgee explain {}\n",
                    counted(problems, "problems"),
                    escape(&first.id)
                ));
            }
            _ => text.push_str("Nothing is wrong that burgee can see.\n"),
        }
        text
    }
}

impl Mark {
    fn shown(self) -> String {
        let (sign, color) = match self {
            Mark::Good => ("✔", AnsiColor::Green),
            Mark::Info => ("ℹ", AnsiColor::Cyan),
            Mark::Warning => ("⚠", AnsiColor::Yellow),
            Mark::Error => ("✖", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(color.into()));
        format!("{style}{sign}{style:#}")
    }
}

impl From<Severity> for Mark {
    fn from(severity: Severity) -> Mark {
        match severity {
            Severity::Info => Mark::Info,
            Severity::Warning => Mark::Warning,
            Severity::Error => Mark::Error,
        }
    }
}

fn named(service: &str) -> String {
    if service.is_empty() { "(no service.name)".to_owned() } else { escape(service).into_owned() }
}

const SERVICES_SHOWN: usize = 5;
/// What a probe shows better than what happened to pass.
const PROBED: [&str; 2] = ["X01", "N03"];
