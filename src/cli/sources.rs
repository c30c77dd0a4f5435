//! `--config` and `--set`: where a command's configuration comes from.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Report, Source};
use crate::registry::{DEFAULT, DEFAULT_NAME};

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ConfigArgs {
    /// The configuration: a file, or file:PATH, env:NAME, yaml:TEXT. Given several times, later ones lie over earlier
    /// ones. Without it, the built-in default.
    #[arg(long, value_name = "FILE")]
    config: Vec<String>,
    /// One setting over all files: processors.batch.timeout=2s. The value is YAML. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    /// Whether there is no `--config`.
    pub(super) fn is_default(&self) -> bool {
        self.config.is_empty()
    }

    /// Everything that is to be read, in order.
    ///
    /// # Errors
    /// All that cannot be read.
    pub(super) fn read(&self) -> Result<Vec<Arc<Source>>, Report> {
        let environment = |name: &str| std::env::var(name).ok();
        let default = self.is_default().then(|| Ok(Source::new(DEFAULT_NAME, DEFAULT)));
        let located = self.config.iter().map(|uri| Source::locate(uri, &environment));
        let settings = self.set.iter().map(|flag| Source::setting(flag));
        let (mut sources, mut report) = (Vec::new(), Report::default());
        for source in default.into_iter().chain(located).chain(settings) {
            match source {
                Ok(source) => sources.push(source),
                Err(problem) => report.push(problem),
            }
        }
        if report.is_empty() { Ok(sources) } else { Err(report) }
    }

    /// The files among them, as paths.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let path = |uri: &String| match uri.split_once(':') {
            Some(("file", path)) => Some(PathBuf::from(path)),
            Some(("env" | "yaml", _)) => None,
            _ => Some(PathBuf::from(uri)),
        };
        self.config.iter().filter_map(path).collect()
    }

    /// What to call the whole.
    pub(super) fn name(&self) -> String {
        if self.is_default() {
            return DEFAULT_NAME.to_owned();
        }
        let name = |uri: &String| if uri.starts_with("yaml:") { "yaml".to_owned() } else { uri.clone() };
        self.config.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}
