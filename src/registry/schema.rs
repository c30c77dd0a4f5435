//! What may be written in a configuration, as a JSON Schema (draft 7, which editors read).
//!
//! Each component's keys come from its `Config`. What is the same everywhere is added here: unknown keys are errors,
//! null leaves a default, `${…}` may stand for any value, a text takes numbers, a list may be a text with commas.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::Section;
use super::known::{alias_of, known};
use crate::connectors::forward;
use crate::exporters::{debug, file, nop, otlp_grpc, otlp_http};
use crate::extensions::{basicauth, bearertokenauth, health_check, zpages};
use crate::processors::{
    attributes, batch, feature_flag, filter, memory_limiter, probabilistic_sampler, resource,
};
use crate::telemetry::{Logs, Metrics};
use crate::values::REDACTED;
use crate::{admin, receivers};

/// The schema of a whole configuration, as `config/burgee.schema.json` has it.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let (mut sections, mut components) = (Map::new(), Map::new());
    for section in Section::ALL {
        let mut types = Map::new();
        for kind in known(section) {
            let name = alias_of(section, kind).unwrap_or(kind);
            let id = format!("{} {name}", section.noun());
            if let Some(settings) = settings(section, name) {
                components.entry(id.clone()).or_insert_with(|| settings(&mut generator).to_value());
            }
            types.insert(format!("^\\s*{kind}\\s*(/.*)?$"), json!({"$ref": format!("#/definitions/{id}")}));
        }
        let of_section = json!({"type": "object", "patternProperties": types, "additionalProperties": false});
        sections.insert(section.key().to_owned(), of_section);
    }
    sections.insert("service".to_owned(), service(&mut generator));
    let mut definitions = generator.take_definitions(true);
    definitions.extend(components);
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "burgee",
        "description": "The configuration of burgee: the OpenTelemetry Collector's, with burgee's components.",
        "type": "object",
        "properties": sections,
        "definitions": definitions,
    });
    loosen(&mut schema);
    let reference = json!({
        "description": "${env:NAME}, ${env:NAME:-default}, ${file:path} or ${yaml:text}; or nothing: the default.",
        "type": ["string", "null"],
        "pattern": "\\$\\{"
    });
    schema["definitions"]["reference"] = reference;
    schema
}

/// The schema of a type's settings. `every_type_has_a_schema` holds that none is forgotten.
fn settings(section: Section, kind: &str) -> Option<fn(&mut SchemaGenerator) -> Schema> {
    let settings: fn(&mut SchemaGenerator) -> Schema = match (section, kind) {
        (Section::Receivers, "otlp") => receivers::otlp::Config::json_schema,
        (Section::Processors, "attributes") => attributes::Config::json_schema,
        (Section::Processors, "batch") => batch::Config::json_schema,
        (Section::Processors, "feature_flag") => feature_flag::Config::json_schema,
        (Section::Processors, "filter") => filter::Config::json_schema,
        (Section::Processors, "memory_limiter") => memory_limiter::Config::json_schema,
        (Section::Processors, "probabilistic_sampler") => probabilistic_sampler::Config::json_schema,
        (Section::Processors, "resource") => resource::Config::json_schema,
        (Section::Exporters, "otlp_grpc") => otlp_grpc::Config::json_schema,
        (Section::Exporters, "otlp_http") => otlp_http::Config::json_schema,
        (Section::Exporters, "file") => file::Config::json_schema,
        (Section::Exporters, "debug") => debug::Config::json_schema,
        (Section::Exporters, "nop") => nop::Config::json_schema,
        (Section::Connectors, "forward") => forward::Config::json_schema,
        (Section::Extensions, "basicauth") => basicauth::Config::json_schema,
        (Section::Extensions, "bearertokenauth") => bearertokenauth::Config::json_schema,
        (Section::Extensions, "admin") => admin::Config::json_schema,
        (Section::Extensions, "health_check") => health_check::Config::json_schema,
        (Section::Extensions, "zpages") => zpages::Config::json_schema,
        _ => return None,
    };
    Some(settings)
}

fn service(generator: &mut SchemaGenerator) -> Value {
    let ids = |what: &str| json!({"description": what, "type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "properties": {
            "extensions": ids("Extensions to start, in this order."),
            "pipelines": {
                "type": "object",
                "patternProperties": {
                    "^\\s*(traces|metrics|logs)\\s*(/.*)?$": {
                        "type": "object",
                        "properties": {
                            "receivers": ids("Where telemetry comes in; at least one."),
                            "processors": ids("What happens to it, in this order."),
                            "exporters": ids("Where it goes; at least one."),
                        }
                    }
                },
                "additionalProperties": false
            },
            "telemetry": {
                "description": "burgee's own logs and metrics.",
                "type": "object",
                "properties": {
                    "logs": generator.subschema_for::<Logs>(),
                    "metrics": generator.subschema_for::<Metrics>(),
                    "resource": {"description": "Who burgee says it is: names and values."},
                    "traces": {"description": "Read, but without effect in burgee."}
                }
            }
        }
    })
}

/// Adds what is the same for every setting to a schema and all below it.
fn loosen(schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else { return };
    let is_closed =
        ["additionalProperties", "patternProperties"].iter().any(|key| keywords.contains_key(*key));
    if keywords.contains_key("properties") && !is_closed {
        keywords.insert("additionalProperties".to_owned(), json!(false));
    }
    let is_said = keywords.get("default").is_none_or(|default| match default {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty() && text != REDACTED,
        Value::Array(items) => !items.is_empty(),
        // Null is for every key, and a block's defaults stand at its own keys.
        Value::Null | Value::Object(_) => false,
    });
    if !is_said {
        keywords.remove("default");
    }
    keywords.remove("format");
    for (key, inner) in keywords {
        match (key.as_str(), inner) {
            ("properties" | "patternProperties" | "definitions", Value::Object(schemas)) => {
                schemas.values_mut().for_each(setting);
            }
            ("items" | "additionalProperties", inner @ Value::Object(_)) => setting(inner),
            ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => schemas.iter_mut().for_each(loosen),
            _ => {}
        }
    }
}

/// The same for what stands behind a key: it may also be null, a reference, a number for a text, a text for a list.
fn setting(schema: &mut Value) {
    loosen(schema);
    let Some(keywords) = schema.as_object_mut() else { return };
    let types: Vec<&str> = match keywords.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_free = !["enum", "const", "pattern"].iter().any(|key| keywords.contains_key(*key));
    if types.contains(&"string") && is_free {
        keywords.insert("type".to_owned(), json!(["string", "number", "boolean", "null"]));
        return;
    }
    let is_list = types.contains(&"array");
    let is_choice = ["type", "enum", "const", "anyOf", "oneOf"].iter().any(|key| keywords.contains_key(*key));
    if !is_choice {
        return;
    }
    let mut outer = Map::new();
    for key in ["description", "title", "deprecated", "default"] {
        outer.extend(keywords.remove(key).map(|value| (key.to_owned(), value)));
    }
    let mut alternatives =
        vec![Value::Object(std::mem::take(keywords)), json!({"$ref": "#/definitions/reference"})];
    if is_list {
        alternatives.push(json!({"type": "string"}));
    }
    outer.insert("anyOf".to_owned(), Value::Array(alternatives));
    *schema = Value::Object(outer);
}
