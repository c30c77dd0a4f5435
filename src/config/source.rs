use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use super::problem::{Problem, escape};

/// One text to read: a file, or what the command line gave.
///
/// `Debug` shows the name only, since the text may hold secrets.
pub struct Source {
    name: String,
    origin: Origin,
    text: String,
    /// The first byte of each line.
    lines: Vec<usize>,
    /// Byte ranges of secret values, known once the text is a tree.
    pub(super) secrets: OnceLock<Vec<Range<usize>>>,
}

/// What kind of text a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, or any other text in YAML.
    File,
    /// YAML from the command line, where `a::b: 1` means `a: {b: 1}`, as the Collector reads it.
    Inline,
    /// `a.b=value` of `--set`.
    Set,
}

impl Source {
    /// A text under the name that errors give it, such as the file's path.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Source::with_origin(name, text, Origin::File)
    }

    pub(super) fn with_origin(name: impl Into<String>, text: impl Into<String>, origin: Origin) -> Arc<Self> {
        let text: String = text.into();
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Arc::new(Source { name: name.into(), origin, text, lines, secrets: OnceLock::new() })
    }

    /// The same from a file's bytes: at most [`SOURCE_BYTES_MAX`], and UTF-8.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Arc<Self>, Problem> {
        let name = name.into();
        if bytes.len() > SOURCE_BYTES_MAX {
            let message = format!(
                "{} is larger than {} MiB; is it a configuration?",
                escape(&name),
                SOURCE_BYTES_MAX >> 20
            );
            return Err(Problem::error(message));
        }
        String::from_utf8(bytes).map(|text| Source::new(name.clone(), text)).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            let source = Source::new(name, text);
            let end = source.text.len();
            Problem::error("this byte is not UTF-8; save the file as UTF-8").at(source.place(end..end))
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn origin(&self) -> Origin {
        self.origin
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a range of bytes; a range outside the text or inside a letter is cut to fit.
    pub fn place(self: &Arc<Self>, range: Range<usize>) -> Place {
        let start = self.text.floor_char_boundary(range.start);
        let end = self.text.floor_char_boundary(range.end).max(start);
        let line = self.lines.partition_point(|first| *first <= start);
        let column = self.text[self.lines[line - 1]..start].chars().count() + 1;
        Place::counted(self, line, column, start..end)
    }

    /// The bytes of a line (counted from 1) without its line break; an empty range at the end if there is none.
    pub(super) fn line(&self, number: usize) -> Range<usize> {
        let start = self.lines.get(number.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let length = self.text[start..].find('\n').unwrap_or(self.text.len() - start);
        start..start + self.text[start..start + length].trim_end_matches('\r').len()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Source({})", escape(&self.name))
    }
}

/// Where something stands in a source: line and column from 1, in characters, and its bytes.
#[derive(Clone)]
pub struct Place {
    source: Arc<Source>,
    line: u32,
    column: u32,
    start: u32,
    end: u32,
}

impl Place {
    /// What the parser says: it has counted the letters already, and counting again per node would be quadratic.
    pub(super) fn counted(source: &Arc<Source>, line: usize, column: usize, range: Range<usize>) -> Self {
        let start = source.text.floor_char_boundary(range.start);
        let end = source.text.floor_char_boundary(range.end).max(start);
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place {
            source: Arc::clone(source),
            line: small(line),
            column: small(column),
            start: small(start),
            end: small(end),
        }
    }

    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    pub fn line(&self) -> usize {
        self.line as usize
    }

    pub fn column(&self) -> usize {
        self.column as usize
    }

    /// The bytes in [`Source::text`].
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.range() == other.range() && self.line == other.line
    }
}

impl Eq for Place {}

impl fmt::Display for Place {
    /// `collector.yaml:12:7`; of a flag, `--set processors.batch.timeout`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source.origin {
            Origin::Set => out.write_str(&escape(&self.source.name)),
            Origin::File | Origin::Inline => {
                write!(out, "{}:{}:{}", escape(&self.source.name), self.line, self.column)
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The largest file that is read, in bytes: generous for people, small for memory.
pub const SOURCE_BYTES_MAX: usize = 4 << 20;
