//! Tags, varints and lengths of the protobuf wire format, over plain byte slices.
//!
//! Accepts exactly what prost accepts (a property test holds that); the encoding documentation of Protocol
//! Buffers is the source of the rules.

/// How a field's bytes are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Varint,
    Fixed64,
    Len,
    Group,
    Fixed32,
}

/// Why bytes are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Truncated,
    Varint,
    Tag,
    WireType,
    Group,
    TooDeep,
}

/// One field as it lies in the buffer: `start..end` is all of it, `body..end` what follows tag and length.
/// The body of a group does not matter to anyone and is empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw {
    pub number: u32,
    pub wire: Wire,
    pub start: usize,
    pub body: usize,
    pub end: usize,
}

impl Raw {
    #[inline]
    pub fn bytes<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        &buf[self.body..self.end]
    }
}

/// How deep messages and groups may nest, as in prost.
pub(super) const DEPTH_MAX: u32 = 100;

/// Reads the varint at `*at`, below `end`.
#[inline]
pub(super) fn varint(buf: &[u8], at: &mut usize, end: usize) -> Result<u64, Fault> {
    match buf.get(*at) {
        Some(&byte) if byte < 0x80 && *at < end => {
            *at += 1;
            Ok(u64::from(byte))
        }
        _ => long_varint(buf, at, end),
    }
}

fn long_varint(buf: &[u8], at: &mut usize, end: usize) -> Result<u64, Fault> {
    let mut value = 0u64;
    for (i, &byte) in buf[..end].iter().skip(*at).take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (i * 7);
        if byte < 0x80 {
            if i == 9 && byte > 1 {
                return Err(Fault::Varint);
            }
            *at += i + 1;
            return Ok(value);
        }
    }
    Err(if end - *at < 10 { Fault::Truncated } else { Fault::Varint })
}

/// Reads the field at `at` of the message that ends at `end`. `depth` is how many levels of groups may follow.
///
/// Nearly every field of a request has a tag of one byte and a length or value of one byte; those are read here,
/// the others out of line.
#[inline(always)]
pub(super) fn field(buf: &[u8], at: usize, end: usize, depth: u32) -> Result<Raw, Fault> {
    let raw = |tag: u8, wire, body, end| Ok(Raw { number: u32::from(tag >> 3), wire, start: at, body, end });
    if let Some(&[tag @ 8..0x80, ref rest @ ..]) = buf.get(at..end) {
        match (tag & 7, rest) {
            (WIRE_LEN, &[len @ ..0x80, ref body @ ..]) if usize::from(len) <= body.len() => {
                return raw(tag, Wire::Len, at + 2, at + 2 + usize::from(len));
            }
            // lengths of two bytes: spans and what holds them
            (WIRE_LEN, &[low @ 0x80..=0xff, high @ 1..0x80, ref body @ ..]) => {
                let len = usize::from(low & 0x7f) | usize::from(high) << 7;
                return if len > body.len() {
                    Err(Fault::Truncated)
                } else {
                    raw(tag, Wire::Len, at + 3, at + 3 + len)
                };
            }
            (WIRE_FIXED64, rest) if rest.len() >= 8 => return raw(tag, Wire::Fixed64, at + 1, at + 9),
            (WIRE_VARINT, &[0..0x80, ..]) => return raw(tag, Wire::Varint, at + 1, at + 2),
            _ => {}
        }
    }
    any_field(buf, at, end, depth)
}

#[inline(never)]
fn any_field(buf: &[u8], at: usize, end: usize, depth: u32) -> Result<Raw, Fault> {
    let (number, wire, mut body) = tag(buf, at, end)?;
    let raw = |wire, body, end| Raw { number, wire, start: at, body, end };
    match wire {
        WIRE_VARINT => {
            let start = body;
            varint(buf, &mut body, end)?;
            Ok(raw(Wire::Varint, start, body))
        }
        WIRE_LEN => {
            let len = varint(buf, &mut body, end)?;
            if len > (end - body) as u64 {
                return Err(Fault::Truncated);
            }
            Ok(raw(Wire::Len, body, body + len as usize))
        }
        WIRE_FIXED64 if end - body >= 8 => Ok(raw(Wire::Fixed64, body, body + 8)),
        WIRE_FIXED32 if end - body >= 4 => Ok(raw(Wire::Fixed32, body, body + 4)),
        WIRE_FIXED64 | WIRE_FIXED32 => Err(Fault::Truncated),
        WIRE_START_GROUP => {
            let after = skip_group(buf, body, end, number, depth)?;
            Ok(raw(Wire::Group, after, after))
        }
        _ => Err(Fault::Group),
    }
}

#[inline]
fn tag(buf: &[u8], at: usize, end: usize) -> Result<(u32, u8, usize), Fault> {
    let mut body = at;
    let key = varint(buf, &mut body, end)?;
    if key > u64::from(u32::MAX) {
        return Err(Fault::Tag);
    }
    let wire = (key & 7) as u8;
    if wire > WIRE_FIXED32 {
        return Err(Fault::WireType);
    }
    let number = (key >> 3) as u32;
    if number == 0 {
        return Err(Fault::Tag);
    }
    Ok((number, wire, body))
}

