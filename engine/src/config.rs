//! The engine's knobs: every choice that people argue about, so that what it buys can be measured. This file only
//! describes settings; it must never hold one that nothing obeys.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::crypto::{BlobSettings, Cipher, Padding};

/// All settings of a client or a server. Each side ignores what concerns only the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How documents are sent.
    pub upload: UploadConfig,
    /// How connections are used.
    pub http: HttpConfig,
    /// How databases are kept, on either side.
    pub store: StoreConfig,
    /// How documents and blobs are sealed.
    pub crypto: CryptoConfig,
    /// How the length of what is sealed is hidden.
    pub padding: Padding,
    /// How blobs are kept on either side, and transferred.
    pub blobs: BlobsConfig,
    /// What the server bears with.
    pub server: ServerConfig,
    /// How incoming messages are taken and worked on.
    pub incoming: IncomingConfig,
    /// How a device holds its OpenPGP keys.
    pub keyring: KeyringConfig,
    /// Whether the server remembers a token that it has looked up, for at most half a second.
    pub session_cache: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            upload: UploadConfig::default(),
            http: HttpConfig::default(),
            store: StoreConfig::default(),
            crypto: CryptoConfig::default(),
            padding: Padding::default(),
            blobs: BlobsConfig::default(),
            server: ServerConfig::default(),
            incoming: IncomingConfig::default(),
            keyring: KeyringConfig::default(),
            session_cache: true,
        }
    }
}

/// How documents are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadConfig {
    /// Send documents in batches, each one transaction at the server. Without, every document is a batch of its own.
    pub batching: bool,
    /// Have each batch acknowledged as soon as it is durable. Without, all are acknowledged when the last one is.
    pub early_return: bool,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self { batching: true, early_return: true }
    }
}

/// How connections are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Use one connection for many requests. Without, every request opens its own.
    pub keep_alive: bool,
    /// Send small packets at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// A PEM file with the certificates of the authorities that a client trusts, and no others: for a private server.
    /// Without, it trusts those that the system trusts.
    pub ca: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { keep_alive: true, nodelay: true, ca: None }
    }
}

/// How a database is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// How a transaction is made atomic.
    pub journal: Journal,
    /// What a success has survived.
    pub synchronous: Synchronous,
    /// Bytes of a page, a power of two from 1024 to 65536. It counts for new databases; existing ones keep theirs.
    pub page_size: u32,
    /// Encrypt the client's database. The server's holds sealed documents only and is never encrypted again.
    pub cipher: bool,
    /// Commit whatever is waiting to be written in one transaction. Without, each write is a transaction of its own.
    pub group_commit: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            journal: Journal::Wal,
            synchronous: Synchronous::Full,
            page_size: 8192,
            cipher: true,
            group_commit: true,
        }
    }
}

/// How a transaction is made atomic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Journal {
    /// A write-ahead log: readers and the writer do not wait for each other.
    Wal,
    /// A rollback journal, deleted at each commit.
    Delete,
}

/// What a success has survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Synchronous {
    /// The end of the process, but no loss of power.
    Off,
    /// The end of the process; a loss of power may undo the last successes, but damages nothing.
    Normal,
    /// A loss of power.
    Full,
}

/// How documents and blobs are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CryptoConfig {
    /// The cipher that new seals use. Whatever was sealed with another one still opens.
    pub cipher: Cipher,
    /// Bytes of a chunk of a blob, from 1 KiB to 1 MiB. It counts for new blobs; each says what it was sealed with.
    pub chunk_size: u32,
    /// Where work that keeps a processor busy is done.
    pub pool: PoolConfig,
}

impl Default for CryptoConfig {
    fn default() -> Self {
        Self { cipher: Cipher::default(), chunk_size: BlobSettings::default().chunk_size, pool: PoolConfig::default() }
    }
}

