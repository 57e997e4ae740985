//! TLS with the operator's certificate. It is reloaded when its files change and on SIGHUP; open connections continue. An
//! invalid certificate never replaces a valid one.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::options::{ServeError, TlsFiles};

/// How often the files are checked.
const BETWEEN_CHECKS: Duration = Duration::from_secs(1);

/// The certificate that new connections get.
pub(super) struct Certificate {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    key: Arc<CertifiedKey>,
    /// The versions of the files that were last read, whether or not they were valid.
    versions: FileVersions,
}

/// The modification time and the length of each file, by which changes are detected.
type FileVersions = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the files.
    pub(super) fn load(files: TlsFiles) -> Result<Arc<Self>, ServeError> {
        let versions = file_versions(&files);
        let current = RwLock::new(Current { key: read(&files)?, versions });
        Ok(Arc::new(Self { files, current }))
    }

    /// An acceptor of connections that uses this certificate.
    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, ServeError> {
        let invalid = |error| self.files.invalid_key(error);
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(invalid)?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = Ticketer::new().map_err(invalid)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reloads the files whenever they change, and on SIGHUP. Never completes.
    pub(super) async fn reload_on_change(self: Arc<Self>) {
        let mut hangups = signal(SignalKind::hangup()).ok();
        loop {
            let requested = tokio::select! {
                _ = async { hangups.as_mut()?.recv().await }, if hangups.is_some() => true,
                () = tokio::time::sleep(BETWEEN_CHECKS) => false,
            };
            let certificate = self.clone();
            // Reading files blocks. If it panics, the certificate stays the same.
            let _ = tokio::task::spawn_blocking(move || certificate.reload(requested)).await;
        }
    }

    /// Reloads the files if they have changed, or if that is `requested`.
    fn reload(&self, requested: bool) {
        let versions = file_versions(&self.files);
        if !requested && versions == self.current.read().unwrap_or_else(PoisonError::into_inner).versions {
            return;
        }
        let read = read(&self.files);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.versions = versions;
        match read {
            Ok(key) => {
                current.key = key;
                tracing::info!(chain = %self.files.chain.display(), "reloaded the certificate");
            }
            // Chain and key are rarely replaced at the same moment. Once both are, they match.
            Err(error) => tracing::warn!(%error, "cannot reload the certificate; the previous one stays in use"),
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.files.chain.display())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).key.clone())
    }
}

impl TlsFiles {
    fn invalid_key(&self, why: impl fmt::Display) -> ServeError {
        invalid(&self.key, why)
    }
}

fn invalid(path: &Path, why: impl fmt::Display) -> ServeError {
    ServeError::Tls { path: path.to_owned(), why: why.to_string() }
}

fn file_versions(files: &TlsFiles) -> FileVersions {
    [&files.chain, &files.key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

/// The certificate and its key, if they match.
fn read(files: &TlsFiles) -> Result<Arc<CertifiedKey>, ServeError> {
    let chain = CertificateDer::pem_file_iter(&files.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, PemError>>)
        .map_err(|error| invalid(&files.chain, error))?;
    if chain.is_empty() {
        return Err(invalid(
            &files.chain,
            "contains no certificate: it must contain the server's certificate first, in PEM format",
        ));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| files.invalid_key(error))?;
    let certified = CertifiedKey::from_der(chain, key, &default_provider());
    certified.map(Arc::new).map_err(|error| files.invalid_key(format!("{error} ({})", files.chain.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a new certificate and its key.
    fn write(folder: &Path) -> TlsFiles {
        let files = TlsFiles { chain: folder.join("chain.pem"), key: folder.join("key.pem") };
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&files.chain, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        files
    }

    fn current(certificate: &Certificate) -> CertificateDer<'static> {
        certificate.current.read().unwrap().key.cert[0].clone()
    }

    #[test]
    fn an_invalid_file_is_rejected_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let files = write(folder.path());
        let certificate = Certificate::load(files.clone()).unwrap();
        certificate.acceptor().unwrap();
        let other = tempfile::tempdir().unwrap();
        let other = write(other.path()).key;
        let key = files.key.clone();
        let cases = [
            (TlsFiles { key: "/nowhere/key.pem".into(), ..files.clone() }, Path::new("/nowhere/key.pem")),
            (TlsFiles { chain: "/nowhere/chain.pem".into(), ..files.clone() }, Path::new("/nowhere/chain.pem")),
            (TlsFiles { chain: key.clone(), ..files.clone() }, &key),
            (TlsFiles { key: files.chain.clone(), ..files.clone() }, &files.chain),
            (TlsFiles { key: other.clone(), ..files.clone() }, &other),
        ];
        for (files, blamed) in cases {
            let refused = Certificate::load(files).unwrap_err();
            assert!(matches!(&refused, ServeError::Tls { path, .. } if path == blamed), "{refused}");
        }
    }

    #[test]
    fn only_a_valid_certificate_replaces_a_valid_one() {
        let folder = tempfile::tempdir().unwrap();
        let files = write(folder.path());
        let certificate = Certificate::load(files.clone()).unwrap();
        let first = current(&certificate);
        certificate.reload(false);
        std::fs::write(&files.chain, "half of a certi").unwrap();
        certificate.reload(false);
        assert_eq!(current(&certificate), first);
        std::fs::remove_file(&files.key).unwrap();
        certificate.reload(true);
        assert_eq!(current(&certificate), first);
        write(folder.path());
        certificate.reload(false);
        assert_ne!(current(&certificate), first);
    }
}
