//! Endpoints: whether what they say can be reached, and is a URL.

use super::{
    found::Findings,
    said::{Environment, Said, word},
    sdk::TRACES_ENDPOINT,
    service::{Program, Service},
    url::{Slip, Url, shown},
};

/// Everything that an endpoint may name.
#[derive(Debug)]
pub(super) struct Network<'a> {
    services: &'a [Service],
    /// Whether there are services that are not in these files.
    has_includes: bool,
    /// The host to send to.
    pub burgee: &'a str,
}

/// Who has an endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender<'a> {
    pub who: &'a str,
    pub service: Option<&'a Service>,
    pub environment: &'a Environment,
    pub is_relay: bool,
}

impl<'a> Network<'a> {
    pub(super) fn new(services: &'a [Service], has_includes: bool) -> Self {
        let mut burgees = services.iter().filter(|service| service.program() == Program::Burgee);
        let burgee = match (burgees.next(), burgees.next()) {
            (Some(burgee), None) => &burgee.name,
            // Whoever asks has a burgee: if it is in none of the files, it is likely on this machine.
            (None, _) if !services.is_empty() => "host.docker.internal",
            _ => "burgee",
        };
        Network { services, has_includes, burgee }
    }

    fn service(&self, host: &str) -> Option<&'a Service> {
        self.services.iter().find(|service| service.names().any(|name| name.eq_ignore_ascii_case(host)))
    }

    /// Raises what is wrong with an endpoint of a sender.
    pub(super) fn check(&self, sender: &Sender<'_>, said: &Said, found: &mut Findings) {
        if said.known().is_empty() {
            return;
        }
        let url = match Url::parse(said.known()) {
            Ok(url) => url,
            Err(slip) => return self.raise_slip(sender, said, slip, found),
        };
        check_path(sender, said, &url, found);
        let Some(service) = sender.service else { return };
        if url.is_loopback() {
            if !service.shares_a_network() {
                let better = url.base_at(self.burgee) + url.path;
                let reason = format!(
                    "{} {}: in a container {} is the container itself",
                    word(&said.name),
                    shown(said.known()),
                    word(url.host)
                );
                let fix = format!(
                    "Write burgee's name, as this container sees it:\n{}",
                    said.line_with(&shown(&better))
                );
                found.raise("N01", sender.who, said, &reason, fix);
            }
        } else {
            self.check_host(sender, service, said, &url, found);
        }
    }

    fn check_host(
        &self,
        sender: &Sender<'_>,
        service: &Service,
        said: &Said,
        url: &Url<'_>,
        found: &mut Findings,
    ) {
        let Some(receiver) = self.service(url.host) else {
            return self.check_unknown_host(sender, service, said, url, found);
        };
        let Some(port) = receiver.listening.as_ref().and_then(|listening| listening.port(url.port?)) else {
            return;
        };
        if url.scheme.eq_ignore_ascii_case("https") && !port.has_tls {
            let reason = format!(
                "{} {}: port {} of {} has no TLS",
                word(&said.name),
                shown(said.known()),
                port.port,
                word(&receiver.name)
            );
            let plain = format!("http{}", &said.known()["https".len()..]);
            found.raise(
                "P03",
                sender.who,
                said,
                &reason,
                format!("Write http:\n{}", said.line_with(&shown(&plain))),
            );
        }
    }

    fn check_unknown_host(
        &self,
        sender: &Sender<'_>,
        service: &Service,
        said: &Said,
        url: &Url<'_>,
        found: &mut Findings,
    ) {
        // With a dot it is a name of the world outside; and somebody else's network has hosts that no file names.
        let is_elsewhere = url.host.is_empty()
            || url.host.contains(['.', ':'])
            || service.own_hosts.iter().any(|host| host.eq_ignore_ascii_case(url.host))
            || service.is_in_external_network
            || service.is_extended
            || self.has_includes;
        if is_elsewhere || !service.resolves_services() {
            return;
        }
        let better = url.base_at(self.burgee) + url.path;
        let reason = format!(
            "{} {}: no service of this file is called {}",
            word(&said.name),
            shown(said.known()),
            word(url.host)
        );
        let fix =
            format!("Write burgee's name, as this container sees it:\n{}", said.line_with(&shown(&better)));
        found.raise("N01", sender.who, said, &reason, fix);
    }

    fn raise_slip(&self, sender: &Sender<'_>, said: &Said, slip: Slip, found: &mut Findings) {
        let text = said.known();
        if slip == Slip::NoScheme && !sender.is_relay && takes_host_and_port(sender.environment, said) {
            return;
        }
        let value = shown(text);
        let (id, what, better) = match slip {
            Slip::NoScheme => (
                "P06",
                "has no http:// before it",
                format!("http://{}", value.trim_start_matches("http:").trim_start_matches('/')),
            ),
            Slip::Quoted => (
                "P06",
                "has quotes that belong to the value here, so it is no URL",
                shown(text.trim_matches(['"', '\''])),
            ),
            Slip::TwoSchemes => ("P07", "has two schemes", format!("http://{}", last_part(&value))),
            Slip::TwoPorts => ("P07", "has too many colons", format!("http://{}:4318", self.burgee)),
        };
        let reason = format!("{} {value}: {what}", word(&said.name));
        found.raise(
            id,
            sender.who,
            said,
            &reason,
            format!("Write it as a URL:\n{}", said.line_with(&better)),
        );
    }
}

