use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes: `4MiB`, `512KiB`, `1.5GiB`, `10MB` (10,000,000) or a plain number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// Why a text is no [`ByteSize`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a size in bytes; try \"4MiB\", \"512KiB\" or a plain number")]
pub struct InvalidByteSize(String);

impl ByteSize {
    pub const fn bytes(bytes: u64) -> Self {
        ByteSize(bytes)
    }

    pub const fn mib(mebibytes: u64) -> Self {
        ByteSize(mebibytes << 20)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// The size as a length in memory; on a 32-bit machine, larger sizes are that machine's largest.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidByteSize(text.to_owned());
        let trimmed = text.trim();
        if !trimmed.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return Err(invalid());
        }
        trimmed.parse::<bytesize::ByteSize>().map(|size| ByteSize(size.as_u64())).map_err(|_| invalid())
    }
}

impl fmt::Display for ByteSize {
    /// The largest binary unit that says it exactly: `4MiB`, `1536KiB`, `1000`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = [(30, "GiB"), (20, "MiB"), (10, "KiB")]
            .into_iter()
            .find(|(shift, _)| self.0 > 0 && self.0.trailing_zeros() >= *shift);
        match unit {
            Some((shift, name)) => write!(out, "{}{name}", self.0 >> shift),
            None => write!(out, "{}", self.0),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ByteSize;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a size such as 4MiB")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(bytes))
            }
        }

        input.deserialize_any(Visitor)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes: 4MiB, 512KiB, 10MB or a plain number.",
            "anyOf": [
                {"type": "string", "pattern": "^[0-9.]+ *([kKmMgGtTpP][iI]?)?[bB]?$"},
                {"type": "integer", "minimum": 0}
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        for (text, bytes) in [
            ("1MiB", 1 << 20),
            ("512KiB", 512 << 10),
            ("1.5GiB", 3 << 29),
            ("4mib", 4 << 20),
            ("10MB", 10_000_000),
            ("4096", 4096),
            ("0", 0),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        assert_eq!(serde_json::from_str::<ByteSize>("4096").unwrap(), ByteSize(4096));
        assert_eq!(serde_json::from_str::<ByteSize>("\"4KiB\"").unwrap(), ByteSize(4096));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "-1", "MiB", "4 bananas", "inf", "NaN"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<ByteSize>("-1").is_err());
    }

    #[test]
    fn what_is_printed_reads_back() {
        for bytes in [0, 1, 1000, 1024, 1536 << 10, 4 << 20, 3 << 30, (1 << 20) + 1] {
            let printed = ByteSize(bytes).to_string();
            assert_eq!(printed.parse(), Ok(ByteSize(bytes)), "{printed}");
        }
        assert_eq!(ByteSize::mib(4).to_string(), "4MiB");
    }
}
