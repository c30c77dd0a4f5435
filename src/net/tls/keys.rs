//! The keys of the Collector's `tls` blocks.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::material::{Pair, Text};
use super::{TlsProblem, choice};
use crate::values::{Duration, Secret};

/// `tls` of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerTlsKeys {
    /// The listener's certificate, then those between it and its authority; PEM.
    pub cert_file: PathBuf,
    /// Instead of `cert_file`: the text itself.
    pub cert_pem: String,
    /// The certificate's private key without a password; PEM.
    pub key_file: PathBuf,
    /// Instead of `key_file`: the text itself.
    pub key_pem: Secret,
    /// Clients have to show a certificate that one of these authorities has signed; PEM.
    pub client_ca_file: PathBuf,
    /// Looks at `client_ca_file` every second.
    pub client_ca_file_reload: bool,
    /// `1.2` or `1.3`; 1.2 if left out.
    pub min_version: String,
    /// `1.2` or `1.3`; 1.3 if left out.
    pub max_version: String,
    /// Those of TLS 1.2 that may be used, by their IANA names; all that are safe if left out.
    pub cipher_suites: Vec<String>,
    /// `X25519`, `P256`, `P384`, in order of preference; all of them if left out.
    pub curve_preferences: Vec<String>,
    /// How often files are read again; 0: never.
    pub reload_interval: Duration,
    // Known to the Collector, without a meaning here.
    /// Without effect on a listener, with a warning: `client_ca_file` is for the certificates of clients.
    pub ca_file: PathBuf,
    /// As `ca_file`.
    pub ca_pem: String,
    /// As `ca_file`.
    pub include_system_ca_certs_pool: bool,
    /// Without effect, with a warning: burgee has none.
    pub include_insecure_cipher_suites: bool,
    /// Not in burgee: an error.
    pub tpm: Tpm,
}

/// `tls` of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientTlsKeys {
    /// Plain text.
    pub insecure: bool,
    /// Takes any certificate: whoever is on the way can read and change everything.
    pub insecure_skip_verify: bool,
    /// The name the server's certificate has to be for, and that is asked for (SNI); that of the endpoint if left out.
    pub server_name_override: String,
    /// Authorities that may have signed the server's certificate, instead of the system's; PEM.
    pub ca_file: PathBuf,
    /// Instead of `ca_file`: the text itself.
    pub ca_pem: String,
    /// The system's authorities as well.
    pub include_system_ca_certs_pool: bool,
    /// What is shown to a server that asks who this is; PEM.
    pub cert_file: PathBuf,
    /// Instead of `cert_file`: the text itself.
    pub cert_pem: String,
    /// Its private key without a password; PEM.
    pub key_file: PathBuf,
    /// Instead of `key_file`: the text itself.
    pub key_pem: Secret,
    /// `1.2` or `1.3`; 1.2 if left out.
    pub min_version: String,
    /// `1.2` or `1.3`; 1.3 if left out.
    pub max_version: String,
    /// Those of TLS 1.2 that may be used, by their IANA names; all that are safe if left out.
    pub cipher_suites: Vec<String>,
    /// `X25519`, `P256`, `P384`, in order of preference; all of them if left out.
    pub curve_preferences: Vec<String>,
    /// How often files are read again; 0: never.
    pub reload_interval: Duration,
    // Known to the Collector, without a meaning here.
    /// Without effect, with a warning: burgee has none.
    pub include_insecure_cipher_suites: bool,
    /// Not in burgee: an error.
    pub tpm: Tpm,
}

/// `tls.tpm`: keys in a trusted platform module, which burgee does not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tpm {
    pub enabled: bool,
    pub path: String,
    pub owner_auth: Secret,
    pub auth: Secret,
}

/// What both blocks say, checked for contradictions.
pub(super) struct Common {
    pub choice: choice::Choice,
    pub pair: Option<Pair>,
    pub warnings: Vec<TlsProblem>,
    pub reload_interval: Option<std::time::Duration>,
}

struct Shared<'a> {
    cert: (&'a PathBuf, &'a str),
    key: (&'a PathBuf, &'a str),
    versions: (&'a str, &'a str),
    cipher_suites: &'a [String],
    curve_preferences: &'a [String],
    reload_interval: Duration,
    insecure_suites: bool,
    tpm: &'a Tpm,
}

