//! The table of shapes in the README of the processor `feature_flag`, made from its golden cases.
//!
//! A case with a file `shape.txt`, whose one line says who sends this, has a row for each kind of carrier (span, event,
//! log record) that the processor changed. `UPDATE_GOLDEN=1 cargo test --test golden --test shapes` writes the cases'
//! outputs and then the table anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[test]
fn the_readme_shows_what_the_golden_cases_say() {
    let shapes = shapes();
    let mut table =
        String::from("| who | where | what goes in | what comes out |\n| --- | --- | --- | --- |\n");
    for (title, case) in &shapes {
        let before = carriers(&read(&case.join("in.json")));
        let after = carriers(&read(&case.join("out.json")));
        assert_eq!(before.len(), after.len(), "{title}: nothing is added or discarded");
        for (place, row) in rows(&before, &after).iter().enumerate() {
            let who = if place == 0 { title } else { "" };
            writeln!(table, "| {who} | {row} |").expect("a String takes everything");
        }
    }
    let path = root().join("src/processors/feature_flag/README.md");
    let readme = fs::read_to_string(&path).expect("the README");
    let (head, rest) = readme.split_once(BEGIN).expect("the README marks where the table begins");
    let (_, tail) = rest.split_once(END).expect("the README marks where the table ends");
    let updated = format!("{head}{BEGIN}\n{table}{END}{tail}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, updated).expect("the README can be written");
    } else {
        assert!(
            readme == updated,
            "the table differs from the golden cases; run UPDATE_GOLDEN=1 cargo test --test golden --test shapes"
        );
    }
}

#[test]
fn every_shape_has_a_name_of_its_own() {
    let shapes = shapes();
    assert!(!shapes.is_empty());
    let titles: BTreeSet<_> = shapes.iter().map(|(title, _)| title).collect();
    assert_eq!(titles.len(), shapes.len());
    assert!(titles.iter().all(|title| !title.is_empty() && !title.contains(['|', '\n'])));
}

/// Something that carries attributes: a span, one of its events, a log record.
struct Carrier {
    title: String,
    attributes: Vec<(String, String)>,
}

/// One for each changed carrier, those with the same name and the same attributes together; if nothing changed, one
/// for the first.
fn rows(before: &[Carrier], after: &[Carrier]) -> Vec<String> {
    let pairs = || {
        before
            .iter()
            .zip(after)
            .filter(|(before, after)| !(before.attributes.is_empty() && after.attributes.is_empty()))
    };
    let changed = pairs()
        .filter(|(before, after)| before.attributes != after.attributes || before.title != after.title);
    let mut seen = BTreeSet::new();
    let mut rows: Vec<String> = changed
        .filter(|(before, _)| {
            let keys: BTreeSet<_> = before.attributes.iter().map(|(key, _)| key.clone()).collect();
            seen.insert((before.title.clone(), keys))
        })
        .map(|(before, after)| row(before, after))
        .collect();
    if rows.is_empty() {
        rows.extend(pairs().next().map(|(before, after)| row(before, after)));
    }
    rows
}

fn row(before: &Carrier, after: &Carrier) -> String {
    let value = |carrier: &Carrier, key: &str| {
        carrier.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    };
    let goes_in = before.attributes.iter().map(|(key, value)| format!("{} = {}", code(key), code(value)));
    let mut comes_out = Vec::new();
    for (key, old) in &before.attributes {
        match value(after, key) {
            None => comes_out.push(format!("without {}", code(key))),
            Some(new) if new != *old => comes_out.push(format!("{} = {}", code(key), code(&new))),
            Some(_) => {}
        }
    }
    for (key, new) in after.attributes.iter().filter(|(key, _)| value(before, key).is_none()) {
        comes_out.push(format!("{} = {}", code(key), code(new)));
    }
    if comes_out.is_empty() {
        comes_out.push("as it came".to_owned());
    }
    let mut goes_in: Vec<String> = goes_in.collect();
    if goes_in.is_empty() {
        goes_in.push("no attribute".to_owned());
    }
    format!("{} | {} | {}", before.title, goes_in.join("<br>"), comes_out.join("<br>"))
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// In their order, of traces or logs.
fn carriers(request: &Value) -> Vec<Carrier> {
    let mut carriers = Vec::new();
    let mut add = |what: &str, name: &Value, carrier: &Value| {
        let name = name.as_str().unwrap_or_default();
        let title = if name.is_empty() { what.to_owned() } else { format!("{what} {}", code(name)) };
        let attributes = list(&carrier["attributes"]).iter().map(|attribute| {
            let key = attribute["key"].as_str().expect("an attribute has a key");
            (key.to_owned(), text(&attribute["value"]))
        });
        carriers.push(Carrier { title, attributes: attributes.collect() });
    };
    for scope in list(&request["resourceSpans"]).iter().flat_map(|group| list(&group["scopeSpans"])) {
        for span in list(&scope["spans"]) {
            add("span", &span["name"], span);
            for event in list(&span["events"]) {
                add("event", &event["name"], event);
            }
        }
    }
    for scope in list(&request["resourceLogs"]).iter().flat_map(|group| list(&group["scopeLogs"])) {
        for record in list(&scope["logRecords"]) {
            add("log record", &record["eventName"], record);
        }
    }
    carriers
}

/// A value as JSON has it: its type shows.
fn text(value: &Value) -> String {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return "null".to_owned();
    };
    match (kind.as_str(), value) {
        ("intValue", Value::String(number)) => number.clone(),
        ("arrayValue", array) => {
            let values: Vec<_> = list(&array["values"]).iter().map(text).collect();
            format!("[{}]", values.join(", "))
        }
        (_, value) => value.to_string(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Titles and cases, by title.
fn shapes() -> Vec<(String, PathBuf)> {
    let cases = fs::read_dir(root().join("tests/golden/feature_flag")).expect("the golden cases");
    let mut shapes: Vec<_> = cases
        .map(|case| case.expect("an entry").path())
        .filter_map(|case| {
            let title = fs::read_to_string(case.join("shape.txt")).ok()?;
            Some((title.trim().to_owned(), case))
        })
        .collect();
    shapes.sort();
    shapes
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const BEGIN: &str =
    "<!-- shapes: written by UPDATE_GOLDEN=1 cargo test --test golden --test shapes; do not edit -->\n";
const END: &str = "\n<!-- end of shapes -->";
