#![doc = include_str!("README.md")]

use std::sync::Arc;

use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::component::{Extension, ExtensionContext, Listen, Problem, Serve};
use crate::net::Body;
use crate::net::pages::{self, Pages, TEXT};
use crate::observe::board::{Board, BoardState};
use crate::observe::health::{Health, Patience, health};
use crate::values::{self, ListenEndpoint, Unread};

/// The keys of `health_check`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub endpoint: ListenEndpoint,
    /// Where the answer is; begins with a slash.
    pub path: String,
    /// Texts instead of the JSON.
    pub response_body: Option<ResponseBody>,
    /// What exporters' failures mean.
    pub component_health: ComponentHealth,
    pub check_collector_pipeline: Option<Unread>,
    pub use_v2: Option<Unread>,
    pub http: Option<Unread>,
    /// Not in burgee: an error.
    pub grpc: Option<Unread>,
    /// Not in burgee: an error.
    pub tls: Option<Unread>,
    /// Not in burgee: an error.
    pub auth: Option<Unread>,
    pub cors: Option<Unread>,
    pub transport: Option<Unread>,
    pub compression_algorithms: Option<Unread>,
    pub include_metadata: Option<Unread>,
    pub idle_timeout: Option<Unread>,
    pub keep_alives_enabled: Option<Unread>,
    pub max_request_body_size: Option<Unread>,
    pub middlewares: Option<Unread>,
    pub read_header_timeout: Option<Unread>,
    pub read_timeout: Option<Unread>,
    pub response_headers: Option<Unread>,
    pub write_timeout: Option<Unread>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: ListenEndpoint::new("localhost", DEFAULT_PORT),
            path: "/".to_owned(),
            response_body: None,
            component_health: ComponentHealth::default(),
            check_collector_pipeline: None,
            use_v2: None,
            http: None,
            grpc: None,
            tls: None,
            auth: None,
            cors: None,
            transport: None,
            compression_algorithms: None,
            include_metadata: None,
            idle_timeout: None,
            keep_alives_enabled: None,
            max_request_body_size: None,
            middlewares: None,
            read_header_timeout: None,
            read_timeout: None,
            response_headers: None,
            write_timeout: None,
        }
    }
}

/// Texts instead of the answer's own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResponseBody {
    /// With 200.
    pub healthy: String,
    /// With 503.
    pub unhealthy: String,
}

/// What exporters' failures mean.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ComponentHealth {
    /// Whether an exporter that delivers nothing for `recovery_duration` makes burgee unhealthy.
    pub include_recoverable_errors: bool,
    /// How long an exporter may deliver nothing before it counts as failing.
    pub recovery_duration: values::Duration,
    pub include_permanent_errors: Option<Unread>,
}

impl Default for ComponentHealth {
    fn default() -> Self {
        let Patience { failing_after, failing_is_unready } = Patience::default();
        ComponentHealth {
            include_recoverable_errors: failing_is_unready,
            recovery_duration: failing_after.into(),
            include_permanent_errors: None,
        }
    }
}

/// Builds the extension.
///
/// # Errors
/// Every key that is wrong.
pub fn build(config: &Config) -> Result<Extension, Vec<Problem>> {
    let errors = config.errors();
    if !errors.is_empty() {
        return Err(errors);
    }
    let warnings = config.warnings();
    Ok(Extension { warnings, ..Extension::serving(HealthCheck(config.clone())) })
}

impl Config {
    fn errors(&self) -> Vec<Problem> {
        let mut errors = Vec::new();
        if !self.path.starts_with('/') {
            errors.push(Problem::new(&["path"], "begins with no slash").with_help("write path: /"));
        }
        for (key, set) in [("tls", self.tls), ("auth", self.auth), ("grpc", self.grpc)] {
            if set.is_some() {
                let problem = Problem::new(
                    &[key],
                    "is not in burgee's health_check: it answers plain HTTP to everybody",
                );
                errors.push(problem.with_help("remove it, and keep the endpoint on loopback or in the pod"));
            }
        }
        errors
    }

    fn warnings(&self) -> Vec<Problem> {
        let mut warnings = Vec::new();
        if self.check_collector_pipeline.is_some() {
            let problem = Problem::new(
                &["check_collector_pipeline"],
                "has no effect: burgee always looks at its exporters and queues",
            );
            warnings.push(problem.with_help("component_health says what an exporter's failure means"));
        }
        if self.component_health.include_permanent_errors.is_some() {
            warnings.push(Problem::unused(&["component_health", "include_permanent_errors"]));
        }
        let unused = [
            ("use_v2", self.use_v2),
            ("http", self.http),
            ("cors", self.cors),
            ("transport", self.transport),
            ("compression_algorithms", self.compression_algorithms),
            ("include_metadata", self.include_metadata),
            ("idle_timeout", self.idle_timeout),
            ("keep_alives_enabled", self.keep_alives_enabled),
            ("max_request_body_size", self.max_request_body_size),
            ("middlewares", self.middlewares),
            ("read_header_timeout", self.read_header_timeout),
            ("read_timeout", self.read_timeout),
            ("response_headers", self.response_headers),
            ("write_timeout", self.write_timeout),
        ];
        let unused = unused.into_iter().filter(|(_, set)| set.is_some());
        warnings.extend(unused.map(|(key, _)| Problem::unused(&[key])));
        warnings
    }

    fn patience(&self) -> Patience {
        Patience {
            failing_after: self.component_health.recovery_duration.get(),
            failing_is_unready: self.component_health.include_recoverable_errors,
        }
    }
}

struct HealthCheck(Config);

impl Serve for HealthCheck {
    fn listeners(&self, cx: ExtensionContext) -> Vec<Listen> {
        let (config, board) = (self.0.clone(), cx.board);
        let endpoint = config.endpoint.clone();
        let answer = move |path: &str| match path == config.path {
            true => answer(&config, &board),
            false => {
                let where_it_is = format!("health is at {}\n", config.path);
                pages::page(StatusCode::NOT_FOUND, TEXT, where_it_is)
            }
        };
        let service = Arc::new(Pages::new(&endpoint, answer));
        vec![Listen { limits: pages::limits(), ..Listen::new(endpoint, SPEAKS, service) }]
    }
}

fn answer(config: &Config, board: &Board) -> Response<Body> {
    let state = board.snapshot();
    let health = health(&state, config.patience());
    let status = if health.is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match &config.response_body {
        Some(ResponseBody { healthy, .. }) if health.is_ready => pages::page(status, TEXT, healthy.clone()),
        Some(ResponseBody { unhealthy, .. }) => pages::page(status, TEXT, unhealthy.clone()),
        None => pages::page(status, "application/json", body(&state, &health)),
    }
}

/// The Collector's answer, and why it is so if there is anything to say.
fn body(state: &BoardState, health: &Health) -> String {
    let status = if health.is_ready { "Server available" } else { "Server not available" };
    let up_since = humantime::format_rfc3339_millis(state.started_at).to_string();
    let uptime = values::Duration::from(state.uptime).to_string();
    let mut body = json!({"status": status, "upSince": up_since, "uptime": uptime});
    if !health.why.is_empty() {
        body["why"] = health.why.clone().into();
    }
    body.to_string()
}

/// The Collector's port for health checks.
pub const DEFAULT_PORT: u16 = 13133;
const SPEAKS: &str = "health checks";

#[cfg(test)]
mod tests;
