//! One look at a running burgee, and how much happened between two of them.

use std::collections::HashMap;

use crate::admin::v1;
use crate::cli::Failure;
use crate::cli::ask::{Running, Unanswered};

/// What burgee said at about one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub(super) status: v1::StatusResponse,
    pub(super) senders: Vec<v1::Sender>,
    pub(super) flags: Vec<v1::Flag>,
    /// Those that hold.
    pub(super) findings: Vec<v1::Finding>,
}

pub(super) async fn take(running: &Running) -> Result<Sample, Failure> {
    let asked = async {
        let status = running.ask(async |mut client| client.status(v1::StatusRequest {}).await).await?;
        let senders = running.ask(async |mut client| client.senders(v1::SendersRequest {}).await).await?;
        let flags = running.ask(async |mut client| client.flags(v1::FlagsRequest {}).await).await?;
        let findings = running.ask(async |mut client| client.findings(v1::FindingsRequest {}).await).await?;
        Ok::<_, Unanswered>(Sample {
            status,
            senders: senders.senders,
            flags: flags.flags,
            findings: findings
                .findings
                .into_iter()
                .filter(|finding| finding.resolved_unix_ms.is_none())
                .collect(),
        })
    };
    Ok(asked.await?)
}

/// What happened in a second, between two looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    pub(super) received: f64,
    pub(super) enriched: f64,
    pub(super) sent: f64,
    flags: HashMap<String, f64>,
    senders: HashMap<SenderKey, f64>,
    outboxes: HashMap<(String, i32), f64>,
}

/// Service, peer, transport, port.
type SenderKey = (String, String, String, String);

impl Rates {
    pub(super) fn between(before: &Sample, now: &Sample) -> Rates {
        let milliseconds = now.status.uptime_ms.saturating_sub(before.status.uptime_ms);
        if before.status.started_unix_ms != now.status.started_unix_ms || milliseconds == 0 {
            // another process counts from zero
            return Rates::default();
        }
        let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 * 1_000.0 / milliseconds as f64;
        let flags = counts(&before.flags, |flag| (flag.key.clone(), flag.evaluations));
        let senders = counts(&before.senders, |sender| (key(sender), sender.items));
        let outboxes = counts(&before.status.outboxes, |outbox| (outbox_key(outbox), outbox.sent));
        Rates {
            received: rate(received(before), received(now)),
            enriched: rate(enriched(before), enriched(now)),
            sent: rate(sent(before), sent(now)),
            flags: rates(counts(&now.flags, |flag| (flag.key.clone(), flag.evaluations)), &flags, rate),
            senders: rates(counts(&now.senders, |sender| (key(sender), sender.items)), &senders, rate),
            outboxes: rates(
                counts(&now.status.outboxes, |outbox| (outbox_key(outbox), outbox.sent)),
                &outboxes,
                rate,
            ),
        }
    }

    pub(super) fn flag(&self, flag: &v1::Flag) -> f64 {
        self.flags.get(&flag.key).copied().unwrap_or(0.0)
    }

    pub(super) fn sender(&self, sender: &v1::Sender) -> f64 {
        self.senders.get(&key(sender)).copied().unwrap_or(0.0)
    }

    pub(super) fn outbox(&self, outbox: &v1::Outbox) -> f64 {
        self.outboxes.get(&outbox_key(outbox)).copied().unwrap_or(0.0)
    }
}

pub(super) fn held(sample: &Sample) -> u64 {
    sample.status.outboxes.iter().map(|outbox| outbox.held_items).sum()
}

fn received(sample: &Sample) -> u64 {
    sample.status.doors.iter().map(|door| door.items_accepted).sum()
}

fn enriched(sample: &Sample) -> u64 {
    sample.status.pipelines.iter().map(|pipeline| pipeline.evaluations).sum()
}

fn sent(sample: &Sample) -> u64 {
    sample.status.outboxes.iter().map(|outbox| outbox.sent).sum()
}

fn key(sender: &v1::Sender) -> SenderKey {
    (sender.service.clone(), sender.peer.clone(), sender.transport.clone(), sender.port.clone())
}

fn outbox_key(outbox: &v1::Outbox) -> (String, i32) {
    (outbox.exporter.clone(), outbox.signal)
}

fn counts<T, K: std::hash::Hash + Eq>(of: &[T], count: impl Fn(&T) -> (K, u64)) -> HashMap<K, u64> {
    of.iter().map(count).collect()
}

/// What is new has counted from zero.
fn rates<K: std::hash::Hash + Eq>(
    now: HashMap<K, u64>,
    before: &HashMap<K, u64>,
    rate: impl Fn(u64, u64) -> f64,
) -> HashMap<K, f64> {
    let changed = now.into_iter().map(|(key, now)| {
        let before = before.get(&key).copied().unwrap_or(0);
        (key, rate(before, now))
    });
    changed.collect()
}
