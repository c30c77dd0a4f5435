//! Requests out of a file, one after the other, in whichever of its forms they are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Failure;
use crate::config::quote;
use crate::otlp::compression::{Encoding, decompress};
use crate::otlp::{self, Payload, Signal, Watchlist, json};

/// A request of the file.
pub(super) struct Found {
    pub(super) payload: Payload,
    /// Items with invalid ids, which are not in the payload.
    pub(super) flawed: u64,
}

/// Where in the file, and what is there or why it is no request.
pub(super) type Next = (String, Result<Found, String>);

/// Holds one request at a time, which has at most 64 MiB.
pub(super) struct Requests {
    source: Box<dyn BufRead>,
    form: Form,
    /// Lines or requests so far.
    number: u64,
    /// The first line of a request, if the one before it has no end.
    begun: Vec<u8>,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Objects, each on a line or on several.
    Json,
    /// Each after its length: four bytes, the highest first.
    Lengths,
    /// One request of protobuf.
    Bare,
}

pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Requests {
    pub(super) fn open(path: &Path) -> Result<Requests, Failure> {
        let name = quote(&path.to_string_lossy());
        let failed = |error: io::Error| Failure::new(format!("cannot read {name}: {error}"));
        let source: Box<dyn Read> = match is_standard_input(path) {
            true => Box::new(io::stdin()),
            false => Box::new(File::open(path).map_err(failed)?),
        };
        Requests::of(source).map_err(failed)
    }

    pub(super) fn of(source: impl Read + 'static) -> io::Result<Requests> {
        // the beginning is looked at, and then read as if it had not been
        let mut beginning = Vec::new();
        let mut source = source;
        source.by_ref().take(BEGINNING_BYTES).read_to_end(&mut beginning)?;
        let form = form(&beginning).map_err(io::Error::other)?;
        if beginning.starts_with(BYTE_ORDER_MARK) {
            beginning.drain(..BYTE_ORDER_MARK.len());
        }
        let source = Box::new(BufReader::new(io::Cursor::new(beginning).chain(source)));
        Ok(Requests { source, form, number: 0, begun: Vec::new(), is_over: false })
    }

    /// None at the end of the file.
    pub(super) fn next(&mut self) -> Option<Next> {
        if self.is_over {
            return None;
        }
        match self.form {
            Form::Json => self.next_json(),
            Form::Lengths => self.next_after_length(),
            Form::Bare => {
                self.is_over = true;
                Some(("the request".to_owned(), self.rest().and_then(record)))
            }
        }
    }

    /// Objects end where their brackets are closed. One that does not, as a crash leaves it, ends where the next begins.
    fn next_json(&mut self) -> Option<Next> {
        let mut text = std::mem::take(&mut self.begun);
        let mut brackets = Brackets::default();
        brackets.read(&text);
        let first = self.number.max(1);
        let mut place = format!("line {first}");
        while text.is_empty() || !brackets.is_closed() {
            let room = (REQUEST_BYTES_MAX + 1).saturating_sub(text.len()) as u64;
            let mut line = Vec::new();
            let read = self.source.by_ref().take(room).read_until(b'\n', &mut line);
            match read {
                Err(error) => return self.end(place, format!("cannot be read: {error}")),
                Ok(0) if text.len() > REQUEST_BYTES_MAX => return self.end(place, too_large()),
                Ok(0) if text.is_empty() => return None,
                // what is missing is said by whoever reads it
                Ok(0) => break,
                Ok(_) => self.number += 1,
            }
            if text.is_empty() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                place = format!("line {}", self.number);
            } else if line.starts_with(BEGINS) {
                self.begun = line;
                return Some((place, Err("has no end: it was cut off".to_owned())));
            }
            brackets.read(&line);
            text.append(&mut line);
        }
        Some((place, from_json(&text)))
    }

    fn next_after_length(&mut self) -> Option<Next> {
        self.number += 1;
        let place = format!("request {}", self.number);
        let mut length = [0; 4];
        match self.source.fill_buf() {
            Ok([]) => return None,
            Ok(_) => {}
            Err(error) => return self.end(place, format!("cannot be read: {error}")),
        }
        if let Err(error) = self.source.read_exact(&mut length) {
            return self.end(place, format!("cannot be read: {error}"));
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > REQUEST_BYTES_MAX {
            return self.end(place, too_large());
        }
        let mut bytes = Vec::new();
        match self.source.by_ref().take(length as u64).read_to_end(&mut bytes) {
            Ok(read) if read == length => Some((place, record(bytes))),
            Ok(read) => self.end(place, format!("has no end: {read} of {length} bytes are there")),
            Err(error) => self.end(place, format!("cannot be read: {error}")),
        }
    }

    /// What is after it cannot be told apart.
    fn end(&mut self, place: String, why: String) -> Option<Next> {
        self.is_over = true;
        Some((place, Err(why)))
    }

    fn rest(&mut self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(REQUEST_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| format!("cannot be read: {error}"))?;
        if bytes.len() > REQUEST_BYTES_MAX { Err(too_large()) } else { Ok(bytes) }
    }
}

