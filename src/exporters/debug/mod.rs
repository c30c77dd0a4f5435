#![doc = include_str!("README.md")]

mod evaluations;
mod items;
mod output;
mod sampler;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Built, Notes, Problem, QueueKeys};
use crate::component::{Batch, Exporter, Outcome, QueueConfig, RetryConfig};
use crate::otlp::Signal;
use crate::otlp::answer::{Answer, Code};
use output::{Output, Unwritten};
use sampler::Sampler;

/// The keys of `debug`. Defaults: those of the OpenTelemetry Collector 0.159.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `basic`: a line for each batch. `normal`: for each item. `detailed`: all of it. `evaluations`: a line for each flag
    /// evaluation, nothing else.
    pub verbosity: Verbosity,
    /// How many batches of a signal are shown in a second, before the others are thinned out.
    pub sampling_initial: u64,
    /// Of those others, each how-manieth is shown; 0: none.
    pub sampling_thereafter: u64,
    /// `true` is without effect, with a warning: telemetry never goes through burgee's log.
    pub use_internal_logger: Option<bool>,
    /// `[stdout]`, which it is if left out, or `[stderr]`.
    pub output_paths: Vec<String>,
    /// Left out: one consumer, which keeps the order.
    pub sending_queue: Option<QueueKeys>,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum Verbosity {
    /// A line for each batch.
    Basic,
    /// A line for each span, log record and data point.
    Normal,
    /// All of each.
    Detailed,
    /// A line for each flag evaluation, nothing else.
    Evaluations,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            verbosity: Verbosity::Basic,
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: None,
            output_paths: Vec::new(),
            sending_queue: None,
        }
    }
}

impl TryFrom<String> for Verbosity {
    type Error = String;

    /// In any case, as the Collector reads it.
    fn try_from(text: String) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "basic" => Ok(Verbosity::Basic),
            "normal" => Ok(Verbosity::Normal),
            "detailed" => Ok(Verbosity::Detailed),
            "evaluations" => Ok(Verbosity::Evaluations),
            _ => Err(format!(
                "{} is none of basic, normal, detailed, evaluations",
                crate::config::quote(&text)
            )),
        }
    }
}

/// Prints nothing yet, and starts nothing.
///
/// # Errors
/// Every key that is wrong.
pub fn build(config: &Config) -> Result<Built, Vec<Problem>> {
    let mut notes = Notes::default();
    // One consumer keeps the order. Nobody waits for a terminal, and nothing is printed a second time.
    let queue = match &config.sending_queue {
        Some(keys) => keys.build(&mut notes),
        None => QueueConfig { num_consumers: 1, ..QueueConfig::default() },
    };
    let retry = RetryConfig { enabled: false, ..RetryConfig::default() };
    if config.use_internal_logger == Some(true) {
        let warning =
            Problem::new(&["use_internal_logger"], "has no effect: burgee never prints telemetry to its log");
        notes.warnings.push(warning);
    }
    let output = notes.take(config.output());
    let warnings = notes.settle()?;
    let output = output.expect("without one there is a problem");
    let debug = Debug { verbosity: config.verbosity, sampler: Sampler::new(config), output };
    Ok(Built { exporter: Arc::new(debug), queue, retry, warnings, unserved: Vec::new() })
}

impl Config {
    fn output(&self) -> Result<Output, Problem> {
        let paths: Vec<&str> = self.output_paths.iter().map(String::as_str).collect();
        match paths[..] {
            [] | ["stdout"] => Ok(Output::stdout()),
            ["stderr"] => Ok(Output::stderr()),
            _ => Err(Problem::new(
                &["output_paths"],
                "takes one of stdout and stderr, and no files in this version",
            )),
        }
    }
}

struct Debug {
    verbosity: Verbosity,
    sampler: Sampler,
    output: Output,
}

impl Exporter for Debug {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Outcome> {
        async {
            match self.show(batch).await {
                Ok(()) => Outcome::Accepted,
                Err(unwritten) => {
                    Answer::Rejected { code: Code::Unavailable, message: unwritten.to_string() }
                }
            }
        }
        .boxed()
    }

    fn is_lossy(&self) -> bool {
        true
    }
}

impl Debug {
    async fn show(&self, batch: &Batch) -> Result<(), Unwritten> {
        if !self.sampler.picks(batch.signal()) {
            return Ok(());
        }
        let mut page = self.output.page(batch.items());
        match self.verbosity {
            Verbosity::Basic => basic(page.text(), batch),
            Verbosity::Evaluations => {
                for payload in batch.payloads() {
                    evaluations::write(page.text(), payload);
                    page.turn().await?;
                }
            }
            Verbosity::Normal => {
                for payload in batch.payloads() {
                    let mut service = items::Service::default();
                    for item in payload.items() {
                        items::line(page.text(), &item, service.of(&item));
                        page.turn().await?;
                    }
                }
            }
            Verbosity::Detailed => {
                for payload in batch.payloads() {
                    let mut group = items::Group::default();
                    for item in payload.items() {
                        items::block(page.text(), &item, &mut group);
                        page.turn().await?;
                    }
                }
            }
        }
        page.end().await
    }
}

/// As the Collector counts: groups of one resource, and items.
fn basic(text: &mut String, batch: &Batch) {
    use std::fmt::Write;
    let (signal, bytes) = (batch.signal(), batch.bytes());
    let groups: usize = batch.payloads().map(items::resource_groups).sum();
    let kind = match signal {
        Signal::Traces => "resource spans",
        Signal::Metrics => "resource metrics",
        Signal::Logs => "resource logs",
    };
    writeln!(text, "{signal}: {groups} {kind}, {} {}, {bytes} bytes", batch.items(), signal.items())
        .expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests;
