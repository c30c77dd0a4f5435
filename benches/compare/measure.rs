//! What is measured of a collector: processor time per span, memory, latency, how soon it is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burgee::otlp::compression::Encoding;

use super::corpus::Workload;
use super::gate;
use super::generator::{Traffic, Transport, Until, at_rate, first_accepted, keep_sending, offer};
use super::peers::{Job, Peer, Programs};
use super::process::Process;
use super::report::{Row, median, quantile};
use super::sink::Sink;

/// One block.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Seconds of processor time per million spans.
    pub cpu: f64,
    /// Spans per second of wall time.
    pub per_second: f64,
    pub peak_mib: f64,
    pub out_of_in: f64,
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub rounds: usize,
    pub lasting: Duration,
    pub connections: usize,
    pub in_flight: usize,
}

impl Job {
    pub fn traffic(self, workload: &Workload) -> Arc<Traffic> {
        let transport = if self.is_http() { Transport::Http } else { Transport::Grpc };
        let encoding = if self.compression() == "gzip" { Encoding::Gzip } else { Encoding::Identity };
        Arc::new(Traffic::new(workload, transport, encoding))
    }
}

/// One workload through all peers in turn: A B C, C B A, and so on.
pub async fn row(workload: &Workload, job: Job, peers: &[Peer], programs: &Programs, plan: Plan) -> Row {
    let traffic = job.traffic(workload);
    let mut measured: Vec<(Peer, Result<Vec<Cost>, String>)> = Vec::new();
    let mut notes = Vec::new();
    for &peer in peers {
        if peer.recipe(job, programs).is_none() {
            continue;
        }
        notes.extend(peer.note(job).map(str::to_owned).filter(|note| !notes.contains(note)));
        let passed = gate::check(peer, job, workload, &traffic, programs).await;
        match &passed {
            Ok(passed) if passed.keeps_unknown_fields == Some(false) => {
                notes.push(format!("{} loses fields that its OTLP does not know.", peer.name()));
            }
            Ok(_) => {}
            Err(reason) => eprintln!("compare: {} is not timed: {reason}", peer.name()),
        }
        measured.push((peer, passed.map(|_| Vec::new())));
    }
    for round in 0..plan.rounds {
        let count = measured.len();
        for turn in 0..count {
            let turn = if round % 2 == 0 { turn } else { count - 1 - turn };
            let (peer, costs) = &mut measured[turn];
            let Ok(done) = costs else { continue };
            match block(*peer, job, &traffic, programs, plan, "32MiB").await {
                Ok(cost) => {
                    eprintln!(
                        "{} {job:?} round {round}: {:<40} {:>8.3} CPU-s/M  {:>7.0} spans/s  {:>5.0} MiB",
                        workload.name,
                        peer.name(),
                        cost.cpu,
                        cost.per_second,
                        cost.peak_mib
                    );
                    done.push(cost);
                }
                Err(reason) => {
                    eprintln!("compare: {} is not timed: {reason}", peer.name());
                    *costs = Err(reason);
                }
            }
        }
    }
    let title = format!("{}: {} ({})", workload.name, workload.about, job.title());
    Row { title, peers: measured, notes }
}

/// Sends to a collector that somebody else has started.
pub async fn drive((workload, job): (&Workload, Job), address: &str, downstream: &str, plan: Plan) {
    let (traffic, sink) = (job.traffic(workload), Sink::at(downstream).await);
    let until = Until::Time(Instant::now() + plan.lasting);
    let sent = keep_sending(&traffic, address, until, plan.connections, plan.in_flight).await;
    let sent = sent.expect("it takes what is sent");
    let arrived = sink.wait_for(sent.spans, PATIENCE).await;
    println!("sent {sent:?}, arrived {arrived:?}");
}

/// One block of one collector in a new process.
pub async fn block(
    peer: Peer,
    job: Job,
    traffic: &Arc<Traffic>,
    programs: &Programs,
    plan: Plan,
    remember: &str,
) -> Result<Cost, String> {
    let sink = Sink::start().await;
    let mut process =
        Process::start(peer, job, programs, &sink.address, remember).ok_or("it cannot do this job")?;
    process.listens(job).await;
    watched(&process, job, &sink, traffic, plan).await
}

/// Warms up, then measures.
pub async fn watched(
    process: &Process,
    job: Job,
    sink: &Sink,
    traffic: &Arc<Traffic>,
    plan: Plan,
) -> Result<Cost, String> {
    let address = process.address(job);
    let mut cost = None;
    for (is_warm, lasting) in [(false, (plan.lasting / 4).max(WARM_UP_MIN)), (true, plan.lasting)] {
        let (before, begun) = (process.cpu(), Instant::now());
        let until = Until::Time(begun + lasting);
        let sent = keep_sending(traffic, address, until, plan.connections, plan.in_flight).await?;
        let arrived = sink.wait_for(sent.spans, PATIENCE).await;
        let took = begun.elapsed();
        let arrived = arrived.map_err(|arrived| format!("{} of {} spans came", arrived.spans, sent.spans))?;
        if arrived.id_sum != sent.id_sum {
            return Err("other spans came than were sent".to_owned());
        }
        let cpu = (process.cpu() - before).as_secs_f64() / sent.spans as f64 * 1e6;
        cost = is_warm.then(|| Cost {
            cpu,
            per_second: sent.spans as f64 / took.as_secs_f64(),
            peak_mib: process.peak_mib(),
            out_of_in: arrived.bytes as f64 / traffic.bytes(sent.requests) as f64,
        });
    }
    cost.ok_or_else(|| "nothing was measured".to_owned())
}

