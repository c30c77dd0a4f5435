use super::judge::{Complaint, Line, judge};
use super::*;

const TWO: &str = "
service:
  pipelines:
    traces/one: {receivers: [otlp], processors: [feature_flag], exporters: [debug]}
    traces/two: {receivers: [otlp], exporters: [debug]}
    logs: {receivers: [otlp], exporters: [debug]}
";

fn pipelines(config: &str) -> Vec<Candidate> {
    candidates(Plan::read(&[Source::new("burgee.yaml", config)], &|_| None).expect("a good configuration"))
}

fn cases<'p>(tests: &str, pipelines: &'p [Candidate]) -> Result<Vec<Case<'p>>, Report> {
    case::read(&config::read(&Source::new("burgee.test.yaml", tests))?, pipelines)
}

/// What is said about the tests of a file that pass `feature_flag`.
fn complaints(tests: &str) -> Vec<Vec<Complaint>> {
    let pipelines = pipelines("processors: {feature_flag: }");
    cases(tests, &pipelines).expect("good tests").iter().map(judge).collect()
}

/// The short form of everything that is wrong with a file.
fn mistakes(tests: &str, config: &str) -> Vec<String> {
    let pipelines = pipelines(config);
    let report = cases(tests, &pipelines).map(|_| ()).expect_err("it is not right");
    report.problems().iter().map(ToString::to_string).collect()
}

/// The lines of a difference, with their signs.
fn signed(complaint: &Complaint) -> Vec<String> {
    let line = |line: &Line| match line {
        Line::Expected(line) => format!("- {line}"),
        Line::Got(line) => format!("+ {line}"),
        Line::Same(line) => format!("= {line}"),
        Line::Aside(line) => format!("  {line}"),
    };
    complaint.lines.iter().map(line).collect()
}

#[test]
fn a_value_is_what_it_looks_like_and_is_compared_as_such() {
    let written =
        "{text: on, quoted: \"3\", flag: true, whole: -3, broken: 3.0, none: , list: [1, off], map: {a: 1}}";
    let test = |expected: &str| {
        format!(
            "tests: [{{name: n, spans: [{{name: s, attributes: {written}}}], expect: [{{span: s, attributes: {expected}}}]}}]"
        )
    };
    assert!(complaints(&test(written))[0].is_empty());
    let other =
        "{text: true, quoted: 3, flag: \"true\", whole: -3.0, broken: 3, none: \"\", list: [1], map: {a: 2}}";
    let complaints = complaints(&test(other));
    let [complaint] = complaints[0].as_slice() else { panic!("{complaints:?}") };
    assert_eq!(
        signed(complaint),
        [
            "- text: true",
            "+ text: \"on\"",
            "- quoted: 3",
            "+ quoted: \"3\"",
            "- flag: \"true\"",
            "+ flag: true",
            "- whole: -3.0",
            "+ whole: -3",
            "- broken: 3",
            "+ broken: 3.0",
            "- none: \"\"",
            "+ none: null",
            "- list: [1]",
            "+ list: [1, \"off\"]",
            "- map: {a: 2}",
            "+ map: {a: 1}",
        ]
    );
}

