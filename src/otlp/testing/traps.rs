use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use prost::Message;

use super::{check, checked};
use crate::otlp::{Edits, Keys, Payload, Signal, Value, Watched, Watchlist, split, wire};

fn kv(key: &str, value: &str) -> KeyValue {
    let value = Some(any_value::Value::StringValue(value.into()));
    KeyValue { key: key.into(), value: Some(AnyValue { value }), key_strindex: 0 }
}

fn span(name: &str) -> Span {
    Span { trace_id: vec![1; 16], span_id: vec![2; 8], name: name.into(), ..Span::default() }
}

fn scope(spans: &[Span]) -> ScopeSpans {
    ScopeSpans {
        scope: Some(InstrumentationScope { name: "go-feature-flag".into(), ..Default::default() }),
        spans: spans.to_vec(),
        schema_url: String::new(),
    }
}

fn group(scopes: &[ScopeSpans]) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource { attributes: vec![kv("service.name", "shop")], ..Default::default() }),
        scope_spans: scopes.to_vec(),
        schema_url: String::new(),
    }
}

/// A request made of encoded groups.
fn request(groups: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    groups.iter().for_each(|group| wire::put_len(&mut out, 1, group));
    out
}

/// A request with one span, whose body is given.
fn request_of_span(span: &[u8]) -> Vec<u8> {
    let (mut scope, mut group) = (Vec::new(), Vec::new());
    wire::put_len(&mut scope, 2, span);
    wire::put_len(&mut group, 2, &scope);
    request(&[&group])
}

fn spans(spans: &[Span]) -> Payload {
    checked(Signal::Traces, request(&[&group(&[scope(spans)]).encode_to_vec()]))
}

fn names(payload: &Payload) -> Vec<&str> {
    payload.items().map(|item| item.name()).collect()
}

#[test]
fn a_resource_in_two_pieces_is_joined() {
    let mut first = Vec::new();
    wire::put_len(
        &mut first,
        1,
        &Resource { attributes: vec![kv("a", "1")], ..Default::default() }.encode_to_vec(),
    );
    wire::put_len(&mut first, 2, &scope(&[span("one")]).encode_to_vec());
    wire::put_len(
        &mut first,
        1,
        &Resource { attributes: vec![kv("b", "2")], ..Default::default() }.encode_to_vec(),
    );
    let payload = checked(Signal::Traces, request(&[&first]));
    let item = payload.items().next().expect("one span");
    let attributes = item.resource().attributes();
    assert_eq!((attributes.text("a"), attributes.text("b")), (Some("1"), Some("2")));
}

#[test]
fn a_status_in_two_pieces_is_joined_and_the_last_scalar_counts() {
    let mut body = span("first").encode_to_vec();
    body.extend(
        Span { status: Some(Status { code: 1, message: "m".into() }), ..Default::default() }.encode_to_vec(),
    );
    body.extend(Span { name: "second".into(), ..Default::default() }.encode_to_vec());
    body.extend(
        Span { status: Some(Status { code: 2, message: String::new() }), ..Default::default() }
            .encode_to_vec(),
    );
    let payload = checked(Signal::Traces, request_of_span(&body));
    let item = payload.items().next().expect("one span");
    assert_eq!((item.name(), item.status_code()), ("second", 2));
    let mut edits = Edits::default();
    edits.item(item).set_name("third");
    let edited = edits.apply(&payload);
    assert_eq!(names(&edited), ["third"]);
    assert!(memchr::memmem::find(edited.bytes(), b"first").is_none(), "every occurrence is replaced");
}

#[test]
fn the_last_member_of_a_oneof_counts_even_if_a_list_came_before() {
    let array = |text: &str| {
        let mut any = Vec::new();
        let mut element = Vec::new();
        wire::put_len(&mut element, 1, text.as_bytes());
        let mut list = Vec::new();
        wire::put_len(&mut list, 1, &element);
        wire::put_len(&mut any, 5, &list);
        any
    };
    let mut any = array("replaced");
    wire::put_len(&mut any, 1, b"text");
    any.extend(array("x"));
    any.extend(array("y"));
    let mut pair = Vec::new();
    wire::put_len(&mut pair, 1, b"list");
    wire::put_len(&mut pair, 2, &any);
    let mut body = span("s").encode_to_vec();
    wire::put_len(&mut body, 9, &pair);
    let payload = checked(Signal::Traces, request_of_span(&body));
    let item = payload.items().next().expect("one span");
    let Some(Value::Array(values)) = item.attributes().get("list") else { panic!("a list") };
    assert_eq!(values.iter().collect::<Vec<_>>(), [Value::Str("x"), Value::Str("y")]);
}

