//! TLS: a client that trusts the right authority gets through, any other does not, and a certificate is replaced under way.

use std::path::{Path, PathBuf};

use benchline_engine::client::{SyncClient, SyncError};
use benchline_engine::config::Config;
use benchline_engine::server::{BoundServer, PlainHttp, ServeError, ServeOptions, Shutdown, TlsFiles};
use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::process::{ProcessOptions, ServerProcess};
use super::talk::Talk;
use super::{long_timeouts, until, user_in};
use crate::support::{Account, quick, run_test};

/// Someone who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for these names with its key, as a server wants them in a folder.
    fn issue(&self, folder: &Path, names: &[&str], change: impl FnOnce(&mut CertificateParams)) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("chain.pem"), certificate.pem()).unwrap();
    }

    /// A file of those whom a client trusts: this one.
    fn trust(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, self.0.as_ref().pem()).unwrap();
        path
    }
}

/// A server with TLS in this process.
struct TlsServer {
    folder: TempDir,
    ana: Account,
    address: String,
    stop: Shutdown,
    running: JoinHandle<Result<(), ServeError>>,
}

impl TlsServer {
    /// With the certificate that lies in `folder`.
    async fn start(folder: TempDir) -> Self {
        let data = folder.path().join("data");
        let ana = user_in(&data, &quick(), "ana").await;
        let serving = BoundServer::open(options(&folder, "127.0.0.1:0")).await.unwrap();
        let address = format!("https://localhost:{}", serving.addresses()[0].port());
        let stop = Shutdown::new();
        let running = tokio::spawn(serving.run(stop.clone()));
        Self { folder, ana, address, stop, running }
    }

    /// What comes of a synchronisation by a client that trusts only those in the file `ca`.
    async fn sync(&self, ca: Option<PathBuf>) -> Result<(), SyncError> {
        let client = client(&self.ana, &self.address, ca)?;
        let device = self.ana.device(&quick(), "http://localhost").await;
        client.sync(&device.replica).await.map(drop)
    }

    async fn finish(self) {
        self.stop.begin();
        self.running.await.unwrap().unwrap();
    }
}

