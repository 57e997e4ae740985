//! Three fixed pieces of work, repeated: the spread of their times shows how noisy the machine is.
//! They must not be made faster: only their own spread counts, and a figure is compared with yesterday's.

use std::{
    fs::File,
    hint,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use serde::Serialize;

/// Repetitions of each piece of work, in pairs that a comparison would make. Tests, which are not optimised, make do with few.
const REPETITIONS: usize = if cfg!(test) { 6 } else { 40 };

/// No further repetition after this time, however slow the machine is.
const LIMIT: Duration = Duration::from_secs(5);

/// Rounds of one spin: some five milliseconds, long against the clock and short against a second.
const ROUNDS: u64 = 3_000_000;

/// Words that the walk goes through: 32 MiB, more than most caches hold.
const WORDS: usize = 4 << 20;

/// Steps of one walk: some five milliseconds where each has to wait for memory.
const STEPS: usize = 50_000;

/// Writes with a flush each, of which the median is one repetition.
const FLUSHES: usize = 3;

/// What one write holds: a page.
const PAGE: [u8; 4096] = [0x5a; 4096];

/// What a piece of work waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The processor alone.
    Cpu,
    /// Memory beyond the caches.
    Memory,
    /// Writes that are durable.
    Fsync,
}

/// How long the repetitions of one piece of work took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workload {
    /// What it waits for.
    pub bound: Bound,
    /// Nanoseconds of each repetition, in order.
    pub nanoseconds: Vec<f64>,
}

impl Bound {
    /// As people read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Bound::Cpu => "CPU-bound",
            Bound::Memory => "memory-bound",
            Bound::Fsync => "fsync-bound",
        }
    }
}

/// Does the three pieces of work in turn, so that all see the same moments. The one on the disk is done in a file without
/// a name in `place`, and is left out where none can be made.
pub(super) fn repeat(place: &Path) -> Vec<Workload> {
    let table = table();
    let mut file = tempfile::tempfile_in(place).ok();
    let mut took: [Vec<f64>; 3] = Default::default();
    let began = Instant::now();
    while took[0].len() < REPETITIONS && began.elapsed() < LIMIT {
        took[0].push(timed(|| spin(hint::black_box(ROUNDS))));
        took[1].push(timed(|| walk(&table, hint::black_box(7))));
        took[2].extend(file.as_mut().and_then(flush));
    }
    let [cpu, memory, fsync] = took;
    let all = [(Bound::Cpu, cpu), (Bound::Memory, memory), (Bound::Fsync, fsync)];
    all.into_iter()
        .filter(|(_, took)| !took.is_empty())
        .map(|(bound, nanoseconds)| Workload { bound, nanoseconds })
        .collect()
}

fn timed(work: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    hint::black_box(work());
    start.elapsed().as_nanos() as f64
}

/// Arithmetic whose every step needs the one before, so that only the clock rate and interruptions decide how long it
/// takes (the generator of Knuth's MMIX).
fn spin(rounds: u64) -> u64 {
    (0..rounds).fold(1, |state, _| step(state))
}

fn step(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

fn table() -> Vec<u64> {
    let mut state = 1;
    let next = || {
        state = step(state);
        state
    };
    std::iter::repeat_with(next).take(WORDS).collect()
}

/// Loads each of which determines the address of the next.
fn walk(table: &[u64], start: u64) -> u64 {
    (0..STEPS).fold(start, |state, _| step(state ^ table.get((state >> 33) as usize % WORDS).copied().unwrap_or(0)))
}

/// The median time of a few durable writes.
fn flush(file: &mut File) -> Option<f64> {
    let mut took = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let start = Instant::now();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&PAGE)).and_then(|()| file.sync_all()).ok()?;
        took.push(start.elapsed().as_nanos() as f64);
    }
    took.sort_by(f64::total_cmp);
    took.get(FLUSHES / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_of_work_is_repeated_and_takes_time() {
        let folder = tempfile::tempdir().unwrap();
        let found = repeat(folder.path());
        assert_eq!(found.iter().map(|work| work.bound).collect::<Vec<_>>(), [Bound::Cpu, Bound::Memory, Bound::Fsync]);
        assert!(found.iter().flat_map(|work| &work.nanoseconds).all(|took| *took > 0.0));
        assert!(found[0].nanoseconds.len() <= REPETITIONS);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn without_a_place_for_a_file_the_disk_is_left_out() {
        let bounds: Vec<Bound> = repeat(Path::new("/no/such/folder")).iter().map(|work| work.bound).collect();
        assert_eq!(bounds, [Bound::Cpu, Bound::Memory]);
    }

    #[test]
    fn the_work_is_the_same_for_ever() {
        // Python: s = 1; three times s = (s * 6364136223846793005 + 1442695040888963407) % 2**64.
        assert_eq!(spin(3), 11_960_119_808_228_829_710);
    }
}
