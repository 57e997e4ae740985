//! Blobs on this device as a user of the engine sees them: put, get, delete, list (`local`). Content is sealed before it is
//! stored, and opened only for the reader (`sealed`).

mod error;
mod local;
mod sealed;

pub use error::BlobError;
pub use local::{Blobs, PutAs};
