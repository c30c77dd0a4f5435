//! OTLP/JSON as the bytes of a protobuf message.

use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::number;
use crate::otlp::Signal;
use crate::otlp::schema::{self, Field, Kind, Label, Message};
use crate::otlp::wire::{self, DEPTH_MAX, Wire};

/// Why a text did not become a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    #[error(transparent)]
    Malformed(Malformed),
    #[error("larger than the limit of {limit} bytes as protobuf")]
    TooLarge { limit: usize },
    /// Whoever was asked for room had none.
    #[error("no memory for it")]
    Refused(E),
}

/// Why a text is not an OTLP/JSON request. Names the place by line, column and fields of OTLP, never what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub line: usize,
    /// In bytes, from 1: where reading stopped, which is just after what is wrong.
    pub column: usize,
    /// `resourceSpans[0].scopeSpans[1].spans[2].traceId`; empty for the text as a whole.
    pub path: String,
    what: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Malformed { line, column, path, what } = self;
        let path = if path.is_empty() { "the request" } else { path };
        write!(f, "line {line}, column {column}: {path} {what}")
    }
}

impl std::error::Error for Malformed {}

/// Reads the export request of `signal` in `text`, as the bytes of its protobuf form, for [`check`](crate::otlp::check())
/// to look at: identifiers of a wrong length are its business, not this function's.
///
/// What is taken, beyond what OTLP 1.11 and the JSON form of Protocol Buffers ask for: names of enums, as the Collector
/// takes them; a byte order mark; base64 of either alphabet, with or without padding. `null` is "not set" everywhere,
/// in a list an empty element. Of a key that comes twice protobuf's rule holds, as if fields came twice: the last
/// number or text counts, messages are joined, lists go on, and of a oneof's members the last one stays. Names that
/// the table does not know, snake_case ones among them, are passed over with whatever they hold.
///
/// The result has at most `limit` bytes. `grow` is asked before it takes more memory than before, with the whole size
/// it may come to have. Messages nest at most 100 levels deep, as for `check`.
pub fn read<E>(
    signal: Signal,
    text: &[u8],
    limit: usize,
    mut grow: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<u8>, ReadError<E>> {
    let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let text = std::str::from_utf8(&text[start..]).map_err(|error| {
        let (line, column) = position(&text[start..start + error.valid_up_to()]);
        let what = "has a byte that is not UTF-8".into();
        ReadError::Malformed(Malformed { line, column, path: String::new(), what })
    })?;
    let mut refused = None;
    let mut ask = |bytes| grow(bytes).map_err(|error| refused = Some(error)).is_ok();
    let mut reader =
        Reader { out: Vec::new(), limit, grow: &mut ask, stop: None, expected: "", trail: Vec::new() };
    let mut json = serde_json::Deserializer::from_str(text);
    // this reader has a limit of its own, and what it passes over takes no stack
    json.disable_recursion_limit();
    let request = Object { reader: &mut reader, message: schema::request(signal), depth: DEPTH_MAX };
    let Err(error) = request.deserialize(&mut json).and_then(|_| json.end()) else { return Ok(reader.out) };
    let what = match reader.stop {
        Some(Stop::TooLarge) => return Err(ReadError::TooLarge { limit }),
        Some(Stop::Refused) => {
            return Err(ReadError::Refused(refused.expect("the reader stops so when it was refused room")));
        }
        Some(Stop::Flaw(what)) => what.to_owned(),
        None if error.is_data() => format!("is not {}", reader.expected),
        None => format!("is not JSON: {}", reason(&error)),
    };
    let path = path(&reader.trail);
    Err(ReadError::Malformed(Malformed { line: error.line(), column: error.column(), path, what }))
}

/// What all parts of the reading share.
struct Reader<'g> {
    out: Vec<u8>,
    limit: usize,
    grow: &'g mut dyn FnMut(usize) -> bool,
    /// Why the reading ended early, if it was this module that ended it.
    stop: Option<Stop>,
    /// What would have been right where the reading ended.
    expected: &'static str,
    /// Where it ended, the innermost step first; gathered on the way out.
    trail: Vec<Step>,
}

enum Stop {
    Flaw(&'static str),
    TooLarge,
    Refused,
}

enum Step {
    Field(&'static str),
    /// One that the table does not know; what senders call it is not repeated.
    Unknown,
    Index(usize),
}

/// Whether there was a value or null.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Value,
    Null,
}

impl Reader<'_> {
    /// Makes sure that `more` bytes fit.
    fn room<E: de::Error>(&mut self, more: usize) -> Result<(), E> {
        let needed = self.out.len().saturating_add(more);
        if needed <= self.out.capacity() {
            return Ok(());
        }
        if needed > self.limit {
            return Err(self.stop(Stop::TooLarge));
        }
        let capacity = (self.out.capacity() * 2).max(needed).max(MIN_STEP).min(self.limit);
        if !(self.grow)(capacity) {
            return Err(self.stop(Stop::Refused));
        }
        self.out.reserve_exact(capacity - self.out.len());
        Ok(())
    }

