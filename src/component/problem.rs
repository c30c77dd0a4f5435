//! What a component says about its own settings.

use std::fmt;

/// What is wrong, or only odd, with a component's configuration, and where. Never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From the component's own settings down: `["sending_queue", "batch", "max_size"]`.
    pub path: Vec<&'static str>,
    /// What is wrong, in a sentence that reads on after the path.
    pub message: String,
    /// What to do now.
    pub help: Option<String>,
}

impl Problem {
    pub fn new(path: &[&'static str], message: impl Into<String>) -> Problem {
        Problem { path: path.to_vec(), message: message.into(), help: None }
    }

    /// The same of a block below `path`.
    pub fn below(self, path: &[&'static str]) -> Problem {
        Problem { path: path.iter().chain(&self.path).copied().collect(), ..self }
    }

    pub fn with_help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }

    /// The warning for a key that has no effect.
    pub fn unused(path: &[&'static str]) -> Problem {
        Problem::new(path, "is read but has no effect in burgee")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.join("."), self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
