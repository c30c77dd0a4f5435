//! Text from the network, made fit for a terminal, a log line or an error.

use std::borrow::Cow;

use crate::config;

/// The text as it may be shown: without anything that a terminal would obey or that would break the line, and at the
/// length of an error message, 1,000 characters.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_within(text, MESSAGE_CHARS_MAX)
}

/// As [`escape`]; what is longer than `chars_max` ends with an ellipsis.
pub fn escape_within(text: &str, chars_max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars_max) {
        None => config::escape(text),
        Some((end, _)) => Cow::Owned(format!("{}…", config::escape(&text[..end]))),
    }
}

const MESSAGE_CHARS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_by_what_is_shown() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{7}\r\nb\u{202e}c\u{2028}\0";
        assert_eq!(escape(hostile), r"a\u{1b}[2J\u{9b}31m\u{7}\r\nb\u{202e}c\u{2028}\u{0}");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["Grüße, 世界", "C:\\temp \"quoted\"", ""] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn what_is_too_long_ends_with_an_ellipsis() {
        assert_eq!(escape_within("äöüß", 3), "äöü…");
        assert_eq!(escape_within("äöü", 3), "äöü");
    }
}
