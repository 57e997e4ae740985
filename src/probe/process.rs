//! One process seen from outside: CPU time in nanoseconds, memory, I/O, context switches.
//!
//! Files below `/proc/PID` stay open between readings, so that a reading costs a few system calls and no path look-up.
//! `smaps` is never read: it would stop the process that is being measured.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    time::Duration,
};

use nix::{time::ClockId, unistd::Pid};

/// The largest file below `/proc` that is read again and again: `io` has some 200 bytes.
pub(super) const READ_LIMIT: usize = 512;

/// A process that is looked at.
#[derive(Debug)]
pub struct ProcessProbe {
    pid: u32,
    clock: ClockId,
    statm: File,
    io: File,
    threads: BTreeMap<u32, Thread>,
    switches_of_ended_threads: u64,
    page_size: u64,
}

/// What a process has used up to a moment. Counters only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// CPU time of all threads, user and system, in nanoseconds (`clock_getcpuclockid`).
    pub cpu_ns: u64,
    /// Bytes that reached read calls (`rchar`).
    pub bytes_read: u64,
    /// Bytes handed to write calls (`wchar`).
    pub bytes_written: u64,
    /// Read calls (`syscr`).
    pub read_calls: u64,
    /// Write calls (`syscw`).
    pub write_calls: u64,
    /// Bytes caused to be written to storage (`write_bytes`).
    pub storage_written: u64,
}

#[derive(Debug)]
struct Thread {
    schedstat: File,
    /// Absent where the kernel was built without it.
    children: Option<File>,
    switches: u64,
}

