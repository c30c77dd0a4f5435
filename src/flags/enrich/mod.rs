//! From evaluations to edits: rules W of the processor.
//!
//! A request of spans is read once; what a span or event says of itself is recorded at once (W1, the scalars of W2).
//! What needs other spans waits until all are read: keys that only the parent's URL has (W4), answers to requests
//! (W3), marks on affected spans (W2, W5). It is recorded in a second walk, if there is any.

mod declared;
mod memory;
mod told;
mod write;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::conventions::{self, EVENT_NAME_ATTRIBUTES, Field};
use super::evaluation::{Candidate, Evaluation, KeySource};
use super::normalise::Text;
use super::policy::{Originals, Policy, Project};
use super::project::{self, Mark, NONE, Projection, Said, Span, Texts, Tree};
use super::recognise::{self, Class, Found, Reader, Request, Sender};
use crate::observe::evaluations::{Note, Tally};
use crate::otlp::{Edit, Edits, Item, Keys, Outline, Payload, Saying, Signal, Value};
use declared::{Declared, When, consult};
pub use declared::{Known, MetadataAttribute};
pub use memory::{Memories, Memory};
use memory::{Place, Recall, Remembered};
use told::{Count, Counted, Told};
use write::{MarkWriter, error_of, hide, hides, is_forbidden, remove, set_text, write};

/// Records what is to be written about the flag evaluations in a payload; returns how many there are. `tally`, if
/// somebody wants it, gets the same by flag, variant and reason.
///
/// Without `known` nothing is known about flags but what the payload says. Enriching what came out once more, with the
/// same definitions, records nothing that changes a byte. Metrics are left alone (W9).
///
/// With a `memory`, which is of this policy, spans that say what others said before are not read again. What is known
/// about flags goes by the time, and is not remembered.
pub fn enrich<'a>(
    payload: &'a Payload,
    policy: &'a Policy,
    known: Option<Known<'_>>,
    edits: &mut Edits,
    tally: Option<&mut Tally>,
    memory: Option<&mut Memory>,
) -> u64 {
    let count = Count(tally);
    match payload.signal() {
        Signal::Metrics => 0,
        Signal::Logs => records(payload, policy, known, edits, count),
        Signal::Traces => {
            // a span without a watched word is nothing to us but somebody's ancestor
            let places = payload.watched_items();
            let memory = memory.filter(|_| known.is_none());
            let (spans, flagged) = (payload.len(), places.map_or(0, <[u32]>::len));
            let mut pass = Pass::new(policy, known, edits, memory, [spans as usize, flagged], count);
            let mut watched = places.map(|places| places.iter().peekable());
            for (place, item) in (0u32..).zip(payload.items()) {
                let is_watched = watched.as_mut().is_none_or(|places| places.next_if_eq(&&place).is_some());
                if is_watched { pass.span(item) } else { pass.bystander(item) }
            }
            pass.finish(payload);
            pass.evaluations
        }
    }
}

fn records(
    payload: &Payload,
    policy: &Policy,
    known: Option<Known<'_>>,
    edits: &mut Edits,
    mut count: Count<'_>,
) -> u64 {
    let mut reader = Reader::default();
    let mut evaluations = 0;
    for item in payload.items() {
        let found = reader.record(item);
        if hides(&reader.item, policy) {
            hide(&mut edits.item(item), &reader.item, policy);
        }
        if let Some(Found { mut evaluation, .. }) = found {
            let when = |known: Known<'_>| When::of_item(item, known);
            let declared = consult(known, &mut evaluation, &reader.item, when);
            count.note(&evaluation);
            let renames = policy.originals == Originals::Drop;
            let keys = if renames { Keys::ALL } else { reader.item_keys };
            let mut edit = edits.item_with(item, keys);
            write(&mut edit, &reader.item, &evaluation, policy, None);
            declared.write(&mut edit);
            if renames {
                rename_event(item, &mut edit);
            }
            evaluations += 1;
        }
    }
    evaluations
}

/// Gives a record's event today's name, wherever it stands.
fn rename_event(item: Item<'_>, edit: &mut Edit<'_, '_>) {
    if item.name() == conventions::EVENT_OUTDATED {
        edit.set_name(conventions::EVENT);
    }
    for attribute in EVENT_NAME_ATTRIBUTES {
        if edit.get(attribute) == Some(Value::Str(conventions::EVENT_OUTDATED)) {
            edit.set(attribute, Value::Str(conventions::EVENT));
        }
    }
}

