//! Documents: what a version is, how revisions order versions, and how concurrent versions merge. This room must never do I/O.
//! Start reading at `revision`, then `merge`.

mod history;
mod id;
mod merge;
mod revision;
mod version;

pub use history::{Generation, InvalidTransactionId, Position, TransactionId};
pub use id::{DocumentId, InvalidDocumentId, MAX_ID_LENGTH};
pub(crate) use merge::precedence;
pub use merge::{Arrival, MergeError, Merged, arrive, merge};
pub use revision::{InvalidRevision, MAX_REPLICAS, MAX_REVISION_TEXT, ReplicaId, Revision, RevisionOrder};
pub use version::Document;

/// The most content, in bytes, that one document may hold. Larger content is stored as a blob.
pub use crate::crypto::DOCUMENT_LIMIT as MAX_CONTENT;
