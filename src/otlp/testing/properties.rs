use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;

use super::generate::{self, Dice, KEYS, MARK, Manners};
use super::{Decoded, check, checked, decode};
use crate::otlp::{Edits, Payload, Signal, Value, mergeable, split};

/// How many cases each property runs through; `PROPTEST_CASES` overrides it.
const CASES: u32 = 2000;

pub(super) fn config() -> ProptestConfig {
    let failure_persistence = Some(Box::new(FileFailurePersistence::Off) as _);
    ProptestConfig { failure_persistence, ..ProptestConfig::with_cases(CASES) }
}

fn signals() -> impl Strategy<Value = Signal> {
    prop_oneof![3 => Just(Signal::Traces), 1 => Just(Signal::Metrics), 1 => Just(Signal::Logs)]
}

fn dice() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..1500)
}

pub(super) fn requests(manners: Manners) -> impl Strategy<Value = (Signal, Vec<u8>)> {
    (signals(), dice())
        .prop_map(move |(signal, dice)| (signal, generate::request(signal, &mut Dice(&dice), manners)))
}

/// Anything from legal requests to noise.
fn bytes() -> impl Strategy<Value = (Signal, Vec<u8>)> {
    prop_oneof![
        4 => requests(Manners::Careless),
        4 => requests(Manners::Bad),
        2 => (requests(Manners::Good), any::<Index>()).prop_map(|((signal, mut bytes), at)| {
            bytes.truncate(at.index(bytes.len() + 1));
            (signal, bytes)
        }),
        4 => (requests(Manners::Good), any::<Index>(), any::<u8>()).prop_map(|((signal, mut bytes), at, byte)| {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            (signal, bytes)
        }),
        1 => (signals(), prop::collection::vec(any::<u8>(), 0..64)),
    ]
}

/// What an edit may do, and where.
#[derive(Clone, Debug)]
enum Act {
    Set(usize, i64),
    SetText(usize, String),
    SetEmpty(usize),
    Remove(usize),
    Rename(usize, usize),
    Name(String),
    Discard,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Item,
    Event(Index),
    Resource,
}

fn acts() -> impl Strategy<Value = Vec<(Index, Place, Act)>> {
    let key = 0..KEYS.len();
    let act = prop_oneof![
        3 => (key.clone(), any::<i64>()).prop_map(|(key, value)| Act::Set(key, value)),
        2 => (key.clone(), "[a-zß]{0,200}").prop_map(|(key, value)| Act::SetText(key, value)),
        1 => key.clone().prop_map(Act::SetEmpty),
        2 => key.clone().prop_map(Act::Remove),
        2 => (key.clone(), key).prop_map(|(from, to)| Act::Rename(from, to)),
        1 => "[a-z]{0,4}".prop_map(Act::Name),
        1 => Just(Act::Discard),
    ];
    let place = prop_oneof![4 => Just(Place::Item), 2 => any::<Index>().prop_map(Place::Event), 1 => Just(Place::Resource)];
    prop::collection::vec((any::<Index>(), place, act), 0..12)
}

/// Records the acts against a payload's views.
fn record(edits: &mut Edits, payload: &Payload, acts: &[(Index, Place, Act)]) {
    let items: Vec<_> = payload.items().collect();
    for (index, place, act) in acts {
        let Some(&item) = items.get(index.index(items.len().max(1))) else { continue };
        let mut edit = match place {
            Place::Item => edits.item(item),
            Place::Event(at) => {
                let events: Vec<_> = item.events().collect();
                let Some(&event) = events.get(at.index(events.len().max(1))) else { continue };
                edits.event(event)
            }
            Place::Resource if matches!(act, Act::Name(_) | Act::Discard) => continue,
            Place::Resource => edits.resource(item.resource()),
        };
        match act {
            Act::Set(key, value) => edit.set(KEYS[*key], Value::Int(*value)),
            Act::SetText(key, value) => edit.set(KEYS[*key], Value::Str(value)),
            Act::SetEmpty(key) => edit.set(KEYS[*key], Value::Empty),
            Act::Remove(key) => edit.remove(KEYS[*key]),
            Act::Rename(from, to) => edit.rename(KEYS[*from], KEYS[*to]),
            Act::Name(name) => edit.set_name(name),
            Act::Discard => edit.discard(),
        }
    }
}

