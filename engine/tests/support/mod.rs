//! What the tests share: a real server on a real socket, devices that synchronise with it, a connection that breaks, and
//! plain HTTP. Nothing here may know how the engine works inside.

mod breaking;
mod http;
pub(crate) mod process;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use benchline_engine::client::SyncClient;
use benchline_engine::config::{Config, ServerDatabase, Synchronous};
use benchline_engine::crypto::Keys;
use benchline_engine::document::{Document, DocumentId};
use benchline_engine::protocol::UserName;
use benchline_engine::server::{Server, Token, run_with_incoming};
use benchline_engine::store::{Put, Replica};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use breaking::BreakingConnection;
pub(crate) use http::{Answer, Http};

/// Settings for tests that care about behaviour, not about power cuts. `BENCHLINE_SERVER_DATABASE=shared` in the
/// environment runs them all on a server with one database for all users.
pub(crate) fn quick() -> Config {
    let mut config = Config::default();
    config.store.synchronous = Synchronous::Off;
    if std::env::var("BENCHLINE_SERVER_DATABASE").is_ok_and(|layout| layout == "shared") {
        config.server.database = ServerDatabase::Shared;
    }
    config
}

/// The same settings for each way in which a server may lay out the users' databases.
pub(crate) fn both_layouts() -> [Config; 2] {
    [ServerDatabase::PerUser, ServerDatabase::Shared].map(|database| {
        let mut config = quick();
        config.server.database = database;
        config
    })
}

/// Longer than any test takes, on the slowest machine: one that waits for what never comes fails, and does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Runs a test on a runtime of its own.
pub(crate) fn run_test(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let over = runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await });
    over.expect("the test waits for something that does not come");
}

/// A running server and its data.
pub(crate) struct TestServer {
    folder: Arc<TempDir>,
    data: PathBuf,
    config: Config,
    server: Server,
    pub(crate) address: String,
    /// Where mail services hand over messages.
    pub(crate) incoming: String,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl TestServer {
    pub(crate) async fn start(config: &Config) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), config).await
    }

    /// Another server on the data of this one, as another process would be.
    pub(crate) async fn beside(other: &Self, config: &Config) -> Self {
        Self::start_on(other.folder.clone(), other.data.clone(), config).await
    }

    /// A server on the data in `folder/name`.
    pub(crate) async fn start_at(folder: TempDir, name: &str, config: &Config) -> Self {
        let data = folder.path().join(name);
        Self::start_on(Arc::new(folder), data, config).await
    }

    async fn start_in(folder: Arc<TempDir>, config: &Config) -> Self {
        let data = folder.path().to_owned();
        Self::start_on(folder, data, config).await
    }

    async fn start_on(folder: Arc<TempDir>, data: PathBuf, config: &Config) -> Self {
        let server = Server::open(&data, config).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let services = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let incoming = format!("http://{}", services.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let serving = run_with_incoming(listener, services, server.clone(), shutdown);
        let running = Some(tokio::spawn(async move { serving.await.unwrap() }));
        Self { folder, data, config: config.clone(), server, address, incoming, stop: Some(stop), running }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.data
    }

    /// The database that holds what belongs to this user.
    pub(crate) fn database_of(folder: &Path, user: i64) -> PathBuf {
        let shared = folder.join("users.db");
        if shared.exists() { shared } else { folder.join(format!("users/{user}.db")) }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Stops, as an operator would.
    async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.running.take().unwrap().await.unwrap();
    }

    /// Stops, lets `between` work on the data, and starts on another port.
    pub(crate) async fn restart(mut self, between: impl FnOnce(&Path)) -> Self {
        self.stop().await;
        between(&self.data);
        let Self { folder, data, config, .. } = self;
        Self::start_on(folder, data, &config).await
    }

    /// Stops for good and hands over the data.
    pub(crate) async fn finish(mut self) -> Arc<TempDir> {
        self.stop().await;
        self.folder
    }

    /// A new user with a token that counts for an hour.
    pub(crate) async fn user(&self, name: &str) -> Account {
        let name: UserName = name.parse().unwrap();
        self.server.accounts().create_user(&name).await.unwrap();
        let token = self.server.accounts().create_token(&name, Duration::from_secs(3600)).await.unwrap();
        Account { keys: process::keys_of(name.as_str()), name, token }
    }
}

/// A user, as the user's devices know it.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) name: UserName,
    pub(crate) token: Token,
    pub(crate) keys: Keys,
}

impl Account {
    /// The header that shows the token.
    pub(crate) fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token.as_str())
    }

    pub(crate) fn client(&self, config: &Config, address: &str) -> SyncClient {
        SyncClient::new(config, address, &self.name, self.token.as_str(), &self.keys).unwrap()
    }

    /// A device with an empty replica.
    pub(crate) async fn device(&self, config: &Config, address: &str) -> Device {
        let folder = tempfile::tempdir().unwrap();
        let replica =
            Replica::open(&folder.path().join("replica.db"), &self.keys.database, &config.store).await.unwrap();
        Device { replica, client: self.client(config, address), folder }
    }
}

/// A replica and its way to the server.
pub(crate) struct Device {
    pub(crate) replica: Replica,
    pub(crate) client: SyncClient,
    pub(crate) folder: TempDir,
}

impl Device {
    pub(crate) async fn sync(&self) -> benchline_engine::client::SyncReport {
        self.client.sync(&self.replica).await.unwrap()
    }

    /// Stores a new document.
    pub(crate) async fn create(&self, name: &str, content: &[u8]) {
        self.replica.put(&id(name), None, content.to_vec()).await.unwrap();
    }

    /// Replaces a document that has no conflicts.
    pub(crate) async fn update(&self, name: &str, content: &[u8]) {
        let current = self.replica.get(&id(name)).await.unwrap().unwrap();
        self.replica.put(&id(name), Some(&current.revision), content.to_vec()).await.unwrap();
    }

    /// Stores `count` documents of `size` bytes.
    pub(crate) async fn fill(&self, count: usize, size: usize) {
        let puts = (0..count).map(|n| Put { id: id(&format!("doc-{n}")), replaces: None, content: payload(n, size) });
        self.replica.put_many(puts.collect()).await.unwrap();
    }

    /// All documents with their conflicts, sorted.
    pub(crate) async fn everything(&self) -> Vec<(Document, Vec<Document>)> {
        let mut all = Vec::new();
        for change in self.replica.changes(0, 1 << 20).await.unwrap() {
            let current = self.replica.get(&change.id).await.unwrap().unwrap();
            all.push((current, self.replica.conflicts(&change.id).await.unwrap()));
        }
        all.sort_by_key(|(document, _)| document.id.clone());
        all
    }
}

/// The document id that reads `text`.
pub(crate) fn id(text: &str) -> DocumentId {
    text.parse().unwrap()
}

/// A word that stands in every payload, to look for where it must not be.
pub(crate) const MARK: &[u8] = b"confidential-mark";

/// Content that differs for each `n` and does not compress.
pub(crate) fn payload(n: usize, size: usize) -> Vec<u8> {
    let mut state = n as u64 + 1;
    let mut content = MARK.to_vec();
    while content.len() < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        content.push((state >> 56) as u8);
    }
    content.truncate(size.max(MARK.len()));
    content
}

/// Whether any file under `folder` has these bytes in it.
pub(crate) fn is_in_files(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_in_files(&path, needle);
        }
        std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle)
    })
}