#[test]
fn a_resource_after_its_lists_is_found_and_edited() {
    let mut body = Vec::new();
    wire::put_len(&mut body, 2, &scope(&[span("one")]).encode_to_vec());
    wire::put_len(
        &mut body,
        1,
        &Resource { attributes: vec![kv("a", "1")], ..Default::default() }.encode_to_vec(),
    );
    wire::put_len(&mut body, 2, &scope(&[span("two")]).encode_to_vec());
    let payload = checked(Signal::Traces, request(&[&body]));
    let mut edits = Edits::default();
    for item in payload.items() {
        let mut edit = edits.resource(item.resource());
        assert!(edit.get("a").is_some() || edit.get("b").is_some());
        edit.rename("a", "b");
        edits.item(item).set("seen", Value::Bool(true));
    }
    let edited = edits.apply(&payload);
    assert_eq!(names(&edited), ["one", "two"]);
    for item in edited.items() {
        assert_eq!(item.resource().attributes().text("b"), Some("1"));
        assert_eq!(item.attributes().get("seen"), Some(Value::Bool(true)));
    }
}

#[test]
fn a_resource_that_is_absent_is_created() {
    let body = ResourceSpans { resource: None, ..group(&[scope(&[span("one")])]) }.encode_to_vec();
    let payload = checked(Signal::Traces, request(&[&body]));
    let mut edits = Edits::default();
    edits.resource(payload.items().next().expect("one").resource()).set("service.name", Value::Str("shop"));
    let edited = edits.apply(&payload);
    assert_eq!(edited.items().next().expect("one").resource().service_name(), Some("shop"));
    checked(Signal::Traces, edited.bytes().clone());
}

#[test]
fn repeated_numbers_come_packed_and_unpacked() {
    let point = |bounds: &[u8]| {
        let mut point = Vec::new();
        point.extend_from_slice(bounds);
        let (mut data, mut metric, mut scope, mut group) = (vec![], vec![], vec![], vec![]);
        wire::put_len(&mut data, 1, &point);
        wire::put_len(&mut metric, 9, &data);
        wire::put_len(&mut scope, 2, &metric);
        wire::put_len(&mut group, 2, &scope);
        request(&[&group])
    };
    let packed = [&[7 << 3 | 2, 16][..], &[0; 16]].concat();
    let unpacked = [&[7 << 3 | 1][..], &[0; 8]].concat();
    let odd = [&[7 << 3 | 2, 15][..], &[0; 15]].concat();
    assert_eq!(checked(Signal::Metrics, point(&packed)).len(), 1);
    assert_eq!(checked(Signal::Metrics, point(&[packed, unpacked].concat())).len(), 1);
    assert!(check(Signal::Metrics, point(&odd)).is_err());
}

#[test]
fn an_unknown_group_is_skipped_and_stays_in_place() {
    let group = [0xa3, 0x06, 0x08, 0x01, 0xa4, 0x06]; // field 100: {1: 1}
    let mut body = span("s").encode_to_vec();
    body.extend(group);
    let payload = checked(Signal::Traces, request_of_span(&body));
    let mut edits = Edits::default();
    edits.item(payload.items().next().expect("one")).set("k", Value::Int(1));
    let edited = edits.apply(&payload);
    assert!(memchr::memmem::find(edited.bytes(), &group).is_some());
    assert!(check(Signal::Traces, request_of_span(&[&body[..], &[0xa4, 0x06]].concat())).is_err());
}

