//! The blobs of this device, without a server: everything here works offline. What is put is sealed while it is read, and
//! counts only when all of it is durable.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::sealed::{ON_THE_SPOT, Sealed};
use super::{BlobError, WRITE};
use crate::config::Config;
use crate::crypto::{BlobSettings, Keys};
use crate::pool::Pool;
use crate::protocol::UserName;
use crate::store::{
    BlobAddress, BlobIndex, BlobRecord, BlobState, BlobStore, BlobStoreError, Deleted, Priority, open_blobs,
};

/// What a blob is put for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PutAs {
    /// To be sent to the server.
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
    /// Opens the blobs in `folder`, which must exist, and removes what a crash left half done.
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
    /// [`BlobStoreError::Exists`] where there is one of this name that is no draft; [`BlobError::Length`] where the content
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
        // Something large is not sealed for nothing. Something small is, now and then: the step says no soon enough.
        if length > WRITE && self.index().get(address).await?.as_ref().is_some_and(blocks) {
            return Err(BlobStoreError::Exists(address.clone()).into());
        }
        let (sealed, content) = self.sealed(address).seal(self.store(), self.0.settings, length, content).await?;
        let new = sealed.id;
        let record = BlobRecord::stored(address.clone(), state, draft, length, sealed);
        let put = self.index().change_entering(address, content, |entry| BlobRecord::put(entry, record)).await;
        let superfluous = match &put {
            Ok(replaced) => *replaced,
            Err(_) => Some(new),
        };
        if let Some(content) = superfluous {
            self.store().remove(content).await?;
        }
        Ok(put.map(drop)?)
    }

    /// Writes the content of a blob to `writer` and gives its length. Nothing unverified is written; what was written
    /// before an error is a verified beginning.
    ///
    /// # Errors
    /// [`BlobError::NotHere`] where only the server has it; [`BlobError::Open`] where it was damaged here.
    pub async fn get(&self, address: &BlobAddress, writer: impl AsyncWrite + Unpin) -> Result<u64, BlobError> {
        self.read(address, None, writer).await
    }

    /// As [`Self::get`], for the bytes in `range` alone.
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
        // What is small comes with its record: another hop to the database would cost as much as all else.
        let (record, small) = self.index().get_with_small(address, self.0.store.clone(), ON_THE_SPOT).await?;
        let record = record.ok_or_else(|| BlobStoreError::Absent(address.clone()))?;
        let incomplete = matches!(record.state, BlobState::PendingDownload | BlobState::FailedDownload);
        match record.content {
            Some(content) if !incomplete => {
                self.sealed(address).open(self.store(), &self.0.pool, &content, small, range, writer).await
            }
            _ if record.state == BlobState::Quarantined => Err(BlobError::Quarantined(address.clone())),
            _ => Err(BlobError::NotHere { address: address.clone(), state: record.state }),
        }
    }

    /// Deletes a blob on this device; what the server may know of is deleted there at the next opportunity.
    ///
    /// # Errors
    /// [`BlobStoreError::Absent`] where there is none.
    pub async fn delete(&self, address: &BlobAddress) -> Result<(), BlobError> {
        let wanted = address.clone();
        let Deleted { content, .. } =
            self.index().change(address, move |entry| BlobRecord::delete(entry, &wanted)).await?;
        if let Some(content) = content {
            self.store().remove(content).await?;
        }
        Ok(())
    }

    /// Wants a blob at the server: a draft or local one becomes an ordinary one, a failed one gets another try.
    ///
    /// # Errors
    /// [`BlobStoreError::Absent`] or [`BlobStoreError::State`] where there is nothing to send.
    pub async fn want_upload(&self, address: &BlobAddress, priority: Priority) -> Result<(), BlobError> {
        let wanted = address.clone();
        Ok(self.index().change(address, move |entry| BlobRecord::want_upload(entry, &wanted, priority)).await?)
    }

    /// Wants a blob here; one that failed or was quarantined gets another try.
    ///
    /// # Errors
    /// [`BlobStoreError::State`] where it is being deleted.
    pub async fn want_download(&self, address: &BlobAddress, priority: Priority) -> Result<(), BlobError> {
        let wanted = address.clone();
        Ok(self.index().change(address, move |entry| BlobRecord::want_download(entry, &wanted, priority)).await?)
    }

    /// What is known of a blob; `None` where nothing is.
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

    /// Writes what waits and closes the files. Later calls of any clone fail.
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
