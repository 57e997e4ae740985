//! The one owner of what runs and what waits. It learns by events which blobs to look at, asks the index what is to be done
//! about them, and runs as many transfers as are allowed. A failing or stuck transfer never holds up another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bundle::{self, Outcomes};
use super::failure::{Consequence, TransferError};
use super::schedule::{Next, Schedule};
use super::task::{Shared, Task};
use super::{backoff, download, http, upload};
use crate::protocol::{BUNDLE_BLOBS, BUNDLE_BYTES};
use crate::store::{BlobAddress, BlobRecord, BlobState, BlobStoreError, Work};

/// Failures in a row after which a transfer is given up. With the pauses in between that takes some hours.
const TRIES: u32 = 50;

/// Events that are looked at together.
const EVENTS: usize = 256;

/// What the manager is told.
pub(in crate::client) enum Event {
    /// The index says something new about this blob.
    Changed(BlobAddress),
    /// Someone wants to know when nothing is to be done about this blob any more.
    Settle(BlobAddress, oneshot::Sender<Settled>),
}

/// What became of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// Nothing is left to do.
    Done,
    /// It was given up: the state of the blob says what it is waiting for.
    Failed(String),
    /// What the server gives for it is not the blob.
    Quarantined,
    /// The server cannot be reached or does not accept the token; it goes on by itself when that is mended.
    Waiting(String),
}

/// Runs transfers until it is told to stop.
pub(in crate::client) struct Manager {
    shared: Arc<Shared>,
    schedule: Schedule,
    started: Instant,
    /// Each moves one blob, or several small ones together.
    tasks: JoinSet<Outcomes>,
    running: HashMap<Id, Vec<Task>>,
    stops: HashMap<BlobAddress, CancellationToken>,
    waiters: HashMap<BlobAddress, Vec<oneshot::Sender<Settled>>>,
    /// Since when the server is out of reach.
    unreachable: Option<Duration>,
}

impl Manager {
    /// A manager of at most `limit` transfers at once.
    pub(in crate::client) fn new(shared: Arc<Shared>, limit: usize) -> Self {
        Self {
            shared,
            schedule: Schedule::new(limit),
            started: Instant::now(),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            stops: HashMap::new(),
            waiters: HashMap::new(),
            unreachable: None,
        }
    }

