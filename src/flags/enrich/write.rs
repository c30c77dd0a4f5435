//! What is written: the attributes of evaluations, requests and affected spans.

use std::borrow::Cow;

use crate::flags::conventions::{self, Field};
use crate::flags::evaluation::{Candidate, Evaluation};
use crate::flags::normalise::{self, Read};
use crate::flags::policy::{ContextId, Originals, Policy, ValuePolicy};
use crate::flags::project::{Projection, Shown, Slots, Texts};
use crate::flags::recognise::Request;
use crate::otlp::{Edit, Value};

/// W1: the canonical attributes in place of whatever the evaluation came with. `keep` is an original that stays.
pub(super) fn write(
    edit: &mut Edit<'_, '_>,
    candidates: &[Candidate<'_>],
    evaluation: &Evaluation<'_>,
    policy: &Policy,
    keep: Option<&str>,
) {
    let context_id = evaluation.context_id.as_deref().and_then(|id| policy.context_id.shown(id));
    let texts = [
        (Field::Key, conventions::KEY, evaluation.key.as_ref()),
        (Field::Variant, conventions::VARIANT, evaluation.variant.as_ref()),
        (Field::Reason, conventions::REASON, evaluation.reason.as_ref()),
        (Field::Provider, conventions::PROVIDER, evaluation.provider.as_ref()),
        (Field::ContextId, conventions::CONTEXT_ID, context_id.as_ref()),
        (Field::SetId, conventions::SET_ID, evaluation.set_id.as_ref()),
        (Field::Version, conventions::VERSION, evaluation.version.as_ref()),
        (Field::ErrorType, conventions::ERROR_TYPE, evaluation.error_type.as_ref()),
        (Field::ErrorMessage, conventions::ERROR_MESSAGE, evaluation.error_message.as_ref()),
    ];
    for (field, name, text) in texts {
        let current = current(candidates, field);
        match (text, current) {
            (Some(text), Some(Value::Str(current))) if *text == current => {}
            (Some(text), None) => edit.set(name, Value::Str(text)),
            (Some(text), Some(_)) => edit.set(name, Value::Str(text)),
            // what no text can be is nobody's to remove
            (None, Some(Value::Array(_) | Value::Map(_) | Value::Bytes(_)) | None) => {}
            (None, Some(_)) => edit.remove(name),
        }
    }
    let value = match policy.value {
        ValuePolicy::Always => evaluation.value.as_ref(),
        ValuePolicy::WhenNoVariant => evaluation.value.as_ref().filter(|_| evaluation.variant.is_none()),
        ValuePolicy::Never => None,
    };
    match value {
        Some(value) => edit.set(conventions::VALUE, value.as_value()),
        None if current(candidates, Field::Value).is_some() => edit.remove(conventions::VALUE),
        None => {}
    }
    if let Some(index) = evaluation.variation_index {
        edit.set(conventions::VARIATION_INDEX, Value::Int(index));
    }
    if let Some(original) = &evaluation.reason_original {
        edit.set(conventions::REASON_ORIGINAL, Value::Str(original));
    }
    if evaluation.defaulted {
        edit.set(conventions::DEFAULTED, Value::Bool(true));
    }
    if evaluation.conflict || evaluation.variants_differ {
        edit.set(conventions::CONFLICT, Value::Bool(true));
    }
    remove(edit, candidates, |candidate| {
        let dropped = policy.originals == Originals::Drop
            && candidate.is_original()
            && candidate.name.field != Field::BulkCount
            && keep != Some(candidate.name.name);
        dropped || is_forbidden(candidate, policy)
    });
}

pub(super) fn set_text(edit: &mut Edit<'_, '_>, name: &str, text: &Option<Cow<'_, str>>) {
    if let Some(text) = text {
        edit.set(name, Value::Str(text));
    }
}

/// What came in under the current name of a field.
fn current<'a>(candidates: &[Candidate<'a>], field: Field) -> Option<Value<'a>> {
    let of_field = |candidate: &&Candidate<'_>| candidate.name.field == field && candidate.is_current();
    candidates.iter().find(of_field).map(|candidate| candidate.value)
}

