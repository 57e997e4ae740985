//! Reads every role from outside every 20 ms, on a thread of its own whose cost is recorded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

use crate::{
    model::{Role, Timeline, TimelinePoint},
    probe::tree::{Root, TreeProbe},
};

/// Time between two readings.
pub(super) const INTERVAL: Duration = Duration::from_millis(20);

/// Readings between two looks at every thread of a process, which cost more than all other readings together: they are made
/// every 500 ms.
const THREADS_EVERY: usize = 25;

/// A thread that reads processes until it is stopped.
pub(super) struct Sampler {
    stop: mpsc::Sender<()>,
    peaks: Arc<[AtomicU64]>,
    thread: JoinHandle<(Vec<Timeline>, u64)>,
}

/// What the sampler saw and what it cost.
pub(super) struct Sampled {
    pub(super) timelines: Vec<Timeline>,
    /// The highest memory of each role that was several processes, since [`Sampler::restart_peaks`]; 0 for others, whose
    /// peak the kernel reports.
    pub(super) peaks: Vec<u64>,
    /// CPU time of the sampling thread, in nanoseconds.
    pub(super) cpu_ns: u64,
}

impl Sampler {
    /// Starts reading. `began` is the zero of the timelines.
    pub(super) fn start(roles: Vec<(Role, TreeProbe)>, began: Instant) -> Sampler {
        let (stop, stopped) = mpsc::channel();
        let peaks: Arc<[AtomicU64]> = roles.iter().map(|_| AtomicU64::new(0)).collect();
        let seen = Arc::clone(&peaks);
        let thread = thread::spawn(move || sample(roles, began, &stopped, &seen));
        Sampler { stop, peaks, thread }
    }

    /// Forgets the peaks seen so far.
    pub(super) fn restart_peaks(&self) {
        self.peaks.iter().for_each(|peak| peak.store(0, Ordering::Relaxed));
    }

    /// Ends the thread and takes what it saw.
    pub(super) fn finish(self) -> Sampled {
        let _ = self.stop.send(());
        let (timelines, cpu_ns) = self.thread.join().unwrap_or_default();
        let peaks = self.peaks.iter().map(|peak| peak.load(Ordering::Relaxed)).collect();
        Sampled { timelines, peaks, cpu_ns }
    }
}

/// Does `work` while this process is read as a subject is, so that what that costs can be measured.
///
/// # Errors
/// The kernel shows nothing of this process.
pub fn sampled<T>(work: impl FnOnce() -> T) -> std::io::Result<T> {
    let probe = TreeProbe::new(std::process::id(), Root::Counts)?.looking_seldom();
    let sampler = Sampler::start(vec![(Role::Client, probe)], Instant::now());
    let done = work();
    sampler.finish();
    Ok(done)
}

/// Reads until it is stopped. Returns the timelines, and the CPU time of its thread in nanoseconds.
fn sample(
    roles: Vec<(Role, TreeProbe)>,
    began: Instant,
    stopped: &mpsc::Receiver<()>,
    peaks: &[AtomicU64],
) -> (Vec<Timeline>, u64) {
    let mut watched: Vec<(Timeline, Option<TreeProbe>)> =
        roles.into_iter().map(|(role, probe)| (Timeline { role, points: Vec::new() }, Some(probe))).collect();
    let mut next = Instant::now();
    loop {
        for ((timeline, slot), peak) in watched.iter_mut().zip(peaks) {
            let Some(probe) = slot else { continue };
            match read(probe, began, timeline.points.last(), timeline.points.len()) {
                Ok(point) => timeline.points.push(point),
                Err(_) => *slot = None,
            }
            if let Some(seen) = slot.as_mut().and_then(TreeProbe::take_several_peak) {
                peak.fetch_max(seen, Ordering::Relaxed);
            }
        }
        // Missed readings are left out and leave a gap in the timeline.
        next += INTERVAL;
        let now = Instant::now();
        while next <= now {
            next += INTERVAL;
        }
        match stopped.recv_timeout(next - now) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            _ => break,
        }
    }
    let cpu = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default();
    let timelines = watched.into_iter().map(|(timeline, _)| timeline).collect();
    (timelines, u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX))
}

/// The reading after `last`, which has `number` readings before it.
fn read(
    probe: &mut TreeProbe,
    began: Instant,
    last: Option<&TimelinePoint>,
    number: usize,
) -> std::io::Result<TimelinePoint> {
    let switches = match last {
        Some(last) if !number.is_multiple_of(THREADS_EVERY) => last.switches,
        _ => probe.switches()?,
    };
    let counters =
        if number.is_multiple_of(TimelinePoint::IO_EVERY) { probe.counters()? } else { probe.cpu_alone()? };
    Ok(TimelinePoint {
        at_ns: u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX),
        cpu_ns: counters.cpu_ns,
        rss: probe.rss()?,
        bytes_read: counters.bytes_read,
        bytes_written: counters.bytes_written,
        storage_written: counters.storage_written,
        switches,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_come_on_schedule_and_stop() {
        let probe = TreeProbe::new(std::process::id(), Root::Counts).unwrap();
        let sampler = Sampler::start(vec![(Role::Client, probe)], Instant::now());
        thread::sleep(INTERVAL * 6);
        let sampled = sampler.finish();
        let points = &sampled.timelines[0].points;
        assert!(points.len() >= 3, "{}", points.len());
        assert!(points.is_sorted_by(|a, b| a.at_ns < b.at_ns && a.cpu_ns <= b.cpu_ns));
        assert!(points.iter().all(|point| point.rss > 0));
        assert!(sampled.cpu_ns > 0);
    }
}
