use std::sync::Arc;

use super::*;
use crate::component::{Budget, ExtensionContext};
use crate::observe::board::Board;
use crate::otlp::Signal;

fn read(text: &str) -> Result<Plan, Report> {
    Plan::read(&[Source::new("collector.yaml", text)], &|_| None)
}

/// The short form of everything that is wrong, a line each.
fn complaints(text: &str) -> Vec<String> {
    let report = read(text).expect_err("it is not right");
    report.problems().iter().map(ToString::to_string).collect()
}

fn warnings(plan: &Plan) -> Vec<String> {
    plan.warnings.problems().iter().map(ToString::to_string).collect()
}

mod mistakes;
mod telemetry;

#[test]
fn the_default_receives_enriches_and_prints_every_signal() {
    let plan = Plan::read(&[Source::new(DEFAULT_NAME, DEFAULT)], &|_| None).expect("the default is right");
    let ways: Vec<String> =
        plan.pipelines.iter().map(|pipeline| format!("{}: {}", pipeline.id, pipeline.way())).collect();
    assert_eq!(
        ways,
        [
            "traces: otlp → feature_flag → debug",
            "metrics: otlp → feature_flag → debug",
            "logs: otlp → feature_flag → debug"
        ]
    );
    assert_eq!(warnings(&plan), [""; 0]);
    assert_eq!(plan.supplied, None);
    assert_eq!(admin_listens(&plan), ("127.0.0.1:4380".into(), WhenTaken::Warn));
}

