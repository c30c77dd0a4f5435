//! Definitions from a file, read anew when it changes.
//!
//! The file is looked at, not watched: a look is one `stat` a second, and notices what notifications of the system
//! do not on network file systems and in containers' bind mounts. A file counts as changed when two looks in a row saw
//! the same new state, so that one which is being written is not read in halves.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::super::BuildError;
use super::{Failure, Keeper};
use crate::config::{self, Problem};
use crate::flags::definitions::{Definitions, FILE_BYTES_MAX, ParseError, Syntax};

/// Definitions, and the state of the file that they are from.
#[derive(Debug)]
pub(super) struct Loaded {
    pub definitions: Definitions,
    pub stamp: Stamp,
}

/// What tells one state of a file from another; an error is a state, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Result<State, io::ErrorKind>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    modified: Option<SystemTime>,
    bytes: u64,
    /// Device, inode, and when the inode changed: another file under the same name, and what pretends to be old.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

/// Why a file brings no definitions.
#[derive(Debug)]
pub(super) enum LoadError {
    /// It cannot be read.
    Io(io::Error),
    /// It is no flag file; where is known.
    Broken(Box<Problem>),
}

/// Reads the file. The stamp is taken before, so that a change meanwhile is seen as one.
pub(super) fn load(path: &Path) -> Result<Loaded, LoadError> {
    let stamp = Stamp::of(path);
    let text = read(path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let definitions =
        Definitions::parse(text, Syntax::of(path)).map_err(|error| problem(path, text, &error))?;
    Ok(Loaded { definitions, stamp })
}

fn read(path: &Path) -> Result<String, LoadError> {
    // what is no file may have no end, or not even a beginning
    if !path.metadata().map_err(LoadError::Io)?.is_file() {
        return Err(LoadError::Io(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
    }
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(LoadError::Io)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let message = "this byte is not UTF-8; save the file as UTF-8".to_owned();
        problem(path, &text, &ParseError { at: Some(valid..valid), message })
    })
}

fn problem(path: &Path, text: &str, error: &ParseError) -> LoadError {
    let name = path.display().to_string();
    LoadError::Broken(Box::new(match &error.at {
        Some(at) => Problem::error(&error.message).at(config::Source::new(name, text).place(at.clone())),
        None => Problem::error(format!("{name}: {error}")),
    }))
}

impl LoadError {
    pub fn at_start(self, path: &Path) -> BuildError {
        match self {
            LoadError::Broken(problem) => BuildError::File(problem),
            LoadError::Io(error) => {
                let mut message = format!("\"{}\" cannot be read: {error}", path.display());
                if let (true, Ok(folder)) = (path.is_relative(), std::env::current_dir()) {
                    message.push_str(&format!(" (looked for it in {})", folder.display()));
                }
                BuildError::Setting { path: &["definitions", "file"], message }
            }
        }
    }
}

impl LoadError {
    fn failure(&self, path: &Path) -> Failure {
        match self {
            LoadError::Io(error) => {
                Failure::Unreachable(config::escape(&format!("{}: {error}", path.display())).into_owned())
            }
            LoadError::Broken(problem) => Failure::Broken(problem.to_string()),
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> Stamp {
        Stamp(path.metadata().map(|metadata| State::of(&metadata)).map_err(|error| error.kind()))
    }
}

impl State {
    fn of(metadata: &Metadata) -> State {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        State {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
            #[cfg(unix)]
            inode: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Looks at the file for ever; `known` is the state that is in force.
pub(super) async fn watch(path: PathBuf, mut known: Stamp, every: Duration, mut keeper: Keeper) {
    let mut pending = None;
    loop {
        tokio::time::sleep(every).await;
        let look = path.clone();
        let Some(seen) = aside(move || Stamp::of(&look)).await else { return };
        if seen == known {
            pending = None;
        } else if pending.as_ref() != Some(&seen) {
            pending = Some(seen);
        } else {
            pending = None;
            let file = path.clone();
            let Some(loaded) = aside(move || load(&file)).await else { return };
            match loaded {
                Ok(Loaded { definitions, stamp }) => {
                    known = stamp;
                    keeper.take(definitions);
                }
                Err(error) => {
                    // One that is no flag file, or is not there, stays so until it changes. One that could be looked at
                    // but not read (no file descriptor is left, the disk fails) is tried again.
                    if matches!(error, LoadError::Broken(_)) || seen.0.is_err() {
                        known = seen;
                    }
                    keeper.fail(error.failure(&path));
                }
            }
        }
    }
}

/// Does what may wait for a disk on another thread; a panic there is one here, after which the task is started anew.
/// `None` if the runtime ends.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
