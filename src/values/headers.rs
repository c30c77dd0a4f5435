use std::{borrow::Cow, fmt};

use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use super::{REDACTED, Secret};

/// Headers to send: a map, or a list of `{name, value}` as the Collector also reads.
///
/// Names are valid and unique, whatever their case; values are valid and marked sensitive, so that neither
/// `Debug` nor HPACK's table gives them away.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(HeaderMap);

/// Why a name and a value are no header. Never shows the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    #[error("\"{0}\" is not a header's name: letters, digits and -_.~!#$%&'*+^`| only")]
    Name(String),
    #[error("the value of header \"{0}\" holds a line break or another control character")]
    Value(String),
    #[error("header \"{0}\" occurs twice; names do not differ by case")]
    Twice(String),
}

impl Headers {
    /// Adds one header, unless it is there already or not a header.
    pub fn add(&mut self, name: &str, value: &Secret) -> Result<(), InvalidHeader> {
        let header =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidHeader::Name(name.to_owned()))?;
        let mut value =
            HeaderValue::from_str(value.reveal()).map_err(|_| InvalidHeader::Value(name.to_owned()))?;
        value.set_sensitive(true);
        match self.0.insert(header, value) {
            None => Ok(()),
            Some(_) => Err(InvalidHeader::Twice(name.to_owned())),
        }
    }

    pub fn get(&self) -> &HeaderMap {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.0.keys().map(|name| (name, REDACTED))).finish()
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.0.len()))?;
        for name in self.0.keys() {
            map.serialize_entry(name.as_str(), REDACTED)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Headers;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a map of headers")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some((name, value)) = entries.next_entry::<String, Secret>()? {
                    headers.add(&name, &value).map_err(de::Error::custom)?;
                }
                Ok(headers)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut pairs: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(Pair { name, value }) = pairs.next_element()? {
                    headers.add(&name, &value).map_err(de::Error::custom)?;
                }
                Ok(headers)
            }
        }

        input.deserialize_any(Visitor)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    value: Secret,
}

impl JsonSchema for Headers {
    fn schema_name() -> Cow<'static, str> {
        "Headers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<Secret>();
        json_schema!({
            "description": "Headers to send: a map, or a list of {name, value}.",
            "anyOf": [
                {"type": "object", "additionalProperties": value},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "value": value},
                        "required": ["name"]
                    }
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_and_a_list_of_pairs_mean_the_same() {
        let map: Headers = serde_json::from_str(r#"{"X-Team": "a", "host": "b"}"#).unwrap();
        let list: Headers =
            serde_json::from_str(r#"[{"name": "x-team", "value": "a"}, {"name": "Host", "value": "b"}]"#)
                .unwrap();
        assert_eq!(map, list);
        assert_eq!(map.get()["x-team"], "a");
        assert!(map.get()["x-team"].is_sensitive());
    }

    #[test]
    fn what_is_no_header_is_refused_without_its_value() {
        for (json, reason) in [
            (r#"{"a b": "hunter2"}"#, "not a header's name"),
            (r#"{"a": "hunter2\n"}"#, "line break"),
            (r#"{"a": "hunter2", "A": "hunter2"}"#, "twice"),
            (r#"[{"name": "a", "valu": "hunter2"}]"#, "unknown field"),
        ] {
            let error = serde_json::from_str::<Headers>(json).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_value_is_never_printed() {
        let headers: Headers = serde_json::from_str(r#"{"authorization": "hunter2"}"#).unwrap();
        let json = serde_json::to_string(&headers).unwrap();
        assert_eq!(json, r#"{"authorization":"[REDACTED]"}"#);
        assert!(!format!("{headers:?}").contains("hunter2"));
    }
}
