//! Values that no payload holds.

use std::fmt::Write;

use super::edit::{KEY, VALUE, put_value};
use super::view::Value;
use super::wire;

/// Two lower-case digits for each byte: how OTLP/JSON and W3C Trace Context write identifiers.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

/// An `AnyValue` of its own, encoded: what a configuration says is to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedValue(Box<[u8]>);

impl OwnedValue {
    /// A value like one that a payload holds, or a scalar.
    pub fn new(value: Value<'_>) -> OwnedValue {
        let mut bytes = Vec::new();
        put_value(&mut bytes, value);
        OwnedValue(bytes.into())
    }

    pub fn array(values: impl IntoIterator<Item = OwnedValue>) -> OwnedValue {
        let mut body = Vec::new();
        for value in values {
            wire::put_len(&mut body, ELEMENT, &value.0);
        }
        OwnedValue::nested(ARRAY, &body)
    }

    pub fn map<K: AsRef<str>>(pairs: impl IntoIterator<Item = (K, OwnedValue)>) -> OwnedValue {
        let (mut body, mut pair) = (Vec::new(), Vec::new());
        for (key, value) in pairs {
            pair.clear();
            wire::put_len(&mut pair, KEY, key.as_ref().as_bytes());
            wire::put_len(&mut pair, VALUE, &value.0);
            wire::put_len(&mut body, ELEMENT, &pair);
        }
        OwnedValue::nested(MAP, &body)
    }

    pub fn value(&self) -> Value<'_> {
        Value::read(&self.0)
    }

    fn nested(member: u32, body: &[u8]) -> OwnedValue {
        let mut bytes = Vec::new();
        wire::put_len(&mut bytes, member, body);
        OwnedValue(bytes.into())
    }
}

/// `ArrayValue.values` and `KeyValueList.values`.
const ELEMENT: u32 = 1;
/// `AnyValue.array_value` and `AnyValue.kvlist_value`.
const ARRAY: u32 = 5;
const MAP: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_read_again() {
        let list = OwnedValue::array([OwnedValue::new(Value::Int(-1)), OwnedValue::new(Value::Empty)]);
        let map = OwnedValue::map([("list", list), ("text", OwnedValue::new(Value::Str("t")))]);
        let Value::Map(pairs) = map.value() else { panic!("{map:?} is no map") };
        assert_eq!(pairs.get("text"), Some(Value::Str("t")));
        let Some(Value::Array(values)) = pairs.get("list") else { panic!("{pairs:?} has no list") };
        assert_eq!(values.iter().collect::<Vec<_>>(), [Value::Int(-1), Value::Empty]);
    }

    #[test]
    fn a_value_is_copied_whole() {
        let map = OwnedValue::map([("a", OwnedValue::new(Value::Double(0.5)))]);
        assert_eq!(OwnedValue::new(map.value()), map);
    }
}
