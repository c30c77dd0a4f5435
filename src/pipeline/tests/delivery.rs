//! From a put to a settled batch.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_is_fed_arrives_and_is_counted() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    assert_eq!(rig.feed(["a", "b"]).unwrap().await, Outcome::Accepted);
    settle_down().await;
    assert_eq!(downstream.accepted_spans(), ["a", "b"]);
    let outbox = rig.outbox("otlp");
    assert_eq!((outbox.ledger.put, outbox.ledger.sent, outbox.ledger.held), (2, 2, 0));
    assert_eq!(rig.budget.used(), 0);
    assert_eq!(outbox.last.unwrap().what, "accepted");
}

#[tokio::test(start_paused = true)]
async fn the_bytes_that_came_are_the_bytes_that_leave() {
    let downstream = Scripted::recorder();
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let payload = spans(["a"]);
    rig.feeder.feed(payload.clone()).unwrap();
    settle_down().await;
    assert_eq!(downstream.tries()[0].body, payload.bytes());
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_is_never_sent_again() {
    for (rejected, expected) in [(1, (1, 1)), (2, (2, 0)), (7, (2, 0)), (0, (0, 2))] {
        let downstream = Scripted::new(move |_| Step::partly(rejected));
        let rig = Rig::new(vec![exporter("otlp", &downstream)]);
        rig.feed(["a", "b"]).unwrap();
        pass_time(60).await;
        let ledger = rig.outbox("otlp").ledger;
        assert_eq!((ledger.rejected, ledger.sent), expected);
        assert_eq!(downstream.tries().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_request_does_not_take_others_along() {
    let downstream = Scripted::new(|batch| {
        let names: Vec<_> = batch.payloads().flat_map(|payload| span_names(payload.bytes())).collect();
        if names.contains(&"poison".to_owned()) { Step::rejected() } else { Step::Answer(Outcome::Accepted) }
    });
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    for name in ["a", "poison", "b"] {
        rig.feed([name]).unwrap();
    }
    settle_down().await;
    assert_eq!(downstream.accepted_spans(), ["a", "b"]);
    assert_eq!(downstream.tries().len(), 4, "all three, then each on its own");
    let ledger = rig.outbox("otlp").ledger;
    assert_eq!((ledger.sent, ledger.rejected, ledger.held), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn bad_credentials_are_not_tried_once_per_request() {
    let denied = Outcome::Rejected {
        code: crate::otlp::answer::Code::Unauthenticated,
        message: "who are you\u{1b}[31m".into(),
    };
    let downstream = Scripted::new(move |_| Step::Answer(denied.clone()));
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    for name in ["a", "b", "c"] {
        rig.feed([name]).unwrap();
    }
    settle_down().await;
    assert_eq!(downstream.tries().len(), 1);
    let outbox = rig.outbox("otlp");
    assert_eq!(outbox.ledger.rejected, 3);
    assert_eq!(outbox.last.unwrap().message, "who are you\\u{1b}[31m");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_halved_until_it_fits() {
    let downstream =
        Scripted::new(
            |batch| if batch.items() > 2 { Step::too_large() } else { Step::Answer(Outcome::Accepted) },
        );
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let names: Vec<String> = (0..9).map(|number| format!("span {number}")).collect();
    rig.feeder.feed(spans(&names[..6])).unwrap();
    rig.feeder.feed(spans(&names[6..])).unwrap();
    settle_down().await;
    let mut arrived = downstream.accepted_spans();
    arrived.sort();
    assert_eq!(arrived, names);
    let ledger = rig.outbox("otlp").ledger;
    assert_eq!((ledger.put, ledger.sent), (9, 9));
    assert_eq!(rig.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_item_that_is_too_large_is_dropped_alone() {
    let large = "x".repeat(1000);
    let downstream =
        Scripted::new(
            |batch| if batch.bytes() > 1000 { Step::too_large() } else { Step::Answer(Outcome::Accepted) },
        );
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    rig.feed(["a", &large, "b"]).unwrap();
    settle_down().await;
    let mut arrived = downstream.accepted_spans();
    arrived.sort();
    assert_eq!(arrived, ["a", "b"]);
    let ledger = rig.outbox("otlp").ledger;
    assert_eq!(ledger.dropped.get(DropReason::TooLarge), 1);
    assert_eq!((ledger.sent, ledger.held), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_downstream_that_takes_no_size_at_all_is_not_asked_for_every_item() {
    let downstream = Scripted::new(|_| Step::too_large());
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    let names: Vec<String> = (0..5000).map(|number| format!("span {number}")).collect();
    rig.feeder.feed(spans(&names)).unwrap();
    settle_down().await;
    assert!(downstream.tries().len() < 300, "{}", downstream.tries().len());
    let ledger = rig.outbox("otlp").ledger;
    assert_eq!((ledger.dropped.get(DropReason::TooLarge), ledger.held), (5000, 0));
}

#[tokio::test(start_paused = true)]
async fn an_opaque_request_that_is_too_large_is_not_divided() {
    let downstream = Scripted::new(|_| Step::too_large());
    let rig = Rig::new(vec![exporter("otlp", &downstream)]);
    rig.feeder.feed(opaque_spans(["a", "b"])).unwrap();
    settle_down().await;
    assert_eq!(downstream.tries().len(), 1);
    assert_eq!(rig.outbox("otlp").ledger.dropped.get(DropReason::TooLarge), 2);
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_panics_loses_its_batch_and_goes_on() {
    let downstream = Scripted::new(|batch| match span_names(&batch.body().next().unwrap())[0].as_str() {
        "boom" => Step::Panic,
        _ => Step::Answer(Outcome::Accepted),
    });
    let rig = Rig::new(vec![ExporterSpec { queue: queue(10), ..exporter("otlp", &downstream) }]);
    rig.feed(["boom"]).unwrap();
    settle_down().await;
    rig.feed(["a"]).unwrap();
    settle_down().await;
    assert_eq!(downstream.accepted_spans(), ["a"]);
    let ledger = rig.outbox("otlp").ledger;
    assert_eq!((ledger.sent, ledger.rejected, ledger.held), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_result_hears_the_downstream() {
    let downstream = Scripted::new(|_| Step::Hold);
    let waiting = QueueConfig { wait_for_result: true, ..QueueConfig::default() };
    let rig = Rig::new(vec![ExporterSpec { queue: waiting, ..exporter("otlp", &downstream) }]);
    let mut ticket = Box::pin(rig.feed(["a"]).unwrap());
    settle_down().await;
    assert!(futures_util::FutureExt::now_or_never(&mut ticket).is_none());
    downstream.release();
    assert_eq!(ticket.await, Outcome::Accepted);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_the_sender_waits_too() {
    let downstream = Scripted::new(|_| Step::rejected());
    let off = QueueConfig { enabled: false, ..QueueConfig::default() };
    let rig = Rig::new(vec![ExporterSpec { queue: off, ..exporter("otlp", &downstream) }]);
    assert!(matches!(rig.feed(["a"]).unwrap().await, Outcome::Rejected { .. }));
    rig.check();
}

#[tokio::test(start_paused = true)]
async fn the_worst_of_several_results_is_the_answer() {
    let (good, bad) = (Scripted::recorder(), Scripted::new(|_| Step::rejected()));
    let waiting = QueueConfig { wait_for_result: true, ..QueueConfig::default() };
    let wait = |id, downstream| ExporterSpec { queue: waiting.clone(), ..exporter(id, downstream) };
    let rig = Rig::new(vec![wait("good", &good), wait("bad", &bad)]);
    assert!(matches!(rig.feed(["a"]).unwrap().await, Outcome::Rejected { .. }));
    assert_eq!(rig.outbox("good").ledger.sent, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_ticket_loses_the_answer_and_not_the_data() {
    let downstream = Scripted::new(|_| Step::Hold);
    let waiting = QueueConfig { wait_for_result: true, ..QueueConfig::default() };
    let rig = Rig::new(vec![ExporterSpec { queue: waiting, ..exporter("otlp", &downstream) }]);
    drop(rig.feed(["before the try"]).unwrap());
    settle_down().await;
    let ticket = rig.feed(["during the try"]).unwrap();
    settle_down().await;
    drop(ticket);
    assert_eq!(rig.outbox("otlp").ledger.held, 2);
    downstream.release();
    settle_down().await;
    assert_eq!(rig.outbox("otlp").ledger.sent, 2);
    assert_eq!(rig.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn stopped_consumers_give_back_what_was_on_its_way() {
    let downstream = Scripted::new(|_| Step::Hang);
    let mut rig = Rig::new(vec![exporter("otlp", &downstream)]);
    rig.feed(["a"]).unwrap();
    settle_down().await;
    rig.consumers = Consumers::default();
    settle_down().await;
    let outbox = rig.outbox("otlp");
    assert_eq!((outbox.ledger.held, outbox.in_flight), (1, 0));
    downstream.rewrite(|_| Step::Answer(Outcome::Accepted));
    rig.consumers = Consumers::default();
    rig.consumers.follow(&rig.entrance.graph(), &rig.store, Instant::now());
    settle_down().await;
    assert_eq!(downstream.accepted_spans(), ["a"]);
    assert_eq!(rig.outbox("otlp").ledger.sent, 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_nobody_settles_is_a_defect_and_counted() {
    let downstream = Scripted::recorder();
    let mut rig = Rig::new(vec![exporter("otlp", &downstream)]);
    rig.consumers = Consumers::default();
    settle_down().await;
    rig.feed(["a", "b"]).unwrap();
    let batch = rig.store.next(crate::component::OutboxId(0)).await.expect("something waits");
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(batch)));
    assert_eq!(dropped.is_err(), cfg!(debug_assertions));
    let ledger = rig.outbox("otlp").ledger;
    assert_eq!((ledger.dropped.get(DropReason::Bug), ledger.held), (2, 0));
}

/// Real threads, several feeders, downstreams that answer at random; an onlooker checks the ledger all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_ledger_balances_while_everything_runs_at_once() {
    let moody = || {
        Scripted::new(|batch| match fastrand::u8(..6) {
            0 => Step::Answer(Outcome::RetryLater { after: None, message: "busy".into() }),
            1 if batch.items() > 1 => Step::too_large(),
            2 => Step::partly(1),
            3 => Step::rejected(),
            _ => Step::Answer(Outcome::Accepted),
        })
    };
    let (first, second) = (moody(), moody());
    let retry = RetryConfig { initial_interval: Duration::from_millis(1), ..RetryConfig::default() };
    let small = |id, downstream| ExporterSpec {
        queue: QueueConfig { queue_size: 20, num_consumers: 3, ..QueueConfig::default() },
        retry: retry.clone(),
        ..exporter(id, downstream)
    };
    let rig = Rig::new(vec![small("first", &first), small("second", &second)]);
    let rig = Arc::new(rig);
    let feeders: Vec<_> = (0..4)
        .map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move {
                let mut put = 0;
                for count in 0..500 {
                    put += match rig.feeder.feed(spans(vec!["span"; count % 7])) {
                        Ok(_) => count as u64 % 7,
                        Err(_) => 0,
                    };
                    rig.check_outboxes();
                    tokio::task::yield_now().await;
                }
                put
            })
        })
        .collect();
    let mut put = 0;
    for feeder in feeders {
        put += feeder.await.expect("no equation was violated");
    }
    let mut rig = Arc::into_inner(rig).expect("the feeders are done");
    rig.drain(Duration::from_secs(20)).await;
    // a payload is freed just after it is counted, outside of the lock
    rig.consumers.ended().await;
    for id in ["first", "second"] {
        let ledger = rig.outbox(id).ledger;
        assert_eq!((ledger.put, ledger.held), (put, 0));
        assert_eq!(ledger.dropped.get(DropReason::Bug), 0);
    }
    assert_eq!(rig.budget.used(), 0);
}
