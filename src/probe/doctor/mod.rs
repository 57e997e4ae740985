//! Is this machine fit for measurements? What was examined, what was found, and what to do about it. Nothing is changed
//! here: the advice is for a person. Takes about two seconds.
//!
//! `settings` and `speed` examine how the machine is configured, `activity` its present behaviour, and `neighbours` the
//! other processes; `workloads` repeats fixed work to see how noisy the machine is; `storage` examines the place for
//! results, and `toolchain` the programs that a build needs. Each passes figures to a pure function that judges them.
//!
//! What is looked at follows what others found to matter: pyperf's `system show`, LLVM's benchmarking tips, the notes of
//! rustc-perf, hyperfine's warnings.

mod activity;
mod finding;
mod neighbours;
mod settings;
mod speed;
mod storage;
mod toolchain;
mod workloads;

pub use finding::{Finding, Status};
pub use workloads::{Bound, Workload};

use std::path::Path;

use serde::Serialize;

use super::kernel;

/// What an examination found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Examination {
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
    /// How long fixed work took, again and again.
    pub workloads: Vec<Workload>,
}

/// Looks at everything. `results` is the folder that results go to; it need not exist yet.
pub fn examine(results: &Path) -> Examination {
    let place = storage::nearest(results);
    let (mut findings, workloads) = activity::examine(&place);
    findings.extend(settings::examine(&kernel::this_machine));
    findings.extend(speed::examine(&kernel::this_machine));
    findings.extend(storage::examine(&place, &kernel::this_machine));
    findings.extend(toolchain::examine());
    Examination { findings, workloads }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_examination_looks_at_each_thing_once() {
        let Examination { findings, workloads } = examine(Path::new("results"));
        assert!(workloads.iter().any(|work| work.bound == Bound::Cpu));
        let mut names: Vec<&str> = findings.iter().map(|finding| finding.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for wanted in
            ["clock", "noise", "steal", "pressure", "other load", "governor", "swap", "neighbours", "disk", "git", "cc"]
        {
            assert!(names.contains(&wanted), "{wanted} is missing in {names:?}");
        }
        for finding in &findings {
            assert!(!finding.found.is_empty(), "{finding:?}");
            assert_eq!(finding.advice.is_empty(), finding.status == Status::Ok, "{finding:?}");
        }
    }
}
