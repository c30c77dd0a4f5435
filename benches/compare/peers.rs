//! Who is compared: what starts each collector, for which job.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    Burgee,
    /// The same once more: how far apart two equals are.
    BurgeeAgain,
    /// tonic's server and client with a codec that leaves messages alone.
    Passthrough,
    Collector,
    Rotel,
    /// The dataflow engine of OpenTelemetry-Arrow, which neither looks at what it passes through nor merges it.
    EngineDirect,
    /// The same, merging bytes.
    EngineBatch,
    /// The same with one attribute inserted.
    EngineAttributes,
}

/// What all of them are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    Grpc,
    GrpcGzip,
    Http,
    HttpGzip,
    /// gRPC, nothing waits for a batch to be full.
    Direct,
}

/// How a collector is started.
pub struct Recipe {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Its configuration; `@CONFIG@` among the arguments stands for the path of the file.
    pub config: Option<&'static str>,
}

impl Peer {
    pub const ALL: [Peer; 8] = [
        Peer::Burgee,
        Peer::BurgeeAgain,
        Peer::Passthrough,
        Peer::EngineDirect,
        Peer::EngineBatch,
        Peer::EngineAttributes,
        Peer::Rotel,
        Peer::Collector,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Peer::Burgee => "burgee",
            Peer::BurgeeAgain => "burgee (A/A)",
            Peer::Passthrough => "tonic passthrough",
            Peer::Collector => "OpenTelemetry Collector",
            Peer::Rotel => "rotel",
            Peer::EngineDirect => "dataflow engine, unbatched",
            Peer::EngineBatch => "dataflow engine, batching bytes",
            Peer::EngineAttributes => "dataflow engine, one attribute inserted",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Peer::Burgee => "burgee",
            Peer::BurgeeAgain => "again",
            Peer::Passthrough => "passthrough",
            Peer::Collector => "collector",
            Peer::Rotel => "rotel",
            Peer::EngineDirect => "engine-direct",
            Peer::EngineBatch => "engine-batch",
            Peer::EngineAttributes => "engine-attributes",
        }
    }

    /// Whether it writes attributes onto evaluations.
    pub fn enriches(self) -> bool {
        matches!(self, Peer::Burgee | Peer::BurgeeAgain | Peer::Collector | Peer::EngineAttributes)
    }

    /// What `install.sh` calls it; `None` for what is here already.
    fn package(self) -> Option<&'static str> {
        match self {
            Peer::Burgee | Peer::BurgeeAgain | Peer::Passthrough => None,
            Peer::Collector => Some("collector"),
            Peer::Rotel => Some("rotel"),
            Peer::EngineDirect | Peer::EngineBatch | Peer::EngineAttributes => Some("dataflow-engine"),
        }
    }

    /// `None` where it has no way to do the job.
    pub fn recipe(self, job: Job, programs: &Programs) -> Option<Recipe> {
        let program = programs.path(self)?.to_owned();
        let configured = |arguments: &[&str], config| {
            let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
            Some(Recipe { program: program.clone(), arguments, config: Some(config) })
        };
        match self {
            Peer::Burgee | Peer::BurgeeAgain => configured(
                &["run", "--config", "@CONFIG@"],
                match job {
                    Job::Grpc | Job::GrpcGzip => include_str!("peers/burgee/grpc.yaml"),
                    Job::Http | Job::HttpGzip => include_str!("peers/burgee/http.yaml"),
                    Job::Direct => include_str!("peers/burgee/direct.yaml"),
                },
            ),
            Peer::Passthrough if matches!(job, Job::Grpc | Job::GrpcGzip) => {
                let compression = if job == Job::GrpcGzip { "gzip" } else { "none" };
                let arguments = ["passthrough", "@IN_GRPC@", "@OUT@", compression];
                Some(Recipe { program, arguments: arguments.map(str::to_owned).into(), config: None })
            }
            Peer::Passthrough => None,
            Peer::Collector => configured(
                &["--config", "@CONFIG@"],
                match job {
                    Job::Grpc | Job::GrpcGzip => include_str!("peers/collector/grpc.yaml"),
                    Job::Http | Job::HttpGzip => include_str!("peers/collector/http.yaml"),
                    Job::Direct => include_str!("peers/collector/direct.yaml"),
                },
            ),
            Peer::Rotel => {
                let arguments = match job {
                    Job::Grpc | Job::GrpcGzip => include_str!("peers/rotel/grpc.args"),
                    Job::Http | Job::HttpGzip => include_str!("peers/rotel/http.args"),
                    Job::Direct => include_str!("peers/rotel/direct.args"),
                };
                let arguments = arguments.lines().map(str::trim).filter(|line| !line.is_empty());
                Some(Recipe { program, arguments: arguments.map(str::to_owned).collect(), config: None })
            }
            Peer::EngineDirect | Peer::EngineBatch | Peer::EngineAttributes => {
                let config = match (self, job) {
                    (Peer::EngineBatch, Job::Grpc | Job::GrpcGzip) => {
                        include_str!("peers/dataflow-engine/grpc-batch.yaml")
                    }
                    (Peer::EngineBatch, Job::Http | Job::HttpGzip) => {
                        include_str!("peers/dataflow-engine/http-batch.yaml")
                    }
                    (Peer::EngineDirect, Job::Grpc | Job::GrpcGzip | Job::Direct) => {
                        include_str!("peers/dataflow-engine/grpc-direct.yaml")
                    }
                    (Peer::EngineAttributes, Job::Grpc | Job::GrpcGzip) => {
                        include_str!("peers/dataflow-engine/grpc-attributes.yaml")
                    }
                    _ => return None,
                };
                configured(&["@CONFIG@"], config)
            }
        }
    }

    /// What to know of its figures.
    pub fn note(self, job: Job) -> Option<&'static str> {
        match self {
            Peer::Rotel if job.compression() == "none" => {
                Some("rotel compresses what it sends whatever it is told: here it does more than the others.")
            }
            Peer::EngineDirect | Peer::EngineBatch => Some(
                "The dataflow engine checks and changes nothing in pass-through, and loses a batch that the downstream refuses \
                 for a moment (it is not in its gate here).",
            ),
            _ => None,
        }
    }

    /// Whether it tries again what the downstream asks for again.
    pub fn retries(self) -> bool {
        !matches!(self, Peer::EngineDirect | Peer::EngineBatch | Peer::EngineAttributes)
    }
}

