//! The tables of `docs/configuration.md`, out of the JSON Schema.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Tables for all components of these sections (`receivers` and so on, with what one of it is called), then for `service`,
/// then for the blocks that several of them have.
pub fn tables(schema: &Value, sections: &[(&str, &str)]) -> String {
    let page = Page { definitions: schema["definitions"].as_object().expect("definitions") };
    let mut text = page.contents(schema, sections);
    for (section, noun) in sections {
        let _ = write!(text, "\n## {}\n", title(section));
        for (name, names) in page.components(schema, section) {
            let _ = write!(text, "\n### {noun} `{name}`\n\n");
            let others: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            if !others.is_empty() {
                let _ = write!(text, "Also known as {}. ", others.join(", "));
            }
            let _ = writeln!(text, "What it does: [its README]({}).", readme(section, &name));
            text.push_str(&page.table(&page.definitions[&format!("{noun} {name}")]));
        }
    }
    let _ = write!(text, "\n## Service\n\n{SERVICE}\n");
    text.push_str(&page.table(&schema["properties"]["service"]));
    let _ = write!(text, "\n## Blocks that several have\n");
    for (definition, heading, about) in SHARED {
        let _ = write!(text, "\n### {heading}\n\n{about}\n");
        text.push_str(&page.table(&page.definitions[definition]));
    }
    text
}

struct Page<'s> {
    definitions: &'s Map<String, Value>,
}

/// What a key's schema comes to, without what may stand for any value.
#[derive(Default)]
struct Setting<'s> {
    /// In words, each once.
    kinds: Vec<String>,
    /// The keys below it, if it is a block of its own.
    block: Option<&'s Value>,
    /// Whether it is a list of those.
    is_list: bool,
}

impl<'s> Page<'s> {
    fn contents(&self, schema: &Value, sections: &[(&str, &str)]) -> String {
        let mut text = "## Contents\n\n".to_owned();
        for (section, noun) in sections {
            let links: Vec<String> = (self.components(schema, section).keys())
                .map(|name| format!("[`{name}`](#{noun}-{name})"))
                .collect();
            let _ = writeln!(text, "- [{}](#{section}): {}", title(section), links.join(", "));
        }
        let _ = writeln!(text, "- [Service](#service)");
        let links: Vec<String> =
            SHARED.iter().map(|(_, heading, _)| format!("[{heading}](#{})", anchor(heading))).collect();
        let _ =
            writeln!(text, "- [Blocks that several have](#blocks-that-several-have): {}", links.join(", "));
        text
    }

    /// The components of a section, each with its other names.
    fn components(&self, schema: &Value, section: &str) -> BTreeMap<String, Vec<String>> {
        let types = schema["properties"][section]["anyOf"][0]["patternProperties"].as_object();
        let mut components: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (pattern, of) in types.expect("a section has types") {
            let kind = pattern.trim_start_matches("^\\s*").split("\\s*").next().expect("a name");
            let name = of["$ref"].as_str().and_then(|of| of.split(' ').nth(1)).expect("a component");
            let others = components.entry(name.to_owned()).or_default();
            if kind != name {
                others.push(kind.to_owned());
            }
        }
        components
    }

    fn table(&self, schema: &Value) -> String {
        let (mut rows, mut unread, mut refused) = (String::new(), Vec::new(), Vec::new());
        self.rows("", schema, &mut rows, &mut unread, &mut refused);
        let mut text = String::new();
        if rows.is_empty() {
            text.push_str("\nIt has no keys.\n");
        } else {
            let _ = write!(text, "\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n{rows}");
        }
        for (what, mut keys) in [("Read without effect", unread), ("Not in burgee, and an error", refused)] {
            keys.sort();
            if !keys.is_empty() {
                let _ = write!(text, "\n{what}: {}.\n", keys.join(", "));
            }
        }
        text
    }

    fn rows(
        &self,
        above: &str,
        of: &Value,
        rows: &mut String,
        unread: &mut Vec<String>,
        refused: &mut Vec<String>,
    ) {
        for keys in self.keys(of) {
            for (key, schema) in keys {
                let key = format!("{above}{key}");
                let about = schema["description"].as_str().unwrap_or_default();
                // What every block can be switched by is said once, before the tables.
                if about == "false turns the block off." {
                    continue;
                }
                if about.starts_with("Read, but without effect") {
                    unread.push(format!("`{key}`"));
                    continue;
                }
                if about.starts_with("Not in burgee: an error") || schema["deprecated"] == true {
                    refused.push(format!("`{key}`"));
                    continue;
                }
                let setting = self.setting(schema);
                let kinds = setting.kinds.join(" or ").replace('|', "\\|");
                let about = about.replace('|', "\\|").replace('\n', " ");
                // A block that needs no words is only the way to its keys.
                if !about.is_empty() || setting.block.is_none() {
                    let default = written(&schema["default"], &about);
                    let _ = writeln!(rows, "| `{key}` | {kinds} | {default} | {about} |");
                }
                if let Some(block) = setting.block {
                    let of_list = if setting.is_list { "[]" } else { "" };
                    self.rows(&format!("{key}{of_list}."), block, rows, unread, refused);
                }
            }
        }
    }

    /// The keys of a block.
    fn keys(&self, schema: &'s Value) -> Vec<Vec<(&'s str, &'s Value)>> {
        let mut found = Vec::new();
        self.alternatives(schema, &mut |schema| {
            let named = schema["properties"].as_object().into_iter().flatten();
            let mut keys: Vec<_> = named.map(|(key, schema)| (key.as_str(), schema)).collect();
            // What a pipeline is called is up to its owner.
            for (pattern, schema) in schema["patternProperties"].as_object().into_iter().flatten() {
                assert!(pattern.contains("(traces|metrics|logs)"), "say here what {pattern} is called");
                keys.push(("<id>", schema));
            }
            found.push(keys);
        });
        found.retain(|keys| !keys.is_empty());
        found
    }

