#![doc = include_str!("README.md")]

mod config;
mod ottl;

pub use config::{Anything, Conditions, Config, ErrorMode, Group, LogFilters, MetricFilters, TraceFilters};

use self::ottl::{Condition, Context, PathNames, Subject};
use super::Fault;
use crate::component::{Cx, Processor};
use crate::otlp::{Item, ItemId, Payload, Signal};

/// Drops what a condition holds for.
#[derive(Clone, Debug)]
pub struct Filter {
    /// By signal.
    rules: [Vec<Rule>; Signal::ALL.len()],
}

/// Conditions about the same thing: one that holds is enough.
#[derive(Clone, Debug)]
struct Rule {
    about: Context,
    conditions: Vec<Condition>,
}

/// # Errors
/// All conditions and settings that are wrong.
pub fn build(config: &Config) -> Result<Filter, Vec<Fault>> {
    let mut faults = refused(config);
    let mut of = |signal: Signal| {
        let listed = listed(config, signal);
        let (key, grouped) = grouped(config, signal);
        if !grouped.is_empty() && listed.iter().any(|(_, _, list)| !list.is_empty()) {
            let message =
                format!("cannot stand beside {}; write all conditions in one of the two", signal.name());
            faults.push(Fault::new(key, message));
        }
        let mut rules = Vec::new();
        for (path, about, list) in listed {
            let texts: Vec<_> =
                list.iter().enumerate().map(|(at, text)| (format!("{path}.{at}"), text)).collect();
            collect(rule(Some(about), &texts), &mut rules, &mut faults);
        }
        for (context, texts) in groups(key, grouped, &mut faults) {
            let built = rule(context, &texts);
            let path = texts.first().map_or(key, |(path, _)| path.as_str());
            match &built {
                Ok(Some(rule)) if !belongs(rule.about, signal) => {
                    let message = format!("asks about a {}; {} have none", rule.about.name(), signal.name());
                    faults.push(Fault::new(path, message));
                }
                _ => collect(built, &mut rules, &mut faults),
            }
        }
        rules
    };
    let rules = Signal::ALL.map(&mut of);
    if faults.is_empty() { Ok(Filter { rules }) } else { Err(faults) }
}

/// What is odd.
pub fn warnings(config: &Config) -> Vec<Fault> {
    let says_nothing = Signal::ALL.into_iter().all(|signal| {
        grouped(config, signal).1.is_empty()
            && listed(config, signal).iter().all(|(_, _, list)| list.is_empty())
    });
    match says_nothing {
        true => vec![Fault::new("", "has no conditions: nothing is dropped")],
        false => Vec::new(),
    }
}

impl Processor for Filter {
    fn process(&self, payload: Payload, cx: &mut Cx<'_>) -> Payload {
        let rules = &self.rules[payload.signal() as usize];
        if rules.is_empty() {
            return payload;
        }
        // What was decided about the group that the last item was in.
        let mut decided: Vec<Option<(ItemId, bool)>> = vec![None; rules.len()];
        let mut items = payload.items();
        while let Some(item) = items.next() {
            let subject = Subject { item, event: None, following: &items };
            let is_dropped = rules.iter().zip(&mut decided).any(|(rule, decided)| match rule.group(&item) {
                _ if rule.about == Context::SpanEvent => false,
                None => rule.holds(&subject),
                Some(group) => match *decided {
                    Some((of, holds)) if of == group => holds,
                    _ => decided.insert((group, rule.holds(&subject))).1,
                },
            });
            if is_dropped {
                cx.edits.item(item).discard();
                cx.discarded += 1;
                continue;
            }
            for rule in rules.iter().filter(|rule| rule.about == Context::SpanEvent) {
                for event in item.events() {
                    if rule.holds(&Subject { event: Some(event), ..subject }) {
                        cx.edits.event(event).discard();
                    }
                }
            }
        }
        cx.edits.apply(&payload)
    }
}

impl Rule {
    fn holds(&self, subject: &Subject<'_, '_>) -> bool {
        self.conditions.iter().any(|condition| condition.holds(subject))
    }

    /// What all items of one answer share; none where each has its own.
    fn group(&self, item: &Item<'_>) -> Option<ItemId> {
        match self.about {
            Context::Resource => Some(item.resource().id()),
            Context::Scope => Some(item.scope().id()),
            Context::Metric => item.metric().map(|metric| metric.id()),
            Context::Span | Context::SpanEvent | Context::DataPoint | Context::Log => None,
        }
    }
}

/// The lists of a signal: path, what they are about, conditions.
fn listed(config: &Config, signal: Signal) -> Vec<(&'static str, Context, &[String])> {
    let Config { traces, metrics, logs, .. } = config;
    match signal {
        Signal::Traces => vec![
            ("traces.resource", Context::Resource, &traces.resource),
            ("traces.span", Context::Span, &traces.span),
            ("traces.spanevent", Context::SpanEvent, &traces.spanevent),
        ],
        Signal::Metrics => vec![
            ("metrics.resource", Context::Resource, &metrics.resource),
            ("metrics.metric", Context::Metric, &metrics.metric),
            ("metrics.datapoint", Context::DataPoint, &metrics.datapoint),
        ],
        Signal::Logs => vec![
            ("logs.resource", Context::Resource, &logs.resource),
            ("logs.log_record", Context::Log, &logs.log_record),
        ],
    }
}

