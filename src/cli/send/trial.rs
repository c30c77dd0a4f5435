//! The trace that tries out a receiver: a request to an application, and the relay proxy's evaluation below it.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, span::SpanKind};
use prost::Message;

use crate::cli::messages::{Place, When, attribute, event, scope, span};

/// What the trace tells of.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Content {
    /// The flag that is evaluated in the trace.
    #[arg(long, value_name = "KEY", default_value = "burgee-test")]
    pub(super) flag: String,
    #[arg(long, default_value = "on")]
    pub(super) variant: String,
    #[arg(long, default_value = "static")]
    pub(super) reason: String,
    /// Who evaluates it.
    #[arg(long, value_name = "NAME", default_value = "burgee-send")]
    pub(super) service: String,
    /// Send so many traces, one after the other.
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=COUNT_MAX))]
    pub(super) count: u32,
}

pub(super) struct Trial {
    /// In hex.
    pub(super) trace_id: String,
    pub(super) request: Vec<u8>,
}

/// A trace that ended just now.
pub(super) fn build(args: &Content, now: SystemTime) -> Trial {
    let end = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let end = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX);
    let when = When { start: end.saturating_sub(TOOK_NANOS), end };
    let trace = fastrand::u128(1..);
    let root = Place { trace, span: fastrand::u64(1..), parent: None };
    let asked = when.part(1_000, 4_000);

    let attributes = vec![
        attribute("http.request.method", "GET"),
        attribute("url.path", "/burgee-test"),
        attribute("http.route", "/burgee-test"),
        attribute("http.response.status_code", 200),
    ];
    let mut served = span(root, "GET /burgee-test", SpanKind::Server, when, attributes);
    served.events = vec![event("feature_flag.evaluation", asked.end, evaluation(args))];
    let below = root.child(fastrand::u64(1..));
    let evaluated = span(below, "flagEvaluation", SpanKind::Internal, asked, relay_evaluation(args));

    let resource_spans = vec![
        of_service(&args.service, scope("burgee send", env!("CARGO_PKG_VERSION"), vec![served])),
        of_service("go-feature-flag", scope("go-feature-flag", "", vec![evaluated])),
    ];
    let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    Trial { trace_id: format!("{trace:032x}"), request }
}

/// As OpenFeature's hooks say it, in the names of today's semantic conventions.
fn evaluation(args: &Content) -> Vec<KeyValue> {
    vec![
        attribute("feature_flag.key", args.flag.as_str()),
        attribute("feature_flag.provider.name", "burgee send"),
        attribute("feature_flag.result.variant", args.variant.as_str()),
        attribute("feature_flag.result.reason", args.reason.to_ascii_lowercase()),
    ]
}

/// As GO Feature Flag's relay proxy says it.
fn relay_evaluation(args: &Content) -> Vec<KeyValue> {
    vec![
        attribute("flagEvaluation.flagName", args.flag.as_str()),
        attribute("flagEvaluation.trackEvents", true),
        attribute("flagEvaluation.variant", args.variant.as_str()),
        attribute("flagEvaluation.failed", false),
        attribute("flagEvaluation.version", ""),
        attribute("flagEvaluation.reason", args.reason.to_ascii_uppercase()),
        attribute("flagEvaluation.errorCode", ""),
        attribute("flagEvaluation.cacheable", true),
        attribute("flagEvaluation.value", args.variant.as_str()),
    ]
}

fn of_service(name: &str, spans: ScopeSpans) -> ResourceSpans {
    let resource = Resource { attributes: vec![attribute("service.name", name)], ..Default::default() };
    ResourceSpans { resource: Some(resource), scope_spans: vec![spans], schema_url: String::new() }
}

const TOOK_NANOS: u64 = 5_000_000;
const COUNT_MAX: i64 = 100_000;