/// One walk over the spans of a request, and what has to wait for its end.
struct Pass<'a, 'p> {
    policy: &'a Policy,
    known: Option<Known<'p>>,
    edits: &'p mut Edits,
    memory: Option<&'p mut Memory>,
    reader: Reader<'a>,
    texts: Texts<'a>,
    spans: Vec<Span>,
    /// The marks that spans make, in their order.
    marks: Vec<Mark>,
    requests: Vec<Asked<'a>>,
    flagged: Vec<Flagged>,
    /// Flags and variants of `flagged`, by number.
    flags: Vec<(u32, u32)>,
    relays: Vec<Answer<'p>>,
    /// What `relays` say, as far as it was not said before.
    answers: Vec<Evaluation<'a>>,
    /// How many spans may be worth a look, as far as that is known.
    watched: usize,
    /// How many evaluations have been met: the place of the next one.
    place: u32,
    evaluations: u64,
    count: Count<'p>,
    told: Told<'a>,
}

/// A request for an evaluation (R3), and the evaluation below it.
struct Asked<'a> {
    span: u32,
    request: Request<'a>,
    answer: Option<usize>,
}

/// A span that says something about flags by single attributes (R6).
struct Flagged {
    span: u32,
    flags: Range<usize>,
    /// How many such attributes it has.
    attributes: usize,
}

/// The relay proxy's own evaluation of a request.
struct Answer<'p> {
    span: u32,
    source: Source,
    /// Its mark, if it came without a key, which only its parent's URL knows.
    keyless: Option<usize>,
    /// What its events count as, if it came without a key: one of them may be its own.
    told: Vec<Counted>,
    counted: Option<Note>,
    /// If it came without a key.
    when: Option<When>,
    declared: Declared<'p>,
}

/// Where the evaluation of an [`Answer`] stands.
enum Source {
    /// Among the answers.
    Here(usize),
    Before(Arc<Remembered>),
}

impl Source {
    fn evaluation<'e>(&'e self, answers: &'e [Evaluation<'_>]) -> &'e Evaluation<'e> {
        match self {
            Source::Here(place) => &answers[*place],
            Source::Before(remembered) => &remembered.evaluation,
        }
    }
}

/// A span that is to be remembered, once it turns out to be an evaluation.
#[derive(Clone, Copy)]
struct New<'a> {
    saying: Saying<'a>,
    place: Place,
}

impl<'a, 'p> Pass<'a, 'p> {
    fn new(
        policy: &'a Policy,
        known: Option<Known<'p>>,
        edits: &'p mut Edits,
        memory: Option<&'p mut Memory>,
        [spans, watched]: [usize; 2],
        count: Count<'p>,
    ) -> Self {
        Pass {
            count,
            policy,
            known,
            edits,
            memory,
            reader: Reader::default(),
            // as a rule a flag each, and a variant that others have, too
            texts: Texts::with_capacity((watched + watched / 4).min(TEXTS_EXPECTED_MAX)),
            spans: Vec::with_capacity(spans),
            marks: Vec::with_capacity(watched),
            requests: Vec::new(),
            flagged: Vec::new(),
            flags: Vec::new(),
            relays: Vec::new(),
            answers: Vec::new(),
            watched,
            place: 0,
            evaluations: 0,
            told: Told::default(),
        }
    }

    fn bystander(&mut self, item: Item<'a>) {
        self.spans.push(Span::new(item.lineage(), self.marks.len() as u32));
    }

