//! Looking at a payload: what is remembered of its items, and what is odd about them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::memory::Memory;
use super::signs::{Call, Oddity, Served};
use super::told::{Told, cut, id, value_text};
use super::traces::{Packed, Span};
use super::watch::{From, Watch};
use crate::flags::{Evaluations, conventions};
use crate::otlp::{Item, ItemId, Payload, Signal, Value};

/// The part of a span that attributes tell, in the generations of their names.
#[derive(Default)]
struct Http<'a> {
    /// Of the URL of a CLIENT span.
    url: &'a str,
    /// Of a SERVER span.
    path: &'a str,
    host: &'a str,
    port: Option<i64>,
}

/// What stands out in an item's attributes.
#[derive(Default)]
struct Attributes<'a> {
    http: Http<'a>,
    count: usize,
    longest: (usize, &'a str),
    outdated: Option<&'a str>,
    personal: Option<&'a str>,
    is_bulk: bool,
    is_recovered: bool,
    /// The key that was read last, and what of it the definitions do not have.
    key: &'a str,
    undeclared: Option<(&'a str, &'a str)>,
}

impl Memory {
    /// Looks at what has left a pipeline, as much of it as the watch picks.
    pub fn look(&mut self, payload: &Payload, from: &From, watch: &Watch) {
        let now = from.arrival;
        let mut evaluations = Evaluations::default();
        let stands_for = u64::from(watch.one_in());
        let mut resource: Option<(ItemId, Arc<str>)> = None;
        for item in payload.items() {
            if !watch.picks(item.trace_id()) {
                watch.skip(1);
                continue;
            }
            self.seen += 1;
            let of = item.resource();
            let service = match &resource {
                Some((id, service)) if *id == of.id() => Arc::clone(service),
                _ => {
                    let service = self.intern(cut(of.service_name().unwrap_or_default()));
                    self.senders.of(of, &service, from, now);
                    resource = Some((of.id(), Arc::clone(&service)));
                    service
                }
            };
            if payload.signal() == Signal::Metrics {
                self.sender(&service, from, |sender| sender.items += 1);
                continue;
            }
            let mut told = Vec::new();
            evaluations.of(item, |evaluation| {
                let hasher = self.hasher.clone();
                let hash = |text: &str| std::hash::BuildHasher::hash_one(&hasher, text) | 1;
                if told.len() >= TOLD_MAX {
                    return;
                }
                told.push(Told::read(item, evaluation, &service, &mut |text| self.intern(text), hash));
            });
            let attributes = Attributes::of(item);
            self.note_sender(item, &service, from, &attributes, &told);
            for told in told {
                self.tell(told, stands_for, now);
            }
            if payload.signal() == Signal::Traces {
                self.note_http(item, &service, from, &attributes.http);
                self.keep(item, &service, from);
            }
        }
    }

    fn sender(&mut self, service: &Arc<str>, from: &From, change: impl FnOnce(&mut super::Sender)) {
        if let Some(sender) = self.senders.get_mut(service, from) {
            change(sender);
        }
    }

    fn note_sender(
        &mut self,
        item: Item<'_>,
        service: &Arc<str>,
        from: &From,
        attributes: &Attributes<'_>,
        told: &[Told],
    ) {
        let now = from.arrival;
        let name = item.name();
        let hash = self.hash(name);
        let is_span = item.signal() == Signal::Traces;
        self.sender(service, from, |sender| {
            sender.items += 1;
            sender.evaluations += told.len() as u64;
            let mut mark = |oddity, sample: &str| sender.mark(oddity, now, || sample.to_owned());
            if attributes.count >= ATTRIBUTES_MANY || attributes.longest.0 >= VALUE_LONG {
                let (bytes, key) = attributes.longest;
                mark(
                    Oddity::LargeAttributes,
                    &format!("{} attributes, {key} has {bytes} bytes", attributes.count),
                );
            }
            if let Some(key) = attributes.outdated {
                mark(Oddity::OutdatedNames, key);
            }
            if let Some(key) = attributes.personal {
                mark(Oddity::Personal, key);
            }
            if let Some((key, what)) = attributes.undeclared {
                mark(Oddity::Undeclared, &format!("{what} of {key}"));
            }
            for told in told {
                mark(Oddity::Evaluated, &told.key);
                if *told.reason == *"cached" {
                    mark(Oddity::Cached, &told.key);
                }
                if told.trace_id == [0; 16] {
                    mark(Oddity::Unjoined, &told.key);
                }
            }
            if !is_span {
                return;
            }
            let [trace_id, _, parent] = item.lineage();
            if trace_id.len() == 16 && trace_id[..8] == [0; 8] {
                mark(Oddity::ShortTraceId, "");
            }
            if item.kind() == CLIENT && parent.is_empty() {
                mark(Oddity::ClientRoot, name);
            }
            if attributes.is_bulk {
                mark(Oddity::Bulk, name);
            }
            // the request above it has its key from the URL, too
            if attributes.is_recovered && RELAY_SPANS.contains(&name) {
                mark(Oddity::Recovered, name);
            }
            if RELAY_SPANS.contains(&name) {
                sender.is_relay_proxy = true;
            }
            note_times(sender, item, now);
            if sender.name(hash) {
                sender.mark(Oddity::ManyNames, now, || name.to_owned());
            }
        });
    }

