//! From a value to the variation that has it (D1).

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Declared;

use crate::otlp::Value;

/// A value as an evaluation tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen<'a> {
    /// With its type: `true` is not `"true"`.
    Typed(Value<'a>),
    /// Only as text, whatever its type was.
    Text(&'a str),
}

/// The values of a flag's variations by their names.
pub(super) type Variations = BTreeMap<String, Arc<Declared>>;

/// The one variation that has this value.
pub(super) fn variation_of<'d>(variations: &'d Variations, seen: Seen<'_>) -> Option<&'d str> {
    match seen {
        // Text that could mean several variations, had it come without its type, decides nothing: it may have come
        // that way, through another burgee.
        Seen::Typed(Value::Str(text)) => of_text(variations, text)
            .filter(|name| variations.get(*name).and_then(|declared| declared.as_str()) == Some(text)),
        Seen::Typed(value) => only(variations, |declared| is(declared, value)),
        Seen::Text(text) => of_text(variations, text),
    }
}

fn of_text<'d>(variations: &'d Variations, text: &str) -> Option<&'d str> {
    // read once, however many variations are lists or maps
    let json = LazyCell::new(|| json(text));
    only(variations, |declared| match declared {
        Declared::Array(_) | Declared::Object(_) => json.as_ref().is_some_and(|value| equal(declared, value)),
        declared => is_text(declared, text),
    })
}

fn only(variations: &Variations, fits: impl Fn(&Declared) -> bool) -> Option<&str> {
    let mut fitting = variations.iter().filter(|(_, declared)| fits(declared));
    let (name, _) = fitting.next()?;
    fitting.next().is_none().then_some(name)
}

fn is(declared: &Declared, value: Value<'_>) -> bool {
    match (declared, value) {
        (Declared::String(declared), Value::Str(value)) => declared == value,
        (Declared::Bool(declared), Value::Bool(value)) => *declared == value,
        (Declared::Number(declared), Value::Int(value)) => match declared.as_i64() {
            Some(declared) => declared == value,
            None => declared.as_f64() == Some(value as f64),
        },
        (Declared::Number(declared), Value::Double(value)) => declared.as_f64() == Some(value),
        (Declared::Array(declared), Value::Array(values)) => {
            let mut values = values.iter();
            declared.iter().all(|declared| values.next().is_some_and(|value| is(declared, value)))
                && values.next().is_none()
        }
        (Declared::Object(declared), Value::Map(fields)) => {
            let known = |(key, value)| declared.get(key).is_some_and(|declared| is(declared, value));
            fields.iter().count() == declared.len() && fields.iter().all(known)
        }
        _ => false,
    }
}

/// Whether the text is a declared value that is no list and no map.
fn is_text(declared: &Declared, text: &str) -> bool {
    match declared {
        Declared::Null | Declared::Array(_) | Declared::Object(_) => false,
        Declared::String(declared) => declared == text,
        // Python writes `True`
        Declared::Bool(declared) => text.eq_ignore_ascii_case(if *declared { "true" } else { "false" }),
        Declared::Number(declared) => is_number(declared, text),
    }
}

/// A list or a map that the text is.
fn json(text: &str) -> Option<Declared> {
    if !text.starts_with(['[', '{']) || text.len() > JSON_BYTES_MAX {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// `5`, `5.0` and `5e0` are one number: senders write them as their language does.
fn is_number(declared: &serde_json::Number, text: &str) -> bool {
    match (declared.as_i64(), text.parse::<i64>()) {
        (Some(declared), Ok(value)) => declared == value,
        _ => declared.as_f64().is_some_and(|declared| text.parse() == Ok(declared)),
    }
}

fn equal(a: &Declared, b: &Declared) -> bool {
    match (a, b) {
        (Declared::Number(a), Declared::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Declared::Array(a), Declared::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Declared::Object(a), Declared::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// JSON text that is longer is the value of no variation: each evaluation would pay for reading it.
const JSON_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variations(value: Declared) -> Variations {
        let Declared::Object(map) = value else { panic!("no map: {value}") };
        map.into_iter().map(|(name, value)| (name, Arc::new(value))).collect()
    }

    #[test]
    fn a_typed_value_is_not_its_text() {
        let variations = variations(json!({"on": true, "text": "off", "five": 5, "half": 0.5}));
        let typed = |value| variation_of(&variations, Seen::Typed(value));
        assert_eq!(typed(Value::Bool(true)), Some("on"));
        assert_eq!(typed(Value::Str("true")), None);
        assert_eq!(typed(Value::Str("off")), Some("text"));
        assert_eq!(typed(Value::Int(5)), Some("five"));
        assert_eq!(typed(Value::Double(5.0)), Some("five"));
        assert_eq!(typed(Value::Double(0.5)), Some("half"));
        assert_eq!(typed(Value::Double(f64::NAN)), None);
        assert_eq!(typed(Value::Empty), None);
    }

    #[test]
    fn text_stands_for_a_value_of_any_type() {
        let variations =
            variations(json!({"on": true, "five": 5, "half": 0.5, "big": i64::MAX, "map": {"a": [1, "x"]}}));
        let text = |text| variation_of(&variations, Seen::Text(text));
        assert_eq!(text("true"), Some("on"));
        assert_eq!(text("True"), Some("on"));
        assert_eq!(text("5"), Some("five"));
        assert_eq!(text("5.0"), Some("five"));
        assert_eq!(text("9223372036854775807"), Some("big"));
        assert_eq!(text("9223372036854775806"), None);
        assert_eq!(text(r#"{ "a": [1.0, "x"] }"#), Some("map"));
        assert_eq!(text(r#"{"a":[1]}"#), None);
        assert_eq!(text("inf"), None);
        assert_eq!(text(""), None);
    }

    #[test]
    fn a_value_of_several_variations_decides_nothing() {
        let two = variations(json!({"Default": false, "False": false, "True": true}));
        assert_eq!(variation_of(&two, Seen::Typed(Value::Bool(false))), None);
        assert_eq!(variation_of(&two, Seen::Typed(Value::Bool(true))), Some("True"));
        let mixed = variations(json!({"a": true, "b": "true"}));
        assert_eq!(variation_of(&mixed, Seen::Text("true")), None);
        assert_eq!(variation_of(&mixed, Seen::Typed(Value::Str("true"))), None);
        assert_eq!(variation_of(&mixed, Seen::Typed(Value::Bool(true))), Some("a"));
    }
}
