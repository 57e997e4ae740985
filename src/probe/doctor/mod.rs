//! Is this machine fit to measure? What is looked at, what was found, and what to do about it. Nothing is changed here:
//! the advice is for a person. Takes about two seconds.
//!
//! `settings` and `speed` look at how the machine is set up, `quiet` at how it behaves just now and `neighbours` at who else
//! is at work, `workloads` repeats fixed work to see how noisy it is, `place` looks at where results go and which programs
//! a build needs. Each gives figures to a pure function that judges them.
//!
//! What is looked at follows what others found to matter: pyperf's `system show`, LLVM's benchmarking tips, the notes of
//! rustc-perf, hyperfine's warnings.

mod neighbours;
mod place;
mod quiet;
mod settings;
mod speed;
mod workloads;

pub use workloads::{Bound, Workload};

use std::path::Path;

use serde::Serialize;

use super::kernel;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub status: Status,
    /// What was found, with its figure.
    pub found: String,
    /// What to do, in plain English. Empty where nothing needs doing.
    pub advice: String,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing to say.
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    /// This machine does not tell.
    Unknown,
    /// Measurements are worse for it.
    Warn,
    /// Measuring is impossible, or means nothing.
    Bad,
}

impl Status {
    /// One character for a table.
    pub const fn glyph(self) -> &'static str {
        match self {
            Status::Ok => "✓",
            Status::Note => "·",
            Status::Unknown => "?",
            Status::Warn => "!",
            Status::Bad => "✗",
        }
    }

    /// What a figure means, of which less is better.
    fn of(figure: f64, warn: f64, bad: f64) -> Status {
        if figure >= bad {
            Status::Bad
        } else if figure >= warn {
            Status::Warn
        } else {
            Status::Ok
        }
    }
}

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
    let place = place::nearest(results);
    let (mut findings, workloads) = quiet::examine(&place);
    findings.extend(settings::examine(&kernel::this_machine));
    findings.extend(speed::examine(&kernel::this_machine));
    findings.extend(place::examine(&place, &kernel::this_machine));
    Examination { findings, workloads }
}

impl Finding {
    /// A finding that needs no advice.
    fn fine(name: &'static str, found: impl Into<String>) -> Finding {
        Finding { name, status: Status::Ok, found: found.into(), advice: String::new() }
    }

    /// A finding with what to do about it, which is dropped where all is well.
    fn new(name: &'static str, status: Status, found: impl Into<String>, advice: &str) -> Finding {
        let advice = if status == Status::Ok { String::new() } else { advice.to_owned() };
        Finding { name, status, found: found.into(), advice }
    }

    /// A thing that this machine does not tell.
    fn unknown(name: &'static str, advice: &str) -> Finding {
        Finding::new(name, Status::Unknown, "not told", advice)
    }
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

    #[test]
    fn limits_belong_to_the_worse_side() {
        assert_eq!(Status::of(0.99, 1.0, 5.0), Status::Ok);
        assert_eq!(Status::of(1.0, 1.0, 5.0), Status::Warn);
        assert_eq!(Status::of(5.0, 1.0, 5.0), Status::Bad);
    }
}
