use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// The value of a key that is known and has no effect in burgee: whatever it is, it is taken, so that the component
/// can name the key in a warning. As a field: `Option<Unread>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(input).map(|_| Unread)
    }
}

impl JsonSchema for Unread {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Unread".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "Read, but without effect in burgee."})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_there_is_taken() {
        for json in ["5", "\"a\"", "[1, {\"a\": 2}]", "{\"a\": [true]}"] {
            assert_eq!(serde_json::from_str::<Option<Unread>>(json).unwrap(), Some(Unread), "{json}");
        }
        assert_eq!(serde_json::from_str::<Option<Unread>>("null").unwrap(), None);
    }
}
