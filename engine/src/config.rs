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
    /// How blobs are kept and transferred.
    pub blobs: BlobsConfig,
    /// How the length of what is sealed is hidden.
    pub padding: Padding,
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
            blobs: BlobsConfig::default(),
            padding: Padding::default(),
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

/// How blobs are kept and transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlobsConfig {
    /// Where a device keeps the contents of its blobs.
    pub client_backend: ClientBackend,
    /// How many blobs are transferred at once.
    pub transfers: NonZeroUsize,
}

impl Default for BlobsConfig {
    fn default() -> Self {
        Self { client_backend: ClientBackend::default(), transfers: NonZeroUsize::MIN.saturating_add(2) }
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
        assert!(serde_json::from_str::<Config>(r#"{"uploads":{}}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"store":{"pagesize":1}}"#).is_err());
    }
}
