//! What may change a CPU's speed besides its governor: its present frequency, heat, a battery, a quota.
//! And what is merely worth knowing about how programs are laid out in memory.

use super::finding::{Finding, Status};
use crate::probe::kernel::{self, Files, fact};

/// Names under which the kernel shows a laptop's mains adapter.
const MAINS: [&str; 6] = ["AC", "AC0", "ACAD", "ADP0", "ADP1", "Mains"];

/// Looks at them.
pub(super) fn examine(files: Files) -> Vec<Finding> {
    let mut findings = vec![frequency(files), isolated(files), aslr(files), huge_pages(files)];
    findings.extend([throttled(files), mains(files), quota(files)].into_iter().flatten());
    findings
}

/// How fast the first CPU runs now, and how fast it could.
fn frequency(files: Files) -> Finding {
    let of = |name: &str| {
        let kilohertz: f64 = fact(files, &format!("/sys/devices/system/cpu/cpu0/cpufreq/{name}"))?.parse().ok()?;
        Some(kilohertz / 1e6)
    };
    let told =
        || kernel::field(&files("/proc/cpuinfo")?, "cpu MHz")?.parse::<f64>().ok().map(|megahertz| megahertz / 1e3);
    match (of("scaling_min_freq"), of("scaling_max_freq"), of("scaling_cur_freq").or_else(told)) {
        (Some(low), Some(high), now) => {
            let now = now.map(|now| format!("{now:.2} GHz now, ")).unwrap_or_default();
            let advice = format!(
                "the CPU may run at any speed between: fix it below its turbo with \
                 `sudo cpupower frequency-set --min {low:.2}GHz --max {low:.2}GHz`, or a speed that it keeps"
            );
            let status = if low < high { Status::Note } else { Status::Ok };
            Finding::new("frequency", status, format!("{now}{low:.2} to {high:.2} GHz allowed"), &advice)
        }
        (.., Some(now)) => {
            let advice = "the kernel does not decide it here, so nothing can hold it: compare revisions interleaved";
            Finding::new("frequency", Status::Note, format!("{now:.2} GHz, as reported"), advice)
        }
        _ => Finding::unknown("frequency", "compare revisions interleaved, which does not mind another speed"),
    }
}

/// Times that heat slowed the first CPU since the machine was started. Nothing where the kernel does not count them.
fn throttled(files: Files) -> Option<Finding> {
    let path = "/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count";
    let count: u64 = fact(files, path)?.parse().ok()?;
    let status = if count == 0 { Status::Ok } else { Status::Warn };
    let advice = "it became too hot and slowed down: turn turbo off, clean its fans, or let it cool between runs";
    Some(Finding::new("heat", status, format!("slowed down {count} times since the start"), advice))
}

/// Whether a laptop is on its battery. Nothing where there is no adapter to ask.
fn mains(files: Files) -> Option<Finding> {
    let adapter = |name: &&str| fact(files, &format!("/sys/class/power_supply/{name}/online"));
    let online = MAINS.iter().find_map(adapter)?;
    let (status, found) = if online == "1" { (Status::Ok, "mains") } else { (Status::Warn, "battery") };
    Some(Finding::new("power", status, found, "on a battery the CPU saves power by running slower: plug it in"))
}

/// Whether a control group limits the CPU time. Nothing where it does not.
fn quota(files: Files) -> Option<Finding> {
    let text = fact(files, "/sys/fs/cgroup/cpu.max")?;
    let (quota, period) = text.split_once(' ')?;
    let cpus = quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?;
    let advice = "a process that uses its share up is stopped until the next period: start the container without a \
                  limit on CPU time (`--cpus`), and give it whole CPUs instead (`--cpuset-cpus`)";
    Some(Finding::new("cpu quota", Status::Warn, format!("{cpus:.2} CPUs"), advice))
}

fn isolated(files: Files) -> Finding {
    match fact(files, "/sys/devices/system/cpu/isolated") {
        Some(cpus) => {
            let advice = "the scheduler leaves them alone: start Benchline with `taskset` on them, or they stay idle";
            Finding::new("isolated CPUs", Status::Note, cpus, advice)
        }
        None => Finding::new(
            "isolated CPUs",
            Status::Note,
            "none",
            "`isolcpus=` on the kernel's command line keeps other programs off some CPUs; it needs a restart, and is worth it on a machine that does nothing else",
        ),
    }
}

