//! One version of a document: id, revision, and content or tombstone.

use std::fmt;

use super::{DocumentId, Revision};

/// One version of a document.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Which document.
    pub id: DocumentId,
    /// Which version of it, and which versions it descends from.
    pub revision: Revision,
    /// Its content; `None` is a tombstone: this version deleted the document.
    pub content: Option<Vec<u8>>,
}

/// Content is a secret and large: only its length is shown.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("id", &self.id)
            .field("revision", &self.revision)
            .field("content_length", &self.content.as_ref().map(Vec::len))
            .finish()
    }
}
