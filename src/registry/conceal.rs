//! Which values are secrets by their type, whatever their key is called.

use serde_json::Value;

use super::known::alias_of;
use super::{Section, schema};
use crate::config::{ComponentId, Kind, Node};

/// Marks what a component reads as a [`Secret`](crate::values::Secret): `writeOnly` in its schema. What has a secret's
/// name is marked already, by whoever read the text.
pub(super) fn conceal(root: &mut Node) {
    let schema = schema::schema();
    let Kind::Map(sections) = &mut root.kind else { return };
    for section in Section::ALL {
        let Some(entry) = sections.iter_mut().find(|entry| entry.key.text == section.key()) else { continue };
        let Kind::Map(components) = &mut entry.value.kind else { continue };
        for component in components {
            let Ok(id) = ComponentId::parse(&component.key.text) else { continue };
            let kind = alias_of(section, id.kind()).unwrap_or(id.kind());
            let definition = &schema["definitions"][format!("{} {kind}", section.noun())];
            mark(&mut component.value, definition, &schema);
        }
    }
}

/// Follows the schema into the tree; each step goes down in the tree or in the schema, which has no circles.
fn mark(node: &mut Node, schema: &Value, root: &Value) {
    if schema["writeOnly"] == true {
        return hide(node);
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|of| of.strip_prefix("#/definitions/")) {
        mark(node, &root["definitions"][name], root);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for one in schema[key].as_array().into_iter().flatten() {
            mark(node, one, root);
        }
    }
    match &mut node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::Seq(items) => items.iter_mut().for_each(|item| mark(item, &schema["items"], root)),
        Kind::Map(entries) => {
            for entry in entries {
                let of = schema["properties"].get(&entry.key.text);
                mark(&mut entry.value, of.unwrap_or(&schema["additionalProperties"]), root);
            }
        }
    }
}

fn hide(node: &mut Node) {
    node.secret = true;
    match &mut node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::Seq(items) => items.iter_mut().for_each(hide),
        Kind::Map(entries) => entries.iter_mut().for_each(|entry| hide(&mut entry.value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Secrets, Source, load};

    #[test]
    fn what_a_component_reads_as_a_secret_is_hidden_whatever_its_key() {
        let text = "exporters: {otlp/x: {endpoint: 'a:1', tls: {ca_pem: abc, key_pem: hunter2}}}";
        let mut root = load(&[Source::new("c.yaml", text)], &|_| None).expect("right").root;
        conceal(&mut root);
        let shown = root.to_yaml(Secrets::Redacted);
        assert!(!shown.contains("hunter2") && shown.contains("abc"), "{shown}");
        let schema = serde_json::json!({
            "definitions": {"S": {"writeOnly": true}},
            "properties": {"odd": {"anyOf": [{"$ref": "#/definitions/S"}, {"type": "null"}]}, "list": {"items": {"$ref": "#/definitions/S"}}}
        });
        let text = "odd: hunter2\nlist: [hunter2, {a: hunter2}]\nplain: 1\n";
        let mut root = load(&[Source::new("c.yaml", text)], &|_| None).expect("right").root;
        mark(&mut root, &schema, &schema);
        let shown = root.to_yaml(Secrets::Redacted);
        assert!(!shown.contains("hunter2") && shown.contains("plain: 1"), "{shown}");
    }
}
