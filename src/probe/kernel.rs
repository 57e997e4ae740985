//! Facts that the kernel shows as small files below `/proc` and `/sys`. What it does not show is `None`: nothing here
//! guesses. Each reader takes the files as a function, so that it can be tried on the files of any machine.

use std::{fs::File, io::Read};

/// The largest such file that is read: `/proc/cpuinfo` of a thousand CPUs is about this long.
const MAX_FILE: u64 = 2 << 20;

/// Gives the trimmed text of a file, which may be empty, or `None` where there is none or it cannot be read.
pub(super) type Files<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The files of this machine.
pub(super) fn this_machine(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    // The device tree ends its texts with NUL.
    Some(String::from_utf8_lossy(&bytes).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
}

/// A file that holds one fact and is not empty.
pub(super) fn fact(files: Files, path: &str) -> Option<String> {
    files(path).filter(|text| !text.is_empty())
}

/// The value of the first line `name : value`, as in `/proc/cpuinfo` and `/proc/meminfo`.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).find(|value| !value.is_empty())
}

/// What a processor is called: as x86 kernels name it, else the board's name in the device tree, else Arm's part number.
pub(super) fn cpu_name(files: Files) -> Option<String> {
    let info = files("/proc/cpuinfo").unwrap_or_default();
    let named = ["model name", "cpu model", "Processor"].iter().find_map(|name| field(&info, name)).map(one_space);
    named.or_else(|| fact(files, "/proc/device-tree/model")).or_else(|| {
        let (implementer, part) = (field(&info, "CPU implementer")?, field(&info, "CPU part")?);
        Some(format!("implementer {implementer} part {part}"))
    })
}

/// The microcode's version.
pub(super) fn microcode(files: Files) -> Option<String> {
    field(&files("/proc/cpuinfo")?, "microcode").map(str::to_owned)
}