/// Does the same to prost's structs, the slow and obvious way. Acts are gathered by place first, since an edit
/// changes nothing before it is applied.
fn perform(decoded: &mut Decoded, group_of: &[usize], acts: &[(Index, Place, Act)]) {
    let count = group_of.len();
    let mut discarded = vec![false; count];
    let mut discarded_events = Vec::new();
    let absent: Vec<bool> = decoded.resources().iter().map(|resource| resource.is_none()).collect();
    for (index, place, act) in acts {
        if count == 0 {
            continue;
        }
        let index = index.index(count);
        if let Place::Resource = place {
            if matches!(act, Act::Name(_) | Act::Discard) {
                continue;
            }
            let mut resources = decoded.resources();
            let resource = &mut *resources[group_of[index]];
            let mut attributes = resource.as_ref().map_or_else(Vec::new, |r| r.attributes.clone());
            change(&mut attributes, act);
            if resource.is_some() || !attributes.is_empty() {
                resource.get_or_insert_default().attributes = attributes;
            }
            continue;
        }
        let mut items = decoded.items();
        let item = &mut items[index];
        match (place, act) {
            (Place::Item, Act::Discard) => discarded[index] = true,
            (Place::Item, Act::Name(name)) => {
                if let Some(own) = &mut item.name {
                    own.clone_from(name);
                }
            }
            (Place::Item, act) => change(item.attributes, act),
            (Place::Event(at), act) => {
                let Some(events) = item.events.as_deref_mut().filter(|events| !events.is_empty()) else {
                    continue;
                };
                let at = at.index(events.len());
                match act {
                    Act::Discard => discarded_events.push((index, at)),
                    Act::Name(name) => events[at].name.clone_from(name),
                    act => change(&mut events[at].attributes, act),
                }
            }
            (Place::Resource, _) => unreachable!("done above"),
        }
    }
    // a resource that was absent and has nothing in the end stays so
    for (resource, absent) in decoded.resources().into_iter().zip(absent) {
        resource.take_if(|resource| absent && resource.attributes.is_empty());
    }
    discarded_events.sort_unstable();
    discarded_events.dedup();
    for (index, at) in discarded_events.into_iter().rev() {
        let mut items = decoded.items();
        items[index].events.as_deref_mut().expect("it had one").remove(at);
    }
    decoded.retain(|index| !discarded[index]);
}

fn change(attributes: &mut Vec<KeyValue>, act: &Act) {
    match act {
        Act::Set(key, value) => set(attributes, KEYS[*key], Some(any_value::Value::IntValue(*value))),
        Act::SetText(key, value) => {
            set(attributes, KEYS[*key], Some(any_value::Value::StringValue(value.clone())));
        }
        Act::SetEmpty(key) => set(attributes, KEYS[*key], None),
        Act::Remove(key) => attributes.retain(|kv| kv.key != KEYS[*key]),
        Act::Rename(from, to) if from == to => {}
        Act::Rename(from, to) => {
            if let Some(kv) = attributes.iter().find(|kv| kv.key == KEYS[*from]) {
                let value = kv.value.clone().unwrap_or_default().value;
                set(attributes, KEYS[*to], value);
                attributes.retain(|kv| kv.key != KEYS[*from]);
            }
        }
        Act::Name(_) | Act::Discard => unreachable!("done by the caller"),
    }
}

fn set(attributes: &mut Vec<KeyValue>, key: &str, value: Option<any_value::Value>) {
    let new = KeyValue { key: key.into(), value: Some(AnyValue { value }), key_strindex: 0 };
    match attributes.iter().position(|kv| kv.key == key) {
        Some(first) => {
            let mut at = 0;
            attributes.retain(|kv| {
                at += 1;
                kv.key != key || at - 1 == first
            });
            attributes[first] = new;
        }
        None => attributes.push(new),
    }
}

/// Takes away what may differ: whether an attribute that got its own value was rewritten, and where an attribute
/// stands that was removed and set again.
fn normalised(mut decoded: Decoded) -> Vec<u8> {
    let clean = |attributes: &mut Vec<KeyValue>| {
        for kv in attributes.iter_mut() {
            kv.key_strindex = 0;
            kv.value.get_or_insert_default();
        }
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
    };
    for item in decoded.items() {
        clean(item.attributes);
        item.events.into_iter().flatten().for_each(|event| clean(&mut event.attributes));
    }
    for resource in decoded.resources().into_iter().flatten() {
        clean(&mut resource.attributes);
    }
    decoded.encoded()
}

/// The keys that no act names, in their order.
fn untouched(mut decoded: Decoded, acts: &[(Index, Place, Act)]) -> Vec<String> {
    let named = |key: &str| {
        acts.iter().any(|(_, _, act)| match act {
            Act::Set(at, _) | Act::SetText(at, _) | Act::SetEmpty(at) | Act::Remove(at) => KEYS[*at] == key,
            Act::Rename(from, to) => KEYS[*from] == key || KEYS[*to] == key,
            Act::Name(_) | Act::Discard => false,
        })
    };
    let items = decoded.items();
    let keys = items.iter().flat_map(|item| item.attributes.iter().map(|kv| kv.key.clone()));
    keys.filter(|key| !named(key)).collect()
}