    fn setting(&self, schema: &'s Value) -> Setting<'s> {
        let mut setting = Setting::default();
        self.describe(schema, &mut setting);
        setting
    }

    fn describe(&self, schema: &'s Value, setting: &mut Setting<'s>) {
        if let Some(name) = reference(schema) {
            if name == "reference" {
                return;
            }
            if let Some((_, heading, _)) = SHARED.iter().find(|(shared, ..)| *shared == name) {
                return setting.add(format!("[block](#{})", anchor(heading)));
            }
            if let Some((_, kind)) = NAMED.iter().find(|(named, _)| *named == name) {
                return setting.add((*kind).to_owned());
            }
            return self.describe(&self.definitions[name], setting);
        }
        for kind in ["anyOf", "oneOf", "allOf"] {
            schema[kind].as_array().into_iter().flatten().for_each(|one| self.describe(one, setting));
        }
        let is_missing =
            |about: &Value| about.as_str().is_some_and(|about| about.starts_with("Not in burgee"));
        if let Some(words) = schema["enum"].as_array() {
            words.iter().for_each(|word| setting.add(format!("`{}`", word.as_str().unwrap_or_default())));
        } else if let Some(word) = schema["const"].as_str() {
            if !is_missing(&schema["description"]) {
                setting.add(format!("`{word}`"));
            }
        } else if schema.get("properties").is_some() || schema.get("patternProperties").is_some() {
            setting.add("block".to_owned());
            setting.block = Some(schema);
        } else if is_array(&schema["type"]) {
            let item = self.setting(&schema["items"]);
            setting.add(format!("list of {}", item.kinds.join(" or ")));
            (setting.block, setting.is_list) = (item.block, true);
        } else if schema["type"] == "object" {
            setting.add("names and values".to_owned());
        } else {
            self.scalar(schema, setting);
        }
    }

    fn scalar(&self, schema: &Value, setting: &mut Setting<'_>) {
        let types: Vec<&str> = match &schema["type"] {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => return,
        };
        // A text takes numbers and words, too.
        let kind = match types[..] {
            [..] if types.contains(&"string")
                && !setting.kinds.iter().any(|kind| kind.starts_with("list")) =>
            {
                "text"
            }
            ["boolean", ..] => "bool",
            ["integer", ..] => "whole number",
            ["number", ..] => "number",
            _ => return,
        };
        setting.add(kind.to_owned());
    }

    /// Calls `f` with every alternative of a schema that may have keys.
    fn alternatives(&self, schema: &'s Value, f: &mut impl FnMut(&'s Value)) {
        match reference(schema) {
            Some("reference") => {}
            Some(name) => self.alternatives(&self.definitions[name], f),
            None => {
                f(schema);
                for kind in ["anyOf", "oneOf", "allOf"] {
                    schema[kind].as_array().into_iter().flatten().for_each(|one| self.alternatives(one, f));
                }
            }
        }
    }
}

impl Setting<'_> {
    fn add(&mut self, kind: String) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }
}

fn is_array(kind: &Value) -> bool {
    kind == "array" || kind.as_array().is_some_and(|kinds| kinds.contains(&Value::from("array")))
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/definitions/")
}

fn written(default: &Value, about: &str) -> String {
    match default {
        // Where a zero stands for something else, the words say for what.
        _ if about.contains("or left out") => String::new(),
        Value::Null => String::new(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            format!("`[{}]`", items.join(", "))
        }
        Value::Number(number) => format!("`{}`", number.to_string().trim_end_matches(".0")),
        other => format!("`{other}`"),
    }
}

fn title(section: &str) -> String {
    let (first, rest) = section.split_at(1);
    first.to_uppercase() + rest
}

/// As the usual viewers make it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
}

fn readme(section: &str, name: &str) -> String {
    match name {
        "admin" => "../src/admin/README.md".to_owned(),
        _ => format!("../src/{section}/{name}/README.md"),
    }
}

const SERVICE: &str = "`<id>` is `traces`, `metrics` or `logs`, or one of these with a name: `traces/shop`. Own metrics and log: \
                       [their README](../src/telemetry/README.md).";

/// Definitions with a table of their own, since several components have them.
const SHARED: [(&str, &str, &str); 9] = [
    ("QueueKeys", "`sending_queue`", "What waits for the downstream of an exporter."),
    ("RetryKeys", "`retry_on_failure`", "When an exporter tries again."),
    ("ClientTlsKeys", "`tls` of exporters", "Also that of `definitions.relay_proxy`."),
    ("OptionalServerTlsKeys", "`tls` of receivers", "Off unless it has keys."),
    ("AuthKeys", "`auth` of exporters", "It names an extension."),
    ("OptionalAuthKeys", "`auth` of receivers", "It names an extension."),
    (
        "Properties",
        "`include` and `exclude`",
        "Which items a processor is for: all that is said, and of each list of texts one.",
    ),
    (
        "Action",
        "`actions`",
        "One of the list, also of the processor `resource`, where the list is `attributes`.",
    ),
    ("Group", "`conditions`", "Instead of a condition, in the lists of `filter` whose names end so."),
];

/// Definitions whose values have words of their own.
const NAMED: [(&str, &str); 8] = [
    ("Compression", "word"),
    ("Duration", "duration"),
    ("ByteSize", "size"),
    ("ListenEndpoint", "address"),
    ("Secret", "secret"),
    ("Headers", "headers"),
    ("Constant", "value"),
    ("UrlPath", "text"),
];
