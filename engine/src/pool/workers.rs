//! The queue of a pool, and the threads that empty it: each does the work itself, or has a process of its own that does.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::PoolError;
use super::child::Child;
use super::work::{Work, perform};

/// Pieces of work that wait for each worker. More wait with whoever brings them.
const WAITING: usize = 2;

/// How much the pool steps back where processors are short, as `nice` counts. The reactor answers; the pool can wait.
pub(super) const NICENESS: i32 = 5;

/// Work in the queue: does itself with whatever the worker has.
type Task = Box<dyn FnOnce(&mut Hands) + Send>;

/// Where a pool puts its work. Clones share the queue; the workers end when it is gone.
#[derive(Clone)]
pub(super) struct Workers {
    queue: mpsc::Sender<Task>,
}

/// What a worker works with.
enum Hands {
    /// Its own thread.
    Own,
    /// A process.
    Child(Child),
}

impl Workers {
    /// Starts so many workers, each with a process where `in_processes`.
    pub(super) fn start(count: usize, in_processes: bool) -> Result<Self, PoolError> {
        let (queue, tasks) = mpsc::channel::<Task>(count.saturating_mul(WAITING));
        let tasks = Arc::new(Mutex::new(tasks));
        for _ in 0..count {
            let tasks = tasks.clone();
            let mut hands = if in_processes { Hands::Child(Child::new()) } else { Hands::Own };
            let work = move || {
                if !in_processes {
                    step_back();
                }
                while let Some(task) = next(&tasks) {
                    task(&mut hands);
                }
            };
            let started = thread::Builder::new().name("crypto-pool".to_owned()).spawn(work);
            started.map_err(|source| PoolError::Start { what: "crypto pool's thread", source })?;
        }
        Ok(Self { queue })
    }

    pub(super) async fn run<W: Work>(&self, work: W) -> Result<Result<W::Value, W::Error>, PoolError> {
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move |hands| {
            // Nobody waits for it any more.
            if answer.is_closed() {
                return;
            }
            let done = match hands {
                Hands::Own => perform(work),
                Hands::Child(child) => child.perform(work),
            };
            // Whoever asked may have gone meanwhile.
            let _ = answer.send(done);
        });
        // A worker ends only when the queue does, and that is held here.
        self.queue.send(task).await.map_err(|_| PoolError::Panicked)?;
        answered.await.unwrap_or(Err(PoolError::Panicked))
    }
}

/// The next task, of which each worker takes one at a time.
fn next(tasks: &Mutex<mpsc::Receiver<Task>>) -> Option<Task> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

/// Makes this thread give way to others.
pub(super) fn step_back() {
    // Where the system does not let it, the work is done all the same.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}
