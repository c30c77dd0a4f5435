use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::component::{Origin, Transport};
use crate::observe::evaluations::{Evaluated, EvaluatedState, Series};
use crate::otlp::{self, Edits, Signal};

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let written = "{originals: keep, value: when_no_variant, context_id: keep, project: request, \
                   max_flags_per_span: 32, provider_name: GO Feature Flag, metrics: by_flag}";
    assert_eq!(config(written), config("{}"));
    assert_eq!(config("{}"), Ok(Config::default()));
}

#[test]
fn off_is_a_word() {
    assert_eq!(config("project: off").map(|config| config.project), Ok(Project::Off));
}

#[test]
fn what_is_no_option_is_refused() {
    for (text, why) in [
        ("original: keep", "unknown field `original`"),
        ("originals: maybe", "unknown variant `maybe`"),
        ("max_flags_per_span: 0", "1 to 1024"),
        ("max_flags_per_span: 100000", "1 to 1024"),
        ("provider_name: \"a\\nb\"", "no control characters"),
        ("definitions: {files: a}", "unknown field `files`"),
        ("definitions: {file: a, attributes: ['']}", "1 to 128 bytes"),
        ("definitions: {relay_proxy: {}}", "missing field `endpoint`"),
        ("definitions: {relay_proxy: {endpoint: 'relay:1031'}}", "try \"http://relay:1031\""),
        ("definitions: {relay_proxy: {endpoint: 'ftp://relay'}}", "no http:// or https:// URL"),
        ("definitions: {relay_proxy: {endpoint: 'http://me:secret@relay'}}", "as `api_key`"),
        ("definitions: {relay_proxy: {endpoint: 'http:///me:secret@relay'}}", "as `api_key`"),
        ("definitions: {relay_proxy: {endpoint: 'http:/me:secret@relay'}}", "as `api_key`"),
        (r"definitions: {relay_proxy: {endpoint: 'http:\\me:secret@relay'}}", "as `api_key`"),
        ("definitions: {relay_proxy: {endpoint: 'http://me:se/secret@relay'}}", "as `api_key`"),
        ("definitions: {relay_proxy: {endpoint: 'http://relay?apiKey=secret'}}", "has a query"),
        ("definitions: {relay_proxy: {endpoint: 'http://h', poll_interval: 10ms}}", "1s at least"),
        ("definitions: {relay_proxy: {endpoint: 'http://h', poll_interval: 5}}", "needs a unit"),
        ("definitions: {relay_proxy: {endpoint: 'http://h', api_key: \"secret\\n\"}}", "a line break"),
    ] {
        let error = config(text).expect_err(text);
        assert!(error.contains(why), "{text}: {error}");
        assert!(!error.contains("secret"), "{text}: {error}");
    }
}

#[test]
fn options_that_do_not_go_together_are_refused_at_their_key() {
    for (text, key, why) in [
        ("context_id: hash", "context_id", "needs a `hash_key`"),
        ("{context_id: hash, hash_key: }", "context_id", "needs a `hash_key`"),
        ("{context_id: hash, hash_key: ''}", "hash_key", "is empty"),
        ("hash_key: hunter2", "hash_key", "does nothing without `context_id: hash`"),
        ("{context_id: drop, hash_key: hunter2}", "hash_key", "does nothing"),
        (
            "definitions: {relay_proxy: {endpoint: 'http://relay', tls: {ca_file: x}}}",
            "definitions.relay_proxy.tls",
            "does nothing for an http:// endpoint",
        ),
        (
            "definitions: {relay_proxy: {endpoint: 'https://relay', tls: {ca_file: /nowhere/ca.pem}}}",
            "definitions.relay_proxy.tls",
            "ca_file /nowhere/ca.pem: there is no such file",
        ),
        ("definitions: {}", "definitions", "from nowhere"),
        ("definitions:", "definitions", "from nowhere"),
        ("definitions: {attributes: [owner]}", "definitions", "from nowhere"),
        ("definitions: {file: a, relay_proxy: {endpoint: 'http://h'}}", "definitions", "either `file`"),
        ("definitions: {file: ''}", "definitions.file", "is empty"),
    ] {
        let error = try_build(&config(text).expect(text)).expect_err(text);
        let BuildError::Setting { path, message } = error else { panic!("{text}: {error}") };
        assert_eq!(path.join("."), key, "{text}");
        assert!(message.contains(why) && !message.contains("hunter2"), "{text}: {message}");
    }
}

#[test]
fn the_key_is_in_nothing_that_can_be_printed() {
    let config = config("{context_id: hash, hash_key: hunter2}").expect("a key");
    let built = try_build(&config).expect("a key");
    assert!(!format!("{config:?} {config:#?} {built:?}").contains("hunter2"));
}