fn form(beginning: &[u8]) -> Result<Form, &'static str> {
    let text = beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning).trim_ascii_start();
    let inside = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    match (beginning, inside) {
        ([], _) => Err("it is empty"),
        ([b'{', ..], _) | (_, Some([b'"' | b'}', ..])) => Ok(Form::Json),
        // the tag of the field that all requests consist of
        ([0x0a, ..], _) => Ok(Form::Bare),
        ([0x1f, 0x8b, ..], _) => Err("it is compressed; `gunzip` it first"),
        ([0x28, 0xb5, 0x2f, 0xfd, ..], _) => Err("it is compressed; `unzstd` it first"),
        // of a length that is possible
        ([0..=4, _, _, _, ..], _) => Ok(Form::Lengths),
        _ => Err("it is neither OTLP/JSON nor OTLP in protobuf"),
    }
}

/// What stands after a length: protobuf or JSON, each of them perhaps compressed.
fn record(bytes: Vec<u8>) -> Result<Found, String> {
    let bytes = match bytes.starts_with(ZSTD) {
        true => decompress(Encoding::Zstd, &bytes, REQUEST_BYTES_MAX, |_| Ok::<(), ()>(()))
            .map_err(|error| format!("is {error}"))?,
        false => bytes,
    };
    match form(&bytes) {
        Ok(Form::Json) => from_json(&bytes),
        _ => from_protobuf(bytes.into()),
    }
}

fn from_json(text: &[u8]) -> Result<Found, String> {
    /// Null is as good as not there.
    #[derive(Deserialize)]
    struct Top {
        #[serde(rename = "resourceSpans")]
        traces: Option<IgnoredAny>,
        #[serde(rename = "resourceMetrics")]
        metrics: Option<IgnoredAny>,
        #[serde(rename = "resourceLogs")]
        logs: Option<IgnoredAny>,
    }
    let signal = match serde_json::from_slice(text) {
        Ok(Top { traces: Some(_), .. }) => Signal::Traces,
        Ok(Top { metrics: Some(_), .. }) => Signal::Metrics,
        Ok(Top { logs: Some(_), .. }) => Signal::Logs,
        Ok(_) => {
            return Err(
                "is no OTLP: it has neither resourceSpans nor resourceMetrics nor resourceLogs".into()
            );
        }
        // what is wrong is said better by the reader of OTLP
        Err(_) => Signal::Traces,
    };
    let bytes =
        json::read(signal, text, REQUEST_BYTES_MAX, |_| Ok::<(), ()>(())).map_err(|why| match why {
            json::ReadError::Refused(()) => "needs more memory than there is".to_owned(),
            // on which line the request is says whoever has found it
            json::ReadError::Malformed(why) if why.line == 1 => why.to_string().replacen("line 1, ", "", 1),
            why => why.to_string(),
        })?;
    checked(signal, bytes.into())
}

/// Requests of all signals begin alike; what is in them can be read as that of one signal only.
fn from_protobuf(bytes: Bytes) -> Result<Found, String> {
    let tried = Signal::ALL.map(|signal| checked(signal, bytes.clone()));
    let is_good = |tried: &&Result<Found, String>| {
        tried.as_ref().is_ok_and(|found| found.flawed == 0 && !found.payload.is_empty())
    };
    let best = tried.iter().position(|tried| is_good(&tried));
    let best = best.or_else(|| tried.iter().position(|tried| tried.is_ok())).unwrap_or(0);
    tried.into_iter().nth(best).unwrap_or_else(|| Err("is empty".to_owned()))
}

fn checked(signal: Signal, bytes: Bytes) -> Result<Found, String> {
    let checked = otlp::check(signal, bytes, &Watchlist::default());
    let otlp::Checked { payload, flawed } = checked.map_err(|why| format!("is no OTLP: {why}"))?;
    Ok(Found { payload, flawed })
}

/// How many brackets are open at the end of a piece of JSON.
#[derive(Default)]
struct Brackets {
    open: usize,
    in_text: bool,
    is_escaped: bool,
}

impl Brackets {
    fn read(&mut self, text: &[u8]) {
        for byte in text {
            match (self.in_text, byte) {
                (true, _) if self.is_escaped => self.is_escaped = false,
                (true, b'\\') => self.is_escaped = true,
                (_, b'"') => self.in_text = !self.in_text,
                (false, b'{' | b'[') => self.open += 1,
                (false, b'}' | b']') => self.open = self.open.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.open == 0
    }
}

fn too_large() -> String {
    format!("is larger than {}, or no request", bytesize::ByteSize(REQUEST_BYTES_MAX as u64))
}

const REQUEST_BYTES_MAX: usize = 64 << 20;
const BEGINNING_BYTES: u64 = 256;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How the file exporters begin a line.
const BEGINS: &[u8] = b"{\"resource";
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
