//! The one canonical form of a flag evaluation.

use std::borrow::Cow;

use super::conventions::{self, Age, Field, Name};
use super::normalise::{self, Read, Text};
use crate::otlp::Value;

/// One evaluation of one flag, in the words of the semantic conventions 1.44, whatever it arrived as.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation<'a> {
    pub key: Option<Text<'a>>,
    pub key_source: KeySource,
    pub variant: Option<Text<'a>>,
    /// Which variation of the flag was served, counted from 0, where that is all the sender knows.
    pub variation_index: Option<i64>,
    pub value: Option<Evaluated<'a>>,
    pub reason: Option<Text<'a>>,
    /// The reason as it arrived, if its word is not one of the conventions'.
    pub reason_original: Option<Text<'a>>,
    pub provider: Option<Text<'a>>,
    pub context_id: Option<Text<'a>>,
    pub set_id: Option<Text<'a>>,
    pub version: Option<Text<'a>>,
    pub error_type: Option<Text<'a>>,
    pub error_message: Option<Text<'a>>,
    /// The caller's default was served.
    pub defaulted: bool,
    /// An older and a newer name said different things.
    pub conflict: bool,
    /// The same of the variant, as long as one of them may be the value of the other.
    pub(super) variants_differ: bool,
    /// The value came as text whatever its type was: under a name that only takes text, or as JSON in quotes.
    pub(super) value_is_untyped: bool,
}

/// How the flag's key is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySource {
    /// The evaluation carried it.
    #[default]
    Attribute,
    /// It stood in the URL of the request that asked for the evaluation: whatever a client wrote there.
    Url,
}

/// The value that an evaluation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Evaluated<'a> {
    Text(Text<'a>),
    /// Everything but text.
    Other(Value<'a>),
}

impl Evaluated<'_> {
    /// As an attribute has it.
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Evaluated::Text(text) => Value::Str(text),
            Evaluated::Other(value) => *value,
        }
    }
}

impl<'a> Evaluation<'a> {
    /// Whether it failed, as far as it says.
    pub fn failed(&self) -> bool {
        self.error_type.is_some() || self.reason.as_deref() == Some(conventions::REASON_ERROR)
    }

