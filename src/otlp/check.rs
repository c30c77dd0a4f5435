//! The door: proves once that bytes are an OTLP export request, counts what is in them, notes what is watched.

use bytes::Bytes;

use super::schema::{self, Field, Kind, Label, Message, Part, Role};
use super::watch::{Watched, Watchlist};
use super::wire::{self, DEPTH_MAX, Fault, Raw, Wire};
use super::{Payload, Signal};

/// What [`check`] found in a well formed request.
#[derive(Debug)]
pub struct Checked {
    /// All items with valid identifiers.
    pub payload: Payload,
    /// How many items were cut out because an identifier was invalid: the `rejected_*` of a partial success.
    pub flawed: u64,
}

/// Why bytes are not an OTLP request. Names the place, never the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {what} in {place}")]
pub struct Malformed {
    /// Offset into the request.
    pub at: usize,
    /// The message and, if known, the field: `Span.name`.
    pub place: String,
    what: &'static str,
}

/// Proves that `bytes` are a well formed export request of `signal`.
///
/// Accepts what prost accepts: known fields have their wire type, strings are UTF-8, messages and groups nest at
/// most 100 levels deep, unknown fields are skipped and stay. Two things are put right here, so that no view and
/// no edit has to know about them:
///
/// - a singular message that came in several pieces is joined (protobuf encoding, "Last One Wins"), a member of a
///   oneof that a later member replaces is dropped, and so is an identifier that comes again;
/// - spans, log records and data points with an identifier of a wrong length, and spans without one, are cut out
///   and counted as `flawed` (the OpenTelemetry Collector refuses the whole request for them).
///
/// Bytes of a request that needs neither are shared, not copied. Nothing is allocated per item. What is larger than
/// 2 GiB is refused: protobuf's encoding knows no larger message.
pub fn check(signal: Signal, bytes: Bytes, watchlist: &Watchlist) -> Result<Checked, Malformed> {
    if bytes.len() > i32::MAX as usize {
        let place = schema::request(signal).name.to_owned();
        return Err(Malformed { at: i32::MAX as usize, place, what: "more than 2 GiB" });
    }
    let mut walk = Walk::new(&bytes, watchlist);
    walk.request(signal)?;
    let mut found = walk.found;
    let mut bytes = bytes;
    if found.pieces {
        bytes = join_request(&bytes, signal);
        let mut walk = Walk::new(&bytes, watchlist);
        walk.request(signal)?;
        found = walk.found;
    }
    let Found { items, hits, flawed, opaque, .. } = found;
    let around = found.around || found.watched;
    let watched = if around || !hits.is_empty() { Watched::Yes } else { Watched::No };
    if flawed > 0 {
        let payload = Payload::new(cut_request(&bytes, signal), signal, items - flawed, watched, opaque);
        return Ok(Checked { payload, flawed });
    }
    let hits = (watched == Watched::Yes && !around).then(|| hits.into());
    Ok(Checked { payload: Payload::new(bytes, signal, items, watched, opaque).with_hits(hits), flawed })
}

/// What one walk learns.
#[derive(Default)]
struct Found {
    items: u64,
    /// Watched words occur, in this item or, between items, in what is around them.
    watched: bool,
    /// They occur outside of items.
    around: bool,
    /// The items in which they occur, counted from 0.
    hits: Vec<u32>,
    /// Some singular message or oneof came in pieces, or an identifier more than once.
    pieces: bool,
    /// There are unknown fields beside the list of groups.
    opaque: bool,
    /// How many items have invalid identifiers.
    flawed: u64,
}

struct Walk<'a> {
    buf: &'a [u8],
    watchlist: &'a Watchlist,
    found: Found,
}

impl<'a> Walk<'a> {
    fn new(buf: &'a [u8], watchlist: &'a Watchlist) -> Self {
        Walk { buf, watchlist, found: Found::default() }
    }

    fn request(&mut self, signal: Signal) -> Result<(), Malformed> {
        self.message(schema::request(signal), 0, self.buf.len(), DEPTH_MAX).map(|_| ())
    }

