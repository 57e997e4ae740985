//! What the kernel's accounts say of a process once it has ended.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

/// What all waited-for children of this process have used so far, or the difference of two such readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ChildUsage {
    pub(super) user_ns: u64,
    pub(super) system_ns: u64,
    pub(super) voluntary_switches: u64,
    pub(super) involuntary_switches: u64,
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
}

impl ChildUsage {
    /// Reads the account of children that were waited for.
    pub(super) fn now() -> nix::Result<ChildUsage> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let nanoseconds = |time: nix::sys::time::TimeVal| {
            let time =
                Duration::new(time.tv_sec().unsigned_abs(), 0) + Duration::from_micros(time.tv_usec().unsigned_abs());
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
        };
        Ok(ChildUsage {
            user_ns: nanoseconds(usage.user_time()),
            system_ns: nanoseconds(usage.system_time()),
            voluntary_switches: usage.voluntary_context_switches().unsigned_abs(),
            involuntary_switches: usage.involuntary_context_switches().unsigned_abs(),
            minor_faults: usage.minor_page_faults().unsigned_abs(),
            major_faults: usage.major_page_faults().unsigned_abs(),
        })
    }

    /// What was added since `earlier`.
    pub(super) fn since(&self, earlier: &ChildUsage) -> ChildUsage {
        ChildUsage {
            user_ns: self.user_ns.saturating_sub(earlier.user_ns),
            system_ns: self.system_ns.saturating_sub(earlier.system_ns),
            voluntary_switches: self.voluntary_switches.saturating_sub(earlier.voluntary_switches),
            involuntary_switches: self.involuntary_switches.saturating_sub(earlier.involuntary_switches),
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            major_faults: self.major_faults.saturating_sub(earlier.major_faults),
        }
    }
}
