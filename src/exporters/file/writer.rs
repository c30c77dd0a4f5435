//! One file, open for as long as it is the one at its path.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::folder_of;
use super::rotation::Rotation;

/// What the configuration says about the file.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub path: PathBuf,
    /// Nothing that is there is removed.
    pub append: bool,
    /// Records are lines.
    pub lines: bool,
    pub rotation: Option<Rotation>,
    /// The folder is created, with these permissions.
    pub create_directory: Option<u32>,
}

/// Writes whole records.
pub(super) struct Writer {
    settings: Settings,
    open: Option<Open>,
}

struct Open {
    file: File,
}

/// What could not be done with a file.
#[derive(Debug, thiserror::Error)]
pub(super) struct WriteError {
    what: &'static str,
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be {}: {}", self.path.display(), self.what, self.cause)
    }
}

impl Writer {
    pub fn new(settings: Settings) -> Writer {
        Writer { settings, open: None }
    }

    /// Writes a record to its end, or leaves none of it behind. May block.
    pub fn write(&mut self, record: &[u8], now: SystemTime) -> Result<(), WriteError> {
        let path = self.settings.path.clone();
        let failed = |what| move |cause| WriteError { what, path: path.clone(), cause };
        if self.open.as_ref().is_some_and(|open| !open.is_at(&self.settings.path)) {
            // somebody has moved or removed it, as logrotate does: from here on it is another file
            self.open = None;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::new(&self.settings).map_err(failed.clone()("opened"))?,
        };
        if let Some(rotation) = &self.settings.rotation {
            let length = record.len() as u64;
            let there = open.length().map_err(failed.clone()("looked at"))?;
            if there > 0 && there.saturating_add(length) > rotation.bytes_max {
                drop(open);
                rotation.rotate(&self.settings.path, now).map_err(failed.clone()("rotated"))?;
                open = Open::new(&self.settings).map_err(failed.clone()("opened"))?;
            }
        }
        open.append(record).map_err(failed("written to"))?;
        self.open = Some(open);
        Ok(())
    }
}

impl Open {
    fn new(settings: &Settings) -> io::Result<Open> {
        let path = &settings.path;
        if let Some(permissions) = settings.create_directory {
            create_folder(folder_of(path), permissions)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_PERMISSIONS);
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        let open = Open { file };
        let first = OPENED.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        if first && !settings.append && metadata.is_file() {
            open.file.set_len(0)?;
        } else if settings.lines && metadata.is_file() && ends_within_a_line(path, metadata.len())? {
            // what a crash or a full disk has left of a record is a line of its own: it does not spoil the next
            (&open.file).write_all(b"\n")?;
        }
        Ok(open)
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let before = self.length()?;
        let written = self.file.write_all(record);
        if written.is_err() {
            // half a record would spoil the next; what is no regular file cannot be shortened
            let _ = self.file.set_len(before);
        }
        written
    }

    /// Looked up each time: after a reload, the exporter of before may still write to the same file.
    fn length(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    #[cfg(unix)]
    fn is_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let (Ok(own), Ok(there)) = (self.file.metadata(), fs::metadata(path)) else { return false };
        (own.dev(), own.ino()) == (there.dev(), there.ino())
    }

    #[cfg(not(unix))]
    fn is_at(&self, path: &Path) -> bool {
        path.exists()
    }
}

/// A file that may be written to and not read is taken as it is.
fn ends_within_a_line(path: &Path, length: u64) -> io::Result<bool> {
    let Some(last) = length.checked_sub(1) else { return Ok(false) };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
        opened => opened?,
    };
    let mut byte = [0];
    file.seek(SeekFrom::Start(last))?;
    file.read_exact(&mut byte)?;
    Ok(byte != *b"\n")
}

fn create_folder(folder: &Path, permissions: u32) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, permissions);
    #[cfg(not(unix))]
    let _ = permissions;
    builder.create(folder)
}

/// As in the Collector: what is in it concerns nobody else.
#[cfg(unix)]
const FILE_PERMISSIONS: u32 = 0o600;

/// The paths that this process has opened: a reload of the configuration does not truncate what it has written itself.
/// As many as the configurations have named.
static OPENED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