    fn stop<E: de::Error>(&mut self, stop: Stop) -> E {
        self.stop = Some(stop);
        E::custom("stopped")
    }

    fn flaw<E: de::Error>(&mut self, what: &'static str) -> E {
        self.stop(Stop::Flaw(what))
    }

    /// Notes what would have been right, if nobody further in did.
    fn expected<T, E>(&mut self, what: &'static str, result: Result<T, E>) -> Result<T, E> {
        if result.is_err() && self.expected.is_empty() {
            self.expected = what;
        }
        result
    }

    fn step<T, E>(&mut self, step: Step, result: Result<T, E>) -> Result<T, E> {
        if result.is_err() {
            self.trail.push(step);
        }
        result
    }

    fn open<E: de::Error>(&mut self, number: u32) -> Result<usize, E> {
        self.room(HEAD_BYTES_MAX)?;
        Ok(wire::open_len(&mut self.out, number))
    }

    fn close<E: de::Error>(&mut self, body: usize) -> Result<(), E> {
        self.room(HEAD_BYTES_MAX)?;
        wire::close_len(&mut self.out, body);
        Ok(())
    }

    fn number(&mut self, kind: Kind, bits: u64) {
        match kind.wire() {
            Wire::Varint => wire::put_varint(&mut self.out, bits),
            Wire::Fixed32 => self.out.extend_from_slice(&(bits as u32).to_le_bytes()),
            _ => self.out.extend_from_slice(&bits.to_le_bytes()),
        }
    }
}

/// A message's fields.
struct Object<'r, 'g> {
    reader: &'r mut Reader<'g>,
    message: &'static Message,
    /// How many levels of messages may follow.
    depth: u32,
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_> {
    type Value = Given;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Given, D::Error> {
        let Object { reader, message, depth } = self;
        let given = json.deserialize_any(Object { reader: &mut *reader, message, depth });
        reader.expected("an object", given)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Given, E> {
        Ok(Given::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
        let Object { reader, message, depth } = self;
        let mut seen = 0u32;
        while let Some(field) = map.next_key_seed(Name(message))? {
            let Some(field) = field else {
                let ignored = map.next_value::<IgnoredAny>();
                reader.step(Step::Unknown, ignored)?;
                continue;
            };
            let again = seen & 1 << field.number != 0;
            seen |= 1 << field.number;
            let place = match (field.label, again) {
                (Label::Many, _) => {
                    let list = map.next_value_seed(List { reader: &mut *reader, field, depth });
                    reader.step(Step::Field(field.name), list)?;
                    continue;
                }
                (Label::One, false) => Place::Once,
                _ => Place::Member,
            };
            let value = map.next_value_seed(One { reader: &mut *reader, field, depth, place });
            reader.step(Step::Field(field.name), value)?;
        }
        Ok(Given::Value)
    }
}

/// A key: the field of that name.
struct Name(&'static Message);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.field_named(name))
    }
}

/// The elements of a repeated field.
struct List<'r, 'g> {
    reader: &'r mut Reader<'g>,
    field: &'static Field,
    depth: u32,
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let List { reader, field, depth } = self;
        let list = json.deserialize_any(List { reader: &mut *reader, field, depth });
        reader.expected("a list", list)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let List { reader, field, depth } = self;
        let start = reader.out.len();
        let packed = field.kind.wire() != Wire::Len;
        let body = if packed { reader.open(field.number)? } else { start };
        for at in 0.. {
            let place = if packed { Place::Packed } else { Place::Element };
            let element = list.next_element_seed(One { reader: &mut *reader, field, depth, place });
            if reader.step(Step::Index(at), element)?.is_none() {
                break;
            }
        }
        if packed && reader.out.len() == body {
            reader.out.truncate(start);
        } else if packed {
            reader.close(body)?;
        }
        Ok(())
    }
}

/// One value of a field.
struct One<'r, 'g> {
    reader: &'r mut Reader<'g>,
    field: &'static Field,
    depth: u32,
    place: Place,
}

/// Where a value stands, which says what null and the default mean there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// As the first of its name, where the default need not be written.
    Once,
    /// As a member of a oneof, or where another value stood before: the default counts, null does not.
    Member,
    /// In a list, where null is the default.
    Element,
    /// In a list of numbers, which have no tags of their own.
    Packed,
}

