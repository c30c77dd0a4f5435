//! Endpoints as people write them: what they are, and the slips.

use super::said::word;

/// An endpoint that is a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub scheme: &'a str,
    /// Without brackets; as written.
    pub host: &'a str,
    pub port: Option<u16>,
    /// Empty, or from its `/` on, without the query.
    pub path: &'a str,
}

/// Why a text is no URL that an SDK can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip {
    /// `burgee:4317`.
    NoScheme,
    /// `"http://burgee:4317"` with the quotes in it, as in a list of a compose file.
    Quoted,
    /// `http://http://burgee:4317`.
    TwoSchemes,
    /// `http://burgee:4317:4318`.
    TwoPorts,
}

impl<'a> Url<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Slip> {
        let text = text.trim();
        if text.starts_with(['"', '\'']) {
            return Err(Slip::Quoted);
        }
        let (scheme, rest) = text.split_once("://").ok_or(Slip::NoScheme)?;
        if !scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter)) {
            return Err(if scheme.contains(':') { Slip::TwoSchemes } else { Slip::NoScheme });
        }
        let begins =
            |scheme: &str| rest.get(..scheme.len()).is_some_and(|is| is.eq_ignore_ascii_case(scheme));
        if ["http:/", "https:/", "http//", "https//"].into_iter().any(begins) {
            return Err(Slip::TwoSchemes);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let path = &rest[end..];
        let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
        let authority = &rest[..end];
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match authority.split_once(':') {
                Some((_, port)) if port.contains(':') => return Err(Slip::TwoPorts),
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        Ok(Url { scheme, host, port: port.and_then(|port| port.parse().ok()), path })
    }

    /// Whether the host is the machine, or the container, that asks.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(self.host)
    }

    /// The same with another host and without a path: `http://burgee:4318`.
    pub(super) fn base_at(&self, host: &str) -> String {
        let host = if host.contains(':') { format!("[{host}]") } else { word(host) };
        match self.port {
            Some(port) => format!("{}://{host}:{port}", self.scheme),
            None => format!("{}://{host}", self.scheme),
        }
    }
}

/// Whether a host means the one who says it. `0.0.0.0` as a destination is loopback on Linux.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// An endpoint for people to see: without user, password and query, and without a path that may be a key.
pub(super) fn shown(text: &str) -> String {
    let text = text.trim();
    let text = &text[..text.find(['?', '#']).unwrap_or(text.len())];
    let start = text.rfind("://").map_or(0, |at| at + "://".len());
    let (head, rest) = text.split_at(start);
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let head = if head.contains('@') { "…://" } else { head };
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => authority.to_owned(),
    };
    let is_plain = path.split('/').all(|segment| PATH_WORDS.contains(&segment));
    word(&format!("{head}{authority}{}", if is_plain { path } else { "/…" }))
}

/// What stands in paths of OTLP; anything else may be a key.
const PATH_WORDS: [&str; 9] = ["", "v1", "trace", "traces", "metrics", "logs", "otlp", "api", "default"];

#[cfg(test)]
mod tests {
    use super::{Slip, Url, is_loopback, shown};

    #[test]
    fn an_endpoint_is_taken_apart() {
        let url = Url::parse("http://user:word@burgee:4318/v1/traces?key=1").expect("a URL");
        assert_eq!((url.scheme, url.host, url.port, url.path), ("http", "burgee", Some(4318), "/v1/traces"));
        let url = Url::parse(" http://[::1]:4317 ").expect("a URL");
        assert_eq!((url.host, url.port, url.path, url.is_loopback()), ("::1", Some(4317), "", true));
        let url = Url::parse("https://burgee").expect("a URL");
        assert_eq!((url.host, url.port), ("burgee", None));
        assert_eq!(url.base_at("otel"), "https://otel");
    }

    #[test]
    fn slips_have_names() {
        for (text, slip) in [
            ("burgee:4317", Slip::NoScheme),
            ("burgee", Slip::NoScheme),
            ("http:/burgee:4317", Slip::NoScheme),
            ("\"http://burgee:4317\"", Slip::Quoted),
            ("http://http://burgee:4317", Slip::TwoSchemes),
            ("http://https://burgee:4317", Slip::TwoSchemes),
            ("http:http://burgee:4317", Slip::TwoSchemes),
            ("http://burgee:4317:4318", Slip::TwoPorts),
            ("http://::1:4318", Slip::TwoPorts),
        ] {
            assert_eq!(Url::parse(text), Err(slip), "{text}");
        }
    }

    #[test]
    fn loopback_has_many_names() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "0.0.0.0",
            "a.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["burgee", "10.0.0.1", "localhost.example.com", "host.docker.internal", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn what_may_be_a_key_is_not_shown() {
        assert_eq!(shown("http://burgee:4318/v1/traces"), "http://burgee:4318/v1/traces");
        assert_eq!(shown("https://me:pass@otlp.example.com/k3y?api=k3y"), "https://…@otlp.example.com/…");
        assert_eq!(shown("http://me:pass@http://b"), "…://b");
        assert_eq!(shown("burgee:4317\u{1b}[2J"), "burgee:4317\\u{1b}[2J");
    }
}
