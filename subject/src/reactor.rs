//! The reactor probe: how long a task that is ready waits before the runtime polls it. A thread of the operating system
//! hands the runtime a no-op at planned times, and what counts is the time from the plan to the first poll.
//!
//! It must never omit what it could not ask: while one no-op waits, the planned times of the next ones pass, and each of
//! them has waited as well, from its own planned time. So a reactor that is blocked for one second is seen as blocked
//! for one second, while no more than one no-op is ever in the queue.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::runtime::Handle;

use crate::clock::nanoseconds;
use crate::contract::LatencyCount;

/// Time from one planned no-op to the next.
pub(crate) const INTERVAL: Duration = Duration::from_millis(1);
/// How often the thread looks around while there is no plan.
const WITHOUT_NEWS: Duration = Duration::from_secs(1);
/// Latencies outside of these, in nanoseconds, count as these.
const SHORTEST: u64 = 1_000;
const LONGEST: u64 = 60_000_000_000;
/// Significant decimal digits that a latency keeps.
const DIGITS: u8 = 3;

/// A running probe of one runtime. It starts paused.
pub(crate) struct Probe {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Told when the plan starts, when it is caught up with after its end, and when the probe is dropped.
    changed: Condvar,
}

struct State {
    latencies: Histogram<u64>,
    /// The earliest planned time that no poll has answered yet; `None` while paused.
    next: Option<Instant>,
    /// Planned times after this one do not count.
    end: Option<Instant>,
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
        let latencies = Histogram::new_with_bounds(SHORTEST, LONGEST, DIGITS).map_err(io::Error::other)?;
        let state = State { latencies, next: None, end: None, waiting: false, dropped: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let thread = std::thread::Builder::new().name("reactor-probe".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || ask(&shared, &runtime)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// From now on, latencies count.
    pub(crate) fn resume(&mut self) {
        let mut state = self.shared.lock();
        state.next = Some(Instant::now() + INTERVAL);
        state.end = None;
        self.shared.changed.notify_all();
    }

    /// From now on, latencies do not count any more. Waits until each no-op that was planned before now is answered,
    /// because how long it waits is part of what happened before now. Does nothing where nothing counts.
    pub(crate) fn pause(&mut self) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        if state.next.is_none() {
            return;
        }
        state.end = Some(now);
        let longest = Duration::from_nanos(LONGEST);
        while state.next.is_some_and(|next| next <= now) && now.elapsed() < longest {
            state = self.shared.wait(state, longest.saturating_sub(now.elapsed()));
        }
        // What is still not answered has waited longer than the histogram can tell.
        state.answer(Instant::now());
        state.next = None;
    }

    /// The histogram of what was seen since the last time this was asked.
    pub(crate) fn take(&mut self) -> Vec<LatencyCount> {
        let mut state = self.shared.lock();
        let seen = state.latencies.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        let seen = seen.collect();
        state.latencies.reset();
        seen
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
        let Some(next) = state.next else {
            state = shared.wait(state, WITHOUT_NEWS);
            continue;
        };
        let left = next.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            state = shared.wait(state, left);
        } else if state.waiting {
            // Not told of the answer, which would cost another switch of threads: it looks again in its own time.
            state = shared.wait(state, INTERVAL);
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
        state.answer(Instant::now());
        state.waiting = false;
        if state.end.is_some() {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and a histogram cannot be left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, longest: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    /// Records the waiting times, until `now`, of all planned times up to now or up to the end.
    fn answer(&mut self, now: Instant) {
        let Some(mut next) = self.next else { return };
        let last = self.end.map_or(now, |end| end.min(now));
        while next <= last {
            self.latencies.saturating_record(nanoseconds(now - next));
            next += INTERVAL;
        }
        self.next = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn state(next: Instant, end: Option<Instant>) -> State {
        let latencies = Histogram::new_with_bounds(SHORTEST, LONGEST, DIGITS).unwrap();
        State { latencies, next: Some(next), end, waiting: true, dropped: false }
    }

    /// Milliseconds at a share of the histogram.
    fn at(state: &State, quantile: f64) -> u64 {
        (state.latencies.value_at_quantile(quantile) + 500_000) / 1_000_000
    }

    #[test]
    fn one_blocked_second_is_a_thousand_plans_that_waited_evenly() {
        let planned = Instant::now();
        let mut state = state(planned, None);
        state.answer(planned + Duration::from_secs(1));
        assert_eq!(state.latencies.len(), 1001);
        assert_eq!((at(&state, 0.0), at(&state, 0.25), at(&state, 0.5), at(&state, 1.0)), (0, 250, 500, 1000));
        assert_eq!(state.next, Some(planned + Duration::from_millis(1001)));
        state.answer(planned + Duration::from_secs(1));
        assert_eq!(state.latencies.len(), 1001, "nothing counts twice");
    }

    #[test]
    fn plans_after_the_end_do_not_count_and_those_before_it_wait_until_the_answer() {
        let planned = Instant::now();
        let mut state = state(planned, Some(planned + Duration::from_millis(49)));
        state.answer(planned + Duration::from_millis(200));
        assert_eq!(state.latencies.len(), 50);
        assert_eq!((at(&state, 0.0), at(&state, 1.0)), (151, 200));
    }

    /// A runtime with one thread, so that one blocking task blocks all of it.
    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    /// Blocks the runtime's only thread from before this returns; the task's result is when it stopped.
    fn block(runtime: &Runtime, time: Duration) -> tokio::task::JoinHandle<Instant> {
        let (begin, begun) = mpsc::channel();
        let task = runtime.spawn(async move {
            begin.send(()).unwrap();
            std::thread::sleep(time);
            Instant::now()
        });
        begun.recv().unwrap();
        task
    }

    fn count(latencies: &[LatencyCount], at_least: Duration) -> u64 {
        let at_least = nanoseconds(at_least);
        latencies.iter().filter(|(latency, _)| *latency >= at_least).map(|(_, count)| count).sum()
    }

    /// How many plans fit into a span.
    fn plans(span: Duration) -> u64 {
        span.as_millis() as u64
    }

    #[test]
    fn a_blocked_reactor_is_seen_as_blocked_for_as_long_as_it_was() {
        let runtime = runtime();
        let mut probe = Probe::start(runtime.handle().clone()).unwrap();
        let task = block(&runtime, Duration::from_millis(300));
        probe.resume();
        let resumed = Instant::now();
        let blocked = runtime.block_on(task).unwrap().saturating_duration_since(resumed);
        probe.pause();
        let seen = probe.take();
        // Lower bounds only: however slow the machine is, what was planned in the block waited for its end.
        assert!(seen.last().unwrap().0 >= nanoseconds(blocked.saturating_sub(INTERVAL)), "{seen:?}");
        assert!(count(&seen, Duration::ZERO) >= plans(blocked), "{seen:?}");
        assert!(count(&seen, blocked / 2) + 1 >= plans(blocked / 2), "{seen:?}");
    }

    #[test]
    fn a_span_that_ends_in_the_block_waits_for_its_answers() {
        let runtime = runtime();
        let mut probe = Probe::start(runtime.handle().clone()).unwrap();
        let task = block(&runtime, Duration::from_millis(100));
        probe.resume();
        let resumed = Instant::now();
        std::thread::sleep(INTERVAL * 10);
        probe.pause();
        let seen = probe.take();
        let blocked = runtime.block_on(task).unwrap().saturating_duration_since(resumed);
        assert!(seen.last().unwrap().0 >= nanoseconds(blocked.saturating_sub(INTERVAL)), "{seen:?}");
        assert!(count(&seen, Duration::ZERO) >= 10);
    }

    #[test]
    fn spans_do_not_see_each_other() {
        let runtime = runtime();
        let mut probe = Probe::start(runtime.handle().clone()).unwrap();
        probe.resume();
        runtime.block_on(block(&runtime, INTERVAL * 50)).unwrap();
        probe.pause();
        assert!(count(&probe.take(), Duration::ZERO) >= 49);
        runtime.block_on(block(&runtime, INTERVAL * 50)).unwrap();
        assert_eq!(count(&probe.take(), Duration::ZERO), 0, "paused");
        let resumed = Instant::now();
        probe.resume();
        probe.pause();
        assert!(
            count(&probe.take(), Duration::ZERO) <= plans(resumed.elapsed()),
            "the block before it is no part of it"
        );
    }

    #[test]
    fn at_most_one_no_op_waits() {
        let runtime = runtime();
        let mut probe = Probe::start(runtime.handle().clone()).unwrap();
        let task = block(&runtime, INTERVAL * 100);
        probe.resume();
        std::thread::sleep(INTERVAL * 50);
        // The blocking task and one no-op.
        assert!(runtime.metrics().num_alive_tasks() <= 2);
        runtime.block_on(task).unwrap();
        probe.pause();
    }

    #[test]
    fn a_probe_ends_with_its_runtime_gone() {
        let runtime = runtime();
        let mut probe = Probe::start(runtime.handle().clone()).unwrap();
        probe.resume();
        drop(runtime);
        drop(probe);
    }
}