/// Where a client does work that keeps a processor busy: opening documents and large blobs, decrypting mail, deriving keys
/// from passphrases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolConfig {
    /// Where it comes up, which holds up everything else there.
    Inline,
    /// On so many threads of its own.
    Threads(NonZeroUsize),
    /// In so many processes of its own. The program has to allow for it: see [`crate::pool::worker_if_asked`].
    Processes(NonZeroUsize),
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self::Threads(NonZeroUsize::MIN.saturating_add(1))
    }
}

/// How blobs are kept on either side, and transferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlobsConfig {
    /// Where a device keeps the contents of its blobs.
    pub client_backend: ClientBackend,
    /// How many blobs a client transfers at once.
    pub transfers: NonZeroUsize,
    /// Where the server keeps the contents of blobs.
    pub server_backend: ServerBackend,
    /// Bytes of blobs that a user may store at the server, uploads under way included, unless the user's account says
    /// otherwise.
    pub quota: u64,
    /// Bytes up to which the server keeps a content in its database, beside the row that names it, at most 65,536. 0 sends
    /// every content to the backend.
    pub small_bytes: u32,
}

impl Default for BlobsConfig {
    fn default() -> Self {
        Self {
            client_backend: ClientBackend::default(),
            transfers: NonZeroUsize::MIN.saturating_add(2),
            server_backend: ServerBackend::Files,
            quota: 16 << 30,
            small_bytes: 64 << 10,
        }
    }
}

/// Where a device keeps the contents of new blobs. They are sealed in either place, and found in either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientBackend {
    /// In rows of the database that lists them, encrypted with it.
    Sqlcipher,
    /// In a file each.
    Files,
    /// In a row where they fit into one of 1 MiB, else in a file: small ones share flushes, large ones are not encrypted a
    /// second time.
    #[default]
    BySize,
}

/// Where the server keeps the contents of blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerBackend {
    /// Files in its own folder.
    Files,
    /// An object store at this address: `file:///a/folder`, or `s3://bucket/prefix` with the usual `AWS_…` variables.
    ObjectStore(String),
}

/// How a device holds its OpenPGP keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyringConfig {
    /// Keep keys unlocked and parsed in memory for the life of the client. Without, they are for each message anew.
    pub reuse: bool,
}

impl Default for KeyringConfig {
    fn default() -> Self {
        Self { reuse: true }
    }
}

/// What the server bears with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Whether each user's metadata is in a database of its own.
    pub database: ServerDatabase,
    /// Seconds that the head of a request may take, and that a connection may be idle.
    pub head_seconds: u32,
    /// Seconds that nothing of a body may arrive.
    pub body_seconds: u32,
    /// Headers that a request may have.
    pub headers: usize,
    /// Bytes of the largest blob.
    pub blob_bytes: u64,
    /// Blobs that are received at once.
    pub blob_writes: usize,
    /// Blobs of one user among them.
    pub user_blob_writes: usize,
    /// Seconds after which an upload that nobody goes on with is given up.
    pub upload_seconds: u32,
    /// Connections that a process has open at once; more wait, and make those that are idle go.
    pub connections: usize,
    /// Seconds that requests may go on after the server was told to end.
    pub stop_seconds: u32,
    /// Runtimes of a process. One has a thread for each core; of several, each has one thread, and sockets of its own.
    pub runtimes: NonZeroUsize,
    /// Processes that share a port, started by a [`crate::server::Supervisor`].
    pub processes: NonZeroUsize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            database: ServerDatabase::default(),
            head_seconds: 30,
            body_seconds: 30,
            headers: 64,
            blob_bytes: 4 << 30,
            blob_writes: 64,
            user_blob_writes: 16,
            upload_seconds: 24 * 60 * 60,
            connections: 256,
            stop_seconds: 30,
            runtimes: NonZeroUsize::MIN,
            processes: NonZeroUsize::MIN,
        }
    }
}

/// How the server keeps what it knows of users' documents and blobs. A folder of data keeps the layout that it began with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerDatabase {
    /// One database for each user: one can be moved, restored or removed alone, and nobody waits for another's writes.
    #[default]
    PerUser,
    /// One database for all: writes of many users are committed together.
    Shared,
}