/// Address space layout randomisation. Off, results repeat better; but one layout is one draw of many.
fn aslr(files: Files) -> Finding {
    let found = match fact(files, "/proc/sys/kernel/randomize_va_space").as_deref() {
        Some("0") => "off",
        Some(_) => "on",
        None => return Finding::unknown("address randomisation", "is /proc mounted?"),
    };
    let advice = match found {
        "on" => "leave it on: trials then average over layouts, where off they would all share one, by luck a good one",
        _ => {
            "every trial has the same layout, by luck a good one: `echo 2 | sudo tee /proc/sys/kernel/randomize_va_space`"
        }
    };
    Finding::new("address randomisation", Status::Note, found, advice)
}

fn huge_pages(files: Files) -> Finding {
    let Some(text) = fact(files, "/sys/kernel/mm/transparent_hugepage/enabled") else {
        return Finding::unknown("huge pages", "this kernel has none, or hides them");
    };
    let chosen = text.split(['[', ']']).nth(1).unwrap_or(&text).to_owned();
    let advice = "memory figures jump by 2 MiB where they are used; `echo madvise | sudo tee \
                  /sys/kernel/mm/transparent_hugepage/enabled` leaves the choice to programs";
    Finding::new("huge pages", if chosen == "always" { Status::Warn } else { Status::Note }, chosen, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(files: &[(&str, &str)]) -> Vec<(&'static str, Status, String)> {
        let read = |path: &str| files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned());
        examine(&read).into_iter().map(|finding| (finding.name, finding.status, finding.found)).collect()
    }

    fn of(files: &[(&str, &str)], name: &str) -> Option<(Status, String)> {
        examined(files).into_iter().find(|(found, ..)| *found == name).map(|(_, status, found)| (status, found))
    }

    #[test]
    fn the_frequency_is_told_with_what_is_allowed() {
        const FOLDER: &str = "/sys/devices/system/cpu/cpu0/cpufreq/";
        let files = |low: &'static str| {
            [("scaling_min_freq", low), ("scaling_max_freq", "3600000"), ("scaling_cur_freq", "1800000")]
                .map(|(name, text)| (format!("{FOLDER}{name}"), text))
        };
        let told = |low| {
            let files = files(low);
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
            of(&files, "frequency").unwrap()
        };
        assert_eq!(told("800000"), (Status::Note, "1.80 GHz now, 0.80 to 3.60 GHz allowed".to_owned()));
        assert_eq!(told("3600000").0, Status::Ok);
        let guest = [("/proc/cpuinfo", "cpu MHz\t\t: 2596.122\n")];
        assert_eq!(of(&guest, "frequency").unwrap().1, "2.60 GHz, as reported");
        assert_eq!(of(&[], "frequency").unwrap().0, Status::Unknown);
    }

    #[test]
    fn heat_batteries_and_quotas_are_warned_about_where_there_are_any() {
        let heat = "/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count";
        assert_eq!(of(&[(heat, "0")], "heat").unwrap().0, Status::Ok);
        assert_eq!(of(&[(heat, "17")], "heat").unwrap().0, Status::Warn);
        assert_eq!(
            of(&[("/sys/class/power_supply/ADP1/online", "0")], "power").unwrap(),
            (Status::Warn, "battery".into())
        );
        assert_eq!(of(&[("/sys/class/power_supply/AC/online", "1")], "power").unwrap().0, Status::Ok);
        assert_eq!(of(&[("/sys/fs/cgroup/cpu.max", "150000 100000")], "cpu quota").unwrap().1, "1.50 CPUs");
        assert_eq!(of(&[("/sys/fs/cgroup/cpu.max", "max 100000")], "cpu quota"), None);
        assert_eq!((of(&[], "heat"), of(&[], "power"), of(&[], "cpu quota")), (None, None, None));
    }

    #[test]
    fn layout_is_a_note() {
        let files = [
            ("/proc/sys/kernel/randomize_va_space", "2"),
            ("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never"),
            ("/sys/devices/system/cpu/isolated", "2-3"),
        ];
        assert_eq!(of(&files, "address randomisation").unwrap(), (Status::Note, "on".to_owned()));
        assert_eq!(of(&files, "huge pages").unwrap(), (Status::Note, "madvise".to_owned()));
        assert_eq!(of(&files, "isolated CPUs").unwrap().1, "2-3");
        let always = [("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never")];
        assert_eq!(of(&always, "huge pages").unwrap().0, Status::Warn);
    }
}
