//! Regular expressions as the Collector reads them.

use std::fmt;

use regex::Regex;

/// A regular expression in the syntax of Go's `regexp` (RE2), which is that of the Collector: found anywhere in a text
/// unless it is anchored.
///
/// The crate `regex` has the same syntax but for the classes: there `\d`, `\w`, `\s` and `\b` know all of Unicode and
/// classes nest. They are rewritten. `\Q…\E` and octal escapes are refused.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// # Errors
    /// A sentence that reads on after the key.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        match Regex::new(&translate(text)) {
            Ok(regex) => Ok(Pattern(regex)),
            Err(regex::Error::CompiledTooBig(limit)) => {
                Err(format!("is a regular expression that needs more than {limit} bytes of memory"))
            }
            Err(error) => {
                // The last line says what is wrong; those before it draw the expression.
                let reason = error.to_string();
                let reason =
                    reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                Err(format!("is no regular expression: {reason}"))
            }
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The names of its groups, without the whole.
    pub fn groups(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.capture_names().skip(1)
    }

    /// What its groups matched, without the whole; a group that took no part is empty, as in Go.
    pub fn captures<'t>(&self, text: &'t str) -> Option<impl Iterator<Item = &'t str>> {
        let captures = self.0.captures(text)?;
        let parts: Vec<&str> =
            captures.iter().skip(1).map(|part| part.map_or("", |part| part.as_str())).collect();
        Some(parts.into_iter())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pattern({})", self.0)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// From Go's syntax to that of the crate.
fn translate(go: &str) -> String {
    let mut out = String::with_capacity(go.len() + 16);
    let mut letters = go.chars().peekable();
    // Inside of a class, and how many letters of it have been seen.
    let mut class: Option<usize> = None;
    // Inside of a class: a range may go on from here; a range waits for its end.
    let (mut is_low, mut is_open) = (false, false);
    while let Some(letter) = letters.next() {
        match (letter, class) {
            ('\\', _) => {
                let Some(escaped) = letters.next() else {
                    out.push('\\');
                    break;
                };
                match (ascii(escaped), class) {
                    (Some(ascii), _) => out.push_str(ascii),
                    // in the crate these are the ends of words
                    (None, _) if matches!(escaped, '<' | '>') => out.push(escaped),
                    (None, None) if escaped == 'b' => out.push_str(r"(?-u:\b)"),
                    (None, _) => out.extend(['\\', escaped]),
                }
                class = class.map(|seen| seen + 1);
                (is_low, is_open) = (!is_open && ascii(escaped).is_none(), false);
            }
            ('[', None) => {
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                class = Some(0);
                (is_low, is_open) = (false, false);
            }
            ('[', Some(seen)) if letters.peek() == Some(&':') => {
                // a named class, `[:alpha:]`, to its end
                out.push('[');
                for part in letters.by_ref() {
                    out.push(part);
                    if part == ']' {
                        break;
                    }
                }
                class = Some(seen + 1);
                (is_low, is_open) = (false, false);
            }
            (']', Some(seen)) if seen > 0 => {
                out.push(']');
                class = None;
            }
            // A range, or the letter: two of them are a difference in the crate.
            ('-', Some(seen)) => {
                let is_range = is_low && letters.peek() != Some(&']');
                out.push_str(if is_range { "-" } else { r"\-" });
                (is_low, is_open) = (!is_range && !is_open, is_range);
                class = Some(seen + 1);
            }
            // These stand for themselves in Go's classes, and for sets of classes in the crate's.
            ('[' | ']' | '&' | '~', Some(seen)) => {
                out.extend(['\\', letter]);
                (is_low, is_open) = (!is_open, false);
                class = Some(seen + 1);
            }
            (_, Some(seen)) => {
                out.push(letter);
                (is_low, is_open) = (!is_open, false);
                class = Some(seen + 1);
            }
            (_, None) => out.push(letter),
        }
    }
    out
}

/// The classes that are ASCII in Go.
fn ascii(escaped: char) -> Option<&'static str> {
    Some(match escaped {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(text)
    }

    #[test]
    fn a_pattern_is_found_anywhere_unless_it_is_anchored() {
        assert!(found("health", "/api/healthz"));
        assert!(!found("^health$", "/api/healthz"));
        assert!(found(r"^/v\d+/[^/]+$", "/v12/users"));
    }

    #[test]
    fn classes_are_those_of_go() {
        assert!(!found(r"^\d$", "٣"), "an Arabic three is no digit in Go");
        assert!(!found(r"^\w$", "ä") && !found(r"^[\w.]$", "ä") && found(r"^[^\d]$", "ä"));
        assert!(found(r"^[[a]$", "[") && found(r"^[]a]$", "]") && found("^[a&&b]+$", "&a"));
        assert!(found(r"^[[:alpha:]_]+$", "a_b") && found(r"^\[x\]$", "[x]"));
        assert!(found(r"\<ok\>", "an <ok>") && !found(r"\<ok\>", "is ok") && found(r"^[\<\>]+$", "<>"));
        assert!(found("^[+--]+$", "+,-") && found("^[--/]+$", "-./") && found(r"^[\w--]+$", "a-"));
        assert!(found("^[a-z_-]+$", "b_-") && found("^[^-a]$", "b") && !found("^[^-a]$", "-"));
        assert!(found(r"\bok\b", "is ok") && !found(r"\bok\b", "okay"));
    }

    #[test]
    fn what_is_no_pattern_is_said_in_one_sentence() {
        let error = Pattern::parse("a(b").expect_err("not closed");
        assert_eq!(error, "is no regular expression: unclosed group");
        assert!(Pattern::parse(r"(?=x)").is_err() && Pattern::parse("\\").is_err());
    }

    #[test]
    fn groups_that_took_no_part_are_empty() {
        let pattern = Pattern::parse("(?P<a>x)|(?P<b>y)").expect("a pattern");
        assert_eq!(pattern.groups().collect::<Vec<_>>(), [Some("a"), Some("b")]);
        assert_eq!(pattern.captures("y").map(Iterator::collect::<Vec<_>>), Some(vec!["", "y"]));
        assert!(pattern.captures("z").is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\\\\\[\\]()a-d^$&~|*+?:{},0-9-]{0,24}") {
            let _ = Pattern::parse(&text);
        }
    }
}
