//! The machine's present behaviour: its clock, the spread of fixed work, durable writes, and what else uses the CPUs.

use std::{
    hint,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{
    finding::{Finding, Status},
    neighbours::{self, Processes},
    workloads::{self, Bound, Workload},
};
use crate::{
    probe::{
        kernel,
        machine::{MachineReading, MachineUse, clock_step_ns},
    },
    units::Unit,
};

/// How long nothing is done, to see what others do.
const IDLE: Duration = Duration::from_millis(500);

/// Fewer trials do not show a spread.
const ENOUGH: usize = 5;

/// Looks at how the machine behaves, for half a second and as long as the work takes.
pub(super) fn examine(place: &Path) -> (Vec<Finding>, Vec<Workload>) {
    let began = MachineReading::now();
    let processes = Processes::now();
    let waited = Instant::now();
    thread::sleep(IDLE);
    let neighbours = neighbours::processes(&processes, &Processes::now(), waited.elapsed());
    let rested = MachineReading::now();
    let workloads = workloads::repeat(place);
    let worked = MachineReading::now();
    let idle = rested.since(&began);
    let took = |bound| workloads.iter().find(|work| work.bound == bound).map_or(&[][..], |work| &work.nanoseconds);
    let mut findings = vec![
        clock(clock_step_ns(), clock_cost_ns()),
        noise(took(Bound::Cpu)),
        steal(&worked.since(&rested)),
        pressure(&idle),
        other_load(&idle),
        neighbours,
        fsync(took(Bound::Fsync)),
    ];
    findings.extend(neighbours::waiting(&kernel::this_machine));
    findings.push(neighbours::memory(&kernel::this_machine));
    (findings, workloads)
}

/// What one look at the clock costs: the quickest of some batches.
fn clock_cost_ns() -> f64 {
    const LOOKS: u32 = 1000;
    let batch = || {
        let start = Instant::now();
        for _ in 0..LOOKS {
            hint::black_box(Instant::now());
        }
        start.elapsed().as_nanos() as f64 / f64::from(LOOKS)
    };
    (0..5).map(|_| batch()).fold(f64::INFINITY, f64::min)
}

fn clock(step_ns: u64, cost_ns: f64) -> Finding {
    let found = format!(
        "step {}, a look costs {}",
        Unit::Nanoseconds.format(step_ns as f64),
        Unit::Nanoseconds.format(cost_ns)
    );
    let status = Status::of((step_ns as f64).max(cost_ns), 1e3, 1e6);
    Finding::new("clock", status, found, "short operations cannot be timed: see `clock source` below")
}

fn noise(trials: &[f64]) -> Finding {
    let Some((middle, spread)) = spread(trials) else {
        return Finding::new(
            "noise",
            Status::Bad,
            "too slow to measure",
            "this machine is too slow, or too busy, to measure",
        );
    };
    let (trial, share) = (Unit::Nanoseconds.format(middle), Unit::Ratio.format(spread));
    let found = format!("{share} between {} equal trials of {trial}", trials.len());
    let advice =
        "the same work takes different times: end other programs (see `neighbours`), or use a machine of your own";
    Finding::new("noise", Status::of(spread, 0.01, 0.1), found, advice)
}

/// What a durable write costs, which decides how fast a store can be.
fn fsync(trials: &[f64]) -> Finding {
    let Some((middle, spread)) = spread(trials) else {
        return Finding::unknown("durable writes", "no file can be made in the folder of results: is it writable?");
    };
    let found = format!("{} a write, {} around it", Unit::Nanoseconds.format(middle), Unit::Ratio.format(spread));
    // Nothing that keeps data answers within 20 µs: memory does.
    let (status, advice) = match middle {
        ..20e3 => (Status::Warn, "writes do not reach a disk here: put results (`--database`) on a real file system"),
        50e6.. => (
            Status::Warn,
            "the disk is slow to confirm: figures of store and server will reflect it more than the code",
        ),
        _ if spread >= 0.5 => (
            Status::Warn,
            "the disk answers now fast, now slowly: stop what writes to it, or use another (`--database`)",
        ),
        _ => (Status::Ok, ""),
    };
    Finding::new("durable writes", status, found, advice)
}

/// The median, and half the distance from the 10th to the 90th percentile as a share of it.
fn spread(trials: &[f64]) -> Option<(f64, f64)> {
    if trials.len() < ENOUGH {
        return None;
    }
    let mut sorted = trials.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((share * (sorted.len() - 1) as f64).round() as usize).copied();
    let (low, middle, high) = (at(0.1)?, at(0.5)?, at(0.9)?);
    (middle > 0.0).then(|| (middle, (high - low) / 2.0 / middle))
}

fn steal(during: &MachineUse) -> Finding {
    share("steal", during.steal_ppm, (0.01, 0.05), "the host gives this CPU to others: use a larger or a dedicated one")
}

fn pressure(during: &MachineUse) -> Finding {
    share("pressure", during.pressure_ppm, (0.05, 0.25), "programs wait for a CPU: end other programs, then try again")
}

fn other_load(during: &MachineUse) -> Finding {
    share("other load", during.busy_ppm, (0.05, 0.25), "other programs are at work: `neighbours` below names them")
}

fn share(name: &'static str, ppm: Option<u64>, (warn, bad): (f64, f64), advice: &str) -> Finding {
    let Some(ppm) = ppm else { return Finding::unknown(name, "this kernel does not count it") };
    // The kernel adds to its counters a little late, so a whole share may look like more.
    let share = (ppm as f64 / 1e6).min(1.0);
    Finding::new(name, Status::of(share, warn, bad), Unit::Ratio.format(share), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_the_middle_eight_tenths() {
        // Of 950, 951 … 1050 the 10th and the 90th percentile are 960 and 1040.
        let trials: Vec<f64> = (0..=100).rev().map(|n| 950.0 + f64::from(n)).collect();
        assert_eq!(spread(&trials), Some((1000.0, 0.04)));
        let mut outlier = trials.clone();
        outlier[0] = 1e9;
        assert_eq!(spread(&outlier), Some((1000.0, 0.04)));
        assert_eq!(spread(&[1.0; 4]), None);
        assert_eq!(spread(&[0.0; 9]), None);
    }

    #[test]
    fn figures_are_judged() {
        let quiet = MachineUse { pressure_ppm: Some(0), steal_ppm: Some(9_999), busy_ppm: Some(49_999) };
        let loud = MachineUse { pressure_ppm: Some(250_000), steal_ppm: Some(50_000), busy_ppm: None };
        let of = |during| [steal(during), pressure(during), other_load(during)].map(|finding| finding.status);
        assert_eq!(of(&quiet), [Status::Ok; 3]);
        assert_eq!(of(&loud), [Status::Bad, Status::Bad, Status::Unknown]);
        assert_eq!(clock(1, 20.0).status, Status::Ok);
        assert_eq!(clock(1, 1200.0).status, Status::Warn);
        assert_eq!(clock(4_000_000, 1200.0).status, Status::Bad);
        assert_eq!(noise(&[1.0; 30]).status, Status::Ok);
        assert_eq!(noise(&[]).status, Status::Bad);
        let writes = |each: f64| fsync(&[each; 10]).status;
        assert_eq!([writes(5e3), writes(2e6), writes(60e6)], [Status::Warn, Status::Ok, Status::Warn]);
        assert_eq!(fsync(&[1e6, 1e6, 1e6, 5e6, 9e6, 9e6, 9e6]).status, Status::Warn);
        assert_eq!(fsync(&[]).status, Status::Unknown);
    }
}
