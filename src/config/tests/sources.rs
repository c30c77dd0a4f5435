//! Facts about `--config`, `--set` and files behind `${file:…}`.

use std::fs;

use super::{Exporter, Source, decode, load};
use crate::config::{Loaded, Report};
use crate::values::Duration;

fn both(text: &str, settings: &[&str]) -> Result<Loaded, Report> {
    let settings = settings.iter().map(|flag| Source::setting(flag).unwrap_or_else(|why| panic!("{why}")));
    let sources: Vec<_> = std::iter::once(Source::new("collector.yaml", text)).chain(settings).collect();
    load(&sources, &|name| (name == "SIZE").then(|| "10".to_owned()))
}

fn json(loaded: &Loaded) -> String {
    serde_json::to_string(&loaded.root.to_value()).expect("a tree is JSON")
}

#[test]
fn settings_lie_over_all_files() {
    let text = "processors: {batch: {timeout: 1s, list: [a, b]}}\n";
    let loaded = both(
        text,
        &[
            "processors.batch.timeout=2s",
            "processors::batch::list=[c]",
            "processors.batch.size=${env:SIZE}",
            "exporters.otlp/eu = {endpoint: 'x:1', tls: }",
            "receivers.otlp=",
        ],
    )
    .unwrap();
    assert_eq!(
        json(&loaded),
        "{\"processors\":{\"batch\":{\"timeout\":\"2s\",\"list\":[\"c\"],\"size\":10}},\
         \"exporters\":{\"otlp/eu\":{\"endpoint\":\"x:1\",\"tls\":null}},\"receivers\":{\"otlp\":null}}"
    );
}

#[test]
fn an_error_in_a_setting_names_the_flag() {
    let loaded = both("exporters: {x: {endpoint: a}}", &["exporters.x.insecure=perhaps"]).unwrap();
    let problems = decode::<Exporter>(loaded.root.find(&["exporters", "x"])).unwrap_err();
    insta::assert_snapshot!(Report::new(problems).render(false));
    let typo = both("exporters: {x: {endpoint: a}}", &["exporters.x.insekure=true"]).unwrap();
    let problems = decode::<Exporter>(typo.root.find(&["exporters", "x"])).unwrap_err();
    insta::assert_snapshot!(Report::new(problems).render(false));
    let broken = both("a: 1", &["a=[1"]).unwrap_err();
    insta::assert_snapshot!(broken.render(false));
}

#[test]
fn a_secret_in_a_setting_is_not_shown() {
    let loaded = both("a: 1", &["exporters.x.endpoint=a", "exporters.x.api_key=[hunter2]"]).unwrap();
    let problems = decode::<Exporter>(loaded.root.find(&["exporters", "x"])).unwrap_err();
    let shown = Report::new(problems).render(false);
    assert!(!shown.contains("hunter2") && shown.contains("--set exporters.x.api_key"), "{shown}");
}

#[test]
fn a_setting_without_key_or_equal_sign_is_refused() {
    for (flag, why) in
        [("key:name", "missing equal sign"), ("=5", "an empty key"), ("a..b=5", "an empty key")]
    {
        let problem = Source::setting(flag).unwrap_err().to_string();
        assert!(problem.contains(why) && problem.contains("--set=processors.batch.timeout=2s"), "{problem}");
    }
}

