//! Merging and splitting payloads without decoding them.
//!
//! An export request is one repeated field, so the concatenation of two encoded requests is the merged request.

use super::schema::{self, Kind, Message, Part, Role};
use super::view::Payload;
use super::wire::{self, Fields, Raw};

/// Whether two payloads may travel in one request: one signal, and no unknown fields at the top of either.
pub fn mergeable(a: &Payload, b: &Payload) -> bool {
    a.signal() == b.signal() && !a.is_opaque() && !b.is_opaque()
}

/// Splits a payload into requests of at most `max_bytes` each, in order; the headers of resources, scopes and
/// metrics are repeated whole.
///
/// A single item that exceeds the limit together with its headers makes a request of its own, which is larger. So
/// does a payload with unknown fields at its top, which is never split. Headers of more than 16 KiB are not repeated
/// for less than a quarter of their size in items, or a small request would become a huge lot of them: where the limit
/// leaves less room than that, requests are larger, too.
pub fn split(payload: &Payload, max_bytes: usize) -> Vec<Payload> {
    let buf = payload.bytes();
    if buf.len() <= max_bytes || payload.is_opaque() || payload.len() <= 1 {
        return vec![payload.clone()];
    }
    let extent = Extent { message: schema::request(payload.signal()), body: 0, end: buf.len() };
    divide(buf, extent, max_bytes)
        .into_iter()
        .map(|part| Payload::new(part.body.into(), payload.signal(), part.items, payload.watched(), false))
        .collect()
}

/// The body of a message.
#[derive(Clone, Copy)]
struct Extent {
    message: &'static Message,
    body: usize,
    end: usize,
}

/// A piece of a message: a body with all of its headers and some of its items.
struct Piece {
    body: Vec<u8>,
    items: u64,
}

/// Divides a message into bodies of at most `max` bytes where its items allow that.
fn divide(buf: &[u8], extent: Extent, max: usize) -> Vec<Piece> {
    let mut header = Vec::new();
    let mut children = Vec::new();
    for raw in Fields::new(buf, extent.body, extent.end) {
        match list_message(extent.message, &raw) {
            Some(message) => children.push((message, raw)),
            None => header.extend_from_slice(&buf[raw.start..raw.end]),
        }
    }
    let worthwhile = if header.len() > HEADER_BYTES_CHEAP { header.len() / 4 } else { 0 };
    let max = max.max(header.len() + worthwhile);
    let mut open = Open { header, max, current: None, done: Vec::new() };
    for (message, raw) in children {
        let whole = &buf[raw.start..raw.end];
        let child = Extent { message, body: raw.body, end: raw.end };
        if message.part == Part::Item || open.header.len() + whole.len() <= max {
            open.push(whole, count(buf, child));
            continue;
        }
        // the head of the child may shrink with its length, never grow
        let room = max.saturating_sub(open.header.len() + (raw.body - raw.start));
        for piece in divide(buf, child, room) {
            let mut whole = Vec::with_capacity(piece.body.len() + raw.body - raw.start);
            wire::put_len(&mut whole, raw.number, &piece.body);
            open.push(&whole, piece.items);
        }
    }
    open.finish()
}

/// Packs children into pieces, first come first served.
struct Open {
    header: Vec<u8>,
    max: usize,
    current: Option<Piece>,
    done: Vec<Piece>,
}

impl Open {
    fn push(&mut self, child: &[u8], items: u64) {
        let full = self.current.as_ref().is_some_and(|piece| piece.body.len() + child.len() > self.max);
        if full {
            self.done.extend(self.current.take());
        }
        let header = &self.header;
        let piece = self.current.get_or_insert_with(|| Piece { body: header.clone(), items: 0 });
        piece.body.extend_from_slice(child);
        piece.items += items;
    }

    fn finish(mut self) -> Vec<Piece> {
        if self.done.is_empty() && self.current.is_none() {
            // a message without children keeps its headers
            return vec![Piece { body: self.header, items: 0 }];
        }
        self.done.extend(self.current);
        self.done
    }
}

fn list_message(message: &Message, raw: &Raw) -> Option<&'static Message> {
    match message.field(raw.number).map(|field| (field.role, field.kind)) {
        Some((Role::List, Kind::Message(child))) => Some(child),
        _ => None,
    }
}

fn count(buf: &[u8], extent: Extent) -> u64 {
    if extent.message.part == Part::Item {
        return 1;
    }
    Fields::new(buf, extent.body, extent.end)
        .filter_map(|raw| {
            list_message(extent.message, &raw)
                .map(|message| count(buf, Extent { message, body: raw.body, end: raw.end }))
        })
        .sum()
}

/// Headers that are not larger are repeated as often as the limit wants.
const HEADER_BYTES_CHEAP: usize = 16 << 10;
