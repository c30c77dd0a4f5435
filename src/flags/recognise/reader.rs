//! Looking at spans, events and records: what they are, and what their attributes say.

use super::Sender;
use super::index::{Carried, Entry, INDEX, Index, Meaning, Shape, is_key, rank};
use super::request::{Http, Request};
use crate::flags::conventions::{self, EVENT_NAME_ATTRIBUTES, Field, Name};
use crate::flags::evaluation::{Candidate, Evaluation};
use crate::flags::normalise::{self, Read, Text};
use crate::otlp::{Event, Item, ItemId, Keys, Outline, Value};

/// What a span is. Decided once, by the first that fits.
#[derive(Debug, PartialEq)]
pub(in crate::flags) enum Class<'a> {
    /// R1, by one of its named forms.
    Evaluation(Sender),
    /// R5.
    Bulk,
    /// R3.
    Request(Request<'a>),
    /// R2 if it has an evaluation event, else R1 if it carries a key, else nothing.
    Open { carries_key: bool },
}

/// Looks at items one after another; keeps what the last one's attributes say.
pub(in crate::flags) struct Reader<'a> {
    index: &'static Index,
    /// Of the last span or record.
    pub item: Vec<Candidate<'a>>,
    /// Of the last event.
    pub event: Vec<Candidate<'a>>,
    /// Which of the names that may be written the last span or record has.
    pub item_keys: Keys,
    /// Which the last event has.
    pub event_keys: Keys,
    /// What the last span says about flags by single attributes (R6).
    pub flags: Vec<Flag<'a>>,
    /// How many such attributes it has, those that say nothing included.
    pub flag_attributes: usize,
    carried: Carried,
    http: Http<'a>,
    /// The name of the scope that the last item belongs to: finding it costs a walk over the scope's items.
    scope: Option<(ItemId, &'a str)>,
}

/// An attribute of a span that says nothing but a flag's variant.
pub(in crate::flags) struct Flag<'a> {
    pub key: Text<'a>,
    pub variant: Text<'a>,
}

/// An event or record that is an evaluation.
pub(in crate::flags) struct Found<'a> {
    pub evaluation: Evaluation<'a>,
    pub exception: bool,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Reader {
            index: &INDEX,
            item: Vec::new(),
            event: Vec::new(),
            item_keys: Keys::default(),
            event_keys: Keys::default(),
            flags: Vec::new(),
            flag_attributes: 0,
            carried: Carried::default(),
            http: Http::default(),
            scope: None,
        }
    }
}

impl<'a> Reader<'a> {
    /// Looks at a span.
    pub fn span(&mut self, item: Item<'a>) -> (Outline<'a>, Class<'a>) {
        self.item.clear();
        self.flags.clear();
        self.flag_attributes = 0;
        self.http.clear();
        self.item_keys = Keys::default();
        let outline = item.outline(|pair| {
            note_key(&mut self.item_keys, pair.key());
            match self.index.find(pair.key()) {
                Some(&Entry { meaning: Meaning::Field { name, rank }, .. }) => {
                    if name.event.is_none() {
                        note(&mut self.item, Candidate { name, rank, value: pair.value() });
                    }
                }
                Some(&Entry { meaning: Meaning::Http(part), .. }) => self.http.note(part, pair),
                Some(Entry { meaning: Meaning::EventName, .. }) => {}
                None => {
                    if let Some(key) = self.index.flag(pair.key()) {
                        self.flag_attributes += 1;
                        self.flags.extend(Flag::read(key, pair.value()));
                    }
                }
            }
        });
        self.carried = self.index.carried(&self.item);
        let class = self.class(item, &outline);
        (outline, class)
    }

