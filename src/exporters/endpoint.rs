//! The key `endpoint` of both network exporters: what it may be, and what to write instead.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::{Problem, TlsKeys};
use crate::net::{Protocol, Target};
use crate::values::ListenEndpoint;

/// Where requests go, and what they say they go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub uri: Uri,
    /// What is connected to, where that is not what the URI names.
    pub target: Option<Target>,
}

/// The keys `endpoint` and `authority` of `otlp_grpc`: an address or, as `unix:///path`, a socket file.
pub fn destination(text: &str, authority: &str, tls: Option<&TlsKeys>) -> Result<Destination, Problem> {
    let destination = match unix_path(text.trim()) {
        Some(path) => socket_file(text, path, tls)?,
        None => Destination { uri: grpc(text, tls)?, target: None },
    };
    let authority = authority.trim();
    if authority.is_empty() {
        return Ok(destination);
    }
    let named: Option<Authority> = authority.parse().ok().filter(|_| !authority.contains('@'));
    let Some(named) = named else {
        let problem = Problem::new(&["authority"], "is not a host, with a port or without one");
        return Err(problem.with_help("try \"otel.example:4317\""));
    };
    let Destination { uri, target } = destination;
    let target = target.unwrap_or_else(|| Target::Address(uri.clone()));
    let mut parts = uri.into_parts();
    parts.authority = Some(named);
    let uri = Uri::from_parts(parts).expect("an address with another authority");
    Ok(Destination { uri, target: Some(target) })
}

/// gRPC's name for a socket file: `unix:///absolute/path` or `unix:path`.
fn unix_path(text: &str) -> Option<&str> {
    text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:"))
}

fn socket_file(text: &str, path: &str, tls: Option<&TlsKeys>) -> Result<Destination, Problem> {
    let wrong = |what: &str| Problem::new(&[KEY], format!("\"{text}\" {what}"));
    if path.is_empty() || text.trim().starts_with("unix://") && !path.starts_with('/') {
        return Err(wrong("names no file").with_help("write unix:///run/otel.sock, with three slashes"));
    }
    if !tls.is_some_and(|tls| tls.insecure) {
        let help = "write tls: {insecure: true}: who may use the file is what its permissions say";
        return Err(wrong("would use TLS, which burgee does not do over socket files").with_help(help));
    }
    // what gRPC clients say they talk to there
    let uri = Uri::from_static("http://localhost");
    Ok(Destination { uri, target: Some(Target::Unix(path.into())) })
}

/// Where gRPC goes, as `http://host:port` or, with TLS, `https://host:port`.
///
/// `http://` means plain text and needs no `tls.insecure`, `https://` means TLS whatever that says (OTLP exporter
/// specification, "Endpoint (OTLP/gRPC)"); the Collector would start TLS for both. Without a scheme it is TLS unless
/// `tls.insecure` says otherwise. The Collector's resolver prefixes `dns:///` and `passthrough:///` are
/// read and dropped: names are looked up at every new connection anyway.
fn grpc(text: &str, tls: Option<&TlsKeys>) -> Result<Uri, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(empty("try \"http://localhost:4317\""));
    }
    refuse_credentials(KEY, text)?;
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (is_secure, address) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (false, rest),
        "https" => (true, rest),
        "" if rest.starts_with("unix-abstract:") => {
            let problem =
                Problem::new(&[KEY], format!("\"{text}\" is an abstract socket, which is not in burgee"));
            return Err(problem.with_help("use a socket file: unix:///run/otel.sock"));
        }
        "" | "dns" | "passthrough" => (!tls.is_some_and(|tls| tls.insecure), rest.trim_start_matches('/')),
        _ => return Err(not_a_scheme(KEY, text)),
    };
    let address = address.trim_end_matches('/');
    let scheme = if is_secure { "https" } else { "http" };
    if let Some((host, path)) = address.split_once('/') {
        let problem =
            Problem::new(&[KEY], format!("\"{text}\" has the path \"/{path}\", but gRPC has its own paths"));
        return Err(problem.with_help(format!("try \"{scheme}://{host}\"")));
    }
    let address: ListenEndpoint =
        address.parse().map_err(|error| Problem::new(&[KEY], format!("is not usable: {error}")))?;
    if address.host().is_empty() || address.port() == 0 {
        let problem = Problem::new(&[KEY], format!("\"{text}\" needs a host and a port other than 0"));
        return Err(problem.with_help("try \"http://localhost:4317\""));
    }
    format!("{scheme}://{address}")
        .parse()
        .map_err(|error| Problem::new(&[KEY], format!("\"{text}\" is not an address: {error}")))
}

/// Whether connections to it are secure.
pub fn is_secure(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}

