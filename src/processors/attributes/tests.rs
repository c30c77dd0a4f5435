use serde_json::{Value as Json, json};

use super::*;
use crate::processors::trials::{attributes, config, gauges, log_records, run, shown, spans};

fn built(yaml: &str) -> AttributesProcessor {
    build(&config(yaml)).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn wrong(yaml: &str) -> Vec<String> {
    let faults = build(&config(yaml)).expect_err("it is not right");
    faults.into_iter().map(|fault| format!("{} {}", fault.path.join("."), fault.message)).collect()
}

/// What the actions make of a span's attributes.
fn of(actions: &str, before: &Json) -> Vec<String> {
    let payload = spans([json!({"attributes": attributes(before)})]);
    shown(&run(&built(&format!("actions: {actions}")), &payload).out).remove(0)
}

#[test]
fn insert_update_and_upsert_differ_in_what_has_to_be_there() {
    let all = "[{key: a, value: new, action: insert}, {key: b, value: new, action: insert},
        {key: c, value: new, action: update}, {key: a, value: newer, action: UPDATE},
        {key: d, value: new, action: upsert}]";
    assert_eq!(of(all, &json!({"a": "old"})), ["a=newer", "b=new", "d=new"]);
}

#[test]
fn a_value_has_the_type_that_it_has_in_yaml() {
    let all = "[{key: i, value: 1, action: upsert}, {key: d, value: 1.5, action: upsert},
        {key: b, value: true, action: upsert}, {key: s, value: \"1\", action: upsert},
        {key: l, value: [x, 2], action: upsert}, {key: m, value: {k: v}, action: upsert}]";
    assert_eq!(
        of(all, &json!({})),
        [
            "i=Int(1)",
            "d=Double(1.5)",
            "b=Bool(true)",
            "s=1",
            "l=Array([Str(\"x\"), Int(2)])",
            "m=Map({\"k\": Str(\"v\")})"
        ]
    );
}

#[test]
fn from_attribute_copies_and_does_nothing_without_it() {
    let all =
        "[{key: copy, from_attribute: list, action: insert}, {key: none, from_attribute: no, action: upsert},
        {key: peer, from_context: client.address, action: insert}]";
    assert_eq!(
        of(all, &json!({"list": ["x"]})),
        ["list=Array([Str(\"x\")])", "copy=Array([Str(\"x\")])", "peer=192.0.2.7"]
    );
}

#[test]
fn a_pattern_reaches_what_earlier_actions_made_and_no_more() {
    let all = "[{key: http.header.made, value: 1, action: insert}, {pattern: \"^http\\\\.header\\\\.\", action: delete},
        {key: http.header.later, value: 2, action: insert}]";
    let before = json!({"http.header.cookie": "secret", "http.route": "/"});
    assert_eq!(of(all, &before), ["http.route=/", "http.header.later=Int(2)"]);
}

#[test]
fn hashes_are_sha_256_of_the_bytes_that_the_collector_hashes() {
    let all = "[{key: text, action: hash}, {key: yes, action: hash}, {key: int, action: hash}, {key: double, action: hash},
        {key: list, action: hash}, {key: absent, action: hash}, {key: blank, action: hash}]";
    let before = json!({"blank": "", "text": "hello", "yes": true, "int": 1, "double": 1.5, "list": ["x"]});
    // printf hello | sha256sum; printf '\1' …; printf '\1\0\0\0\0\0\0\0' …; printf '\0\0\0\0\0\0\370\77' …
    assert_eq!(
        of(all, &before),
        [
            "blank=",
            "double=e163f8cb0f7067a7fc78ca859a77f849aea3214f38fb75b884e4a16be725c905",
            "int=7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8",
            "list=",
            "text=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "yes=4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a",
        ]
    );
}

#[test]
fn a_key_that_its_pattern_matches_too_is_hashed_twice() {
    let once = of("[{key: a, action: hash}]", &json!({"a": "x"}));
    let twice = of("[{key: a, action: hash}, {key: a, action: hash}]", &json!({"a": "x"}));
    let both = of("[{key: a, pattern: a, action: hash}]", &json!({"a": "x"}));
    assert_eq!(both, twice);
    assert_ne!(both, once);
}

