//! Golden cases: what goes into the processor `feature_flag`, what comes out.
//!
//! `tests/golden/feature_flag/<case>/` holds `config.yaml` (the processor's section), `in.json` and `out.json`
//! (OTLP/JSON), and the flag file that the section names, if any. For each request in `tests/interop/captures/*.pb`
//! (logs in `*-logs.pb`) there is
//! `tests/golden/feature_flag/captures/<name>.json`. With `UPDATE_GOLDEN=1` the outputs are written anew; each
//! difference wants a look at the rules.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use burgee::component::{BuildContext, Cx, Origin, Processor, Transport};
use burgee::otlp::{self, Edits, Payload, Signal, Watchlist};
use burgee::processors::feature_flag::{self, Config, DefinitionsConfig, FeatureFlag};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest as Logs;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest as Metrics;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Traces;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;

#[test]
fn every_case_comes_out_as_written() {
    let cases = cases();
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.file_name().expect("a case has a name").to_string_lossy().into_owned();
        let config = fs::read_to_string(case.join("config.yaml")).expect("config.yaml");
        let processor = build(&config, case);
        let text = fs::read_to_string(case.join("in.json")).expect("in.json");
        let input: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}/in.json: {error}"));
        let (signal, bytes) = encode(input).unwrap_or_else(|error| panic!("{name}/in.json: {error}"));
        let output = enrich_and_check(&name, &processor, signal, bytes);
        wrong.extend(compare(&name, &case.join("out.json"), &output));
    }
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_capture_comes_out_as_written() {
    let captures = sorted(&root().join("tests/interop/captures"), "pb");
    assert!(!captures.is_empty());
    let processor = build("{}", root());
    let mut wrong = Vec::new();
    for capture in &captures {
        let name = capture.file_stem().expect("a capture has a name").to_string_lossy().into_owned();
        let bytes = fs::read(capture).expect("a capture can be read");
        let signal = if name.ends_with("-logs") { Signal::Logs } else { Signal::Traces };
        let output = enrich_and_check(&name, &processor, signal, bytes);
        let golden = root().join("tests/golden/feature_flag/captures").join(format!("{name}.json"));
        wrong.extend(compare(&name, &golden, &output));
    }
    assert!(wrong.is_empty(), "{} of {} captures differ:\n{}", wrong.len(), captures.len(), wrong.join("\n"));
}

/// Also holds what is true of every request: twice is once, and nothing but attributes changes.
fn enrich_and_check(name: &str, processor: &FeatureFlag, signal: Signal, bytes: Vec<u8>) -> Payload {
    let mut watchlist = Watchlist::default();
    processor.watch(&mut watchlist);
    let checked =
        otlp::check(signal, Bytes::from(bytes), &watchlist).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(checked.flawed, 0, "{name}: a span has an invalid id");
    let payload = checked.payload;
    let once = process(processor, payload.clone());
    let again =
        otlp::check(signal, once.bytes().clone(), &watchlist).expect("what leaves is well formed").payload;
    let twice = process(processor, again.clone());
    assert_eq!(json(&twice), json(&once), "{name}: enriching twice is not once");
    assert_eq!(twice.bytes(), once.bytes(), "{name}: enriching twice is not once");
    if once.bytes() == payload.bytes() {
        assert!(once.is_same(&payload), "{name}: nothing changed, yet the bytes were copied");
    }
    if signal == Signal::Traces {
        assert_only_attributes_differ(name, &payload, &once);
    }
    once
}

/// W8: names, kinds, times, ids, status, links, resource and scope stay; so do all bytes of a span without a change.
fn assert_only_attributes_differ(name: &str, before: &Payload, after: &Payload) {
    let before = Traces::decode(before.bytes().clone()).expect("checked");
    let after = Traces::decode(after.bytes().clone()).expect("checked");
    let bare = |mut traces: Traces| {
        for span in spans(&mut traces) {
            span.attributes.clear();
            for event in &mut span.events {
                event.attributes.clear();
                if event.name == "feature_flag" {
                    event.name = "feature_flag.evaluation".into();
                }
            }
        }
        traces
    };
    assert_eq!(bare(before), bare(after), "{name}: more than attributes changed");
}

