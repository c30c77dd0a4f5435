//! `config/burgee.schema.json` is the schema of the components as they are, takes every configuration here that burgee
//! takes, and refuses the usual slips. `UPDATE_GOLDEN=1 cargo test --test schema` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use burgee::config::{self, Secrets, Source};
use burgee::registry::{Plan, Section, known, schema};
use serde_json::Value;

#[test]
fn the_file_is_the_schema_of_the_components() {
    let file = root().join("config/burgee.schema.json");
    let now = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &now).expect("a folder of ours");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == now, "UPDATE_GOLDEN=1 cargo test --test schema writes config/burgee.schema.json anew");
}

#[test]
fn every_type_has_a_schema() {
    let schema = schema();
    for section in Section::ALL {
        let types = &schema["properties"][section.key()]["anyOf"][0]["patternProperties"];
        let types = types.as_object().unwrap_or_else(|| panic!("{}: {types}", section.key()));
        assert_eq!(types.len(), known(section).len());
        for (kind, of) in types {
            let name = of["$ref"].as_str().and_then(|of| of.strip_prefix("#/definitions/")).expect("a $ref");
            assert!(schema["definitions"].get(name).is_some(), "{kind}: add {name} to registry/schema.rs");
        }
    }
}

#[test]
fn what_burgee_takes_fits_the_schema() {
    let schema = schema();
    let mut fitting = 0;
    let folders = ["config", "examples/compose", "tests/collector_configs"];
    for file in folders.iter().flat_map(|folder| yaml_files(&root().join(folder))) {
        let text = fs::read_to_string(&file).expect("a file");
        let source = Source::new(file.display().to_string(), text);
        let env = |_: &str| Some("localhost:4317".to_owned());
        if Plan::read(std::slice::from_ref(&source), &env).is_ok() {
            let tree = config::read(&source).expect("a plan was made of it").to_json(Secrets::Shown);
            check(&schema, &schema, &tree).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
            fitting += 1;
        }
    }
    assert!(fitting >= 8, "only {fitting}");
}

#[test]
fn slips_do_not_fit_the_schema() {
    for slip in [
        "recievers: {}",
        "receivers: {otlp: {protocols: {htttp: }}}",
        "receivers: {otlp: {protocols: {grpc: {endpoint: no-port}}}}",
        "receivers: {jaeger: }",
        "receivers: [otlp]",
        "processors: {batch: {timeout: 5}}",
        "processors: {feature_flag: {originals: perhaps}}",
        "exporters: {otlp_grpc: {endpoint: 'x:1', compresion: gzip}}",
        "exporters: {otlp_grpc: {endpoint: 'x:1', sending_queue: {num_consumers: many}}}",
        "service: {pipelines: {trace: {receivers: [otlp], exporters: [debug]}}}",
        "service: {pipelines: {traces: {recievers: [otlp]}}}",
    ] {
        assert!(fits(slip).is_err(), "{slip}");
    }
    for right in [
        "receivers: {otlp: {protocols: {grpc: , http: {endpoint: '${env:HOST}:4318'}}}}",
        "receivers: {'otlp / eu': {protocols: {grpc: {enabled: false}}}}",
        "receivers: ${file:receivers.yaml}",
        "exporters: {otlp_http/x: {endpoint: 'http://x:1', timeout: '${env:T}', headers: [{name: a, value: b}]}}",
        "processors: {feature_flag: {project: off, definitions: {file: a}}, batch: {timeout: 5s, send_batch_size: }}",
        "service: {extensions: , pipelines: {logs/a: {receivers: 'otlp', exporters: [debug]}}}",
    ] {
        fits(right).unwrap_or_else(|why| panic!("{right}: {why}"));
    }
}

fn fits(text: &str) -> Result<(), String> {
    let tree = config::read(&Source::new("test.yaml", text)).expect("YAML").to_json(Secrets::Shown);
    check(&schema(), &schema(), &tree)
}

/// The keywords of JSON Schema that the schema uses; others are an error, so that none is taken for granted.
fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else { return Ok(()) };
    let fails = |what: &str| Err(format!("{value} is not {what}"));
    for (keyword, wanted) in keywords {
        match keyword.as_str() {
            "$schema" | "title" | "description" | "definitions" | "writeOnly" | "deprecated" => {}
            "$ref" => {
                let name = wanted.as_str().and_then(|of| of.strip_prefix("#/definitions/")).expect("a $ref");
                check(root, &root["definitions"][name], value)?;
            }
            "type" => {
                let names = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
                if !names.iter().any(|name| is_of_type(value, name.as_str().unwrap_or_default())) {
                    return fails(&wanted.to_string());
                }
            }
            "enum" if !wanted.as_array().is_some_and(|known| known.contains(value)) => {
                return fails(&wanted.to_string());
            }
            "const" if wanted != value => return fails(&wanted.to_string()),
            "pattern" => {
                let pattern = regex::Regex::new(wanted.as_str().expect("a text")).expect("a pattern");
                if value.as_str().is_some_and(|text| !pattern.is_match(text)) {
                    return fails(&wanted.to_string());
                }
            }
            "minimum" if value.as_f64() < wanted.as_f64() && value.is_number() => return fails("enough"),
            "maximum" if value.as_f64() > wanted.as_f64() => return fails("small enough"),
            "required" => {
                let keys = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
                for key in keys {
                    if value.is_object() && value.get(key).is_none() {
                        return fails(&format!("complete: {key}"));
                    }
                }
            }
            "items" => {
                value.as_array().into_iter().flatten().try_for_each(|item| check(root, wanted, item))?;
            }
            "properties" | "patternProperties" | "additionalProperties" => check_key(root, keywords, value)?,
            "anyOf" | "oneOf" => {
                let tried: Vec<_> =
                    wanted.as_array().into_iter().flatten().map(|one| check(root, one, value)).collect();
                if !tried.iter().any(Result::is_ok) {
                    return tried.into_iter().next().unwrap_or(Ok(()));
                }
            }
            "allOf" => {
                wanted.as_array().into_iter().flatten().try_for_each(|one| check(root, one, value))?;
            }
            "enum" | "const" | "minimum" | "maximum" | "minItems" => {}
            other => panic!("this test does not know the keyword {other}"),
        }
    }
    Ok(())
}

fn check_key(root: &Value, keywords: &serde_json::Map<String, Value>, value: &Value) -> Result<(), String> {
    for (key, inner) in value.as_object().into_iter().flatten() {
        let patterns = keywords.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        let by_pattern = patterns
            .filter(|(pattern, _)| regex::Regex::new(pattern).expect("a pattern").is_match(key))
            .map(|(_, schema)| schema);
        let by_name = keywords.get("properties").and_then(|known| known.get(key));
        let found: Vec<&Value> = by_name.into_iter().chain(by_pattern).collect();
        match (found.as_slice(), keywords.get("additionalProperties")) {
            ([], Some(Value::Bool(false))) => return Err(format!("unknown key {key}")),
            ([], Some(rest)) => check(root, rest, inner).map_err(|why| format!("{key}: {why}"))?,
            (found, _) => {
                found
                    .iter()
                    .try_for_each(|one| check(root, one, inner).map_err(|why| format!("{key}: {why}")))?;
            }
        }
    }
    Ok(())
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".yaml"))
        .collect();
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
