//! The queue of a pool, and the threads that serve it: each runs the work itself, or in a process of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::PoolError;
use super::child::Child;
use super::priority::lower_priority;
use super::work::{Work, perform};

/// Queued jobs per worker. Further callers wait.
const QUEUED_PER_WORKER: usize = 2;

/// Work in the queue, which runs itself with the worker's executor.
type Task = Box<dyn FnOnce(&mut Executor) + Send>;

/// A handle to the queue. Clones share it; the workers end when the last one is dropped.
#[derive(Clone)]
pub(super) struct Workers {
    queue: mpsc::Sender<Task>,
}

/// Where a worker runs its work.
enum Executor {
    /// On its thread.
    Thread,
    /// In a process.
    Process(Child),
}

impl Workers {
    /// Starts `count` workers, each with a process of its own if `in_processes`.
    pub(super) fn start(count: usize, in_processes: bool) -> Result<Self, PoolError> {
        let (queue, tasks) = mpsc::channel::<Task>(count.saturating_mul(QUEUED_PER_WORKER));
        let tasks = Arc::new(Mutex::new(tasks));
        for _ in 0..count {
            let tasks = tasks.clone();
            let mut executor = if in_processes { Executor::Process(Child::new()) } else { Executor::Thread };
            let work = move || {
                if !in_processes {
                    lower_priority();
                }
                while let Some(task) = next(&tasks) {
                    task(&mut executor);
                }
            };
            let started = thread::Builder::new().name("crypto-pool".to_owned()).spawn(work);
            started.map_err(|source| PoolError::Start { what: "crypto pool's thread", source })?;
        }
        Ok(Self { queue })
    }

    pub(super) async fn run<W: Work>(&self, work: W) -> Result<Result<W::Value, W::Error>, PoolError> {
        let (sender, receiver) = oneshot::channel();
        let task: Task = Box::new(move |executor| {
            // The caller was dropped.
            if sender.is_closed() {
                return;
            }
            let result = match executor {
                Executor::Thread => perform(work),
                Executor::Process(child) => child.perform(work),
            };
            // The caller may have been dropped meanwhile.
            let _ = sender.send(result);
        });
        // Workers end only after the queue, which this handle holds.
        self.queue.send(task).await.map_err(|_| PoolError::Panicked)?;
        receiver.await.unwrap_or(Err(PoolError::Panicked))
    }
}

/// The next task from the queue that all workers share.
fn next(tasks: &Mutex<mpsc::Receiver<Task>>) -> Option<Task> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}
