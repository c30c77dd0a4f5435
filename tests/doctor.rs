//! What the doctor finds in traffic: every `traffic.yaml` of `tests/doctor/` is replayed to a collector over real
//! sockets, and raises what it says and no other warning. `FIXTURE=X01 cargo test --test doctor -- --nocapture` replays
//! those with `X01` in their name and prints all that is found.

#[expect(dead_code, reason = "other tests are wrong in more ways")]
#[path = "support/sender.rs"]
mod sender;
#[expect(dead_code, reason = "the command line's tests need more of it")]
mod support;
#[path = "support/traffic/mod.rs"]
mod traffic;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burgee::doctor::{Finding, Severity, catalogue};
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use traffic::fixture::Fixture;
use traffic::{POLL, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn every_fixture_raises_what_it_says_and_no_other_warning() {
    let only = std::env::var("FIXTURE").unwrap_or_default();
    let folders = fixtures().into_iter().filter(|folder| name(folder).contains(&only));
    let runs: Vec<Run> = stream::iter(folders).map(run).buffered(AT_ONCE).collect().await;
    let mut table = String::new();
    let (mut ids, mut healthy, mut alarms, mut failed) = (BTreeSet::new(), 0, 0, Vec::new());
    for run in runs {
        match &run.outcome {
            Ok(after) if run.ids.is_empty() => {
                healthy += 1;
                table += &format!("{:4} {:52} nothing, as it should be ({after:.1} s)\n", "-", run.name);
            }
            Ok(after) => {
                ids.extend(run.ids.iter().cloned());
                let listed = run.ids.join(" ");
                table += &format!("{listed:4} {:52} raised after {after:.1} s\n", run.name);
            }
            Err(why) => {
                alarms += usize::from(run.ids.is_empty());
                healthy += usize::from(run.ids.is_empty());
                table += &format!("{:4} {:52} FAILED\n", run.ids.join(" "), run.name);
                failed.push(format!("{}: {why}", run.name));
            }
        }
    }
    let wanted: Vec<&str> = catalogue::entries().map(|entry| entry.id).filter(shows).collect();
    let found = wanted.iter().filter(|id| ids.contains(**id)).count();
    println!("{table}recall {found} of {}, false alarms {alarms} on {healthy} healthy runs", wanted.len());
    assert!(failed.is_empty(), "\n{}", failed.join("\n\n"));
    assert!(!only.is_empty() || found == wanted.len(), "recall {found} of {}", wanted.len());
}

#[test]
fn every_finding_of_the_catalogue_has_a_fixture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor");
    let folders: Vec<PathBuf> =
        fs::read_dir(root).expect("tests/doctor").map(|entry| entry.expect("an entry").path()).collect();
    let mut without = Vec::new();
    for entry in catalogue::entries() {
        let is_of = |folder: &&PathBuf| {
            name(folder).starts_with(&format!("{}-", entry.id))
                && ["traffic.yaml", "expect.txt"].iter().any(|file| folder.join(file).is_file())
        };
        let mut names: Vec<String> = folders.iter().filter(is_of).map(|folder| name(folder)).collect();
        names.sort();
        names.extend(BY_THE_COMMAND.contains(&entry.id).then(|| "a test of the command".to_owned()));
        println!("{} {}", entry.id, names.join(", "));
        if names.is_empty() {
            without.push(entry.id);
        }
    }
    assert!(without.is_empty(), "without a fixture: {without:?}");
}

#[tokio::test]
async fn what_takes_cors_headers_away_is_found_by_asking_as_a_browser_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = support::file(folder.path(), "burgee.yaml", WITH_CORS);
    let mut burgee = support::start(&["run", "--config", &config]);
    let http = burgee.listening("OTLP").await;
    let admin = burgee.listening("admin").await.to_string();
    let ask = async |endpoint: SocketAddr| {
        let endpoint = format!("http://{endpoint}");
        let origin = ["--origin", "https://shop.example", "--endpoint", &endpoint];
        support::run(&[&["doctor", "--admin", &admin][..], &origin].concat()).await
    };
    let straight = ask(http).await;
    assert!(
        straight.out.contains("preflight and POST agree") && !straight.out.contains("C05"),
        "{straight:?}"
    );
    for (post, says) in [("", "and not in the one to POST"), (TWICE, "more than one")] {
        let proxy = careless_proxy(post).await;
        let through = ask(proxy).await;
        assert!(through.out.contains("C05") && through.out.contains(says), "{through:?}");
        assert_eq!(through.code, Some(2));
    }
}

