//! `burgee validate`: everything that is wrong with a configuration, and nothing started.

use std::io::ErrorKind;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Failure, printed};
use crate::config::{Problem, Report, Source};
use crate::registry::{DEFAULT, DEFAULT_NAME, Plan};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration; given several times, later files override earlier ones. Without it, the built-in default.
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let plan = read(&args.config)?;
    if !plan.warnings.is_empty() {
        anstream::eprint!("{}", plan.warnings.render(is_colored()));
    }
    let names: Vec<_> = args.config.iter().map(|path| path.display().to_string()).collect();
    let name = if names.is_empty() { DEFAULT_NAME.to_owned() } else { names.join(", ") };
    let mut out = anstream::stdout();
    printed(writeln!(out, "{name} is valid"))?;
    for pipeline in &plan.pipelines {
        printed(writeln!(out, "  {}: {}", pipeline.id, pipeline.way()))?;
    }
    match &plan.supplied {
        Some(supplied) => printed(writeln!(out, "  {supplied}")),
        None => Ok(()),
    }
}

/// What the files say together; the built-in default if there are none.
///
/// # Errors
/// Every problem with its place, ready to be printed.
pub(super) fn read(files: &[PathBuf]) -> Result<Plan, Failure> {
    let sources = match files {
        [] => Ok(vec![Source::new(DEFAULT_NAME, DEFAULT)]),
        files => files.iter().map(source).collect(),
    };
    plan(&sources.map_err(Report::from))
}

/// The same for sources that are there already.
pub(super) fn plan(sources: &Result<Vec<Arc<Source>>, Report>) -> Result<Plan, Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    let plan = match sources {
        Ok(sources) => Plan::read(sources, &environment),
        Err(report) => Err(report.clone()),
    };
    plan.map_err(|report| {
        anstream::eprint!("{}", report.render(is_colored()));
        Failure::config("the configuration is not valid")
    })
}

/// A file to be read.
pub(super) fn source(path: &PathBuf) -> Result<Arc<Source>, Problem> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        let problem = Problem::error(format!("cannot read {name}: {error}"));
        match std::env::current_dir() {
            Ok(folder) if path.is_relative() && error.kind() == ErrorKind::NotFound => {
                problem.help(format!("looked for it in {}", folder.display()))
            }
            _ => problem,
        }
    })?;
    Source::from_bytes(name, bytes)
}

/// Whether stderr shows colors.
pub(super) fn is_colored() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
