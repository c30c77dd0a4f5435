//! The page that Prometheus reads.

use std::sync::Arc;
use std::time::SystemTime;

use http::{Response, StatusCode};

use super::{PrometheusReader, Resource};
use crate::component::{Extension, ExtensionContext, Listen, Serve, WhenTaken};
use crate::net::Body;
use crate::net::pages::{self, Pages, TEXT};
use crate::observe::board::Board;
use crate::observe::exposition;
use crate::observe::facts::Facts;
use crate::observe::metrics::{Numbers, families};
use crate::observe::names::Level;
use crate::observe::process::Process;

/// A page of metrics, and where it is.
#[derive(Clone, Debug)]
pub struct Page {
    pub reader: PrometheusReader,
    pub level: Level,
    pub resource: Arc<Resource>,
    /// [`WhenTaken::Warn`] for the one that nobody asked for.
    pub when_taken: WhenTaken,
}

/// Serves pages of metrics, each on a port of its own.
pub fn serve(pages: Vec<Page>) -> Extension {
    Extension::serving(Served(pages))
}

struct Served(Vec<Page>);

impl Serve for Served {
    fn listeners(&self, cx: ExtensionContext) -> Vec<Listen> {
        self.0.iter().map(|page| page.listen(&cx)).collect()
    }
}

impl Page {
    fn listen(&self, cx: &ExtensionContext) -> Listen {
        let (page, board, facts) = (self.clone(), cx.board.clone(), Arc::clone(&cx.facts));
        let endpoint = self.reader.endpoint();
        let answer = move |path: &str| match path {
            "/metrics" => page.text(&board, &facts),
            _ => pages::page(StatusCode::NOT_FOUND, TEXT, "burgee's own metrics are at /metrics\n"),
        };
        let service = Arc::new(Pages::new(&endpoint, answer));
        let listen = Listen::new(endpoint, SPEAKS, service);
        Listen { limits: pages::limits(), when_taken: self.when_taken, ..listen }
    }

    fn text(&self, board: &Board, facts: &Facts) -> Response<Body> {
        let numbers =
            Numbers { board: &board.snapshot(), facts, process: Process::now(), now: SystemTime::now() };
        let labels = &self.reader.with_resource_constant_labels;
        let text = exposition::text(
            &families(self.level, &numbers),
            self.reader.naming(),
            self.resource.attributes(),
            |name| labels.has(name),
        );
        pages::page(StatusCode::OK, exposition::CONTENT_TYPE, text)
    }
}

const SPEAKS: &str = "own metrics, for Prometheus";
