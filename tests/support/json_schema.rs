//! As much of JSON Schema as burgee's schema uses.

use serde_json::Value;

/// The keywords of JSON Schema that the schema uses; others are an error, so that none is taken for granted.
pub fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else { return Ok(()) };
    let fails = |what: &str| Err(format!("{value} is not {what}"));
    for (keyword, wanted) in keywords {
        match keyword.as_str() {
            "$schema" | "title" | "description" | "definitions" | "writeOnly" | "deprecated" | "default" => {}
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
