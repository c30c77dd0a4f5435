use burgee::admin::v1;

use crate::fake::{self, Answers, Fake, HOSTILE, flag};
use crate::pty::Terminal;
use crate::support::run;

async fn busy() -> Fake {
    let sender = |service: &str, items| v1::Sender {
        service: service.into(),
        peer: "10.1.0.23".into(),
        transport: "grpc".into(),
        port: "grpc".into(),
        items,
        ..Default::default()
    };
    let outbox = v1::Outbox {
        exporter: "otlp_grpc/jaeger".into(),
        signal: v1::Signal::Traces.into(),
        sent: 100,
        held_items: 7,
        ..Default::default()
    };
    let many = (0..60).map(|at| flag(&format!("flag-{at:02}"), 100 - at));
    fake::start(Answers {
        status: v1::StatusResponse {
            version: "0.1.0".into(),
            started_unix_ms: 1,
            uptime_ms: 200_000,
            outboxes: vec![outbox],
            ..Default::default()
        },
        senders: v1::SendersResponse { senders: vec![sender("go-feature-flag", 5), sender(HOSTILE, 2)] },
        flags: v1::FlagsResponse {
            flags: many.chain([flag(HOSTILE, 1), flag("new-checkout", 3)]).collect(),
            ..Default::default()
        },
        ..Default::default()
    })
    .await
}

#[tokio::test]
async fn top_is_a_screen_of_its_own_that_keys_change_and_q_leaves() {
    let fake = busy().await;
    let mut terminal = Terminal::burgee_and_stty(&["top", "--admin", &fake.url], 100);
    let shown =
        terminal.shows(&["up 3m 20s", "otlp_grpc/jaeger", "go-feature-flag", "flag-00", "q quit"]).await;
    assert!(shown.contains("queue 7") && shown.contains("s sort: rate"), "{shown}");
    assert!(terminal.screen().alternate_screen() && terminal.screen().hide_cursor());

    terminal.press("s").await;
    terminal.shows(&["s sort: total"]).await;
    terminal.press("/EVIL").await;
    let shown = terminal.shows(&["/evil", r"evil\u{1b}[2J"]).await;
    assert!(!shown.contains("flag-00"), "{shown}");
    terminal.press("\r").await;
    terminal.shows(&["/evil", "q quit"]).await;
    terminal.press("/\u{1b}").await;
    terminal.shows(&["flag-00", "q quit"]).await;
    terminal.press("G").await;
    terminal.shows(&["flag-59"]).await;
    terminal.press("g?").await;
    terminal.shows(&["any key goes back"]).await;
    terminal.press("x").await;
    terminal.shows(&["flag-00"]).await;

    terminal.press("q").await;
    let shown = terminal.shows(&["left"]).await;
    assert!(!terminal.screen().alternate_screen() && !terminal.screen().hide_cursor());
    for set in ["icanon", "echo", "isig"] {
        assert!(shown.split_whitespace().any(|word| word == set), "not {set:?} in\n{shown}");
    }
    assert!(!shown.contains("flag-00"), "nothing of it stays: {shown}");
    assert_eq!(terminal.end().await, Some(0));
}

#[tokio::test]
async fn top_fits_a_terminal_that_changes_its_size() {
    let fake = busy().await;
    let mut terminal = Terminal::burgee(&["top", "--admin", &fake.url], 120);
    terminal.shows(&["LAST 5 MINUTES", "LAST ANSWER"]).await;
    terminal.resize(40, 12);
    let shown = terminal.shows_no("LAST 5 MINUTES").await;
    assert!(shown.lines().all(|line| line.chars().count() <= 40), "{shown}");
    terminal.shows(&["burgee 0.1.0", "SENT/S"]).await;
    terminal.resize(7, 2);
    terminal.shows_no("SENT/S").await;
    terminal.resize(120, 40);
    terminal.shows(&["LAST 5 MINUTES", "go-feature-flag"]).await;
    terminal.press("\u{3}").await;
    assert_eq!(terminal.end().await, Some(0), "Ctrl-C is a key like q");
}

#[tokio::test]
async fn a_signal_leaves_the_terminal_as_it_was() {
    let fake = busy().await;
    let mut terminal = Terminal::burgee_and_stty(&["top", "--admin", &fake.url], 100);
    let shown = terminal.shows(&["number ", "."]).await;
    let number = shown.split("number ").nth(1).and_then(|rest| rest.split('.').next()).expect("a number");
    let number = number.to_owned();
    terminal.shows(&["flag-00"]).await;
    let killed = tokio::process::Command::new("kill").args(["-TERM", &number]).status().await;
    assert!(killed.expect("kill is there").success());
    let shown = terminal.shows(&["left"]).await;
    assert!(!terminal.screen().alternate_screen() && !terminal.screen().hide_cursor());
    assert!(shown.contains(" icanon") && shown.contains(" echo "), "{shown}");
    terminal.end().await;
}

#[tokio::test]
async fn top_says_that_burgee_has_gone() {
    let fake = busy().await;
    let mut terminal = Terminal::burgee(&["top", "--admin", &fake.url], 100);
    terminal.shows(&["flag-00"]).await;
    drop(fake);
    terminal.shows(&["nothing answers on", "flag-00"]).await;
    terminal.press("\u{1b}").await;
    assert_eq!(terminal.end().await, Some(0));
}

#[tokio::test]
async fn without_a_terminal_top_prints_one_picture() {
    let fake = busy().await;
    for args in [&["top", "--admin", &fake.url][..], &["top", "--once", "--admin", &fake.url]] {
        let ended = run(args).await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        for part in ["burgee 0.1.0", "queue 7", "flag-59", r"evil\u{1b}[2J"] {
            assert!(ended.out.contains(part), "no {part:?} in\n{}", ended.out);
        }
        assert!(!ended.out.contains('\u{1b}'), "{:?}", ended.out);
    }
}
