//! From a component's type to its `Config` and `build`: the one place with a line for each.

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::known::{Section, unknown};
use super::references::Definitions;
use super::service::{Service, Wiring};
use super::{Defined, Exporter, Extension, Pipeline, Receiver, Runner, Work};
use crate::admin;
use crate::component::{self, Authenticators, BatchConfig, BuildContext, Candidate, Task, WhenTaken};
use crate::config::{self, ComponentId, Node, Problem, Report, Severity};
use crate::connectors::forward;
use crate::exporters::{Built, debug, file, nop, otlp_grpc, otlp_http};
use crate::extensions::{basicauth, bearertokenauth, health_check, zpages};
use crate::otlp::Signal;
use crate::processors::feature_flag::{self, BuildError};
use crate::processors::{Fault, attributes, batch, filter, memory_limiter, probabilistic_sampler, resource};
use crate::receivers::otlp;
use crate::values::{ListenEndpoint, mask_url_password};

/// All components of a configuration, as far as they are right.
#[derive(Default)]
pub(super) struct Components {
    pub(super) receivers: Vec<Receiver>,
    pub(super) exporters: Vec<Exporter>,
    pub(super) memory_limit: Option<u64>,
    pub(super) authenticators: Authenticators,
    processors: HashMap<ComponentId, Processor>,
    extensions: HashMap<ComponentId, component::Extension>,
    /// The background work of a component.
    tasks: Vec<(Section, ComponentId, Vec<Task>)>,
}

/// What a processor's configuration became.
enum Processor {
    /// That runs, and what is wrong or odd about it in pipelines of each signal.
    Runs(Arc<dyn component::Processor>, [Vec<Problem>; Signal::ALL.len()]),
    Batch(BatchConfig),
    /// It has set the budget, and nothing more is to be done.
    MemoryLimiter,
}

impl Processor {
    /// That can be in any pipeline.
    fn anywhere(processor: impl component::Processor + 'static) -> Processor {
        Processor::Runs(Arc::new(processor), Default::default())
    }

    /// `remarks` are the errors and warnings in pipelines of a signal.
    fn with_remarks(
        processor: impl component::Processor + 'static,
        node: &Node,
        remarks: impl Fn(Signal) -> (Vec<Fault>, Vec<Fault>),
    ) -> Processor {
        let remarks = Signal::ALL.map(|signal| {
            let (errors, warnings) = remarks(signal);
            let warnings = warnings.iter().map(|fault| warning(faulty(node, fault)));
            errors.iter().map(|fault| faulty(node, fault)).chain(warnings).collect()
        });
        Processor::Runs(Arc::new(processor), remarks)
    }
}

impl Components {
    /// The background work of the components in use.
    pub(super) fn take_tasks(&mut self, is_used: impl Fn(Section, &ComponentId) -> bool) -> Vec<Work> {
        let tasks = std::mem::take(&mut self.tasks).into_iter();
        let used = tasks.filter(|(section, id, tasks)| is_used(*section, id) && !tasks.is_empty());
        used.map(|(section, id, tasks)| Work { of: Some((section, id)), tasks }).collect()
    }

    /// The extensions that the service names, in its order.
    pub(super) fn extensions(&self, ids: &[ComponentId]) -> Vec<Extension> {
        ids.iter().filter_map(|id| Some(Extension::new(id, self.extensions.get(id)?.clone()))).collect()
    }

    /// The pipeline with its processors.
    pub(super) fn pipeline(&self, wiring: &Wiring) -> Pipeline {
        let (mut processors, mut batch) = (Vec::new(), None);
        for id in &wiring.processors {
            match self.processors.get(id) {
                Some(Processor::Runs(built, _)) => {
                    processors.push(Runner { id: id.clone(), processor: Box::new(Arc::clone(built)) });
                }
                Some(Processor::Batch(config)) => batch = Some(config.clone()),
                Some(Processor::MemoryLimiter) | None => {}
            }
        }
        let Wiring { id, receivers, exporters, .. } = wiring.clone();
        Pipeline { id, receivers, processors, exporters, batch }
    }
}