#[test]
fn a_difference_shows_what_is_missing_what_is_too_much_and_what_else_there_is() {
    let complaints = complaints(
        "tests:
  - name: n
    spans: [{name: s, attributes: {feature_flag.key: k, feature_flag.variant: on, user: \"a\\eb\"}}]
    expect:
      - span: s
        name: t
        attributes: {feature_flag.key: k, feature_flag.result.value: on}
        absent: [feature_flag.variant, \"feature_flag.result.*\"]
    evaluations: 0
",
    );
    let [of_span, of_count] = complaints[0].as_slice() else { panic!("{complaints:?}") };
    assert_eq!(of_span.place.to_string(), "burgee.test.yaml:5:9");
    assert_eq!(of_span.what, "span \"s\"");
    assert_eq!(
        signed(of_span),
        [
            "- name: \"t\"",
            "+ name: \"s\"",
            "= feature_flag.key: \"k\"",
            "- feature_flag.result.value: \"on\"",
            "+ feature_flag.variant: \"on\"   (must be absent)",
            "  user: \"a\\u{1b}b\"",
            "+ feature_flag.result.variant: \"on\"   (must be absent: feature_flag.result.*)",
        ]
    );
    assert_eq!(of_count.place.to_string(), "burgee.test.yaml:9:18");
    assert_eq!(signed(of_count), ["- 0", "+ 1"]);
}

#[test]
fn unchanged_looks_at_the_attributes_the_events_and_their_names() {
    let complaints = complaints(
        "tests:
  - name: n
    spans:
      - {name: same, attributes: {a: 1}, events: [{name: e, attributes: {b: 2}}]}
      - {name: event, events: [{name: feature_flag, attributes: {feature_flag.flag_key: k}}]}
    expect: [{span: same, unchanged: true}, {span: event, unchanged: true}]
",
    );
    let [complaint] = complaints[0].as_slice() else { panic!("{complaints:?}") };
    assert_eq!(complaint.what, "span \"event\"");
    assert_eq!(
        signed(complaint),
        [
            "= name: \"event\"",
            "+ feature_flag.key: \"k\"",
            "= event \"feature_flag\": feature_flag.flag_key: \"k\"",
            "+ event \"feature_flag\": feature_flag.key: \"k\"",
        ]
    );
}

#[test]
fn what_must_not_leave_is_found_wherever_it_stands() {
    let complaints = complaints(
        "tests:
  - name: spans
    resource: {host: x ada y}
    scope: by ada
    spans:
      - name: GET /ada
        attributes: {ada: 1, deep: [{a: {b: ada}}], other: 1, number: 4711}
        events: [{name: ada, attributes: {e: ada}}]
    must_not_leave: [ada, 4711]
  - name: logs
    logs: [{event: of ada, severity: ada, body: {a: ada}, attributes: {a: ada}}]
    must_not_leave: ada
",
    );
    let [text, number] = complaints[0].as_slice() else { panic!("{complaints:?}") };
    assert_eq!(text.what, "\"ada\" must not leave");
    assert_eq!(
        signed(text),
        [
            "+ span \"GET /ada\": the name: \"GET /ada\"",
            "+ span \"GET /ada\": the attribute \"ada\"",
            "+ span \"GET /ada\": \"deep\": [{a: {b: \"ada\"}}]",
            "+ span \"GET /ada\", event \"ada\": the name: \"ada\"",
            "+ span \"GET /ada\", event \"ada\": \"e\": \"ada\"",
            "+ a resource: \"host\": \"x ada y\"",
            "+ a scope: the name: \"by ada\"",
        ]
    );
    assert_eq!(signed(number), ["+ span \"GET /ada\": \"number\": 4711"]);
    let [of_log] = complaints[1].as_slice() else { panic!("{complaints:?}") };
    assert_eq!(of_log.place.to_string(), "burgee.test.yaml:12:21");
    assert_eq!(of_log.lines.len(), 4, "{of_log:?}");
}

#[test]
fn everything_that_is_wrong_with_a_test_is_named_where_it_stands() {
    let found = mistakes(
        "tests:
  - name: names
    spans:
      - {name: span, parent: spam, events: [{name: e}, {name: e}]}
      - {name: span}
    expect:
      - {span: spin, absent: [x]}
      - {span: span, event: e, absent: [x]}
      - {span: span, event: f, absent: [x]}
      - {span: span, log: span, absent: [x]}
      - {log: span, absent: [x]}
      - {log: span, event: e, absent: [x]}
      - {span: span}
      - {span: span, unchanged: true, name: span}
  - {name: nothing sent}
  - {name: too much sent, spans: [{name: s}], logs: [{}], evaluations: 0}
  - {name: nothing expected, logs: [{event: e}, {event: e}]}
  - {name: nothing proved, logs: [{event: e}], must_not_leave: [f, \"\"]}
",
        "processors: {feature_flag: }",
    );
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn a_form_that_is_not_understood_is_named_where_it_stands() {
    let found = mistakes(
        "tests:
  - name: n
    pipelines: traces
    spans: [{name: a, kind: srever}, {attributes: [a]}]
    logs: [{body: 18446744073709551615}]
    evaluations: many
",
        "processors: {feature_flag: }",
    );
    insta::assert_snapshot!(found.join("\n"));
    assert_eq!(
        mistakes("tests: []", "processors: {feature_flag: }"),
        ["burgee.test.yaml:1:8: error: tests: there is no test here"]
    );
}

#[test]
fn the_pipeline_is_the_only_one_of_its_signal_or_is_named() {
    let of = |pipeline: &str, what: &str| {
        format!("tests: [{{name: n, {pipeline}{what}: [{{name: s, id: s, event: s}}], evaluations: 0}}]")
            .replace(if what == "spans" { ", event: s" } else { "name: s, " }, "")
    };
    for (tests, wrong) in [
        (
            of("", "spans"),
            "several pipelines for traces; which one is it?; write `pipeline:` and one of traces/one, traces/two",
        ),
        (of("pipeline: traces/three, ", "spans"), "no pipeline \"traces/three\""),
        (of("pipeline: logs, ", "spans"), "the pipeline logs takes no traces"),
    ] {
        let found = mistakes(&tests, TWO);
        assert!(found.len() == 1 && found[0].contains(wrong), "{tests}: {found:?}");
    }
    let pipelines = pipelines(TWO);
    for tests in [of("", "logs"), of("pipeline: traces/two, ", "spans")] {
        assert!(judge(&cases(&tests, &pipelines).expect("a good test")[0]).is_empty());
    }
}

#[test]
fn nothing_in_a_test_is_expanded() {
    let test = "tests: [{name: n, spans: [{name: s, attributes: {a: '${env:NO_SUCH}', b: $$}}], \
                expect: [{span: s, attributes: {a: '${env:NO_SUCH}', b: $$}}]}]";
    assert!(complaints(test)[0].is_empty());
}

#[test]
fn a_test_can_say_when_it_is() {
    let test = |time: &str| {
        format!(
            "tests: [{{name: n, time: {time}, logs: [{{event: e}}], expect: [{{log: e, unchanged: true}}]}}]"
        )
    };
    let pipelines = pipelines("");
    let later = test("2027-01-02T03:04:05Z");
    let cases = cases(&later, &pipelines).expect("a good test");
    let item = cases[0].payload.items().next().expect("a log record");
    assert_eq!(item.time_unix_nano() / 1_000_000_000, 1_798_859_045);
    assert!(judge(&cases[0]).is_empty());
    let found = mistakes(&test("tomorrow"), "processors: {feature_flag: }");
    assert_eq!(
        found,
        ["burgee.test.yaml:1:25: error: tests[0].time: this is no time; write one as 2026-08-06T07:06:40Z"]
    );
}

#[test]
fn an_absence_that_could_never_fail_is_an_error() {
    let found = mistakes(
        "tests:
  - name: n
    spans: [{name: s}]
    expect:
      - {span: s, absent: [\"*.variant\", feature_flag.key], attributes: {feature_flag.key: k}}
",
        "processors: {feature_flag: }",
    );
    assert_eq!(
        found,
        [
            "burgee.test.yaml:5:28: error: tests[0].expect[0].absent[0]: a `*` stands for the rest of a name, and only at its end: \"*.variant\" is no attribute",
            "burgee.test.yaml:5:41: error: tests[0].expect[0].absent[1]: \"feature_flag.key\" is expected in `attributes`, too; which one is it?",
        ]
    );
}

#[test]
fn the_order_of_a_maps_keys_means_nothing() {
    let found = complaints(
        "tests: [{name: n, spans: [{name: s, attributes: {m: {a: 1, b: 2}}}], expect: [{span: s, attributes: {m: {b: 2, a: 1}}}]}]",
    );
    assert!(found[0].is_empty());
    let found = complaints(
        "tests: [{name: n, spans: [{name: s, attributes: {m: {a: 1, b: 2}}}], expect: [{span: s, attributes: {m: {b: 1, a: 2}}}]}]",
    );
    assert_eq!(found[0].len(), 1);
}
