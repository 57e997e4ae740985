//! Copies of a server's data: taken while it runs, put back into an empty folder, and checked. Each copy is one moment of
//! every database, with the content of every blob that they name; none may ever be taken for whole that is not.
//!
//! Read `take` first; `hold` explains why no content disappears meanwhile. All of this blocks: call it on a thread that may.

mod contents;
mod databases;
mod error;
mod folder;
mod hold;
mod restore;
mod take;
mod verify;

pub use error::BackupError;
pub(super) use hold::Hold;
pub use restore::{RestoreReport, restore};
pub use take::{BackupReport, Progress, backup};
pub use verify::{Damage, VerifyReport, verify};