#[test]
fn extract_sets_an_attribute_for_each_group() {
    let all = "[{key: url, pattern: \"^https?://(?P<host>[^:/]+)(:(?P<port>[0-9]+))?\", action: extract}]";
    assert!(wrong(&format!("actions: {all}"))[0].starts_with("actions.0.pattern needs a name for each"));
    let all = "[{key: url, pattern: \"^https?://(?P<host>[^:/]+)(?::(?P<port>[0-9]+))?\", action: extract}]";
    assert_eq!(
        of(all, &json!({"host": "old", "url": "http://shop:80/x"})),
        ["host=shop", "url=http://shop:80/x", "port=80"]
    );
    assert_eq!(of(all, &json!({"url": "http://shop/"})), ["url=http://shop/", "host=shop", "port="]);
    assert_eq!(of(all, &json!({"url": 7})), ["url=Int(7)"]);
    assert_eq!(of(all, &json!({"url": "ftp://x"})), ["url=ftp://x"]);
}

#[test]
fn what_can_be_converted_is() {
    let to = |kind: &str, value: Json| {
        let actions = format!("[{{key: a, action: convert, converted_type: {kind}}}]");
        of(&actions, &json!({"a": value})).remove(0)
    };
    assert_eq!(to("int", json!("12")), "a=Int(12)");
    assert_eq!(to("int", json!("twelve")), "a=twelve");
    assert_eq!(to("int", json!(3.9)), "a=Int(3)");
    assert_eq!(to("int", json!(true)), "a=Int(1)");
    assert_eq!(to("double", json!("1e2")), "a=Double(100.0)");
    assert_eq!(to("double", json!(2)), "a=Double(2.0)");
    assert_eq!(to("string", json!(0.5)), "a=0.5");
    assert_eq!(to("string", json!(["x"])), "a=[\"x\"]");
    assert_eq!(to("int", json!(["x"])), "a=Array([Str(\"x\")])");
}

