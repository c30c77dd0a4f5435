//! What the user wants of the enrichment.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::values::{REDACTED, Secret};

/// The choices that [`super::enrich`] follows; the options of the processor `feature_flag`.
#[derive(Clone, Debug)]
pub struct Policy {
    pub originals: Originals,
    pub value: ValuePolicy,
    pub context_id: ContextId,
    pub project: Project,
    /// How many flags are written as `feature_flags.<key>` or `burgee.flag.error.<key>` on one span; the others are
    /// counted there.
    pub max_flags_per_span: usize,
    /// `feature_flag.provider.name` of relay-proxy spans, which name none. Empty: none is written.
    pub provider_name: String,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            originals: Originals::Keep,
            value: ValuePolicy::WhenNoVariant,
            context_id: ContextId::Keep,
            project: Project::Request,
            max_flags_per_span: 32,
            provider_name: "GO Feature Flag".into(),
        }
    }
}

/// What becomes of the private and outdated names that an evaluation arrived with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Originals {
    Keep,
    Drop,
}

/// When `feature_flag.result.value` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValuePolicy {
    Always,
    WhenNoVariant,
    /// Nor does the attribute that it came from.
    Never,
}

/// What becomes of context ids, under whatever name of the tables and on whatever span, event or log record they
/// stand.
#[derive(Clone, Debug)]
pub enum ContextId {
    Keep,
    /// They are replaced by what only the key's owner can compute from them.
    Hash(HashKey),
    Drop,
}

impl ContextId {
    /// The id as it leaves, if it does.
    pub(super) fn shown<'a>(&self, id: &'a str) -> Option<Cow<'a, str>> {
        match self {
            ContextId::Keep => Some(Cow::Borrowed(id)),
            ContextId::Hash(key) => Some(key.hash(id)),
            ContextId::Drop => None,
        }
    }
}

/// The key under which context ids are hashed.
#[derive(Clone)]
pub struct HashKey(Hmac<Sha256>);

impl HashKey {
    /// `None` if the key is empty: then anybody could compute what it computes.
    pub fn new(key: &Secret) -> Option<HashKey> {
        if key.is_empty() {
            return None;
        }
        Hmac::new_from_slice(key.reveal().as_bytes()).ok().map(HashKey)
    }

    /// `h:` and the first 16 hexadecimal digits of HMAC-SHA-256 (RFC 2104) of the id. One that has this form already
    /// stays: it comes from another burgee, or from a sender that wants it to look so.
    pub fn hash<'a>(&self, id: &'a str) -> Cow<'a, str> {
        if is_hashed(id) {
            return Cow::Borrowed(id);
        }
        let mut mac = self.0.clone();
        mac.update(id.as_bytes());
        let mut hashed = String::with_capacity(HASHED.len() + 2 * HASH_BYTES);
        hashed.push_str(HASHED);
        for byte in mac.finalize().into_bytes().into_iter().take(HASH_BYTES) {
            hashed.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
        }
        Cow::Owned(hashed)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(REDACTED)
    }
}

/// Whether an id is what [`HashKey::hash`] makes of one: then nobody knows the id itself any more.
pub(super) fn is_hashed(id: &str) -> bool {
    id.strip_prefix(HASHED)
        .is_some_and(|hash| hash.len() == 2 * HASH_BYTES && hash.bytes().all(|digit| HEX.contains(&digit)))
}

/// What hashed ids begin with.
const HASHED: &str = "h:";
/// 64 bits: two of a million ids come out the same with a probability of 1 to 37 million.
const HASH_BYTES: usize = 8;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Whether the spans that an evaluation affects are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Project {
    Off,
    /// Those in the same export request.
    Request,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> HashKey {
        HashKey::new(&Secret::new(text)).expect("it is not empty")
    }

    #[test]
    fn an_id_is_hashed_as_rfc_4231_says() {
        assert_eq!(key("Jefe").hash("what do ya want for nothing?"), "h:5bdcc146bf60754e");
    }

    #[test]
    fn what_is_hashed_stays_and_what_only_looks_alike_does_not() {
        let key = key("k");
        let hashed = key.hash("alice@example.com");
        assert_eq!(key.hash(&hashed), hashed);
        assert_ne!(super::tests::key("another").hash("alice@example.com"), hashed);
        for id in ["h:", "h:0123456789abcde", "h:0123456789abcdef0", "h:0123456789ABCDEF", "0123456789abcdef"]
        {
            assert_ne!(key.hash(id), id);
        }
    }

    #[test]
    fn an_empty_key_is_none_and_no_key_is_printed() {
        assert!(HashKey::new(&Secret::new("")).is_none());
        let policy = Policy { context_id: ContextId::Hash(key("hunter2")), ..Policy::default() };
        assert!(!format!("{policy:?}").contains("hunter2"), "{policy:?}");
    }
}
