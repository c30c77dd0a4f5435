//! Edits: recorded against views, applied in one pass by splicing.

use std::collections::HashMap;
use std::ops::Range;

use super::schema::{self, Kind, Message, Part, Role};
use super::view::{Attributes, Event, Item, ItemId, Pair, Payload, Resource, Value};
use super::watch::Watched;
use super::wire::{self, Fields, Raw};

/// Changes to the items, events and resources of one payload.
///
/// Owns what it writes and borrows no payload; after [`Edits::apply`] it is empty and can be used again, with its
/// memory. Offsets are taken from the payload that the views came from, so all edits until `apply` have to be
/// about that one.
#[derive(Default)]
pub struct Edits {
    targets: Vec<Target>,
    /// Whether a target was met after one that lies behind it. Until then they are found by bisection.
    is_mixed: bool,
    /// All targets by their offset, once they are mixed.
    by_offset: HashMap<usize, usize, foldhash::fast::RandomState>,
    ops: Vec<Op>,
    /// The operations by key, for those targets that have many.
    indices: Vec<Index>,
    /// Keys, encoded values and names that the operations point into.
    arena: Vec<u8>,
    /// Reused by `apply`: the targets by offset.
    order: Vec<usize>,
    in_order: Vec<usize>,
    pieces: Vec<Piece>,
}

type Index = HashMap<Box<[u8]>, usize, foldhash::fast::RandomState>;

/// What is to happen to one message.
struct Target {
    at: usize,
    discard: bool,
    name: Option<Range<usize>>,
    trace_state: Option<Range<usize>>,
    /// The latest of its operations; they are chained.
    ops: Option<usize>,
    count: usize,
    /// Among the indices, once the chain is long.
    index: Option<usize>,
    /// Those that have an operation.
    keys: Keys,
    /// Whether all that happens to it is that attributes of new keys come after what there is.
    appends: bool,
    /// All of those, encoded, as long as nothing was recorded but by [`Edits::append`].
    block: Option<Range<usize>>,
}

impl Target {
    fn has_changes(&self) -> bool {
        self.discard || self.name.is_some() || self.trace_state.is_some() || self.ops.is_some()
    }
}

/// What is to happen to one key.
struct Op {
    /// The key alone, within `field` if there is one.
    key: Range<usize>,
    /// The encoded attribute with its tag and length, or none if the key goes.
    field: Option<Range<usize>>,
    /// The encoded `AnyValue` in it.
    value: Range<usize>,
    earlier: Option<usize>,
    /// Used by `apply`: whether the value has been written.
    placed: bool,
}

/// A stretch of the result.
enum Piece {
    /// From the payload.
    Keep(Range<usize>),
    /// From the arena.
    Put(Range<usize>),
    /// Tag and length of a message whose body follows.
    Head { number: u32, len: usize },
}

impl Edits {
    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Forgets everything recorded, keeps the memory.
    pub fn clear(&mut self) {
        self.targets.clear();
        self.is_mixed = false;
        self.by_offset.clear();
        self.ops.clear();
        self.indices.clear();
        self.arena.clear();
    }

    /// Edits a span, log record or data point.
    pub fn item<'e, 'a>(&'e mut self, item: Item<'a>) -> Edit<'e, 'a> {
        let target = self.target(item.id());
        Edit { edits: self, target, keys: Keys::ALL, attributes: item.attributes() }
    }

    /// As [`Edits::item`], by a caller who has walked over the attributes: `keys` has all of those that may be set
    /// now. What is set under a key that it does not have is appended, and if nothing else happens to the item,
    /// splicing it looks at none of its fields. A key left out of `keys` would be there twice (and fails a debug build).
    pub fn item_with<'e, 'a>(&'e mut self, item: Item<'a>, keys: Keys) -> Edit<'e, 'a> {
        Edit { keys, ..self.item(item) }
    }

