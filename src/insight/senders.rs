//! Who sends, and what is odd about it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::fast::RandomState;

use super::signs::{Mark, Oddity};
use super::watch::From;
use crate::otlp::{Attributes, Resource, Value};

/// One service on one host, by one protocol and port.
#[derive(Clone, Debug)]
pub struct Sender {
    /// `service.name`; empty if there is none.
    pub service: Arc<str>,
    pub peer: Option<IpAddr>,
    pub transport: &'static str,
    /// `grpc`, `http`, `both`: which of a receiver's ports.
    pub port: Option<&'static str>,
    /// `go 1.45.0`.
    pub sdk: Box<str>,
    pub version: Arc<str>,
    pub is_relay_proxy: bool,
    pub is_browser: bool,
    /// Spans and log records.
    pub items: u64,
    pub evaluations: u64,
    pub first_seen: SystemTime,
    pub last_seen: SystemTime,
    pub marks: BTreeMap<Oddity, Mark>,
    /// `process.pid` or `service.instance.id` of the process that sent last.
    process: Box<str>,
    /// Hashes of span names, at most [`NAMES_MAX`].
    names: HashSet<u64, RandomState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    service: Arc<str>,
    peer: Option<IpAddr>,
    transport: &'static str,
    port: Option<&'static str>,
}

impl Key {
    fn of(service: &Arc<str>, from: &From) -> Key {
        let peer = from.peer.map(|peer| peer.ip().to_canonical());
        Key { service: Arc::clone(service), peer, transport: from.transport, port: from.port }
    }
}

/// All that are remembered.
#[derive(Debug, Default)]
pub(super) struct Senders {
    senders: HashMap<Key, Sender, RandomState>,
    /// Which processes say that they are an instance.
    instances: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
}

impl Senders {
    /// The sender of what has this resource.
    pub fn of(
        &mut self,
        resource: Resource<'_>,
        service: &Arc<str>,
        from: &From,
        now: SystemTime,
    ) -> &mut Sender {
        let key = Key::of(service, from);
        let peer = key.peer;
        if self.senders.len() >= SENDERS_MAX && !self.senders.contains_key(&key) {
            let oldest = self.senders.iter().min_by_key(|(_, sender)| sender.last_seen);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.senders.remove(&key);
            }
        }
        let about = About::read(resource.attributes());
        let shared =
            about.instance.as_deref().and_then(|instance| share(&mut self.instances, instance, &about));
        let sender = self.senders.entry(key).or_insert_with(|| Sender {
            service: Arc::clone(service),
            peer,
            transport: from.transport,
            port: from.port,
            sdk: about.sdk.as_str().into(),
            version: about.version.as_str().into(),
            is_relay_proxy: false,
            is_browser: false,
            items: 0,
            evaluations: 0,
            first_seen: now,
            last_seen: now,
            marks: BTreeMap::new(),
            process: about.process.as_str().into(),
            names: HashSet::default(),
        });
        sender.last_seen = now;
        sender.is_relay_proxy |= about.is_relay_proxy;
        sender.is_browser |= about.is_browser;
        if *sender.version != *about.version {
            sender.version = about.version.as_str().into();
        }
        if *sender.process != *about.process {
            let (before, after) = (&sender.process, &about.process);
            if !before.is_empty() {
                Mark::note(&mut sender.marks, Oddity::Restarted, now, || {
                    format!("{before} was followed by {after}")
                });
            }
            sender.process = about.process.as_str().into();
        }
        if service.is_empty() || service.starts_with("unknown_service") {
            Mark::note(&mut sender.marks, Oddity::NoServiceName, now, || service.to_string());
        }
        if let Some(shared) = shared {
            Mark::note(&mut sender.marks, Oddity::SharedInstance, now, || shared);
        }
        sender
    }

    /// One that is there already.
    pub fn get_mut(&mut self, service: &Arc<str>, from: &From) -> Option<&mut Sender> {
        self.senders.get_mut(&Key::of(service, from))
    }

    /// The latest first.
    pub fn all(&self) -> Vec<Sender> {
        let mut all: Vec<_> = self.senders.values().cloned().collect();
        all.sort_by(|left, right| {
            right.last_seen.cmp(&left.last_seen).then_with(|| left.service.cmp(&right.service))
        });
        all
    }

    /// Those of a service, of whichever host.
    pub fn mark_service(
        &mut self,
        service: &str,
        oddity: Oddity,
        now: SystemTime,
        sample: impl FnOnce() -> String,
    ) {
        let latest = self
            .senders
            .values_mut()
            .filter(|sender| *sender.service == *service)
            .max_by_key(|sender| sender.last_seen);
        if let Some(sender) = latest {
            Mark::note(&mut sender.marks, oddity, now, sample);
        }
    }
}

