//! The client: it synchronises a replica with a server, and of the two only the client can read content. It seals
//! documents while it produces a request body and opens them while a response arrives; nothing leaves this room unsealed,
//! and nothing that fails verification enters the replica.
//!
//! Read `sync` for documents, `recovery` for the root secret, `blobs` for large content and `transfers` for its way to
//! and from the server, `keyring` and `incoming` for mail from outside.

mod blobs;
mod blocking;
mod connection;
mod error;
mod file;
mod incoming;
mod keyring;
mod recovery;
mod sync;
mod transfers;

pub use blobs::{BlobError, Blobs, PutAs};
pub use error::{RecoveryError, SyncError};
pub use incoming::{BLOB_NAMESPACE, IncomingClient, IncomingReport, StoredBody, StoredMessage};
pub use keyring::{KEY_DOCUMENT, KeyRing, KeyRingError, UnlockedKeys};
pub use recovery::{RecoverySlot, StoredRecovery};
pub use sync::{SyncClient, SyncReport};
pub use transfers::{BlobClient, BlobReport, RunningTransfer, Settled, TransferProgress};
