//! The origins of web pages: which are allowed, which nearly are, and what the doctor should know of the others.

use http::{HeaderName, Method, header};

use super::Cors;
use super::cors::ANY;
use super::door::Door;
use super::sight::{Ends, Sight};
use crate::observe::facts::Fact;

/// `allowed_origins`, of which there is at least one.
pub(super) struct Origins(Vec<Entry>);

/// One of them, in lower case: origins are compared without regard to case, as the Collector does it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Any,
    Exact(String),
    /// With one `*`: what stands before and after it.
    Between(String, String),
}

impl Origins {
    /// `None` if there are none, and CORS is off.
    pub fn of(cors: &Cors) -> Option<Origins> {
        let entries: Vec<_> = cors.allowed_origins.iter().map(|text| Entry::parse(text)).collect();
        (!entries.is_empty()).then_some(Origins(entries))
    }

    /// Whether every page may send, without credentials.
    pub fn are_all(&self) -> bool {
        self.0.contains(&Entry::Any)
    }

    pub fn allow(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.0.iter().any(|entry| entry.allows(&origin))
    }

    /// An entry that was probably meant: the same host by another scheme, port or name of this machine.
    fn nearest(&self, origin: &str) -> Option<String> {
        let origin = origin.to_ascii_lowercase();
        let host = host(&origin);
        self.0.iter().map(Entry::text).find(|entry| !host.is_empty() && self::host(entry) == host).or_else(
            || {
                let (scheme, rest) = origin.split_once("://")?;
                let rest = rest.trim_end_matches('/');
                let (name, _port) = split_port(rest);
                let other = if scheme == "https" { "http" } else { "https" };
                let tries = [
                    format!("{other}://{rest}"),
                    format!("{scheme}://{rest}"),
                    format!("{scheme}://{name}"),
                    format!("{other}://{name}"),
                ];
                let near = self.0.iter().find(|entry| tries.iter().any(|origin| entry.allows(origin)));
                near.map(Entry::text)
            },
        )
    }
}

impl Entry {
    fn parse(text: &str) -> Entry {
        let text = text.to_ascii_lowercase();
        match text.split_once('*') {
            _ if text == ANY => Entry::Any,
            Some((before, after)) => Entry::Between(before.into(), after.into()),
            None => Entry::Exact(text),
        }
    }

    fn allows(&self, origin: &str) -> bool {
        match self {
            Entry::Any => true,
            Entry::Exact(text) => origin == text,
            Entry::Between(before, after) => {
                origin.len() >= before.len() + after.len()
                    && origin.starts_with(before)
                    && origin.ends_with(after)
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Entry::Any => ANY.to_owned(),
            Entry::Exact(text) => text.clone(),
            Entry::Between(before, after) => format!("{before}*{after}"),
        }
    }
}

/// The host of an origin without scheme and port; `localhost` by any name. Empty if there is none.
fn host(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or("", |(_, rest)| rest).trim_end_matches('/');
    match split_port(rest).0 {
        "127.0.0.1" | "[::1]" => "localhost",
        host => host,
    }
}

/// Host and port; the port is empty if there is none.
fn split_port(authority: &str) -> (&str, &str) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (authority, ""),
    }
}

/// What browsers may do, said once more for the doctor: the layer that decides it does not tell.
pub(super) struct Browsers {
    origins: Option<Origins>,
    /// `None`: every header.
    headers: Option<Vec<HeaderName>>,
}

impl Browsers {
    pub fn new(cors: Option<&Cors>) -> Browsers {
        Browsers { origins: cors.and_then(Origins::of), headers: cors.and_then(Cors::headers) }
    }

    /// Reports what is odd about a request that a browser makes for a page. For a preflight that allows less than the
    /// page wants, says why.
    pub fn look_at(&self, door: &Door, sight: Sight<'_>, has_tls: bool) -> Option<String> {
        let preflight = is_preflight(sight);
        if !(preflight || sight.method == Method::POST) || !sight.headers.contains_key(header::ORIGIN) {
            return None;
        }
        let origin = sight.text(header::ORIGIN);
        let origin = &*origin;
        let Ends { peer, listener } = sight.ends;
        if !preflight && origin_is_https(origin) && is_plain_from_afar(sight, has_tls) {
            door.facts().report_with(Fact::InsecureOrigin { peer, listener }, origin);
        }
        if !preflight && is_same_origin(sight, origin) {
            return None;
        }
        let Some(origins) = self.origins.as_ref().filter(|origins| origins.allow(origin)) else {
            let nearest = self.origins.as_ref().and_then(|origins| origins.nearest(origin));
            let detail = nearest.map(|nearest| format!("{origin} ~ {nearest}"));
            door.facts()
                .report_with(Fact::CorsRefused { peer, listener }, detail.as_deref().unwrap_or(origin));
            let why = format!("cors.allowed_origins does not have the page's origin, {origin}");
            return preflight.then_some(why);
        };
        if preflight {
            let missing = self.missing(&sight.text(header::ACCESS_CONTROL_REQUEST_HEADERS))?;
            let detail = format!("{origin}: {missing}");
            door.facts().report_with(Fact::CorsHeaders { peer, listener }, &detail);
            return Some(format!("cors.allowed_headers does not have {missing}"));
        }
        let has_credentials = [header::COOKIE, header::AUTHORIZATION];
        if origins.are_all() && has_credentials.iter().any(|name| sight.headers.contains_key(name)) {
            door.facts().report_with(Fact::CorsCredentials { peer, listener }, origin);
        }
        None
    }

