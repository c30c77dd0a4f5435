//! What a `traffic.yaml` may say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use burgee::doctor::Surroundings;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One folder of `tests/doctor/`: what is sent to a burgee, and which findings come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The findings that it is about; none if all is well.
    #[serde(default)]
    pub raises: Vec<String>,
    /// Other warnings and errors that come with them.
    #[serde(default)]
    pub also: Vec<String>,
    /// A piece of the evidence of the first finding.
    #[serde(default)]
    pub evidence: String,
    /// Laid over [`super::CONFIG`].
    #[serde(default)]
    pub config: Value,
    #[serde(default, deserialize_with = "surroundings")]
    pub surroundings: Surroundings,
    /// The doctor looks as if it were so much later: without it, when traces are whole if there are any, and else at once.
    #[serde(default, deserialize_with = "duration")]
    later: Option<Duration>,
    /// What answers at `${env:DOWNSTREAM}`.
    #[serde(default)]
    pub downstream: Script,
    /// Another program has the port that the admin service has by default.
    #[serde(default)]
    pub taken_admin_port: bool,
    /// The board shows an outbox whose counts do not add up.
    #[serde(default)]
    pub unbalanced: bool,
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// How a downstream over HTTP/1.1 answers. As it is, with 200 and nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// 200 if it is not given.
    pub status: Option<u16>,
    pub body: String,
    /// Says that it has rejected an item of every request, and why.
    pub partly: Option<String>,
    /// Answers when it is told to, by the step `answers`.
    pub held: bool,
    /// Sends whatever comes back to burgee's port for HTTP.
    pub sends_back: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// A request over HTTP/1.1.
    Http(Http),
    /// A call over HTTP/2.
    Grpc(Http),
    Spans(Spans),
    Logs(Logs),
    /// Bytes on a connection, which is closed afterwards.
    Raw {
        port: Port,
        text: String,
    },
    /// A connection without a word.
    Connect {
        port: Port,
    },
    /// TLS, by a client that trusts nobody.
    Distrust {
        port: Port,
    },
    /// So many answers that the downstream has held back.
    Answers(usize),
    /// The doctor looks now, and finds nothing that is worth a warning.
    AllIsWell,
    Repeat {
        times: usize,
        steps: Vec<Step>,
    },
    /// Where loopback cannot show it: a page over https that sends from afar.
    InsecureOrigin(String),
    /// An OTLP/JSON file of this repository, its times shifted to now.
    Capture(PathBuf),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    Grpc,
    #[default]
    Http,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    #[serde(default)]
    pub port: Port,
    #[serde(default = "post")]
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `{agent}` of it and of the headers is burgee's own user agent. Each letter is one byte.
    #[serde(default)]
    pub body: String,
    /// So many times.
    #[serde(default = "once")]
    pub body_repeat: usize,
    #[serde(default)]
    pub answer: Option<u16>,
}

/// What a service sends: over gRPC if that is the port's protocol, unless it says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    #[serde(default)]
    pub port: Port,
    pub over: Option<Port>,
    /// None: it has no `service.name`.
    pub service: Option<String>,
    #[serde(default)]
    pub resource: BTreeMap<String, Value>,
    /// So many times in one request; `{n}` is the number of the time, and ids are others each time.
    #[serde(default = "once")]
    pub repeat: usize,
    /// Sends it until it is taken, as SDKs do.
    #[serde(default)]
    pub until_taken: bool,
}

#[derive(Debug, Deserialize)]
pub struct Spans {
    #[serde(flatten)]
    pub from: From,
    pub spans: Vec<Span>,
}

#[derive(Debug, Deserialize)]
pub struct Logs {
    #[serde(flatten)]
    pub from: From,
    pub records: Vec<Record>,
}

/// Ids are short names. One that begins with `=` is the same in every repetition, `short ` has an upper half of zeros,
/// `hex ` is as it stands there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub name: String,
    #[serde(default)]
    pub kind: Kind,
    /// One of its own if it is not given.
    pub trace: Option<String>,
    pub id: Option<String>,
    pub parent: Option<String>,
    /// The parent is in another process.
    #[serde(default)]
    pub remote: bool,
    #[serde(default = "a_second_ago")]
    pub start: Time,
    #[serde(default = "just_now")]
    pub end: Time,
    #[serde(default)]
    pub status: i32,
    #[serde(default)]
    pub attributes: BTreeMap<String, Value>,
    #[serde(default)]
    pub events: Vec<Event>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// Seconds from now, or nanoseconds since the epoch as a text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Time {
    FromNow(f64),
    Nanos(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub name: String,
    #[serde(default)]
    pub attributes: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    #[serde(default)]
    pub event_name: String,
    #[serde(default)]
    pub body: String,
    pub trace: Option<String>,
    pub span: Option<String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, Value>,
}

impl Fixture {
    pub fn later(&self) -> Duration {
        fn tells(step: &Step) -> bool {
            match step {
                Step::Spans(_) | Step::Logs(_) | Step::Capture(_) => true,
                Step::Repeat { steps, .. } => steps.iter().any(tells),
                _ => false,
            }
        }
        let settled = if self.steps.iter().any(tells) { SETTLED } else { Duration::ZERO };
        self.later.unwrap_or(settled)
    }

    pub fn read(file: &Path) -> Fixture {
        let text =
            std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // JSON's model of it has enums as maps of one key, which read better than YAML's tags
        let value: Value =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

fn surroundings<'de, D: Deserializer<'de>>(from: D) -> Result<Surroundings, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, default)]
    #[derive(Default)]
    struct Said {
        in_container: bool,
        has_ipv6_loopback: bool,
        files_max: Option<u64>,
        cpu_millis: Option<u64>,
    }
    let Said { in_container, has_ipv6_loopback, files_max, cpu_millis } = Said::deserialize(from)?;
    Ok(Surroundings { in_container, has_ipv6_loopback, files_max, cpu_millis })
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    humantime::parse_duration(&String::deserialize(from)?).map(Some).map_err(serde::de::Error::custom)
}

fn once() -> usize {
    1
}

fn post() -> String {
    "POST".to_owned()
}

fn a_second_ago() -> Time {
    Time::FromNow(-1.0)
}

fn just_now() -> Time {
    Time::FromNow(-0.5)
}

/// Traces that nothing was added to for so long are whole.
const SETTLED: Duration = Duration::from_secs(7);
