//! What all requests on blobs share: the backend of contents, the limits, and the permits to upload.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, BackendError, ObjectName, Start};
use super::files_backend::FilesBackend;
use super::object_store_backend::ObjectStoreBackend;
use super::upload_records::UploadSummary;
use super::user_blobs::UserBlobs;
use crate::config::{Config, ServerBackend, ServerConfig, Synchronous};
use crate::server::backup::BackupLock;
use crate::server::clock::now;
use crate::server::process_registry::ProcessRegistry;
use crate::server::refusal::Refusal;

/// How long uploads may take to make durable what they received when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// The blobs of all users.
pub(in crate::server) struct BlobService {
    backend: Arc<dyn Backend>,
    processes: Arc<ProcessRegistry>,
    backup_lock: BackupLock,
    /// Contents to remove once no backup is being taken.
    deferred_removals: Mutex<Vec<ObjectName>>,
    limits: ServerConfig,
    /// The largest content, in bytes, that is stored in the database.
    small_bytes: u64,
    write_permits: Arc<Semaphore>,
    stopping: CancellationToken,
}

/// Permission to upload a blob, until it is dropped.
pub(super) struct WritePermit {
    _of_user: OwnedSemaphorePermit,
    _of_server: OwnedSemaphorePermit,
}

impl BlobService {
    /// Stores contents in the backend that `config` names; `folder` is that of the files backend. While `backup_lock` is
    /// taken no content is removed.
    pub(in crate::server) fn open(
        folder: PathBuf,
        config: &Config,
        processes: ProcessRegistry,
        backup_lock: BackupLock,
    ) -> Result<Self, BackendError> {
        let durable = config.store.synchronous != Synchronous::Off;
        let backend: Arc<dyn Backend> = match &config.blobs.server_backend {
            ServerBackend::Files => Arc::new(FilesBackend::new(folder, durable)),
            ServerBackend::ObjectStore(address) => Arc::new(ObjectStoreBackend::open(address, durable)?),
        };
        Ok(Self {
            backend,
            processes: Arc::new(processes),
            backup_lock,
            deferred_removals: Mutex::default(),
            limits: config.server,
            small_bytes: config.blobs.small_bytes.into(),
            write_permits: Arc::new(Semaphore::new(config.server.blob_writes)),
            stopping: CancellationToken::new(),
        })
    }

    /// The store of contents.
    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Whether a content of this length is stored in the database.
    pub(super) fn is_small(&self, length: u64) -> bool {
        length <= self.small_bytes
    }

    /// The server processes that share the data.
    pub(in crate::server) fn processes(&self) -> &Arc<ProcessRegistry> {
        &self.processes
    }

    /// The limits on blobs and uploads.
    pub(super) fn limits(&self) -> &ServerConfig {
        &self.limits
    }

    /// Is cancelled when the server stops.
    pub(in crate::server) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// When an upload expires that is active now, in seconds since 1970.
    pub(super) fn upload_expiry(&self) -> i64 {
        now().saturating_add(self.limits.upload_seconds.into())
    }

    /// Permission to upload one more blob to a user's blobs. It does not wait: if there are too many uploads, the request is
    /// rejected.
    pub(super) fn acquire_write(&self, blobs: &UserBlobs) -> Result<WritePermit, Refusal> {
        let of_user = blobs.write_permits().clone().try_acquire_owned().map_err(|_| Refusal::TooMany)?;
        let of_server = self.write_permits.clone().try_acquire_owned().map_err(|_| Refusal::TooMany)?;
        Ok(WritePermit { _of_user: of_user, _of_server: of_server })
    }

    /// Rejects early a blob of `length` bytes that exceeds the user's `quota`. The transaction that stores the blob checks
    /// the quota again.
    pub(in crate::server) async fn check_quota(
        &self,
        blobs: &UserBlobs,
        quota: u64,
        length: u64,
    ) -> Result<(), Refusal> {
        if self.make_room(blobs, quota, length).await? { Ok(()) } else { Err(Refusal::QuotaExceeded) }
    }

    /// Whether `length` more bytes fit into the user's `quota`, after abandoned uploads are removed if that is necessary.
    pub(super) async fn make_room(&self, blobs: &UserBlobs, quota: u64, length: u64) -> Result<bool, Refusal> {
        let fits = |used: u64| used.saturating_add(length) <= quota;
        if fits(blobs.usage().await?) {
            return Ok(true);
        }
        let removed = self.remove_abandoned(blobs).await?;
        Ok(removed > 0 && fits(blobs.usage().await?))
    }

    /// Writes a whole content, durably. If it fails, the caller must remove what may be left.
    pub(in crate::server) async fn write(&self, object: ObjectName, chunks: Vec<Bytes>) -> Result<(), BackendError> {
        let mut writer = self.backend.write(object, Start::Whole).await?;
        for chunk in chunks {
            writer.write(chunk).await?;
        }
        writer.finish().await
    }

    /// Removes a content that no row names any more; during a backup, once the backup has ended. If the removal fails, the
    /// sweep at the next start of the server removes it.
    pub(in crate::server) async fn remove(&self, object: ObjectName) {
        if self.backup_lock.is_taken() {
            self.deferred_removals.lock().unwrap_or_else(PoisonError::into_inner).push(object);
        } else {
            self.remove_now(object).await;
        }
    }

    /// Removes the contents whose removal a backup deferred, unless a backup is still being taken.
    pub(super) async fn remove_deferred(&self) {
        if self.backup_lock.is_taken() {
            return;
        }
        let deferred = std::mem::take(&mut *self.deferred_removals.lock().unwrap_or_else(PoisonError::into_inner));
        for object in deferred {
            self.remove_now(object).await;
        }
    }

    async fn remove_now(&self, object: ObjectName) {
        if let Err(error) = self.backend.delete(object).await {
            tracing::warn!(%error, user = object.user, "cannot remove a content; the next start of the server removes it");
        }
    }

    /// Reads a content that cannot exist, to check that the backend responds.
    pub(in crate::server) async fn check(&self) -> Result<(), BackendError> {
        let nothing = ObjectName { user: 0, process: 0, serial: 0 };
        match self.backend.read(nothing, 0..1).await {
            Ok(_) | Err(BackendError::Absent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes the uploads that have expired or that nobody can continue. Returns how many there were.
    pub(super) async fn remove_abandoned(&self, blobs: &UserBlobs) -> Result<usize, Refusal> {
        let processes = self.processes.clone();
        let locked = blobs.upload_locks().locked();
        let is_active = move |UploadSummary { object, resumable, writer }| match writer {
            Some(writer) if writer == processes.own_id() => !resumable || locked.contains(&object),
            Some(writer) => processes.is_alive(writer),
            None => false,
        };
        let abandoned = blobs.remove_abandoned(is_active).await?;
        for object in &abandoned {
            self.remove(*object).await;
        }
        Ok(abandoned.len())
    }

    /// Interrupts uploads and waits until what they received is durable.
    pub(in crate::server) async fn stop(&self) {
        self.stopping.cancel();
        let all = u32::try_from(self.limits.blob_writes).unwrap_or(u32::MAX);
        if tokio::time::timeout(GRACE, self.write_permits.acquire_many(all)).await.is_err() {
            tracing::warn!("some uploads did not end in time; their clients resume from an earlier offset");
        }
    }
}
