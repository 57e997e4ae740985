//! TLS with the operator's certificate. It is read again when its files change and on SIGHUP, as renewals want; connections
//! that are open keep going. A certificate that cannot be used never replaces one that can.

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

/// How often the files are looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// The certificate that new connections get.
pub(super) struct Certificate {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    key: Arc<CertifiedKey>,
    /// What the files were like when they were last read, whatever came of it.
    seen: Seen,
}

/// By which a change of the files is noticed: when each was written, and its length.
type Seen = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the files.
    pub(super) fn load(files: TlsFiles) -> Result<Arc<Self>, ServeError> {
        let seen = look(&files);
        let current = RwLock::new(Current { key: read(&files)?, seen });
        Ok(Arc::new(Self { files, current }))
    }

    /// What accepts connections with it.
    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, ServeError> {
        let wrong = |error| self.files.wrong_key(error);
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = Ticketer::new().map_err(wrong)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again whenever they change, and on SIGHUP, for ever.
    pub(super) async fn keep_fresh(self: Arc<Self>) {
        let mut hangups = signal(SignalKind::hangup()).ok();
        loop {
            let told = tokio::select! {
                _ = async { hangups.as_mut()?.recv().await }, if hangups.is_some() => true,
                () = tokio::time::sleep(BETWEEN_LOOKS) => false,
            };
            let certificate = self.clone();
            // Reading files blocks. A panic there would leave the certificate as it is.
            let _ = tokio::task::spawn_blocking(move || certificate.look_again(told)).await;
        }
    }

    fn look_again(&self, told: bool) {
        let seen = look(&self.files);
        if !told && seen == self.current.read().unwrap_or_else(PoisonError::into_inner).seen {
            return;
        }
        let read = read(&self.files);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.seen = seen;
        match read {
            Ok(key) => {
                current.key = key;
                tracing::info!(chain = %self.files.chain.display(), "new connections get the certificate of now");
            }
            // Chain and key are seldom replaced at the same moment: the second change brings them together.
            Err(error) => tracing::warn!(%error, "the certificate stays the one from before"),
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
    fn wrong_key(&self, why: impl fmt::Display) -> ServeError {
        wrong(&self.key, why)
    }
}

fn wrong(path: &Path, why: impl fmt::Display) -> ServeError {
    ServeError::Tls { path: path.to_owned(), why: why.to_string() }
}

fn look(files: &TlsFiles) -> Seen {
    [&files.chain, &files.key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

/// The certificate and its key, if they belong together.
fn read(files: &TlsFiles) -> Result<Arc<CertifiedKey>, ServeError> {
    let chain = CertificateDer::pem_file_iter(&files.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, PemError>>)
        .map_err(|error| wrong(&files.chain, error))?;
    if chain.is_empty() {
        return Err(wrong(&files.chain, "holds no certificate: it must have the server's first, in PEM"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| files.wrong_key(error))?;
    let certified = CertifiedKey::from_der(chain, key, &default_provider());
    certified.map(Arc::new).map_err(|error| files.wrong_key(format!("{error} ({})", files.chain.display())))
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

    fn shown(certificate: &Certificate) -> CertificateDer<'static> {
        certificate.current.read().unwrap().key.cert[0].clone()
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_file() {
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
    fn only_a_certificate_that_works_replaces_one_that_works() {
        let folder = tempfile::tempdir().unwrap();
        let files = write(folder.path());
        let certificate = Certificate::load(files.clone()).unwrap();
        let first = shown(&certificate);
        certificate.look_again(false);
        std::fs::write(&files.chain, "half of a certi").unwrap();
        certificate.look_again(false);
        assert_eq!(shown(&certificate), first);
        std::fs::remove_file(&files.key).unwrap();
        certificate.look_again(true);
        assert_eq!(shown(&certificate), first);
        write(folder.path());
        certificate.look_again(false);
        assert_ne!(shown(&certificate), first);
    }
}