#[test]
fn every_action_that_is_wrong_is_named_by_its_place() {
    assert_eq!(
        wrong(
            "actions: [{key: a}, {action: insert, value: 1}, {key: a, action: insert}, {action: delete},
              {key: a, action: delete, value: 1}, {key: a, action: insert, value: 1, from_attribute: b},
              {key: a, action: upsert, from_context: metadata.tenant}, {key: a, action: convert},
              {key: a, action: delete, pattern: \"(\"}, {key: a, action: extract, pattern: x}]"
        ),
        [
            "actions.0.action is missing; write insert, update, upsert, delete, hash, extract or convert",
            "actions.1.key is missing: insert needs the key of an attribute",
            "actions.2.value is missing: write it, or `from_attribute` or `from_context` instead",
            "actions.3.key is missing: delete needs the key of an attribute (or a `pattern`)",
            "actions.4.value has no meaning for delete; remove it",
            "actions.5 has several sources; keep one of value, from_attribute, from_context",
            "actions.6.from_context can only be client.address in this version: burgee keeps no headers of requests",
            "actions.7.converted_type is missing: write string, int or double",
            "actions.8.pattern is no regular expression: unclosed group",
            "actions.9.pattern needs a name for each of its groups, and at least one: the names are the new keys",
        ]
    );
    assert_eq!(wrong("{}"), ["actions is missing: the processor would do nothing"]);
}

const MARK: &str = "actions: [{key: seen, value: true, action: insert}]";

/// Which of the items were changed.
fn chosen(selection: &str, payload: &Payload) -> Vec<bool> {
    let processor = built(&format!("{MARK}\n{selection}"));
    shown(&run(&processor, payload).out)
        .iter()
        .map(|item| item.contains(&"seen=Bool(true)".to_owned()))
        .collect()
}

#[test]
fn spans_are_chosen_by_all_that_is_said_of_them() {
    let payload = spans([
        json!({"name": "GET /health", "kind": 2, "attributes": attributes(&json!({"a": 1}))}),
        json!({"name": "GET /shop", "kind": 2, "attributes": attributes(&json!({"a": "1"}))}),
        json!({"name": "query", "kind": 3}),
    ]);
    let chosen = |selection: &str| chosen(selection, &payload);
    assert_eq!(chosen("include: {match_type: strict, span_names: [query, GET /shop]}"), [false, true, true]);
    assert_eq!(chosen("exclude: {match_type: regexp, span_names: [\"/health$\"]}"), [false, true, true]);
    assert_eq!(chosen("include: {match_type: strict, span_kinds: [SPAN_KIND_CLIENT]}"), [false, false, true]);
    assert_eq!(
        chosen("include: {match_type: strict, services: [shop], attributes: [{key: a}]}"),
        [true, true, false]
    );
    assert_eq!(
        chosen("include: {match_type: strict, attributes: [{key: a, value: 1}]}"),
        [true, false, false]
    );
    assert_eq!(
        chosen("include: {match_type: regexp, attributes: [{key: a, value: \"1\"}]}"),
        [true, true, false]
    );
    assert_eq!(
        chosen("include: {match_type: strict, resources: [{key: service.name, value: pay}]}"),
        [false; 3]
    );
    assert_eq!(chosen("include: {match_type: strict, libraries: [{name: lib}]}"), [true; 3]);
    assert_eq!(chosen("include: {match_type: strict, libraries: [{name: lib, version: \"2\"}]}"), [false; 3]);
    let both = "include: {match_type: strict, span_kinds: [SPAN_KIND_SERVER]}
exclude: {match_type: strict, span_names: [GET /shop]}";
    assert_eq!(chosen(both), [true, false, false]);
}

#[test]
fn log_records_are_chosen_by_body_and_severity() {
    let payload = log_records([
        json!({"body": {"stringValue": "started"}, "severityNumber": 9, "severityText": "INFO"}),
        json!({"body": {"intValue": "500"}, "severityNumber": 17, "severityText": "ERROR"}),
        json!({}),
    ]);
    let chosen = |selection: &str| chosen(selection, &payload);
    assert_eq!(chosen("include: {match_type: regexp, log_bodies: [\"^5..$\"]}"), [false, true, false]);
    assert_eq!(chosen("include: {match_type: strict, log_severity_texts: [INFO]}"), [true, false, false]);
    assert_eq!(chosen("exclude: {match_type: strict, log_severity_number: {min: 13}}"), [true, false, true]);
    assert_eq!(
        chosen("include: {match_type: strict, log_severity_number: {min: 13, match_undefined: true}}"),
        [false, true, true]
    );
}

#[test]
fn data_points_are_chosen_by_the_name_of_their_metric() {
    let payload = gauges([("cpu", vec![json!({"a": 1}), json!({})]), ("memory", vec![json!({})])]);
    assert_eq!(chosen("include: {match_type: strict, metric_names: [cpu]}", &payload), [true, true, false]);
    assert_eq!(chosen("exclude: {match_type: regexp, metric_names: [^cpu]}", &payload), [false, false, true]);
}

#[test]
fn what_a_selection_says_has_to_fit_the_pipeline() {
    let misfits = |yaml: &str, signal| {
        let (errors, warnings) = misfits(&config(yaml), signal);
        let text = |fault: Fault| format!("{} {}", fault.path.join("."), fault.message);
        errors.into_iter().chain(warnings).map(text).collect::<Vec<_>>()
    };
    let names = format!("{MARK}\ninclude: {{match_type: strict, span_names: [x]}}");
    assert_eq!(misfits(&names, Signal::Traces), [""; 0]);
    assert_eq!(
        misfits(&names, Signal::Logs),
        ["include.span_names has no meaning for log records, and a pipeline has them"]
    );
    assert_eq!(
        misfits(&format!("{MARK}\ninclude: {{match_type: strict}}"), Signal::Traces),
        ["include says nothing about spans"]
    );
    assert!(
        misfits(&names, Signal::Metrics)[0].starts_with("include.span_names has no effect on data points")
    );
}

#[test]
fn a_selection_that_is_wrong_is_named_by_its_place() {
    let wrong = |selection: &str| wrong(&format!("{MARK}\n{selection}")).remove(0);
    assert_eq!(wrong("include: {services: [a]}"), "include.match_type is missing; write strict or regexp");
    assert!(
        wrong("exclude: {match_type: strict, span_kinds: [server]}")
            .starts_with("exclude.span_kinds.0 is none of SPAN")
    );
    assert_eq!(
        wrong("include: {match_type: regexp, span_names: [ok, \"(\"]}"),
        "include.span_names.1 is no regular expression: unclosed group"
    );
    assert_eq!(
        wrong("include: {match_type: regexp, attributes: [{key: a, value: 1}]}"),
        "include.attributes.0.value must be text with match_type regexp: it is a regular expression"
    );
}

#[test]
fn where_nothing_is_to_be_done_the_same_bytes_come_back() {
    let payload = spans([json!({"attributes": attributes(&json!({"a": "x"}))})]);
    for actions in [
        "[{key: b, action: delete}]",
        "[{key: b, action: hash}, {pattern: \"^c\", action: delete}]",
        "[{key: a, value: y, action: insert}]",
        "[{key: a, value: x, action: upsert}]",
        "[{key: b, value: y, action: insert}, {key: b, action: delete}]",
    ] {
        assert!(run(&built(&format!("actions: {actions}")), &payload).out.is_same(&payload), "{actions}");
    }
}