impl ServerTlsKeys {
    pub(super) fn common(&self) -> Result<Common, Vec<TlsProblem>> {
        let mut common = Common::read(Shared {
            cert: (&self.cert_file, &self.cert_pem),
            key: (&self.key_file, self.key_pem.reveal()),
            versions: (&self.min_version, &self.max_version),
            cipher_suites: &self.cipher_suites,
            curve_preferences: &self.curve_preferences,
            reload_interval: self.reload_interval,
            insecure_suites: self.include_insecure_cipher_suites,
            tpm: &self.tpm,
        })?;
        let unused = [
            ("ca_file", !self.ca_file.as_os_str().is_empty()),
            ("ca_pem", !self.ca_pem.is_empty()),
            ("include_system_ca_certs_pool", self.include_system_ca_certs_pool),
        ];
        for (key, _) in unused.into_iter().filter(|(_, given)| *given) {
            let warning = TlsProblem::new(key, "has no effect on a listener");
            common
                .warnings
                .push(warning.help("client_ca_file names who may sign the certificates of clients"));
        }
        Ok(common)
    }

    /// The authorities of clients, if clients have to show a certificate.
    pub(super) fn client_ca(&self) -> Option<Text> {
        Text::of("client_ca_file", &self.client_ca_file, "client_ca_file", "").ok().flatten()
    }
}

impl ClientTlsKeys {
    pub(super) fn common(&self) -> Result<Common, Vec<TlsProblem>> {
        Common::read(Shared {
            cert: (&self.cert_file, &self.cert_pem),
            key: (&self.key_file, self.key_pem.reveal()),
            versions: (&self.min_version, &self.max_version),
            cipher_suites: &self.cipher_suites,
            curve_preferences: &self.curve_preferences,
            reload_interval: self.reload_interval,
            insecure_suites: self.include_insecure_cipher_suites,
            tpm: &self.tpm,
        })
    }

    /// The keys that say something, by name.
    pub fn given(&self) -> Vec<&'static str> {
        let is_given = |path: &PathBuf| !path.as_os_str().is_empty();
        let keys = [
            ("insecure", self.insecure),
            ("insecure_skip_verify", self.insecure_skip_verify),
            ("server_name_override", !self.server_name_override.is_empty()),
            ("ca_file", is_given(&self.ca_file)),
            ("ca_pem", !self.ca_pem.is_empty()),
            ("include_system_ca_certs_pool", self.include_system_ca_certs_pool),
            ("cert_file", is_given(&self.cert_file)),
            ("cert_pem", !self.cert_pem.is_empty()),
            ("key_file", is_given(&self.key_file)),
            ("key_pem", !self.key_pem.is_empty()),
            ("min_version", !self.min_version.is_empty()),
            ("max_version", !self.max_version.is_empty()),
            ("cipher_suites", !self.cipher_suites.is_empty()),
            ("curve_preferences", !self.curve_preferences.is_empty()),
            ("reload_interval", !self.reload_interval.get().is_zero()),
            ("include_insecure_cipher_suites", self.include_insecure_cipher_suites),
            ("tpm", self.tpm.enabled),
        ];
        keys.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
    }

    /// The authorities of servers, if they are not the system's.
    pub(super) fn ca(&self) -> Result<Option<Text>, TlsProblem> {
        Text::of("ca_file", &self.ca_file, "ca_pem", &self.ca_pem)
    }
}

impl Common {
    fn read(keys: Shared<'_>) -> Result<Common, Vec<TlsProblem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let mut take = |problem: TlsProblem| problems.push(problem);
        let cert = Text::of("cert_file", keys.cert.0, "cert_pem", keys.cert.1).map_err(&mut take);
        let key = Text::of("key_file", keys.key.0, "key_pem", keys.key.1).map_err(&mut take);
        let pair = match (cert, key) {
            (Ok(Some(cert)), Ok(Some(key))) => Some(Pair { cert, key }),
            (Ok(Some(cert)), Ok(None)) => {
                take(TlsProblem::new(cert.key, "has no key beside it").help("add key_file or key_pem"));
                None
            }
            (Ok(None), Ok(Some(key))) => {
                take(
                    TlsProblem::new(key.key, "has no certificate beside it")
                        .help("add cert_file or cert_pem"),
                );
                None
            }
            _ => None,
        };
        let choice =
            choice::Choice::read(keys.versions, keys.cipher_suites, keys.curve_preferences, &mut warnings);
        let choice = choice.map_err(|more| more.into_iter().for_each(&mut take));
        if keys.insecure_suites {
            let warning = TlsProblem::new("include_insecure_cipher_suites", "has no effect");
            warnings.push(warning.help("burgee has no insecure cipher suites"));
        }
        if keys.tpm.enabled {
            take(TlsProblem::new("tpm", "is not in burgee").help("give the key as key_file"));
        }
        let reload_interval = Some(keys.reload_interval.get()).filter(|interval| !interval.is_zero());
        match choice {
            Ok(choice) if problems.is_empty() => Ok(Common { choice, pair, warnings, reload_interval }),
            _ => Err(problems),
        }
    }
}
