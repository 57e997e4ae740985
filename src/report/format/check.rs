//! Checks in words.

use crate::model::{Check, CheckName, CheckStatus, Unit};

/// A check's figure or limit in the check's own unit.
pub fn figure(name: CheckName, value: f64) -> String {
    match name {
        CheckName::Verified
        | CheckName::Precise
        | CheckName::WarmedUp
        | CheckName::Outliers
        | CheckName::Undisturbed
        | CheckName::LowOverhead => Unit::Ratio.format(value),
        CheckName::Independent | CheckName::Unimodal => format!("{value:.2}"),
        CheckName::EnoughTrials => Unit::Count.format(value),
        CheckName::ClockResolved => format!("{} ×", Unit::Count.format(value)),
    }
}

/// What a check measures, in a few words.
pub const fn check(name: CheckName) -> &'static str {
    match name {
        CheckName::Verified => "correct results",
        CheckName::EnoughTrials => "trials for an interval",
        CheckName::Precise => "half-width of the interval over the estimate",
        CheckName::WarmedUp => "trend after warm-up, beyond chance",
        CheckName::Independent => "correlation of each trial with the one before it",
        CheckName::Unimodal => "gap between two groups of values over the spread within them",
        CheckName::Outliers => "share of samples that are extreme outliers",
        CheckName::ClockResolved => "sample over the clock's step",
        CheckName::Undisturbed => "share of CPU time lost to other processes, or drift of a fixed workload",
        CheckName::LowOverhead => "sampler CPU overhead",
    }
}

/// Names of the checks that do not pass: `precise, undisturbed`.
pub fn complaints(checks: &[Check]) -> String {
    let failing = checks.iter().filter(|check| check.status != CheckStatus::Pass);
    failing.map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ")
}
