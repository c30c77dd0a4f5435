//! Runs a case, and compares what leaves with what is expected.

use super::case::{Case, Target, fits, part};
use super::form::{Expectation, Literal, Test};
use super::leaks::{self, title};
use super::request::{span_id, time};
use super::show::{literal, value};
use crate::config::{Place, escape, quote};
use crate::otlp::{Attributes, Event, Item, Payload, Value};

/// Something that is not as expected.
#[derive(Debug)]
pub(super) struct Complaint {
    /// Where it is expected.
    pub place: Place,
    pub what: String,
    pub lines: Vec<Line>,
}

/// A line of the difference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Expected, and not so.
    Expected(String),
    /// So, and not expected.
    Got(String),
    /// Expected, and so.
    Same(String),
    /// So; nothing is expected of it.
    Aside(String),
}

/// Everything that is not as expected; nothing, if the case is good.
pub(super) fn judge(case: &Case<'_>) -> Vec<Complaint> {
    let passed = match case.pipeline.trial.run(&case.payload) {
        Ok(passed) => passed,
        Err(processor) => {
            let what = format!("the processor {processor} failed on the request: a defect of burgee");
            return vec![Complaint { place: case.node.place.clone(), what, lines: Vec::new() }];
        }
    };
    let mut complaints = Vec::new();
    for (at, (expectation, target)) in case.test.expect.iter().zip(&case.targets).enumerate() {
        if let Some((what, lines)) = judge_one(case, expectation, *target, &passed.out) {
            let place = part(&case.node, "expect", at).place.clone();
            complaints.push(Complaint { place, what, lines });
        }
    }
    for (at, text) in case.test.must_not_leave.iter().enumerate() {
        let found = leaks::find(&case.test, &passed.out, text);
        if !found.is_empty() {
            let place = part(&case.node, "must_not_leave", at).place.clone();
            let lines = found.into_iter().map(Line::Got).collect();
            complaints.push(Complaint { place, what: format!("{} must not leave", quote(text)), lines });
        }
    }
    if let Some(expected) = case.test.evaluations.filter(|&expected| expected != passed.evaluations) {
        complaints.push(Complaint {
            place: case.node.find(&["evaluations"]).place.clone(),
            what: "flag evaluations".to_owned(),
            lines: vec![Line::Expected(expected.to_string()), Line::Got(passed.evaluations.to_string())],
        });
    }
    complaints
}

fn judge_one(
    case: &Case<'_>,
    expectation: &Expectation,
    target: Target,
    out: &Payload,
) -> Option<(String, Vec<Line>)> {
    let before = find(&case.test, &case.payload, target).expect("the request was made of the test");
    let what = before.title(case);
    let Some(after) = find(&case.test, out, target) else {
        return Some((what, vec![Line::Got("it does not leave the pipeline".to_owned())]));
    };
    let mut lines = Vec::new();
    if let Some(name) = &expectation.name {
        compare_names(name, after.name(), &mut lines);
    }
    if expectation.unchanged {
        unchanged(&before, &after, &mut lines);
    } else {
        compare(expectation, after.attributes(), &mut lines);
    }
    let is_wrong = lines.iter().any(|line| matches!(line, Line::Expected(_) | Line::Got(_)));
    is_wrong.then_some((what, lines))
}

/// A part of a request.
enum Part<'a> {
    Item(Item<'a>),
    Event(Item<'a>, Event<'a>),
}

impl<'a> Part<'a> {
    fn title(&self, case: &Case<'_>) -> String {
        match self {
            Part::Item(item) => title(&case.test, item),
            Part::Event(item, event) => format!("{}, event {}", title(&case.test, item), quote(event.name())),
        }
    }

    fn name(&self) -> &'a str {
        match self {
            Part::Item(item) => item.name(),
            Part::Event(_, event) => event.name(),
        }
    }

    fn attributes(&self) -> Attributes<'a> {
        match self {
            Part::Item(item) => item.attributes(),
            Part::Event(_, event) => event.attributes(),
        }
    }

    fn events(&self) -> Vec<Event<'a>> {
        match self {
            Part::Item(item) => item.events().collect(),
            Part::Event(..) => Vec::new(),
        }
    }
}

