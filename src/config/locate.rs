//! Where a configuration comes from: what `--config` and `--set` may say, and what `${file:…}` reads.

use std::{io::Read, sync::Arc};

use super::{
    Environment,
    parse::setting_keys,
    problem::{Problem, escape, quote},
    source::{Origin, SOURCE_BYTES_MAX, Source},
};

impl Source {
    /// What a `--config` names: a path, `file:path`, `env:NAME` (YAML in a variable) or `yaml:text`, where `a::b: 1`
    /// means `a: {b: 1}`. Paths are relative to the folder that the process runs in, as in the Collector.
    ///
    /// # Errors
    /// What cannot be read, and schemes that burgee does not have: it fetches nothing from the network.
    pub fn locate(uri: &str, env: &Environment<'_>) -> Result<Arc<Source>, Problem> {
        match scheme(uri) {
            None => read_file(uri),
            Some(("file", path)) => read_file(path),
            Some(("yaml", text)) => Ok(Source::with_origin("yaml", text, Origin::Inline)),
            Some(("env", name)) if !is_variable_name(name) => {
                let message = format!("{} is not the name of an environment variable", quote(name));
                Err(Problem::error(message).help("letters, digits and _ only"))
            }
            Some(("env", name)) => match env(name) {
                Some(text) => Ok(Source::new(format!("env:{name}"), text)),
                None => Err(Problem::error(format!("environment variable {} is not set", quote(name)))
                    .help(format!("--config env:{name} reads a configuration out of it"))),
            },
            Some((other, _)) => {
                let (message, help) = unsupported(other, uri);
                Err(Problem::error(message).help(help))
            }
        }
    }

    /// What a `--set` says: `processors.batch.timeout=2s`. The value is YAML; keys with a dot cannot be named.
    ///
    /// # Errors
    /// What has no `=`, or no key before it or between two dots.
    pub fn setting(flag: &str) -> Result<Arc<Source>, Problem> {
        let example = "write --set=processors.batch.timeout=2s";
        let Some((keys, _)) = flag.split_once('=') else {
            return Err(Problem::error(format!("--set {}: missing equal sign", quote(flag))).help(example));
        };
        if setting_keys(keys).any(|(_, key)| key.is_empty()) {
            return Err(Problem::error(format!("--set {}: an empty key", quote(keys))).help(example));
        }
        Ok(Source::with_origin(format!("--set {}", keys.trim()), flag, Origin::Set))
    }
}

/// The scheme of `env:NAME` and what follows it. One letter is a drive of Windows.
pub(super) fn scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+.-".contains(letter));
    is_scheme.then_some((scheme, rest))
}

/// Why a scheme has no provider, and what to do.
pub(super) fn unsupported(scheme: &str, uri: &str) -> (String, String) {
    if ["http", "https", "s3", "googlesecretmanager", "secretsmanager"].contains(&scheme) {
        let message = format!("burgee does not fetch configuration from the network ({})", quote(uri));
        return (message, "save it as a file first".to_owned());
    }
    let message = format!("scheme {} is not supported for uri {}", quote(scheme), quote(uri));
    (message, format!("burgee has: {}", SCHEMES.join(", ")))
}

/// Reads a file, at most [`SOURCE_BYTES_MAX`] of it.
pub(super) fn read_file(path: &str) -> Result<Arc<Source>, Problem> {
    let failed = |error: std::io::Error| {
        let problem = Problem::error(format!("cannot read {}: {error}", escape(path)));
        match std::env::current_dir() {
            Ok(folder) if !path.starts_with('/') && error.kind() == std::io::ErrorKind::NotFound => {
                problem.help(format!("looked for it in {}", folder.display()))
            }
            _ => problem,
        }
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(SOURCE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Source::from_bytes(path, bytes)
}

pub(super) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The schemes of `--config` and `${…}`.
pub const SCHEMES: [&str; 3] = ["env", "file", "yaml"];
