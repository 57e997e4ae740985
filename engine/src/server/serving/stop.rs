//! How a server is told to end: gently, so that requests under way finish, or at once. Both are safe for the data; what
//! was acknowledged stays either way.

use std::io::{self, Read};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Tells servers to end. Clones tell the same ones.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    gently: CancellationToken,
    at_once: CancellationToken,
}

impl Stop {
    /// Tells nobody anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends gently at the first SIGTERM or SIGINT, and at once at the second. SIGHUP, which has a certificate read again,
    /// ends nothing where there is none. Within a runtime only.
    ///
    /// # Errors
    /// Where the system does not let signals be caught.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        // Once caught, it is caught for as long as the process lives.
        drop(signal(SignalKind::hangup())?);
        let stop = self.clone();
        tokio::spawn(async move {
            next(&mut signals).await;
            tracing::info!("told to end: requests under way finish, once more ends at once");
            stop.gently();
            next(&mut signals).await;
            tracing::warn!("told to end at once");
            stop.at_once();
        });
        Ok(())
    }

    /// Ends gently when standard input does, which is when whoever started this process, a [`super::Family`] for
    /// example, is gone without saying so.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn on_end_of_input(&self) -> io::Result<()> {
        let stop = self.clone();
        // A thread of nobody's: a runtime would not end before the read does, which is when the parent has gone, and the
        // parent waits for this process.
        std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            // What anyone writes there means nothing; an error means that nobody can.
            while let Ok(1..) = io::stdin().read(&mut [0; 64]) {}
            stop.gently();
        })?;
        Ok(())
    }

    /// No new requests; those under way finish.
    pub fn gently(&self) {
        self.gently.cancel();
    }

    /// Now.
    pub fn at_once(&self) {
        self.gently.cancel();
        self.at_once.cancel();
    }

    /// One that ends when this one does, and may end before.
    pub(super) fn child(&self) -> Self {
        Self { gently: self.gently.child_token(), at_once: self.at_once.child_token() }
    }

    /// Whether to end, one way or the other.
    pub(in crate::server) fn is_asked(&self) -> bool {
        self.gently.is_cancelled()
    }

    /// Completes when it is time to end, one way or the other.
    pub(in crate::server) async fn asked(&self) {
        self.gently.cancelled().await;
    }

    /// Completes when it is time to end at once.
    pub(in crate::server) async fn asked_at_once(&self) {
        self.at_once.cancelled().await;
    }
}

async fn next((terminate, interrupt): &mut (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
