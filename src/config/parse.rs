//! Text to tree. The only file that knows serde-saphyr.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    DuplicateKeyPolicy, Error, Location, NonFiniteFloatPolicy, Options, Spanned, alias_limits, budget,
    from_str_with_options, options,
};
use serde_yaml::Value;

use super::{
    mask::mark_secrets,
    merge::merge,
    problem::{Problem, escape, quote},
    source::{Origin, Place, Source},
    tree::{Entry, Key, Kind, Node, Scalar, missing_space},
};

/// Reads a source. An empty text is a null root.
///
/// YAML 1.2 with merge keys (`<<`); duplicate keys, several documents and texts beyond the limits below are errors.
pub(super) fn parse(source: &Arc<Source>) -> Result<Node, Vec<Problem>> {
    let mut root = match source.origin() {
        Origin::File => parse_below(source, "")?,
        Origin::Inline => unfold(parse_below(source, "")?),
        Origin::Set => setting(source)?,
    };
    mark_secrets(&mut root, source, false);
    Ok(root)
}

/// Reads a source as a value whose path is given. The secrets in it are not marked yet.
pub(super) fn parse_below(source: &Arc<Source>, path: &str) -> Result<Node, Vec<Problem>> {
    let raw = read(source.text()).map_err(|error| vec![problem_of(&error, source)])?;
    let mut tree = Tree { source, replaced: None, from: None, problems: Vec::new() };
    let root = tree.node(raw, path.to_owned());
    match tree.problems.is_empty() {
        true => Ok(root),
        false => Err(tree.problems),
    }
}

/// Reads what a variable holds as a value that stands at `at`, and came from there; none if it is not YAML.
pub(super) fn parse_value(text: &str, at: &Node, from: Option<&Arc<str>>) -> Option<Node> {
    let raw = read(text).ok()?;
    let source = Source::new("", text);
    let mut tree = Tree { source: &source, replaced: Some(&at.place), from, problems: Vec::new() };
    let node = tree.node(raw, at.path.clone());
    tree.problems.is_empty().then_some(node)
}

/// The tree of `a.b=value`: a map in a map. `Source::setting` has seen to it that there are keys and a `=`.
fn setting(source: &Arc<Source>) -> Result<Node, Vec<Problem>> {
    let text = source.text();
    let equal = text.find('=').unwrap_or(text.len());
    let bare = |place: Place, path: &str| Node {
        kind: Kind::Null,
        place,
        key: None,
        path: path.to_owned(),
        expanded: None,
        from: None,
        secret: false,
    };
    let keys: Vec<(&str, Place)> =
        setting_keys(&text[..equal]).map(|(at, key)| (key, source.place(at..at + key.len()))).collect();
    let paths: Vec<String> = (1..=keys.len())
        .map(|count| keys[..count].iter().map(|(key, _)| *key).collect::<Vec<_>>().join("."))
        .collect();
    let start = (equal + 1).min(text.len());
    let slot = bare(source.place(start..text.len()), paths.last().map_or("", String::as_str));
    let Some(mut value) = parse_value(&text[start..], &slot, None) else {
        let problem = slot.problem("what stands behind the `=` is not YAML");
        return Err(vec![problem.help("put quotes around a text: --set='a.b=\"text\"'")]);
    };
    for (at, (key, place)) in keys.iter().enumerate().rev() {
        let path = if at == 0 { "" } else { &paths[at - 1] };
        value.key = Some(place.clone());
        let entry = Entry { key: Key { text: (*key).to_owned(), place: place.clone() }, value };
        value = Node { kind: Kind::Map(vec![entry]), ..bare(place.clone(), path) };
    }
    Ok(value)
}

/// The keys of `a.b` or `a::b`, each with the byte where it begins.
pub(super) fn setting_keys(keys: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = keys.as_ptr().addr();
    keys.split("::").flat_map(|part| part.split('.')).map(move |key| {
        let trimmed = key.trim();
        (trimmed.as_ptr().addr() - start, trimmed)
    })
}

