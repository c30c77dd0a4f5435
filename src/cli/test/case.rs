//! From a file to cases that can be run: what a test names is there, and what it forbids goes in.

use std::collections::HashSet;

use super::form::{Expectation, File, Test};
use super::leaks;
use super::request::{place_of, request};
use crate::config::{self, Node, PipelineId, Problem, Report, nearest, quote};
use crate::otlp::{self, Payload, Signal};
use crate::pipeline::Trial;

/// A pipeline of the configuration under test.
pub(super) struct Candidate {
    pub id: PipelineId,
    pub trial: Trial,
}

/// A test that can be run.
pub(super) struct Case<'p> {
    pub test: Test,
    pub node: Node,
    pub pipeline: &'p Candidate,
    pub payload: Payload,
    /// What each expectation is about.
    pub targets: Vec<Target>,
}

/// A part of the request, by places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Span(usize),
    Event { span: usize, event: usize },
    Log(usize),
}

/// Reads the tests of a file.
///
/// # Errors
/// Everything that is wrong with them, each at its place.
pub(super) fn read<'p>(root: &Node, pipelines: &'p [Candidate]) -> Result<Vec<Case<'p>>, Report> {
    let File { tests } = config::decode(root).map_err(Report::new)?;
    let list = root.find(&["tests"]);
    let mut report = Report::default();
    if tests.is_empty() {
        report.push(list.problem("there is no test here"));
    }
    let mut cases = Vec::new();
    for (test, node) in tests.into_iter().zip(list.items()) {
        match case(test, node, pipelines) {
            Ok(case) => cases.push(case),
            Err(problems) => report.extend(problems),
        }
    }
    if report.is_empty() { Ok(cases) } else { Err(report) }
}

fn case<'p>(test: Test, node: &Node, pipelines: &'p [Candidate]) -> Result<Case<'p>, Vec<Problem>> {
    let signal = match (test.spans.is_empty(), test.logs.is_empty()) {
        (false, true) => Signal::Traces,
        (true, false) => Signal::Logs,
        (true, true) => return Err(vec![node.problem("a test needs `spans` or `logs` to send")]),
        (false, false) => {
            return Err(vec![node.problem("spans and logs never come in one request; make two tests of it")]);
        }
    };
    let mut problems = names(&test, node);
    let mut targets = Vec::new();
    for (at, expectation) in test.expect.iter().enumerate() {
        let node = part(node, "expect", at);
        match target(&test, expectation, node) {
            Ok(target) => targets.push(target),
            Err(problem) => problems.push(problem),
        }
        problems.extend(contents(expectation, node));
        problems.extend(absences(expectation, node));
    }
    if test.expect.is_empty() && test.must_not_leave.is_empty() && test.evaluations.is_none() {
        problems.push(
            node.problem("the test expects nothing; write `expect`, `must_not_leave` or `evaluations`"),
        );
    }
    let pipeline = match pipeline(&test, node, signal, pipelines) {
        Ok(pipeline) if problems.is_empty() => pipeline,
        Ok(_) => return Err(problems),
        Err(problem) => {
            problems.push(problem);
            return Err(problems);
        }
    };
    let checked = otlp::check(signal, request(&test, signal).into(), &pipeline.trial.watchlist());
    let payload = checked.map_err(|error| vec![node.problem(error.to_string())])?.payload;
    for (at, text) in test.must_not_leave.iter().enumerate() {
        let node = part(node, "must_not_leave", at);
        if text.is_empty() {
            problems.push(node.problem("the empty text is everywhere"));
        } else if leaks::find(&test, &payload, text).is_empty() {
            let what = format!("{} does not go in, so it cannot leave and nothing is proved", quote(text));
            problems.push(node.problem(what).help("put it where it must not leave from, or remove it here"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Case { test, node: node.clone(), pipeline, payload, targets })
}

/// Names that a test gives twice, and parents that it does not have.
fn names(test: &Test, node: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for (at, span) in test.spans.iter().enumerate() {
        let node = part(node, "spans", at);
        if !seen.insert(span.id().to_owned()) {
            let what = format!("a second span is called {}", quote(span.id()));
            problems.push(node.problem(what).help("give it an `id` of its own"));
        }
        if let Some(parent) = &span.parent
            && place_of(test, parent).is_none()
        {
            let known: Vec<&str> = test.spans.iter().map(|span| span.id()).collect();
            problems.push(unknown("span", parent, &known, node.find(&["parent"])));
        }
    }
    seen.clear();
    for (at, log) in test.logs.iter().enumerate() {
        let id = log.id(at);
        if !seen.insert(id.clone()) {
            let what = format!("a second log record is called {}", quote(&id));
            problems.push(part(node, "logs", at).problem(what).help("give it an `id` of its own"));
        }
    }
    problems
}

fn target(test: &Test, expectation: &Expectation, node: &Node) -> Result<Target, Problem> {
    match (&expectation.span, &expectation.log) {
        (Some(id), None) => {
            let Some(span) = place_of(test, id) else {
                let known: Vec<&str> = test.spans.iter().map(|span| span.id()).collect();
                return Err(unknown("span", id, &known, node.find(&["span"])));
            };
            match &expectation.event {
                None => Ok(Target::Span(span)),
                Some(id) => event(test, span, id, node).map(|event| Target::Event { span, event }),
            }
        }
        (None, Some(_)) if expectation.event.is_some() => {
            Err(node.problem("a log record has no events").at(node.find(&["event"]).place.clone()))
        }
        (None, Some(id)) => {
            let known: Vec<String> = test.logs.iter().enumerate().map(|(at, log)| log.id(at)).collect();
            let place = known.iter().position(|known| known == id);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            place.map(Target::Log).ok_or_else(|| unknown("log record", id, &known, node.find(&["log"])))
        }
        _ => Err(node.problem("say which one it is about: either `span` or `log`")),
    }
}

fn event(test: &Test, span: usize, id: &str, node: &Node) -> Result<usize, Problem> {
    let events = &test.spans[span].events;
    let mut places = events.iter().enumerate().filter(|(_, event)| event.id() == id).map(|(at, _)| at);
    let node = node.find(&["event"]);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => {
            let what = format!("several events of the span are called {}", quote(id));
            Err(node.problem(what).help("give them an `id` each"))
        }
        (None, _) => {
            let known: Vec<&str> = events.iter().map(|event| event.id()).collect();
            Err(unknown("event", id, &known, node))
        }
    }
}

fn pipeline<'p>(
    test: &Test,
    node: &Node,
    signal: Signal,
    pipelines: &'p [Candidate],
) -> Result<&'p Candidate, Problem> {
    let names = |wanted: &dyn Fn(&Candidate) -> bool| -> Vec<String> {
        pipelines.iter().filter(|pipeline| wanted(pipeline)).map(|pipeline| pipeline.id.to_string()).collect()
    };
    let of_signal = |pipeline: &Candidate| pipeline.id.signal == signal;
    let Some(wanted) = &test.pipeline else {
        let mut fitting = pipelines.iter().filter(|pipeline| of_signal(pipeline));
        return match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(node.problem(format!("the configuration has no pipeline for {signal}"))),
            (Some(_), Some(_)) => {
                let what = format!("the configuration has several pipelines for {signal}; which one is it?");
                Err(node
                    .problem(what)
                    .help(format!("write `pipeline:` and one of {}", names(&of_signal).join(", "))))
            }
        };
    };
    let node = node.find(&["pipeline"]);
    let found = PipelineId::parse(wanted).ok().and_then(|id| pipelines.iter().find(|known| known.id == id));
    match found {
        Some(found) if of_signal(found) => Ok(found),
        Some(found) => Err(node.problem(format!("the pipeline {} takes no {signal}", found.id))),
        None => {
            let known = names(&|_| true);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            Err(unknown("pipeline", wanted, &known, node))
        }
    }
}

