//! TLS of a listener.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use rustls::{AlertDescription, CertificateError, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::fresh::Fresh;
use super::{ServerTlsKeys, TlsProblem};

pub(in crate::net) type TlsStream<S> = tokio_rustls::server::TlsStream<S>;

/// How a listener proves who it is, and whom it lets in. Clones are the same one.
#[derive(Clone)]
pub struct ServerTls {
    keys: Arc<ServerTlsKeys>,
    config: Arc<Fresh<ServerConfig>>,
}

impl ServerTls {
    /// Reads the files, once now and then by `reload_interval`. Comes with what is odd.
    ///
    /// # Errors
    /// What is missing, contradicts itself, cannot be read or cannot be used.
    pub fn build(keys: &ServerTlsKeys) -> Result<(ServerTls, Vec<TlsProblem>), Vec<TlsProblem>> {
        let common = keys.common()?;
        let Some(pair) = common.pair else {
            let problem =
                TlsProblem::new("cert_file", "is missing: a listener with TLS has a certificate and its key");
            return Err(vec![problem.help("give cert_file and key_file")]);
        };
        let client_ca = keys.client_ca();
        let mut every = common.reload_interval;
        if keys.client_ca_file_reload && client_ca.is_some() {
            every = Some(every.map_or(LOOK_AT_CA, |every| every.min(LOOK_AT_CA)));
        }
        let sources = [pair.cert.clone(), pair.key.clone()].into_iter().chain(client_ca.clone()).collect();
        let choice = common.choice;
        let make = move || {
            let provider = Arc::clone(&choice.provider);
            let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(choice.versions)
                .map_err(|error| {
                    TlsProblem::new("cipher_suites", format!("leave no way to agree: {error}"))
                })?;
            let builder = match &client_ca {
                None => builder.with_no_client_auth(),
                Some(ca) => {
                    let roots = Arc::new(ca.authorities()?);
                    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                    let verifier = verifier.map_err(|error| {
                        TlsProblem::new("client_ca_file", format!("cannot be used: {error}"))
                    })?;
                    builder.with_client_cert_verifier(verifier)
                }
            };
            let (certificates, key) = pair.load()?;
            let config = builder.with_single_cert(certificates, key);
            let mut config = config.map_err(|error| pair.refused(&error))?;
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Ok(config)
        };
        let config = Fresh::new(sources, every, make).map_err(|problem| vec![problem])?;
        Ok((ServerTls { keys: Arc::new(keys.clone()), config }, common.warnings))
    }

    /// The handshake with one client.
    pub(in crate::net) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.config.get().await).accept(stream).await
    }
}

/// Why a handshake with a client failed, for people who run the client.
pub(in crate::net) fn describe_accept(error: &io::Error) -> &'static str {
    use rustls::Error::{
        AlertReceived, InvalidCertificate, InvalidMessage, NoCertificatesPresented, PeerIncompatible,
    };
    match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(NoCertificatesPresented) => "it showed no certificate, and the port asks for one",
        Some(InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "nobody in client_ca_file has signed its certificate"
        }
        Some(InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
            "its certificate has expired"
        }
        Some(InvalidCertificate(_)) => "its certificate is not valid",
        Some(AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired,
        )) => "it does not trust the port's certificate",
        Some(
            PeerIncompatible(_)
            | AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure),
        ) => "there is no version or cipher suite that both have",
        Some(InvalidMessage(_)) => "what it sent is not TLS",
        Some(_) => "the handshake went wrong",
        None => "it left during the handshake",
    }
}

/// The same settings and the same contents of the same files.
impl PartialEq for ServerTls {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys && self.config.print() == other.config.print()
    }
}

impl Eq for ServerTls {}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerTls").field(&self.keys).finish()
    }
}

/// What `client_ca_file_reload` asks for: the Collector is told by the system, here somebody looks.
const LOOK_AT_CA: Duration = Duration::from_secs(1);
