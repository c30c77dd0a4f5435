//! When a batch is tried again, and when not.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_batch_is_tried_again_with_growing_pauses_until_it_arrives() {
    let mut tries = 0;
    let downstream = Scripted::new(move |_| {
        tries += 1;
        if tries < 4 { Step::retry_later() } else { Step::Answer(Outcome::Accepted) }
    });
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let start = Instant::now();
    rig.feed(["a"]).unwrap();
    pass_time(60).await;
    assert_eq!(seconds_since(start, &downstream), [0.0, 5.0, 12.5, 23.8]);
    assert_eq!(rig.outbox("otlp").ledger.sent, 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_downstream_asks_for_is_waited_for() {
    let mut asked = [Some(Duration::from_secs(20)), Some(Duration::from_secs(1)), None].into_iter();
    let downstream = Scripted::new(move |_| match asked.next().flatten() {
        Some(after) => Step::Answer(Outcome::RetryLater { after: Some(after), message: "throttled".into() }),
        None => Step::Answer(Outcome::Accepted),
    });
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let start = Instant::now();
    rig.feed(["a"]).unwrap();
    pass_time(40).await;
    assert_eq!(seconds_since(start, &downstream), [0.0, 20.0, 27.5]);
}

#[tokio::test(start_paused = true)]
async fn after_the_elapsed_time_a_batch_is_dropped() {
    let downstream = Scripted::new(|_| Step::retry_later());
    let retry = RetryConfig {
        max_elapsed_time: Duration::from_secs(20),
        randomization_factor: 0.0,
        ..RetryConfig::default()
    };
    let rig = Rig::new(vec![ExporterSpec { retry, ..exporter("otlp", &downstream) }]);
    rig.feed(["a", "b"]).unwrap();
    pass_time(30).await;
    assert_eq!(downstream.tries().len(), 3, "at 0, 5 and 12.5 s; the next would be at 23.75 s");
    let ledger = rig.outbox("otlp").ledger;
    assert_eq!((ledger.dropped.get(DropReason::RetriesExhausted), ledger.held), (2, 0));
    assert_eq!(rig.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_retries_one_failed_try_is_the_end() {
    let downstream = Scripted::new(|_| Step::retry_later());
    let retry = RetryConfig { enabled: false, ..RetryConfig::default() };
    let waiting = QueueConfig { wait_for_result: true, ..QueueConfig::default() };
    let rig = Rig::new(vec![ExporterSpec { retry, queue: waiting, ..exporter("otlp", &downstream) }]);
    let answer = rig.feed(["a"]).unwrap().await;
    assert!(matches!(answer, Outcome::RetryLater { .. }), "the sender may still try: {answer:?}");
    assert_eq!(downstream.tries().len(), 1);
    assert_eq!(rig.outbox("otlp").ledger.dropped.get(DropReason::RetryOff), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_downstream_is_not_asked_by_everything_that_comes_in() {
    let downstream = Scripted::new(|_| Step::retry_later());
    let two = QueueConfig { num_consumers: 2, ..QueueConfig::default() };
    let rig = Rig::new(vec![ExporterSpec { queue: two, ..exporter("otlp", &downstream) }]);
    for number in 0..50 {
        rig.feed([format!("span {number}").as_str()]).unwrap();
        settle_down().await;
    }
    assert_eq!(downstream.tries().len(), 2, "two batches wait for their retry, the rest waits for them");
    assert_eq!(rig.outbox("otlp").retrying, 2);
    downstream.rewrite(|_| Step::Answer(Outcome::Accepted));
    pass_time(6).await;
    assert_eq!(downstream.accepted_spans().len(), 50);
    assert_eq!(downstream.tries().len(), 5, "two retries, then all the rest in one");
}

#[tokio::test(start_paused = true)]
async fn the_batch_that_waits_least_is_tried_first() {
    let downstream = Scripted::new(|batch| {
        let after = if batch.items() == 1 { 30 } else { 10 };
        Step::Answer(Outcome::RetryLater { after: Some(Duration::from_secs(after)), message: "busy".into() })
    });
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    rig.feed(["slow"]).unwrap();
    settle_down().await;
    rig.feed(["fast", "fast"]).unwrap();
    settle_down().await;
    downstream.rewrite(|_| Step::Answer(Outcome::Accepted));
    pass_time(40).await;
    assert_eq!(downstream.accepted_spans(), ["fast", "fast", "slow"]);
}
