//! What is settled before anything is measured: sizes, error rates and the series that share the budget, and what is
//! said when there is nothing to measure. Nothing here may depend on a measured value.

use crate::model::{Case, CaseLabel, Design, Metric, Role, Rules, Scale, Tally, Unit, Verdict, VerdictKind};
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
    rules.gate_metrics(roles).into_iter().map(verdict).collect()
}

/// Whether a metric is compared by difference whatever its values.
pub(super) fn counted(metric: Metric, rules: &Rules) -> bool {
    metric.unit() == Unit::Count || rules.exact.contains(&metric)
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

#[cfg(test)]
mod tests {
    use super::super::fixture::trial;
    use super::*;
    use crate::model::Quantity;

    const REQUESTS: Metric = Metric::of(Role::Client, Quantity::Requests);

    #[test]
    fn a_design_carries_what_the_budget_leaves() {
        let found = design(10, 30, 0.01, 100).unwrap();
        assert_eq!((found.first_blocks, found.second_blocks, found.gate_series), (10, 30, 100));
        assert_eq!((found.first_alpha, found.budget), (0.1, 0.01));
        assert!((found.second_alpha - 0.001).abs() < 1e-15);
        let refused = design(10, 5, 0.01, 100).unwrap_err().to_string();
        assert!(refused.starts_with("this comparison cannot decide: 5 blocks in the second stage give"), "{refused}");
    }

    #[test]
    fn identical_subjects_are_equivalent_without_a_trial() {
        let (example, mut rules) = (trial(0, &[1]), Rules::default());
        rules.gate.insert(REQUESTS);
        rules.exact.insert(REQUESTS);
        let found = identical(&example.case, &example.label, 3, &[Role::Client], &rules);
        assert_eq!(found.iter().map(|v| v.metric).collect::<Vec<_>>(), rules.gate_metrics(&[Role::Client]));
        for verdict in &found {
            assert_eq!((verdict.kind, verdict.gate, verdict.stage), (VerdictKind::Equivalent, true, None));
            assert_eq!((verdict.effect, verdict.p, verdict.blocks), (None, None, 0));
            assert_eq!(verdict.reason, "identical binary and configuration");
        }
        assert_eq!((found[0].scale, found[3].scale), (Scale::Ratio, Scale::Difference));
        assert_eq!(tally(&found), Tally { equivalent: 4, ..Tally::default() });
    }

    #[test]
    fn a_tally_counts_gate_series_alone() {
        let example = trial(0, &[1]);
        let one = identical(&example.case, &example.label, 1, &[], &Rules::default()).remove(0);
        let of = |kind, gate| Verdict { kind, gate, ..one.clone() };
        let mut verdicts: Vec<Verdict> = VerdictKind::ALL.map(|kind| of(kind, true)).to_vec();
        verdicts.push(of(VerdictKind::Worse, true));
        verdicts.push(of(VerdictKind::Inconclusive, false));
        let expected = Tally { worse: 2, better: 1, equivalent: 1, inconclusive: 1, unusable: 1 };
        assert_eq!(tally(&verdicts), expected);
    }
}
