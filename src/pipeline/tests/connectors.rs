//! Pipelines that lead into others.

use proptest::prelude::*;

use super::*;
use crate::component::Cx;
use crate::otlp::Payload;

/// Takes out spans of this name, and says so.
struct Without(&'static str);

impl Processor for Without {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        for span in payload.items().filter(|span| span.name() == self.0) {
            cx.edits.item(span).discard();
            cx.discarded += 1;
        }
        cx.edits.apply(&payload)
    }
}

/// Gives all spans another name.
struct Named(String);

impl Processor for Named {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        for span in payload.items() {
            let name = format!("{}{}", span.name(), self.0);
            cx.edits.item(span).set_name(&name);
        }
        cx.edits.apply(&payload)
    }
}

fn traces(
    id: &str,
    receivers: &[&str],
    processors: Vec<Box<dyn Processor>>,
    exporters: &[&str],
) -> PipelineSpec {
    let ids = |ids: &[&str]| ids.iter().map(|id| Arc::from(*id)).collect();
    let processors = processors.into_iter().map(|processor| (Arc::from("p"), processor)).collect();
    let signal = Signal::Traces;
    PipelineSpec {
        id: id.into(),
        signal,
        receivers: ids(receivers),
        processors,
        batch: None,
        exporters: ids(exporters),
    }
}

fn spec(pipelines: Vec<PipelineSpec>, exporters: Vec<ExporterSpec>, connectors: &[&str]) -> Spec {
    Spec { pipelines, exporters, connectors: connectors.iter().map(|id| Arc::from(*id)).collect() }
}

fn wrong(spec: Spec) -> BuildError {
    let budget = Budget::new(1 << 20);
    let store = MemoryStore::new(StoreConfig::for_budget(&budget), budget, Board::new());
    Graph::build(spec, &store).err().expect("it is not right")
}

