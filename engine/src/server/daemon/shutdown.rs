//! How a server shuts down: gracefully, so that current requests finish, or immediately. Both are safe for the data; nothing
//! that was acknowledged is lost.

use std::io::{self, Read};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Asks servers to shut down. Clones ask the same ones.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    begun: CancellationToken,
    aborted: CancellationToken,
}

impl Shutdown {
    /// A shutdown that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shuts down gracefully at the first SIGTERM or SIGINT, and immediately at the second. SIGHUP, which reloads a
    /// certificate, does not end the process even if there is none. Call it within a runtime.
    ///
    /// # Errors
    /// The system's error if a signal handler cannot be installed.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        // The handler stays installed until the process ends.
        drop(signal(SignalKind::hangup())?);
        let shutdown = self.clone();
        tokio::spawn(async move {
            next(&mut signals).await;
            tracing::info!("shutting down: current requests finish; a second signal aborts them");
            shutdown.begin();
            next(&mut signals).await;
            tracing::warn!("shutting down immediately");
            shutdown.abort();
        });
        Ok(())
    }

    /// Shuts down gracefully when standard input ends, which it does when the parent process, for example a
    /// [`super::Supervisor`], has died.
    ///
    /// # Errors
    /// The system's error if no thread can be started.
    pub fn on_end_of_input(&self) -> io::Result<()> {
        let shutdown = self.clone();
        // A thread outside any runtime: a runtime would not end before the read does, which is when the parent has died, while
        // the parent waits for this process.
        std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            // Input is ignored; an error counts as the end.
            while let Ok(1..) = io::stdin().read(&mut [0; 64]) {}
            shutdown.begin();
        })?;
        Ok(())
    }

    /// Begins a graceful shutdown: no new requests are accepted, current ones finish.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Shuts down immediately: current requests are aborted.
    pub fn abort(&self) {
        self.begun.cancel();
        self.aborted.cancel();
    }

    /// A shutdown that follows this one, and may begin earlier.
    pub(super) fn child(&self) -> Self {
        Self { begun: self.begun.child_token(), aborted: self.aborted.child_token() }
    }

    /// Whether shutdown has begun, graceful or not.
    pub(in crate::server) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Completes when shutdown begins, graceful or not.
    pub(in crate::server) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Completes when current requests are to be aborted.
    pub(in crate::server) async fn aborted(&self) {
        self.aborted.cancelled().await;
    }
}

async fn next((terminate, interrupt): &mut (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
