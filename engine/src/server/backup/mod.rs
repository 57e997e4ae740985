//! Backups of a server's data: created while the server runs, restored into an empty folder, and verified. Each backup is a
//! consistent snapshot of every database, with the content of every blob that they name. An incomplete backup must never pass
//! for a complete one.
//!
//! Read `create` first; `lock` explains why no content disappears during a backup. All functions block, so call them on a
//! thread that may.

mod contents;
mod create;
mod damage;
mod databases;
mod error;
mod folder;
mod lock;
mod restore;
mod verify;

pub use create::{BackupReport, Progress, backup};
pub use damage::Damage;
pub use error::BackupError;
pub(super) use lock::BackupLock;
pub use restore::{RestoreReport, restore};
pub use verify::{VerifyReport, verify};
