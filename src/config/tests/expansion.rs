//! Facts about `${…}`, with variables that are not the process's.

use serde_yaml::Value;

use super::{read, read_with};

#[test]
fn variables_are_expanded() {
    let variables = [
        ("HOST", "collector"),
        ("PORT", "4317"),
        ("ZEROS", "0123"),
        ("FLAG", "true"),
        ("LIST", "[a, '${env:HOST}']"),
        ("EMPTY", ""),
        ("NAME", "HOST"),
        ("BROKEN", "[a"),
        ("NESTED", "<${env:HOST}>"),
    ];
    for (written, value, text) in [
        ("${env:PORT}", Value::from(4317), "4317"),
        ("\"${env:PORT}\"", Value::from(4317), "4317"),
        ("${PORT}", Value::from(4317), "4317"),
        ("${env:ZEROS}", Value::from("0123"), "0123"),
        ("${env:FLAG}", Value::from(true), "true"),
        ("${env:HOST}:${env:PORT}", Value::from("collector:4317"), "collector:4317"),
        ("${env:UNSET:-fallback}", Value::from("fallback"), "fallback"),
        ("${UNSET:-5}", Value::from(5), "5"),
        ("${env:UNSET:-}", Value::Null, ""),
        ("${env:EMPTY:-unused}", Value::Null, ""),
        ("${env:UNSET:-${env:HOST}}", Value::from("collector"), "collector"),
        ("${env:${env:NAME}}", Value::from("collector"), "collector"),
        ("${env:LIST}", Value::from(vec!["a", "collector"]), "[a, 'collector']"),
        ("${env:BROKEN}", Value::from("[a"), "[a"),
        ("${env:NESTED}", Value::from("<collector>"), "<collector>"),
        ("$${env:HOST}", Value::from("${env:HOST}"), "${env:HOST}"),
        ("$$${env:HOST}", Value::from("$collector"), "$collector"),
        ("$HOST costs 5$", Value::from("$HOST costs 5$"), "$HOST costs 5$"),
        ("a$$b", Value::from("a$b"), "a$b"),
    ] {
        let root = read_with(&format!("key: {written}\n"), &variables).unwrap_or_else(|e| panic!("{e}")).root;
        let node = root.get("key").unwrap();
        assert_eq!(node.to_value(), value, "{written}");
        assert_eq!(node.text(), Some(text), "{written}");
    }
}

#[test]
fn keys_are_never_expanded() {
    let root = read_with("${env:HOST}: 1\n", &[("HOST", "x")]).unwrap().root;
    assert_eq!(root.entries()[0].key.text, "${env:HOST}");
}

#[test]
fn a_reference_that_is_not_closed_is_a_warning() {
    let loaded = read("key: a ${env:B\n").unwrap();
    assert_eq!(loaded.root.get("key").unwrap().text(), Some("a ${env:B"));
    assert_eq!(loaded.warnings.len(), 1);
    assert!(!loaded.warnings[0].is_error());
}

#[test]
fn all_missing_variables_are_reported_together() {
    let report = read("a: ${env:ONE}\nb: [x, '${env:TWO}']\n").unwrap_err();
    let messages: Vec<_> = report.problems().iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        ["a: environment variable \"ONE\" is not set", "b[1]: environment variable \"TWO\" is not set"]
    );
}

#[test]
fn variables_that_contain_themselves_end() {
    for (name, value) in [("A", "${env:A}"), ("A", "x${A}${A}"), ("A", "[['${A}', '${A}'], '${A}', '${A}']")]
    {
        let report = read_with("key: ${env:A}\n", &[(name, value)]).unwrap_err();
        assert!(report.to_string().contains("too many recursive expansions"), "{report}");
    }
}

#[test]
fn variables_that_explode_are_stopped() {
    let wide = "x".repeat(100_000);
    let many = "${env:WIDE}".repeat(1_000);
    let report = read_with("key: ${env:MANY}\n", &[("WIDE", &wide), ("MANY", &many)]).unwrap_err();
    assert!(report.to_string().contains("larger than 4 MiB"), "{report}");
}
