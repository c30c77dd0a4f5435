//! Text to definitions, and where in the text an error is. The only file that knows the parsers.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};
use serde_saphyr::{DuplicateKeyPolicy, Options, alias_limits, budget, options};

use super::Definitions;
use super::raw::{AsWritten, Full, Loose, RawFlag, Room, Wrapped, dates_as_text};

/// What a flag file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    Yaml,
    Json,
    Toml,
    /// Whatever it looks like.
    Unknown,
}

impl Syntax {
    /// By the ending of a file's name.
    pub fn of(path: &Path) -> Syntax {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("yaml" | "yml") => Syntax::Yaml,
            Some("json") => Syntax::Json,
            Some("toml") => Syntax::Toml,
            _ => Syntax::Unknown,
        }
    }
}

/// Why a text is no flag file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The bytes it is about, if it is known where.
    pub at: Option<Range<usize>>,
    /// One sentence. It may hold a piece of the text, unescaped.
    pub message: String,
}

impl ParseError {
    fn new(message: impl Into<String>) -> ParseError {
        ParseError { at: None, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}

pub(super) fn file(text: &str, syntax: Syntax) -> Result<Definitions, ParseError> {
    let text = checked(text)?;
    match syntax {
        Syntax::Yaml => file_in::<Yaml>(text),
        Syntax::Json => file_in::<Json>(text),
        Syntax::Toml => file_in::<Toml>(text),
        Syntax::Unknown if text.trim_start().starts_with('{') => file_in::<Json>(text),
        Syntax::Unknown if text.parse::<toml::Table>().is_ok() => file_in::<Toml>(text),
        Syntax::Unknown => file_in::<Yaml>(text),
    }
}

pub(super) fn configuration(text: &str) -> Result<Definitions, ParseError> {
    let wrapped: Wrapped<Loose> = Json::read(checked(text)?)?;
    match &wrapped.error_code {
        Some(code) if !code.is_empty() => {
            let details = wrapped.error_details.as_deref().unwrap_or_default();
            Err(ParseError::new(format!("{code}: {details}")))
        }
        // a relay proxy without flags leaves the key out
        _ => gather(wrapped.flags.unwrap_or_default(), wrapped.metadata),
    }
}

/// A byte order mark would be an error in JSON and TOML. A file that is being written is empty at first.
fn checked(text: &str) -> Result<&str, ParseError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(ParseError::new(format!("larger than {} MiB", FILE_BYTES_MAX >> 20)));
    }
    if text.trim().is_empty() {
        return Err(ParseError::new("empty; a file without flags has {} in it"));
    }
    Ok(text)
}

fn file_in<L: Language>(text: &str) -> Result<Definitions, ParseError> {
    if L::read::<Top>(text)?.is_wrapper() {
        let wrapped: Wrapped<L::Word> = L::read(text)?;
        return gather(wrapped.flags.unwrap_or_default(), wrapped.metadata);
    }
    gather(L::read::<HashMap<String, RawFlag<L::Word>>>(text)?, None)
}

/// Whether flags stand under `flags`, or one of them has that name.
#[derive(Deserialize)]
struct Top {
    flags: Option<HashMap<String, IgnoredAny>>,
}

impl Top {
    fn is_wrapper(&self) -> bool {
        let is_flag = |flags: &HashMap<String, _>| {
            ["variations", "defaultRule"].iter().any(|key| flags.contains_key(*key))
        };
        self.flags.as_ref().is_some_and(|flags| !is_flag(flags))
    }
}

fn gather<W: AsRef<str>>(
    raw: HashMap<String, RawFlag<W>>,
    shared: Option<Map<String, Value>>,
) -> Result<Definitions, ParseError> {
    let said = raw.len();
    let mut definitions = Definitions::default();
    let mut room = Room(DEFINITIONS_BYTES_MAX);
    let mut shared = shared.unwrap_or_default();
    shared.values_mut().for_each(dates_as_text);
    let shared = Arc::new(shared);
    for (key, flag) in raw {
        let flag = flag.flag(&shared, &mut room).map_err(|Full| {
            ParseError::new(format!(
                "too many rules and variations in all, times the scheduled steps that change them: more than {} MiB; \
                 the flag {key:?} has no room any more",
                DEFINITIONS_BYTES_MAX >> 20
            ))
        })?;
        if let Some(flag) = flag {
            definitions.flags.insert(key, flag);
        }
    }
    if said > 0 && definitions.is_empty() {
        return Err(ParseError::new("nothing in it has variations; is it a flag file?"));
    }
    Ok(definitions)
}

/// A syntax and its parser.
trait Language {
    /// Reads a text that may be written as a number.
    type Word: DeserializeOwned + AsRef<str>;

    fn read<T: DeserializeOwned>(text: &str) -> Result<T, ParseError>;
}

struct Yaml;

impl Language for Yaml {
    type Word = AsWritten;

    fn read<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
        // the first document is the file, as for GO Feature Flag
        let mut bytes = text.as_bytes();
        let mut documents = serde_saphyr::read_with_options(&mut bytes, yaml_limits());
        let first = documents.next().ok_or_else(|| ParseError::new("nothing but comments in it"))?;
        first.map_err(|error| {
            let error = error.without_snippet();
            let at = error.location().map(|location| {
                let (line, column) = (location.line() as usize, location.column() as usize);
                let start = line_start(text, line);
                let line = &text[start..];
                let column = line.char_indices().map(|(at, _)| at).nth(column.saturating_sub(1));
                start + column.unwrap_or(line.len())
            });
            let said = error.to_string();
            let message = match said.contains("budget breached") {
                true => {
                    format!("too large or nested too deep (limits: {NODES_MAX} values, {DEPTH_MAX} levels)")
                }
                false => sentence(&said),
            };
            ParseError { at: at.map(|at| at..at), message }
        })
    }
}

struct Json;

impl Language for Json {
    type Word = Loose;

    fn read<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            let at = line_start(text, error.line()) + error.column().saturating_sub(1);
            ParseError { at: Some(at..at), message: sentence(&error.to_string()) }
        })
    }
}

struct Toml;

impl Language for Toml {
    type Word = Loose;

    fn read<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
        toml::from_str(text)
            .map_err(|error| ParseError { at: error.span(), message: error.message().to_owned() })
    }
}

fn yaml_limits() -> Options {
    options! {
        budget: budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 3 * NODES_MAX,
            max_aliases: ALIASES_MAX,
            max_anchors: ALIASES_MAX,
            max_merge_keys: ALIASES_MAX,
            max_recorded_anchor_events: NODES_MAX,
            max_total_scalar_bytes: FILE_BYTES_MAX,
            max_reader_input_bytes: Some(FILE_BYTES_MAX),
            // One anchor used everywhere is fine; what it expands to is limited by the replayed events.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: alias_limits! {
            max_total_replayed_events: NODES_MAX,
            max_replay_stack_depth: DEPTH_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

/// Where a line begins that is counted from 1.
fn line_start(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum()
}

/// What a parser says, without the place, which is told otherwise.
fn sentence(said: &str) -> String {
    said.rsplit_once(" at line ").map_or(said, |(sentence, _)| sentence).to_owned()
}

/// The largest flag file that is read, and the largest answer of a relay proxy.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// About what all definitions of one text take: a scheduled step is kept as the flag that it makes, except for what it
/// leaves alone.
const DEFINITIONS_BYTES_MAX: usize = 128 << 20;
/// Deeper than any flag's value. A level costs the parser up to 35 KiB of stack in a debug build.
const DEPTH_MAX: usize = 32;
const NODES_MAX: usize = 1_000_000;
const ALIASES_MAX: usize = 10_000;
