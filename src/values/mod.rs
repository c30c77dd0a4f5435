//! What a YAML scalar can mean: durations, sizes, secrets, listen addresses, headers, optional blocks.
//!
//! Each type is right once it is parsed, and refuses in one sentence that names the value and what to write
//! instead. They work with any serde format; `config` adds the place.
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

pub use duration::{Duration, InvalidDuration};
pub use endpoint::{InvalidEndpoint, ListenEndpoint};
pub use headers::{Headers, InvalidHeader};
pub use optional::{Block, Extra, NULL_IS_OFF, NULL_IS_ON, Optional};
pub use secret::{REDACTED, Secret, is_secret_name, mask_url_password};
pub use size::{ByteSize, InvalidByteSize};

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
    use super::split_list;

    #[test]
    fn a_list_may_be_written_with_commas() {
        assert_eq!(split_list("a, b,c").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(split_list(" one ").collect::<Vec<_>>(), ["one"]);
        assert_eq!(split_list("").count(), 0);
        assert_eq!(split_list("a,,b").collect::<Vec<_>>(), ["a", "", "b"]);
    }
}