fn grouped(config: &Config, signal: Signal) -> (&'static str, &[Conditions]) {
    match signal {
        Signal::Traces => ("trace_conditions", &config.trace_conditions),
        Signal::Metrics => ("metric_conditions", &config.metric_conditions),
        Signal::Logs => ("log_conditions", &config.log_conditions),
    }
}

/// Conditions with their paths, and what they are about if that is said.
type Texts<'c> = (Option<Context>, Vec<(String, &'c String)>);

/// The conditions of a list in the newer style. Single ones are one group, as in the Collector.
fn groups<'c>(key: &str, list: &'c [Conditions], faults: &mut Vec<Fault>) -> Vec<Texts<'c>> {
    let (mut groups, mut single) = (Vec::new(), Vec::new());
    for (at, conditions) in list.iter().enumerate() {
        match conditions {
            Conditions::One(text) => single.push((format!("{key}.{at}"), text)),
            Conditions::Group(group) => {
                let path = |item: usize| format!("{key}.{at}.conditions.{item}");
                let texts =
                    group.conditions.iter().enumerate().map(|(item, text)| (path(item), text)).collect();
                let context = Context::parse(&group.context);
                if context.is_none() && !group.context.is_empty() {
                    let known = Context::ALL.map(Context::name).join(", ");
                    faults.push(Fault::new(&format!("{key}.{at}.context"), format!("is none of {known}")));
                    continue;
                }
                groups.push((context, texts));
            }
        }
    }
    if !single.is_empty() && !groups.is_empty() {
        faults
            .push(Fault::new(key, "mixes conditions with groups of them; write all in one of the two forms"));
    }
    if !single.is_empty() {
        groups.push((None, single));
    }
    groups
}

/// All conditions of a rule; nothing if there are none.
fn rule(about: Option<Context>, texts: &[(String, &String)]) -> Result<Option<Rule>, Vec<Fault>> {
    let fault = |path: &str, text: &str, mistake: &ottl::Mistake| Fault::new(path, mistake.show(text));
    let parse = |names: &mut PathNames| {
        let (mut conditions, mut faults) = (Vec::new(), Vec::new());
        for (path, text) in texts {
            match ottl::parse(text, names) {
                Ok(condition) => conditions.push(condition),
                Err(mistake) => faults.push(fault(path, text, &mistake)),
            }
        }
        if faults.is_empty() { Ok(conditions) } else { Err(faults) }
    };
    let about = match about {
        _ if texts.is_empty() => return Ok(None),
        Some(about) => about,
        None => {
            let mut names = PathNames::Open(None);
            parse(&mut names)?;
            let PathNames::Open(Some(found)) = names else {
                let message = "has no path that says what it is about; write a prefix such as span.";
                return Err(vec![Fault::new(&texts[0].0, message)]);
            };
            found
        }
    };
    let conditions = parse(&mut PathNames::In(about))?;
    Ok(Some(Rule { about, conditions }))
}

fn collect(built: Result<Option<Rule>, Vec<Fault>>, rules: &mut Vec<Rule>, faults: &mut Vec<Fault>) {
    match built {
        Ok(rule) => rules.extend(rule),
        Err(wrong) => faults.extend(wrong),
    }
}

fn belongs(about: Context, signal: Signal) -> bool {
    match about {
        Context::Resource | Context::Scope => true,
        Context::Span | Context::SpanEvent => signal == Signal::Traces,
        Context::Metric | Context::DataPoint => signal == Signal::Metrics,
        Context::Log => signal == Signal::Logs,
    }
}

/// What burgee does not have of the Collector's filter.
fn refused(config: &Config) -> Vec<Fault> {
    let Config { metrics, logs, .. } = config;
    let older = |path: &str, instead: &str| {
        Fault::new(path, "is the older style, which is not in burgee")
            .help(format!("write conditions: {instead}"))
    };
    let spans = "traces: {span: ['attributes[\"http.route\"] == \"/health\"']}";
    let names = "metrics: {metric: ['IsMatch(name, \"^go_\")']}; `not (…)` for include";
    let records = "logs: {log_record: ['severity_number < SEVERITY_NUMBER_INFO']}; `not (…)` for include";
    let profiles = |path| Fault::new(path, "is about profiles, which burgee does not carry; remove it");
    let all = [
        (config.spans.is_some(), older("spans", spans)),
        (metrics.include.is_some(), older("metrics.include", names)),
        (metrics.exclude.is_some(), older("metrics.exclude", names)),
        (metrics.regexp.is_some(), older("metrics.regexp", names)),
        (logs.include.is_some(), older("logs.include", records)),
        (logs.exclude.is_some(), older("logs.exclude", records)),
        (config.profiles.is_some(), profiles("profiles")),
        (config.profile_conditions.is_some(), profiles("profile_conditions")),
    ];
    all.into_iter().filter(|(is_said, _)| *is_said).map(|(_, fault)| fault).collect()
}

#[cfg(test)]
mod tests;