    fn span(&mut self, item: Item<'a>) {
        let new = match self.recall(item) {
            Ok(()) => return,
            Err(new) => new,
        };
        let (outline, class) = self.reader.span(item);
        if hides(&self.reader.item, self.policy) {
            hide(&mut self.edits.item(item), &self.reader.item, self.policy);
        }
        if self.reader.may_hold_secrets() {
            recognise::redact(item, self.edits);
        }
        let at = self.spans.len() as u32;
        let mut span =
            Span::new([outline.trace_id, outline.span_id, outline.parent_span_id], self.marks.len() as u32);
        span.keys = self.reader.item_keys;
        self.told.clear();
        if outline.has_events {
            self.events(item);
        }
        match class {
            Class::Evaluation(sender) => {
                span.shows_own = false;
                self.evaluation(item, at, sender, &outline, new);
            }
            Class::Open { carries_key: true } if !self.told.any => {
                span.shows_own = false;
                self.evaluation(item, at, Sender::Other, &outline, new);
            }
            Class::Open { .. } if self.told.any => {
                self.forbid(item);
                self.promote(item, &outline);
            }
            Class::Open { .. } => {}
            Class::Bulk => {
                self.forbid(item);
                self.bulk(item);
            }
            Class::Request(request) => {
                self.forbid(item);
                self.requests.push(Asked { span: at, request, answer: None });
            }
        }
        if self.reader.flag_attributes > 0 {
            self.flag(at);
        }
        self.evaluations += self.told.counted.len() as u64;
        span.own.end = self.marks.len() as u32;
        self.spans.push(span);
    }

