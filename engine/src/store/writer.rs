//! The one thread that writes to a database. Writes that wait at the same time are committed together (group commit):
//! one flush to disk makes all of them durable. A caller is answered only after the commit that contains its write; a
//! write that fails is undone alone.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::DatabaseError;

/// Writes that may wait; more wait outside, where they cost no memory of ours.
const QUEUE: usize = 64;

/// How long nothing must happen before the log is folded into the database.
const IDLE: Duration = Duration::from_millis(100);

/// Pages in the log from which it is folded into the database even though there is work to do. Whoever writes waits for that, so
/// it is the worst latency of a busy server: 16 MiB, with pages of 8 KiB, take some ten milliseconds, and eight times as much took
/// eighty. What is folded in all is nearly the same: most pages of a log are written once.
const LOG_LIMIT: i32 = 2048;

/// What became of a transaction.
type Fate = Result<(), Arc<rusqlite::Error>>;
/// Tells a caller, once the fate of the transaction is known.
type Answer = Box<dyn FnOnce(Fate)>;
/// Does a write, or learns that there is no transaction to do it in. Says whether to keep what it did.
type Job = Box<dyn FnOnce(Result<&Connection, Arc<rusqlite::Error>>) -> (bool, Answer) + Send>;

/// A handle on the writing thread. The thread ends when the handle is dropped, after what waits is written.
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
            .map_err(|source| DatabaseError::Io { what: "the writing thread cannot be started", source })?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            slots: Arc::new(Semaphore::new(QUEUE)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Does `work` in a transaction and returns its result once that is durable. An error undoes all that `work` did.
    /// Once handed over, the work is done even if the caller goes away; and so is `then`, which gets to see the result once
    /// it is durable and before the caller does.
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
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = match connection {
                Ok(connection) => work(connection),
                Err(error) => Err(DatabaseError::Commit(error).into()),
            };
            let keep = outcome.is_ok();
            let tell = move |fate: Fate| {
                let result = outcome.and_then(|value| match fate {
                    Ok(()) => {
                        then(&value);
                        Ok(value)
                    }
                    Err(error) => Err(DatabaseError::Commit(error).into()),
                });
                // A caller that went away does not want to know.
                let _ = reply.send(result);
                drop(slot);
            };
            (keep, Box::new(tell))
        });
        self.submit(job)?;
        answer.await.unwrap_or_else(|_| Err(DatabaseError::Closed.into()))
    }

    fn submit(&self, job: Job) -> Result<(), DatabaseError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().map(|jobs| jobs.send(job));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(DatabaseError::Closed) }
    }

    /// Writes what waits, folds the log into the database and ends the thread. Blocks until that is done.
    pub(super) fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic in the thread was reported where it happened.
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

/// Tries each job and commits those that succeed, all in one transaction, then tells every caller.
fn commit_group(connection: &Connection, jobs: impl Iterator<Item = Job>) {
    let mut alive = connection.execute_batch("BEGIN IMMEDIATE").map_err(Arc::new);
    let mut answers = Vec::new();
    for job in jobs {
        match &alive {
            Ok(()) => alive = try_alone(connection, job, &mut answers).map_err(Arc::new),
            Err(error) => answers.push(job(Err(error.clone())).1),
        }
    }
    let fate = alive.and_then(|()| connection.execute_batch("COMMIT").map_err(Arc::new));
    if fate.is_err() && !connection.is_autocommit() {
        // Nothing of a group that did not commit may stay. Where even this fails, the next BEGIN does too.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for answer in answers {
        answer(fate.clone());
    }
}

/// Runs one job inside a savepoint. An error means that the whole transaction is lost.
fn try_alone(connection: &Connection, job: Job, answers: &mut Vec<Answer>) -> rusqlite::Result<()> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let (keep, answer) = job(Ok(connection));
    answers.push(answer);
    if !keep {
        // Fails where SQLite has rolled back everything already (disk full, say): then nobody's write has survived.
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    Ok(())
}

/// Folds the log into the database as far as readers allow. What fails now is done at another time; the log is as durable.
fn checkpoint(connection: &Connection) {
    if LOG_PAGES.take() > 0
        && let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    {
        tracing::warn!(%error, "the write-ahead log could not be folded into its database");
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
    async fn a_failing_write_is_undone_alone() {
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

    /// Holds the writer until twenty writes wait, and says how many transactions it all took.
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
    async fn what_follows_a_write_happens_though_the_caller_went_away() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, _) = writer(&folder.path().join("a.db"), true);
        let (told, tell) = mpsc::channel();
        for (value, telling) in [(1, told.clone()), (1, told.clone()), (2, told)] {
            let work = move |connection: &Connection| {
                connection.execute("INSERT INTO t VALUES (?1)", [value])?;
                Ok::<_, DatabaseError>(value)
            };
            let write = writer.write(work, move |seen| telling.send(*seen).unwrap());
            // Polled once, so that it is handed over, and dropped.
            assert!(futures_util::FutureExt::now_or_never(write).is_none());
        }
        writer.close();
        assert_eq!(tell.iter().collect::<Vec<_>>(), [1, 2], "the one that failed is not told of");
    }

    #[tokio::test]
    async fn waiting_writes_share_a_commit() {
        assert_eq!(commits_of_waiting_writes(true).await, 1);
        assert_eq!(commits_of_waiting_writes(false).await, 21);
    }
}
