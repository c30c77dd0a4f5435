//! The first six lines of `burgee`: where to send, who can, where to look, where it goes on, how to begin.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::collector::Listening;
use crate::config::escape;
use crate::registry::Plan;

/// Where the telemetry goes, kept from a plan before it is started.
pub(super) struct Destinations(Vec<String>);

impl Destinations {
    pub(super) fn of(plan: &Plan) -> Destinations {
        let mut seen = BTreeSet::new();
        let exporters = plan.exporters.iter().filter(|exporter| seen.insert(exporter.id.to_string()));
        Destinations(
            exporters
                .map(|exporter| match &exporter.endpoint {
                    Some(endpoint) => format!("{} ({})", escape(endpoint), exporter.id),
                    None => match exporter.id.kind() {
                        "debug" => "this terminal (debug)".to_owned(),
                        "nop" => "nowhere (nop)".to_owned(),
                        _ => exporter.id.to_string(),
                    },
                })
                .collect(),
        )
    }
}

/// Six lines.
pub(super) fn lines(listening: &[Listening], destinations: &Destinations) -> String {
    let otlp: Vec<SocketAddr> =
        listening.iter().filter(|port| port.receives).map(|port| port.address).collect();
    let ports = match &otlp[..] {
        [] => "no port for telemetry".to_owned(),
        ports => {
            let ports: Vec<String> = ports.iter().map(SocketAddr::to_string).collect();
            format!("OTLP over gRPC and HTTP on {}", ports.join(" and "))
        }
    };
    let reach = match otlp.iter().find(|port| !port.ip().is_loopback()) {
        Some(open) if open.ip().is_unspecified() => {
            "every host that reaches this machine may send".to_owned()
        }
        Some(open) => format!("whoever reaches {} may send", open.ip()),
        None => "only this machine may send; for others, listen on 0.0.0.0 (endpoint, in the configuration)"
            .to_owned(),
    };
    let page = match page(listening) {
        Some(page) => page,
        None => "none: the admin port is taken by another program, or switched off".to_owned(),
    };
    let forwards = match &destinations.0[..] {
        [] => "nowhere".to_owned(),
        destinations => destinations.join(", "),
    };
    // the last port is the one for HTTP, which is what relay proxies speak unless they are told otherwise
    let sender = otlp.last().map_or_else(String::new, |port| format!("http://{}", local(*port)));
    format!(
        "burgee {}: {ports}\n\
         \x20 who      {reach}\n\
         \x20 look     {page}\n\
         \x20 goes to  {forwards}\n\
         \x20 connect  the relay proxy: OTEL_EXPORTER_OTLP_ENDPOINT={sender}\n\
         \x20 try      burgee send, then burgee doctor --relay-proxy http://localhost:1031",
        env!("CARGO_PKG_VERSION")
    )
}

/// The URL of the page for people.
pub(super) fn page(listening: &[Listening]) -> Option<String> {
    let port = listening.iter().find(|port| !port.receives && port.speaks.starts_with("admin"))?;
    Some(format!("http://{}", local(port.address)))
}

/// An address as somebody on this machine writes it.
fn local(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() || ip.is_loopback() => format!("localhost:{}", address.port()),
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(component: &str, receives: bool, address: &str, speaks: &'static str) -> Listening {
        let address = address.parse().expect("an address");
        Listening { component: component.into(), receives, address, speaks }
    }

    #[test]
    fn six_lines_say_all_that_a_newcomer_needs() {
        let listening = [
            port("otlp", true, "127.0.0.1:4317", "OTLP/gRPC and OTLP/HTTP"),
            port("otlp", true, "127.0.0.1:4318", "OTLP/gRPC and OTLP/HTTP"),
            port("admin", false, "127.0.0.1:4380", "admin, for burgee's commands and for browsers"),
        ];
        let text = lines(&listening, &Destinations(vec!["this terminal (debug)".to_owned()]));
        assert_eq!(text.lines().count(), 6);
        for part in [
            "127.0.0.1:4317 and 127.0.0.1:4318",
            "only this machine",
            "http://localhost:4380",
            "this terminal",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }

    #[test]
    fn a_port_for_everybody_is_called_one() {
        let listening = [port("otlp", true, "0.0.0.0:4317", "OTLP/gRPC and OTLP/HTTP")];
        let text = lines(&listening, &Destinations(Vec::new()));
        assert!(
            text.contains("every host")
                && text.contains("look     none")
                && text.contains("goes to  nowhere"),
            "{text}"
        );
        assert!(text.contains("http://localhost:4317"), "{text}");
    }
}
