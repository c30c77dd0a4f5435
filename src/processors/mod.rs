//! What changes payloads on their way: one folder per processor, and what several of them share.

mod actions;
pub mod attributes;
pub mod batch;
pub mod feature_flag;
pub mod filter;
mod matching;
pub mod memory_limiter;
mod pattern;
pub mod probabilistic_sampler;
pub mod resource;
mod text;

pub use actions::{Action, Constant, Conversion, Verb};
pub use matching::{Attribute, Library, MatchType, Properties, RegexpCache, SeverityNumber};

/// Why a processor cannot be built, or what about its settings is odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Keys from the processor's section to the setting; an item of a list by its number, from 0.
    pub path: Vec<String>,
    /// Reads on after the path.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Fault {
    /// A dot in `path` separates keys.
    fn new(path: &str, message: impl Into<String>) -> Fault {
        let path = path.split('.').filter(|key| !key.is_empty()).map(str::to_owned).collect();
        Fault { path, message: message.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Fault {
        Fault { help: Some(help.into()), ..self }
    }

    /// The same, of a setting that lies below `path`.
    fn below(self, path: &str) -> Fault {
        let outer = Fault::new(path, "");
        Fault { path: outer.path.into_iter().chain(self.path).collect(), ..self }
    }
}

#[cfg(test)]
mod trials;
