#![doc = include_str!("README.md")]

mod page;

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{Extension, ExtensionContext, Listen, Problem, Serve};
use crate::net::pages::{self, Pages, TEXT};
use crate::values::{ListenEndpoint, Unread};

/// The keys of `zpages`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub endpoint: ListenEndpoint,
    pub expvar: Option<Unread>,
    /// Not in burgee: an error.
    pub tls: Option<Unread>,
    /// Not in burgee: an error.
    pub auth: Option<Unread>,
    pub cors: Option<Unread>,
}

impl Default for Config {
    fn default() -> Self {
        let endpoint = ListenEndpoint::new("localhost", DEFAULT_PORT);
        Config { endpoint, expvar: None, tls: None, auth: None, cors: None }
    }
}

/// Builds the extension.
///
/// # Errors
/// Every key that is wrong.
pub fn build(config: &Config) -> Result<Extension, Vec<Problem>> {
    let refused = [("tls", config.tls), ("auth", config.auth)].into_iter().filter(|(_, set)| set.is_some());
    let what = "is not in burgee's zpages: they are plain HTTP for this machine";
    let errors: Vec<_> = refused
        .map(|(key, _)| Problem::new(&[key], what).with_help("remove it, and keep the endpoint on loopback"))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let unused =
        [("expvar", config.expvar), ("cors", config.cors)].into_iter().filter(|(_, set)| set.is_some());
    let warnings = unused.map(|(key, _)| Problem::unused(&[key])).collect();
    Ok(Extension { warnings, ..Extension::serving(Zpages(config.clone())) })
}

struct Zpages(Config);

impl Serve for Zpages {
    fn listeners(&self, cx: ExtensionContext) -> Vec<Listen> {
        let board = cx.board;
        let answer = move |path: &str| match path {
            "/debug/pipelinez" | "/debug/servicez" => {
                let state = board.snapshot();
                let html =
                    if path.ends_with("servicez") { page::service(&state) } else { page::pipelines(&state) };
                pages::page(StatusCode::OK, HTML, html)
            }
            _ => pages::page(StatusCode::NOT_FOUND, TEXT, ELSEWHERE),
        };
        let endpoint = self.0.endpoint.clone();
        let service = Arc::new(Pages::new(&endpoint, answer));
        vec![Listen { limits: pages::limits(), ..Listen::new(endpoint, SPEAKS, service) }]
    }
}

/// The Collector's port for these pages.
const DEFAULT_PORT: u16 = 55679;
const SPEAKS: &str = "zpages";
const HTML: &str = "text/html; charset=utf-8";
const ELSEWHERE: &str = "burgee has /debug/pipelinez and /debug/servicez; what its senders do wrong is in the log, its \
                         counters are on the page of metrics and in `burgee status`\n";

#[cfg(test)]
mod tests;
