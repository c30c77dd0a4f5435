//! A tree as a text to read: YAML with the origin of every value, or JSON.

use serde_yaml::Value;

use super::{
    problem::escape,
    source::Origin,
    tree::{Kind, Node},
};
use crate::values::{REDACTED, mask_url_password};

/// Whether secrets are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// `[REDACTED]` stands in their place, and for what stands before the `@` of a URL.
    Redacted,
    Shown,
}

impl Node {
    /// The subtree in YAML. Behind every value a comment says where it came from: `# collector.yaml:12:7`,
    /// `# env HOST at collector.yaml:12:7`, `# --set processors.batch.timeout`.
    pub fn to_yaml(&self, secrets: Secrets) -> String {
        let mut out = String::new();
        self.write(0, secrets, &mut out);
        out
    }

    /// The subtree as a value, for JSON.
    pub fn to_json(&self, secrets: Secrets) -> serde_json::Value {
        match &self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Scalar(scalar) => match (self.shown(secrets), &scalar.value) {
                (Some(text), _) => text.into(),
                (None, value) => serde_json::to_value(value).unwrap_or_default(),
            },
            Kind::Seq(items) => items.iter().map(|item| item.to_json(secrets)).collect(),
            Kind::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|entry| (entry.key.text.clone(), entry.value.to_json(secrets))).collect(),
            ),
        }
    }

    fn write(&self, indent: usize, secrets: Secrets, out: &mut String) {
        match &self.kind {
            Kind::Map(entries) if !entries.is_empty() => {
                for entry in entries {
                    out.push_str(&" ".repeat(indent));
                    out.push_str(&in_yaml(&entry.key.text));
                    out.push(':');
                    if entry.value.is_nested() {
                        out.push('\n');
                        entry.value.write(indent + INDENT, secrets, out);
                    } else {
                        out.push(' ');
                        entry.value.write(0, secrets, out);
                    }
                }
            }
            Kind::Seq(items) if !items.is_empty() => {
                for item in items {
                    let mut inner = String::new();
                    item.write(if item.is_nested() { indent + INDENT } else { 0 }, secrets, &mut inner);
                    out.push_str(&" ".repeat(indent));
                    out.push_str("- ");
                    out.push_str(inner.trim_start_matches(' '));
                }
            }
            leaf => {
                let text = match leaf {
                    Kind::Map(_) => "{}".to_owned(),
                    Kind::Seq(_) => "[]".to_owned(),
                    Kind::Null => "null".to_owned(),
                    Kind::Scalar(scalar) => match (self.shown(secrets), &scalar.value) {
                        (Some(text), _) => in_yaml(&text),
                        (None, _) => scalar.text.clone(),
                    },
                };
                out.push_str(&format!("{text}  # {}\n", self.origin()));
            }
        }
    }

    /// The text of a scalar that is text, or hidden; none for numbers and bools.
    fn shown(&self, secrets: Secrets) -> Option<String> {
        let Kind::Scalar(scalar) = &self.kind else { return None };
        match (&scalar.value, secrets) {
            (_, Secrets::Redacted) if self.is_hidden() => Some(REDACTED.to_owned()),
            (Value::String(text), Secrets::Redacted) => Some(mask_url_password(text).into_owned()),
            (Value::String(text), Secrets::Shown) => Some(text.clone()),
            _ => None,
        }
    }

    fn origin(&self) -> String {
        let place = match self.place.source().origin() {
            Origin::Set => escape(self.place.source().name()).into_owned(),
            Origin::File | Origin::Inline => self.place.to_string(),
        };
        match &self.from {
            Some(from) => format!("{} at {place}", escape(from)),
            None => place,
        }
    }

    fn is_nested(&self) -> bool {
        !self.entries().is_empty() || !self.items().is_empty()
    }
}

/// A text on one line, with quotes where YAML needs them.
fn in_yaml(text: &str) -> String {
    let plain = serde_yaml::to_string(text).unwrap_or_default();
    match plain.trim_end_matches('\n') {
        // What takes several lines is written as in JSON, which YAML reads as well.
        line if line.is_empty() || line.contains('\n') => {
            serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
        }
        line => line.to_owned(),
    }
}

const INDENT: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, load};

    #[test]
    fn every_value_says_where_it_came_from_and_reads_back() {
        let text = "receivers:
  otlp:
    protocols: {grpc: , http: {endpoint: \"${env:HOST}:4318\", cors: {allowed_origins: ['*', \"a # b\"]}}}
exporters:
  otlp_grpc: {endpoint: 'http://me:pw@h:1', headers: {x: hunter2}, timeout: 1.50, list: [[1, 2], {a: 1, b: []}]}
  odd: {'a: b': \"x\\ny\", empty: '', no: 'true', key: {}}
";
        let sources = [
            Source::new("collector.yaml", text),
            Source::setting("exporters.otlp_grpc.timeout=5s").expect("a setting"),
        ];
        let env = |name: &str| (name == "HOST").then(|| "localhost".to_owned());
        let root = load(&sources, &env).expect("right").root;
        let printed = root.to_yaml(Secrets::Redacted);
        insta::assert_snapshot!(printed);
        let again = |text: String| load(&[Source::new("again", text)], &env).expect("right").root.to_value();
        let mut twin = root.clone();
        // the same but for the origin, and what is hidden
        assert_eq!(again(root.to_yaml(Secrets::Shown)), {
            fn reveal(node: &mut Node) {
                node.secret = false;
                match &mut node.kind {
                    Kind::Map(entries) => entries.iter_mut().for_each(|entry| reveal(&mut entry.value)),
                    Kind::Seq(items) => items.iter_mut().for_each(reveal),
                    _ => {}
                }
            }
            reveal(&mut twin);
            let mut value = twin.to_value();
            value["exporters"]["otlp_grpc"]["headers"]["x"] = REDACTED.into();
            value
        });
        let json = root.to_json(Secrets::Redacted).to_string();
        assert!(
            !json.contains("hunter2") && !json.contains("pw") && json.contains("\"grpc\":null"),
            "{json}"
        );
        assert!(root.to_yaml(Secrets::Shown).contains("hunter2"));
    }
}
