//! Opens a batch of documents.

use std::sync::Arc;

use super::frame::{Fields, Frame};
use super::work::Work;
use crate::crypto::{Cipher, DocumentKey, DocumentSealer, OpenError, Padding};

/// Opens sealed documents. The first failure fails all.
pub(crate) struct OpenDocuments {
    /// Opens them.
    pub(crate) sealer: Arc<DocumentSealer>,
    /// Id, revision and sealed bytes of each.
    pub(crate) documents: Vec<(String, String, Vec<u8>)>,
}

/// Which document cannot be opened, by its index in the batch, and why.
pub(crate) struct OpenFailure {
    pub(crate) index: usize,
    pub(crate) source: OpenError,
}

const TOMBSTONE: &[u8] = &[0];
const CONTENT: &[u8] = &[1];

impl Work for OpenDocuments {
    type Value = Vec<Option<Vec<u8>>>;
    type Error = OpenFailure;
    const KIND: u8 = 1;

    fn perform(self) -> Result<Self::Value, OpenFailure> {
        let open = |(index, (id, revision, sealed)): (usize, (String, String, Vec<u8>))| {
            self.sealer.open(&id, &revision, sealed).map_err(|source| OpenFailure { index, source })
        };
        self.documents.into_iter().enumerate().map(open).collect()
    }

    fn pack(&self, frame: &mut Frame) {
        let bytes: usize =
            self.documents.iter().map(|(id, revision, sealed)| id.len() + revision.len() + sealed.len() + 12).sum();
        frame.reserve(bytes + 64);
        frame.put(self.sealer.key().as_bytes());
        for (id, revision, sealed) in &self.documents {
            frame.put(id.as_bytes());
            frame.put(revision.as_bytes());
            frame.put(sealed);
        }
    }

    fn unpack(fields: &mut Fields<'_>) -> Option<Self> {
        let key = DocumentKey::from_bytes(fields.take_array()?);
        let mut documents = Vec::new();
        while !fields.is_empty() {
            documents.push((fields.take_text()?.to_owned(), fields.take_text()?.to_owned(), fields.take()?.to_vec()));
        }
        // Opening does not depend on the cipher and padding for new documents.
        let sealer = Arc::new(DocumentSealer::under(key, Cipher::default(), Padding::default()));
        Some(Self { sealer, documents })
    }

    fn pack_value(value: Self::Value, frame: &mut Frame) {
        frame.reserve(value.iter().flatten().map(|content| content.len() + 10).sum::<usize>() + 10 * value.len());
        for content in value {
            frame.put(if content.is_some() { CONTENT } else { TOMBSTONE });
            frame.put(&content.unwrap_or_default());
        }
    }

    fn unpack_value(fields: &mut Fields<'_>) -> Option<Self::Value> {
        let mut value = Vec::new();
        while !fields.is_empty() {
            let is_content = fields.take()? == CONTENT;
            let content = fields.take()?.to_vec();
            value.push(is_content.then_some(content));
        }
        Some(value)
    }
}
