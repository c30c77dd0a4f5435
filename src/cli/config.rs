//! `burgee config`: about the configuration's format itself.

use std::io::Write;

use super::{Failure, printed};
use crate::registry;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the JSON Schema of a configuration, for editors.
    Schema,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match args.command {
        Command::Schema => printed(writeln!(anstream::stdout(), "{:#}", registry::schema())),
    }
}