#[test]
fn every_option_of_feature_flag_that_is_wrong_is_named_where_it_stands() {
    let found = complaints(
        "processors:
  feature_flag/words:
    originals: maybe
    value: sometimes
    context_id: hide
    project: trace
  feature_flag/types:
    max_flags_per_span: none
    provider_name: [GO Feature Flag]
    hash_key: {secret: hunter2}
  feature_flag/limits:
    max_flags_per_span: 0
    provider_name: \"a\\nb\"
  feature_flag/no_key:
    context_id: hash
  feature_flag/empty_key:
    context_id: hash
    hash_key: \"\"
  feature_flag/forgotten:
    hash_key: hunter2
service: {pipelines: {traces: {receivers: [otlp], processors: [feature_flag/words], exporters: [debug]}}}
",
    );
    let at = |line: usize, column: usize, what: &str| {
        let place = format!("collector.yaml:{line}:{column}: error: processors.feature_flag/");
        assert!(
            found.iter().any(|problem| problem.starts_with(&place) && problem.contains(what)),
            "nothing about {what:?} at {line}:{column} in {found:#?}"
        );
    };
    at(3, 16, "words.originals: unknown value \"maybe\" (known: drop, keep)");
    at(4, 12, "words.value: unknown value \"sometimes\"");
    at(5, 17, "words.context_id: unknown value \"hide\" (known: drop, hash, keep)");
    at(6, 14, "words.project: unknown value \"trace\" (known: off, request)");
    at(8, 25, "types.max_flags_per_span: expected a whole number");
    at(9, 20, "types.provider_name: expected text, found a list");
    at(10, 15, "types.hash_key: expected text, found a map");
    at(12, 25, "it can be 1 to 1024");
    at(13, 20, "no control characters");
    at(15, 17, "no_key.context_id is hash, which needs a `hash_key`");
    at(18, 15, "empty_key.hash_key is empty");
    at(20, 15, "forgotten.hash_key does nothing without `context_id: hash`");
    assert_eq!(found.len(), 12, "{found:#?}");
    let report = read("processors: {feature_flag: {hash_key: hunter2}}").expect_err("no hash").render(false);
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn what_is_wrong_with_definitions_is_said_at_its_place() {
    let found = complaints(
        "processors:
  feature_flag/none:
    definitions: {}
  feature_flag/both:
    definitions: {file: a, relay_proxy: {endpoint: \"http://h\"}}
  feature_flag/typo:
    definitions: {fil: a}
  feature_flag/endpoint:
    definitions: {relay_proxy: {endpoint: \"relay:1031\"}}
  feature_flag/too_often:
    definitions: {relay_proxy: {endpoint: \"http://h\", poll_interval: 1ms}}
  feature_flag/key:
    definitions: {relay_proxy: {endpoint: \"http://h\", api_key: \"hunter2\\n\"}}
  feature_flag/missing:
    definitions: {file: no/such/flags.yaml}
",
    );
    let at = |line: usize, column: usize, what: &str| {
        let place = format!("collector.yaml:{line}:{column}: error: ");
        let said = found.iter().any(|problem| problem.starts_with(&place) && problem.contains(what));
        assert!(said, "{place}{what} is not in {found:#?}");
    };
    at(3, 18, "definitions come from nowhere");
    at(5, 18, "write either `file` or `relay_proxy`");
    at(7, 19, "unknown key \"fil\" in processors.feature_flag/typo.definitions: did you mean \"file\"?");
    at(9, 43, "try \"http://relay:1031\"");
    at(11, 70, "`poll_interval` is 1s at least");
    at(13, 64, "a character that no HTTP header can have");
    at(15, 25, "definitions.file \"no/such/flags.yaml\" cannot be read");
    assert!(!found.concat().contains("hunter2"), "{found:#?}");
}

#[test]
fn a_broken_flag_file_is_shown_where_it_is_broken() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("flags.yaml");
    std::fs::write(&file, "flag:\n  variations:\n    - on\n").expect("a folder of ours");
    let path = file.display();
    let text = format!("processors:\n  feature_flag:\n    definitions:\n      file: {path}\n");
    let report = read(&text).expect_err("a list is no map").render(false);
    let shown = report.replace(&path.to_string(), "flags.yaml");
    for part in ["flags.yaml:3:5", "- on", "collector.yaml:4:13", "read because of this"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}

#[test]
fn only_processors_in_use_have_work_in_the_background() {
    let definitions = "definitions: {relay_proxy: {endpoint: \"http://localhost:1031\"}}";
    let plan = read(&format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}
processors: {{feature_flag: {{{definitions}}}, feature_flag/unused: {{{definitions}}}}}
exporters: {{nop: }}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [feature_flag], exporters: [nop]}}
    logs: {{receivers: [otlp], processors: [feature_flag], exporters: [nop]}}"
    ))
    .expect("right");
    let names: Vec<_> =
        plan.tasks.iter().flat_map(|work| &work.tasks).map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["feature_flag: definitions"]);
}

#[test]
fn a_file_with_only_a_receiver_gets_the_rest_from_the_default() {
    let plan = read(
        "receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
      http:
        endpoint: 0.0.0.0:4318
        cors:
          allowed_origins:
            - \"*\"
",
    )
    .expect("this block is in every tutorial");
    assert_eq!(
        plan.supplied.as_deref(),
        Some(
            "the configuration has no processors, exporters and service.pipelines: \
             traces, metrics, logs go otlp → feature_flag → debug"
        )
    );
    assert_eq!(plan.pipelines.len(), Signal::ALL.len());
    assert_eq!(warnings(&plan), [""; 0]);
}

#[test]
fn without_a_service_everything_that_is_defined_is_connected() {
    let plan = read(
        "receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: , feature_flag: , memory_limiter: {check_interval: 1s, limit_mib: 100}}
exporters: {nop: , debug: }",
    )
    .expect("right");
    let pipeline = &plan.pipelines[0];
    assert_eq!(pipeline.way(), "otlp → feature_flag → nop, debug");
    assert_eq!(pipeline.batch, Some(BatchConfig { is_before_queue: true, ..BatchConfig::default() }));
    assert_eq!(plan.memory_limit, Some(80 << 20));
    assert!(plan.supplied.expect("the pipelines were").contains("no service.pipelines"));
}

#[test]
fn an_empty_file_is_the_default() {
    let plan = read("# nothing yet\n").expect("nothing is wrong with it");
    assert_eq!(plan.pipelines[0].way(), "otlp → feature_flag → debug");
}

#[test]
fn aliases_are_the_component_they_stand_for() {
    for exporter in ["otlp_grpc", "otlp", "otlp_http", "otlphttp"] {
        let text = format!("exporters: {{{exporter}/eu: {{endpoint: \"http://localhost:9\"}}}}");
        let plan = read(&text).unwrap_or_else(|report| panic!("{exporter}: {report}"));
        assert_eq!(plan.exporters[0].id.to_string(), format!("{exporter}/eu"));
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_where() {
    let found = complaints(
        "recievers: {}
receivers:
  otlp:
    protocols:
      htttp:
processors:
  tail_sampling:
  batc:
exporters:
  logging:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp, otlp]
      processors: [feature_flags]
      exporters: [debgu]
    metrics/a b:
      receivers: [otlp]
    logs:
      receivers: []
      exporters: [debug]
",
    );
    for (at, what) in [
        ("collector.yaml:1:1: error: unknown key \"recievers\" at the top: did you mean \"receivers\"?", ""),
        (
            "collector.yaml:5:7: error: unknown key \"htttp\" in receivers.otlp.protocols: did you mean \"http\"?",
            "",
        ),
        ("collector.yaml:7:3: error: processor \"tail_sampling\" exists in the OpenTelemetry Collector", ""),
        ("collector.yaml:8:3: error: unknown processor \"batc\": did you mean \"batch\"?", ""),
        ("collector.yaml:10:3: error: exporter \"logging\" is not in burgee", "write debug"),
        (
            "collector.yaml:15:25: error: service.pipelines.traces.receivers: references receiver \"otlp\" multiple",
            "",
        ),
        (
            "collector.yaml:16:20: error: service.pipelines.traces.processors: references processor \"feature_flags\"",
            "",
        ),
        (
            "collector.yaml:17:19: error: service.pipelines.traces.exporters: references exporter \"debgu\" which is not configured",
            "did you mean \"debug\"?",
        ),
        ("collector.yaml:18:5: error: service.pipelines: ", "invalid character(s) in name \"a b\""),
        (
            "collector.yaml:21:7: error: service.pipelines.logs: must have at least one receiver",
            "`receivers: [otlp]`",
        ),
    ] {
        let hit = found.iter().any(|line| line.starts_with(at) && line.contains(what));
        assert!(hit, "no {at:?} … {what:?} in:\n{}", found.join("\n"));
    }
}

#[test]
fn a_component_nobody_uses_is_a_warning() {
    let plan = read(
        "receivers: {otlp: {protocols: {http: }}, otlp/b: {protocols: {http: }}}
exporters: {debug: , nop: }
extensions: {admin: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}",
    )
    .expect("right");
    let warnings = warnings(&plan).join("\n");
    for unused in ["receiver \"otlp/b\"", "exporter \"nop\"", "extension \"admin\""] {
        assert!(warnings.contains(&format!("warning: {unused} is configured, but not in")), "{warnings}");
    }
    assert_eq!(plan.receivers.len(), 1);
    assert_eq!(plan.exporters.len(), 1);
    assert_eq!(admin_listens(&plan), ("127.0.0.1:4380".into(), WhenTaken::Warn));
}

#[test]
fn the_admin_extension_is_asked_for_when_the_service_names_it() {
    let plan = read(
        "extensions: {admin: {endpoint: 127.0.0.1:9}}
service: {extensions: [admin]}",
    )
    .expect("right");
    assert_eq!(admin_listens(&plan), ("127.0.0.1:9".into(), WhenTaken::Fail));
}

/// Where the one admin service listens, and what it means that somebody else does.
fn admin_listens(plan: &Plan) -> (String, WhenTaken) {
    let admins: Vec<_> = plan.extensions.iter().filter(|extension| &*extension.id == "admin").collect();
    let [admin] = admins[..] else { panic!("one admin service: {:?}", plan.extensions) };
    let cx = ExtensionContext::new(admin.id.clone(), Board::new(), Arc::default(), Budget::new(0));
    let listen = admin.built.serve.as_ref().expect("it answers questions").listeners(cx);
    (listen[0].endpoint.to_string(), listen[0].when_taken)
}

#[test]
fn a_receiver_without_a_protocol_is_refused() {
    let found = complaints("receivers: {otlp: }").join("\n");
    assert!(found.contains("receivers.otlp.protocols needs at least one protocol"), "{found}");
}

#[test]
fn two_receivers_cannot_have_one_port_but_two_protocols_can() {
    let found = complaints(
        "receivers:
  otlp: {protocols: {grpc: {endpoint: 0.0.0.0:4317}, http: {endpoint: 0.0.0.0:4317}}}
  otlp/b: {protocols: {http: {endpoint: 0.0.0.0:4317}}}",
    );
    let message = "collector.yaml:3:41: error: receivers.otlp/b.protocols.http.endpoint 0.0.0.0:4317 is already the \
                   endpoint of receivers.otlp; choose another port";
    assert_eq!(found, [message]);
}

#[test]
fn what_components_find_odd_is_a_warning_at_its_key() {
    let plan = read(
        "receivers: {otlp: {protocols: {grpc: {read_buffer_size: 524288}}}}
exporters: {otlp_http: {endpoint: \"http://localhost:4317\"}}",
    )
    .expect("right");
    let warnings = warnings(&plan);
    let at = "collector.yaml:1:57: warning: receivers.otlp.protocols.grpc.read_buffer_size has no effect";
    assert!(warnings[0].starts_with(at), "{warnings:?}");
    assert!(warnings[1].contains("4317"), "{warnings:?}");
}

#[test]
fn a_short_hash_key_is_a_warning_that_does_not_show_it() {
    let plan = read("processors: {feature_flag: {context_id: hash, hash_key: hunter2}}").expect("right");
    let found = warnings(&plan).join("\n");
    let said = "collector.yaml:1:57: warning: processors.feature_flag.hash_key has 7 bytes";
    assert!(found.starts_with(said) && !found.contains("hunter2"), "{found}");
    let key = "0123456789abcdef";
    let plan = read(&format!("processors: {{feature_flag: {{context_id: hash, hash_key: {key}}}}}"));
    assert_eq!(warnings(&plan.expect("right")), [""; 0]);
}

#[test]
fn an_old_name_of_an_exporter_is_a_warning_with_the_new_one() {
    let plan = read("exporters: {otlp: {endpoint: \"http://localhost:9\"}}").expect("right");
    let said = "collector.yaml:1:13: warning: exporter \"otlp\" is called otlp_grpc by now; the old name is read as well";
    assert_eq!(warnings(&plan), [said]);
}

#[test]
fn a_connector_that_the_collector_alone_has_is_refused() {
    let found = complaints("connectors: {spanmetrics: }").join("\n");
    assert!(found.contains("connector \"spanmetrics\" exists in the OpenTelemetry Collector"), "{found}");
}

#[test]
fn what_is_wrong_in_a_list_of_a_processor_is_named_by_its_number() {
    let found = complaints(
        "processors:
  attributes:
    actions:
      - {key: a, action: delete}
      - {key: a, action: extract}
    include: {match_type: strict, span_names: [x]}
  filter:
    traces:
      span: ['name == \"x\"', 'nme == 1']
  attributes/logs:
    actions: [{key: a, action: delete}]
    include: {match_type: strict, span_names: [x]}
  probabilistic_sampler:
service: {pipelines: {
  logs: {receivers: [otlp], processors: [attributes/logs], exporters: [debug]},
  metrics: {receivers: [otlp], processors: [probabilistic_sampler], exporters: [debug]}}}
",
    );
    let at = |place: &str, what: &str| {
        let start = format!("collector.yaml:{place}: error: processors.{what}");
        assert!(found.iter().any(|problem| problem.starts_with(&start)), "no {start} in {found:#?}");
    };
    at("5:9", "attributes.actions[1].pattern is missing");
    at("9:29", "filter.traces.span[1] column 1, at \"nme == 1\"");
    at("12:47", "attributes/logs.include.span_names has no meaning for log records");
    at("13:24", "probabilistic_sampler samples by trace ids");
}

#[test]
fn connectors_lead_from_pipelines_into_others() {
    let plan = read(
        "service: {pipelines: {
  traces/in: {receivers: [otlp], processors: [feature_flag], exporters: [forward]},
  traces/out: {receivers: [forward], exporters: [debug, forward/more]},
  traces/last: {receivers: [forward/more], exporters: [debug]}}}
connectors: {forward: , forward/idle: , forward/more: }
",
    )
    .expect("right");
    let connectors: Vec<String> = plan.connectors.iter().map(ToString::to_string).collect();
    assert_eq!(connectors, ["forward", "forward/more"]);
    assert_eq!(plan.receivers.len(), 1);
    assert!(warnings(&plan)[0].contains("connector \"forward/idle\" is configured, but not in a pipeline"));
}

#[test]
fn connectors_that_lead_nowhere_or_back_are_refused() {
    let wrong = |pipelines: &str| {
        complaints(&format!(
            "connectors: {{forward: , forward/2: }}\nservice: {{pipelines: {{{pipelines}}}}}"
        ))
    };
    assert_eq!(
        wrong(
            "traces/in: {receivers: [otlp], exporters: [forward]}, logs: {receivers: [forward], exporters: [debug]}"
        ),
        [
            "collector.yaml:1:14: error: connector \"forward\" used as exporter in [traces/in] pipeline but not used in any supported receiver pipeline; add it to the receivers of a pipeline of traces, or remove it there",
            "collector.yaml:1:14: error: connector \"forward\" used as receiver in [logs] pipeline but not used in any supported exporter pipeline; add it to the exporters of a pipeline of logs, or remove it there",
        ]
    );
    assert_eq!(
        wrong(
            "traces/1: {receivers: [otlp, forward/2], exporters: [forward]}, traces/2: {receivers: [forward], exporters: [forward/2]}"
        ),
        [
            "collector.yaml:1:14: error: cycle detected: connector \"forward\" (traces to traces) -> connector \"forward/2\" (traces to traces) -> connector \"forward\"; take it out of one of the pipelines traces/1, traces/2",
        ]
    );
    let found = complaints(
        "connectors: {forward: }\nexporters: {forward: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [forward]}}}",
    )
    .join("\n");
    assert!(found.contains("ambiguous id: there are a connector and an exporter \"forward\""), "{found}");
}

#[test]
fn an_authenticator_has_to_be_an_extension_of_the_service() {
    let found = complaints(
        "extensions:
  bearertokenauth: {token: hunter2}
  basicauth/in: {htpasswd: {inline: \"me:hunter2\"}}
  basicauth/broken: {htpasswd: {inline: \"me:$apr1$hunter2\"}}
receivers:
  otlp/idle: {protocols: {grpc: {auth: {authenticator: bearertokenauth}}}}
  otlp/typo: {protocols: {http: {auth: {authenticator: basicauth/inn}}}}
  otlp/broken: {protocols: {http: {auth: {authenticator: basicauth/broken}}}}
exporters:
  otlp_grpc: {endpoint: \"http://localhost:9\", auth: {authenticator: basicauth/in}}
service: {extensions: [basicauth/in, basicauth/broken]}
",
    );
    let at = |line: usize, column: usize, what: &str| {
        let place = format!("collector.yaml:{line}:{column}: error: ");
        let said = found.iter().any(|problem| problem.starts_with(&place) && problem.contains(what));
        assert!(said, "{place}{what} is not in {found:#?}");
    };
    at(4, 41, "htpasswd -B");
    at(6, 56, "names \"bearertokenauth\", which is not in service.extensions");
    at(7, 56, "did you mean \"basicauth/in\"?");
    at(10, 69, "only tells who sends to burgee");
    assert_eq!(found.len(), 4, "what is broken is said once: {found:#?}");
    assert!(!found.join(" ").contains("hunter2"), "{found:#?}");
}

#[test]
fn every_type_that_is_listed_can_be_built() {
    for section in Section::ALL {
        for kind in known(section) {
            let settings = match *kind {
                "otlp" if section == Section::Receivers => "{protocols: {http: }}",
                "otlp_grpc" | "otlp" | "otlp_http" | "otlphttp" => "{endpoint: \"http://localhost:9\"}",
                "file" => "{path: telemetry.jsonl}",
                "memory_limiter" => "{check_interval: 1s, limit_mib: 10}",
                "attributes" => "{actions: [{key: a, action: delete}]}",
                "resource" => "{attributes: [{key: a, action: delete}]}",
                "bearertokenauth" | "bearer_token_auth" => "{token: x}",
                "basicauth" | "basic_auth" => "{htpasswd: {inline: \"a:b\"}}",
                _ => "",
            };
            let text = format!("{}: {{{kind}: {settings}}}", section.key());
            read(&text).unwrap_or_else(|report| panic!("{text}: {report}"));
        }
    }
}

#[test]
fn variables_and_later_files_count() {
    let env = |name: &str| (name == "PORT").then(|| "5317".to_owned());
    let first = Source::new(
        "a.yaml",
        "receivers: {otlp: {protocols: {grpc: {endpoint: \"localhost:${env:PORT}\"}}}}",
    );
    let second = Source::new("b.yaml", "exporters: {nop: }");
    let plan = Plan::read(&[Arc::clone(&first), second], &env).expect("right");
    let grpc = plan.receivers[0].config.protocols.grpc.as_ref().expect("it is on");
    assert_eq!(grpc.endpoint.to_string(), "localhost:5317");
    assert_eq!(plan.exporters[0].id.to_string(), "nop");
}
