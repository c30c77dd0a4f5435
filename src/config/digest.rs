//! What a configuration says, in 32 bytes: to see whether it says something else than before.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

use super::tree::{Kind, Node};

/// The digest of a piece of configuration. Two that mean the same by every letter have the same one, wherever they
/// stand; the order of keys counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Print([u8; 32]);

/// Whether secret values count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrets {
    Count,
    Ignored,
}

impl Node {
    /// The digest of all of it, secrets included: to compare, never to show.
    pub fn print(&self) -> Print {
        Print(digest(self, Secrets::Count))
    }

    /// The beginning of a digest in hexadecimal, for people who compare machines. Secret values do not count, so that
    /// nobody can guess them from it.
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for byte in &digest(self, Secrets::Ignored)[..FINGERPRINT_BYTES] {
            // writing to a String cannot fail
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Whether a map in it has this key.
    pub fn mentions(&self, key: &str) -> bool {
        self.entries().iter().any(|entry| entry.key.text == key || entry.value.mentions(key))
            || self.items().iter().any(|item| item.mentions(key))
    }
}

impl fmt::Debug for Print {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Print(…)")
    }
}

fn digest(node: &Node, secrets: Secrets) -> [u8; 32] {
    let mut hash = Sha256::new();
    add(&mut hash, node, secrets);
    hash.finalize().into()
}

fn add(hash: &mut Sha256, node: &Node, secrets: Secrets) {
    match &node.kind {
        Kind::Null => hash.update([0]),
        Kind::Scalar(_) if secrets == Secrets::Ignored && node.is_hidden() => hash.update([1]),
        Kind::Scalar(scalar) => {
            let expanded = node.expanded.as_ref().map_or("", |expanded| &expanded.text);
            let meaning = match &scalar.value {
                serde_yaml::Value::Bool(_) => 2,
                serde_yaml::Value::Number(_) => 3,
                _ => 4,
            };
            hash.update([meaning]);
            text(hash, &scalar.text);
            text(hash, expanded);
        }
        Kind::Seq(items) => {
            hash.update([5]);
            hash.update(items.len().to_le_bytes());
            items.iter().for_each(|item| add(hash, item, secrets));
        }
        Kind::Map(entries) => {
            hash.update([6]);
            hash.update(entries.len().to_le_bytes());
            for entry in entries {
                text(hash, &entry.key.text);
                add(hash, &entry.value, secrets);
            }
        }
    }
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update(text.len().to_le_bytes());
    hash.update(text);
}

const FINGERPRINT_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, load};

    fn tree(text: &str) -> Node {
        load(&[Source::new("test.yaml", text)], &|_| Some("from the environment".into())).expect("YAML").root
    }

    #[test]
    fn comments_and_places_do_not_count_and_everything_else_does() {
        let one = tree("a: 1\nb: [x, \"2\"]\n").print();
        assert_eq!(one, tree("# a comment\n\na:   1\nb:\n  - x\n  - '2'\n").print());
        for other in ["a: 2\nb: [x, \"2\"]", "a: 1\nb: [x, 2]", "a: 1\nb: [x]", "a: 1\nc: [x, \"2\"]", "a: 1"]
        {
            assert_ne!(one, tree(other).print(), "{other}");
        }
        assert_ne!(tree("a: {b: c}").print(), tree("a: [b, c]").print());
    }

    #[test]
    fn secrets_count_for_the_comparison_and_not_for_what_is_shown() {
        let (one, other) = (tree("headers: {api_key: a}"), tree("headers: {api_key: b}"));
        assert_ne!(one.print(), other.print());
        assert_eq!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.fingerprint().len(), 2 * FINGERPRINT_BYTES);
        assert_eq!(format!("{:?}", one.print()), "Print(…)");
        assert_ne!(one.fingerprint(), tree("headers: {accept: a}").fingerprint());
    }

    #[test]
    fn a_key_is_found_at_any_depth() {
        let tree = tree("exporters: {otlp: {list: [{auth: x}]}}");
        assert!(tree.mentions("auth") && !tree.mentions("otl"));
    }
}