    /// As [`Edits::event`], with the knowledge of [`Edits::item_with`].
    pub fn event_with<'e, 'a>(&'e mut self, event: Event<'a>, keys: Keys) -> Edit<'e, 'a> {
        Edit { keys, ..self.event(event) }
    }

    /// Edits an event of a span.
    pub fn event<'e, 'a>(&'e mut self, event: Event<'a>) -> Edit<'e, 'a> {
        let target = self.target(event.id());
        Edit { edits: self, target, keys: Keys::ALL, attributes: event.attributes() }
    }

    /// Edits a resource; one that is absent is created when an attribute is set. Discarding it discards all of
    /// its items.
    pub fn resource<'e, 'a>(&'e mut self, resource: Resource<'a>) -> Edit<'e, 'a> {
        let target = self.target(resource.id());
        Edit { edits: self, target, keys: Keys::ALL, attributes: resource.attributes() }
    }

    /// What is recorded for the item that [`Edits::item`] was called for last, if it is nothing but attributes that come
    /// behind those it has; nothing at all is that, too.
    pub fn appended(&self, item: Item<'_>) -> Option<Appended> {
        let mut appended = Appended::default();
        let last = self.targets.last().filter(|last| last.at == item.id().0)?;
        let plain = last.appends && !last.discard && last.name.is_none() && last.trace_state.is_none();
        if !plain || last.count > CHAIN_MAX {
            return None;
        }
        let mut ops = Vec::with_capacity(last.count);
        self.ops_in_order(self.targets.len() - 1, &mut ops);
        let mut bytes = Vec::new();
        for op in ops {
            let Op { key, field, value, .. } = &self.ops[op];
            let field = field.clone()?;
            let moved = |range: &Range<usize>| {
                range.start - field.start + bytes.len()..range.end - field.start + bytes.len()
            };
            appended.ops.push((moved(key), moved(&field), moved(value)));
            bytes.extend_from_slice(&self.arena[field]);
        }
        appended.bytes = bytes.into();
        appended.keys = last.keys;
        Some(appended)
    }

    /// Records for an item what was recorded for another one of the same kind, which has none of those attributes
    /// either. Nothing may be recorded for it yet.
    pub fn append(&mut self, item: Item<'_>, what: &Appended) {
        if what.ops.is_empty() {
            return;
        }
        let target = self.target(item.id());
        debug_assert!(!self.targets[target].has_changes());
        let block = self.keep(&what.bytes);
        let start = block.start;
        let moved = |range: &Range<usize>| range.start + start..range.end + start;
        let mut earlier = None;
        for (key, field, value) in &what.ops {
            let (key, field, value) = (moved(key), Some(moved(field)), moved(value));
            self.ops.push(Op { key, field, value, earlier, placed: false });
            earlier = Some(self.ops.len() - 1);
        }
        let target = &mut self.targets[target];
        (target.ops, target.count, target.keys) = (earlier, what.ops.len(), what.keys);
        target.block = Some(block);
    }

    fn target(&mut self, id: ItemId) -> usize {
        let place = self.targets.len();
        // nearly all edits of a message follow each other, and messages are met in their order
        match self.targets.last() {
            Some(last) if last.at == id.0 => return place - 1,
            Some(last) if last.at > id.0 || self.is_mixed => {
                if let Some(known) = self.known_target(id, place) {
                    return known;
                }
            }
            _ => {}
        }
        self.targets.push(Target {
            at: id.0,
            discard: false,
            name: None,
            trace_state: None,
            ops: None,
            count: 0,
            index: None,
            keys: Keys::default(),
            appends: true,
            block: None,
        });
        place
    }

    /// The target, if there is one; otherwise it is going to stand at `place`, behind others that lie behind it.
    fn known_target(&mut self, id: ItemId, place: usize) -> Option<usize> {
        if !self.is_mixed {
            if let Ok(known) = self.targets.binary_search_by_key(&id.0, |target| target.at) {
                return Some(known);
            }
            self.is_mixed = true;
            self.by_offset.extend(self.targets.iter().map(|target| target.at).zip(0..));
        }
        match *self.by_offset.entry(id.0).or_insert(place) {
            known if known == place => None,
            known => Some(known),
        }
    }

