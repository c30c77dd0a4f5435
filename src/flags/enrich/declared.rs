//! What definitions add to an evaluation: rules D.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use crate::flags::conventions::{self, Field};
use crate::flags::definitions::{Definitions, Flag, Revision, Seen};
use crate::flags::evaluation::{Candidate, Evaluated, Evaluation};
use crate::flags::normalise::{self, Read};
use crate::flags::policy::is_hashed;
use crate::otlp::{Edit, Event, Item, Value};

/// What is known about flags beside what telemetry says.
#[derive(Clone, Copy)]
pub struct Known<'d> {
    pub definitions: &'d Definitions,
    /// The metadata of a flag that its evaluations get.
    pub metadata: &'d [MetadataAttribute],
    /// The time of evaluations that have none.
    pub now: SystemTime,
}

/// A name in a flag's metadata, and the attribute that it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataAttribute {
    metadata: String,
    attribute: String,
}

impl MetadataAttribute {
    pub fn new(metadata: impl Into<String>) -> MetadataAttribute {
        let metadata = metadata.into();
        MetadataAttribute { attribute: format!("{}{metadata}", conventions::METADATA_PREFIX), metadata }
    }
}

/// When an evaluation happened, as far as its span, event or record tells.
#[derive(Clone, Copy)]
pub(super) struct When {
    start: SystemTime,
    end: SystemTime,
}

impl When {
    pub fn of_item(item: Item<'_>, known: Known<'_>) -> When {
        let start = time(item.time_unix_nano()).unwrap_or(known.now);
        When { start, end: time(item.end_time_unix_nano()).map_or(start, |end| end.max(start)) }
    }

    pub fn of_event(event: Event<'_>, known: Known<'_>) -> When {
        let at = time(event.time_unix_nano()).unwrap_or(known.now);
        When { start: at, end: at }
    }
}

fn time(unix_nano: u64) -> Option<SystemTime> {
    (unix_nano > 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nano))
}

/// What is to be written about one evaluation.
#[derive(Clone, Copy, Default)]
pub(super) struct Declared<'d> {
    flag: Option<&'d Flag>,
    metadata: &'d [MetadataAttribute],
    undeclared: Option<&'static str>,
    /// The variant that it should have been.
    expected: Option<&'d str>,
}

/// Completes an evaluation by what is declared about its flag.
pub(super) fn consult<'d>(
    known: Option<Known<'d>>,
    evaluation: &mut Evaluation<'_>,
    candidates: &[Candidate<'_>],
    when: impl FnOnce(Known<'_>) -> When,
) -> Declared<'d> {
    let Some(known) = known else { return Declared::default() };
    let Some(key) = evaluation.key.clone() else { return Declared::default() };
    let Some(flag) = known.definitions.get(&key) else {
        return Declared { undeclared: Some(conventions::UNDECLARED_KEY), ..Declared::default() };
    };
    let when = when(known);
    let revision = flag.at(when.start);
    resolve(evaluation, revision, candidates);
    if evaluation.version.is_none() && has_room(candidates, Field::Version) {
        evaluation.version = revision.version().map(|version| Cow::Owned(version.to_owned()));
    }
    let declares = |variant: &str| revision.declares(variant) || flag.at(when.end).declares(variant);
    let variant = evaluation.variant.as_deref();
    Declared {
        flag: Some(flag),
        metadata: known.metadata,
        undeclared: variant
            .is_some_and(|variant| !declares(variant))
            .then_some(conventions::UNDECLARED_VARIANT),
        expected: expected(flag, &key, evaluation, when).filter(|expected| variant != Some(expected)),
    }
}

