//! From payloads to what is remembered.

use bytes::Bytes;

use super::*;
use crate::otlp::{Payload, Signal, Watchlist, check, json};

const FROM: From =
    From { peer: None, transport: "http", port: Some("grpc"), arrival: SystemTime::UNIX_EPOCH };

fn payload(signal: Signal, text: &str) -> Payload {
    let bytes = json::read(signal, text.as_bytes(), 1 << 20, |_| Ok::<(), ()>(())).expect("OTLP/JSON");
    check(signal, Bytes::from(bytes), &Watchlist::default()).expect("valid").payload
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// Spans of one service: id, parent, name, kind, start and end in seconds, attributes.
fn spans(service: &str, spans: &[(&str, &str, &str, u8, u64, u64, &str)]) -> Payload {
    let spans: Vec<String> = spans
        .iter()
        .map(|(id, parent, name, kind, start, end, attributes)| {
            format!(
                r#"{{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"{id}","parentSpanId":"{parent}","name":"{name}",
                "kind":{kind},"flags":768,"startTimeUnixNano":"{start}000000000","endTimeUnixNano":"{end}000000000",
                "attributes":[{attributes}]}}"#
            )
        })
        .collect();
    payload(
        Signal::Traces,
        &format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            text("service.name", service),
            spans.join(",")
        ),
    )
}

fn text(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}

/// The same in a trace of its own.
fn with_trace_id(payload: &Payload, number: u32) -> Payload {
    let mut bytes = payload.bytes().to_vec();
    let id = [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c];
    let at = bytes.windows(16).position(|bytes| bytes == id).expect("it has that id");
    bytes[at + 12..at + 16].copy_from_slice(&number.to_be_bytes());
    check(Signal::Traces, Bytes::from(bytes), &Watchlist::default()).expect("valid").payload
}

/// What a memory knows after it has looked at these.
fn remembered(payloads: &[Payload]) -> Insight {
    let insight = Insight::default();
    for payload in payloads {
        insight.memory().look(payload, &From { arrival: now(), ..FROM }, &insight.watch);
    }
    insight
}

const T: u64 = 1_799_999_999;

fn evaluation() -> String {
    [text("feature_flag.key", "new-checkout"), text("feature_flag.result.variant", "on")].join(",")
}

#[test]
fn an_evaluation_is_found_by_filter_flag_and_trace() {
    let insight = remembered(&[spans(
        "shop",
        &[
            ("b7ad6b7169203331", "", "GET /basket", 2, T, T, ""),
            ("c7ad6b7169203331", "b7ad6b7169203331", "feature_flag.evaluation", 1, T, T, &evaluation()),
        ],
    )]);
    let all = insight.evaluations(&Filter::default(), 0, 10);
    let [told] = &all.told[..] else { panic!("one evaluation: {all:?}") };
    assert_eq!((&*told.key, &*told.variant, &*told.service, told.number), ("new-checkout", "on", "shop", 1));
    let none = insight.evaluations(&"variant=off".parse().expect("a filter"), 0, 10);
    assert_eq!((none.told.len(), none.last), (0, 1));
    assert_eq!(insight.flags()["new-checkout"].evaluations, 1);
    let known = insight.trace("0af765", |_, trace| (trace.spans.len(), trace.evaluations.len()));
    assert_eq!(known, Some((2, 1)));
    assert_eq!(insight.trace("0af7", |_, _| ()), None, "so few digits may be anything");
    let [sender] = &insight.senders()[..] else { panic!("one sender") };
    assert_eq!(
        (&*sender.service, sender.items, sender.evaluations, sender.port),
        ("shop", 2, 1, Some("grpc"))
    );
}

#[test]
fn attributes_are_kept_as_text_and_cut() {
    let long = "x".repeat(1000);
    let attributes = [text("http.route", "/basket"), text("long", &long)].join(",");
    let insight = remembered(&[spans("shop", &[("b7ad6b7169203331", "", "GET", 2, T, T, &attributes)])]);
    let kept = insight.trace("0af7651916cd43dd8448eb211c80319c", |_, trace| {
        trace.spans[0].attributes.iter().map(|(key, value)| (key.to_owned(), value.len())).collect::<Vec<_>>()
    });
    assert_eq!(kept, Some(vec![("http.route".to_owned(), 7), ("long".to_owned(), TEXT_BYTES_MAX)]));
}