    /// Makes the changed payload and forgets the edits. If they change nothing, it is the same payload.
    ///
    /// A message that loses its last item to a discard goes, too. What is not edited keeps its bytes.
    pub fn apply(&mut self, payload: &Payload) -> Payload {
        let changes = self.targets.iter().any(Target::has_changes);
        if !changes {
            self.clear();
            return payload.clone();
        }
        self.order.clear();
        self.order.extend(0..self.targets.len());
        let targets = &self.targets;
        if self.is_mixed {
            self.order.sort_unstable_by_key(|&target| targets[target].at);
        }
        self.pieces.clear();
        let buf = payload.bytes();
        let mut splice = Splice { edits: self, buf, next: 0, changes: 0, discarded: 0 };
        let root = Extent { message: schema::request(payload.signal()), start: 0, body: 0, end: buf.len() };
        let (len, _) = splice.body(root);
        let Splice { changes, discarded, .. } = splice;
        if changes == 0 {
            self.clear();
            return payload.clone();
        }
        let bytes = self.write(buf, len);
        self.clear();
        let items = payload.len() - discarded;
        Payload::new(bytes.into(), payload.signal(), items, Watched::Unknown, payload.is_opaque())
    }

    fn write(&self, buf: &[u8], len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len);
        for piece in &self.pieces {
            match piece {
                Piece::Keep(range) => out.extend_from_slice(&buf[range.clone()]),
                Piece::Put(range) => out.extend_from_slice(&self.arena[range.clone()]),
                &Piece::Head { number, len } => wire::put_head(&mut out, number, len),
            }
        }
        debug_assert_eq!(out.len(), len);
        out
    }
}

/// Attributes that were recorded for an item and come behind those it has: see [`Edits::appended`].
#[derive(Debug, Default)]
pub struct Appended {
    /// Encoded, one behind the other.
    bytes: Box<[u8]>,
    /// Key, whole attribute and value of each within `bytes`.
    ops: Vec<(Range<usize>, Range<usize>, Range<usize>)>,
    keys: Keys,
}

impl Appended {
    /// How many bytes they are, encoded.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

/// The edit of one item, event or resource.
pub struct Edit<'e, 'a> {
    edits: &'e mut Edits,
    target: usize,
    /// Of the attributes.
    keys: Keys,
    attributes: Attributes<'a>,
}

/// Which keys attributes have, as far as 64 bits tell: one that was put in is always found, another one rarely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys(u64);

impl Keys {
    /// What is to be taken where nobody has looked.
    pub const ALL: Keys = Keys(u64::MAX);

    #[inline]
    pub fn add(&mut self, key: &[u8]) {
        self.0 |= Keys::bit(key);
    }

    /// Whether the key may have been put in.
    #[inline]
    pub fn may_have(self, key: &[u8]) -> bool {
        self.0 & Keys::bit(key) != 0
    }

    #[inline]
    fn bit(key: &[u8]) -> u64 {
        let last = key.last().copied().unwrap_or_default();
        let middle = key.get(key.len() / 2).copied().unwrap_or_default();
        let mixed = key.len() as u64 | u64::from(last) << 32 | u64::from(middle) << 40;
        1 << (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }
}

impl Edit<'_, '_> {
    /// The value of an attribute as it is after the changes made so far.
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        match self.op(key) {
            Some(op) => {
                let op = &self.edits.ops[op];
                op.field.is_some().then(|| Value::read(&self.edits.arena[op.value.clone()]))
            }
            None => self.attributes.get(key),
        }
    }

    /// Sets an attribute; exactly one of that key stays, in the place of the first.
    pub fn set(&mut self, key: &str, value: Value<'_>) {
        self.record(key, |arena| put_value(arena, value));
    }

