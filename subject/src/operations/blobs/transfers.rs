//! Transfers of blobs between a device and the server: the engine's transfer manager, from its start to its end. A transfer
//! that was given up must never count as done.

use std::collections::BTreeMap;

use benchline_engine::client::{BlobClient, BlobReport, Blobs, PutAs, TransferProgress};
use benchline_engine::config::Config;
use futures_util::future::BoxFuture;

use super::devices::Devices;
use super::set::{self, BlobSet, NAMESPACE};
use crate::error::SubjectError;
use crate::operations::account::Account;
use crate::operations::roles::Setup;

/// A transfer, which returns its counters.
pub(super) type Counting = BoxFuture<'static, Result<BTreeMap<String, u64>, SubjectError>>;

/// Starts a client, which begins with the waiting transfers. Must be called on a runtime.
pub(super) fn connect(config: &Config, blobs: &Blobs, account: &Account) -> Result<BlobClient, SubjectError> {
    BlobClient::new(config, blobs, &account.address, &account.token).map_err(SubjectError::engine("making a client"))
}

/// Sends all blobs of the device that wait for it, and fetches all that only the server has: a client's life, from its
/// connection to its end. Gives what it counted.
pub(super) async fn exchange(
    config: Config,
    blobs: Blobs,
    account: Account,
) -> Result<BTreeMap<String, u64>, SubjectError> {
    let client = connect(&config, &blobs, &account)?;
    sync(&client).await?;
    let counted = counters(&client.progress().borrow());
    client.close().await;
    Ok(counted)
}

/// Puts the blobs into an account, untimed.
pub(super) fn fill(setup: &Setup<'_>, set: BlobSet, account: &Account) -> Result<(), SubjectError> {
    let mut senders = Devices::new(setup, "fillers");
    setup.runtime.block_on(async {
        let sender = senders.fresh(&account.user).await?;
        set.put(sender.clone(), PutAs::Upload).await?;
        exchange(setup.config.clone(), sender, account.clone()).await?;
        senders.remove().await
    })
}

/// The digest of what a fresh device fetches from an account.
pub(super) async fn fetched(
    config: &Config,
    receivers: &mut Devices,
    account: Account,
) -> Result<String, SubjectError> {
    let receiver = receivers.fresh(&account.user).await?;
    exchange(config.clone(), receiver.clone(), account).await?;
    let digest = set::digest(&receiver).await?;
    receivers.remove().await?;
    Ok(digest)
}

/// One synchronisation of all blobs of the case.
///
/// # Errors
/// When any of them failed.
pub(super) async fn sync(client: &BlobClient) -> Result<BlobReport, SubjectError> {
    let syncing = SubjectError::engine::<Box<dyn std::error::Error + Send + Sync>>("transferring blobs");
    let report = client.sync(NAMESPACE).await.map_err(|error| syncing(error.into()))?;
    match report.failed.first() {
        Some((address, why)) => Err(syncing(format!("{address}: {why}").into())),
        None => Ok(report),
    }
}

/// The transfer manager's counters: bytes of the blobs' bodies, each time they are sent.
pub(super) fn counters(progress: &TransferProgress) -> BTreeMap<String, u64> {
    let counters = [("wire_received", progress.bytes_received), ("wire_sent", progress.bytes_sent)];
    counters.map(|(name, count)| (name.to_owned(), count)).into()
}