#[test]
fn context_ids_are_looked_for_at_the_door_if_they_must_not_leave() {
    let request =
        request(vec![span(1, 0, "GET /", vec![text("feature_flag.context.id", "ada@example.org")])]);
    let seen = |text| {
        let mut words = Watchlist::default();
        try_build(&config(text).expect(text)).expect(text).watch(&mut words);
        let bytes = request.encode_to_vec().into();
        otlp::check(Signal::Traces, bytes, &words).expect("made by prost").payload.watched()
    };
    assert_eq!(seen("context_id: keep"), Watched::No);
    assert_eq!(seen("context_id: drop"), Watched::Yes);
    assert_eq!(seen("{context_id: hash, hash_key: k}"), Watched::Yes);
}

#[test]
fn no_name_lets_a_raw_id_out() {
    let names = flags::vocabulary().context_ids;
    assert!(names.len() >= 6, "{names:?}");
    for (name, only_in) in names {
        let id = || text(name, "ada@example.org");
        let mut busy = span(1, 0, "GET /", vec![]);
        busy.events = vec![
            event(only_in.unwrap_or("feature_flag"), vec![text("feature_flag.key", "k"), id()]),
            event(only_in.unwrap_or("feature_flag"), vec![id()]),
            event(only_in.unwrap_or("exception"), vec![id(), id()]),
            event(only_in.unwrap_or("log"), vec![id()]),
        ];
        let mut spans = vec![busy];
        if only_in.is_none() {
            spans.push(span(2, 1, "AllFlagsState", vec![id()]));
            spans.push(span(3, 1, "feature_flag.evaluation", vec![text("feature_flag.key", "k"), id()]));
            spans.push(span(4, 1, "no evaluation", vec![id()]));
        }
        let bytes = request(spans).encode_to_vec();
        for options in [
            "context_id: drop",
            "{context_id: hash, hash_key: k}",
            "{context_id: hash, hash_key: k, originals: drop}",
        ] {
            let config = config(options).expect(options);
            let mut words = Watchlist::default();
            try_build(&config).expect(options).watch(&mut words);
            let payload = otlp::check(Signal::Traces, bytes.clone().into(), &words).expect("made by prost");
            let (out, _) = process(&config, payload.payload);
            let leaks = memchr::memmem::find(out.bytes(), b"ada@example.org").is_some();
            assert!(!leaks, "{name} lets an id out with {options}");
        }
    }
}

#[test]
fn a_request_without_watched_words_is_not_looked_at() {
    let request = request(vec![span(1, 0, "GET /", vec![text("http.route", "/")])]);
    let payload = check(request.encode_to_vec());
    assert_eq!(payload.watched(), Watched::No);
    let (out, evaluations) = process(&Config::default(), payload.clone());
    assert!(out.is_same(&payload));
    assert_eq!(evaluations, 0);
}

#[test]
fn evaluations_are_counted_once_each() {
    let key = |key| text("feature_flag.key", key);
    let mut told = span(1, 0, "GET /", vec![]);
    told.events = vec![
        event("feature_flag", vec![key("a")]),
        event("exception", vec![key("a")]),
        event("exception", vec![key("b")]),
        event("exception", vec![]),
    ];
    let mut native = span(2, 1, "feature_flag.evaluation", vec![key("c")]);
    native.events = vec![event("feature_flag.evaluation", vec![key("c")])];
    let asked = vec![text("url.path", "/v1/feature/d/eval"), text("http.request.method", "POST")];
    let mut asked = span(3, 1, "POST", asked);
    asked.kind = 2;
    let relay = span(4, 3, "flagEvaluation", vec![text("flagEvaluation.flagName", "d")]);
    let request = request(vec![told, native, asked, relay]);
    let (out, evaluations) = process(&Config::default(), check(request.encode_to_vec()));
    assert_eq!(evaluations, 4);
    for payload in [check(request.encode_to_vec()), check(out.bytes().to_vec())] {
        let mut keys = Vec::new();
        flags::evaluations(&payload, |_, evaluation| {
            keys.extend(evaluation.key.as_deref().map(str::to_owned))
        });
        assert_eq!(keys, ["a", "b", "c", "d"]);
    }
}

