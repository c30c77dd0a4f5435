//! A payload as OTLP/JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::otlp::schema::{self, Field, Kind, Label, Message};
use crate::otlp::view::{number_of, text};
use crate::otlp::wire::{self, Fields, Raw, Wire};
use crate::otlp::{Payload, Signal};

/// One JSON document, on one line and without a line break at its end, that holds all `payloads`, which have to be of
/// `signal`: the same request as their bytes one after the other.
///
/// As OTLP asks for: identifiers in hex, enums as integers, 64-bit integers as strings, bytes in base64, lowerCamelCase
/// names; doubles that are no numbers are `"NaN"`, `"Infinity"`, `"-Infinity"`. Fields that the table does not know are
/// left out, for JSON has no place for them. `key` and `values` are always there, since known readers ask for them.
pub fn write<'a>(signal: Signal, payloads: impl IntoIterator<Item = &'a Payload>) -> Vec<u8> {
    let request = schema::request(signal);
    let groups = &request.fields[0];
    let mut writer = Writer::default();
    writer.out.push(b'{');
    writer.name(groups.name);
    writer.out.push(b'[');
    for payload in payloads {
        debug_assert!(payload.signal() == signal);
        let buf = &payload.bytes()[..];
        for raw in Fields::new(buf, 0, buf.len()).filter(|raw| raw.number == groups.number) {
            writer.comma();
            writer.value(buf, groups, raw);
        }
    }
    writer.out.extend_from_slice(b"]}");
    writer.out
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An object of the fields between `body` and `end`.
    fn message(&mut self, buf: &[u8], message: &'static Message, body: usize, end: usize) {
        self.out.push(b'{');
        let places = Places::find(buf, message, body, end);
        for field in message.fields {
            let Some(place) = places.get(field) else {
                if needed(message, field) {
                    self.comma();
                    self.name(field.name);
                    self.out.extend_from_slice(if field.label == Label::Many { b"[]" } else { b"\"\"" });
                }
                continue;
            };
            self.comma();
            self.name(field.name);
            if field.label == Label::Many {
                self.list(buf, field, place);
            } else {
                self.value(buf, field, place.last);
            }
        }
        self.out.push(b'}');
    }

    fn list(&mut self, buf: &[u8], field: &Field, place: Place) {
        self.out.push(b'[');
        for raw in Fields::new(buf, place.first, place.last.end).filter(|raw| raw.number == field.number) {
            let wire = field.kind.wire();
            if wire == Wire::Len || raw.wire == wire {
                self.comma();
                self.value(buf, field, raw);
            } else {
                self.packed(buf, field, wire, raw);
            }
        }
        self.out.push(b']');
    }

    /// Several numbers in one field.
    fn packed(&mut self, buf: &[u8], field: &Field, wire: Wire, raw: Raw) {
        let mut at = raw.body;
        while at < raw.end {
            let body = at;
            at = match wire {
                Wire::Fixed64 => at + 8,
                Wire::Fixed32 => at + 4,
                _ => match wire::varint(buf, &mut at, raw.end) {
                    Ok(_) => at,
                    Err(_) => return,
                },
            };
            self.comma();
            self.number(field.kind, number_of(buf, Raw { wire, body, end: at, ..raw }));
        }
    }

    fn value(&mut self, buf: &[u8], field: &Field, raw: Raw) {
        match field.kind {
            Kind::Message(child) => self.message(buf, child, raw.body, raw.end),
            Kind::String => self.string(text(raw.bytes(buf))),
            Kind::Bytes => {
                self.out.push(b'"');
                let encoded = STANDARD.encode(raw.bytes(buf));
                self.out.extend_from_slice(encoded.as_bytes());
                self.out.push(b'"');
            }
            Kind::Id(_) => {
                self.out.push(b'"');
                for byte in raw.bytes(buf) {
                    self.out.extend([byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]));
                }
                self.out.push(b'"');
            }
            kind => self.number(kind, number_of(buf, raw)),
        }
    }

    /// `bits` is the varint or the fixed field as it came.
    fn number(&mut self, kind: Kind, bits: u64) {
        use std::io::Write;
        let low = bits as u32;
        let out = &mut self.out;
        let written = match kind {
            Kind::Bool => write!(out, "{}", bits != 0),
            Kind::Int32 | Kind::Enum(_) => write!(out, "{}", low as i32),
            Kind::Uint32 | Kind::Fixed32 => write!(out, "{low}"),
            Kind::Sint32 => write!(out, "{}", (low >> 1) as i32 ^ -((low & 1) as i32)),
            Kind::Int64 | Kind::Sfixed64 => write!(out, "\"{}\"", bits as i64),
            Kind::Uint64 | Kind::Fixed64 => write!(out, "\"{bits}\""),
            Kind::Double => return self.double(f64::from_bits(bits)),
            Kind::String | Kind::Bytes | Kind::Id(_) | Kind::Message(_) => return,
        };
        written.expect(TO_MEMORY);
    }

    fn double(&mut self, double: f64) {
        let word: &[u8] = match double {
            _ if double.is_finite() => {
                return serde_json::to_writer(&mut self.out, &double).expect(TO_MEMORY);
            }
            _ if double.is_nan() => b"\"NaN\"",
            f64::INFINITY => b"\"Infinity\"",
            _ => b"\"-Infinity\"",
        };
        self.out.extend_from_slice(word);
    }

    fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut self.out, text).expect(TO_MEMORY);
    }

    /// A name of the table, in which nothing has to be escaped.
    fn name(&mut self, name: &str) {
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Before a member or element: a comma unless it is the first.
    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }
}

/// Where the fields of one message lie, by their numbers; so that fields of one number that lie apart, which is legal,
/// still make one list.
struct Places {
    places: [Option<Place>; schema::HIGHEST_NUMBER + 1],
    /// The last member of the message's oneof; the others count for nothing.
    member: u32,
}

#[derive(Clone, Copy)]
struct Place {
    /// The offset of the first one.
    first: usize,
    last: Raw,
}

impl Places {
    fn find(buf: &[u8], message: &'static Message, body: usize, end: usize) -> Places {
        let mut found = Places { places: [None; _], member: 0 };
        for raw in Fields::new(buf, body, end) {
            let Some(place) = found.places.get_mut(raw.number as usize) else { continue };
            match place {
                Some(place) => place.last = raw,
                None => *place = Some(Place { first: raw.start, last: raw }),
            }
            if message.field(raw.number).is_some_and(|field| field.label == Label::OneOf) {
                found.member = raw.number;
            }
        }
        found
    }

    fn get(&self, field: &Field) -> Option<Place> {
        let counts = field.label != Label::OneOf || field.number == self.member;
        self.places[field.number as usize].filter(|_| counts)
    }
}

/// Fields that stand there even when they are empty: by the rules of JSON they could be left out, but
/// `opentelemetry-proto` 0.33 refuses whole requests for it.
fn needed(message: &'static Message, field: &Field) -> bool {
    let of = |other: &'static Message| std::ptr::eq(message, other);
    (of(&schema::KEY_VALUE) && field.name == "key") || of(&schema::ARRAY_VALUE) || of(&schema::KEY_VALUE_LIST)
}

const HEX: &[u8; 16] = b"0123456789abcdef";
const TO_MEMORY: &str = "writing to a Vec does not fail";