/// For every item the index of the resource group it lies in.
fn groups(payload: &Payload, decoded: &mut Decoded) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut groups = Vec::new();
    let counts: Vec<usize> = match decoded {
        Decoded::Traces(r) => {
            r.resource_spans.iter().map(|r| r.scope_spans.iter().map(|s| s.spans.len()).sum()).collect()
        }
        Decoded::Logs(r) => {
            r.resource_logs.iter().map(|r| r.scope_logs.iter().map(|s| s.log_records.len()).sum()).collect()
        }
        Decoded::Metrics(r) => r
            .resource_metrics
            .iter_mut()
            .map(|r| {
                let metrics = r.scope_metrics.iter_mut().flat_map(|s| &mut s.metrics);
                metrics.map(|m| super::point_attributes(m.data.as_mut()).len()).sum()
            })
            .collect(),
    };
    for (group, count) in counts.into_iter().enumerate() {
        groups.extend(std::iter::repeat_n(group, count));
    }
    // the views agree with prost about which items share a resource
    for item in payload.items() {
        starts.push(item.resource().id());
    }
    for pair in 1..groups.len() {
        assert_eq!(groups[pair] == groups[pair - 1], starts[pair] == starts[pair - 1]);
    }
    groups
}

fn marks(bytes: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, MARK).count()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn check_accepts_what_prost_accepts((signal, bytes) in bytes()) {
        let ours = check(signal, bytes.clone());
        let theirs = decode(signal, &bytes);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} / {:?}", ours, theirs.err());
        if let (Ok(ours), Ok(mut theirs)) = (ours, theirs) {
            let items = theirs.items().len() as u64;
            prop_assert_eq!(ours.payload.len() + ours.flawed, items);
            prop_assert_eq!(ours.payload.items().count() as u64, ours.payload.len());
            if ours.flawed == 0 {
                let mut after = decode(signal, ours.payload.bytes()).expect("still well formed");
                prop_assert_eq!(after.items().len(), theirs.items().len());
                prop_assert_eq!(after.encoded(), theirs.encoded());
            }
        }
    }

    #[test]
    fn views_see_what_prost_sees((signal, bytes) in requests(Manners::Good)) {
        let payload = checked(signal, bytes.clone());
        let mut decoded = decode(signal, &bytes).expect("well formed");
        for (item, seen) in payload.items().zip(decoded.items()) {
            if let Some(name) = seen.name {
                prop_assert_eq!(item.name(), name.as_str());
            }
            let keys: Vec<_> = seen.attributes.iter().map(|kv| kv.key.as_str()).collect();
            prop_assert_eq!(item.attributes().iter().map(|(key, _)| key).collect::<Vec<_>>(), keys);
            for kv in seen.attributes.iter() {
                let first = seen.attributes.iter().find(|other| other.key == kv.key).expect("it is there");
                let value = first.value.as_ref().and_then(|value| value.value.as_ref());
                prop_assert!(equal(item.attributes().get(&kv.key), value));
            }
            let events = seen.events.map_or(0, |events| events.len());
            prop_assert_eq!(item.events().count(), events);
        }
    }

    #[test]
    fn an_edit_that_changes_nothing_returns_the_same_bytes((signal, bytes) in requests(Manners::Careless)) {
        let payload = check(signal, bytes).expect("well formed").payload;
        let mut edits = Edits::default();
        for item in payload.items() {
            let edit = edits.item(item);
            prop_assert!(edit.get("no such key").is_none());
            edits.resource(item.resource()).remove("no such key");
        }
        prop_assert!(edits.apply(&payload).is_same(&payload));
    }

    #[test]
    fn editing_bytes_is_editing_structs((signal, bytes) in requests(Manners::Good), acts in acts()) {
        let payload = checked(signal, bytes.clone());
        let mut decoded = decode(signal, &bytes).expect("well formed");
        let group_of = groups(&payload, &mut decoded);
        let mut edits = Edits::default();
        record(&mut edits, &payload, &acts);
        let edited = edits.apply(&payload);
        perform(&mut decoded, &group_of, &acts);
        let after = decode(signal, edited.bytes()).expect("an edit leaves a well formed request");
        prop_assert_eq!(untouched(after.clone(), &acts), untouched(decoded.clone(), &acts));
        prop_assert_eq!(normalised(after), normalised(decoded.clone()));
        prop_assert_eq!(edited.len(), decoded.items().len() as u64);
        prop_assert_eq!(edited.items().count() as u64, edited.len());
        let again = check(signal, edited.bytes().clone()).expect("well formed");
        prop_assert_eq!((again.flawed, again.payload.is_same(&edited)), (0, true));
    }

    #[test]
    fn fields_that_nobody_knows_survive_an_edit((signal, bytes) in requests(Manners::Good), acts in acts()) {
        let payload = checked(signal, bytes);
        let mut edits = Edits::default();
        let acts: Vec<_> = acts
            .into_iter()
            .filter(|(_, _, act)| matches!(act, Act::Name(_) | Act::SetText(..)))
            .collect();
        // an attribute that is replaced takes its own unknown fields along: count those outside of attributes
        let outside = |payload: &Payload| {
            let mut edits = Edits::default();
            for item in payload.items() {
                let keys: Vec<_> = item.attributes().iter().map(|(key, _)| key).collect();
                keys.iter().for_each(|key| edits.item(item).remove(key));
                for event in item.events() {
                    let keys: Vec<_> = event.attributes().iter().map(|(key, _)| key).collect();
                    keys.iter().for_each(|key| edits.event(event).remove(key));
                }
                let resource = item.resource();
                let keys: Vec<_> = resource.attributes().iter().map(|(key, _)| key).collect();
                keys.iter().for_each(|key| edits.resource(resource).remove(key));
            }
            marks(edits.apply(payload).bytes())
        };
        record(&mut edits, &payload, &acts);
        prop_assert_eq!(outside(&edits.apply(&payload)), outside(&payload));
    }

    #[test]
    fn the_concatenation_is_the_merged_request(
        signal in signals(),
        dice in prop::collection::vec(dice(), 1..5),
    ) {
        let mut parts: Vec<_> =
            dice.iter().map(|dice| generate::request(signal, &mut Dice(dice), Manners::Good)).collect();
        // what may not be merged stays away
        parts.retain(|part| !checked(signal, part.clone()).is_opaque());
        parts.push(Vec::new());
        let payloads: Vec<_> = parts.iter().map(|part| checked(signal, part.clone())).collect();
        prop_assert!(payloads.iter().all(|payload| mergeable(payload, &payloads[0])));
        let mut merged = decode(signal, &parts[0]).expect("well formed");
        for part in &parts[1..] {
            merged.append(decode(signal, part).expect("well formed"));
        }
        let bytes: Vec<u8> = payloads.iter().flat_map(|payload| payload.bytes().iter().copied()).collect();
        let concatenated = decode(signal, &bytes).expect("well formed");
        prop_assert_eq!(concatenated.encoded(), merged.encoded());
        prop_assert_eq!(checked(signal, bytes).len(), payloads.iter().map(Payload::len).sum::<u64>());
    }

    #[test]
    fn splitting_loses_no_item_and_keeps_the_limit(
        (signal, bytes) in requests(Manners::Good),
        limit in 1usize..400,
    ) {
        let payload = checked(signal, bytes);
        let parts = split(&payload, limit);
        let mut seen = Vec::new();
        for part in &parts {
            let checked = checked(signal, part.bytes().clone());
            prop_assert_eq!(checked.len(), part.len());
            prop_assert!(
                part.bytes().len() <= limit || part.len() <= 1 || part.is_opaque(),
                "{} bytes, {} items, limit {}", part.bytes().len(), part.len(), limit
            );
            seen.extend(part.items().map(|item| context(&item)));
        }
        let before: Vec<_> = payload.items().map(|item| context(&item)).collect();
        prop_assert_eq!(seen, before);
    }
}

