//! What makes a running burgee read its configuration anew: SIGHUP, and files that have changed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::signals::{Hangup, Signals};
use super::sources::ConfigArgs;
use super::{Failure, logs, validate};
use crate::collector::{Collector, Reloaded};
use crate::config::Report;
use crate::observe::reloads::ReloadOutcome;
use crate::registry::Plan;
use crate::telemetry::Logs;

/// Keeps a collector at what its configuration says.
pub(super) struct Reloads {
    sources: ConfigArgs,
    hangup: Hangup,
    files: Files,
    /// Whether files are looked at.
    watch: bool,
    /// What a removed exporter or port has to end in.
    within: Duration,
    logs: Logs,
}

impl Reloads {
    /// For a collector that is started from this plan. To be made before the plan is read, so that a change
    /// meanwhile is seen as one: `files` are from then.
    pub fn new(
        sources: ConfigArgs,
        files: Files,
        plan: &Plan,
        watch: bool,
        within: Duration,
    ) -> Result<Reloads, Failure> {
        let mut reloads =
            Reloads { hangup: Hangup::listen()?, sources, files, watch, within, logs: plan.logs.clone() };
        reloads.files.also(&plan.files);
        Ok(reloads)
    }

    /// Goes on until the process is asked to end.
    pub async fn run(&mut self, collector: &mut Collector, signals: &mut Signals) {
        loop {
            let reason = tokio::select! {
                () = signals.next() => return,
                () = self.hangup.next() => "SIGHUP",
                () = self.files.changed(), if self.watch => "a file has changed",
            };
            // What asks again meanwhile is heard afterwards, once.
            tokio::select! {
                () = self.reload(collector, reason) => {}
                () = signals.next() => return,
            }
        }
    }

    async fn reload(&mut self, collector: &mut Collector, reason: &str) {
        self.files.look();
        let sources = self.sources.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let environment = |name: &str| std::env::var(name).ok();
            sources.read().and_then(|sources| Plan::read(&sources, &environment))
        });
        let board = collector.board().clone();
        let failed = |message: String| {
            tracing::error!("{reason}, but {message}; the configuration before stays in force");
            board.reloaded(ReloadOutcome::Failed, message);
        };
        let plan = match reading.await {
            Ok(Ok(plan)) => plan,
            Ok(Err(report)) => {
                anstream::eprint!("{}", report.render(validate::is_colored()));
                return failed(format!("the configuration is not valid: {}", first(&report)));
            }
            Err(_) => return failed("reading the configuration failed by a defect of burgee".into()),
        };
        self.files.only(self.sources.files(), &plan.files);
        let (logs, warnings) = (plan.logs.clone(), plan.warnings.clone());
        match collector.reload(plan, self.within).await {
            Ok(Reloaded::Unchanged) => {
                tracing::info!("{reason}: the configuration says what it said before");
                board.reloaded(ReloadOutcome::Unchanged, String::new());
            }
            Ok(Reloaded::Changed(change)) => {
                warnings.problems().iter().for_each(|warning| tracing::warn!("{warning}"));
                logs::change(&self.logs, &logs);
                self.logs = logs;
                tracing::info!("{reason}: the new configuration is in force ({change})");
                board.reloaded(ReloadOutcome::Changed, String::new());
            }
            Err(error) => failed(error.to_string()),
        }
    }
}

/// The first of what is wrong, and how much more there is.
fn first(report: &Report) -> String {
    let errors: Vec<_> = report.problems().iter().filter(|problem| problem.is_error()).collect();
    match &errors[..] {
        [] => "for no reason that burgee knows".into(),
        [one] => one.to_string(),
        [one, more @ ..] => format!("{one} (and {} more)", more.len()),
    }
}

/// The files of a configuration, and the state in which they were read.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<(PathBuf, Stamp)>);

/// What tells one state of a file from another; `None` if it cannot be looked at. Links are followed.
type Stamp = Option<(Option<SystemTime>, u64, (u64, u64, i64, i64))>;

impl Files {
    /// As they are now.
    pub fn new(files: Vec<PathBuf>) -> Files {
        Files(files.into_iter().map(|file| (file.clone(), stamp(&file))).collect())
    }

    fn also(&mut self, more: &[PathBuf]) {
        let new = more.iter().filter(|file| !self.0.iter().any(|(known, _)| known == *file));
        let new: Vec<_> = new.map(|file| (file.clone(), stamp(file))).collect();
        self.0.extend(new);
    }

    /// Forgets all but these.
    fn only(&mut self, files: Vec<PathBuf>, included: &[PathBuf]) {
        self.0.retain(|(known, _)| files.contains(known) || included.contains(known));
        self.also(&files);
        self.also(included);
    }

    /// What there is now is what will be read.
    fn look(&mut self) {
        for (file, known) in &mut self.0 {
            *known = stamp(file);
        }
    }

    /// Ready when two looks in a row have seen the same new state: a file that is being written is not read in
    /// halves.
    async fn changed(&self) {
        let mut pending = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let paths: Vec<_> = self.0.iter().map(|(file, _)| file.clone()).collect();
            let look = move || paths.iter().map(|file| stamp(file)).collect::<Vec<_>>();
            // a look may hang on a network file system that is gone
            let Ok(seen) = tokio::task::spawn_blocking(look).await else { return };
            if seen.iter().eq(self.0.iter().map(|(_, known)| known)) {
                pending = None;
            } else if pending.as_ref() == Some(&seen) {
                return;
            } else {
                pending = Some(seen);
            }
        }
    }
}

fn stamp(file: &Path) -> Stamp {
    let metadata = file.metadata().ok()?;
    #[cfg(unix)]
    let inode = {
        use std::os::unix::fs::MetadataExt;
        (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
    };
    #[cfg(not(unix))]
    let inode = (0, 0, 0, 0);
    Some((metadata.modified().ok(), metadata.len(), inode))
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
