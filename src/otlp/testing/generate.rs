//! Requests as no SDK would send them, but legal: made from the table and a handful of random bytes.

use crate::otlp::schema::{self, Id, Kind, Label, Message, Part, Role};
use crate::otlp::{Signal, wire};

/// Decisions, taken from random bytes; zeros when they run out.
pub(super) struct Dice<'a>(pub &'a [u8]);

impl Dice<'_> {
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n.max(1)
    }

    /// True once in `n` throws; never when the dice have run out.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn number(&mut self) -> u64 {
        let bytes: [u8; 8] = std::array::from_fn(|_| self.byte());
        u64::from_le_bytes(bytes) >> (8 * self.below(8))
    }
}

/// What the generator may do beside what is legal and harmless.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Manners {
    /// Well formed, all ids valid.
    Good,
    /// Well formed, some ids invalid.
    Careless,
    /// Sometimes malformed.
    Bad,
}

pub(super) fn request(signal: Signal, dice: &mut Dice<'_>, manners: Manners) -> Vec<u8> {
    let mut out = Vec::new();
    message(schema::request(signal), dice, manners, 0, &mut out);
    out
}

/// The bytes of every unknown field that the generator writes.
pub(super) const MARK: &[u8] = b"\x00unknown\xff";

fn message(
    message: &'static Message,
    dice: &mut Dice<'_>,
    manners: Manners,
    depth: usize,
    out: &mut Vec<u8>,
) {
    if message.part == Part::Item && message.required != 0 {
        ids(message, dice, manners, out);
    }
    let more = match message.part {
        Part::Request | Part::ResourceGroup | Part::ScopeGroup | Part::Metric => 4,
        Part::Item => 8,
        _ if depth > 12 => 1,
        _ => 4,
    };
    for _ in 0..dice.below(more) {
        let field = &message.fields[dice.below(message.fields.len())];
        if depth > 12 && matches!(field.kind, Kind::Message(_)) {
            continue;
        }
        if message.required & 1 << field.number != 0 {
            continue;
        }
        value(message, field, dice, manners, depth, out);
        if dice.once_in(24) {
            unknown(dice, out);
        }
    }
    // lists are what the tests are about
    for field in message.fields.iter().filter(|field| field.role == Role::List && field.label == Label::Many)
    {
        for _ in 0..dice.below(3) {
            value(message, field, dice, manners, depth, out);
        }
    }
}

fn ids(message: &Message, dice: &mut Dice<'_>, manners: Manners, out: &mut Vec<u8>) {
    for field in message.fields.iter().filter(|field| message.required & 1 << field.number != 0) {
        let len = if field.number == 1 { 16 } else { 8 };
        let mut id: Vec<u8> = (0..len).map(|_| dice.byte()).collect();
        id[0] |= 1;
        if manners != Manners::Good && dice.once_in(8) {
            match dice.below(3) {
                0 => id.fill(0),
                1 => drop(id.pop()),
                _ => continue,
            }
        }
        wire::put_len(out, field.number, &id);
    }
}

fn value(
    parent: &Message,
    field: &schema::Field,
    dice: &mut Dice<'_>,
    manners: Manners,
    depth: usize,
    out: &mut Vec<u8>,
) {
    if manners == Manners::Bad && dice.once_in(64) {
        return unknown_as(field.number, dice, out);
    }
    let number = field.number;
    match field.kind {
        Kind::Message(child) => {
            let mut body = Vec::new();
            message(child, dice, manners, depth + 1, &mut body);
            len_field(number, &body, dice, out);
        }
        Kind::String if field.role == Role::Key => {
            let key = KEYS[dice.below(KEYS.len())];
            len_field(number, key.as_bytes(), dice, out);
        }
        Kind::String => {
            let text = TEXTS[dice.below(TEXTS.len())];
            if manners == Manners::Bad && dice.once_in(64) {
                return len_field(number, b"caf\xe9", dice, out);
            }
            len_field(number, text.as_bytes(), dice, out);
        }
        Kind::Bytes => len_field(number, &[0, 255, dice.byte()], dice, out),
        Kind::Id(id) => {
            let len = match id {
                Id::Trace | Id::TraceRequired => 16,
                Id::Span | Id::SpanRequired => 8,
            };
            let len = if manners != Manners::Good && dice.once_in(8) { len - 1 } else { len };
            let id: Vec<u8> = (0..len).map(|_| dice.byte()).collect();
            len_field(number, if dice.once_in(3) { &[] } else { &id }, dice, out);
        }
        Kind::Fixed32 => fixed(number, 5, &(dice.number() as u32).to_le_bytes(), parent, field, dice, out),
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => {
            fixed(number, 1, &dice.number().to_le_bytes(), parent, field, dice, out);
        }
        _ => {
            let mut bytes = Vec::new();
            varint(dice.number(), dice, &mut bytes);
            fixed(number, 0, &bytes, parent, field, dice, out);
        }
    }
}

/// A number; of a repeated field several may come packed.
fn fixed(
    number: u32,
    wire_type: u64,
    bytes: &[u8],
    _parent: &Message,
    field: &schema::Field,
    dice: &mut Dice<'_>,
    out: &mut Vec<u8>,
) {
    if field.label == Label::Many && dice.once_in(2) {
        return len_field(number, &bytes.repeat(dice.below(4)), dice, out);
    }
    varint(u64::from(number) << 3 | wire_type, dice, out);
    out.extend_from_slice(bytes);
}

fn len_field(number: u32, body: &[u8], dice: &mut Dice<'_>, out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | 2, dice, out);
    varint(body.len() as u64, dice, out);
    out.extend_from_slice(body);
}

/// A varint, now and then padded to more bytes than it needs.
fn varint(value: u64, dice: &mut Dice<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    wire::put_varint(out, value);
    let len = out.len() - start;
    if len < 5 && dice.once_in(24) {
        *out.last_mut().expect("a varint has at least one byte") |= 0x80;
        out.extend(std::iter::repeat_n(0x80, 4 - len));
        out.push(0);
    }
}

fn unknown(dice: &mut Dice<'_>, out: &mut Vec<u8>) {
    let number = [17, 99, 5000, (1 << 29) - 1][dice.below(4)];
    unknown_as(number, dice, out);
}

fn unknown_as(number: u32, dice: &mut Dice<'_>, out: &mut Vec<u8>) {
    let key = u64::from(number) << 3;
    match dice.below(5) {
        0 => {
            wire::put_varint(out, key);
            wire::put_varint(out, dice.number());
        }
        1 => {
            wire::put_varint(out, key | 1);
            out.extend_from_slice(&dice.number().to_le_bytes());
        }
        2 => {
            wire::put_varint(out, key | 5);
            out.extend_from_slice(&(dice.number() as u32).to_le_bytes());
        }
        3 => {
            wire::put_varint(out, key | 3);
            if dice.once_in(2) {
                unknown_as(7, dice, out);
            }
            wire::put_len(out, 3, MARK);
            wire::put_varint(out, key | 4);
        }
        _ => wire::put_len(out, number, MARK),
    }
}

pub(super) const KEYS: [&str; 8] = [
    "a",
    "b",
    "feature_flag.key",
    "http.route",
    "ключ",
    "",
    "service.name",
    "a.rather.long.key.of.more.than.thirty.two.bytes",
];
const TEXTS: [&str; 6] = ["", "on", "GET /checkout", "Größe", "\u{1F6A9}", "new-checkout"];