#[test]
fn padded_tags_and_lengths_are_read_and_stay_where_nothing_is_edited() {
    // name = "on", with tag and length in three bytes each
    let mut body = span("").encode_to_vec();
    let padded = [0xaa, 0x80, 0x00, 0x82, 0x80, 0x00, b'o', b'n'];
    body.extend(padded);
    let payload = checked(Signal::Traces, request_of_span(&body));
    assert_eq!(names(&payload), ["on"]);
    let mut edits = Edits::default();
    edits.item(payload.items().next().expect("one")).set("k", Value::Int(1));
    let edited = edits.apply(&payload);
    assert!(memchr::memmem::find(edited.bytes(), &padded).is_some());
    assert_eq!(names(&edited), ["on"]);
}

#[test]
fn lengths_near_and_above_32_bits_are_refused_not_added_up() {
    for len in [u64::from(u32::MAX) - 1, u64::from(u32::MAX), 1 << 32, u64::MAX - 1, u64::MAX] {
        let mut bytes = vec![10];
        wire::put_varint(&mut bytes, len);
        bytes.extend([0; 32]);
        assert!(check(Signal::Traces, bytes).is_err(), "{len}");
    }
    // eleven bytes are no varint, and neither is one of 65 bits
    assert!(check(Signal::Traces, [&[0x08][..], &[0xff; 10], &[0x01]].concat()).is_err());
    assert!(check(Signal::Traces, [&[0x10][..], &[0xff; 9], &[0x02]].concat()).is_err());
    assert!(check(Signal::Traces, [&[0x10][..], &[0xff; 9], &[0x01]].concat()).is_ok());
}

#[test]
fn four_thousand_nested_values_are_refused_and_forty_are_not() {
    let nested = |levels: usize| {
        let mut any = Vec::new();
        for _ in 0..levels {
            let (mut list, mut outer) = (Vec::new(), Vec::new());
            wire::put_len(&mut list, 1, &any);
            wire::put_len(&mut outer, 5, &list);
            any = outer;
        }
        let mut pair = Vec::new();
        wire::put_len(&mut pair, 2, &any);
        let mut body = span("s").encode_to_vec();
        wire::put_len(&mut body, 9, &pair);
        request_of_span(&body)
    };
    assert!(check(Signal::Traces, nested(40)).is_ok());
    let error = check(Signal::Traces, nested(4000)).expect_err("too deep");
    assert!(error.to_string().contains("more than 100 levels"), "{error}");
}

#[test]
fn of_duplicate_keys_the_first_counts_and_set_leaves_one() {
    let mut one = span("s");
    one.attributes = vec![kv("k", "first"), kv("other", "x"), kv("k", "second")];
    let payload = spans(&[one]);
    let item = payload.items().next().expect("one");
    assert_eq!(item.attributes().text("k"), Some("first"));
    let mut edits = Edits::default();
    edits.item(item).set("k", Value::Str("first"));
    let edited = edits.apply(&payload);
    let keys: Vec<_> = edited.items().next().expect("one").attributes().iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["k", "other"]);
}

#[test]
fn a_discard_wins_over_edits_of_the_same_item_and_its_events() {
    let mut one = span("one");
    one.events = vec![Event { name: "e".into(), ..Default::default() }];
    let payload = spans(&[one, span("two")]);
    let mut edits = Edits::default();
    let item = payload.items().next().expect("two items");
    edits.event(item.events().next().expect("one event")).set("k", Value::Int(1));
    edits.item(item).set("k", Value::Int(1));
    edits.item(item).discard();
    edits.item(payload.items().nth(1).expect("two items")).set("k", Value::Int(2));
    let edited = edits.apply(&payload);
    assert_eq!((names(&edited), edited.len()), (vec!["two"], 1));
    assert_eq!(edited.items().next().expect("one").attributes().get("k"), Some(Value::Int(2)));
}

#[test]
fn the_end_of_one_span_is_not_the_start_of_the_next() {
    let payload = spans(&[span("a"), span("b"), span("c")]);
    let items: Vec<_> = payload.items().collect();
    let mut edits = Edits::default();
    edits.item(items[1]).set("only", Value::Str("b"));
    let edited = edits.apply(&payload);
    let marked: Vec<_> =
        edited.items().filter(|item| item.attributes().get("only").is_some()).map(|i| i.name()).collect();
    assert_eq!(marked, ["b"]);
}

