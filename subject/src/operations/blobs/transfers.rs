//! The way of blobs between a device and the server: the engine's transfer manager, from its start to its end. It must never
//! take a transfer that was given up for one that is done.

use std::collections::BTreeMap;

use benchline_engine::client::{BlobClient, BlobReport, Blobs, PutAs, TransferProgress};
use benchline_engine::config::Config;
use futures_util::future::BoxFuture;

use super::super::Setting;
use super::super::account::Account;
use super::devices::Devices;
use super::set::{self, BlobSet, NAMESPACE};
use crate::error::SubjectError;

/// A transfer, and in the end what was counted.
pub(super) type Counting = BoxFuture<'static, Result<BTreeMap<String, u64>, SubjectError>>;

/// A client that has just begun with what there is to do. It must be made on a runtime.
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

/// Puts the blobs into an account, off the clock.
pub(super) fn fill(setting: &Setting<'_>, set: BlobSet, account: &Account) -> Result<(), SubjectError> {
    let mut senders = Devices::new(setting, "fillers");
    setting.runtime.block_on(async {
        let sender = senders.fresh(&account.user).await?;
        set.put(sender.clone(), PutAs::Upload).await?;
        exchange(setting.config.clone(), sender, account.clone()).await?;
        senders.remove().await
    })
}

/// The digest over what a fresh device fetches from an account.
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
/// Where a single one did not come through.
pub(super) async fn sync(client: &BlobClient) -> Result<BlobReport, SubjectError> {
    let syncing = SubjectError::engine::<Box<dyn std::error::Error + Send + Sync>>("transferring blobs");
    let report = client.sync(NAMESPACE).await.map_err(|error| syncing(error.into()))?;
    match report.failed.first() {
        Some((address, why)) => Err(syncing(format!("{address}: {why}").into())),
        None => Ok(report),
    }
}

/// What the transfer manager counted: the bodies of blobs, each time they are sent.
pub(super) fn counters(progress: &TransferProgress) -> BTreeMap<String, u64> {
    let counters = [("wire_received", progress.bytes_received), ("wire_sent", progress.bytes_sent)];
    counters.map(|(name, count)| (name.to_owned(), count)).into()
}
