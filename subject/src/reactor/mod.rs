//! The reactor probe: how long a task that is ready waits before the runtime polls it. A thread of the operating system
//! hands the runtime a no-op at planned times, and what counts is the time from the plan to the first poll.
//!
//! It must never omit what it could not ask: while one no-op waits, the planned times of the next ones pass, and each of
//! them has waited as well, from its own planned time. So a reactor that is blocked for one second is seen as blocked
//! for one second, while no more than one no-op is ever in the queue.

mod account;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

pub(crate) use self::account::Seen;
use self::account::{Account, LONGEST};

/// Time from one planned no-op to the next. Each costs two switches of threads, some 40 µs of CPU time on a virtual
/// machine: at this interval 1 to 2% of one CPU, and at a millisecond twice as much.
pub(crate) const INTERVAL: Duration = Duration::from_millis(4);
/// How often the thread looks around while there is no plan.
const WITHOUT_NEWS: Duration = Duration::from_secs(1);

/// How long a worker that has nothing left to do may take to park.
const UNTIL_PARKED: Duration = Duration::from_millis(2);

/// A running probe of one runtime. It starts paused.
pub(crate) struct Probe {
    shared: Arc<Shared>,
    runtime: Handle,
    /// Busy time of all workers when the span began, and when that was.
    began: Option<(Duration, Instant)>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Told when the plan starts, when it is caught up with after its end, and when the probe is dropped.
    changed: Condvar,
}

struct State {
    account: Account,
    /// Whether a no-op waits in the runtime's queue.
    waiting: bool,
    /// Whether the thread must end.
    dropped: bool,
}

impl Probe {
    /// Starts a probe of `runtime`.
    ///
    /// # Errors
    /// When the operating system has no thread left.
    pub(crate) fn start(runtime: Handle) -> io::Result<Self> {
        let state = State { account: Account::new().map_err(io::Error::other)?, waiting: false, dropped: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let thread = std::thread::Builder::new().name("reactor-probe".to_owned()).spawn({
            let (shared, runtime) = (Arc::clone(&shared), runtime.clone());
            move || ask(&shared, &runtime)
        })?;
        Ok(Self { shared, runtime, began: None, thread: Some(thread) })
    }

    /// From now on, latencies count.
    pub(crate) fn resume(&mut self) {
        let busy = self.busy();
        let now = Instant::now();
        self.began = Some((busy, now));
        self.shared.lock().account.begin(now);
        self.shared.changed.notify_all();
    }

    /// From now on, latencies do not count any more. Waits until each no-op that was planned before now is answered,
    /// because how long it waits is part of what happened before now. Does nothing where nothing counts.
    pub(crate) fn pause(&mut self) {
        let now = Instant::now();
        let Some((busy, began)) = self.began.take() else { return };
        self.shared.lock().account.end(now);
        let busy = self.busy().saturating_sub(busy);
        let available = now.duration_since(began).saturating_mul(self.workers());
        let mut state = self.shared.lock();
        while state.account.owes() && now.elapsed() < LONGEST {
            state = self.shared.wait(state, LONGEST.saturating_sub(now.elapsed()));
        }
        // What is still not answered has waited longer than the histogram can tell.
        state.account.answer(Instant::now());
        state.account.close(busy, available);
    }

    /// What was seen since the last time this was asked.
    pub(crate) fn take(&mut self) -> Seen {
        self.shared.lock().account.take()
    }

    /// Time that the workers have been busy until now, all together. A worker tells it when it parks, so those that are
    /// about to do so are waited for; one that has more work tells it later.
    fn busy(&self) -> Duration {
        let metrics = self.runtime.metrics();
        let workers = 0..metrics.num_workers();
        let asked = Instant::now();
        // The count goes up by one with each parking, and with each waking.
        let works = |worker| metrics.worker_park_unpark_count(worker).is_multiple_of(2);
        while workers.clone().any(works) && asked.elapsed() < UNTIL_PARKED {
            std::thread::sleep(UNTIL_PARKED / 20);
        }
        workers.map(|worker| metrics.worker_total_busy_duration(worker)).sum()
    }

    fn workers(&self) -> u32 {
        u32::try_from(self.runtime.metrics().num_workers()).unwrap_or(u32::MAX)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.shared.lock().dropped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread only sleeps and spawns; had it panicked, there would be nothing left to do.
            let _ = thread.join();
        }
    }
}

/// The probe's thread: hands over a no-op at each planned time, unless one waits already.
fn ask(shared: &Arc<Shared>, runtime: &Handle) {
    let mut state = shared.lock();
    while !state.dropped {
        let Some(next) = state.account.next() else {
            state = shared.wait(state, WITHOUT_NEWS);
            continue;
        };
        let left = next.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            state = shared.wait(state, left);
            continue;
        }
        let own = usize::from(state.waiting);
        state.account.queued(runtime.metrics().global_queue_depth().saturating_sub(own));
        if state.waiting {
            // Not told of the answer, which would cost another switch of threads: it looks again when the next is planned.
            // An interval from now would be later than that by what it took to get here, and ever later with each plan.
            let left = state.account.until_plan(Instant::now()).unwrap_or(WITHOUT_NEWS);
            state = shared.wait(state, left);
        } else {
            state.waiting = true;
            drop(state);
            let task = Arc::clone(shared);
            drop(runtime.spawn(async move { task.answer() }));
            state = shared.lock();
        }
    }
}

impl Shared {
    /// The no-op: the runtime's first poll of it is the answer to all that was planned until now.
    fn answer(&self) {
        let mut state = self.lock();
        state.account.answer(Instant::now());
        state.waiting = false;
        if state.account.ended() {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and an account cannot be left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, longest: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0
    }
}