    /// All that it says in texts, in a copy of its own.
    pub(super) fn texts(&self) -> Evaluation<'static> {
        let copy = |text: &Option<Text<'a>>| text.as_ref().map(|text| Cow::Owned(text.clone().into_owned()));
        Evaluation {
            key: copy(&self.key),
            variant: copy(&self.variant),
            value: None,
            reason: copy(&self.reason),
            reason_original: copy(&self.reason_original),
            provider: copy(&self.provider),
            context_id: copy(&self.context_id),
            set_id: copy(&self.set_id),
            version: copy(&self.version),
            error_type: copy(&self.error_type),
            error_message: copy(&self.error_message),
            key_source: self.key_source,
            variation_index: self.variation_index,
            defaulted: self.defaulted,
            conflict: self.conflict,
            variants_differ: self.variants_differ,
            value_is_untyped: self.value_is_untyped,
        }
    }

    /// Reads what the attributes of one span, event or log record say. Orders them by field and by belief.
    pub(super) fn read(candidates: &mut [Candidate<'a>]) -> Evaluation<'a> {
        candidates.sort_unstable_by_key(|candidate| candidate.rank);
        let mut evaluation = Evaluation::default();
        for of_field in candidates.chunk_by(|a, b| a.name.field == b.name.field) {
            evaluation.take(of_field);
        }
        evaluation
    }

    fn take(&mut self, candidates: &[Candidate<'a>]) {
        let Some(first) = candidates.first() else { return };
        let conflict = &mut self.conflict;
        let texts = |read: fn(Value<'a>) -> Read<Text<'a>>| move |said: &Candidate<'a>| read(said.value);
        match first.name.field {
            Field::Key => self.key = believe(candidates, texts(normalise::key), conflict),
            Field::Variant => {
                self.variant = believe(candidates, texts(normalise::variant), &mut self.variants_differ);
                let default = Value::Str(conventions::VARIANT_OF_DEFAULT);
                self.defaulted |= candidates.iter().any(|candidate| candidate.value == default);
            }
            Field::VariationIndex => {
                let index = |said: &Candidate<'a>| normalise::variation_index(said.value);
                self.variation_index = believe(candidates, index, conflict);
            }
            Field::Value => {
                self.value = believe_value(candidates, conflict, &mut self.value_is_untyped);
            }
            Field::Reason => {
                self.reason = believe(candidates, Candidate::reason, conflict);
                self.reason_original = candidates
                    .iter()
                    .find(|candidate| matches!(candidate.reason(), Read::Known(_)))
                    .and_then(|believed| normalise::reason_original(believed.value));
            }
            Field::Provider => self.provider = believe(candidates, texts(normalise::text), conflict),
            Field::ContextId => {
                self.context_id = believe(candidates, texts(normalise::context_id), conflict);
            }
            Field::SetId => self.set_id = believe(candidates, texts(normalise::text), conflict),
            Field::Version => self.version = believe(candidates, texts(normalise::text), conflict),
            Field::ErrorType => {
                self.error_type = believe(candidates, texts(normalise::error_type), conflict);
            }
            Field::ErrorMessage => {
                self.error_message = believe(candidates, texts(normalise::text), conflict);
            }
            Field::Defaulted => {
                self.defaulted |= candidates.iter().any(|candidate| normalise::is_true(candidate.value));
            }
            Field::BulkCount => {}
        }
    }

    /// Fills in what only the exception of the same failed evaluation says.
    pub(super) fn merge_exception(&mut self, exception: &Evaluation<'a>) {
        if self.variant.is_some() {
            return;
        }
        let fill = |mine: &mut Option<Text<'a>>, theirs: &Option<Text<'a>>| {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        };
        fill(&mut self.reason, &exception.reason);
        fill(&mut self.provider, &exception.provider);
        fill(&mut self.error_type, &exception.error_type);
        fill(&mut self.error_message, &exception.error_message);
    }
}

/// An attribute that may say something about an evaluation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub name: &'static Name,
    /// By field, then by belief.
    pub rank: u16,
    pub value: Value<'a>,
}

impl<'a> Candidate<'a> {
    /// N2, in the words of whoever sends this attribute.
    fn reason(&self) -> Read<Text<'a>> {
        normalise::reason(self.value, self.name.words)
    }

    pub fn is_current(&self) -> bool {
        self.name.age == Age::Current
    }

    /// Whether `originals: drop` takes it away.
    pub fn is_original(&self) -> bool {
        self.name.age == Age::Outdated
    }
}

/// N8: the first that says anything is believed, and whoever says something else makes a conflict.
fn believe<'a, T: PartialEq>(
    candidates: &[Candidate<'a>],
    read: impl Fn(&Candidate<'a>) -> Read<T>,
    conflict: &mut bool,
) -> Option<T> {
    let mut believed: Option<T> = None;
    for candidate in candidates {
        if let Read::Known(said) = read(candidate) {
            match &believed {
                Some(first) => *conflict |= *first != said,
                None => believed = Some(said),
            }
        }
    }
    believed
}

fn believe_value<'a>(
    candidates: &[Candidate<'a>],
    conflict: &mut bool,
    is_untyped: &mut bool,
) -> Option<Evaluated<'a>> {
    let mut believed: Option<Evaluated<'a>> = None;
    for candidate in candidates {
        if let Read::Known(value) = normalise::value(candidate.value) {
            match &believed {
                Some(first) => *conflict |= !same(first.as_value(), value.as_value()),
                None => {
                    let is_unquoted = matches!(value, Evaluated::Text(Cow::Owned(_)));
                    *is_untyped = is_unquoted || candidate.is_original();
                    believed = Some(value);
                }
            }
        }
    }
    believed
}

/// Whether two values say the same: `true` and `"true"` do, and so does NaN to itself.
fn same(a: Value<'_>, b: Value<'_>) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            let (mut a, mut b) = (a.iter(), b.iter());
            loop {
                match (a.next(), b.next()) {
                    (None, None) => return true,
                    (Some(a), Some(b)) if same(a, b) => {}
                    _ => return false,
                }
            }
        }
        (Value::Map(a), Value::Map(b)) => {
            let (mut a, mut b) = (a.iter(), b.iter());
            loop {
                match (a.next(), b.next()) {
                    (None, None) => return true,
                    (Some(a), Some(b)) if a.0 == b.0 && same(a.1, b.1) => {}
                    _ => return false,
                }
            }
        }
        (Value::Empty, Value::Empty) => true,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (a, b) => matches!((as_text(a), as_text(b)), (Some(a), Some(b)) if a == b),
    }
}

fn as_text(value: Value<'_>) -> Option<Text<'_>> {
    match value {
        Value::Str(text) => Some(Cow::Borrowed(text)),
        value => match normalise::text(value) {
            Read::Known(text) => Some(text),
            Read::Absent | Read::Foreign => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static CURRENT: Name = Name::current(conventions::VALUE, Field::Value);
    static OUTDATED: Name = Name::outdated("feature_flag.value", Field::Value);

    fn read<'a>(current: Value<'a>, outdated: Value<'a>) -> Evaluation<'a> {
        let candidate = |name, rank, value| Candidate { name, rank, value };
        Evaluation::read(&mut [candidate(&OUTDATED, 2, outdated), candidate(&CURRENT, 1, current)])
    }

    #[test]
    fn the_current_name_is_believed_and_another_word_is_a_conflict() {
        let evaluation = read(Value::Str("new"), Value::Str("old"));
        assert_eq!(evaluation.value, Some(Evaluated::Text("new".into())));
        assert!(evaluation.conflict);
    }

    #[test]
    fn an_absent_word_is_neither_believed_nor_a_conflict() {
        let evaluation = read(Value::Str("<nil>"), Value::Int(3));
        assert_eq!(evaluation.value, Some(Evaluated::Other(Value::Int(3))));
        assert!(!evaluation.conflict);
    }

    #[test]
    fn the_same_in_another_type_is_no_conflict() {
        assert!(!read(Value::Bool(true), Value::Str("true")).conflict);
        assert!(!read(Value::Double(f64::NAN), Value::Double(f64::NAN)).conflict);
        assert!(!read(Value::Str("\"red\""), Value::Str("red")).conflict);
        assert!(read(Value::Int(1), Value::Bytes(b"1")).conflict);
    }
}
