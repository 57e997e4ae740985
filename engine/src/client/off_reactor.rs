//! Where work goes that would hold up the reactor for a millisecond or two, and is rare: unlocking keys. What is frequent or
//! takes longer goes to the crypto pool.

/// Runs work on a thread that may take long. `None` where it panicked, or the runtime is going down.
pub(super) async fn off_reactor<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
