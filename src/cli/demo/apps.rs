//! What the applications send: spans of their requests, and on them what OpenFeature's hooks add.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::trace::v1::{
    Span,
    span::{Event, SpanKind},
};

use super::relay::Route;
use super::shop::{Decision, Reason, User};
use crate::cli::messages::{Attribute, Place, When, attribute, event, scope_of, span};

/// The applications of the demo's shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum App {
    CheckoutApi,
    SearchApi,
    OrderService,
    Storefront,
}

impl App {
    pub(super) fn resource(self) -> Vec<KeyValue> {
        let (name, version, language, sdk) = match self {
            App::CheckoutApi => ("checkout-api", "2.14.0", "nodejs", "2.2.0"),
            App::SearchApi => ("search-api", "0.9.3", "nodejs", "2.2.0"),
            App::OrderService => ("order-service", "5.1.0", "java", "1.55.0"),
            App::Storefront => ("storefront", "2026.8.1", "webjs", "2.2.0"),
        };
        vec![
            attribute("service.name", name),
            attribute("service.version", version),
            attribute("deployment.environment.name", "demo"),
            attribute("telemetry.sdk.language", language),
            attribute("telemetry.sdk.name", "opentelemetry"),
            attribute("telemetry.sdk.version", sdk),
        ]
    }
}

/// The scope that the instrumentation of incoming requests has.
pub(super) fn server_scope(app: App) -> (&'static str, &'static str) {
    match app {
        App::OrderService => ("io.opentelemetry.spring-webmvc-6.0", "2.20.1-alpha"),
        _ => ("@opentelemetry/instrumentation-http", "0.207.0"),
    }
}

/// The scope that the instrumentation of outgoing requests has.
pub(super) fn client_scope(app: App) -> (&'static str, &'static str) {
    match app {
        App::OrderService => ("io.opentelemetry.java-http-client", "2.20.1-alpha"),
        _ => ("@opentelemetry/instrumentation-undici", "0.18.0"),
    }
}

/// The span of a request that an application serves, with its evaluations as span events.
pub(super) fn serving(place: Place, route: &str, when: When, evaluations: Vec<Event>) -> Span {
    let attributes = vec![
        attribute("http.request.method", "POST"),
        attribute("url.scheme", "https"),
        attribute("url.path", route),
        attribute("http.route", route),
        attribute("server.address", "shop.example.com"),
        attribute("http.response.status_code", 200),
    ];
    let mut served = span(place, &format!("POST {route}"), SpanKind::Server, when, attributes);
    served.events = evaluations;
    served
}

/// The call to the relay proxy: the link from the application's trace to the relay proxy's spans.
pub(super) fn call(place: Place, route: Route, host: &str, when: When, decision: &Decision) -> Span {
    let missing = matches!((route, decision.reason), (Route::Ofrep, Reason::FlagNotFound));
    let attributes = vec![
        attribute("http.request.method", "POST"),
        attribute("url.full", format!("http://{host}:1031{}", route.path(decision.flag))),
        attribute("server.address", host),
        attribute("server.port", 1031),
        attribute("network.protocol.version", "1.1"),
        attribute("http.response.status_code", if missing { 404 } else { 200 }),
    ];
    span(place, "POST", SpanKind::Client, when, attributes)
}

/// The call to the shop's own database, which has nothing to do with flags.
pub(super) fn query(place: Place, statement: &str, when: When) -> Span {
    let attributes = vec![
        attribute("db.system.name", "postgresql"),
        attribute("db.namespace", "shop"),
        attribute("db.query.summary", statement),
        attribute("server.address", "db"),
    ];
    span(place, statement, SpanKind::Client, when, attributes)
}

/// The event of JavaScript's `SpanEventHook` 1.0.0: today's names.
pub(super) fn js_event(at: u64, decision: &Decision, user: User) -> Event {
    event("feature_flag.evaluation", at, js_attributes(decision, user))
}

/// The events of Java's hook up to 3.3.1: the names of 2023, and an exception for a failure.
pub(super) fn java_event(at: u64, decision: &Decision) -> Event {
    let provider = attribute("feature_flag.provider_name", "GO Feature Flag Provider");
    let key = attribute("feature_flag.key", decision.flag);
    match decision.reason {
        Reason::FlagNotFound => {
            let kind = attribute("exception.type", "dev.openfeature.sdk.exceptions.FlagNotFoundError");
            let message = attribute("exception.message", format!("flag {} not found", decision.flag));
            event("exception", at, vec![kind, message, key, provider])
        }
        // Without a variant the hook writes the value in its place.
        _ => {
            let variant = if decision.variant.is_empty() { decision.value } else { decision.variant };
            event("feature_flag", at, vec![key, provider, attribute("feature_flag.variant", variant)])
        }
    }
}

/// The record of JavaScript's `EventHook` 1.0.0, which belongs to no span here: a page that just loads.
pub(super) fn js_records(at: u64, decisions: &[Decision], user: User) -> ScopeLogs {
    let record = |decision: &Decision| LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at,
        severity_number: SeverityNumber::Info.into(),
        event_name: "feature_flag.evaluation".to_owned(),
        attributes: js_attributes(decision, user),
        ..Default::default()
    };
    ScopeLogs {
        scope: Some(scope_of("@openfeature/open-telemetry-hooks", "1.0.0")),
        log_records: decisions.iter().map(record).collect(),
        schema_url: String::new(),
    }
}

fn js_attributes(decision: &Decision, user: User) -> Vec<KeyValue> {
    let value = match decision.value {
        "true" => Attribute::Flag(true),
        "false" => Attribute::Flag(false),
        text => Attribute::from(text),
    };
    let mut attributes = vec![
        attribute("feature_flag.key", decision.flag),
        attribute("feature_flag.provider.name", "GoFeatureFlagProvider"),
        attribute("feature_flag.result.reason", decision.reason.relay().to_lowercase()),
        attribute("feature_flag.result.value", value),
        attribute("feature_flag.context.id", user.id()),
    ];
    if !decision.variant.is_empty() {
        attributes.push(attribute("feature_flag.result.variant", decision.variant));
    }
    if decision.reason == Reason::FlagNotFound {
        attributes.push(attribute("error.type", "flag_not_found"));
        attributes.push(attribute("error.message", format!("flag {} was not found", decision.flag)));
    }
    attributes
}
