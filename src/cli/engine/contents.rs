//! Contents of documents that came as headers only (`sync --metadata`): fetched when a command wants to read them.

use benchline_engine::{
    document::DocumentId,
    store::{Replica, StoreError},
};

use super::device::Device;

/// Fetches what a document says, in all its versions, where that is not here. A document that is whole needs no server.
pub(super) async fn bring(device: &Device, replica: &Replica, id: &DocumentId) -> anyhow::Result<()> {
    if is_absent(replica, id).await? { bring_all(device, replica, std::slice::from_ref(id)).await } else { Ok(()) }
}

/// Fetches what documents say of which it is known that they came without.
pub(super) async fn bring_all(device: &Device, replica: &Replica, absent: &[DocumentId]) -> anyhow::Result<()> {
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
