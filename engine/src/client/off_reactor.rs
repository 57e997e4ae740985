//! Where work goes that would hold up the reactor: opening mail and unlocking keys. The only such way in the rooms that use it,
//! so that another pool can take its place. It must never be given work that waits for the network.

/// Runs work on a thread that may take long. `None` where it panicked, or the runtime is going down.
pub(super) async fn off_reactor<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
