//! `burgee test`: what a configuration makes of a request, tested beside it.

mod case;
mod form;
mod judge;
mod leaks;
mod request;
mod show;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sources::ConfigArgs;
use super::{Failure, printed, validate};
use crate::config::{self, Report, Source};
use crate::pipeline::Trial;
use crate::registry::Plan;
use case::{Candidate, Case};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sources: ConfigArgs,
    /// The tests. Without them, every *.test.yaml beside the configuration.
    #[arg(value_name = "TESTS")]
    tests: Vec<PathBuf>,
    /// Print tests of the built-in default, which explain themselves: `burgee test --example > burgee.test.yaml`.
    #[arg(long, exclusive = true)]
    example: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    if args.example {
        return printed(anstream::stdout().write_all(EXAMPLE.as_bytes()));
    }
    let plan = validate::read(&args.sources)?;
    let pipelines = candidates(plan);
    let paths = if args.tests.is_empty() { beside(&args.sources.files())? } else { args.tests };
    let mut files = Vec::new();
    let mut report = Report::default();
    for path in &paths {
        match read(path, &pipelines) {
            Ok((source, cases)) => files.push((source, cases)),
            Err(problems) => report.extend(problems.problems().iter().cloned()),
        }
    }
    if !report.is_empty() {
        anstream::eprint!("{}", report.render(validate::is_colored()));
        return Err(Failure::config("the tests are not valid"));
    }
    let mut out = anstream::stdout().lock();
    let mut failed = 0;
    for (source, cases) in &files {
        printed(writeln!(out, "{}", config::escape(source.name())))?;
        for case in cases {
            let complaints = judge::judge(case);
            failed += usize::from(!complaints.is_empty());
            printed(match complaints.is_empty() {
                true => show::good(&mut out, &case.test.name),
                false => show::bad(&mut out, &case.test.name, &complaints),
            })?;
        }
    }
    if failed > 0 {
        printed(show::legend(&mut out))?;
    }
    let all: usize = files.iter().map(|(_, cases)| cases.len()).sum();
    printed(writeln!(out, "{} passed, {failed} failed", all - failed))?;
    // the difference is said already
    if failed > 0 { Err(Failure::new("")) } else { Ok(()) }
}

fn candidates(plan: Plan) -> Vec<Candidate> {
    let candidate = |pipeline: crate::registry::Pipeline| {
        let named = |runner: crate::registry::Runner| (Arc::from(runner.id.to_string()), runner.processor);
        Candidate { id: pipeline.id, trial: Trial::new(pipeline.processors.into_iter().map(named).collect()) }
    };
    plan.pipelines.into_iter().map(candidate).collect()
}

fn read<'p>(path: &Path, pipelines: &'p [Candidate]) -> Result<(Arc<Source>, Vec<Case<'p>>), Report> {
    let source = Source::locate(&format!("file:{}", path.display()), &|_| None)?;
    let cases = case::read(&config::read(&source)?, pipelines)?;
    Ok((source, cases))
}

/// The files of tests in the folders of the configuration, in the order of their names.
fn beside(configuration: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut folders: Vec<&Path> = configuration.iter().filter_map(|file| file.parent()).collect();
    if configuration.is_empty() {
        folders.push(Path::new(""));
    }
    folders.dedup();
    let mut found = Vec::new();
    for folder in &folders {
        let readable = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = std::fs::read_dir(readable)
            .map_err(|error| Failure::new(format!("cannot look into {}: {error}", readable.display())))?;
        for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
            if name.ends_with(".test.yaml") || name.ends_with(".test.yml") {
                found.push(folder.join(name));
            }
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        return Err(Failure::new(
            "there is no *.test.yaml beside the configuration; write one (`burgee test --example` shows how), or name \
             the file",
        ));
    }
    Ok(found)
}

/// The tests of the built-in default.
const EXAMPLE: &str = include_str!("../../../config/burgee.test.yaml");

#[cfg(test)]
mod tests;