impl Sender {
    pub(super) fn mark(&mut self, oddity: Oddity, now: SystemTime, sample: impl FnOnce() -> String) {
        Mark::note(&mut self.marks, oddity, now, sample);
    }

    /// Notes the name of a span. True if there are more than code can have.
    pub(super) fn name(&mut self, hash: u64) -> bool {
        self.names.len() >= NAMES_MAX || (self.names.insert(hash) && self.names.len() >= NAMES_MAX)
    }

    /// How often something was seen.
    pub fn count(&self, oddity: Oddity) -> u64 {
        self.marks.get(&oddity).map_or(0, |mark| mark.count)
    }
}

/// The other processes that say they are the same instance, once there are two at a time.
fn share(
    instances: &mut BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    instance: &str,
    about: &About,
) -> Option<String> {
    if about.build.is_empty() || (instances.len() >= SENDERS_MAX && !instances.contains_key(instance)) {
        return None;
    }
    let builds = instances.entry(instance.into()).or_default();
    if builds.len() < BUILDS_MAX {
        builds.insert(about.build.as_str().into());
    }
    (builds.len() > 1).then(|| builds.iter().map(|build| &**build).collect::<Vec<_>>().join(" and "))
}

/// What a resource says of its process.
#[derive(Default)]
struct About {
    sdk: String,
    version: String,
    process: String,
    instance: Option<String>,
    /// Service, version and language: what two processes of one build share.
    build: String,
    is_relay_proxy: bool,
    is_browser: bool,
}

impl About {
    fn read(attributes: Attributes<'_>) -> About {
        let mut about = About::default();
        let (mut language, mut sdk, mut name) = ("", "", "");
        for (key, value) in attributes.iter() {
            let text = match value {
                Value::Str(text) => super::told::cut(text),
                Value::Int(pid) if key == "process.pid" => {
                    about.process = format!("pid {pid}");
                    continue;
                }
                _ => continue,
            };
            match key {
                "service.name" => name = text,
                "service.version" => about.version = text.to_owned(),
                "service.instance.id" => about.instance = Some(text.to_owned()),
                "telemetry.sdk.language" => language = text,
                "telemetry.sdk.version" => sdk = text,
                "process.executable.name" => about.is_relay_proxy |= is_relay_proxy(text),
                _ => {}
            }
        }
        about.is_relay_proxy |= name == RELAY_PROXY;
        about.is_browser = language == "webjs";
        about.sdk = [language, sdk].join(" ").trim().to_owned();
        about.build = [name, &about.version, language].join(" ").trim().to_owned();
        if about.process.is_empty() {
            about.process = about.instance.as_ref().map(|id| format!("instance {id}")).unwrap_or_default();
        }
        about
    }
}

fn is_relay_proxy(executable: &str) -> bool {
    matches!(executable, "go-feature-flag" | "relayproxy" | "relay-proxy" | "go-feature-flag-relay-proxy")
}

/// The relay proxy's `service.name`, unless it was given another one.
const RELAY_PROXY: &str = "go-feature-flag";
const SENDERS_MAX: usize = 256;
const BUILDS_MAX: usize = 4;
/// Code has fewer names for spans.
pub const NAMES_MAX: usize = 1000;
