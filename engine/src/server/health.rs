//! Checks that the database and the storage respond. However often the result is requested, they are checked at most once a
//! second.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::auth::Accounts;
use super::blobs::BlobService;

/// How long a result is reused.
const LIFETIME: Duration = Duration::from_secs(1);

/// How long the database and the storage may take to respond.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The latest result, and when it was obtained.
#[derive(Default)]
pub(super) struct Health {
    last: Mutex<Option<(Instant, HealthChecks)>>,
}

/// Whether what requests depend on responds.
#[derive(Debug, Clone, Copy)]
pub(super) struct HealthChecks {
    /// The database of accounts.
    pub(super) database: bool,
    /// The backend of blobs.
    pub(super) storage: bool,
}

impl Health {
    /// The latest result, renewed if it is too old.
    pub(super) async fn check(&self, accounts: &Accounts, blobs: &BlobService) -> HealthChecks {
        // Locked during the checks, so that concurrent requests share one result.
        let mut last = self.last.lock().await;
        if let Some((when, checks)) = *last
            && when.elapsed() < LIFETIME
        {
            return checks;
        }
        let (database, storage) = tokio::join!(timeout(TIMEOUT, accounts.check()), timeout(TIMEOUT, blobs.check()));
        let checks = HealthChecks { database: responds("database", database), storage: responds("storage", storage) };
        *last = Some((Instant::now(), checks));
        checks
    }
}

/// Whether a check succeeded; if not, the log has the reason.
fn responds<E: std::fmt::Display>(what: &str, answer: Result<Result<(), E>, Elapsed>) -> bool {
    match answer {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => tracing::error!(%error, "the {what} failed its health check"),
        Err(_) => tracing::error!("the {what} did not respond within {TIMEOUT:?}"),
    }
    false
}