pub(super) fn remove(
    edit: &mut Edit<'_, '_>,
    candidates: &[Candidate<'_>],
    which: impl Fn(&Candidate<'_>) -> bool,
) {
    // the value in a record's body has no name, and no attribute edit reaches it
    for candidate in candidates.iter().filter(|candidate| !candidate.name.name.is_empty() && which(candidate))
    {
        edit.remove(candidate.name.name);
    }
}

/// Whether the policy keeps an attribute from leaving under any name.
pub(super) fn is_forbidden(candidate: &Candidate<'_>, policy: &Policy) -> bool {
    candidate.name.field == Field::Value && policy.value == ValuePolicy::Never
}

/// Whether there are context ids that [`hide`] has to look at.
pub(super) fn hides(candidates: &[Candidate<'_>], policy: &Policy) -> bool {
    !matches!(policy.context_id, ContextId::Keep) && candidates.iter().any(is_context_id)
}

/// Hashes or removes every context id, also where it belongs to no evaluation.
pub(super) fn hide(edit: &mut Edit<'_, '_>, candidates: &[Candidate<'_>], policy: &Policy) {
    for Candidate { name, value, .. } in candidates.iter().filter(|candidate| is_context_id(candidate)) {
        match (&policy.context_id, normalise::context_id(*value)) {
            (ContextId::Keep, _) => {}
            (ContextId::Drop, _) | (ContextId::Hash(_), Read::Foreign) => edit.remove(name.name),
            // Set also where it stays as it is: of several attributes of one name only the first was looked at.
            (ContextId::Hash(key), Read::Known(id)) => edit.set(name.name, Value::Str(&key.hash(&id))),
            (ContextId::Hash(_), Read::Absent) => edit.set(name.name, *value),
        }
    }
}

fn is_context_id(candidate: &Candidate<'_>) -> bool {
    candidate.name.field == Field::ContextId
}

/// The error of a failed evaluation, whose type may be unknown.
pub(super) fn error_of<'a>(evaluation: &Evaluation<'a>) -> Cow<'a, str> {
    evaluation.error_type.clone().unwrap_or(Cow::Borrowed(conventions::ERROR_GENERAL))
}

/// Writes what spans get from other spans, as much of it as a request may have.
pub(super) struct MarkWriter<'w, 'a> {
    texts: &'w Texts<'a>,
    projection: &'w Projection,
    name: String,
    left: usize,
    slots: Slots,
}

impl<'w, 'a> MarkWriter<'w, 'a> {
    pub fn new(texts: &'w Texts<'a>, projection: &'w Projection) -> Self {
        MarkWriter {
            texts,
            projection,
            name: String::new(),
            left: PROJECTED_BYTES_MAX,
            slots: Slots::default(),
        }
    }

    /// W3: a request for an evaluation gets what the evaluation below it says. Tells how many found no room.
    pub fn request(
        &mut self,
        edit: &mut Edit<'_, '_>,
        request: &Request<'_>,
        answer: Option<&Evaluation<'_>>,
    ) -> u32 {
        edit.set(conventions::KEY, Value::Str(&request.key));
        edit.set(conventions::KEY_SOURCE, Value::Str(conventions::KEY_SOURCE_URL));
        let Some(answer) = answer else { return 0 };
        let said = [
            (conventions::VARIANT, &answer.variant),
            (conventions::REASON, &answer.reason),
            (conventions::PROVIDER, &answer.provider),
            (conventions::VERSION, &answer.version),
            (conventions::SET_ID, &answer.set_id),
        ];
        let sizes = said.iter().filter_map(|(_, text)| text.as_ref()).map(|text| text.len() + MARK_OVERHEAD);
        if !self.has_room(sizes.sum()) {
            return 1;
        }
        for (name, text) in said {
            set_text(edit, name, text);
        }
        0
    }

    /// Writes the marks of one span: what evaluations tell, then what it says itself by single attributes, as far as
    /// there is room. `unanswered` is what a request found no room for. Tells whether all found room.
    pub fn marks(
        &mut self,
        edit: &mut Edit<'_, '_>,
        shown: Option<&Shown>,
        flags: &[(u32, u32)],
        flags_max: usize,
        unanswered: u32,
    ) -> bool {
        let texts = self.texts;
        let mut dropped = shown.map_or(0, |shown| shown.dropped);
        let mut conflict = false;
        let range = shown.map_or(0..0, |shown| shown.marks.start as usize..shown.marks.end as usize);
        let own = shown.map_or(0, |shown| shown.own);
        let mut room = flags_max.saturating_sub(range.len());
        if !flags.is_empty() {
            self.slots.begin();
        }
        for (place, mark) in (0u32..).zip(&self.projection.marks[range]) {
            let key = texts.text(mark.flag);
            if !flags.is_empty() {
                self.slots.place(mark.flag, 0);
            }
            if place >= own {
                let said = [mark.variant, mark.error].into_iter().flatten();
                let size = said.map(|said| key.len() + texts.text(said.text).len() + MARK_OVERHEAD).sum();
                if !self.has_room(size) {
                    dropped += 1;
                    continue;
                }
            }
            conflict |= mark.conflict;
            if let Some(variant) = mark.variant {
                self.set(edit, conventions::MARK_PREFIX, key, texts.text(variant.text));
            }
            if let Some(error) = mark.error {
                self.error(edit, key, texts.text(error.text));
            }
        }
        for &(flag, variant) in flags {
            if self.slots.place_of(flag).is_some() {
                continue;
            }
            self.slots.place(flag, 0);
            if room > 0 {
                room -= 1;
                self.set(edit, conventions::MARK_PREFIX, texts.text(flag), texts.text(variant));
            } else {
                dropped += 1;
            }
        }
        if conflict {
            edit.set(conventions::VARIANT_CONFLICT, Value::Bool(true));
        }
        // a request's answer is about a flag that marks it, too
        let dropped = dropped.max(unanswered);
        if dropped > 0 {
            edit.set(conventions::MARKS_DROPPED, Value::Int(i64::from(dropped)));
        }
        dropped == 0
    }

    /// The error of the evaluation below a request for it. Tells how many found no room.
    pub fn answered_error(&mut self, edit: &mut Edit<'_, '_>, key: &str, error: &str) -> u32 {
        if !self.has_room(key.len() + error.len() + MARK_OVERHEAD) {
            return 1;
        }
        self.error(edit, key, error);
        0
    }

    /// W7: never as `error.type` on a span that is no evaluation.
    fn error(&mut self, edit: &mut Edit<'_, '_>, key: &str, error: &str) {
        self.set(edit, conventions::MARK_ERROR_PREFIX, key, error);
    }

    /// Takes so many bytes of what is left, if there are as many.
    fn has_room(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn set(&mut self, edit: &mut Edit<'_, '_>, prefix: &str, key: &str, text: &str) {
        self.name.clear();
        self.name.push_str(prefix);
        self.name.push_str(key);
        edit.set(&self.name, Value::Str(text));
    }
}

/// How many bytes a request's spans may get from other spans in all: marks, and answers to requests. Without it, a
/// long key in a deep trace would make a small request huge.
const PROJECTED_BYTES_MAX: usize = 8 << 20;
/// What a mark takes beside key and text.
const MARK_OVERHEAD: usize = 32;