/// The evaluations of one request by flag, as burgee's own metrics would have them.
fn tally(options: &str, request: &[u8]) -> Vec<(String, u64)> {
    let processor = try_build(&config(options).expect("right")).expect("right");
    let origin = Origin {
        receiver: Arc::from("otlp"),
        transport: Transport::Local,
        peer: None,
        listener: None,
        port: None,
        arrival: SystemTime::UNIX_EPOCH,
    };
    let (mut edits, evaluated) = (Edits::default(), Evaluated::default());
    let mut cx = Cx::new(&mut edits, &origin);
    processor.process(check(request.to_vec()), &mut cx);
    evaluated.add(&cx.tally);
    let label = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
    let of = |series: &Series| [&series.key, &series.variant, &series.reason].map(label).join(" ");
    let counted = evaluated.snapshot().series;
    counted.into_iter().filter(|(_, count)| *count > 0).map(|(series, count)| (of(&series), count)).collect()
}

#[test]
fn evaluations_are_counted_by_flag_and_nobodys_name_is_among_the_labels() {
    let attributes = |variant| {
        vec![
            text("feature_flag.key", "theme"),
            text("feature_flag.result.variant", variant),
            text("feature_flag.result.reason", "TARGETING_MATCH"),
            text("feature_flag.context.id", "alice@example.com"),
            text("feature_flag.result.value", "secret"),
        ]
    };
    let mut told = span(1, 0, "GET /", vec![]);
    told.events = vec![event("feature_flag.evaluation", attributes("dark"))];
    let mut native = span(2, 1, "feature_flag.evaluation", attributes("light"));
    native.events = vec![event("feature_flag.evaluation", attributes("light"))];
    let again = span(3, 1, "feature_flag.evaluation", attributes("light"));
    let request = request(vec![told, native, again]).encode_to_vec();
    let expected =
        [("theme dark targeting_match".to_owned(), 1), ("theme light targeting_match".to_owned(), 2)];
    assert_eq!(tally("{}", &request), expected);
    assert_eq!(tally("metrics: total", &request), []);
}

#[test]
fn a_key_that_only_a_client_wrote_into_a_url_is_no_label() {
    let asked = vec![
        text("url.path", "/ofrep/v1/evaluate/flags/alice@example.com"),
        text("http.request.method", "POST"),
    ];
    let mut asked = span(1, 0, "POST", asked);
    asked.kind = 2;
    let relay = span(2, 1, "flagEvaluation", vec![]);
    let mut request = request(vec![asked, relay]);
    let scope = InstrumentationScope { name: "go-feature-flag".into(), ..Default::default() };
    request.resource_spans[0].scope_spans[0].scope = Some(scope);
    let bytes = request.encode_to_vec();
    let (out, _) = process(&Config::default(), check(bytes.clone()));
    let mut keys = Vec::new();
    flags::evaluations(&out, |_, evaluation| keys.extend(evaluation.key.as_deref().map(str::to_owned)));
    assert_eq!(keys, ["alice@example.com"]);
    assert_eq!(tally("{}", &bytes), [("- - error".to_owned(), 1)]);
}

#[test]
fn a_key_in_a_url_is_the_same_key_with_blanks_around_it() {
    let asked = vec![text("url.path", "/ofrep/v1/evaluate/flags/ d "), text("http.method", "POST")];
    let spans = vec![Span { kind: 2, ..span(1, 0, "POST", asked) }, span(2, 1, "flagEvaluation", vec![])];
    let scope = Some(InstrumentationScope { name: "go-feature-flag".into(), ..Default::default() });
    let mut request = request(spans);
    request.resource_spans[0].scope_spans[0].scope = scope;
    let (once, _) = process(&Config::default(), check(request.encode_to_vec()));
    for item in once.items() {
        assert_eq!(item.attributes().text("feature_flag.key"), Some("d"));
    }
    let (twice, _) = process(&Config::default(), check(once.bytes().to_vec()));
    assert_eq!(twice.bytes(), once.bytes());
}

#[test]
fn a_variation_whose_name_says_nothing_is_no_variant() {
    let config = config(&format!("{{definitions: {{file: {ANY_FLAGS}}}, originals: drop}}")).expect("a file");
    let said = vec![text("feature_flag.key", "user-10"), text("flagEvaluation.value", "0")];
    let payload = check(request(vec![span(1, 0, "evaluation", said)]).encode_to_vec());
    let (once, _) = process(&config, payload);
    let item = once.items().next().expect("one span");
    assert_eq!(item.attributes().get("feature_flag.result.variant"), None);
    assert_eq!(item.attributes().text("feature_flag.result.value"), Some("0"));
    let (twice, _) = process(&config, check(once.bytes().to_vec()));
    assert_eq!(twice.bytes(), once.bytes());
}

