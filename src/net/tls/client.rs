//! TLS of a client.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::fresh::Fresh;
use super::material::system_authorities;
use super::{ClientTlsKeys, TlsProblem};

/// Whom a client trusts, and how it proves who it is. Clones are the same one.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<Fresh<ClientConfig>>,
    /// Instead of the name in the URI.
    name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// Reads the files, once now and then by `reload_interval`. Comes with what is odd.
    ///
    /// # Errors
    /// What contradicts itself, cannot be read or cannot be used.
    pub fn build(keys: &ClientTlsKeys) -> Result<(ClientTls, Vec<TlsProblem>), Vec<TlsProblem>> {
        let common = keys.common()?;
        let one = |problem| vec![problem];
        let ca = keys.ca().map_err(one)?;
        let name = match keys.server_name_override.as_str() {
            "" => None,
            name => Some(ServerName::try_from(name.to_owned()).map_err(|_| {
                vec![TlsProblem::new("server_name_override", "is neither a host name nor an address")]
            })?),
        };
        let mut warnings = common.warnings;
        if keys.insecure_skip_verify {
            let warning = "takes any certificate: whoever is on the way can read and change everything";
            let warning = TlsProblem::new("insecure_skip_verify", warning);
            warnings.push(warning.help("name the server's authority as ca_file instead"));
        }
        let sources = ca.iter().cloned();
        let sources = sources
            .chain(common.pair.iter().flat_map(|pair| [pair.cert.clone(), pair.key.clone()]))
            .collect();
        let (choice, pair) = (common.choice, common.pair);
        let (skips, with_system) = (keys.insecure_skip_verify, keys.include_system_ca_certs_pool);
        let make = move || {
            let builder = ClientConfig::builder_with_provider(Arc::clone(&choice.provider))
                .with_protocol_versions(choice.versions)
                .map_err(|error| {
                    TlsProblem::new("cipher_suites", format!("leave no way to agree: {error}"))
                })?;
            let builder = if skips {
                let anyone = Arc::new(Anyone(Arc::clone(&choice.provider)));
                builder.dangerous().with_custom_certificate_verifier(anyone)
            } else {
                let roots = match &ca {
                    None => system_authorities(),
                    Some(ca) => {
                        let mut roots = ca.authorities()?;
                        if with_system {
                            roots.roots.extend(system_authorities().roots.iter().cloned());
                        }
                        Arc::new(roots)
                    }
                };
                builder.with_root_certificates(roots)
            };
            match &pair {
                None => Ok(builder.with_no_client_auth()),
                Some(pair) => {
                    let (certificates, key) = pair.load()?;
                    builder.with_client_auth_cert(certificates, key).map_err(|error| pair.refused(&error))
                }
            }
        };
        let config = Fresh::new(sources, common.reload_interval, make).map_err(one)?;
        Ok((ClientTls { config, name }, warnings))
    }

    /// The handshake with the server at `host`, which the URI names; `protocols` are offered by ALPN, best first.
    pub(in crate::net) async fn connect<S>(
        &self,
        host: &str,
        protocols: &[&[u8]],
        stream: S,
    ) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                ServerName::try_from(host)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?
            }
        };
        let mut config = ClientConfig::clone(&*self.config.get().await);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a failed handshake means, for people who have to do something about it.
pub(in crate::net) fn describe(error: &rustls::Error) -> String {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    let meaning = match error {
        InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet; is a clock wrong?"
            }
            CertificateError::UnknownIssuer => {
                "nobody who is trusted here has signed the server's certificate; name its authority as tls.ca_file"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the server's certificate is for another name; correct the endpoint, or give tls.server_name_override"
            }
            CertificateError::BadSignature => {
                "the server's certificate is signed by another authority of the name that is trusted here"
            }
            CertificateError::Revoked => "the server's certificate is revoked",
            _ => "the server's certificate is not valid",
        },
        AlertReceived(AlertDescription::CertificateRequired) => {
            "the server wants to see a certificate; give tls.cert_file and tls.key_file"
        }
        AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::AccessDenied,
        ) => "the server does not take this client's certificate",
        AlertReceived(AlertDescription::ProtocolVersion) => {
            "the server speaks no version of TLS that is allowed here"
        }
        AlertReceived(AlertDescription::HandshakeFailure) => {
            "the server refuses the handshake: no version or cipher suite in common, or no certificate from this client"
        }
        InvalidMessage(_) => {
            "the server does not speak TLS there; for plain text write http:// or tls: {insecure: true}"
        }
        rustls::Error::PeerIncompatible(_) => {
            "the server speaks no version or cipher suite of TLS that is allowed here"
        }
        _ => "TLS failed",
    };
    // rustls's own texts have nothing of what was sent but names in certificates
    format!("{meaning} ({error})")
}

/// `insecure_skip_verify`: takes whatever certificate comes, but not a handshake that its owner has not signed.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