/// Builds every component, so that all that is wrong is said at once.
pub(super) fn build(defined: &Definitions<'_>, service: &Service, report: &mut Report) -> Components {
    let mut components = Components::default();
    for extension in &defined.extensions {
        let mut cx = BuildContext::new(extension.id.to_string());
        if let Some(built) = report.take(self::extension(extension, &mut cx)) {
            let odd = built.warnings.iter().chain(cx.warnings());
            report.extend(odd.map(|odd| warning(put(extension.node, odd))));
            components.tasks.push((Section::Extensions, extension.id.clone(), cx.into_tasks()));
            components.extensions.insert(extension.id.clone(), built);
        }
    }
    components.authenticators = authenticators(defined, &components.extensions, service);
    for receiver in &defined.receivers {
        let config = self::receiver(receiver, &components.authenticators, report);
        if let Some(config) = report.take(config) {
            let warnings = config.warnings();
            report
                .extend(warnings.iter().map(|(path, what)| warning(place(receiver.node, path, what, None))));
            components.receivers.push(Receiver { id: receiver.id.clone(), config });
        }
    }
    for processor in &defined.processors {
        let mut cx = BuildContext::new(processor.id.to_string());
        let built = self::processor(processor, &mut components.memory_limit, &mut cx);
        report.extend(cx.warnings().iter().map(|odd| warning(put(processor.node, odd))));
        if let Some(built) = report.take(built) {
            components.tasks.push((Section::Processors, processor.id.clone(), cx.into_tasks()));
            components.processors.insert(processor.id.clone(), built);
        }
    }
    for exporter in &defined.exporters {
        if let Some(built) = report.take(self::exporter(exporter, &components.authenticators)) {
            report.extend(built.warnings.iter().map(|odd| warning(put(exporter.node, odd))));
            let endpoint = destination(exporter.node);
            components.exporters.push(Exporter { id: exporter.id.clone(), endpoint, built });
        }
    }
    for connector in &defined.connectors {
        report.take(self::connector(connector));
    }
    components
}

/// What is wrong or odd about processors in the pipelines that they are in.
pub(super) fn misfits(components: &Components, service: &Service) -> Vec<Problem> {
    let mut problems = Vec::new();
    for wiring in &service.pipelines {
        for id in &wiring.processors {
            if let Some(Processor::Runs(_, remarks)) = components.processors.get(id) {
                problems.extend(remarks[wiring.id.signal as usize].iter().cloned());
            }
        }
    }
    problems
}

/// All extensions, as `auth.authenticator` may name them.
fn authenticators(
    defined: &Definitions<'_>,
    built: &HashMap<ComponentId, component::Extension>,
    service: &Service,
) -> Authenticators {
    Authenticators::new(defined.extensions.iter().map(|Defined { id, .. }| {
        let extension = built.get(id).cloned();
        let candidate = Candidate {
            is_in_service: service.uses(Section::Extensions, id),
            is_broken: extension.is_none(),
            server: extension.as_ref().and_then(|extension| extension.server_auth.clone()),
            client: extension.and_then(|extension| extension.client_auth),
        };
        (id.to_string(), candidate)
    }))
}

/// Errors for receivers that want the same address: only one of them could have it.
pub(super) fn contested(
    defined: &Definitions<'_>,
    components: &Components,
    service: &Service,
) -> Vec<Problem> {
    let mut owners: HashMap<ListenEndpoint, String> = HashMap::new();
    let mut problems = Vec::new();
    let used = components.receivers.iter().filter(|receiver| service.uses(Section::Receivers, &receiver.id));
    for receiver in used {
        let Some(of) = defined.receivers.iter().find(|of| of.id == receiver.id) else { continue };
        let protocols = &receiver.config.protocols;
        let grpc = protocols.grpc.as_ref().map(|grpc| ("grpc", &grpc.endpoint));
        let http = protocols.http.as_ref().map(|http| ("http", &http.endpoint));
        for (protocol, endpoint) in grpc.into_iter().chain(http).filter(|(_, endpoint)| endpoint.port() != 0)
        {
            let id = receiver.id.to_string();
            // Both protocols of one receiver may share a port: each takes both anyway.
            let owner = owners.entry(endpoint.clone()).or_insert_with(|| id.clone());
            if *owner != id {
                let what = format!("{endpoint} is already the endpoint of receivers.{owner}");
                problems.push(place(
                    of.node,
                    &["protocols", protocol, "endpoint"],
                    &what,
                    Some("choose another port"),
                ));
            }
        }
    }
    problems
}

