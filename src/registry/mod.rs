//! THE list of components, and the way from a configuration's tree to typed ones.
//!
//! A new component is a line in [`components`] and one in [`known`].

mod components;
mod conceal;
mod connectors;
mod defaults;
mod known;
mod references;
mod resolved;
mod schema;
mod service;
mod telemetry;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::admin;
use crate::component::{self, Authenticators, BatchConfig, Processor, Task, WhenTaken};
use crate::config::{
    self, ComponentId, Environment, Loaded, Node, PipelineId, Print, Problem, Report, Source, unknown_keys,
};
use crate::exporters;
use crate::receivers;
use crate::telemetry::Logs;

pub use defaults::{DEFAULT, DEFAULT_NAME};
pub use known::{Section, alias_of, known};
pub use resolved::Resolved;
pub use schema::schema;

/// What a configuration asks for: every component read and checked, nothing started.
#[derive(Debug)]
pub struct Plan {
    /// Those that a pipeline has.
    pub receivers: Vec<Receiver>,
    /// Those that a pipeline has.
    pub exporters: Vec<Exporter>,
    /// Those that a pipeline has; each is among the exporters of some and the receivers of others.
    pub connectors: Vec<ComponentId>,
    /// In the order of the file; at least one.
    pub pipelines: Vec<Pipeline>,
    /// Those in `service.extensions`, in their order; then what burgee serves without being asked.
    pub extensions: Vec<Extension>,
    /// The extensions, as `auth.authenticator` of receivers names them.
    pub authenticators: Authenticators,
    /// How many bytes of telemetry the process may hold, if a `memory_limiter` says so.
    pub memory_limit: Option<u64>,
    /// The form of burgee's own log.
    pub logs: Logs,
    /// The background work of the components.
    pub tasks: Vec<Work>,
    /// What the configuration says as a whole, and each component, to see what a reload changes.
    pub prints: Prints,
    /// The files that `${file:…}` has read.
    pub files: Vec<PathBuf>,
    /// What is odd, but no reason not to start.
    pub warnings: Report,
    /// What was not in the file and is therefore the built-in default's, in one sentence.
    pub supplied: Option<String>,
}

/// A receiver that can be started.
#[derive(Debug)]
pub struct Receiver {
    pub id: ComponentId,
    pub config: receivers::otlp::Config,
}

/// An exporter that is built.
#[derive(Debug)]
pub struct Exporter {
    pub id: ComponentId,
    /// Where it sends, as the configuration writes it and without passwords; `None` where it names no endpoint.
    pub endpoint: Option<String>,
    pub built: exporters::Built,
}

/// A processor that is built. Each pipeline has its own.
pub struct Runner {
    pub id: ComponentId,
    pub processor: Box<dyn Processor>,
}

/// A pipeline, its components by id.
#[derive(Debug)]
pub struct Pipeline {
    pub id: PipelineId,
    pub receivers: Vec<ComponentId>,
    /// In the order in which they run. `batch` and `memory_limiter` are not among them: neither runs.
    pub processors: Vec<Runner>,
    pub exporters: Vec<ComponentId>,
    /// What a `batch` among its processors says, for outboxes whose exporter says nothing.
    pub batch: Option<BatchConfig>,
}

/// The background work of one component.
#[derive(Debug)]
pub struct Work {
    /// `None` for what is no component: `service.telemetry`.
    pub of: Option<(Section, ComponentId)>,
    pub tasks: Vec<Task>,
}

/// Digests of a configuration.
#[derive(Clone, Debug)]
pub struct Prints {
    pub whole: Print,
    /// The same for people, without secrets.
    pub fingerprint: String,
    /// Of each component by itself. Not of those that name another one, such as an authenticator: whether they are
    /// the same is not theirs alone to say.
    pub components: HashMap<(Section, ComponentId), Print>,
}

impl Prints {
    fn of(loaded: &Loaded, defined: &references::Definitions<'_>) -> Prints {
        let mut components = HashMap::new();
        for section in Section::ALL {
            for defined in defined.of(section).iter().filter(|defined| !defined.node.mentions("auth")) {
                components.insert((section, defined.id.clone()), defined.node.print());
            }
        }
        Prints { whole: loaded.root.print(), fingerprint: loaded.root.fingerprint(), components }
    }
}