/// D1: from the value to the name of its variation.
///
/// A failed evaluation, one of a flag that is off and one that served the caller's default came to no variation,
/// whatever their value.
fn resolve(evaluation: &mut Evaluation<'_>, revision: &Revision, candidates: &[Candidate<'_>]) {
    let is_off = evaluation.reason.as_deref() == Some(conventions::REASON_DISABLED);
    if evaluation.failed() || evaluation.defaulted || is_off {
        return;
    }
    // a variation may have a name that says nothing, which would be absent to the next burgee
    let variation_of = |seen: Seen<'_>| revision.variation_of(seen).filter(|name| is_variant(name));
    let name_of = |variant: &str| match revision.declares(variant) {
        true => None,
        false => variation_of(Seen::Text(variant)),
    };
    let resolved = match &evaluation.variant {
        Some(variant) => name_of(variant),
        None if !has_room(candidates, Field::Variant) => None,
        None => seen(evaluation).and_then(variation_of),
    };
    // whoever moved from LaunchDarkly may have called variations by their index; their order in a file says nothing
    let of_index = || Some(evaluation.variation_index?.to_string()).filter(|name| revision.declares(name));
    let resolved = match resolved {
        Some(name) => Some(name.to_owned()),
        None if evaluation.variant.is_none() && has_room(candidates, Field::Variant) => of_index(),
        None => None,
    };
    if let Some(name) = resolved {
        evaluation.variant = Some(Cow::Owned(name));
    }
    // an older name that said the value, where the newer one says the variation, is no other variant
    if evaluation.variants_differ {
        let said = candidates.iter().filter(|candidate| candidate.name.field == Field::Variant);
        evaluation.variants_differ =
            said.into_iter().any(|candidate| match normalise::variant(candidate.value) {
                Read::Known(variant) => {
                    Some(name_of(&variant).unwrap_or(&variant)) != evaluation.variant.as_deref()
                }
                Read::Absent | Read::Foreign => false,
            });
    }
}

fn is_variant(name: &str) -> bool {
    matches!(normalise::variant(Value::Str(name)), Read::Known(_))
}

/// The value with its type, if that came with it.
fn seen<'e>(evaluation: &'e Evaluation<'_>) -> Option<Seen<'e>> {
    Some(match evaluation.value.as_ref()? {
        Evaluated::Text(text) if evaluation.value_is_untyped => Seen::Text(text),
        value => Seen::Typed(value.as_value()),
    })
}

/// D4: where a split of the default rule puts the context.
///
/// The clocks of whoever evaluates and whoever tells differ; what changed meanwhile is not held against anybody.
fn expected<'d>(flag: &'d Flag, key: &str, evaluation: &Evaluation<'_>, when: When) -> Option<&'d str> {
    if evaluation.reason.as_deref() != Some(conventions::REASON_SPLIT)
        || evaluation.variant.is_none()
        || evaluation.failed()
        || evaluation.defaulted
    {
        return None;
    }
    let context_id = evaluation.context_id.as_deref().filter(|id| !is_hashed(id))?;
    let before = flag.expected(key, context_id, when.start.checked_sub(CLOCKS_DIFFER)?)?;
    let after = flag.expected(key, context_id, when.end.checked_add(CLOCKS_DIFFER)?)?;
    (before == after).then_some(before)
}

/// Whether nothing stands under the current name of a field that is none of burgee's to change.
fn has_room(candidates: &[Candidate<'_>], field: Field) -> bool {
    candidates.iter().all(|candidate| {
        candidate.name.field != field
            || !candidate.is_current()
            || !matches!(candidate.value, Value::Array(_) | Value::Map(_) | Value::Bytes(_))
    })
}

impl Declared<'_> {
    pub fn is_declared(&self) -> bool {
        self.flag.is_some()
    }

    /// Writes what has no place in the evaluation itself.
    pub fn write(&self, edit: &mut Edit<'_, '_>) {
        for MetadataAttribute { metadata, attribute } in self.metadata {
            if let Some(value) = self.flag.and_then(|flag| flag.metadata(metadata)) {
                set_json(edit, attribute, value);
            }
        }
        if let Some(what) = self.undeclared {
            edit.set(conventions::UNDECLARED, Value::Str(what));
        }
        // another burgee may have known the definitions of the time
        if let Some(expected) = self.expected
            && edit.get(conventions::EXPECTED_VARIANT).is_none()
        {
            edit.set(conventions::EXPECTED_VARIANT, Value::Str(expected));
        }
    }
}

/// Lists and maps become JSON text, since many stores take scalars only.
fn set_json(edit: &mut Edit<'_, '_>, attribute: &str, value: &serde_json::Value) {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => edit.set(attribute, Value::Str(text)),
        Json::Bool(value) => edit.set(attribute, Value::Bool(*value)),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => edit.set(attribute, Value::Int(int)),
            (None, Some(double)) => edit.set(attribute, Value::Double(double)),
            (None, None) => edit.set(attribute, Value::Str(&number.to_string())),
        },
        value => edit.set(attribute, Value::Str(&value.to_string())),
    }
}

const CLOCKS_DIFFER: Duration = Duration::from_secs(1);