    /// Walks the fields of one message; tells whether all identifiers in it are valid.
    fn message(
        &mut self,
        message: &'static Message,
        body: usize,
        end: usize,
        depth: u32,
    ) -> Result<bool, Malformed> {
        let mut at = body;
        let mut valid = true;
        let mut bad_ids = message.required;
        let mut seen = Seen::default();
        let is_span = std::ptr::eq(message, &raw const schema::SPAN);
        if is_span && let Some((after, ids)) = usual_ids(&self.buf[body..end]) {
            (at, bad_ids) = (body + after, 0);
            seen.messages = ids;
            if let Some((name, _, tail)) = usual_scalars(&self.buf[at..end])
                && is_ascii(name)
            {
                self.found.watched |= self.watchlist.sees_span(name);
                at = end - tail.len();
            }
        }
        // 0 if there are no attributes or they would be too deep
        let attribute_tag = if depth > 1 { message.attribute_tag } else { 0 };
        while at < end {
            if self.buf[at] == attribute_tag && attribute_tag != 0 {
                at = self.plain_attributes(attribute_tag, at, end)?;
                if at == end || is_span && depth > 1 && ends_usually(&self.buf[at..end], &seen) {
                    break;
                }
            }
            let raw =
                wire::field(self.buf, at, end, depth).map_err(|fault| malformed(at, message, None, fault))?;
            at = raw.end;
            if raw.number == message.attributes && raw.wire == Wire::Len && depth > 0 {
                self.key_value(raw, depth - 1)?;
                continue;
            }
            if message.is_number(raw.number, raw.wire) {
                continue;
            }
            let Some(field) = message.field(raw.number) else {
                if depth == 0 {
                    return Err(malformed(raw.start, message, None, Fault::TooDeep));
                }
                self.found.opaque |= message.part == Part::Request;
                continue;
            };
            match field.kind {
                Kind::Message(child) => {
                    expect(raw, Wire::Len, message, field)?;
                    if depth == 0 {
                        return Err(malformed(raw.start, message, Some(field), Fault::TooDeep));
                    }
                    self.found.pieces |= seen.again(field, Shape::Message);
                    valid &= self.child(child, raw, depth - 1)?;
                }
                Kind::String => {
                    expect(raw, Wire::Len, message, field)?;
                    self.string(message, field, raw)?;
                    self.found.pieces |= seen.again(field, Shape::Scalar);
                }
                Kind::Id(id) => {
                    expect(raw, Wire::Len, message, field)?;
                    self.found.pieces |= seen.again(field, Shape::Message);
                    let bit = 1 << field.number;
                    bad_ids = if id.allows(raw.bytes(self.buf)) { bad_ids & !bit } else { bad_ids | bit };
                }
                kind => {
                    self.scalar(kind, message, field, raw)?;
                    self.found.pieces |= seen.again(field, Shape::Scalar);
                }
            }
        }
        Ok(valid && bad_ids == 0)
    }

    /// Walks a message inside another one. Invalid identifiers end at their item.
    fn child(&mut self, child: &'static Message, raw: Raw, depth: u32) -> Result<bool, Malformed> {
        match child.part {
            Part::KeyValue => self.key_value(raw, depth).map(|()| true),
            Part::Item => {
                self.found.around |= std::mem::take(&mut self.found.watched);
                self.found.flawed += u64::from(!self.message(child, raw.body, raw.end, depth)?);
                if std::mem::take(&mut self.found.watched) {
                    self.found.hits.push(u32::try_from(self.found.items).unwrap_or(u32::MAX));
                }
                self.found.items += 1;
                Ok(true)
            }
            _ => self.message(child, raw.body, raw.end, depth),
        }
    }

    /// Walks the attributes from `start` on as far as they are plain; returns where that ends. They are most of what
    /// there is to walk, and nearly all are short ASCII text, which is proved for all of them at once.
    fn plain_attributes(&mut self, tag: u8, start: usize, end: usize) -> Result<usize, Malformed> {
        let mut rest = &self.buf[start..end];
        let mut bits = 0;
        while let Some((first, after)) = rest.split_first()
            && *first == tag
            && let Some((kv, after)) = plain_body(after)
            && let Some((key, text)) = plain_key_value(kv)
        {
            bits |= match text {
                // tags and lengths are ASCII, too
                Some(_) if kv.len() < 0x80 => bits_of(kv),
                Some(text) => bits_of(key) | bits_of(text),
                None => bits_of(key),
            };
            let text = text.unwrap_or_default();
            self.found.watched = self.found.watched || self.watchlist.sees_attribute(key, Some(text));
            rest = after;
        }
        let stop = end - rest.len();
        if bits & NOT_ASCII != 0 {
            self.texts(start, stop)?;
        }
        Ok(stop)
    }

    /// Proves that the texts in plain attributes are UTF-8.
    #[cold]
    fn texts(&mut self, start: usize, end: usize) -> Result<(), Malformed> {
        for raw in wire::Fields::new(self.buf, start, end) {
            let Some((key, text)) = plain_key_value(raw.bytes(self.buf)) else { continue };
            if std::str::from_utf8(key).is_err()
                || text.is_some_and(|text| std::str::from_utf8(text).is_err())
            {
                // finds it again, and says where it is
                self.message(&schema::KEY_VALUE, raw.body, raw.end, DEPTH_MAX)?;
            }
        }
        Ok(())
    }

