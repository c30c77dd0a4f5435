//! The way in: processors, memory, routes.

use super::*;
use crate::component::{Cx, Origin};
use crate::otlp::{Payload, Watchlist};

/// Sets an attribute on every span and reports an evaluation.
struct Mark(&'static str);

impl Processor for Mark {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        for item in payload.items() {
            cx.edits.item(item).set("mark", crate::otlp::Value::Str(self.0));
            cx.evaluations += 1;
            cx.tally.note(Some(self.0), Some("on"), None);
        }
        cx.edits.apply(&payload)
    }

    fn watch(&self, watchlist: &mut Watchlist) {
        watchlist.key(self.0);
    }
}

/// Takes out the spans of this name.
struct Discard(&'static str);

impl Processor for Discard {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        for item in payload.items().filter(|item| item.name() == self.0) {
            cx.edits.item(item).discard();
            cx.discarded += 1;
        }
        cx.edits.apply(&payload)
    }
}

struct Fail;

impl Processor for Fail {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        for item in payload.items() {
            cx.edits.item(item).discard();
            assert!(item.name() != "poison", "scripted");
        }
        cx.edits.clear();
        payload
    }
}

fn processors<const N: usize>(
    processors: [(&str, Box<dyn Processor>); N],
) -> Vec<(Arc<str>, Box<dyn Processor>)> {
    processors.map(|(id, processor)| (id.into(), processor)).into()
}

/// One exporter that answers nothing, behind two pipelines.
fn two_pipelines(
    first: Vec<(Arc<str>, Box<dyn Processor>)>,
    second: Vec<(Arc<str>, Box<dyn Processor>)>,
) -> (Rig, Arc<Scripted>) {
    let downstream = Scripted::new(|_| Step::Hold);
    let exporters = vec![exporter("otlp", &downstream)];
    let mut pipelines = vec![
        pipeline("traces", Signal::Traces, &exporters),
        pipeline("traces/2", Signal::Traces, &exporters),
    ];
    pipelines[0].processors = first;
    pipelines[1].processors = second;
    (Rig::with(Spec { pipelines, exporters, ..Spec::default() }), downstream)
}

