//! A run as tables.

use std::fmt::Write as _;

use super::{columns::columns, comparison::comparison};
use crate::{
    model::{Grade, Measurement, Quantity},
    report::{
        RunReport,
        format::{plural, with_interval},
    },
};

/// Wall time, CPU time and peak memory of every case, what is over budget, and the verdicts where there are some.
pub fn run(report: &RunReport) -> String {
    let shown =
        |m: &&Measurement| matches!(m.metric.quantity, Quantity::WallTime | Quantity::CpuTime | Quantity::RssPeak);
    let mut rows = vec![["scenario", "case", "metric", "estimate", "grade"].map(str::to_owned).to_vec()];
    rows.extend(report.measurements.iter().filter(shown).map(|m| {
        vec![
            m.case.scenario.clone(),
            m.label.0.clone(),
            m.metric.to_string(),
            with_interval(m.metric, &m.summary),
            m.grade.as_str().to_owned(),
        ]
    }));
    let mut text = columns(&rows, &[false, false, false, true, false]);
    text.push_str(&summary(report));
    for budget in &report.exceeded_budgets {
        let _ = write!(text, "\n{}", budget.message);
    }
    if let Some(compared) = &report.comparison {
        let _ = write!(text, "\n\n{}", comparison(compared));
    }
    text
}

fn summary(report: &RunReport) -> String {
    let count = |grade| report.measurements.iter().filter(|measurement| measurement.grade == grade).count();
    format!(
        "run {} of {}: {} ({} sound, {} noisy, {} unusable), {}",
        report.run,
        report.revision.short(),
        plural(report.measurements.len(), "measurement"),
        count(Grade::Sound),
        count(Grade::Noisy),
        count(Grade::Unusable),
        plural(report.failures.len(), "failure"),
    )
}
