//! What error texts mean that people find in the logs of senders, backends and browsers.
//!
//! A table says which texts mean what; numbers that are really the first bytes of something else are read as such. Of
//! one [`Topic`] only the first row that fits is told, because the more exact ones come first; a bare status code is
//! told only if nothing else was found.

mod answers;
mod browser;
mod bytes;
mod nearest;
mod reach;
mod transport;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{RegexSet, RegexSetBuilder};

pub use nearest::{nearest, with_symptom};

/// What an error text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// One line without a full stop.
    pub title: Cow<'static, str>,
    /// In plain words.
    pub means: Cow<'static, str>,
    /// One thing to do or to paste, in the form of an entry's.
    pub fix: &'static str,
    /// Ids of findings that say more.
    pub see: &'static [&'static str],
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub topic: Topic,
    /// Texts that people see. Whoever has one of them in his own has this row; upper and lower case are one.
    pub texts: &'static [&'static str],
    /// Regular expressions for what varies.
    also: &'static [&'static str],
    /// The HTTP status of such an answer.
    status: Option<u16>,
    pub title: &'static str,
    pub means: &'static str,
    pub fix: &'static str,
    pub see: &'static [&'static str],
}

/// What an error text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The endpoint's spelling and its name.
    Address,
    /// Whether somebody is there.
    Reach,
    Tls,
    /// HTTP/1, HTTP/2, gRPC, and what is none of these.
    Protocol,
    /// What an answer says about a request.
    Answer,
    Size,
    Room,
    /// What a sender drops by itself.
    Queue,
    Cors,
    /// What a backend says about traces.
    Traces,
    /// The system that something runs on.
    System,
    /// A code or a phrase that alone says little.
    Vague,
}

/// What `text` means, the most telling first; nothing if no row fits. Reads the first [`TEXT_BYTES_MAX`] bytes.
pub fn decode(text: &str) -> Vec<Meaning> {
    let text = normal(text);
    let mut meanings = bytes::decode(&text);
    let mut told: Vec<Topic> = Vec::new();
    if !meanings.is_empty() {
        told.push(Topic::Protocol);
    }
    for row in fitting(&text) {
        let is_told = match row.topic {
            Topic::Vague => !meanings.is_empty(),
            topic => told.contains(&topic),
        };
        if !is_told {
            told.push(row.topic);
            meanings.push(Meaning::from(row));
        }
    }
    meanings
}

/// All rows: vague ones last, otherwise those of one topic in the order in which they are to be tried.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    const TABLES: [&[Row]; 4] = [&reach::ROWS, &transport::ROWS, &answers::ROWS, &browser::ROWS];
    let rows = || TABLES.into_iter().flatten();
    rows().filter(|row| row.topic != Topic::Vague).chain(rows().filter(|row| row.topic == Topic::Vague))
}

impl From<&Row> for Meaning {
    fn from(row: &Row) -> Meaning {
        Meaning { title: row.title.into(), means: row.means.into(), fix: row.fix, see: row.see }
    }
}

/// Rows of which a text or an expression is in `text`, in the order of [`rows`].
fn fitting(text: &str) -> impl Iterator<Item = &'static Row> {
    let (set, rows_of) = &*EXPRESSIONS;
    let mut fitting: Vec<usize> = set.matches(text).into_iter().map(|at| rows_of[at]).collect();
    fitting.dedup();
    rows().enumerate().filter(move |(at, _)| fitting.contains(at)).map(|(_, row)| row)
}

/// One line with straight quotes and single spaces, as terminals, browsers and chats change these.
fn normal(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let straight = text[..end].replace(['‘', '’'], "'").replace(['“', '”'], "\"");
    straight.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every expression, and the row that it belongs to.
static EXPRESSIONS: LazyLock<(RegexSet, Vec<usize>)> = LazyLock::new(|| {
    let mut expressions = Vec::new();
    let mut rows_of = Vec::new();
    for (at, row) in rows().enumerate() {
        let texts = row.texts.iter().map(|text| regex::escape(text));
        let also = row.also.iter().map(|expression| (*expression).to_owned());
        for expression in texts.chain(also).chain(row.status.map(status)) {
            expressions.push(expression);
            rows_of.push(at);
        }
    }
    let set = RegexSetBuilder::new(expressions)
        .case_insensitive(true)
        .build()
        .expect("a test compiles every expression of the table");
    (set, rows_of)
});

/// A number that is the status of an answer and not a port, a count or a part of an id.
fn status(code: u16) -> String {
    const MARKS: &str = r#"[ :="'()\[\],]+"#;
    const SAID: &str = "status|code|statuscode|http|responded|response|returned|error|failed|got|received";
    const FILLING: &str = "with|code|status|statuscode|http|error|was|is|of|a";
    let told = format!(r"\b(?:{SAID}|http/[12](?:\.[01])?)(?:{MARKS}(?:{FILLING}))*{MARKS}{code}\b");
    format!(r"{told}|\b(?:get|post|put|options) \S+ {code}\b|/v1/\w+\S* {code}\b|^{code}$")
}

/// Longer texts are cut.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
