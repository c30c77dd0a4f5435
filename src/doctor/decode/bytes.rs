//! Numbers and hex dumps in error texts that are really the beginning of an answer in another protocol.
//!
//! An HTTP/2 frame begins with its length in three bytes, a gRPC message with its length in four. A client that gets
//! something else takes its first bytes for such a length, finds it far too large, and reports the number.

use std::sync::LazyLock;

use regex::Regex;

use super::Meaning;

/// What the numbers and dumps of `text` are the beginning of. At most [`MEANINGS_MAX`], none of them twice.
pub(super) fn decode(text: &str) -> Vec<Meaning> {
    let mut meanings: Vec<Meaning> = Vec::new();
    for Found { written, bytes } in found(text) {
        let Some(origin) = origin(&bytes) else { continue };
        let is_told = meanings.iter().any(|meaning| meaning.title == origin.title);
        if !is_told && meanings.len() < MEANINGS_MAX {
            meanings.push(origin.meaning(&written, &bytes));
        }
    }
    meanings
}

struct Found {
    /// As it stands in the text.
    written: String,
    bytes: Vec<u8>,
}

fn found(text: &str) -> Vec<Found> {
    let dumps = DUMP.captures_iter(text).filter_map(|dump| {
        let written = dump.get(1)?.as_str();
        let bytes: Option<Vec<u8>> = (0..written.len() / 2)
            .map(|at| u8::from_str_radix(&written[2 * at..2 * at + 2], 16).ok())
            .collect();
        Some(Found { written: written.to_owned(), bytes: bytes? })
    });
    let of_frames = FRAME.is_match(text) || text.bytes().all(|letter| letter.is_ascii_digit());
    let of_messages = MESSAGE.is_match(text);
    let numbers = NUMBER.find_iter(text).filter_map(|number| {
        let bytes = match number.as_str().parse::<u32>().ok()?.to_be_bytes() {
            [0, frame @ ..] if of_frames => frame.to_vec(),
            // a message of less than 16 MiB, which may well be one
            [0, ..] => return None,
            message if of_frames || of_messages => message.to_vec(),
            _ => return None,
        };
        Some(Found { written: number.as_str().to_owned(), bytes })
    });
    dumps.chain(numbers).take(NUMBERS_MAX).collect()
}

/// What begins with certain bytes.
struct Origin {
    /// `they begin …`.
    what: &'static str,
    title: &'static str,
    why: &'static str,
    fix: &'static str,
    see: &'static [&'static str],
}

impl Origin {
    fn meaning(&self, written: &str, bytes: &[u8]) -> Meaning {
        let Origin { what, title, why, fix, see } = *self;
        let hex: String = bytes.iter().take(SHOWN_MAX).map(|byte| format!("{byte:02x}")).collect();
        let is_text = bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        let letters = match is_text {
            true => format!(", which is {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_MAX)])),
            false => String::new(),
        };
        let means =
            format!("{written} is no length: its bytes are 0x{hex}{letters}, and {what} begins so. {why}");
        Meaning { title: title.into(), means: means.into(), fix, see }
    }
}

fn origin(bytes: &[u8]) -> Option<&'static Origin> {
    let begins = |with: &[&str]| {
        with.iter().any(|with| bytes.starts_with(&with.as_bytes()[..with.len().min(bytes.len())]))
    };
    match bytes {
        [0x15, 3, 0..=4, ..] => Some(&TLS_ALERT),
        [0x14 | 0x16 | 0x17, 3, 0..=4, ..] => Some(&TLS_RECORD),
        [_, _, _, ..] if begins(&["HTTP/1", "TTP/1"]) => Some(&HTTP_ANSWER),
        [_, _, _, ..] if begins(&["<html", "<HTML", "<!DOC", "<!doc", "<?xml", "html", "!DOC", "HTML"]) => {
            Some(&PAGE)
        }
        [_, _, _, ..] if begins(&["PRI *", "GET /", "POST /", "PUT /", "HEAD /", "OPTIO"]) => Some(&REQUEST),
        [_, _, _, ..] if bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => Some(&TEXT),
        _ => None,
    }
}

static HTTP_ANSWER: Origin = Origin {
    what: "an answer in HTTP/1",
    title: "A gRPC client got an answer in HTTP/1",
    why: "So the client speaks gRPC to a port or a proxy that speaks HTTP/1: often 4318, a web server, \
          or a load balancer without HTTP/2.",
    fix: concat!(
        "Give the client the gRPC port, or let it speak HTTP to this one:\n",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ),
    see: &["P02", "P14"],
};

static PAGE: Origin = Origin {
    what: "an HTML page",
    title: "A gRPC client got a web page",
    why: "So something answers there that is no collector: a web server, a proxy with an error page, or \
          a login.",
    fix: concat!(
        "Give the client the collector's own host and port, past the web server:\n",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4317",
    ),
    see: &["P14", "P05", "P02"],
};

static TLS_ALERT: Origin = Origin {
    what: "a TLS alert",
    title: "A client without TLS talks to a port with TLS",
    why: "So the client began in plain text, and the server told it in TLS that it does not understand.",
    fix: concat!("Write the endpoint with https://:\n", "OTEL_EXPORTER_OTLP_ENDPOINT=https://burgee:4317"),
    see: &["P04"],
};

static TLS_RECORD: Origin = Origin {
    what: "a record of TLS",
    title: "One side speaks TLS and the other does not",
    why: "So one side began with TLS, and the other takes it for plain HTTP/2.",
    fix: "Use https:// on the client if the port has TLS, and http:// if it has none.",
    see: &["P03", "P04"],
};

static REQUEST: Origin = Origin {
    what: "a request",
    title: "A client talks to another client, or to itself",
    why: "So both sides wait for an answer, and none of them gives one.",
    fix: "Look at the endpoint: it names a port that sends requests instead of answering them.",
    see: &["P05", "D05"],
};

static TEXT: Origin = Origin {
    what: "some text",
    title: "Something answers that speaks neither HTTP/2 nor gRPC",
    why: "So the port belongs to another kind of server, such as SSH, mail or a database, which greets \
          with text.",
    fix: concat!(
        "Give the client the collector's own port:\n",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4317",
    ),
    see: &["P05", "N09"],
};

static FRAME: LazyLock<Regex> =
    LazyLock::new(|| expression(r"(?i)frame.?(?:size|length)|frame too large|http/?2.{0,40}frame"));
static MESSAGE: LazyLock<Regex> =
    LazyLock::new(|| expression(r"(?i)larger than max|message (?:size|length|too large)"));
/// More than the 16,384 bytes of a usual frame has five digits, and 32 bits have at most ten.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| expression(r"\b[0-9]{5,10}\b"));
static DUMP: LazyLock<Regex> = LazyLock::new(|| {
    expression(r"(?i)(?:hex ?dump|first \d+ bytes|bytes)[^:]{0,40}: ?(?:0x)?([0-9a-f]{6,32})\b")
});

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("a test uses every expression")
}

const NUMBERS_MAX: usize = 32;
const MEANINGS_MAX: usize = 3;
const SHOWN_MAX: usize = 16;
