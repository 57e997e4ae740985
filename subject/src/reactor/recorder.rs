//! Records planned times and when they were answered, as latencies and as blocked time. It must never read a clock: it is given
//! the times.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use benchline_contract::LatencyCount;
use hdrhistogram::{CreationError, Histogram};

use crate::clock::nanoseconds;

/// Time from one planned no-op to the next. Each costs two switches of threads, some 40 µs of CPU time on a virtual
/// machine: at this interval 1 to 2% of one CPU, and at a millisecond twice as much.
pub(super) const INTERVAL: Duration = Duration::from_millis(4);
/// Latencies outside of these count as these.
const MIN_LATENCY: Duration = Duration::from_micros(1);
pub(super) const MAX_LATENCY: Duration = Duration::from_secs(60);
/// Significant decimal digits that a latency keeps.
const DIGITS: u8 = 3;
/// A reactor that leaves a no-op waiting for longer than this was blocked meanwhile.
pub(super) const BLOCKED: Duration = Duration::from_millis(10);

/// Records the planned times of one span after the other.
pub(super) struct Recorder {
    latencies: Histogram<u64>,
    /// The earliest planned time that no poll has answered yet; `None` while paused.
    next: Option<Instant>,
    /// When the reactor last answered, or when the span began.
    alive: Option<Instant>,
    /// Planned times after this one do not count.
    end: Option<Instant>,
    blocked: Duration,
    /// Busy time of all workers, and the most that it could have been.
    busy: Duration,
    available: Duration,
    deepest: usize,
}

/// What was recorded.
#[derive(Debug, Default)]
pub(crate) struct Observation {
    /// Histogram of the waits, in nanoseconds.
    pub(crate) latencies: Vec<LatencyCount>,
    /// Time blocked, share of time busy, depth of the queue.
    pub(crate) counters: BTreeMap<String, u64>,
}

