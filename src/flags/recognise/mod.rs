//! What a span, event or log record is: rules R of the processor.
//!
//! One file per family of shapes. Most of a family is tables ([`Family`]); a new vendor is one file, one line in
//! [`FAMILIES`] and golden cases:
//!
//! | file | rules | who |
//! | --- | --- | --- |
//! | `relay_proxy` | R1, R5 | GO Feature Flag's relay proxy and its exporter `opentelemetry` |
//! | `request` | R3, N10 | whoever asks a relay proxy or an OFREP server over HTTP, and the server |
//! | `openfeature` | R1, R2, R4 | OpenFeature's SDKs and hooks, every generation |
//! | `flagd` | R5 | flagd |
//!
//! Not here yet: LaunchDarkly (N9), DevCycle, Microsoft.FeatureManagement, Flipt, Sentry (R6).

mod flagd;
mod openfeature;
mod relay_proxy;
mod request;

use std::sync::LazyLock;

pub(super) use relay_proxy::EVALUATION as RELAY_EVALUATION;
pub(super) use request::{Request, redact};

use super::conventions::{self, EVENT_NAME_ATTRIBUTES, Field, Name};
use super::evaluation::{Candidate, Evaluation};
use super::normalise::{self, Read};
use crate::otlp::{Event, Item, ItemId, Outline, Payload, Signal, Value, Watchlist};
use request::{Http, Part};

/// How one family of senders tells of evaluations.
struct Family {
    /// What its own attributes mean, beside the names of the conventions.
    names: &'static [Name],
    /// Spans that are one evaluation.
    spans: &'static [Form],
    /// Spans that are many evaluations and name none.
    bulk: &'static [Form],
    /// Events of spans that are evaluations.
    events: &'static [&'static str],
}

const FAMILIES: &[&Family] = &[&relay_proxy::FAMILY, &openfeature::FAMILY, &flagd::FAMILY];

/// What makes a span what it is; every part that is given has to fit.
struct Form {
    name: Option<&'static str>,
    scope: Option<&'static str>,
    /// At least one of these attributes; empty: none is needed.
    carries: &'static [&'static str],
    sender: Sender,
}

impl Form {
    const fn named(name: &'static str, sender: Sender) -> Form {
        Form { name: Some(name), scope: None, carries: &[], sender }
    }
}

/// Who made an evaluation span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Names no provider (W6).
    RelayProxy,
    Other,
}

/// What a span is. Decided once, by the first that fits.
#[derive(Debug, PartialEq)]
pub(super) enum Class<'a> {
    /// R1, by one of its named forms.
    Evaluation(Sender),
    /// R5.
    Bulk,
    /// R3.
    Request(Request<'a>),
    /// R2 if it has an evaluation event, else R1 if it carries a key, else nothing.
    Open { carries_key: bool },
}

/// Everything that the door has to look out for, so that nothing which a rule reacts to is missed.
pub fn watchlist() -> Watchlist {
    let mut list = Watchlist::default();
    let names = FAMILIES.iter().flat_map(|family| family.names).chain(conventions::NAMES);
    for name in names.filter(|name| name.field == Field::Key) {
        list.key(name.name);
    }
    for family in FAMILIES {
        for form in family.spans.iter().chain(family.bulk) {
            match form.name {
                Some(name) => list.span(name),
                None => form.carries.iter().fold(&mut list, |list, key| list.key(key)),
            };
        }
        for event in family.events {
            list.event(event);
            for key in EVENT_NAME_ATTRIBUTES {
                list.url(key, event);
            }
        }
    }
    request::watch(&mut list);
    list
}

/// Calls `see` for every evaluation in a payload, once for each, in their order.
///
/// Meant for what leaves: an evaluation whose key only its request's URL knows has none before the enrichment. A
/// request for an evaluation, a marked span and a promoted scalar are no evaluations; an `exception` event and an
/// evaluation event of the same key on one span are one, and so is an evaluation span with an event of its key.
pub fn evaluations<'a>(payload: &'a Payload, mut see: impl FnMut(&Item<'a>, &Evaluation<'a>)) {
    let mut reader = Reader::default();
    match payload.signal() {
        Signal::Metrics => {}
        Signal::Logs => {
            for item in payload.items() {
                if let Some(found) = reader.record(item) {
                    see(&item, &found.evaluation);
                }
            }
        }
        Signal::Traces => {
            for item in payload.items() {
                for evaluation in reader.evaluations_of(item) {
                    see(&item, &evaluation);
                }
            }
        }
    }
}

/// Looks at items one after another; keeps what the last one's attributes say.
pub(super) struct Reader<'a> {
    index: &'static Index,
    /// Of the last span or record.
    pub item: Vec<Candidate<'a>>,
    /// Of the last event.
    pub event: Vec<Candidate<'a>>,
    http: Http<'a>,
    /// The name of the scope that the last item belongs to: finding it costs a walk over the scope's items.
    scope: Option<(ItemId, &'a str)>,
}

/// An event or record that is an evaluation.
pub(super) struct Found<'a> {
    pub evaluation: Evaluation<'a>,
    pub exception: bool,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Reader { index: &INDEX, item: Vec::new(), event: Vec::new(), http: Http::default(), scope: None }
    }
}

