//! `service.telemetry`: how burgee's own metrics and log are told.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Extension;
use super::components::{put, warning};
use crate::component::{Authenticators, BuildContext, Exporter, Problem as Odd, Task, WhenTaken};
use crate::config::{self, Kind, Node, Problem, Report, unknown_keys};
use crate::exporters::{Built, otlp_grpc, otlp_http};
use crate::observe::instance::PROGRAM;
use crate::observe::names::Level;
use crate::telemetry::{
    self, Compression, Logs, Metrics, OtlpExporter, Page, Periodic, PrometheusReader, Protocol, Push, Reader,
    Resource,
};
use crate::values::Secret;

/// What `service.telemetry` asks for.
#[derive(Debug, Default)]
pub(super) struct Telemetry {
    pub(super) logs: Logs,
    /// The pages of metrics, if there is any.
    pub(super) pages: Option<Extension>,
    /// The pushing of metrics.
    pub(super) tasks: Vec<Task>,
}

/// Without a `node`, what holds then.
pub(super) fn read(node: Option<&Node>, report: &mut Report) -> Telemetry {
    let mut resource = Resource::default();
    let Some(node) = node else {
        return Telemetry { pages: unasked(Level::default(), resource.into()), ..Telemetry::default() };
    };
    report.extend(node.expect_map().err());
    report.extend(unknown_keys(node, &["logs", "metrics", "traces", "resource"]));
    if let Some(traces) = node.get("traces").filter(|traces| !traces.is_null()) {
        let message = "burgee does not trace itself; the key has no effect";
        report.push(warning(traces.problem_at_key(message).help("remove it")));
    }
    if let Some(node) = node.get("resource") {
        attributes(node, &mut resource, report);
    }
    let logs = node.get("logs").map(|node| logs(node, report)).unwrap_or_default();
    let mut telemetry = Telemetry { logs, ..Telemetry::default() };
    match node.get("metrics") {
        Some(node) => metrics(node, resource.into(), &mut telemetry, report),
        None => telemetry.pages = unasked(Level::default(), resource.into()),
    }
    telemetry
}

/// The page that there is unless the configuration says otherwise.
fn unasked(level: Level, resource: Arc<Resource>) -> Option<Extension> {
    let reader = PrometheusReader::unasked();
    (level > Level::None).then(|| pages(vec![Page { reader, level, resource, when_taken: WhenTaken::Warn }]))
}

fn pages(pages: Vec<Page>) -> Extension {
    let built = telemetry::serve(pages);
    Extension { id: "telemetry".into(), key: "service.telemetry.metrics".into(), built }
}

fn logs(node: &Node, report: &mut Report) -> Logs {
    match config::decode::<Logs>(node) {
        Ok(logs) => {
            report.extend(logs.warnings().iter().map(|odd| warning(put(node, odd))));
            report.extend(logs.errors().iter().map(|odd| put(node, odd)));
            logs
        }
        Err(problems) => {
            report.extend(problems);
            Logs::default()
        }
    }
}

/// `{attributes: [{name, value}]}`, or names and values as they are; null takes one of burgee's own away.
fn attributes(node: &Node, resource: &mut Resource, report: &mut Report) {
    report.extend(node.expect_map().err());
    for entry in node.entries() {
        let (name, value) = (entry.key.text.as_str(), &entry.value);
        match name {
            "attributes" => {
                for item in value.items() {
                    let of = |key: &str| item.get(key).and_then(Node::text);
                    match of("name").zip(of("value")) {
                        Some((name, value)) => resource.set(name, value),
                        None => report.push(item.problem("an attribute is written `{name: …, value: …}`")),
                    }
                }
                if !value.is_null() && !matches!(value.kind, Kind::Seq(_)) {
                    report.push(value.mistyped("a list of `{name, value}`"));
                }
            }
            "schema_url" | "detectors" | "detection/development" | "attributes_list" => {
                report.push(warning(value.problem_at_key("is read but has no effect in burgee")));
            }
            _ if value.is_null() => resource.remove(name),
            _ => match value.text() {
                Some(text) => resource.set(name, text),
                None => report.push(value.mistyped("text")),
            },
        }
    }
}

