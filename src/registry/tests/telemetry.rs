//! What `service.telemetry` is read as.

use super::*;
use crate::component::Listen;
use crate::telemetry::{Encoding, LogLevel};

fn telemetry(text: &str) -> Plan {
    read(&format!("service: {{telemetry: {text}}}")).unwrap_or_else(|report| panic!("{text}: {report}"))
}

fn mistakes(text: &str) -> String {
    complaints(&format!("service: {{telemetry: {text}}}")).join("\n")
}

/// The pages of metrics: where they are, and whether a taken port is an error.
fn pages(plan: &Plan) -> Vec<(String, WhenTaken)> {
    let pages = plan.extensions.iter().filter(|extension| &*extension.id == "telemetry");
    let listens = pages.flat_map(|extension| {
        let cx = ExtensionContext::new(extension.id.clone(), Board::new(), Arc::default(), Budget::new(0));
        extension.built.serve.as_ref().expect("it answers questions").listeners(cx)
    });
    listens.map(|Listen { endpoint, when_taken, .. }| (endpoint.to_string(), when_taken)).collect()
}

#[test]
fn unless_somebody_says_otherwise_metrics_are_on_8888_and_a_taken_port_is_no_error() {
    for text in ["{}", "{metrics: }", "{metrics: {level: basic}}", "{logs: {level: warn}}"] {
        let plan = telemetry(text);
        assert_eq!(pages(&plan), [("localhost:8888".to_owned(), WhenTaken::Warn)], "{text}");
        assert_eq!(warnings(&plan), [""; 0]);
    }
    for text in ["{metrics: {level: none}}", "{metrics: {readers: []}}"] {
        assert_eq!(pages(&telemetry(text)), [], "{text}");
    }
}

#[test]
fn whoever_asks_for_a_port_gets_that_port_or_an_error() {
    let plan = telemetry(
        "{metrics: {readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 9999}}}}, {pull: {exporter: {prometheus: }}}]}}",
    );
    let expected = [("0.0.0.0:9999", WhenTaken::Fail), ("localhost:8888", WhenTaken::Fail)];
    assert_eq!(pages(&plan), expected.map(|(at, when)| (at.to_owned(), when)));
    let found = mistakes(
        "{metrics: {readers: [{pull: {exporter: {prometheus: }}}, {pull: {exporter: {prometheus: }}}]}}",
    );
    assert!(
        found.contains("service.telemetry.metrics.readers: localhost:8888 is the place of two pages"),
        "{found}"
    );
}

#[test]
fn the_address_of_older_files_still_works() {
    let plan = telemetry("{metrics: {address: \":8889\"}}");
    assert_eq!(pages(&plan), [(":8889".to_owned(), WhenTaken::Fail)]);
    let warnings = warnings(&plan);
    assert!(
        warnings[0].contains("service.telemetry.metrics.address is what older Collectors had"),
        "{warnings:?}"
    );
    assert!(warnings[0].contains("host: 0.0.0.0, port: 8889"), "{warnings:?}");
}

#[test]
fn metrics_are_sent_over_otlp_by_a_task() {
    for (otlp, is_right) in [
        ("{protocol: grpc, endpoint: \"http://localhost:4317\"}", true),
        (
            "{protocol: http/protobuf, endpoint: \"http://localhost:4318\", headers: {a: b}, compression: gzip}",
            true,
        ),
        ("{endpoint: \"localhost:4318\", insecure: true}", true),
        ("{endpoint: \"http://localhost:4318/v1/metrics\", headers: [{name: a, value: b}]}", true),
        ("{protocol: http/json, endpoint: \"http://localhost:4318\"}", false),
        ("{endpoint: }", false),
    ] {
        let text = format!(
            "{{metrics: {{readers: [{{periodic: {{interval: 10000, timeout: 5s, exporter: {{otlp: {otlp}}}}}}}]}}}}"
        );
        let plan = read(&format!("service: {{telemetry: {text}}}"));
        assert_eq!(plan.is_ok(), is_right, "{otlp}: {plan:?}");
        let Ok(plan) = plan else { continue };
        let names: Vec<_> =
            plan.tasks.iter().flat_map(|work| &work.tasks).map(|task| task.name.as_str()).collect();
        assert_eq!(names, ["telemetry: metrics over OTLP, reader 0"]);
        assert_eq!(pages(&plan), [], "nobody asked for a page");
        assert_eq!(warnings(&plan), [""; 0], "{otlp}");
    }
}

#[test]
fn what_is_wrong_with_readers_is_said_at_its_place() {
    for (text, what) in [
        ("{metrics: {readers: [{}]}}", "readers[0]: a reader is either `pull` or `periodic`"),
        ("{metrics: {readers: [{pull: {exporter: {}}}]}}", "there is only prometheus"),
        ("{metrics: {readers: [{periodic: {exporter: {}}}]}}", "there is only otlp"),
        (
            "{metrics: {readers: [{periodic: {interval: 10, exporter: {otlp: {endpoint: \"http://h:1\"}}}}]}}",
            "readers[0].periodic.interval is 100 (milliseconds) at least",
        ),
        (
            "{metrics: {readers: [{periodic: {exporter: {otlp: {}}}}]}}",
            "periodic.exporter.otlp.endpoint is missing",
        ),
        ("{metrics: {level: loud}}", "unknown value \"loud\""),
        ("{metrics: {readers: [{pull: {exporter: {prometeus: }}}]}}", "did you mean \"prometheus\"?"),
        ("{metric: }", "unknown key \"metric\" in service.telemetry: did you mean \"metrics\"?"),
        ("{logs: {levle: info}}", "unknown key \"levle\" in service.telemetry.logs: did you mean \"level\"?"),
        ("{logs: {output_paths: ['']}}", "service.telemetry.logs.output_paths has an empty path"),
        ("{resource: [a]}", "expected a map"),
        ("{resource: {attributes: [{key: a}]}}", "an attribute is written `{name: …, value: …}`"),
    ] {
        let found = mistakes(text);
        assert!(found.contains(what), "{what:?} is not in {found}");
    }
}

#[test]
fn what_has_no_effect_is_a_warning() {
    for (text, what) in [
        ("{traces: {level: basic}}", "burgee does not trace itself"),
        ("{metrics: {views: [{}]}}", "service.telemetry.metrics.views has no effect"),
        ("{logs: {sampling: {enabled: true}}}", "service.telemetry.logs.sampling is read but has no effect"),
        ("{logs: {development: true}}", "logs.development"),
        ("{resource: {schema_url: x}}", "service.telemetry.resource.schema_url: is read but has no effect"),
    ] {
        let warnings = warnings(&telemetry(text)).join("\n");
        assert!(warnings.contains(what), "{what:?} is not in {warnings}");
    }
}

#[test]
fn the_log_is_as_the_file_says() {
    let logs = telemetry(
        "{logs: {level: debug, encoding: json, output_paths: [stdout, burgee.log], initial_fields: {team: 7}}}",
    )
    .logs;
    assert_eq!((logs.level, logs.encoding), (LogLevel::Debug, Encoding::Json));
    assert_eq!(logs.output_paths, ["stdout", "burgee.log"]);
    assert_eq!(logs.initial_fields["team"], "7");
    assert_eq!(read("{}").expect("right").logs.level, LogLevel::Info);
}