#[test]
fn ten_thousand_events_and_spans_in_a_row_have_a_defined_result() {
    let mut busy = span(1, 0, "busy", vec![]);
    busy.events = (0..10_000)
        .map(|i| {
            event(
                "feature_flag",
                vec![text("feature_flag.key", &format!("flag {i}")), text("feature_flag.variant", "on")],
            )
        })
        .collect();
    let mut spans = vec![busy];
    for i in 2..3_000 {
        let key = vec![text("feature_flag.key", &format!("own {i}")), text("feature_flag.variant", "on")];
        spans.push(span(i, i - 1, "evaluation", key));
    }
    let (out, evaluations) = process(&Config::default(), check(request(spans).encode_to_vec()));
    assert_eq!(evaluations, 10_000 + 2_998);
    let out = ExportTraceServiceRequest::decode(out.bytes().clone()).expect("what leaves is well formed");
    let busy = &out.resource_spans[0].scope_spans[0].spans[0].attributes;
    assert_eq!(busy.len(), 33);
    assert_eq!(
        *busy.last().expect("33 attributes"),
        kv("burgee.flag.dropped_count", Any::IntValue(10_000 + 2_998 - 32))
    );
}

#[test]
fn a_long_key_in_a_deep_trace_does_not_make_a_small_request_huge() {
    let key = "k".repeat(1 << 20);
    let mut spans: Vec<_> = (1..100).map(|i| span(i, i - 1, "work", vec![])).collect();
    spans.push(span(
        100,
        99,
        "evaluation",
        vec![text("feature_flag.key", &key), text("feature_flag.variant", "on")],
    ));
    let before = check(request(spans).encode_to_vec());
    let (out, _) = process(&Config::default(), before.clone());
    assert!(out.bytes().len() < before.bytes().len() + (9 << 20), "{} bytes", out.bytes().len());
    let (again, _) = process(&Config::default(), check(out.bytes().to_vec()));
    assert_eq!(again.bytes(), out.bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn enriching_twice_is_once_and_changes_only_what_is_its_own(
        groups in prop::collection::vec((any_scope(), prop::collection::vec(any_span(), 0..6)), 1..4),
        config in any_config(),
    ) {
        let payload = check(encode_with_unknown(&groups));
        let (once, counted) = process(&config, payload.clone());
        let again = check(once.bytes().to_vec());
        let (twice, recounted) = process(&config, again);
        // NaN is not equal to itself, its text is
        prop_assert_eq!(format!("{:?}", traces(&twice)), format!("{:?}", traces(&once)));
        prop_assert_eq!(twice.bytes(), once.bytes());
        prop_assert_eq!(recounted, counted);
        prop_assert_eq!(bare(traces(&once)), bare(traces(&payload)));
        let unknown = |payload: &Payload| memchr::memmem::find_iter(payload.bytes(), UNKNOWN).count();
        prop_assert_eq!(unknown(&once), unknown(&payload));
        prop_assert_eq!(once.bytes() == payload.bytes(), once.is_same(&payload));
        let mut seen = 0;
        flags::evaluations(&once, |_, _| seen += 1);
        prop_assert_eq!(seen, counted);
    }

    #[test]
    fn records_are_enriched_once_too_and_lose_nothing_that_is_not_the_processors(
        records in prop::collection::vec(any_record(), 0..6),
        config in any_config(),
    ) {
        let payload = check_of(Signal::Logs, request_of_logs(records).encode_to_vec());
        let (once, counted) = process(&config, payload.clone());
        let (twice, recounted) = process(&config, check_of(Signal::Logs, once.bytes().to_vec()));
        prop_assert_eq!(format!("{:?}", logs(&twice)), format!("{:?}", logs(&once)));
        prop_assert_eq!(twice.bytes(), once.bytes());
        prop_assert_eq!(recounted, counted);
        prop_assert_eq!(bare_logs(logs(&once)), bare_logs(logs(&payload)));
        prop_assert_eq!(once.bytes() == payload.bytes(), once.is_same(&payload));
        let mut seen = 0;
        flags::evaluations(&once, |_, _| seen += 1);
        prop_assert_eq!(seen, counted);
    }

    #[test]
    fn what_was_said_before_is_enriched_as_if_it_were_new(
        config in any_config(),
        scope in any_scope(),
        mut spans in prop::collection::vec(any_span(), 1..6),
    ) {
        let processor = try_build(&config).expect("options that go together");
        for round in 1..5 {
            for span in &mut spans {
                span.trace_id[0] = round;
                span.end_time_unix_nano += 1;
            }
            let payload = check(encode_with_unknown(&[(scope, spans.clone())]));
            let (before, counted, by_flag) = process_by(&processor, payload.clone());
            let (new, recounted, by_flag_again) = process_by(&try_build(&config).expect("as before"), payload);
            prop_assert_eq!(before.bytes(), new.bytes());
            prop_assert_eq!(counted, recounted);
            prop_assert_eq!(by_flag, by_flag_again);
        }
    }

    #[test]
    fn the_door_misses_nothing_that_would_be_enriched(
        scope in any_scope(),
        spans in prop::collection::vec(any_span(), 1..3),
        records in prop::collection::vec(any_record(), 1..3),
    ) {
        let traces = check(encode_with_unknown(&[(scope, spans)]));
        let logs = check_of(Signal::Logs, request_of_logs(records).encode_to_vec());
        for payload in [traces, logs] {
            let mut edits = Edits::default();
            let evaluations = flags::enrich(&payload, &Policy::default(), None, &mut edits, None, None);
            let out = edits.apply(&payload);
            if payload.watched() == Watched::No {
                prop_assert!(out.is_same(&payload));
                prop_assert_eq!(evaluations, 0);
            }
        }
    }

    #[test]
    fn an_item_without_a_watched_word_is_as_if_nobody_had_looked(
        scope in any_scope(),
        spans in prop::collection::vec(any_span(), 1..6),
    ) {
        let bytes = encode_with_unknown(&[(scope, spans)]);
        let (some, counted) = process(&Config::default(), check(bytes.clone()));
        // merged or edited payloads come without the places of the watched words
        let everything = otlp::check(Signal::Traces, Bytes::from(bytes), &watch_everything()).expect("well formed");
        let (all, recounted) = process(&Config::default(), everything.payload);
        prop_assert_eq!(some.bytes(), all.bytes());
        prop_assert_eq!(counted, recounted);
    }
}

#[test]
fn what_comes_a_second_time_is_remembered_and_nothing_that_its_ids_or_times_matter_to() {
    let flag = |key: &str| vec![text("flagEvaluation.flagName", key), text("flagEvaluation.variant", "on")];
    let remembered = |config: &str, times: u64, make: &dyn Fn(u32) -> Span| {
        let processor = try_build(&self::config(config).expect("right")).expect("right");
        for id in 1..=times {
            process_by(&processor, check(request(vec![make(id as u32)]).encode_to_vec()));
        }
        processor.memories.known()
    };
    let usual = |id| span(id, 0, "flagEvaluation", flag("a"));
    assert_eq!(remembered("{}", 1, &usual), 0);
    assert_eq!(remembered("{}", 2, &usual), 1);
    assert_eq!(remembered("{}", 9, &usual), 1);
    assert_eq!(remembered("originals: drop", 9, &usual), 0, "it loses something");
    let different = |id| span(id, 0, "flagEvaluation", flag(&format!("key-{id}")));
    assert_eq!(remembered("{}", 9, &different), 0);
    let failed = |id| Span { kind: 1, ..span(id, 7, "flagEvaluation", vec![]) };
    assert_eq!(remembered("{}", 9, &failed), 0, "its request's URL says which flag it is");
    let with_event = |id| Span { events: vec![event("feature_flag", flag("a"))], ..usual(id) };
    assert_eq!(remembered("{}", 9, &with_event), 0);
    let long = |id| span(id, 0, "flagEvaluation", flag(&"k".repeat(2000)));
    assert_eq!(remembered("{}", 9, &long), 0);
}

#[test]
fn what_never_comes_twice_is_soon_not_looked_for_and_what_does_later_is_found_again() {
    let processor = try_build(&Config::default()).expect("right");
    let flag = |user: u32| {
        vec![text("feature_flag.key", "a"), text("feature_flag.context.id", &format!("user {user}"))]
    };
    let send = |users: std::ops::Range<u32>| {
        let spans = users.map(|user| span(1, 0, "feature_flag.evaluation", flag(user)));
        process_by(&processor, check(request(spans.collect()).encode_to_vec()));
    };
    send(0..2000);
    for _ in 0..3 {
        send(0..8);
    }
    assert_eq!(processor.memories.known(), 0, "it rests");
    send(2000..8680);
    for _ in 0..30 {
        send(0..8);
    }
    assert_eq!(processor.memories.known(), 8);
}

#[test]
fn a_scope_of_another_name_is_another_evaluation() {
    let processor = try_build(&Config::default()).expect("right");
    let spans = |id| vec![span(id, 0, "flagEvaluation", vec![text("flagEvaluation.reason", "STATIC")])];
    for id in 1..5 {
        for (scope, counted) in [("go-feature-flag", 1), ("another", 0)] {
            let bytes = encode_with_unknown(&[(scope, spans(id))]);
            let (out, evaluations, _) = process_by(&processor, check(bytes.clone()));
            assert_eq!(evaluations, counted);
            assert_eq!(out.bytes(), process(&Config::default(), check(bytes)).0.bytes());
        }
    }
}

/// Spans whose ids, names, attributes and events are drawn from few, so that they meet: cycles, self-parents,
/// spans sent twice, evaluations with an event and a URL.
fn any_span() -> impl Strategy<Value = Span> {
    let mut names = flags::vocabulary().spans;
    names.extend(["GET /checkout", "POST /v1", "GET /checkout", "POST /v1", "feature_flag_evaluation.on"]);
    let any_events = |most: usize| {
        let any_event = (any_event_name(), any_attributes(6));
        prop::collection::vec(any_event.prop_map(|(name, attributes)| event(name, attributes)), 0..most)
    };
    let name = prop::sample::select(names);
    let anything = (name, 0i32..4, any_attributes(9), any_events(4));
    // these meet less often by chance than they do in life
    let asked = (any_url_key(), 0i32..4, any_attributes(3)).prop_map(|(key, kind, attributes)| {
        let path = format!("/ofrep/v1/evaluate/flags/{key}");
        let mut asked = vec![text("url.path", &path), text("url.full", &path), text("http.method", "POST")];
        asked.extend(attributes);
        ("POST", kind, asked, vec![])
    });
    let answered = (any_attributes(3), any_events(2))
        .prop_map(|(attributes, events)| ("flagEvaluation", 1, attributes, events));
    let said = prop_oneof![4 => anything, 1 => asked, 1 => answered];
    let trace_state = prop::sample::select(vec!["", "", "", "vendor=1"]);
    (1u8..7, 0u8..7, trace_state, said).prop_map(|(id, parent, state, (name, kind, attributes, events))| {
        Span {
            trace_state: state.into(),
            kind,
            events,
            ..span(u32::from(id), u32::from(parent), name, attributes)
        }
    })
}

fn any_url_key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["on", "off", " on ", "o%6e", "%20on", " ", "a/b"])
}

