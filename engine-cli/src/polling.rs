//! Commands that ask the server again and again: how often they may, from where they go on, and which failures they wait out.

use std::time::Duration;

use benchline_engine::{
    client::{BlobError, SyncError},
    document::Generation,
};

use crate::device::Device;

/// The shortest pause between two rounds: each asks for the device's files and the server.
pub(crate) const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Whether the failure may end by itself.
pub(crate) fn is_transient(error: &anyhow::Error) -> bool {
    let passes = |error: &SyncError| {
        matches!(error, SyncError::Connection(_))
            || matches!(error, SyncError::Rejected(problem) if problem.status >= 500)
    };
    match (error.downcast_ref::<SyncError>(), error.downcast_ref::<BlobError>()) {
        (Some(error), _) | (_, Some(BlobError::Exchange(error))) => passes(error),
        _ => false,
    }
}

/// Where the device's documents are now: later changes come after it.
pub(crate) async fn position(device: &Device) -> anyhow::Result<Generation> {
    let replica = device.replica().await?;
    let position = replica.position().await?;
    replica.close().await;
    Ok(position.generation)
}
