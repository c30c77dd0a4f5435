use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, value::MapDeserializer},
};

/// A block of settings that is off unless written, and that also takes `enabled: true` or `false`.
///
/// The Collector has two kinds, which differ in what `grpc:` with nothing behind it means: [`Block`] and
/// [`Extra`]. Left out, both are off, unless the field has its own `#[serde(default = "…")]`. A type with an
/// `enabled` key of its own (`sending_queue`) does not need this one. Every field wants `#[serde(default)]`
/// on it or on its struct, as for `Option`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Optional<T, const NULL_IS_ON: bool>(Option<T>);

/// Naming the block turns it on: `grpc:` alone is on, with `T`'s defaults.
pub type Block<T> = Optional<T, true>;

/// Naming the block is not enough: `tls:` alone is off.
pub type Extra<T> = Optional<T, false>;

impl<T, const NULL_IS_ON: bool> Optional<T, NULL_IS_ON> {
    pub const OFF: Self = Optional(None);

    pub const fn on(settings: T) -> Self {
        Optional(Some(settings))
    }

    pub fn as_option_mut(&mut self) -> &mut Option<T> {
        &mut self.0
    }

    pub fn into_option(self) -> Option<T> {
        self.0
    }
}

impl<T, const NULL_IS_ON: bool> Default for Optional<T, NULL_IS_ON> {
    fn default() -> Self {
        Self::OFF
    }
}

impl<T, const NULL_IS_ON: bool> Deref for Optional<T, NULL_IS_ON> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<T: Serialize, const NULL_IS_ON: bool> Serialize for Optional<T, NULL_IS_ON> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(out)
    }
}

impl<'de, T: Deserialize<'de>, const NULL_IS_ON: bool> Deserialize<'de> for Optional<T, NULL_IS_ON> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let name = if NULL_IS_ON { self::NULL_IS_ON } else { NULL_IS_OFF };
        input.deserialize_newtype_struct(name, Visitor::<T, NULL_IS_ON>(PhantomData))
    }
}

impl<T: JsonSchema, const NULL_IS_ON: bool> JsonSchema for Optional<T, NULL_IS_ON> {
    fn schema_name() -> Cow<'static, str> {
        format!("Optional{}", T::schema_name()).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("Optional<{}>", T::schema_id()).into()
    }

    /// The block's own schema with the key `enabled`; null is for every key, so whoever collects the schemas adds it.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let keys = schema.ensure_object().entry("properties").or_insert_with(|| serde_json::json!({}));
        if let Some(keys) = keys.as_object_mut() {
            let enabled = json_schema!({"type": "boolean", "description": "false turns the block off."});
            keys.insert("enabled".to_owned(), enabled.to_value());
        }
        schema
    }
}

/// The name by which [`Block`] asks `config`'s decoder for its special treatment.
///
/// The decoder answers with `visit_none` for `enabled: false`, with `visit_some` and the block without its
/// `enabled` key otherwise; null is `visit_some` and an empty map.
pub const NULL_IS_ON: &str = "$burgee::Block";

/// As [`NULL_IS_ON`], for [`Extra`]: null is `visit_none`.
pub const NULL_IS_OFF: &str = "$burgee::Extra";

struct Visitor<T, const NULL_IS_ON: bool>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const NULL_IS_ON: bool> de::Visitor<'de> for Visitor<T, NULL_IS_ON> {
    type Value = Optional<T, NULL_IS_ON>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a map of settings")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Optional::OFF)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        match NULL_IS_ON {
            true => {
                T::deserialize(MapDeserializer::new(std::iter::empty::<(&str, &str)>())).map(Optional::on)
            }
            false => Ok(Optional::OFF),
        }
    }

    fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        T::deserialize(input).map(Optional::on)
    }

    /// Other formats know neither name nor `enabled`: null or the settings.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        match Option::<T>::deserialize(input)? {
            Some(settings) => Ok(Optional::on(settings)),
            None => self.visit_unit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Grpc {
        #[serde(default)]
        endpoint: Option<String>,
    }

    #[test]
    fn null_turns_a_block_on_and_leaves_an_extra_off() {
        let block: Block<Grpc> = serde_json::from_str("null").unwrap();
        assert_eq!(block, Block::on(Grpc { endpoint: None }));
        let extra: Extra<Grpc> = serde_json::from_str("null").unwrap();
        assert_eq!(extra, Extra::OFF);
    }

    #[test]
    fn settings_turn_both_on() {
        let json = r#"{"endpoint": "x:1"}"#;
        let grpc = || Grpc { endpoint: Some("x:1".to_owned()) };
        assert_eq!(serde_json::from_str::<Block<Grpc>>(json).unwrap(), Block::on(grpc()));
        assert_eq!(serde_json::from_str::<Extra<Grpc>>(json).unwrap(), Extra::on(grpc()));
    }
}
