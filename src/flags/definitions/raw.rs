//! What may stand in a flag file, as it stands there; all of it may be missing, and what is not known is passed over.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Value};

use super::date::Date;
use super::rule::{Ramp, RampEnd, Rule, RuleChange, entry_bytes};
use super::{Flag, Revision, Window};

/// Flags under their own key: flagd's files, and the answers of the relay proxy.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "W: Deserialize<'de>")]
pub(super) struct Wrapped<W> {
    pub flags: Option<HashMap<String, RawFlag<W>>>,
    /// flagd's, of all flags; a flag's own go before.
    pub metadata: Option<Map<String, Value>>,
    /// The relay proxy's.
    pub error_code: Option<String>,
    pub error_details: Option<String>,
}

/// A flag of GO Feature Flag, a step of its schedule, or a flag of flagd: none of them has a key that means something
/// else in the others. `W` reads a text that may be written as a number.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "W: Deserialize<'de>")]
#[serde(expecting = "a flag: a map with `variations`")]
pub(super) struct RawFlag<W> {
    variations: Option<BTreeMap<Name, Value>>,
    targeting: Option<Targeting>,
    default_rule: Option<RawRule>,
    bucketing_key: Option<String>,
    disable: Option<Switch>,
    version: Option<W>,
    metadata: Option<Map<String, Value>>,
    experimentation: Option<RawWindow>,
    scheduled_rollout: Option<Vec<RawFlag<W>>>,
    /// Of a step.
    date: Option<Date>,
    /// flagd's word for variations.
    variants: Option<BTreeMap<Name, Value>>,
    /// flagd's.
    state: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(expecting = "a rule: a map")]
struct RawRule {
    name: Option<String>,
    variation: Option<String>,
    percentage: Option<BTreeMap<Name, f64>>,
    progressive_rollout: Option<RawRamp>,
    disable: Option<Switch>,
}

#[derive(Deserialize)]
#[serde(expecting = "a map with `initial` and `end`")]
struct RawRamp {
    initial: Option<RawRampEnd>,
    end: Option<RawRampEnd>,
}

#[derive(Deserialize)]
#[serde(expecting = "a map with `variation`, `percentage` and `date`")]
struct RawRampEnd {
    variation: Option<String>,
    percentage: Option<f64>,
    date: Option<Date>,
}

#[derive(Deserialize)]
#[serde(expecting = "a map with `start` and `end`")]
struct RawWindow {
    start: Option<Date>,
    end: Option<Date>,
}

/// A list of rules; of flagd, whether there is any logic at all.
struct Targeting(Vec<RawRule>);

impl<W: AsRef<str>> RawFlag<W> {
    /// The canonical form; `None` without variations.
    ///
    /// # Errors
    /// There is not room enough for it.
    pub fn flag(mut self, shared: &Arc<Map<String, Value>>, room: &mut Room) -> Result<Option<Flag>, Full> {
        let bucketing_key = self.bucketing_key.take();
        let mut metadata = self.metadata.take().unwrap_or_default();
        metadata.values_mut().for_each(dates_as_text);
        let mut steps = self.scheduled_rollout.take().unwrap_or_default();
        let mut flag =
            Flag { bucketing_key, metadata, shared: Arc::clone(shared), revisions: Vec::with_capacity(1) };
        // flagd has the version among the metadata
        let version = flag.metadata("version").filter(|_| self.variants.is_some()).map(text_of);
        let mut revision = Revision { version: version.map(Arc::from), ..Revision::default() };
        self.apply(&mut revision, room)?;
        if revision.variations.is_empty() {
            return Ok(None);
        }
        // the oldest first, those of one date in the order of the file
        steps.sort_by_key(|step| step.date);
        let revisions = &mut flag.revisions;
        revisions.push((SystemTime::UNIX_EPOCH, revision.clone()));
        for mut step in steps {
            let Some(Date(date)) = step.date.take() else { continue };
            step.apply(&mut revision, room)?;
            match revisions.last_mut() {
                Some((since, last)) if *since == date => last.clone_from(&revision),
                _ => revisions.push((date, revision.clone())),
            }
        }
        Ok(Some(flag))
    }

    /// Lays what is said over what is known.
    fn apply(self, to: &mut Revision, room: &mut Room) -> Result<(), Full> {
        room.take(size_of::<(SystemTime, Revision)>())?;
        if let Some(said) = self.variations.or(self.variants) {
            room.take(
                to.variations
                    .keys()
                    .chain(said.keys().map(|Name(name)| name))
                    .map(|name| entry_bytes(name))
                    .sum(),
            )?;
            let said = said.into_iter().filter(|(_, value)| !value.is_null());
            Arc::make_mut(&mut to.variations).extend(said.map(|(Name(name), mut value)| {
                dates_as_text(&mut value);
                (name, Arc::new(value))
            }));
        }
        if let Some(Targeting(rules)) = self.targeting {
            let rules: Vec<_> = rules.into_iter().map(RuleChange::from).collect();
            let said = rules.iter().map(RuleChange::bytes);
            room.take(to.targeting.iter().map(Rule::bytes).chain(said).sum())?;
            change_rules(Arc::make_mut(&mut to.targeting), rules);
        }
        if let Some(rule) = self.default_rule.map(RuleChange::from) {
            let known = to.default_rule.get_or_insert_default();
            room.take(known.bytes() + rule.bytes())?;
            Arc::make_mut(known).merge(rule);
        }
        if let Some(disabled) =
            self.disable.map(|Switch(disabled)| disabled).or(self.state.map(|state| state == "DISABLED"))
        {
            to.disabled = disabled;
        }
        if let Some(version) = self.version {
            to.version = Some(version.as_ref()).filter(|version| !version.is_empty()).map(Arc::from);
        }
        if let Some(window) = self.experimentation {
            let Window { start, end } = &mut to.experimentation;
            *start = window.start.map(|Date(date)| date).or(*start);
            *end = window.end.map(|Date(date)| date).or(*end);
        }
        Ok(())
    }
}

