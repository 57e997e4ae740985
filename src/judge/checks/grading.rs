//! What the checks share: from a figure and its limit to a check, and which series vary enough to be checked.

use crate::judge::series::SeriesTrials;
use crate::model::{Check, CheckName, CheckStatus, Unit};

/// Values that agree within this share of themselves differ by less than any comparison would notice.
pub(super) const TRIFLE: f64 = 0.01;

/// Whether a series varies in small steps: times and memory. Counts and bytes moved take few values (a page more or
/// less), whose groups and order mean nothing.
pub(super) fn is_gradual(series: &SeriesTrials<'_>) -> bool {
    matches!(series.metric.unit(), Unit::Nanoseconds | Unit::MemoryBytes)
}

/// A check that warns beyond its limit and fails beyond another.
pub(super) fn upwards(name: CheckName, figure: f64, (limit, lost): (f64, f64), advice: String) -> Check {
    let status = match figure {
        _ if figure <= limit => CheckStatus::Pass,
        _ if figure <= lost => CheckStatus::Warn,
        _ => CheckStatus::Fail,
    };
    check(name, status, figure, limit, advice)
}

/// A check with its advice, which a check that passes does not need.
pub(super) fn check(name: CheckName, status: CheckStatus, figure: f64, limit: f64, advice: String) -> Check {
    let advice = if status == CheckStatus::Pass { String::new() } else { advice };
    Check { name, status, figure, limit, advice }
}
