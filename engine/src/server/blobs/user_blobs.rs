//! The blobs of one user in the database. Each method is one transaction. Only small contents are in the database; no method
//! reads or writes the others.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::backend::ObjectName;
use super::blob_records::{self, BlobFilter, BlobName, NamedObjects, StoredBlob};
use super::deletions::{self, Deleted, LastDeletion};
use super::small_contents;
use super::upload_locks::UploadLocks;
use super::upload_records::{self, BlobSpec, EntryOutcome, Reservation, Upload, UploadSummary};
use crate::protocol::{BlobCount, BlobEntry, BlobFlags, BlobId, Namespace};
use crate::server::clock::now;
use crate::server::conditions::Conditions;
use crate::server::refusal::{Missing, Refusal};
use crate::store::Database;

/// What a deletion removed.
pub(super) struct Removal {
    /// Whether the blob existed.
    pub(super) existed: bool,
    /// Contents that nothing names any more. Some may still be being written.
    pub(super) contents: Vec<ObjectName>,
}

/// A blob that is requested in a bundle.
pub(super) enum BundleLookup {
    /// It does not exist.
    Absent(BlobId),
    /// It is too large for a bundle.
    TooLarge(BlobId),
    /// It exists; its content is included if the database stores it.
    Blob(StoredBlob, Option<Bytes>),
}

/// A small blob whose content is verified and, unless it is included, durable in the backend.
pub(super) struct VerifiedBlob {
    /// The name of its content.
    pub(super) object: ObjectName,
    /// What the client announced.
    pub(super) spec: BlobSpec,
    /// Its bytes, if the database is to store them.
    pub(super) content: Option<Bytes>,
}

/// The blobs of one user.
pub(in crate::server) struct UserBlobs {
    database: Arc<Database>,
    user: i64,
    write_permits: Arc<Semaphore>,
    upload_locks: UploadLocks,
}

impl UserBlobs {
    /// The blobs in a user's database, with at most `writes` uploads at a time.
    pub(in crate::server) fn new(database: Arc<Database>, user: i64, writes: usize) -> Self {
        Self { database, user, write_permits: Arc::new(Semaphore::new(writes)), upload_locks: UploadLocks::default() }
    }

    /// The user's number.
    pub(super) fn user(&self) -> i64 {
        self.user
    }

    /// The permits to upload.
    pub(super) fn write_permits(&self) -> &Arc<Semaphore> {
        &self.write_permits
    }

    /// The locks on uploads.
    pub(super) fn upload_locks(&self) -> &UploadLocks {
        &self.upload_locks
    }

    /// The blob of this name, if it is complete.
    pub(super) async fn find(&self, name: &BlobName) -> Result<Option<StoredBlob>, Refusal> {
        let (user, name) = (self.user, name.clone());
        self.database.read(move |connection| Ok(blob_records::find(connection, user, &name)?)).await
    }

    /// The blob of this name, if it is complete, and the user's last deletion.
    pub(super) async fn find_with_last_deletion(
        &self,
        name: &BlobName,
    ) -> Result<(Option<StoredBlob>, LastDeletion), Refusal> {
        let (user, name) = (self.user, name.clone());
        self.database
            .read(move |connection| {
                Ok((blob_records::find(connection, user, &name)?, deletions::last(connection, user)?))
            })
            .await
    }