    /// Removes all attributes of that key.
    pub fn remove(&mut self, key: &str) {
        if self.get(key).is_some() {
            let op = self.op_for(key);
            self.edits.ops[op].field = None;
        }
    }

    /// Gives an attribute another key, with its value byte for byte; an attribute that had that key is replaced.
    /// Without the attribute nothing happens.
    pub fn rename(&mut self, from: &str, to: &str) {
        if from != to && self.copy(from, to) {
            let op = self.op_for(from);
            self.edits.ops[op].field = None;
        }
    }

    /// Sets an attribute to the value of another one, byte for byte; whether there is that other one.
    pub fn copy(&mut self, from: &str, to: &str) -> bool {
        match self.op(from) {
            Some(op) if self.edits.ops[op].field.is_none() => return false,
            Some(op) => {
                let value = self.edits.ops[op].value.clone();
                self.record(to, |arena| arena.extend_from_within(value));
            }
            None => match self.attributes.encoded_value(from) {
                Some(value) => self.record(to, |arena| arena.extend_from_slice(value)),
                None => return false,
            },
        }
        true
    }

    /// Gives a span, an event or a log record's event another name. Resources and data points have none: there it
    /// does nothing.
    pub fn set_name(&mut self, name: &str) {
        let range = self.edits.keep(name.as_bytes());
        self.edits.targets[self.target].appends = false;
        self.edits.targets[self.target].name = Some(range);
    }

    /// Gives a span another W3C trace state; everything else has none: there it does nothing.
    pub fn set_trace_state(&mut self, trace_state: &str) {
        let range = self.edits.keep(trace_state.as_bytes());
        self.edits.targets[self.target].appends = false;
        self.edits.targets[self.target].trace_state = Some(range);
    }

    /// Takes the item out; it wins over all other changes.
    pub fn discard(&mut self) {
        self.edits.targets[self.target].discard = true;
    }

    /// For assertions, which are no work that a test may count.
    fn is_there(&self, key: &str) -> bool {
        let look = || self.attributes.get(key).is_some();
        #[cfg(test)]
        let look = || super::work::uncounted(look);
        look()
    }

    fn op(&self, key: &str) -> Option<usize> {
        self.edits.op_of(self.target, key.as_bytes())
    }

    /// Sets a key to the value that `put` appends to the arena.
    fn record(&mut self, key: &str, put: impl FnOnce(&mut Vec<u8>)) {
        let op = self.op(key);
        self.edits.targets[self.target].block = None;
        if self.keys.may_have(key.as_bytes()) {
            self.edits.targets[self.target].appends = false;
        } else {
            debug_assert!(!self.is_there(key), "an attribute of a key that was not put in");
        }
        let arena = &mut self.edits.arena;
        let start = arena.len();
        let mut value = 0..0;
        let pair = wire::put_len_with(arena, self.attributes.number, |arena| {
            wire::put_len(arena, KEY, key.as_bytes());
            value = wire::put_len_with(arena, VALUE, put);
        });
        // the head of the pair may have moved what is in it
        let value = pair.end - value.len()..pair.end;
        let field = Some(start..pair.end);
        let key_at = pair.start + wire::head_len(KEY, key.len());
        let key = key_at..key_at + key.len();
        match op {
            Some(op) => {
                let op = &mut self.edits.ops[op];
                (op.key, op.field, op.value) = (key, field, value);
            }
            None => self.add(Op { key, field, value, earlier: None, placed: false }),
        }
    }

    /// The operation on a key; a new one removes it.
    fn op_for(&mut self, key: &str) -> usize {
        self.edits.targets[self.target].block = None;
        if let Some(op) = self.op(key) {
            return op;
        }
        self.edits.targets[self.target].appends = false;
        let key = self.edits.keep(key.as_bytes());
        self.add(Op { key, field: None, value: 0..0, earlier: None, placed: false });
        self.edits.ops.len() - 1
    }

