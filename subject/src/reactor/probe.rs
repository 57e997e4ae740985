//! The probe's thread, which spawns the no-ops. `recorder` turns their answers into latencies.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::recorder::{MAX_LATENCY, Observation, Recorder};

/// How often the thread wakes up while there is no plan.
const IDLE_WAIT: Duration = Duration::from_secs(1);

/// How long to wait for an idle worker to park.
const PARK_TIMEOUT: Duration = Duration::from_millis(2);

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
    /// Notified when a span starts, when its last answer comes, and when the probe is dropped.
    changed: Condvar,
}

struct State {
    recorder: Recorder,
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
        let state = State { recorder: Recorder::new().map_err(io::Error::other)?, waiting: false, dropped: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let thread = std::thread::Builder::new().name("reactor-probe".to_owned()).spawn({
            let (shared, runtime) = (Arc::clone(&shared), runtime.clone());
            move || run(&shared, &runtime)
        })?;
        Ok(Self { shared, runtime, began: None, thread: Some(thread) })
    }

    /// Starts a span.
    pub(crate) fn resume(&mut self) {
        let busy = self.busy();
        let now = Instant::now();
        self.began = Some((busy, now));
        self.shared.lock().recorder.begin(now);
        self.shared.changed.notify_all();
    }

    /// Ends the span. Waits until each no-op that was planned in it is answered, because its latency belongs to the span. Does
    /// nothing while paused.
    pub(crate) fn pause(&mut self) {
        let now = Instant::now();
        let Some((busy, began)) = self.began.take() else { return };
        self.shared.lock().recorder.end(now);
        let busy = self.busy().saturating_sub(busy);
        let available = now.duration_since(began).saturating_mul(self.workers());
        let mut state = self.shared.lock();
        while state.recorder.has_unanswered() && now.elapsed() < MAX_LATENCY {
            state = self.shared.wait(state, MAX_LATENCY.saturating_sub(now.elapsed()));
        }
        // What is still not answered has waited longer than the histogram's range.
        state.recorder.answer(Instant::now());
        state.recorder.close(busy, available);
    }

    /// What was recorded since the last call.
    pub(crate) fn take(&mut self) -> Observation {
        self.shared.lock().recorder.take()
    }

    /// Time that the workers have been busy until now, in total. A worker updates it when it parks, so this waits for those that
    /// are about to park; a worker with more work updates it later.
    fn busy(&self) -> Duration {
        let metrics = self.runtime.metrics();
        let workers = 0..metrics.num_workers();
        let asked = Instant::now();
        // The count goes up by one with each parking, and with each waking.
        let works = |worker| metrics.worker_park_unpark_count(worker).is_multiple_of(2);
        while workers.clone().any(works) && asked.elapsed() < PARK_TIMEOUT {
            std::thread::sleep(PARK_TIMEOUT / 20);
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

/// The probe's thread: spawns a no-op at each planned time, unless one waits already.
fn run(shared: &Arc<Shared>, runtime: &Handle) {
    let mut state = shared.lock();
    while !state.dropped {
        let Some(next) = state.recorder.next() else {
            state = shared.wait(state, IDLE_WAIT);
            continue;
        };
        let left = next.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            state = shared.wait(state, left);
            continue;
        }
        let own = usize::from(state.waiting);
        state.recorder.queued(runtime.metrics().global_queue_depth().saturating_sub(own));
        if state.waiting {
            // It is not notified of the answer, which would cost another thread switch, but checks again at the next planned
            // time. Waiting a whole interval from now would drift later with each plan.
            let left = state.recorder.until_plan(Instant::now()).unwrap_or(IDLE_WAIT);
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
        state.recorder.answer(Instant::now());
        state.waiting = false;
        if state.recorder.ended() {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and a recorder cannot be left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, longest: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0
    }
}
