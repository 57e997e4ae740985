//! The owner of all running and waiting transfers. Events tell it which blobs changed; it reads from the index what is to be
//! done, and runs as many transfers as allowed. A failing or stuck transfer never blocks another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::{self, random};
use super::bundle::{self, Results};
use super::error::{Consequence, TransferError};
use super::schedule::{Next, Schedule};
use super::task::{Shared, Task};
use super::{download, http, upload};
use crate::protocol::{BUNDLE_BLOBS, BUNDLE_BYTES};
use crate::store::{BlobAddress, BlobRecord, BlobState, BlobStoreError, TransferFailure, Work};

/// Consecutive failures after which a transfer is given up. With the delays in between that takes some hours.
const TRIES: u32 = 50;

/// Events that are handled together.
const EVENTS: usize = 256;

/// A message to the manager.
pub(super) enum Event {
    /// The record of this blob changed.
    Changed(BlobAddress),
    /// Report when no transfer of this blob is pending any more.
    Settle(BlobAddress, oneshot::Sender<Settled>),
}

/// The final state of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// Nothing is pending.
    Done,
    /// It was given up.
    Failed(TransferFailure),
    /// The server's bytes failed verification repeatedly.
    Quarantined,
    /// The server is unreachable or rejects the token; the transfer resumes by itself when that changes.
    Waiting(TransferFailure),
}

/// Runs transfers until the event channel is closed.
pub(super) struct Manager {
    shared: Arc<Shared>,
    schedule: Schedule,
    started: Instant,
    /// Each transfers one blob, or a bundle of small ones.
    tasks: JoinSet<Results>,
    running: HashMap<Id, Vec<Task>>,
    stops: HashMap<BlobAddress, CancellationToken>,
    waiters: HashMap<BlobAddress, Vec<oneshot::Sender<Settled>>>,
    /// Since when the server is unreachable.
    unreachable_since: Option<Duration>,
}

impl Manager {
    /// A manager of at most `limit` concurrent transfers.
    pub(super) fn new(shared: Arc<Shared>, limit: usize) -> Self {
        Self {
            shared,
            schedule: Schedule::new(limit),
            started: Instant::now(),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            stops: HashMap::new(),
            waiters: HashMap::new(),
            unreachable_since: None,
        }
    }

