//! What all requests on blobs share: where contents are kept, and how many may come at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, BackendError, ObjectName, Start};
use super::files::FilesBackend;
use super::objects::ObjectStoreBackend;
use super::shelf::Shelf;
use super::uploads::Trace;
use crate::config::{Config, ServerBackend, ServerConfig, Synchronous};
use crate::server::clock::now;
use crate::server::processes::Processes;
use crate::server::refusal::Refusal;

/// How long uploads may take to make durable what they have when the server ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// The server's side of all blobs.
pub(in crate::server) struct Blobs {
    backend: Arc<dyn Backend>,
    processes: Arc<Processes>,
    limits: ServerConfig,
    writes: Arc<Semaphore>,
    stopping: CancellationToken,
}

/// Leave to send a blob, for as long as it is held.
pub(super) struct WriteTurn {
    _own: OwnedSemaphorePermit,
    _any: OwnedSemaphorePermit,
}

impl Blobs {
    /// Keeps contents where `config` says: in files, that is in `folder`.
    pub(in crate::server) fn open(
        folder: PathBuf,
        config: &Config,
        processes: Processes,
    ) -> Result<Self, BackendError> {
        let durable = config.store.synchronous != Synchronous::Off;
        let backend: Arc<dyn Backend> = match &config.blobs.server_backend {
            ServerBackend::Files => Arc::new(FilesBackend::new(folder, durable)),
            ServerBackend::ObjectStore(address) => Arc::new(ObjectStoreBackend::open(address, durable)?),
        };
        Ok(Self {
            backend,
            processes: Arc::new(processes),
            limits: config.server,
            writes: Arc::new(Semaphore::new(config.server.blob_writes)),
            stopping: CancellationToken::new(),
        })
    }

    /// Where contents are.
    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Who makes contents.
    pub(in crate::server) fn processes(&self) -> &Arc<Processes> {
        &self.processes
    }

    /// What a blob may be.
    pub(super) fn limits(&self) -> &ServerConfig {
        &self.limits
    }

    /// Completes when the server ends.
    pub(in crate::server) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// When an upload that goes on now is given up, in seconds since 1970.
    pub(super) fn expiry(&self) -> i64 {
        now().saturating_add(self.limits.upload_seconds.into())
    }

    /// Leave to send one more blob. Nobody waits for it: who may not is told so, and when to come again.
    pub(super) fn write_turn(&self, shelf: &Shelf) -> Result<WriteTurn, Refusal> {
        let own = shelf.writes().clone().try_acquire_owned().map_err(|_| Refusal::TooMany)?;
        let any = self.writes.clone().try_acquire_owned().map_err(|_| Refusal::TooMany)?;
        Ok(WriteTurn { _own: own, _any: any })
    }

    /// Makes pieces a whole content, durably. Where it fails, something may be left to be removed.
    pub(in crate::server) async fn store(&self, object: ObjectName, pieces: Vec<Bytes>) -> Result<(), BackendError> {
        let mut writer = self.backend.write(object, Start::Whole).await?;
        for piece in pieces {
            writer.write(piece).await?;
        }
        writer.finish().await
    }

    /// Removes a content that no row names any more. What fails now is found when the server starts again.
    pub(in crate::server) async fn remove(&self, object: ObjectName) {
        if let Err(error) = self.backend.delete(object).await {
            tracing::warn!(%error, user = object.user, "a content could not be removed; the next start of the server will");
        }
    }

    /// Asks the backend for what it cannot have, to see whether it answers.
    pub(in crate::server) async fn check(&self) -> Result<(), BackendError> {
        let nothing = ObjectName { user: 0, process: 0, serial: 0 };
        match self.backend.read(nothing, 0..1).await {
            Ok(_) | Err(BackendError::Absent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives up what nobody can or will go on with, and answers how much that was.
    pub(super) async fn clear_lost(&self, shelf: &Shelf) -> Result<usize, Refusal> {
        let processes = self.processes.clone();
        let running = shelf.turns().running();
        let is_written = move |Trace { object, resumable, writer }| match writer {
            Some(writer) if writer == processes.own() => !resumable || running.contains(&object),
            Some(writer) => processes.is_alive(writer),
            None => false,
        };
        let lost = shelf.remove_lost(is_written).await?;
        for object in &lost {
            self.remove(*object).await;
        }
        Ok(lost.len())
    }

    /// Ends what arrives and waits until it is safe.
    pub(in crate::server) async fn stop(&self) {
        self.stopping.cancel();
        let all = u32::try_from(self.limits.blob_writes).unwrap_or(u32::MAX);
        if tokio::time::timeout(FAREWELL, self.writes.acquire_many(all)).await.is_err() {
            tracing::warn!("some uploads did not end in time; their clients go on from an earlier offset");
        }
    }
}
