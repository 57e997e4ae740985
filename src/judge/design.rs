//! What is settled before anything is measured: sizes, error rates and the series that share the budget, and what is
//! said when there is nothing to measure. Nothing here may depend on a measured value.

use std::collections::BTreeSet;

use crate::model::{Case, CaseLabel, Design, Metric, Quantity, Role, Rules, Scale, Unit, Verdict, VerdictKind};
use crate::stats::{self, BudgetError};

/// Why a comparison cannot be designed like this.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("this comparison cannot decide: {0}")]
pub struct DesignError(#[from] pub BudgetError);

/// Fixes sizes and error rates before measuring, so that a clean commit shows any false red or green with at most the
/// probability `budget`. Without a second stage (0 blocks) nothing will be called worse or better.
///
/// # Errors
/// When the budget is not a probability above 0, or the blocks cannot reach the error rates that it leaves.
pub fn design(first_blocks: u32, second_blocks: u32, budget: f64, gate_series: u32) -> Result<Design, DesignError> {
    let shared = stats::budget(first_blocks, second_blocks, budget, gate_series)?;
    Ok(Design {
        first_blocks,
        second_blocks,
        first_alpha: shared.first_alpha,
        second_alpha: shared.second_alpha,
        budget,
        gate_series,
    })
}

/// The gate metrics of a case with these roles, to count the series that share a budget before measuring: wall time, CPU
/// time and peak memory of each role, and what the scenario names beside them.
pub fn gate_metrics(roles: &[Role], rules: &Rules) -> Vec<Metric> {
    let of_roles = roles.iter().flat_map(|role| [Quantity::CpuTime, Quantity::RssPeak].map(|of| Metric::of(*role, of)));
    let mut seen = BTreeSet::new();
    std::iter::once(Metric::WALL_TIME)
        .chain(of_roles)
        .chain(rules.gate.iter().copied())
        .filter(|metric| seen.insert(*metric))
        .collect()
}

/// The verdicts on identical subjects: every gate series is `equivalent` at once, without a trial, because no difference
/// can be the code's.
pub fn identical(
    case: &Case,
    label: &CaseLabel,
    operation_version: u32,
    roles: &[Role],
    rules: &Rules,
) -> Vec<Verdict> {
    let verdict = |metric: Metric| {
        let scale = if counted(metric, rules) { Scale::Difference } else { Scale::Ratio };
        let margin = rules.margin(metric);
        Verdict {
            case: case.clone(),
            label: label.clone(),
            operation_version,
            metric,
            kind: VerdictKind::Equivalent,
            gate: true,
            scale,
            stage: None,
            blocks: 0,
            effect: None,
            interval: None,
            p: None,
            alpha: None,
            margin: if scale == Scale::Ratio { margin.share } else { margin.absolute },
            resolution: None,
            blocks_needed: None,
            reason: "identical binary and configuration".to_owned(),
        }
    };
    gate_metrics(roles, rules).into_iter().map(verdict).collect()
}

/// Whether a metric is compared by difference whatever its values.
pub(super) fn counted(metric: Metric, rules: &Rules) -> bool {
    metric.unit() == Unit::Count || rules.exact.contains(&metric)
}

/// How many gate series there are of each kind, for summaries and exit codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// A change to the bad.
    pub worse: u32,
    /// A change to the good.
    pub better: u32,
    /// No change beyond the margin.
    pub equivalent: u32,
    /// Undecided.
    pub inconclusive: u32,
    /// Not worth deciding on.
    pub unusable: u32,
}

/// Counts the verdicts on gate series; series that are only described are passed over.
pub fn tally(verdicts: &[Verdict]) -> Tally {
    let mut tally = Tally::default();
    for verdict in verdicts.iter().filter(|verdict| verdict.gate) {
        *match verdict.kind {
            VerdictKind::Worse => &mut tally.worse,
            VerdictKind::Better => &mut tally.better,
            VerdictKind::Equivalent => &mut tally.equivalent,
            VerdictKind::Inconclusive => &mut tally.inconclusive,
            VerdictKind::Unusable => &mut tally.unusable,
        } += 1;
    }
    tally
}
