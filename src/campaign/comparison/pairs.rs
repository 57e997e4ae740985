//! The cases of a comparison on both sides, as blocks are measured: which blocks are missing, and what they decide.

use std::collections::BTreeMap;

use crate::{
    campaign::{error::Result, identity::now, observer::Judged, recorder::Judge},
    history::{OpenComparison, Reader, Writer},
    judge::{self, Pairs},
    model::{Block, ComparisonId, Design, Failure, RunId, Stage, Trial, Verdict},
    runner::{BlockSpec, FinishedBlock, rounds},
    scenario::{CasePlan, Plan},
};

/// The place of a side in lists of two: base, then head.
pub(super) const BASE: usize = 0;
pub(super) const HEAD: usize = 1;

/// The cases of one comparison.
pub(super) struct CasePairs {
    comparison: ComparisonId,
    runs: [RunId; 2],
    design: Design,
    stage: Stage,
    /// Series that the stage measures because the one before it left them suspicious.
    pub(super) suspicious: usize,
    /// By key.
    cases: BTreeMap<String, CasePair>,
}

/// One case on both sides.
struct CasePair {
    plan: CasePlan,
    trials: [Vec<Trial>; 2],
    failures: [Vec<Failure>; 2],
    blocks: Vec<Block>,
    verdicts: Vec<Verdict>,
}

impl CasePair {
    fn pairs(&self) -> Pairs<'_> {
        Pairs {
            base: &self.trials[BASE],
            head: &self.trials[HEAD],
            blocks: &self.blocks,
            base_failures: &self.failures[BASE],
            head_failures: &self.failures[HEAD],
        }
    }

    /// The index of the next trial: past every one that was measured or failed, on either side.
    fn next_trial(&self) -> u32 {
        let measured = self.trials.iter().flatten().map(|trial| trial.index);
        let failed = self.failures.iter().flatten().filter_map(|failure| failure.trial);
        measured.chain(failed).max().map_or(0, |last| last + 1)
    }

    fn is_given_up(&self) -> bool {
        self.failures.iter().flatten().any(|failure| failure.trial.is_none())
    }
}

impl CasePairs {
    /// Takes up a comparison with what it holds already.
    pub(super) fn read(
        reader: &Reader,
        plan: &Plan,
        comparison: &OpenComparison,
        runs: [RunId; 2],
        design: Design,
    ) -> Result<CasePairs> {
        let failures = [reader.failures(runs[BASE])?, reader.failures(runs[HEAD])?];
        let mut cases = BTreeMap::new();
        for case in &plan.cases {
            let key = case.case.key();
            let of_case = |all: &[Failure]| -> Vec<Failure> {
                all.iter().filter(|failure| failure.case.as_ref() == Some(&case.case)).cloned().collect()
            };
            let pair = CasePair {
                plan: case.clone(),
                trials: [reader.trials(runs[BASE], &key)?, reader.trials(runs[HEAD], &key)?],
                failures: [of_case(&failures[BASE]), of_case(&failures[HEAD])],
                blocks: comparison.blocks.iter().filter(|block| block.case == case.case).cloned().collect(),
                verdicts: Vec::new(),
            };
            cases.insert(key, pair);
        }
        Ok(CasePairs { comparison: comparison.id, runs, design, stage: Stage::First, suspicious: 0, cases })
    }

    /// A stage begins. Returns the cases that it measures: all of them, then those with a suspicious series.
    pub(super) fn begin(&mut self, stage: Stage) -> Result<Vec<CasePlan>> {
        (self.stage, self.suspicious) = (stage, 0);
        let mut cases = Vec::new();
        for pair in self.cases.values().filter(|pair| !pair.is_given_up()) {
            let suspicious = match stage {
                Stage::First => 0,
                Stage::Second => judge::suspicious(&pair.pairs(), &pair.plan.rules, &self.design)?.len(),
            };
            self.suspicious += suspicious;
            if stage == Stage::First || suspicious > 0 {
                cases.push(pair.plan.clone());
            }
        }
        Ok(cases)
    }

    /// The blocks of the stage that are not kept yet, in their order.
    pub(super) fn remaining<'c>(&self, cases: &'c [CasePlan], seed: u64) -> Vec<BlockSpec<'c>> {
        let stage = self.stage;
        // Another order in each stage, so that neither repeats the other's.
        let order_seed = seed.wrapping_mul(2).wrapping_add(u64::from(stage.number()));
        let mut next: BTreeMap<String, u32> = BTreeMap::new();
        let mut remaining = Vec::new();
        for spec in rounds(cases, 0..self.design.blocks(stage), order_seed) {
            let key = spec.case.case.key();
            let Some(pair) = self.cases.get(&key) else { continue };
            let kept = |block: &Block| block.stage == stage && block.index == spec.block;
            if pair.blocks.iter().any(kept) {
                continue;
            }
            let trial = next.entry(key).or_insert_with(|| pair.next_trial());
            remaining.push(BlockSpec { trial: *trial, ..spec });
            *trial += 1;
        }
        remaining
    }

    /// Decides everything once more, when no block follows.
    pub(super) fn conclude(&self, history: &mut Writer) -> Result<()> {
        for pair in self.cases.values().filter(|pair| !pair.blocks.is_empty() || pair.is_given_up()) {
            let verdicts = judge::verdicts(&pair.pairs(), &pair.plan.rules, &self.design)?;
            history.record_verdicts(self.comparison, &verdicts, now())?;
            for side in [BASE, HEAD] {
                let measurements = judge::measurements(&pair.trials[side], &pair.failures[side])?;
                history.record_measurements(self.runs[side], &measurements)?;
            }
        }
        Ok(())
    }
}

impl Judge for CasePairs {
    fn judge(&mut self, history: &mut Writer, block: FinishedBlock) -> Result<Judged> {
        let Some(pair) = self.cases.get_mut(&block.case.key()) else { return Ok(Judged::Nothing) };
        let is_whole = block.failures.is_empty();
        let trial = block.trials.iter().flatten().next().map(|trial| trial.index);
        for (trials, trial) in pair.trials.iter_mut().zip(block.trials) {
            trials.extend(trial);
        }
        for (side, failure) in block.failures {
            pair.failures[side].push(failure);
        }
        if is_whole && let Some(trial) = trial {
            let head_first = block.order.first() == Some(&HEAD);
            let kept = Block { case: block.case, stage: self.stage, index: block.block, trial, head_first };
            history.record_block(self.comparison, &kept)?;
            pair.blocks.push(kept);
        }
        pair.verdicts = judge::verdicts(&pair.pairs(), &pair.plan.rules, &self.design)?;
        history.record_verdicts(self.comparison, &pair.verdicts, now())?;
        let measurements = judge::measurements(&pair.trials[HEAD], &pair.failures[HEAD])?;
        history.record_measurements(self.runs[HEAD], &measurements)?;
        Ok(Judged::Verdicts(pair.verdicts.clone()))
    }
}
