//! The client: it brings a replica and a server together and is the only one of the two that can read. Documents are
//! sealed while a body is produced and opened while one arrives; nothing leaves this room unsealed, and nothing that
//! does not open enters the replica.
//!
//! Read `sync` for the order of an exchange, `push` and `pull` for the streams, `recovery` for the root secret,
//! `blobs` for large things and `transfers` for how they travel, `keyring` and `incoming` for mail from outside.

mod blobs;
mod connection;
mod error;
mod file;
mod incoming;
mod keyring;
mod off_reactor;
mod pull;
mod push;
mod recovery;
mod sync;
mod transfers;

pub use blobs::{BlobClient, BlobError, BlobReport, Blobs, PutAs};
pub use error::{RecoveryError, SyncError};
pub use incoming::{BLOB_NAMESPACE, IncomingClient, IncomingReport, StoredBody, StoredMessage};
pub use keyring::{KEY_DOCUMENT, KeyRing, KeyRingError, UnlockedKeys};
pub use recovery::{RecoverySlot, StoredRecovery};
pub use sync::{SyncClient, SyncReport};
pub use transfers::{RunningTransfer, Settled, TransferProgress};
