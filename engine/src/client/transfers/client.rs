//! Transfers blobs between this device and a server. Transfers run in the background from the moment a client is created;
//! the calls here request them and wait for them.

use std::num::NonZeroU64;
use std::sync::Arc;

use futures_util::future::{join_all, try_join_all};
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::http;
use super::manager::{Event, Manager, Settled};
use super::progress::TransferProgress;
use super::task::Shared;
use crate::client::connection::Connection;
use crate::client::{BlobError, Blobs, PutAs};
use crate::config::Config;
use crate::protocol::BlobEntry;
use crate::store::{BlobAddress, BlobRecord, BlobState, Priority, TransferFailure};

/// Events queued for the manager.
const EVENTS: usize = 256;

/// Transfers blobs between this device and a server.
pub struct BlobClient {
    shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    manager: JoinHandle<()>,
}

/// What a synchronisation of blobs did.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobReport {
    /// Blobs that were deleted at the server.
    pub deleted: u64,
    /// Blobs that were fetched.
    pub fetched: u64,
    /// Blobs that were sent.
    pub sent: u64,
    /// Blobs whose transfer failed, or waits for the server, and why.
    pub failed: Vec<(BlobAddress, TransferFailure)>,
}

impl BlobClient {
    /// A client for the user's blobs at the server at `address`. It resumes whatever an earlier one left unfinished. It must be
    /// created on a runtime, whose tasks do the work.
    ///
    /// # Errors
    /// [`crate::client::SyncError`] where address or token cannot be used.
    pub fn new(config: &Config, blobs: &Blobs, address: &str, token: &str) -> Result<Self, BlobError> {
        // Transfers have a timeout of their own, which does not limit how long a body may take.
        let connection = Connection::new(&config.http, None, address, blobs.user(), token)?;
        let shared = Arc::new(Shared::new(blobs.clone(), connection));
        let (events, inbox) = mpsc::channel(EVENTS);
        let manager = Manager::new(shared.clone(), config.blobs.transfers.get());
        Ok(Self { shared, events, manager: tokio::spawn(manager.run(inbox)) })
    }

    /// The blobs on this device.
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// As [`Blobs::put`]; a blob that is to be uploaded is queued for its transfer.
    ///
    /// # Errors
    /// As [`Blobs::put`].
    pub async fn put(
        &self,
        address: &BlobAddress,
        length: u64,
        content: impl AsyncRead + Unpin,
        put_as: PutAs,
    ) -> Result<(), BlobError> {
        self.blobs().put(address, length, content, put_as).await?;
        self.changed(address).await
    }

    /// As [`Blobs::delete`]; a transfer of the blob stops.
    ///
    /// # Errors
    /// As [`Blobs::delete`].
    pub async fn delete(&self, address: &BlobAddress) -> Result<(), BlobError> {
        self.blobs().delete(address).await?;
        self.changed(address).await
    }

    /// Sends a blob and waits until the server has it. A higher priority takes effect even while the transfer is running.
    ///
    /// # Errors
    /// [`BlobError::Failed`] and [`BlobError::Waiting`]; as [`Blobs::want_upload`].
    pub async fn send(&self, address: &BlobAddress, priority: Priority) -> Result<(), BlobError> {
        self.blobs().want_upload(address, priority).await?;
        self.settled(address).await
    }

    /// Fetches a blob and waits until it is here.
    ///
    /// # Errors
    /// [`BlobError::Failed`], [`BlobError::Quarantined`] and [`BlobError::Waiting`]; as [`Blobs::want_download`].
    pub async fn fetch(&self, address: &BlobAddress, priority: Priority) -> Result<(), BlobError> {
        self.blobs().want_download(address, priority).await?;
        self.settled(address).await
    }

    /// The blobs of a namespace at the server whose id comes after `after` (empty for all), and whether there are more.
    ///
    /// # Errors
    /// [`BlobError::Exchange`].
    pub async fn list_remote(&self, namespace: &str, after: &str) -> Result<(Vec<BlobEntry>, bool), BlobError> {
        Ok(http::list(&self.shared.connection, namespace, after).await?)
    }

    /// The server's entry for one blob; `None` where it has none of this name.
    ///
    /// # Errors
    /// [`BlobError::Exchange`].
    pub async fn find_remote(&self, address: &BlobAddress) -> Result<Option<BlobEntry>, BlobError> {
        Ok(http::find(&self.shared.connection, address).await?)
    }