/// Its event may be named in every place, and its body may be a map with a value.
fn any_record() -> impl Strategy<Value = LogRecord> {
    let place = prop::sample::select(vec!["", "event.name", "otel.event.name", "elsewhere"]);
    let body = prop_oneof![
        Just(None),
        Just(Some(Any::StringValue("Feature flag evaluated on".into()))),
        Just(Some(Any::KvlistValue(KeyValueList { values: vec![kv("value", Any::DoubleValue(0.25))] }))),
    ];
    (place, any_event_name(), body, any_attributes(9)).prop_map(|(place, name, body, mut attributes)| {
        if place.contains("event") {
            attributes.push(text(place, name));
        }
        LogRecord {
            event_name: if place.is_empty() { name.into() } else { String::new() },
            body: body.map(|value| AnyValue { value: Some(value) }),
            attributes,
            ..LogRecord::default()
        }
    })
}

fn any_event_name() -> impl Strategy<Value = &'static str> {
    let mut names = flags::vocabulary().events;
    names.extend(["exception", "log"]);
    prop::sample::select(names)
}

fn any_scope() -> impl Strategy<Value = &'static str> {
    let mut scopes = flags::vocabulary().scopes;
    scopes.extend(["go-feature-flag", "shop"]);
    prop::sample::select(scopes)
}