    /// Runs until `events` ends; then every transfer stops at its next chunk, and what it has is kept.
    pub(in crate::client) async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        if let Err(error) = self.recover().await {
            tracing::error!(%error, "the blobs that wait for a transfer cannot be listed");
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
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended).await,
                count = events.recv_many(&mut inbox, EVENTS) => match count {
                    0 => break,
                    _ => self.hear(inbox.drain(..)).await,
                },
                () = at(wake) => {}
            }
        }
        self.stops.values().for_each(CancellationToken::cancel);
        while self.tasks.join_next().await.is_some() {}
    }

    /// Takes up everything that was to be done when the last client ended, however it did.
    async fn recover(&mut self) -> Result<(), BlobStoreError> {
        for record in self.shared.blobs.index().with_work().await? {
            if let Some(work) = record.work() {
                self.schedule.want(&record.address, work, record.priority);
            }
        }
        Ok(())
    }

    /// Starts and stops what the schedule says, and gives the time at which it wants to be asked again.
    async fn start(&mut self) -> Option<Duration> {
        loop {
            match self.schedule.next(self.started.elapsed()) {
                Next::Start(address, work) => self.start_one(&address, work).await,
                Next::Stop(address) => self.stop(&address),
                Next::Wait(until) => return until,
            }
        }
    }

    /// Starts a transfer, and with it those that can share its request.
    async fn start_one(&mut self, address: &BlobAddress, work: Work) {
        let mut addresses = vec![address.clone()];
        if work != Work::Delete {
            addresses.extend(self.schedule.along(address, BUNDLE_BLOBS - 1));
        }
        let records = match self.shared.blobs.index().get_all(addresses.clone()).await {
            Ok(records) => records,
            Err(error) => {
                addresses.iter().for_each(|address| self.schedule.ended(address));
                return self.unreadable(&addresses, &error);
            }
        };
        let mut bundle: Vec<BlobRecord> = Vec::new();
        let mut bytes = 0;
        for (position, (address, record)) in addresses.iter().zip(&records).enumerate() {
            // What was to be done may have been done or undone while it waited.
            let Some(record) = record.as_ref().filter(|record| record.work() == Some(work)) else {
                self.schedule.ended(address);
                self.plan(address, record.as_ref());
                continue;
            };
            let more = bundle::fits(record, work);
            let place_is_taken = position == 0 || !bundle.is_empty();
            let together = position == 0 || more.is_some_and(|more| bundle::has_room(bytes, more));
            if place_is_taken && together {
                bytes += more.unwrap_or(BUNDLE_BYTES);
                bundle.push(record.clone());
            } else {
                self.schedule.ended(address);
            }
            if more.is_none() {
                self.schedule.set_alone(address);
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

    /// Takes in what the manager was told.
    async fn hear(&mut self, events: impl Iterator<Item = Event>) {
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
        self.look_at(addresses).await;
    }

    /// Asks the index what is to be done about blobs.
    async fn look_at(&mut self, addresses: Vec<BlobAddress>) {
        match self.shared.blobs.index().get_all(addresses.clone()).await {
            Ok(records) => {
                for (address, record) in addresses.iter().zip(&records) {
                    self.plan(address, record.as_ref());
                }
            }
            Err(error) => self.unreadable(&addresses, &error),
        }
    }

    /// The index cannot be read: nothing is known, so nothing is done; the next start looks again.
    fn unreadable(&mut self, addresses: &[BlobAddress], error: &BlobStoreError) {
        tracing::error!(%error, "blobs cannot be looked up");
        for address in addresses {
            if self.schedule.runs(address).is_none() {
                self.schedule.remove(address);
            }
            self.settle(address, &Settled::Waiting(error.to_string()));
        }
    }

    /// Brings the schedule in line with what the index says of a blob.
    fn plan(&mut self, address: &BlobAddress, record: Option<&BlobRecord>) {
        let runs = self.schedule.runs(address);
        match record.and_then(|record| Some((record.work()?, record.priority))) {
            Some((work, priority)) => {
                if runs.is_some_and(|running| running != work) {
                    // What runs is not what is wanted any more. It is looked at again when it has ended.
                    self.stop(address);
                } else {
                    self.schedule.want(address, work, priority);
                }
            }
            None if runs.is_some() => self.stop(address),
            None => {
                self.schedule.remove(address);
                self.settle(address, &settled(record));
            }
        }
    }

    fn settle(&mut self, address: &BlobAddress, settled: &Settled) {
        for waiter in self.waiters.remove(address).unwrap_or_default() {
            // Who went away does not want to know.
            let _ = waiter.send(settled.clone());
        }
    }

    /// Draws the consequences of how a transfer ended.
    async fn ended(&mut self, ended: Result<(Id, Outcomes), JoinError>) {
        let (id, outcomes) = match ended {
            Ok((id, outcomes)) => (id, outcomes),
            Err(error) => (error.id(), Vec::new()),
        };
        let Some(tasks) = self.running.remove(&id) else { return };
        let addresses: Vec<_> = tasks.iter().map(|task| task.address().clone()).collect();
        self.shared.progress.send_modify(|progress| addresses.iter().for_each(|address| progress.end(address)));
        for address in &addresses {
            self.stops.remove(address);
            self.schedule.ended(address);
        }
        let outcomes = outcomes.into_iter().chain(std::iter::repeat_with(|| Err(TransferError::CutShort)));
        let mut pauses = Vec::new();
        let mut done = 0;
        for (task, outcome) in tasks.iter().zip(outcomes) {
            match outcome {
                Ok(()) => done += 1,
                Err(error) => pauses.extend(self.pause(task, &error).await.map(|pause| (task.address(), pause))),
            }
        }
        if done > 0 {
            self.unreachable = None;
            self.shared.progress.send_modify(|progress| progress.done += done);
        }
        self.look_at(addresses).await;
        for (address, pause) in pauses {
            self.schedule.delay(address, self.started.elapsed() + pause);
        }
    }

    /// How long a transfer that failed has to wait, if it has to.
    async fn pause(&mut self, task: &Task, error: &TransferError) -> Option<Duration> {
        self.draw(task, error).await.unwrap_or_else(|error| {
            tracing::error!(%error, "what became of a transfer cannot be noted");
            Some(backoff::delay(TRIES, random()))
        })
    }

    /// Notes a failure in the index and gives the pause before the next try, if one is needed.
    async fn draw(&mut self, task: &Task, error: &TransferError) -> Result<Option<Duration>, BlobStoreError> {
        let address = task.address();
        let failure = error.to_string();
        let index = self.shared.blobs.index().clone();
        let consequence = error.consequence();
        if consequence != Consequence::GoOn {
            tracing::debug!(blob = %address, %failure, ?consequence, "a transfer failed");
        }
        match consequence {
            Consequence::GoOn => Ok(None),
            Consequence::GoAlone => {
                self.schedule.set_alone(address);
                Ok(None)
            }
            Consequence::WaitForServer => {
                let now = self.started.elapsed();
                let away = now.saturating_sub(*self.unreachable.get_or_insert(now));
                self.settle(address, &Settled::Waiting(failure.clone()));
                index.change(address, |entry| Ok(BlobRecord::put_off(entry, failure, |tries| tries))).await?;
                Ok(Some(backoff::absence(away, random())))
            }
            Consequence::Retry(after) => {
                let noted = failure.clone();
                // A try that got further is the first of a new row: a bad line is slow, not hopeless.
                let before = if task.has_advanced() { 0 } else { u32::MAX };
                let count = move |tries: u32| tries.min(before).saturating_add(1);
                let tries = index.change(address, move |entry| Ok(BlobRecord::put_off(entry, noted, count))).await?;
                if tries >= TRIES {
                    return self.give_up(address, failure).await;
                }
                Ok(Some(backoff::delay(tries, random()).max(after.unwrap_or_default())))
            }
            Consequence::Unverified => {
                let again = index.change(address, |entry| Ok(BlobRecord::fail_verification(entry, failure))).await?;
                if let Err(content) = again {
                    tracing::warn!(blob = %address, "a blob failed verification too often and was given up");
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

    async fn give_up(&mut self, address: &BlobAddress, failure: String) -> Result<Option<Duration>, BlobStoreError> {
        tracing::warn!(blob = %address, %failure, "a transfer was given up");
        self.shared.progress.send_modify(|progress| progress.failed += 1);
        let told = Settled::Failed(failure.clone());
        let stays = self.shared.blobs.index().change(address, |entry| {
            BlobRecord::give_up(entry, failure);
            Ok(entry.as_ref().is_some_and(|record| record.work().is_some()))
        });
        let stays = stays.await?;
        self.settle(address, &told);
        // A deletion that the server refuses stays wanted; not soon.
        Ok(stays.then_some(Duration::from_secs(24 * 60 * 60)))
    }
}

async fn run(tasks: &[Task], work: Work) -> Outcomes {
    match (tasks, work) {
        ([task], _) => vec![run_one(task, work).await],
        (_, Work::Download) => bundle::download(tasks).await,
        // Deletions come one at a time.
        _ => bundle::upload(tasks).await,
    }
}

async fn run_one(task: &Task, work: Work) -> Result<(), TransferError> {
    match work {
        Work::Upload => upload::upload(task).await,
        Work::Download => download::download(task).await,
        Work::Delete => {
            http::delete(task).await?;
            task.shared.deletions.note(task.address());
            let deleted = |entry: &mut Option<BlobRecord>| {
                BlobRecord::deleted(entry);
                Ok(())
            };
            Ok(task.shared.blobs.index().change(task.address(), deleted).await?)
        }
    }
}

/// What to tell those who wait for a blob about which nothing is to be done.
fn settled(record: Option<&BlobRecord>) -> Settled {
    match record {
        Some(BlobRecord { state: BlobState::Quarantined, .. }) => Settled::Quarantined,
        Some(BlobRecord { state: BlobState::FailedUpload | BlobState::FailedDownload, failure, .. }) => {
            Settled::Failed(failure.clone().unwrap_or_default())
        }
        _ => Settled::Done,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// A number for jitter. That others could guess it would harm nobody.
pub(in crate::client) fn random() -> u32 {
    let bits = uuid::Uuid::new_v4().as_u128();
    bits as u32
}
