//! `block_on_overflow`: senders wait for room.

use super::*;
use crate::component::{Intake, Origin};

fn blocking(queue_size: u64) -> QueueConfig {
    QueueConfig { block_on_overflow: true, ..queue(queue_size) }
}

/// Brings one span in as a receiver does: admit, wait, accept.
async fn bring(intake: Arc<dyn Intake>, name: &'static str, patience: u64) -> Result<Ticket, Refusal> {
    let payload = spans([name]);
    let mut admission = intake.admit(Signal::Traces, payload.bytes().len() as u64)?;
    let deadline = Instant::now() + Duration::from_secs(patience);
    if let Some(waiting) = intake.wait_for_room(&mut admission, &payload, deadline) {
        waiting.await;
    }
    intake.accept(admission, payload, &Arc::new(Origin::local("feeder".into())))
}

#[tokio::test(start_paused = true)]
async fn senders_wait_in_line_until_there_is_room() {
    let downstream = Scripted::new(|_| Step::Hold);
    let rig = Rig::new(vec![ExporterSpec { queue: blocking(1), ..exporter("otlp", &downstream) }]);
    let intake = rig.entrance.intake("feeder");
    let mut waiting = Vec::new();
    for name in ["a", "b", "c"] {
        waiting.push(tokio::spawn(bring(Arc::clone(&intake), name, 60)));
        settle_down().await;
    }
    let done =
        |waiting: &[tokio::task::JoinHandle<_>]| waiting.iter().filter(|one| one.is_finished()).count();
    assert_eq!(done(&waiting), 1, "one fits, two wait");
    assert_eq!(rig.outbox("otlp").fill.requests, 1, "who waits holds no room");
    for accepted in [2, 3, 3] {
        downstream.release();
        settle_down().await;
        assert_eq!(done(&waiting), accepted, "one for each that has left");
    }
    assert_eq!(downstream.accepted_spans(), ["a", "b", "c"], "in the order in which they came");
    for one in waiting {
        one.await.expect("no panic").expect("accepted");
    }
    rig.check();
    assert_eq!(rig.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn patience_has_an_end_and_then_the_answer_is_to_try_again() {
    let downstream = Scripted::new(|_| Step::Hang);
    let rig = Rig::new(vec![ExporterSpec { queue: blocking(1), ..exporter("otlp", &downstream) }]);
    let intake = rig.entrance.intake("feeder");
    bring(Arc::clone(&intake), "a", 60).await.expect("it fits");
    let (first, second) = tokio::join!(bring(Arc::clone(&intake), "b", 3), bring(intake, "c", 1));
    assert!(matches!(first, Err(Refusal::Full { .. })) && matches!(second, Err(Refusal::Full { .. })));
    rig.check();
    assert_eq!(rig.outbox("otlp").fill.requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_leaves_while_it_waits_leaves_nothing_behind() {
    let downstream = Scripted::new(|_| Step::Hold);
    let rig = Rig::new(vec![ExporterSpec { queue: blocking(1), ..exporter("otlp", &downstream) }]);
    let intake = rig.entrance.intake("feeder");
    bring(Arc::clone(&intake), "a", 60).await.expect("it fits");
    let leaving = tokio::spawn(bring(Arc::clone(&intake), "b", 60));
    settle_down().await;
    let staying = tokio::spawn(bring(intake, "c", 60));
    settle_down().await;
    leaving.abort();
    settle_down().await;
    downstream.release();
    settle_down().await;
    downstream.release();
    settle_down().await;
    staying.await.expect("no panic").expect("accepted");
    assert_eq!(downstream.accepted_spans(), ["a", "c"]);
    assert_eq!(rig.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_queue_that_refuses_or_for_one_that_is_isolated() {
    let (good, dead) = (Scripted::recorder(), Scripted::new(|_| Step::Hang));
    let rig = Rig::new(vec![
        exporter("good", &good),
        ExporterSpec { queue: blocking(1), ..exporter("dead", &dead) },
    ]);
    let intake = rig.entrance.intake("feeder");
    bring(Arc::clone(&intake), "a", 60).await.expect("it fits");
    let start = Instant::now();
    bring(Arc::clone(&intake), "b", 60).await.expect("the dead one is isolated by then");
    let waited = start.elapsed().as_secs();
    assert!((5..=6).contains(&waited), "{waited} s");
    settle_down().await;
    assert_eq!(good.accepted_spans(), ["a", "b"]);

    let (blocks, refuses) = (Scripted::new(|_| Step::Hang), Scripted::new(|_| Step::Hang));
    let rig = Rig::new(vec![
        ExporterSpec { queue: blocking(1), ..exporter("blocks", &blocks) },
        ExporterSpec { queue: queue(1), ..exporter("refuses", &refuses) },
    ]);
    let intake = rig.entrance.intake("feeder");
    bring(Arc::clone(&intake), "a", 60).await.expect("it fits");
    let start = Instant::now();
    assert!(matches!(bring(intake, "b", 60).await, Err(Refusal::Full { .. })));
    assert_eq!(start.elapsed(), Duration::ZERO, "it would be refused whatever comes");
}

#[tokio::test(start_paused = true)]
async fn isolation_can_be_put_off() {
    let (good, dead) = (Scripted::recorder(), Scripted::new(|_| Step::Hang));
    let patient = QueueConfig { isolate_after: Duration::from_secs(60), ..queue(1) };
    let never = QueueConfig { isolate_after: Duration::ZERO, ..queue(1) };
    for (queue, after) in [(patient, true), (never, false)] {
        let rig = Rig::new(vec![exporter("good", &good), ExporterSpec { queue, ..exporter("dead", &dead) }]);
        rig.feed(["a"]).unwrap();
        pass_time(30).await;
        assert!(rig.feed(["b"]).is_err(), "not yet");
        pass_time(31).await;
        assert_eq!(rig.feed(["c"]).is_ok(), after);
    }
}
