//! What files of others say that has no effect, or not the one it seems to have.
//!
//! Compose files, env files and the relay proxy's own configuration are read as those who use them read them, and what
//! they say together is held against what GO Feature Flag's relay proxy and OpenTelemetry's SDKs do with it. Nothing
//! is started, asked or resolved; what no file says (the shell's variables, an image's own settings) is not known, and
//! nothing is raised about it.
//!
//! ```
//! use burgee::doctor::settings::Settings;
//!
//! let mut settings = Settings::default();
//! settings.add_env_file("goff.env", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://burgee:4318/v1/traces\n")?;
//! let findings = settings.findings(std::time::SystemTime::now());
//! assert_eq!((findings[0].id, &*findings[0].subject), ("N04", "goff.env:1 OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"));
//! # Ok::<(), burgee::config::Problem>(())
//! ```

mod burgee;
mod compose;
mod dotenv;
mod endpoints;
mod found;
mod image;
mod interpolate;
mod mounts;
mod referenced;
mod relay;
mod relay_config;
mod said;
mod sdk;
mod service;
mod url;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::SystemTime,
};

use self::{
    compose::{Compose, Variables},
    endpoints::{Network, Sender},
    found::Findings,
    referenced::Folder,
    relay::Relay,
    relay_config::RelayConfig,
    said::{Environment, Said, Spot, word},
    service::{Program, Service, is_relay_variable},
};
use crate::config::{Problem, SOURCE_BYTES_MAX, Source};
use crate::doctor::Raised;

/// Reads a file that another one names, by its path as that one says it: relative to the folder of the compose file.
///
/// It must not read more than [`SOURCE_BYTES_MAX`] and a byte.
pub type Read<'a> = dyn FnMut(&str) -> io::Result<String> + 'a;

/// Everything that was given, with the place of every setting.
#[derive(Debug, Default)]
pub struct Settings {
    /// Of all compose files; what a later file says lies over the earlier.
    services: Vec<Service>,
    has_compose: bool,
    has_includes: bool,
    env_files: Vec<EnvFile>,
    relay_configs: Vec<RelayConfig>,
    /// What `${…}` is replaced by, in compose files that come later.
    variables: BTreeMap<String, String>,
    /// Which variables compose files asked for.
    asked: BTreeSet<String>,
    /// Env files that services name, by their path.
    used_files: BTreeSet<String>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct EnvFile {
    name: String,
    variables: Vec<Said>,
}

impl Settings {
    /// Adds a compose file; a later one lies over the earlier, as with `docker compose -f a.yaml -f b.yaml`.
    ///
    /// `read` gets the paths of its env files and of configurations that it mounts. What cannot be read is noted.
    /// Variables come from the env files that were added before it, or else from `.env` in its folder.
    ///
    /// # Errors
    /// What is no YAML or no compose file, at its place.
    pub fn add_compose(&mut self, name: &str, text: &str, read: &mut Read<'_>) -> Result<(), Problem> {
        let source = source(name, text)?;
        let mut folder = Folder::new(name, read);
        if self.env_files.is_empty() && !self.has_compose {
            self.read_dot_env(&mut folder);
        }
        let mut variables = Variables { known: &self.variables, asked: &mut self.asked };
        let Compose { services, env_files, has_includes, notes } = compose::parse(&source, &mut variables)?;
        self.has_compose = true;
        self.has_includes |= has_includes;
        self.notes.extend(notes);
        for (mut service, env_files) in services.into_iter().zip(env_files) {
            let own = std::mem::take(&mut service.environment);
            for file in &env_files {
                self.used_files.insert(folder.path(&file.path));
                folder.read_env_file(file, &mut service, &self.variables);
            }
            service.environment.extend(own.values().cloned());
            match self.services.iter_mut().find(|earlier| earlier.name == service.name) {
                Some(earlier) => {
                    earlier.overlay(service);
                    folder.read_mounted(earlier);
                }
                None => {
                    folder.read_mounted(&mut service);
                    self.services.push(service);
                }
            }
        }
        self.notes.extend(folder.into_notes());
        Ok(())
    }