impl<'a> Reader<'a> {
    /// Looks at a span.
    pub fn span(&mut self, item: Item<'a>) -> (Outline<'a>, Class<'a>) {
        self.item.clear();
        self.http.clear();
        let outline = item.outline(|pair| match self.index.find(pair.key()) {
            None | Some(Entry { meaning: Meaning::EventName, .. }) => {}
            Some(&Entry { meaning: Meaning::Field { name, rank }, .. }) => {
                note(&mut self.item, Candidate { name, rank, value: pair.value() });
            }
            Some(&Entry { meaning: Meaning::Http(part), .. }) => self.http.note(part, pair),
        });
        let class = self.class(item, &outline);
        (outline, class)
    }

    fn class(&mut self, item: Item<'a>, outline: &Outline<'a>) -> Class<'a> {
        if let Some(form) = self.fitting(item, outline.name, |family| family.spans) {
            return Class::Evaluation(form.sender);
        }
        if self.fitting(item, outline.name, |family| family.bulk).is_some() {
            return Class::Bulk;
        }
        match self.http.request(outline.kind, outline.name) {
            Some(request) => Class::Request(request),
            None => Class::Open { carries_key: carries_key(&self.item) },
        }
    }

    /// What the last span's attributes say about an evaluation.
    pub fn evaluation(&mut self) -> Evaluation<'a> {
        Evaluation::read(&mut self.item)
    }

    /// Whether the last span was asked for at a URL which may hold a secret (N10).
    pub fn may_hold_secrets(&self) -> bool {
        self.http.may_hold_secrets()
    }

    /// The attribute that alone makes the last span an evaluation, although it could be taken for something else
    /// without: then nobody may take it away, or the next burgee sees another span.
    pub fn needed_name(&mut self, item: Item<'a>, outline: &Outline<'a>, told: bool) -> Option<&'static str> {
        let forms = || FAMILIES.iter().flat_map(|family| family.spans);
        let [name] = forms().find(|form| form.name.is_none() && self.fits(form, item, outline.name))?.carries
        else {
            return None;
        };
        let otherwise = forms().any(|form| form.name.is_some() && self.fits(form, item, outline.name));
        let disputed = told
            || self.http.request(outline.kind, outline.name).is_some()
            || self.fitting(item, outline.name, |family| family.bulk).is_some();
        (disputed && !otherwise).then_some(name)
    }

    /// The evaluation that an event of a span is.
    pub fn event(&mut self, event: Event<'a>) -> Option<Found<'a>> {
        self.event.clear();
        for pair in event.attributes().pairs() {
            if let Some(&Entry { meaning: Meaning::Field { name, rank }, .. }) = self.index.find(pair.key()) {
                note(&mut self.event, Candidate { name, rank, value: pair.value() });
            }
        }
        let name = event.name();
        let named = FAMILIES.iter().any(|family| family.events.contains(&name));
        (named || carries_key(&self.event)).then(|| tell(&mut self.event, name))
    }

    /// The evaluation that a log record is (R4).
    pub fn record(&mut self, item: Item<'a>) -> Option<Found<'a>> {
        self.item.clear();
        let mut name = item.name();
        let mut name_rank = if name.is_empty() { EVENT_NAME_ATTRIBUTES.len() } else { 0 };
        for pair in item.attributes().pairs() {
            match self.index.find(pair.key()) {
                Some(&Entry { meaning: Meaning::Field { name, rank }, .. }) => {
                    note(&mut self.item, Candidate { name, rank, value: pair.value() });
                }
                Some(Entry { meaning: Meaning::EventName, key }) => {
                    let rank = EVENT_NAME_ATTRIBUTES.iter().position(|name| name == key).unwrap_or(0);
                    if rank < name_rank
                        && let Value::Str(text) = pair.value()
                    {
                        (name, name_rank) = (text, rank);
                    }
                }
                _ => {}
            }
        }
        if name != conventions::EVENT && !carries_key(&self.item) {
            return None;
        }
        if let Some(value) = body_value(item) {
            self.item.push(Candidate {
                name: &BODY_VALUE,
                rank: rank(Field::Value, usize::from(u8::MAX)),
                value,
            });
        }
        Some(tell(&mut self.item, name))
    }

    /// All evaluations that a span is or tells of, each once.
    fn evaluations_of(&mut self, item: Item<'a>) -> Vec<Evaluation<'a>> {
        let (outline, class) = self.span(item);
        let mut found = Vec::new();
        let mut exceptions = Vec::new();
        if outline.has_events {
            for event in item.events() {
                match self.event(event) {
                    Some(Found { evaluation, exception: true }) => exceptions.push(evaluation),
                    Some(Found { evaluation, exception: false }) => found.push(evaluation),
                    None => {}
                }
            }
        }
        let told = !found.is_empty() || !exceptions.is_empty();
        if matches!(class, Class::Evaluation(_))
            || matches!(class, Class::Open { carries_key: true } if !told)
        {
            let own = self.evaluation();
            let another = |told: &Evaluation<'_>| told.key.is_none() || told.key != own.key;
            found.retain(another);
            exceptions.retain(another);
            found.insert(0, own);
        }
        merge_exceptions(&mut found, exceptions);
        found
    }

    fn fitting(
        &mut self,
        item: Item<'a>,
        name: &str,
        forms: fn(&Family) -> &'static [Form],
    ) -> Option<&'static Form> {
        FAMILIES.iter().flat_map(|family| forms(family)).find(|form| self.fits(form, item, name))
    }

    fn fits(&mut self, form: &Form, item: Item<'a>, name: &str) -> bool {
        form.name.is_none_or(|wanted| wanted == name)
            && (form.carries.is_empty() || form.carries.iter().any(|key| self.carries(key)))
            && form.scope.is_none_or(|wanted| self.scope_name(item) == wanted)
    }

    /// Whether the span has the attribute, which has to be in the tables; a key that says nothing is none.
    fn carries(&self, key: &str) -> bool {
        self.item.iter().any(|candidate| {
            candidate.name.name == key && (candidate.name.field != Field::Key || is_key(candidate))
        })
    }

    fn scope_name(&mut self, item: Item<'a>) -> &'a str {
        let scope = item.scope();
        match self.scope {
            Some((id, name)) if id == scope.id() => name,
            _ => self.scope.insert((scope.id(), scope.name())).1,
        }
    }
}

/// Of several attributes of one key the first counts, as in the Collector.
fn note<'a>(candidates: &mut Vec<Candidate<'a>>, candidate: Candidate<'a>) {
    if candidates.iter().all(|earlier| earlier.rank != candidate.rank) {
        candidates.push(candidate);
    }
}

fn carries_key(candidates: &[Candidate<'_>]) -> bool {
    candidates.iter().any(|candidate| candidate.name.field == Field::Key && is_key(candidate))
}

fn is_key(candidate: &Candidate<'_>) -> bool {
    matches!(normalise::key(candidate.value), Read::Known(_))
}

fn tell<'a>(candidates: &mut [Candidate<'a>], name: &str) -> Found<'a> {
    let mut evaluation = Evaluation::read(candidates);
    let exception = name == conventions::EVENT_EXCEPTION;
    if exception && evaluation.reason.is_none() {
        evaluation.reason = Some(conventions::REASON_ERROR.into());
    }
    Found { evaluation, exception }
}

