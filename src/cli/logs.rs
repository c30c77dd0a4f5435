//! The log of the process: one line for each event, on stderr unless the configuration says otherwise.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::Failure;
use crate::telemetry::{Encoding, Logs};

/// Starts the log. `RUST_LOG` goes before the configured level, in the syntax of `tracing`: `burgee=debug`.
pub(super) fn start(logs: &Logs) -> Result<(), Failure> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(wanted) if !wanted.trim().is_empty() => EnvFilter::try_new(&wanted).map_err(|error| {
            Failure::new(format!("RUST_LOG is not a filter: {error}; try RUST_LOG=burgee=debug"))
        })?,
        _ => EnvFilter::new(logs.level.name()),
    };
    let outputs = Outputs::open(&logs.output_paths)?;
    let is_colored = outputs.is_stderr()
        && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(outputs).with_ansi(is_colored);
    // Only a second start fails, and the first one's log serves as well.
    let _ = match logs.encoding {
        Encoding::Console => {
            let log = log.with_target(false).with_timer(Clock).compact().with_filter_reloading();
            let handle = log.reload_handle();
            let _ = LEVEL.set(Box::new(move |level| handle.reload(level).is_ok()));
            log.try_init()
        }
        Encoding::Json => {
            let log = log.event_format(Json::new(logs)).with_filter_reloading();
            let handle = log.reload_handle();
            let _ = LEVEL.set(Box::new(move |level| handle.reload(level).is_ok()));
            log.try_init()
        }
    };
    Ok(())
}

/// Follows a new configuration as far as a running log can: in its level. `RUST_LOG` still goes before it.
pub(super) fn change(before: &Logs, now: &Logs) {
    if (Logs { level: before.level, ..now.clone() }) != *before {
        tracing::warn!("a new encoding, output or initial field of the log is in force after a restart");
    }
    let is_overridden = std::env::var("RUST_LOG").is_ok_and(|wanted| !wanted.trim().is_empty());
    if before.level != now.level && !is_overridden {
        let is_set = LEVEL.get().is_some_and(|set| set(EnvFilter::new(now.level.name())));
        tracing::debug!(level = now.level.name(), is_set, "log level changed");
    }
}

/// Sets what the running log lets through.
static LEVEL: OnceLock<Box<dyn Fn(EnvFilter) -> bool + Send + Sync>> = OnceLock::new();

/// Milliseconds are enough to read, and UTC is what every other log has.
struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{}", now())
    }
}

fn now() -> impl fmt::Display {
    humantime::format_rfc3339_millis(std::time::SystemTime::now())
}

/// One object a line: time, level, message, where it belongs, the event's own fields, and the configured ones.
struct Json {
    initial: Vec<(String, String)>,
}

impl Json {
    fn new(logs: &Logs) -> Json {
        Json { initial: logs.initial_fields.clone().into_iter().collect() }
    }

    fn line(&self, level: &Level, event: Fields) -> serde_json::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut json = serde_json::Serializer::new(&mut line);
        let mut map = json.serialize_map(None)?;
        map.serialize_entry("ts", &now().to_string())?;
        map.serialize_entry("level", &level.as_str().to_ascii_lowercase())?;
        map.serialize_entry("msg", &event.message)?;
        for (name, value) in &event.fields {
            match COMPONENTS.iter().find(|kind| **kind == *name) {
                Some(kind) => {
                    map.serialize_entry("otelcol.component.id", value)?;
                    map.serialize_entry("otelcol.component.kind", kind)?;
                }
                None if *name == "signal" => map.serialize_entry("otelcol.signal", value)?,
                None => map.serialize_entry(name, value)?,
            }
        }
        for (name, value) in &self.initial {
            map.serialize_entry(name, value)?;
        }
        map.end()?;
        line.push(b'\n');
        Ok(line)
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = self.line(event.metadata().level(), fields).map_err(|_| fmt::Error)?;
        out.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)
    }
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.push((field.name(), value.into()));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            _ => self.add(field, format!("{value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.add(field, value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }
}

/// Every place that a line goes to.
#[derive(Clone)]
struct Outputs(Arc<[Output]>);

enum Output {
    Stderr,
    Stdout,
    /// Appended to, a line with each write.
    File(File),
}

impl Outputs {
    fn open(paths: &[String]) -> Result<Outputs, Failure> {
        let open = |path: &String| {
            match path.trim() {
            "stderr" => Ok(Output::Stderr),
            "stdout" => Ok(Output::Stdout),
            path => OpenOptions::new().create(true).append(true).open(path).map(Output::File).map_err(|error| {
                Failure::new(format!(
                    "the log cannot be written to {}: {error}; look at service.telemetry.logs.output_paths",
                    crate::config::quote(path)
                ))
            }),
        }
        };
        Ok(Outputs(paths.iter().map(open).collect::<Result<_, _>>()?))
    }

    fn is_stderr(&self) -> bool {
        matches!(&*self.0, [Output::Stderr])
    }
}

impl<'a> MakeWriter<'a> for Outputs {
    type Writer = Outputs;

    fn make_writer(&'a self) -> Outputs {
        self.clone()
    }
}

impl Write for Outputs {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut written = Ok(line.len());
        // one place that is full must not silence the others
        for output in &*self.0 {
            let one = match output {
                Output::Stderr => io::stderr().write_all(line),
                Output::Stdout => io::stdout().write_all(line),
                Output::File(file) => (&*file).write_all(line),
            };
            written = one.and(written);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fields that name a component of this kind.
const COMPONENTS: [&str; 5] = ["receiver", "processor", "exporter", "connector", "extension"];

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(&'static str, Value)]) -> Fields {
        Fields { message: "a \"batch\"\nwas lost".to_owned(), fields: fields.to_vec() }
    }

    #[test]
    fn a_line_of_json_has_the_fields_people_look_for() {
        let json = Json { initial: vec![("team".to_owned(), "flags".to_owned())] };
        let event =
            fields(&[("exporter", "otlp/eu".into()), ("signal", "traces".into()), ("items", 3.into())]);
        let line = json.line(&Level::WARN, event).expect("text has a JSON form");
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "one event, one line");
        let mut line: Value = serde_json::from_slice(&line).expect("JSON");
        let ts = line["ts"].take();
        assert!(ts.as_str().is_some_and(|ts| ts.ends_with('Z')), "{ts}");
        let expected = serde_json::json!({
            "ts": null, "level": "warn", "msg": "a \"batch\"\nwas lost",
            "otelcol.component.id": "otlp/eu", "otelcol.component.kind": "exporter", "otelcol.signal": "traces",
            "items": 3, "team": "flags",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn a_file_gets_every_line_and_is_appended_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("burgee.log").display().to_string();
        for line in ["one\n", "two\n"] {
            let mut outputs = Outputs::open(std::slice::from_ref(&path)).expect("a folder of ours");
            outputs.write_all(line.as_bytes()).expect("it is open");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "one\ntwo\n");
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_a_failure_that_says_so() {
        let failure =
            Outputs::open(&["/no/such/folder/burgee.log".to_owned()]).err().expect("it is not there");
        assert!(failure.message.contains("\"/no/such/folder/burgee.log\""), "{}", failure.message);
    }
}