/// An expectation expects something, and nothing twice.
fn contents(expectation: &Expectation, node: &Node) -> Option<Problem> {
    let Expectation { name, attributes, absent, unchanged, .. } = expectation;
    let says_more = !attributes.0.is_empty() || !absent.is_empty() || name.is_some();
    match (unchanged, says_more) {
        (false, false) => {
            Some(node.problem("expects nothing; write `attributes`, `absent`, `name` or `unchanged`"))
        }
        (true, true) => {
            Some(node.problem("`unchanged` says it all; remove it, or `attributes`, `absent` and `name`"))
        }
        _ => None,
    }
}

/// A name that no attribute can have, or that has to be there, is never absent.
fn absences(expectation: &Expectation, node: &Node) -> Vec<Problem> {
    let of_name = |(at, name): (usize, &String)| {
        let here = part(node, "absent", at);
        let shown = quote(name);
        let within = name.strip_suffix('*').unwrap_or(name);
        if within.contains('*') {
            let what =
                format!("a `*` stands for the rest of a name, and only at its end: {shown} is no attribute");
            return Some(here.problem(what));
        }
        let both = expectation.attributes.0.iter().any(|(key, _)| key == name);
        both.then(|| here.problem(format!("{shown} is expected in `attributes`, too; which one is it?")))
    };
    expectation.absent.iter().enumerate().filter_map(of_name).collect()
}

/// Whether a name is the one that is written, or begins as it does before its `*`.
pub(super) fn fits(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => pattern == key,
    }
}

fn unknown(what: &str, name: &str, known: &[&str], node: &Node) -> Problem {
    let meant = nearest(name, known.iter().copied()).map(|meant| format!(": did you mean {}?", quote(meant)));
    let problem = node.problem(format!("there is no {what} {}{}", quote(name), meant.unwrap_or_default()));
    let mut shown: Vec<&str> = Vec::new();
    for name in known {
        if !shown.contains(name) {
            shown.push(name);
        }
    }
    match shown.as_slice() {
        [] => problem,
        shown => problem.help(format!("there is: {}", shown.join(", "))),
    }
}

/// The node of an item in one of a test's lists, or of the list, if that was written as one text.
pub(super) fn part<'n>(test: &'n Node, key: &str, at: usize) -> &'n Node {
    let list = test.find(&[key]);
    list.items().get(at).unwrap_or(list)
}
