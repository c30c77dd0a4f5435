//! The definitions in force: read at the start, kept up to date by a background task, looked up once per request.

mod config;
mod file;
mod relay_proxy;

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;

use config::Source;
pub use config::{Config, Endpoint, RelayProxy};

use super::BuildError;
use crate::component::{BuildContext, TaskContext};
use crate::config::escape;
use crate::flags::definitions::Definitions;
use crate::flags::{Known, MetadataAttribute};
use crate::observe::definitions::Readings;
use crate::observe::facts::{Fact, Facts};

/// The definitions of one processor, whichever they are at the moment.
#[derive(Debug)]
pub(super) struct Live {
    /// None until there were any: then nothing is known, rather than everything undeclared.
    current: ArcSwapOption<Definitions>,
    metadata: Vec<MetadataAttribute>,
}

/// Starts with what a file says, or with nothing yet, and gives the work of keeping it so to the collector.
///
/// # Errors
/// A file that cannot be read or is no flag file.
pub(super) fn build(config: &Config, cx: &mut BuildContext) -> Result<Arc<Live>, BuildError> {
    let metadata = config.attributes.iter().map(MetadataAttribute::new).collect();
    let live = Arc::new(Live { current: ArcSwapOption::empty(), metadata });
    let processor = Arc::clone(&cx.id);
    let for_task = Arc::clone(&live);
    match config.source()? {
        Source::File(path) => {
            let first = file::load(path).map_err(|failure| failure.at_start(path))?;
            live.current.store(Some(Arc::new(first.definitions)));
            let path = path.to_owned();
            cx.task(TASK, move |cx| {
                let keeper = Keeper::new(&for_task, &processor, &path.display().to_string(), cx);
                keeper.begun();
                file::watch(path.clone(), first.stamp.clone(), file::LOOK_EVERY, keeper)
            });
        }
        Source::RelayProxy(relay) => {
            let (relay, tls) = (relay.clone(), relay.tls()?);
            cx.task(TASK, move |cx| {
                let keeper = Keeper::new(&for_task, &processor, &relay.endpoint.shown(), cx);
                relay_proxy::poll(relay.clone(), tls.clone(), relay_proxy::Pace::default(), keeper)
            });
        }
    }
    Ok(live)
}

impl Live {
    /// Calls `with` what is known now.
    pub fn look<T>(&self, now: SystemTime, with: impl FnOnce(Option<Known<'_>>) -> T) -> T {
        let current = self.current.load();
        let known =
            current.as_deref().map(|definitions| Known { definitions, metadata: &self.metadata, now });
        with(known)
    }
}

/// Puts definitions into force, counts and tells what became of each reading.
struct Keeper {
    live: Arc<Live>,
    processor: Arc<str>,
    /// As it is shown.
    source: String,
    readings: Arc<Readings>,
    facts: Arc<Facts>,
    /// The failure that the log has, until a reading succeeds.
    told: Option<String>,
}

/// Why a reading brought nothing, in one sentence without anything secret.
#[derive(Debug)]
enum Failure {
    /// There was something, but no definitions.
    Broken(String),
    /// There was nothing.
    Unreachable(String),
}

impl Keeper {
    fn new(live: &Arc<Live>, processor: &Arc<str>, source: &str, cx: TaskContext) -> Keeper {
        let readings = cx.board.definitions(processor);
        readings.begin(source, live.flags());
        Keeper {
            live: Arc::clone(live),
            processor: Arc::clone(processor),
            source: escape(source).into_owned(),
            readings,
            facts: cx.facts,
            told: None,
        }
    }

    /// Says what there is before the first reading of the task.
    fn begun(&self) {
        if let Some(flags) = self.live.flags() {
            let s = if flags == 1 { "" } else { "s" };
            tracing::info!(
                processor = &*self.processor,
                source = self.source,
                "flag definitions are in force: {flags} flag{s} from {}",
                self.source
            );
        }
    }

    fn take(&mut self, definitions: Definitions) {
        if self.live.current.load().as_deref() == Some(&definitions) {
            return self.unchanged();
        }
        let flags = definitions.len() as u64;
        self.live.current.store(Some(Arc::new(definitions)));
        self.readings.changed(flags);
        self.told = None;
        tracing::info!(
            processor = &*self.processor,
            source = self.source,
            flags,
            "new flag definitions are in force"
        );
    }

    fn unchanged(&mut self) {
        self.readings.unchanged();
        if self.told.take().is_some() {
            tracing::info!(
                processor = &*self.processor,
                source = self.source,
                "the flag definitions can be read again; nothing has changed"
            );
        }
    }

    /// The last good definitions stay. The same failure again is counted, but not told again.
    fn fail(&mut self, failure: Failure) {
        let flags = self.live.flags();
        let (fact, why) = match failure {
            Failure::Broken(why) => (Fact::DefinitionsBroken { flags: flags.unwrap_or(0) }, why),
            Failure::Unreachable(why) => (Fact::DefinitionsUnreachable { flags: flags.unwrap_or(0) }, why),
        };
        self.facts.keep(fact);
        self.readings.failed(&why);
        if self.told.as_ref() == Some(&why) {
            return;
        }
        let kind = fact.kind().name();
        match flags {
            Some(flags) => tracing::warn!(
                processor = &*self.processor,
                source = self.source,
                kind,
                flags,
                "flag definitions cannot be read, the last good ones stay in force: {why}"
            ),
            None => tracing::warn!(
                processor = &*self.processor,
                source = self.source,
                kind,
                "flag definitions cannot be read yet: {why}"
            ),
        }
        self.told = Some(why);
    }
}

impl Live {
    fn flags(&self) -> Option<u64> {
        self.current.load().as_ref().map(|definitions| definitions.len() as u64)
    }
}

const TASK: &str = "definitions";

#[cfg(test)]
mod tests;
