//! To the spans that an evaluation affects: marks on spans and on their ancestors in the same request (W2, W5).
//!
//! Marks are gathered from the leaves to the roots, each span once, and at most `cap` of them are carried in order;
//! the work is linear in the request, however deep its traces are and in whatever order its spans stand.

mod marks;

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::otlp::Keys;

use marks::Marks;
pub(super) use marks::{Mark, NONE, Said, Slots, Texts};

/// One span of the request.
#[derive(Clone, Debug)]
pub(super) struct Span {
    trace_id: (u64, u64),
    span_id: u64,
    /// 0 for none: no valid id is all zero.
    parent_id: u64,
    /// Its own marks among those of the request.
    pub own: Range<u32>,
    /// Whether its own marks are written on itself: not on a span that is an evaluation.
    pub shows_own: bool,
    /// Which of the names that may be written its attributes have.
    pub keys: Keys,
}

impl Span {
    /// From trace id, span id and parent span id.
    pub fn new([trace_id, span_id, parent_id]: [&[u8]; 3], first_mark: u32) -> Span {
        let word = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
        let (high, low) = trace_id.split_at(trace_id.len() / 2);
        Span {
            trace_id: (word(high), word(low)),
            span_id: word(span_id),
            parent_id: word(parent_id),
            own: first_mark..first_mark,
            shows_own: true,
            keys: Keys::ALL,
        }
    }

    fn ids(&self) -> ((u64, u64), u64) {
        (self.trace_id, self.span_id)
    }
}

/// What is to be written on one span.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub span: u32,
    /// Its own marks first, among [`Projection::marks`].
    pub marks: Range<u32>,
    /// How many of them are its own.
    pub own: u32,
    /// How many flags found no room.
    pub dropped: u32,
}

/// What is to be written, by span.
#[derive(Debug)]
pub(super) struct Projection {
    pub shown: Vec<Shown>,
    pub marks: Vec<Mark>,
    /// How many more marks from other spans find room.
    left: usize,
}

impl Default for Projection {
    fn default() -> Self {
        Projection { shown: Vec::new(), marks: Vec::new(), left: PROJECTED_MARKS_MAX }
    }
}

/// Who is whose parent.
pub(super) struct Tree<'s> {
    spans: &'s [Span],
    /// The first span of each pair of ids.
    by_id: HashTable<u32>,
    hash: RandomState,
    /// Spans of ids that another one had before, in their order, each with the first of those ids.
    twins: Vec<(u32, u32)>,
}

impl<'s> Tree<'s> {
    pub fn new(spans: &'s [Span]) -> Tree<'s> {
        let hash = RandomState::default();
        let mut by_id = HashTable::with_capacity(spans.len());
        let hash_of = |span: &Span| hash.hash_one(span.ids());
        let mut twins = Vec::new();
        for (at, span) in (0u32..).zip(spans) {
            let is_same = |&of: &u32| spans[of as usize].ids() == span.ids();
            let hash_again = |&of: &u32| hash_of(&spans[of as usize]);
            let first = *by_id.entry(hash_of(span), is_same, hash_again).or_insert(at).get();
            if first != at {
                twins.push((at, first));
            }
        }
        Tree { spans, by_id, hash, twins }
    }

    /// The first span of the same ids; itself as a rule.
    fn first_of(&self, span: u32) -> u32 {
        match self.twins.binary_search_by_key(&span, |&(twin, _)| twin) {
            Ok(place) => self.twins[place].1,
            Err(_) => span,
        }
    }

    /// The parent of a span in the request. Most spans are never asked.
    pub fn parent(&self, span: u32) -> Option<u32> {
        let at = self.spans.get(span as usize)?;
        if at.parent_id == 0 {
            return None;
        }
        let ids = (at.trace_id, at.parent_id);
        let is_parent = |&of: &u32| self.spans[of as usize].ids() == ids;
        let parent = *self.by_id.find(self.hash.hash_one(ids), is_parent)?;
        (parent != self.first_of(span)).then_some(parent)
    }

    /// Marks every span with its own marks and those of everything below it.
    pub fn project(&self, own: &[Mark], cap: usize) -> Projection {
        let mut climb = Climb::new(self, own, cap);
        climb.trees();
        climb.cycles();
        let mut projection = climb.projection;
        projection.add_twins(&self.twins);
        projection
    }
}

/// Marks every span with its own marks only.
pub(super) fn own_only(spans: &[Span], own: &[Mark], cap: usize) -> Projection {
    let mut projection = Projection::default();
    let mut slots = Slots::default();
    for (at, span) in (0u32..).zip(spans) {
        let own = &own[span.own.start as usize..span.own.end as usize];
        if span.shows_own && !own.is_empty() {
            projection.show(at, own, &Marks::default(), cap, &mut slots);
        }
    }
    projection
}

impl Projection {
    /// Own marks come first, in their order, then the others in the order of the request.
    fn show(&mut self, span: u32, own: &[Mark], below: &Marks, cap: usize, slots: &mut Slots) {
        let start = self.marks.len();
        slots.begin();
        for mark in own.iter().filter(|mark| mark.is_told()) {
            slots.place(mark.flag, self.marks.len());
            self.marks.push(*mark);
        }
        let own = self.marks.len() - start;
        let room = self.left.min(cap.saturating_sub(own));
        let mut others = 0;
        if own == 0 && room == 0 {
            others = below.list.len();
        } else {
            for mark in &below.list {
                #[cfg(test)]
                crate::otlp::work::step();
                match slots.place_of(mark.flag) {
                    Some(place) => self.marks[place].absorb_below(mark),
                    None => {
                        others += 1;
                        if others <= room {
                            self.marks.push(*mark);
                        }
                    }
                }
            }
        }
        self.left -= others.min(room);
        let known = self.marks[start..start + own].iter_mut();
        let known =
            known.filter_map(|mark| below.rest.get(&mark.flag).map(|rest| mark.absorb_below(rest))).count();
        let flags = own + others + below.rest.len() - known;
        let own = own.min(cap);
        self.marks.truncate(start + flags.min(cap));
        if flags > 0 {
            self.shown.push(Shown {
                span,
                marks: start as u32..self.marks.len() as u32,
                own: own as u32,
                dropped: (flags - (self.marks.len() - start)) as u32,
            });
        }
    }

