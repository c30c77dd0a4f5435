use std::slice;

use serde::de::{
    self, DeserializeSeed, Deserializer, Error, IntoDeserializer, Unexpected, Visitor,
    value::{BorrowedStrDeserializer, StrDeserializer},
};
use serde_yaml::Value;

use super::{Context, Failure, unknown_key};
use crate::{
    config::tree::{Entry, Kind, Node, Scalar},
    values::{NULL_IS_OFF, NULL_IS_ON, split_list},
};

/// serde's view of a node.
#[derive(Clone, Copy)]
pub(super) struct Decoder<'de> {
    node: &'de Node,
    context: &'de Context,
    /// Null means a map without entries, not "leave the default".
    null_is_map: bool,
    /// The key `enabled` belongs to the block, not to its settings.
    hides_enabled: bool,
}

impl<'de> Decoder<'de> {
    pub(super) fn root(node: &'de Node, context: &'de Context) -> Self {
        Decoder { node, context, null_is_map: true, hides_enabled: false }
    }

    fn inner(node: &'de Node, context: &'de Context) -> Self {
        Decoder { node, context, null_is_map: false, hides_enabled: false }
    }

    fn unfit<T>(self, expected: &dyn de::Expected) -> Result<T, Failure> {
        Err(Failure::invalid_type(Unexpected::Other(""), expected))
    }

    /// Map entries as a struct (`known`) or a map reads them.
    fn entries(self, known: Option<&'static [&'static str]>) -> Option<Entries<'de>> {
        let entries = match &self.node.kind {
            Kind::Map(entries) => entries.as_slice(),
            Kind::Null if self.null_is_map => &[],
            _ => return None,
        };
        Some(Entries { of: self, rest: entries.iter(), value: None, known })
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.kind {
            Kind::Scalar(Scalar { value: value @ Value::Number(_), .. }) => typed(value, visitor),
            _ => self.unfit(&visitor),
        }
    }

    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => self.unfit(&visitor),
        }
    }

    fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.kind {
            Kind::Seq(items) => visitor.visit_seq(Items { rest: items.iter(), context: self.context }),
            Kind::Scalar(Scalar { value: Value::String(text), .. }) => {
                let items = split_list(text).map(BorrowedStrDeserializer::<Failure>::new);
                let split = visitor.visit_seq(de::value::SeqDeserializer::new(items));
                // An item of another type than text: then a list was wanted, not this text.
                split.map_err(|failure| match failure.what {
                    super::What::Unfit { .. } => Failure::invalid_type(Unexpected::Other(""), &"a sequence"),
                    _ => failure,
                })
            }
            _ => self.unfit(&visitor),
        }
    }

    fn any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Scalar(scalar) => typed(&scalar.value, visitor),
            Kind::Seq(_) => self.list(visitor),
            Kind::Map(_) => self.map(None, visitor),
        }
    }

    fn map<V: Visitor<'de>>(
        self,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.entries(known) {
            Some(entries) => visitor.visit_map(entries),
            None => self.unfit(&visitor),
        }
    }

    /// See [`crate::values::Optional`].
    fn block<V: Visitor<'de>>(self, null_is_on: bool, visitor: V) -> Result<V::Value, Failure> {
        let settings = Decoder { null_is_map: true, hides_enabled: true, ..self };
        let enabled = self.node.entry("enabled").map(|entry| &entry.value).filter(|node| !node.is_null());
        match (&self.node.kind, enabled) {
            (Kind::Null, _) if !null_is_on => visitor.visit_none(),
            (_, Some(enabled)) => match &enabled.kind {
                Kind::Scalar(Scalar { value: Value::Bool(true), .. }) => visitor.visit_some(settings),
                // What is switched off is not read any further, as in the Collector.
                Kind::Scalar(Scalar { value: Value::Bool(false), .. }) => visitor.visit_none(),
                _ if self.context.is_skipped(enabled) => visitor.visit_some(settings),
                _ => Err(Failure::invalid_type(Unexpected::Other(""), &"a boolean").locate(enabled)),
            },
            (_, None) => visitor.visit_some(settings),
        }
    }
}