    fn key_value(&mut self, raw: Raw, depth: u32) -> Result<(), Malformed> {
        self.message(&schema::KEY_VALUE, raw.body, raw.end, depth).map(|_| ())
    }

    fn string(&mut self, message: &Message, field: &Field, raw: Raw) -> Result<(), Malformed> {
        let bytes = raw.bytes(self.buf);
        if !is_ascii(bytes) && std::str::from_utf8(bytes).is_err() {
            let place = format!("{}.{}", message.name, field.name);
            return Err(Malformed { at: raw.body, place, what: "text that is not UTF-8" });
        }
        if !self.found.watched {
            self.found.watched = match field.role {
                Role::SpanName => self.watchlist.sees_span(bytes),
                Role::EventName => self.watchlist.sees_event(bytes),
                Role::ScopeName => self.watchlist.sees_scope(bytes),
                Role::Key => self.watchlist.sees_attribute(bytes, None),
                _ => false,
            };
        }
        Ok(())
    }

    fn scalar(&self, kind: Kind, message: &Message, field: &Field, raw: Raw) -> Result<(), Malformed> {
        let wire = kind.wire();
        if field.label == Label::Many && wire != Wire::Len && raw.wire == Wire::Len {
            return self.packed(wire, message, field, raw);
        }
        expect(raw, wire, message, field)
    }

    /// Repeated numbers may come packed; prost reads both forms whatever the schema says.
    fn packed(&self, wire: Wire, message: &Message, field: &Field, raw: Raw) -> Result<(), Malformed> {
        let fail = |at, fault| malformed(at, message, Some(field), fault);
        let width = match wire {
            Wire::Fixed64 => 8,
            Wire::Fixed32 => 4,
            _ => {
                let mut at = raw.body;
                while at < raw.end {
                    wire::varint(self.buf, &mut at, raw.end).map_err(|fault| fail(at, fault))?;
                }
                return Ok(());
            }
        };
        if (raw.end - raw.body).is_multiple_of(width) {
            Ok(())
        } else {
            Err(fail(raw.body, Fault::Truncated))
        }
    }
}

/// Whether a field that may come once has come before in this message.
#[derive(Default)]
struct Seen {
    messages: u32,
    oneof: Option<Shape>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Scalar,
    Message,
}

impl Seen {
    /// Notes the field; tells whether pieces have to be joined because of it.
    #[inline]
    fn again(&mut self, field: &Field, shape: Shape) -> bool {
        match field.label {
            Label::Many => false,
            Label::One if shape == Shape::Scalar => false,
            Label::One => {
                let bit = 1 << field.number;
                let again = self.messages & bit != 0;
                self.messages |= bit;
                again
            }
            Label::OneOf => {
                let before = self.oneof.replace(shape);
                before.is_some_and(|before| before == Shape::Message || shape == Shape::Message)
            }
        }
    }
}

/// Where the identifiers of a span end and one bit for the number of each, if the span begins with them, as every
/// encoder writes it, and they are valid. A trace state between them sends the parent the general way.
#[inline]
pub(super) fn usual_ids(span: &[u8]) -> Option<(usize, u32)> {
    let (&[0x0a, 16, ref trace_id @ .., 0x12, 8], rest) = span.split_first_chunk::<20>()? else {
        return None;
    };
    let (span_id, rest) = rest.split_first_chunk::<8>()?;
    if *trace_id == [0; 16] || *span_id == [0; 8] {
        return None;
    }
    const OWN: u32 = 1 << 1 | 1 << 2;
    match rest {
        [0x22, 8, _, _, _, _, _, _, _, _, ..] => Some((38, OWN | 1 << 4)),
        _ => Some((28, OWN)),
    }
}

/// Name, kind and times of a span as every encoder writes them behind the ids: the name, which may be no UTF-8, name
/// and kind as they are encoded, and what follows the times.
#[inline]
pub(super) fn usual_scalars(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let &[0x2a, len @ ..0x80, ..] = rest else { return None };
    let named = 2 + usize::from(len);
    let name = rest.get(2..named)?;
    let kind = if let Some([0x30, ..0x80]) = rest.get(named..named + 2) { 2 } else { 0 };
    let (head, rest) = rest.split_at_checked(named + kind)?;
    match rest.split_first_chunk::<18>()? {
        (&[0x39, _, _, _, _, _, _, _, _, 0x41, _, _, _, _, _, _, _, _], tail) => Some((name, head, tail)),
        _ => None,
    }
}

