//! What travels together.

use super::*;

fn batching(min_size: u64, max_size: u64) -> QueueConfig {
    let batch = BatchConfig { min_size, max_size, ..BatchConfig::default() };
    QueueConfig { batch: Some(batch), ..QueueConfig::default() }
}

fn sizes(downstream: &Scripted) -> Vec<u64> {
    downstream.tries().iter().map(|tried| tried.items).collect()
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_together_and_at_once() {
    let downstream = Scripted::new(|_| Step::Hold);
    let rig = Rig::new(vec![ExporterSpec { queue: queue(100), ..exporter("otlp", &downstream) }]);
    rig.feed(["a"]).unwrap();
    settle_down().await;
    for name in ["b", "c", "d"] {
        rig.feed([name]).unwrap();
    }
    downstream.release();
    settle_down().await;
    assert_eq!(sizes(&downstream), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_small_batch_waits_for_its_time() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![ExporterSpec { queue: batching(10, 0), ..exporter("otlp", &downstream) }]);
    let start = Instant::now();
    rig.feed(["a"]).unwrap();
    tokio::time::advance(Duration::from_millis(100)).await;
    rig.feed(["b"]).unwrap();
    settle_down().await;
    assert!(downstream.tries().is_empty());
    tokio::time::advance(Duration::from_millis(100)).await;
    settle_down().await;
    assert_eq!(sizes(&downstream), [2]);
    assert_eq!(seconds_since(start, &downstream), [0.2], "counted from the first");
}

#[tokio::test(start_paused = true)]
async fn what_the_processor_will_merge_takes_one_place_in_the_queue() {
    for is_before_queue in [false, true] {
        let downstream = Scripted::new(|_| Step::Hold);
        let batch = BatchConfig { min_size: 4, is_before_queue, ..BatchConfig::default() };
        let queue = QueueConfig { batch: Some(batch), queue_size: 3, ..QueueConfig::default() };
        let rig = Rig::new(vec![ExporterSpec { queue, ..exporter("otlp", &downstream) }]);
        let taken = (0..20).take_while(|number| rig.feed([&*number.to_string()]).is_ok()).count();
        assert_eq!(taken, if is_before_queue { 12 } else { 3 });
        assert_eq!(rig.outbox("otlp").fill.requests, 3);
        downstream.release();
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_large_enough_goes_at_once() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![ExporterSpec { queue: batching(3, 0), ..exporter("otlp", &downstream) }]);
    rig.feed(["a", "b"]).unwrap();
    settle_down().await;
    assert!(downstream.tries().is_empty());
    rig.feed(["c"]).unwrap();
    settle_down().await;
    assert_eq!(sizes(&downstream), [3]);
}

#[tokio::test(start_paused = true)]
async fn what_fills_a_request_goes_at_once_however_few_items_it_has() {
    let downstream = Scripted::recorder();
    let queue = QueueConfig { request: RequestLimit::of(3000), ..batching(1000, 0) };
    let rig = Rig::new(vec![ExporterSpec { queue, ..exporter("otlp", &downstream) }]);
    let large = "x".repeat(1200);
    rig.feed([&*large]).unwrap();
    rig.feed([&*large]).unwrap();
    settle_down().await;
    assert!(downstream.tries().is_empty());
    rig.feed([&*large]).unwrap();
    settle_down().await;
    assert_eq!(sizes(&downstream), [2], "the third waits for others");
    pass_time(1).await;
    assert_eq!(sizes(&downstream), [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn no_batch_exceeds_its_largest_size_and_no_item_is_lost_to_it() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![ExporterSpec { queue: batching(4, 4), ..exporter("otlp", &downstream) }]);
    let names: Vec<String> = (0..23).map(|number| format!("span {number}")).collect();
    rig.feeder.feed(spans(&names[..3])).unwrap();
    rig.feeder.feed(spans(&names[3..20])).unwrap();
    rig.feeder.feed(spans(&names[20..])).unwrap();
    pass_time(1).await;
    assert!(sizes(&downstream).iter().all(|size| *size <= 4), "{:?}", sizes(&downstream));
    let mut arrived = downstream.accepted_spans();
    arrived.sort_by_key(|name| names.iter().position(|known| known == name));
    assert_eq!(arrived, names);
    assert_eq!(rig.outbox("otlp").ledger.sent, 23);
    assert_eq!(rig.budget.used(), 0, "the pieces were charged, and are gone");
}

fn limited(request: RequestLimit, downstream: &Arc<Scripted>) -> ExporterSpec {
    let queue = QueueConfig { request, ..QueueConfig::default() };
    ExporterSpec { queue, ..exporter("otlp", downstream) }
}

#[tokio::test(start_paused = true)]
async fn what_is_larger_than_any_request_may_be_is_dropped_unsent_and_counted() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![limited(RequestLimit { split_above: 1000, drop_above: 2000 }, &downstream)]);
    let (large, giant) = ("x".repeat(1500), "x".repeat(2500));
    rig.feed(["small", &large, &giant, "also small"]).unwrap();
    settle_down().await;
    assert_eq!(downstream.accepted_spans(), ["small", &large, "also small"]);
    let outbox = rig.outbox("otlp");
    assert_eq!((outbox.ledger.sent, outbox.ledger.dropped.get(DropReason::TooLarge)), (3, 1));
    assert!(outbox.last.is_some(), "and people can see why");
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn requests_are_divided_below_what_the_downstream_takes() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![limited(RequestLimit::of(3000), &downstream)]);
    let names: Vec<String> = (0..200).map(|number| format!("span number {number}")).collect();
    rig.feeder.feed(spans(&names)).unwrap();
    settle_down().await;
    let tries = downstream.tries();
    assert!(tries.len() > 2 && tries.iter().all(|tried| tried.body.len() <= 3000));
    assert_eq!(downstream.accepted_spans().len(), 200);
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn a_large_request_is_divided_beside_the_runtime() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![limited(RequestLimit::of(1 << 20), &downstream)]);
    let name = "x".repeat(10_000);
    rig.feeder.feed(spans(vec![&name; 250])).unwrap();
    while rig.outbox("otlp").ledger.sent < 250 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(downstream.tries().iter().all(|tried| tried.body.len() <= 1 << 20));
    assert_eq!(rig.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn merged_requests_stay_below_what_the_downstream_takes() {
    let downstream = Scripted::new(|_| Step::Hold);
    let queue = QueueConfig { request: RequestLimit::of(2000), ..queue(100) };
    let rig = Rig::new(vec![ExporterSpec { queue, ..exporter("otlp", &downstream) }]);
    let name = "x".repeat(600);
    for _ in 0..10 {
        rig.feed([&name]).unwrap();
    }
    downstream.rewrite(|_| Step::Answer(Outcome::Accepted));
    settle_down().await;
    downstream.release();
    settle_down().await;
    assert!(downstream.tries().iter().all(|tried| tried.body.len() <= 2000));
    assert_eq!(rig.outbox("otlp").ledger.sent, 10);
}

#[tokio::test(start_paused = true)]
async fn opaque_requests_travel_alone() {
    let downstream = Scripted::new(|_| Step::Hold);
    let rig = Rig::new(vec![ExporterSpec { queue: queue(100), ..exporter("otlp", &downstream) }]);
    rig.feed(["first"]).unwrap();
    settle_down().await;
    rig.feed(["a"]).unwrap();
    rig.feeder.feed(opaque_spans(["opaque"])).unwrap();
    rig.feed(["b"]).unwrap();
    rig.feed(["c"]).unwrap();
    downstream.rewrite(|_| Step::Answer(Outcome::Accepted));
    downstream.release();
    settle_down().await;
    assert_eq!(sizes(&downstream), [1, 1, 1, 2]);
    assert_eq!(downstream.accepted_spans(), ["first", "a", "opaque", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn signals_never_share_a_batch_or_a_queue() {
    let downstream = Scripted::new(|_| Step::Hold);
    let exporters = vec![ExporterSpec { queue: queue(2), ..exporter("otlp", &downstream) }];
    let pipelines =
        vec![pipeline("traces", Signal::Traces, &exporters), pipeline("logs", Signal::Logs, &exporters)];
    let rig = Rig::with(Spec { pipelines, exporters, ..Spec::default() });
    for _ in 0..2 {
        rig.feed(["span"]).unwrap();
        rig.feeder.feed(log_records(3)).unwrap();
    }
    assert!(rig.feed(["one too many"]).is_err());
    settle_down().await;
    downstream.rewrite(|batch| {
        assert!(batch.payloads().all(|payload| payload.signal() == batch.signal()));
        Step::Answer(Outcome::Accepted)
    });
    downstream.release();
    settle_down().await;
    let outboxes = rig.board.snapshot().outboxes;
    let sent: Vec<_> = outboxes.iter().map(|outbox| (outbox.signal, outbox.ledger.sent)).collect();
    assert_eq!(sent, [("traces", 2), ("logs", 6)]);
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn pipelines_that_disagree_get_the_smaller_batch_and_a_warning() {
    let downstream = Scripted::recorder();
    let exporters = vec![exporter("otlp", &downstream)];
    let wish = |min_size, seconds| BatchConfig {
        min_size,
        flush_timeout: Duration::from_secs(seconds),
        ..BatchConfig::default()
    };
    let mut pipelines = vec![
        pipeline("traces", Signal::Traces, &exporters),
        pipeline("traces/2", Signal::Traces, &exporters),
    ];
    pipelines[0].batch = Some(wish(100, 1));
    pipelines[1].batch = Some(wish(2, 60));
    let rig = Rig::with(Spec { pipelines, exporters, ..Spec::default() });
    let warnings = rig.entrance.graph().warnings().to_vec();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("traces, traces/2"), "{warnings:?}");
    rig.feed(["a"]).unwrap();
    settle_down().await;
    assert_eq!(sizes(&downstream), [2], "one put from each pipeline is two items");
}