#[test]
fn what_is_odd_about_a_sender_is_marked() {
    let outdated = text("feature_flag.variant", "on");
    let insight = remembered(&[spans(
        "",
        &[
            ("b7ad6b7169203331", "", "future", 1, T, T + 60, ""),
            ("b7ad6b7169203332", "", "never", 1, 0, 5, ""),
            ("b7ad6b7169203333", "", "late", 1, T - 4000, T - 3999, ""),
            ("b7ad6b7169203334", "", "old", 1, T, T, &outdated),
            ("b7ad6b7169203334", "", "old", 1, T, T, &text("user.email", "ada@example.org")),
            ("b7ad6b7169203335", "", "call", 3, T, T, &text("url.full", "http://a/?mail=ada%40example.org")),
        ],
    )]);
    let senders = insight.senders();
    let count = |oddity| senders[0].count(oddity);
    for oddity in [
        Oddity::EndsInFuture,
        Oddity::ImplausibleTime,
        Oddity::Late,
        Oddity::OutdatedNames,
        Oddity::NoServiceName,
        Oddity::ClientRoot,
        Oddity::Twice,
    ] {
        assert_eq!(count(oddity), 1, "{oddity:?}: {:?}", senders[0].marks);
    }
    assert_eq!(count(Oddity::Personal), 2);
    assert_eq!(count(Oddity::Circle), 0);
}

#[test]
fn a_trace_is_looked_at_as_a_whole_once_nothing_more_comes() {
    let insight = remembered(&[spans(
        "shop",
        &[
            ("b7ad6b7169203331", "aaaaaaaaaaaaaaaa", "orphan", 2, T, T, ""),
            ("b7ad6b7169203332", "b7ad6b7169203331", "joined", 2, T, T, ""),
            ("b7ad6b7169203333", "b7ad6b7169203334", "round", 1, T, T, ""),
            ("b7ad6b7169203334", "b7ad6b7169203333", "and round", 1, T, T, ""),
        ],
    )]);
    insight.memory().settle(now() + Duration::from_secs(5));
    assert_eq!(insight.senders()[0].count(Oddity::Orphan), 0, "it may still be on its way");
    insight.memory().settle(now() + Duration::from_secs(7));
    insight.memory().settle(now() + Duration::from_secs(8));
    let senders = insight.senders();
    let counts = [Oddity::Orphan, Oddity::Joined, Oddity::Circle].map(|oddity| senders[0].count(oddity));
    assert_eq!(counts, [1, 3, 1]);
}

#[test]
fn calls_to_a_relay_proxy_and_what_served_them_are_remembered() {
    let called = text("url.full", "http://me:secret@relay:1031/base/ofrep/v1/evaluate/flags/a?apiKey=secret");
    let served = [
        text("url.path", "/ofrep/v1/evaluate/flags/a"),
        text("http.route", "/ofrep/v1/evaluate/flags/:flagKey"),
    ]
    .join(",");
    let insight = remembered(&[
        spans("shop", &[("b7ad6b7169203331", "", "POST", 3, T, T, &called)]),
        spans("go-feature-flag", &[("b7ad6b7169203332", "", "POST /ofrep", 2, T, T, &served)]),
    ]);
    let Pairs { calls, served, .. } = insight.signs().pairs;
    assert_eq!((&*calls[0].host, &*calls[0].path), ("relay:1031", "/base/ofrep/v1/evaluate/flags/a"));
    assert!(calls[0].is_to_relay_proxy && served[0].is_relay_proxy);
    assert_eq!((&*served[0].path, served[0].parent), ("/ofrep/v1/evaluate/flags/a", SpanId::default()));
}

/// A span of a process that says which instance of a service it is.
fn of_process(pid: u32) -> Payload {
    let resource = [text("service.name", "worker"), text("service.instance.id", "host-1")].join(",");
    payload(
        Signal::Traces,
        &format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{resource},{{"key":"process.pid","value":{{"intValue":"{pid}"}}}}]}},
            "scopeSpans":[{{"spans":[{{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"job",
            "startTimeUnixNano":"{T}000000000","endTimeUnixNano":"{T}000000000"}}]}}]}}]}}"#
        ),
    )
}

#[test]
fn a_process_that_follows_another_is_a_restart_and_those_that_take_turns_are_several() {
    let marks = |processes: &[u32]| {
        let payloads: Vec<_> = processes.iter().map(|pid| of_process(*pid)).collect();
        let senders = remembered(&payloads).senders();
        [Oddity::Restarted, Oddity::SharedInstance].map(|oddity| senders[0].count(oddity))
    };
    assert_eq!(marks(&[7, 7]), [0, 0]);
    assert_eq!(marks(&[7, 7, 8, 8, 9]), [2, 0]);
    assert_eq!(marks(&[7, 8, 7, 8]), [0, 2]);
}

