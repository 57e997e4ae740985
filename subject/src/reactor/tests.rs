//! The probe on real runtimes: what it sees of blocks whose length the blocking tasks themselves measure.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use benchline_contract::LatencyCount;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use super::probe::Probe;
use super::recorder::{INTERVAL, Observation};
use crate::clock::nanoseconds;

/// How often a measurement is tried that a busy machine may spoil.
const TRIES: usize = 12;

/// A runtime whose workers are known, and whose tasks run while this thread does something else.
struct Reactor {
    runtime: Option<Runtime>,
    handle: Handle,
    workers: usize,
}

impl Reactor {
    fn multi_thread(workers: usize) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap();
        Self { handle: runtime.handle().clone(), runtime: Some(runtime), workers }
    }

    /// A thread of its own drives it until the process ends.
    fn current_thread() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        Self { handle, runtime: None, workers: 1 }
    }

    /// Blocks every worker. The tasks tell when they began and when they ended; they have begun when this returns.
    fn block(&self, time: Duration) -> Vec<Block> {
        let barrier = Arc::new(std::sync::Barrier::new(self.workers + 1));
        let blocks = (0..self.workers).map(|_| {
            let (barrier, (tell, ended)) = (Arc::clone(&barrier), mpsc::channel());
            drop(self.handle.spawn(async move {
                barrier.wait();
                let began = Instant::now();
                std::thread::sleep(time);
                tell.send((began, Instant::now())).unwrap();
            }));
            ended
        });
        let blocks = blocks.collect();
        barrier.wait();
        blocks
    }

    /// When a task that enters the queue now is polled.
    fn witness(&self) -> JoinHandle<Instant> {
        self.handle.spawn(async { Instant::now() })
    }

    fn wait<T: Send + 'static>(&self, task: JoinHandle<T>) -> T {
        let (sender, receiver) = mpsc::channel();
        drop(self.handle.spawn(async move { sender.send(task.await.unwrap()).unwrap() }));
        receiver.recv().unwrap()
    }

    fn probe(&self) -> Probe {
        Probe::start(self.handle.clone()).unwrap()
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

type Block = Receiver<(Instant, Instant)>;

/// From when until when all workers were blocked.
fn all_blocked(blocks: Vec<Block>) -> (Instant, Instant) {
    let times: Vec<_> = blocks.into_iter().map(|block| block.recv().unwrap()).collect();
    let began = times.iter().map(|(began, _)| *began).max().unwrap();
    (began, times.iter().map(|(_, ended)| *ended).min().unwrap())
}

fn count(latencies: &[LatencyCount], at_least: Duration) -> u64 {
    let at_least = nanoseconds(at_least);
    latencies.iter().filter(|(latency, _)| *latency >= at_least).map(|(_, count)| count).sum()
}

/// How many plans fit into a span.
fn plans(span: Duration) -> u64 {
    (span.as_nanos() / INTERVAL.as_nanos()) as u64
}

/// What was seen of one block of all workers, in the middle of a span, and how long it was: by the clocks of the blocking
/// tasks, and by that of a task which entered the queue behind the probe's no-op.
struct Trial {
    longest: Duration,
    blocked: Duration,
    by_the_tasks: Duration,
    by_a_witness: Duration,
}

impl Trial {
    fn of(reactor: &Reactor, time: Duration) -> Self {
        let mut probe = reactor.probe();
        probe.resume();
        std::thread::sleep(INTERVAL * 3);
        let blocks = reactor.block(time);
        std::thread::sleep(time * 4 / 5);
        let witness = reactor.witness();
        let (began, ended) = all_blocked(blocks);
        let polled = reactor.wait(witness);
        std::thread::sleep(INTERVAL * 3);
        probe.pause();
        let seen = probe.take();
        Self {
            longest: Duration::from_nanos(seen.latencies.last().unwrap().0),
            blocked: Duration::from_nanos(seen.counters["reactor_blocked"]),
            by_the_tasks: ended.duration_since(began),
            by_a_witness: polled.duration_since(began),
        }
    }

    /// Never less than there was, however busy the machine: a plan in the first interval waited until the end.
    fn assert_not_missed(&self) {
        assert!(
            self.longest + INTERVAL >= self.by_the_tasks.mul_f64(0.999),
            "{:?} of {:?}",
            self.longest,
            self.by_the_tasks
        );
        assert!(self.blocked + INTERVAL / 2 >= self.by_the_tasks, "{:?} of {:?}", self.blocked, self.by_the_tasks);
    }

    /// Within a twentieth of what was there. A machine that is busy with something else blocks the reactor longer, and at
    /// other times, than the test does; so this may fail where nothing is wrong.
    fn is_within_a_twentieth(&self) -> bool {
        self.blocked >= self.by_the_tasks.mul_f64(0.95) && self.blocked <= self.by_a_witness.mul_f64(1.05)
    }
}

#[track_caller]
fn assert_blocks_are_seen_as_long_as_they_are(reactor: &Reactor) {
    for time in [50, 200, 1000].map(Duration::from_millis) {
        let mut seen = Vec::new();
        let within = (0..TRIES).any(|_| {
            let trial = Trial::of(reactor, time);
            trial.assert_not_missed();
            seen.push((trial.blocked, trial.by_the_tasks, trial.by_a_witness));
            trial.is_within_a_twentieth()
        });
        assert!(within, "{time:?}: {seen:?}");
    }
}

#[test]
fn a_block_of_a_current_thread_is_seen_as_long_as_it_was() {
    assert_blocks_are_seen_as_long_as_they_are(&Reactor::current_thread());
}

#[test]
fn a_block_of_the_only_worker_is_seen_as_long_as_it_was() {
    assert_blocks_are_seen_as_long_as_they_are(&Reactor::multi_thread(1));
}

#[test]
fn a_block_of_all_workers_is_seen_as_long_as_it_was() {
    assert_blocks_are_seen_as_long_as_they_are(&Reactor::multi_thread(2));
}

#[test]
fn a_worker_that_is_free_keeps_the_reactor_alive() {
    let reactor = Reactor::multi_thread(2);
    let half = |time| {
        let (begin, begun) = mpsc::channel();
        let task = reactor.handle.spawn(async move {
            begin.send(()).unwrap();
            std::thread::sleep(time);
        });
        begun.recv().unwrap();
        task
    };
    let time = Duration::from_millis(200);
    let seen = (0..TRIES).map(|_| {
        let mut probe = reactor.probe();
        let task = half(time);
        probe.resume();
        std::thread::sleep(time / 2);
        probe.pause();
        reactor.wait(task);
        probe.take().counters["reactor_blocked"]
    });
    assert!(seen.min().unwrap() < nanoseconds(time / 10));
}

#[test]
fn an_idle_runtime_reads_as_idle() {
    for reactor in [Reactor::current_thread(), Reactor::multi_thread(1), Reactor::multi_thread(2)] {
        let mut seen = Vec::new();
        let idle = (0..TRIES).any(|_| {
            let mut probe = reactor.probe();
            probe.resume();
            // Long enough that plans which each come a little too late would add up.
            std::thread::sleep(INTERVAL * 150);
            probe.pause();
            let Observation { latencies, counters } = probe.take();
            let (all, late) = (count(&latencies, Duration::ZERO), count(&latencies, Duration::from_millis(1)));
            seen.push((all, late, counters.clone()));
            late * 2 < all && counters["reactor_blocked"] == 0 && counters["reactor_busy"] < 100_000
        });
        assert!(idle, "{} workers: {seen:?}", reactor.workers);
    }
}

#[test]
fn a_blocked_worker_is_busy() {
    for reactor in [Reactor::current_thread(), Reactor::multi_thread(1), Reactor::multi_thread(2)] {
        let mut seen = Vec::new();
        let busy = (0..TRIES).any(|_| {
            let mut probe = reactor.probe();
            probe.resume();
            let resumed = Instant::now();
            let (began, ended) = all_blocked(reactor.block(Duration::from_millis(100)));
            reactor.wait(reactor.witness());
            let span = resumed.elapsed();
            probe.pause();
            let busy = probe.take().counters["reactor_busy"] as f64 / 1e6;
            let least = ended.duration_since(began).as_secs_f64() / span.as_secs_f64();
            seen.push((busy, least));
            busy >= 0.95 * least && busy <= 1.05
        });
        assert!(busy, "{} workers: {seen:?}", reactor.workers);
    }
}

#[test]
fn the_queue_is_as_deep_as_tasks_wait() {
    let reactor = Reactor::multi_thread(1);
    let mut probe = reactor.probe();
    let blocks = reactor.block(INTERVAL * 20);
    probe.resume();
    let waiting: Vec<_> = (0..7).map(|_| reactor.witness()).collect();
    all_blocked(blocks);
    for task in waiting {
        reactor.wait(task);
    }
    probe.pause();
    let deepest = probe.take().counters["reactor_queue"];
    // The test's own question after them may be in the queue as well.
    assert!((7..=8).contains(&deepest), "{deepest}");
}

#[test]
fn a_span_that_ends_in_the_block_waits_for_its_answers_and_does_not_count_what_is_behind_it() {
    let reactor = Reactor::multi_thread(1);
    let mut probe = reactor.probe();
    let blocks = reactor.block(Duration::from_millis(100));
    probe.resume();
    let resumed = Instant::now();
    std::thread::sleep(INTERVAL * 5);
    let span = resumed.elapsed();
    probe.pause();
    let counted = resumed.elapsed();
    let seen = probe.take();
    let blocked = all_blocked(blocks).1.saturating_duration_since(resumed);
    assert!(seen.latencies.last().unwrap().0 + nanoseconds(INTERVAL) >= nanoseconds(blocked));
    assert!(count(&seen.latencies, Duration::ZERO) >= plans(span));
    assert!(Duration::from_nanos(seen.counters["reactor_blocked"]) <= counted);
}

#[test]
fn spans_do_not_see_each_other() {
    let reactor = Reactor::multi_thread(1);
    let mut probe = reactor.probe();
    probe.resume();
    all_blocked(reactor.block(INTERVAL * 12));
    probe.pause();
    assert!(count(&probe.take().latencies, Duration::ZERO) >= 11);
    all_blocked(reactor.block(INTERVAL * 12));
    let seen = probe.take();
    assert_eq!((count(&seen.latencies, Duration::ZERO), seen.counters["reactor_blocked"]), (0, 0), "paused");
    let resumed = Instant::now();
    probe.resume();
    probe.pause();
    let seen = count(&probe.take().latencies, Duration::ZERO);
    assert!(seen <= plans(resumed.elapsed()) + 1, "the block before it is no part of it");
}

#[test]
fn at_most_one_no_op_waits() {
    let reactor = Reactor::multi_thread(1);
    let mut probe = reactor.probe();
    let blocks = reactor.block(INTERVAL * 25);
    probe.resume();
    std::thread::sleep(INTERVAL * 12);
    // The blocking task and one no-op.
    assert!(reactor.handle.metrics().num_alive_tasks() <= 2);
    all_blocked(blocks);
    probe.pause();
}

#[test]
fn a_probe_ends_with_its_runtime_gone() {
    let reactor = Reactor::multi_thread(1);
    let mut probe = reactor.probe();
    probe.resume();
    drop(reactor);
    drop(probe);
}
