//! What is known once a trial: what each role used from start to exit, its memory, and the conditions of the machine.

use super::sampler::Sampled;
use crate::{
    model::{Conditions, Metric, Quantity, Role, TrialTotal},
    probe::{child::ChildUsage, machine::MachineReading},
};

/// What a role used from start to exit.
pub(super) fn exit_totals(role: Role, usage: &ChildUsage) -> [TrialTotal; 7] {
    [
        (Quantity::CpuTotal, usage.cpu_ns()),
        (Quantity::CpuUser, usage.user_ns),
        (Quantity::CpuSystem, usage.system_ns),
        (Quantity::VoluntarySwitches, usage.voluntary_switches),
        (Quantity::InvoluntarySwitches, usage.involuntary_switches),
        (Quantity::MinorFaults, usage.minor_faults),
        (Quantity::MajorFaults, usage.major_faults),
    ]
    .map(|(quantity, value)| TrialTotal { metric: Metric::of(role, quantity), value })
}

/// Mean of the resident memory read since the first sample that counts, while there was any.
pub(super) fn mean_rss(sampled: &Sampled, role: Role, since_ns: u64) -> Option<u64> {
    let timeline = sampled.timelines.iter().find(|timeline| timeline.role == role)?;
    let readings: Vec<u64> =
        timeline.points.iter().filter(|p| p.at_ns >= since_ns && p.rss > 0).map(|p| p.rss).collect();
    (!readings.is_empty()).then(|| readings.iter().sum::<u64>() / readings.len() as u64)
}

/// The machine since `before`. `own_cpu_ns` is the CPU time of subjects and runner.
pub(super) fn conditions(
    before: &MachineReading,
    elapsed_ns: u64,
    own_cpu_ns: u64,
    sampled: &Sampled,
    clock_step_ns: u64,
) -> Conditions {
    let used = MachineReading::now().since(before);
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let own_ppm = own_cpu_ns.saturating_mul(1_000_000) / (elapsed_ns.max(1) * cores);
    Conditions {
        pressure_ppm: used.pressure_ppm,
        steal_ppm: used.steal_ppm,
        others_ppm: used.busy_ppm.map(|busy| busy.saturating_sub(own_ppm)),
        sampler_ppm: sampled.cpu_ns.saturating_mul(1_000_000) / elapsed_ns.max(1),
        clock_step_ns,
    }
}

/// CPU time of this process so far, in nanoseconds.
pub(super) fn own_cpu_ns() -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(std::time::Duration::from).unwrap_or_default();
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