/// Returns where the group `number` that started before `at` ends.
fn skip_group(buf: &[u8], mut at: usize, end: usize, number: u32, depth: u32) -> Result<usize, Fault> {
    if depth == 0 {
        return Err(Fault::TooDeep);
    }
    loop {
        let (inner, wire, body) = tag(buf, at, end)?;
        if wire == WIRE_END_GROUP {
            return if inner == number { Ok(body) } else { Err(Fault::Group) };
        }
        // prost allows no field at all, not even a scalar, below the deepest group
        if depth == 1 {
            return Err(Fault::TooDeep);
        }
        at = field(buf, at, end, depth - 1)?.end;
    }
}

/// The fields of a message body that [`super::check()`] has proved well formed.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    buf: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Fields<'a> {
    pub fn new(buf: &'a [u8], body: usize, end: usize) -> Self {
        Fields { buf, at: body, end }
    }
}

impl Iterator for Fields<'_> {
    type Item = Raw;

    #[inline]
    fn next(&mut self) -> Option<Raw> {
        self.step()
    }
}

impl Fields<'_> {
    /// As `next`, for loops that are run for every field of every request.
    #[inline(always)]
    pub fn step(&mut self) -> Option<Raw> {
        if self.at >= self.end {
            return None;
        }
        #[cfg(test)]
        super::work::step();
        match field(self.buf, self.at, self.end, DEPTH_MAX) {
            Ok(raw) => {
                self.at = raw.end;
                Some(raw)
            }
            Err(fault) => {
                debug_assert!(false, "check() let malformed bytes in: {fault:?}");
                self.at = self.end;
                None
            }
        }
    }
}

/// Appends `value` as a varint.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes `value` takes as a varint.
#[inline]
pub(super) fn varint_len(value: u64) -> usize {
    ((64 - (value | 1).leading_zeros() as usize) * 9 + 64) / 64
}

/// Appends the tag of a field; for a group the one it starts with.
#[inline]
pub(super) fn put_tag(out: &mut Vec<u8>, number: u32, wire: Wire) {
    let wire = match wire {
        Wire::Varint => WIRE_VARINT,
        Wire::Fixed64 => WIRE_FIXED64,
        Wire::Len => WIRE_LEN,
        Wire::Group => WIRE_START_GROUP,
        Wire::Fixed32 => WIRE_FIXED32,
    };
    put_varint(out, u64::from(number) << 3 | u64::from(wire));
}

/// Appends tag and length of a length-delimited field.
#[inline]
pub(super) fn put_head(out: &mut Vec<u8>, number: u32, len: usize) {
    put_varint(out, u64::from(number) << 3 | u64::from(WIRE_LEN));
    put_varint(out, len as u64);
}

/// How many bytes [`put_head`] writes.
#[inline]
pub(super) fn head_len(number: u32, len: usize) -> usize {
    varint_len(u64::from(number) << 3) + varint_len(len as u64)
}

/// Appends a whole length-delimited field.
#[inline]
pub(super) fn put_len(out: &mut Vec<u8>, number: u32, body: &[u8]) {
    put_head(out, number, body.len());
    out.extend_from_slice(body);
}

/// Appends a length-delimited field whose body `put` appends; returns where the body lies.
#[inline]
pub(super) fn put_len_with(
    out: &mut Vec<u8>,
    number: u32,
    put: impl FnOnce(&mut Vec<u8>),
) -> std::ops::Range<usize> {
    let body = open_len(out, number);
    put(out);
    close_len(out, body)
}

/// Appends the head of a length-delimited field whose body is appended next, up to [`close_len`]; returns where the
/// body starts.
#[inline]
pub(super) fn open_len(out: &mut Vec<u8>, number: u32) -> usize {
    put_varint(out, u64::from(number) << 3 | u64::from(WIRE_LEN));
    out.push(0);
    out.len()
}

/// Ends the field that [`open_len`] began; returns where its body lies now.
#[inline]
pub(super) fn close_len(out: &mut Vec<u8>, body: usize) -> std::ops::Range<usize> {
    let len = out.len() - body;
    if let short @ 0..0x80 = len {
        out[body - 1] = short as u8;
        return body..out.len();
    }
    // the length needs more room than was left for it
    let more = varint_len(len as u64) - 1;
    out.resize(out.len() + more, 0);
    out.copy_within(body..body + len, body + more);
    let mut rest = len;
    for byte in &mut out[body - 1..body + more] {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    out[body + more - 1] &= 0x7f;
    body + more..out.len()
}

const WIRE_VARINT: u8 = 0;
const WIRE_FIXED64: u8 = 1;
const WIRE_LEN: u8 = 2;
const WIRE_START_GROUP: u8 = 3;
const WIRE_END_GROUP: u8 = 4;
const WIRE_FIXED32: u8 = 5;