/// Answers a preflight as burgee does, and a POST with these headers.
async fn careless_proxy(post: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut asked = Vec::new();
            while !asked.windows(4).any(|window| window == b"\r\n\r\n")
                && matches!(socket.read_buf(&mut asked).await, Ok(1..))
            {}
            let headers = if asked.starts_with(b"OPTIONS") { PREFLIGHT } else { post };
            let answer =
                format!("HTTP/1.1 200 OK\r\n{headers}connection: close\r\ncontent-length: 0\r\n\r\n");
            // whoever asks may have gone
            let _gone = socket.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// Whether traffic or burgee itself can show it; the others are in files, or the command asks for them.
fn shows(id: &&str) -> bool {
    !BY_FILES.contains(id) && !BY_THE_COMMAND.contains(id)
}

struct Run {
    name: String,
    ids: Vec<String>,
    /// After how many seconds it was as it should be, those included that were not waited for; or what was there.
    outcome: Result<f64, String>,
}

/// Replays one, and says of one that breaks down which it was.
async fn run(folder: PathBuf) -> Run {
    let name = name(&folder);
    let replayed = tokio::spawn(replay(folder)).await;
    replayed.unwrap_or_else(|broken| Run { name, ids: Vec::new(), outcome: Err(broken.to_string()) })
}

async fn replay(folder: PathBuf) -> Run {
    let name = name(&folder);
    let fixture = Fixture::read(&folder.join("traffic.yaml"));
    let is_healthy = name.starts_with("healthy-");
    assert_eq!(is_healthy, fixture.raises.is_empty(), "{name}");
    assert!(is_healthy || fixture.raises.iter().any(|id| name.starts_with(&format!("{id}-"))), "{name}");
    let mut scene = Scene::of(&fixture).await;
    let begun = Instant::now();
    scene.play(&fixture.steps).await;
    scene.all_seen().await;
    let outcome = match is_healthy {
        true => stays_well(&scene, &fixture, begun).await,
        false => finds(&scene, &fixture, begun).await,
    };
    Run { name, ids: fixture.raises, outcome }
}

/// Looks until there is what should be, and looks once more.
async fn finds(scene: &Scene, fixture: &Fixture, begun: Instant) -> Result<f64, String> {
    let (raises, grave) = (set(&fixture.raises), |id: &String| is_grave(id));
    let expected: BTreeSet<String> =
        raises.iter().chain(&set(&fixture.also)).filter(|id| grave(id)).cloned().collect();
    let mut as_it_should_be = 0;
    let mut after = 0.0;
    loop {
        let found = scene.examine(fixture.later());
        let ids: BTreeSet<String> = found.iter().map(|finding| finding.id.to_owned()).collect();
        let is_graver: BTreeSet<String> = ids.iter().filter(|id| grave(id)).cloned().collect();
        let says = found
            .iter()
            .any(|finding| finding.id == fixture.raises[0] && finding.evidence.contains(&fixture.evidence));
        if is_graver == expected && raises.is_subset(&ids) && says {
            if as_it_should_be == 0 {
                after = (begun.elapsed() + fixture.later()).as_secs_f64();
            }
            as_it_should_be += 1;
        } else {
            as_it_should_be = 0;
        }
        if as_it_should_be == 2 {
            if std::env::var_os("FIXTURE").is_some() {
                println!("{}", shown(&found));
            }
            return Ok(after);
        }
        if begun.elapsed() > DEADLINE {
            return Err(format!(
                "expected {raises:?} and no warning beside {expected:?}, found\n{}",
                shown(&found)
            ));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Looks several times, at once and later.
async fn stays_well(scene: &Scene, fixture: &Fixture, begun: Instant) -> Result<f64, String> {
    for later in [Duration::ZERO, fixture.later(), fixture.later(), LATER] {
        let found = scene.examine(later);
        if std::env::var_os("FIXTURE").is_some() {
            println!("{later:?}\n{}", shown(&found));
        }
        let is_expected = |finding: &Finding| fixture.also.iter().any(|id| id == finding.id);
        if found.iter().any(|finding| finding.severity > Severity::Info && !is_expected(finding)) {
            return Err(format!("expected no warning, found\n{}", shown(&found)));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn shown(found: &[Finding]) -> String {
    let lines = found
        .iter()
        .map(|finding| format!("  {} {} {}\n", finding.id, finding.severity.name(), finding.evidence));
    lines.collect()
}

fn is_grave(id: &str) -> bool {
    catalogue::entry(id).unwrap_or_else(|| panic!("{id} is not in the catalogue")).severity > Severity::Info
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}

fn name(folder: &Path) -> String {
    folder.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned()
}

/// Every folder with traffic.
fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor");
    let entries = fs::read_dir(folder).expect("tests/doctor");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|folder| folder.join("traffic.yaml").is_file());
    folders.sort();
    folders
}

/// Enough for every finding; most come within ten seconds, those included for which traces have to be whole.
const DEADLINE: Duration = Duration::from_secs(100);
/// Collectors that run at the same time.
const AT_ONCE: usize = 6;
/// A look at a healthy one when it has been so for a while, and before what was seen is too old.
const LATER: Duration = Duration::from_secs(100);
/// What only files can show.
const BY_FILES: [&str; 6] = ["N04", "N05", "N06", "N07", "P06", "P07"];
/// What only the command can show, by asking.
const BY_THE_COMMAND: [&str; 1] = ["C05"];

const WITH_CORS: &str = "
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0', cors: {allowed_origins: ['https://shop.example']}}}}
exporters: {nop: }
extensions: {admin: {endpoint: '127.0.0.1:0'}}
service: {extensions: [admin]}
";
const PREFLIGHT: &str = "access-control-allow-origin: https://shop.example\r\naccess-control-allow-methods: POST\r\naccess-control-allow-headers: content-type\r\n";
const TWICE: &str = "access-control-allow-origin: https://shop.example\r\naccess-control-allow-origin: *\r\n";