fn any_attributes(most: usize) -> impl Strategy<Value = Vec<KeyValue>> {
    let words = [
        "on",
        "off",
        "",
        "SdkDefault",
        "STATIC",
        "SPLIT",
        "SPLIT",
        "TARGETING_MATCH_SPLIT",
        "ERROR",
        "offline",
        "OFF",
        "FALLTHROUGH",
        "match",
        "Percentile",
        "LaunchDarkly",
        "1",
        "-1",
        "FLAG_NOT_FOUND",
        "flagconfig",
        "\"red\"",
        "\"\\\"red\\\"\"",
        "\"null\"",
        "<nil>",
        "true",
        "undefined-targetingKey",
        " spaced ",
        "user-10",
    ];
    let word = prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(|text| Some(Any::StringValue(text.into()))),
        1 => any::<bool>().prop_map(|b| Some(Any::BoolValue(b))),
        1 => (-2i64..3).prop_map(|i| Some(Any::IntValue(i))),
        1 => prop::sample::select(vec![0.5, f64::NAN]).prop_map(|d| Some(Any::DoubleValue(d))),
        1 => Just(Some(Any::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(Any::DoubleValue(1.5)) }] }))),
        1 => Just(None),
    ];
    let vocabulary = flags::vocabulary();
    let mut names: Vec<String> = vocabulary.attributes.iter().map(|&name| name.to_owned()).collect();
    for prefix in vocabulary.flags {
        names.extend(["on", "off", " spaced ", ""].map(|key| format!("{prefix}{key}")));
    }
    // what makes an evaluation has to come often enough
    names.extend(["feature_flag.key", "feature_flag.key", "feature_flag.key"].map(str::to_owned));
    names.extend(
        ["feature_flags.on", "feature_flag.provider_name", "ffe_flags_enc", "other"].map(str::to_owned),
    );
    let said = (prop::sample::select(names), word).prop_map(|(key, value)| KeyValue {
        key,
        value: Some(AnyValue { value }),
        ..KeyValue::default()
    });
    let url = (
        prop::sample::select(vec!["url.path", "http.target", "url.full", "http.url", "url.query"]),
        prop::sample::select(vec![
            "/ofrep/v1/evaluate/flags/on",
            "/v1/feature/on/eval",
            "/v1/feature/%6f%6e/eval?apiKey=k",
            "http://h/ofrep/v1/evaluate/flags/o%6e?apiKey=k&a=b",
            "http://h/ws/v1/flag/change?a=b&apiKey=k#f",
            "apiKey=k",
            "/ofrep/v1/evaluate/flags/:flagKey",
        ]),
    )
        .prop_map(|(key, value)| text(key, value));
    let http =
        prop::sample::select(vec![("http.request.method", "POST"), ("http.method", "GET"), ("other", "x")])
            .prop_map(|(key, value)| text(key, value));
    let status = prop::sample::select(vec![200, 400, 404])
        .prop_map(|status| kv("http.response.status_code", Any::IntValue(status)));
    // several attributes of one sender meet less often by chance than they do in life
    let of_ruby = Just([
        kv("feature_flag.reason.kind", Any::StringValue("OFF".into())),
        text("feature_flag.variant", "1"),
    ]);
    let of_older = prop::sample::select(vec!["true", "\"red\"", "{}"]).prop_map(|value| {
        [text("feature_flag.provider_name", "LaunchDarkly"), text("feature_flag.variant", value)]
    });
    prop::collection::vec(
        prop_oneof![
            16 => said.prop_map(|said| vec![said]),
            2 => url.prop_map(|said| vec![said]),
            2 => http.prop_map(|said| vec![said]),
            2 => status.prop_map(|said| vec![said]),
            1 => of_ruby.prop_map(Vec::from),
            1 => of_older.prop_map(Vec::from),
        ],
        0..most,
    )
    .prop_map(|said| said.concat())
}