    /// Spans of the same ids look the same.
    fn add_twins(&mut self, twins: &[(u32, u32)]) {
        if twins.is_empty() {
            // a span is shown when all below it are
            self.shown.sort_unstable_by_key(|shown| shown.span);
            return;
        }
        let of_first: HashMap<u32, usize, RandomState> =
            self.shown.iter().enumerate().map(|(place, shown)| (shown.span, place)).collect();
        for &(span, first) in twins {
            if let Some(&place) = of_first.get(&first) {
                self.shown.push(Shown { span, ..self.shown[place].clone() });
            }
        }
        self.shown.sort_unstable_by_key(|shown| shown.span);
    }
}

/// The way of the marks from the leaves to the roots.
struct Climb<'s> {
    tree: &'s Tree<'s>,
    spans: &'s [Span],
    own: &'s [Mark],
    cap: usize,
    /// For a span that is marked or above one that is, its parent ([`NONE`] for none), and how many of its children
    /// are such spans and have not been up yet; for all others [`ASIDE`].
    ways: Vec<Way>,
    /// For each span, where what was told from below stands in `marks`; [`NONE`] for nothing.
    told: Vec<u32>,
    marks: Vec<Marks>,
    /// The other spans of the ids of a first one.
    twins: HashMap<u32, Vec<u32>, RandomState>,
    slots: Slots,
    projection: Projection,
}

#[derive(Clone, Copy)]
struct Way {
    parent: u32,
    pending: u32,
}

impl<'s> Climb<'s> {
    fn new(tree: &'s Tree<'s>, own: &'s [Mark], cap: usize) -> Self {
        let mut twins: HashMap<u32, Vec<u32>, RandomState> = HashMap::default();
        for &(twin, first) in &tree.twins {
            twins.entry(first).or_default().push(twin);
        }
        let mut climb = Climb {
            tree,
            spans: tree.spans,
            own,
            cap,
            ways: vec![ASIDE; tree.spans.len()],
            told: vec![NONE; tree.spans.len()],
            marks: Vec::new(),
            twins,
            slots: Slots::default(),
            projection: Projection::default(),
        };
        climb.find_ways();
        climb
    }

    /// From every marked span up, as far as nobody has been before.
    fn find_ways(&mut self) {
        for (at, span) in (0u32..).zip(self.spans).filter(|(_, span)| !span.own.is_empty()) {
            debug_assert!(span.own.end as usize <= self.own.len());
            let mut at = self.tree.first_of(at);
            while self.ways[at as usize].pending == ASIDE.pending {
                let parent = self.tree.parent(at).unwrap_or(NONE);
                self.ways[at as usize] = Way { parent, pending: 0 };
                if parent == NONE {
                    break;
                }
                at = parent;
            }
        }
        for at in 0..self.ways.len() {
            let Way { parent, pending } = self.ways[at];
            if pending != ASIDE.pending && parent != NONE {
                self.ways[parent as usize].pending += 1;
            }
        }
    }

    fn parent(&self, at: u32) -> Option<u32> {
        Some(self.ways[at as usize].parent).filter(|&parent| parent != NONE)
    }

    fn trees(&mut self) {
        for start in 0..self.spans.len() as u32 {
            if self.ways[start as usize].pending != 0 {
                continue;
            }
            let mut at = start;
            loop {
                self.ways[at as usize].pending = DONE;
                let told = self.take(at);
                let own = self.own_of(at);
                self.show(at, &own, &told);
                let Some(parent) = self.parent(at) else { break };
                self.tell(parent, told, &own);
                self.ways[parent as usize].pending -= 1;
                // a parent that stands later is met by the loop around this one
                if self.ways[parent as usize].pending != 0 || parent > start {
                    break;
                }
                at = parent;
            }
        }
    }

