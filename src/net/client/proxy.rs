//! Which proxy, if any, stands between here and a destination.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

/// The proxies that a client goes through. Their credentials go to nobody else, and are never shown.
#[derive(Clone, Default)]
pub struct Proxies(Option<Arc<Rules>>);

struct Rules {
    matcher: Matcher,
    /// As in Go's `ProxyFromEnvironment`: what the environment says is not meant for this machine itself.
    spares_loopback: bool,
}

/// The way to one destination.
#[derive(Clone)]
pub(super) struct Via {
    /// `http://host:port` of the proxy, without credentials.
    pub proxy: Uri,
    pub authorization: Option<HeaderValue>,
}

/// A proxy that burgee cannot go through. Shows no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidProxy(&'static str);

impl Proxies {
    /// Every request goes straight to its destination.
    pub const NONE: Proxies = Proxies(None);

    /// Everything goes through the proxy at `url`, as `http://user:password@host:port`.
    ///
    /// # Errors
    /// It is not such a URL.
    pub fn one(url: &str) -> Result<Proxies, InvalidProxy> {
        check(url)?;
        let matcher = Matcher::builder().all(url.trim()).build();
        Ok(Proxies(Some(Arc::new(Rules { matcher, spares_loopback: false }))))
    }

    /// What `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say, or the same in lower case.
    ///
    /// # Errors
    /// The name of the variable that is no proxy burgee can use, and why.
    pub fn from_environment(
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Proxies, (&'static str, InvalidProxy)> {
        let look = |upper: &'static str, lower| {
            variable(upper).or_else(|| variable(lower)).filter(|value| !value.trim().is_empty())
        };
        let (http, https) = (look("HTTP_PROXY", "http_proxy"), look("HTTPS_PROXY", "https_proxy"));
        for (name, url) in [("HTTP_PROXY", &http), ("HTTPS_PROXY", &https)] {
            if let Some(url) = url {
                check(url).map_err(|error| (name, error))?;
            }
        }
        if http.is_none() && https.is_none() {
            return Ok(Proxies::NONE);
        }
        let no = look("NO_PROXY", "no_proxy").unwrap_or_default();
        let builder = Matcher::builder().http(http.unwrap_or_default()).https(https.unwrap_or_default());
        let rules = Rules { matcher: builder.no(no).build(), spares_loopback: true };
        Ok(Proxies(Some(Arc::new(rules))))
    }

    /// The proxy on the way to `destination`.
    pub(super) fn on_the_way_to(&self, destination: &Uri) -> Option<Via> {
        let Rules { matcher, spares_loopback } = &**self.0.as_ref()?;
        if *spares_loopback && destination.host().is_some_and(is_loopback) {
            return None;
        }
        let found = matcher.intercept(destination)?;
        let authorization = found.basic_auth().cloned().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Some(Via { proxy: found.uri().clone(), authorization })
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Proxies(some)" } else { "Proxies(none)" })
    }
}

fn check(url: &str) -> Result<(), InvalidProxy> {
    let url = url.trim();
    let with_scheme = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let uri: Uri = with_scheme.parse().map_err(|_| InvalidProxy("is not a URL such as http://proxy:3128"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err(InvalidProxy("wants TLS to the proxy itself, which burgee does not do; use http://"));
        }
        _ => return Err(InvalidProxy("is not an HTTP proxy; burgee goes through http://host:port only")),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(InvalidProxy("has no host; write http://proxy:3128"));
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    bare.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Result<Proxies, (&'static str, InvalidProxy)> {
        Proxies::from_environment(&|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn way(proxies: &Proxies, to: &'static str) -> Option<String> {
        proxies
            .on_the_way_to(&Uri::from_static(to))
            .map(|via| via.proxy.authority().expect("a host").to_string())
    }

    #[test]
    fn the_environment_decides_by_scheme_and_by_exceptions() {
        let proxies = environment(&[
            ("HTTP_PROXY", "http://plain:1"),
            ("https_proxy", "secure:2"),
            ("NO_PROXY", "spared.test,10.0.0.0/8"),
        ])
        .expect("proxies");
        assert_eq!(way(&proxies, "http://jaeger.test:4318/v1/traces").as_deref(), Some("plain:1"));
        assert_eq!(way(&proxies, "https://jaeger.test:4318/").as_deref(), Some("secure:2"));
        for direct in ["http://spared.test/", "https://a.spared.test/", "http://10.1.2.3:4317/"] {
            assert_eq!(way(&proxies, direct), None, "{direct}");
        }
        assert!(environment(&[]).expect("none").0.is_none());
    }

    #[test]
    fn this_machine_is_never_reached_through_the_environments_proxy() {
        let proxies = environment(&[("HTTP_PROXY", "http://plain:1")]).expect("a proxy");
        for direct in ["http://localhost:4318/", "http://127.0.0.1:4318/", "http://[::1]:4318/"] {
            assert_eq!(way(&proxies, direct), None, "{direct}");
        }
        let told = Proxies::one("http://plain:1").expect("a proxy");
        assert_eq!(way(&told, "http://localhost:4318/").as_deref(), Some("plain:1"), "who says so means it");
    }

    #[test]
    fn credentials_go_into_a_header_and_nowhere_else() {
        let proxies = Proxies::one("http://me:hunter2@plain:1").expect("a proxy");
        let via = proxies.on_the_way_to(&Uri::from_static("http://jaeger/")).expect("a way");
        assert_eq!(via.authorization.as_ref().expect("credentials"), "Basic bWU6aHVudGVyMg==");
        let shown = format!("{proxies:?} {:?} {:?}", via.proxy, via.authorization);
        assert!(!shown.contains("hunter2") && !shown.contains("bWU6"), "{shown}");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_its_password() {
        for url in ["socks5://me:hunter2@p:1", "https://me:hunter2@p:1", "http://me:hunter2@"] {
            let error = Proxies::one(url).expect_err(url).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let (name, _) = environment(&[("HTTPS_PROXY", "socks5://p:1")]).expect_err("no HTTP proxy");
        assert_eq!(name, "HTTPS_PROXY");
    }
}