#[test]
fn a_configuration_may_come_from_a_variable_a_text_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.yaml");
    fs::write(&path, "a: {b: 1, c: 1}\n").unwrap();
    let path = path.display().to_string();
    let env = |name: &str| (name == "CONF").then(|| "a: {b: 2}\n".to_owned());
    let located = [&*path, "env:CONF", "yaml:a::d::e: 3", &format!("file:{path}"), "yaml:x: {}"]
        .map(|uri| Source::locate(uri, &env).unwrap_or_else(|why| panic!("{why}")));
    let loaded = load(&located[..3], &env).unwrap();
    assert_eq!(json(&loaded), r#"{"a":{"b":2,"c":1,"d":{"e":3}}}"#);
    let places = [&["a", "b"][..], &["a", "c"], &["a", "d", "e"]].map(|keys| {
        let node = loaded.root.find(keys);
        (node.path.clone(), node.place.to_string())
    });
    assert_eq!(
        places,
        [
            ("a.b".to_owned(), "env:CONF:1:8".to_owned()),
            ("a.c".to_owned(), format!("{path}:1:14")),
            ("a.d.e".to_owned(), "yaml:1:10".to_owned()),
        ]
    );
    assert_eq!(json(&load(&located, &env).unwrap()), r#"{"a":{"b":1,"c":1,"d":{"e":3}},"x":{}}"#);
}

#[test]
fn what_cannot_be_located_is_refused_with_the_reason() {
    for (uri, why) in [
        ("http://config.example/c.yaml", "does not fetch configuration from the network"),
        ("https://config.example/c.yaml", "does not fetch configuration from the network"),
        (
            "zookeeper:a",
            "scheme \"zookeeper\" is not supported for uri \"zookeeper:a\"; burgee has: env, file, yaml",
        ),
        ("env:UNSET", "environment variable \"UNSET\" is not set"),
        ("env:NO-NAME", "is not the name of an environment variable"),
        ("file:no/such.yaml", "cannot read no/such.yaml"),
        ("no-such.yaml", "looked for it in /"),
    ] {
        let problem = Source::locate(uri, &|_| None).unwrap_err().to_string();
        assert!(problem.contains(why), "{uri}: {problem}");
    }
}

#[test]
fn a_file_gives_a_value_a_part_or_a_whole_subtree() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let token = write("word", "open: sesame: x\n");
    let inner = write("inner.yaml", "endpoint: h:1\nheaders:\n  x: ${env:SIZE}\ninsecure: perhaps\n");
    let text = format!("word: ${{file:{token}}}\npart: '<${{file:{token}}}>'\nx: ${{file:{inner}}}\n");
    let loaded = both(&text, &[]).unwrap();
    assert_eq!(
        loaded.root.get("word").unwrap().text(),
        Some("open: sesame: x"),
        "the line break is the file's"
    );
    assert_eq!(loaded.root.get("part").unwrap().text(), Some("<open: sesame: x>"));
    assert_eq!(loaded.root.find(&["x", "headers", "x"]).text(), Some("10"));
    assert_eq!(loaded.files.len(), 3);
    let problem = &decode::<Exporter>(loaded.root.get("x").unwrap()).unwrap_err()[0].to_string();
    assert!(
        problem.starts_with(&format!("{inner}:4:11: error: x.insecure: expected true or false")),
        "{problem}"
    );
}

#[test]
fn a_file_that_holds_itself_ends_and_a_missing_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("self.yaml");
    fs::write(&path, format!("a: ${{file:{}}}\n", path.display())).unwrap();
    let report = both(&format!("a: ${{file:{}}}", path.display()), &[]).unwrap_err().to_string();
    assert!(report.contains("too many recursive expansions"), "{report}");
    let report = both("a: ${file:no/such}\n", &[]).unwrap_err().to_string();
    assert!(report.contains("collector.yaml:1:4: error: a: cannot read no/such"), "{report}");
    let report = both("a: ${https://x/y}\nb: ${vault:x}\n", &[]).unwrap_err().to_string();
    assert!(report.contains("from the network") && report.contains("scheme \"vault\""), "{report}");
}

#[test]
fn what_a_secret_file_holds_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.yaml");
    fs::write(&path, "a: hunter2\n").unwrap();
    let text = format!(
        "exporters:\n  x:\n    endpoint: a\n    api_key: ${{file:{}}}\n    headers: 5\n",
        path.display()
    );
    let loaded = both(&text, &[]).unwrap();
    let printed = serde_yaml::to_string(&loaded.root.to_value()).unwrap();
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn yaml_in_a_reference_is_a_value() {
    let loaded = both("a: ${yaml:[1, x]}\nb: ${yaml:5}\nc: ${UNSET:-http://h:1}\n", &[]).unwrap();
    assert_eq!(json(&loaded), r#"{"a":[1,"x"],"b":5,"c":"http://h:1"}"#);
}

#[test]
fn an_error_names_the_variable_that_the_value_came_from() {
    let sources =
        [Source::new("collector.yaml", "endpoint: x\ninsecure: ${env:TLS_OFF}\nproject: a${env:B}\n")];
    let env = |name: &str| ["TLS_OFF", "B"].contains(&name).then(|| "maybe".to_owned());
    let root = load(&sources, &env).unwrap().root;
    let problems = decode::<Exporter>(&root).unwrap_err();
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "collector.yaml:2:11: error: insecure: expected true or false, found the text \"maybe\" (the value of env \
             TLS_OFF)",
            "collector.yaml:3:10: error: project: unknown value \"amaybe\" (known: off, request) (the value of env B)",
        ]
    );
}

#[test]
fn an_error_at_a_secret_says_what_is_wrong_and_not_what_stands_there() {
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only its errors count")]
    struct Hidden {
        token_wait: Duration,
    }
    let said = |value: &str| {
        let root = load(&[Source::new("c.yaml", format!("token_wait: {value}\n"))], &|_| None).unwrap().root;
        decode::<Hidden>(&root).unwrap_err()[0].to_string()
    };
    assert_eq!(
        said("hunter2"),
        "c.yaml:1:13: error: token_wait: [REDACTED] is not a duration; try \"300ms\", \"5s\" or \"1h30m\""
    );
    assert!(
        said("-5s").contains("not shown") || said("-5s").contains("cannot be negative: [REDACTED]"),
        "{}",
        said("-5s")
    );
    assert!(!said("'7777'").contains("7777"), "{}", said("'7777'"));
}