/// Maps for the keys with `::` at the top: `a::b: 1` as `a: {b: 1}`.
fn unfold(root: Node) -> Node {
    let mut whole = Node { kind: Kind::Map(Vec::new()), ..root.clone_without_kind() };
    let Kind::Map(entries) = root.kind else { return root };
    for Entry { key, mut value } in entries {
        let mut keys: Vec<&str> = key.text.split("::").map(str::trim).collect();
        let innermost = keys.pop().unwrap_or_default();
        let mut path = keys.join(".");
        value.rebase(&if path.is_empty() { innermost.to_owned() } else { format!("{path}.{innermost}") });
        let mut entry = Entry { key: Key { text: innermost.to_owned(), place: key.place.clone() }, value };
        while let Some(outer) = keys.pop() {
            let mut node = entry.value.clone_without_kind();
            (node.path, node.place) = (path, key.place.clone());
            node.kind = Kind::Map(vec![entry]);
            entry = Entry { key: Key { text: outer.to_owned(), place: key.place.clone() }, value: node };
            path = keys.join(".");
        }
        let single = Node { kind: Kind::Map(vec![entry]), ..whole.clone_without_kind() };
        whole = merge(whole.kind, single);
    }
    whole
}

fn read(text: &str) -> Result<Spanned<Raw>, Error> {
    match from_str_with_options(text, limits()) {
        Err(Error::Eof { .. }) => from_str_with_options("~", limits()),
        read => read,
    }
}

fn limits() -> Options {
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
            max_documents: 1,
            // One anchor used everywhere is fine; what it expands to is limited by the replayed events.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: alias_limits! {
            max_total_replayed_events: NODES_MAX,
            max_replay_stack_depth: DEPTH_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    }
}

