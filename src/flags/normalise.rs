//! From the words of all generations to those of today: rules N1 to N7.

use std::borrow::Cow;

use super::conventions::{
    CONVENTIONAL_REASONS, ERROR_PREFIX, ERRORS, NO_CONTEXT_ID, NO_VALUE, REASONS, VARIANT_OF_DEFAULT, Words,
};
use super::evaluation::Evaluated;
use crate::otlp::Value;

pub(super) type Text<'a> = Cow<'a, str>;

/// What an attribute's value comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Read<T> {
    /// It is there and says nothing.
    Absent,
    Known(T),
    /// Not the kind of value that this attribute has; nobody's to change.
    Foreign,
}

/// Text; booleans and numbers as text; `""` and null say nothing.
pub(super) fn text(value: Value<'_>) -> Read<Text<'_>> {
    match value {
        Value::Empty | Value::Str("") => Read::Absent,
        Value::Str(text) => Read::Known(Cow::Borrowed(text)),
        Value::Bool(value) => Read::Known(Cow::Borrowed(if value { "true" } else { "false" })),
        Value::Int(value) => Read::Known(Cow::Owned(value.to_string())),
        Value::Double(value) => Read::Known(Cow::Owned(value.to_string())),
        Value::Bytes(_) | Value::Array(_) | Value::Map(_) => Read::Foreign,
    }
}

/// N1: a key, without blanks around it.
pub(super) fn key(value: Value<'_>) -> Read<Text<'_>> {
    match value {
        Value::Str(key) => match key.trim() {
            "" => Read::Absent,
            key => Read::Known(Cow::Borrowed(key)),
        },
        value => text(value),
    }
}

/// N1: a variant; the caller's default is none.
pub(super) fn variant(value: Value<'_>) -> Read<Text<'_>> {
    match value {
        Value::Str(VARIANT_OF_DEFAULT) => Read::Absent,
        value => text(value),
    }
}

/// N6: a context id; the one that GO Feature Flag's providers make up is none.
pub(super) fn context_id(value: Value<'_>) -> Read<Text<'_>> {
    match value {
        Value::Str(NO_CONTEXT_ID) => Read::Absent,
        value => text(value),
    }
}

/// N2: a reason in lower case and in the conventions' words; `words` are its sender's own.
pub(super) fn reason<'a>(value: Value<'a>, words: Words) -> Read<Text<'a>> {
    let Read::Known(reason) = text(value) else { return text(value) };
    // nearly all are these, and need no memory
    if let Some(word) = CONVENTIONAL_REASONS.iter().find(|word| word.eq_ignore_ascii_case(&reason)) {
        return Read::Known(Cow::Borrowed(known_as(words, word).unwrap_or(word)));
    }
    let reason = lower_case(reason);
    Read::Known(known_as(words, &reason).map_or(reason, Cow::Borrowed))
}

fn known_as(words: Words, reason: &str) -> Option<&'static str> {
    words.iter().chain(REASONS).find(|(word, _)| *word == reason).map(|&(_, known)| known)
}

/// N2: the reason as it came, if its word is not the conventions'.
pub(super) fn reason_original(value: Value<'_>) -> Option<Text<'_>> {
    let Read::Known(reason) = text(value) else { return None };
    REASONS.iter().any(|(word, _)| word.eq_ignore_ascii_case(&reason)).then_some(reason)
}

/// N3: an error code as `error.type` has it; what is no code of OpenFeature stays as it is.
pub(super) fn error_type(value: Value<'_>) -> Read<Text<'_>> {
    let Read::Known(code) = text(value) else { return text(value) };
    // the longest code with its prefix and separators is shorter
    if code.len() > 64 {
        return Read::Known(code);
    }
    let letters: String = code
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let letters = letters.strip_prefix(ERROR_PREFIX).unwrap_or(&letters);
    let known = ERRORS.iter().find(|(word, _)| *word == letters);
    Read::Known(known.map_or(code, |&(_, known)| Cow::Borrowed(known)))
}

/// N5: a value; JSON text in quotes is what stands in them.
pub(super) fn value(value: Value<'_>) -> Read<Evaluated<'_>> {
    match value {
        Value::Empty => Read::Absent,
        Value::Str(text) => {
            let text = unquote(text);
            if NO_VALUE.contains(&&*text) { Read::Absent } else { Read::Known(Evaluated::Text(text)) }
        }
        value => Read::Known(Evaluated::Other(value)),
    }
}

/// N9: which variation was served, counted from 0; Java's -1 says that it was none.
pub(super) fn variation_index(value: Value<'_>) -> Read<i64> {
    let index = match value {
        Value::Empty | Value::Str("") => return Read::Absent,
        Value::Int(index) => Some(index),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    };
    match index {
        None => Read::Foreign,
        Some(..0) => Read::Absent,
        Some(index) => Read::Known(index),
    }
}

/// Whether an attribute says yes.
pub(super) fn is_true(value: Value<'_>) -> bool {
    matches!(value, Value::Bool(true) | Value::Str("true"))
}

/// Text that would have to be unquoted twice stays: nobody could tell later how often it was.
fn unquote(text: &str) -> Text<'_> {
    match unquoted(text) {
        Some(inner) if unquoted(&inner).is_none() => Cow::Owned(inner),
        _ => Cow::Borrowed(text),
    }
}

fn unquoted(text: &str) -> Option<String> {
    if text.len() < 2 || !text.starts_with('"') || !text.ends_with('"') {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn lower_case(text: Text<'_>) -> Text<'_> {
    if text.is_ascii() {
        let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return if upper { Cow::Owned(text.to_ascii_lowercase()) } else { text };
    }
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_become_text_and_emptiness_nothing() {
        assert_eq!(text(Value::Bool(true)), Read::Known("true".into()));
        assert_eq!(text(Value::Int(-7)), Read::Known("-7".into()));
        assert_eq!(text(Value::Double(0.25)), Read::Known("0.25".into()));
        assert_eq!(text(Value::Str("")), Read::Absent);
        assert_eq!(text(Value::Empty), Read::Absent);
        assert_eq!(text(Value::Bytes(b"on")), Read::Foreign);
        assert_eq!(key(Value::Str("  a flag ")), Read::Known("a flag".into()));
        assert_eq!(key(Value::Str(" \t")), Read::Absent);
    }

    #[test]
    fn placeholders_say_nothing() {
        assert_eq!(variant(Value::Str("SdkDefault")), Read::Absent);
        assert_eq!(variant(Value::Str("sdkdefault")), Read::Known("sdkdefault".into()));
        assert_eq!(context_id(Value::Str("undefined-targetingKey")), Read::Absent);
        for nothing in NO_VALUE {
            assert_eq!(value(Value::Str(nothing)), Read::Absent, "{nothing}");
        }
        assert_eq!(value(Value::Str("\"null\"")), Read::Absent);
    }

    #[test]
    fn reasons_are_in_lower_case_and_words_that_are_none_of_the_conventions_are_translated() {
        let known =
            |reason| match super::reason(Value::Str(reason), &[("mine", "theirs"), ("off", "disabled")]) {
                Read::Known(reason) => reason.into_owned(),
                other => format!("{other:?}"),
            };
        assert_eq!(known("STATIC"), "static");
        assert_eq!(known("Targeting_Match_Split"), "targeting_match");
        assert_eq!(known("offline"), "default");
        assert_eq!(known("Yours"), "yours");
        assert_eq!(known("OFF"), "disabled");
        assert_eq!(reason_original(Value::Str("OffLine")), Some("OffLine".into()));
        assert_eq!(reason_original(Value::Str("STATIC")), None);
    }

    #[test]
    fn a_variation_is_counted_from_0_in_whatever_type() {
        assert_eq!(variation_index(Value::Int(0)), Read::Known(0));
        assert_eq!(variation_index(Value::Str("12")), Read::Known(12));
        assert_eq!(variation_index(Value::Int(-1)), Read::Absent);
        assert_eq!(variation_index(Value::Str("")), Read::Absent);
        assert_eq!(variation_index(Value::Str("on")), Read::Foreign);
        assert_eq!(variation_index(Value::Bool(true)), Read::Foreign);
    }

    #[test]
    fn error_codes_are_known_with_and_without_separators_and_prefix() {
        let known = |code| match error_type(Value::Str(code)) {
            Read::Known(code) => code.into_owned(),
            other => format!("{other:?}"),
        };
        for code in ["flagnotfound", "FLAG_NOT_FOUND", "ErrorCode.FLAG_NOT_FOUND", "errorcode.flag_not_found"]
        {
            assert_eq!(known(code), "flag_not_found", "{code}");
        }
        assert_eq!(known("FLAG_CONFIG"), "parse_error");
        assert_eq!(known("java.lang.RuntimeException"), "java.lang.RuntimeException");
        assert_eq!(known("_OTHER"), "_OTHER");
        assert_eq!(error_type(Value::Str("")), Read::Absent);
    }

    #[test]
    fn quoted_values_are_unquoted_once_and_for_all() {
        let known = |text| match value(Value::Str(text)) {
            Read::Known(Evaluated::Text(text)) => text.into_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(known(r#""red""#), "red");
        assert_eq!(known(r#""a\"b""#), "a\"b");
        assert_eq!(known(r#"""#), "\"");
        assert_eq!(known(r#""\"red\"""#), r#""\"red\"""#);
        assert_eq!(known(r#"{"limit":5}"#), r#"{"limit":5}"#);
        assert_eq!(known(""), "");
    }
}
