//! Every content in one of two places: rows of the database, or a file. Which of them a new content goes to is a setting;
//! where an earlier one went is looked up, so that changing the setting loses nothing.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use rusqlite::Connection;

use super::files::Files;
use super::rows::{ROW, Rows};
use super::store::Answer;
use super::{BlobStore, BlobStoreError, ContentId, Entering, Stored};
use crate::config::ClientBackend;

/// Rows and files together.
pub(super) struct Placed {
    pub(super) rows: Rows,
    pub(super) files: Files,
    pub(super) setting: ClientBackend,
}

impl Placed {
    /// Both places; first the one where a content of so many bytes is put.
    fn order(&self, bytes: u64) -> [&dyn BlobStore; 2] {
        let in_a_row = match self.setting {
            ClientBackend::Sqlcipher => true,
            ClientBackend::Files => false,
            ClientBackend::BySize => bytes <= ROW,
        };
        if in_a_row { [&self.rows, &self.files] } else { [&self.files, &self.rows] }
    }
}

impl BlobStore for Placed {
    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: Bytes) -> Answer<'_, ()> {
        Box::pin(async move {
            let [first, second] = self.order(total);
            // What has begun goes on where it is: a content is never in both.
            let begun = first.stored(content).await?.is_some();
            let place = if begun || second.stored(content).await?.is_none() { first } else { second };
            place.write(content, total, offset, bytes).await
        })
    }

    fn enter(&self, content: ContentId, bytes: Bytes) -> Answer<'_, Entering> {
        self.order(bytes.len() as u64)[0].enter(content, bytes)
    }

    fn read(&self, content: ContentId, range: Range<u64>) -> Answer<'_, Bytes> {
        Box::pin(async move {
            let [first, second] = self.order(range.end);
            match first.read(content, range.clone()).await {
                // Nothing is there.
                Err(BlobStoreError::Gap { length: 0, .. }) => second.read(content, range).await,
                read => read,
            }
        })
    }

    fn read_beside(
        &self,
        index: &Connection,
        content: ContentId,
        length: u64,
    ) -> Result<Option<Bytes>, BlobStoreError> {
        self.rows.read_beside(index, content, length)
    }

    fn stored(&self, content: ContentId) -> Answer<'_, Option<Stored>> {
        Box::pin(async move {
            match self.rows.stored(content).await? {
                None => self.files.stored(content).await,
                found => Ok(found),
            }
        })
    }

    fn remove(&self, content: ContentId) -> Answer<'_, ()> {
        Box::pin(async move {
            match self.rows.stored(content).await? {
                Some(_) => self.rows.remove(content).await,
                None => self.files.remove(content).await,
            }
        })
    }

    fn list(&self) -> Answer<'_, Vec<ContentId>> {
        Box::pin(async move {
            let found: BTreeSet<_> = self.rows.list().await?.into_iter().chain(self.files.list().await?).collect();
            Ok(found.into_iter().collect())
        })
    }
}
