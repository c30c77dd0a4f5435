//! Files that a compose file names.

use std::{collections::BTreeMap, io, sync::Arc};

use super::{
    Read,
    burgee::Listening,
    compose::EnvFile,
    dotenv,
    mounts::{Origin, normal, origin},
    relay_config::RelayConfig,
    said::{Said, Spot, word},
    service::{Program, Service},
    source,
};
use crate::config::{Problem, Source};

/// The folder of a compose file, and what is said about files in it that cannot be read.
pub(super) struct Folder<'a, 'r> {
    path: String,
    read: &'a mut Read<'r>,
    reads: usize,
    bytes: usize,
    notes: Vec<String>,
}

impl<'a, 'r> Folder<'a, 'r> {
    pub(super) fn new(compose_file: &str, read: &'a mut Read<'r>) -> Self {
        let path = compose_file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        Folder { path, read, reads: 0, bytes: 0, notes: Vec::new() }
    }

    pub(super) fn into_notes(self) -> Vec<String> {
        self.notes
    }

    /// What a file of the folder is called where the compose file is called as it is.
    pub(super) fn path(&self, path: &str) -> String {
        match self.path.is_empty() || path.starts_with(['/', '~']) {
            true => normal(path),
            false => normal(&format!("{}/{path}", self.path)),
        }
    }

    /// The variables that compose reads if it is told of no other env file.
    pub(super) fn read_dot_env(&mut self, outer: &BTreeMap<String, String>) -> Vec<Said> {
        let Ok(text) = self.text(".env") else { return Vec::new() };
        let variables = self.source(".env", &text).and_then(|source| dotenv::parse(&source, outer));
        variables.unwrap_or_else(|problem| {
            self.notes.push(problem.to_string());
            Vec::new()
        })
    }

    /// Gives a service what its env file says.
    pub(super) fn read_env_file(
        &mut self,
        file: &EnvFile,
        service: &mut Service,
        outer: &BTreeMap<String, String>,
    ) {
        let text = match self.text(&file.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !file.is_required => return,
            Err(error) => return self.miss(&file.spot, &file.path, &error, service),
        };
        match self.source(&file.path, &text).and_then(|source| dotenv::parse(&source, outer)) {
            Ok(variables) => service.environment.extend(variables),
            Err(problem) => self.refuse(&problem, service),
        }
    }

    /// Reads the configuration that a service mounts, if it is a relay proxy or a burgee.
    pub(super) fn read_mounted(&mut self, service: &mut Service) {
        match service.program() {
            Program::RelayProxy => self.read_relay_config(service),
            Program::Burgee => self.read_burgee(service),
            Program::Collector | Program::Other => {}
        }
    }

    fn read_relay_config(&mut self, service: &mut Service) {
        let folder = service.working_dir.clone().unwrap_or_else(|| "/".to_owned());
        let candidates = match service.flag("--config") {
            Some(path) => vec![absolute(&folder, path)],
            None => {
                let folders = [folder.as_str(), "/goff", "/etc/opt/goff"];
                let files = folders.iter().flat_map(|folder| {
                    ENDINGS.iter().map(move |ending| absolute(folder, &format!("goff-proxy.{ending}")))
                });
                files.collect()
            }
        };
        for candidate in candidates {
            let Some((source, _)) = self.mounted(&candidate, service) else { continue };
            match RelayConfig::parse(&source) {
                Ok(config) => service.relay_config = Some(config),
                Err(problem) => self.refuse(&problem, service),
            }
            return;
        }
    }

    fn read_burgee(&mut self, service: &mut Service) {
        let is_shell = service.words.first().is_some_and(|word| {
            let program = super::service::file_name(word.known());
            program.ends_with("sh")
        });
        if is_shell {
            return;
        }
        let mut named: Vec<String> = service.flags("--config").map(str::to_owned).collect();
        if service.words.is_empty() {
            named.push("/etc/burgee/burgee.yaml".to_owned());
        }
        let mut files = Vec::new();
        for path in named {
            let path = path.strip_prefix("file:").unwrap_or(&path).to_owned();
            let Some((source, _)) = self.mounted(&absolute("/", &path), service) else { return };
            files.push(source);
        }
        let sets: Vec<String> = service.flags("--set").map(str::to_owned).collect();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        match Listening::read(&files, &sets, &service.environment) {
            Ok(listening) => service.listening = listening,
            Err(problem) => self.notes.push(problem.to_string()),
        }
    }

    /// The file that a service has at a path; that it may have one which cannot be seen is noted in it.
    fn mounted(&mut self, path: &str, service: &mut Service) -> Option<(Arc<Source>, Spot)> {
        let (origin, spot) = origin(&service.mounts, path)?;
        let spot = spot.clone();
        let (path, is_exact) = match origin {
            Origin::Volume => {
                service.has_unseen = true;
                return None;
            }
            Origin::Host { path, is_exact } => (path, is_exact),
        };
        let text = match self.text(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_exact => return None,
            Err(error) => {
                self.miss(&spot, &path, &error, service);
                return None;
            }
        };
        match self.source(&path, &text) {
            Ok(source) => Some((source, spot)),
            Err(problem) => {
                self.refuse(&problem, service);
                None
            }
        }
    }

    fn text(&mut self, path: &str) -> io::Result<String> {
        self.reads += 1;
        if self.reads > READS_MAX || self.bytes > BYTES_MAX {
            return Err(io::Error::other("the compose file names too many files"));
        }
        let text = (self.read)(path)?;
        self.bytes += text.len();
        Ok(text)
    }

    fn source(&self, path: &str, text: &str) -> Result<Arc<Source>, Problem> {
        source(&self.path(path), text)
    }

    fn miss(&mut self, spot: &Spot, path: &str, error: &io::Error, service: &mut Service) {
        let (who, path) = (word(&service.name), word(&self.path(path)));
        self.notes.push(format!("{spot}: {who}: {path} could not be read: {}", word(&error.to_string())));
        service.has_unseen = true;
    }

    fn refuse(&mut self, problem: &Problem, service: &mut Service) {
        self.notes.push(problem.to_string());
        service.has_unseen = true;
    }
}

fn absolute(folder: &str, path: &str) -> String {
    match path.starts_with('/') {
        true => normal(path),
        false => normal(&format!("{folder}/{path}")),
    }
}

/// Of the relay proxy's configuration, in the order in which it looks for them.
const ENDINGS: [&str; 4] = ["yaml", "toml", "json", "yml"];
/// Files that one compose file may name.
const READS_MAX: usize = 1_000;
/// Bytes of all of them.
const BYTES_MAX: usize = 32 << 20;
