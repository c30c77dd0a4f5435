//! `burgee print-config`: what a configuration comes to, and where every value came from.

use std::io::Write;

use super::sources::ConfigArgs;
use super::{Failure, printed, validate};
use crate::config::Secrets;
use crate::registry::Resolved;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sources: ConfigArgs,
    /// `unredacted` shows secrets, too.
    #[arg(long, value_name = "MODE", default_value = "redacted")]
    mode: Mode,
    /// Only YAML says where each value came from.
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    format: Format,
    /// With `false`, also what is not valid is printed, without what burgee would add.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    validate: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mode {
    Redacted,
    Unredacted,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    let read = if args.validate { Resolved::read } else { Resolved::read_unchecked };
    let resolved = args.sources.read().and_then(|sources| read(&sources, &environment));
    let resolved = resolved.map_err(|report| validate::refuse(&report))?;
    if !resolved.warnings.is_empty() {
        anstream::eprint!("{}", resolved.warnings.render(validate::is_colored()));
    }
    let secrets = match args.mode {
        Mode::Redacted => Secrets::Redacted,
        Mode::Unredacted => Secrets::Shown,
    };
    let text = match args.format {
        Format::Yaml => resolved.root.to_yaml(secrets),
        Format::Json => format!("{:#}\n", resolved.root.to_json(secrets)),
    };
    printed(anstream::stdout().write_all(text.as_bytes()))
}