    /// Runs until `events` is closed; then every transfer stops at its next chunk, and what was transferred is kept.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        if let Err(error) = self.recover().await {
            tracing::error!(%error, "pending blob transfers cannot be listed");
        }
        let mut inbox = Vec::new();
        loop {
            let wake = self.start().await.map(|until| self.started + until);
            let waiting = self.schedule.waiting();
            self.shared
                .progress
                .send_if_modified(|progress| std::mem::replace(&mut progress.waiting, waiting) != waiting);
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next_with_id() => self.finish(ended).await,
                count = events.recv_many(&mut inbox, EVENTS) => match count {
                    0 => break,
                    _ => self.handle(inbox.drain(..)).await,
                },
                () = sleep_until(wake) => {}
            }
        }
        self.stops.values().for_each(CancellationToken::cancel);
        while self.tasks.join_next().await.is_some() {}
    }

    /// Schedules everything that was pending when the last client ended.
    async fn recover(&mut self) -> Result<(), BlobStoreError> {
        for record in self.shared.blobs.index().with_work().await? {
            if let Some(work) = record.work() {
                self.schedule.request(&record.address, work, record.priority);
            }
        }
        Ok(())
    }

    /// Starts and stops transfers as scheduled, and returns when to look again.
    async fn start(&mut self) -> Option<Duration> {
        loop {
            match self.schedule.next(self.started.elapsed()) {
                Next::Start(address, work) => self.start_one(&address, work).await,
                Next::Stop(address) => self.stop(&address),
                Next::Wait(until) => return until,
            }
        }
    }

    /// Starts a transfer, together with those that can share its request.
    async fn start_one(&mut self, address: &BlobAddress, work: Work) {
        let mut addresses = vec![address.clone()];
        if work != Work::Delete {
            addresses.extend(self.schedule.take_companions(address, BUNDLE_BLOBS - 1));
        }
        let records = match self.shared.blobs.index().get_all(addresses.clone()).await {
            Ok(records) => records,
            Err(error) => {
                addresses.iter().for_each(|address| self.schedule.release(address));
                return self.drop_unreadable(&addresses, &error);
            }
        };
        let mut bundle: Vec<BlobRecord> = Vec::new();
        let mut bytes = 0;
        for (position, (address, record)) in addresses.iter().zip(&records).enumerate() {
            // The work may have been done or cancelled while it waited.
            let Some(record) = record.as_ref().filter(|record| record.work() == Some(work)) else {
                self.schedule.release(address);
                self.plan(address, record.as_ref());
                continue;
            };
            let more = bundle::fits(record, work);
            let leader_is_included = position == 0 || !bundle.is_empty();
            let fits = position == 0 || more.is_some_and(|more| bundle::has_room(bytes, more));
            if leader_is_included && fits {
                bytes += more.unwrap_or(BUNDLE_BYTES);
                bundle.push(record.clone());
            } else {
                self.schedule.release(address);
            }
            if more.is_none() {
                self.schedule.set_unbundled(address);
            }
        }
        if !bundle.is_empty() {
            self.spawn(bundle, work);
        }
    }

    fn spawn(&mut self, bundle: Vec<BlobRecord>, work: Work) {
        self.shared.progress.send_modify(|progress| {
            bundle.iter().for_each(|record| progress.start(&record.address, work, record.priority));
        });
        let stop = CancellationToken::new();
        let tasks: Vec<_> =
            bundle.into_iter().map(|record| Task::new(self.shared.clone(), record, stop.clone())).collect();
        for task in &tasks {
            self.stops.insert(task.address().clone(), stop.clone());
        }
        let transfers = tasks.clone();
        let handle = self.tasks.spawn(async move { run(&transfers, work).await });
        self.running.insert(handle.id(), tasks);
    }

    fn stop(&self, address: &BlobAddress) {
        if let Some(stop) = self.stops.get(address) {
            stop.cancel();
        }
    }

    /// Handles events.
    async fn handle(&mut self, events: impl Iterator<Item = Event>) {
        let mut addresses = Vec::new();
        for event in events {
            match event {
                Event::Changed(address) => addresses.push(address),
                Event::Settle(address, waiter) => {
                    self.waiters.entry(address.clone()).or_default().push(waiter);
                    addresses.push(address);
                }
            }
        }
        self.refresh(addresses).await;
    }

    /// Reads from the index what is to be done about blobs.
    async fn refresh(&mut self, addresses: Vec<BlobAddress>) {
        match self.shared.blobs.index().get_all(addresses.clone()).await {
            Ok(records) => {
                for (address, record) in addresses.iter().zip(&records) {
                    self.plan(address, record.as_ref());
                }
            }
            Err(error) => self.drop_unreadable(&addresses, &error),
        }
    }

    /// Handles an index that cannot be read: these transfers are dropped until the next start.
    fn drop_unreadable(&mut self, addresses: &[BlobAddress], error: &BlobStoreError) {
        tracing::error!(%error, "blobs cannot be looked up");
        for address in addresses {
            if self.schedule.running(address).is_none() {
                self.schedule.remove(address);
            }
            self.settle(address, &Settled::Waiting(TransferFailure::other(error.to_string())));
        }
    }

    /// Updates the schedule from the record of a blob.
    fn plan(&mut self, address: &BlobAddress, record: Option<&BlobRecord>) {
        let running = self.schedule.running(address);
        match record.and_then(|record| Some((record.work()?, record.priority))) {
            Some((work, priority)) => {
                if running.is_some_and(|running| running != work) {
                    // Other work is wanted now. The blob is planned again when the running transfer has ended.
                    self.stop(address);
                } else {
                    self.schedule.request(address, work, priority);
                }
            }
            None if running.is_some() => self.stop(address),
            None => {
                self.schedule.remove(address);
                self.settle(address, &settled(record));
            }
        }
    }

    fn settle(&mut self, address: &BlobAddress, settled: &Settled) {
        for waiter in self.waiters.remove(address).unwrap_or_default() {
            // The receiver may have been dropped.
            let _ = waiter.send(settled.clone());
        }
    }

    /// Handles the end of a transfer or bundle.
    async fn finish(&mut self, ended: Result<(Id, Results), JoinError>) {
        let (id, results) = match ended {
            Ok((id, results)) => (id, results),
            Err(error) => (error.id(), Vec::new()),
        };
        let Some(tasks) = self.running.remove(&id) else { return };
        let addresses: Vec<_> = tasks.iter().map(|task| task.address().clone()).collect();
        self.shared.progress.send_modify(|progress| addresses.iter().for_each(|address| progress.end(address)));
        for address in &addresses {
            self.stops.remove(address);
            self.schedule.release(address);
        }
        let results = results.into_iter().chain(std::iter::repeat_with(|| Err(TransferError::CutShort)));
        let mut delays = Vec::new();
        let mut done = 0;
        for (task, result) in tasks.iter().zip(results) {
            match result {
                Ok(()) => done += 1,
                Err(error) => delays.extend(self.retry_delay(task, &error).await.map(|delay| (task.address(), delay))),
            }
        }
        if done > 0 {
            self.unreachable_since = None;
            self.shared.progress.send_modify(|progress| progress.done += done);
        }
        self.refresh(addresses).await;
        for (address, delay) in delays {
            self.schedule.delay(address, self.started.elapsed() + delay);
        }
    }

    /// How long a failed transfer has to wait, if at all.
    async fn retry_delay(&mut self, task: &Task, error: &TransferError) -> Option<Duration> {
        self.record_failure(task, error).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the failure of a transfer cannot be recorded");
            Some(backoff::delay(TRIES, random()))
        })
    }

    /// Records a failure in the index and returns the delay before the next try, if one is needed.
    async fn record_failure(&mut self, task: &Task, error: &TransferError) -> Result<Option<Duration>, BlobStoreError> {
        let address = task.address();
        let failure = error.failure();
        let index = self.shared.blobs.index().clone();
        let consequence = error.consequence();
        if consequence != Consequence::Resume {
            tracing::debug!(blob = %address, %failure, ?consequence, "a transfer failed");
        }
        match consequence {
            Consequence::Resume => Ok(None),
            Consequence::ResumeUnbundled => {
                self.schedule.set_unbundled(address);
                Ok(None)
            }
            Consequence::WaitForServer => {
                let now = self.started.elapsed();
                let outage = now.saturating_sub(*self.unreachable_since.get_or_insert(now));
                self.settle(address, &Settled::Waiting(failure.clone()));
                index.change(address, |entry| Ok(BlobRecord::postpone(entry, failure, |tries| tries))).await?;
                Ok(Some(backoff::outage_delay(outage, random())))
            }
            Consequence::Retry(after) => {
                let recorded = failure.clone();
                // A try that made progress resets the count: a bad connection is slow, not hopeless.
                let limit = if task.has_advanced() { 0 } else { u32::MAX };
                let count = move |tries: u32| tries.min(limit).saturating_add(1);
                let tries =
                    index.change(address, move |entry| Ok(BlobRecord::postpone(entry, recorded, count))).await?;
                if tries >= TRIES {
                    return self.give_up(address, failure).await;
                }
                Ok(Some(backoff::delay(tries, random()).max(after.unwrap_or_default())))
            }
            Consequence::Unverified => {
                let again = index.change(address, |entry| Ok(BlobRecord::fail_verification(entry, failure))).await?;
                if let Err(content) = again {
                    tracing::warn!(blob = %address, "a blob failed verification too often and is quarantined");
                    self.shared.progress.send_modify(|progress| progress.failed += 1);
                    if let Some(content) = content {
                        self.shared.blobs.store().remove(content).await?;
                    }
                    return Ok(None);
                }
                Ok(Some(backoff::delay(1, random())))
            }
            Consequence::GiveUp => self.give_up(address, failure).await,
        }
    }

    async fn give_up(
        &mut self,
        address: &BlobAddress,
        failure: TransferFailure,
    ) -> Result<Option<Duration>, BlobStoreError> {
        tracing::warn!(blob = %address, %failure, "a transfer was given up");
        self.shared.progress.send_modify(|progress| progress.failed += 1);
        let settled = Settled::Failed(failure.clone());
        let pending = self.shared.blobs.index().change(address, |entry| {
            BlobRecord::give_up(entry, failure);
            Ok(entry.as_ref().is_some_and(|record| record.work().is_some()))
        });
        let pending = pending.await?;
        self.settle(address, &settled);
        // A deletion that the server rejects stays pending, and is tried again a day later.
        Ok(pending.then_some(Duration::from_secs(24 * 60 * 60)))
    }
}

async fn run(tasks: &[Task], work: Work) -> Results {
    match (tasks, work) {
        ([task], _) => vec![run_one(task, work).await],
        (_, Work::Download) => bundle::download(tasks).await,
        // Deletions are never bundled.
        _ => bundle::upload(tasks).await,
    }
}

async fn run_one(task: &Task, work: Work) -> Result<(), TransferError> {
    match work {
        Work::Upload => upload::upload(task).await,
        Work::Download => download::download(task).await,
        Work::Delete => {
            http::delete(task).await?;
            task.shared.deletions.record(task.address());
            let deleted = |entry: &mut Option<BlobRecord>| {
                BlobRecord::deleted(entry);
                Ok(())
            };
            Ok(task.shared.blobs.index().change(task.address(), deleted).await?)
        }
    }
}

/// The final state of a blob without pending work.
fn settled(record: Option<&BlobRecord>) -> Settled {
    match record {
        Some(BlobRecord { state: BlobState::Quarantined, .. }) => Settled::Quarantined,
        Some(BlobRecord { state: BlobState::FailedUpload | BlobState::FailedDownload, failure, .. }) => {
            Settled::Failed(failure.clone().unwrap_or_else(|| TransferFailure::other("")))
        }
        _ => Settled::Done,
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