#[test]
fn what_serves_a_call_does_not_begin_before_it() {
    let call = spans("shop", &[("b7ad6b7169203331", "", "POST", 3, T, T, "")]);
    let ahead = |seconds: u64| {
        let began = T - seconds;
        let served = spans(
            "billing",
            &[
                ("b7ad6b7169203332", "b7ad6b7169203331", "POST /pay", 2, began, T + 9, ""),
                ("b7ad6b7169203333", "b7ad6b7169203334", "SELECT", 3, T, T, ""),
            ],
        );
        let insight = remembered(&[call.clone(), served]);
        insight.memory().settle(now() + Duration::from_secs(7));
        let senders = insight.senders();
        let billing = senders.iter().find(|sender| &*sender.service == "billing").expect("it sent");
        billing.count(Oddity::BeforeCall)
    };
    assert_eq!([ahead(0), ahead(2), ahead(3)], [0, 0, 1]);
}

#[test]
fn the_oldest_is_forgotten_when_there_is_no_more_room() {
    let insight = Insight::default();
    insight.set_limit(64 << 10);
    for number in 1..=2000_u32 {
        let one = spans("shop", &[("b7ad6b7169203331", "", "a", 1, T, T, &evaluation())]);
        let payload = with_trace_id(&one, number);
        insight.memory().look(&payload, &From { arrival: now(), ..FROM }, &insight.watch);
    }
    let horizon = insight.horizon();
    assert!(horizon.bytes <= 64 << 10 && horizon.bytes > 32 << 10, "{horizon:?}");
    let page = insight.evaluations(&Filter::default(), 1, usize::MAX);
    assert_eq!(page.last, 2000);
    assert_eq!(page.missed + page.told.len() as u64, 1999, "what is forgotten is said");
    let mut newest = None;
    insight.each_trace(|id, _| {
        newest = Some(id[14..] == 2000_u16.to_be_bytes());
        Enough::Yes
    });
    assert_eq!(newest, Some(true));
}

#[tokio::test]
async fn a_tap_sees_what_passes_and_knows_what_it_lost() {
    let insight = Arc::new(Insight::default());
    let mut tap = insight.tap("flag=new-*".parse().expect("a filter")).expect("the first");
    let other = [text("feature_flag.key", "old"), text("feature_flag.result.variant", "on")].join(",");
    let look = |attributes: &str, id: &str| {
        let payload = spans("shop", &[(id, "", "feature_flag.evaluation", 1, T, T, attributes)]);
        insight.memory().look(&payload, &From { arrival: now(), ..FROM }, &insight.watch);
    };
    look(&other, "b7ad6b7169203331");
    look(&evaluation(), "b7ad6b7169203332");
    let told = tap.next().await.expect("it goes on");
    assert_eq!(told.iter().map(|told| &*told.key).collect::<Vec<_>>(), ["new-checkout"]);
    for number in 0..TAP_EVALUATIONS + 7 {
        look(&evaluation(), &format!("{:016x}", number + 1));
    }
    assert_eq!((tap.dropped(), tap.dropped()), (7, 0));
    drop(tap);
    let taps: Vec<_> =
        (0..TAPS_MAX).map(|_| insight.tap(Filter::default()).expect("there is room")).collect();
    assert!(insight.tap(Filter::default()).is_err());
    drop(taps);
    assert!(insight.tap(Filter::default()).is_ok(), "those that are closed make room");
}

#[tokio::test]
async fn what_is_put_is_remembered_by_the_task_that_looks() {
    let insight = Arc::new(Insight::default());
    let task = tokio::spawn(Arc::clone(&insight).run());
    let mut tap = insight.tap(Filter::default()).expect("the first");
    let payload =
        spans("shop", &[("b7ad6b7169203331", "", "feature_flag.evaluation", 1, T, T, &evaluation())]);
    loop {
        insight.watch().put(&payload, || From { arrival: now(), ..FROM });
        // the watch opens when the task begins
        if let Ok(told) = tokio::time::timeout(Duration::from_millis(20), tap.next()).await {
            assert_eq!(&*told.expect("it goes on")[0].key, "new-checkout");
            break;
        }
    }
    task.abort();
}
