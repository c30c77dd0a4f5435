//! Where a burgee in a compose file listens.

use std::sync::Arc;

use super::{
    found::Findings,
    said::{Environment, Spot, word},
    service::Service,
};
use crate::config::{self, Node, Problem, Source};
use crate::values::ListenEndpoint;

/// The ports of a burgee, as its configuration says.
#[derive(Clone, Debug)]
pub(super) struct Listening {
    pub ports: Vec<Port>,
}

#[derive(Clone, Debug)]
pub(super) struct Port {
    /// `grpc` or `http`; each takes both.
    pub protocol: &'static str,
    pub host: String,
    pub port: u16,
    pub has_tls: bool,
    /// None if it is burgee's default, which stands nowhere.
    pub spot: Option<Spot>,
}

impl Listening {
    /// Reads a burgee's configuration files and `--set`s; no file stands for the built-in configuration.
    ///
    /// None if they say it by other files, which are not looked at.
    ///
    /// # Errors
    /// What burgee would refuse.
    pub(super) fn read(
        files: &[Arc<Source>],
        sets: &[&str],
        environment: &Environment,
    ) -> Result<Option<Self>, Problem> {
        let mut sources = match files {
            [] => vec![Source::new(BUILT_IN, "receivers: {otlp: {protocols: {grpc: , http: }}}")],
            files => files.to_vec(),
        };
        for set in sets {
            sources.push(Source::setting(set)?);
        }
        if sources.iter().any(|source| source.text().contains("${file:")) {
            return Ok(None);
        }
        let lookup = |name: &str| environment.get(name)?.text.clone();
        let loaded = config::load(&sources, &lookup).map_err(|report| super::relay_config::first(&report))?;
        let receivers = loaded.root.get("receivers").map_or(&[][..], Node::entries);
        let is_otlp = |name: &str| name == "otlp" || name.starts_with("otlp/");
        let mut ports = Vec::new();
        for receiver in receivers.iter().filter(|receiver| is_otlp(&receiver.key.text)) {
            for (protocol, default) in [("grpc", 4317), ("http", 4318)] {
                let settings = receiver.value.get("protocols").and_then(|protocols| protocols.get(protocol));
                ports.extend(settings.and_then(|settings| port(settings, protocol, default)));
            }
        }
        Ok(Some(Listening { ports }))
    }

    /// Whether nobody outside of its container reaches any port.
    pub(super) fn is_loopback_only(&self) -> bool {
        !self.ports.is_empty() && self.ports.iter().all(Port::is_loopback)
    }

    /// The port of this number.
    pub(super) fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.port == number)
    }
}

/// Raises a burgee that only its own container reaches. A container that shares its network is a sidecar, for which
/// that is right.
pub(super) fn check(burgee: &Service, services: &[Service], found: &mut Findings) {
    let Some(listening) = burgee.listening.as_ref().filter(|listening| listening.is_loopback_only()) else {
        return;
    };
    let sidecar = format!("service:{}", burgee.name);
    let has_sidecar = services.iter().any(|service| service.network_mode.as_deref() == Some(&sidecar));
    if burgee.shares_a_network() || has_sidecar {
        return;
    }
    let Some(port) = listening.ports.first() else { return };
    let reason = format!("listens on {}, so no other container reaches it", word(&port.host));
    let every = listening.ports.iter().map(|port| match port.spot {
        Some(_) => format!("endpoint: 0.0.0.0:{}", port.port),
        None => format!("--set=receivers.otlp.protocols.{}.endpoint=0.0.0.0:{}", port.protocol, port.port),
    });
    let fix = format!("Listen on all addresses of the container:\n{}", every.collect::<Vec<_>>().join("\n"));
    found.raise_at("N08", &burgee.name, port.spot.as_ref().unwrap_or(&burgee.spot), "endpoint", &reason, fix);
}

impl Port {
    pub(super) fn is_loopback(&self) -> bool {
        // 0.0.0.0 is loopback for who connects, and everything for who listens.
        super::url::is_loopback(&self.host) && !["0.0.0.0", "::"].contains(&self.host.as_str())
    }
}

/// None if its endpoint is none that burgee takes.
fn port(settings: &Node, protocol: &'static str, default: u16) -> Option<Port> {
    let has_tls = settings.get("tls").is_some_and(|tls| !tls.is_null());
    let Some(endpoint) = settings.get("endpoint").filter(|endpoint| !endpoint.is_null()) else {
        return Some(Port { protocol, host: "localhost".to_owned(), port: default, has_tls, spot: None });
    };
    let listen = config::decode::<ListenEndpoint>(endpoint).ok()?;
    let place = endpoint.key.as_ref().unwrap_or(&endpoint.place);
    let is_in_a_file = place.source().origin() == config::Origin::File && place.source().name() != BUILT_IN;
    let spot = is_in_a_file.then(|| Spot::new(place.source(), place.line()));
    Some(Port { protocol, host: listen.host().to_owned(), port: listen.port(), has_tls, spot })
}

/// No name of a file.
const BUILT_IN: &str = "the built-in configuration";

#[cfg(test)]
mod tests {
    use super::Listening;
    use crate::config::Source;
    use crate::doctor::settings::said::Environment;

    fn read(text: &str, sets: &[&str]) -> Option<Listening> {
        let files: Vec<_> =
            (!text.is_empty()).then(|| Source::new("burgee.yaml", text)).into_iter().collect();
        Listening::read(&files, sets, &Environment::default()).expect("a configuration")
    }

    #[test]
    fn ports_are_where_the_configuration_says() {
        let text =
            "receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint: 0.0.0.0:4317\n      http:\n";
        let listening = read(text, &[]).expect("ports");
        let ports: Vec<_> = listening.ports.iter().map(|port| (port.host.as_str(), port.port)).collect();
        assert_eq!(ports, [("0.0.0.0", 4317), ("localhost", 4318)]);
        assert_eq!(listening.ports[0].spot.as_ref().map(|spot| spot.line), Some(5));
        assert!(!listening.is_loopback_only());
    }

    #[test]
    fn without_a_file_it_is_loopback_unless_set() {
        assert!(read("", &[]).expect("ports").is_loopback_only());
        let set = "receivers.otlp.protocols.http.endpoint=0.0.0.0:4318";
        assert!(!read("", &[set]).expect("ports").is_loopback_only());
    }

    #[test]
    fn what_other_files_say_is_not_known() {
        let text = "receivers: {otlp: {protocols: {grpc: {endpoint: \"${file:where}\"}}}}";
        assert!(read(text, &[]).is_none());
    }
}
