//! What people see for each mistake that needs the whole configuration to be seen, one snapshot each. Those of a text or
//! of a single component are in `config` and beside the component.

use super::{Plan, read};
use crate::config::Source;

/// All that is said of a configuration, with its snippets.
fn said(text: &str) -> String {
    match read(text) {
        Ok(plan) => format!("it is valid\n\n{}", plan.warnings.render(false)),
        Err(report) => report.render(false),
    }
}

/// The same for what stands in a pipeline of one receiver and one exporter.
fn said_of_pipelines(pipelines: &str) -> String {
    said(&format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters: {{debug: }}\nservice:\n  pipelines:\n{pipelines}"
    ))
}

macro_rules! snapshots {
    ($($name:ident: $shown:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!($shown);
        }
    )*};
}

snapshots! {
    unknown_key: said("receivers:\n  otlp:\n    protocols:\n      htttp:\n");
    unknown_component: said("receivers:\n  oltp:\nexporters:\n  debgu:\n");
    component_of_the_contrib_distribution: said("receivers:\n  kafka:\nprocessors:\n  tail_sampling:\n");
    component_with_something_instead: said("exporters:\n  logging:\n  loki:\n    endpoint: http://loki:3100\n");
    undefined_component: said_of_pipelines("    traces:\n      receivers: [oltp]\n      processors: [batch]\n      exporters: [debug]\n");
    pipeline_without_receiver: said_of_pipelines("    traces:\n      exporters: [debug]\n");
    pipeline_without_exporter: said_of_pipelines("    traces:\n      receivers: [otlp]\n      exporters: []\n");
    no_pipelines: said("receivers: {otlp: {protocols: {grpc: }}}\nservice:\n  pipelines: {}\n");
    component_twice: said_of_pipelines("    traces:\n      receivers: [otlp, otlp]\n      exporters: [debug]\n");
    undefined_extension: said("extensions: {admin: }\nservice:\n  extensions: [admn]\n");
    unused_components: said(
        "receivers:\n  otlp: {protocols: {grpc: }}\n  otlp/unused: {protocols: {http: }}\nextensions:\n  admin:\nexporters:\n  debug:\nservice:\n  pipelines:\n    traces: {receivers: [otlp], exporters: [debug]}\n"
    );
    bad_ids: said("receivers:\n  otlp/:\n  o-t: {}\nservice:\n  pipelines:\n    metrics/: {receivers: [otlp], exporters: [debug]}\n");
    wrong_types: said("receivers: [otlp]\nservice:\n  pipelines: traces\n");
    pipelines_of_wrong_types: said_of_pipelines("    traces: debug\n    logs:\n      receivers: {otlp: }\n      exporters: [debug]\n");
    profiles: said_of_pipelines("    profiles:\n      receivers: [otlp]\n      exporters: [debug]\n");
    unknown_signal: said_of_pipelines("    trace:\n      receivers: [otlp]\n      exporters: [debug]\n");
    endpoint_missing: said("exporters:\n  otlp_grpc:\n");
    endpoint_without_port: said("exporters:\n  otlp_grpc:\n    endpoint: http://\n");
    endpoint_without_scheme: said("exporters:\n  otlp_http:\n    endpoint: collector:4318\n");
    endpoint_of_the_other_protocol: said("exporters:\n  otlp_grpc:\n    endpoint: http://localhost:4318\n  otlp_http:\n    endpoint: http://localhost:4317\n");
    listen_address_without_port: said("receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint: 0.0.0.0\n");
    port_used_twice: said("receivers:\n  otlp: {protocols: {grpc: {endpoint: 'localhost:4317'}}}\n  otlp/b: {protocols: {grpc: {endpoint: 'localhost:4317'}}}\n");
    missing_space: said("receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint:0.0.0.0:4317\n");
    unset_variable: said("exporters:\n  otlp_http:\n    endpoint: ${env:BACKEND}\n");
    numbers_that_cannot_be: said(
        "processors:\n  batch: {send_batch_size: 10, send_batch_max_size: 5}\n  memory_limiter: {check_interval: 1s}\nexporters:\n  otlp_http:\n    endpoint: http://localhost:1\n    timeout: -5s\n    sending_queue: {num_consumers: 0, batch: {min_size: 10, max_size: 5}}\n"
    );
    duration_without_unit: said("processors:\n  batch:\n    timeout: 5\n");
    unsupported_compression: said("exporters:\n  otlp_http:\n    endpoint: http://localhost:1\n    compression: brotli\n");
    old_metrics_address: said("receivers: {otlp: {protocols: {grpc: }}}\nexporters: {debug: }\nservice:\n  telemetry:\n    metrics:\n      address: 0.0.0.0:8888\n");
    old_name_of_an_exporter: said("exporters:\n  otlphttp:\n    endpoint: http://localhost:4318\n");
    short_hash_key: said("processors:\n  feature_flag:\n    context_id: hash\n    hash_key: hunter2\n");
    everything_at_once: said(
        "recievers: {}\nreceivers:\n  otlp:\n    protocols:\n      grpc: {endpoint: localhost}\nprocessors:\n  batc:\nexporters:\n  debug: {verbosity: loud}\nservice:\n  pipelines:\n    traces: {receivers: [otlp], processors: [batch], exporters: [debug]}\n"
    );
}

#[test]
fn a_mistake_in_the_second_file_or_a_flag_is_said_there() {
    let sources = [
        Source::new("base.yaml", "receivers: {otlp: {protocols: {grpc: }}}\nexporters: {debug: }\n"),
        Source::new("eu.yaml", "exporters:\n  debug:\n    verbosty: basic\n"),
        Source::setting("receivers.otlp.protocols.grpc.endpoint=0.0.0.0").expect("a setting"),
    ];
    let report = Plan::read(&sources, &|_| None).expect_err("two mistakes");
    insta::assert_snapshot!(report.render(false));
}
