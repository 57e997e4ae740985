//! Stores each content in one of two stores: rows of the database, or files. A setting selects the store for new contents;
//! an existing content is looked up in both, so that changing the setting loses nothing.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use rusqlite::Connection;

use super::files::Files;
use super::rows::{ROW, Rows};
use super::store::StoreFuture;
use super::{BlobStore, BlobStoreError, ContentId, Insertion, Stored};
use crate::config::ClientBackend;

/// Rows and files together.
pub(super) struct CombinedStore {
    pub(super) rows: Rows,
    pub(super) files: Files,
    pub(super) setting: ClientBackend,
}

impl CombinedStore {
    /// Both stores, first the one for new contents of `bytes`.
    fn order(&self, bytes: u64) -> [&dyn BlobStore; 2] {
        let in_a_row = match self.setting {
            ClientBackend::Sqlcipher => true,
            ClientBackend::Files => false,
            ClientBackend::BySize => bytes <= ROW,
        };
        if in_a_row { [&self.rows, &self.files] } else { [&self.files, &self.rows] }
    }
}

impl BlobStore for CombinedStore {
    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let [first, second] = self.order(total);
            // A part is continued in the store that has it: a content is never in both.
            let exists = first.stored(content).await?.is_some();
            let store = if exists || second.stored(content).await?.is_none() { first } else { second };
            store.write(content, total, offset, bytes).await
        })
    }

    fn insert_whole(&self, content: ContentId, bytes: Bytes) -> StoreFuture<'_, Insertion> {
        self.order(bytes.len() as u64)[0].insert_whole(content, bytes)
    }

    fn read(&self, content: ContentId, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        Box::pin(async move {
            let [first, second] = self.order(range.end);
            match first.read(content, range.clone()).await {
                // It is not in this store.
                Err(BlobStoreError::Gap { length: 0, .. }) => second.read(content, range).await,
                read => read,
            }
        })
    }

    fn read_inline(
        &self,
        index: &Connection,
        content: ContentId,
        length: u64,
    ) -> Result<Option<Bytes>, BlobStoreError> {
        self.rows.read_inline(index, content, length)
    }

    fn stored(&self, content: ContentId) -> StoreFuture<'_, Option<Stored>> {
        Box::pin(async move {
            match self.rows.stored(content).await? {
                None => self.files.stored(content).await,
                found => Ok(found),
            }
        })
    }

    fn remove(&self, content: ContentId) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            match self.rows.stored(content).await? {
                Some(_) => self.rows.remove(content).await,
                None => self.files.remove(content).await,
            }
        })
    }

    fn list(&self) -> StoreFuture<'_, Vec<ContentId>> {
        Box::pin(async move {
            let found: BTreeSet<_> = self.rows.list().await?.into_iter().chain(self.files.list().await?).collect();
            Ok(found.into_iter().collect())
        })
    }
}