    /// Adds an env file: variables for compose files that come after it, and if there is none, or no variable of it is
    /// used there, the environment of a process.
    ///
    /// # Errors
    /// What is no env file, at its line.
    pub fn add_env_file(&mut self, name: &str, text: &str) -> Result<(), Problem> {
        let variables = dotenv::parse(&source(name, text)?, &self.variables)?;
        self.know(&variables);
        self.env_files.push(EnvFile { name: name.to_owned(), variables });
        Ok(())
    }

    /// Adds a relay proxy's configuration: TOML or JSON by the ending of its name, or else YAML.
    ///
    /// # Errors
    /// What cannot be read, at its place.
    pub fn add_relay_config(&mut self, name: &str, text: &str) -> Result<(), Problem> {
        self.relay_configs.push(RelayConfig::parse(&source(name, text)?)?);
        Ok(())
    }

    /// What has no effect, or not the one it seems to have, by file and line; seen at `now`.
    pub fn findings(&self, now: SystemTime) -> Vec<Raised> {
        self.check().0.into_raised(now)
    }

    /// What was read, and what could not be: one line each, for people to see.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for service in &self.services {
            let at = &service.spot;
            match service.program() {
                Program::RelayProxy => {
                    let relay = self.relay_of(service);
                    let reads = relay.config.map(|config| format!(", which reads {}", word(&config.file)));
                    let named = relay.describe();
                    notes.push(format!("{at}: {named} is a relay proxy{}", reads.unwrap_or_default()));
                }
                Program::Burgee => notes.push(format!("{at}: {} is a burgee", word(&service.name))),
                Program::Collector => notes.push(format!("{at}: {} is a collector", word(&service.name))),
                Program::Other => {}
            }
        }
        let others = self.services.iter().filter(|service| service.program() == Program::Other).count();
        if others > 0 {
            notes.push(format!("other services, whose OTEL_ variables were looked at: {others}"));
        }
        let configs =
            self.relay_configs.iter().map(|config| (&*config.file, "the configuration of a relay proxy"));
        notes.extend(configs.map(|(file, is)| format!("{}: read as {is}", word(file))));
        for file in &self.env_files {
            let is = if self.is_used(file) {
                "variables of the compose file"
            } else {
                "the environment of a process"
            };
            notes.push(format!("{}: read as {is}", word(&file.name)));
        }
        notes.extend(self.notes.iter().cloned());
        notes.extend(self.check().1);
        notes.truncate(NOTES_MAX);
        notes
    }

    fn check(&self) -> (Findings, Vec<String>) {
        let (mut found, mut notes) = (Findings::default(), Vec::new());
        let network = Network::new(&self.services, self.has_includes);
        let burgee = format!("http://{}:4318", word(network.burgee));
        let alone = self.standalone_environment();
        let mut relays: Vec<Relay<'_>> = Vec::new();
        for service in &self.services {
            match service.program() {
                Program::RelayProxy => relays.push(self.relay_of(service)),
                Program::Burgee => burgee::check(service, &self.services, &mut found),
                Program::Collector => {}
                Program::Other => {
                    sdk::check(&service.name, &service.environment, &mut found);
                    let sender = Sender {
                        who: &service.name,
                        service: Some(service),
                        environment: &service.environment,
                        is_relay: false,
                    };
                    endpoints::of_sdk(&service.environment)
                        .for_each(|said| network.check(&sender, said, &mut found));
                }
            }
        }
        relays.extend(self.standalone_relays(&alone));
        if relays.iter().all(|relay| relay.service.is_some()) && !alone.is_empty() {
            sdk::check("", &alone, &mut found);
            let sender = Sender { who: "", service: None, environment: &alone, is_relay: false };
            endpoints::of_sdk(&alone).for_each(|said| network.check(&sender, said, &mut found));
        }
        let sampled = self
            .services
            .iter()
            .any(|service| service.program() == Program::Other && sdk::keeps_a_part(&service.environment));
        for relay in &relays {
            relay.check(&burgee, sampled, &mut found, &mut notes);
            let sender = Sender {
                who: relay.who,
                service: relay.service,
                environment: relay.environment,
                is_relay: !relay.is_guess,
            };
            relay.destination().into_iter().for_each(|said| network.check(&sender, said, &mut found));
        }
        (found, notes)
    }

    fn relay_of<'a>(&'a self, service: &'a Service) -> Relay<'a> {
        let config = self.given_config(service).or(service.relay_config.as_ref());
        Relay {
            who: &service.name,
            spot: service.spot.clone(),
            environment: &service.environment,
            config,
            service: Some(service),
            has_unseen: service.has_unseen && self.given_config(service).is_none(),
            is_guess: false,
        }
    }

    /// The configuration that was given by itself and belongs to a service: the one that it mounts, or any if it
    /// mounts none that could be read.
    fn given_config(&self, service: &Service) -> Option<&RelayConfig> {
        match &service.relay_config {
            Some(mounted) => self.relay_configs.iter().find(|given| is_same_file(&given.file, &mounted.file)),
            None => self.relay_configs.first(),
        }
    }

    /// Relay proxies that no compose file starts.
    fn standalone_relays<'a>(&'a self, environment: &'a Environment) -> Vec<Relay<'a>> {
        let is_used = |config: &&RelayConfig| {
            let mut relays = self.services.iter().filter(|service| service.program() == Program::RelayProxy);
            relays.any(|service| self.given_config(service).is_some_and(|used| std::ptr::eq(used, *config)))
        };
        let alone = |spot: Spot, config, is_guess| Relay {
            who: "",
            spot,
            environment,
            config,
            service: None,
            has_unseen: false,
            is_guess,
        };
        let configs = self.relay_configs.iter().filter(|config| !is_used(config));
        let mut relays: Vec<_> = configs.map(|config| alone(config.start(), Some(config), false)).collect();
        let first = environment.values().map(|said| &said.spot).min();
        if let Some(first) = first.filter(|_| relays.is_empty() && !environment.any(is_of_another_language)) {
            let is_certain = environment.any(is_relay_variable);
            relays.push(alone(first.clone(), None, !is_certain));
        }
        relays
    }

    /// The variables of env files that no compose file uses, as one process would get them.
    fn standalone_environment(&self) -> Environment {
        let mut environment = Environment::default();
        for file in &self.env_files {
            if !self.is_used(file) {
                environment.extend(file.variables.iter().cloned());
            }
        }
        environment
    }

    /// Whether a compose file has a use for an env file: it asks for a variable of it, or gives it to a service.
    fn is_used(&self, file: &EnvFile) -> bool {
        file.variables.iter().any(|said| self.asked.contains(&said.name))
            || self.used_files.iter().any(|used| is_same_file(used, &file.name))
    }

    fn read_dot_env(&mut self, folder: &mut Folder<'_, '_>) {
        let variables = folder.read_dot_env(&self.variables);
        self.know(&variables);
    }

    fn know(&mut self, variables: &[Said]) {
        let known = variables.iter().filter_map(|said| Some((said.name.clone(), said.text.clone()?)));
        self.variables.extend(known);
    }
}

/// A text as a source, if it is not too long.
fn source(name: &str, text: &str) -> Result<Arc<Source>, Problem> {
    if text.len() > SOURCE_BYTES_MAX {
        let message =
            format!("{} is larger than {} MiB; is it a configuration?", word(name), SOURCE_BYTES_MAX >> 20);
        return Err(Problem::error(message));
    }
    Ok(Source::new(name, text))
}

/// Whether two names are one file, as far as names tell.
fn is_same_file(one: &str, other: &str) -> bool {
    mounts::normal(one) == mounts::normal(other)
}

/// Whether an environment is that of a program that is not written in Go, as the relay proxy is.
fn is_of_another_language(name: &str) -> bool {
    const STARTS: [&str; 10] = [
        "NODE_",
        "JAVA_",
        "JDK_JAVA_",
        "DOTNET_",
        "ASPNETCORE_",
        "CORECLR_",
        "PYTHON",
        "OTEL_JAVAAGENT_",
        "OTEL_PYTHON_",
        "OTEL_DOTNET_",
    ];
    STARTS.iter().any(|start| name.starts_with(start))
}

/// More than anybody reads.
const NOTES_MAX: usize = 100;

#[cfg(test)]
mod tests;
