use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::sample::{Rates, Sample};
use super::state::{Mode, Next, Order, State};
use super::view;
use crate::admin::v1;
use crate::cli::lines::Line;

/// Counts after so many seconds, at ten a second.
fn sample(seconds: u64) -> Sample {
    let door = v1::Door { items_accepted: seconds * 10, ..Default::default() };
    let pipeline = v1::Pipeline { evaluations: seconds * 5, ..Default::default() };
    let outbox = v1::Outbox {
        exporter: "otlp_grpc/jaeger".into(),
        signal: v1::Signal::Traces.into(),
        sent: seconds * 8,
        held_items: 3,
        held_requests: 1,
        capacity: 10,
        sizer: "requests".into(),
        last: Some(v1::Outcome { what: "retry_later".into(), message: "\u{1b}[2Jno".into(), at_unix_ms: 1 }),
        ..Default::default()
    };
    let flag = |key: &str, evaluations| v1::Flag { key: key.into(), evaluations, ..Default::default() };
    let sender = |service: &str, items| v1::Sender {
        service: service.into(),
        transport: "http".into(),
        port: "grpc".into(),
        items,
        ..Default::default()
    };
    Sample {
        status: v1::StatusResponse {
            version: "0.1.0".into(),
            started_unix_ms: 1_000,
            uptime_ms: seconds * 1_000,
            doors: vec![door],
            pipelines: vec![pipeline],
            outboxes: vec![outbox],
            ..Default::default()
        },
        senders: vec![sender("checkout-api", seconds), sender("go-feature-flag", seconds * 9)],
        flags: vec![flag("a-flag", seconds), flag("new-checkout", seconds * 4), flag("x\u{9b}2J旗", 0)],
        findings: vec![v1::Finding {
            id: "X01".into(),
            severity: "warning".into(),
            title: "Relay-proxy traces are not connected".into(),
            ..Default::default()
        }],
    }
}

fn state() -> State {
    let mut state = State::new("http://127.0.0.1:4380".into(), sample(10));
    state.take(Ok(sample(12)));
    state
}

fn press(state: &mut State, keys: &str) -> Next {
    let mut next = Next::Draw;
    for letter in keys.chars() {
        let code = match letter {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            letter => KeyCode::Char(letter),
        };
        next = state.press(KeyEvent::new(code, KeyModifiers::NONE));
    }
    next
}

fn text(lines: Vec<Line>) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    anstream::adapter::strip_str(&lines.concat()).to_string()
}

#[test]
fn rates_are_what_happened_between_two_looks() {
    let rates = Rates::between(&sample(10), &sample(12));
    assert_eq!((rates.received, rates.enriched, rates.sent), (10.0, 5.0, 8.0));
    assert_eq!(rates.flag(&sample(0).flags[1]), 4.0);
    assert_eq!(rates.sender(&sample(0).senders[1]), 9.0);
    let restarted =
        Sample { status: v1::StatusResponse { started_unix_ms: 2_000, ..sample(11).status }, ..sample(11) };
    assert_eq!(Rates::between(&sample(10), &restarted).received, 0.0);
    assert_eq!(Rates::between(&sample(10), &sample(10)).received, 0.0);
}

#[test]
fn the_picture_says_what_passes_and_what_waits() {
    let text = text(view::whole(&state(), 100));
    for part in [
        "burgee 0.1.0  up 12s  http://127.0.0.1:4380\n",
        "received 10/s → enriched 5.0/s → sent 8.0/s  queue 3\n",
        "findings 1: X01 Relay-proxy traces are not connected\n",
        "otlp_grpc/jaeger traces",
        "10.0%",
        r"retry_later: \u{1b}[2Jno",
        "http on grpc",
        r"x\u{9b}2J旗",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let first = |name| text.find(name).expect("it is there");
    assert!(first("go-feature-flag") < first("checkout-api"), "the busiest first\n{text}");
    assert!(first("new-checkout") < first("a-flag"), "the busiest first\n{text}");
}

#[test]
fn any_size_of_a_terminal_is_kept_to() {
    let mut state = state();
    state.trouble = Some("nothing answers on http://127.0.0.1:4380 any more".into());
    for keys in ["", "?", "\n", "/x", "\n"] {
        press(&mut state, keys);
        for width in [0, 1, 7, 20, 40, 80, 200] {
            for height in [0, 1, 2, 5, 24, 100] {
                let lines = view::screen(&mut state, width, height);
                assert_eq!(lines.len(), height);
                assert!(lines.iter().all(|line| line.width() <= width), "{width}x{height}");
            }
        }
    }
}

#[test]
fn keys_sort_filter_pause_and_quit() {
    let mut state = state();
    press(&mut state, "ssss");
    assert_eq!(state.order, Order::Name);
    let shown = text(view::screen(&mut state, 80, 24));
    assert!(shown.contains("s sort: name"), "{shown}");

    press(&mut state, "/NEWq");
    assert_eq!((state.mode, state.filter.as_str()), (Mode::Filtering, "newq"));
    state.press(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
    press(&mut state, "\n");
    let shown = text(view::screen(&mut state, 80, 24));
    assert!(shown.contains("new-checkout") && !shown.contains("a-flag"), "{shown}");
    assert!(shown.contains("SENDERS: none pass the filter"), "{shown}");
    press(&mut state, "/\u{1b}");
    assert_eq!(state.filter, "");

    press(&mut state, "p");
    state.take(Ok(sample(100)));
    assert_eq!(state.sample.status.uptime_ms, 12_000, "paused");
    press(&mut state, "p?");
    let help = text(view::screen(&mut state, 80, 24));
    assert!(help.contains("quit") && help.contains("any key goes back"), "{help}");
    assert_eq!(press(&mut state, "q"), Next::Draw, "it only ends the help");
    assert_eq!(press(&mut state, "q"), Next::Quit);
    assert_eq!(press(&mut state, "\u{1b}"), Next::Quit);
    assert_eq!(state.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Next::Quit);
}

#[test]
fn scrolling_ends_where_the_content_does() {
    let mut state = state();
    press(&mut state, "G");
    let end = text(view::screen(&mut state, 80, 8));
    assert!(end.contains(r"x\u{9b}2J"), "{end}");
    assert!(state.scrolled < 100);
    press(&mut state, "g");
    let start = text(view::screen(&mut state, 80, 8));
    assert!(start.contains("QUEUE") && start.contains("more"), "{start}");
}

#[test]
fn a_burgee_that_has_gone_is_said_and_the_last_numbers_stay() {
    let mut state = state();
    state.take(Err("nothing answers on http://127.0.0.1:4380 any more; did burgee stop?".into()));
    let text = text(view::screen(&mut state, 80, 24));
    assert!(text.contains("did burgee stop?") && text.contains("new-checkout"), "{text}");
    state.take(Ok(sample(13)));
    assert_eq!(state.trouble, None);
}
