//! Runs rare, short CPU work, such as unlocking keys, off the runtime's threads. Frequent or long work goes to the crypto pool.

/// Runs `work` on a thread that may block. `None` where it panicked, or the runtime is shutting down.
pub(super) async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
