//! The runner's own fixed workload, measured right before and right after a trial: when it slows down, the machine did,
//! and not the code under test. It must never change: another workload gets another name.

use std::{hint::black_box, time::Instant};

use crate::model::{Canary, CanaryReading};

/// Name of the workload. History: `mix@1`, the first.
const WORKLOAD: &str = "mix@1";

/// Words in the table that is walked: 256 KiB, more than a first-level cache holds and less than a second-level one.
const WORDS: usize = 32_768;

/// Steps of one repetition, about half a millisecond: short compared with any trial.
const STEPS: usize = 150_000;

/// Repetitions a reading. The fastest counts, so that one interruption does not.
const REPETITIONS: usize = 3;

/// The workload with its memory, made once for a whole run.
pub(super) struct Workload {
    table: Vec<u64>,
}

impl Workload {
    pub(super) fn new() -> Workload {
        let mut state = 1;
        Workload { table: (0..WORDS).map(|_| next(&mut state)).collect() }
    }

    /// One reading.
    pub(super) fn read(&self) -> CanaryReading {
        let readings = (0..REPETITIONS).map(|_| self.once());
        readings.min_by_key(|reading| reading.wall_ns).unwrap_or(CanaryReading { wall_ns: 0, cpu_ns: 0 })
    }

    fn once(&self) -> CanaryReading {
        let cpu_before = thread_cpu_ns();
        let began = Instant::now();
        black_box(self.walk());
        let wall_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        CanaryReading { wall_ns, cpu_ns: thread_cpu_ns().saturating_sub(cpu_before) }
    }

    /// Arithmetic and dependent loads, half and half: what most programs are made of.
    fn walk(&self) -> u64 {
        let mut state = black_box(7);
        for _ in 0..STEPS {
            let place = (state >> 20) as usize % WORDS;
            state = next(&mut state) ^ self.table[place];
        }
        state
    }
}

/// The canary around a trial.
pub(super) fn around(before: CanaryReading, after: CanaryReading) -> Canary {
    Canary { workload: WORKLOAD.into(), before, after }
}

/// One step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn thread_cpu_ns() -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(std::time::Duration::from).unwrap_or_default();
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by a second implementation, in Python. Another result is another workload, and wants another name.
    const PINNED: u64 = 7_923_529_397_704_288_455;

    #[test]
    fn the_workload_is_the_same_for_ever() {
        assert_eq!((WORKLOAD, Workload::new().walk()), ("mix@1", PINNED));
    }

    #[test]
    fn a_reading_costs_time_and_cpu() {
        let reading = Workload::new().read();
        assert!(reading.wall_ns > 0 && reading.cpu_ns > 0, "{reading:?}");
    }
}
