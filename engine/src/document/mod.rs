//! Documents as both sides of a synchronisation understand them: who they are, which revision descends from which, and
//! what happens when two revisions meet. Pure values and rules; this room must never do I/O.
//! Start reading at `revision`, then `merge`.

mod history;
mod id;
mod merge;
mod revision;

pub use history::{Generation, InvalidTransactionId, Position, TransactionId};
pub use id::{DocumentId, InvalidDocumentId, MAX_ID_LENGTH};
pub(crate) use merge::precedence;
pub use merge::{Arrival, MergeError, Merged, arrive, merge};
pub use revision::{InvalidRevision, MAX_REPLICAS, MAX_REVISION_TEXT, ReplicaId, Revision, RevisionOrder};

/// The most content, in bytes, that one document may hold. Larger things are blobs.
pub use crate::crypto::DOCUMENT_LIMIT as MAX_CONTENT;

/// One version of a document.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Which document.
    pub id: DocumentId,
    /// Which version of it, and which versions it descends from.
    pub revision: Revision,
    /// What it says; `None` is a tombstone: the document was deleted in this version.
    pub content: Option<Vec<u8>>,
}

/// Content is a secret and large: only its length is shown.
impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("id", &self.id)
            .field("revision", &self.revision)
            .field("content_length", &self.content.as_ref().map(Vec::len))
            .finish()
    }
}
