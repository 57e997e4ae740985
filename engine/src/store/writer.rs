//! The thread that writes to a database. Waiting writes are committed together (group commit): one flush to disk makes all
//! of them durable. A call returns only after the commit that contains its write; a write that fails is rolled back alone.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::DatabaseError;

/// Queued writes; further callers wait without taking up the queue's memory.
const QUEUE: usize = 64;

/// How long the writer must be idle before it checkpoints the log.
const IDLE: Duration = Duration::from_millis(100);

/// Pages in the log from which it is checkpointed even while writes are waiting. Writers wait for the checkpoint, so this
/// sets the worst latency of a busy server: 16 MiB, with pages of 8 KiB, take some ten milliseconds, and eight times as much
/// took eighty. The total work is nearly the same: most pages of a log are written once.
const LOG_LIMIT: i32 = 2048;

/// The result of committing a transaction.
type CommitResult = Result<(), Arc<rusqlite::Error>>;
/// Answers a caller, once the transaction has ended.
type Answer = Box<dyn FnOnce(CommitResult)>;
/// Runs a write, or fails where no transaction could begin. Returns whether to keep what it wrote.
type Job = Box<dyn FnOnce(Result<&Connection, Arc<rusqlite::Error>>) -> (bool, Answer) + Send>;

/// A handle to the writer thread. When the handle is dropped, the thread completes pending writes and ends.
pub(super) struct Writer {
    jobs: Mutex<Option<Sender<Job>>>,
    slots: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, group_commit: bool) -> Result<Self, DatabaseError> {
        let (jobs, queue) = mpsc::channel();
        let group = if group_commit { QUEUE } else { 1 };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&connection, &queue, group))
            .map_err(|source| DatabaseError::Io { what: "the database writer thread cannot be started", source })?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            slots: Arc::new(Semaphore::new(QUEUE)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs `work` in a transaction and returns its result once that is durable. An error rolls back all that `work` did.
    /// Once queued, the work runs even if the caller is dropped; so does `then`, which receives the result once it is
    /// durable and before the caller does.
    pub(super) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| DatabaseError::Closed)?;
        let (reply, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = match connection {
                Ok(connection) => work(connection),
                Err(error) => Err(DatabaseError::Commit(error).into()),
            };
            let keep = outcome.is_ok();
            let answer = move |committed: CommitResult| {
                let answer = outcome.and_then(|value| match committed {
                    Ok(()) => {
                        then(&value);
                        Ok(value)
                    }
                    Err(error) => Err(DatabaseError::Commit(error).into()),
                });
                // The caller may have been dropped.
                let _ = reply.send(answer);
                drop(slot);
            };
            (keep, Box::new(answer))
        });
        self.submit(job)?;
        result.await.unwrap_or_else(|_| Err(DatabaseError::Closed.into()))
    }

    fn submit(&self, job: Job) -> Result<(), DatabaseError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().map(|jobs| jobs.send(job));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(DatabaseError::Closed) }
    }

    /// Completes pending writes, checkpoints the log and ends the thread. Blocks until that is done.
    pub(super) fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the thread has been reported already.
            let _ = thread.join();
        }
    }
}

thread_local! {
    /// Pages in the write-ahead log after this thread's last commit.
    static LOG_PAGES: Cell<i32> = const { Cell::new(0) };
}

