//! The blocks of one comparison as they are measured: kept first, decided on next, told last.

use std::collections::BTreeMap;

use super::{
    measuring::{Workbench, now},
    terminal::Terminal,
};
use crate::{
    history::{OpenComparison, OpenRun, Progress, Writer},
    judge::{self, Pairs},
    model::{Block, ComparisonId, Design, Failure, RunId, Stage, Trial, Verdict},
    runner::{BlockEvent, BlockSpec, FinishedBlock, rounds},
    scenario::{CasePlan, Plan},
};

/// The place of a side in lists of two: base, then head.
const BASE: usize = 0;
const HEAD: usize = 1;

/// A comparison that is being measured.
pub(super) struct Pairing<'a> {
    history: &'a mut Writer,
    terminal: &'a Terminal,
    comparison: ComparisonId,
    runs: [RunId; 2],
    design: Design,
    stage: Stage,
    cases: BTreeMap<String, Paired<'a>>,
    done: u32,
    planned: u32,
    /// The place in the comparison's order of the next trial.
    pub(super) next_order: u32,
}

/// One case on both sides.
struct Paired<'a> {
    plan: &'a CasePlan,
    trials: [Vec<Trial>; 2],
    failures: [Vec<Failure>; 2],
    blocks: Vec<Block>,
    verdicts: Vec<Verdict>,
}

impl Paired<'_> {
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

