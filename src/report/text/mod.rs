//! Whole reports as text: tables for the terminal, Markdown for a pull request.

mod calibration;
mod columns;
mod comparison;
mod markdown;
mod run;

pub use calibration::calibration;
pub use columns::columns;
pub use comparison::comparison;
pub use markdown::markdown;
pub use run::run;

#[cfg(test)]
mod tests {
    use crate::{
        model::{Metric, VerdictKind},
        report::{ComparisonReport, samples},
    };

    /// A regression, a series that did not change and one that is only described.
    fn report() -> ComparisonReport {
        let worse = crate::model::Verdict { blocks_needed: None, reason: String::new(), ..samples::verdict() };
        let mut same = worse.clone();
        (same.metric, same.kind, same.effect) = (Metric::WALL_TIME, VerdictKind::Equivalent, Some(1.0));
        (same.interval, same.resolution) =
            (worse.interval.map(|i| crate::model::Interval { low: 0.998, high: 1.002, ..i }), None);
        let mut described = worse.clone();
        (described.gate, described.kind, described.metric) =
            (false, VerdictKind::Inconclusive, "client.requests".parse().unwrap());
        let mut report = samples::comparison();
        report.verdicts = vec![same, worse, described];
        report.summary = crate::judge::tally(&report.verdicts);
        report
    }

    #[test]
    fn a_comparison_as_a_table() {
        insta::assert_snapshot!(super::comparison(&report()), @"");
    }

    #[test]
    fn a_comparison_as_markdown() {
        insta::assert_snapshot!(super::markdown(&report()), @"");
    }

    #[test]
    fn a_run_as_tables() {
        insta::assert_snapshot!(super::run(&samples::run()), @"");
    }
}
