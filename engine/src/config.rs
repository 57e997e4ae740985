//! The engine's knobs: every choice that people argue about, so that what it buys can be measured. This file only
//! describes settings; it must never hold one that nothing obeys.

use std::num::NonZeroUsize;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Use one connection for many requests. Without, every request opens its own.
    pub keep_alive: bool,
    /// Send small packets at once (`TCP_NODELAY`).
    pub nodelay: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { keep_alive: true, nodelay: true }
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
}

impl Default for CryptoConfig {
    fn default() -> Self {
        Self { cipher: Cipher::default(), chunk_size: BlobSettings::default().chunk_size }
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

/// Where a device keeps the contents of its blobs. They are sealed in either place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientBackend {
    /// In rows of the database that lists them.
    #[default]
    Sqlcipher,
    /// In a file each.
    Files,
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

/// What the server bears with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
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
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            head_seconds: 30,
            body_seconds: 30,
            headers: 64,
            blob_bytes: 4 << 30,
            blob_writes: 64,
            user_blob_writes: 16,
            upload_seconds: 24 * 60 * 60,
        }
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
        assert!(serde_json::from_str::<Config>(r#"{"uploads":{}}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"store":{"pagesize":1}}"#).is_err());
    }
}
