//! Budgets: limits that hold whatever changed, against slow creep that no single commit shows.

use crate::model::{Case, CaseLabel, Limit, Measurement, Metric, Rules, Scale, Verdict};

/// A budget that is exceeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// Of which case.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Of which metric.
    pub metric: Metric,
    /// The estimate, or the ratio to the anchor.
    pub found: f64,
    /// What it must not exceed.
    pub limit: Limit,
}

/// The estimates that exceed a budget of their case. `rules` gives the rules of a case, where they are known.
pub fn crossed<'a>(measurements: &[Measurement], rules: impl Fn(&Case) -> Option<&'a Rules>) -> Vec<Crossing> {
    let estimates = measurements.iter().map(|m| (&m.case, &m.label, m.metric, m.summary.estimate));
    let value = |limit| if let Limit::Value(value) = limit { Some(value) } else { None };
    exceeded(estimates, rules, value)
}

/// The ratios to the anchor that exceed a budget. `verdicts` are those of a comparison with the anchor.
pub fn crossed_anchor<'a>(verdicts: &[Verdict], rules: impl Fn(&Case) -> Option<&'a Rules>) -> Vec<Crossing> {
    let ratios = verdicts
        .iter()
        .filter(|verdict| verdict.scale == Scale::Ratio)
        .filter_map(|v| Some((&v.case, &v.label, v.metric, v.effect?)));
    let factor = |limit| if let Limit::OfAnchor(factor) = limit { Some(factor) } else { None };
    exceeded(ratios, rules, factor)
}

fn exceeded<'m, 'r>(
    found: impl Iterator<Item = (&'m Case, &'m CaseLabel, Metric, f64)>,
    rules: impl Fn(&Case) -> Option<&'r Rules>,
    most: impl Fn(Limit) -> Option<f64>,
) -> Vec<Crossing> {
    let mut crossings = Vec::new();
    for (case, label, metric, found) in found {
        let budgets = rules(case).into_iter().flat_map(|rules| &rules.budgets);
        let crossed = budgets.filter(|b| b.metric == metric && most(b.limit).is_some_and(|most| found > most));
        crossings.extend(crossed.map(|budget| Crossing {
            case: case.clone(),
            label: label.clone(),
            metric,
            found,
            limit: budget.limit,
        }));
    }
    crossings
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, trial};
    use super::*;
    use crate::model::{Budget, Trial};

    #[test]
    fn what_exceeds_its_budget_is_told_and_nothing_else() {
        let trials: Vec<Trial> = (0..6).map(|index| trial(index, &[1_000_000; 3])).collect();
        let measurements = super::super::measurements(&trials, &[]).unwrap();
        let budget = |metric, value| Budget { metric, limit: Limit::Value(value) };
        let rules = Rules {
            budgets: vec![
                budget(Metric::WALL_TIME, 999_999.0),
                budget(Metric::WALL_TIME, 1_000_000.0),
                budget(fixture::PEAK, 1e9),
                Budget { metric: Metric::WALL_TIME, limit: Limit::OfAnchor(0.5) },
            ],
            ..Rules::default()
        };
        let found = crossed(&measurements, |_| Some(&rules));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].found, found[0].limit), (1_000_000.0, Limit::Value(999_999.0)));
        assert_eq!(crossed(&measurements, |_| None), []);
    }
}