impl Job {
    pub fn compression(self) -> &'static str {
        if matches!(self, Job::GrpcGzip | Job::HttpGzip) { "gzip" } else { "none" }
    }

    pub fn is_http(self) -> bool {
        matches!(self, Job::Http | Job::HttpGzip)
    }
}

/// Where the programs are; those that could not be installed are missing.
pub struct Programs(HashMap<Option<&'static str>, PathBuf>);

impl Programs {
    /// Installs what is not there yet. `BURGEE` is another binary than the one just built.
    pub fn of(peers: &[Peer]) -> Programs {
        let mut found = HashMap::new();
        for package in peers.iter().filter_map(|peer| peer.package()) {
            if found.contains_key(&Some(package)) {
                continue;
            }
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare/install.sh");
            let output = Command::new(script).arg(package).stderr(std::process::Stdio::inherit()).output();
            match output {
                Ok(output) if output.status.success() => {
                    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                    found.insert(Some(package), PathBuf::from(path));
                }
                _ => eprintln!("compare: SKIPPED {package}: it could not be installed"),
            }
        }
        Programs(found)
    }

    pub fn path(&self, peer: Peer) -> Option<PathBuf> {
        match peer {
            Peer::Burgee => Some(burgee("BURGEE")),
            Peer::BurgeeAgain => Some(burgee("BURGEE_AGAIN")),
            Peer::Passthrough => std::env::current_exe().ok(),
            _ => self.0.get(&peer.package()).cloned(),
        }
    }
}

/// The one just built, or the one that a variable names, to compare two builds.
fn burgee(variable: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| env!("CARGO_BIN_EXE_burgee").into(), PathBuf::from)
}
