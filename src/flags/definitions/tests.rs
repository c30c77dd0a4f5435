use std::time::Duration;

use super::*;

#[test]
fn the_three_syntaxes_say_the_same() {
    let yaml = parse(CHECKOUT_YAML, Syntax::Yaml);
    let json = parse(CHECKOUT_JSON, Syntax::Json);
    let toml = parse(CHECKOUT_TOML, Syntax::Toml);
    assert_eq!(yaml, json);
    assert_eq!(yaml, toml);
    for text in [CHECKOUT_YAML, CHECKOUT_JSON, CHECKOUT_TOML] {
        assert_eq!(parse(text, Syntax::Unknown), yaml, "{text}");
    }
    let flag = yaml.get("new-checkout").expect("it is in there");
    let now = flag.at(date("2026-01-01T00:00:00Z"));
    assert_eq!(now.version(), Some("3.1.0"));
    assert!(now.declares("on") && now.declares("off") && !now.declares("true"));
    assert_eq!(flag.metadata("owner"), Some(&"payments-team".into()));
    assert_eq!(now.targeting().len(), 1);
    assert_eq!(flag.expected("new-checkout", "user-46", date("2026-01-01T00:00:00Z")), Some("on"));
}

#[test]
fn names_and_versions_are_text_however_they_look() {
    let text = "
flag:
  variations: {True: true, False: false, on: 1, 1: 2, ~x: 3, Empty: ~}
  defaultRule: {variation: True, percentage: {True: 30, False: 70}}
  version: 1.10
";
    let definitions = parse(text, Syntax::Yaml);
    let flag = definitions.get("flag").expect("a flag");
    let now = flag.at(SystemTime::UNIX_EPOCH);
    for name in ["True", "False", "on", "1", "~x"] {
        assert!(now.declares(name), "{name}");
    }
    assert!(!now.declares("Empty"), "GO Feature Flag knows no null");
    assert_eq!(now.version(), Some("1.10"));
    // buckets 24322 and 46703; the original has `True` before `False`
    assert_eq!(flag.expected("flag", "a", SystemTime::UNIX_EPOCH), Some("True"));
    assert_eq!(flag.expected("flag", "b", SystemTime::UNIX_EPOCH), Some("False"));
    let of_number = |text, syntax| {
        parse(text, syntax).get("a").and_then(|a| a.at(date(START)).version().map(str::to_owned))
    };
    assert_eq!(
        of_number(r#"{"a": {"version": 2, "variations": {"a": 1}}}"#, Syntax::Json).as_deref(),
        Some("2")
    );
    assert_eq!(of_number("[a]\nversion = 2.5\nvariations.a = 1", Syntax::Toml).as_deref(), Some("2.5"));
}

#[test]
fn what_go_feature_flags_yaml_takes_is_taken() {
    let text = "
flag:
  variations: {~: 1, on: true, off: false}
  disable: no
  targeting: [{query: a eq 1, variation: on, disable: yes}]
  scheduledRollout:
    - {date: 2026-1-5, disable: Yes}
    - {date: 2026-1-6 1:2:3, disable: off}
    - {date: 2026-01-07T1:2:3.5Z, version: 2}
---
other: [is not read
";
    let definitions = parse(text, Syntax::Yaml);
    assert_eq!(definitions.len(), 1);
    let flag = definitions.get("flag").expect("a flag");
    let disabled = |at| flag.at(date(at)).disabled;
    assert!(!disabled("2026-01-04T23:59:59Z") && disabled("2026-01-05T00:00:00Z"));
    assert!(disabled("2026-01-06T01:02:02Z") && !disabled("2026-01-06T01:02:03Z"));
    assert_eq!(flag.at(date("2026-01-07T01:02:03.4Z")).version(), None);
    let last = flag.at(date("2026-01-07T01:02:03.5Z"));
    assert_eq!(last.version(), Some("2"));
    assert!(last.declares("on") && last.declares("off") && last.declares(""));
    assert!(last.targeting()[0].disabled);
    let error =
        Definitions::parse("f: {variations: {a: 1}, disable: maybe}", Syntax::Yaml).expect_err("no bool");
    assert!(error.message.contains("true or false"), "{error}");
    for name in ["a.json", "a.toml"] {
        let text = if name == "a.json" {
            r#"{"f":{"variations":{"a":1},"disable":true}}"#
        } else {
            "[f]\nvariations.a=1\ndisable=true"
        };
        let definitions = parse(text, Syntax::of(std::path::Path::new(name)));
        assert!(definitions.get("f").is_some_and(|flag| flag.at(date(START)).disabled), "{name}");
    }
}

#[test]
fn what_is_not_known_is_passed_over() {
    let text = "
common: &rule {percentage: {a: 100}}
flag:
  variations: {a: [1, {b: c}]}
  defaultRule: {<<: *rule, disabled: true, since: 2026-01-01}
  converter: v2
  trackEvents: false
  owners: [a, b]
";
    let definitions = parse(text, Syntax::Yaml);
    assert_eq!(definitions.len(), 1, "an entry without variations is no flag");
    assert_eq!(definitions.get("flag").and_then(|f| f.expected("flag", "x", date(START))), Some("a"));
}

#[test]
fn flagd_has_variants_a_state_and_shared_metadata() {
    let text = r#"{
      "$schema": "https://flagd.dev/schema/v0/flags.json",
      "flags": {
        "banner": {
          "state": "ENABLED",
          "variants": {"red": "c05543", "blue": "2f5230"},
          "defaultVariant": "red",
          "targeting": {"fractional": [["red", 50], ["blue", 50]]},
          "metadata": {"version": 17, "owner": "design"}
        },
        "off": {"state": "DISABLED", "variants": {"a": 1}, "defaultVariant": null, "targeting": {}}
      },
      "metadata": {"flagSetId": "shop", "owner": "shop-team"}
    }"#;
    let definitions = parse(text, Syntax::Json);
    let banner = definitions.get("banner").expect("a flag");
    let now = banner.at(date(START));
    assert_eq!(now.variation_of(Seen::Text("2f5230")), Some("blue"));
    assert_eq!(now.version(), Some("17"));
    assert_eq!(banner.metadata("owner"), Some(&"design".into()));
    assert_eq!(banner.metadata("flagSetId"), Some(&"shop".into()));
    assert_eq!(now.targeting().len(), 1);
    assert_eq!(banner.expected("banner", "user", date(START)), None, "its buckets are not GO Feature Flag's");
    let off = definitions.get("off").expect("a flag");
    assert!(off.at(date(START)).targeting().is_empty());
    assert_eq!(off.metadata("owner"), Some(&"shop-team".into()));
}

#[test]
fn a_flags_own_null_hides_what_all_flags_share() {
    let text = r#"{"metadata": {"owner": "all", "version": 1, "team": null},
      "flags": {"a": {"variants": {"x": 1}, "metadata": {"owner": null}}, "b": {"variants": {"x": 1}}}}"#;
    let definitions = parse(text, Syntax::Json);
    let [a, b] = ["a", "b"].map(|key| definitions.get(key).expect("a flag"));
    assert_eq!((a.metadata("owner"), b.metadata("owner")), (None, Some(&"all".into())));
    assert_eq!((a.metadata("team"), a.at(date(START)).version()), (None, Some("1")));
}