/// Latency at a fixed rate, from when a request was due to when it was in the sink, in µs: median and 99th percentile of
/// each peer, and of no collector at all.
pub async fn latency(peers: &[Peer], programs: &Programs, spans_per_second: f64, plan: Plan) -> String {
    let workload = Workload::named("mixed-50").expect("it is there");
    let sample = &workload.requests()[0];
    let per_second = spans_per_second / workload.spans_per_request as f64;
    let mut all: Vec<(String, Vec<[f64; 3]>)> = vec![("no collector".to_owned(), Vec::new())];
    all.extend(peers.iter().map(|peer| (peer.name().to_owned(), Vec::new())));
    for _ in 0..plan.rounds {
        for (at, (name, figures)) in all.iter_mut().enumerate() {
            let sink = Sink::start().await;
            let mut process = None;
            if let Some(&peer) = at.checked_sub(1).and_then(|at| peers.get(at)) {
                let Some(mut started) = Process::start(peer, Job::Direct, programs, &sink.address, "32MiB")
                else {
                    continue;
                };
                started.listens(Job::Direct).await;
                process = Some(started);
            }
            let address =
                process.as_ref().map_or(sink.address.as_str(), |process| process.address(Job::Direct));
            at_rate(sample, Transport::Grpc, address, per_second, Duration::from_secs(1)).await;
            sink.wait_for(per_second as u64 * workload.spans_per_request, PATIENCE).await.ok();
            sink.note_arrivals();
            let due = at_rate(sample, Transport::Grpc, address, per_second, plan.lasting).await;
            sink.wait_for(due.len() as u64 * workload.spans_per_request, PATIENCE).await.ok();
            let mut late: Vec<f64> = sink
                .arrivals()
                .iter()
                .filter_map(|(number, at)| {
                    let due = due.get(usize::try_from(*number).ok()?.checked_sub(1)?)?;
                    Some(at.saturating_duration_since(*due).as_secs_f64() * 1e6)
                })
                .collect();
            late.sort_by(f64::total_cmp);
            let found = [quantile(&late, 0.5), quantile(&late, 0.99), late.len() as f64 / due.len() as f64];
            eprintln!("latency at {spans_per_second} spans/s: {name}: {found:?}");
            figures.push(found);
        }
    }
    let mut text = format!(
        "### Latency at {:.0} k spans/s, 50 in a request, batching off, µs from due to the sink\n\n| collector | p50 | p99 | added p50 | added p99 |\n|---|---|---|---|---|\n",
        spans_per_second / 1000.0
    );
    let of = |figures: &[[f64; 3]], at: usize| median(&figures.iter().map(|f| f[at]).collect::<Vec<_>>());
    let none = all[0].1.clone();
    for (name, figures) in all.iter().filter(|(_, figures)| !figures.is_empty()) {
        let (p50, p99) = (of(figures, 0), of(figures, 1));
        text += &format!(
            "| {name} | {p50:.0} | {p99:.0} | {:.0} | {:.0} |\n",
            p50 - of(&none, 0),
            p99 - of(&none, 1)
        );
    }
    text
}