fn any_config() -> impl Strategy<Value = Config> {
    (
        prop::sample::select(vec![Originals::Keep, Originals::Drop]),
        prop::sample::select(vec![ValuePolicy::Always, ValuePolicy::WhenNoVariant, ValuePolicy::Never]),
        prop::sample::select(vec![ContextIds::Keep, ContextIds::Hash, ContextIds::Drop]),
        prop::sample::select(vec![Project::Off, Project::Request]),
        1usize..4,
        any::<bool>(),
    )
        .prop_map(|(originals, value, context_id, project, max_flags_per_span, defined)| Config {
            originals,
            value,
            context_id,
            hash_key: (context_id == ContextIds::Hash).then(|| Secret::new("a key")),
            project,
            max_flags_per_span,
            definitions: defined.then(|| DefinitionsConfig {
                file: Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(ANY_FLAGS)),
                attributes: vec!["owner".into(), "limits".into(), "nothing".into()],
                ..DefinitionsConfig::default()
            }),
            ..Config::default()
        })
}

/// Flags with the keys and values that [`any_attributes`] draws from.
const ANY_FLAGS: &str = "src/processors/feature_flag/any_flags.goff.yaml";

/// Without what the processor may change. NaN is not equal to itself and goes, too.
fn bare(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    let spans = request.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans);
    for span in spans.flat_map(|group| &mut group.spans) {
        for event in &mut span.events {
            strip(&mut event.attributes);
            rename(&mut event.name);
        }
        strip(&mut span.attributes);
    }
    request
}

fn bare_logs(mut request: ExportLogsServiceRequest) -> ExportLogsServiceRequest {
    let records = request.resource_logs.iter_mut().flat_map(|group| &mut group.scope_logs);
    for record in records.flat_map(|group| &mut group.log_records) {
        strip(&mut record.attributes);
        rename(&mut record.event_name);
    }
    request
}

fn rename(event: &mut String) {
    if event == "feature_flag" {
        *event = "feature_flag.evaluation".into();
    }
}

