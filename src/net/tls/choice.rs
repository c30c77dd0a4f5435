//! Versions, cipher suites and key exchange, by the names that the Collector's configuration has for them.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion, version};

use super::TlsProblem;

/// What a handshake may agree on.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub provider: Arc<CryptoProvider>,
    pub versions: &'static [&'static SupportedProtocolVersion],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Tls12,
    Tls13,
}

impl Choice {
    pub fn read(
        (min, max): (&str, &str),
        cipher_suites: &[String],
        curves: &[String],
        warnings: &mut Vec<TlsProblem>,
    ) -> Result<Choice, Vec<TlsProblem>> {
        let mut problems = Vec::new();
        let mut provider = ring::default_provider();
        let mut version = |key, text, otherwise| {
            self::version(key, text).map(|version| version.unwrap_or(otherwise)).unwrap_or_else(|problem| {
                problems.push(problem);
                otherwise
            })
        };
        let versions = match (
            version("min_version", min, Version::Tls12),
            version("max_version", max, Version::Tls13),
        ) {
            (Version::Tls12, Version::Tls12) => ONLY_12,
            (Version::Tls13, Version::Tls13) => ONLY_13,
            (Version::Tls12, Version::Tls13) => BOTH,
            (Version::Tls13, Version::Tls12) => {
                problems.push(TlsProblem::new("max_version", "must not be less than min_version"));
                BOTH
            }
        };
        if !cipher_suites.is_empty() {
            let chosen = suites(&provider.cipher_suites, cipher_suites);
            match chosen {
                Ok(chosen) => provider.cipher_suites = chosen,
                Err(problem) => problems.push(problem),
            }
        }
        if !curves.is_empty() {
            match groups(&provider.kx_groups, curves, warnings) {
                Ok(chosen) => provider.kx_groups = chosen,
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Choice { provider: Arc::new(provider), versions })
        } else {
            Err(problems)
        }
    }
}

fn version(key: &'static str, text: &str) -> Result<Option<Version>, TlsProblem> {
    match text {
        "" => Ok(None),
        "1.2" => Ok(Some(Version::Tls12)),
        "1.3" => Ok(Some(Version::Tls13)),
        "1.0" | "1.1" => {
            Err(TlsProblem::new(key, format!("is {text}, which is no longer safe and not in burgee"))
                .help("write \"1.2\" or \"1.3\""))
        }
        _ => Err(TlsProblem::new(key, "is not a version of TLS").help("write \"1.2\" or \"1.3\"")),
    }
}

/// The named ones of TLS 1.2. Those of TLS 1.3 are always all there, as in Go.
fn suites(known: &[SupportedCipherSuite], names: &[String]) -> Result<Vec<SupportedCipherSuite>, TlsProblem> {
    let is_tls13 = |suite: &SupportedCipherSuite| suite.version() == &version::TLS13;
    for name in names {
        if !known.iter().any(|suite| name == &suite_name(suite)) {
            let all: Vec<_> = known.iter().map(suite_name).collect();
            let what = format!("has a name that burgee does not know; it has {}", all.join(", "));
            return Err(TlsProblem::new("cipher_suites", what));
        }
    }
    let is_wanted = |suite: &&SupportedCipherSuite| is_tls13(suite) || names.contains(&suite_name(suite));
    Ok(known.iter().filter(is_wanted).copied().collect())
}

/// As IANA and Go write it.
fn suite_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

fn groups(
    known: &[&'static dyn SupportedKxGroup],
    names: &[String],
    warnings: &mut Vec<TlsProblem>,
) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsProblem> {
    let mut chosen = Vec::new();
    for name in names {
        let group = match name.as_str() {
            "X25519" => NamedGroup::X25519,
            "P256" => NamedGroup::secp256r1,
            "P384" => NamedGroup::secp384r1,
            "P521" | "X25519MLKEM768" => {
                warnings.push(TlsProblem::new(
                    KEY,
                    format!("has {name}, which burgee leaves out: it is not in ring"),
                ));
                continue;
            }
            _ => {
                let what = "has a name that is none of X25519, P256, P384 and P521";
                return Err(TlsProblem::new(KEY, what));
            }
        };
        chosen.extend(known.iter().filter(|known| known.name() == group).copied());
    }
    if chosen.is_empty() {
        return Err(TlsProblem::new(KEY, "leaves nothing that burgee has").help("add X25519, P256 or P384"));
    }
    Ok(chosen)
}

const KEY: &str = "curve_preferences";
const ONLY_12: &[&SupportedProtocolVersion] = &[&version::TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
