//! How long measuring will take, from how long it took. A case that was never measured is taken to be like its neighbours,
//! and the estimate says so. Builds are not estimated.

use std::{collections::BTreeMap, path::Path};

use super::{comparison::Sizes, error::Result};
use crate::{
    history::Reader,
    model::{Case, Profile},
    probe::environment,
    report::EstimateSource,
    scenario::{CasePlan, Plan},
};

/// What a run by itself may take longer, where intervals are wide, as a share of what was planned.
pub(super) const EXTENSION: f64 = 0.5;

/// Durations of trials that were measured, in nanoseconds, by the case's key.
#[derive(Debug, Default)]
pub struct Estimates {
    here: BTreeMap<String, f64>,
    elsewhere: BTreeMap<String, f64>,
}

/// How long a plan takes, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Total {
    /// Where nothing is suspicious, and nothing has to be measured longer.
    pub expected_ns: f64,
    /// Where everything is.
    pub worst_ns: f64,
    /// Cases with an estimate of their own.
    pub measured: usize,
    /// Cases that are taken to be like others.
    pub like_others: usize,
    /// Cases of which nothing is known.
    pub unknown: usize,
}

impl Estimates {
    /// What the history knows; nothing where there is none yet.
    ///
    /// # Errors
    /// Where the history is there and cannot be read.
    pub fn read(database: &Path) -> Result<Estimates> {
        let reader = match Reader::open(database) {
            Ok(reader) => reader,
            Err(error) if error.is_missing() => return Ok(Estimates::default()),
            Err(error) => return Err(error.into()),
        };
        let here = environment::fingerprint(None, None).id;
        Ok(Estimates { here: reader.trial_durations(Some(&here))?, elsewhere: reader.trial_durations(None)? })
    }

    /// How long a trial of the case takes, in nanoseconds.
    pub fn trial(&self, case: &Case) -> Option<(f64, EstimateSource)> {
        let key = case.key();
        let known = |map: &BTreeMap<String, f64>, source| map.get(&key).map(|took| (*took, source));
        known(&self.here, EstimateSource::Measured)
            .or_else(|| known(&self.elsewhere, EstimateSource::Elsewhere))
            .or_else(|| self.like(&case.scenario).map(|took| (took, EstimateSource::LikeCases)))
    }

    /// The median trial of the cases nearest to a scenario.
    fn like(&self, scenario: &str) -> Option<f64> {
        let group = scenario.split_inclusive('/').next().unwrap_or(scenario);
        let beginnings = [format!("{scenario}@"), group.to_owned(), String::new()];
        beginnings.iter().find_map(|beginning| {
            let all = self.elsewhere.iter().chain(&self.here).filter(|(key, _)| key.starts_with(beginning));
            let mut found: Vec<f64> = all.map(|(_, took)| *took).collect();
            found.sort_by(f64::total_cmp);
            found.get(found.len() / 2).copied()
        })
    }

    /// How long a plan takes, builds left out.
    pub fn total(&self, plan: &Plan) -> Total {
        let mut total = Total { expected_ns: 0.0, worst_ns: 0.0, measured: 0, like_others: 0, unknown: 0 };
        for case in &plan.cases {
            let Some((trial, source)) = self.trial(&case.case) else {
                total.unknown += 1;
                continue;
            };
            *(if source == EstimateSource::LikeCases { &mut total.like_others } else { &mut total.measured }) += 1;
            let (usual, worst) = trials(case, plan.profile);
            total.expected_ns += usual * trial;
            total.worst_ns += worst * trial;
        }
        total
    }
}

/// Trials of a case where nothing is suspicious, and where everything is. The gate measures both revisions of a pair:
/// blocks of one trial each in a first stage, and in a second one where the first is suspicious.
pub fn trials(case: &CasePlan, profile: Profile) -> (f64, f64) {
    match profile {
        Profile::Gate => {
            let Sizes { first, second, .. } = Sizes::DEFAULT;
            (2.0 * f64::from(first), 2.0 * f64::from(first + second))
        }
        Profile::Quick | Profile::Full => (f64::from(case.trials), f64::from(case.trials) * (1.0 + EXTENSION)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Values;

    fn case(scenario: &str, operation: &str) -> Case {
        Case {
            scenario: scenario.into(),
            version: 1,
            operation: operation.into(),
            parameters: Values::new(),
            configuration: Values::new(),
        }
    }

    #[test]
    fn a_case_is_estimated_by_itself_then_elsewhere_then_by_what_is_like_it() {
        let map = |entries: &[(&str, f64)]| entries.iter().map(|(key, took)| ((*key).to_owned(), *took)).collect();
        let estimates = Estimates {
            here: map(&[("a/one@1", 5.0)]),
            elsewhere: map(&[
                ("a/one@1", 7.0),
                ("a/two@1", 11.0),
                ("a/two@1 operation=x", 13.0),
                ("a/two@1 operation=y", 12.0),
            ]),
        };
        assert_eq!(estimates.trial(&case("a/one", "a/one")), Some((5.0, EstimateSource::Measured)));
        assert_eq!(estimates.trial(&case("a/two", "a/two")), Some((11.0, EstimateSource::Elsewhere)));
        assert_eq!(estimates.trial(&case("a/two", "new")), Some((12.0, EstimateSource::LikeCases)), "of its scenario");
        // 5, 7, 11, 12, 13
        assert_eq!(
            estimates.trial(&case("a/three", "a/three")),
            Some((11.0, EstimateSource::LikeCases)),
            "of its group"
        );
        assert_eq!(estimates.trial(&case("b/one", "b/one")), Some((11.0, EstimateSource::LikeCases)), "of all");
        assert_eq!(Estimates::default().trial(&case("a/one", "a/one")), None);
    }
}