impl<'de> DeserializeSeed<'de> for One<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.field.kind {
            Kind::Message(child) => self.message(child, json),
            Kind::String | Kind::Bytes | Kind::Id(_) => {
                let One { reader, field, depth, place } = self;
                let text = json.deserialize_any(One { reader: &mut *reader, field, depth, place });
                reader.expected("a text", text)
            }
            kind => self.scalar(kind, json),
        }
    }
}

impl One<'_, '_> {
    fn message<'de, D: Deserializer<'de>>(self, message: &'static Message, json: D) -> Result<(), D::Error> {
        let One { reader, field, depth, place } = self;
        if depth == 0 {
            return Err(reader.flaw(TOO_DEEP));
        }
        let start = reader.out.len();
        let body = reader.open(field.number)?;
        let given = Object { reader: &mut *reader, message, depth: depth - 1 }.deserialize(json)?;
        if given == Given::Null && place != Place::Element {
            reader.out.truncate(start);
            return Ok(());
        }
        reader.close(body)
    }

    fn scalar<'de, D: Deserializer<'de>>(self, kind: Kind, json: D) -> Result<(), D::Error> {
        let One { reader, field, place, .. } = self;
        let token = <&RawValue>::deserialize(json)?;
        let bits = match (number::read(kind, token.get()).map_err(|what| reader.flaw(what))?, place) {
            (Some(bits), _) => bits,
            (None, Place::Packed) => 0,
            (None, _) => return Ok(()),
        };
        // of numbers only doubles tell "0" from "not there"
        if place == Place::Once && bits == 0 && !matches!(kind, Kind::Double) {
            return Ok(());
        }
        reader.room(HEAD_BYTES_MAX)?;
        if place != Place::Packed {
            wire::put_tag(&mut reader.out, field.number, kind.wire());
        }
        reader.number(kind, bits);
        Ok(())
    }
}

/// A text, or bytes as text.
impl Visitor<'_> for One<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        if self.place == Place::Element { self.visit_str("") } else { Ok(()) }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        let One { reader, field, place, .. } = self;
        if place == Place::Once && text.is_empty() {
            return Ok(());
        }
        reader.room(text.len() + HEAD_BYTES_MAX)?;
        let body = wire::open_len(&mut reader.out, field.number);
        let put = match field.kind {
            Kind::Bytes => put_base64(&mut reader.out, text),
            Kind::Id(_) => put_hex(&mut reader.out, text),
            _ => {
                reader.out.extend_from_slice(text.as_bytes());
                Ok(())
            }
        };
        put.map_err(|what| reader.flaw(what))?;
        reader.close(body)
    }
}

fn put_hex(out: &mut Vec<u8>, text: &str) -> Result<(), &'static str> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("has an odd number of hex digits");
    }
    for &[high, low] in pairs {
        let (Some(high), Some(low)) = (digit(high), digit(low)) else {
            return Err(
                "is not hex, in which OTLP/JSON has identifiers; other protobuf JSON has them in base64",
            );
        };
        out.push(high << 4 | low);
    }
    Ok(())
}

fn put_base64(out: &mut Vec<u8>, text: &str) -> Result<(), &'static str> {
    let engine = if text.contains(['-', '_']) { &BASE64_URL } else { &BASE64 };
    engine.decode_vec(text, out).map_err(|_| "is not base64")
}

/// What the tokenizer has against the text, without the place, which is said already. Its sentences are fixed: none
/// of them repeats the text.
fn reason(error: &serde_json::Error) -> String {
    let sentence = error.to_string();
    sentence.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The trail as a path, its middle left out if it is very long.
fn path(trail: &[Step]) -> String {
    use std::fmt::Write;
    let mut path = String::new();
    for (at, step) in trail.iter().rev().enumerate() {
        let from_end = trail.len() - at;
        if at >= STEPS_MAX && from_end > STEPS_LAST {
            if at == STEPS_MAX {
                path.push_str(" … ");
            }
            continue;
        }
        let dot = if path.is_empty() { "" } else { "." };
        let written = match step {
            Step::Field(name) => write!(path, "{dot}{name}"),
            Step::Unknown => write!(path, "{dot}(a name that OTLP does not have)"),
            Step::Index(index) => write!(path, "[{index}]"),
        };
        written.expect("writing to a String does not fail");
    }
    path
}

/// Line and column after `before`, as the tokenizer counts them.
fn position(before: &[u8]) -> (usize, usize) {
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count();
    (line, column + 1)
}

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const TOO_DEEP: &str = "is more than 100 levels of messages deep";
/// A tag and a length, or a tag and a number.
const HEAD_BYTES_MAX: usize = 16;
const MIN_STEP: usize = 1024;
/// How much of a path is shown.
const STEPS_MAX: usize = 20;
const STEPS_LAST: usize = 4;
