//! The command line: one file for each command.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 success, 1 failure, 2 a command line that is not
//! understood, 78 a bad configuration (`EX_CONFIG` of sysexits.h).

mod ask;
mod components;
mod config;
mod demo;
mod doctor;
mod explain;
mod flags;
mod greeting;
mod healthcheck;
mod lines;
mod logs;
mod messages;
mod print_config;
mod reload;
mod run;
mod send;
mod signals;
mod sources;
mod status;
mod table;
mod tap;
mod test;
mod top;
mod trace;
mod validate;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// burgee: an OpenTelemetry collector that knows feature flags.
///
/// Without a command it runs: with --config by that file, otherwise by the built-in default, which receives OTLP on
/// 127.0.0.1:4317 and 4318, enriches flag evaluations and prints each as one line.
#[derive(Debug, Parser)]
#[command(name = "burgee", version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Args,
    /// Also send a demo's traffic to it, and end with a summary.
    #[arg(long, conflicts_with = "config")]
    demo: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the collector (also without the word `run`).
    Run(run::Args),
    /// Check a configuration and print everything that is wrong with it: 0 good, 78 bad.
    Validate(validate::Args),
    /// Test what a configuration makes of telemetry: 0 all passed, 1 something failed, 78 not valid.
    Test(test::Args),
    /// Send a minute of realistic flag traffic to a running burgee, or to any OTLP/HTTP receiver.
    Demo(demo::Args),
    /// Show what a running burgee has received, enriched and sent.
    Status(status::Args),
    /// Explain a finding by its id, or what a pasted error text means: 0 known, 1 not.
    Explain(explain::Args),
    /// Find out why traces are missing or broken: 0 healthy, 1 warnings, 2 errors.
    Doctor(doctor::Args),
    /// Show flag evaluations as they leave a running burgee, as lines or JSON.
    Tap(tap::Args),
    /// Show what a running burgee does, live: senders, flags, queues.
    Top(top::Args),
    /// List the flags that a running burgee has seen, with their variants, reasons and services.
    Flags(flags::Args),
    /// Show a trace as a waterfall with its flag evaluations, or list the latest traces.
    Trace(trace::Args),
    /// Send a test trace with a flag evaluation, or replay a file of OTLP.
    Send(send::Args),
    /// Print the configuration with everything merged, expanded and supplied, and where each value came from.
    #[command(alias = "print-initial-config")]
    PrintConfig(print_config::Args),
    /// What a configuration may look like: `burgee config schema`.
    Config(config::Args),
    /// List the components that this burgee has.
    Components(components::Args),
    /// Ask a running burgee whether it is well: 0 yes, 1 no. For containers, which have no other tool.
    Healthcheck(healthcheck::Args),
    /// Print the version.
    Version,
}

/// Why a command ends with something else than 0.
#[derive(Debug)]
struct Failure {
    code: u8,
    /// For stderr; may have several lines. Empty if everything was said.
    message: String,
}

impl Failure {
    fn new(message: impl Into<String>) -> Failure {
        Failure { code: FAILED, message: message.into() }
    }

    fn config(message: impl Into<String>) -> Failure {
        Failure { code: BAD_CONFIG, message: message.into() }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let line = CommandLine::parse();
    let ended = match line.command {
        None if line.demo => run::demo(line.run),
        None => run::run(line.run),
        Some(Command::Run(args)) => run::run(args),
        Some(Command::Validate(args)) => validate::run(&args),
        Some(Command::Test(args)) => test::run(args),
        Some(Command::Demo(args)) => runtime().and_then(|runtime| runtime.block_on(demo::run(args))),
        Some(Command::Status(args)) => runtime().and_then(|runtime| runtime.block_on(status::run(args))),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Doctor(args)) => runtime().and_then(|runtime| runtime.block_on(doctor::run(args))),
        Some(Command::Tap(args)) => runtime().and_then(|runtime| runtime.block_on(tap::run(args))),
        Some(Command::Top(args)) => runtime().and_then(|runtime| runtime.block_on(top::run(args))),
        Some(Command::Flags(args)) => runtime().and_then(|runtime| runtime.block_on(flags::run(args))),
        Some(Command::Trace(args)) => runtime().and_then(|runtime| runtime.block_on(trace::run(args))),
        Some(Command::Send(args)) => runtime().and_then(|runtime| runtime.block_on(send::run(args))),
        Some(Command::PrintConfig(args)) => print_config::run(&args),
        Some(Command::Config(args)) => config::run(&args),
        Some(Command::Components(args)) => components::run(&args),
        Some(Command::Healthcheck(args)) => {
            runtime().and_then(|runtime| runtime.block_on(healthcheck::run(args)))
        }
        Some(Command::Version) => version::run(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            if !message.is_empty() {
                anstream::eprintln!("burgee: {}", message.trim_end());
            }
            ExitCode::from(code)
        }
    }
}

/// A reader that went away, as `head` does, is no failure.
fn printed(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot print: {error}")))
        }
        _ => Ok(()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start: {error}")))
}

const FAILED: u8 = 1;
/// `EX_CONFIG` of sysexits.h.
const BAD_CONFIG: u8 = 78;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_one() {
        CommandLine::command().debug_assert();
    }
}
