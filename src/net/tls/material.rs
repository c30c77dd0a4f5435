//! Certificates, keys and authorities, from files or from the configuration itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsProblem;

/// PEM, and the key of the configuration that it comes from.
#[derive(Clone)]
pub(super) struct Text {
    pub key: &'static str,
    source: Source,
}

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Inline(Arc<str>),
}

/// A certificate with its private key.
#[derive(Clone)]
pub(super) struct Pair {
    pub cert: Text,
    pub key: Text,
}

impl Text {
    /// Where the PEM is, if anywhere; it cannot be in both places.
    pub fn of(
        file_key: &'static str,
        file: &Path,
        pem_key: &'static str,
        pem: &str,
    ) -> Result<Option<Text>, TlsProblem> {
        match (file.as_os_str().is_empty(), pem.trim().is_empty()) {
            (false, false) => {
                let what = format!("stands beside {file_key}: only one of them can be meant");
                Err(TlsProblem::new(pem_key, what).help("remove one"))
            }
            (false, true) => Ok(Some(Text { key: file_key, source: Source::File(file.to_owned()) })),
            (true, false) => Ok(Some(Text { key: pem_key, source: Source::Inline(pem.into()) })),
            (true, true) => Ok(None),
        }
    }

    pub fn read(&self) -> Result<Vec<u8>, TlsProblem> {
        match &self.source {
            Source::Inline(text) => Ok(text.as_bytes().to_vec()),
            Source::File(path) => read(path).map_err(|error| {
                TlsProblem::new(self.key, format!("{}: {}", path.display(), because(&error)))
            }),
        }
    }

    fn wrong(&self, what: &str) -> TlsProblem {
        match &self.source {
            Source::File(path) => TlsProblem::new(self.key, format!("{}: {what}", path.display())),
            Source::Inline(_) => TlsProblem::new(self.key, what.to_owned()),
        }
    }

    /// All certificates, of which there is at least one.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
        let text = self.read()?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match certificates {
            Ok(certificates) if certificates.is_empty() => Err(self
                .wrong("there is no certificate in it")
                .help("it has to have -----BEGIN CERTIFICATE-----")),
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(self.wrong(broken(&error))),
        }
    }

    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsProblem> {
        let text = self.read()?;
        if text.windows(ENCRYPTED.len()).any(|found| found == ENCRYPTED) {
            let problem = self.wrong("the key has a password, and burgee reads keys without one");
            return Err(problem.help("decrypt it, for instance with `openssl pkey`"));
        }
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                self.wrong("there is no private key in it").help("it has to have -----BEGIN PRIVATE KEY-----")
            }
            error => self.wrong(broken(&error)),
        })
    }

    pub fn authorities(&self) -> Result<RootCertStore, TlsProblem> {
        let mut store = RootCertStore::empty();
        for certificate in self.certificates()? {
            let added = store.add(certificate);
            added.map_err(|_| self.wrong("one of its certificates cannot be used as an authority"))?;
        }
        Ok(store)
    }
}

impl Pair {
    pub fn load(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsProblem> {
        Ok((self.cert.certificates()?, self.key.private_key()?))
    }

    /// What is wrong with a pair that rustls does not take.
    pub fn refused(&self, error: &rustls::Error) -> TlsProblem {
        match error {
            rustls::Error::InconsistentKeys(_) => self
                .key
                .wrong("the key is not that of the certificate")
                .help("give the two that belong together"),
            error => self.cert.wrong(&format!("it cannot be used: {error}")),
        }
    }
}

/// The authorities this system trusts, or those of Mozilla where it has none, as in an image without files.
pub(super) fn system_authorities() -> Arc<RootCertStore> {
    static FOUND: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let find = || {
        let is_said = NAMED.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        Arc::new(authorities_of(rustls_native_certs::load_native_certs().certs, is_said))
    };
    Arc::clone(FOUND.get_or_init(find))
}

/// `is_said`: somebody has said where the system's authorities are, and so that there are to be no others.
fn authorities_of(found: Vec<CertificateDer<'static>>, is_said: bool) -> RootCertStore {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(found);
    match (added, is_said) {
        (0, true) => {
            tracing::warn!("no authorities where SSL_CERT_FILE and SSL_CERT_DIR say: none is trusted")
        }
        (0, false) => {
            tracing::debug!("no authorities found on this system: Mozilla's are used");
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        _ => {}
    }
    store
}

/// A file that is no larger than anything sensible.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut content = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
    }
    Ok(content)
}

fn because(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "burgee is not permitted to read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder, not a file".to_owned(),
        _ => error.to_string(),
    }
}

fn broken(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section of it has no END line; is it cut off?",
        pem::Error::Base64Decode(_) => "what is between its BEGIN and END lines is not base64",
        _ => "it is not PEM",
    }
}

/// Far above any bundle of certificates.
const FILE_BYTES_MAX: u64 = 4 << 20;
const ENCRYPTED: &[u8] = b"ENCRYPTED";
/// Where the system's authorities are, if somebody says so.
const NAMED: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_where_the_authorities_are_gets_no_others_when_there_are_none() {
        assert!(authorities_of(Vec::new(), true).is_empty());
        assert!(!authorities_of(Vec::new(), false).is_empty());
    }
}
