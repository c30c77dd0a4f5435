//! Text from elsewhere, made fit to be shown: nothing in it that a terminal obeys, and no more of it than is read.

use std::borrow::Cow;

/// The text with control characters, and those that turn the direction of writing, as `\n` or `\u{…}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match is_unprintable(letter) {
            true => escaped.extend(letter.escape_default()),
            false => escaped.push(letter),
        }
    }
    Cow::Owned(escaped)
}

/// As [`escape`]; what is longer than `chars_max` ends with an ellipsis.
pub fn shown(text: &str, chars_max: usize) -> Cow<'_, str> {
    // most texts are shorter in bytes already, and need not be walked through for it
    let cut = if text.len() <= chars_max { None } else { text.char_indices().nth(chars_max) };
    match cut {
        None => escape(text),
        Some((end, _)) => Cow::Owned(format!("{}…", escape(&text[..end]))),
    }
}

/// Whether [`escape`] writes it in another way.
pub fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_cut_between_characters_and_says_so() {
        assert_eq!(shown("ÄÖÜ", 3), "ÄÖÜ");
        assert_eq!(shown("ÄÖÜß", 3), "ÄÖÜ…");
        assert_eq!(shown("a\nb", 2), "a\\n…");
        assert!(matches!(shown("/v1/traces", 200), Cow::Borrowed("/v1/traces")));
    }
}