fn metrics(node: &Node, resource: Arc<Resource>, telemetry: &mut Telemetry, report: &mut Report) {
    let metrics: Metrics = match config::decode(node) {
        Ok(metrics) => metrics,
        Err(problems) => return report.extend(problems),
    };
    if metrics.views.is_some() {
        let message = "has no effect in burgee: every metric is told as it is";
        report.push(warning(put(node, &Odd::new(&["views"], message).with_help("remove it"))));
    }
    let level = metrics.level;
    let mut asked = Vec::new();
    let page = |reader| Page { reader, level, resource: resource.clone(), when_taken: WhenTaken::Fail };
    if let Some(address) = &metrics.address {
        let (host, port) = (address.host().to_owned(), address.port());
        let message = "is what older Collectors had; it still works";
        let help = format!(
            "write `readers: [{{pull: {{exporter: {{prometheus: {{host: {}, port: {port}}}}}}}}}]`; \
             names of metrics have suffixes then, unless without_type_suffix and without_units are true",
            if host.is_empty() { "0.0.0.0" } else { &host }
        );
        report.push(warning(put(node, &Odd::new(&["address"], message).with_help(help))));
        asked.push(page(PrometheusReader { host, port, ..PrometheusReader::unasked() }));
    }
    let list = node.find(&["readers"]);
    for (number, reader) in metrics.readers.iter().flatten().enumerate() {
        let node = list.items().get(number).unwrap_or(list);
        asked.extend(prometheus(reader, node, report).map(page));
        if let Some(periodic) = &reader.periodic {
            telemetry.tasks.extend(push(periodic, number, level, &resource, node, report));
        }
    }
    report.extend(twice(&asked, list));
    if level == Level::None {
        telemetry.tasks.clear();
    } else if !asked.is_empty() {
        telemetry.pages = Some(pages(asked));
    } else if metrics.readers.is_none() {
        telemetry.pages = unasked(level, resource);
    }
}

/// One port has one page.
fn twice(pages: &[Page], list: &Node) -> Option<Problem> {
    let mut seen = HashSet::new();
    let mut is_new = |page: &&Page| page.reader.port == 0 || seen.insert(page.reader.endpoint());
    let twice = pages.iter().find(|page| !is_new(page))?;
    Some(list.problem(format!("{} is the place of two pages", twice.reader.endpoint())))
}

fn prometheus(reader: &Reader, node: &Node, report: &mut Report) -> Option<PrometheusReader> {
    if reader.pull.is_none() && reader.periodic.is_none() {
        report.push(node.problem("a reader is either `pull` or `periodic`").help(PULL));
    }
    let pull = reader.pull.as_ref()?;
    for (key, set) in [("producers", pull.producers), ("cardinality_limits", pull.cardinality_limits)] {
        if set.is_some() {
            report.push(warning(put(node, &Odd::unused(&["pull", key]))));
        }
    }
    let prometheus = node.find(&["pull", "exporter"]).get("prometheus");
    match (&pull.exporter.prometheus, prometheus) {
        (Some(reader), _) => Some(reader.clone()),
        // the key alone is one with the defaults
        (None, Some(_)) => Some(PrometheusReader::default()),
        (None, None) => {
            report.push(node.problem("`pull` needs an exporter, and there is only prometheus").help(PULL));
            None
        }
    }
}

/// The task that sends the metrics, unless something is wrong with it.
fn push(
    periodic: &Periodic,
    number: usize,
    level: Level,
    resource: &Arc<Resource>,
    node: &Node,
    report: &mut Report,
) -> Vec<Task> {
    let unused = [
        (&["periodic", "producers"][..], periodic.producers),
        (&["periodic", "cardinality_limits"], periodic.cardinality_limits),
        (&["periodic", "exporter", "console"], periodic.exporter.console),
    ];
    let set = unused.into_iter().filter(|(_, set)| set.is_some());
    report.extend(set.map(|(path, _)| warning(put(node, &Odd::unused(path)))));
    let Some(otlp) = &periodic.exporter.otlp else {
        if periodic.exporter.console.is_none() {
            report.push(node.problem("`periodic` needs an exporter, and there is only otlp").help(PERIODIC));
        }
        return Vec::new();
    };
    if periodic.interval.0 < Duration::from_millis(100) {
        let problem = Odd::new(&["periodic", "interval"], "is 100 (milliseconds) at least");
        report.push(put(node, &problem));
    }
    for (key, set) in [
        ("headers_list", otlp.headers_list),
        ("temporality_preference", otlp.temporality_preference),
        ("default_histogram_aggregation", otlp.default_histogram_aggregation),
    ] {
        if set.is_some() {
            report.push(warning(put(node, &Odd::unused(&["periodic", "exporter", "otlp", key]))));
        }
    }
    let timeout = otlp.timeout.unwrap_or(periodic.timeout).0;
    match sender(otlp, timeout) {
        Ok(built) => {
            let say = |odd: &Odd| warning(put(node, &within(odd)));
            report.extend(built.warnings.iter().map(say));
            let push = Push {
                exporter: built.exporter as Arc<dyn Exporter>,
                interval: periodic.interval.0,
                level,
                resource: Arc::clone(resource),
                endpoint: otlp.endpoint.clone(),
            };
            let mut cx = BuildContext::new("telemetry");
            cx.task(&format!("metrics over OTLP, reader {number}"), move |cx| {
                telemetry::push(push.clone(), cx)
            });
            cx.into_tasks()
        }
        Err(problems) => {
            report.extend(problems.iter().map(|odd| put(node, &within(odd))));
            Vec::new()
        }
    }
}

