use burgee::admin::v1;

use crate::fake::{self, Answers, Fake, HOSTILE, flag};
use crate::pty::Terminal;
use crate::support::run;

async fn three_flags() -> Fake {
    let mut failing = flag("a-flag", 4);
    failing.errors = 2;
    let flags = vec![failing, flag("new-checkout", 1_200), flag(HOSTILE, 7)];
    fake::start(Answers { flags: v1::FlagsResponse { flags, ..Default::default() }, ..Default::default() })
        .await
}

#[tokio::test]
async fn the_table_fits_the_terminal() {
    let fake = three_flags().await;
    for (columns, head) in [(80, "VARIANTS"), (40, "EVALUATIONS")] {
        let mut terminal = Terminal::burgee(&["flags", "--admin", &fake.url], columns);
        assert_eq!(terminal.end().await, Some(0));
        let shown = terminal.contents();
        let lines: Vec<&str> = shown.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(lines.len(), 4, "no line is broken at {columns} columns:\n{shown}");
        assert!(lines[0].contains(head) && lines[3].contains("new-checkout"), "{shown}");
        assert!(lines[2].contains(r"evil\u") && lines[3].contains("1200"), "{shown}");
    }
}

#[tokio::test]
async fn the_order_is_what_was_asked_for_and_json_has_everything() {
    let fake = three_flags().await;
    let ended = run(&["flags", "--sort", "evaluations", "--admin", &fake.url]).await;
    let keys: Vec<&str> =
        ended.out.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(keys[0], "new-checkout", "{}", ended.out);
    assert_eq!(keys[2], "a-flag", "{}", ended.out);
    let ended = run(&["flags", "--json", "--sort", "errors", "--admin", &fake.url]).await;
    assert!(!ended.out.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{:?}", ended.out);
    let json: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(json["flags"][0]["key"], "a-flag");
    assert_eq!(json["flags"][2]["key"], HOSTILE);
}

#[tokio::test]
async fn one_flag_is_shown_with_everything_and_an_unknown_one_with_the_nearest() {
    let fake = three_flags().await;
    let mut terminal = Terminal::burgee(&["flags", "new-checkout", "--admin", &fake.url], 40);
    assert_eq!(terminal.end().await, Some(0));
    let shown = terminal.contents();
    for part in ["new-checkout", "evaluations  1200", "▁▂█▃", "off", "75.0%", "checkout-api"] {
        assert!(shown.contains(part), "no {part:?} in\n{shown}");
    }
    let ended = run(&["flags", "new-chekout", "--admin", &fake.url]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("did you mean \"new-checkout\"?"), "{}", ended.log);
    let json = run(&["flags", "a-flag", "--json", "--admin", &fake.url]).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json.out).expect("JSON")["errors"], 2);
}

#[tokio::test]
async fn before_the_first_evaluation_it_says_how_to_get_one() {
    let fake = fake::start(Answers::default()).await;
    let ended = run(&["flags", "--admin", &fake.url]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(ended.log.contains("`burgee demo`"), "{}", ended.log);
}
