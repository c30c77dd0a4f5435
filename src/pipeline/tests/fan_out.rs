//! Several outboxes: all or nothing among the living.

use super::*;

/// Two exporters, the second of which answers nothing; both queues hold two requests.
fn one_hangs() -> (Rig, Arc<Scripted>, Arc<Scripted>) {
    let (good, dead) = (Scripted::recorder(), Scripted::new(|_| Step::Hang));
    let small = |id, downstream| ExporterSpec { queue: queue(2), ..exporter(id, downstream) };
    (Rig::new(vec![small("good", &good), small("dead", &dead)]), good, dead)
}

fn is_full<T>(fed: &Result<T, Refusal>) -> bool {
    matches!(fed, Err(Refusal::Full { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_keeps_nothing() {
    let (rig, good, _) = one_hangs();
    rig.feed(["a"]).unwrap();
    rig.feed(["b"]).unwrap();
    settle_down().await;
    let refused = rig.feed(["c"]);
    assert!(is_full(&refused), "{:?}", refused.err());
    settle_down().await;
    assert_eq!(good.accepted_spans(), ["a", "b"], "the other exporter does not get it either");
    assert_eq!((rig.outbox("good").ledger.put, rig.outbox("dead").ledger.put), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fits_only_one_of_two_queues_leaves_no_half() {
    let (good, slow) = (Scripted::recorder(), Scripted::new(|_| Step::Hang));
    let items = QueueConfig { sizer: Sizer::Items, ..queue(5) };
    let rig =
        Rig::new(vec![exporter("good", &good), ExporterSpec { queue: items, ..exporter("slow", &slow) }]);
    rig.feed(["a", "b", "c"]).unwrap();
    assert!(is_full(&rig.feed(["d", "e", "f"])), "three more items do not fit");
    rig.feed(["g", "h"]).unwrap();
    settle_down().await;
    assert_eq!(good.accepted_spans(), ["a", "b", "c", "g", "h"]);
    assert_eq!(rig.outbox("slow").ledger.held, 5);
    assert_eq!(rig.outbox("good").fill.requests, 0, "the room of the refused request was given back");
}

#[tokio::test(start_paused = true)]
async fn a_dead_exporter_is_isolated_and_the_other_keeps_getting() {
    let (rig, good, dead) = one_hangs();
    rig.feed(["a"]).unwrap();
    rig.feed(["b"]).unwrap();
    pass_time(4).await;
    assert!(is_full(&rig.feed(["too early"])));
    pass_time(2).await;
    for name in ["c", "d", "e"] {
        rig.feed([name]).unwrap();
        settle_down().await;
    }
    assert_eq!(good.accepted_spans(), ["a", "b", "c", "d", "e"]);
    let outbox = rig.outbox("dead");
    assert!(outbox.isolated);
    assert_eq!(
        (outbox.ledger.put, outbox.ledger.dropped.get(DropReason::ExporterDown), outbox.ledger.held),
        (5, 3, 2)
    );
    assert_eq!(dead.tries().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_delivers_again_takes_part_again() {
    let (good, slow) = (Scripted::recorder(), Scripted::new(|_| Step::Hold));
    let small = |id, downstream| ExporterSpec { queue: queue(2), ..exporter(id, downstream) };
    let rig = Rig::new(vec![small("good", &good), small("slow", &slow)]);
    rig.feed(["a"]).unwrap();
    settle_down().await;
    rig.feed(["b"]).unwrap();
    pass_time(6).await;
    rig.feed(["lost"]).unwrap();
    assert!(rig.outbox("slow").isolated);
    slow.release();
    settle_down().await;
    assert!(!rig.outbox("slow").isolated);
    rig.feed(["c"]).unwrap();
    assert!(is_full(&rig.feed(["d"])), "full again, and delivering: it refuses for both");
    assert_eq!(rig.outbox("slow").ledger.dropped.sum(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_single_exporter_is_never_isolated() {
    let dead = Scripted::new(|_| Step::Hang);
    let rig = Rig::new(vec![ExporterSpec { queue: queue(1), ..exporter("dead", &dead) }]);
    rig.feed(["a"]).unwrap();
    pass_time(60).await;
    assert!(is_full(&rig.feed(["b"])));
    assert!(!rig.outbox("dead").isolated);
}

#[tokio::test(start_paused = true)]
async fn an_exporter_whose_losses_nobody_minds_counts_neither_as_living_nor_as_full() {
    let (dead, debug) = (Scripted::new(|_| Step::Hang), Scripted::lossy(|_| Step::Hang));
    let small = |id, downstream, size| ExporterSpec { queue: queue(size), ..exporter(id, downstream) };
    let rig = Rig::new(vec![small("otlp", &dead, 3), small("debug", &debug, 1)]);
    for name in ["a", "b", "c"] {
        rig.feed([name]).unwrap();
    }
    let ledger = rig.outbox("debug").ledger;
    assert_eq!((ledger.held, ledger.dropped.get(DropReason::LossyFull)), (1, 2));
    pass_time(60).await;
    assert!(is_full(&rig.feed(["d"])), "debug having room is no reason to drop what is for otlp");
}

#[tokio::test(start_paused = true)]
async fn after_a_long_silence_a_burst_is_not_taken_for_a_dead_exporter() {
    let (rig, _, _) = one_hangs();
    pass_time(100).await;
    rig.feed(["a"]).unwrap();
    rig.feed(["b"]).unwrap();
    assert!(is_full(&rig.feed(["c"])), "it had nothing to deliver in all that time");
    assert!(!rig.outbox("dead").isolated);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_taken_when_there_is_nothing_else() {
    let slow = Scripted::new(|_| Step::Hold);
    let tiny = QueueConfig { sizer: Sizer::Items, ..queue(2) };
    let rig = Rig::new(vec![ExporterSpec { queue: tiny, ..exporter("otlp", &slow) }]);
    rig.feed(["a", "b", "c"]).unwrap();
    assert!(is_full(&rig.feed(["d"])));
    settle_down().await;
    slow.release();
    settle_down().await;
    rig.feed(["d", "e", "f", "g"]).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_one_outbox_are_bounded() {
    let dead = Scripted::new(|_| Step::Hang);
    let exporters = vec![ExporterSpec { queue: queue(1000), ..exporter("dead", &dead) }];
    let pipelines = vec![pipeline("traces", Signal::Traces, &exporters)];
    let rig = Rig::within(Spec { pipelines, exporters, ..Spec::default() }, Budget::new(20_000));
    let name = "x".repeat(900);
    let fed = (0..1000).take_while(|_| rig.feed([&name]).is_ok()).count();
    assert!((6..=7).contains(&fed), "half of the budget, with what each takes beside its bytes: {fed}");
    assert!(rig.budget.used() <= 10_000 + 1000);
}
