//! Which trials of a case stand against each other, and what stands in the way of comparing them at all. A block whose
//! trial failed on a side is no block; nothing is put in its place.

use std::collections::{BTreeMap, BTreeSet};

use super::error::JudgeError;
use super::series::{check_same_series, metrics};
use crate::model::{Block, Failure, FailureKind, Metric, Side, Stage, Trial};

/// The trials of one case on both sides, and the blocks that pair them. A trial belongs to the block whose `trial` is its
/// `index`. Blocks and failures of other cases are passed over.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'a> {
    /// Trials of the base's run.
    pub base: &'a [Trial],
    /// Trials of the head's run.
    pub head: &'a [Trial],
    /// The blocks begun so far, of both stages.
    pub blocks: &'a [Block],
    /// Failures of the base's run.
    pub base_failures: &'a [Failure],
    /// Failures of the head's run.
    pub head_failures: &'a [Failure],
}

/// Pairs that belong together. Invariants: at least one trial on some side, all of one case; the operation's version is
/// the same throughout a side; no trial in two blocks.
pub(super) struct Pairing<'a> {
    /// A trial of the head, or of the base where the head has none yet.
    pub(super) example: &'a Trial,
    pairs: Pairs<'a>,
    first: StagePairs<'a>,
    second: StagePairs<'a>,
}

/// The blocks of one stage.
#[derive(Default)]
pub(super) struct StagePairs<'a> {
    /// The trials of the base and of the head, a pair a block.
    pub(super) trials: Vec<(&'a Trial, &'a Trial)>,
    /// Blocks that will never have both trials.
    pub(super) failed: u32,
}

impl StagePairs<'_> {
    /// Blocks that are over, one way or the other.
    pub(super) fn over(&self) -> u32 {
        u32::try_from(self.trials.len()).unwrap_or(u32::MAX).saturating_add(self.failed)
    }
}

impl<'a> Pairing<'a> {
    /// Pairs the trials. Nothing when there are none on either side: then the failures speak for themselves.
    pub(super) fn of(pairs: &Pairs<'a>) -> Result<Option<Pairing<'a>>, JudgeError> {
        let Some(example) = pairs.head.first().or(pairs.base.first()) else { return Ok(None) };
        for side in [pairs.base, pairs.head] {
            let Some(first) = side.first() else { continue };
            check_same_series(first, side)?;
            if first.case != example.case {
                let (found, expected) = (first.case.key(), example.case.key());
                return Err(JudgeError::MixedCases { index: first.index, found, expected });
            }
        }
        let mut pairing =
            Pairing { example, pairs: *pairs, first: StagePairs::default(), second: StagePairs::default() };
        pairing.match_trials()?;
        Ok(Some(pairing))
    }

    fn match_trials(&mut self) -> Result<(), JudgeError> {
        let by_index = |trials: &'a [Trial]| -> BTreeMap<u32, &'a Trial> {
            trials.iter().map(|trial| (trial.index, trial)).collect()
        };
        let (base, head) = (by_index(self.pairs.base), by_index(self.pairs.head));
        let failed = [Side::Base, Side::Head].map(|side| FailedTrials::of(self.failures(side)));
        let mut seen = BTreeSet::new();
        for block in self.pairs.blocks.iter().filter(|block| block.case == self.example.case) {
            if !seen.insert(block.trial) {
                return Err(JudgeError::PairedTwice { index: block.trial });
            }
            let stage = match block.stage {
                Stage::First => &mut self.first,
                Stage::Second => &mut self.second,
            };
            match (base.get(&block.trial), head.get(&block.trial)) {
                (Some(base), Some(head)) => stage.trials.push((base, head)),
                _ if failed.iter().any(|failed| failed.contains(block.trial)) => stage.failed += 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// The blocks of a stage.
    pub(super) fn stage(&self, stage: Stage) -> &StagePairs<'a> {
        match stage {
            Stage::First => &self.first,
            Stage::Second => &self.second,
        }
    }

    /// Every trial of a side.
    pub(super) fn side(&self, side: Side) -> &'a [Trial] {
        match side {
            Side::Base => self.pairs.base,
            Side::Head => self.pairs.head,
        }
    }

    /// Every metric that a trial of either side has, in the order of first appearance.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let mut found = metrics(self.pairs.base);
        let seen: BTreeSet<Metric> = found.iter().copied().collect();
        found.extend(metrics(self.pairs.head).into_iter().filter(|metric| !seen.contains(metric)));
        found
    }

    /// The failures of a side that concern the case.
    fn failures(&self, side: Side) -> impl Iterator<Item = &'a Failure> {
        let (of_side, case) = match side {
            Side::Base => (self.pairs.base_failures, &self.example.case),
            Side::Head => (self.pairs.head_failures, &self.example.case),
        };
        of_side.iter().filter(move |failure| failure.case.as_ref().is_none_or(|failed| failed == case))
    }

    /// Why no series of the case can be compared, if none can.
    pub(super) fn obstacle(&self) -> Option<String> {
        [Side::Base, Side::Head]
            .into_iter()
            .find_map(|side| self.wrong_result(side).or_else(|| self.silence(side)))
            .or_else(|| {
                let versions = [Side::Base, Side::Head].map(|side| Some(self.side(side).first()?.operation_version));
                let [Some(base), Some(head)] = versions else { return None };
                (base != head).then(|| {
                    format!("the operation's version went from {base} to {head}, so the two did different work")
                })
            })
    }

    fn wrong_result(&self, side: Side) -> Option<String> {
        let wrong = self.failures(side).filter(|failure| failure.kind == FailureKind::WrongResult).count();
        let times = if wrong == 1 { "once".to_owned() } else { format!("{wrong} times") };
        (wrong > 0).then(|| format!("the {} gave a wrong result, {times}: look at its failures first", name(side)))
    }

    /// A side that has failures and no trial.
    fn silence(&self, side: Side) -> Option<String> {
        let first = self.failures(side).next().filter(|_| self.side(side).is_empty())?;
        Some(format!("the {} could not be measured: {}", name(side), first.message))
    }
}

/// What people call a side.
pub(super) fn name(side: Side) -> &'static str {
    match side {
        Side::Base => "base",
        Side::Head => "head",
    }
}

/// The trials of one side that failed.
enum FailedTrials {
    /// A failure that names no trial: there will be none.
    All,
    These(BTreeSet<u32>),
}

impl FailedTrials {
    fn of<'f>(failures: impl Iterator<Item = &'f Failure>) -> FailedTrials {
        let indices: Option<BTreeSet<u32>> = failures.map(|failure| failure.trial).collect();
        indices.map_or(FailedTrials::All, FailedTrials::These)
    }

    fn contains(&self, index: u32) -> bool {
        match self {
            FailedTrials::All => true,
            FailedTrials::These(indices) => indices.contains(&index),
        }
    }
}
