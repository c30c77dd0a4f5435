//! `burgee components`: what this burgee is made of, in the form of the Collector's command of that name.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Failure, printed};
use crate::config::SCHEMES;
use crate::registry::{Section, alias_of, known};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// In the order of the Collector's.
#[derive(Serialize)]
struct Components {
    buildinfo: BuildInfo,
    receivers: Vec<Value>,
    processors: Vec<Value>,
    exporters: Vec<Value>,
    connectors: Vec<Value>,
    extensions: Vec<Value>,
    providers: Vec<Value>,
}

#[derive(Serialize)]
struct BuildInfo {
    command: &'static str,
    description: &'static str,
    version: &'static str,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let components = Components {
        buildinfo: BuildInfo {
            command: "burgee",
            description: env!("CARGO_PKG_DESCRIPTION"),
            version: env!("CARGO_PKG_VERSION"),
        },
        receivers: list(Section::Receivers),
        processors: list(Section::Processors),
        exporters: list(Section::Exporters),
        connectors: list(Section::Connectors),
        extensions: list(Section::Extensions),
        providers: SCHEMES.iter().map(|scheme| json!({"scheme": scheme})).collect(),
    };
    let text = match args.format {
        Format::Yaml => serde_yaml::to_string(&components).map_err(|error| error.to_string()),
        Format::Json => serde_json::to_string_pretty(&components)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string()),
    };
    let text = text.map_err(|error| Failure::new(format!("cannot print: {error}")))?;
    printed(anstream::stdout().write_all(text.as_bytes()))
}

/// The types of a section, each with the other names that it answers to.
fn list(section: Section) -> Vec<Value> {
    let names = known(section).iter().filter(|name| alias_of(section, name).is_none());
    let listed = names.map(|name| {
        let mut component = Map::from_iter([("name".to_owned(), json!(name))]);
        let aliases: Vec<_> =
            known(section).iter().filter(|alias| alias_of(section, alias) == Some(name)).collect();
        if !aliases.is_empty() {
            component.insert("aliases".to_owned(), json!(aliases));
        }
        Value::Object(component)
    });
    listed.collect()
}