/// An extension that is built.
#[derive(Clone, Debug)]
pub struct Extension {
    /// What it is called where its ports are shown: `admin`, `health_check/inside`.
    pub id: Arc<str>,
    /// The key that asks for it, for errors: `extensions.admin`.
    pub key: String,
    pub built: component::Extension,
}

impl Extension {
    pub fn new(id: &ComponentId, built: component::Extension) -> Extension {
        Extension { id: id.to_string().into(), key: format!("extensions.{id}"), built }
    }

    /// The admin service that runs without being asked for, so that `burgee status` sees every burgee.
    pub fn unasked_admin(config: &admin::Config) -> Extension {
        let built = admin::build(config, WhenTaken::Warn);
        Extension { id: ADMIN.into(), key: format!("extensions.{ADMIN}"), built }
    }
}

impl Pipeline {
    /// Whether this processor runs in it.
    pub fn has_processor(&self, id: &ComponentId) -> bool {
        self.processors.iter().any(|runner| runner.id == *id)
    }
}

impl Plan {
    /// Reads a configuration: later sources lie over earlier ones, `${…}` is looked up in `env`.
    ///
    /// # Errors
    /// All that is wrong, and all warnings.
    pub fn read(sources: &[Arc<Source>], env: &Environment<'_>) -> Result<Plan, Report> {
        plan(&config::load(sources, env)?)
    }
}

fn plan(loaded: &Loaded) -> Result<Plan, Report> {
    let mut report = Report::new(loaded.warnings.iter().cloned());
    report.extend(unknown_keys(&loaded.root, &Section::ROOT_KEYS));
    let default = defaults::tree();
    let sections = defaults::Sections::new(&loaded.root, &default);

    let defined = references::Definitions::read(&sections, &mut report);

    let service = service::read(&sections, &defined, &mut report);
    let mut built = components::build(&defined, &service, &mut report);
    report.extend(components::contested(&defined, &built, &service));
    report.extend(components::misfits(&built, &service));
    report.extend(connectors::misused(&defined, &service));
    if report.has_errors() {
        return Err(report);
    }
    let mut connectors = defined.ids(Section::Connectors);
    connectors.retain(|id| service.uses(Section::Connectors, id));
    // Only now: a mistyped reference leaves its component unused, and is said already.
    report.extend(references::unused(&defined, &service, &sections));
    report.extend(references::renamed(&defined));

    let pipelines = service.pipelines.iter().map(|pipeline| built.pipeline(pipeline)).collect::<Vec<_>>();
    let mut tasks = built.take_tasks(|section, id| service.uses(section, id));
    tasks.push(Work { of: None, tasks: service.telemetry.tasks });
    let is_used = |id: &ComponentId, of: fn(&Pipeline) -> &[ComponentId]| {
        pipelines.iter().any(|pipeline| of(pipeline).contains(id))
    };
    built.receivers.retain(|receiver| is_used(&receiver.id, |pipeline| &pipeline.receivers));
    built.exporters.retain(|exporter| is_used(&exporter.id, |pipeline| &pipeline.exporters));
    let mut extensions: Vec<Extension> = built.extensions(&service.extensions);
    if !service.extensions.iter().any(|id| id.kind() == ADMIN) {
        extensions.push(Extension::unasked_admin(&admin::Config::default()));
    }
    extensions.extend(service.telemetry.pages);
    Ok(Plan {
        receivers: built.receivers,
        exporters: built.exporters,
        connectors,
        authenticators: built.authenticators,
        memory_limit: built.memory_limit,
        extensions,
        logs: service.telemetry.logs,
        tasks,
        prints: Prints::of(loaded, &defined),
        files: loaded.files.clone(),
        supplied: sections.supplied(&pipelines),
        pipelines,
        warnings: report,
    })
}

/// An entry of a section.
struct Defined<'a> {
    id: ComponentId,
    key: &'a crate::config::Place,
    node: &'a Node,
}

impl Defined<'_> {
    /// A problem with the entry as a whole, at its key.
    fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::error(message).at(self.key.clone()).path(self.node.path.as_str())
    }
}

const ADMIN: &str = "admin";

impl std::fmt::Debug for Runner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", self.id)
    }
}

#[cfg(test)]
mod tests;