/// Whether nothing is left of a span but its status, without a message, as every encoder writes it.
#[inline]
fn ends_usually(rest: &[u8], seen: &Seen) -> bool {
    matches!(rest, [0x7a, 0] | [0x7a, 2, 0x18, ..0x80]) && seen.messages & 1 << 15 == 0
}

/// The bits that occur in any of the bytes, in some of the bytes of the result.
#[inline(always)]
fn bits_of(bytes: &[u8]) -> u64 {
    let word = |word: &[u8; 8]| u64::from_ne_bytes(*word);
    if let Some(last) = bytes.last_chunk() {
        // the last word covers what the others leave
        return bytes.as_chunks().0.iter().fold(word(last), |all, chunk| all | word(chunk));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u64::from(u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last));
    }
    bytes.iter().fold(0, |all, byte| all | u64::from(*byte))
}

const NOT_ASCII: u64 = 0x8080_8080_8080_8080;

/// As [`slice::is_ascii`], for what is seldom longer than some words.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    if bytes.len() < 64 { bits_of(bytes) & NOT_ASCII == 0 } else { bytes.is_ascii() }
}

/// Key and, if it is text, value of an attribute that is laid out as every encoder does it: `0a kl key 12 vl value`,
/// and shorter than 16 KiB. `None` sends it the general way. Whether they are UTF-8 is for the caller to prove.
#[inline(always)]
fn plain_key_value(kv: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (&[0x0a, key_len], rest) = kv.split_first_chunk()? else { return None };
    if key_len >= 0x80 {
        return None;
    }
    let (key, rest) = rest.split_at_checked(usize::from(key_len))?;
    let (&0x12, rest) = rest.split_first()? else { return None };
    let (value, []) = plain_body(rest)? else { return None };
    let text = match value {
        [0x0a, rest @ ..] => {
            let (text, []) = plain_body(rest)? else { return None };
            Some(text)
        }
        [0x10 | 0x18, number @ ..] if is_plain_varint(number) => None,
        [0x21, _, _, _, _, _, _, _, _] => None,
        _ => return None,
    };
    Some((key, text))
}

/// Whether it is one varint of less than 64 bits.
#[inline(always)]
fn is_plain_varint(bytes: &[u8]) -> bool {
    match bytes {
        [0..0x80] => true,
        [before @ .., 0..0x80] => before.len() < 9 && before.iter().all(|byte| *byte >= 0x80),
        _ => false,
    }
}

/// What a length of one byte or two is the length of, and what follows.
#[inline(always)]
fn plain_body(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    match rest {
        [len @ ..0x80, rest @ ..] => rest.split_at_checked(usize::from(*len)),
        // of two where one would do, the general way
        [low, high @ 1..0x80, rest @ ..] => {
            rest.split_at_checked(usize::from(low & 0x7f) | usize::from(*high) << 7)
        }
        _ => None,
    }
}

#[inline]
fn expect(raw: Raw, wire: Wire, message: &Message, field: &Field) -> Result<(), Malformed> {
    if raw.wire == wire { Ok(()) } else { Err(malformed(raw.start, message, Some(field), Fault::WireType)) }
}

#[cold]
fn malformed(at: usize, message: &Message, field: Option<&Field>, fault: Fault) -> Malformed {
    let what = match fault {
        Fault::Truncated => "a length past the end",
        Fault::Varint => "a number of more than 64 bits",
        Fault::Tag => "an invalid field number",
        Fault::WireType => "a wrong wire type",
        Fault::Group => "a group that does not match",
        Fault::TooDeep => "more than 100 levels",
    };
    let place = match field {
        Some(field) => format!("{}.{}", message.name, field.name),
        None => message.name.to_owned(),
    };
    Malformed { at, place, what }
}

impl Checked {
    /// The sentence for a partial success: what was cut and what valid identifiers are.
    pub fn flaw_message(signal: Signal, flawed: u64) -> String {
        let rule = match signal {
            Signal::Traces => {
                "a span needs a trace id of 16 bytes and a span id of 8 bytes, neither all zero; \
                 parent and link ids have the same lengths or are empty"
            }
            Signal::Logs | Signal::Metrics => {
                "a trace id has 16 bytes and a span id 8 bytes, or they are empty"
            }
        };
        format!("{flawed} {} with an invalid id rejected: {rule}", signal.items())
    }
}

