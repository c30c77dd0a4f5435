//! A compose file as services.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    interpolate::interpolate,
    mounts::Mount,
    said::{Environment, Form, Said, Spot, word},
    service::Service,
};
use crate::config::{self, Entry, Kind, Node, Problem, Source};

/// A compose file as it stands.
#[derive(Debug, Default)]
pub(super) struct Compose {
    pub services: Vec<Service>,
    /// The env files of each service, in order.
    pub env_files: Vec<Vec<EnvFile>>,
    /// Whether other files bring more services.
    pub has_includes: bool,
    pub notes: Vec<String>,
}

/// What an `env_file` names.
#[derive(Debug)]
pub(super) struct EnvFile {
    pub path: String,
    pub is_required: bool,
    pub spot: Spot,
}

/// Variables for `${…}`, and which of them were asked for.
pub(super) struct Variables<'a> {
    pub known: &'a BTreeMap<String, String>,
    pub asked: &'a mut std::collections::BTreeSet<String>,
}

impl Variables<'_> {
    fn put_in(&mut self, text: &str) -> Option<String> {
        interpolate(text, &mut |name| self.get(name))
    }

    fn get(&mut self, name: &str) -> Option<String> {
        self.asked.insert(name.to_owned());
        self.known.get(name).cloned()
    }
}

/// Reads a compose file. Profiles are taken as if all of them were on.
///
/// # Errors
/// What is no YAML, at its place, and what has no services.
pub(super) fn parse(source: &Arc<Source>, variables: &mut Variables<'_>) -> Result<Compose, Problem> {
    let root = config::read(source).map_err(|report| super::relay_config::first(&report))?;
    root.expect_map()?;
    let mut compose = Compose { has_includes: root.get("include").is_some(), ..Compose::default() };
    let Some(services) = root.get("services") else {
        if compose.has_includes {
            return Ok(compose);
        }
        let problem =
            Problem::error(format!("{} has no services; is it a compose file?", word(source.name())));
        return Err(problem
            .at(root.place.clone())
            .help("give the file of `docker compose` that starts the relay proxy"));
    };
    let mut reader = Reader { source, root: &root, variables, notes: Vec::new() };
    for entry in services.expect_map()? {
        let (service, env_files) = reader.service(entry)?;
        compose.services.push(service);
        compose.env_files.push(env_files);
        if compose.services.len() > SERVICES_MAX {
            let problem = Problem::error(format!("more than {SERVICES_MAX} services"));
            return Err(problem.at(entry.key.place.clone()));
        }
    }
    if compose.has_includes {
        reader.notes.push(format!("{}: `include` is not followed", word(source.name())));
    }
    compose.notes = reader.notes;
    Ok(compose)
}

struct Reader<'a, 'v> {
    source: &'a Arc<Source>,
    root: &'a Node,
    variables: &'a mut Variables<'v>,
    notes: Vec<String>,
}

impl Reader<'_, '_> {
    fn service(&mut self, entry: &Entry) -> Result<(Service, Vec<EnvFile>), Problem> {
        let node = &entry.value;
        node.expect_map()?;
        let spot = self.spot_of_entry(entry);
        let is_built = node.get("build").is_some();
        let extends = node.entry("extends");
        if let Some(extends) = extends {
            let at = self.spot_of_entry(extends);
            self.notes.push(format!("{at}: {}: `extends` is not followed", word(&entry.key.text)));
        }
        let mut words = self.words(node.entry("entrypoint"));
        words.extend(self.words(node.entry("command")));
        let (aliases, is_in_external_network) = self.networks(node.get("networks"));
        let named = ["container_name", "hostname"].into_iter().filter_map(|key| self.text(node.get(key)?));
        let aliases = aliases.into_iter().chain(named).collect();
        let service = Service {
            name: entry.key.text.clone(),
            spot,
            image: node.entry("image").and_then(|image| self.image(image)),
            is_built,
            environment: self.environment(node.get("environment")),
            words,
            working_dir: node.get("working_dir").and_then(|dir| self.text(dir)),
            mounts: self.mounts(node),
            aliases,
            own_hosts: self.own_hosts(node),
            network_mode: node.get("network_mode").and_then(|mode| self.text(mode)),
            is_in_external_network,
            relay_config: None,
            listening: None,
            is_extended: extends.is_some(),
            has_unseen: extends.is_some() || is_built,
        };
        Ok((service, self.env_files(node.get("env_file"))))
    }

    fn environment(&mut self, node: Option<&Node>) -> Environment {
        let mut environment = Environment::default();
        let Some(node) = node else { return environment };
        for entry in node.entries() {
            let text = match &entry.value.kind {
                Kind::Null => self.variables.get(&entry.key.text),
                _ => self.text(&entry.value),
            };
            let spot = self.spot_of_entry(entry);
            environment.put(Said { name: entry.key.text.clone(), text, spot, form: Form::Yaml });
        }
        for item in node.items() {
            let Some(written) = item.text() else { continue };
            let (name, text) = match written.split_once('=') {
                Some((name, value)) => (name, self.variables.put_in(value)),
                None => (written, self.variables.get(written)),
            };
            let spot = self.spot(item);
            environment.put(Said { name: name.trim().to_owned(), text, spot, form: Form::Item });
        }
        environment
    }

