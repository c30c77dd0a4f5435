use serde_json::json;

use super::*;
use crate::otlp::Signal;
use crate::processors::trials::{config, encode, run, short, spans};

fn built(yaml: &str) -> ResourceProcessor {
    build(&config(yaml)).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn resources(payload: &Payload) -> Vec<Vec<String>> {
    let show = |item: crate::otlp::Item<'_>| {
        let pairs = item.resource().attributes();
        pairs.iter().map(|(key, value)| format!("{key}={}", short(&value))).collect()
    };
    payload.items().map(show).collect()
}

#[test]
fn actions_change_resources_and_nothing_else() {
    let payload = spans([json!({"name": "a"}), json!({"name": "b"})]);
    let processor = built(
        "attributes: [{key: env, value: prod, action: insert}, {key: service.name, action: hash}, {key: seen, from_attribute: env, action: upsert}]",
    );
    let out = run(&processor, &payload).out;
    let shown = resources(&out);
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0][1..], ["env=prod", "seen=prod"]);
    assert!(shown[0][0].starts_with("service.name=") && shown[0][0].len() == 13 + 64);
    assert_eq!(out.items().map(|item| item.attributes().iter().count()).sum::<usize>(), 0);
}

#[test]
fn an_absent_resource_is_made() {
    let payload = encode(
        Signal::Logs,
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{}]}]}, {"scopeLogs": [{"logRecords": [{}]}]}]}),
    );
    let processor = built("attributes: [{key: env, value: prod, action: upsert}]");
    assert_eq!(resources(&run(&processor, &payload).out), [["env=prod"], ["env=prod"]]);
}

#[test]
fn where_nothing_is_to_be_done_the_same_bytes_come_back() {
    let payload = spans([json!({})]);
    let processor =
        built("attributes: [{key: absent, action: delete}, {key: service.name, value: x, action: insert}]");
    assert!(run(&processor, &payload).out.is_same(&payload));
}

#[test]
fn a_processor_without_actions_is_refused() {
    let faults = build(&Config::default()).expect_err("it would do nothing");
    assert_eq!(faults[0].path, ["attributes"]);
}