/// From the start of the process to the first accepted span, resident memory when nothing happens, size of the program.
pub async fn standing(peers: &[Peer], programs: &Programs, times: usize) -> String {
    let body = Workload::named("mixed-1").expect("it is there").requests()[0].body.clone();
    let mut text = "### Start, idle memory, size\n\n| collector | start to first accepted span, ms (median, most) | idle RSS, MiB | program, MiB |\n|---|---|---|---|\n".to_owned();
    let mut starts: Vec<(Peer, Vec<f64>, f64)> =
        peers.iter().map(|peer| (*peer, Vec::new(), f64::NAN)).collect();
    for round in 0..times {
        for (peer, found, idle) in &mut starts {
            let sink = Sink::start().await;
            let job = if *peer == Peer::EngineBatch { Job::Grpc } else { Job::Direct };
            let started = Process::start(*peer, job, programs, &sink.address, "32MiB");
            let Some(process) =
                started.or_else(|| Process::start(*peer, Job::Grpc, programs, &sink.address, "32MiB"))
            else {
                continue;
            };
            if round == 0 {
                // before anything was sent to it
                tokio::time::sleep(IDLE_FOR).await;
                *idle = process.resident_mib();
                continue;
            }
            if first_accepted(&process.grpc, &body, PATIENCE).await.is_some() {
                found.push(process.started.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    for (peer, mut found, idle) in starts {
        found.sort_by(f64::total_cmp);
        if found.is_empty() {
            continue;
        }
        let size =
            programs.path(peer).and_then(|path| std::fs::metadata(path).ok()).map_or(0, |file| file.len());
        let size = if peer == Peer::Passthrough {
            "–".to_owned()
        } else {
            format!("{:.1}", size as f64 / 1048576.0)
        };
        text += &format!(
            "| {} | {:.1}, {:.1} | {idle:.1} | {size} |\n",
            peer.name(),
            median(&found),
            found.last().copied().unwrap_or_default(),
        );
    }
    text
}

/// Peak memory and processor time at a fixed rate of spans.
pub async fn at_fixed_rate(peers: &[Peer], programs: &Programs, spans_per_second: f64, plan: Plan) -> String {
    let workload = Workload::named("mixed-512").expect("it is there");
    let sample = &workload.requests()[0];
    let per_second = spans_per_second / workload.spans_per_request as f64;
    let mut text = format!(
        "### {:.0} k spans/s, 512 in a request, gRPC\n\n| collector | cores | peak RSS, MiB | resident after 15 s of nothing, MiB |\n|---|---|---|---|\n",
        spans_per_second / 1000.0
    );
    for &peer in peers {
        let sink = Sink::start().await;
        let Some(mut process) = Process::start(peer, Job::Grpc, programs, &sink.address, "32MiB") else {
            continue;
        };
        process.listens(Job::Grpc).await;
        let before = process.cpu();
        let due = at_rate(sample, Transport::Grpc, &process.grpc, per_second, plan.lasting).await;
        let all = sink.wait_for(due.len() as u64 * workload.spans_per_request, PATIENCE).await;
        let cores = (process.cpu() - before).as_secs_f64() / plan.lasting.as_secs_f64();
        let peak = process.peak_mib();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let lost = if all.is_ok() { "" } else { " (and lost spans)" };
        text +=
            &format!("| {}{lost} | {cores:.2} | {peak:.1} | {:.1} |\n", peer.name(), process.resident_mib());
        eprintln!("{}", text.lines().last().unwrap_or_default());
    }
    text
}

/// Much more than the downstream takes, for a minute: peak memory, what was refused, and whether all that was
/// acknowledged arrives.
pub async fn overload(peers: &[Peer], programs: &Programs, lasting: Duration) -> String {
    let workload = Workload::named("mixed-50").expect("it is there");
    let traffic = Job::Grpc.traffic(workload);
    let mut text = format!(
        "### Overload: a downstream that takes {} k spans/s, {} s\n\n| collector | offered, k spans/s | taken | refused, to be sent again | acknowledged and never delivered | peak RSS, MiB | resident 15 s after the last, MiB |\n|---|---|---|---|---|---|---|\n",
        PACE / 1000,
        lasting.as_secs()
    );
    for &peer in peers {
        for times in [2.0, 10.0] {
            let sink = Sink::start().await;
            sink.pace(PACE);
            let started = Process::start(peer, Job::Grpc, programs, &sink.address, "32MiB");
            let Some(mut process) = started else { continue };
            process.listens(Job::Grpc).await;
            let per_second = PACE as f64 * times / workload.spans_per_request as f64;
            let sent = offer(&traffic, &process.grpc, per_second, lasting).await;
            sink.pace(0);
            let arrived = sink.wait_for(sent.spans, PATIENCE).await.unwrap_or_else(|arrived| arrived);
            let (peak, all) = (process.peak_mib(), sent.requests + sent.refused);
            tokio::time::sleep(Duration::from_secs(15)).await;
            text += &format!(
                "| {} | {:.0} | {} of {all} requests | {} | {} spans | {peak:.0} | {:.0} |\n",
                peer.name(),
                (all * workload.spans_per_request) as f64 / lasting.as_secs_f64() / 1000.0,
                sent.requests,
                sent.refused,
                sent.spans.saturating_sub(arrived.spans),
                process.resident_mib()
            );
            eprintln!("{}", text.lines().last().unwrap_or_default());
        }
    }
    text
}

/// What the downstream takes in a second, where it is what is too slow.
const PACE: u64 = 50_000;

impl Job {
    fn title(self) -> &'static str {
        match self {
            Job::Grpc => "gRPC in and out, no compression",
            Job::GrpcGzip => "gRPC in and out, gzip in and out",
            Job::Http => "HTTP in and out, no compression",
            Job::HttpGzip => "HTTP in and out, gzip in and out",
            Job::Direct => "gRPC in and out, no batching",
        }
    }
}

/// How long the last batches may take to arrive.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// By then burgee has looked at as much as it has saved up for when it starts.
const WARM_UP_MIN: Duration = Duration::from_secs(2);
const IDLE_FOR: Duration = Duration::from_secs(10);
