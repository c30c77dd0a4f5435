//! A value as text, as the Collector writes it wherever it needs one (`pcommon.Value.AsString`).

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::otlp::Value;

/// Text as it is; numbers and bools as in JSON; bytes in base64; lists and maps as JSON, keys in order; nothing as the
/// empty text.
pub fn text_of<'a>(value: &Value<'a>) -> Cow<'a, str> {
    match *value {
        Value::Empty => Cow::Borrowed(""),
        Value::Str(text) => Cow::Borrowed(text),
        Value::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Value::Int(value) => Cow::Owned(value.to_string()),
        Value::Double(value) => Cow::Owned(double(value)),
        Value::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        Value::Array(_) | Value::Map(_) => {
            let mut json = String::new();
            // Go's encoder refuses what JSON has no word for, and then the text is empty.
            match put_json(&mut json, value) {
                true => Cow::Owned(json),
                false => Cow::Borrowed(""),
            }
        }
    }
}

/// As Go's JSON encoder writes it: the shortest form, with an exponent for what is very small or very large.
fn double(value: f64) -> String {
    if value.is_nan() || value.is_infinite() {
        let word = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        return format!("json: unsupported value: {word}");
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        // Rust writes 1e21 and 1e-7, Go 1e+21 and 1e-07, of which its encoder keeps 1e-7
        return match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
            _ => text,
        };
    }
    // a negative zero keeps its sign in both
    format!("{value}")
}

/// Whether JSON can say it. The door bounds how deep values are.
fn put_json(out: &mut String, value: &Value<'_>) -> bool {
    match *value {
        Value::Empty => out.push_str("null"),
        Value::Str(text) => put_text(out, text),
        Value::Double(value) if !value.is_finite() => return false,
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => out.push_str(&text_of(value)),
        Value::Bytes(bytes) => put_text(out, &STANDARD.encode(bytes)),
        Value::Array(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                if !put_json(out, &value) {
                    return false;
                }
            }
            out.push(']');
        }
        Value::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().collect();
            pairs.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, value)) in pairs.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                put_text(out, key);
                out.push(':');
                if !put_json(out, value) {
                    return false;
                }
            }
            out.push('}');
        }
    }
    true
}

fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // Go escapes the separators of lines, so that its JSON may stand in JavaScript
            '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => {
                let _ = write!(out, "\\u{:04x}", letter as u32);
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::OwnedValue;

    #[test]
    fn scalars_are_written_as_in_json() {
        let text = |value: Value<'static>| text_of(&value).into_owned();
        assert_eq!(text(Value::Double(1.0)), "1");
        assert_eq!(text(Value::Double(0.1)), "0.1");
        assert_eq!(text(Value::Double(1e21)), "1e+21");
        assert_eq!(text(Value::Double(-2.5e-9)), "-2.5e-9");
        assert_eq!(text(Value::Double(123_456_789_012_345_680_000.0)), "123456789012345680000");
        assert_eq!(text(Value::Int(-7)), "-7");
        assert_eq!(text(Value::Bytes(b"\xff\x00")), "/wA=");
        assert_eq!(text(Value::Empty), "");
    }

    #[test]
    fn lists_and_maps_are_json_with_keys_in_order() {
        let text = |value| OwnedValue::new(value);
        let value = OwnedValue::map([
            ("z", OwnedValue::array([text(Value::Empty), text(Value::Str("<a>\n\"&\""))])),
            ("a", text(Value::Double(2.0))),
        ]);
        assert_eq!(text_of(&value.value()), r#"{"a":2,"z":[null,"<a>\n\"&\""]}"#);
        let unspeakable = OwnedValue::array([text(Value::Double(f64::NAN))]);
        assert_eq!(text_of(&unspeakable.value()), "");
    }
}
