//! The meter of a sample: monotonic time, the process's CPU time, and the reactor's latency, all over the same span. It
//! must never count what happens outside [`Meter::time`].

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::clock::{nanoseconds, process_cpu};
use crate::counters::Counted;
use crate::error::SubjectError;
use crate::injection::Injected;
use crate::reactor::{Observation, Probe};

/// Times the spans of one sample and adds them up.
pub(crate) struct Meter<'a> {
    wall: Duration,
    cpu: Duration,
    probe: Option<&'a mut Probe>,
    injected: Option<&'a Injected>,
    counted: Counted,
    /// The result of this sample's injected writes, once they were made.
    written: Option<io::Result<()>>,
}

/// What a meter measured.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) wall_ns: u64,
    pub(crate) cpu_ns: u64,
    /// From the probe; empty without one.
    pub(crate) reactor: Observation,
    /// Counters of the whole program, by name.
    pub(crate) counters: BTreeMap<String, u64>,
}

impl<'a> Meter<'a> {
    /// A meter that also reads the probe and makes the injected changes, if there are any.
    pub(crate) fn new(probe: Option<&'a mut Probe>, injected: Option<&'a Injected>, counted: Counted) -> Self {
        Self { wall: Duration::ZERO, cpu: Duration::ZERO, probe, injected, counted, written: None }
    }

    /// Times `work`.
    pub(crate) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        if let Some(probe) = &mut self.probe {
            probe.resume();
        }
        self.counted.begin();
        let cpu = process_cpu();
        let wall = Instant::now();
        let result = work();
        if let Some(injected) = self.injected {
            injected.slow_down(wall);
        }
        self.wall += wall.elapsed();
        // Each clock stops before the injections that it must not count: an injection changes one quantity and no other.
        let first_span = self.written.is_none();
        let injected = self.injected.filter(|_| first_span);
        if let Some(injected) = injected {
            injected.burn();
        }
        self.cpu += process_cpu().saturating_sub(cpu);
        self.counted.end();
        if let Some(injected) = injected {
            injected.block();
        }
        if let Some(probe) = &mut self.probe {
            probe.pause();
        }
        if let Some(injected) = injected {
            self.written = Some(injected.write());
        }
        result
    }

    /// Ends the sample.
    pub(crate) fn finish(self) -> Result<Reading, SubjectError> {
        self.written.transpose().map_err(SubjectError::engine("making the injected writes"))?;
        Ok(Reading {
            wall_ns: nanoseconds(self.wall),
            cpu_ns: nanoseconds(self.cpu),
            reactor: self.probe.map(Probe::take).unwrap_or_default(),
            counters: self.counted.by_name(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::thread_cpu;

    #[test]
    fn only_what_is_on_the_clock_counts() {
        let meter = Meter::new(None, None, Counted::new(&[]));
        let nap = Duration::from_millis(20);
        std::thread::sleep(nap);
        let off_the_clock = meter.finish().unwrap();
        assert_eq!((off_the_clock.wall_ns, off_the_clock.cpu_ns), (0, 0));

        let mut meter = Meter::new(None, None, Counted::new(&[]));
        meter.time(|| std::thread::sleep(nap));
        std::thread::sleep(nap);
        meter.time(|| std::thread::sleep(nap));
        let reading = meter.finish().unwrap();
        assert!(reading.wall_ns >= 40_000_000, "{reading:?}");
    }

    #[test]
    fn cpu_time_is_that_of_the_whole_process() {
        // Other tests may run in this process at the same time, so only a lower bound holds.
        let spin = || {
            let before = thread_cpu();
            while thread_cpu().saturating_sub(before) < Duration::from_millis(10) {}
        };
        let mut meter = Meter::new(None, None, Counted::new(&[]));
        meter.time(|| {
            std::thread::scope(|scope| {
                scope.spawn(spin);
                scope.spawn(spin);
            });
        });
        assert!(meter.finish().unwrap().cpu_ns >= 20_000_000);
    }

    #[test]
    fn an_injected_slowdown_is_on_both_clocks() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let injected = Injected::slowdown(500_000, runtime.handle());
        let mut meter = Meter::new(None, Some(&injected), Counted::new(&[]));
        let worked = meter.time(|| {
            let began = Instant::now();
            std::thread::sleep(Duration::from_millis(40));
            began.elapsed()
        });
        let reading = meter.finish().unwrap();
        assert!(reading.wall_ns >= nanoseconds(worked.mul_f64(1.5)), "{reading:?} of {worked:?}");
        // All CPU time is that of the spinning, which a busy machine may have interrupted.
        assert!(reading.cpu_ns >= 2_000_000, "{reading:?} of {worked:?}");
    }
}
