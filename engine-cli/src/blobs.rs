//! Which blobs a device has, and how one that is missing is fetched.

use anyhow::bail;
use benchline_engine::{
    client::{BlobClient, Blobs},
    store::{BlobAddress, BlobRecord, BlobState, Priority},
};

/// Blobs that are read from the index at once.
const PAGE: usize = 1000;

/// Every blob of a namespace that the device knows of.
pub(crate) async fn list_all(
    blobs: &Blobs,
    namespace: &str,
    state: Option<BlobState>,
) -> anyhow::Result<Vec<BlobRecord>> {
    let mut records: Vec<BlobRecord> = Vec::new();
    loop {
        let after = records.last().map_or(String::new(), |record| record.address.id().to_owned());
        let page = blobs.list(namespace, state, &after, PAGE).await?;
        let last = page.len() < PAGE;
        records.extend(page);
        if last {
            return Ok(records);
        }
    }
}

/// Whether its content is on this device.
pub(crate) async fn is_here(blobs: &Blobs, address: &BlobAddress) -> anyhow::Result<bool> {
    match blobs.find(address).await?.map(|record| record.state) {
        None | Some(BlobState::PendingDownload | BlobState::FailedDownload | BlobState::Quarantined) => Ok(false),
        Some(BlobState::PendingDelete) => {
            bail!("blob {address} was deleted on this device, but not yet at the server")
        }
        Some(_) => Ok(true),
    }
}

/// Fetches it. A name that nobody knows must not enter the index, where it would stay as a failure.
pub(crate) async fn fetch(client: &BlobClient, address: &BlobAddress) -> anyhow::Result<()> {
    if client.blobs().find(address).await?.is_none() && client.find_remote(address).await?.is_none() {
        bail!(
            "there is no blob {address}, neither here nor at the server: `benchline-engine ls --remote` shows what there is"
        );
    }
    Ok(client.fetch(address, Priority::Urgent).await?)
}
