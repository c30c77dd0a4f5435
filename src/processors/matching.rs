//! Which items a processor is for: the Collector's `include` and `exclude`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Fault;
use super::actions::Constant;
use super::pattern::Pattern;
use super::text::text_of;
use crate::otlp::{Attributes, Item, OwnedValue, Resource, Scope, Signal, Value};

/// What an item has to have, in the keys of the Collector's `filterconfig` 0.155: all that is said, and of each list of
/// texts one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Properties {
    /// Required.
    pub match_type: Option<MatchType>,
    /// `service.name` of the resource; spans only.
    pub services: Vec<String>,
    /// Spans only.
    pub span_names: Vec<String>,
    /// `SPAN_KIND_SERVER` and so on; with `regexp` patterns for them. Spans only.
    pub span_kinds: Vec<String>,
    /// Log records only.
    pub log_bodies: Vec<String>,
    /// Log records only.
    pub log_severity_texts: Vec<String>,
    /// Log records only.
    pub log_severity_number: Option<SeverityNumber>,
    /// Data points only.
    pub metric_names: Vec<String>,
    /// All of them; data points are not looked at by attributes.
    pub attributes: Vec<Attribute>,
    /// Attributes of the resource, all of them; spans and log records.
    pub resources: Vec<Attribute>,
    /// Instrumentation scopes, all of them; spans and log records.
    pub libraries: Vec<Library>,
    /// Read, but without effect in burgee: a cache that it has no need of.
    pub regexp: Option<RegexpCache>,
}

/// Whether texts are compared or searched with regular expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatchType {
    Strict,
    Regexp,
}

/// An attribute that has to be there; with `value`, it has to be that.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Attribute {
    /// The attribute.
    pub key: String,
    /// What it has to be; absent: anything.
    pub value: Option<Constant>,
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Library {
    /// The scope's name.
    pub name: String,
    /// Absent: any.
    pub version: Option<String>,
}

/// How severe a log record has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeverityNumber {
    /// 1 (TRACE) to 24 (FATAL4).
    pub min: i32,
    /// Whether records without a severity match.
    pub match_undefined: bool,
}

/// The keys of the Collector's cache for regular expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RegexpCache {
    pub cacheenabled: bool,
    pub cachemaxnumentries: u64,
}

/// Properties, decided at build.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    tests: Vec<Test>,
}

#[derive(Clone, Debug)]
enum Test {
    Service(Texts),
    SpanName(Texts),
    SpanKind(Texts),
    Body(Texts),
    SeverityText(Texts),
    SeverityNumber(SeverityNumber),
    MetricName(Texts),
    Library { name: Texts, version: Option<Texts> },
    Resource(Vec<Wanted>),
    Attributes(Vec<Wanted>),
}

/// One of several texts, or one that one of several patterns is found in.
#[derive(Clone, Debug)]
enum Texts {
    Strict(Vec<String>),
    Regexp(Vec<Pattern>),
}

#[derive(Clone, Debug)]
struct Wanted {
    key: String,
    value: WantedValue,
}

#[derive(Clone, Debug)]
enum WantedValue {
    Any,
    Equal(OwnedValue),
    Pattern(Pattern),
}

/// What `include` and `exclude` say together.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    include: Option<Matcher>,
    exclude: Option<Matcher>,
}

impl Selection {
    /// # Errors
    /// What is wrong with either, below its key.
    pub(super) fn build(
        include: Option<&Properties>,
        exclude: Option<&Properties>,
    ) -> Result<Selection, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut build = |key: &str, properties: Option<&Properties>| match properties.map(Matcher::build) {
            Some(Ok(matcher)) => Some(matcher),
            Some(Err(fault)) => {
                faults.push(fault.below(key));
                None
            }
            None => None,
        };
        let selection = Selection { include: build("include", include), exclude: build("exclude", exclude) };
        if faults.is_empty() { Ok(selection) } else { Err(faults) }
    }

    /// Whether the item is among those to be processed.
    pub(super) fn has(&self, item: &Item<'_>) -> bool {
        self.include.as_ref().is_none_or(|include| include.matches(item))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.matches(item))
    }
}