/// Takes away what may be changed, by name: what nobody translates has to stay, in its order.
fn strip(attributes: &mut Vec<KeyValue>) {
    let vocabulary = flags::vocabulary();
    let ours = |key: &str| {
        vocabulary.attributes.contains(&key)
            || vocabulary.flags.iter().any(|prefix| key.starts_with(prefix))
            || ["feature_flags.", "burgee.flag.", "url.", "http.", "event.name", "otel.event.name"]
                .iter()
                .any(|prefix| key.starts_with(prefix))
    };
    attributes.retain(|kv| {
        let nan = matches!(&kv.value, Some(AnyValue { value: Some(Any::DoubleValue(d)) }) if d.is_nan());
        !nan && !ours(&kv.key)
    });
}

/// One group of resource spans for each group; every span ends with a field that nobody knows.
fn encode_with_unknown(groups: &[(&str, Vec<Span>)]) -> Vec<u8> {
    let nested = |number: u32, body: &[u8], out: &mut Vec<u8>| {
        prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, out);
        prost::encoding::encode_varint(body.len() as u64, out);
        out.extend_from_slice(body);
    };
    let mut request = Vec::new();
    for (scope, spans) in groups {
        let scope = InstrumentationScope { name: (*scope).into(), ..Default::default() };
        let mut scope_spans = ScopeSpans { scope: Some(scope), ..Default::default() }.encode_to_vec();
        for span in spans {
            let mut body = span.encode_to_vec();
            nested(1000, UNKNOWN, &mut body);
            nested(2, &body, &mut scope_spans);
        }
        let mut group = Vec::new();
        nested(2, &scope_spans, &mut group);
        nested(1, &group, &mut request);
    }
    request
}

fn traces(payload: &Payload) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(payload.bytes().clone()).expect("well formed")
}

fn logs(payload: &Payload) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest::decode(payload.bytes().clone()).expect("well formed")
}

fn request_of_logs(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }] }
}

/// Sees something in every item that has a name or an attribute, so that none is passed by.
fn watch_everything() -> otlp::Watchlist {
    let mut list = watchlist();
    for scope in flags::vocabulary().scopes.into_iter().chain(["go-feature-flag", "shop"]) {
        list.scope(scope);
    }
    list
}

const UNKNOWN: &[u8] = b"nobody knows";

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
    let resource = Some(Resource::default());
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, ..Default::default() }],
    }
}

/// `parent` 0 is none.
fn span(id: u32, parent: u32, name: &str, attributes: Vec<KeyValue>) -> Span {
    let id_of = |id: u32| if id == 0 { Vec::new() } else { u64::from(id).to_be_bytes().to_vec() };
    Span {
        trace_id: vec![7; 16],
        span_id: id_of(id),
        parent_span_id: id_of(parent),
        name: name.into(),
        start_time_unix_nano: 1_700_000_000_000_000_000 + u64::from(id),
        end_time_unix_nano: 1_700_000_000_000_000_100 + u64::from(id),
        attributes,
        ..Default::default()
    }
}

fn event(name: &str, attributes: Vec<KeyValue>) -> Event {
    Event { name: name.into(), attributes, ..Default::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    kv(key, Any::StringValue(value.into()))
}

fn kv(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn check(bytes: Vec<u8>) -> Payload {
    check_of(Signal::Traces, bytes)
}

fn check_of(signal: Signal, bytes: Vec<u8>) -> Payload {
    otlp::check(signal, Bytes::from(bytes), &watchlist()).expect("made by prost").payload
}

fn process(config: &Config, payload: Payload) -> (Payload, u64) {
    let (out, evaluations, _) = process_by(&try_build(config).expect("options that go together"), payload);
    (out, evaluations)
}

/// What comes out, how many evaluations there were, and how many of each flag, variant and reason.
fn process_by(processor: &FeatureFlag, payload: Payload) -> (Payload, u64, EvaluatedState) {
    let origin = Origin {
        receiver: Arc::from("otlp"),
        transport: Transport::Local,
        peer: None,
        listener: None,
        port: None,
        arrival: SystemTime::UNIX_EPOCH,
    };
    let (mut edits, evaluated) = (Edits::default(), Evaluated::default());
    let mut cx = Cx::new(&mut edits, &origin);
    let out = processor.process(payload, &mut cx);
    let by_flag = processor.metrics == Metrics::ByFlag;
    assert_eq!(
        cx.tally.sum(),
        if by_flag { cx.evaluations } else { 0 },
        "by flag there are as many as in all"
    );
    evaluated.add(&cx.tally);
    (out, cx.evaluations, evaluated.snapshot())
}

fn try_build(config: &Config) -> Result<FeatureFlag, BuildError> {
    build(config, &mut BuildContext::new("feature_flag"))
}

fn config(text: &str) -> Result<Config, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}