/// An item with everything that belongs to it, as text.
fn context(item: &crate::otlp::Item<'_>) -> String {
    let events: Vec<_> = item.events().map(|event| format!("{:?}", event.attributes())).collect();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        item.resource().attributes(),
        item.scope().name(),
        item.scope().attributes(),
        item.metric().map(|metric| (metric.name(), metric.unit())),
        item.name(),
        item.attributes(),
        events
    )
}

fn equal(ours: Option<Value<'_>>, theirs: Option<&any_value::Value>) -> bool {
    use any_value::Value as Theirs;
    match (ours, theirs) {
        (Some(Value::Empty), None | Some(Theirs::StringValueStrindex(_))) => true,
        (Some(Value::Str(a)), Some(Theirs::StringValue(b))) => a == b,
        (Some(Value::Bool(a)), Some(Theirs::BoolValue(b))) => a == *b,
        (Some(Value::Int(a)), Some(Theirs::IntValue(b))) => a == *b,
        (Some(Value::Double(a)), Some(Theirs::DoubleValue(b))) => a.to_bits() == b.to_bits(),
        (Some(Value::Bytes(a)), Some(Theirs::BytesValue(b))) => a == b,
        (Some(Value::Array(a)), Some(Theirs::ArrayValue(b))) => {
            a.iter().count() == b.values.len()
                && a.iter().zip(&b.values).all(|(a, b)| equal(Some(a), b.value.as_ref()))
        }
        (Some(Value::Map(a)), Some(Theirs::KvlistValue(b))) => {
            a.iter().count() == b.values.len()
                && a.iter().zip(&b.values).all(|((key, a), b)| {
                    key == b.key && equal(Some(a), b.value.as_ref().and_then(|value| value.value.as_ref()))
                })
        }
        _ => false,
    }
}