fn spans(traces: &mut Traces) -> impl Iterator<Item = &mut Span> {
    traces
        .resource_spans
        .iter_mut()
        .flat_map(|group| &mut group.scope_spans)
        .flat_map(|group| &mut group.spans)
}

fn compare(name: &str, golden: &Path, output: &Payload) -> Option<String> {
    let output = format!("{:#}\n", json(output));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden.parent().expect("a golden file is in a folder"))
            .expect("a folder can be made");
        fs::write(golden, output).expect("a golden file can be written");
        return None;
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    (expected != output).then(|| format!("--- {name}\n{}", diff(&expected, &output)))
}

/// The lines that differ, after the common beginning and before the common end.
fn diff(expected: &str, output: &str) -> String {
    let (expected, output): (Vec<_>, Vec<_>) = (expected.lines().collect(), output.lines().collect());
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let start = same(&mut expected.iter().zip(&output));
    let most = expected.len().min(output.len()) - start;
    let end = same(&mut expected.iter().rev().zip(output.iter().rev())).min(most);
    let context = start.saturating_sub(6);
    let mut text = String::new();
    let mut put = |sign: &str, lines: &[&str]| {
        for line in lines {
            text += &format!("{sign} {line}\n");
        }
    };
    put(" ", &expected[context..start]);
    put("-", &expected[start..expected.len() - end]);
    put("+", &output[start..output.len() - end]);
    text
}

fn process(processor: &FeatureFlag, payload: Payload) -> Payload {
    let origin = Origin {
        receiver: Arc::from("otlp"),
        transport: Transport::Local,
        peer: None,
        listener: None,
        port: None,
        arrival: SystemTime::UNIX_EPOCH,
    };
    let mut edits = Edits::default();
    let mut cx = Cx::new(&mut edits, &origin);
    let out = processor.process(payload, &mut cx);
    assert_eq!(cx.tally.sum(), cx.evaluations, "by flag there are as many as in all");
    out
}

/// A flag file is looked for in the case's folder.
fn build(config: &str, folder: &Path) -> FeatureFlag {
    let mut config: Config = serde_yaml::from_str(config).expect("a config of the processor");
    if let Some(DefinitionsConfig { file: Some(file), .. }) = &mut config.definitions {
        *file = folder.join(&file);
    }
    feature_flag::build(&config, &mut BuildContext::new("feature_flag")).expect("options that go together")
}

fn encode(input: Value) -> Result<(Signal, Vec<u8>), serde_json::Error> {
    Ok(if input.get("resourceSpans").is_some() {
        (Signal::Traces, serde_json::from_value::<Traces>(input)?.encode_to_vec())
    } else if input.get("resourceLogs").is_some() {
        (Signal::Logs, serde_json::from_value::<Logs>(input)?.encode_to_vec())
    } else {
        (Signal::Metrics, serde_json::from_value::<Metrics>(input)?.encode_to_vec())
    })
}

fn json(payload: &Payload) -> Value {
    let bytes = payload.bytes().clone();
    let value = match payload.signal() {
        Signal::Traces => serde_json::to_value(Traces::decode(bytes).expect("checked")),
        Signal::Logs => serde_json::to_value(Logs::decode(bytes).expect("checked")),
        Signal::Metrics => serde_json::to_value(Metrics::decode(bytes).expect("checked")),
    };
    let mut value = value.expect("OTLP has a JSON form");
    shorten(&mut value);
    value
}

/// Leaves out what is at its default.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Object(map) => {
            map.values_mut().for_each(shorten);
            map.retain(|key, value| {
                key.ends_with("Value")
                    || key == "values"
                    || !(value.is_null()
                        || *value == ""
                        || *value == "0"
                        || *value == 0
                        || value.as_array().is_some_and(Vec::is_empty)
                        || value.as_object().is_some_and(|map| map.is_empty() && key == "status"))
            });
        }
        _ => {}
    }
}

fn cases() -> Vec<PathBuf> {
    let all = fs::read_dir(root().join("tests/golden/feature_flag")).expect("the golden cases");
    let mut cases: Vec<_> = all
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("in.json").exists())
        .collect();
    cases.sort();
    cases
}

fn sorted(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("a folder of captures");
    let mut files: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