    fn add(&mut self, op: Op) {
        let Edits { targets, ops, arena, .. } = &mut *self.edits;
        let target = &mut targets[self.target];
        target.keys.add(&arena[op.key.clone()]);
        ops.push(Op { earlier: target.ops, ..op });
        target.ops = Some(ops.len() - 1);
        target.count += 1;
        if target.count > CHAIN_MAX {
            self.edits.index(self.target);
        }
    }
}

impl Edits {
    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        start..self.arena.len()
    }

    #[inline]
    fn op_of(&self, target: usize, key: &[u8]) -> Option<usize> {
        let target = &self.targets[target];
        if !target.keys.may_have(key) {
            return None;
        }
        match target.index {
            Some(index) => self.indices[index].get(key).copied(),
            None => self.op_in_chain(target.ops, key),
        }
    }

    /// Puts the latest operation of a target into its index; into a new one, all of them.
    fn index(&mut self, target: usize) {
        let Edits { targets, ops, arena, indices, .. } = self;
        let target = &mut targets[target];
        let (at, new) = match target.index {
            Some(at) => (at, 1),
            None => {
                indices.push(Index::default());
                (indices.len() - 1, target.count)
            }
        };
        target.index = Some(at);
        let mut next = target.ops;
        for _ in 0..new {
            let Some(op) = next else { break };
            indices[at].insert(arena[ops[op].key.clone()].into(), op);
            next = ops[op].earlier;
        }
    }

    fn op_in_chain(&self, mut next: Option<usize>, key: &[u8]) -> Option<usize> {
        while let Some(op) = next {
            #[cfg(test)]
            super::work::step();
            if self.arena[self.ops[op].key.clone()] == *key {
                return Some(op);
            }
            next = self.ops[op].earlier;
        }
        None
    }

    /// The operations of a target in the order in which they were recorded, in an empty `ops`.
    fn ops_in_order(&self, target: usize, ops: &mut Vec<usize>) {
        let mut next = self.targets[target].ops;
        while let Some(op) = next {
            ops.push(op);
            next = self.ops[op].earlier;
        }
        ops.reverse();
    }
}

/// A message in the payload.
#[derive(Clone, Copy)]
struct Extent {
    message: &'static Message,
    start: usize,
    body: usize,
    end: usize,
}

/// One pass over the payload that turns the edits into pieces of the result.
struct Splice<'s> {
    edits: &'s mut Edits,
    buf: &'s [u8],
    /// The first target in `order` that has not been passed.
    next: usize,
    /// How often something became other than it was.
    changes: u64,
    discarded: u64,
}

