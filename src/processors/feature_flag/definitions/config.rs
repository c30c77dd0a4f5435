//! The keys under `definitions`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::super::BuildError;
use crate::net::tls::{ClientTls, ClientTlsKeys, TlsProblem};
use crate::values::{self, Secret};

/// Where definitions come from, and what of them goes onto evaluations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A flag file of GO Feature Flag (YAML, JSON, TOML) or flagd, from the working directory. Either this or `relay_proxy`.
    pub file: Option<PathBuf>,
    /// GO Feature Flag's relay proxy, whose configuration is asked for.
    pub relay_proxy: Option<RelayProxy>,
    /// Names in flags' metadata that become `burgee.flag.metadata.<name>`; at most 32.
    #[serde(deserialize_with = "attributes")]
    pub attributes: Vec<String>,
}

/// The one place that definitions come from.
pub(super) enum Source<'c> {
    File(&'c Path),
    RelayProxy(&'c RelayProxy),
}

impl Config {
    pub(super) fn source(&self) -> Result<Source<'_>, BuildError> {
        let wrong = |path, message: &str| Err(BuildError::Setting { path, message: message.to_owned() });
        match (&self.file, &self.relay_proxy) {
            (Some(file), None) if file.as_os_str().is_empty() => {
                wrong(&["definitions", "file"], "is empty; write a path")
            }
            (Some(file), None) => Ok(Source::File(file)),
            (None, Some(relay_proxy)) => Ok(Source::RelayProxy(relay_proxy)),
            (None, None) => {
                wrong(&["definitions"], "come from nowhere; write `file: …` or `relay_proxy: {endpoint: …}`")
            }
            (Some(_), Some(_)) => {
                wrong(&["definitions"], "come from one place; write either `file` or `relay_proxy`")
            }
        }
    }
}

/// A relay proxy whose configuration is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelayProxy {
    /// Required. Its URL: `http://relay-proxy:1031`.
    #[schemars(with = "String")]
    pub endpoint: Endpoint,
    /// It also says which flag set is meant, if the relay proxy has several.
    #[serde(default, deserialize_with = "api_key")]
    pub api_key: Option<Secret>,
    /// Time from one answer to the next question; 1s at least, 30s if left out.
    #[serde(default = "poll_interval_default", deserialize_with = "poll_interval")]
    #[schemars(with = "values::Duration")]
    pub poll_interval: Duration,
    /// For an `https://` endpoint: whom to trust, if not the system's authorities, and what to show.
    #[serde(default)]
    pub tls: Option<ClientTlsKeys>,
}

impl RelayProxy {
    /// TLS for an `https://` endpoint.
    pub(super) fn tls(&self) -> Result<Option<ClientTls>, BuildError> {
        if self.endpoint.uri().scheme() != Some(&Scheme::HTTPS) {
            return match &self.tls {
                None => Ok(None),
                Some(_) => {
                    Err(wrong_tls("does nothing for an http:// endpoint; write https://, or remove it"))
                }
            };
        }
        let keys = self.tls.clone().unwrap_or_default();
        match ClientTls::build(&keys) {
            Ok((tls, _)) => Ok(Some(tls)),
            Err(problems) => {
                let said = |TlsProblem { key, message, .. }: &TlsProblem| format!("{key} {message}");
                let said: Vec<_> = problems.iter().map(said).collect();
                Err(wrong_tls(&said.join("; ")))
            }
        }
    }
}

fn wrong_tls(message: &str) -> BuildError {
    BuildError::Setting { path: &["definitions", "relay_proxy", "tls"], message: message.to_owned() }
}

/// Where the relay proxy is: an `http://` or `https://` URL to which the path of the configuration is added, unless it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Uri);

impl Endpoint {
    /// The whole URL of the configuration.
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// For people.
    pub fn shown(&self) -> String {
        self.0.to_string()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = String;

    /// What stands before an `@` or behind a `?` may be secret, and is not repeated.
    fn try_from(text: &str) -> Result<Endpoint, String> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if text.is_empty() {
            return Err("the endpoint is empty; try \"http://localhost:1031\"".into());
        }
        if text.contains('@') {
            return Err(
                "a user or password before the host is not supported; write the key as `api_key` (an @ in a path is %40)".into()
            );
        }
        if rest.contains(['?', '#']) {
            return Err(
                "the endpoint has a query; it is a base to which /v1/flag/configuration is added".into()
            );
        }
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {}
            "" => return Err(format!("\"{text}\" has no scheme; try \"http://{text}\"")),
            _ => {
                return Err(format!(
                    "\"{text}\" is no http:// or https:// URL; try \"http://localhost:1031\""
                ));
            }
        }
        let no_url = || format!("\"{text}\" is not a URL; try \"http://localhost:1031\"");
        let base: Uri = text.parse().map_err(|_| no_url())?;
        if base.host().is_none_or(str::is_empty) || base.port().is_some_and(|port| port.as_u16() == 0) {
            return Err(format!("\"{text}\" needs a host, and a port other than 0 if any"));
        }
        let path = base.path().trim_end_matches('/');
        let path = format!("{}{CONFIGURATION_PATH}", path.strip_suffix(CONFIGURATION_PATH).unwrap_or(path));
        let mut parts = base.into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(path).map_err(|_| no_url())?);
        Uri::from_parts(parts).map(Endpoint).map_err(|_| no_url())
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Endpoint::try_from(String::deserialize(deserializer)?.as_str()).map_err(D::Error::custom)
    }
}

fn attributes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.len() > ATTRIBUTES_MAX {
        return Err(D::Error::custom(format!("`attributes` has more than {ATTRIBUTES_MAX} names")));
    }
    let is_name = |name: &&String| {
        !name.is_empty() && name.len() <= ATTRIBUTE_BYTES_MAX && !name.contains(char::is_control)
    };
    match names.iter().find(|name| !is_name(name)) {
        Some(wrong) => Err(D::Error::custom(format!(
            "a name in flags' metadata has 1 to {ATTRIBUTE_BYTES_MAX} bytes and no control characters, unlike {wrong:?}"
        ))),
        None => Ok(names),
    }
}

/// An empty key is none: `${env:KEY:-}`.
fn api_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let key = Option::<Secret>::deserialize(deserializer)?.filter(|key| !key.is_empty());
    if key.as_ref().is_some_and(|key| HeaderValue::from_str(key.reveal()).is_err()) {
        return Err(D::Error::custom(
            "this key has a character that no HTTP header can have, such as a line break",
        ));
    }
    Ok(key)
}

fn poll_interval_default() -> Duration {
    POLL_INTERVAL
}

fn poll_interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match values::Duration::deserialize(deserializer)?.get() {
        interval if interval < POLL_INTERVAL_MIN => Err(D::Error::custom("`poll_interval` is 1s at least")),
        interval => Ok(interval),
    }
}

/// Since relay proxy v1.45.0.
const CONFIGURATION_PATH: &str = "/v1/flag/configuration";
const POLL_INTERVAL: Duration = Duration::from_secs(30);
const POLL_INTERVAL_MIN: Duration = Duration::from_secs(1);
const ATTRIBUTES_MAX: usize = 32;
const ATTRIBUTE_BYTES_MAX: usize = 128;
