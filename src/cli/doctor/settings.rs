//! Files of others, read and looked through.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::report::{Mark, Report};
use super::{Args, Failure};
use crate::config::escape;
use crate::doctor::settings::Settings;

/// Reads all files that were named, and raises what they say in vain.
pub(super) fn read(args: &Args, report: &mut Report) -> Result<(), Failure> {
    if !args.reads_files() {
        return Ok(());
    }
    let mut settings = Settings::default();
    for path in &args.env_file {
        let (name, text) = open(path)?;
        settings.add_env_file(&name, &text).map_err(|problem| Failure::new(problem.to_string()))?;
    }
    for path in &args.relay_config {
        let (name, text) = open(path)?;
        settings.add_relay_config(&name, &text).map_err(|problem| Failure::new(problem.to_string()))?;
    }
    for path in &args.compose {
        let (name, text) = open(path)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut beside = |relative: &str| read_text(&folder.join(relative));
        settings
            .add_compose(&name, &text, &mut beside)
            .map_err(|problem| Failure::new(problem.to_string()))?;
    }
    let findings = settings.findings(std::time::SystemTime::now());
    if findings.is_empty() {
        report.line(Mark::Good, "the files have no setting that is known to be in vain".to_owned());
    }
    findings.into_iter().for_each(|raised| report.raise(raised));
    report.notes(settings.notes().iter().map(|note| escape(note).into_owned()).collect());
    Ok(())
}

fn open(path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let failed = |error: io::Error| Failure::new(format!("cannot read {}: {error}", escape(&name)));
    let text = read_text(path).map_err(failed)?;
    Ok((name, text))
}

/// A text of ordinary size.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it has more than 4 MiB"));
    }
    Ok(text)
}

const FILE_BYTES_MAX: u64 = 4 << 20;