/// Every endpoint that an SDK reads, with what it does with it.
pub(super) fn of_sdk(environment: &Environment) -> impl Iterator<Item = &Said> {
    [BASE_VARIABLE, TRACES_ENDPOINT].into_iter().filter_map(|name| environment.set(name))
}

/// The general endpoint is a base, to which the signal's path is added; that of traces is taken as it is.
fn check_path(sender: &Sender<'_>, said: &Said, url: &Url<'_>, found: &mut Findings) {
    let path = url.path.trim_end_matches('/');
    let base = format!("{}{}", url.base_at(url.host), before_signal(path));
    let (what, better) = if said.name != TRACES_ENDPOINT {
        if before_signal(path) == path {
            return;
        }
        ("is a base, to which /v1/traces is added: it would be there twice", base)
    } else {
        let is_doubled =
            path.ends_with("/v1/traces") && before_signal(path).len() + "/v1/traces".len() < path.len();
        let is_bare = path.is_empty() && speaks_http(sender, url);
        let is_misspelt = path.ends_with("/v1/trace") || path == "/v1";
        if !is_doubled && !is_bare && !is_misspelt {
            return;
        }
        ("is taken as it is, and its path is not /v1/traces", format!("{base}/v1/traces"))
    };
    let reason = format!("{} {}: {what}", word(&said.name), shown(said.known()));
    found.raise(
        "P05",
        sender.who,
        said,
        &reason,
        format!("Write in its place:\n{}", said.line_with(&shown(&better))),
    );
}

/// A path without the signal's path at its end, however often it is there.
fn before_signal(path: &str) -> &str {
    let mut before = if path == "/v1" { "" } else { path };
    while let Some(shorter) = SIGNAL_PATHS.iter().find_map(|signal| before.strip_suffix(signal)) {
        before = shorter.trim_end_matches('/');
    }
    before
}

/// Whether OTLP/HTTP is spoken, as far as that is certain: gRPC needs no path.
fn speaks_http(sender: &Sender<'_>, url: &Url<'_>) -> bool {
    let protocols = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
    match protocols.into_iter().find_map(|name| sender.environment.set(name)) {
        Some(protocol) => protocol.known().starts_with("http"),
        // Without the variable SDKs differ, and people follow the port.
        None => sender.is_relay || url.port == Some(4318),
    }
}

/// Some SDKs take `burgee:4317` for gRPC without TLS, if they are told that there is none.
fn takes_host_and_port(environment: &Environment, said: &Said) -> bool {
    let says = |name: &str, text: &str| {
        environment.get(name).is_some_and(|said| said.known().eq_ignore_ascii_case(text))
    };
    let is_grpc =
        says("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc") || says("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc");
    let is_insecure =
        says("OTEL_EXPORTER_OTLP_INSECURE", "true") || says("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true");
    is_grpc && is_insecure && said.known().contains(':')
}

/// What follows the last scheme.
fn last_part(text: &str) -> &str {
    let text = text.rsplit_once("//").map_or(text, |(_, last)| last);
    text.trim_start_matches('/')
}

/// The endpoint of all signals.
pub(super) const BASE_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SIGNAL_PATHS: [&str; 4] = ["/v1/traces", "/v1/metrics", "/v1/logs", "/v1/trace"];
