//! What `vectors/make.py` computed.

use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Vectors {
    pub(crate) blobs: Vec<Content>,
    pub(crate) documents: Vec<Content>,
    pub(crate) mail_sizes: Vec<MailSizes>,
    pub(crate) digests: Vec<DocumentsDigest>,
    /// Of texts that are messages.
    pub(crate) messages: Vec<DocumentsDigest>,
    /// Of the documents' versions after they were edited on two replicas, and both were synchronised.
    pub(crate) conflicts: Vec<DocumentsDigest>,
}

#[derive(Deserialize)]
pub(crate) struct Content {
    pub(crate) seed: u64,
    pub(crate) index: u64,
    pub(crate) size: usize,
    pub(crate) sha256: String,
}

#[derive(Deserialize)]
pub(crate) struct MailSizes {
    pub(crate) seed: u64,
    pub(crate) limit: u64,
    pub(crate) sizes: Vec<u64>,
}

/// The digest of a case's documents, as the operations on documents define it.
#[derive(Deserialize)]
pub(crate) struct DocumentsDigest {
    pub(crate) seed: u64,
    pub(crate) documents: u64,
    /// Bytes, or a word.
    pub(crate) size: serde_json::Value,
    pub(crate) digest: String,
}

pub(crate) fn read() -> Vectors {
    serde_json::from_str(include_str!("vectors/payload.json")).unwrap()
}