impl Properties {
    /// What is said that has no meaning for items of a signal: errors in the Collector, too.
    pub(super) fn misfits(&self, signal: Signal) -> Vec<Fault> {
        let foreign: &[(&str, bool)] = match signal {
            Signal::Traces => &[
                ("log_bodies", !self.log_bodies.is_empty()),
                ("log_severity_texts", !self.log_severity_texts.is_empty()),
                ("log_severity_number", self.log_severity_number.is_some()),
            ],
            Signal::Logs => &[
                ("services", !self.services.is_empty()),
                ("span_names", !self.span_names.is_empty()),
                ("span_kinds", !self.span_kinds.is_empty()),
            ],
            Signal::Metrics => &[],
        };
        let said = foreign.iter().filter(|(_, is_said)| *is_said);
        let mut faults: Vec<Fault> = said
            .map(|(key, _)| {
                Fault::new(key, format!("has no meaning for {}, and a pipeline has them", signal.items()))
                    .help("use one processor for each signal, `attributes/traces` and `attributes/logs`")
            })
            .collect();
        if signal != Signal::Metrics && faults.is_empty() && !self.says_something(signal) {
            let what = match signal {
                Signal::Logs => "log_bodies, log_severity_texts, log_severity_number",
                _ => "services, span_names, span_kinds",
            };
            faults.push(Fault::new("", format!("says nothing about {}", signal.items())).help(format!(
                "write at least one of attributes, resources, libraries, {what}, or remove it"
            )));
        }
        faults
    }

    /// What the Collector reads and then ignores, for data points.
    pub(super) fn ignored(&self, signal: Signal) -> Vec<Fault> {
        let said = [
            ("attributes", !self.attributes.is_empty()),
            ("resources", !self.resources.is_empty()),
            ("libraries", !self.libraries.is_empty()),
            ("services", !self.services.is_empty()),
            ("span_names", !self.span_names.is_empty()),
        ];
        let said = said.into_iter().filter(|(_, is_said)| *is_said && signal == Signal::Metrics);
        said.map(|(key, _)| {
            Fault::new(
                key,
                "has no effect on data points, as in the Collector: they are chosen by metric_names",
            )
        })
        .collect()
    }

    fn says_something(&self, signal: Signal) -> bool {
        let general = !self.attributes.is_empty() || !self.resources.is_empty() || !self.libraries.is_empty();
        general
            || match signal {
                Signal::Traces => {
                    !self.services.is_empty() || !self.span_names.is_empty() || !self.span_kinds.is_empty()
                }
                Signal::Logs => {
                    !self.log_bodies.is_empty()
                        || !self.log_severity_texts.is_empty()
                        || self.log_severity_number.is_some()
                }
                Signal::Metrics => !self.metric_names.is_empty(),
            }
    }
}

impl Matcher {
    fn build(of: &Properties) -> Result<Matcher, Fault> {
        let Some(kind) = of.match_type else {
            return Err(Fault::new("match_type", "is missing; write strict or regexp"));
        };
        let known = |kind: &String| KINDS[1..].contains(&kind.as_str());
        if let (MatchType::Strict, Some(at)) = (kind, of.span_kinds.iter().position(|kind| !known(kind))) {
            let words = KINDS[1..].join(", ");
            return Err(Fault::new(&format!("span_kinds.{at}"), format!("is none of {words}")));
        }
        let mut tests = Vec::new();
        let mut add = |key: &str, texts: &[String], test: fn(Texts) -> Test| -> Result<(), Fault> {
            if !texts.is_empty() {
                tests.push(test(Texts::build(kind, texts, key)?));
            }
            Ok(())
        };
        add("services", &of.services, Test::Service)?;
        add("span_names", &of.span_names, Test::SpanName)?;
        add("span_kinds", &of.span_kinds, Test::SpanKind)?;
        add("log_bodies", &of.log_bodies, Test::Body)?;
        add("log_severity_texts", &of.log_severity_texts, Test::SeverityText)?;
        add("metric_names", &of.metric_names, Test::MetricName)?;
        tests.extend(of.log_severity_number.clone().map(Test::SeverityNumber));
        for (at, library) in of.libraries.iter().enumerate() {
            let one = |text: &String, key: &str| {
                Texts::build(kind, std::slice::from_ref(text), "")
                    .map_err(|fault| Fault::new(&format!("libraries.{at}.{key}"), fault.message))
            };
            let version = library.version.as_ref().map(|version| one(version, "version")).transpose()?;
            tests.push(Test::Library { name: one(&library.name, "name")?, version });
        }
        if !of.resources.is_empty() {
            tests.push(Test::Resource(wanted(kind, &of.resources, "resources")?));
        }
        if !of.attributes.is_empty() {
            tests.push(Test::Attributes(wanted(kind, &of.attributes, "attributes")?));
        }
        Ok(Matcher { tests })
    }

    fn matches(&self, item: &Item<'_>) -> bool {
        let signal = item.signal();
        self.tests.iter().all(|test| test.passes(item, signal))
    }
}