/// A rule with the name of a known one changes that, any other comes to them.
fn change_rules(known: &mut Vec<Rule>, said: Vec<RuleChange>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    for (place, rule) in known.iter().enumerate() {
        if let Some(name) = &rule.name {
            places.entry(name.clone()).or_insert(place);
        }
    }
    for change in said {
        match change.name.as_ref().and_then(|name| places.get(name)) {
            Some(place) => known[*place].merge(change),
            None => {
                if let Some(name) = &change.name {
                    places.insert(name.clone(), known.len());
                }
                known.push(change.into());
            }
        }
    }
}

/// The memory that is left for the definitions of one text.
pub(super) struct Room(pub usize);

/// There is no [`Room`] left.
#[derive(Debug)]
pub(super) struct Full;

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), Full> {
        self.0 = self.0.checked_sub(bytes).ok_or(Full)?;
        Ok(())
    }
}

/// A date of TOML's own type comes as a map with one key, which serde_json takes for one.
pub(super) fn dates_as_text(value: &mut Value) {
    match value {
        Value::Object(map) if map.len() == 1 && map.contains_key(TOML_DATE) => {
            *value = map.remove(TOML_DATE).unwrap_or_default();
        }
        Value::Object(map) => map.values_mut().for_each(dates_as_text),
        Value::Array(values) => values.iter_mut().for_each(dates_as_text),
        _ => {}
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl From<RawRule> for RuleChange {
    fn from(raw: RawRule) -> RuleChange {
        let end = |raw: Option<RawRampEnd>| {
            raw.map_or_else(RampEnd::default, |raw| RampEnd {
                variation: raw.variation,
                percentage: raw.percentage,
                date: raw.date.map(|Date(date)| date),
            })
        };
        RuleChange {
            name: raw.name,
            variation: raw.variation,
            percentages: raw
                .percentage
                .into_iter()
                .flatten()
                .map(|(Name(name), share)| (name, share))
                .collect(),
            progressive: raw
                .progressive_rollout
                .map(|ramp| Ramp { initial: end(ramp.initial), end: end(ramp.end) }),
            disabled: raw.disable.map(|Switch(disabled)| disabled),
        }
    }
}

impl<'de> Deserialize<'de> for Targeting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TargetingVisitor)
    }
}

struct TargetingVisitor;

impl<'de> Visitor<'de> for TargetingVisitor {
    type Value = Targeting;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of rules")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rules: A) -> Result<Targeting, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(rules)).map(Targeting)
    }

    /// flagd's JsonLogic.
    fn visit_map<A: MapAccess<'de>>(self, mut logic: A) -> Result<Targeting, A::Error> {
        let mut is_said = false;
        while logic.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            is_said = true;
        }
        Ok(Targeting(is_said.then(RawRule::default).into_iter().collect()))
    }
}

/// The name of a variation. YAML's null is the empty one, as the original's parser reads it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a variation")
    }

    fn visit_none<E: Error>(self) -> Result<Name, E> {
        Ok(Name(String::new()))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        String::deserialize(deserializer).map(Name)
    }

    /// The keys of TOML are never an option.
    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(Name(name.to_owned()))
    }
}

/// A bool, also in the words of YAML 1.1, which the original's parser takes where a bool is wanted.
struct Switch(bool);

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SwitchVisitor)
    }
}

struct SwitchVisitor;

impl Visitor<'_> for SwitchVisitor {
    type Value = Switch;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, is_on: bool) -> Result<Switch, E> {
        Ok(Switch(is_on))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Switch, E> {
        match word {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(Switch(true)),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(Switch(false)),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }
}

/// Text, or a number or bool as text: for syntaxes that give numbers as numbers.
pub(super) struct Loose(String);

/// Text, also if it looks like a number, as it is written: what YAML can give.
#[derive(Deserialize)]
pub(super) struct AsWritten(String);

impl AsRef<str> for Loose {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for AsWritten {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Loose(text)),
            value @ (Value::Number(_) | Value::Bool(_)) => Ok(Loose(value.to_string())),
            _ => Err(D::Error::custom("expected a text")),
        }
    }
}

/// `toml_datetime`'s name for it.
const TOML_DATE: &str = "$__toml_private_datetime";