    /// Which of these headers may not be sent, if any.
    fn missing(&self, asked: &str) -> Option<String> {
        let allowed = self.headers.as_ref()?;
        let asked = asked.split(',').map(str::trim).filter(|name| !name.is_empty());
        let is_missing =
            |name: &&str| !allowed.iter().any(|allowed| allowed.as_str().eq_ignore_ascii_case(name));
        let missing: Vec<_> = asked.filter(is_missing).take(NAMES_MAX).collect();
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

/// A browser's question whether a page may send.
pub(super) fn is_preflight(sight: Sight<'_>) -> bool {
    sight.method == Method::OPTIONS && sight.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn origin_is_https(origin: &str) -> bool {
    origin.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// Over a network, in plain text, and nothing says that a proxy has taken the TLS off.
fn is_plain_from_afar(sight: Sight<'_>, has_tls: bool) -> bool {
    let local = sight.ends.listener.ip().to_canonical();
    let was_tls = sight.header("x-forwarded-proto").eq_ignore_ascii_case(b"https");
    !has_tls && !was_tls && !local.is_loopback()
}

/// Whether the page is from where it sends to, behind a proxy that serves both: CORS is not asked then.
fn is_same_origin(sight: Sight<'_>, origin: &str) -> bool {
    let host = sight.header(header::HOST);
    let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
    sight.header("sec-fetch-site") == b"same-origin"
        || !authority.is_empty() && authority.as_bytes().eq_ignore_ascii_case(host)
}

const NAMES_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(allowed: &str, origin: &str) -> Option<String> {
        let cors = Cors { allowed_origins: vec![allowed.into()], ..Cors::default() };
        let origins = Origins::of(&cors).expect("there is one");
        assert!(!origins.allow(origin), "{origin} is allowed by {allowed}");
        origins.nearest(origin)
    }

    #[test]
    fn an_origin_that_was_probably_meant_is_named() {
        let near = [
            ("http://localhost:4200", "http://127.0.0.1:4200"),
            ("http://127.0.0.1:4200", "http://localhost:4201"),
            ("http://localhost:4200", "http://[::1]:4200"),
            ("http://shop.example", "https://shop.example"),
            ("https://shop.example", "https://shop.example:8443"),
            ("https://shop.example", "https://shop.example/"),
            ("https://*.shop.example", "http://a.shop.example"),
            ("https://*.shop.example", "https://a.shop.example:8443"),
        ];
        for (allowed, origin) in near {
            assert_eq!(nearest(allowed, origin).as_deref(), Some(allowed), "{origin}");
        }
        for (allowed, origin) in [
            ("https://shop.example", "https://shop.example.evil"),
            ("https://shop.example", "null"),
            ("https://shop.example", "https://"),
            ("https://*.shop.example", "https://shop.example.evil"),
            ("https://shop.example", ""),
        ] {
            assert_eq!(nearest(allowed, origin), None, "{origin}");
        }
    }

    #[test]
    fn a_page_over_https_is_insecure_only_where_plain_text_crosses_a_network() {
        let plain = |listener: &str, forwarded: Option<&str>, has_tls| {
            let mut request = http::Request::new(());
            if let Some(forwarded) = forwarded {
                let value = http::HeaderValue::from_str(forwarded).expect("a header");
                request.headers_mut().insert("x-forwarded-proto", value);
            }
            let listener = listener.parse().expect("an address");
            let ends = Ends { peer: listener, listener };
            is_plain_from_afar(Sight::of(&request, ends), has_tls)
        };
        assert!(plain("10.0.0.1:4318", None, false));
        assert!(plain("10.0.0.1:4318", Some("http"), false));
        assert!(!plain("10.0.0.1:4318", Some("https"), false));
        assert!(!plain("10.0.0.1:4318", None, true));
        for local in ["127.0.0.1:4318", "[::1]:4318", "[::ffff:127.0.0.1]:4318"] {
            assert!(!plain(local, None, false), "{local}");
        }
    }
}
