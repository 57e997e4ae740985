//! What proves that contents are all there, whatever kept them: one digest over names and contents. Its form is part of the
//! contract (`docs/SUBJECT.md`) and must never change.

use aws_lc_rs::digest::{Context, SHA256};

use super::hex;

/// SHA-256 over contents that come sorted by id: for each the id, a zero byte, the length (8 bytes, big-endian) and the
/// content.
pub(super) struct ContentsDigest(Context);

impl ContentsDigest {
    /// Of nothing yet.
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Takes the next content in.
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
