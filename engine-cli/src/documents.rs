//! The device's documents: opened for a command, synchronised, and completed where only their headers are here
//! (`sync --metadata`).

use std::process::ExitCode;

use benchline_engine::{
    client::SyncReport,
    document::DocumentId,
    store::{Replica, StoreError},
};

use crate::{
    device::{Device, DeviceArgs},
    runtime::{runtime, unless_interrupted},
};

/// Fetches the content of a document, in all its versions, where it is not here. A complete document needs no server.
pub(crate) async fn fetch_if_absent(device: &Device, replica: &Replica, id: &DocumentId) -> anyhow::Result<()> {
    if is_absent(replica, id).await? { fetch_contents(device, replica, std::slice::from_ref(id)).await } else { Ok(()) }
}

/// Fetches the contents of documents that are known to lack them.
pub(crate) async fn fetch_contents(device: &Device, replica: &Replica, absent: &[DocumentId]) -> anyhow::Result<()> {
    if !absent.is_empty() {
        device.sync_client()?.fetch_contents(replica, absent).await?;
    }
    Ok(())
}

async fn is_absent(replica: &Replica, id: &DocumentId) -> anyhow::Result<bool> {
    for read in [replica.get(id).await.map(drop), replica.conflicts(id).await.map(drop)] {
        match read {
            Err(StoreError::Absent { .. }) => return Ok(true),
            read => read?,
        }
    }
    Ok(false)
}

/// Does `work` with the device's documents, and closes them.
///
/// # Errors
/// When the device cannot be opened, or `work` fails.
pub(crate) fn with_replica(
    device: &DeviceArgs,
    work: impl AsyncFnOnce(&Device, &Replica) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let device = device.open()?;
    runtime()?.block_on(async {
        let replica = device.replica().await?;
        let outcome = unless_interrupted(work(&device, &replica)).await;
        replica.close().await;
        Ok(outcome?.unwrap_or(ExitCode::FAILURE))
    })
}

/// Exchanges the documents; with `metadata`, fetches only the headers of those that other devices made.
pub(crate) async fn sync_documents(device: &Device, metadata: bool) -> anyhow::Result<SyncReport> {
    let replica = device.replica().await?;
    let client = device.sync_client()?;
    let report = if metadata { client.sync_metadata(&replica).await } else { client.sync(&replica).await };
    replica.close().await;
    Ok(report?)
}
