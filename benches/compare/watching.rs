//! burgee that looks at nothing, that remembers, and that somebody watches.

use super::corpus::Workload;
use super::measure::{Plan, watched};
use super::peers::{Job, Peer, Programs};
use super::process::Process;
use super::report::median;
use super::sink::Sink;

/// All in turn, as ratios to the first within the round.
pub async fn table(programs: &Programs, plan: Plan) -> String {
    const KINDS: [(&str, &str); 4] = [
        ("looks at nothing", "0"),
        ("looks at nothing, again", "0"),
        ("remembers", "32MiB"),
        ("is watched", "32MiB"),
    ];
    let workload = Workload::named("mixed-50").expect("it is there");
    let traffic = Job::Grpc.traffic(workload);
    let mut ratios = [const { Vec::new() }; KINDS.len()];
    for round in 0..plan.rounds {
        let mut costs = [f64::NAN; KINDS.len()];
        for turn in 0..KINDS.len() {
            let kind = (turn + round) % KINDS.len();
            let (name, remember) = KINDS[kind];
            let sink = Sink::start().await;
            let process = Process::start(Peer::Burgee, Job::Grpc, programs, &sink.address, remember);
            let mut process = process.expect("burgee is here");
            process.listens(Job::Grpc).await;
            let watcher = (kind == 3).then(|| tokio::spawn(watch(process.admin.clone())));
            match watched(&process, Job::Grpc, &sink, &traffic, plan).await {
                Ok(cost) => {
                    eprintln!("round {round}: {name:<24} {:.3} CPU-s per million spans", cost.cpu);
                    costs[kind] = cost.cpu;
                }
                Err(reason) => panic!("burgee, which {name}: {reason}"),
            }
            if let Some(watcher) = watcher {
                watcher.abort();
            }
        }
        (0..KINDS.len()).for_each(|kind| ratios[kind].push(costs[kind] / costs[0]));
    }
    let mut text =
        "### What it costs to look: mixed-50\n\n| burgee | ÷ looks at nothing, round by round |\n|---|---|\n"
            .to_owned();
    for ((name, _), ratios) in KINDS.iter().zip(&ratios).skip(1) {
        let shown: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.3}")).collect();
        text += &format!("| {name} | **{:.3}** of {} |\n", median(ratios), shown.join(" "));
    }
    text
}

/// Asks for what the page shows, once a second, for ever.
async fn watch(admin: String) {
    let mut after = 0;
    loop {
        for path in
            ["/api/overview".to_owned(), format!("/api/evaluations?after={after}"), "/api/flags".to_owned()]
        {
            let answer = get(&admin, &path).await;
            if let Some((_, rest)) = answer.split_once("\"last\":") {
                after = rest.split(',').next().and_then(|last| last.parse().ok()).unwrap_or(after);
            }
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

async fn get(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return String::new() };
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut answer = Vec::new();
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_end(&mut answer).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}