impl<'a> Pairing<'a> {
    /// Takes up a comparison with what it holds already.
    pub(super) fn open(
        bench: &'a mut Workbench<'_>,
        plan: &'a Plan,
        comparison: &OpenComparison,
        runs: &[OpenRun; 2],
        design: Design,
    ) -> anyhow::Result<Pairing<'a>> {
        let reader = bench.reader()?;
        let failures = [reader.failures(runs[BASE].id)?, reader.failures(runs[HEAD].id)?];
        let mut cases = BTreeMap::new();
        for case in &plan.cases {
            let key = case.case.key();
            let trials = [reader.trials(runs[BASE].id, &key)?, reader.trials(runs[HEAD].id, &key)?];
            let of_case = |all: &[Failure]| -> Vec<Failure> {
                all.iter().filter(|failure| failure.case.as_ref() == Some(&case.case)).cloned().collect()
            };
            let failures = [of_case(&failures[BASE]), of_case(&failures[HEAD])];
            let paired = Paired {
                plan: case,
                trials,
                failures,
                blocks: comparison.blocks.iter().filter(|block| block.case == case.case).cloned().collect(),
                verdicts: Vec::new(),
            };
            cases.insert(key, paired);
        }
        let next_order = runs.iter().map(|run| run.next_order).max().unwrap_or(0);
        let (history, terminal) = bench.history_and_terminal();
        Ok(Pairing {
            history,
            terminal,
            comparison: comparison.id,
            runs: [runs[BASE].id, runs[HEAD].id],
            design,
            stage: Stage::First,
            cases,
            done: 0,
            planned: 0,
            next_order,
        })
    }

    /// The cases that a stage measures: all of them, then those with a suspicious series.
    pub(super) fn cases_of(&self, stage: Stage) -> anyhow::Result<Vec<CasePlan>> {
        let mut cases = Vec::new();
        for paired in self.cases.values().filter(|paired| !paired.is_given_up()) {
            let measured = match stage {
                Stage::First => true,
                Stage::Second => !judge::suspicious(&paired.pairs(), &paired.plan.rules, &self.design)?.is_empty(),
            };
            if measured {
                cases.push(paired.plan.clone());
            }
        }
        Ok(cases)
    }

    /// The blocks of a stage that are not kept yet, in their order.
    pub(super) fn left<'c>(&self, stage: Stage, cases: &'c [CasePlan], seed: u64) -> Vec<BlockSpec<'c>> {
        let blocks = self.design.blocks(stage);
        // Another order in each stage, so that neither repeats the other's.
        let orders = rounds(cases, 0..blocks, seed.wrapping_mul(2).wrapping_add(u64::from(stage.number())));
        let mut next: BTreeMap<String, u32> = BTreeMap::new();
        let mut left = Vec::new();
        for order in orders {
            let key = order.case.case.key();
            let Some(paired) = self.cases.get(&key) else { continue };
            let kept = |block: &Block| block.stage == stage && block.index == order.block;
            if paired.blocks.iter().any(kept) {
                continue;
            }
            let trial = next.entry(key).or_insert_with(|| paired.next_trial());
            left.push(BlockSpec { trial: *trial, ..order });
            *trial += 1;
        }
        left
    }

    /// A stage begins with these blocks.
    pub(super) fn begin(&mut self, stage: Stage, orders: &[BlockSpec<'_>]) {
        self.stage = stage;
        (self.done, self.planned) = (0, u32::try_from(orders.len()).unwrap_or(u32::MAX));
        if stage == Stage::Second {
            let verdicts = self.verdicts();
            let suspicious = verdicts.iter().filter(|verdict| verdict.stage == Some(Stage::Second)).count();
            self.terminal.line(&format!("  {suspicious} series are suspicious: measuring them afresh"));
        }
        self.terminal.begin_stage(stage, self.planned);
    }

    /// Keeps one event. An error means that it could not be kept, and measuring must end.
    pub(super) fn handle(&mut self, event: BlockEvent) -> anyhow::Result<()> {
        match event {
            BlockEvent::Started { case, block } => {
                self.terminal.case(&case);
                let progress = Progress {
                    run: self.runs[HEAD],
                    case: case.case,
                    label: case.label,
                    trial: block,
                    trials: self.design.blocks(self.stage),
                    done_trials: self.done,
                    planned_trials: self.planned,
                    at: now(),
                };
                Ok(self.history.set_progress(Some(&progress))?)
            }
            BlockEvent::TrialStarted { .. } => {
                self.next_order += 1;
                Ok(())
            }
            BlockEvent::SampleTaken { .. } => Ok(()),
            BlockEvent::Finished(finished) => self.keep(*finished),
        }
    }

    fn keep(&mut self, finished: FinishedBlock) -> anyhow::Result<()> {
        let Some(paired) = self.cases.get_mut(&finished.case.key()) else { return Ok(()) };
        let mut index = None;
        for (side, trial) in finished.trials.into_iter().enumerate().filter_map(|(side, t)| Some((side, t?))) {
            self.history.record_trial(self.runs[side], &trial)?;
            index = Some(trial.index);
            paired.trials[side].push(trial);
        }
        if finished.failures.is_empty()
            && let Some(trial) = index
        {
            let head_first = finished.order.first() == Some(&HEAD);
            let block = Block { case: finished.case, stage: self.stage, index: finished.block, trial, head_first };
            self.history.record_block(self.comparison, &block)?;
            paired.blocks.push(block);
        }
        for (side, failure) in finished.failures {
            self.history.record_failure(self.runs[side], &failure)?;
            self.terminal.failure(&failure);
            paired.failures[side].push(failure);
        }
        self.done += 1;
        paired.verdicts = judge::verdicts(&paired.pairs(), &paired.plan.rules, &self.design)?;
        self.history.record_verdicts(self.comparison, &paired.verdicts, now())?;
        let measurements = judge::measurements(&paired.trials[HEAD], &paired.failures[HEAD])?;
        self.history.record_measurements(self.runs[HEAD], &measurements)?;
        self.terminal.compared(self.done, || self.verdicts());
        Ok(())
    }

    /// Decides everything once more and ends the display.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.terminal.end();
        for paired in self.cases.values().filter(|paired| !paired.blocks.is_empty() || paired.is_given_up()) {
            let verdicts = judge::verdicts(&paired.pairs(), &paired.plan.rules, &self.design)?;
            self.history.record_verdicts(self.comparison, &verdicts, now())?;
            for side in [BASE, HEAD] {
                let measurements = judge::measurements(&paired.trials[side], &paired.failures[side])?;
                self.history.record_measurements(self.runs[side], &measurements)?;
            }
        }
        Ok(())
    }

    fn verdicts(&self) -> Vec<Verdict> {
        self.cases.values().flat_map(|paired| paired.verdicts.iter().cloned()).collect()
    }
}