    /// Does for a span what was done for one that said the same. Otherwise tells whether it is to be remembered.
    fn recall(&mut self, item: Item<'a>) -> Result<(), Option<New<'a>>> {
        let Some(memory) = &mut self.memory else { return Err(None) };
        if !memory.is_of_use() {
            return Err(None);
        }
        let Some(saying) = item.saying() else { return Err(None) };
        let remembered = match memory.recall(&saying, self.reader.scope_name(item)) {
            Recall::Known(remembered) => remembered,
            Recall::Again(place) => return Err(Some(New { saying, place })),
            Recall::Unknown => return Err(None),
        };
        self.edits.append(item, &remembered.written);
        let at = self.spans.len() as u32;
        let mut span = Span::new(saying.ids, self.marks.len() as u32);
        (span.keys, span.shows_own) = (remembered.keys, false);
        let error = remembered.evaluation.failed().then(|| error_of(&remembered.evaluation));
        let mark = self.mark_of(
            remembered.key(&saying).as_ref(),
            remembered.variant(&saying).as_ref(),
            error.as_ref(),
        );
        if mark.flag != NONE {
            self.marks.push(mark);
        }
        self.evaluations += 1;
        let counted = self.count.note(&remembered.evaluation);
        if remembered.is_answer {
            let source = Source::Before(remembered);
            let declared = Declared::default();
            self.answer(Answer {
                span: at,
                source,
                keyless: None,
                told: Vec::new(),
                counted,
                when: None,
                declared,
            });
        }
        span.own.end = self.marks.len() as u32;
        self.spans.push(span);
        Ok(())
    }

    /// W1 on the events of a span.
    fn events(&mut self, item: Item<'a>) {
        for event in item.events() {
            let found = self.reader.event(event);
            if hides(&self.reader.event, self.policy) {
                hide(&mut self.edits.event(event), &self.reader.event, self.policy);
            }
            let Some(Found { mut evaluation, exception }) = found else { continue };
            let when = |known: Known<'_>| When::of_event(event, known);
            let declared = consult(self.known, &mut evaluation, &self.reader.event, when);
            let note = self.count.note(&evaluation);
            let mut edit = self.edits.event_with(event, self.reader.event_keys);
            write(&mut edit, &self.reader.event, &evaluation, self.policy, None);
            declared.write(&mut edit);
            if self.policy.originals == Originals::Drop && event.name() == conventions::EVENT_OUTDATED {
                edit.set_name(conventions::EVENT);
            }
            let mark = self.mark(&evaluation);
            match self.told.marks.place_of(mark.flag) {
                Some(place) => self.marks[place].absorb(&mark),
                None if mark.flag == NONE => {}
                None => {
                    self.told.marks.place(mark.flag, self.marks.len());
                    self.marks.push(mark);
                }
            }
            self.told.add(evaluation, exception, Counted { flag: mark.flag, note });
        }
        self.told.count_exceptions(&mut self.count);
    }

    /// W1 on a span that is an evaluation, and what it needs of other spans.
    fn evaluation(
        &mut self,
        item: Item<'a>,
        at: u32,
        sender: Sender,
        outline: &Outline<'a>,
        new: Option<New<'a>>,
    ) {
        let mut evaluation = self.reader.evaluation();
        let relay = sender == Sender::RelayProxy;
        if relay && evaluation.provider.is_none() && !self.policy.provider_name.is_empty() {
            evaluation.provider = Some(Cow::Borrowed(&self.policy.provider_name));
        }
        let is_answer = outline.name == recognise::RELAY_EVALUATION;
        let failed_silently = relay && is_answer && says_nothing(&evaluation);
        if failed_silently {
            evaluation.reason = Some(conventions::REASON_ERROR.into());
        }
        let keep = match self.policy.originals {
            Originals::Keep => None,
            Originals::Drop => {
                self.reader.needed_name(item, outline, self.told.any, evaluation.key.is_some())
            }
        };
        let when = |known: Known<'_>| When::of_item(item, known);
        let declared = consult(self.known, &mut evaluation, &self.reader.item, when);
        let mut edit = self.edits.item_with(item, self.reader.item_keys);
        write(&mut edit, &self.reader.item, &evaluation, self.policy, keep);
        declared.write(&mut edit);
        let mark = self.mark(&evaluation);
        let keyless = failed_silently.then_some(self.marks.len());
        if failed_silently || mark.flag != NONE {
            self.marks.push(mark);
        }
        self.told.discount(mark.flag, &mut self.count);
        self.evaluations += 1;
        let counted = self.count.note(&evaluation);
        if let Some(new) = new.filter(|_| !failed_silently) {
            self.remember(item, outline, new, &evaluation, is_answer);
        }
        if is_answer {
            let told = if failed_silently { self.told.counted.clone() } else { Vec::new() };
            let when = self.known.filter(|_| failed_silently).map(when);
            self.answers.push(evaluation);
            let source = Source::Here(self.answers.len() - 1);
            self.answer(Answer { span: at, source, keyless, told, counted, when, declared });
        }
    }

    fn answer(&mut self, answer: Answer<'p>) {
        if self.relays.is_empty() {
            self.relays.reserve(self.watched);
        }
        self.relays.push(answer);
    }

    /// Keeps what was made of a span, if nothing but what the span itself says had a part in it.
    fn remember(
        &mut self,
        item: Item<'a>,
        outline: &Outline<'a>,
        New { saying, place }: New<'a>,
        evaluation: &Evaluation<'a>,
        is_answer: bool,
    ) {
        let says_more =
            outline.has_events || self.reader.flag_attributes > 0 || self.reader.may_hold_secrets();
        let Some(memory) = self.memory.as_mut().filter(|_| !says_more) else { return };
        if let Some(written) = self.edits.appended(item) {
            let made = (written, self.reader.item_keys);
            let scope = self.reader.scope_name(item);
            memory.remember(place, Remembered::new(&saying, scope, evaluation, made, is_answer));
        }
    }

    /// The scalars of W2: what all events of a span agree on.
    fn promote(&mut self, item: Item<'a>, outline: &Outline<'a>) {
        let Some(only) = self.told.only.as_ref().filter(|_| !self.told.several) else { return };
        if self.reader.awaits_key(item, outline) {
            return;
        }
        let mut edit = self.edits.item_with(item, self.reader.item_keys);
        let scalars = [
            (Field::Key, conventions::KEY, &only.key),
            (Field::Variant, conventions::VARIANT, &only.variant),
            (Field::Reason, conventions::REASON, &only.reason),
            (Field::Provider, conventions::PROVIDER, &only.provider),
        ];
        for (field, name, text) in scalars {
            if let Some(text) = text {
                edit.set(name, Value::Str(text));
            }
            if self.policy.originals == Originals::Drop {
                remove(&mut edit, &self.reader.item, |candidate| {
                    candidate.name.field == field && candidate.is_original()
                });
            }
        }
    }

    /// R5: only how many there were.
    fn bulk(&mut self, item: Item<'a>) {
        let original =
            |candidate: &Candidate<'_>| candidate.name.field == Field::BulkCount && candidate.is_original();
        let counted = self.reader.item.iter().filter(|candidate| original(candidate));
        let Some(count) =
            counted.map(|candidate| candidate.value).find(|value| matches!(value, Value::Int(_)))
        else {
            return;
        };
        let mut edit = self.edits.item_with(item, self.reader.item_keys);
        edit.set(conventions::BULK_COUNT, count);
        if self.policy.originals == Originals::Drop {
            remove(&mut edit, &self.reader.item, original);
        }
    }

    /// R6: what a span says by single attributes concerns no other span, and what evaluations tell counts more.
    fn flag(&mut self, at: u32) {
        let start = self.flags.len();
        for flag in &self.reader.flags {
            self.flags.push((self.texts.number(&flag.key), self.texts.number(&flag.variant)));
        }
        let attributes = self.reader.flag_attributes;
        self.flagged.push(Flagged { span: at, flags: start..self.flags.len(), attributes });
    }

    /// Takes what must not leave from a span that is no evaluation itself, but concerned with one.
    fn forbid(&mut self, item: Item<'a>) {
        let policy = self.policy;
        let forbidden = |candidate: &Candidate<'_>| is_forbidden(candidate, policy);
        if self.reader.item.iter().any(forbidden) {
            remove(&mut self.edits.item(item), &self.reader.item, forbidden);
        }
    }

    fn mark(&mut self, evaluation: &Evaluation<'a>) -> Mark {
        let error = evaluation.failed().then(|| error_of(evaluation));
        self.mark_of(evaluation.key.as_ref(), evaluation.variant.as_ref(), error.as_ref())
    }

    /// An evaluation with an error has no variant.
    fn mark_of(
        &mut self,
        key: Option<&Text<'a>>,
        variant: Option<&Text<'a>>,
        error: Option<&Text<'a>>,
    ) -> Mark {
        let at = self.place;
        self.place += 1;
        let variant = variant.filter(|_| error.is_none());
        let texts = &mut self.texts;
        let mut said = |text| Said { text: texts.number(text), at };
        let (variant, error) = (variant.map(&mut said), error.map(&mut said));
        Mark { flag: key.map_or(NONE, |key| texts.number(key)), first: at, variant, error, conflict: false }
    }

    /// What had to wait until all spans were read.
    fn finish(&mut self, payload: &'a Payload) {
        let projects = self.policy.project == Project::Request && !self.marks.is_empty();
        let asked = !self.requests.is_empty() && !self.relays.is_empty();
        let spans = std::mem::take(&mut self.spans);
        let tree = (projects || asked).then(|| Tree::new(&spans));
        if let Some(tree) = tree.as_ref().filter(|_| asked) {
            self.find_keys(tree);
            self.find_answers(tree);
        }
        let cap = self.policy.max_flags_per_span;
        let projection = match tree.filter(|_| projects) {
            Some(tree) => tree.project(&self.marks, cap),
            None => project::own_only(&spans, &self.marks, cap),
        };
        self.write_late(payload, &spans, &projection);
    }

    /// W4: an evaluation that failed over OFREP is known by its parent's URL only.
    fn find_keys(&mut self, tree: &Tree<'_>) {
        for relay in &mut self.relays {
            let Some(mark) = relay.keyless else { continue };
            let Some(parent) = tree.parent(relay.span) else { continue };
            let Ok(asked) = self.requests.binary_search_by_key(&parent, |asked| asked.span) else { continue };
            let request = &self.requests[asked].request;
            // whoever said nothing is not remembered
            let Source::Here(place) = relay.source else { continue };
            let evaluation = &mut self.answers[place];
            evaluation.key = Some(request.key.clone());
            evaluation.key_source = KeySource::Url;
            if evaluation.error_type.is_none() {
                evaluation.error_type = Some(match request.status {
                    Some(404) => conventions::ERROR_FLAG_NOT_FOUND.into(),
                    _ => conventions::ERROR_GENERAL.into(),
                });
            }
            if let Some(when) = relay.when {
                relay.declared = consult(self.known, evaluation, &[], |_| when);
            }
            let mark = &mut self.marks[mark];
            mark.flag = self.texts.number(&request.key);
            for told in relay.told.iter().filter(|told| told.flag == mark.flag) {
                self.evaluations -= 1;
                self.count.take_back(told.note);
            }
            // Clients write what they like into a URL. What is declared is a flag.
            if relay.declared.is_declared() {
                self.count.take_back(relay.counted);
                relay.counted = self.count.note(evaluation);
            }
            let error = self.texts.number(&error_of(evaluation));
            mark.error = Some(Said { text: error, at: mark.first });
        }
    }

    /// W3: the evaluation below a request; of several of the same flag the last one in the payload.
    fn find_answers(&mut self, tree: &Tree<'_>) {
        for (place, relay) in self.relays.iter().enumerate() {
            let mut at = relay.span;
            for _ in 0..ANSWER_LEVELS_MAX {
                let Some(parent) = tree.parent(at) else { break };
                at = parent;
                if let Ok(asked) = self.requests.binary_search_by_key(&at, |asked| asked.span)
                    && relay.source.evaluation(&self.answers).key.as_ref()
                        == Some(&self.requests[asked].request.key)
                {
                    self.requests[asked].answer = Some(place);
                }
            }
        }
    }

    /// The second walk.
    fn write_late(&mut self, payload: &'a Payload, spans: &[Span], projection: &Projection) {
        let mut requests = self.requests.iter().peekable();
        let answers = &self.answers;
        let found =
            |relay: &&Answer<'_>| relay.keyless.is_some() && relay.source.evaluation(answers).key.is_some();
        let mut relays = self.relays.iter().filter(found).peekable();
        let mut shown = projection.shown.iter().peekable();
        let mut flagged = self.flagged.iter().peekable();
        let flags_max = self.policy.max_flags_per_span;
        let mut writer = MarkWriter::new(&self.texts, projection);
        for ((at, item), span) in (0u32..).zip(payload.items()).zip(spans) {
            let waiting = requests.peek().is_some() || relays.peek().is_some();
            if !waiting && shown.peek().is_none() && flagged.peek().is_none() {
                break;
            }
            if let Some(relay) = relays.next_if(|relay| relay.span == at) {
                let evaluation = relay.source.evaluation(answers);
                let mut edit = self.edits.item_with(item, span.keys);
                set_text(&mut edit, conventions::KEY, &evaluation.key);
                set_text(&mut edit, conventions::ERROR_TYPE, &evaluation.error_type);
                set_text(&mut edit, conventions::VERSION, &evaluation.version);
                edit.set(conventions::KEY_SOURCE, Value::Str(conventions::KEY_SOURCE_URL));
                relay.declared.write(&mut edit);
            }
            let mut unanswered = 0;
            if let Some(asked) = requests.next_if(|asked| asked.span == at) {
                let mut edit = self.edits.item_with(item, span.keys);
                let answer = asked.answer.map(|place| self.relays[place].source.evaluation(answers));
                unanswered = writer.request(&mut edit, &asked.request, answer);
                if self.policy.project == Project::Off
                    && let Some(failed) = answer.filter(|answer| answer.failed())
                {
                    unanswered |= writer.answered_error(&mut edit, &asked.request.key, &error_of(failed));
                }
            }
            let shown = shown.next_if(|shown| shown.span == at);
            let flagged = flagged.next_if(|flagged| flagged.span == at);
            if shown.is_none() && flagged.is_none() && unanswered == 0 {
                continue;
            }
            let flags = flagged.map_or(&[][..], |flagged| &self.flags[flagged.flags.clone()]);
            let mut edit = self.edits.item_with(item, span.keys);
            let all = writer.marks(&mut edit, shown, flags, flags_max, unanswered);
            // what found no room has to stay, or it would be lost and the next burgee would find room
            if let Some(flagged) = flagged
                && self.policy.originals == Originals::Drop
                && all
                && flagged.attributes <= flags_max
            {
                self.reader.flag_names(item).for_each(|name| edit.remove(name));
            }
        }
    }
}

/// What a relay proxy's span comes to when its evaluation failed over OFREP: it returns before it sets anything.
fn says_nothing(evaluation: &Evaluation<'_>) -> bool {
    evaluation.key.is_none()
        && evaluation.variant.is_none()
        && evaluation.reason.as_deref().is_none_or(|reason| reason == conventions::REASON_ERROR)
}

/// Room for the texts of a request is made at once, up to so many: most requests tell of few flags.
const TEXTS_EXPECTED_MAX: usize = 64;
/// How far above the relay proxy's evaluation a request for it is looked for: its server span, proxies, the client.
const ANSWER_LEVELS_MAX: usize = 64;