#[test]
fn what_loses_its_last_item_goes_and_what_was_empty_stays() {
    let empty = ScopeSpans { scope: None, spans: vec![], schema_url: "empty".into() };
    let first = group(&[scope(&[span("a")]), empty]);
    let second = group(&[scope(&[span("b")])]);
    let payload = checked(Signal::Traces, request(&[&first.encode_to_vec(), &second.encode_to_vec()]));
    let mut edits = Edits::default();
    payload.items().for_each(|item| edits.item(item).discard());
    let edited = edits.apply(&payload);
    let left = request(&[
        &ResourceSpans { scope_spans: vec![first.scope_spans[1].clone()], ..first }.encode_to_vec()
    ]);
    assert_eq!((edited.len(), edited.bytes()), (0, &Bytes::from(left)));
}

#[test]
fn reads_see_earlier_writes() {
    let mut one = span("s");
    one.attributes = vec![kv("a", "1")];
    let payload = spans(&[one]);
    let mut edits = Edits::default();
    let mut edit = edits.item(payload.items().next().expect("one"));
    edit.rename("a", "b");
    assert_eq!((edit.get("a"), edit.get("b")), (None, Some(Value::Str("1"))));
    edit.set("a", Value::Int(2));
    edit.remove("b");
    assert_eq!((edit.get("a"), edit.get("b")), (Some(Value::Int(2)), None));
}

#[test]
fn spans_with_invalid_ids_are_cut_out_alone() {
    let mut flawed = Vec::new();
    for (trace_id, span_id) in [
        (vec![1; 15], vec![2; 8]),
        (vec![0; 16], vec![2; 8]),
        (vec![1; 16], vec![0; 8]),
        (vec![1; 16], vec![]),
        (vec![], vec![2; 8]),
    ] {
        flawed.push(Span { trace_id, span_id, ..span("flawed") });
    }
    flawed.push(Span { parent_span_id: vec![1; 7], ..span("flawed") });
    let link =
        opentelemetry_proto::tonic::trace::v1::span::Link { span_id: vec![1; 9], ..Default::default() };
    flawed.push(Span { links: vec![link], ..span("flawed") });
    let mut all = vec![span("good")];
    all.extend(flawed.clone());
    all.push(Span { parent_span_id: vec![0; 8], ..span("good too") });
    let bytes = request(&[&group(&[scope(&all)]).encode_to_vec()]);
    let checked = check(Signal::Traces, bytes).expect("well formed");
    assert_eq!(checked.flawed, flawed.len() as u64);
    assert_eq!(names(&checked.payload), ["good", "good too"]);
}

#[test]
fn a_request_with_unknown_fields_at_its_top_is_never_split() {
    let mut bytes = request(&[&group(&[scope(&[span("a"), span("b")])]).encode_to_vec()]);
    wire::put_len(&mut bytes, 2, b"profiles dictionary");
    let payload = checked(Signal::Traces, bytes);
    assert!(payload.is_opaque());
    assert!(split(&payload, 10)[0].is_same(&payload));
}

#[test]
fn an_empty_request_is_a_request() {
    for signal in Signal::ALL {
        assert!(checked(signal, Bytes::new()).is_empty());
    }
}

#[test]
fn a_truncated_request_is_refused_whole_and_names_the_place() {
    let bytes = request(&[&group(&[scope(&[span("a")])]).encode_to_vec()]);
    for end in 1..bytes.len() {
        assert!(check(Signal::Traces, bytes[..end].to_vec()).is_err(), "cut at {end}");
    }
    let mut body = span("s").encode_to_vec();
    wire::put_len(&mut body, 5, b"caf\xe9");
    let error = check(Signal::Traces, request_of_span(&body)).expect_err("not UTF-8");
    assert!(error.to_string().ends_with("text that is not UTF-8 in Span.name"), "{error}");
}

#[test]
fn a_wrong_wire_type_on_a_known_field_is_refused() {
    let mut body = span("s").encode_to_vec();
    body.extend([5 << 3, 1]);
    let error = check(Signal::Traces, request_of_span(&body)).expect_err("name as a varint");
    assert!(error.to_string().ends_with("a wrong wire type in Span.name"), "{error}");
}