/// An `http://` or `https://` URL as it stands: `key` is `endpoint`, `traces_endpoint` or one of its siblings.
pub fn http(key: &'static str, text: &str) -> Result<Uri, Problem> {
    let whole = text.trim();
    refuse_credentials(key, whole)?;
    // A query may hold a key: it is not shown.
    let text = whole.split('?').next().unwrap_or_default();
    let Some((scheme, _)) = text.split_once("://") else {
        let problem = Problem::new(&[key], format!("\"{text}\" has no scheme"));
        return Err(problem.with_help(format!("try \"http://{text}\"")));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {}
        _ => return Err(not_a_scheme(key, text)),
    }
    if whole.len() > URL_BYTES_MAX {
        return Err(Problem::new(&[key], format!("is longer than {URL_BYTES_MAX} bytes")));
    }
    let not_a_url = |error| Problem::new(&[key], format!("\"{text}\" is not a URL: {error}"));
    let uri: Uri = whole.parse().map_err(not_a_url)?;
    if uri.host().is_none_or(str::is_empty) || uri.port().is_some_and(|port| port.as_u16() == 0) {
        let problem =
            Problem::new(&[key], format!("\"{text}\" needs a host, and a port other than 0 if any"));
        return Err(problem.with_help("try \"http://localhost:4318\""));
    }
    Ok(uri)
}

/// The key `endpoint` of `otlp_http`: a URL to which [`join`] adds a path.
pub fn base(text: &str) -> Result<Uri, Problem> {
    let base = http(KEY, text)?;
    if base.query().is_none() {
        return Ok(base);
    }
    let problem =
        Problem::new(&[KEY], "has a query, but is a base to which /v1/traces and the like are added");
    Err(problem.with_help("write the whole URL as traces_endpoint, metrics_endpoint or logs_endpoint"))
}

/// A base URL with a signal's path behind it, as the Collector joins them.
pub fn join(base: &Uri, path: &'static str) -> Uri {
    let joined = format!("{}{path}", base.path().trim_end_matches('/'));
    let joined =
        PathAndQuery::try_from(joined).expect("the path of a URL of limited length with another behind it");
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(joined);
    Uri::from_parts(parts).expect("the base has scheme, authority and path")
}

/// The URL for messages: without its query, which may hold a key.
pub fn shown(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{}://{authority}{}", uri.scheme_str().unwrap_or("http"), uri.path())
}

/// The warning for a port that by convention speaks the other protocol.
pub fn port_warning(key: &'static str, uri: &Uri, speaks: Protocol) -> Option<Problem> {
    let (odd, other, instead) = match speaks {
        Protocol::Http2 => (4318, "OTLP/HTTP", "port 4317, or otlp_http"),
        Protocol::Http1 => (4317, "OTLP/gRPC", "port 4318, or otlp_grpc"),
    };
    let warning = || Problem::new(&[key], format!("has port {odd}, which is {other} by convention"));
    (uri.port_u16() == Some(odd))
        .then(|| warning().with_help(format!("use {instead}, unless the downstream takes both there")))
}

fn empty(help: &str) -> Problem {
    Problem::new(&[KEY], "is missing: an exporter has to know where to send").with_help(help)
}

/// Such a text is not shown: it may hold a password.
fn refuse_credentials(key: &'static str, text: &str) -> Result<(), Problem> {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if !authority.contains('@') {
        return Ok(());
    }
    let problem = Problem::new(&[key], "has a user or password before the host, which is not supported");
    Err(problem.with_help("write them as headers: {Authorization: \"Basic …\"}"))
}

fn not_a_scheme(key: &'static str, text: &str) -> Problem {
    let scheme = text.split("://").next().unwrap_or_default();
    Problem::new(&[key], format!("has the scheme \"{scheme}\", which burgee does not know"))
        .with_help("use http://host:port or https://host:port")
}

