//! When a file is full, and which of the old ones are kept.
//!
//! Names are those of the Collector (and of lumberjack, which it uses): `telemetry-2026-01-05T10-00-00.000.jsonl`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The key `rotation`, checked.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    pub bytes_max: u64,
    pub kept_for: Option<Duration>,
    pub backups_max: Option<usize>,
}

impl Rotation {
    /// Moves the file out of the way, and removes what is too old or too much.
    pub fn rotate(&self, path: &Path, now: SystemTime) -> io::Result<()> {
        let mut at = now;
        let mut backup = name(path, at);
        while backup.exists() {
            at += Duration::from_millis(1);
            backup = name(path, at);
        }
        fs::rename(path, backup)?;
        self.prune(path, now)
    }

    fn prune(&self, path: &Path, now: SystemTime) -> io::Result<()> {
        let mut backups = backups(path)?;
        // names in the order of time are in the order of the alphabet
        backups.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = self.kept_for.and_then(|kept_for| now.checked_sub(kept_for)).map(|at| name(path, at));
        for (newer, backup) in backups.iter().enumerate() {
            let too_many = self.backups_max.is_some_and(|max| newer >= max);
            let too_old = oldest.as_ref().is_some_and(|oldest| backup < oldest);
            if too_many || too_old {
                fs::remove_file(backup)?;
            }
        }
        Ok(())
    }
}

/// Where the file goes when it is rotated.
fn name(path: &Path, at: SystemTime) -> PathBuf {
    let time = humantime::format_rfc3339_millis(at).to_string().replace(':', "-");
    let (stem, end) = parts(path);
    path.with_file_name(format!("{stem}-{}{end}", time.trim_end_matches('Z')))
}

/// The files that were rotated away, and nothing else that happens to be there.
fn backups(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (stem, end) = parts(path);
    let start = format!("{stem}-");
    let is_backup = |name: &OsStr| {
        let time =
            name.to_str().and_then(|name| name.strip_prefix(start.as_str())?.strip_suffix(end.as_str()));
        time.is_some_and(is_time)
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(super::folder_of(path))? {
        let name = entry?.file_name();
        if is_backup(&name) {
            found.push(path.with_file_name(name));
        }
    }
    Ok(found)
}

/// Whether it is as `2026-01-05T10-00-00.000`.
fn is_time(text: &str) -> bool {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd-dd-dd.ddd";
    text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}

fn parts(path: &Path) -> (String, String) {
    let text = |part: Option<&OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let end = text(path.extension()).map_or_else(String::new, |extension| format!(".{extension}"));
    (text(path.file_stem()).unwrap_or_default(), end)
}
