#![doc = include_str!("README.md")]

mod rotation;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use self::rotation::Rotation;
use self::writer::{Settings, Writer};
use super::packing::Packer;
use super::{
    BodyFormat, Built, Compression, CompressionParams, Notes, Problem, QueueKeys, RetryKeys, Unused,
    downstream,
};
use crate::component::{Batch, Exporter, Outcome, QueueConfig, RequestLimit, RetryConfig};
use crate::otlp::answer::Answer;
use crate::otlp::compression::Encoding;
use crate::values::{self, Block};

/// The keys of `file`. Defaults: those of the OpenTelemetry Collector's contributed exporter of 2026.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Required. One file for all signals.
    pub path: String,
    /// `json`: OTLP/JSON, a request on a line. `proto`: length and bytes.
    pub format: BodyFormat,
    /// What is in the file when burgee starts stays there.
    pub append: bool,
    /// Of every request by itself: `zstd` or `none`.
    pub compression: Compression,
    /// How hard it tries.
    pub compression_params: CompressionParams,
    /// Begins a new file; off unless it is given.
    pub rotation: Block<RotationKeys>,
    /// Kept by writing every batch through at once.
    pub flush_interval: values::Duration,
    /// Creates the folder of the file.
    pub create_directory: bool,
    /// In octal, of a folder that is created.
    pub directory_permissions: String,
    /// Not in burgee: an error.
    pub encoding: Unused,
    /// Not in burgee: an error.
    pub group_by: GroupBy,
    /// burgee's own. Left out: one consumer.
    pub sending_queue: Option<QueueKeys>,
    /// burgee's own. Left out: tried again for ever.
    pub retry_on_failure: Option<RetryKeys>,
}

/// What may stand under `rotation`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RotationKeys {
    /// Of one file.
    pub max_megabytes: u64,
    /// How long files are kept that were rotated away. 0: as long as there are no more than `max_backups`.
    pub max_days: u64,
    /// How many are kept. 0: all.
    pub max_backups: usize,
    /// Without effect, with a warning: names are in UTC.
    pub localtime: bool,
}

/// What may stand under `group_by`. There is no such thing in burgee.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GroupBy {
    pub enabled: bool,
    pub resource_attribute: Unused,
    pub max_open_files: Unused,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            path: String::new(),
            format: BodyFormat::Json,
            append: false,
            compression: Compression::None,
            compression_params: CompressionParams::default(),
            rotation: Block::OFF,
            flush_interval: values::Duration::from_secs(1),
            create_directory: false,
            directory_permissions: "0755".to_owned(),
            encoding: None,
            group_by: GroupBy::default(),
            sending_queue: None,
            retry_on_failure: None,
        }
    }
}

impl Default for RotationKeys {
    fn default() -> Self {
        RotationKeys { max_megabytes: 100, max_days: 0, max_backups: 100, localtime: false }
    }
}

/// Touches no file yet: that is done when there is something to write.
///
/// # Errors
/// Every key that is wrong.
pub fn build(config: &Config) -> Result<Built, Vec<Problem>> {
    let mut notes = Notes::default();
    let queue = match &config.sending_queue {
        Some(keys) => keys.build(&mut notes),
        None => QueueConfig { num_consumers: 1, ..QueueConfig::default() },
    };
    let queue = QueueConfig { request: RequestLimit::NONE, ..queue };
    let retry = match &config.retry_on_failure {
        Some(keys) => keys.build(&mut notes),
        None => RetryConfig { max_elapsed_time: Duration::ZERO, ..RetryConfig::default() },
    };
    let known = [Compression::Zstd, Compression::None];
    let packer = config.compression.build(&config.compression_params, config.format, &known, &mut notes);
    config.note_combinations(&mut notes);
    let settings = config.settings(&mut notes);
    let warnings = notes.settle()?;
    let packer = packer.expect("without one there is a problem");
    let writer = Arc::new(Mutex::new(Writer::new(settings)));
    Ok(Built { exporter: Arc::new(File { packer, writer }), queue, retry, warnings, unserved: Vec::new() })
}