    /// What is left when the trees are done are cycles. Everyone in a cycle is above everyone else in it, but nobody
    /// above himself.
    fn cycles(&mut self) {
        for start in 0..self.spans.len() as u32 {
            if self.ways[start as usize].pending >= ASIDE.pending {
                continue;
            }
            let mut members = Vec::new();
            let mut at = start;
            while self.ways[at as usize].pending != DONE {
                self.ways[at as usize].pending = DONE;
                members.push((at, self.take(at), self.own_of(at)));
                let Some(parent) = self.parent(at) else { break };
                at = parent;
            }
            self.cycle(members);
        }
    }

    fn cycle(&mut self, members: Vec<(u32, Marks, Cow<'s, [Mark]>)>) {
        let mut all = Marks::default();
        // how many members tell of a flag, and the last that did
        let mut tellers: HashMap<u32, (u32, u32), RandomState> = HashMap::default();
        for (at, below, own) in &members {
            let told = own.iter().filter(|mark| mark.is_told());
            let copy = below.list.iter().chain(below.rest.values()).chain(told);
            self.slots.begin();
            for (place, mark) in all.list.iter().enumerate() {
                self.slots.place(mark.flag, place);
            }
            for mark in copy {
                let teller = tellers.entry(mark.flag).or_insert((0, NONE));
                if teller.1 != *at {
                    *teller = (teller.0 + 1, *at);
                }
                all.add(mark, &mut self.slots);
            }
            all.settle(self.cap);
        }
        for (at, below, own) in members {
            let only_own = |mark: &&Mark| tellers.get(&mark.flag).is_some_and(|teller| teller.0 == 1);
            let hidden: Vec<u32> = match self.spans[at as usize].shows_own {
                true => Vec::new(),
                false => own
                    .iter()
                    .filter(|mark| mark.is_told())
                    .filter(only_own)
                    .map(|mark| mark.flag)
                    .filter(|&flag| !below.contains(flag))
                    .collect(),
            };
            let taken: Vec<(usize, Mark)> = hidden.iter().filter_map(|&flag| all.take(flag)).collect();
            self.show(at, &own, &all);
            all.put_back(taken);
        }
    }

    fn take(&mut self, at: u32) -> Marks {
        match self.told[at as usize] {
            NONE => Marks::default(),
            place => std::mem::take(&mut self.marks[place as usize]),
        }
    }

    /// The marks of a span and of its twins, each flag once.
    fn own_of(&self, at: u32) -> Cow<'s, [Mark]> {
        let of = |at: u32| {
            let own = &self.spans[at as usize].own;
            &self.own[own.start as usize..own.end as usize]
        };
        let Some(twins) = self.twins.get(&at) else { return Cow::Borrowed(of(at)) };
        let mut marks: Vec<Mark> = Vec::new();
        let mut places: HashMap<u32, usize, RandomState> = HashMap::default();
        for mark in std::iter::once(&at).chain(twins).flat_map(|&at| of(at)) {
            match places.get(&mark.flag) {
                Some(&place) => marks[place].absorb(mark),
                None => {
                    places.insert(mark.flag, marks.len());
                    marks.push(*mark);
                }
            }
        }
        Cow::Owned(marks)
    }

    fn show(&mut self, at: u32, own: &[Mark], told: &Marks) {
        let own = if self.spans[at as usize].shows_own { own } else { &[] };
        if !own.is_empty() || !told.is_empty() {
            self.projection.show(at, own, told, self.cap, &mut self.slots);
            // what its twins say is not its own, and every twin shows it
            if let Some(shown) = self.projection.shown.last_mut()
                && shown.span == at
                && self.twins.contains_key(&at)
            {
                shown.own = 0;
            }
        }
    }

    fn tell(&mut self, parent: u32, mut told: Marks, own: &[Mark]) {
        if own.iter().any(Mark::is_told) {
            self.slots.begin();
            for (place, mark) in told.list.iter().enumerate() {
                self.slots.place(mark.flag, place);
            }
            for mark in own.iter().filter(|mark| mark.is_told()) {
                told.add(mark, &mut self.slots);
            }
            told.settle(self.cap);
        }
        if told.is_empty() {
            return;
        }
        match self.told[parent as usize] {
            NONE => {
                self.told[parent as usize] = self.marks.len() as u32;
                self.marks.push(told);
            }
            place => self.marks[place as usize].merge(told, self.cap, &mut self.slots),
        }
    }
}

/// How many marks the spans of a request may get from other spans: more than find room in the bytes that they may take,
/// so that what is gathered stays small as well.
const PROJECTED_MARKS_MAX: usize = 1 << 18;
/// A span that has nothing to do with marks: no span has that many children.
const ASIDE: Way = Way { parent: NONE, pending: u32::MAX - 1 };
/// Stands in `pending` for a span that is done.
const DONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
