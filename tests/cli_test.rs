//! `burgee test` as its users see it: exit codes, what is printed where, and the tests that are shipped.

#[expect(dead_code, reason = "the command line's other tests need more of it")]
mod support;

use std::path::Path;

use support::{file, run};
use tempfile::tempdir;

const HASHED: &str = "processors: {feature_flag: {context_id: hash, hash_key: hunter2}}\n";

const TESTS: &str = "tests:
  - name: the id does not leave
    spans:
      - {name: s, attributes: {feature_flag.key: k, feature_flag.context.id: ada@example.org}}
    expect:
      - {span: s, attributes: {feature_flag.key: k}}
    must_not_leave: [ada@example.org]
";

#[tokio::test]
async fn the_shipped_configurations_keep_what_they_promise() {
    for (config, tests) in [("config/burgee.yaml", 3), ("examples/compose/burgee.yaml", 2)] {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join(config);
        let ended = run(&["test", "--config", config.to_str().expect("UTF-8")]).await;
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
        assert!(ended.out.ends_with(&format!("{tests} passed, 0 failed\n")), "{}", ended.out);
        assert_eq!(ended.log, "");
    }
}

#[tokio::test]
async fn the_printed_example_is_the_shipped_one() {
    let ended = run(&["test", "--example"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), include_str!("../config/burgee.test.yaml")));
}

#[tokio::test]
async fn tests_beside_the_configuration_are_found_and_what_differs_is_shown() {
    let folder = tempdir().expect("a folder");
    let hashed = file(folder.path(), "hashed.yaml", HASHED);
    file(folder.path(), "ids.test.yaml", TESTS);
    let ended = run(&["test", "--config", &hashed]).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
    assert!(ended.out.ends_with("  ok     the id does not leave\n1 passed, 0 failed\n"), "{}", ended.out);

    let kept = file(folder.path(), "kept.yaml", "processors: {feature_flag: }\n");
    let ended = run(&["test", "--config", &kept]).await;
    assert_eq!((ended.code, ended.log.as_str()), (Some(1), ""));
    for part in [
        "  FAILED the id does not leave\n",
        "ids.test.yaml:7:22: \"ada@example.org\" must not leave\n",
        "    + span \"s\": \"feature_flag.context.id\": \"ada@example.org\"\n",
        "0 passed, 1 failed\n",
    ] {
        assert!(ended.out.contains(part), "no {part:?} in:\n{}", ended.out);
    }
}

#[tokio::test]
async fn what_the_flags_are_is_part_of_what_is_tested() {
    let folder = tempdir().expect("a folder");
    let flags =
        "banner: {variations: {on: true, off: false}, defaultRule: {variation: on}, version: 1.2.3}\n";
    let flags = file(folder.path(), "flags.goff.yaml", flags);
    let config = format!("processors: {{feature_flag: {{definitions: {{file: \"{flags}\"}}}}}}\n");
    let config = file(folder.path(), "burgee.yaml", &config);
    let tests = "tests:
  - name: a version is known, and what is not declared is said
    spans:
      - {name: a, attributes: {feature_flag.key: banner, feature_flag.variant: on}}
      - {name: b, attributes: {feature_flag.key: baner}}
    expect:
      - {span: a, attributes: {feature_flag.version: 1.2.3}, absent: [burgee.flag.undeclared]}
      - {span: b, attributes: {burgee.flag.undeclared: key}}
";
    file(folder.path(), "flags.test.yaml", tests);
    let ended = run(&["test", "--config", &config]).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
}

#[tokio::test]
async fn nothing_runs_if_a_configuration_or_a_test_is_not_valid() {
    let folder = tempdir().expect("a folder");
    let good = file(folder.path(), "good.yaml", HASHED);
    let bad = file(folder.path(), "bad.yaml", "processors: {feature_flag: {hash_key: hunter2}}\n");
    let tests = file(folder.path(), "good.test.yaml", TESTS);
    let mistaken = file(folder.path(), "bad.test.yaml", &TESTS.replace("{span: s,", "{span: t,"));
    for (args, wrong) in [
        (vec!["test", "--config", &bad, &tests], "bad.yaml:1:39: error: processors.feature_flag.hash_key"),
        (
            vec!["test", "--config", &good],
            "bad.test.yaml:6:16: error: tests[0].expect[0].span: there is no span",
        ),
        (vec!["test", "--config", &good, &tests, &mistaken], "bad.test.yaml:6:16: error"),
        (vec!["test", "--config", &good, "no-such.test.yaml"], "cannot read no-such.test.yaml"),
    ] {
        let ended = run(&args).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(78), ""), "{args:?}: {}", ended.log);
        assert!(ended.log.contains(wrong), "no {wrong:?} in:\n{}", ended.log);
        assert!(!ended.log.contains("hunter2"), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_configuration_without_tests_is_a_failure_and_not_a_success() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "burgee.yaml", HASHED);
    let ended = run(&["test", "--config", &config]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("there is no *.test.yaml beside the configuration"), "{}", ended.log);
}
