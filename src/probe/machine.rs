//! The whole machine around a measurement: stolen time, waiting, other processes, the step of the clock.

use std::{
    fs,
    time::{Duration, Instant},
};

/// The machine at one moment. Facts that the kernel does not show are `None`, never zero.
#[derive(Debug, Clone, Copy)]
pub struct MachineReading {
    at: Instant,
    /// `(busy, stolen, all)` in clock ticks over all CPUs (`/proc/stat`).
    ticks: Option<Ticks>,
    /// Microseconds in which some task waited for a CPU (`/proc/pressure/cpu`).
    pressure_us: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    stolen: u64,
    all: u64,
}

/// What was going on between two readings, each as a share in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineUse {
    /// Of the time, in which some task waited for a CPU.
    pub pressure_ppm: Option<u64>,
    /// Of the machine's CPU time, taken by the hypervisor.
    pub steal_ppm: Option<u64>,
    /// Of the machine's CPU time, used by anybody.
    pub busy_ppm: Option<u64>,
}

impl MachineReading {
    /// Reads the machine now.
    pub fn now() -> MachineReading {
        MachineReading {
            at: Instant::now(),
            ticks: fs::read_to_string("/proc/stat").ok().as_deref().and_then(parse_ticks),
            pressure_us: fs::read_to_string("/proc/pressure/cpu").ok().as_deref().and_then(parse_pressure),
        }
    }

    /// What was going on since an earlier reading.
    pub fn since(&self, earlier: &MachineReading) -> MachineUse {
        let elapsed_us = u64::try_from((self.at - earlier.at).as_micros()).unwrap_or(u64::MAX);
        let ticks = self.ticks.zip(earlier.ticks).map(|(now, then)| Ticks {
            busy: now.busy.saturating_sub(then.busy),
            stolen: now.stolen.saturating_sub(then.stolen),
            all: now.all.saturating_sub(then.all),
        });
        MachineUse {
            pressure_ppm: self
                .pressure_us
                .zip(earlier.pressure_us)
                .and_then(|(now, then)| ppm(now.saturating_sub(then), elapsed_us)),
            steal_ppm: ticks.and_then(|ticks| ppm(ticks.stolen, ticks.all)),
            busy_ppm: ticks.and_then(|ticks| ppm(ticks.busy, ticks.all)),
        }
    }
}

/// The smallest step that the monotonic clock was seen to make, in nanoseconds, at least 1.
pub fn clock_step_ns() -> u64 {
    let mut smallest = Duration::MAX;
    let mut last = Instant::now();
    for _ in 0..1000 {
        let now = Instant::now();
        if now > last {
            smallest = smallest.min(now - last);
        }
        last = now;
    }
    u64::try_from(smallest.as_nanos()).unwrap_or(u64::MAX).max(1)
}

fn ppm(part: u64, whole: u64) -> Option<u64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() as u64)
}

/// The first line of `/proc/stat`: user nice system idle iowait irq softirq steal guest guest_nice (proc_stat(5)).
fn parse_ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, idle, iowait, irq, softirq, stolen] = *fields.first_chunk()?;
    let busy = user + nice + system + irq + softirq;
    Some(Ticks { busy, stolen, all: busy + idle + iowait + stolen })
}

fn parse_pressure(text: &str) -> Option<u64> {
    text.lines().find(|line| line.starts_with("some "))?.rsplit_once("total=")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_texts_are_read() {
        let ticks = parse_ticks("cpu  10 1 5 100 4 2 3 7 0 0\ncpu0 1 2\n");
        assert_eq!(ticks, Some(Ticks { busy: 21, stolen: 7, all: 132 }));
        assert_eq!(parse_ticks("cpu 1 2"), None);
        let text = "some avg10=0.00 avg60=0.03 avg300=0.20 total=1821711\nfull avg10=0.00 total=0\n";
        assert_eq!(parse_pressure(text), Some(1_821_711));
        assert_eq!(parse_pressure(""), None);
    }

    #[test]
    fn the_clock_has_a_step() {
        assert!((1..1_000_000).contains(&clock_step_ns()));
    }
}
