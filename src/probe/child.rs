//! A child's own account from the kernel, read while it is waited for (`wait4`), so that it holds the usage of no other
//! child.

#![expect(unsafe_code, reason = "neither std nor nix nor rustix has a safe wait4 that gives the whole account")]

use std::{
    io, mem,
    os::unix::process::ExitStatusExt as _,
    process::{Child, ExitStatus},
    time::Duration,
};

use nix::libc;

/// How a child ended, and what it used.
#[derive(Debug, Clone, Copy)]
pub struct ChildExit {
    /// Its status.
    pub status: ExitStatus,
    /// What it used from start to exit.
    pub usage: ChildUsage,
}

/// What a child used from start to exit, with the descendants that it waited for (getrusage(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChildUsage {
    /// CPU time in user mode, in nanoseconds.
    pub user_ns: u64,
    /// CPU time in the kernel, in nanoseconds.
    pub system_ns: u64,
    /// Context switches because it waited for something.
    pub voluntary_switches: u64,
    /// Context switches because its time was up.
    pub involuntary_switches: u64,
    /// Page faults that needed no I/O.
    pub minor_faults: u64,
    /// Page faults that needed I/O.
    pub major_faults: u64,
    /// Highest resident memory of the child, or of one of those descendants, in bytes.
    pub rss_peak: u64,
}

impl ChildUsage {
    /// CPU time in user mode and in the kernel, in nanoseconds.
    pub fn cpu_ns(&self) -> u64 {
        self.user_ns.saturating_add(self.system_ns)
    }
}

/// Waits until a child has exited. It must not be waited for again, nor signalled.
///
/// # Errors
/// It was waited for already.
pub fn wait(child: &Child) -> io::Result<ChildExit> {
    wait4(child, 0)?.ok_or_else(|| io::Error::from(io::ErrorKind::WouldBlock))
}

/// As [`wait`], but returns `None` at once while the child runs.
///
/// # Errors
/// As [`wait`].
pub fn try_wait(child: &Child) -> io::Result<Option<ChildExit>> {
    wait4(child, libc::WNOHANG)
}

fn wait4(child: &Child, options: libc::c_int) -> io::Result<Option<ChildExit>> {
    let mut status = 0;
    // SAFETY: a `rusage` is made of integers, for which all zeros are a value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live values of the types that wait4(2) writes.
        match unsafe { libc::wait4(child.id().cast_signed(), &raw mut status, options, &raw mut usage) } {
            0 => return Ok(None),
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            _ => return Ok(Some(ChildExit { status: ExitStatus::from_raw(status), usage: read(&usage) })),
        }
    }
}

fn read(usage: &libc::rusage) -> ChildUsage {
    let nanoseconds = |time: libc::timeval| {
        let time = Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs());
        u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
    };
    ChildUsage {
        user_ns: nanoseconds(usage.ru_utime),
        system_ns: nanoseconds(usage.ru_stime),
        voluntary_switches: usage.ru_nvcsw.unsigned_abs(),
        involuntary_switches: usage.ru_nivcsw.unsigned_abs(),
        minor_faults: usage.ru_minflt.unsigned_abs(),
        major_faults: usage.ru_majflt.unsigned_abs(),
        // The kernel counts it in KiB.
        rss_peak: usage.ru_maxrss.unsigned_abs().saturating_mul(1024),
    }
}

#[cfg(test)]
#[expect(clippy::zombie_processes, reason = "they are waited for by what is tested")]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_childs_account_is_its_own() {
        let shell = |script: &str| Command::new("sh").args(["-c", script]).spawn().unwrap();
        let busy = shell("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; exit 3");
        let idle = shell("exit 0");
        let (busy, idle) = (wait(&busy).unwrap(), wait(&idle).unwrap());
        assert_eq!((busy.status.code(), idle.status.code()), (Some(3), Some(0)));
        assert!(busy.usage.cpu_ns() > 10 * idle.usage.cpu_ns().max(1_000_000), "{busy:?} {idle:?}");
        assert!(idle.usage.minor_faults > 0 && idle.usage.rss_peak > 100_000, "{idle:?}");
    }

    #[test]
    fn a_running_child_is_not_waited_for() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(try_wait(&child).unwrap().is_none());
        child.kill().unwrap();
        assert!(!wait(&child).unwrap().status.success());
        assert!(try_wait(&child).is_err(), "it was waited for already");
    }
}
