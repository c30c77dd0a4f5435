//! A service of a compose file, as far as telemetry is concerned.

use super::{
    burgee::Listening,
    image::{Image, RELAY_IMAGES},
    mounts::Mount,
    relay_config::RelayConfig,
    said::{Environment, Said, Spot},
};

/// What a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    RelayProxy,
    Burgee,
    /// Another receiver of telemetry.
    Collector,
    /// Anything else, perhaps with an SDK.
    Other,
}

/// A service of a compose file, with what its env files say.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub name: String,
    /// Where its key stands.
    pub spot: Spot,
    pub image: Option<Said>,
    pub is_built: bool,
    pub environment: Environment,
    /// The words of `entrypoint` and `command`.
    pub words: Vec<Said>,
    pub working_dir: Option<String>,
    pub mounts: Vec<Mount>,
    /// Container name, host name and aliases in networks: by these it is found, beside its own name.
    pub aliases: Vec<String>,
    /// Names that only this service knows: `links` and `extra_hosts`.
    pub own_hosts: Vec<String>,
    pub network_mode: Option<String>,
    /// Whether a network of it is made elsewhere, so that hosts of elsewhere may be found.
    pub is_in_external_network: bool,
    /// What the relay proxy in it reads.
    pub relay_config: Option<RelayConfig>,
    /// Where the burgee in it listens.
    pub listening: Option<Listening>,
    /// Whether another service, which is not looked at, says a part of it.
    pub is_extended: bool,
    /// Whether there are settings that could not be seen: an env file or a mounted configuration that could not be
    /// read, an image built here, `extends`.
    pub has_unseen: bool,
}

impl Service {
    pub(super) fn program(&self) -> Program {
        let image = self.image.as_ref().map(|image| Image::parse(image.known()));
        let is_named = |name: &str| self.words.iter().any(|word| file_name(word.known()) == name);
        let is_relay = image.as_ref().is_some_and(Image::names_relay)
            || RELAY_IMAGES.iter().any(|name| is_named(name))
            || self.mounts.iter().any(|mount| file_name(&mount.to).starts_with("goff-proxy."))
            || self.environment.any(is_relay_variable);
        let is_burgee = match &image {
            Some(image) => image.is_burgee() || is_named("burgee"),
            None => self.name == "burgee" || is_named("burgee"),
        };
        let is_relay = is_relay || (image.is_none() && Image::parse(&self.name).names_relay());
        match image {
            _ if is_burgee => Program::Burgee,
            _ if is_relay => Program::RelayProxy,
            Some(image) if image.is_collector() => Program::Collector,
            _ => Program::Other,
        }
    }

    /// Whether `localhost` in it is another than itself: the host, or the container whose network it uses.
    pub(super) fn shares_a_network(&self) -> bool {
        self.network_mode.as_deref().is_some_and(|mode| {
            mode == "host" || mode.starts_with("service:") || mode.starts_with("container:")
        })
    }

    /// Whether names of services mean anything to it.
    pub(super) fn resolves_services(&self) -> bool {
        !matches!(self.network_mode.as_deref(), Some("host" | "none"))
            && !self.network_mode.as_deref().is_some_and(|mode| mode.starts_with("container:"))
    }

    /// Every name by which other services find it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// The value of a flag in its words: `--config=x` or `--config x`.
    pub(super) fn flag(&self, flag: &'static str) -> Option<&str> {
        self.flags(flag).next()
    }

    /// The same for a flag that may be there more than once.
    pub(super) fn flags(&self, flag: &'static str) -> impl Iterator<Item = &str> {
        self.words.iter().enumerate().filter_map(move |(at, word)| match word.known().strip_prefix(flag)? {
            "" => self.words.get(at + 1).map(Said::known),
            rest => rest.strip_prefix('='),
        })
    }

    /// Lays what a later compose file says over it.
    pub(super) fn overlay(&mut self, later: Service) {
        let Service {
            image, environment, words, working_dir, mounts, aliases, own_hosts, network_mode, ..
        } = later;
        self.image = image.or(self.image.take());
        self.is_built |= later.is_built;
        self.environment.extend(environment.values().cloned());
        if !words.is_empty() {
            self.words = words;
        }
        self.working_dir = working_dir.or(self.working_dir.take());
        self.mounts.retain(|mount| mounts.iter().all(|later| later.to != mount.to));
        self.mounts.extend(mounts);
        self.aliases.extend(aliases);
        self.own_hosts.extend(own_hosts);
        self.network_mode = network_mode.or(self.network_mode.take());
        self.is_extended |= later.is_extended;
        self.is_in_external_network |= later.is_in_external_network;
        self.has_unseen |= later.has_unseen;
    }
}

/// Whether only the relay proxy is given such a variable.
pub(super) fn is_relay_variable(name: &str) -> bool {
    name.eq_ignore_ascii_case("OPENTELEMETRYOTLPENDPOINT")
        || name == "RETRIEVER_KIND"
        || (name.starts_with("RETRIEVERS_") && name.ends_with("_KIND"))
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
