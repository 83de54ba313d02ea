//! TLS: the certificate, and its successors.
//!
//! Certificates live for weeks now, and whatever renews them replaces files. So the files are
//! read again every few seconds, which is a few kilobytes, whatever way they were replaced; new
//! connections get the new certificate. Files that do not fit (the certificate is there and its
//! key is not yet, or worse) leave the old one in use and are logged.

use std::convert::Infallible;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;

/// Why the certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct TlsError {
    path: PathBuf,
    reason: String,
}

impl TlsError {
    fn new(path: &Path, reason: impl fmt::Display) -> TlsError {
        TlsError { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// The certificate in use.
pub(crate) struct Tls {
    files: TlsFiles,
    current: ArcSwap<ServerConfig>,
    /// What the files held when they were last read, whether or not it could be used.
    seen: Mutex<u64>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    pub(crate) fn open(files: TlsFiles) -> Result<Tls, TlsError> {
        let contents = Contents::read(&files)?;
        let current = ArcSwap::from_pointee(contents.config(&files)?);
        Ok(Tls { files, current, seen: Mutex::new(contents.hash()) })
    }

    /// What greets the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Takes the files as they are now into use; false if they are as they were.
    fn refresh(&self) -> Result<bool, TlsError> {
        let contents = Contents::read(&self.files);
        let hash = contents.as_ref().map_or(0, Contents::hash);
        if std::mem::replace(&mut *self.seen.lock(), hash) == hash {
            return Ok(false);
        }
        self.current.store(Arc::new(contents?.config(&self.files)?));
        Ok(true)
    }

    /// Looks at the files again and again.
    pub(crate) async fn follow(self: Arc<Tls>, every: Duration) -> Infallible {
        loop {
            tokio::time::sleep(every).await;
            let own = self.clone();
            match tokio::task::spawn_blocking(move || own.refresh()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => tracing::info!("the certificate was replaced"),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a new certificate cannot be used; the old one stays");
                }
                Err(error) => tracing::error!(%error, "the certificate could not be looked at"),
            }
        }
    }
}

/// The bytes of both files.
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Contents, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| TlsError::new(path, error));
        Ok(Contents { certificate: read(&files.certificate)?, key: read(&files.key)? })
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.certificate, &self.key).hash(&mut hasher);
        hasher.finish()
    }

    fn config(&self, files: &TlsFiles) -> Result<ServerConfig, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|error| TlsError::new(&files.certificate, error))?;
        if chain.is_empty() {
            return Err(TlsError::new(&files.certificate, "there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| TlsError::new(&files.key, error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new(&files.certificate, error))?
            .with_no_client_auth()
            .with_single_cert(chain, key);
        let mut config = config.map_err(|error| TlsError::new(&files.key, error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(files: &TlsFiles, name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        made
    }

    fn files(dir: &Path) -> TlsFiles {
        TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") }
    }

    #[test]
    fn only_new_contents_that_can_be_used_replace_the_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        let first = write(&files, "a.example");
        let tls = Tls::open(files.clone()).unwrap();
        let in_use = || Arc::as_ptr(&tls.current.load_full());
        let before = in_use();
        assert!(!tls.refresh().unwrap(), "nothing has changed");

        let broken = |certificate: &[u8]| {
            std::fs::write(&files.certificate, certificate).unwrap();
            tls.refresh().unwrap_err().to_string()
        };
        assert!(broken(b"nothing").contains("there is no certificate"));
        broken(b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
        assert!(!tls.refresh().unwrap(), "told once");
        let other = rcgen::generate_simple_self_signed(["b.example".to_owned()]).unwrap();
        let said = broken(other.cert.pem().as_bytes());
        assert!(said.contains("key.pem"), "the key of another certificate: {said}");
        std::fs::remove_file(&files.certificate).unwrap();
        assert!(tls.refresh().is_err(), "no file");
        assert_eq!(in_use(), before);

        write(&files, "a.example");
        assert!(tls.refresh().unwrap());
        let second = in_use();
        assert_ne!(second, before);
        std::fs::write(&files.certificate, first.cert.pem()).unwrap();
        std::fs::write(&files.key, first.signing_key.serialize_pem()).unwrap();
        assert!(tls.refresh().unwrap(), "back again");
    }

    #[test]
    fn errors_name_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        let said = || Tls::open(files.clone()).unwrap_err().to_string();
        assert!(said().contains("cert.pem"), "{}", said());
        write(&files, "a.example");
        std::fs::write(&files.key, "").unwrap();
        assert!(said().contains("key.pem"), "{}", said());
        std::fs::remove_file(&files.key).unwrap();
        assert!(said().contains("key.pem"), "{}", said());
    }
}