#[test]
fn watched_words_are_noticed_wherever_they_stand() {
    let mut list = Watchlist::default();
    list.key("exact").key_prefix("feature_flag").url("url.path", "/ofrep/v1/").span("flagEvaluation");
    list.event("feature_flag").scope("go-feature-flag");
    let watched = |span: Span, scope_name: &str| {
        let mut scope = scope(&[span]);
        scope.scope = Some(InstrumentationScope { name: scope_name.into(), ..Default::default() });
        let bytes = request(&[&group(&[scope]).encode_to_vec()]);
        crate::otlp::check(Signal::Traces, bytes.into(), &list).expect("well formed").payload.watched()
    };
    let with = |attribute| Span { attributes: vec![attribute], ..span("s") };
    assert_eq!(watched(span("s"), "x"), Watched::No);
    assert_eq!(watched(with(kv("exactly", "")), "x"), Watched::No);
    assert_eq!(watched(with(kv("exact", "")), "x"), Watched::Yes);
    assert_eq!(watched(with(kv("feature_flag.key", "ключ")), "x"), Watched::Yes);
    assert_eq!(watched(with(kv("url.path", "/health")), "x"), Watched::No);
    assert_eq!(watched(with(kv("url.path", "/base/ofrep/v1/evaluate")), "x"), Watched::Yes);
    assert_eq!(watched(span("flagEvaluation"), "x"), Watched::Yes);
    assert_eq!(watched(span("s"), "go-feature-flag"), Watched::Yes);
    let event = Event { name: "feature_flag".into(), ..Default::default() };
    assert_eq!(watched(Span { events: vec![event], ..span("s") }, "x"), Watched::Yes);
}

#[test]
fn an_edited_payload_does_not_claim_to_know_what_is_in_it() {
    let payload = spans(&[span("s")]);
    assert_eq!(payload.watched(), Watched::No);
    let mut edits = Edits::default();
    edits.item(payload.items().next().expect("one")).set("k", Value::Int(1));
    assert_eq!(edits.apply(&payload).watched(), Watched::Unknown);
}

#[test]
fn it_is_known_which_items_have_watched_words_unless_they_stand_around_them() {
    let mut list = Watchlist::default();
    list.key("exact").scope("go-feature-flag");
    let with = |key: &str| Span { attributes: vec![kv(key, "")], ..span("s") };
    let places = |spans: &[Span], scope_name: &str| {
        let mut scope = scope(spans);
        scope.scope = Some(InstrumentationScope { name: scope_name.into(), ..Default::default() });
        let bytes = request(&[&group(&[scope]).encode_to_vec()]);
        let payload = crate::otlp::check(Signal::Traces, bytes.into(), &list).expect("well formed").payload;
        payload.watched_items().map(<[u32]>::to_vec)
    };
    assert_eq!(places(&[with("a"), with("exact"), with("b"), with("exact")], "x"), Some(vec![1, 3]));
    assert_eq!(places(&[with("a"), with("exact")], "go-feature-flag"), None);
    assert_eq!(places(&[with("a")], "x"), None);
    let flawed = Span { span_id: vec![], ..with("exact") };
    assert_eq!(places(&[flawed, with("exact")], "x"), None, "places have moved");
}

#[test]
fn of_an_identifier_that_comes_again_the_last_one_stays() {
    let mut body = span("twice").encode_to_vec();
    wire::put_len(&mut body, 4, &[3; 8]);
    wire::put_len(&mut body, 4, &[4; 8]);
    wire::put_len(&mut body, 1, &[5; 16]);
    let payload = checked(Signal::Traces, request_of_span(&body));
    let item = payload.items().next().expect("one span");
    assert_eq!(item.lineage(), [&[5; 16][..], &[2; 8], &[4; 8]]);
    assert_eq!(item.trace_id(), [5; 16]);
    assert_eq!(payload.bytes().len(), request_of_span(&body).len() - 18 - 10);
}

#[test]
fn values_of_any_length_are_set_with_minimal_lengths() {
    for len in [0, 1, 125, 126, 127, 128, 16_379, 16_384, 70_000] {
        let payload = spans(&[span("one")]);
        let item = payload.items().next().expect("one span");
        let text = "x".repeat(len);
        let mut edits = Edits::default();
        edits.item(item).set("text", Value::Str(&text));
        edits.item(item).set("text", Value::Str(&text));
        edits.item(item).rename("text", "renamed");
        let edited = edits.apply(&payload);
        let expected = spans(&[Span { attributes: vec![kv("renamed", &text)], ..span("one") }]);
        assert_eq!(edited.bytes(), expected.bytes(), "{len}");
    }
}

