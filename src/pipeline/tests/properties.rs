//! Whatever happens in whatever order: the ledger balances at every step, and every span ends where it says.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::component::{Batch, OutboxId};

#[derive(Clone, Debug)]
enum Act {
    /// A request of so many spans.
    Feed(usize),
    /// A request that cannot be merged or split.
    FeedOpaque(usize),
    Next,
    /// The batch of this number among those under way ends so.
    Settle(usize, End),
    GiveBack(usize),
    Wait(u64),
}

#[derive(Clone, Debug)]
enum End {
    Accepted,
    Partly(u64),
    RetryLater,
    TooLarge,
    Rejected,
}

fn act() -> impl Strategy<Value = Act> {
    let end = prop_oneof![
        3 => Just(End::Accepted),
        1 => (0u64..5).prop_map(End::Partly),
        2 => Just(End::RetryLater),
        2 => Just(End::TooLarge),
        1 => Just(End::Rejected),
    ];
    prop_oneof![
        4 => (0usize..12).prop_map(Act::Feed),
        1 => (1usize..4).prop_map(Act::FeedOpaque),
        4 => Just(Act::Next),
        5 => (any::<usize>(), end).prop_map(|(which, end)| Act::Settle(which, end)),
        1 => any::<usize>().prop_map(Act::GiveBack),
        2 => (1u64..40_000).prop_map(Act::Wait),
    ]
}

fn config() -> impl Strategy<Value = (QueueConfig, bool)> {
    let sizer = prop_oneof![Just(Sizer::Requests), Just(Sizer::Items), Just(Sizer::Bytes)];
    let batch = (0u64..2000, 0u64..8, 0u64..10, any::<bool>());
    let batch = batch.prop_map(|(flush, min_size, max_size, is_before_queue)| BatchConfig {
        flush_timeout: Duration::from_millis(flush),
        min_size,
        max_size,
        sizer: Sizer::Items,
        is_before_queue,
    });
    (sizer, 1u64..60, 1usize..4, proptest::option::of(batch), any::<bool>()).prop_map(
        |(sizer, size, num_consumers, batch, retries)| {
            let queue_size = if sizer == Sizer::Bytes { size * 50 } else { size };
            (QueueConfig { sizer, queue_size, num_consumers, batch, ..QueueConfig::default() }, retries)
        },
    )
}

/// An outbox without consumers, and what the test knows of it.
struct Model {
    rig: Rig,
    under_way: Vec<Batch>,
    /// How often each span was put, and how often it has left, by name.
    put: HashMap<String, u64>,
    left: HashMap<String, u64>,
    fed: usize,
}

const OUTBOX: OutboxId = OutboxId(0);

impl Model {
    fn new(queue: QueueConfig, retries: bool) -> Model {
        let downstream = Scripted::recorder();
        let retry = RetryConfig {
            enabled: retries,
            max_elapsed_time: Duration::from_secs(60),
            ..RetryConfig::default()
        };
        let mut rig = Rig::new(vec![ExporterSpec { queue, retry, ..exporter("otlp", &downstream) }]);
        rig.consumers = Consumers::default();
        Model { rig, under_way: Vec::new(), put: HashMap::new(), left: HashMap::new(), fed: 0 }
    }

    fn feed(&mut self, count: usize, make: fn(Vec<String>) -> crate::otlp::Payload) {
        let names: Vec<String> = (0..count).map(|number| format!("{} {number}", self.fed)).collect();
        self.fed += 1;
        if self.rig.feeder.feed(make(names.clone())).is_ok() {
            names.into_iter().for_each(|name| *self.put.entry(name).or_default() += 1);
        }
    }

    async fn next(&mut self) {
        // what is ready is there at once; divided pieces take a second look
        let next = self.rig.store.next(OUTBOX);
        if let Ok(Some(batch)) = tokio::time::timeout(Duration::from_millis(1), next).await {
            self.under_way.push(batch);
        }
    }

    fn settle(&mut self, which: usize, end: &End) {
        if self.under_way.is_empty() {
            return;
        }
        let batch = self.under_way.swap_remove(which % self.under_way.len());
        let (names, items) = (names(&batch), batch.items());
        let before = self.rig.outbox("otlp").ledger;
        let outcome = match end {
            End::Accepted => Outcome::Accepted,
            End::Partly(rejected) => Outcome::Partly { rejected: *rejected, message: String::new() },
            End::RetryLater => Outcome::RetryLater { after: None, message: String::new() },
            End::TooLarge => Outcome::TooLarge { message: String::new() },
            End::Rejected => {
                Outcome::Rejected { code: crate::otlp::answer::Code::InvalidArgument, message: String::new() }
            }
        };
        self.rig.store.settle(batch, outcome);
        let after = self.rig.outbox("otlp").ledger;
        // a batch leaves as a whole or not at all
        let gone = before.held - after.held;
        assert!(gone == 0 || gone == items, "{gone} of {items} left after {end:?}");
        if gone > 0 {
            names.into_iter().for_each(|name| *self.left.entry(name).or_default() += 1);
        }
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Feed(count) => self.feed(*count, spans),
            Act::FeedOpaque(count) => self.feed(*count, opaque_spans),
            Act::Next => self.next().await,
            Act::Settle(which, end) => self.settle(*which, end),
            Act::GiveBack(which) => {
                if !self.under_way.is_empty() {
                    let batch = self.under_way.swap_remove(which % self.under_way.len());
                    self.rig.store.give_back(batch);
                }
            }
            Act::Wait(milliseconds) => tokio::time::advance(Duration::from_millis(*milliseconds)).await,
        }
        self.rig.check();
    }

    /// Takes everything that is left, so that nothing can hide.
    async fn empty(&mut self) {
        for _ in 0..10_000 {
            if self.under_way.is_empty() && self.rig.outbox("otlp").ledger.held == 0 {
                return;
            }
            self.settle(0, &End::Accepted);
            tokio::time::advance(Duration::from_secs(1)).await;
            self.next().await;
        }
        panic!("something is held that never comes: {:?}", self.rig.outbox("otlp"));
    }
}

fn names(batch: &Batch) -> Vec<String> {
    batch.payloads().flat_map(|payload| span_names(payload.bytes())).collect()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime without I/O").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_span_that_is_put_leaves_once(
        (queue, retries) in config(),
        acts in proptest::collection::vec(act(), 1..60),
    ) {
        run(async {
            let mut model = Model::new(queue, retries);
            for act in &acts {
                model.act(act).await;
            }
            model.empty().await;
            assert_eq!(model.left, model.put);
            assert_eq!(model.rig.budget.used(), 0);
        });
    }

    #[test]
    fn a_drain_at_any_moment_leaves_nothing_held(
        (queue, retries) in config(),
        acts in proptest::collection::vec(act(), 1..40),
    ) {
        run(async {
            let mut model = Model::new(queue, retries);
            for act in &acts {
                model.act(act).await;
            }
            model.rig.drain(Duration::from_secs(5)).await;
            let ledger = model.rig.outbox("otlp").ledger;
            assert_eq!(ledger.held, 0);
            assert_eq!(ledger.put, model.put.values().sum::<u64>());
            // what was under way is settled late, and changes nothing
            while !model.under_way.is_empty() {
                let batch = model.under_way.remove(0);
                model.rig.store.settle(batch, Outcome::Accepted);
            }
            assert_eq!(model.rig.outbox("otlp").ledger, ledger);
            assert_eq!(model.rig.budget.used(), 0);
        });
    }
}