    fn class(&mut self, item: Item<'a>, outline: &Outline<'a>) -> Class<'a> {
        let index = self.index;
        if let Some(shape) = index.spans.iter().find(|shape| self.fits(shape, item, outline.name)) {
            return Class::Evaluation(shape.form.sender);
        }
        if self.is_bulk(item, outline) {
            return Class::Bulk;
        }
        match self.http.request(outline.kind, outline.name) {
            Some(request) if !self.awaits_key(item, outline) => Class::Request(request),
            _ => Class::Open { carries_key: self.carried.key() },
        }
    }

    fn is_bulk(&mut self, item: Item<'a>, outline: &Outline<'a>) -> bool {
        let index = self.index;
        index.bulk.iter().any(|shape| self.fits(shape, item, outline.name))
    }

    /// What the last span's attributes say about an evaluation.
    pub fn evaluation(&mut self) -> Evaluation<'a> {
        self.index.tell_apart(&mut self.item);
        Evaluation::read(&mut self.item)
    }

    /// Whether the last span was asked for at a URL which may hold a secret (N10).
    pub fn may_hold_secrets(&self) -> bool {
        self.http.may_hold_secrets()
    }

    /// Whether the last span, which is no evaluation, would be one if it had a key: then nobody may give it one, or
    /// the next burgee sees another span.
    pub fn awaits_key(&mut self, item: Item<'a>, outline: &Outline<'a>) -> bool {
        let index = self.index;
        index.spans.iter().any(|shape| shape.needs_key() && self.looks_like(shape, item, outline.name))
    }

    /// The names of those of the span's attributes that say nothing but a flag's variant (R6).
    pub fn flag_names(&self, item: Item<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
        let index = self.index;
        item.attributes().iter().map(|(key, _)| key).filter(|key| index.flag(key.as_bytes()).is_some())
    }

    /// The attribute that alone makes the last span an evaluation, although it could be taken for something else
    /// without: then nobody may take it away, or the next burgee sees another span. `keyed` is whether the
    /// evaluation's key is known, and thus leaves under its current name.
    pub fn needed_name(
        &mut self,
        item: Item<'a>,
        outline: &Outline<'a>,
        told: bool,
        keyed: bool,
    ) -> Option<&'static str> {
        let index = self.index;
        let unnamed = |shape: &&Shape| shape.form.title.is_none();
        let shape = index.spans.iter().filter(unnamed).find(|shape| self.fits(shape, item, outline.name))?;
        let name = shape.form.carries.iter().find(|name| self.carries(name))?;
        let stays = |shape: &&Shape| shape.form.carries.is_empty() || keyed && shape.needs_key();
        let otherwise =
            index.spans.iter().filter(stays).any(|shape| self.looks_like(shape, item, outline.name));
        let disputed =
            told || self.http.request(outline.kind, outline.name).is_some() || self.is_bulk(item, outline);
        (disputed && !otherwise).then_some(name)
    }

    /// The evaluation that an event of a span is.
    pub fn event(&mut self, event: Event<'a>) -> Option<Found<'a>> {
        self.event.clear();
        self.event_keys = Keys::default();
        let event_name = event.name();
        for pair in event.attributes().pairs() {
            note_key(&mut self.event_keys, pair.key());
            if let Some(&Entry { meaning: Meaning::Field { name, rank }, .. }) = self.index.find(pair.key())
                && name.event.is_none_or(|event| event == event_name)
            {
                note(&mut self.event, Candidate { name, rank, value: pair.value() });
            }
        }
        if !self.index.is_event(event_name) && !carries_key(&self.event) {
            return None;
        }
        self.index.tell_apart(&mut self.event);
        Some(tell(&mut self.event, event_name))
    }

    /// The evaluation that a log record is (R4).
    pub fn record(&mut self, item: Item<'a>) -> Option<Found<'a>> {
        self.item.clear();
        let mut name = item.name();
        let mut name_rank = if name.is_empty() { EVENT_NAME_ATTRIBUTES.len() } else { 0 };
        self.item_keys = Keys::default();
        for pair in item.attributes().pairs() {
            note_key(&mut self.item_keys, pair.key());
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
        self.item.retain(|candidate| candidate.name.event.is_none_or(|event| event == name));
        if !self.index.is_event(name) && !carries_key(&self.item) {
            return None;
        }
        self.index.tell_apart(&mut self.item);
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
    pub fn evaluations_of(&mut self, item: Item<'a>) -> Vec<Evaluation<'a>> {
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

    #[inline]
    fn fits(&mut self, shape: &Shape, item: Item<'a>, name: &str) -> bool {
        shape.is_carried(self.carried) && self.looks_like(shape, item, name)
    }

    /// Whether it fits but for its attributes.
    fn looks_like(&mut self, shape: &Shape, item: Item<'a>, name: &str) -> bool {
        shape.form.title.as_ref().is_none_or(|title| title.fits(name))
            && shape.form.scope.is_none_or(|wanted| self.scope_name(item) == wanted)
    }

    /// Whether the span has the attribute, which has to be in the tables; a key that says nothing is none.
    fn carries(&self, key: &str) -> bool {
        self.item.iter().any(|candidate| {
            candidate.name.name == key && (candidate.name.field != Field::Key || is_key(candidate))
        })
    }

    /// The name of the scope that a span belongs to.
    pub fn scope_name(&mut self, item: Item<'a>) -> &'a str {
        let scope = item.scope();
        match self.scope {
            Some((id, name)) if id == scope.id() => name,
            _ => self.scope.insert((scope.id(), scope.name())).1,
        }
    }
}

impl<'a> Flag<'a> {
    /// `None` if key or value say nothing.
    fn read(key: &'a [u8], value: Value<'a>) -> Option<Flag<'a>> {
        let key = Value::Str(std::str::from_utf8(key).ok()?);
        match (normalise::key(key), normalise::variant(value)) {
            (Read::Known(key), Read::Known(variant)) => Some(Flag { key, variant }),
            _ => None,
        }
    }
}

#[inline]
fn note_key(keys: &mut Keys, key: &[u8]) {
    if conventions::may_be_written(key) {
        keys.add(key);
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

/// Stands for the value in a record's body, which no attribute edit reaches.
static BODY_VALUE: Name = Name::borrowed("", Field::Value);