    /// Calls to relay proxies, those of browsers, and what served them.
    fn note_http(&mut self, item: Item<'_>, service: &Arc<str>, from: &From, http: &Http<'_>) {
        let now = from.arrival;
        let (kind, path) = (item.kind(), http.path());
        if path.is_empty() || !matches!(kind, SERVER | CLIENT) {
            return;
        }
        let [trace_id, span_id, parent] = item.lineage();
        let (start, end) = (item.time_unix_nano(), item.end_time_unix_nano());
        let Some((is_relay_proxy, is_browser, version)) = self
            .senders
            .get_mut(service, from)
            .map(|sender| (sender.is_relay_proxy, sender.is_browser, Arc::clone(&sender.version)))
        else {
            return;
        };
        if kind == SERVER {
            self.sender(service, from, |sender| {
                let is_noise = NOISE.contains(&path);
                sender.mark(if is_noise { Oddity::Noise } else { Oddity::Served }, now, || path.to_owned());
                if path == CONFIGURATION {
                    sender.mark(Oddity::ConfigurationFetched, now, || path.to_owned());
                }
            });
            return self.pairs.serve(Served {
                trace_id: id(trace_id),
                parent: id(parent),
                service: Arc::clone(service),
                version,
                is_relay_proxy,
                path: cut(path).into(),
                start,
                end,
                seen: now,
            });
        }
        let is_to_relay_proxy = !is_relay_proxy && is_of_relay_proxy(path);
        if is_to_relay_proxy || is_browser {
            self.pairs.call(Call {
                trace_id: id(trace_id),
                span_id: id(span_id),
                service: Arc::clone(service),
                is_browser,
                is_to_relay_proxy,
                host: cut(&http.host()).into(),
                path: cut(path).into(),
                start,
                end,
                seen: now,
            });
        }
    }

    fn keep(&mut self, item: Item<'_>, service: &Arc<str>, from: &From) {
        let [trace_id, span_id, parent] = item.lineage();
        let (start, end) = (item.time_unix_nano(), item.end_time_unix_nano());
        let attributes = item
            .attributes()
            .iter()
            .take(ATTRIBUTES_MAX)
            .map(|(key, value)| (key, value_text(value, VALUE_MAX)));
        let span = Span {
            id: id(span_id),
            parent: id(parent),
            name: self.intern(cut(item.name())),
            service: Arc::clone(service),
            kind: u8::try_from(item.kind()).unwrap_or_default(),
            status: u8::try_from(item.status_code()).unwrap_or_default(),
            flags: item.flags(),
            start,
            end,
            status_message: cut(item.status_message()).into(),
            attributes: Packed::of(attributes),
        };
        if !self.traces.add(id(trace_id), span, from.arrival) {
            let trace_id = crate::otlp::hex(trace_id);
            self.sender(service, from, |sender| {
                sender.mark(Oddity::Twice, from.arrival, || format!("trace {trace_id}"));
            });
        }
    }
}

fn note_times(sender: &mut super::Sender, item: Item<'_>, arrival: SystemTime) {
    let (start, end) = (item.time_unix_nano(), item.end_time_unix_nano());
    if start == 0
        || end < start
        || !YEARS.contains(&(end / NANOS_PER_YEAR))
        || !YEARS.contains(&(start / NANOS_PER_YEAR))
    {
        return sender
            .mark(Oddity::ImplausibleTime, arrival, || format!("{} from {start} to {end}", item.name()));
    }
    let end = super::told::time(end);
    match end.duration_since(arrival) {
        Ok(ahead) if ahead > SKEW_MAX => {
            sender.mark(Oddity::EndsInFuture, arrival, || format!("{:.1} s", ahead.as_secs_f64()));
        }
        Err(late) if late.duration() > LATE_AFTER => {
            sender.mark(Oddity::Late, arrival, || format!("{} s", late.duration().as_secs()));
        }
        _ => {}
    }
}

