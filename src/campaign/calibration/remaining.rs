//! Which blocks of a calibration remain to be measured. A block is measured whole or not at all: its trials are comparable
//! only when they ran next to each other, so a block that a kill cut off is never completed later, but replaced.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    history::OpenRun,
    runner::{BlockSpec, rounds},
    scenario::CasePlan,
};

/// What one variant has done already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// `(case's key, block)`, measured or failed.
    trials: BTreeSet<(String, u32)>,
    /// Keys of cases that were given up.
    cases: BTreeSet<String>,
}

impl Done {
    /// What a run that is open holds.
    pub(super) fn of(run: &OpenRun) -> Done {
        let failed = run.failed.iter().filter_map(|(key, trial)| Some((key.clone(), (*trial)?)));
        Done {
            trials: run.done.iter().cloned().chain(failed).collect(),
            cases: run.failed.iter().filter(|(_, trial)| trial.is_none()).map(|(key, _)| key.clone()).collect(),
        }
    }
}

/// The blocks that are missing until each case has `blocks` whole ones, in rounds, those that replace others last.
pub(super) fn remaining<'p>(cases: &'p [CasePlan], blocks: u32, done: &[Done], seed: u64) -> Vec<BlockSpec<'p>> {
    let missing: BTreeMap<String, BTreeSet<u32>> =
        cases.iter().map(|case| case.case.key()).map(|key| (key.clone(), missing(&key, blocks, done))).collect();
    let end = missing.values().filter_map(|numbers| numbers.last()).max().map_or(0, |last| last + 1);
    let wanted =
        |spec: &BlockSpec<'_>| missing.get(&spec.case.case.key()).is_some_and(|numbers| numbers.contains(&spec.block));
    rounds(cases, 0..end, seed).into_iter().filter(wanted).collect()
}

/// The numbers of the blocks that one case misses.
fn missing(key: &str, blocks: u32, done: &[Done]) -> BTreeSet<u32> {
    if done.iter().any(|variant| variant.cases.contains(key)) {
        return BTreeSet::new();
    }
    let of_case = |variant: &Done| -> BTreeSet<u32> {
        variant.trials.iter().filter(|(case, _)| case == key).map(|(_, block)| *block).collect()
    };
    let variants: Vec<BTreeSet<u32>> = done.iter().map(of_case).collect();
    let begun: BTreeSet<u32> = variants.iter().flatten().copied().collect();
    let whole = begun.iter().filter(|block| variants.iter().all(|variant| variant.contains(block))).count();
    (0..).filter(|block| !begun.contains(block)).take((blocks as usize).saturating_sub(whole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(blocks: &[u32]) -> Done {
        Done { trials: blocks.iter().map(|block| ("case".to_owned(), *block)).collect(), cases: BTreeSet::new() }
    }

    #[test]
    fn what_a_kill_cut_off_is_replaced() {
        let expected = |numbers: &[u32]| numbers.iter().copied().collect::<BTreeSet<u32>>();
        let fresh = [Done::default(), Done::default()];
        assert_eq!(missing("case", 3, &fresh), expected(&[0, 1, 2]));
        assert_eq!(missing("case", 4, &[done(&[0, 1]), done(&[0])]), expected(&[2, 3, 4]));
        assert_eq!(missing("case", 2, &[done(&[0, 1]), done(&[0, 1])]), expected(&[]));
        assert_eq!(missing("case", 1, &[done(&[0, 1]), done(&[0, 1])]), expected(&[]));
        assert_eq!(missing("other", 1, &[done(&[0, 1]), done(&[0, 1])]), expected(&[0]));
    }

    #[test]
    fn a_case_that_was_given_up_stays_so() {
        let given_up = Done { cases: ["case".to_owned()].into(), ..Done::default() };
        assert!(missing("case", 9, &[Done::default(), given_up]).is_empty());
    }
}