impl Splice<'_> {
    fn keep(&mut self, from: usize, to: usize) -> usize {
        if from == to {
            return 0;
        }
        match self.edits.pieces.last_mut() {
            Some(Piece::Keep(range)) if range.end == from => range.end = to,
            _ => self.edits.pieces.push(Piece::Keep(from..to)),
        }
        to - from
    }

    fn put(&mut self, range: Range<usize>) -> usize {
        let len = range.len();
        match self.edits.pieces.last_mut() {
            Some(Piece::Put(last)) if last.end == range.start => last.end = range.end,
            _ => self.edits.pieces.push(Piece::Put(range)),
        }
        len
    }

    /// Opens a message whose length is not known yet.
    fn open(&mut self, number: u32) -> usize {
        self.edits.pieces.push(Piece::Head { number, len: 0 });
        self.edits.pieces.len() - 1
    }

    /// Closes it; returns how long all of it is.
    fn close(&mut self, head: usize, number: u32, len: usize) -> usize {
        self.edits.pieces[head] = Piece::Head { number, len };
        wire::head_len(number, len) + len
    }

    /// Passes the target at this place, if there is one.
    fn target_at(&mut self, at: usize) -> Option<usize> {
        let target = self.next_target(at)?;
        if self.edits.targets[target].at != at {
            return None;
        }
        self.next += 1;
        Some(target)
    }

    /// Whether the field is edited or holds something that is.
    fn touches(&mut self, raw: &Raw) -> bool {
        self.next_target(raw.start).is_some_and(|target| self.edits.targets[target].at < raw.end)
    }

    /// The first target at or after `at`. Those before it lie in something that was discarded.
    fn next_target(&mut self, at: usize) -> Option<usize> {
        loop {
            let &target = self.edits.order.get(self.next)?;
            if self.edits.targets[target].at >= at {
                return Some(target);
            }
            self.next += 1;
        }
    }

    /// Where the first target at or after `at` is.
    fn next_offset(&mut self, at: usize) -> usize {
        self.next_target(at).map_or(usize::MAX, |target| self.edits.targets[target].at)
    }

    /// Writes the fields of a message that leads to items; returns the length of the new body, and whether the
    /// message lost its last item.
    fn body(&mut self, parent: Extent) -> (usize, bool) {
        let mut len = 0;
        let (mut kept, mut lost) = (false, false);
        let list = parent.message.list;
        let mut untouched_until = self.next_offset(parent.body);
        let mut fields = Fields::new(self.buf, parent.body, parent.end);
        while let Some(raw) = fields.step() {
            // most of what there is
            if raw.number == list && raw.end <= untouched_until {
                kept = true;
                len += self.keep(raw.start, raw.end);
                continue;
            }
            let field = parent.message.field(raw.number);
            let list = field.filter(|field| field.role == Role::List).map(|field| field.kind);
            let Some(Kind::Message(child)) = list else {
                len += self.keep(raw.start, raw.end);
                continue;
            };
            if !self.touches(&raw) {
                kept = true;
                len += self.keep(raw.start, raw.end);
                continue;
            }
            let child = Extent { message: child, start: raw.start, body: raw.body, end: raw.end };
            match self.child(child, raw.number) {
                Some(written) => {
                    kept = true;
                    len += written;
                }
                None => lost = true,
            }
            untouched_until = self.next_offset(raw.end);
        }
        (len, lost && !kept)
    }

    /// Writes a message that is edited or holds one that is; `None` if it goes.
    fn child(&mut self, child: Extent, number: u32) -> Option<usize> {
        let target = self.target_at(child.start);
        if target.is_some_and(|target| self.edits.targets[target].discard) {
            self.discarded += count_items(self.buf, child);
            self.changes += 1;
            return None;
        }
        let (mark, changes) = (self.edits.pieces.len(), self.changes);
        let head = self.open(number);
        let (len, lost) = match child.message.part {
            Part::Item => (self.edited(child, target), false),
            Part::ResourceGroup => {
                let resource = target.map_or(0, |target| self.new_resource(child, target));
                let (len, lost) = match target {
                    Some(target) => self.body_with_resource(child, target),
                    None => self.body(child),
                };
                (resource + len, lost)
            }
            _ => self.body(child),
        };
        if lost {
            self.edits.pieces.truncate(mark);
            return None;
        }
        if self.changes == changes {
            self.edits.pieces.truncate(mark);
            return Some(self.keep(child.start, child.end));
        }
        Some(self.close(head, number, len))
    }

    /// A resource that is absent and gets attributes is written first.
    fn new_resource(&mut self, group: Extent, target: usize) -> usize {
        let present = Fields::new(self.buf, group.body, group.end).any(|raw| raw.number == RESOURCE);
        if present {
            return 0;
        }
        let head = self.open(RESOURCE);
        let empty = Extent { message: &schema::RESOURCE, start: 0, body: 0, end: 0 };
        let len = self.edited(empty, Some(target));
        if len == 0 {
            self.edits.pieces.truncate(head);
            return 0;
        }
        self.close(head, RESOURCE, len)
    }

    /// The fields of a resource group whose resource is edited.
    fn body_with_resource(&mut self, group: Extent, target: usize) -> (usize, bool) {
        let resource = Fields::new(self.buf, group.body, group.end).find(|raw| raw.number == RESOURCE);
        let Some(raw) = resource else { return self.body(group) };
        let before = self.body(Extent { end: raw.start, ..group });
        let head = self.open(RESOURCE);
        let extent = Extent { message: &schema::RESOURCE, start: raw.start, body: raw.body, end: raw.end };
        let len = self.edited(extent, Some(target));
        let resource = self.close(head, RESOURCE, len);
        let after = self.body(Extent { body: raw.end, ..group });
        let lists = |from, to| Fields::new(self.buf, from, to).any(|raw| raw.number == LIST);
        let emptied = |part: (usize, bool), from, to| part.1 || !lists(from, to);
        let lost = (before.1 || after.1)
            && emptied(before, group.body, raw.start)
            && emptied(after, raw.end, group.end);
        (before.0 + resource + after.0, lost)
    }

    /// The fields of an item, event or resource, with its operations.
    fn edited(&mut self, extent: Extent, target: Option<usize>) -> usize {
        let mut len = 0;
        if let Some(target) = target.filter(|target| self.edits.targets[*target].appends)
            && !self.holds_target(extent)
        {
            len += self.keep(extent.body, extent.end);
            return match self.edits.targets[target].block.clone() {
                Some(block) => {
                    self.changes += 1;
                    len + self.put(block)
                }
                None => len + self.put_rest(Some(target)),
            };
        }
        let texts = self.new_texts(extent, target);
        let is_replaced = |number| texts.iter().flatten().any(|(of, _)| *of == number);
        for raw in Fields::new(self.buf, extent.body, extent.end) {
            let role = extent.message.field(raw.number).map_or(Role::None, |field| field.role);
            len += match (role, target) {
                (Role::Attributes, Some(target)) => self.attribute(raw, target),
                (Role::Events, _) if self.touches(&raw) => self.event(raw),
                _ if is_replaced(raw.number) => 0,
                _ => self.keep(raw.start, raw.end),
            };
        }
        for (number, text) in texts.into_iter().flatten() {
            self.changes += 1;
            if !text.is_empty() {
                self.edits.pieces.push(Piece::Head { number, len: text.len() });
                len += wire::head_len(number, text.len()) + self.put(text);
            }
        }
        len + self.put_rest(target)
    }

    /// Whether something in a message is edited; its own target is passed.
    fn holds_target(&mut self, extent: Extent) -> bool {
        self.next_target(extent.body).is_some_and(|target| self.edits.targets[target].at < extent.end)
    }

    /// The attributes that were not there.
    fn put_rest(&mut self, target: Option<usize>) -> usize {
        let Some(target) = target else { return 0 };
        let mut len = 0;
        let mut ops = std::mem::take(&mut self.edits.in_order);
        ops.clear();
        self.edits.ops_in_order(target, &mut ops);
        for &op in &ops {
            if !self.edits.ops[op].placed && self.edits.ops[op].field.is_some() {
                len += self.put_attribute(op);
            }
        }
        self.edits.in_order = ops;
        len
    }

    /// The texts that a message gets, each with its field, as far as they are other than what it has.
    fn new_texts(&self, extent: Extent, target: Option<usize>) -> [Option<(u32, Range<usize>)>; 2] {
        let Some(target) = target.map(|target| &self.edits.targets[target]) else { return [None, None] };
        [
            self.new_text(extent, name_number(extent.message), target.name.as_ref()),
            self.new_text(extent, trace_state_number(extent.message), target.trace_state.as_ref()),
        ]
    }

    fn new_text(
        &self,
        extent: Extent,
        number: Option<u32>,
        text: Option<&Range<usize>>,
    ) -> Option<(u32, Range<usize>)> {
        let (number, text) = (number?, text?.clone());
        let mut present = Fields::new(self.buf, extent.body, extent.end).filter(|raw| raw.number == number);
        let is_same = match (present.next(), present.next()) {
            (None, _) => text.is_empty(),
            (Some(only), None) => *only.bytes(self.buf) == self.edits.arena[text.clone()],
            _ => false,
        };
        (!is_same).then_some((number, text))
    }

    fn attribute(&mut self, raw: Raw, target: usize) -> usize {
        let pair = Pair::read(raw.bytes(self.buf));
        let Some(op) = self.edits.op_of(target, pair.key()) else {
            return self.keep(raw.start, raw.end);
        };
        let Op { field: new, value, placed, .. } = &mut self.edits.ops[op];
        match new {
            Some(_) if !*placed && self.edits.arena[value.clone()] == *pair.encoded_value() => {
                *placed = true;
                self.keep(raw.start, raw.end)
            }
            Some(_) if !*placed => self.put_attribute(op),
            _ => {
                self.changes += 1;
                0
            }
        }
    }

    fn put_attribute(&mut self, op: usize) -> usize {
        self.changes += 1;
        self.edits.ops[op].placed = true;
        let field = self.edits.ops[op].field.clone().expect("only operations with a value are put");
        self.put(field)
    }

    fn event(&mut self, raw: Raw) -> usize {
        let target = self.target_at(raw.start);
        if target.is_some_and(|target| self.edits.targets[target].discard) {
            self.changes += 1;
            return 0;
        }
        let (mark, changes) = (self.edits.pieces.len(), self.changes);
        let head = self.open(raw.number);
        let extent = Extent { message: &schema::EVENT, start: raw.start, body: raw.body, end: raw.end };
        let len = self.edited(extent, target);
        if self.changes == changes {
            self.edits.pieces.truncate(mark);
            return self.keep(raw.start, raw.end);
        }
        self.close(head, raw.number, len)
    }
}

