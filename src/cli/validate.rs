//! `burgee validate`: everything that is wrong with a configuration, and nothing started.

use std::io::Write;
use std::sync::Arc;

use super::sources::ConfigArgs;
use super::{Failure, printed};
use crate::config::{self, Place, Problem, Report, Source};
use crate::registry::Plan;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sources: ConfigArgs,
    /// `json`: one object on stdout, for editors and CI.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if args.format == Format::Json {
        return json(args);
    }
    let plan = read(&args.sources)?;
    if !plan.warnings.is_empty() {
        anstream::eprint!("{}", plan.warnings.render(is_colored()));
    }
    let mut out = anstream::stdout();
    printed(writeln!(out, "{} is valid", args.sources.name()))?;
    for pipeline in &plan.pipelines {
        printed(writeln!(out, "  {}: {}", pipeline.id, pipeline.way()))?;
    }
    match &plan.supplied {
        Some(supplied) => printed(writeln!(out, "  {supplied}")),
        None => Ok(()),
    }
}

/// `{"valid": …, "problems": [{severity, file, line, column, path, message, help}]}`.
fn json(args: &Args) -> Result<(), Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    let planned = args.sources.read().and_then(|sources| Plan::read(&sources, &environment));
    let is_valid = planned.is_ok();
    let report = planned.map_or_else(|report| report, |plan| plan.warnings);
    let problems: Vec<_> = report.problems().iter().map(shown).collect();
    let object = serde_json::json!({"valid": is_valid, "problems": problems});
    printed(writeln!(anstream::stdout(), "{object:#}"))?;
    if is_valid { Ok(()) } else { Err(Failure::config("")) }
}

fn shown(problem: &Problem) -> serde_json::Value {
    let place = problem.place.as_ref();
    serde_json::json!({
        "severity": problem.severity.to_string(),
        "file": place.map(|place| place.source().name()),
        "line": place.map(Place::line),
        "column": place.map(Place::column),
        "path": problem.path,
        "message": config::escape(&problem.message),
        "help": problem.help.as_deref().map(config::escape),
    })
}

/// What the sources say together.
///
/// # Errors
/// Every problem with its place, ready to be printed.
pub(super) fn read(sources: &ConfigArgs) -> Result<Plan, Failure> {
    plan(&sources.read())
}

/// The same for sources that are there already.
pub(super) fn plan(sources: &Result<Vec<Arc<Source>>, Report>) -> Result<Plan, Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    let plan = match sources {
        Ok(sources) => Plan::read(sources, &environment),
        Err(report) => Err(report.clone()),
    };
    plan.map_err(|report| refuse(&report))
}

/// Says all that is wrong.
pub(super) fn refuse(report: &Report) -> Failure {
    anstream::eprint!("{}", report.render(is_colored()));
    Failure::config("the configuration is not valid")
}

/// Whether stderr shows colors.
pub(super) fn is_colored() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
