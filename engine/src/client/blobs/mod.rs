//! Blobs as a user of the engine sees them: put, get, delete, list on this device (`local`), and their way to and from the
//! server (`remote`). Content is sealed before it reaches a disk and opened only for whoever asked.

mod error;
mod local;
mod remote;
mod sealed;

pub use error::BlobError;
pub use local::{Blobs, PutAs};
pub use remote::{BlobClient, BlobReport};

/// Writes to a store that end at multiples of this many bytes cost least. Of a blob under way a few times as much is held:
/// what is on its way into the store or out of it, and what comes next.
pub(super) const WRITE: u64 = 1 << 20;
