//! The digest that proves that all contents are there, whatever stored them. Its form is part of the contract
//! (`docs/SUBJECT.md`) and must never change.

use aws_lc_rs::digest::{Context, Digest, SHA256};

/// SHA-256 over contents that come sorted by id: for each the id, a zero byte, the length (8 bytes, big-endian) and the
/// content.
pub(super) struct ContentsDigest(Context);

impl ContentsDigest {
    /// Of no contents.
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Adds the next content.
    pub(super) fn add(&mut self, id: &str, content: &[u8]) {
        self.0.update(id.as_bytes());
        self.0.update(&[0]);
        self.0.update(&(content.len() as u64).to_be_bytes());
        self.0.update(content);
    }

    /// Lowercase hex.
    pub(super) fn finish(self) -> String {
        hex(&self.0.finish())
    }
}

/// Lowercase hex.
pub(super) fn hex(digest: &Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