#[tokio::test(start_paused = true)]
async fn a_request_passes_every_pipeline_on_its_way() {
    let (first, last) = (Scripted::recorder(), Scripted::recorder());
    let rig = Rig::with(spec(
        vec![
            traces("last", &["onward"], vec![Box::new(Named("!".into()))], &["last"]),
            traces("first", &["feeder"], vec![Box::new(Without("gone"))], &["onward", "first"]),
        ],
        vec![exporter("first", &first), exporter("last", &last)],
        &["onward"],
    ));
    rig.feed(["a", "gone", "b"]).unwrap();
    settle_down().await;
    assert_eq!(
        (first.accepted_spans(), last.accepted_spans()),
        (vec!["a".into(), "b".into()], vec!["a!".into(), "b!".into()])
    );
    let of = |id: &str| {
        let pipelines = rig.board.snapshot().pipelines;
        pipelines.into_iter().find(|pipeline| &*pipeline.id == id).expect("it is shown").ledger
    };
    assert_eq!((of("first").entered, of("first").out, of("last").entered), (3, 2, 2));
    rig.check();
    // what is all taken out does not go on
    rig.feed(["gone"]).unwrap();
    settle_down().await;
    assert_eq!((of("last").entered, of("first").entered), (2, 4));
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_behind_a_connector_refuses_for_all() {
    let (first, slow) = (Scripted::recorder(), Scripted::new(|_| Step::Hang));
    let rig = Rig::with(spec(
        vec![
            traces("first", &["feeder"], vec![], &["onward", "first"]),
            traces("last", &["onward"], vec![], &["slow"]),
        ],
        vec![exporter("first", &first), ExporterSpec { queue: queue(1), ..exporter("slow", &slow) }],
        &["onward"],
    ));
    rig.feed(["a"]).unwrap();
    settle_down().await;
    assert!(matches!(rig.feed(["b"]), Err(Refusal::Full { .. })));
    settle_down().await;
    assert_eq!(first.accepted_spans(), ["a"], "the exporter before the connector does not get it either");
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn two_ways_to_a_pipeline_bring_the_request_twice() {
    let last = Scripted::recorder();
    let rig = Rig::with(spec(
        vec![
            traces("a", &["feeder"], vec![Box::new(Named("a".into()))], &["onward"]),
            traces("b", &["feeder"], vec![Box::new(Named("b".into()))], &["onward"]),
            traces("last", &["onward"], vec![], &["last"]),
        ],
        vec![exporter("last", &last)],
        &["onward"],
    ));
    rig.feed(["x"]).unwrap();
    settle_down().await;
    let mut spans = last.accepted_spans();
    spans.sort();
    assert_eq!(spans, ["xa", "xb"]);
    assert_eq!(rig.outbox("last").ledger.put, 2);
}

#[test]
fn pipelines_that_lead_back_to_themselves_are_refused() {
    let circle =
        vec![traces("a", &["feeder", "two"], vec![], &["one"]), traces("b", &["one"], vec![], &["two"])];
    assert_eq!(wrong(spec(circle, vec![], &["one", "two"])), BuildError::Cycle { way: "a -> b -> a".into() });
    let unreached = vec![traces("a", &["one"], vec![], &["one"])];
    assert_eq!(wrong(spec(unreached, vec![], &["one"])), BuildError::Cycle { way: "a -> a".into() });
}

#[test]
fn ways_that_double_each_time_are_refused_at_some_point() {
    let connectors: Vec<String> = (0..20).map(|step| format!("c{step}")).collect();
    let mut pipelines = vec![traces("start", &["feeder"], vec![], &["c0"])];
    for step in 0..19 {
        for half in ["x", "y"] {
            let (from, to) = (connectors[step].as_str(), connectors[step + 1].as_str());
            pipelines.push(traces(&format!("{half}{step}"), &[from], vec![], &[to]));
        }
    }
    let connectors: Vec<&str> = connectors.iter().map(String::as_str).collect();
    assert!(matches!(wrong(spec(pipelines, vec![], &connectors)), BuildError::TooManyWays { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Pipelines in layers, each leading into any of the later ones: what arrives is a matter of counting ways.
    #[test]
    fn every_way_through_the_graph_brings_each_span_once(
        edges in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 5), 5),
        fed in 1_usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime without I/O").block_on(async {
            let last = Scripted::recorder();
            let connector = |to: usize| format!("into {to}");
            let mut ways = [0_u64; 5];
            ways[0] = 1;
            let mut pipelines = Vec::new();
            for from in 0..5 {
                let next: Vec<usize> = (from + 1..5).filter(|to| edges[from][*to]).collect();
                next.iter().for_each(|to| ways[*to] += ways[from]);
                let own = connector(from);
                let receivers: Vec<&str> = if from == 0 { vec!["feeder"] } else { vec![&own] };
                let targets: Vec<String> = next.into_iter().map(connector).collect();
                let exporters: Vec<&str> = targets.iter().map(String::as_str).chain(["last"]).collect();
                let name = Box::new(Named(from.to_string()));
                pipelines.push(traces(&format!("p{from}"), &receivers, vec![name], &exporters));
            }
            let connectors: Vec<String> = (1..5).map(connector).collect();
            let connectors: Vec<&str> = connectors.iter().map(String::as_str).collect();
            let rig = Rig::with(spec(pipelines, vec![exporter("last", &last)], &connectors));
            for number in 0..fed {
                rig.feed([&format!("s{number}-")]).unwrap();
            }
            settle_down().await;
            let mut spans = last.accepted_spans();
            assert_eq!(spans.len() as u64, ways.iter().sum::<u64>() * fed as u64);
            spans.sort();
            spans.dedup();
            assert_eq!(spans.len() as u64, ways.iter().sum::<u64>() * fed as u64, "each by another way");
            rig.check();
            let report = rig.drain(Duration::from_secs(5)).await;
            assert!(report.outboxes.iter().all(|outbox| outbox.dropped.sum() == 0), "{report:?}");
        });
    }
}