impl Test {
    fn passes(&self, item: &Item<'_>, signal: Signal) -> bool {
        match (self, signal) {
            (Test::MetricName(names), Signal::Metrics) => names.has(item.name()),
            // Data points are chosen by the name of their metric alone, spans and log records by everything else.
            (_, Signal::Metrics) | (Test::MetricName(_), _) => true,
            (Test::Service(names), _) => names.has(&service(item.resource())),
            (Test::SpanName(names), _) => names.has(item.name()),
            (Test::SpanKind(kinds), _) => kinds.has(kind_word(item.kind())),
            (Test::Body(texts), _) => {
                texts.has(&item.log_body().as_ref().map_or_else(Default::default, text_of))
            }
            (Test::SeverityText(texts), _) => texts.has(item.severity_text()),
            (Test::SeverityNumber(SeverityNumber { min, match_undefined }), _) => {
                match item.severity_number() {
                    0 => *match_undefined,
                    number => number >= *min,
                }
            }
            (Test::Library { name, version }, _) => library(item.scope(), name, version.as_ref()),
            (Test::Resource(wanted), _) => has_all(wanted, item.resource().attributes()),
            (Test::Attributes(wanted), _) => has_all(wanted, item.attributes()),
        }
    }
}

fn service(resource: Resource<'_>) -> String {
    match resource.attributes().get("service.name") {
        Some(name) => text_of(&name).into_owned(),
        None => "<nil-service-name>".to_owned(),
    }
}

fn library(scope: Scope<'_>, name: &Texts, version: Option<&Texts>) -> bool {
    name.has(scope.name()) && version.is_none_or(|version| version.has(scope.version()))
}

fn has_all(wanted: &[Wanted], attributes: Attributes<'_>) -> bool {
    wanted.iter().all(|wanted| {
        let Some(value) = attributes.get(&wanted.key) else { return false };
        match &wanted.value {
            WantedValue::Any => true,
            WantedValue::Equal(equal) => equal.value() == value,
            WantedValue::Pattern(pattern) => match value {
                Value::Str(_) | Value::Bool(_) | Value::Int(_) | Value::Double(_) => {
                    pattern.matches(&text_of(&value))
                }
                Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::Map(_) => false,
            },
        }
    })
}

fn wanted(kind: MatchType, attributes: &[Attribute], list: &str) -> Result<Vec<Wanted>, Fault> {
    let wanted = |(at, attribute): (usize, &Attribute)| {
        let path = |key: &str| format!("{list}.{at}.{key}");
        if attribute.key.is_empty() {
            return Err(Fault::new(&path("key"), "is missing"));
        }
        let value = match (&attribute.value, kind) {
            (None, _) => WantedValue::Any,
            (Some(value), MatchType::Strict) => WantedValue::Equal(OwnedValue::new(value.value())),
            (Some(value), MatchType::Regexp) => match value.value() {
                Value::Str(text) => {
                    WantedValue::Pattern(Pattern::parse(text).map_err(|e| Fault::new(&path("value"), e))?)
                }
                _ => {
                    let message = "must be text with match_type regexp: it is a regular expression";
                    return Err(Fault::new(&path("value"), message).help("put it in quotes"));
                }
            },
        };
        Ok(Wanted { key: attribute.key.clone(), value })
    };
    attributes.iter().enumerate().map(wanted).collect()
}

impl Texts {
    fn build(kind: MatchType, texts: &[String], key: &str) -> Result<Texts, Fault> {
        let pattern = |(at, text): (usize, &String)| {
            Pattern::parse(text).map_err(|error| Fault::new(&format!("{key}.{at}"), error))
        };
        Ok(match kind {
            MatchType::Strict => Texts::Strict(texts.to_vec()),
            MatchType::Regexp => {
                Texts::Regexp(texts.iter().enumerate().map(pattern).collect::<Result<_, _>>()?)
            }
        })
    }

    fn has(&self, text: &str) -> bool {
        match self {
            Texts::Strict(texts) => texts.iter().any(|wanted| wanted == text),
            Texts::Regexp(patterns) => patterns.iter().any(|pattern| pattern.matches(text)),
        }
    }
}

/// A span's kind in the words of the protocol; the empty text for a number that the protocol does not have.
pub(super) fn kind_word(kind: i32) -> &'static str {
    usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind).copied()).unwrap_or_default()
}

/// By their numbers.
const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// One of the ways to look at properties for a signal.
pub(super) type Look = fn(&Properties, Signal) -> Vec<Fault>;