impl ProcessProbe {
    /// Starts looking at a process of the same user.
    ///
    /// # Errors
    /// The process is gone, or `/proc` is not readable.
    pub fn new(pid: u32) -> io::Result<ProcessProbe> {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid.cast_signed()))?;
        Ok(ProcessProbe {
            pid,
            clock,
            statm: File::open(format!("/proc/{pid}/statm"))?,
            io: File::open(format!("/proc/{pid}/io"))?,
            threads: BTreeMap::new(),
            switches_of_ended_threads: 0,
            page_size: procfs::page_size(),
        })
    }

    /// CPU time and I/O so far.
    ///
    /// # Errors
    /// The process is gone.
    pub fn counters(&self) -> io::Result<Counters> {
        let mut counters = Counters { cpu_ns: self.cpu_ns()?, ..Counters::default() };
        let mut buffer = [0; READ_LIMIT];
        let text = read(&self.io, &mut buffer)?;
        // A process that has ended and was waited for reads as nothing.
        if text.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        for line in text.lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            let value = value.trim().parse().unwrap_or(0);
            match name {
                "rchar" => counters.bytes_read = value,
                "wchar" => counters.bytes_written = value,
                "syscr" => counters.read_calls = value,
                "syscw" => counters.write_calls = value,
                "write_bytes" => counters.storage_written = value,
                _ => {}
            }
        }
        Ok(counters)
    }

    /// CPU time so far, in nanoseconds.
    ///
    /// # Errors
    /// The process is gone.
    pub fn cpu_ns(&self) -> io::Result<u64> {
        let time = Duration::from(self.clock.now()?);
        Ok(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Resident memory now, in bytes.
    ///
    /// # Errors
    /// The process is gone.
    pub fn rss(&self) -> io::Result<u64> {
        let mut buffer = [0; READ_LIMIT];
        let pages =
            read(&self.statm, &mut buffer)?.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
        // The memory of a process that has ended reads as nothing.
        pages.map(|pages| pages * self.page_size).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    /// Times that any thread was put on a CPU so far: context switches, voluntary and not. Costs a system call a thread and
    /// a folder's listing, more than all other readings together: ask seldom.
    ///
    /// # Errors
    /// The process is gone.
    pub fn switches(&mut self) -> io::Result<u64> {
        self.find_threads()?;
        let mut ended = Vec::new();
        let mut buffer = [0; READ_LIMIT];
        for (id, thread) in &mut self.threads {
            match read(&thread.schedstat, &mut buffer).ok().and_then(parse_timeslices) {
                Some(switches) => thread.switches = switches,
                None => ended.push(*id),
            }
        }
        for id in ended {
            self.switches_of_ended_threads += self.threads.remove(&id).map_or(0, |thread| thread.switches);
        }
        Ok(self.switches_of_ended_threads + self.threads.values().map(|thread| thread.switches).sum::<u64>())
    }

    /// Processes that threads of this one started and that are there still, not yet waited for.
    ///
    /// # Errors
    /// The process is gone.
    pub(super) fn children(&mut self) -> io::Result<Vec<u32>> {
        if self.threads.is_empty() {
            self.find_threads()?;
        }
        let mut children = Vec::new();
        let mut buffer = [0; READ_LIMIT];
        for file in self.threads.values().filter_map(|thread| thread.children.as_ref()) {
            // A thread that has ended has none: they are another thread's then.
            let list = read(file, &mut buffer).unwrap_or_default();
            children.extend(list.split_ascii_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        Ok(children)
    }

    /// Looks for threads that are new since the last look, so that their children and switches count.
    ///
    /// # Errors
    /// The process is gone.
    pub(super) fn find_threads(&mut self) -> io::Result<()> {
        for entry in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if self.threads.contains_key(&id) {
                continue;
            }
            let open = |name: &str| File::open(format!("/proc/{}/task/{id}/{name}", self.pid));
            if let Ok(schedstat) = open("schedstat") {
                self.threads.insert(id, Thread { schedstat, children: open("children").ok(), switches: 0 });
            }
        }
        Ok(())
    }

    /// The highest resident memory since the start or the last [`ProcessProbe::reset_peak`], in bytes (`VmHWM`).
    ///
    /// # Errors
    /// The process is gone.
    pub fn rss_peak(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        parse_peak(&status).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    /// Makes the peak start again from the present memory (`5` to `clear_refs`, see proc_pid_clear_refs(5)).
    ///
    /// # Errors
    /// The process is gone or belongs to somebody else.
    pub fn reset_peak(&self) -> io::Result<()> {
        OpenOptions::new().write(true).open(format!("/proc/{}/clear_refs", self.pid))?.write_all(b"5")
    }
}

impl Counters {
    /// The higher of each.
    pub(super) fn highest(&self, other: &Counters) -> Counters {
        Counters {
            cpu_ns: self.cpu_ns.max(other.cpu_ns),
            bytes_read: self.bytes_read.max(other.bytes_read),
            bytes_written: self.bytes_written.max(other.bytes_written),
            read_calls: self.read_calls.max(other.read_calls),
            write_calls: self.write_calls.max(other.write_calls),
            storage_written: self.storage_written.max(other.storage_written),
        }
    }

    /// What was used between `earlier` and here.
    pub fn since(&self, earlier: &Counters) -> Counters {
        Counters {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            bytes_read: self.bytes_read.saturating_sub(earlier.bytes_read),
            bytes_written: self.bytes_written.saturating_sub(earlier.bytes_written),
            read_calls: self.read_calls.saturating_sub(earlier.read_calls),
            write_calls: self.write_calls.saturating_sub(earlier.write_calls),
            storage_written: self.storage_written.saturating_sub(earlier.storage_written),
        }
    }
}

/// The present content of a small file below `/proc`, from its beginning.
pub(super) fn read<'b>(file: &File, buffer: &'b mut [u8; READ_LIMIT]) -> io::Result<&'b str> {
    let length = file.read_at(buffer, 0)?;
    str::from_utf8(&buffer[..length]).map_err(io::Error::other)
}

/// The third number of `/proc/PID/task/TID/schedstat`: time slices run.
fn parse_timeslices(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(2)?.parse().ok()
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_texts_are_read() {
        assert_eq!(parse_timeslices("611773 46649 17\n"), Some(17));
        assert_eq!(parse_timeslices(""), None);
        assert_eq!(parse_peak("VmPeak:\t  9 kB\nVmHWM:\t    1700 kB\nVmRSS:\t 12 kB\n"), Some(1_740_800));
        assert_eq!(parse_peak("Name: x\n"), None);
    }

    #[test]
    fn work_of_a_process_shows_in_its_counters() {
        let mut probe = ProcessProbe::new(std::process::id()).unwrap();
        let before = probe.counters().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(&vec![7; 1_000_000]).unwrap();
        let mut spin = 0u64;
        while probe.cpu_ns().unwrap() < before.cpu_ns + 20_000_000 {
            spin = spin.wrapping_mul(31).wrapping_add(1);
        }
        std::hint::black_box(spin);
        let used = probe.counters().unwrap().since(&before);
        assert!(used.cpu_ns >= 20_000_000, "{used:?}");
        assert!(used.bytes_written >= 1_000_000, "{used:?}");
        assert!(probe.switches().unwrap() > 0);
        assert!(probe.rss().unwrap() > 1_000_000);
    }

    #[test]
    fn a_peak_can_be_started_again() {
        let probe = ProcessProbe::new(std::process::id()).unwrap();
        let large = vec![1u8; 200_000_000];
        std::hint::black_box(&large);
        let with = probe.rss_peak().unwrap();
        drop(large);
        probe.reset_peak().unwrap();
        assert!(probe.rss_peak().unwrap() + 100_000_000 < with);
    }
}