    /// The user's last deletion.
    pub(super) async fn last_deletion(&self) -> Result<LastDeletion, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(deletions::last(connection, user)?)).await
    }

    /// The blob of this name, if it is complete, and its content, if the database stores that.
    pub(super) async fn open(&self, name: &BlobName) -> Result<Option<(StoredBlob, Option<Bytes>)>, Refusal> {
        let (user, name) = (self.user, name.clone());
        self.database
            .read(move |connection| {
                let Some(blob) = blob_records::find(connection, user, &name)? else { return Ok(None) };
                let content = small_contents::find(connection, blob.object)?;
                Ok(Some((blob, content)))
            })
            .await
    }

    /// The blobs of these names, in this order, until they have `total_limit` bytes together. Blobs of more than
    /// `blob_limit` bytes are too large.
    pub(super) async fn find_bundle(
        &self,
        namespace: Namespace,
        ids: Vec<BlobId>,
        blob_limit: usize,
        total_limit: usize,
    ) -> Result<Vec<BundleLookup>, Refusal> {
        let user = self.user;
        self.database
            .read(move |connection| {
                let (mut found, mut bytes) = (Vec::with_capacity(ids.len()), 0);
                for id in ids {
                    let name = BlobName { namespace: namespace.clone(), id };
                    let Some(blob) = blob_records::find(connection, user, &name)? else {
                        found.push(BundleLookup::Absent(name.id));
                        continue;
                    };
                    if blob.entry.length > blob_limit as u64 {
                        found.push(BundleLookup::TooLarge(name.id));
                        continue;
                    }
                    bytes += blob.entry.length as usize;
                    if bytes > total_limit {
                        break;
                    }
                    let content = small_contents::find(connection, blob.object)?;
                    found.push(BundleLookup::Blob(blob, content));
                }
                Ok(found)
            })
            .await
    }

    /// The first `limit` blobs after the id `after`.
    pub(super) async fn list(
        &self,
        namespace: Namespace,
        filter: BlobFilter,
        after: String,
        limit: usize,
    ) -> Result<Vec<BlobEntry>, Refusal> {
        let user = self.user;
        let read = move |connection: &_| Ok(blob_records::list(connection, user, &namespace, &filter, &after, limit)?);
        self.database.read(read).await
    }

    /// The number and the bytes of blobs.
    pub(super) async fn count(&self, namespace: Namespace, filter: BlobFilter) -> Result<BlobCount, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(blob_records::count(connection, user, &namespace, &filter)?)).await
    }

    /// Bytes that the user stores, including uploads in progress.
    pub(super) async fn usage(&self) -> Result<u64, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(blob_records::usage(connection, user)?)).await
    }

    /// Removes a blob, if it meets the conditions, and all uploads under its name.
    pub(super) async fn remove(&self, name: BlobName, conditions: Conditions) -> Result<Removal, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                let blob = check_conditions(blob_records::find(connection, user, &name)?, &conditions)?;
                let mut contents = upload_records::remove_named(connection, user, &name)?;
                deletions::record(connection, user, &name)?;
                if let Some(blob) = &blob {
                    let small = small_contents::exists(connection, blob.object)?;
                    blob_records::remove(connection, user, &name)?;
                    contents.extend((!small).then_some(blob.object));
                }
                Ok(Removal { existed: blob.is_some(), contents })
            })
            .await
    }

    /// Replaces the flags of a blob, if it meets the conditions.
    pub(super) async fn set_flags(
        &self,
        name: BlobName,
        flags: BlobFlags,
        conditions: Conditions,
    ) -> Result<(), Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                let blob = check_conditions(blob_records::find(connection, user, &name)?, &conditions)?;
                blob.ok_or(Refusal::NotFound(Missing::Blob))?;
                Ok(blob_records::set_flags(connection, user, &name, flags)?)
            })
            .await
    }

    /// Begins an upload and reserves its length; `begun` is the last deletion before its request began. A resumable upload
    /// replaces another under its name, whose content is returned.
    pub(super) async fn reserve(
        &self,
        upload: Upload,
        resumable: bool,
        quota: u64,
        begun: LastDeletion,
    ) -> Result<Option<ObjectName>, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                match deletions::since(connection, user, &upload.spec.name, begun)? {
                    Deleted::No => {}
                    Deleted::Yes => return Err(Refusal::NotFound(Missing::UploadEnded)),
                    Deleted::Unknown => return Err(Refusal::Busy),
                }
                let replaced = match resumable {
                    true => upload_records::find(connection, user, &upload.spec.name)?.map(|upload| upload.object),
                    false => None,
                };
                if let Some(object) = replaced {
                    upload_records::remove(connection, object)?;
                }
                if !upload_records::fits(connection, user, upload.spec.length, quota)? {
                    return Err(Refusal::QuotaExceeded);
                }
                upload_records::insert(connection, &upload, resumable)?;
                Ok(replaced)
            })
            .await
    }

    /// The upload under this name that can be resumed.
    pub(super) async fn upload(&self, name: &BlobName) -> Result<Option<Upload>, Refusal> {
        let (user, name) = (self.user, name.clone());
        let upload: Option<Upload> = self
            .database
            .read(move |connection| Ok::<_, Refusal>(upload_records::find(connection, user, &name)?))
            .await?;
        Ok(upload.filter(|upload| now() < upload.expires))
    }

    /// Records which process writes an upload from now on.
    pub(super) async fn claim_upload(&self, object: ObjectName, writer: u64) -> Result<(), Refusal> {
        self.database.write(move |connection| Ok(upload_records::claim(connection, object, writer)?)).await
    }

    /// Records how much of an upload is durable, and that nobody writes it any more if `release`.
    ///
    /// # Errors
    /// [`Missing::UploadEnded`] if the upload has ended. No other process can have claimed it while `writer` is alive.
    pub(super) async fn advance(&self, upload: &Upload, writer: u64, release: bool) -> Result<(), Refusal> {
        let (object, offset, expires) = (upload.object, upload.offset, upload.expires);
        let advance =
            move |connection: &_| upload_records::advance(connection, object, writer, offset, expires, release);
        let advanced = self.database.write(advance).await?;
        if advanced { Ok(()) } else { Err(Refusal::NotFound(Missing::UploadEnded)) }
    }

    /// Removes an upload. Returns whether there was one.
    pub(super) async fn cancel_upload(&self, object: ObjectName) -> Result<bool, Refusal> {
        self.database.write(move |connection| Ok(upload_records::remove(connection, object)?)).await
    }

    /// Makes a blob of a content that is durable and verified; see [`upload_records::enter`].
    pub(super) async fn enter(
        &self,
        object: ObjectName,
        spec: BlobSpec,
        reservation: Reservation,
    ) -> Result<(EntryOutcome, Vec<ObjectName>), Refusal> {
        self.database
            .write(move |connection| Ok(upload_records::enter(connection, object, &spec, reservation, now())?))
            .await
    }

    /// Makes blobs of verified contents, each as [`Self::enter`] does, all in one transaction; `begun` is the last deletion
    /// before their request began.
    pub(super) async fn store_small(
        &self,
        blobs: Vec<VerifiedBlob>,
        quota: u64,
        begun: LastDeletion,
    ) -> Result<Vec<(EntryOutcome, Vec<ObjectName>)>, Refusal> {
        self.database
            .write(move |connection| {
                let mut outcomes = Vec::with_capacity(blobs.len());
                for VerifiedBlob { object, spec, content } in &blobs {
                    let reservation = Reservation::None { quota, begun };
                    let outcome = upload_records::enter(connection, *object, spec, reservation, now())?;
                    if let (EntryOutcome::Created(_), Some(content)) = (&outcome.0, content) {
                        small_contents::insert(connection, *object, content)?;
                    }
                    outcomes.push(outcome);
                }
                Ok(outcomes)
            })
            .await
    }

    /// Removes abandoned uploads; see [`upload_records::remove_abandoned`].
    pub(super) async fn remove_abandoned(
        &self,
        is_active: impl Fn(UploadSummary) -> bool + Send + 'static,
    ) -> Result<Vec<ObjectName>, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| Ok(upload_records::remove_abandoned(connection, user, now(), is_active)?))
            .await
    }

    /// The contents that the database names and the backend must have.
    pub(super) async fn objects(&self) -> Result<NamedObjects, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(blob_records::objects(connection, user)?)).await
    }
}

/// The blob or its absence, if `If-Match` allows that.
fn check_conditions(blob: Option<StoredBlob>, conditions: &Conditions) -> Result<Option<StoredBlob>, Refusal> {
    match conditions.if_match(blob.as_ref().map(StoredBlob::tag).as_deref()) {
        true => Ok(blob),
        false => Err(Refusal::PreconditionFailed),
    }
}