    /// Deletes at the server what was deleted here, fetches what only the server has, and sends what only this device has
    /// and is to be sent. Blobs that failed permanently before are not tried again.
    ///
    /// # Errors
    /// [`BlobError::Exchange`] where the server cannot list its blobs. Later failures are in the report.
    pub async fn sync(&self, namespace: &str) -> Result<BlobReport, BlobError> {
        let mut report = BlobReport::default();
        // Deletions first, so that deleted blobs are not found at the server.
        self.settle_all(namespace, BlobRecord::work_is_deletion, &mut report).await?;
        self.discover(namespace).await?;
        self.settle_all(namespace, |record| record.state == BlobState::PendingDownload, &mut report).await?;
        self.settle_all(namespace, |record| record.state == BlobState::PendingUpload, &mut report).await?;
        Ok(report)
    }

    /// The progress of all transfers; the receiver always has the newest state.
    pub fn progress(&self) -> watch::Receiver<TransferProgress> {
        self.shared.progress.subscribe()
    }

    /// Limits the bandwidth of all transfers together, in bytes per second; `None` removes the limit.
    pub fn set_bandwidth(&self, rate: Option<NonZeroU64>) {
        self.shared.throttle.set(rate);
    }

    /// Stops every transfer at its next chunk and waits for that. What was transferred is kept. The blobs stay open.
    pub async fn close(self) {
        drop(self.events);
        // A panic of the manager has been reported already.
        let _ = self.manager.await;
    }

    async fn discover(&self, namespace: &str) -> Result<(), BlobError> {
        let _listing = self.shared.deletions.list();
        let mut after = String::new();
        loop {
            let (entries, more) = self.list_remote(namespace, &after).await?;
            let found = entries.iter().map(|entry| BlobAddress::new(namespace, entry.id.as_str()));
            let found = found.collect::<Result<Vec<_>, _>>()?;
            // Concurrently, so that they are committed together.
            let noted = found.iter().map(|address| {
                let (found, shared) = (address.clone(), self.shared.clone());
                self.blobs().index().change(address, move |entry| {
                    if !shared.deletions.contains(&found) {
                        BlobRecord::discover(entry, &found);
                    }
                    Ok(())
                })
            });
            try_join_all(noted).await?;
            match entries.last() {
                Some(last) if more => after = last.id.as_str().to_owned(),
                _ => return Ok(()),
            }
        }
    }

    /// Waits for all blobs of a namespace of one kind, and counts the outcomes.
    async fn settle_all(
        &self,
        namespace: &str,
        is_wanted: impl Fn(&BlobRecord) -> bool,
        report: &mut BlobReport,
    ) -> Result<(), BlobError> {
        let records = self.blobs().index().with_work().await?;
        let wanted = records.into_iter().filter(|record| record.address.namespace() == namespace && is_wanted(record));
        let waits = wanted.map(|record| async move { (self.settled(&record.address).await, record) });
        for (settled, record) in join_all(waits).await {
            match settled {
                Ok(()) if record.work_is_deletion() => report.deleted += 1,
                Ok(()) if record.state == BlobState::PendingUpload => report.sent += 1,
                Ok(()) => report.fetched += 1,
                Err(BlobError::Closed) => return Err(BlobError::Closed),
                Err(error) => report.failed.push((record.address, error.into())),
            }
        }
        Ok(())
    }

    async fn changed(&self, address: &BlobAddress) -> Result<(), BlobError> {
        self.events.send(Event::Changed(address.clone())).await.map_err(|_| BlobError::Closed)
    }

    /// Waits until no transfer of a blob is pending any more, or none is possible now.
    ///
    /// # Errors
    /// [`BlobError::Failed`], [`BlobError::Quarantined`], [`BlobError::Waiting`] and [`BlobError::Closed`].
    pub async fn settled(&self, address: &BlobAddress) -> Result<(), BlobError> {
        let (sender, receiver) = oneshot::channel();
        self.events.send(Event::Settle(address.clone(), sender)).await.map_err(|_| BlobError::Closed)?;
        let address = || address.clone();
        match receiver.await {
            Ok(Settled::Done) => Ok(()),
            Ok(Settled::Failed(failure)) => Err(BlobError::Failed { address: address(), failure }),
            Ok(Settled::Waiting(failure)) => Err(BlobError::Waiting { address: address(), failure }),
            Ok(Settled::Quarantined) => Err(BlobError::Quarantined(address())),
            Err(_) => Err(BlobError::Closed),
        }
    }
}
