//! Another graph in front of the same outboxes.

use super::*;
use crate::component::{Cx, Origin};
use crate::observe::ledger::OutboxLedger;
use crate::otlp::{Payload, Watchlist, check};

impl Rig {
    /// One pipeline of traces to these from now on; the rest has ten seconds.
    fn reload(&mut self, exporters: Vec<ExporterSpec>) {
        let pipelines = vec![pipeline("traces", Signal::Traces, &exporters)];
        self.follow(Spec { pipelines, exporters, ..Spec::default() });
    }

    fn follow(&mut self, spec: Spec) {
        let graph = Graph::build(spec, &self.store).expect("all references are known");
        graph.show(&self.board);
        self.consumers.follow(&graph, &self.store, Instant::now() + Duration::from_secs(10));
        self.entrance.replace(graph);
    }

    fn ledger(&self, exporter: &str) -> OutboxLedger {
        self.outbox(exporter).ledger
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_exporter_could_not_deliver_is_sent_at_once_by_the_one_that_replaces_it() {
    let (broken, works) = (Scripted::new(|_| Step::retry_later()), Scripted::recorder());
    let mut rig = Rig::new(vec![exporter("otlp", &broken)]);
    rig.feed(["a"]).unwrap();
    rig.feed(["b"]).unwrap();
    settle_down().await;
    let start = Instant::now();
    rig.reload(vec![exporter("otlp", &works)]);
    settle_down().await;
    let mut accepted = works.accepted_spans();
    accepted.sort();
    assert_eq!((accepted, start.elapsed()), (vec!["a".into(), "b".into()], Duration::ZERO));
    assert_eq!((rig.ledger("otlp").sent, rig.ledger("otlp").held), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_try_on_its_way_ends_with_the_old_exporter_and_is_not_made_twice() {
    let (slow, new) = (Scripted::new(|_| Step::Hold), Scripted::recorder());
    let mut rig = Rig::new(vec![exporter("otlp", &slow)]);
    rig.feed(["a"]).unwrap();
    settle_down().await;
    rig.reload(vec![exporter("otlp", &new)]);
    rig.feed(["b"]).unwrap();
    settle_down().await;
    assert_eq!(new.accepted_spans(), ["b"]);
    slow.release();
    settle_down().await;
    assert_eq!(slow.accepted_spans(), ["a"]);
    assert_eq!((slow.tries().len(), new.tries().len()), (1, 1));
    assert_eq!(rig.ledger("otlp").sent, 2);
}

#[tokio::test(start_paused = true)]
async fn a_try_that_hangs_is_made_again_by_the_new_exporter_after_the_deadline() {
    let (hangs, new) = (Scripted::new(|_| Step::Hang), Scripted::recorder());
    let mut rig = Rig::new(vec![exporter("otlp", &hangs)]);
    rig.feed(["a"]).unwrap();
    settle_down().await;
    rig.reload(vec![exporter("otlp", &new)]);
    pass_time(9).await;
    assert_eq!(rig.ledger("otlp").held, 1);
    pass_time(2).await;
    assert_eq!((new.accepted_spans(), rig.ledger("otlp").sent), (vec!["a".into()], 1));
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_stays_keeps_its_consumers_and_gets_new_settings() {
    let downstream = Scripted::new(|_| Step::Hang);
    let mut rig = Rig::new(vec![ExporterSpec { queue: queue(1), ..exporter("otlp", &downstream) }]);
    rig.feed(["a"]).unwrap();
    settle_down().await;
    assert!(rig.feed(["b"]).is_err(), "the queue is full");
    rig.reload(vec![ExporterSpec { queue: queue(2), ..exporter("otlp", &downstream) }]);
    rig.feed(["b"]).unwrap();
    pass_time(20).await;
    assert_eq!(downstream.tries().len(), 1, "the one consumer is still at its first try");
    assert_eq!((rig.ledger("otlp").held, rig.outbox("otlp").in_flight), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_is_taken_out_sends_what_it_holds_first() {
    let (leaving, stays) = (Scripted::recorder(), Scripted::recorder());
    let batch = BatchConfig { flush_timeout: Duration::from_secs(60), ..BatchConfig::default() };
    let waits = QueueConfig { batch: Some(batch), ..QueueConfig::default() };
    let both =
        vec![ExporterSpec { queue: waits, ..exporter("leaving", &leaving) }, exporter("stays", &stays)];
    let mut rig = Rig::new(both);
    rig.feed(["a"]).unwrap();
    settle_down().await;
    assert_eq!(leaving.tries().len(), 0);
    rig.reload(vec![exporter("stays", &stays)]);
    rig.feed(["b"]).unwrap();
    settle_down().await;
    assert_eq!((leaving.accepted_spans(), stays.accepted_spans().len()), (vec!["a".into()], 2));
    assert_eq!((rig.ledger("leaving").sent, rig.ledger("leaving").held), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_before_the_deadline_is_dropped_as_exporter_removed() {
    let (down, stays) = (Scripted::new(|_| Step::retry_later()), Scripted::recorder());
    let mut rig = Rig::new(vec![exporter("down", &down), exporter("stays", &stays)]);
    rig.feed(["a", "b"]).unwrap();
    settle_down().await;
    rig.reload(vec![exporter("stays", &stays)]);
    pass_time(9).await;
    assert_eq!(rig.ledger("down").held, 2);
    assert!(down.tries().len() > 10, "it is tried again and again: {}", down.tries().len());
    pass_time(2).await;
    let ledger = rig.ledger("down");
    assert_eq!((ledger.held, ledger.dropped.get(DropReason::ExporterRemoved)), (0, 2));
    assert_eq!(rig.budget.used(), 0);
    let report = rig.drain(Duration::from_secs(1)).await;
    assert_eq!(report.lost(), 0, "it was lost before the drain: {report}");
    rig.consumers.stop_leaving().await;
    rig.consumers.ended().await;
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_comes_back_finds_its_outbox() {
    for away in [5, 20] {
        let (down, works) = (Scripted::new(|_| Step::retry_later()), Scripted::recorder());
        let mut rig = Rig::new(vec![exporter("otlp", &down)]);
        rig.feed(["a"]).unwrap();
        settle_down().await;
        rig.reload(vec![exporter("other", &Scripted::recorder())]);
        pass_time(away).await;
        rig.reload(vec![exporter("otlp", &works)]);
        rig.feed(["b"]).unwrap();
        pass_time(20).await;
        let mut accepted = works.accepted_spans();
        accepted.sort();
        let (ledger, outboxes) = (rig.ledger("otlp"), rig.board.snapshot().outboxes.len());
        match away {
            5 => assert_eq!((accepted, ledger.sent), (vec!["a".into(), "b".into()], 2)),
            _ => assert_eq!((accepted, ledger.sent, ledger.dropped.sum()), (vec!["b".into()], 1, 1)),
        }
        assert_eq!(outboxes, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_is_back_before_anybody_noticed_has_never_left() {
    let works = Scripted::recorder();
    let mut rig = Rig::new(vec![exporter("otlp", &works)]);
    settle_down().await;
    rig.reload(vec![exporter("other", &Scripted::recorder())]);
    rig.reload(vec![exporter("otlp", &works)]);
    pass_time(20).await;
    rig.feed(["a"]).expect("its outbox is open");
    settle_down().await;
    assert_eq!(works.accepted_spans(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_on_its_way_to_an_exporter_that_has_gone_is_to_be_sent_again() {
    let (gone, stays) = (Scripted::recorder(), Scripted::recorder());
    let mut rig = Rig::new(vec![exporter("gone", &gone), exporter("stays", &stays)]);
    let intake = rig.entrance.intake("feeder");
    let admission = intake.admit(Signal::Traces, 100).unwrap();
    rig.reload(vec![exporter("stays", &stays)]);
    settle_down().await;
    let origin = Arc::new(Origin::local("feeder".into()));
    let refused = intake.accept(admission, spans(["a"]), &origin).err();
    assert_eq!(refused, Some(Refusal::Reloaded));
    settle_down().await;
    assert_eq!(stays.tries().len(), 0, "nothing of it was kept");
    rig.feed(["a"]).unwrap();
    settle_down().await;
    assert_eq!(stays.accepted_spans(), ["a"]);
    assert_eq!((rig.ledger("gone").put, rig.budget.used()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_taken_out_refuses_only_for_now() {
    let downstream = Scripted::recorder();
    let mut rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let exporters = vec![exporter("otlp", &downstream)];
    let mut traces = pipeline("traces", Signal::Traces, &exporters);
    traces.receivers = vec!["other".into()];
    rig.follow(Spec { pipelines: vec![traces], exporters, ..Spec::default() });
    let intake = rig.entrance.intake("feeder");
    assert!(intake.serves(Signal::Traces), "its requests are not rejected for good");
    assert_eq!(intake.admit(Signal::Traces, 1).err(), Some(Refusal::Reloaded));
    assert_eq!(rig.entrance.intake("other").admit(Signal::Logs, 1).err(), Some(Refusal::Unserved));
}

/// Finds spans of one name, if the door has seen that there are any.
struct Finder;

impl Processor for Finder {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        cx.evaluations += u64::from(payload.watched() != crate::otlp::Watched::No);
        payload
    }

    fn watch(&self, watchlist: &mut Watchlist) {
        watchlist.span("a");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_door_saw_for_another_graph_does_not_count() {
    let downstream = Scripted::recorder();
    let exporters = vec![exporter("otlp", &downstream)];
    let mut traces = pipeline("traces", Signal::Traces, &exporters);
    traces.processors = vec![("finder".into(), Box::new(Finder) as Box<dyn Processor>)];
    let mut rig = Rig::with(Spec { pipelines: vec![traces], exporters, ..Spec::default() });
    let intake = rig.entrance.intake("feeder");
    let admission = intake.admit(Signal::Traces, 100).unwrap();
    rig.reload(vec![exporter("otlp", &downstream)]);
    // the new graph looks out for nothing, so the door notes that nothing occurs
    let body = spans(["a"]).bytes().clone();
    let checked = check(Signal::Traces, body, &intake.watchlist(Signal::Traces)).expect("it is right");
    let origin = Arc::new(Origin::local("feeder".into()));
    intake.accept(admission, checked.payload, &origin).unwrap();
    rig.feed(["b"]).unwrap();
    let pipelines = rig.board.snapshot().pipelines;
    let [traces] = &pipelines[..] else { panic!("one pipeline: {pipelines:?}") };
    assert_eq!(traces.ledger.evaluations, 1, "the old graph's processor has looked");
    assert_eq!((traces.ledger.entered, traces.ledger.out), (2, 2), "the counts went on");
}