/// The exporters that pipelines have send this, too; from OpenTelemetry's keys to theirs. They do not call themselves
/// this process: metrics of burgee's own that it receives are no loop, since there are no more of them for it.
fn sender(otlp: &OtlpExporter, timeout: Duration) -> Result<Built, Vec<Odd>> {
    let endpoint = otlp.endpoint.trim();
    if endpoint.is_empty() {
        return Err(vec![
            Odd::new(&["endpoint"], "is missing: where do the metrics go?").with_help(PERIODIC),
        ]);
    }
    let scheme = if otlp.insecure { "http" } else { "https" };
    let url = if endpoint.contains("://") { endpoint.to_owned() } else { format!("{scheme}://{endpoint}") };
    let mut settings = json!({
        "compression": match otlp.compression { Compression::None => "none", Compression::Gzip => "gzip" },
        "timeout": format!("{}ms", timeout.as_millis()),
    });
    let tls = [
        ("ca_file", &otlp.certificate),
        ("cert_file", &otlp.client_certificate),
        ("key_file", &otlp.client_key),
    ];
    let tls: serde_json::Map<_, _> =
        tls.into_iter().filter_map(|(key, file)| Some((key.to_owned(), file.clone()?.into()))).collect();
    if !tls.is_empty() {
        settings["tls"] = tls.into();
    }
    let refused = |error: serde_json::Error| vec![Odd::new(&[], error.to_string())];
    match otlp.protocol {
        Protocol::Grpc => {
            settings["endpoint"] = url.into();
            let mut config: otlp_grpc::Config = serde_json::from_value(settings).map_err(refused)?;
            config.headers = otlp.headers.clone();
            PROGRAM.clone_into(&mut config.user_agent);
            otlp_grpc::build(&config, &Authenticators::default())
        }
        Protocol::HttpProtobuf => {
            let has_path = url.split("://").nth(1).and_then(|rest| rest.split_once('/'));
            let is_whole = has_path.is_some_and(|(_, path)| !path.is_empty());
            settings[if is_whole { "metrics_endpoint" } else { "endpoint" }] = url.into();
            let mut config: otlp_http::Config = serde_json::from_value(settings).map_err(refused)?;
            config.headers = otlp.headers.clone();
            if !config.headers.get().contains_key("user-agent") {
                let added = config.headers.add("user-agent", &Secret::new(PROGRAM));
                added.expect("it was not there, and is a header");
            }
            otlp_http::build(&config, &Authenticators::default())
        }
    }
}

/// The exporter's own key, as it is called here.
fn within(odd: &Odd) -> Odd {
    let key = match odd.path.first().copied() {
        Some("metrics_endpoint") => Some("endpoint"),
        Some("tls") => match odd.path.get(1).copied() {
            Some("cert_file" | "cert_pem") => Some("client_certificate"),
            Some("key_file" | "key_pem") => Some("client_key"),
            _ => Some("certificate"),
        },
        key => key,
    };
    let mut path = vec!["periodic", "exporter", "otlp"];
    path.extend(key);
    Odd { path, ..odd.clone() }
}

const PULL: &str = "write `pull: {exporter: {prometheus: {host: localhost, port: 8888}}}`";
const PERIODIC: &str =
    "write `periodic: {exporter: {otlp: {protocol: http/protobuf, endpoint: \"http://localhost:4318\"}}}`";