fn receiver(
    defined: &Defined<'_>,
    authenticators: &Authenticators,
    report: &mut Report,
) -> Result<otlp::Config, Vec<Problem>> {
    match defined.id.kind() {
        "otlp" => {
            let mut config: otlp::Config = config::decode(defined.node)?;
            let (tls, odd) = config.load_tls();
            report.extend(odd.iter().map(|(path, what)| warning(place(defined.node, path, what, None))));
            let errors = [config.errors(), tls].concat();
            let mut problems: Vec<Problem> =
                errors.iter().map(|(path, what)| place(defined.node, path, what, None)).collect();
            problems.extend(config.auths().filter_map(|(protocol, keys)| {
                let problem = authenticators.server(keys).err()?.below(&["protocols", protocol, "auth"]);
                Some(put(defined.node, &problem))
            }));
            if problems.is_empty() { Ok(config) } else { Err(problems) }
        }
        _ => Err(vec![unknown(Section::Receivers, defined)]),
    }
}

fn processor(
    defined: &Defined<'_>,
    memory_limit: &mut Option<u64>,
    cx: &mut BuildContext,
) -> Result<Processor, Vec<Problem>> {
    let node = defined.node;
    let wrong = |(key, message): (&'static str, String)| vec![place(node, &[key], &message, None)];
    match defined.id.kind() {
        "feature_flag" => {
            let config: feature_flag::Config = config::decode(node)?;
            let built = feature_flag::build(&config, cx);
            built.map(Processor::anywhere).map_err(|error| match error {
                BuildError::Setting { path, message } => vec![place(node, path, &message, None)],
                BuildError::File(problem) => {
                    let setting = node.find(&["definitions", "file"]).place.clone();
                    vec![problem.also(setting, "read because of this")]
                }
            })
        }
        "batch" => {
            let config: batch::Config = config::decode(node)?;
            batch::build(&config).map(Processor::Batch).map_err(wrong)
        }
        "memory_limiter" => {
            let config: memory_limiter::Config = config::decode(node)?;
            let limit = memory_limiter::build(&config, memory_limiter::total_memory).map_err(wrong)?;
            *memory_limit = Some(memory_limit.map_or(limit, |other| other.min(limit)));
            Ok(Processor::MemoryLimiter)
        }
        "attributes" => {
            let config: attributes::Config = config::decode(node)?;
            let built = attributes::build(&config).map_err(|faults| all_faulty(node, &faults))?;
            Ok(Processor::with_remarks(built, node, |signal| attributes::misfits(&config, signal)))
        }
        "resource" => {
            let config: resource::Config = config::decode(node)?;
            resource::build(&config).map(Processor::anywhere).map_err(|faults| all_faulty(node, &faults))
        }
        "filter" => {
            let config: filter::Config = config::decode(node)?;
            let built = filter::build(&config).map_err(|faults| all_faulty(node, &faults))?;
            Ok(Processor::with_remarks(built, node, |_| (Vec::new(), filter::warnings(&config))))
        }
        "probabilistic_sampler" => {
            let config: probabilistic_sampler::Config = config::decode(node)?;
            let built = probabilistic_sampler::build(&config).map_err(|faults| all_faulty(node, &faults))?;
            Ok(Processor::with_remarks(built, node, |signal| probabilistic_sampler::misfits(&config, signal)))
        }
        _ => Err(vec![unknown(Section::Processors, defined)]),
    }
}

fn all_faulty(node: &Node, faults: &[Fault]) -> Vec<Problem> {
    faults.iter().map(|fault| faulty(node, fault)).collect()
}

fn faulty(node: &Node, fault: &Fault) -> Problem {
    let path: Vec<&str> = fault.path.iter().map(String::as_str).collect();
    place(node, &path, &fault.message, fault.help.as_deref())
}

/// Where an exporter sends, for people: the first of the keys that name it.
fn destination(node: &Node) -> Option<String> {
    let key = ["endpoint", "traces_endpoint", "logs_endpoint", "metrics_endpoint", "path"];
    let named = key
        .iter()
        .map(|key| node.find(&[key]))
        .find(|node| node.text().is_some_and(|text| !text.is_empty()))?;
    let named = named.text().filter(|_| !named.is_hidden())?;
    // a query may hold a key
    let named = named.split('?').next().unwrap_or_default();
    Some(mask_url_password(named).into_owned())
}

fn exporter(defined: &Defined<'_>, authenticators: &Authenticators) -> Result<Built, Vec<Problem>> {
    match defined.id.kind() {
        "otlp_grpc" | "otlp" => export(defined.node, |config| otlp_grpc::build(config, authenticators)),
        "otlp_http" | "otlphttp" => export(defined.node, |config| otlp_http::build(config, authenticators)),
        "debug" => export(defined.node, debug::build),
        "file" => export(defined.node, file::build),
        "nop" => export(defined.node, |config| Ok(nop::build(config))),
        _ => Err(vec![unknown(Section::Exporters, defined)]),
    }
}

/// Nothing runs: the graph knows where a connector leads.
fn connector(defined: &Defined<'_>) -> Result<(), Vec<Problem>> {
    match defined.id.kind() {
        "forward" => config::decode::<forward::Config>(defined.node).map(|_| ()),
        _ => Err(vec![unknown(Section::Connectors, defined)]),
    }
}

/// A line for each extension; `cx` takes the background work of those that have any.
fn extension(defined: &Defined<'_>, cx: &mut BuildContext) -> Result<component::Extension, Vec<Problem>> {
    let node = defined.node;
    match defined.id.kind() {
        "admin" => Ok(admin::build(&config::decode(node)?, WhenTaken::Fail)),
        "bearertokenauth" | "bearer_token_auth" => extend(node, |config| bearertokenauth::build(config, cx)),
        "basicauth" | "basic_auth" => extend(node, |config| basicauth::build(config, cx)),
        "health_check" => extend(node, health_check::build),
        "zpages" => extend(node, zpages::build),
        _ => Err(vec![unknown(Section::Extensions, defined)]),
    }
}

fn extend<C: DeserializeOwned>(
    node: &Node,
    build: impl FnOnce(&C) -> Result<component::Extension, Vec<component::Problem>>,
) -> Result<component::Extension, Vec<Problem>> {
    let problems = match build(&config::decode(node)?) {
        Ok(built) => return Ok(built),
        Err(problems) => problems,
    };
    Err(problems.iter().map(|problem| put(node, problem)).collect())
}

fn export<C: DeserializeOwned>(
    node: &Node,
    build: impl FnOnce(&C) -> Result<Built, Vec<component::Problem>>,
) -> Result<Built, Vec<Problem>> {
    let problems = match build(&config::decode(node)?) {
        Ok(built) => return Ok(built),
        Err(problems) => problems,
    };
    Err(problems.iter().map(|problem| put(node, problem)).collect())
}

/// A component's own problem, where it stands in the file.
pub(super) fn put(node: &Node, problem: &component::Problem) -> Problem {
    place(node, &problem.path, &problem.message, problem.help.as_deref())
}

/// A component's own problem, where it stands in the file: at the key, or at the deepest one on the way to it.
fn place(node: &Node, path: &[&str], message: &str, help: Option<&str>) -> Problem {
    let found = node.find(path);
    let mut whole = node.path.clone();
    for key in path {
        match key.bytes().all(|letter| letter.is_ascii_digit()) {
            true => whole.extend(["[", key, "]"]),
            false => whole.extend([".", key]),
        }
    }
    let problem = Problem::error(format!("{whole} {message}{}", found.whence()))
        .at(found.place.clone())
        .path(whole.as_str());
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

pub(super) fn warning(problem: Problem) -> Problem {
    Problem { severity: Severity::Warning, ..problem }
}

/// Keeps the problems, gives the rest.
trait Take {
    fn take<T>(&mut self, found: Result<T, Vec<Problem>>) -> Option<T>;
}

impl Take for Report {
    fn take<T>(&mut self, found: Result<T, Vec<Problem>>) -> Option<T> {
        found.map_err(|problems| self.extend(problems)).ok()
    }
}
