//! What a span, event or log record is: rules R of the processor.
//!
//! One file per family of shapes. A family is tables ([`Family`]), `request` alone is code; a new vendor is one file,
//! one line in [`FAMILIES`] and golden cases:
//!
//! | file | rules | who |
//! | --- | --- | --- |
//! | `relay_proxy` | R1, R5 | GO Feature Flag's relay proxy and its exporter `opentelemetry` |
//! | `request` | R3, N10 | whoever asks a relay proxy or an OFREP server over HTTP, and the server |
//! | `openfeature` | R1, R2, R4 | OpenFeature's SDKs and hooks, every generation |
//! | `flagd` | R1, R5 | flagd |
//! | `launchdarkly` | R1, R2, N9 | LaunchDarkly |
//! | `devcycle` | R1, R4 | DevCycle |
//! | `microsoft` | R2 | Microsoft.FeatureManagement |
//! | `flipt` | R1, R2 | Flipt |
//! | `sentry` | R6 | Sentry |
//!
//! Datadog's `ffe_*` pass through: only its own catalogue says what they are.

mod devcycle;
mod flagd;
mod flipt;
mod index;
mod launchdarkly;
mod microsoft;
mod openfeature;
mod reader;
mod relay_proxy;
mod request;
mod sentry;

pub(super) use reader::{Class, Found, Reader};
pub(super) use relay_proxy::EVALUATION as RELAY_EVALUATION;
pub(super) use request::{Request, redact};

use super::conventions::{self, EVENT_NAME_ATTRIBUTES, Field, Name};
use super::evaluation::Evaluation;
use super::policy::ContextId;
use crate::otlp::{Item, Payload, Signal, Watchlist};

/// How one family of senders tells of evaluations.
struct Family {
    /// What its own attributes mean, beside the names of the conventions.
    names: &'static [Name],
    /// Names that mean something else in its hands than in everybody's.
    homonyms: &'static [Homonym],
    /// Spans that are one evaluation.
    spans: &'static [Form],
    /// Spans that are many evaluations and name none.
    bulk: &'static [Form],
    /// Events of spans, and of log records, that are evaluations.
    events: &'static [&'static str],
    /// What stands before the key in names of attributes of spans that say nothing but a flag's variant (R6).
    flags: &'static [&'static str],
}

impl Family {
    const NONE: Family = Family { names: &[], homonyms: &[], spans: &[], bulk: &[], events: &[], flags: &[] };
}

const FAMILIES: &[&Family] = &[
    &relay_proxy::FAMILY,
    &openfeature::FAMILY,
    &flagd::FAMILY,
    &launchdarkly::FAMILY,
    &devcycle::FAMILY,
    &microsoft::FAMILY,
    &flipt::FAMILY,
    &sentry::FAMILY,
];

/// What makes a span what it is; every part that is given has to fit.
struct Form {
    title: Option<Title>,
    scope: Option<&'static str>,
    /// At least one of these attributes; empty: none is needed.
    carries: &'static [&'static str],
    sender: Sender,
}

impl Form {
    const fn named(name: &'static str, sender: Sender) -> Form {
        Form { title: Some(Title::Is(name)), scope: None, carries: &[], sender }
    }

    const fn carrying(carries: &'static [&'static str], sender: Sender) -> Form {
        Form { title: None, scope: None, carries, sender }
    }
}

