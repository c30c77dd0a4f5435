//! The settings of `filter`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The keys of the Collector's `filterprocessor` 0.155.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Read; what it says makes no difference.
    pub error_mode: ErrorMode,
    /// What is dropped of traces.
    pub traces: TraceFilters,
    /// What is dropped of metrics.
    pub metrics: MetricFilters,
    /// What is dropped of logs.
    pub logs: LogFilters,
    /// In the newer style, instead of `traces`: paths with prefixes.
    pub trace_conditions: Vec<Conditions>,
    /// Instead of `metrics`.
    pub metric_conditions: Vec<Conditions>,
    /// Instead of `logs`.
    pub log_conditions: Vec<Conditions>,
    /// An older style, which is refused.
    pub spans: Option<Anything>,
    /// burgee carries none.
    pub profiles: Option<Anything>,
    /// burgee carries none.
    pub profile_conditions: Option<Anything>,
}

/// What the Collector does where a condition cannot be evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErrorMode {
    Ignore,
    Silent,
    #[default]
    Propagate,
}

/// What is dropped of traces: whatever one of the conditions holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TraceFilters {
    /// All spans of a resource.
    pub resource: Vec<String>,
    /// Conditions; a span for which one holds is dropped.
    pub span: Vec<String>,
    /// Events of the spans that stay.
    pub spanevent: Vec<String>,
}

/// What is dropped of metrics.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricFilters {
    /// All metrics of a resource.
    pub resource: Vec<String>,
    /// All data points of a metric.
    pub metric: Vec<String>,
    /// A data point for which one of these holds.
    pub datapoint: Vec<String>,
    /// An older style, which is refused.
    pub include: Option<Anything>,
    /// An older style, which is refused.
    pub exclude: Option<Anything>,
    /// Belongs to the older style.
    pub regexp: Option<Anything>,
}

/// What is dropped of logs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogFilters {
    /// All log records of a resource.
    pub resource: Vec<String>,
    /// A record for which one of these holds.
    pub log_record: Vec<String>,
    /// An older style, which is refused.
    pub include: Option<Anything>,
    /// An older style, which is refused.
    pub exclude: Option<Anything>,
}

/// One condition, whose prefixes say what it is about, or several about the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conditions {
    One(String),
    Group(Group),
}

/// Conditions about the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    /// `resource`, `scope`, `span`, `spanevent`, `metric`, `datapoint`, `log`; absent: what the prefixes say.
    pub context: String,
    /// Conditions about that.
    pub conditions: Vec<String>,
    /// Read, but without effect in burgee.
    pub error_mode: Option<ErrorMode>,
}

/// Something that is refused whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Anything, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Anything)
    }
}

impl JsonSchema for Anything {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Anything".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Not in burgee.", "deprecated": true })
    }
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Conditions, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Conditions;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a condition, or a map of context and conditions")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Conditions, E> {
                Ok(Conditions::One(text.to_owned()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Conditions, E> {
                self.visit_str(if value { "true" } else { "false" })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Conditions, A::Error> {
                Group::deserialize(MapAccessDeserializer::new(map)).map(Conditions::Group)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Conditions {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Conditions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let group = generator.subschema_for::<Group>();
        json_schema!({ "anyOf": [{ "type": "string" }, group] })
    }
}