/// What the parser gives: typed as YAML 1.2 reads it, each with its span, from which the text is taken again.
enum Raw {
    Null,
    Value(Value),
    Seq(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Value(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Value(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Value(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Value((value as f64).into()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Value((value as f64).into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Value(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Value(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Value(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut seq = Vec::new();
        while let Some(item) = items.next_element()? {
            seq.push(item);
        }
        Ok(Raw::Seq(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

/// Builds nodes of what was read; every place is `replaced`, if that is given.
struct Tree<'a> {
    source: &'a Arc<Source>,
    replaced: Option<&'a Place>,
    from: Option<&'a Arc<str>>,
    problems: Vec<Problem>,
}

impl Tree<'_> {
    fn node(&mut self, raw: Spanned<Raw>, path: String) -> Node {
        let place = self.place(raw.defined);
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Value(value) => Kind::Scalar(self.scalar(value, raw.defined)),
            Raw::Seq(items) => Kind::Seq(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(at, item)| self.node(item, format!("{path}[{at}]")))
                    .collect(),
            ),
            Raw::Map(entries) => Kind::Map(self.entries(entries, &path)),
        };
        Node { kind, place, key: None, path, expanded: None, from: self.from.cloned(), secret: false }
    }

    fn entries(&mut self, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>, path: &str) -> Vec<Entry> {
        let mut entries = Vec::<Entry>::with_capacity(raw.len());
        let mut seen = HashMap::<String, Place>::with_capacity(raw.len());
        for (key, value) in raw {
            let place = self.place(key.defined);
            let text = match key.value {
                Raw::Value(value) => self.scalar(value, key.defined).text,
                Raw::Null | Raw::Seq(_) | Raw::Map(_) => {
                    self.problems.push(Problem::error("a key must be text").at(place).path(path));
                    continue;
                }
            };
            if let Some(first) = seen.get(&text) {
                let message =
                    format!("duplicate key {} (first at {}:{})", quote(&text), first.line(), first.column());
                self.problems
                    .push(Problem::error(message).at(place).path(path).also(first.clone(), "first here"));
                continue;
            }
            let path = if path.is_empty() { text.clone() } else { format!("{path}.{text}") };
            seen.insert(text.clone(), place.clone());
            let mut value = self.node(value, path);
            value.key = Some(place.clone());
            entries.push(Entry { key: Key { text, place }, value });
        }
        entries
    }

    /// A bool or a number is always plain and on one line, so its text is what stands in the source.
    fn scalar(&self, value: Value, location: Location) -> Scalar {
        let written = self.written(location);
        let quoted = written.starts_with(['"', '\'', '|', '>']);
        let text = match &value {
            Value::String(text) => text.clone(),
            _ if quoted => written.trim_matches(['"', '\'']).to_owned(),
            _ => written.trim().to_owned(),
        };
        Scalar { text, value, quoted }
    }

    fn written(&self, location: Location) -> &str {
        let range = byte_range(location);
        self.source.text().get(range).unwrap_or_default()
    }

    fn place(&self, location: Location) -> Place {
        match self.replaced {
            Some(place) => place.clone(),
            None => place_of_node(location, self.source),
        }
    }
}

/// The place of a node: line and column as the parser counted them, and the bytes without what follows the value.
fn place_of_node(location: Location, source: &Arc<Source>) -> Place {
    let (line, column) = (location.line().max(1) as usize, location.column().max(1) as usize);
    let range = byte_range(location);
    let written = source.text().get(range.clone()).unwrap_or_default().trim_end().len();
    Place::counted(source, line, column, range.start..range.start + written)
}

/// The place of an error, which often knows its line and column only.
fn place_of_error(location: Location, source: &Arc<Source>) -> Place {
    let line = source.line(location.line().max(1) as usize);
    let mut letters = source.text()[line.clone()].char_indices().map(|(at, _)| line.start + at);
    let start = letters.nth(location.column().max(1) as usize - 1).unwrap_or(line.end);
    source.place(start..start)
}

fn byte_range(location: Location) -> std::ops::Range<usize> {
    let span = location.span();
    let start = span.byte_offset().unwrap_or_default() as usize;
    start..start + span.byte_len().unwrap_or_default() as usize
}

fn problem_of(error: &Error, source: &Arc<Source>) -> Problem {
    let error = error.without_snippet();
    let place = error.location().map(|location| place_of_error(location, source));
    let line = place.as_ref().map_or(1, Place::line);
    let problem = Problem::error(message_of(error));
    let problem = match place {
        Some(place) => problem.at(place),
        None => problem,
    };
    if is_limit(error) {
        return problem;
    }
    // The parser often notices one line after the slip.
    for number in [line, line.saturating_sub(1).max(1)] {
        let range = source.line(number);
        let written = &source.text()[range.clone()];
        let indent = &written[..written.len() - written.trim_start().len()];
        if let Some(tab) = indent.find('\t') {
            let place = source.place(range.start + tab..range.start + tab + 1);
            return Problem::error("tab used for indentation")
                .at(place)
                .help("YAML is indented with spaces only");
        }
        if let Some(key) = missing_space(written) {
            return problem.help(format!("missing space after ':'; write \"{key}: …\""));
        }
        if written.contains("${") && written.contains(['[', '{']) {
            return problem.help("inside […] and {…}, a ${…} needs quotes: \"${env:NAME}\"");
        }
    }
    problem
}

/// The scanner has limits of its own, and only words for them.
fn is_too_deep(error: &Error) -> bool {
    let text = error.to_string();
    text.contains("nesting") || text.contains("recursion limit")
}

fn is_limit(error: &Error) -> bool {
    is_too_deep(error)
        || error.to_string().contains("budget breached")
        || matches!(
            error,
            Error::Budget { .. }
                | Error::AliasReplayCounterOverflow { .. }
                | Error::AliasReplayLimitExceeded { .. }
                | Error::AliasExpansionLimitExceeded { .. }
                | Error::AliasReplayStackDepthExceeded { .. }
        )
}

fn message_of(error: &Error) -> String {
    use serde_saphyr::budget::BudgetBreach;
    match error {
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            format!("nested deeper than {DEPTH_MAX} levels")
        }
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } | Error::MultipleDocuments { .. } => {
            "more than one YAML document; keep one, without `---` inside".to_owned()
        }
        Error::UnknownAnchor { .. } => "this alias names an anchor that does not exist above it".to_owned(),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "`<<` merges a map or a list of maps only".to_owned(),
        Error::AliasError { error, .. } => message_of(error),
        error if is_too_deep(error) => format!("nested deeper than {DEPTH_MAX} levels"),
        error if is_limit(error) => {
            format!(
                "too large once its aliases are expanded (limit: {NODES_MAX} values, {ALIASES_MAX} aliases)"
            )
        }
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } => {
            format!("this is not YAML: {}", escape(msg))
        }
        error => {
            let text = error.to_string();
            let sentence = text.rsplit_once(" at line ").map_or(text.as_str(), |(sentence, _)| sentence);
            format!("this is not YAML: {}", escape(sentence))
        }
    }
}

/// Deeper than any configuration. A level costs the parser up to 35 KiB of stack in a debug build, and a thread
/// of tokio or of a test has 2 MiB.
pub(super) const DEPTH_MAX: usize = 32;
/// Values in a source after its aliases are expanded.
const NODES_MAX: usize = 100_000;
const ALIASES_MAX: usize = 1_000;
