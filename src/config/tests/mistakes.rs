//! What people see for each mistake, one snapshot each.

use std::fmt::Write;

use super::{Exporter, Receiver, read, read_with, root};
use crate::config::{ComponentId, PipelineId, Problem, Report, decode, parse_ids};

/// What `load` says of a text that it refuses.
fn refused(text: &str) -> String {
    read(text).expect_err("the text is wrong").render(false)
}

/// What `decode` says of the sections of a text.
fn misfits(text: &str) -> String {
    let root = root(text);
    let receivers = root.get("receivers").into_iter().flat_map(|section| section.entries());
    let exporters = root.get("exporters").into_iter().flat_map(|section| section.entries());
    let problems = receivers
        .flat_map(|entry| decode::<Receiver>(&entry.value).err().unwrap_or_default())
        .chain(exporters.flat_map(|entry| decode::<Exporter>(&entry.value).err().unwrap_or_default()));
    Report::new(problems).render(false)
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
    unknown_key: misfits("receivers:\n  otlp:\n    protocolls:\n      grpc:\n");
    unknown_key_nested: misfits("receivers:\n  otlp:\n    protocols:\n      htttp:\n        endpoint: 0.0.0.0:4318\n");
    unknown_keys_in_two_sections: misfits(
        "receivers:\n  otlp:\n    protocols: {grcp: }\nexporters:\n  otlp_grpc:\n    endpoint: x\n    compresion: gzip\n"
    );
    unknown_word: misfits("exporters:\n  x:\n    endpoint: a\n    project: requests\n");
    tab: refused("receivers:\n  otlp:\n\tprotocols:\n");
    duplicate_key: refused("receivers:\n  otlp:\n    protocols:\n      http:\n      grpc:\n      http:\n");
    wrong_type: misfits("receivers:\n  otlp:\n    protocols: [grpc, http]\n");
    wrong_type_of_a_list: misfits("receivers:\n  otlp:\n    protocols:\n      http:\n        cors:\n          allowed_origins:\n            a: b\n");
    missing_key: misfits("exporters:\n  otlp_grpc:\n    insecure: true\n");
    missing_port: misfits("receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint: jaeger\n");
    duration_without_unit: misfits("receivers:\n  otlp:\n    protocols:\n      grpc:\n        timeout: 5\n");
    missing_variable: refused("exporters:\n  otlp_grpc:\n    endpoint: ${env:DOWNSTREAM}:4317\n    api_key: ${env:API_KEY}\n");
    bad_variable_name: refused("a: ${env:NOT-A-NAME}\nb: ${vault:secret.txt}\n");
    missing_space: misfits("receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint:0.0.0.0:4317\n");
    missing_space_between_keys: refused("receivers:\n  otlp:\n    endpoint:0.0.0.0:4317\n    timeout: 5s\n");
    not_yaml: refused("receivers:\n  otlp: [a, b\nexporters: }\n");
    quote_never_closed: refused("receivers: \"otlp\n");
    reference_in_a_list: refused("list: [a, ${env:X}]\n");
    several_documents: refused("a: 1\n---\nb: 2\n");
    unknown_alias: refused("a: *nowhere\n");
    key_that_is_a_list: refused("? [a, b]\n: c\n");
    not_a_map: refused("just a sentence\n");
    control_characters: misfits("receivers:\n  otlp:\n    \"a\\e[31mb\\u202e\": 1\n");
    a_very_long_line: misfits(&format!("receivers: {{otlp: {{protocols: {{grpc: {{}}}}, {}: 1}}}}\n", "long".repeat(200)));
    two_sections_of_mistakes: misfits(
        "receivers:\n  otlp:\n    protocols:\n      grpc: {endpoint: ':port', timeout: x}\nexporters:\n  a: text\n  b: {endpoint: [], insecure: 'no'}\n"
    );
}

#[test]
fn bad_ids() {
    let root = root("receivers:\n  otlp-grpc:\n  otlp/:\n  otlp / a:\n  otlp/a:\n  otlp/a b:\n");
    let (_, problems) = parse_ids(root.get("receivers").unwrap(), ComponentId::parse);
    let pipelines = super::root("trace:\nprofiles:\nmetrics/:\n");
    insta::assert_snapshot!(Report::new(problems).render(false));
    insta::assert_snapshot!(Report::new(parse_ids(&pipelines, PipelineId::parse).1).render(false));
}

#[test]
fn secrets_are_not_shown() {
    let texts = [
        "exporters:\n  x:\n    endpoint: a\n    api_key: [hunter2]\n",
        "exporters:\n  x:\n    endpoint: a\n    headers:\n      authorization: {hunter2: hunter2}\n",
        "exporters:\n  x:\n    endpoint: a\n    headers:\n    - name: a\n      value: [hunter2]\n",
        "exporters:\n  x: {endpoint: [], headers: {a: hunter2}}\n",
        "exporters:\n  x: {endpoint: a, api_key: \"hunter2\", nonsense: 1}\n",
        "exporters:\n  x:\n    api_key:hunter2\n",
        "exporters:\n  x:\n    endpoint: a\n    headers: hunter2\n",
        "receivers:\n  x:\n    protocols:\n      grpc:\n        endpoint: http://me:hunter2@host:1\n",
    ];
    let mut shown = String::new();
    for text in texts {
        let report = misfits(text);
        assert!(!report.is_empty(), "{text}");
        writeln!(shown, "{report}").unwrap();
    }
    for text in [
        "exporters:\n  x:\n    token: \"hunter2\n",
        "exporters:\n  x:\n    password:hunter2\n    b: c\n",
        "exporters:\n  x:\n    headers:\n      a: hunter2: b\n",
        "exporters:\n  x:\n    secret: |\n\thunter2\n",
        "exporters:\n  x:\n    token: hunter2\n    token: hunter2\n",
    ] {
        writeln!(shown, "{}", refused(text)).unwrap();
    }
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn what_a_secret_variable_holds_is_not_shown() {
    let text = "exporters:\n  x:\n    endpoint: a\n    insecure: ${env:TOKEN}\n    project: ${env:API_KEY}\n";
    let root = read_with(text, &[("TOKEN", "hunter2"), ("API_KEY", "hunter2")]).unwrap().root;
    let problems = decode::<Exporter>(root.find(&["exporters", "x"])).unwrap_err();
    let shown = Report::new(problems).render(false);
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_bomb_is_refused_fast() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}, ", level - 1).repeat(9);
        writeln!(laughs, "a{level}: &a{level} [{}]", previous.trim_end_matches(", ")).unwrap();
    }
    let started = std::time::Instant::now();
    let report = refused(&laughs);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    assert!(report.contains("too large once its aliases are expanded"), "{report}");
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(5_000),
        (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
    ] {
        let report = read(&text).expect_err("too deep");
        let message = &report.problems()[0].message;
        assert_eq!(message, "nested deeper than 32 levels", "{}", &text[..8]);
    }
}

#[test]
fn many_problems_are_counted() {
    let report = Report::new((0..60).map(|at| Problem::error(format!("problem {at}"))));
    assert!(report.render(false).ends_with("… and 10 more problems\n"), "{report}");
}

#[test]
fn color_is_asked_for() {
    let problem = Problem::error("x").at(root("a: 1").place);
    assert!(problem.render(true).contains('\u{1b}'));
    assert!(!problem.render(false).contains('\u{1b}'));
    assert!(problem.render(false).starts_with("collector.yaml:1:1: error: x\n"));
}
