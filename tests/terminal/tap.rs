use burgee::admin::v1;

use crate::fake::{self, Answers, HOSTILE, Then, evaluation};
use crate::pty::Terminal;
use crate::support::{Ended, run};

fn tapped(evaluations: Vec<v1::Evaluation>) -> v1::TapResponse {
    v1::TapResponse { evaluations, ..Default::default() }
}

#[tokio::test]
async fn a_terminal_gets_lines_in_colour_and_nothing_that_telemetry_would_have_it_do() {
    let evil = v1::Evaluation {
        service: HOSTILE.into(),
        variant: HOSTILE.into(),
        reason: HOSTILE.into(),
        error: HOSTILE.into(),
        trace_id: HOSTILE.into(),
        ..evaluation(2, HOSTILE)
    };
    let tap = vec![tapped(vec![evaluation(1, "new-checkout"), evil])];
    let fake = fake::start(Answers { tap, ..Default::default() }).await;
    let mut terminal = Terminal::burgee(&["tap", "--admin", &fake.url], 200);
    terminal
        .shows(&["watching every evaluation", "new-checkout      on", r"evil\u{1b}[2J\u{1b}]0;owned"])
        .await;
    terminal.press("\u{3}").await;
    assert_eq!(terminal.end().await, Some(0), "Ctrl-C is how one ends it");

    let raw = String::from_utf8(std::mem::take(&mut terminal.raw)).expect("UTF-8");
    let escapes: Vec<&str> = raw.split('\u{1b}').skip(1).collect();
    assert!(escapes.iter().any(|after| after.starts_with("[1m")), "it is coloured: {raw:?}");
    for after in escapes {
        let style = after.split('m').next().unwrap_or_default();
        let is_style = style.strip_prefix('[').is_some_and(|style| style.bytes().all(|b| b.is_ascii_digit()));
        assert!(is_style, "{after:?} in {raw:?}");
    }
    assert!(!raw.contains(['\u{7}', '\u{9b}', '\u{202e}']), "{raw:?}");
}

#[tokio::test]
async fn json_is_one_object_a_line_on_stdout_and_the_rest_is_on_stderr() {
    let tap = vec![v1::TapResponse {
        evaluations: vec![evaluation(1, "new-checkout"), evaluation(2, HOSTILE), evaluation(3, "c")],
        dropped: 5,
        skipped: 7,
    }];
    let fake = fake::start(Answers { tap, ..Default::default() }).await;
    let ended = run(&["tap", "flag=*", "service=x y", "-o", "json", "-n", "2", "--admin", &fake.url]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let lines: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "as many as were asked for");
    assert_eq!((&lines[0]["key"], &lines[0]["number"]), (&"new-checkout".into(), &1.into()));
    assert_eq!(lines[1]["key"], HOSTILE);
    assert!(!ended.out.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{:?}", ended.out);
    for part in
        ["watching flag=* service=x y on http://", "5 evaluations dropped", "7 spans and log records not"]
    {
        assert!(ended.log.contains(part), "no {part:?} in {}", ended.log);
    }
}

#[tokio::test]
async fn what_was_comes_first_and_nothing_comes_twice() {
    let past = v1::EvaluationsResponse {
        evaluations: vec![evaluation(3, "c"), evaluation(4, "d")],
        last: 5,
        missed: 2,
        ..Default::default()
    };
    // the tap was open before the past was asked for, so that it brings some of it again
    let tap = vec![tapped(vec![evaluation(4, "d"), evaluation(5, "e")]), tapped(vec![evaluation(6, "f")])];
    let fake = fake::start(Answers { tap, past, ..Default::default() }).await;
    let ended = run(&["tap", "--past", "-o", "json", "-n", "3", "--admin", &fake.url]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let keys: Vec<String> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["key"].to_string())
        .collect();
    assert_eq!(keys, [r#""c""#, r#""d""#, r#""f""#]);
    assert!(ended.log.contains("2 evaluations before these"), "{}", ended.log);
}

#[tokio::test]
async fn a_reader_that_has_enough_ends_it_quietly() {
    let tap = vec![tapped(vec![evaluation(1, "a"), evaluation(2, "b")])];
    let fake = fake::start(Answers { tap, then: Then::TheSameForEver, ..Default::default() }).await;
    for form in ["json", "text"] {
        let script = r#"{ "$0" tap -o "$2" --admin "$1"; echo "code $?" >&2; } | head -1"#;
        let shell = tokio::process::Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_burgee"), &fake.url, form])
            .output();
        let ended = tokio::time::timeout(crate::pty::PATIENCE, shell).await.expect("it ends").expect("sh");
        let (out, log) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert_eq!(out.lines().count(), 1, "{out}");
        assert!(log.ends_with("code 0\n") && !log.contains("cannot print"), "{log}");
    }
}

#[tokio::test]
async fn a_burgee_that_stops_ends_the_tap_with_1() {
    let tap = vec![tapped(vec![evaluation(1, "a")])];
    let fake = fake::start(Answers { tap, then: Then::TheEnd, ..Default::default() }).await;
    let Ended { code, out, log } = run(&["tap", "--admin", &fake.url]).await;
    assert_eq!(code, Some(1), "{log}");
    assert_eq!(out.lines().count(), 1, "what came is printed: {out}");
    assert!(log.ends_with("burgee: the tap has ended: burgee stopped\n"), "{log}");
}

#[tokio::test]
async fn a_filter_that_is_none_is_answered_in_the_words_of_burgee() {
    let fake = fake::start(Answers::default()).await;
    let Ended { code, out, log } = run(&["tap", "flg=x", "--admin", &fake.url]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(log, "burgee: the filter has no name flg; did you mean flag?\n");
}

#[tokio::test]
async fn the_help_tells_what_a_filter_is() {
    let ended = run(&["tap", "--help"]).await;
    assert!(ended.out.contains("flag=new-*") && ended.out.contains("Examples:"), "{}", ended.out);
}