#[test]
fn what_all_flags_share_is_there_once() {
    let flags: Vec<_> = (0..10_000).map(|i| format!(r#""{i}":{{"variants":{{"x":1}}}}"#)).collect();
    let long = "x".repeat(1 << 20);
    let text = format!(r#"{{"metadata":{{"owner":"{long}"}},"flags":{{{}}}}}"#, flags.join(","));
    // 10 GB, if every flag had its own
    let definitions = parse(&text, Syntax::Json);
    let of = |key| definitions.get(key).and_then(|flag| flag.metadata("owner")).expect("metadata");
    assert!(std::ptr::eq(of("0"), of("9999")));
}

#[test]
fn a_flag_may_be_called_flags() {
    let definitions = parse("flags: {variations: {a: 1}, defaultRule: {variation: a}}", Syntax::Yaml);
    assert!(definitions.get("flags").is_some());
}

#[test]
fn the_relay_proxys_answer_is_read_also_without_flags() {
    let flags = |text| Definitions::parse_configuration(text).map(|flags| flags.len());
    assert_eq!(
        flags(r#"{"flags":{"a":{"variations":{"x":1}}},"evaluationContextEnrichment":{"env":"x"}}"#),
        Ok(1)
    );
    assert_eq!(flags(r#"{"evaluationContextEnrichment":{"env":"x"}}"#), Ok(0));
    let failed = flags(r#"{"errorCode":"RETRIEVING_FLAGS_ERROR","errorDetails":"no cache"}"#);
    assert_eq!(failed.map_err(|error| error.message), Err("RETRIEVING_FLAGS_ERROR: no cache".into()));
    assert!(flags("<html>").is_err());
}

#[test]
fn scheduled_steps_are_taken_in_the_order_of_their_dates() {
    let text = "
flag:
  variations: {on: true, off: false}
  targeting: [{name: beta, query: a eq 1, variation: on}]
  defaultRule: {percentage: {on: 0, off: 100}}
  version: one
  scheduledRollout:
    - date: 2026-03-01T00:00:00+01:00
      version: three
      disable: true
    - date: 2026-02-01T00:00:00Z
      version: two
      variations: {new: 1}
      defaultRule: {percentage: {new: 100, on: -1, off: 0}}
      targeting: [{name: beta, disable: true}, {name: other, query: b eq 1, variation: off}]
";
    let definitions = parse(text, Syntax::Yaml);
    let flag = definitions.get("flag").expect("a flag");
    let version = |at: &str| flag.at(date(at)).version();
    assert_eq!(version("2026-01-31T23:59:59Z"), Some("one"));
    assert_eq!(version("2026-02-01T00:00:00Z"), Some("two"));
    assert_eq!(version("2026-02-28T22:59:59Z"), Some("two"));
    assert_eq!(version("2026-02-28T23:00:00Z"), Some("three"));
    let expected = |at: &str| flag.expected("flag", "user", date(at));
    assert_eq!(expected("2026-01-01T00:00:00Z"), Some("off"));
    assert_eq!(expected("2026-02-01T00:00:00Z"), Some("new"));
    assert_eq!(expected("2026-03-01T00:00:00Z"), None, "it is off");
    assert!(!flag.at(date("2026-01-01T00:00:00Z")).declares("new"));
    let second = flag.at(date("2026-02-01T00:00:00Z"));
    assert!(second.declares("new") && second.declares("on"));
    let rules: Vec<_> = second.targeting().iter().map(|rule| (rule.name.as_deref(), rule.disabled)).collect();
    assert_eq!(rules, [(Some("beta"), true), (Some("other"), false)]);
}

#[test]
fn outside_its_experimentation_a_flag_has_no_buckets() {
    let text = "
[flag]
variations = {a = 1, b = 2}
defaultRule = {percentage = {a = 50, b = 50}}
experimentation = {start = 2026-01-01T00:00:00Z, end = 2026-02-01T00:00:00Z}
";
    let definitions = parse(text, Syntax::Toml);
    let expected =
        |at: &str| definitions.get("flag").and_then(|flag| flag.expected("flag", "user", date(at)));
    assert_eq!(expected("2025-12-31T23:59:59Z"), None);
    assert!(expected("2026-01-01T00:00:00Z").is_some());
    assert!(expected("2026-02-01T00:00:00Z").is_some());
    assert_eq!(expected("2026-02-01T00:00:01Z"), None);
}

#[test]
fn a_flag_with_a_bucketing_key_is_left_alone() {
    let with = |key: &str| {
        let text = format!(
            "f: {{variations: {{a: 1}}, defaultRule: {{percentage: {{a: 100}}}}, bucketingKey: {key}}}"
        );
        parse(&text, Syntax::Yaml)
            .get("f")
            .and_then(|flag| flag.expected("f", "x", date(START)).map(str::to_owned))
    };
    assert_eq!(with("teamId"), None);
    assert_eq!(with("\"\"").as_deref(), Some("a"));
}

#[test]
fn a_broken_text_is_an_error_with_its_place() {
    for (text, syntax, place, says) in [
        ("a:\n  variations: [1]\n", Syntax::Yaml, "[1]", "expected"),
        ("{\"a\": 5}", Syntax::Json, "5", "a flag: a map with `variations`"),
        ("a:\n  variations: {x: 1}\n  defaultRule: {percentage: {x: lots}}\n", Syntax::Yaml, "lots", ""),
        ("a:\n\tb: c\n", Syntax::Yaml, "b", "tab"),
        ("a: {variations: {é: 1}, scheduledRollout: [{date: soon}]}", Syntax::Yaml, "soon", "not a date"),
        ("{\"a\": {\n\"variations\": 5}}", Syntax::Json, "5", "expected"),
        ("{\"a\": ", Syntax::Json, "", "EOF"),
        ("[a]\nvariations = 5\n", Syntax::Toml, "5", "expected"),
        ("[a\n", Syntax::Toml, "\n", ""),
    ] {
        let error = Definitions::parse(text, syntax).expect_err(text);
        let at = error.at.clone().unwrap_or_else(|| panic!("{text}: no place: {error}"));
        let near = text.get(at.start..).unwrap_or_else(|| panic!("{text}: {at:?} is not in it"));
        assert!(near.starts_with(place) && error.message.contains(says), "{text:?}: {near:?}: {error}");
        assert!(!error.message.contains(" at line "), "{error}");
    }
    for (text, says) in
        [("", "empty"), (" \n", "empty"), ("receivers: {otlp: {}}", "is it a flag file"), ("word", "")]
    {
        let error = Definitions::parse(text, Syntax::Yaml).expect_err(text);
        assert!(error.message.contains(says), "{text:?}: {error}");
    }
}

#[test]
fn what_would_grow_without_end_is_refused() {
    let bomb = format!("a: &a [x, x, x, x, x, x, x, x]\n{}", {
        let level = |(from, to): (char, char)| {
            format!("{to}: &{to} [*{from}, *{from}, *{from}, *{from}, *{from}, *{from}, *{from}, *{from}]\n")
        };
        ('a'..='y').zip('b'..='z').map(level).collect::<String>()
    });
    assert!(Definitions::parse(&bomb, Syntax::Yaml).is_err());
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Definitions::parse(&deep, Syntax::Json).is_err());
    assert!(Definitions::parse(&format!("a = {}", "[".repeat(100_000)), Syntax::Toml).is_err());
    assert!(Definitions::parse(&" ".repeat(FILE_BYTES_MAX + 1), Syntax::Json).is_err());
}

#[test]
fn what_all_flags_make_of_their_schedules_is_limited_together() {
    let name = "n".repeat(1000);
    let file = |flags: usize, steps: usize| {
        let step =
            format!(r#"{{"date":"2026-01-01T00:00:00Z","defaultRule":{{"percentage":{{"{name}":1}}}}}}"#);
        let steps = vec![step; steps].join(",");
        let flag = |key| format!(r#""{key}":{{"variations":{{"a":1}},"scheduledRollout":[{steps}]}}"#);
        format!("{{{}}}", (0..flags).map(flag).collect::<Vec<_>>().join(","))
    };
    assert_eq!(parse(&file(2, 100), Syntax::Json).len(), 2);
    let rules = vec![format!(r#"{{"query":"a eq 1","variation":"{name}"}}"#); 500].join(",");
    let step = r#"{"date":"2026-01-01T00:00:00Z","targeting":[{"name":"x","variation":"a"}]}"#;
    let flag = |key: usize| {
        let steps = vec![step; 50].join(",");
        format!(r#""{key}":{{"variations":{{"a":1}},"targeting":[{rules}],"scheduledRollout":[{steps}]}}"#)
    };
    let text = |flags| format!("{{{}}}", (0..flags).map(flag).collect::<Vec<_>>().join(","));
    assert_eq!(parse(&text(1), Syntax::Json).len(), 1);
    let error = Definitions::parse(&text(6), Syntax::Json).expect_err("6 times 50 times 500 KB");
    assert!(error.message.contains("more than 128 MiB"), "{error}");
}

#[test]
fn a_step_takes_no_memory_for_what_it_leaves_alone() {
    let rules = vec![r#"{"query":"a eq 1","variation":"a"}"#; 2000].join(",");
    let steps = vec![r#"{"date":"2026-01-01T00:00:00Z","version":"2"}"#; 2000].join(",");
    let text =
        format!(r#"{{"f":{{"variations":{{"a":1}},"targeting":[{rules}],"scheduledRollout":[{steps}]}}}}"#);
    let definitions = parse(&text, Syntax::Json);
    let flag = definitions.get("f").expect("a flag");
    assert_eq!(flag.at(date("2026-01-02T00:00:00Z")).targeting().len(), 2000);
}

fn parse(text: &str, syntax: Syntax) -> Definitions {
    Definitions::parse(text, syntax).unwrap_or_else(|error| panic!("{error} at {:?} in\n{text}", error.at))
}

/// In Z.
fn date(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap_or(SystemTime::UNIX_EPOCH + Duration::from_secs(1))
}

const START: &str = "2026-01-01T00:00:00Z";

const CHECKOUT_YAML: &str = r#"
new-checkout:
  variations: { on: true, off: false }
  targeting:
    - name: beta
      query: beta eq "true"
      variation: on
  defaultRule:
    percentage: { on: 10, off: 90 }
    progressiveRollout:
  version: "3.1.0"
  metadata: { owner: payments-team, issue-link: https://tracker/PAY-42, weight: 2, since: [2026-01-31] }
  scheduledRollout:
    - date: 2027-01-01T01:30:00.5+01:30
      version: "4"
"#;

const CHECKOUT_JSON: &str = r#"{"new-checkout": {
  "variations": {"on": true, "off": false},
  "targeting": [{"name": "beta", "query": "beta eq \"true\"", "variation": "on"}],
  "defaultRule": {"percentage": {"on": 10, "off": 90}},
  "version": "3.1.0",
  "metadata": {"owner": "payments-team", "issue-link": "https://tracker/PAY-42", "weight": 2, "since": ["2026-01-31"]},
  "scheduledRollout": [{"date": "2027-01-01T00:00:00.5Z", "version": "4"}]
}}"#;

const CHECKOUT_TOML: &str = r#"
[new-checkout]
version = "3.1.0"
variations = { on = true, off = false }
metadata = { owner = "payments-team", issue-link = "https://tracker/PAY-42", weight = 2, since = [2026-01-31] }

[[new-checkout.targeting]]
name = "beta"
query = 'beta eq "true"'
variation = "on"

[new-checkout.defaultRule.percentage]
on = 10
off = 90.0

[[new-checkout.scheduledRollout]]
date = 2026-12-31T22:30:00.5-01:30
version = "4"
"#;