/// A span's name.
enum Title {
    Is(&'static str),
    Begins(&'static str),
}

impl Title {
    fn fits(&self, name: &str) -> bool {
        match self {
            Title::Is(title) => name == *title,
            Title::Begins(title) => name.starts_with(title),
        }
    }
}

/// A name that means something else where there is a clue to its sender.
struct Homonym {
    clue: Clue,
    means: Name,
}

/// How a sender is known by what else it says.
enum Clue {
    /// It carries this attribute, which has to be in the tables.
    Carries(&'static str),
    /// It names this provider.
    Provider(&'static str),
}

/// Who made an evaluation span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Names no provider (W6).
    RelayProxy,
    Other,
}

/// Everything that the door has to look out for, so that nothing which a rule reacts to is missed. Context ids are
/// among it unless they may leave as they came.
pub fn watchlist(context_id: &ContextId) -> Watchlist {
    let mut list = Watchlist::default();
    let hides = !matches!(context_id, ContextId::Keep);
    let watched = |name: &&Name| name.field == Field::Key || (hides && name.field == Field::ContextId);
    let names = FAMILIES.iter().flat_map(|family| family.names).chain(conventions::NAMES);
    for name in names.filter(watched).filter(|name| name.event.is_none()) {
        list.key(name.name);
    }
    for family in FAMILIES {
        for form in family.spans.iter().chain(family.bulk) {
            form.watch(&mut list);
        }
        for prefix in family.flags {
            list.key_prefix(prefix);
        }
        for event in family.events {
            list.event(event);
            let part = if event.contains(IN_EVERY_EVENT) { IN_EVERY_EVENT } else { event };
            for key in EVENT_NAME_ATTRIBUTES {
                list.url(key, part);
            }
        }
    }
    request::watch(&mut list);
    list
}

impl Form {
    /// A form that needs an attribute is seen by the attribute.
    fn watch(&self, list: &mut Watchlist) {
        match (&self.title, self.carries) {
            (Some(Title::Is(name)), []) => _ = list.span(name),
            (_, carries) => carries.iter().for_each(|key| _ = list.key(key)),
        }
    }
}

/// What the names of all these events contain: in the attributes where a record's event name may stand, the door
/// looks for this alone, since it may say yes too often.
const IN_EVERY_EVENT: &str = "lag";

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

/// The same, one item after another.
#[derive(Default)]
pub struct Evaluations<'a>(Reader<'a>);

impl<'a> Evaluations<'a> {
    /// Calls `see` for every evaluation that a span or log record of the payload is or tells of.
    pub fn of(&mut self, item: Item<'a>, mut see: impl FnMut(&Evaluation<'a>)) {
        match item.signal() {
            Signal::Metrics => {}
            Signal::Logs => self.0.record(item).iter().for_each(|found| see(&found.evaluation)),
            Signal::Traces => self.0.evaluations_of(item).iter().for_each(see),
        }
    }
}

/// The words of all tables, for tests that make up telemetry.
#[cfg(test)]
pub(crate) struct Vocabulary {
    pub attributes: Vec<&'static str>,
    /// Each with the only event in which it is one, if there is such.
    pub context_ids: Vec<(&'static str, Option<&'static str>)>,
    pub flags: Vec<&'static str>,
    pub spans: Vec<&'static str>,
    pub scopes: Vec<&'static str>,
    pub events: Vec<&'static str>,
}

#[cfg(test)]
pub(crate) fn vocabulary() -> Vocabulary {
    let forms = || FAMILIES.iter().flat_map(|family| family.spans.iter().chain(family.bulk));
    let names = conventions::NAMES.iter().chain(FAMILIES.iter().flat_map(|family| family.names));
    Vocabulary {
        context_ids: names
            .clone()
            .filter(|name| name.field == Field::ContextId)
            .map(|name| (name.name, name.event))
            .collect(),
        attributes: names.map(|name| name.name).collect(),
        flags: FAMILIES.iter().flat_map(|family| family.flags).copied().collect(),
        spans: forms()
            .filter_map(|form| match form.title {
                Some(Title::Is(name) | Title::Begins(name)) => Some(name),
                None => None,
            })
            .collect(),
        scopes: forms().filter_map(|form| form.scope).collect(),
        events: FAMILIES.iter().flat_map(|family| family.events).copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_no_key_or_name_shows_to_the_door_does_not_exist() {
        for form in FAMILIES.iter().flat_map(|family| family.spans.iter().chain(family.bulk)) {
            let mut list = Watchlist::default();
            form.watch(&mut list);
            assert!(!list.is_empty());
        }
    }
}
