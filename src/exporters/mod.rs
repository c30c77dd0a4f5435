//! What sends payloads on: [`otlp_grpc`], [`otlp_http`], [`debug`], [`nop`].
//!
//! Each has a `Config` that serde reads and a `build` that turns it into a [`Built`], or says in [`Problem`]s which
//! key is wrong. An exporter does one try; queue, retries and splitting belong to the outbox in front of it.
//! A key of the OpenTelemetry Collector that burgee reads but does not use is a warning, never silence.

use std::fmt;
use std::sync::Arc;

use crate::component::{Exporter, QueueConfig, RetryConfig};
use crate::otlp::Signal;

pub mod debug;
mod downstream;
mod endpoint;
mod escape;
pub mod nop;
pub mod otlp_grpc;
pub mod otlp_http;
mod sending;

pub use crate::component::Problem;
pub use downstream::{Compression, TlsKeys};
pub use sending::{QueueKeys, RetryKeys};

/// What a configuration became.
pub struct Built {
    pub exporter: Arc<dyn Exporter>,
    /// For the outbox in front of it.
    pub queue: QueueConfig,
    pub retry: RetryConfig,
    pub warnings: Vec<Problem>,
    /// The signals that it cannot carry as it is configured: an error if a pipeline of one asks it to.
    pub unserved: Vec<(Signal, Problem)>,
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Built { exporter: _, queue, retry, warnings, unserved } = self;
        f.debug_struct("Built")
            .field("queue", queue)
            .field("retry", retry)
            .field("warnings", warnings)
            .field("unserved", unserved)
            .finish_non_exhaustive()
    }
}

/// What a `build` has to say so far.
#[derive(Debug, Default)]
struct Notes {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Notes {
    /// The value, or a note of why there is none.
    fn take<T>(&mut self, found: Result<T, Problem>) -> Option<T> {
        found.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// The warnings, if they are all.
    fn settle(self) -> Result<Vec<Problem>, Vec<Problem>> {
        if self.problems.is_empty() { Ok(self.warnings) } else { Err(self.problems) }
    }
}

/// A key whose value does not matter: only whether it is there.
type Unused = Option<serde::de::IgnoredAny>;

#[cfg(test)]
mod scripted;

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::config::{self, Source};

    /// Builds the exporter that a README shows, as the program would.
    fn build_shown<C: DeserializeOwned>(
        readme: &'static str,
        name: &'static str,
        build: impl FnOnce(&C) -> Result<Built, Vec<Problem>>,
    ) {
        let yaml = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
        let source = Source::new(name, yaml.expect("the README shows a configuration"));
        let loaded = config::load(&[source], &|_| None).expect("it is YAML");
        let keys = config::decode(loaded.root.find(&["exporters", name]));
        let keys = keys.unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        let built = build(&keys).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        assert!(built.warnings.is_empty(), "{name}: {built:?}");
    }

    #[test]
    fn what_the_readmes_show_can_be_built() {
        build_shown(include_str!("otlp_grpc/README.md"), "otlp_grpc", otlp_grpc::build);
        build_shown(include_str!("otlp_http/README.md"), "otlp_http", otlp_http::build);
        build_shown(include_str!("debug/README.md"), "debug", debug::build);
        build_shown(include_str!("nop/README.md"), "nop", |keys| Ok(nop::build(keys)));
    }
}
