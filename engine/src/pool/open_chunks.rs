//! Opens consecutive chunks of a blob.

use std::sync::Arc;

use super::frame::{Fields, Frame};
use super::work::Work;
use crate::crypto::{BlobKey, BlobName, BlobOpener, OpenError};

/// A blob that is being opened, with everything that another process needs to open it.
pub(crate) struct SharedBlob {
    opener: BlobOpener,
    key: BlobKey,
    /// User, namespace and id.
    name: [String; 3],
    prelude: Vec<u8>,
}

impl SharedBlob {
    /// Reads the prelude of the sealed blob, as [`BlobOpener::new`].
    pub(crate) fn new(key: &BlobKey, name: BlobName<'_>, prelude: &[u8]) -> Result<Self, OpenError> {
        let opener = BlobOpener::under(key, name, prelude)?;
        let name = [name.user, name.namespace, name.id].map(str::to_owned);
        Ok(Self { opener, key: key.clone(), name, prelude: prelude.to_vec() })
    }

    pub(crate) fn opener(&self) -> &BlobOpener {
        &self.opener
    }
}

/// Opens consecutive chunks in `window`, and returns their content without padding.
pub(crate) struct OpenChunks {
    pub(crate) blob: Arc<SharedBlob>,
    /// Index of the first chunk.
    pub(crate) first: u64,
    /// The sealed chunks, whole.
    pub(crate) window: Vec<u8>,
}

impl Work for OpenChunks {
    type Value = Vec<u8>;
    type Error = OpenError;
    const KIND: u8 = 2;

    fn perform(mut self) -> Result<Vec<u8>, OpenError> {
        let opener = self.blob.opener();
        let (mut at, mut opened, mut index) = (0, 0, self.first);
        while at < self.window.len() {
            let range = opener.layout().sealed_range(index);
            let length = (range.end - range.start) as usize;
            let remaining = self.window.len() - at;
            // The opener rejects an incomplete chunk, and bytes after the last one.
            let whole = if length == 0 { remaining } else { length.min(remaining) };
            let content = opener.open_chunk(index, &mut self.window[at..at + whole])?.len();
            self.window.copy_within(at..at + content, opened);
            (at, opened, index) = (at + whole, opened + content, index + 1);
        }
        self.window.truncate(opened);
        Ok(self.window)
    }

    fn pack(&self, frame: &mut Frame) {
        frame.reserve(self.window.len() + self.blob.prelude.len() + 1024);
        frame.put(self.blob.key.as_bytes());
        self.blob.name.iter().for_each(|part| frame.put(part.as_bytes()));
        frame.put(&self.blob.prelude);
        frame.put_number(self.first);
        frame.put(&self.window);
    }

    fn unpack(fields: &mut Fields<'_>) -> Option<Self> {
        let key = BlobKey::from_bytes(fields.take_array()?);
        let name = BlobName { user: fields.take_text()?, namespace: fields.take_text()?, id: fields.take_text()? };
        let blob = Arc::new(SharedBlob::new(&key, name, fields.take()?).ok()?);
        Some(Self { blob, first: fields.take_number()?, window: fields.take()?.to_vec() })
    }

    fn pack_value(value: Vec<u8>, frame: &mut Frame) {
        frame.put(&value);
    }

    fn unpack_value(fields: &mut Fields<'_>) -> Option<Vec<u8>> {
        Some(fields.take()?.to_vec())
    }
}
