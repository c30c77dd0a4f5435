//! What a YAML scalar can mean: durations, sizes, secrets, listen addresses, headers, optional blocks.
//!
//! Each type is right once it is parsed, and refuses in one sentence that names the value and what to write
//! instead. They work with any serde format; `config` adds the place.
//!
//! Each also says in JSON Schema what may be written; `registry` makes one schema of all components' settings.
//!
//! What needs no type of its own: a list may be written as text with commas (`config` splits it for every
//! list, see [`split_list`]); a choice of words is an enum with `#[serde(rename_all = "snake_case")]`, and `off`
//! unquoted is the word `off`, because `config` reads YAML 1.2.

mod duration;
mod endpoint;
mod headers;
mod optional;
mod secret;
mod size;
mod unread;

pub use duration::{Duration, InvalidDuration};
pub use endpoint::{InvalidEndpoint, ListenEndpoint};
pub use headers::{Headers, InvalidHeader};
pub use optional::{Block, Extra, NULL_IS_OFF, NULL_IS_ON, Optional};
pub use secret::{REDACTED, Secret, is_secret_name, mask_url_password};
pub use size::{ByteSize, InvalidByteSize};
pub use unread::Unread;

/// The items of a list written as text, `a, b,c`: split on `,` as the Collector does, and trimmed.
///
/// Empty text is the empty list; an empty item between two commas is kept, so that whoever reads the items
/// can refuse it.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    let items = if text.trim().is_empty() { None } else { Some(text.split(',').map(str::trim)) };
    items.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, SchemaGenerator};

    use super::*;

    /// Whether one of the patterns of a type's schema fits a text.
    fn fits<T: JsonSchema>(text: &str) -> bool {
        let schema = T::json_schema(&mut SchemaGenerator::default()).to_value();
        let alternatives = schema["anyOf"].as_array().cloned().unwrap_or_else(|| vec![schema]);
        alternatives.iter().filter_map(|schema| schema["pattern"].as_str()).any(|pattern| {
            regex::Regex::new(pattern).unwrap_or_else(|error| panic!("{error}")).is_match(text)
        })
    }

    #[test]
    fn a_schema_takes_what_its_type_takes() {
        for text in [
            "0",
            "5s",
            ".5s",
            "1.5h",
            "2h45m",
            "+5s",
            "10µs",
            "10\u{3bc}s",
            "1h0.5s",
            "5",
            "-5s",
            "5 s",
            "5M",
            "",
        ] {
            assert_eq!(fits::<Duration>(text), text.parse::<Duration>().is_ok(), "{text}");
        }
        for text in ["1MiB", "512KiB", "1.5GiB", "4mib", "10MB", "4096", "", "-1", "MiB", "4 bananas"] {
            assert_eq!(fits::<ByteSize>(text), text.parse::<ByteSize>().is_ok(), "{text}");
        }
        for text in ["0.0.0.0:4317", ":4317", "[::1]:0", "localhost", "localhost:", "http://localhost:4317/"]
        {
            assert_eq!(fits::<ListenEndpoint>(text), text.parse::<ListenEndpoint>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_block_is_its_settings_and_enabled() {
        let schema = Block::<Headers>::json_schema(&mut SchemaGenerator::default()).to_value();
        assert_eq!(schema["properties"]["enabled"]["type"], "boolean", "{schema}");
    }

    #[test]
    fn a_list_may_be_written_with_commas() {
        assert_eq!(split_list("a, b,c").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(split_list(" one ").collect::<Vec<_>>(), ["one"]);
        assert_eq!(split_list("").count(), 0);
        assert_eq!(split_list("a,,b").collect::<Vec<_>>(), ["a", "", "b"]);
    }
}