    fn env_files(&mut self, node: Option<&Node>) -> Vec<EnvFile> {
        let Some(node) = node else { return Vec::new() };
        let items = match &node.kind {
            Kind::Seq(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let file = |item: &Node| {
            let path = self.text(item.get("path").unwrap_or(item))?;
            let is_required = item.get("required").and_then(Node::text) != Some("false");
            Some(EnvFile { path, is_required, spot: self.spot(item) })
        };
        items.iter().filter_map(file).take(FILES_MAX).collect()
    }

    /// The words of a command, which is a list or one text as for a shell.
    fn words(&mut self, entry: Option<&Entry>) -> Vec<Said> {
        let Some(Entry { key, value }) = entry else { return Vec::new() };
        let said = |text: Option<String>, spot| Said { name: key.text.clone(), text, spot, form: Form::Item };
        match &value.kind {
            Kind::Seq(items) => items
                .iter()
                .map(|item| (self.text(item), self.spot(item)))
                .map(|(text, spot)| said(text, spot))
                .collect(),
            Kind::Scalar(_) => {
                let text = self.text(value).unwrap_or_default();
                let spot = self.spot(value);
                split_words(&text).into_iter().map(|word| said(Some(word), spot.clone())).collect()
            }
            Kind::Null | Kind::Map(_) => Vec::new(),
        }
    }

    fn mounts(&mut self, node: &Node) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for item in node.get("volumes").map_or(&[][..], Node::items) {
            let spot = self.spot(item);
            match &item.kind {
                Kind::Map(_) => {
                    let Some(to) = item.get("target").and_then(|target| self.text(target)) else { continue };
                    let is_bind = item.get("type").and_then(Node::text) == Some("bind");
                    let from = item.get("source").filter(|_| is_bind).and_then(|source| self.text(source));
                    mounts.push(Mount { from, to: to.trim_end_matches('/').to_owned(), spot });
                }
                _ => mounts.extend(self.text(item).and_then(|text| Mount::short(&text, spot))),
            }
        }
        for item in node.get("configs").map_or(&[][..], Node::items) {
            let Some(name) = item.get("source").unwrap_or(item).text() else { continue };
            let to = item.get("target").and_then(|target| self.text(target)).unwrap_or(format!("/{name}"));
            let declared = self.root.get("configs").and_then(|configs| configs.get(name));
            let from = declared.and_then(|config| config.get("file")).and_then(|file| self.text(file));
            mounts.push(Mount { from, to, spot: self.spot(item) });
        }
        mounts
    }

    /// The aliases in all networks, and whether one of these is made elsewhere.
    fn networks(&mut self, node: Option<&Node>) -> (Vec<String>, bool) {
        let declared = self.root.get("networks");
        let is_external = |name: &str| {
            let network = declared.and_then(|networks| networks.get(name));
            let external = network.and_then(|network| network.get("external"));
            external.is_some_and(|external| external.text() != Some("false"))
        };
        let Some(node) = node else { return (Vec::new(), is_external("default")) };
        let mut aliases = Vec::new();
        for entry in node.entries() {
            let listed = entry.value.get("aliases").map_or(&[][..], Node::items);
            aliases.extend(listed.iter().filter_map(|alias| self.text(alias)));
        }
        let named = node.entries().iter().map(|entry| entry.key.text.as_str());
        let mut names = named.chain(node.items().iter().filter_map(Node::text));
        (aliases, names.any(is_external))
    }

    /// The names that `links`, `external_links` and `extra_hosts` bring.
    fn own_hosts(&mut self, node: &Node) -> Vec<String> {
        let mut hosts = Vec::new();
        for key in ["links", "external_links"] {
            for item in node.get(key).map_or(&[][..], Node::items) {
                let Some(text) = self.text(item) else { continue };
                hosts.extend(text.split(':').map(str::to_owned));
            }
        }
        if let Some(extra) = node.get("extra_hosts") {
            hosts.extend(extra.entries().iter().map(|entry| entry.key.text.clone()));
            for item in extra.items() {
                let Some(text) = self.text(item) else { continue };
                hosts.extend(text.split([':', '=']).next().map(str::to_owned));
            }
        }
        hosts
    }

    /// The image, without its tag if that is not known; none if not even its name is.
    fn image(&mut self, entry: &Entry) -> Option<Said> {
        let written = entry.value.text()?;
        let name =
            || written.split_once(":$").map(|(name, _)| name.to_owned()).filter(|name| !name.contains('$'));
        let text = self.variables.put_in(written).or_else(name)?;
        let spot = self.spot_of_entry(entry);
        Some(Said { name: entry.key.text.clone(), text: Some(text), spot, form: Form::Yaml })
    }

    fn text(&mut self, node: &Node) -> Option<String> {
        self.variables.put_in(node.text()?)
    }

    fn spot(&self, node: &Node) -> Spot {
        Spot::new(self.source, node.place.line())
    }

    fn spot_of_entry(&self, entry: &Entry) -> Spot {
        Spot::new(self.source, entry.key.place.line())
    }
}

/// The words of a command line, with quotes taken off as a shell does.
fn split_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in text.chars() {
        match (letter, quote) {
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, Some(open)) if letter == open => quote = None,
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// More than anybody starts at once.
const SERVICES_MAX: usize = 1_000;
/// Env files of one service.
const FILES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::split_words;

    #[test]
    fn a_command_in_one_text_is_split_as_a_shell_does() {
        assert_eq!(split_words(" a  --b='c d' \"\" e\"f\" "), ["a", "--b=c d", "", "ef"]);
    }
}
