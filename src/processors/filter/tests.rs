use serde_json::json;

use super::*;
use crate::processors::trials::{attributes, config, gauges, log_records, names, run, spans};

fn built(yaml: &str) -> Filter {
    build(&config(yaml)).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn wrong(yaml: &str) -> Vec<String> {
    let faults = build(&config(yaml)).expect_err("it is not right");
    faults.into_iter().map(|fault| format!("{}: {}", fault.path.join("."), fault.message)).collect()
}

fn three() -> Payload {
    spans([
        json!({"name": "GET /health", "kind": 2, "attributes": attributes(&json!({"http.route": "/health"}))}),
        json!({"name": "GET /shop", "kind": 2, "status": {"code": 2}, "events": [
            {"name": "cache.hit"}, {"name": "exception", "attributes": attributes(&json!({"n": 1}))}]}),
        json!({"name": "query", "kind": 3, "parentSpanId": "00000000000000ab"}),
    ])
}

fn left(yaml: &str) -> Vec<String> {
    names(&run(&built(yaml), &three()).out)
}

#[test]
fn spans_that_a_condition_holds_for_are_dropped() {
    assert_eq!(left("traces: {span: ['attributes[\"http.route\"] == \"/health\"']}"), ["GET /shop", "query"]);
    assert_eq!(left("traces: {span: ['name == \"query\"', 'IsMatch(name, \"^GET /h\")']}"), ["GET /shop"]);
    assert_eq!(
        left("traces: {span: ['not IsRootSpan() or status.code == STATUS_CODE_ERROR']}"),
        ["GET /health"]
    );
    assert_eq!(left("traces: {span: ['instrumentation_scope.version == \"1.2\"']}"), [""; 0]);
    assert_eq!(left("traces: {resource: ['attributes[\"service.name\"] == \"shop\"']}"), [""; 0]);
    assert_eq!(left("traces: {span: ['resource.attributes[\"service.name\"] != \"shop\"']}").len(), 3);
}

#[test]
fn the_newer_style_takes_prefixes_and_groups() {
    assert_eq!(
        left("trace_conditions: ['span.kind == SPAN_KIND_CLIENT', 'resource.attributes[\"x\"] == 1']"),
        ["GET /health", "GET /shop"]
    );
    assert_eq!(left("trace_conditions: [{context: span, conditions: ['name == \"query\"']}, {context: scope, conditions: ['name == \"other\"']}]").len(), 2);
    assert_eq!(left("trace_conditions: ['scope.name == \"lib\"']"), [""; 0]);
}

#[test]
fn events_go_without_their_spans() {
    let passed = run(
        &built("traces: {spanevent: ['name == \"cache.hit\" and span.name == \"GET /shop\"']}"),
        &three(),
    );
    assert_eq!(passed.discarded, 0);
    let events = |payload: &Payload| {
        payload
            .items()
            .flat_map(|span| span.events())
            .map(|event| event.name().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(events(&passed.out), ["exception"]);
    let all =
        run(&built("trace_conditions: ['spanevent.attributes[\"n\"] == 1', 'span.kind == 2']"), &three());
    assert_eq!(events(&all.out), [""; 0], "both are about events, the innermost that a prefix names");
}

#[test]
fn log_records_are_dropped_by_severity_and_body() {
    let records = || {
        log_records([
            json!({"severityNumber": 5, "body": {"stringValue": "ping"}, "eventName": "a"}),
            json!({"severityNumber": 9, "severityText": "INFO", "body": {"kvlistValue": {"values": [
                {"key": "req", "value": {"kvlistValue": {"values": [{"key": "path", "value": {"stringValue": "/health"}}]}}}]}},
                "eventName": "b"}),
            json!({"eventName": "c", "traceId": "000102030405060708090a0b0c0d0e0f"}),
        ])
    };
    let left = |condition: &str| {
        names(&run(&built(&format!("logs: {{log_record: ['{condition}']}}")), &records()).out)
    };
    assert_eq!(
        left("severity_number < SEVERITY_NUMBER_INFO and severity_number != SEVERITY_NUMBER_UNSPECIFIED"),
        ["b", "c"]
    );
    assert_eq!(left("body == \"ping\""), ["b", "c"]);
    assert_eq!(left("IsMatch(body, \"/health\")"), ["a", "c"], "a map is its JSON");
    assert_eq!(left("body[\"req\"][\"path\"] == \"/health\""), ["a", "c"]);
    assert_eq!(left("body == nil"), ["a", "b"]);
    assert_eq!(left("trace_id.string == \"000102030405060708090a0b0c0d0e0f\""), ["a", "b"]);
}

#[test]
fn metrics_and_data_points_are_dropped() {
    let payload = || {
        gauges([
            ("go_gc", vec![json!({"a": 1}), json!({"b": "x"})]),
            ("cpu", vec![json!({"b": "y"}), json!({})]),
        ])
    };
    let left = |yaml: &str| names(&run(&built(yaml), &payload()).out);
    assert_eq!(left("metrics: {metric: ['IsMatch(name, \"^go_\")']}"), ["cpu", "cpu"]);
    assert_eq!(left("metrics: {datapoint: ['attributes[\"b\"] == nil']}"), ["go_gc", "cpu"]);
    assert_eq!(
        left("metrics: {datapoint: ['metric.name == \"cpu\" or value_int != 7']}"),
        ["go_gc", "go_gc"]
    );
    assert_eq!(left("metrics: {metric: ['HasAttrKeyOnDatapoint(\"a\")']}"), ["cpu", "cpu"]);
    assert_eq!(
        left("metrics: {metric: ['HasAttrOnDatapoint(\"b\", \"y\") and type == METRIC_DATA_TYPE_GAUGE']}"),
        ["go_gc", "go_gc"]
    );
    assert_eq!(left("metric_conditions: ['datapoint.value_double > 0.5']").len(), 4);
}

#[test]
fn where_nothing_is_dropped_the_same_bytes_come_back() {
    for yaml in ["traces: {span: ['name == \"other\"']}", "logs: {log_record: ['true']}", "{}"] {
        assert!(
            run(&built(yaml), &three()).out.is_same(&three())
                || run(&built(yaml), &three()).out.bytes() == three().bytes()
        );
    }
    let payload = three();
    assert!(
        run(&built("traces: {span: ['false'], spanevent: ['name == \"x\"']}"), &payload)
            .out
            .is_same(&payload)
    );
}

#[test]
fn every_condition_that_is_wrong_is_named_with_its_column() {
    assert_eq!(
        wrong("traces: {span: ['name = 1', 'nme == \"a\"', 'log.body == \"x\"'], spanevent: ['kind == 1']}"),
        [
            "traces.span.0: column 6, at \"= 1\": one \"=\" sets; write \"==\" to compare",
            "traces.span.1: column 1, at \"nme == \\\"a\\\"\": \"nme\" is no field of a span in burgee's conditions; there are name, attributes, kind, kind.string, kind.deprecated_string, status.code, status.message, trace_id.string, span_id.string, parent_span_id.string, trace_state, start_time_unix_nano, end_time_unix_nano",
            "traces.span.2: column 1, at \"log.body == \\\"x\\\"\": a span has no log; its conditions reach span, scope, resource",
            "traces.spanevent.0: column 1, at \"kind == 1\": \"kind\" is no field of a spanevent in burgee's conditions; there are name, attributes, time_unix_nano",
        ]
        .map(|text| text.replace("\\\"", "\""))
    );
    assert!(wrong("trace_conditions: ['name == \"a\"']")[0].contains("needs the prefix of its context here"));
    assert!(
        wrong("trace_conditions: ['log.body == \"a\"']")[0].ends_with("asks about a log; traces have none")
    );
    assert!(wrong("trace_conditions: ['true']")[0].contains("write a prefix such as span."));
    assert!(
        wrong("{trace_conditions: ['span.kind == 1'], traces: {span: ['true']}}")[0]
            .contains("cannot stand beside traces")
    );
    assert_eq!(
        wrong("trace_conditions: [{context: trace, conditions: ['true']}]")[0].split(':').next(),
        Some("trace_conditions.0.context")
    );
}

#[test]
fn the_older_style_is_refused_with_advice() {
    let faults = build(&config(
        "{spans: {include: {match_type: strict}}, metrics: {exclude: {}}, logs: {include: {a: 1}}}",
    ))
    .expect_err("it is refused");
    let paths: Vec<String> = faults.iter().map(|fault| fault.path.join(".")).collect();
    assert_eq!(paths, ["spans", "metrics.exclude", "logs.include"]);
    assert!(
        faults
            .iter()
            .all(|fault| fault.help.as_ref().is_some_and(|help| help.starts_with("write conditions: ")))
    );
    assert_eq!(warnings(&Config::default())[0].message, "has no conditions: nothing is dropped");
}