impl<'a> Attributes<'a> {
    fn of(item: Item<'a>) -> Attributes<'a> {
        let mut found = Attributes::default();
        for (key, value) in item.attributes().iter() {
            found.count += 1;
            if let Value::Str(text) = value
                && text.len() > found.longest.0
            {
                found.longest = (text.len(), key);
            }
            found.note(key, value);
        }
        for event in item.events() {
            event.attributes().iter().for_each(|(key, value)| found.note_evaluation(key, value));
        }
        found
    }

    fn note(&mut self, key: &'a str, value: Value<'a>) {
        let http = &mut self.http;
        match (key, value) {
            ("url.full" | "http.url", Value::Str(text)) => http.url = text,
            ("url.path" | "http.target", Value::Str(text)) => http.path = text,
            ("server.address" | "net.peer.name", Value::Str(text)) => http.host = text,
            ("server.port" | "net.peer.port", Value::Int(port)) => http.port = Some(port),
            ("enduser.id" | "user.email", Value::Str(text)) if is_address(text) => self.personal = Some(key),
            (conventions::BULK_COUNT, _) => self.is_bulk = true,
            (conventions::KEY_SOURCE, Value::Str(conventions::KEY_SOURCE_URL)) => self.is_recovered = true,
            _ => {}
        }
        if let ("url.full" | "http.url" | "url.query" | "http.target", Value::Str(text)) = (key, value)
            && is_address(
                text.split_once('?').map_or(if key == "url.query" { text } else { "" }, |(_, query)| query),
            )
        {
            self.personal = Some(key);
        }
        self.note_evaluation(key, value);
    }

    fn note_evaluation(&mut self, key: &'a str, value: Value<'a>) {
        match (key, value) {
            (conventions::KEY, Value::Str(text)) => self.key = text,
            // it is written behind the rest of the evaluation
            (conventions::UNDECLARED, Value::Str(what)) => self.undeclared = Some((self.key, what)),
            _ => {}
        }
        if !key.starts_with("feature_flag.") && key != "TargetingId" {
            return;
        }
        if OUTDATED.contains(&key) {
            self.outdated = Some(key);
        }
        if let Value::Str(text) = value
            && is_address(text)
        {
            self.personal = Some(key);
        }
    }
}

impl Http<'_> {
    /// Of the URL, without its query.
    fn path(&self) -> &str {
        let path = match self.url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
            None => self.path,
        };
        path.split(['?', '#']).next().unwrap_or_default()
    }

    /// Host and port, without what may stand before an `@`.
    fn host(&self) -> String {
        if let Some((_, rest)) = self.url.split_once("://") {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            return authority.rsplit('@').next().unwrap_or_default().to_owned();
        }
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_owned(),
        }
    }
}

/// Whether a relay proxy answers such a path.
fn is_of_relay_proxy(path: &str) -> bool {
    path.contains("/ofrep/v1/")
        || path.ends_with(CONFIGURATION)
        || path.ends_with("/v1/allflags")
        || (path.contains("/v1/feature/") && path.ends_with("/eval"))
}

/// Something like `ada@example.org`, also percent-encoded, anywhere in a text of ordinary length.
fn is_address(text: &str) -> bool {
    let text = &text[..text.floor_char_boundary(ADDRESS_IN_BYTES)];
    let split = text.split_once('@').or_else(|| text.split_once("%40"));
    let Some((name, host)) = split else { return false };
    let host = host.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-.".contains(letter)).next();
    name.ends_with(|letter: char| letter.is_ascii_alphanumeric())
        && host.is_some_and(|host| {
            host.rsplit_once('.').is_some_and(|(before, last)| {
                !before.is_empty()
                    && last.len() >= 2
                    && last.chars().all(|letter| letter.is_ascii_alphabetic())
            })
        })
}

pub(super) const SERVER: i32 = 2;
pub(super) const CLIENT: i32 = 3;
/// What only GO Feature Flag's relay proxy calls its spans.
const RELAY_SPANS: [&str; 2] = ["flagEvaluation", "AllFlagsState"];
/// Where SDKs fetch all flags that they evaluate by themselves.
const CONFIGURATION: &str = "/v1/flag/configuration";
const NOISE: [&str; 4] = ["/health", "/metrics", "/info", "/healthz"];
/// Names of evaluations in older conventions, which hooks still write.
const OUTDATED: [&str; 7] = [
    "feature_flag.variant",
    "feature_flag.provider_name",
    "feature_flag.evaluation.reason",
    "feature_flag.evaluation.error.message",
    "feature_flag.variation",
    "feature_flag.flag_key",
    "feature_flag.context.key",
];
/// Evaluations that are remembered of one span.
const TOLD_MAX: usize = 128;
const ATTRIBUTES_MAX: usize = 64;
const VALUE_MAX: usize = super::TEXT_BYTES_MAX;
/// The limit of SDKs, unless it was changed.
const ATTRIBUTES_MANY: usize = 128;
const VALUE_LONG: usize = 16 << 10;
const ADDRESS_IN_BYTES: usize = 512;
/// Clocks differ by so much without anybody minding.
pub(super) const SKEW_MAX: Duration = Duration::from_secs(2);
const LATE_AFTER: Duration = Duration::from_secs(300);
const NANOS_PER_YEAR: u64 = 365 * 24 * 3600 * 1_000_000_000;
/// Years since 1970 that telemetry may be of: 1990 to 2100, about.
const YEARS: std::ops::Range<u64> = 20..131;
