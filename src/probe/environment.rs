//! The fingerprint of this machine: what decides which series a value belongs to, and annotations that do not. A fact that
//! the machine does not show is left out or called unknown, never guessed: guesses would split series.

use std::{env::consts, thread};

use aws_lc_rs::digest::{Context, SHA256};

use super::kernel::{self, Files};
use crate::{
    model::{Annotation, Environment},
    units::Unit,
};

/// What the id covers, and how. A change of either splits every series, so it needs a good reason.
/// 1: the first. 2: the microcode, which changes what the same processor does in the same time.
const ID_VERSION: u32 = 2;

const GIB: u64 = 1 << 30;

/// The fingerprint of this machine, with the toolchain that built the subject and its flags, if they are known.
///
/// The calling thread must be free to use every CPU that the measurement may use: cores are counted by its affinity and
/// its control group's quota.
pub fn fingerprint(toolchain: Option<&str>, flags: Option<&str>) -> Environment {
    let cores = thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    describe(&kernel::this_machine, cores, toolchain, flags)
}

fn describe(files: Files, cores: u32, toolchain: Option<&str>, flags: Option<&str>) -> Environment {
    let mut environment = Environment {
        id: String::new(),
        cpu: kernel::cpu_name(files).unwrap_or_else(|| "unknown CPU".to_owned()),
        cores,
        memory_gib: kernel::memory(files, "MemTotal").map_or(0, whole_gib),
        virtualization: kernel::virtualization(files),
        platform: format!("{} {}", consts::OS, consts::ARCH),
        microcode: kernel::microcode(files).unwrap_or_default(),
        annotations: annotations(files, toolchain, flags),
    };
    environment.id = id(&environment);
    environment
}

/// The kernel keeps a share of the memory for itself, another one with each version: rounding hides that.
fn whole_gib(bytes: u64) -> u64 {
    (bytes.saturating_add(GIB / 2) / GIB).max(1)
}

fn annotations(files: Files, toolchain: Option<&str>, flags: Option<&str>) -> Vec<Annotation> {
    let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
    let swap = |bytes: u64| if bytes == 0 { "none".to_owned() } else { Unit::MemoryBytes.format(bytes as f64) };
    let facts = [
        ("kernel", kernel::release(files)),
        ("toolchain", toolchain.map(str::to_owned)),
        ("flags", flags.map(str::to_owned)),
        ("governor", kernel::governor(files)),
        ("turbo", kernel::turbo(files).map(on_off)),
        ("smt", kernel::smt(files).map(on_off)),
        ("clocksource", kernel::clock_source(files)),
        ("swap", kernel::memory(files, "SwapTotal").map(swap)),
    ];
    let known = facts.into_iter().filter_map(|(name, value)| Some(Annotation { name: name.to_owned(), value: value? }));
    known.collect()
}

/// The first 12 digits of the SHA-256 over the fields that split series, each behind its length.
fn id(environment: &Environment) -> String {
    let Environment { id: _, cpu, cores, memory_gib, virtualization, platform, microcode, annotations: _ } =
        environment;
    let mut digest = Context::new(&SHA256);
    let version = format!("environment {ID_VERSION}");
    for field in [&version, cpu, &cores.to_string(), &memory_gib.to_string(), virtualization, platform, microcode] {
        digest.update(&(field.len() as u64).to_le_bytes());
        digest.update(field.as_bytes());
    }
    digest.finish().as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(path: &str) -> Option<String> {
        let text = match path {
            "/proc/cpuinfo" => "model name\t: AMD EPYC\nmicrocode\t: 0x1\nflags\t\t: fpu hypervisor\n",
            "/proc/meminfo" => "MemTotal:       24684092 kB\nSwapTotal:       2097152 kB\n",
            "/sys/devices/system/clocksource/clocksource0/available_clocksource" => "tsc kvm-clock",
            "/proc/sys/kernel/osrelease" => "6.18.44",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn a_machine_is_described_by_what_it_tells() {
        let environment = describe(&files, 2, Some("rustc 1.95.0"), Some("none"));
        assert_eq!(environment.microcode, "0x1");
        assert_eq!(environment.title(), "AMD EPYC · 2 cores · 24 GiB · kvm");
        let noted: Vec<_> = environment.annotations.iter().map(|a| (a.name.as_str(), a.value.as_str())).collect();
        let expected = [("kernel", "6.18.44"), ("toolchain", "rustc 1.95.0"), ("flags", "none"), ("swap", "2.00 GiB")];
        assert_eq!(noted, expected);
    }

    #[test]
    fn the_id_follows_what_splits_series_and_nothing_else() {
        let environment = describe(&files, 2, Some("rustc 1.95.0"), Some("none"));
        assert_eq!(environment.id, describe(&files, 2, None, None).id);
        assert_ne!(environment.id, describe(&files, 4, None, None).id);
        let newer = |path: &str| match path {
            "/proc/sys/kernel/osrelease" => Some("6.19.0".to_owned()),
            "/proc/meminfo" => Some("MemTotal:       24670000 kB\n".to_owned()),
            _ => files(path),
        };
        let patched = |path: &str| files(path).map(|text| text.replace("0x1", "0x2"));
        assert_ne!(environment.id, describe(&patched, 2, None, None).id);
        assert_eq!(environment.id, describe(&newer, 2, None, None).id);
    }

    #[test]
    fn the_id_is_the_digest_that_another_program_makes() {
        // Python: sha256 over struct.pack("<Q", len(field)) + field for "environment 2" and the six fields.
        let platform = "linux x86_64".to_owned();
        assert_eq!(id(&Environment { platform, ..describe(&files, 2, None, None) }), "f0b081f55815");
    }

    #[test]
    fn this_machine_has_a_fingerprint() {
        let environment = fingerprint(None, None);
        assert_eq!(environment.id.len(), 12);
        assert!(environment.cores >= 1 && environment.memory_gib >= 1);
    }
}
