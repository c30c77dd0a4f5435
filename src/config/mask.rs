//! Which part of a source line must not be shown.
//!
//! Two views, and either is enough: the tree's (exact, there once the text could be parsed) and the text's
//! (by key names and indentation, for texts that are no YAML yet).

use std::{ops::Range, sync::Arc};

use super::{
    source::Source,
    tree::{Kind, Node},
};
use crate::values::is_secret_name;

/// The byte of the line (numbered from 1) from which on it is hidden; none if all of it may be seen.
pub(super) fn masked_from(source: &Arc<Source>, line_number: usize) -> Option<usize> {
    let range = source.line(line_number);
    let line = &source.text()[range.clone()];
    let by_tree = source.secrets.get().into_iter().flatten().filter_map(|secret| {
        let overlaps = secret.start < range.end && secret.end > range.start;
        overlaps.then(|| secret.start.saturating_sub(range.start))
    });
    let indent = line.len() - line.trim_start().len();
    let by_parent = is_below_secret(source.text(), range.start, line).then_some(indent);
    by_tree.chain(by_parent).chain(secret_value(line)).min().map(|from| line.floor_char_boundary(from))
}

/// Marks the nodes below secret keys, and gives their ranges to the source for [`masked_from`].
/// With `is_secret`, all of it is.
pub(super) fn mark_secrets(root: &mut Node, source: &Source, is_secret: bool) {
    let mut ranges = Vec::new();
    mark(root, is_secret, &mut ranges);
    source.secrets.get_or_init(|| ranges);
}

fn mark(node: &mut Node, is_secret: bool, ranges: &mut Vec<Range<usize>>) {
    node.secret = is_secret;
    match &mut node.kind {
        Kind::Null => {}
        Kind::Scalar(scalar) => {
            if is_secret && !is_reference(&scalar.text) {
                ranges.push(node.place.range());
            }
        }
        Kind::Seq(items) => items.iter_mut().for_each(|item| mark(item, is_secret, ranges)),
        Kind::Map(entries) => {
            // `{name: authorization, value: …}` and `{key: api_key, value: …}`: the name is itself a value.
            let names_secret = entries.iter().any(|entry| {
                ["name", "key"].contains(&entry.key.text.as_str())
                    && entry.value.text().is_some_and(is_secret_name)
            });
            for entry in entries {
                let is_value = names_secret && entry.key.text == "value";
                mark(&mut entry.value, is_secret || is_value || is_secret_name(&entry.key.text), ranges);
            }
        }
    }
}

/// Where the value of the first secret-looking key of a line begins, with or without a space after the `:`.
fn secret_value(line: &str) -> Option<usize> {
    line.match_indices([':', '=']).find_map(|(colon, _)| {
        let near = &line[line.ceil_char_boundary(colon.saturating_sub(KEY_BYTES_MAX))..colon];
        let key = near.trim_end().rsplit([' ', '\t', '{', '[', ',']).next().unwrap_or_default();
        let value = &line[colon + 1..];
        let start = colon + 1 + (value.len() - value.trim_start().len());
        let is_hidden = is_secret_name(key) && !value.trim().is_empty() && !is_reference(value);
        is_hidden.then_some(start)
    })
}

/// Whether a line, by its indentation, belongs to a key that looks secret.
fn is_below_secret(text: &str, line_start: usize, line: &str) -> bool {
    let content = line.trim_start();
    let (mut indent, mut is_item) = (line.len() - content.len(), content.starts_with('-'));
    if content.is_empty() || content.starts_with('#') {
        return is_item;
    }
    for above in text[..line_start].lines().rev() {
        let content = above.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let above_indent = above.len() - content.len();
        let above_is_item = content.starts_with('-');
        // A list may stand at its key's own indentation.
        let is_parent = above_indent < indent || (above_indent == indent && is_item && !above_is_item);
        if !is_parent {
            continue;
        }
        let key = content.trim_start_matches(['-', ' ', '{', '"', '\'']);
        if key.split_once(':').is_some_and(|(key, _)| is_secret_name(key)) {
            return true;
        }
        if above_indent == 0 && !above_is_item {
            return false;
        }
        (indent, is_item) = (above_indent, above_is_item);
    }
    false
}

/// `${NAME}` and `${env:NAME}` alone say where the secret is, not what it is.
fn is_reference(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(|name| {
        let name = name.strip_prefix("env:").unwrap_or(name);
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}

/// How far before a `:` a key is looked for; lines may be as long as the file.
const KEY_BYTES_MAX: usize = 128;
