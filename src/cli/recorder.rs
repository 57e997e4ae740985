//! What happens to the runner's events: kept first, judged next, told last.

use std::collections::BTreeMap;

use crate::{
    history::{OpenRun, Progress, Writer},
    judge,
    model::{Case, Event, Failure, FailureKind, PlannedCase, RunId, Trial},
};

use super::{measuring::now, terminal::Terminal};

/// Keeps events of one run.
pub(super) struct Recorder<'a> {
    history: &'a mut Writer,
    terminal: &'a Terminal,
    run: RunId,
    planned_trials: u32,
    done_trials: u32,
    cases: BTreeMap<String, OpenCase>,
    /// Key of the case that is being measured.
    current: String,
    failures: Vec<Failure>,
}

/// What a run could not measure.
pub(super) struct Failed {
    /// Failed trials, and cases that were given up.
    pub(super) count: usize,
    /// Every case was asked for, and the revision knows none of them.
    pub(super) unsupported: bool,
}

/// A case that is being measured, with its trials so far.
struct OpenCase {
    planned: PlannedCase,
    trials: Vec<Trial>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        history: &'a mut Writer,
        terminal: &'a Terminal,
        open: &OpenRun,
        planned_trials: u32,
    ) -> Recorder<'a> {
        let done_trials = u32::try_from(open.done.len()).unwrap_or(u32::MAX);
        terminal.begin(planned_trials, done_trials);
        Recorder {
            history,
            terminal,
            run: open.id,
            planned_trials,
            done_trials,
            cases: BTreeMap::new(),
            current: String::new(),
            failures: Vec::new(),
        }
    }

    /// Keeps one event. An error means that it could not be kept, and measuring must end.
    pub(super) fn handle(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::CaseStarted(planned) => {
                let key = planned.case.key();
                let trials = self.history.trials(self.run, &key)?;
                self.cases.insert(key, OpenCase { planned, trials });
                Ok(())
            }
            Event::TrialStarted { case, index } => {
                self.current = case.key();
                self.tell_progress(&case, index)
            }
            Event::SampleTaken { index, sample, wall_ns } => {
                self.terminal.sample(index, sample, wall_ns);
                Ok(())
            }
            Event::TrialFinished(trial) => self.keep_trial(*trial),
            Event::Failed(failure) => {
                self.history.record_failure(self.run, &failure)?;
                self.terminal.failure(&failure);
                self.failures.push(failure);
                self.judge()
            }
        }
    }

    /// Ends the display. Returns what failed, and whether nothing was measured because nothing is supported.
    pub(super) fn finish(self) -> Failed {
        self.terminal.end();
        let unsupported = self.failures.iter().all(|failure| failure.kind == FailureKind::Unsupported);
        let nothing = self.done_trials == 0 && unsupported && !self.failures.is_empty();
        Failed { count: self.failures.len(), unsupported: nothing }
    }

    fn tell_progress(&mut self, case: &Case, index: u32) -> anyhow::Result<()> {
        let Some(open) = self.cases.get(&self.current) else { return Ok(()) };
        self.terminal.case(&open.planned);
        let progress = Progress {
            run: self.run,
            case: case.clone(),
            label: open.planned.label.clone(),
            trial: index,
            trials: open.planned.trials,
            done_trials: self.done_trials,
            planned_trials: self.planned_trials,
            at: now(),
        };
        Ok(self.history.set_progress(Some(&progress))?)
    }

    fn keep_trial(&mut self, trial: Trial) -> anyhow::Result<()> {
        self.history.record_trial(self.run, &trial)?;
        self.done_trials += 1;
        if let Some(open) = self.cases.get_mut(&self.current) {
            open.trials.push(trial);
        }
        self.judge()
    }

    /// Measurements follow every trial, so that pages have something to show from the first on.
    fn judge(&mut self) -> anyhow::Result<()> {
        let Some(open) = self.cases.get(&self.current) else { return Ok(()) };
        let measurements = judge::measurements(&open.trials, &self.failures)?;
        self.history.record_measurements(self.run, &measurements)?;
        self.terminal.judged(self.done_trials, &measurements);
        Ok(())
    }
}