fn find<'a>(test: &Test, payload: &'a Payload, target: Target) -> Option<Part<'a>> {
    match target {
        Target::Log(place) => {
            payload.items().find(|item| item.time_unix_nano() == time(test, place)).map(Part::Item)
        }
        Target::Span(place) => payload.items().find(|item| *item.span_id() == span_id(place)).map(Part::Item),
        Target::Event { span, event } => {
            let item = payload.items().find(|item| *item.span_id() == span_id(span))?;
            let event = item.events().find(|of| of.time_unix_nano() == time(test, event))?;
            Some(Part::Event(item, event))
        }
    }
}

fn compare(expectation: &Expectation, attributes: Attributes<'_>, lines: &mut Vec<Line>) {
    let expected = &expectation.attributes.0;
    for (key, wanted) in expected {
        let line = format!("{}: {}", escape(key), literal(wanted));
        match attributes.get(key) {
            Some(got) if is_same(wanted, got) => lines.push(Line::Same(line)),
            Some(got) => {
                lines.push(Line::Expected(line));
                lines.push(Line::Got(format!("{}: {}", escape(key), value(got))));
            }
            None => lines.push(Line::Expected(line)),
        }
    }
    for (key, got) in attributes.iter() {
        let line = format!("{}: {}", escape(key), value(got));
        if let Some(pattern) = expectation.absent.iter().find(|pattern| fits(pattern, key)) {
            let why = if pattern == key { String::new() } else { format!(": {}", escape(pattern)) };
            lines.push(Line::Got(format!("{line}   (must be absent{why})")));
        } else if !expected.iter().any(|(wanted, _)| wanted == key) {
            lines.push(Line::Aside(line));
        }
    }
}

fn compare_names(wanted: &str, got: &str, lines: &mut Vec<Line>) {
    match wanted == got {
        true => lines.push(Line::Same(format!("name: {}", value(Value::Str(got))))),
        false => {
            lines.push(Line::Expected(format!("name: {}", value(Value::Str(wanted)))));
            lines.push(Line::Got(format!("name: {}", value(Value::Str(got)))));
        }
    }
}

fn unchanged(before: &Part<'_>, after: &Part<'_>, lines: &mut Vec<Line>) {
    compare_names(before.name(), after.name(), lines);
    same_attributes("", before.attributes(), after.attributes(), lines);
    let (events_before, events_after) = (before.events(), after.events());
    if events_before.len() != events_after.len() {
        lines.push(Line::Expected(format!("{} events", events_before.len())));
        lines.push(Line::Got(format!("{} events", events_after.len())));
    }
    for (before, after) in events_before.iter().zip(&events_after) {
        let whose = format!("event {}: ", quote(before.name()));
        if before.name() != after.name() {
            compare_names(before.name(), after.name(), lines);
        }
        same_attributes(&whose, before.attributes(), after.attributes(), lines);
    }
}

fn same_attributes(whose: &str, before: Attributes<'_>, after: Attributes<'_>, lines: &mut Vec<Line>) {
    let (before, after): (Vec<_>, Vec<_>) = (before.iter().collect(), after.iter().collect());
    let line = |(key, of): &(&str, Value<'_>)| format!("{whose}{}: {}", escape(key), value(*of));
    for pair in &before {
        lines.push(match after.contains(pair) {
            true => Line::Same(line(pair)),
            false => Line::Expected(line(pair)),
        });
    }
    lines.extend(after.iter().filter(|pair| !before.contains(pair)).map(|pair| Line::Got(line(pair))));
}

fn is_same(wanted: &Literal, got: Value<'_>) -> bool {
    match (wanted, got) {
        (Literal::Null, Value::Empty) => true,
        (Literal::Bool(wanted), Value::Bool(got)) => *wanted == got,
        (Literal::Int(wanted), Value::Int(got)) => *wanted == got,
        (Literal::Double(wanted), Value::Double(got)) => *wanted == got || (wanted.is_nan() && got.is_nan()),
        (Literal::Text(wanted), Value::Str(got)) => wanted == got,
        (Literal::List(wanted), Value::Array(got)) => {
            let got: Vec<_> = got.iter().collect();
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(wanted, got)| is_same(wanted, got))
        }
        (Literal::Map(wanted), Value::Map(got)) => {
            // the order of a map's keys means nothing
            let mut left: Vec<_> = got.iter().collect();
            wanted.0.len() == left.len()
                && wanted.0.iter().all(|(key, wanted)| {
                    let same = left.iter().position(|(of, got)| key == of && is_same(wanted, *got));
                    same.map(|place| left.swap_remove(place)).is_some()
                })
        }
        _ => false,
    }
}