impl Config {
    fn note_combinations(&self, notes: &mut Notes) {
        let mut wrong = |key: &'static str, message: &str, help: &str| {
            notes.problems.push(Problem::new(&[key], message).with_help(help));
        };
        if self.append && self.rotation.is_some() {
            wrong(
                "append",
                "cannot be combined with rotation",
                "leave append out: rotation never truncates a file",
            );
        }
        if self.append && self.compression != Compression::None {
            wrong("append", "cannot be combined with compression", "leave one of them out");
        }
        if self.flush_interval.get().is_zero() {
            wrong(
                "flush_interval",
                "must be positive",
                "leave it out: every batch is written through at once",
            );
        }
        if self.encoding.is_some() {
            wrong(
                "encoding",
                "names an extension, and burgee has none for this",
                "use format: json or proto",
            );
        }
        if self.group_by.enabled {
            let message = "is not in burgee: what telemetry says never decides which file is written";
            wrong(
                "group_by",
                message,
                "remove it; a pipeline with a filter and an exporter of its own does the same",
            );
        }
        for (key, value) in [
            ("resource_attribute", self.group_by.resource_attribute),
            ("max_open_files", self.group_by.max_open_files),
        ] {
            if value.is_some() && !self.group_by.enabled {
                notes.warnings.push(Problem::unused(&["group_by", key]));
            }
        }
        if self.rotation.as_ref().is_some_and(|keys| keys.localtime) {
            let warning = Problem::new(&["rotation", "localtime"], "has no effect: names are in UTC");
            notes.warnings.push(warning);
        }
    }

    fn settings(&self, notes: &mut Notes) -> Settings {
        let path = PathBuf::from(self.path.trim());
        if path.as_os_str().is_empty() {
            let problem = Problem::new(&["path"], "is missing: an exporter has to know where to write");
            notes.problems.push(problem.with_help("try \"/var/log/otel/telemetry.jsonl\""));
        } else if path.is_dir() || self.path.ends_with('/') {
            let problem = Problem::new(&["path"], format!("\"{}\" is a folder", self.path));
            notes.problems.push(problem.with_help("name a file in it"));
        } else if !self.create_directory && !folder_of(&path).is_dir() {
            let message = format!("\"{}\" is in a folder that is not there", self.path);
            let warning = Problem::new(&["path"], message);
            notes.warnings.push(warning.with_help("create it, or set create_directory: true"));
        }
        let permissions =
            u32::from_str_radix(&self.directory_permissions, 8).ok().filter(|mode| *mode <= 0o7777);
        if permissions.is_none() {
            let message = format!("\"{}\" is no octal number", self.directory_permissions);
            notes.problems.push(Problem::new(&["directory_permissions"], message).with_help("try \"0755\""));
        }
        let rotation = self.rotation.as_ref().map(|keys| {
            if keys.max_megabytes == 0 {
                let problem = Problem::new(&["rotation", "max_megabytes"], "must be positive");
                notes.problems.push(problem.with_help("leave it out for 100"));
            }
            Rotation {
                bytes_max: keys.max_megabytes.saturating_mul(1 << 20),
                kept_for: (keys.max_days > 0).then(|| Duration::from_secs(keys.max_days.saturating_mul(DAY))),
                backups_max: (keys.max_backups > 0).then_some(keys.max_backups),
            }
        });
        Settings {
            path,
            append: self.append || rotation.is_some(),
            lines: self.format == BodyFormat::Json && self.compression == Compression::None,
            rotation,
            create_directory: self.create_directory.then(|| permissions.unwrap_or(0o755)),
        }
    }
}

/// Writes batches to a file, one after the other.
struct File {
    packer: Packer,
    writer: Arc<Mutex<Writer>>,
}

impl Exporter for File {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Outcome> {
        // a disk that hangs holds one thread beside the runtime, and this future only as long as any try may take
        let writing = timeout(WRITE_TIMEOUT, self.write(batch));
        let hangs = || downstream::retry("the disk did not answer within 30 s".to_owned());
        writing.map(move |written| written.unwrap_or_else(|_| hangs())).boxed()
    }
}

impl File {
    async fn write(&self, batch: &Batch) -> Outcome {
        let (signal, payloads) = (batch.signal(), batch.payloads().cloned().collect::<Vec<_>>());
        let packer = self.packer;
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let writing = tokio::task::spawn_blocking(move || {
            let Some(record) = record(packer, packer.body(signal, &payloads)) else {
                return Answer::TooLarge { message: "a record ends at 4 GiB".to_owned() };
            };
            match writer.write(&record, SystemTime::now()) {
                Ok(()) => Outcome::Accepted,
                Err(error) => downstream::retry(error.to_string()),
            }
        });
        writing
            .await
            .unwrap_or_else(|_| downstream::retry("the runtime ended while a batch was written".to_owned()))
    }
}

/// One request as it stands in the file: a line of JSON, or else its length in four bytes, the highest first, and its
/// bytes.
fn record(packer: Packer, mut body: Vec<u8>) -> Option<Vec<u8>> {
    if packer.format == BodyFormat::Json && packer.encoding == Encoding::Identity {
        body.push(b'\n');
        return Some(body);
    }
    let length = u32::try_from(body.len()).ok()?;
    Some([&length.to_be_bytes()[..], &body].concat())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests;