fn run(connection: &Connection, queue: &Receiver<Job>, group: usize) {
    connection.wal_hook(Some(|_, pages| {
        LOG_PAGES.set(pages);
        Ok(())
    }));
    loop {
        let first = match queue.recv_timeout(IDLE) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                checkpoint(connection);
                match queue.recv() {
                    Ok(job) => job,
                    Err(_) => break,
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        commit_group(connection, std::iter::once(first).chain(queue.try_iter()).take(group));
        if LOG_PAGES.get() > LOG_LIMIT {
            checkpoint(connection);
        }
    }
    checkpoint(connection);
}

/// Runs each job, commits those that succeed in one transaction, then answers every caller.
fn commit_group(connection: &Connection, jobs: impl Iterator<Item = Job>) {
    let mut transaction = connection.execute_batch("BEGIN IMMEDIATE").map_err(Arc::new);
    let mut answers = Vec::new();
    for job in jobs {
        match &transaction {
            Ok(()) => transaction = run_in_savepoint(connection, job, &mut answers).map_err(Arc::new),
            Err(error) => answers.push(job(Err(error.clone())).1),
        }
    }
    let committed = transaction.and_then(|()| connection.execute_batch("COMMIT").map_err(Arc::new));
    if committed.is_err() && !connection.is_autocommit() {
        // Nothing of a failed group may stay. Where even the rollback fails, the next BEGIN fails too.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for answer in answers {
        answer(committed.clone());
    }
}

/// Runs one job inside a savepoint. An error means that the whole transaction failed.
fn run_in_savepoint(connection: &Connection, job: Job, answers: &mut Vec<Answer>) -> rusqlite::Result<()> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let (keep, answer) = job(Ok(connection));
    answers.push(answer);
    if !keep {
        // Fails where SQLite has rolled back the transaction already, for example on a full disk: then no write survived.
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    Ok(())
}

/// Checkpoints the log as far as readers allow. A failed checkpoint is retried later; the log is as durable.
fn checkpoint(connection: &Connection) {
    if LOG_PAGES.take() > 0
        && let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    {
        tracing::warn!(%error, "the write-ahead log could not be checkpointed");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn count(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    /// A writer, and how many transactions it has committed.
    fn writer(path: &std::path::Path, group_commit: bool) -> (Writer, Arc<AtomicUsize>) {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS t(x UNIQUE)").unwrap();
        let commits = Arc::new(AtomicUsize::new(0));
        let counter = commits.clone();
        let count = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        };
        connection.commit_hook(Some(count)).unwrap();
        (Writer::start(connection, group_commit).unwrap(), commits)
    }

    async fn insert(writer: &Writer, value: i64) -> Result<(), DatabaseError> {
        let work = move |connection: &Connection| {
            connection.execute("INSERT INTO t VALUES (?1 + 1000)", [value])?;
            connection.execute("INSERT INTO t VALUES (?1)", [value])?;
            Ok::<_, DatabaseError>(())
        };
        writer.write(work, |()| ()).await
    }

    #[tokio::test]
    async fn a_failing_write_is_rolled_back_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (writer, _) = writer(&path, true);
        // The second inserts a row, then meets one that is there.
        let (one, two, three) = tokio::join!(insert(&writer, 1), insert(&writer, 1001), insert(&writer, 3));
        assert!(one.is_ok() && two.is_err() && three.is_ok());
        assert_eq!(count(&Connection::open(&path).unwrap()), 4);
        writer.close();
        assert!(matches!(insert(&writer, 4).await, Err(DatabaseError::Closed)));
    }

    /// Blocks the writer until twenty writes wait, and counts the transactions of all of them.
    async fn commits_of_waiting_writes(group_commit: bool) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (writer, commits) = writer(&path, group_commit);
        let (open_gate, gate) = mpsc::channel::<()>();
        let work = move |connection: &Connection| {
            let _ = gate.recv();
            connection.execute("INSERT INTO t VALUES (-1)", [])?;
            Ok::<_, DatabaseError>(())
        };
        let held = writer.write(work, |()| ());
        let inserts = futures_util::future::join_all((0..20).map(|value| insert(&writer, value)));
        let opened = async { open_gate.send(()).unwrap() };
        let (held, inserted, ()) = tokio::join!(held, inserts, opened);
        assert!(held.is_ok() && inserted.into_iter().all(|result| result.is_ok()));
        assert_eq!(count(&Connection::open(&path).unwrap()), 41);
        commits.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn the_callback_of_a_write_runs_even_if_the_caller_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, _) = writer(&folder.path().join("a.db"), true);
        let (sender, receiver) = mpsc::channel();
        for (value, sender) in [(1, sender.clone()), (1, sender.clone()), (2, sender)] {
            let work = move |connection: &Connection| {
                connection.execute("INSERT INTO t VALUES (?1)", [value])?;
                Ok::<_, DatabaseError>(value)
            };
            let write = writer.write(work, move |seen| sender.send(*seen).unwrap());
            // Polled once, so that it is queued, and dropped.
            assert!(futures_util::FutureExt::now_or_never(write).is_none());
        }
        writer.close();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2], "the failed write is not reported");
    }

    #[tokio::test]
    async fn waiting_writes_share_a_commit() {
        assert_eq!(commits_of_waiting_writes(true).await, 1);
        assert_eq!(commits_of_waiting_writes(false).await, 21);
    }
}
