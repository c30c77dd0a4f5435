//! The relay proxy's own configuration: `goff-proxy.yaml`, `.toml` or `.json`.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::said::{Form, Said, Spot};
use crate::config::{self, Kind, Node, Problem, Source, escape};

/// The keys of a configuration, flat: lists are left out, nothing that is asked for stands in one.
#[derive(Clone, Debug)]
pub(super) struct RelayConfig {
    pub file: Arc<str>,
    values: Vec<Said>,
}

impl RelayConfig {
    /// Reads it as what the ending of its name says, and as YAML if that says nothing, as the relay proxy does.
    ///
    /// # Errors
    /// What cannot be read, at its place.
    pub(super) fn parse(source: &Arc<Source>) -> Result<Self, Problem> {
        let ending = source.name().rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let values = match ending.as_str() {
            "toml" => toml_values(source)?,
            "json" => json_values(source)?,
            _ => yaml_values(source, Form::Yaml)?,
        };
        Ok(RelayConfig { file: source.name().into(), values })
    }

    /// The value of a key by its dotted path, which the relay proxy takes without upper and lower case.
    pub(super) fn get(&self, path: &str) -> Option<&Said> {
        self.values.iter().find(|said| said.name.eq_ignore_ascii_case(path))
    }

    /// Its beginning, for what is not in it.
    pub(super) fn start(&self) -> Spot {
        Spot { file: Arc::clone(&self.file), line: 1 }
    }
}

fn yaml_values(source: &Arc<Source>, form: Form) -> Result<Vec<Said>, Problem> {
    let root = config::read(source).map_err(|report| first(&report))?;
    root.expect_map().map_err(|problem| problem.help("the relay proxy's configuration is a map of keys"))?;
    let mut values = Vec::new();
    flatten(&root, source, form, &mut values);
    Ok(values)
}

fn flatten(node: &Node, source: &Source, form: Form, values: &mut Vec<Said>) {
    for entry in node.entries() {
        match &entry.value.kind {
            Kind::Map(_) => flatten(&entry.value, source, form, values),
            Kind::Scalar(scalar) => values.push(Said {
                name: entry.value.path.clone(),
                text: Some(scalar.text.clone()),
                spot: Spot::new(source, entry.key.place.line()),
                form,
            }),
            Kind::Null | Kind::Seq(_) => {}
        }
    }
}

/// JSON is YAML as well, and the YAML parser knows where things stand; only tabs it does not like.
fn json_values(source: &Arc<Source>) -> Result<Vec<Said>, Problem> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(source.text()) {
        let mut lines = source.text().split_inclusive('\n').take(error.line().saturating_sub(1));
        let start = lines.by_ref().map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        let text = error.to_string();
        let sentence = text.rsplit_once(" at line ").map_or(text.as_str(), |(sentence, _)| sentence);
        let problem = Problem::error(format!("this is not JSON: {}", escape(sentence)));
        return Err(problem.at(source.place(start..start)));
    }
    // Within its texts JSON has no tabs, and a space is as long as a tab.
    let untabbed = Source::new(source.name(), source.text().replace('\t', " "));
    yaml_values(&untabbed, Form::Json)
}

fn toml_values(source: &Arc<Source>) -> Result<Vec<Said>, Problem> {
    let table = DeTable::parse(source.text()).map_err(|error| {
        let problem = Problem::error(format!("this is not TOML: {}", escape(error.message())));
        match error.span() {
            Some(span) => problem.at(source.place(span)),
            None => problem,
        }
    })?;
    let mut values = Vec::new();
    flatten_toml(table.get_ref(), "", source, &mut values);
    Ok(values)
}