const KEY: &str = "endpoint";
/// What servers take, roughly; far below what [`Uri`] takes.
const URL_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn insecure() -> Option<TlsKeys> {
        Some(TlsKeys { insecure: true, ..TlsKeys::default() })
    }

    #[test]
    fn grpc_goes_over_tls_unless_the_user_says_otherwise() {
        for (text, tls, uri) in [
            ("http://jaeger:4317", None, "http://jaeger:4317/"),
            ("http://jaeger:4317/", None, "http://jaeger:4317/"),
            ("HTTP://[::1]:4317", None, "http://[::1]:4317/"),
            (" jaeger:4317 ", insecure(), "http://jaeger:4317/"),
            ("dns:///jaeger:4317", insecure(), "http://jaeger:4317/"),
            ("passthrough:///10.0.0.1:1", insecure(), "http://10.0.0.1:1/"),
            ("jaeger:4317", None, "https://jaeger:4317/"),
            ("dns:///jaeger:4317", None, "https://jaeger:4317/"),
            ("https://jaeger:4317", None, "https://jaeger:4317/"),
            ("https://jaeger:4317", insecure(), "https://jaeger:4317/"),
        ] {
            assert_eq!(grpc(text, tls.as_ref()).map(|uri| uri.to_string()), Ok(uri.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_grpc_endpoint_that_cannot_work_is_refused_with_what_to_write() {
        for (text, tls, says) in [
            ("", None, "is missing"),
            ("https://jaeger:4317/v1/traces", None, "try \"https://jaeger:4317\""),
            ("http://jaeger", None, "try \"jaeger:4317\""),
            ("jaeger", insecure(), "try \"jaeger:4317\""),
            ("http://jaeger:4317/v1/traces", None, "try \"http://jaeger:4317\""),
            ("unix-abstract:otel", insecure(), "use a socket file"),
            ("dns://8.8.8.8/jaeger:4317", insecure(), "has the path"),
            ("http://:4317", None, "needs a host"),
            ("http://jaeger:0", None, "a port other than 0"),
        ] {
            let problem = grpc(text, tls.as_ref()).expect_err(text).to_string();
            assert!(problem.starts_with("endpoint ") && problem.contains(says), "{text}: {problem}");
        }
    }

    #[test]
    fn a_socket_file_is_named_as_grpc_does() {
        for (text, path) in [("unix:///run/otel.sock", "/run/otel.sock"), ("unix:otel.sock", "otel.sock")] {
            let target = Some(Target::Unix(path.into()));
            let uri = Uri::from_static("http://localhost");
            assert_eq!(destination(text, "", insecure().as_ref()), Ok(Destination { uri, target }));
        }
        for (text, tls, says) in [
            ("unix:///run/otel.sock", None, "tls: {insecure: true}"),
            ("unix://run/otel.sock", insecure(), "three slashes"),
            ("unix:", insecure(), "names no file"),
        ] {
            let problem = destination(text, "", tls.as_ref()).expect_err(text).to_string();
            assert!(problem.contains(says), "{text}: {problem}");
        }
    }

    #[test]
    fn an_authority_is_named_while_the_endpoint_is_dialled() {
        let found = destination("http://10.0.0.1:4317", "otel.example", None).expect("both are right");
        assert_eq!(found.uri, "http://otel.example/");
        assert_eq!(found.target, Some(Target::Address(Uri::from_static("http://10.0.0.1:4317"))));
        let problem =
            destination("http://10.0.0.1:4317", "me:hunter2@x", None).expect_err("no host").to_string();
        assert!(problem.starts_with("authority ") && !problem.contains("hunter2"), "{problem}");
    }

    #[test]
    fn http_takes_urls_as_they_are_and_joins_paths_to_a_base() {
        for (base, joined) in [
            ("http://jaeger:4318", "http://jaeger:4318/v1/traces"),
            ("http://jaeger:4318/", "http://jaeger:4318/v1/traces"),
            ("http://jaeger/otlp/", "http://jaeger/otlp/v1/traces"),
        ] {
            let base = super::base(base).expect("a URL");
            assert_eq!(join(&base, "/v1/traces").to_string(), joined);
        }
        let uri = http("traces_endpoint", "http://jaeger:4318/x?key=hunter2").expect("a URL");
        assert_eq!(uri.to_string(), "http://jaeger:4318/x?key=hunter2");
        assert_eq!(shown(&uri), "http://jaeger:4318/x");
    }

    #[test]
    fn an_http_endpoint_that_cannot_work_is_refused_with_what_to_write() {
        for (text, says) in [
            ("jaeger:4318", "try \"http://jaeger:4318\""),
            ("ftp://jaeger", "has the scheme \"ftp\""),
            ("http://", "is not a URL"),
            ("http://ja eger:4318", "is not a URL"),
        ] {
            let problem = http("endpoint", text).expect_err(text).to_string();
            assert!(problem.contains(says), "{text}: {problem}");
        }
        let problem = base("http://jaeger?key=hunter2").expect_err("a query").to_string();
        assert!(problem.contains("has a query") && !problem.contains("hunter2"), "{problem}");
    }

    #[test]
    fn no_message_shows_a_password_or_a_query() {
        for text in [
            "http://me:hunter2@jaeger:4317",
            "me:hunter2@jaeger:4317",
            "https://me:hunter2@jaeger",
            "ftp://jaeger/?key=hunter2",
            "jaeger?key=hunter2",
            "http://ja eger?key=hunter2",
        ] {
            let problem = http("endpoint", text).expect_err(text).to_string();
            assert!(!problem.contains("hunter2"), "{problem}");
            if text.contains('@') {
                let problem = grpc(text, insecure().as_ref()).expect_err(text).to_string();
                assert!(!problem.contains("hunter2"), "{problem}");
            }
        }
    }
}