#[tokio::test(start_paused = true)]
async fn processors_run_in_order_and_count_after_the_put() {
    let downstream = Scripted::recorder();
    let exporters = vec![exporter("otlp", &downstream)];
    let mut traces = pipeline("traces", Signal::Traces, &exporters);
    traces.processors = processors([("filter", Box::new(Discard("b"))), ("mark", Box::new(Mark("x")))]);
    let rig = Rig::with(Spec { pipelines: vec![traces], exporters, ..Spec::default() });
    rig.feed(["a", "b", "c"]).unwrap();
    settle_down().await;
    assert_eq!(downstream.accepted_spans(), ["a", "c"]);
    let state = &rig.board.snapshot().pipelines[0];
    let ledger = &state.ledger;
    assert_eq!((ledger.entered, ledger.out, ledger.evaluations), (3, 2, 2));
    assert_eq!(ledger.discarded, [("filter".into(), 1), ("mark".into(), 0)]);
    assert_eq!(ledger.passed, [(3, 2), (2, 2)]);
    let [(series, 2)] = &state.evaluated.series[..] else { panic!("{:?}", state.evaluated) };
    assert_eq!((series.key.as_deref(), series.variant.as_deref()), (Some("x"), Some("on")));
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_counts_nothing() {
    let downstream = Scripted::new(|_| Step::Hang);
    let exporters = vec![ExporterSpec {
        queue: QueueConfig { sizer: Sizer::Items, ..queue(3) },
        ..exporter("otlp", &downstream)
    }];
    let mut traces = pipeline("traces", Signal::Traces, &exporters);
    traces.processors = processors([("mark", Box::new(Mark("x")))]);
    let rig = Rig::with(Spec { pipelines: vec![traces], exporters, ..Spec::default() });
    rig.feed(["a"]).unwrap();
    assert!(rig.feed(["b", "c", "d"]).is_err());
    let state = &rig.board.snapshot().pipelines[0];
    assert_eq!((state.ledger.entered, state.ledger.evaluations, state.evaluated.series[0].1), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_of_which_nothing_is_left_is_accepted_and_not_put() {
    let downstream = Scripted::recorder();
    let exporters = vec![exporter("otlp", &downstream)];
    let mut traces = pipeline("traces", Signal::Traces, &exporters);
    traces.processors = processors([("filter", Box::new(Discard("a")))]);
    let rig = Rig::with(Spec { pipelines: vec![traces], exporters, ..Spec::default() });
    assert_eq!(rig.feed(["a"]).unwrap().await, Outcome::Accepted);
    assert_eq!(rig.feed([]).unwrap().await, Outcome::Accepted);
    settle_down().await;
    assert!(downstream.tries().is_empty());
    assert_eq!(rig.board.snapshot().pipelines[0].ledger.entered, 1);
    assert_eq!(rig.budget.used(), 0);
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn a_processor_that_panics_is_answered_and_the_process_lives() {
    let downstream = Scripted::recorder();
    let exporters = vec![exporter("otlp", &downstream)];
    let mut traces = pipeline("traces", Signal::Traces, &exporters);
    traces.processors = processors([("mark", Box::new(Mark("x"))), ("fail", Box::new(Fail))]);
    let rig = Rig::with(Spec { pipelines: vec![traces], exporters, ..Spec::default() });
    assert_eq!(rig.feed(["a", "poison"]).err(), Some(Refusal::Failed));
    assert_eq!(rig.entrance.failures(), 1);
    assert_eq!(rig.budget.used(), 0);
    rig.feed(["b"]).unwrap();
    settle_down().await;
    assert_eq!(downstream.accepted_spans(), ["b"], "and no edit of the failed request is left over");
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn a_buffer_is_charged_once_however_many_hold_it() {
    let (rig, downstream) = two_pipelines(Vec::new(), Vec::new());
    let payload = spans(["a", "b"]);
    let bytes = payload.bytes().len() as u64;
    rig.feeder.feed(payload).unwrap();
    assert_eq!(rig.budget.used(), bytes);
    assert_eq!(rig.outbox("otlp").ledger.put, 4, "one put for each pipeline");
    settle_down().await;
    downstream.release();
    settle_down().await;
    assert_eq!(rig.budget.used(), 0);
    assert_eq!(rig.outbox("otlp").ledger.sent, 4);
}

#[tokio::test(start_paused = true)]
async fn copies_that_differ_are_charged_each() {
    let (rig, downstream) = two_pipelines(
        processors([("mark/x", Box::new(Mark("x")))]),
        processors([("mark/longer", Box::new(Mark("a longer mark than the other")))]),
    );
    rig.feed(["a"]).unwrap();
    let used = rig.budget.used();
    assert_eq!(used, rig.outbox("otlp").fill.bytes);
    settle_down().await;
    downstream.release();
    settle_down().await;
    assert_eq!(rig.budget.used(), 0);
    let marks = downstream.tries().into_iter().map(|tried| tried.body.len() as u64).sum::<u64>();
    assert_eq!(marks, used);
}

#[tokio::test(start_paused = true)]
async fn memory_that_is_used_up_refuses_before_the_body_is_read() {
    let downstream = Scripted::new(|_| Step::Hold);
    let exporters = vec![exporter("otlp", &downstream)];
    let pipelines = vec![pipeline("traces", Signal::Traces, &exporters)];
    let rig = Rig::within(Spec { pipelines, exporters, ..Spec::default() }, Budget::new(1000));
    let intake = rig.entrance.intake("feeder");
    let admission = intake.admit(Signal::Traces, 400).unwrap();
    assert!(matches!(intake.admit(Signal::Traces, 400), Err(Refusal::Full { .. })));
    drop(admission);
    assert!(intake.admit(Signal::Traces, 400).is_ok());
    assert_eq!(rig.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_goes_away_at_any_point_leaves_nothing_behind() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let intake = rig.entrance.intake("feeder");
    let origin = Arc::new(Origin::local("feeder".into()));
    drop(intake.admit(Signal::Traces, 100).unwrap());
    let mut growing = intake.admit(Signal::Traces, 0).unwrap();
    growing.cover(10_000).unwrap();
    drop(growing);
    assert_eq!(rig.budget.used(), 0);
    let admission = intake.admit(Signal::Traces, 100).unwrap();
    drop(intake.accept(admission, spans(["a"]), &origin).unwrap());
    settle_down().await;
    assert_eq!(rig.outbox("otlp").ledger.sent, 1);
    assert_eq!(rig.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_reaches_only_its_pipelines() {
    let (browser, servers) = (Scripted::recorder(), Scripted::recorder());
    let exporters = vec![exporter("browser", &browser), exporter("servers", &servers)];
    let mut pipelines = vec![
        pipeline("traces/browser", Signal::Traces, &exporters[..1]),
        pipeline("traces/servers", Signal::Traces, &exporters[1..]),
    ];
    pipelines[0].receivers = vec!["otlp/browser".into()];
    pipelines[0].processors = processors([("mark", Box::new(Mark("feature_flag.key")))]);
    let rig = Rig::with(Spec { pipelines, exporters, ..Spec::default() });
    let feeder = Feeder::new(rig.entrance.intake("otlp/browser"));
    feeder.feed(spans(["a"])).unwrap();
    rig.feed(["b"]).unwrap();
    settle_down().await;
    assert_eq!((browser.accepted_spans(), servers.accepted_spans()), (vec!["a".into()], vec!["b".into()]));
    let intake = rig.entrance.intake("otlp/browser");
    assert!(intake.serves(Signal::Traces) && !intake.serves(Signal::Logs));
    assert_eq!(feeder.feed(log_records(1)).err(), Some(Refusal::Unserved));
    assert!(!intake.watchlist(Signal::Traces).is_empty());
    assert!(rig.entrance.intake("feeder").watchlist(Signal::Traces).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_keeps_the_graph_it_started_with() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let intake = rig.entrance.intake("feeder");
    let admission = intake.admit(Signal::Traces, 100).unwrap();
    let exporters = vec![exporter("otlp", &downstream)];
    let mut traces = pipeline("traces", Signal::Traces, &exporters);
    traces.processors = processors([("filter", Box::new(Discard("a")))]);
    let next =
        Graph::build(Spec { pipelines: vec![traces], exporters, ..Spec::default() }, &rig.store).unwrap();
    rig.entrance.replace(next);
    let origin = Arc::new(Origin::local("feeder".into()));
    intake.accept(admission, spans(["a"]), &origin).unwrap();
    rig.feed(["a"]).unwrap();
    settle_down().await;
    assert_eq!(downstream.accepted_spans(), ["a"], "the second one went by the new graph");
    assert_eq!(rig.board.snapshot().outboxes.len(), 1, "the outbox went over");
}

#[test]
fn a_pipeline_cannot_name_an_exporter_that_is_not_there() {
    let budget = Budget::new(1000);
    let store = MemoryStore::new(StoreConfig::for_budget(&budget), budget, Board::new());
    let mut traces = pipeline("traces", Signal::Traces, &[]);
    traces.exporters = vec!["jaeger".into()];
    let built =
        Graph::build(Spec { pipelines: vec![traces], exporters: Vec::new(), ..Spec::default() }, &store);
    let error = built.err().expect("refused").to_string();
    assert_eq!(error, "service.pipelines.traces: there is no exporter \"jaeger\"");
}
