//! `config/burgee.schema.json` is the schema of the components as they are, takes every configuration here that burgee
//! takes, and refuses the usual slips; `docs/configuration.md` has its keys.
//! `UPDATE_GOLDEN=1 cargo test --test schema` writes both anew.

use std::fs;
use std::path::{Path, PathBuf};

use burgee::config::{self, Secrets, Source};
use burgee::registry::{Plan, Section, known, schema};

#[path = "support/config_page.rs"]
mod config_page;
#[path = "support/json_schema.rs"]
mod json_schema;

use json_schema::check;

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
fn the_page_of_the_configuration_has_every_key() {
    let file = root().join("docs/configuration.md");
    let page = fs::read_to_string(&file).expect("docs/configuration.md");
    let (before, rest) = page.split_once(BEGIN).expect("the mark before the tables");
    let (_, after) = rest.split_once(END).expect("the mark after them");
    let sections = Section::ALL.map(|section| (section.key(), section.noun()));
    let tables = config_page::tables(&schema(), &sections);
    let written = format!("{before}{BEGIN}\n\n{tables}\n{END}{after}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &written).expect("a folder of ours");
    } else {
        assert!(
            page == written,
            "UPDATE_GOLDEN=1 cargo test --test schema writes docs/configuration.md anew"
        );
    }
    for line in tables.lines().filter(|line| line.starts_with("| `")) {
        assert!(line.ends_with(". |"), "say what the key means, in a comment above its field: {line}");
    }
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

const BEGIN: &str = "<!-- keys: written by `UPDATE_GOLDEN=1 cargo test --test schema` -->";
const END: &str = "<!-- end -->";
