//! How the machine is set up: settings that let a CPU's speed change by itself, and memory that is not memory.

use super::finding::{Finding, Status};
use crate::{
    probe::kernel::{self, Files},
    units::Unit,
};

/// The advice where a setting is hidden.
const HIDDEN: &str = "a virtual machine's host decides it: use a machine of your own, or more trials";

/// Where the kernel shows its clocks.
const CLOCKS: &str = "/sys/devices/system/clocksource/clocksource0";

/// Looks at the settings.
pub(super) fn examine(files: Files) -> Vec<Finding> {
    vec![governor(files), turbo(files), threads(files), swap(files), clock_source(files), virtualization(files)]
}

fn governor(files: Files) -> Finding {
    let Some(governor) = kernel::governor(files) else { return Finding::unknown("governor", HIDDEN) };
    let status = if governor == "performance" { Status::Ok } else { Status::Warn };
    let advice = "the CPU's frequency follows the load: `sudo cpupower frequency-set --governor performance`";
    Finding::new("governor", status, governor, advice)
}

fn turbo(files: Files) -> Finding {
    let advice = if files("/sys/devices/system/cpu/intel_pstate/no_turbo").is_some() {
        "speed depends on heat and on other cores: `echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo`"
    } else {
        "speed depends on heat and on other cores: `echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost`"
    };
    match kernel::turbo(files) {
        None => Finding::unknown("turbo", HIDDEN),
        Some(true) => Finding::new("turbo", Status::Warn, "on", advice),
        Some(false) => Finding::fine("turbo", "off"),
    }
}

fn threads(files: Files) -> Finding {
    let advice = "two logical CPUs share a core's units: `echo off | sudo tee /sys/devices/system/cpu/smt/control`";
    match kernel::smt(files) {
        None => Finding::unknown("smt", HIDDEN),
        Some(true) => Finding::new("smt", Status::Warn, "on", advice),
        Some(false) => Finding::fine("smt", "off"),
    }
}

fn swap(files: Files) -> Finding {
    let (Some(total), Some(free)) = (kernel::memory(files, "SwapTotal"), kernel::memory(files, "SwapFree")) else {
        return Finding::unknown("swap", "is /proc/meminfo readable?");
    };
    let used = total.saturating_sub(free);
    let found = match (total, used) {
        (0, _) => "none".to_owned(),
        (_, 0) => format!("{}, unused", Unit::MemoryBytes.format(total as f64)),
        _ => format!("{} in use", Unit::MemoryBytes.format(used as f64)),
    };
    let status = if used == 0 { Status::Ok } else { Status::Warn };
    Finding::new("swap", status, found, "memory may have to be read from disk: free some, then `sudo swapoff --all`")
}

fn clock_source(files: Files) -> Finding {
    let Some(source) = kernel::clock_source(files) else {
        return Finding::unknown("clock source", "is /sys mounted?");
    };
    let quick = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"].contains(&source.as_str());
    let status = if quick { Status::Ok } else { Status::Warn };
    let available = files(&format!("{CLOCKS}/available_clocksource")).unwrap_or_default();
    let advice = if available.split_ascii_whitespace().any(|name| name == "tsc") {
        format!("each look at the clock is a slow system call: `echo tsc | sudo tee {CLOCKS}/current_clocksource`")
    } else {
        "each reading of the clock is a slow system call; `dmesg | grep -i clocksource` shows why the kernel gave tsc up"
            .to_owned()
    };
    Finding::new("clock source", status, source, &advice)
}

fn virtualization(files: Files) -> Finding {
    let found = kernel::virtualization(files);
    let status =
        if found == "none" || !found.contains(' ') && is_container(&found) { Status::Ok } else { Status::Warn };
    let advice = "others share the hardware unseen: compare revisions in one session, and never across machines";
    Finding::new("virtualization", status, found, advice)
}

/// A container alone costs nothing that a measurement would show.
fn is_container(name: &str) -> bool {
    ["docker", "podman", "kubernetes", "lxc"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(files: &[(&str, &str)]) -> Vec<(&'static str, Status)> {
        let read = |path: &str| files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned());
        examine(&read).into_iter().map(|finding| (finding.name, finding.status)).collect()
    }

    const GOVERNOR: &str = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    const NO_TURBO: &str = "/sys/devices/system/cpu/intel_pstate/no_turbo";
    const SMT: &str = "/sys/devices/system/cpu/smt/active";
    const MEMORY: &str = "/proc/meminfo";
    const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    const CPU: &str = "/proc/cpuinfo";

    #[test]
    fn a_machine_set_up_to_measure_passes() {
        let memory = "SwapTotal: 100 kB\nSwapFree: 100 kB\n";
        let good = [(GOVERNOR, "performance"), (NO_TURBO, "1"), (SMT, "0"), (MEMORY, memory), (CLOCK, "tsc")];
        assert!(statuses(&good).iter().all(|(_, status)| *status == Status::Ok), "{:?}", statuses(&good));
    }

    #[test]
    fn a_laptop_as_it_comes_is_warned_about() {
        let memory = "SwapTotal: 100 kB\nSwapFree: 40 kB\n";
        let guest = "flags: fpu hypervisor\n";
        let bad =
            [(GOVERNOR, "powersave"), (NO_TURBO, "0"), (SMT, "1"), (MEMORY, memory), (CLOCK, "hpet"), (CPU, guest)];
        assert!(statuses(&bad).iter().all(|(_, status)| *status == Status::Warn), "{:?}", statuses(&bad));
    }

    #[test]
    fn what_is_hidden_is_unknown() {
        let unknown = ["governor", "turbo", "smt", "swap", "clock source"].map(|name| (name, Status::Unknown));
        assert_eq!(statuses(&[])[..5], unknown);
    }
}
