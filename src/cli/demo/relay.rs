//! What GO Feature Flag's relay proxy sends, in both generations of its HTTP attribute names.
//!
//! The shapes are those of the captures in `tests/interop/captures`.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, span::SpanKind};

use super::shop::{Decision, Reason};
use crate::cli::messages::{Place, When, attribute, scope, span};

/// The versions the demo has one instance of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Generation {
    /// 1.45.6: the last with `http.target` and its like.
    Old,
    /// 1.55.2: `url.path` and its like.
    Current,
}

/// Which of the relay proxy's interfaces was called.
#[derive(Clone, Copy)]
pub(super) enum Route {
    Ofrep,
    V1,
}

impl Route {
    pub(super) fn path(self, flag: &str) -> String {
        match self {
            Route::Ofrep => format!("/ofrep/v1/evaluate/flags/{flag}"),
            Route::V1 => format!("/v1/feature/{flag}/eval"),
        }
    }

    fn template(self) -> &'static str {
        match self {
            Route::Ofrep => "/ofrep/v1/evaluate/flags/:flagKey",
            Route::V1 => "/v1/feature/:flagKey/eval",
        }
    }
}

/// One evaluation: the server's span, and below it the evaluation's, in the order in which they are sent.
pub(super) fn evaluation(
    generation: Generation,
    route: Route,
    server: Place,
    evaluation_id: u64,
    when: When,
    decision: &Decision,
) -> Vec<ScopeSpans> {
    let path = route.path(decision.flag);
    // Over OFREP, what failed has no attributes: the key is in the parent's path only.
    let attributes = match (route, decision.reason) {
        (Route::Ofrep, Reason::FlagNotFound) => Vec::new(),
        _ => evaluation_attributes(generation, route, decision),
    };
    let place = server.child(evaluation_id);
    let evaluated = span(place, "flagEvaluation", SpanKind::Internal, when.part(80, 210), attributes);
    let status = match (route, decision.reason) {
        (Route::Ofrep, Reason::FlagNotFound) => 404,
        _ => 200,
    };
    vec![
        scope(SCOPE, "", vec![evaluated]),
        served(generation, server, when, &Request { path: &path, template: route.template(), status }),
    ]
}

/// The evaluation of all flags at once, as web clients ask for it: a number of flags, no names.
pub(super) fn bulk(server: Place, all_flags_id: u64, when: When, flags: i64) -> Vec<ScopeSpans> {
    let attributes = vec![attribute("AllFlagsState.numberEvaluation", flags)];
    let place = server.child(all_flags_id);
    let evaluated = span(place, "AllFlagsState", SpanKind::Internal, when.part(90, 640), attributes);
    let path = "/ofrep/v1/evaluate/flags";
    let request = Request { path, template: path, status: 200 };
    vec![scope(SCOPE, "", vec![evaluated]), served(Generation::Current, server, when, &request)]
}

pub(super) fn resource(generation: Generation) -> Vec<KeyValue> {
    let (version, sdk, host) = match generation {
        Generation::Old => ("1.45.6", "1.37.0", "relay-eu-0"),
        Generation::Current => ("1.55.2", "1.45.0", "relay-0"),
    };
    vec![
        attribute("host.name", host),
        attribute("os.type", "linux"),
        attribute("process.executable.name", "go-feature-flag"),
        attribute("process.pid", 1),
        attribute("process.runtime.name", "go"),
        attribute("service.name", "go-feature-flag"),
        attribute("service.version", version),
        attribute("telemetry.sdk.language", "go"),
        attribute("telemetry.sdk.name", "opentelemetry"),
        attribute("telemetry.sdk.version", sdk),
    ]
}

pub(super) fn schema_url(generation: Generation) -> &'static str {
    match generation {
        Generation::Old => "https://opentelemetry.io/schemas/1.34.0",
        Generation::Current => "https://opentelemetry.io/schemas/1.43.0",
    }
}

fn evaluation_attributes(generation: Generation, route: Route, decision: &Decision) -> Vec<KeyValue> {
    let served_default = matches!(decision.reason, Reason::Disabled | Reason::FlagNotFound);
    let (variant, version) = match served_default {
        true => ("SdkDefault", ""),
        false => (decision.variant, decision.version),
    };
    let value = match (served_default, generation, route) {
        (false, ..) => decision.value,
        (true, _, Route::V1) => "false",
        (true, Generation::Old, Route::Ofrep) => "thisisadefaultvaluethatItest1233%%",
        (true, Generation::Current, Route::Ofrep) => "<nil>",
    };
    let error = if decision.reason == Reason::FlagNotFound { "FLAG_NOT_FOUND" } else { "" };
    vec![
        attribute("flagEvaluation.flagName", decision.flag),
        attribute("flagEvaluation.trackEvents", true),
        attribute("flagEvaluation.variant", variant),
        attribute("flagEvaluation.failed", decision.reason == Reason::FlagNotFound),
        attribute("flagEvaluation.version", version),
        attribute("flagEvaluation.reason", decision.reason.relay()),
        attribute("flagEvaluation.errorCode", error),
        attribute("flagEvaluation.cacheable", !served_default),
        attribute("flagEvaluation.value", value),
    ]
}

struct Request<'a> {
    path: &'a str,
    template: &'a str,
    status: i64,
}

fn served(generation: Generation, place: Place, when: When, request: &Request<'_>) -> ScopeSpans {
    let (version, attributes) = match generation {
        Generation::Old => ("0.62.0", old_http(request)),
        Generation::Current => ("0.70.0", current_http(request)),
    };
    let name = format!("POST {}", request.template);
    scope(ECHO, version, vec![span(place, &name, SpanKind::Server, when, attributes)])
}

fn old_http(request: &Request<'_>) -> Vec<KeyValue> {
    vec![
        attribute("http.method", "POST"),
        attribute("http.scheme", "http"),
        attribute("net.host.name", "go-feature-flag"),
        attribute("net.host.port", 1031),
        attribute("net.sock.peer.addr", "10.2.0.17"),
        attribute("net.sock.peer.port", 41772),
        attribute("user_agent.original", "Java-http-client/21.0.5"),
        attribute("http.client_ip", "10.2.0.17"),
        attribute("http.target", request.path),
        attribute("net.protocol.version", "1.1"),
        attribute("http.route", request.template),
        attribute("http.status_code", request.status),
    ]
}

fn current_http(request: &Request<'_>) -> Vec<KeyValue> {
    vec![
        attribute("server.address", "go-feature-flag"),
        attribute("http.request.method", "POST"),
        attribute("url.scheme", "http"),
        attribute("server.port", 1031),
        attribute("network.peer.address", "10.1.0.23"),
        attribute("network.peer.port", 52114),
        attribute("user_agent.original", "node"),
        attribute("client.address", "10.1.0.23"),
        attribute("url.path", request.path),
        attribute("network.protocol.version", "1.1"),
        attribute("http.route", request.template),
        attribute("http.response.body.size", 112),
        attribute("http.response.status_code", request.status),
    ]
}

const SCOPE: &str = "go-feature-flag";
const ECHO: &str = "go.opentelemetry.io/contrib/instrumentation/github.com/labstack/echo/otelecho";