fn flatten_toml(table: &DeTable<'_>, above: &str, source: &Arc<Source>, values: &mut Vec<Said>) {
    for (key, value) in table {
        let name = match above {
            "" => key.get_ref().to_string(),
            above => format!("{above}.{}", key.get_ref()),
        };
        let text = match value.get_ref() {
            DeValue::Table(table) => {
                flatten_toml(table, &name, source, values);
                continue;
            }
            DeValue::String(text) => text.to_string(),
            DeValue::Boolean(is_true) => is_true.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Datetime(_) | DeValue::Array(_) => continue,
        };
        let line = source.place(key.span()).line();
        values.push(Said { name, text: Some(text), spot: Spot::new(source, line), form: Form::Toml });
    }
}

/// The first of several problems.
pub(super) fn first(report: &config::Report) -> Problem {
    let problem = report.problems().iter().find(|problem| problem.is_error());
    problem.cloned().unwrap_or_else(|| Problem::error("this is not YAML"))
}

#[cfg(test)]
mod tests {
    use super::RelayConfig;
    use crate::config::Source;

    fn read(name: &str, text: &str) -> RelayConfig {
        RelayConfig::parse(&Source::new(name, text)).expect("a configuration")
    }

    fn found(config: &RelayConfig, path: &str) -> Option<(String, usize)> {
        config.get(path).map(|said| (said.known().to_owned(), said.spot.line))
    }

    #[test]
    fn yaml_toml_and_json_say_the_same_with_their_lines() {
        let yaml = read(
            "goff-proxy.yaml",
            "listen: 1031\notel:\n  exporter:\n    otlp:\n      endpoint: http://burgee:4318\n  sdk: {disabled: true}\n",
        );
        let toml = read(
            "goff-proxy.toml",
            "listen = 1031\n\n[otel.exporter.otlp]\n# where\nendpoint = \"http://burgee:4318\"\n[otel]\nsdk.disabled = true\n",
        );
        let json = read(
            "goff-proxy.json",
            "{\n\t\"listen\": 1031,\n\t\"otel\": {\n\t\t\"exporter\": {\"otlp\": {\n\t\t\t\"endpoint\": \"http://burgee:4318\"}},\n\t\t\"sdk\": {\"disabled\": true}}\n}",
        );
        for (config, disabled_line) in [(&yaml, 6), (&toml, 7), (&json, 6)] {
            assert_eq!(
                found(config, "otel.exporter.otlp.endpoint"),
                Some(("http://burgee:4318".to_owned(), 5)),
                "{}",
                config.file
            );
            assert_eq!(found(config, "otel.sdk.disabled"), Some(("true".to_owned(), disabled_line)));
            assert_eq!(
                found(config, "LISTEN"),
                Some(("1031".to_owned(), 1 + usize::from(&*config.file == "goff-proxy.json")))
            );
        }
    }

    #[test]
    fn keys_have_no_case_and_may_hold_dots() {
        let config = read(
            "c.yml",
            "OpenTelemetryOTLPEndpoint: x\notel: {resource: {attributes: {service.name: shop}}}\n",
        );
        assert_eq!(found(&config, "openTelemetryOtlpEndpoint"), Some(("x".to_owned(), 1)));
        assert_eq!(found(&config, "otel.resource.attributes.service.name"), Some(("shop".to_owned(), 2)));
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(found(&read("c.yaml", ""), "listen"), None);
        assert_eq!(found(&read("c.toml", ""), "listen"), None);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        for (name, text, message) in [
            ("c.yaml", "a: [1\nb: 2\n", "c.yaml:"),
            ("c.yaml", "- a\n- b\n", "c.yaml:1:1: error: expected a map, found a list"),
            ("c.toml", "a = 1\nb = \n", "c.toml:2:5: error: this is not TOML"),
            ("c.json", "{\n  \"a\": 1,\n}", "c.json:3:1: error: this is not JSON"),
            ("c.json", "\u{0}\u{1}", "c.json:1:1: error: this is not JSON"),
        ] {
            let problem = RelayConfig::parse(&Source::new(name, text)).expect_err(text);
            assert!(problem.to_string().starts_with(message), "{problem}");
        }
    }
}
