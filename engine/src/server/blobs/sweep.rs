//! Removes what uploads left behind: abandoned uploads, and contents that a dead process created and no row names. It must
//! never remove anything else. A blob whose content is missing is reported in the log.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::backend::ObjectName;
use super::user_blobs::UserBlobs;
use crate::server::Server;
use crate::server::refusal::Refusal;

/// How long abandoned uploads may stay.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(60 * 60);

/// How often to check whether another process that shares the data has died.
const BETWEEN_CHECKS: Duration = Duration::from_secs(2);

/// How thorough a sweep is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Only uploads and processed messages are checked.
    Uploads,
    /// In addition, all contents are compared with the rows that name them.
    Everything,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Abandoned uploads that were removed.
    pub uploads: usize,
    /// Processed messages that were removed because their clients did not delete them.
    pub messages: usize,
    /// Contents that were removed because no row names them and the process that created them is dead.
    pub orphans: usize,
    /// Blobs and messages whose contents are missing. They are left as they are.
    pub missing: usize,
    /// Users whose blobs could not be swept; the log has the reason.
    pub failed: usize,
}

/// Sweeps everything once, then abandoned uploads from time to time, and everything again whenever another process dies.
pub(in crate::server) async fn sweep_periodically(server: Server) {
    let mut sweep = Sweep::Everything;
    loop {
        server.sweep(sweep).await;
        let swept = Instant::now();
        sweep = loop {
            tokio::time::sleep(BETWEEN_CHECKS).await;
            if server.blobs().processes().remove_dead() {
                break Sweep::Everything;
            }
            if swept.elapsed() >= BETWEEN_SWEEPS {
                break Sweep::Uploads;
            }
        };
    }
}

impl Server {
    /// Sweeps the blobs of all users, one after the other.
    pub async fn sweep(&self, sweep: Sweep) -> SweepReport {
        let mut report = SweepReport::default();
        self.blobs().remove_deferred().await;
        let users = self.accounts().numbers().await.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot list the users, so nothing was swept");
            report.failed += 1;
            Vec::new()
        });
        for user in users {
            if let Err(refusal) = self.sweep_user(user, sweep, &mut report).await {
                tracing::error!(%refusal, user, "cannot sweep the blobs of a user");
                report.failed += 1;
            }
        }
        if report != SweepReport::default() {
            tracing::info!(?report, "swept");
        }
        report
    }

    async fn sweep_user(&self, user: i64, sweep: Sweep, report: &mut SweepReport) -> Result<(), Refusal> {
        if !self.stores().has(user).await? {
            return Ok(());
        }
        let store = self.stores().get(user).await?;
        report.uploads += self.blobs().remove_abandoned(store.blobs()).await?;
        for object in store.mailbox().remove_processed().await? {
            self.blobs().remove(object).await;
            report.messages += 1;
        }
        if sweep == Sweep::Everything { self.compare(store.blobs(), report).await } else { Ok(()) }
    }

    /// Compares contents and rows. Rows are read before and after contents are listed, so that a content that appears or
    /// disappears in the meantime counts neither as an orphan nor as missing.
    async fn compare(&self, blobs: &UserBlobs, report: &mut SweepReport) -> Result<(), Refusal> {
        let before: HashSet<ObjectName> = blobs.objects().await?.complete.into_iter().collect();
        let present: HashSet<ObjectName> = self.blobs().backend().list(blobs.user()).await?.into_iter().collect();
        let after = blobs.objects().await?;
        for object in after.complete.iter().filter(|object| before.contains(*object) && !present.contains(*object)) {
            tracing::error!(user = blobs.user(), %object, "the content of a blob or message is missing");
            report.missing += 1;
        }
        let named: HashSet<&ObjectName> = after.complete.iter().chain(&after.uploads).collect();
        let processes = self.blobs().processes();
        for object in present.iter().filter(|object| !named.contains(object) && !processes.is_alive(object.process)) {
            self.blobs().remove(*object).await;
            report.orphans += 1;
        }
        Ok(())
    }
}