/// A field of `/proc/meminfo`, in bytes.
pub(super) fn memory(files: Files, name: &str) -> Option<u64> {
    let info = files("/proc/meminfo")?;
    let kibibytes: u64 = field(&info, name)?.strip_suffix(" kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// What the machine runs inside: `kvm`, `docker`, `docker on kvm`, or `none` where there is no sign of either.
pub(super) fn virtualization(files: Files) -> String {
    match (container(files), hypervisor(files)) {
        (Some(container), Some(hypervisor)) => format!("{container} on {hypervisor}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "none".to_owned(),
    }
}

/// Makers and products that the firmware names (SMBIOS) in guests of a hypervisor and nowhere else.
const GUESTS: [(&str, &str); 8] = [
    ("KVM", "kvm"),
    ("QEMU", "kvm"),
    ("VMware", "vmware"),
    ("VirtualBox", "virtualbox"),
    ("Virtual Machine", "hyper-v"),
    ("Xen", "xen"),
    ("Parallels", "parallels"),
    ("Apple Virtualization", "apple"),
];

/// Makers that name themselves in guests and in whole machines for hire alike.
const CLOUDS: [(&str, &str); 4] =
    [("Amazon EC2", "kvm"), ("Google", "kvm"), ("OpenStack", "kvm"), ("DigitalOcean", "kvm")];

/// Clock sources that only a guest of that hypervisor has.
const GUEST_CLOCKS: [(&str, &str); 3] = [("kvm-clock", "kvm"), ("hyperv", "hyper-v"), ("xen", "xen")];

fn hypervisor(files: Files) -> Option<String> {
    if let Some(kind) = fact(files, "/sys/hypervisor/type") {
        return Some(kind);
    }
    // An x86 processor has a flag that marks a guest; others have none.
    let info = files("/proc/cpuinfo").unwrap_or_default();
    let guest = field(&info, "flags").map(|flags| flags.split_ascii_whitespace().any(|flag| flag == "hypervisor"));
    if guest == Some(false) {
        return None;
    }
    let dmi = ["/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name"];
    let firmware = dmi.into_iter().filter_map(files).collect::<Vec<_>>().join(" ");
    let clocks = files("/sys/devices/system/clocksource/clocksource0/available_clocksource").unwrap_or_default();
    let tree = files("/proc/device-tree/hypervisor/compatible").unwrap_or_default();
    let kind = named_in(&firmware, &GUESTS)
        .or_else(|| named_in(&clocks, &GUEST_CLOCKS))
        .or_else(|| named_in(&tree, &[("kvm", "kvm"), ("xen", "xen")]))
        .or_else(|| named_in(&firmware, &CLOUDS).filter(|_| guest == Some(true)))
        .or_else(|| guest.map(|_| "unnamed hypervisor"));
    kind.map(str::to_owned)
}

fn named_in(text: &str, names: &[(&str, &'static str)]) -> Option<&'static str> {
    names.iter().find(|(name, _)| text.contains(name)).map(|(_, kind)| *kind)
}

fn container(files: Files) -> Option<String> {
    if let Some(kind) = fact(files, "/run/systemd/container") {
        return Some(kind);
    }
    let groups = files("/proc/1/cgroup").unwrap_or_default();
    let marks = [("kubepods", "kubernetes"), ("libpod", "podman"), ("docker", "docker"), ("lxc", "lxc")];
    let by_file = || {
        let files_left = [("/run/.containerenv", "podman"), ("/.dockerenv", "docker")];
        files_left.into_iter().find(|(path, _)| files(path).is_some()).map(|(_, kind)| kind)
    };
    let wsl = || files("/proc/sys/kernel/osrelease").filter(|release| release.to_lowercase().contains("microsoft"));
    named_in(&groups, &marks).or_else(by_file).or_else(|| wsl().map(|_| "wsl")).map(str::to_owned)
}

/// The policy by which the kernel chooses a CPU's frequency; several, where CPUs differ.
pub(super) fn governor(files: Files) -> Option<String> {
    let of = |cpu: u32| fact(files, &format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"));
    // The numbers have gaps where CPUs are off; the CPUs before a gap speak for those behind it.
    let mut found: Vec<String> = (0..).map_while(of).collect();
    found.sort();
    found.dedup();
    (!found.is_empty()).then(|| found.join(", "))
}

/// May the processor go above its base frequency for a while?
pub(super) fn turbo(files: Files) -> Option<bool> {
    let intel = fact(files, "/sys/devices/system/cpu/intel_pstate/no_turbo").map(|text| text == "0");
    intel.or_else(|| fact(files, "/sys/devices/system/cpu/cpufreq/boost").map(|text| text == "1"))
}

/// Do two logical CPUs share a core (simultaneous multithreading)?
pub(super) fn smt(files: Files) -> Option<bool> {
    fact(files, "/sys/devices/system/cpu/smt/active").map(|text| text == "1")
}

/// What the kernel reads the time from.
pub(super) fn clock_source(files: Files) -> Option<String> {
    fact(files, "/sys/devices/system/clocksource/clocksource0/current_clocksource")
}

/// The kernel's version.
pub(super) fn release(files: Files) -> Option<String> {
    fact(files, "/proc/sys/kernel/osrelease")
}

fn one_space(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The readers' view of a machine that has these files.
    fn machine<'a>(files: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |path| files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
    }

    const INTEL: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R)  Core(TM) i7-4600U CPU\n\
        microcode\t: 0x26\nflags\t\t: fpu vme sse2\n\nprocessor\t: 1\nmodel name\t: other\n";
    const GUEST: &str = "model name\t: AMD EPYC\nflags\t\t: fpu hypervisor lahf_lm\n";
    const ARM: &str = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n\
        CPU part\t: 0xd0c\n";

    #[test]
    fn processors_are_named() {
        assert_eq!(cpu_name(&machine(&[("/proc/cpuinfo", INTEL)])).unwrap(), "Intel(R) Core(TM) i7-4600U CPU");
        assert_eq!(cpu_name(&machine(&[("/proc/cpuinfo", ARM)])).unwrap(), "implementer 0x41 part 0xd0c");
        let board = [("/proc/cpuinfo", ARM), ("/proc/device-tree/model", "Raspberry Pi 4 Model B")];
        assert_eq!(cpu_name(&machine(&board)).unwrap(), "Raspberry Pi 4 Model B");
        assert_eq!(cpu_name(&machine(&[])), None);
        assert_eq!(microcode(&machine(&[("/proc/cpuinfo", INTEL)])).unwrap(), "0x26");
        assert_eq!(microcode(&machine(&[("/proc/cpuinfo", ARM)])), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let files = [("/proc/meminfo", "MemTotal:       24684092 kB\nSwapTotal:             0 kB\nHugePages_Total: 3")];
        assert_eq!(memory(&machine(&files), "MemTotal"), Some(24_684_092 * 1024));
        assert_eq!(memory(&machine(&files), "SwapTotal"), Some(0));
        assert_eq!(memory(&machine(&files), "HugePages_Total"), None);
        assert_eq!(memory(&machine(&[]), "MemTotal"), None);
    }

    #[test]
    fn machines_of_their_own_are_told_from_guests_and_containers() {
        let of = |files: &[(&str, &str)]| virtualization(&machine(files));
        let vendor = "/sys/class/dmi/id/sys_vendor";
        let clocks = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
        assert_eq!(of(&[("/proc/cpuinfo", INTEL)]), "none");
        assert_eq!(of(&[("/proc/cpuinfo", INTEL), (vendor, "Amazon EC2")]), "none", "a whole machine for hire");
        assert_eq!(of(&[("/proc/cpuinfo", INTEL), ("/.dockerenv", "")]), "docker");
        assert_eq!(of(&[("/proc/cpuinfo", GUEST), (vendor, "Amazon EC2")]), "kvm");
        assert_eq!(of(&[("/proc/cpuinfo", GUEST), (vendor, "VMware, Inc.")]), "vmware");
        assert_eq!(of(&[("/proc/cpuinfo", GUEST), (clocks, "tsc kvm-clock"), ("/.dockerenv", "")]), "docker on kvm");
        assert_eq!(of(&[("/proc/cpuinfo", GUEST)]), "unnamed hypervisor");
        assert_eq!(of(&[("/proc/cpuinfo", GUEST), ("/sys/hypervisor/type", "xen")]), "xen");
        assert_eq!(
            of(&[("/proc/cpuinfo", GUEST), ("/proc/1/cgroup", "0::/kubepods/pod1/docker-2")]),
            "kubernetes on unnamed hypervisor"
        );
        assert_eq!(of(&[("/proc/cpuinfo", ARM)]), "none");
        assert_eq!(of(&[("/proc/cpuinfo", ARM), (vendor, "Amazon EC2")]), "none", "nothing says that it is a guest");
        assert_eq!(of(&[("/proc/cpuinfo", ARM), ("/proc/device-tree/hypervisor/compatible", "linux,kvm")]), "kvm");
        let wsl = ("/proc/sys/kernel/osrelease", "5.15.0-microsoft-standard-WSL2");
        assert_eq!(of(&[("/proc/cpuinfo", GUEST), (clocks, "tsc hyperv_clocksource_tsc_page"), wsl]), "wsl on hyper-v");
    }

    #[test]
    fn settings_are_read_and_missing_ones_stay_missing() {
        let governor_of = |cpu: u32| format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor");
        let (zero, one) = (governor_of(0), governor_of(1));
        assert_eq!(governor(&machine(&[(&zero, "powersave"), (&one, "powersave")])).unwrap(), "powersave");
        assert_eq!(
            governor(&machine(&[(&zero, "powersave"), (&one, "performance")])).unwrap(),
            "performance, powersave"
        );
        assert_eq!(turbo(&machine(&[("/sys/devices/system/cpu/intel_pstate/no_turbo", "0")])), Some(true));
        assert_eq!(turbo(&machine(&[("/sys/devices/system/cpu/cpufreq/boost", "0")])), Some(false));
        assert_eq!(smt(&machine(&[("/sys/devices/system/cpu/smt/active", "1")])), Some(true));
        let nothing = machine(&[]);
        assert_eq!((governor(&nothing), turbo(&nothing), smt(&nothing)), (None, None, None));
        assert_eq!((clock_source(&nothing), release(&nothing)), (None, None));
    }
}
