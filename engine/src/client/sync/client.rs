//! The sync client: what every exchange with a server needs, and the report of what it did.

use std::sync::Arc;

use crate::client::SyncError;
use crate::client::connection::{Connection, TIMEOUT};
use crate::config::{Config, UploadConfig};
use crate::crypto::{DocumentSealer, Keys};
use crate::pool::Pool;
use crate::protocol::UserName;

/// Synchronises the replicas of one user with one server.
pub struct SyncClient {
    pub(super) connection: Connection,
    pub(super) sealer: Arc<DocumentSealer>,
    pub(super) upload: UploadConfig,
    pub(super) pool: Pool,
}

/// What an exchange did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Versions of documents that were sent and are durable at the server.
    pub documents_sent: u64,
    /// Versions of documents that were received and are durable here.
    pub documents_received: u64,
    /// Bytes of the bodies that carried documents to the server.
    pub bytes_sent: u64,
    /// Bytes of the bodies that carried documents from the server.
    pub bytes_received: u64,
    /// Requests made.
    pub requests: u64,
    /// Documents that were received and now have concurrent versions.
    pub conflicts: u64,
}

impl SyncClient {
    /// A client for `user` at the server at `address`, such as `https://sync.example.org`. Plain `http` is accepted only
    /// for addresses on this machine.
    ///
    /// # Errors
    /// [`SyncError::Address`] or [`SyncError::Token`] where these cannot be used.
    pub fn new(config: &Config, address: &str, user: &UserName, token: &str, keys: &Keys) -> Result<Self, SyncError> {
        Ok(Self {
            connection: Connection::new(&config.http, Some(TIMEOUT), address, user, token)?,
            sealer: Arc::new(DocumentSealer::new(keys, config.crypto.cipher, config.padding)),
            upload: config.upload,
            pool: Pool::shared(config.crypto.pool),
        })
    }
}