macro_rules! located {
    ($($method:ident => $how:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.$how(visitor).map_err(|failure| failure.locate(self.node))
        }
    )*};
}

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = Failure;

    located! {
        deserialize_any => any,
        deserialize_i8 => number, deserialize_i16 => number, deserialize_i32 => number, deserialize_i64 => number,
        deserialize_i128 => number, deserialize_u8 => number, deserialize_u16 => number,
        deserialize_u32 => number, deserialize_u64 => number, deserialize_u128 => number,
        deserialize_f32 => number, deserialize_f64 => number,
        deserialize_char => text, deserialize_str => text, deserialize_string => text,
        deserialize_identifier => text, deserialize_bytes => text, deserialize_byte_buf => text,
        deserialize_seq => list,
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let read = match &self.node.kind {
            Kind::Scalar(Scalar { value: Value::Bool(value), .. }) => visitor.visit_bool(*value),
            _ => self.unfit(&visitor),
        };
        read.map_err(|failure| failure.locate(self.node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.is_null() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
        .map_err(|failure| failure.locate(self.node))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match name {
            NULL_IS_ON => self.block(true, visitor),
            NULL_IS_OFF => self.block(false, visitor),
            _ => visitor.visit_newtype_struct(self),
        }
        .map_err(|failure| failure.locate(self.node))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.map(None, visitor).map_err(|failure| failure.locate(self.node))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.map(Some(known), visitor).map_err(|failure| failure.locate(self.node))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.is_null() {
            true => visitor.visit_unit(),
            false => self.unfit(&visitor),
        }
        .map_err(|failure| failure.locate(self.node))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let read = match &self.node.kind {
            Kind::Scalar(scalar) => visitor.visit_enum(StrDeserializer::<Failure>::new(&scalar.text)),
            Kind::Map(entries) if let [entry] = entries.as_slice() => {
                visitor.visit_enum(Variant { entry, context: self.context })
            }
            Kind::Map(_) => Err(Failure::custom(format!("expected one key, one of: {}", known.join(", ")))),
            _ => self.unfit(&"enum "),
        };
        read.map_err(|failure| failure.locate(self.node))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}

fn typed<'de, V: Visitor<'de>>(value: &'de Value, visitor: V) -> Result<V::Value, Failure> {
    match value {
        Value::Bool(value) => visitor.visit_bool(*value),
        Value::String(text) => visitor.visit_borrowed_str(text),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), _, _) => visitor.visit_u64(number),
            (None, Some(number), _) => visitor.visit_i64(number),
            (None, None, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
        },
        _ => visitor.visit_unit(),
    }
}

/// The items of a list.
struct Items<'de> {
    rest: slice::Iter<'de, Node>,
    context: &'de Context,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let context = self.context;
        match self.rest.find(|item| !context.is_skipped(item)) {
            Some(item) => seed.deserialize(Decoder::inner(item, context)).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The entries of a map or a struct; those that a struct does not know are noted and passed over.
struct Entries<'de> {
    of: Decoder<'de>,
    rest: slice::Iter<'de, Entry>,
    value: Option<&'de Node>,
    known: Option<&'static [&'static str]>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Failure;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Decoder { node, context, hides_enabled, .. } = self.of;
        for entry in self.rest.by_ref() {
            let key = entry.key.text.as_str();
            if context.is_skipped(&entry.value) || (hides_enabled && key == "enabled") {
                continue;
            }
            if let Some(known) = self.known.filter(|known| !known.contains(&key)) {
                context.unknown.borrow_mut().push(unknown_key(node, &entry.key, known));
                continue;
            }
            self.value = Some(&entry.value);
            let key = BorrowedStrDeserializer::<Failure>::new(key);
            return seed.deserialize(key).map(Some).map_err(|failure| failure.locate(&entry.value));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let Some(value) = self.value.take() else {
            return Err(Failure::custom("a value was asked for before its key"));
        };
        let is_setting = self.known.is_some();
        let decoder = Decoder { null_is_map: !is_setting, ..Decoder::inner(value, self.of.context) };
        seed.deserialize(decoder).map_err(|failure| {
            let mut failure = failure.locate(value);
            let is_own = failure.node == Some(super::address(value));
            failure.is_null_setting |= is_own && is_setting && value.is_null();
            failure
        })
    }
}

/// An enum's variant with its settings: a map with one key.
struct Variant<'de> {
    entry: &'de Entry,
    context: &'de Context,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Failure;
    type Variant = Decoder<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), Failure> {
        let name: StrDeserializer<'_, Failure> = self.entry.key.text.as_str().into_deserializer();
        let settings = Decoder { null_is_map: true, ..Decoder::inner(&self.entry.value, self.context) };
        seed.deserialize(name).map(|variant| (variant, settings))
    }
}

impl<'de> de::VariantAccess<'de> for Decoder<'de> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match self.node.is_null() {
            true => Ok(()),
            false => Err(Failure::invalid_type(Unexpected::Other(""), &"unit").locate(self.node)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_struct("", known, visitor)
    }
}
