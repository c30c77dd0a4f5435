//! A collector in a process of its own, measured from outside.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::time::ClockId;
use nix::unistd::Pid;

use super::peers::{Job, Peer, Programs};

/// Killed when dropped.
pub struct Process {
    child: Child,
    clock: ClockId,
    pub grpc: String,
    pub http: String,
    /// burgee's page.
    pub admin: String,
    pub started: Instant,
    _folder: tempfile::TempDir,
}

impl Process {
    /// Starts `peer` in front of `out`. It need not listen yet.
    pub fn start(peer: Peer, job: Job, programs: &Programs, out: &str, remember: &str) -> Option<Process> {
        let recipe = peer.recipe(job, programs)?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [grpc, http, admin] = free_ports();
        let fill = |text: &str| {
            text.replace("@IN_GRPC@", &grpc)
                .replace("@IN_HTTP@", &http)
                .replace("@ADMIN@", &admin)
                .replace("@OUT@", out)
                .replace("@REMEMBER@", remember)
                .replace("@COMPRESSION@", job.compression())
        };
        let config = folder.path().join("config.yaml");
        if let Some(text) = recipe.config {
            std::fs::write(&config, fill(text)).expect("written");
        }
        let config = config.to_str().expect("a path of plain letters");
        let arguments = recipe.arguments.iter().map(|argument| fill(argument).replace("@CONFIG@", config));
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let started = Instant::now();
        let child = Command::new(recipe.program)
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .env("NO_COLOR", "1")
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", peer.name()));
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("pids are small"));
        let clock = nix::time::clock_getcpuclockid(pid).expect("it runs");
        Some(Process { child, clock, grpc, http, admin, started, _folder: folder })
    }

    /// Waits until it takes connections.
    pub async fn listens(&mut self, job: Job) {
        let address = self.address(job).to_owned();
        let end = Instant::now() + START_WITHIN;
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("it ended with {status}: {}", self.log());
            }
            assert!(Instant::now() < end, "nothing listens on {address}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub fn address(&self, job: Job) -> &str {
        if job.is_http() { &self.http } else { &self.grpc }
    }

    /// User and system time of all threads so far.
    pub fn cpu(&self) -> Duration {
        self.clock.now().expect("it runs").into()
    }

    /// MiB.
    pub fn peak_mib(&self) -> f64 {
        self.memory("VmHWM:")
    }

    /// MiB.
    pub fn resident_mib(&self) -> f64 {
        self.memory("VmRSS:")
    }

    fn memory(&self, field: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(field)).expect("Linux says so");
        let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
        kib / 1024.0
    }

    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self._folder.path().join("log")).unwrap_or_default();
        log.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it was measured; how it ends does not matter here
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not every collector can say on which port it listens, so it is told one that was free a moment ago.
fn free_ports() -> [String; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    listeners.map(|listener| listener.local_addr().as_ref().map(SocketAddr::to_string).expect("bound"))
}

const START_WITHIN: Duration = Duration::from_secs(30);
