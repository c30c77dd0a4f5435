//! Who sends, and what is odd about it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
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
    /// `process.pid` or `service.instance.id` of the processes that have sent, the one that sent last at the end; at
    /// most [`PROCESSES_MAX`].
    processes: VecDeque<Box<str>>,
    /// Several processes send, by turns: that is no restart.
    are_several: bool,
    names: Names,
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

/// Hashes of span names, at most [`NAMES_MAX`]. A copy of a sender is for looking at, and has none.
#[derive(Debug, Default)]
struct Names(HashSet<u64, RandomState>);

impl Clone for Names {
    fn clone(&self) -> Names {
        Names::default()
    }
}

/// All that are remembered.
#[derive(Debug, Default)]
pub(super) struct Senders {
    senders: HashMap<Key, Sender, RandomState>,
    /// Which processes have said that they are an instance, the one that said it last at the end.
    instances: BTreeMap<Box<str>, VecDeque<Box<str>>>,
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
            processes: VecDeque::new(),
            are_several: false,
            names: Names::default(),
        });
        sender.last_seen = now;
        sender.is_relay_proxy |= about.is_relay_proxy;
        sender.is_browser |= about.is_browser;
        if *sender.version != *about.version {
            sender.version = about.version.as_str().into();
        }
        match turn(&mut sender.processes, &about.process) {
            Turn::New(before) if !before.is_empty() && !sender.are_several => {
                let after = &about.process;
                let sample = || format!("{before} was followed by {after}");
                Mark::note(&mut sender.marks, Oddity::Restarted, now, sample);
            }
            Turn::Again(_) => {
                sender.are_several = true;
                sender.marks.remove(&Oddity::Restarted);
            }
            Turn::New(_) | Turn::Same => {}
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
        count: u64,
        now: SystemTime,
        sample: String,
    ) {
        let latest = self
            .senders
            .values_mut()
            .filter(|sender| *sender.service == *service)
            .max_by_key(|sender| sender.last_seen);
        if let Some(sender) = latest {
            Mark::note_many(&mut sender.marks, oddity, count, now, || sample);
        }
    }
}

impl Sender {
    pub(super) fn mark(&mut self, oddity: Oddity, now: SystemTime, sample: impl FnOnce() -> String) {
        Mark::note(&mut self.marks, oddity, now, sample);
    }

    /// Notes the name of a span. True if there are more than code can have.
    pub(super) fn name(&mut self, hash: u64) -> bool {
        let Names(names) = &mut self.names;
        if names.len() >= NAMES_MAX {
            return !names.contains(&hash);
        }
        names.insert(hash);
        false
    }

    /// How often something was seen.
    pub fn count(&self, oddity: Oddity) -> u64 {
        self.marks.get(&oddity).map_or(0, |mark| mark.count)
    }
}

/// Who has sent now, seen from who sent before.
enum Turn {
    Same,
    /// One that was not there before, after this one; which is empty if it is the first.
    New(Box<str>),
    /// One that had been followed by this other one: both are there.
    Again(Box<str>),
}

fn turn(known: &mut VecDeque<Box<str>>, now: &str) -> Turn {
    let last = known.back().cloned().unwrap_or_default();
    if *last == *now {
        return Turn::Same;
    }
    let place = known.iter().position(|known| **known == *now);
    let before = place.and_then(|place| known.remove(place));
    if known.len() == PROCESSES_MAX {
        known.pop_front();
    }
    let is_again = before.is_some();
    known.push_back(before.unwrap_or_else(|| now.into()));
    if is_again { Turn::Again(last) } else { Turn::New(last) }
}

/// The other process that says it is the same instance, when they take turns. One that follows another for good is a
/// restart: the instance may be the name of a host.
fn share(
    instances: &mut BTreeMap<Box<str>, VecDeque<Box<str>>>,
    instance: &str,
    about: &About,
) -> Option<String> {
    if about.identity.is_empty() {
        return None;
    }
    if instances.len() >= SENDERS_MAX && !instances.contains_key(instance) {
        instances.pop_first();
    }
    let processes = instances.entry(instance.into()).or_default();
    match turn(processes, &about.identity) {
        Turn::Again(other) => Some(format!("{other} and {}", about.identity)),
        Turn::Same | Turn::New(_) => None,
    }
}

/// What a resource says of its process.
#[derive(Default)]
struct About {
    sdk: String,
    version: String,
    process: String,
    instance: Option<String>,
    /// Service, version, language, host and process.
    identity: String,
    is_relay_proxy: bool,
    is_browser: bool,
}

impl About {
    fn read(attributes: Attributes<'_>) -> About {
        let mut about = About::default();
        let (mut language, mut sdk, mut name, mut host) = ("", "", "", "");
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
                "host.name" => host = text,
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
        let parts = [name, &about.version, language, host, &about.process];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        about.identity = parts.join(" ");
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
const PROCESSES_MAX: usize = 4;
/// Code has fewer names for spans.
pub const NAMES_MAX: usize = 1000;
