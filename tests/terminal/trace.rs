use burgee::admin::v1;

use crate::fake::{self, Answers, HOSTILE, evaluation};
use crate::pty::Terminal;
use crate::support::run;

const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn span(id: &str, parent: &str, name: &str, start_ms: u64, took_ms: u64) -> v1::Span {
    v1::Span {
        span_id: id.into(),
        parent_span_id: parent.into(),
        name: name.into(),
        service: "checkout-api".into(),
        kind: "server".into(),
        start_unix_nano: (1_700_000_000_000 + start_ms) * 1_000_000,
        duration_nano: took_ms * 1_000_000,
        status: "unset".into(),
        ..Default::default()
    }
}

fn trace() -> v1::TraceResponse {
    let mut spans = vec![
        span("a", "", "POST /checkout", 0, 100),
        span("b", "a", HOSTILE, 10, 50),
        span("c", "b", "flagEvaluation", 20, 1),
        span("d", "gone", "lost", 90, 5),
    ];
    spans[1].status = "error".into();
    spans[1].status_message = "no room".into();
    spans[2].evaluations = vec![evaluation(20, "new-checkout")];
    v1::TraceResponse {
        summary: Some(v1::TraceSummary {
            trace_id: ID.into(),
            name: "POST /checkout".into(),
            service: "checkout-api".into(),
            started_unix_ms: 1_700_000_000_000,
            duration_us: 100_000,
            spans: 4,
            errors: 1,
            services: vec!["checkout-api".into()],
            flags: vec![v1::FlagAndVariant { key: "new-checkout".into(), variant: "on".into() }],
        }),
        spans,
        notes: vec!["the parent of 1 span did not arrive".into()],
    }
}

fn answers() -> Answers {
    let horizon = Some(v1::Horizon { oldest_unix_ms: 1, one_in: 4, ..Default::default() });
    let traces = v1::TracesResponse { traces: trace().summary.into_iter().collect(), horizon };
    Answers { trace: Some(trace()), traces, ..Default::default() }
}

#[tokio::test]
async fn a_waterfall_fits_the_terminal() {
    let fake = fake::start(answers()).await;
    for columns in [80, 40] {
        let mut terminal = Terminal::burgee(&["trace", &ID[..8], "--admin", &fake.url], columns);
        assert_eq!(terminal.end().await, Some(0));
        let shown = terminal.contents();
        for part in [
            "trace 4bf92f3577b34da6a3ce929d0e0e4736",
            "POST /checkout",
            "100.0ms ███",
            r"  evil\u",
            "error: no room",
            "⚑ new-checkout = on",
            "+20.0ms",
            "(parent did not arrive)",
            "note: the parent of 1 span",
        ] {
            assert!(shown.contains(part), "no {part:?} at {columns} columns:\n{shown}");
        }
        assert!((0..30).all(|row| !terminal.screen().row_wrapped(row)), "no line is broken:\n{shown}");
    }
}

#[tokio::test]
async fn traces_are_listed_and_had_as_json() {
    let fake = fake::start(answers()).await;
    for columns in [80, 40] {
        let mut terminal = Terminal::burgee(&["trace", "--admin", &fake.url], columns);
        assert_eq!(terminal.end().await, Some(0));
        let shown = terminal.contents();
        assert!(shown.contains(&ID[..12]) && shown.contains("POST /"), "{shown}");
        assert!((0..30).all(|row| !terminal.screen().row_wrapped(row)), "no line is broken:\n{shown}");
    }
    let list = run(&["trace", "--admin", &fake.url]).await;
    assert!(list.out.contains(ID) && list.out.contains("new-checkout=on"), "{}", list.out);
    let json = run(&["trace", ID, "--json", "--admin", &fake.url]).await;
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json["spans"][1]["name"], HOSTILE);
}

#[tokio::test]
async fn a_trace_that_is_not_remembered_is_answered_with_what_is() {
    let fake = fake::start(answers()).await;
    let ended = run(&["trace", "deadbeef", "--admin", &fake.url]).await;
    assert_eq!(ended.code, Some(1));
    for part in ["does not remember a trace deadbeef", "one trace in 4", "`burgee trace` lists"] {
        assert!(ended.log.contains(part), "no {part:?} in {}", ended.log);
    }
    let ended = run(&["trace", "xyz", "--admin", &fake.url]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
}

#[tokio::test]
async fn a_very_long_trace_is_cut_unless_all_of_it_is_wanted() {
    let spans = (0..40_000).map(|at| span(&format!("{at:x}"), "", "work", at, 1)).collect();
    let long = v1::TraceResponse { spans, ..trace() };
    let fake = fake::start(Answers { trace: Some(long), ..Default::default() }).await;
    let ended = run(&["trace", ID, "--admin", &fake.url]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.out.contains("… 38000 spans left out; --all shows everything"));
    let all = run(&["trace", ID, "--all", "--admin", &fake.url]).await;
    assert!(all.out.lines().count() > 40_000);
}
