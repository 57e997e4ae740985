//! The blobs of this device, without a server: everything here works offline. Content is sealed while it is read; a blob
//! exists only when all of it is durable.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::BlobError;
use super::sealed::{OPENED_INLINE, Sealed};
use crate::config::Config;
use crate::crypto::{BlobSettings, Keys};
use crate::pool::Pool;
use crate::protocol::UserName;
use crate::store::{
    BlobAddress, BlobIndex, BlobRecord, BlobState, BlobStore, BlobStoreError, Deletion, Priority, WRITE_SIZE,
    open_blobs,
};

/// What a blob is stored for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PutAs {
    /// To be uploaded to the server.
    Upload,
    /// To stay on this device.
    Local,
    /// As [`PutAs::Local`], and a later draft of the same name replaces it.
    Draft,
}

/// The blobs of one user on this device. Clones share them.
#[derive(Clone)]
pub struct Blobs(Arc<Inner>);

struct Inner {
    index: BlobIndex,
    store: Arc<dyn BlobStore>,
    keys: Keys,
    user: UserName,
    settings: BlobSettings,
    pool: Pool,
}

impl Blobs {
    /// Opens the blobs in `folder`, which must exist, and removes what a crash left incomplete.
    ///
    /// # Errors
    /// [`BlobStoreError::InUse`] where another process has them open; errors of the database and of the file system.
    pub async fn open(folder: &Path, config: &Config, user: &UserName, keys: &Keys) -> Result<Self, BlobError> {
        let (index, store) = open_blobs(folder, &keys.database, config).await?;
        let settings = BlobSettings {
            cipher: config.crypto.cipher,
            chunk_size: config.crypto.chunk_size,
            padding: config.padding,
        };
        let pool = Pool::shared(config.crypto.pool);
        Ok(Self(Arc::new(Inner { index, store, keys: keys.clone(), user: user.clone(), settings, pool })))
    }

    /// Stores a blob of `length` bytes.
    ///
    /// # Errors
    /// [`BlobStoreError::Exists`] where a blob of this name exists that is not a draft; [`BlobError::Length`] where the content
    /// has another length. Nothing is stored then.
    pub async fn put(
        &self,
        address: &BlobAddress,
        length: u64,
        content: impl AsyncRead + Unpin,
        put_as: PutAs,
    ) -> Result<(), BlobError> {
        let draft = put_as == PutAs::Draft;
        let state = if put_as == PutAs::Upload { BlobState::PendingUpload } else { BlobState::LocalOnly };
        let blocks = |old: &BlobRecord| !(old.draft && draft) && old.state != BlobState::PendingDelete;
        // A large blob is not sealed in vain. A small one may be: the transition below rejects it.
        if length > WRITE_SIZE && self.index().get(address).await?.as_ref().is_some_and(blocks) {
            return Err(BlobStoreError::Exists(address.clone()).into());
        }
        let (sealed, insertion) = self.sealed(address).seal(self.store(), self.0.settings, length, content).await?;
        let new = sealed.id;
        let record = BlobRecord::stored(address.clone(), state, draft, length, sealed);
        let put = self.index().change_with_content(address, insertion, |entry| BlobRecord::put(entry, record)).await;
        let unused = match &put {
            Ok(replaced) => *replaced,
            Err(_) => Some(new),
        };
        if let Some(content) = unused {
            self.store().remove(content).await?;
        }
        Ok(put.map(drop)?)
    }

    /// Writes the content of a blob to `writer` and returns its length. Only verified bytes are written; what was written
    /// before an error is a verified prefix.
    ///
    /// # Errors
    /// [`BlobError::NotHere`] where only the server has it; [`BlobError::Open`] where it is damaged on this device.
    pub async fn get(&self, address: &BlobAddress, writer: impl AsyncWrite + Unpin) -> Result<u64, BlobError> {
        self.read(address, None, writer).await
    }

