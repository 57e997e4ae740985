//! What others do on this machine meanwhile: processes that use a CPU, and programs that wait for memory or a disk.

use std::{collections::BTreeMap, fs, time::Duration};

use super::finding::{Finding, Status};
use crate::{
    probe::kernel::{self, Files},
    units::Unit,
};

/// How many neighbours are named, the busiest.
const NAMED: usize = 3;

/// Share of one CPU from which on a process is worth naming.
const BUSY: f64 = 0.02;

/// Clock ticks a second, as `/proc` counts (`USER_HZ`, the same on every Linux that Rust builds for).
const TICKS: f64 = 100.0;

/// CPU time of every process so far.
pub(super) struct Processes(BTreeMap<u32, Process>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    name: String,
    ticks: u64,
}

impl Processes {
    /// Reads them all, but for this one.
    pub(super) fn now() -> Processes {
        let own = std::process::id();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).filter(|id| *id != own);
        Processes(
            ids.filter_map(|id| Some((id, parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?))).collect(),
        )
    }

    /// The share of one CPU that each used since `earlier`, the busiest first.
    fn since(&self, earlier: &Processes, elapsed: Duration) -> Vec<(u32, &str, f64)> {
        let share = |(id, now): (&u32, &'_ Process)| {
            let before = earlier.0.get(id).filter(|before| before.name == now.name)?;
            let used = now.ticks.saturating_sub(before.ticks) as f64 / TICKS / elapsed.as_secs_f64();
            Some((*id, used))
        };
        let mut busy: Vec<(u32, &str, f64)> = Vec::new();
        for (id, process) in &self.0 {
            if let Some((id, used)) = share((id, process)).filter(|(_, used)| *used >= BUSY) {
                busy.push((id, &process.name, used));
            }
        }
        busy.sort_by(|a, b| b.2.total_cmp(&a.2));
        busy
    }
}

/// Name and CPU ticks of `/proc/PID/stat` (proc_pid_stat(5)): the name is in brackets and may hold anything.
fn parse(stat: &str) -> Option<Process> {
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    // After the name come state, ppid, …; utime and stime are the 12th and the 13th of these.
    let mut times = rest.split_ascii_whitespace().skip(11);
    let ticks = times.next()?.parse::<u64>().ok()?.checked_add(times.next()?.parse().ok()?)?;
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    Some(Process { name, ticks })
}

/// Who uses the CPUs.
pub(super) fn processes(before: &Processes, after: &Processes, elapsed: Duration) -> Finding {
    let busy = after.since(before, elapsed);
    if busy.is_empty() {
        return Finding::fine("neighbours", "no other process is busy");
    }
    let named = busy.iter().take(NAMED).map(|(id, name, used)| format!("{name} ({id}) {:.0}%", used * 100.0));
    let found = named.collect::<Vec<_>>().join(", ");
    let ids = busy.iter().take(NAMED).map(|(id, ..)| id.to_string()).collect::<Vec<_>>().join(" ");
    let total: f64 = busy.iter().map(|(.., used)| used).sum();
    let advice = format!("wait for them, or end them where they are yours: `kill {ids}`");
    Finding::new("neighbours", Status::of(total, 0.1, 0.5), found, &advice)
}

/// Whether programs wait for memory or for a disk, over the last ten seconds.
pub(super) fn waiting(files: Files) -> [Finding; 2] {
    let memory = "memory runs short and is taken from caches: end what holds it (`ps aux --sort=-rss | head`)";
    let disk = "something keeps the disk busy: find it with `sudo iotop -o`, and wait for it";
    [stalled(files, "memory pressure", "memory", memory), stalled(files, "disk pressure", "io", disk)]
}

fn stalled(files: Files, name: &'static str, resource: &str, advice: &str) -> Finding {
    let Some(share) = files(&format!("/proc/pressure/{resource}")).as_deref().and_then(recent) else {
        return Finding::unknown(name, "this kernel does not count it (`psi=1` on its command line lets it)");
    };
    Finding::new(name, Status::of(share, 0.01, 0.25), Unit::Ratio.format(share), advice)
}

/// The share of the last ten seconds in which some task waited: `some avg10=0.69 …` is in percent.
fn recent(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some avg10="))?;
    let percent: f64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(percent / 100.0)
}

/// How much memory is there to be had.
pub(super) fn memory(files: Files) -> Finding {
    let (Some(total), Some(left)) = (kernel::memory(files, "MemTotal"), kernel::memory(files, "MemAvailable")) else {
        return Finding::unknown("memory", "is /proc/meminfo readable?");
    };
    let share = left as f64 / total.max(1) as f64;
    let found =
        format!("{} of {} available", Unit::MemoryBytes.format(left as f64), Unit::MemoryBytes.format(total as f64));
    let status = Status::of(1.0 - share, 0.8, 0.97);
    Finding::new(
        "memory",
        status,
        found,
        "little is left for the file cache, so reads reach the disk: end what holds it (`ps aux --sort=-rss | head`)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a (b) c) R 1 42 42 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 1 0 100 1000 10\n";

    #[test]
    fn a_process_is_read_whatever_its_name() {
        assert_eq!(parse(STAT), Some(Process { name: "a (b) c".to_owned(), ticks: 175 }));
        assert_eq!(parse("42 (x) R 1"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn the_busiest_are_named_first_with_how_to_end_them() {
        let at = |ticks: [u64; 3]| {
            let process = |(id, ticks)| (id, Process { name: format!("p{id}"), ticks });
            Processes((1..).zip(ticks).map(process).collect())
        };
        let found = processes(&at([0, 0, 0]), &at([5, 40, 0]), Duration::from_secs(1));
        assert_eq!(found.found, "p2 (2) 40%, p1 (1) 5%");
        assert!(found.status == Status::Warn && found.advice.contains("`kill 2 1`"), "{found:?}");
        assert_eq!(processes(&at([9, 9, 9]), &at([9, 9, 9]), Duration::from_secs(1)).status, Status::Ok);
        let reused = Processes(BTreeMap::from([(2, Process { name: "other".into(), ticks: 90 })]));
        assert_eq!(processes(&at([0, 0, 0]), &reused, Duration::from_secs(1)).status, Status::Ok, "another process");
    }

    #[test]
    fn waiting_and_memory_are_judged() {
        let machine = |path: &str| match path {
            "/proc/pressure/memory" => Some("some avg10=30.00 avg60=0.00\nfull avg10=0.00".to_owned()),
            "/proc/pressure/io" => Some("some avg10=0.69 avg60=0.00 avg300=0.00 total=1".to_owned()),
            "/proc/meminfo" => Some("MemTotal: 1000 kB\nMemAvailable: 100 kB\n".to_owned()),
            _ => None,
        };
        assert_eq!(waiting(&machine).map(|found| found.status), [Status::Bad, Status::Ok]);
        assert_eq!(memory(&machine).status, Status::Warn);
        assert_eq!(waiting(&|_| None).map(|found| found.status), [Status::Unknown; 2]);
    }

    #[test]
    fn this_machine_has_other_processes() {
        assert!(!Processes::now().0.contains_key(&std::process::id()));
    }
}
