//! Clears away what uploads left behind: those that nobody goes on with, and contents that a killed process made and no
//! row names. It must never touch anything else; a blob whose content is missing is reported, for people to look at.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::backend::ObjectName;
use super::shelf::Shelf;
use crate::server::Server;
use crate::server::refusal::Refusal;

/// How long uploads that are given up may stay.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(60 * 60);

/// How often to look whether another process that works on the same data has died.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// At uploads and processed messages only.
    Uploads,
    /// At those, and at every content whether a row names it and the other way round.
    Everything,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Uploads that were given up.
    pub uploads: usize,
    /// Messages that were removed, because their clients processed them and did not come back to delete them.
    pub messages: usize,
    /// Contents that were removed, because no row named them and the process that made them is dead.
    pub orphans: usize,
    /// Blobs and messages whose contents are missing. Nothing was done about them.
    pub missing: usize,
    /// Users whose blobs could not be looked at; the log says why.
    pub failed: usize,
}

/// Clears away what a process that was killed left behind, and from then on what nobody goes on with and what other
/// processes leave behind when they are killed.
pub(in crate::server) async fn keep_swept(server: Server) {
    let mut how = Sweep::Everything;
    loop {
        server.sweep(how).await;
        let swept = Instant::now();
        how = loop {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            if server.blobs().processes().has_lost_one() {
                break Sweep::Everything;
            }
            if swept.elapsed() >= BETWEEN_SWEEPS {
                break Sweep::Uploads;
            }
        };
    }
}

impl Server {
    /// Goes through the blobs of all users, one after the other.
    pub async fn sweep(&self, how: Sweep) -> SweepReport {
        let mut report = SweepReport::default();
        let users = self.accounts().numbers().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the users could not be listed, so nothing was swept");
            report.failed += 1;
            Vec::new()
        });
        for user in users {
            if let Err(refusal) = self.sweep_user(user, how, &mut report).await {
                tracing::error!(%refusal, user, "a user's blobs could not be swept");
                report.failed += 1;
            }
        }
        if report != SweepReport::default() {
            tracing::info!(?report, "swept");
        }
        report
    }

    async fn sweep_user(&self, user: i64, how: Sweep, report: &mut SweepReport) -> Result<(), Refusal> {
        if !self.stores().has(user).await? {
            return Ok(());
        }
        let store = self.stores().get(user).await?;
        report.uploads += self.blobs().clear_lost(store.shelf()).await?;
        for object in store.mailbox().clear().await? {
            self.blobs().remove(object).await;
            report.messages += 1;
        }
        if how == Sweep::Everything { self.compare(store.shelf(), report).await } else { Ok(()) }
    }

    /// Compares contents and rows. Rows are read before and after contents are listed, so that what comes or goes
    /// meanwhile is neither an orphan nor missing.
    async fn compare(&self, shelf: &Shelf, report: &mut SweepReport) -> Result<(), Refusal> {
        let before: HashSet<ObjectName> = shelf.objects().await?.whole.into_iter().collect();
        let present: HashSet<ObjectName> = self.blobs().backend().list(shelf.user()).await?.into_iter().collect();
        let after = shelf.objects().await?;
        for object in after.whole.iter().filter(|object| before.contains(*object) && !present.contains(*object)) {
            tracing::error!(user = shelf.user(), %object, "the content of a blob or message is missing");
            report.missing += 1;
        }
        let known: HashSet<&ObjectName> = after.whole.iter().chain(&after.uploads).collect();
        let processes = self.blobs().processes();
        for object in present.iter().filter(|object| !known.contains(object) && !processes.is_alive(object.process)) {
            self.blobs().remove(*object).await;
            report.orphans += 1;
        }
        Ok(())
    }
}
