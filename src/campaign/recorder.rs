//! What happens to the runner's events, whatever is measured: kept first, judged next, reported last. An error means that
//! something could not be kept, and ends the measurement.

use std::collections::BTreeMap;

use super::{
    error::Result,
    identity::now,
    observer::{Judged, Notice, Observer, Scope},
};
use crate::{
    history::{Progress, Writer},
    model::{Case, Event, Failure, PlannedCase, RunId, Trial, VariantKind},
    runner::{BlockEvent, FinishedBlock},
};

/// What is concluded from trials as they are kept.
pub(super) trait Judge {
    /// Takes a block whose trials and failures are kept, and keeps what follows from it.
    fn judge(&mut self, history: &mut Writer, block: FinishedBlock) -> Result<Judged>;
}

/// Trials that are measured in one go.
#[derive(Debug, Clone)]
pub(super) struct Pass<'a> {
    pub(super) scope: Scope,
    /// The run of each variant, in the runner's order.
    pub(super) runs: &'a [RunId],
    /// Which of them readers are shown as the one in progress.
    pub(super) shown: RunId,
    /// What the variants are, in a calibration; else empty.
    pub(super) variants: &'a [VariantKind],
    /// Blocks of each case, where blocks are measured and not the trials of the plan.
    pub(super) blocks: Option<u32>,
    /// Units of the pass: trials of a run, else blocks.
    pub(super) planned: u32,
    /// Units that are over already.
    pub(super) done: u32,
}

/// Keeps the events of one pass.
pub(super) struct Recorder<'a> {
    history: &'a mut Writer,
    observer: &'a dyn Observer,
    judge: &'a mut dyn Judge,
    pass: Pass<'a>,
    /// The cases that began, by key.
    cases: BTreeMap<String, PlannedCase>,
    trials_started: u32,
}

impl<'a> Recorder<'a> {
    /// Begins a pass.
    pub(super) fn start(
        history: &'a mut Writer,
        observer: &'a dyn Observer,
        judge: &'a mut dyn Judge,
        pass: Pass<'a>,
    ) -> Recorder<'a> {
        observer.notify(&Notice::PassStarted { scope: pass.scope, planned: pass.planned, done: pass.done });
        Recorder { history, observer, judge, pass, cases: BTreeMap::new(), trials_started: 0 }
    }

    /// Keeps an event of a run by itself: each of its trials is a block of one.
    pub(super) fn run_event(&mut self, event: Event) -> Result<()> {
        match event {
            Event::CaseStarted(planned) => {
                self.cases.insert(planned.case.key(), planned);
                Ok(())
            }
            Event::TrialStarted { case, index } => match self.cases.get(&case.key()).cloned() {
                Some(planned) => self.begin(planned, index),
                None => Ok(()),
            },
            Event::SampleTaken { sample, wall_ns, .. } => {
                self.observer.notify(&Notice::SampleTaken { sample, wall_ns });
                Ok(())
            }
            Event::TrialFinished(trial) => {
                let (case, index) = (trial.case.clone(), trial.index);
                self.keep(block_of_one(case, index, Some(*trial), Vec::new()))
            }
            Event::Failed(failure) => match failure.case.clone() {
                Some(case) => self.keep(block_of_one(case, failure.trial.unwrap_or(0), None, vec![failure])),
                None => Ok(()),
            },
        }
    }

    /// Keeps an event of programs that are measured against each other.
    pub(super) fn block_event(&mut self, event: BlockEvent) -> Result<()> {
        match event {
            BlockEvent::Started { case, block } => {
                let trials = self.pass.blocks.unwrap_or(case.trials);
                self.begin(PlannedCase { trials, ..case }, block)
            }
            BlockEvent::TrialStarted { .. } => {
                self.trials_started += 1;
                Ok(())
            }
            BlockEvent::SampleTaken { sample, wall_ns, .. } => {
                self.observer.notify(&Notice::SampleTaken { sample, wall_ns });
                Ok(())
            }
            BlockEvent::Finished(block) => self.keep(*block),
        }
    }

    /// Ends the pass. Returns how many trials of blocks were started.
    pub(super) fn finish(self) -> u32 {
        self.observer.notify(&Notice::PassFinished);
        self.trials_started
    }

    fn begin(&mut self, case: PlannedCase, index: u32) -> Result<()> {
        let progress = Progress {
            run: self.pass.shown,
            case: case.case.clone(),
            label: case.label.clone(),
            trial: index,
            trials: case.trials,
            done_trials: self.pass.done,
            planned_trials: self.pass.planned,
            at: now(),
        };
        self.history.set_progress(Some(&progress))?;
        self.observer.notify(&Notice::TrialStarted { case, index });
        Ok(())
    }

    fn keep(&mut self, block: FinishedBlock) -> Result<()> {
        for (run, trial) in self.pass.runs.iter().zip(&block.trials) {
            if let Some(trial) = trial {
                self.history.record_trial(*run, trial)?;
            }
        }
        for (variant, failure) in &block.failures {
            if let Some(run) = self.pass.runs.get(*variant) {
                self.history.record_failure(*run, failure)?;
            }
        }
        self.pass.done += u32::from(was_measured(&block));
        let failures = block.failures.clone();
        let judged = self.judge.judge(self.history, block)?;
        for (variant, failure) in failures {
            let variant = self.pass.variants.get(variant).copied();
            self.observer.notify(&Notice::Failed { variant, failure });
        }
        self.observer.notify(&Notice::Kept { done: self.pass.done, judged });
        Ok(())
    }
}

/// Whether some trial was performed, well or not: a case that is given up as a whole is no unit of the pass.
fn was_measured(block: &FinishedBlock) -> bool {
    let failed = block.failures.iter().any(|(_, failure)| failure.trial.is_some());
    failed || block.trials.iter().any(Option::is_some)
}

fn block_of_one(case: Case, block: u32, trial: Option<Trial>, failures: Vec<Failure>) -> FinishedBlock {
    let failures = failures.into_iter().map(|failure| (0, failure)).collect();
    FinishedBlock { case, block, order: vec![0], trials: vec![trial], failures }
}
