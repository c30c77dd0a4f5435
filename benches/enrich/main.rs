//! What the processor `feature_flag` adds per span of a request, for every shape that the golden cases and the
//! captures know, beside what the door's check of the same bytes takes.
//!
//! ```sh
//! cargo bench --bench enrich               # every shape, then all of them
//! cargo bench --bench enrich -- w3 r1      # those whose name contains one of the words
//! ```
//!
//! Each request holds the spans of one case, some of them again under other trace ids, and four ordinary server
//! spans for each span that is changed, or for each evaluation where a span tells of several: 50 spans or more, 20 %
//! of them flag spans. The last request has no evaluation at all. Times are the fastest of several rounds, in one thread, buffers reused as the intake does.

#[path = "../compare/corpus.rs"]
#[allow(dead_code, reason = "ordinary spans are enough here")]
mod corpus;

use std::path::Path;
use std::time::Instant;

use burgee::component::{BuildContext, Cx, Origin, Processor};
use burgee::otlp::{self, Edits, Payload, Signal};
use burgee::processors::feature_flag::{self, FeatureFlag};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Traces;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    println!("{:<52} {:>6} {:>6} {:>9} {:>9}", "shape", "spans", "flags", "check µs", "adds µs");
    let mut costs = Vec::new();
    for (name, traces) in shapes().into_iter().filter(|(name, _)| wanted(name)) {
        costs.push(measure(&name, &traces));
    }
    if words.is_empty() {
        measure("no evaluation", &corpus::ordinary(SPANS as u64));
    }
    costs.sort_by(f64::total_cmp);
    if let (Some(most), middle) = (costs.last(), costs.len() / 2) {
        println!("{} shapes: median {:.3} µs per span, most {most:.3} µs", costs.len(), costs[middle]);
    }
}

/// Prints and returns what the processor adds per span of the request, in µs.
fn measure(name: &str, traces: &Traces) -> f64 {
    let bytes = Bytes::from(traces.encode_to_vec());
    let watchlist = feature_flag::watchlist();
    let check = || otlp::check(Signal::Traces, bytes.clone(), &watchlist).expect("well formed").payload;
    let payload = check();
    let processor =
        feature_flag::build(&feature_flag::Config::default(), &mut BuildContext::new("feature_flag"))
            .expect("the default options");
    let mut edits = Edits::default();
    let flags = evaluations(&processor, payload.clone(), &mut edits);
    let spans = payload.len() as f64;
    let door = fastest(|| drop(check())) / spans;
    let cost = fastest(|| {
        evaluations(&processor, payload.clone(), &mut edits);
    }) / spans;
    println!("{name:<52} {spans:>6} {flags:>6} {door:>9.3} {cost:>9.3}");
    cost
}

/// Processes a payload; returns how many evaluations were found.
fn evaluations(processor: &FeatureFlag, payload: Payload, edits: &mut Edits) -> u64 {
    let origin = ORIGIN.with(Clone::clone);
    let mut cx = Cx::new(edits, &origin);
    std::hint::black_box(processor.process(payload, &mut cx));
    cx.evaluations
}

thread_local! {
    static ORIGIN: std::sync::Arc<Origin> = std::sync::Arc::new(Origin::local("bench".into()));
}

/// µs of one call.
fn fastest(mut call: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
        })
        .fold(f64::INFINITY, f64::min)
}

/// A request for every golden case of traces with the default configuration, and for every capture.
fn shapes() -> Vec<(String, Traces)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shapes = Vec::new();
    for entry in std::fs::read_dir(root.join("tests/golden/feature_flag")).expect("the golden cases") {
        let path = entry.expect("an entry").path();
        let Ok(text) = std::fs::read_to_string(path.join("in.json")) else { continue };
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let config = std::fs::read_to_string(path.join("config.yaml")).expect("a configuration");
        if config.trim() == "{}" && text.contains("resourceSpans") {
            shapes.push((name, serde_json::from_str(&text).expect("OTLP/JSON")));
        }
    }
    for entry in std::fs::read_dir(root.join("tests/interop/captures")).expect("the captures") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "pb") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let Ok(traces) = Traces::decode(&*std::fs::read(&path).expect("a capture")) else { continue };
            shapes.push((name, traces));
        }
    }
    shapes.retain(|(_, traces)| flag_spans(traces) > 0);
    shapes.sort_by(|a, b| a.0.cmp(&b.0));
    for (_, traces) in &mut shapes {
        fill(traces);
    }
    shapes
}

/// Spans that are changed, or evaluations where those are more.
fn flag_spans(traces: &Traces) -> usize {
    let before = Bytes::from(traces.encode_to_vec());
    let checked = otlp::check(Signal::Traces, before, &feature_flag::watchlist());
    let Ok(checked) = checked else { return 0 };
    let processor =
        feature_flag::build(&feature_flag::Config::default(), &mut BuildContext::new("feature_flag"))
            .expect("the default options");
    let origin = Origin::local("bench".into());
    let mut edits = Edits::default();
    let mut cx = Cx::new(&mut edits, &origin);
    let after = processor.process(checked.payload, &mut cx);
    let evaluations = cx.evaluations as usize;
    let after = Traces::decode(after.bytes().clone()).expect("well formed");
    let changed = spans(traces).zip(spans(&after)).filter(|(before, after)| before != after).count();
    if changed == 0 { 0 } else { changed.max(evaluations) }
}

fn spans(traces: &Traces) -> impl Iterator<Item = &Span> {
    traces.resource_spans.iter().flat_map(|group| &group.scope_spans).flat_map(|group| &group.spans)
}

/// Repeats the spans of a case and adds ordinary ones, until there are about 50 and 20 % of them flag spans.
fn fill(traces: &mut Traces) {
    let flags = flag_spans(traces);
    let copies = (SPANS / 5 / flags).max(1);
    let (case, of_case) = (traces.resource_spans.clone(), spans(traces).count());
    for copy in 1..copies as u8 {
        let mut again = case.clone();
        let scopes = again.iter_mut().flat_map(|group| &mut group.scope_spans);
        for span in scopes.flat_map(|scope| &mut scope.spans) {
            if let Some(byte) = span.trace_id.first_mut() {
                *byte ^= copy;
            }
        }
        traces.resource_spans.append(&mut again);
    }
    let ordinary = (flags * copies * 5).saturating_sub(of_case * copies);
    traces.resource_spans.extend(corpus::ordinary(ordinary as u64).resource_spans);
}

const SPANS: usize = 50;
const ROUNDS: u32 = 25;
const CALLS: u32 = 200;