impl ServerDatabase {
    /// As settings spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerUser => "per-user",
            Self::Shared => "shared",
        }
    }
}

impl std::fmt::Display for ServerDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the server takes incoming messages, and lets clients work on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IncomingConfig {
    /// How often a message may be reserved. Who reserves it once more finds it failed.
    pub max_tries: NonZeroU32,
    /// Seconds until a message that is reserved may be reserved by someone else.
    pub lease_seconds: u32,
    /// Bytes of the largest message, before it is encrypted.
    pub message_bytes: u64,
}

impl Default for IncomingConfig {
    fn default() -> Self {
        Self { max_tries: NonZeroU32::MIN.saturating_add(4), lease_seconds: 5 * 60, message_bytes: 64 << 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_the_default_and_unknown_names_are_refused() {
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
        let some = r#"{"store":{"journal":"delete","synchronous":"off"},"upload":{"batching":false}}"#;
        let config: Config = serde_json::from_str(some).unwrap();
        assert_eq!((config.store.journal, config.store.synchronous), (Journal::Delete, Synchronous::Off));
        assert!(!config.upload.batching && config.upload.early_return);
        let elsewhere = r#"{"blobs":{"server_backend":{"object-store":"s3://b/p"},"quota":5,"small_bytes":0}}"#;
        let blobs = serde_json::from_str::<Config>(elsewhere).unwrap().blobs;
        assert_eq!(
            blobs,
            BlobsConfig {
                server_backend: ServerBackend::ObjectStore("s3://b/p".to_owned()),
                quota: 5,
                small_bytes: 0,
                ..BlobsConfig::default()
            }
        );
        assert!(!serde_json::from_str::<Config>(r#"{"keyring":{"reuse":false}}"#).unwrap().keyring.reuse);
        for layout in [ServerDatabase::PerUser, ServerDatabase::Shared] {
            let text = format!(r#"{{"server":{{"database":"{layout}"}}}}"#);
            assert_eq!(serde_json::from_str::<Config>(&text).unwrap().server.database, layout);
        }
        let served = r#"{"server":{"runtimes":2,"processes":3,"stop_seconds":5,"connections":9}}"#;
        let server = serde_json::from_str::<Config>(served).unwrap().server;
        assert_eq!((server.runtimes.get(), server.processes.get()), (2, 3));
        assert_eq!((server.stop_seconds, server.connections), (5, 9));
        assert!(serde_json::from_str::<Config>(r#"{"server":{"processes":0}}"#).is_err());
        let incoming = r#"{"incoming":{"max_tries":2,"lease_seconds":3,"message_bytes":4}}"#;
        let incoming = serde_json::from_str::<Config>(incoming).unwrap().incoming;
        assert_eq!((incoming.max_tries.get(), incoming.lease_seconds, incoming.message_bytes), (2, 3, 4));
        assert!(serde_json::from_str::<Config>(r#"{"incoming":{"max_tries":0}}"#).is_err());
        let private = serde_json::from_str::<Config>(r#"{"http":{"ca":"/etc/ca.pem"}}"#).unwrap();
        assert_eq!(private.http, HttpConfig { ca: Some("/etc/ca.pem".into()), ..HttpConfig::default() });
        let pool = |json: &str| serde_json::from_str::<Config>(json).map(|config| config.crypto.pool);
        let three = NonZeroUsize::new(3).unwrap();
        assert_eq!(pool(r#"{"crypto":{"pool":"inline"}}"#).unwrap(), PoolConfig::Inline);
        assert_eq!(pool(r#"{"crypto":{"pool":{"processes":3}}}"#).unwrap(), PoolConfig::Processes(three));
        assert!(pool(r#"{"crypto":{"pool":{"threads":0}}}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"uploads":{}}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"store":{"pagesize":1}}"#).is_err());
    }
}
