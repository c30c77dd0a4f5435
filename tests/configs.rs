//! Every YAML in `config/`, `examples/` and the READMEs is read: as YAML, and as a configuration, also by the JSON
//! Schema, if it is one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burgee::config::{self, Secrets, Source};
use burgee::registry::{DEFAULT, Plan, schema};
use serde::Deserialize;
use serde_yaml::Value;

#[path = "support/json_schema.rs"]
mod json_schema;

#[test]
fn every_yaml_file_can_be_read() {
    let files = files(&["config", "examples"], |path| has_extension(path, &["yaml", "yml"]));
    assert!(files.len() >= 5, "{files:?}");
    let mut configurations = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a file");
        configurations += check(&file.display().to_string(), &text);
    }
    assert!(configurations >= 2, "only {configurations} of them were configurations of burgee");
}

#[test]
fn every_yaml_block_of_a_page_can_be_read() {
    let mut blocks = 0;
    for page in files(&["src", "examples", "config", "docs", "."], |path| has_extension(path, &["md"])) {
        let text = fs::read_to_string(&page).expect("a page");
        for (line, block) in yaml_blocks(&text) {
            check(&format!("{}:{line}", page.display()), &block);
            blocks += 1;
        }
    }
    assert!(blocks > 0, "there is no example left in any page");
}

#[test]
fn the_built_in_default_is_the_file_in_config() {
    let file = fs::read_to_string(root().join("config/burgee.yaml")).expect("config/burgee.yaml");
    assert_eq!(DEFAULT, file);
}

#[test]
fn blocks_are_found_with_the_line_they_begin_in() {
    let page = "a\n```yaml\nx: 1\n```\n- b\n  ```yaml\n  y:\n    z: 2\n  ```\n```sh\nls\n```\n";
    let blocks = yaml_blocks(page);
    assert_eq!(blocks, [(3, "x: 1\n".to_owned()), (7, "y:\n  z: 2\n".to_owned())]);
}

/// Reads all documents of a text, and returns how many configurations of burgee were among them.
fn check(name: &str, text: &str) -> usize {
    let mut configurations = 0;
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = Value::deserialize(document).unwrap_or_else(|error| panic!("{name}: {error}"));
        configurations += usize::from(is_configuration(&value));
        // A ConfigMap holds files, one of which is a configuration.
        for (file, content) in inner_files(&value) {
            configurations += check(&format!("{name}, {file}"), &content);
        }
        if is_configuration(&value) {
            let source = Source::new(name, text);
            // What an example leaves to the environment is somewhere to send to.
            let env = |_: &str| Some("localhost:4317".to_owned());
            if let Err(report) = Plan::read(std::slice::from_ref(&source), &env) {
                panic!("{name}:\n{report}");
            }
            let tree = config::read(&source).expect("a plan was made of it").to_json(Secrets::Shown);
            let schema = schema();
            json_schema::check(&schema, &schema, &tree).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
    configurations
}

/// Whether the keys at the top are those of a configuration.
fn is_configuration(value: &Value) -> bool {
    const SECTIONS: [&str; 6] =
        ["receivers", "processors", "exporters", "connectors", "extensions", "service"];
    let Some(map) = value.as_mapping() else { return false };
    let mut keys = map.iter().map(|(key, _)| key.as_str().unwrap_or_default());
    !map.is_empty() && keys.all(|key| SECTIONS.contains(&key))
}

fn inner_files(value: &Value) -> BTreeMap<String, String> {
    let data = value.get("data").and_then(Value::as_mapping);
    let text =
        |(name, content): (&Value, &Value)| Some((name.as_str()?.to_owned(), content.as_str()?.to_owned()));
    data.into_iter().flatten().filter_map(text).filter(|(name, _)| name.ends_with(".yaml")).collect()
}

/// The fenced blocks marked `yaml`, without the fence's indentation, each with the line it begins in.
fn yaml_blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, usize, String)> = None;
    for (number, line) in page.lines().enumerate() {
        let indentation = line.len() - line.trim_start().len();
        match &mut open {
            None if line.trim_start().starts_with("```yaml") => {
                open = Some((number + 2, indentation, String::new()));
            }
            None => {}
            Some(_) if line.trim_start().starts_with("```") => {
                let (start, _, block) = open.take().expect("it is open");
                blocks.push((start, block));
            }
            Some((_, fence, block)) => {
                block.push_str(line.get(*fence..).unwrap_or_default());
                block.push('\n');
            }
        }
    }
    blocks
}

/// Files in these folders that are `wanted`. Of `.` itself, not what is below it.
fn files(folders: &[&str], wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left: Vec<(PathBuf, bool)> =
        folders.iter().map(|name| (root().join(name), *name != ".")).collect();
    while let Some((folder, is_deep)) = left.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() && is_deep {
                left.push((path, true));
            } else if wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension().is_some_and(|extension| wanted.iter().any(|wanted| extension == *wanted))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