/// Writes the request anew without the items whose identifiers are invalid.
///
/// They are found again: a list of them would be larger than a request that is made of nothing else.
fn cut_request(buf: &[u8], signal: Signal) -> Bytes {
    let mut out = Vec::with_capacity(buf.len());
    let nothing = Watchlist::default();
    Walk::new(buf, &nothing).cut(schema::request(signal), 0, buf.len(), &mut out);
    out.into()
}

/// What became of a message from which items were cut.
#[derive(Default)]
struct Cut {
    /// Some of its list is left.
    kept: bool,
    /// Some of it is not.
    lost: bool,
}

impl Walk<'_> {
    /// Writes the body of a message without the flawed items in it. What loses its last item by that goes, too, and
    /// what loses none keeps its bytes.
    fn cut(&mut self, message: &'static Message, body: usize, end: usize, out: &mut Vec<u8>) -> Cut {
        let mut cut = Cut::default();
        for raw in wire::Fields::new(self.buf, body, end) {
            let whole = &self.buf[raw.start..raw.end];
            let Some(Field { role: Role::List, kind: Kind::Message(child), .. }) = message.field(raw.number)
            else {
                out.extend_from_slice(whole);
                continue;
            };
            if child.part == Part::Item {
                let is_valid = self.message(child, raw.body, raw.end, DEPTH_MAX) == Ok(true);
                if is_valid {
                    out.extend_from_slice(whole);
                }
                cut.kept |= is_valid;
                cut.lost |= !is_valid;
                continue;
            }
            let (start, mut inner) = (out.len(), Cut::default());
            wire::put_len_with(out, raw.number, |out| inner = self.cut(child, raw.body, raw.end, out));
            if !inner.lost {
                out.truncate(start);
                out.extend_from_slice(whole);
            } else if !inner.kept {
                out.truncate(start);
            }
            cut.kept |= inner.kept || !inner.lost;
            cut.lost |= inner.lost;
        }
        cut
    }
}

/// Writes the request anew with every singular message in one piece.
fn join_request(buf: &[u8], signal: Signal) -> Bytes {
    let mut out = Vec::with_capacity(buf.len());
    join(buf, schema::request(signal), &[(0, buf.len() as u32)], &mut out);
    out.into()
}

/// Writes the body of a message that lies in `pieces`, each from its start to its end; a request is smaller than
/// 4 GiB.
fn join(buf: &[u8], message: &'static Message, pieces: &[(u32, u32)], out: &mut Vec<u8>) {
    let fields =
        || pieces.iter().flat_map(move |&(body, end)| wire::Fields::new(buf, body as usize, end as usize));
    let mut counts = Counts::default();
    fields().for_each(|raw| counts.note(message, raw));
    let mut done = 0u32;
    for raw in fields().filter(|raw| counts.has(message, raw)) {
        let Some(Field { kind: Kind::Message(child), label, .. }) = message.field(raw.number) else {
            out.extend_from_slice(&buf[raw.start..raw.end]);
            continue;
        };
        let extent = |raw: Raw| (raw.body as u32, raw.end as u32);
        if *label == Label::Many {
            wire::put_len_with(out, raw.number, |out| join(buf, child, &[extent(raw)], out));
            continue;
        }
        let bit = 1 << raw.number;
        if done & bit == 0 {
            done |= bit;
            // those that say nothing are left out: a sender could write very many of them in little space
            let pieces: Vec<_> = fields()
                .filter(|other| other.number == raw.number && other.body < other.end)
                .filter(|other| counts.has(message, other))
                .map(extent)
                .collect();
            wire::put_len_with(out, raw.number, |out| join(buf, child, &pieces, out));
        }
    }
}

/// What counts of the fields of a message that may come once and came more often.
#[derive(Default)]
struct Counts {
    /// The last member of the oneof.
    member: u32,
    /// Where those pieces of it begin that no other member follows.
    member_since: usize,
    /// Where the last identifier of each number starts.
    ids: [usize; schema::HIGHEST_NUMBER + 1],
}

impl Counts {
    fn note(&mut self, message: &Message, raw: Raw) {
        match message.field(raw.number) {
            Some(Field { label: Label::OneOf, .. }) if self.member != raw.number => {
                (self.member, self.member_since) = (raw.number, raw.start);
            }
            Some(Field { kind: Kind::Id(_), label: Label::One, .. }) => {
                self.ids[raw.number as usize] = raw.start;
            }
            _ => {}
        }
    }

    fn has(&self, message: &Message, raw: &Raw) -> bool {
        match message.field(raw.number) {
            Some(Field { label: Label::OneOf, .. }) => self.member_since <= raw.start,
            Some(Field { kind: Kind::Id(_), label: Label::One, .. }) => {
                self.ids[raw.number as usize] == raw.start
            }
            _ => true,
        }
    }
}
