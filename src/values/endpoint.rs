use std::{borrow::Cow, fmt, net::Ipv6Addr, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Where to listen: `0.0.0.0:4317`, `localhost:4317`, `[::]:4317`, or `:4317` for every address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListenEndpoint {
    host: String,
    port: u16,
}

/// Why a text is no [`ListenEndpoint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    #[error("the address is empty; try \"localhost:4317\"")]
    Empty,
    #[error("\"{0}\" has no port; try \"{0}:4317\" (4317 is OTLP/gRPC, 4318 is OTLP/HTTP)")]
    NoPort(String),
    #[error("a port is a number from 0 to 65535, not \"{port}\" (in \"{text}\")")]
    Port { text: String, port: String },
    #[error("\"{text}\" is a URL, but an address to listen on is a host and a port; try \"{host}\"")]
    Scheme { text: String, host: String },
    #[error("an IPv6 address needs brackets before its port; try \"[{0}]:4317\"")]
    Brackets(String),
    #[error("\"{0}\" is not a host and a port; try \"localhost:4317\"")]
    Host(String),
}

impl ListenEndpoint {
    /// Host and port; the host is a name or an address without brackets.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        ListenEndpoint { host: host.into(), port }
    }

    /// The name or address to resolve, without brackets; empty means every address of the machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 lets the system choose one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether other machines can reach it: anything that is not plainly loopback.
    pub fn is_public(&self) -> bool {
        let loopback = match self.host.parse::<std::net::IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        };
        !loopback
    }
}

impl FromStr for ListenEndpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidEndpoint::Empty);
        }
        if let Some((_, rest)) = text.split_once("://") {
            // What stands before an `@` may be a password.
            let authority = rest.split('/').next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default().to_owned();
            return Err(InvalidEndpoint::Scheme { text: text.to_owned(), host });
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(InvalidEndpoint::Brackets(text.to_owned()));
        }
        let no_port = || InvalidEndpoint::NoPort(text.trim_end_matches(':').to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(no_port)?;
        let host = match host.strip_prefix('[') {
            None if text.starts_with('[') || host.contains(':') => {
                return Err(InvalidEndpoint::Host(text.to_owned()));
            }
            None => host,
            Some(_) if text.ends_with(']') => return Err(no_port()),
            Some(bracketed) => bracketed
                .strip_suffix(']')
                .filter(|host| host.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()))
                .ok_or_else(|| InvalidEndpoint::Host(text.to_owned()))?,
        };
        if port.is_empty() {
            return Err(no_port());
        }
        if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@[]?#\"".contains(c)) {
            return Err(InvalidEndpoint::Host(text.to_owned()));
        }
        // `u16` itself would accept a leading plus.
        let digits = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        let invalid = || InvalidEndpoint::Port { text: text.to_owned(), port: port.to_owned() };
        let port = digits.and_then(|port| port.parse().ok()).ok_or_else(invalid)?;
        Ok(ListenEndpoint { host: host.to_owned(), port })
    }
}

impl fmt::Display for ListenEndpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(out, "[{}]:{}", self.host, self.port),
            false => write!(out, "{}:{}", self.host, self.port),
        }
    }
}

impl Serialize for ListenEndpoint {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ListenEndpoint {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for ListenEndpoint {
    fn schema_name() -> Cow<'static, str> {
        "ListenEndpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An address to listen on: localhost:4317, 0.0.0.0:4317, [::]:4317 or :4317.",
            "type": "string",
            "pattern": "^[^/]*:[0-9]{1,5}$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_read() {
        for (text, host, port, public) in [
            ("0.0.0.0:4317", "0.0.0.0", 4317, true),
            ("localhost:4317", "localhost", 4317, false),
            (":4317", "", 4317, true),
            ("[::]:4317", "::", 4317, true),
            ("[::1]:0", "::1", 0, false),
            ("[fe80::1%eth0]:80", "fe80::1%eth0", 80, true),
            ("127.0.0.1:65535", "127.0.0.1", 65535, false),
        ] {
            let endpoint: ListenEndpoint = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (endpoint.host(), endpoint.port(), endpoint.is_public()),
                (host, port, public),
                "{text}"
            );
            assert_eq!(endpoint.to_string(), text);
        }
    }

    #[test]
    fn a_missing_port_is_suggested() {
        for text in ["jaeger", "jaeger:", "[::]"] {
            let error = text.parse::<ListenEndpoint>().unwrap_err().to_string();
            let expected = format!("try \"{}:4317\"", text.trim_end_matches(':'));
            assert!(error.contains("has no port") && error.contains(&expected), "{error}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<ListenEndpoint>().unwrap_err();
        assert_eq!(refused(" "), InvalidEndpoint::Empty);
        assert!(matches!(refused("localhost:http"), InvalidEndpoint::Port { .. }));
        assert!(matches!(refused("localhost:65536"), InvalidEndpoint::Port { .. }));
        assert!(matches!(refused("localhost:+1"), InvalidEndpoint::Port { .. }));
        assert!(refused("http://0.0.0.0:4318/").to_string().ends_with("try \"0.0.0.0:4318\""));
        assert_eq!(refused("::1"), InvalidEndpoint::Brackets("::1".to_owned()));
        for text in ["[nope]:1", "[::1:1", "a:b:1", "user@host:1", "ho st:1", "[::]]:1"] {
            assert_eq!(refused(text), InvalidEndpoint::Host(text.to_owned()), "{text}");
        }
    }
}
