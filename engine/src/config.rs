//! The engine's settings. Every debatable design choice is one, so that its effect can be measured. This file only describes
//! them; a setting without effect must never exist.

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
    /// How databases are stored, on both sides.
    pub store: StoreConfig,
    /// How documents and blobs are sealed.
    pub crypto: CryptoConfig,
    /// How the length of sealed content is hidden.
    pub padding: Padding,
    /// How blobs are stored on both sides, and transferred.
    pub blobs: BlobsConfig,
    /// Limits and layout of the server.
    pub server: ServerConfig,
    /// How incoming messages are accepted and processed.
    pub incoming: IncomingConfig,
    /// How a device holds its OpenPGP keys.
    pub keyring: KeyringConfig,
    /// Whether the server caches the lookup of a token, for at most half a second.
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
    /// Send documents in batches, each one transaction at the server. Otherwise every document is a batch of its own.
    pub batching: bool,
    /// Have each batch acknowledged as soon as it is durable. Otherwise all are acknowledged with the last one.
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
    /// Use one connection for many requests. Otherwise every request opens its own.
    pub keep_alive: bool,
    /// Send small packets at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// A PEM file with the certificates of the only authorities that a client trusts, for a private server. Otherwise it
    /// trusts those of the system.
    pub ca: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { keep_alive: true, nodelay: true, ca: None }
    }
}

/// How a database is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The journal that makes transactions atomic.
    pub journal: Journal,
    /// What a committed transaction survives.
    pub synchronous: Synchronous,
    /// Bytes of a page, a power of two from 1024 to 65536. It applies to new databases; existing ones keep theirs.
    pub page_size: u32,
    /// Encrypt the client's database. The server's holds only sealed documents and is not encrypted again.
    pub cipher: bool,
    /// Commit all waiting writes in one transaction. Otherwise each write is a transaction of its own.
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

/// The journal that makes transactions atomic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Journal {
    /// A write-ahead log: readers and the writer do not block each other.
    Wal,
    /// A rollback journal, deleted at each commit.
    Delete,
}

/// What a committed transaction survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Synchronous {
    /// The end of the process, but not a power failure.
    Off,
    /// The end of the process; a power failure may undo the last transactions, but damages nothing.
    Normal,
    /// A power failure.
    Full,
}

/// How documents and blobs are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CryptoConfig {
    /// The cipher for new documents and blobs. Those sealed with another one can still be opened.
    pub cipher: Cipher,
    /// Bytes of a chunk of a blob, from 1 KiB to 1 MiB. It applies to new blobs; each records its own.
    pub chunk_size: u32,
    /// Where CPU-bound work runs.
    pub pool: PoolConfig,
}

impl Default for CryptoConfig {
    fn default() -> Self {
        Self { cipher: Cipher::default(), chunk_size: BlobSettings::default().chunk_size, pool: PoolConfig::default() }
    }
}

/// Where a client runs CPU-bound work: opening documents and large blobs, decrypting mail, deriving keys from passphrases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolConfig {
    /// On the calling thread, which blocks everything else there.
    Inline,
    /// On this number of threads.
    Threads(NonZeroUsize),
    /// In this number of processes. The program has to support it: see [`crate::pool::worker_if_asked`].
    Processes(NonZeroUsize),
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self::Threads(NonZeroUsize::MIN.saturating_add(1))
    }
}

/// How blobs are stored on both sides, and transferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlobsConfig {
    /// Where a device stores the contents of its blobs.
    pub client_backend: ClientBackend,
    /// Concurrent blob transfers of a client.
    pub transfers: NonZeroUsize,
    /// Where the server stores the contents of blobs.
    pub server_backend: ServerBackend,
    /// Bytes of blobs that a user may store at the server, unfinished uploads included, unless the user's account has its own
    /// quota.
    pub quota: u64,
    /// Contents of up to this many bytes are stored in the server's database, at most 65,536. With 0 the backend stores every
    /// content.
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

/// Where a device stores the contents of new blobs. They are sealed in both, and existing ones are found in both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientBackend {
    /// In rows of the database that lists them, encrypted with it.
    Sqlcipher,
    /// In one file each.
    Files,
    /// In a row if they fit into 1 MiB, otherwise in a file: small ones share flushes, large ones are not encrypted a second
    /// time.
    #[default]
    BySize,
}

/// Where the server stores the contents of blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerBackend {
    /// Files in its data folder.
    Files,
    /// An object store at this address: `file:///a/folder`, or `s3://bucket/prefix` with the usual `AWS_…` variables.
    ObjectStore(String),
}

/// How a device holds its OpenPGP keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyringConfig {
    /// Keep keys unlocked and parsed in memory for the life of the client. Otherwise they are unlocked for each message.
    pub reuse: bool,
}

impl Default for KeyringConfig {
    fn default() -> Self {
        Self { reuse: true }
    }
}

/// Limits and layout of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Whether each user's metadata is in a database of its own.
    pub database: ServerDatabase,
    /// Seconds that the head of a request may take, and that a connection may be idle.
    pub head_seconds: u32,
    /// Seconds without progress of a body.
    pub body_seconds: u32,
    /// Headers that a request may have.
    pub headers: usize,
    /// Bytes of the largest blob.
    pub blob_bytes: u64,
    /// Blobs that are received concurrently.
    pub blob_writes: usize,
    /// Blobs of one user among them.
    pub user_blob_writes: usize,
    /// Seconds after which an unfinished upload expires.
    pub upload_seconds: u32,
    /// Open connections of a process; further ones wait, and idle ones are closed for them.
    pub connections: usize,
    /// Seconds that requests may continue after the server was asked to stop.
    pub stop_seconds: u32,
    /// Runtimes of a process. A single one has a thread for each core; of several, each has one thread and its own sockets.
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

/// How the server stores the metadata of users' documents and blobs. A data folder keeps its initial layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerDatabase {
    /// One database per user: each can be moved, restored or removed alone, and no user waits for another's writes.
    #[default]
    PerUser,
    /// One database for all: writes of many users are committed together.
    Shared,
}

impl ServerDatabase {
    /// The name in settings.
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

/// How the server accepts incoming messages, and how clients process them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IncomingConfig {
    /// How often a message may be leased. After that it counts as failed.
    pub max_tries: NonZeroU32,
    /// Seconds until a lease expires, so that another device may lease the message.
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