impl Recorder {
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self {
            latencies: Histogram::new_with_bounds(nanoseconds(MIN_LATENCY), nanoseconds(MAX_LATENCY), DIGITS)?,
            next: None,
            alive: None,
            end: None,
            blocked: Duration::ZERO,
            busy: Duration::ZERO,
            available: Duration::ZERO,
            deepest: 0,
        })
    }

    /// Begins a span. Its first plan lies half an interval ahead, so that each one stands for as much time before it as
    /// after it.
    pub(super) fn begin(&mut self, now: Instant) {
        self.next = Some(now + INTERVAL / 2);
        self.alive = Some(now);
        self.end = None;
    }

    /// The span ends; what was planned in it may still be unanswered.
    pub(super) fn end(&mut self, now: Instant) {
        self.end = Some(now);
    }

    /// Whether the span has ended.
    pub(super) fn ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether something that was planned before the end of the span is not answered yet.
    pub(super) fn has_unanswered(&self) -> bool {
        self.next.zip(self.end).is_some_and(|(next, end)| next <= end)
    }

    /// The next planned time.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Time from `now` to the first planned time after it, whether or not those before it are answered.
    pub(super) fn until_plan(&self, now: Instant) -> Option<Duration> {
        let next = self.next?;
        let late = nanoseconds(now.saturating_duration_since(next)) % nanoseconds(INTERVAL);
        let ahead = next.saturating_duration_since(now);
        Some(if ahead.is_zero() { INTERVAL - Duration::from_nanos(late) } else { ahead })
    }

    /// Records the depth of the runtime's queue.
    pub(super) fn queued(&mut self, tasks: usize) {
        self.deepest = self.deepest.max(tasks);
    }

    /// Records the waiting times, until `now`, of all planned times up to now or up to the end.
    pub(super) fn answer(&mut self, now: Instant) {
        let Some(oldest) = self.next else { return };
        let last = self.end.map_or(now, |end| end.min(now));
        if oldest > last {
            return;
        }
        let alive = self.alive.replace(now).unwrap_or(oldest);
        if now - oldest > BLOCKED {
            // It began somewhere between the last answer and the first plan without one.
            let began = oldest - oldest.saturating_duration_since(alive) / 2;
            self.blocked += last - began;
        }
        let mut next = oldest;
        while next <= last {
            self.latencies.saturating_record(nanoseconds(now - next));
            next += INTERVAL;
        }
        self.next = Some(next);
    }

    /// Closes the span: the workers were busy for `busy` of the `available` time.
    pub(super) fn close(&mut self, busy: Duration, available: Duration) {
        self.next = None;
        self.busy += busy;
        self.available += available;
    }

    /// What was recorded since the last call.
    pub(super) fn take(&mut self) -> Observation {
        let seen = self.latencies.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        let latencies = seen.collect();
        self.latencies.reset();
        let (busy, available) = (std::mem::take(&mut self.busy), std::mem::take(&mut self.available));
        // Busy time that began before the span is reported within it, so the share could exceed 1.
        let busy_ppm = (busy.as_nanos() * 1_000_000 / available.as_nanos().max(1)).min(1_000_000);
        let counters = [
            ("reactor_blocked", nanoseconds(std::mem::take(&mut self.blocked))),
            ("reactor_busy", u64::try_from(busy_ppm).unwrap_or(u64::MAX)),
            ("reactor_queue", std::mem::take(&mut self.deepest) as u64),
        ];
        Observation { latencies, counters: counters.map(|(name, value)| (name.to_owned(), value)).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn plans_stay_on_their_grid_however_late_who_asks_is() {
        let began = Instant::now();
        let mut account = Recorder::new().unwrap();
        assert_eq!(account.until_plan(began), None);
        account.begin(began);
        assert_eq!(account.until_plan(began), Some(MS * 2));
        for (late, left) in [(2, 4), (3, 3), (5, 1), (6, 4), (103, 3)] {
            assert_eq!(account.until_plan(began + MS * late), Some(MS * left), "{late} ms after the beginning");
        }
        account.answer(began + MS * 9);
        assert_eq!(account.until_plan(began + MS * 9), Some(MS));
    }

    fn count(seen: &Observation) -> u64 {
        seen.latencies.iter().map(|(_, count)| count).sum()
    }

    /// Shortest and longest wait, in milliseconds.
    fn extremes(seen: &Observation) -> (u64, u64) {
        let ms = |latency: Option<&LatencyCount>| (latency.unwrap().0 + 500_000) / 1_000_000;
        (ms(seen.latencies.first()), ms(seen.latencies.last()))
    }

    #[test]
    fn one_blocked_second_is_plans_that_waited_evenly_and_one_second_blocked() {
        let began = Instant::now();
        let mut account = Recorder::new().unwrap();
        account.begin(began);
        let until = began + MS * 1001;
        account.answer(until);
        account.answer(until);
        assert_eq!(account.next(), Some(began + MS * 1002), "nothing counts twice");
        let seen = account.take();
        assert_eq!(count(&seen), 250);
        assert_eq!(extremes(&seen), (3, 999));
        let histogram = seen.latencies.iter().map(|(latency, count)| u128::from(*latency) * u128::from(*count));
        let mean = histogram.sum::<u128>() / 250;
        assert!(mean.abs_diff(501_000_000) < 1_000_000, "{mean}");
        assert_eq!(seen.counters["reactor_blocked"], 1_000_000_000, "from the middle of the first two milliseconds");
        assert_eq!(account.take().counters["reactor_blocked"], 0);
    }

    #[test]
    fn plans_after_the_end_do_not_count_and_those_before_it_wait_until_the_answer() {
        let began = Instant::now();
        let mut account = Recorder::new().unwrap();
        account.begin(began);
        account.answer(began + MS * 2);
        account.end(began + MS * 50);
        assert!(account.has_unanswered());
        account.answer(began + MS * 200);
        assert!(!account.has_unanswered());
        let seen = account.take();
        assert_eq!(count(&seen), 13);
        assert_eq!(extremes(&seen), (0, 194));
        assert_eq!(seen.counters["reactor_blocked"], 46_000_000, "what is after the end is not in the span");
    }

    #[test]
    fn a_wait_at_the_limit_is_not_blocked_and_blocks_add_up() {
        let began = Instant::now();
        let mut account = Recorder::new().unwrap();
        account.begin(began);
        account.answer(began + MS * 2 + BLOCKED);
        assert_eq!(account.take().counters["reactor_blocked"], 0);
        // Alive at 12 ms and at 30; asked next at 14 and at 34.
        account.answer(began + MS * 30);
        account.answer(began + MS * 50);
        assert_eq!(account.take().counters["reactor_blocked"], 17_000_000 + 18_000_000);
    }

    #[test]
    fn the_share_of_busy_time_is_over_all_spans_and_never_above_one() {
        let mut account = Recorder::new().unwrap();
        account.begin(Instant::now());
        account.close(MS, MS * 2);
        account.close(MS, MS * 6);
        account.queued(3);
        account.queued(1);
        let seen = account.take();
        assert_eq!((seen.counters["reactor_busy"], seen.counters["reactor_queue"]), (250_000, 3));
        account.close(MS * 9, MS);
        assert_eq!(account.take().counters["reactor_busy"], 1_000_000);
        assert_eq!(account.take().counters["reactor_busy"], 0);
    }
}
