//! Work that would block the async runtime, moved to a thread that may block.

use super::refusal::Refusal;

/// Does `work` on a thread that may block.
pub(super) async fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    // The work ends early only if the runtime shuts down.
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Refusal::Busy))
}
