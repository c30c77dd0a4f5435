use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that must not be seen: whatever prints it, prints [`REDACTED`]. Only [`reveal`](Secret::reveal) gives it out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for the one place that sends or compares it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input).map(Secret)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Text that burgee never prints. Better than writing it here: ${env:NAME} or ${file:path}.",
            "type": "string",
            "writeOnly": true
        })
    }
}

/// Whether a key's name, or an environment variable's, says that its value is not for every eye.
///
/// Too often is harmless, never is not: `token_file` counts too. All headers count, since any may carry a key,
/// but not CORS's lists of their names.
pub fn is_secret_name(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // A component of the Collector, whose keys have names of their own.
    if plain.starts_with("bearertokenauth") {
        return false;
    }
    // A slip in such a name must not show what stands behind it: `tokn: …`.
    let is_meant = |secret: &&str| plain.contains(*secret) || strsim::osa_distance(&plain, secret) == 1;
    SECRET_NAMES.iter().any(is_meant)
        || (plain.ends_with("headers") && !HEADER_NAMES.contains(&plain.as_str()))
}

/// The text with every `://user:password@` shown as `://[REDACTED]@`, also with too few or too many slashes, or with
/// those of Windows.
pub fn mask_url_password(text: &str) -> Cow<'_, str> {
    let is_slash = |c: char| matches!(c, '/' | '\\');
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(":/").into_iter().chain(rest.find(":\\")).min() {
        let authority = rest[at + 1..].trim_start_matches(is_slash);
        masked.push_str(&rest[..rest.len() - authority.len()]);
        let is_end = |c: char| is_slash(c) || c.is_whitespace() || c == '"';
        let end = authority.find(is_end).unwrap_or(authority.len());
        match authority[..end].rfind('@') {
            Some(userinfo) => {
                masked.push_str(REDACTED);
                rest = &authority[userinfo..];
            }
            None => rest = authority,
        }
    }
    if masked.is_empty() {
        return Cow::Borrowed(text);
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// What is shown instead of a secret; the Collector's word.
pub const REDACTED: &str = "[REDACTED]";

/// Compared with a name in lower case without `_`, `-` and `.`.
const SECRET_NAMES: &[&str] = &[
    "authorization",
    "token",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "accesskey",
    "privatekey",
    "hashkey",
    "keypem",
    "secret",
    "credential",
    "bearer",
    "cookie",
    "connectionstring",
    // of an htpasswd
    "inline",
];

/// Keys that list the names of headers, not their values.
const HEADER_NAMES: &[&str] = &["allowedheaders", "exposedheaders"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[REDACTED] [REDACTED]");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"[REDACTED]\"");
    }

    #[test]
    fn names_that_look_secret_are_known() {
        for name in [
            "Authorization",
            "api_key",
            "x-api-key",
            "APIKEY",
            "client_secret",
            "headers",
            "OTLP_HEADERS",
            "inline",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["endpoint", "key", "authenticator", "allowed_headers", "keepalive", "bearertokenauth/a"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        assert_eq!(mask_url_password("http://me:pw@host:1/x"), "http://[REDACTED]@host:1/x");
        assert_eq!(mask_url_password("a http://t@h b://u:p@i"), "a http://[REDACTED]@h b://[REDACTED]@i");
        assert_eq!(mask_url_password("http:///me:pw@host"), "http:///[REDACTED]@host");
        assert_eq!(
            mask_url_password("http:/me:pw@host http:\\\\me:pw@h"),
            "http:/[REDACTED]@host http:\\\\[REDACTED]@h"
        );
        for plain in ["http://host/a@b", "none", "x@y", "C:\\a\\b@c"] {
            assert_eq!(mask_url_password(plain), plain);
        }
    }
}