fn options(folder: &TempDir, listen: &str) -> ServeOptions {
    let tls = TlsFiles { chain: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
    let (data, listen) = (folder.path().join("data"), vec![listen.parse().unwrap()]);
    ServeOptions { data, listen, tls: Some(tls), incoming: None, plain: PlainHttp::Loopback, config: quick() }
}

fn client(ana: &Account, address: &str, ca: Option<PathBuf>) -> Result<SyncClient, SyncError> {
    let mut config: Config = quick();
    config.http.ca = ca;
    SyncClient::new(&config, address, &ana.name, ana.token.as_str(), &ana.keys)
}

/// Why a connection was not made, in words.
#[track_caller]
fn refused(outcome: Result<(), SyncError>) -> String {
    let Err(error @ SyncError::Connection(_)) = outcome else { panic!("{outcome:?}") };
    error.to_string()
}

#[test]
fn certificates_are_verified_by_authority_name_and_time() {
    run_test(async {
        let (right, other) = (Authority::new(), Authority::new());
        let folder = tempfile::tempdir().unwrap();
        right.issue(folder.path(), &["localhost"], |_| {});
        let (trusted, unknown) = (right.trust(folder.path(), "ca.pem"), other.trust(folder.path(), "other.pem"));
        let server = TlsServer::start(folder).await;
        server.sync(Some(trusted.clone())).await.unwrap();
        assert!(refused(server.sync(Some(unknown)).await).contains("invalid peer certificate"));
        // Nor does a system know a private authority.
        refused(server.sync(None).await);
        let by_number = server.address.replace("localhost", "127.0.0.1");
        let device = server.ana.device(&quick(), "http://localhost").await;
        let outcome = client(&server.ana, &by_number, Some(trusted.clone())).unwrap().sync(&device.replica).await;
        assert!(refused(outcome.map(drop)).contains("not valid for"), "the name is another");
        for nobody in [server.folder.path().join("key.pem"), server.folder.path().join("none.pem")] {
            assert!(matches!(server.sync(Some(nobody)).await, Err(SyncError::Authorities { .. })));
        }
        // Plain HTTP at this port is not answered, and does the port no harm.
        let mut plain = Talk::to(&server.address.replace("https://localhost", "127.0.0.1")).await;
        plain.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        plain.drain().await;
        server.sync(Some(trusted)).await.unwrap();
        server.finish().await;

        let folder = tempfile::tempdir().unwrap();
        right.issue(folder.path(), &["localhost"], |params| {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        });
        let trusted = right.trust(folder.path(), "ca.pem");
        let server = TlsServer::start(folder).await;
        let why = refused(server.sync(Some(trusted)).await);
        assert!(why.contains("expired"), "{why}");
        server.finish().await;
    });
}

#[test]
fn a_renewed_certificate_is_used_and_open_connections_continue() {
    run_test(async {
        let (before, after) = (Authority::new(), Authority::new());
        let folder = tempfile::tempdir().unwrap();
        before.issue(folder.path(), &["localhost"], |_| {});
        let trusted = [before.trust(folder.path(), "before.pem"), after.trust(folder.path(), "after.pem")];
        let data = folder.path().join("data");
        let ana = user_in(&data, &quick(), "ana").await;
        let options = ProcessOptions { tls: Some(folder.path().to_owned()), ..ProcessOptions::new(&data, &quick()) };
        let server = ServerProcess::start(&options).await;
        let port = server.address().rsplit(':').next().unwrap();
        let address = format!("https://localhost:{port}");
        let device = ana.device(&quick(), "http://localhost").await;
        let sync = async |client: &SyncClient| client.sync(&device.replica).await.map(drop);

        let [old, new] = trusted.map(|ca| (client(&ana, &address, Some(ca.clone())).unwrap(), ca));
        sync(&old.0).await.unwrap();
        refused(sync(&new.0).await);

        // Something that is no certificate changes nothing, at the next look or when told.
        std::fs::write(folder.path().join("chain.pem"), "nonsense").unwrap();
        server.signal(Signal::SIGHUP);
        sync(&client(&ana, &address, Some(old.1.clone())).unwrap()).await.unwrap();
        after.issue(folder.path(), &["localhost"], |_| {});
        server.signal(Signal::SIGHUP);
        until("the new certificate is shown", || async { sync(&new.0).await.is_ok() }).await;
        refused(sync(&client(&ana, &address, Some(old.1)).unwrap()).await);
        sync(&old.0).await.expect("the connection from before goes on");
    });
}

#[test]
fn unfinished_handshakes_and_idle_connections_do_not_delay_shutdown() {
    run_test(async {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        authority.issue(folder.path(), &["localhost"], |_| {});
        let trusted = authority.trust(folder.path(), "ca.pem");
        let data = folder.path().join("data");
        let ana = user_in(&data, &quick(), "ana").await;
        let options =
            ProcessOptions { tls: Some(folder.path().to_owned()), ..ProcessOptions::new(&data, &long_timeouts()) };
        let server = ServerProcess::start(&options).await;
        let mut silent = Talk::to(server.address()).await;
        let mut agreeing = Talk::to(server.address()).await;
        // The beginning of what a client says first.
        agreeing.send(&[22, 3, 1, 2, 0]).await;
        let idle = client(&ana, &server.address().replace("127.0.0.1", "https://localhost"), Some(trusted)).unwrap();
        idle.sync(&ana.device(&quick(), "http://localhost").await.replica).await.unwrap();
        server.signal(Signal::SIGTERM);
        assert!(server.ended().await.success());
        assert!(silent.is_closed().await && agreeing.is_closed().await);
    });
}

#[test]
fn invalid_options_are_rejected_before_anything_starts() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        Authority::new().issue(folder.path(), &["localhost"], |_| {});
        let plain = ServeOptions { tls: None, ..options(&folder, "0.0.0.0:0") };
        assert!(matches!(BoundServer::open(plain.clone()).await, Err(ServeError::PlainHttp(_))));
        std::fs::write(folder.path().join("key.pem"), "").unwrap();
        let refused = BoundServer::open(options(&folder, "127.0.0.1:0")).await;
        assert!(matches!(refused, Err(ServeError::Tls { path, .. }) if path.ends_with("key.pem")));
        assert!(!folder.path().join("data").exists());

        let allowed = BoundServer::open(ServeOptions { plain: PlainHttp::Anywhere, ..plain }).await.unwrap();
        let taken = ServeOptions { tls: None, ..options(&folder, &allowed.addresses()[0].to_string()) };
        let taken = ServeOptions { plain: PlainHttp::Anywhere, data: folder.path().join("other"), ..taken };
        assert!(matches!(BoundServer::open(taken).await, Err(ServeError::Listen { .. })));
        assert!(!folder.path().join("other").exists());
        allowed.server().close().await;
    });
}
