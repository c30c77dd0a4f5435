//! Stopping.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_drain_sends_what_waits_for_more() {
    let downstream = Scripted::recorder();
    let batch = BatchConfig { flush_timeout: Duration::from_secs(60), ..BatchConfig::default() };
    let queue = QueueConfig { batch: Some(batch), ..QueueConfig::default() };
    let mut rig = Rig::new(vec![ExporterSpec { queue, ..exporter("otlp", &downstream) }]);
    rig.feed(["a", "b"]).unwrap();
    settle_down().await;
    let start = Instant::now();
    let report = rig.drain(Duration::from_secs(10)).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!((report.sent(), report.lost()), (2, 0));
    assert_eq!(report.to_string(), "otlp: 2 spans sent");
    rig.consumers.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_sleep_through_a_backoff() {
    let downstream = Scripted::new(|_| Step::retry_later());
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    rig.feed(["a"]).unwrap();
    settle_down().await;
    downstream.rewrite({
        let mut tries = 0;
        move |_| {
            tries += 1;
            if tries < 3 { Step::retry_later() } else { Step::Answer(Outcome::Accepted) }
        }
    });
    let start = Instant::now();
    let report = rig.drain(Duration::from_secs(10)).await;
    assert_eq!((report.sent(), report.lost()), (1, 0));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_rest_is_dropped_and_named() {
    let (hangs, busy) = (Scripted::new(|_| Step::Hang), Scripted::new(|_| Step::retry_later()));
    let small = |id, downstream| ExporterSpec { queue: queue(10), ..exporter(id, downstream) };
    let mut rig = Rig::new(vec![small("hangs", &hangs), small("busy", &busy)]);
    rig.feed(["a", "b"]).unwrap();
    settle_down().await;
    rig.feed(["c"]).unwrap();
    let start = Instant::now();
    let report = rig.drain(Duration::from_secs(10)).await;
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(11), "{took:?}");
    assert_eq!(report.lost(), 6);
    assert_eq!(
        report.to_string(),
        "hangs: 3 spans dropped (drain_deadline); busy: 3 spans dropped (drain_deadline)"
    );
    rig.consumers.ended().await;
    assert_eq!(rig.outbox("hangs").ledger.held, 0);
    assert_eq!(rig.budget.used(), 0);
    assert!(busy.tries().len() > 20, "tried again and again: {}", busy.tries().len());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_result_at_the_deadline_is_told_to_try_elsewhere() {
    let downstream = Scripted::new(|_| Step::Hang);
    let waiting = QueueConfig { wait_for_result: true, ..QueueConfig::default() };
    let rig = Rig::new(vec![ExporterSpec { queue: waiting, ..exporter("otlp", &downstream) }]);
    let ticket = rig.feed(["a"]).unwrap();
    rig.drain(Duration::from_secs(1)).await;
    assert!(matches!(ticket.await, Outcome::RetryLater { .. }));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_admitted_once_the_entrance_is_closed_and_nothing_taken_after_the_drain() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let intake = rig.entrance.intake("feeder");
    let late = intake.admit(Signal::Traces, 100).unwrap();
    rig.entrance.stop();
    assert_eq!(rig.feed(["a"]).err(), Some(Refusal::Stopping));
    let origin = Arc::new(crate::component::Origin::local("feeder".into()));
    let admitted = intake.accept(late, spans(["admitted before"]), &origin);
    assert!(admitted.is_ok(), "a request on its way is finished");
    let report = rig.drain(Duration::from_secs(1)).await;
    assert_eq!(report.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_empty_drain_ends_at_once_and_says_so() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let start = Instant::now();
    let report = rig.drain(Duration::from_secs(10)).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(report.to_string(), "nothing was left to send");
}