impl<'a> Attributes<'a> {
    /// The encoded `AnyValue` of the first attribute of this key.
    fn encoded_value(&self, key: &str) -> Option<&'a [u8]> {
        self.pairs().find(|pair| pair.key() == key.as_bytes()).map(|pair| pair.encoded_value())
    }
}

fn name_number(message: &Message) -> Option<u32> {
    message
        .fields
        .iter()
        .find(|field| matches!(field.role, Role::SpanName | Role::EventName))
        .map(|f| f.number)
}

fn trace_state_number(message: &Message) -> Option<u32> {
    std::ptr::eq(message, &schema::SPAN).then_some(TRACE_STATE)
}

fn count_items(buf: &[u8], extent: Extent) -> u64 {
    if extent.message.part == Part::Item {
        return 1;
    }
    let mut items = 0;
    for raw in Fields::new(buf, extent.body, extent.end) {
        let Some(field) = extent.message.field(raw.number) else { continue };
        if let (Role::List, Kind::Message(message)) = (field.role, field.kind) {
            items += count_items(buf, Extent { message, start: raw.start, body: raw.body, end: raw.end });
        }
    }
    items
}

/// Appends an encoded `AnyValue`.
pub(super) fn put_value(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Empty => {}
        Value::Str(text) => wire::put_len(out, 1, text.as_bytes()),
        Value::Bool(value) => out.extend_from_slice(&[2 << 3, u8::from(value)]),
        Value::Int(value) => {
            out.push(3 << 3);
            wire::put_varint(out, value as u64);
        }
        Value::Double(value) => {
            out.push(4 << 3 | 1);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Array(values) => wire::put_len(out, 5, values.encoded()),
        Value::Map(map) => wire::put_len(out, 6, map.encoded()),
        Value::Bytes(bytes) => wire::put_len(out, 7, bytes),
    }
}

/// A chain of operations that is longer is not searched. Few messages ever have so many.
const CHAIN_MAX: usize = 64;
/// `KeyValue.key` and `KeyValue.value`.
pub(super) const KEY: u32 = 1;
pub(super) const VALUE: u32 = 2;
/// `Span.trace_state`.
const TRACE_STATE: u32 = 3;
/// `resource` and the list of scope groups are the same fields in every resource group.
const RESOURCE: u32 = 1;
const LIST: u32 = 2;
