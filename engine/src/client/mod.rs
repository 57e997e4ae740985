//! The client: it brings a replica and a server together and is the only one of the two that can read. Documents are
//! sealed while a body is produced and opened while one arrives; nothing leaves this room unsealed, and nothing that
//! does not open enters the replica.
//!
//! Read `sync` for the order of an exchange, `push` and `pull` for the streams, `recovery` for the root secret.

mod connection;
mod error;
mod file;
mod pull;
mod push;
mod recovery;
mod sync;

pub use error::{RecoveryError, SyncError};
pub use recovery::{RecoverySlot, StoredRecovery};
pub use sync::{SyncClient, SyncReport};
