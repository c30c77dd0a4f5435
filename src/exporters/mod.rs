//! What sends payloads on: [`otlp_grpc`], [`otlp_http`], [`file`], [`debug`], [`nop`].
//!
//! Each has a `Config` that serde reads and a `build` that turns it into a [`Built`], or says in [`Problem`]s which
//! key is wrong. An exporter does one try; queue, retries and splitting belong to the outbox in front of it.
//! A key of the OpenTelemetry Collector that burgee reads but does not use is a warning, never silence.

use std::fmt;
use std::sync::Arc;

use crate::component::{Exporter, QueueConfig, RetryConfig};
use crate::otlp::Signal;

mod auth;
pub mod debug;
mod downstream;
mod endpoint;
mod escape;
pub mod file;
pub mod nop;
pub mod otlp_grpc;
pub mod otlp_http;
mod packing;
mod sending;
mod tls;

pub use crate::component::Problem;
pub use packing::{BodyFormat, Compression, CompressionParams};
pub use sending::{QueueKeys, RetryKeys};
pub use tls::TlsKeys;

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
type Unused = Option<crate::values::Unread>;

#[cfg(test)]
mod scripted;

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::component::Authenticators;
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

    /// The Collector's keys of a component, each with some value of its kind.
    fn assert_known<C: DeserializeOwned>(exporter: &str, readme: &str, keys: &[(&str, &str)]) {
        for (key, value) in keys {
            let json = format!(r#"{{"{key}": {value}}}"#);
            if let Err(error) = serde_json::from_str::<C>(&json) {
                panic!("{exporter}.{key}: {error}");
            }
            assert!(readme.contains(key), "the README of {exporter} says nothing about {key}");
        }
    }

    /// `configgrpc`, `confighttp`, `exporterhelper` and the exporters' own settings of the Collector 0.159.
    #[test]
    fn no_key_of_the_collector_is_unknown() {
        let tls = r#"{"insecure": true, "insecure_skip_verify": true, "server_name_override": "x", "ca_file": "x",
            "ca_pem": "x", "cert_file": "x", "cert_pem": "x", "key_file": "x", "key_pem": "x",
            "include_system_ca_certs_pool": true, "min_version": "1.2", "max_version": "1.3",
            "cipher_suites": ["x"], "include_insecure_cipher_suites": true, "curve_preferences": ["X25519"],
            "reload_interval": "1h", "tpm": {"enabled": true}}"#;
        let retry = r#"{"enabled": true, "initial_interval": "5s", "randomization_factor": 0.5, "multiplier": 1.5,
            "max_interval": "30s", "max_elapsed_time": "300s"}"#;
        let queue = r#"{"enabled": true, "num_consumers": 10, "queue_size": 1000, "sizer": "bytes",
            "block_on_overflow": true, "wait_for_result": true, "storage": "file_storage",
            "batch": {"flush_timeout": "1s", "min_size": 1, "max_size": 2, "sizer": "items",
            "partition": {"metadata_keys": ["x"]}}}"#;
        let both = [
            ("endpoint", r#""x""#),
            ("compression", r#""gzip""#),
            ("compression", r#""snappy""#),
            ("tls", tls),
            ("headers", r#"{"a": "b"}"#),
            ("read_buffer_size", "1"),
            ("write_buffer_size", "1"),
            ("auth", r#"{"authenticator": "x"}"#),
            ("middlewares", r#"[{"id": "x"}]"#),
            ("timeout", r#""5s""#),
            ("retry_on_failure", retry),
            ("sending_queue", queue),
        ];
        let grpc = [
            ("authority", r#""x""#),
            ("user_agent", r#""x""#),
            ("balancer_name", r#""round_robin""#),
            ("balancer_name", r#""pick_first""#),
            ("keepalive", r#"{"time": "1m", "timeout": "10s", "permit_without_stream": true}"#),
            ("wait_for_ready", "true"),
        ];
        let http = [
            ("traces_endpoint", r#""x""#),
            ("metrics_endpoint", r#""x""#),
            ("logs_endpoint", r#""x""#),
            ("profiles_endpoint", r#""x""#),
            ("encoding", r#""json""#),
            ("compression", r#""zlib""#),
            ("compression", r#""deflate""#),
            ("compression", r#""x-snappy-framed""#),
            ("compression", r#""lz4""#),
            ("compression_params", r#"{"level": 1}"#),
            ("proxy_url", r#""x""#),
            ("max_idle_conns", "1"),
            ("max_idle_conns_per_host", "1"),
            ("max_conns_per_host", "1"),
            ("idle_conn_timeout", r#""90s""#),
            ("disable_keep_alives", "true"),
            ("force_attempt_http2", "true"),
            ("http2_read_idle_timeout", r#""1s""#),
            ("http2_ping_timeout", r#""1s""#),
            ("cookies", r#"{"enabled": true}"#),
        ];
        let readme = include_str!("otlp_grpc/README.md");
        assert_known::<otlp_grpc::Config>("otlp_grpc", readme, &[&both[..], &grpc[..]].concat());
        let readme = include_str!("otlp_http/README.md");
        assert_known::<otlp_http::Config>("otlp_http", readme, &[&both[..], &http[..]].concat());
        let file = [
            ("path", r#""x""#),
            ("format", r#""json""#),
            ("format", r#""proto""#),
            ("append", "true"),
            ("compression", r#""zstd""#),
            ("compression_params", r#"{"level": 1}"#),
            ("rotation", r#"{"max_megabytes": 1, "max_days": 1, "max_backups": 1, "localtime": true}"#),
            ("flush_interval", r#""1s""#),
            ("create_directory", "true"),
            ("directory_permissions", r#""0755""#),
            ("encoding", r#""x""#),
            ("group_by", r#"{"enabled": true, "resource_attribute": "x", "max_open_files": 1}"#),
        ];
        assert_known::<file::Config>("file", include_str!("file/README.md"), &file);
        let debug = [
            ("verbosity", r#""detailed""#),
            ("sampling_initial", "2"),
            ("sampling_thereafter", "1"),
            ("use_internal_logger", "false"),
            ("output_paths", r#"["stdout"]"#),
            ("sending_queue", queue),
        ];
        assert_known::<debug::Config>("debug", include_str!("debug/README.md"), &debug);
    }

    #[test]
    fn what_the_readmes_show_can_be_built() {
        let nobody = Authenticators::default();
        build_shown(include_str!("otlp_grpc/README.md"), "otlp_grpc", |keys| otlp_grpc::build(keys, &nobody));
        build_shown(include_str!("otlp_http/README.md"), "otlp_http", |keys| otlp_http::build(keys, &nobody));
        build_shown(include_str!("file/README.md"), "file", file::build);
        build_shown(include_str!("debug/README.md"), "debug", debug::build);
        build_shown(include_str!("nop/README.md"), "nop", |keys| Ok(nop::build(keys)));
    }
}