fn body_value(item: Item<'_>) -> Option<Value<'_>> {
    match item.log_body() {
        Some(Value::Map(body)) => body.get(conventions::BODY_VALUE),
        _ => None,
    }
}

fn merge_exceptions<'a>(found: &mut Vec<Evaluation<'a>>, exceptions: Vec<Evaluation<'a>>) {
    if exceptions.is_empty() {
        return;
    }
    let by_key: std::collections::HashMap<_, _, foldhash::fast::RandomState> =
        found.iter().enumerate().rev().map(|(at, evaluation)| (evaluation.key.clone(), at)).collect();
    for exception in exceptions {
        match by_key.get(&exception.key) {
            Some(&at) => found[at].merge_exception(&exception),
            None => found.push(exception),
        }
    }
}

/// What a key means, found by its first byte and its length.
struct Index {
    shelves: Vec<Vec<Entry>>,
}

#[derive(Clone, Copy)]
struct Entry {
    key: &'static str,
    meaning: Meaning,
}

#[derive(Clone, Copy)]
enum Meaning {
    Field { name: &'static Name, rank: u16 },
    Http(Part),
    EventName,
}

impl Index {
    #[inline]
    fn find(&self, key: &[u8]) -> Option<&Entry> {
        self.shelves[Index::shelf(key)?].iter().find(|entry| entry.key.as_bytes() == key)
    }

    fn add(&mut self, key: &'static str, meaning: Meaning) {
        if let Some(shelf) = Index::shelf(key.as_bytes()) {
            self.shelves[shelf].push(Entry { key, meaning });
        }
    }

    /// Spreads the names of the tables so far that nearly every key meets an empty shelf or its own.
    #[inline]
    fn shelf(key: &[u8]) -> Option<usize> {
        let [first, .., last] = key else { return None };
        let middle = usize::from(key[key.len() / 2]);
        Some((usize::from(*first) * 5 + middle * 37 + usize::from(*last) * 101 + key.len() * 11) % SHELVES)
    }
}

const SHELVES: usize = 1024;

/// By field first, then in the order of the tables.
fn rank(field: Field, place: usize) -> u16 {
    (field as u16) << 8 | place as u16
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { shelves: vec![Vec::new(); SHELVES] };
    let names = conventions::NAMES.iter().chain(FAMILIES.iter().flat_map(|family| family.names));
    for (place, name) in names.enumerate() {
        index.add(name.name, Meaning::Field { name, rank: rank(name.field, place) });
    }
    for &(key, part) in request::PARTS {
        index.add(key, Meaning::Http(part));
    }
    for key in EVENT_NAME_ATTRIBUTES {
        index.add(key, Meaning::EventName);
    }
    index
});

/// Stands for the value in a record's body, which no attribute edit reaches.
static BODY_VALUE: Name = Name::borrowed("", Field::Value);