#[test]
fn a_tag_of_zero_is_refused_wherever_it_stands() {
    // field number 0, then a key-value pair as an attribute would have it
    let pair = [0, 9, 0x0a, 1, b'k', 0x12, 4, 0x0a, 2, b'o', b'n'];
    let in_span = request_of_span(&pair);
    let (mut scope, mut group) = (Vec::new(), Vec::new());
    wire::put_len(&mut scope, 2, &span("one").encode_to_vec());
    scope.extend_from_slice(&pair);
    wire::put_len(&mut group, 2, &scope);
    for bytes in [in_span, request(&[&group]), pair.to_vec()] {
        assert!(check(Signal::Traces, bytes).is_err());
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_in_short_attributes_and_other_scripts_are_not() {
    let attributes = |text: &[u8]| {
        let mut body = span("one").encode_to_vec();
        for value in [b"plain".as_slice(), text, b"plain"] {
            let mut kv = Vec::new();
            wire::put_len(&mut kv, 1, b"key");
            wire::put_len_with(&mut kv, 2, |out| wire::put_len(out, 1, value));
            wire::put_len(&mut body, 9, &kv);
        }
        request_of_span(&body)
    };
    let good = check(Signal::Traces, attributes("Größe".as_bytes()));
    assert_eq!(good.expect("UTF-8").payload.len(), 1);
    let bad = check(Signal::Traces, attributes(b"\xffno")).expect_err("not UTF-8");
    assert_eq!(bad.place, "AnyValue.stringValue");
}

#[test]
fn a_parent_that_stands_behind_something_else_is_the_parent() {
    let ids: &[u8] = &[&[0x0a, 16][..], &[1; 16], &[0x12, 8], &[2; 8]].concat();
    let parent: &[u8] = &[&[0x22, 8][..], &[3; 8]].concat();
    let name = [0x2a, 1, b'n'];
    let times = [&[0x39][..], &[1; 8], &[0x41], &[2; 8]].concat();
    let usual = [ids, parent, &name, &times].concat();
    let with_trace_state = [ids, &[0x1a, 1, b't'], parent, &name, &times].concat();
    let behind_its_name = [ids, &name, parent, &times].concat();
    let behind_its_times = [ids, &name, &times, parent].concat();
    for span in [usual, with_trace_state, behind_its_name, behind_its_times] {
        let payload = checked(Signal::Traces, request_of_span(&span));
        let item = payload.items().next().expect("one");
        let expected = [&[1; 16][..], &[2; 8], &[3; 8]];
        assert_eq!(item.lineage(), expected);
        assert!(item.saying().is_none_or(|saying| saying.ids == expected));
    }
}

#[test]
fn what_was_appended_to_one_item_is_appended_to_another_and_can_still_be_changed() {
    let payload = spans(&[span("first"), span("second"), span("third"), span("fourth")]);
    let items: Vec<_> = payload.items().collect();
    let mut edits = Edits::default();
    let mut edit = edits.item_with(items[0], Keys::default());
    edit.set("k", Value::Str("a value that is not the last"));
    edit.set("k", Value::Int(1));
    edit.set("l", Value::Str("x"));
    let appended = edits.appended(items[0]).expect("nothing but new attributes");
    assert!(!appended.is_empty());
    items[1..].iter().for_each(|item| edits.append(*item, &appended));
    edits.item(items[1]).remove("k");
    edits.item(items[2]).set("k", Value::Int(2));
    let edited = edits.apply(&payload);
    let said = |item: super::super::Item<'_>| {
        item.attributes().iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join(" ")
    };
    let said: Vec<_> = edited.items().map(said).collect();
    assert_eq!(
        said,
        ["k=Int(1) l=Str(\"x\")", "l=Str(\"x\")", "k=Int(2) l=Str(\"x\")", "k=Int(1) l=Str(\"x\")"]
    );
    assert!(edits.appended(items[0]).is_none(), "nobody edits it");
    edits.item(items[0]).set_name("other");
    assert!(edits.appended(items[0]).is_none(), "a name is nothing that comes behind");
}