    /// As [`Self::get`], for the bytes in `range` only.
    ///
    /// # Errors
    /// As [`Self::get`], and [`BlobError::Range`].
    pub async fn get_range(
        &self,
        address: &BlobAddress,
        range: Range<u64>,
        writer: impl AsyncWrite + Unpin,
    ) -> Result<u64, BlobError> {
        self.read(address, Some(range), writer).await
    }

    async fn read(
        &self,
        address: &BlobAddress,
        range: Option<Range<u64>>,
        writer: impl AsyncWrite + Unpin,
    ) -> Result<u64, BlobError> {
        // A small content is read with its record: another hop to the database would cost as much as all the rest.
        let (record, inline) = self.index().get_with_inline(address, self.0.store.clone(), OPENED_INLINE).await?;
        let record = record.ok_or_else(|| BlobStoreError::Absent(address.clone()))?;
        let incomplete = matches!(record.state, BlobState::PendingDownload | BlobState::FailedDownload);
        match record.content {
            Some(content) if !incomplete => {
                self.sealed(address).open(self.store(), &self.0.pool, &content, inline, range, writer).await
            }
            _ if record.state == BlobState::Quarantined => Err(BlobError::Quarantined(address.clone())),
            _ => Err(BlobError::NotHere { address: address.clone(), state: record.state }),
        }
    }

    /// Deletes a blob on this device, and at the server with the next synchronisation.
    ///
    /// # Errors
    /// [`BlobStoreError::Absent`] where there is none.
    pub async fn delete(&self, address: &BlobAddress) -> Result<(), BlobError> {
        let wanted = address.clone();
        let Deletion { content, .. } =
            self.index().change(address, move |entry| BlobRecord::delete(entry, &wanted)).await?;
        if let Some(content) = content {
            self.store().remove(content).await?;
        }
        Ok(())
    }

    /// Requests an upload: a draft or local blob becomes an ordinary one, a failed one is tried again.
    ///
    /// # Errors
    /// [`BlobStoreError::Absent`] or [`BlobStoreError::State`] where there is nothing to upload.
    pub async fn want_upload(&self, address: &BlobAddress, priority: Priority) -> Result<(), BlobError> {
        let wanted = address.clone();
        Ok(self.index().change(address, move |entry| BlobRecord::want_upload(entry, &wanted, priority)).await?)
    }

    /// Requests a download. A blob that failed or was quarantined is tried again.
    ///
    /// # Errors
    /// [`BlobStoreError::State`] where it is being deleted.
    pub async fn want_download(&self, address: &BlobAddress, priority: Priority) -> Result<(), BlobError> {
        let wanted = address.clone();
        Ok(self.index().change(address, move |entry| BlobRecord::want_download(entry, &wanted, priority)).await?)
    }

    /// The record of a blob; `None` where it is unknown.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn find(&self, address: &BlobAddress) -> Result<Option<BlobRecord>, BlobError> {
        Ok(self.index().get(address).await?)
    }

    /// At most `limit` blobs of a namespace, sorted by id: those whose id comes after `after` (empty for all), in this
    /// state if one is given.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn list(
        &self,
        namespace: &str,
        state: Option<BlobState>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<BlobRecord>, BlobError> {
        Ok(self.index().list(namespace, state, after, limit).await?)
    }

    /// How many blobs of a namespace are in each state; states without any are left out.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn count(&self, namespace: &str) -> Result<HashMap<BlobState, u64>, BlobError> {
        Ok(self.index().count(namespace).await?)
    }

    /// Completes pending writes and closes the files. Later calls of any clone fail.
    pub async fn close(&self) {
        self.0.index.close().await;
    }

    pub(in crate::client) fn index(&self) -> &BlobIndex {
        &self.0.index
    }

    pub(in crate::client) fn store(&self) -> &dyn BlobStore {
        &*self.0.store
    }

    pub(in crate::client) fn sealed<'a>(&'a self, address: &'a BlobAddress) -> Sealed<'a> {
        Sealed { keys: &self.0.keys, user: self.0.user.as_str(), address }
    }

    pub(in crate::client) fn user(&self) -> &UserName {
        &self.0.user
    }
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blobs").field("user", &self.0.user).finish_non_exhaustive()
    }
}
