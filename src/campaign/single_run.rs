//! Measures one revision by itself: opens or resumes its run, measures the plan, and then a little more where the estimates
//! are imprecise and time allows.

use std::{collections::BTreeMap, fs};

use super::{
    error::Result,
    eta::EXTENSION,
    identity::now,
    observer::{Judged, Notice, Scope},
    recorder::{Judge, Pass, Recorder},
    workbench::{RunOutcome, Workbench},
};
use crate::{
    history::{OpenRun, RunStart, Writer},
    judge,
    model::{Failure, FailureKind, Metric, Revision, RunId, RunState, Trial},
    revision::BuiltSubject,
    runner::{self, Done, Ended, FinishedBlock, Programs, Target},
    scenario::{CasePlan, Plan},
};

/// What a run holds, as it grows.
struct RunTrials {
    run: RunId,
    /// By the case's key.
    trials: BTreeMap<String, Vec<Trial>>,
    failures: Vec<Failure>,
}

impl RunTrials {
    /// Whether nothing was measured because the revision knows none of the cases.
    fn is_unsupported(&self) -> bool {
        let nothing = self.trials.values().all(Vec::is_empty);
        let unsupported = |failure: &Failure| failure.kind == FailureKind::Unsupported;
        nothing && !self.failures.is_empty() && self.failures.iter().all(unsupported)
    }
}

impl Judge for RunTrials {
    /// Measurements follow every trial, so that pages have something to show from the first on.
    fn judge(&mut self, history: &mut Writer, block: FinishedBlock) -> Result<Judged> {
        self.failures.extend(block.failures.into_iter().map(|(_, failure)| failure));
        let trials = self.trials.entry(block.case.key()).or_default();
        trials.extend(block.trials.into_iter().flatten());
        let measurements = judge::measurements(trials, &self.failures)?;
        history.record_measurements(self.run, &measurements)?;
        Ok(Judged::Measurements(measurements))
    }
}

impl Workbench<'_> {
    /// Measures one revision, or continues where an earlier process was cut off. What an earlier run has finished is not
    /// measured a second time unless `again`.
    ///
    /// # Errors
    /// Where the history cannot be written or a build cannot be tried. Failures of subjects are kept, and are no errors.
    pub fn measure(&mut self, revision: &Revision, again: bool) -> Result<RunOutcome> {
        self.observer.notify(&Notice::RevisionStarted { revision: revision.clone(), base: None });
        let subject = match self.build(revision)? {
            Ok(subject) => subject,
            Err(outcome) => return Ok(outcome),
        };
        let start = self.run_start(revision, Some(subject.build.clone()));
        if !again && let Some(run) = self.history.finished_run(&start)? {
            self.observer.notify(&Notice::AlreadyMeasured(run));
            return Ok(RunOutcome::AlreadyMeasured(run));
        }
        let open = self.history.open_run(&start)?;
        if open.resumed {
            let (kept, planned) = (open.done.len(), start.planned_trials);
            self.observer.notify(&Notice::RunResumed { run: open.id, kept, planned });
        }
        let mut held = self.trials_of(open.id)?;
        let ended = self.measure_in_full(&start, &open, &subject, &mut held)?;
        self.close(ended, &held)
    }

    /// Measures the plan, and then the cases that are not precise enough.
    fn measure_in_full(
        &mut self,
        start: &RunStart,
        open: &OpenRun,
        subject: &BuiltSubject,
        held: &mut RunTrials,
    ) -> Result<Ended> {
        let plan = self.plan.clone();
        let ended = self.measure_plan(open, &plan, start.planned_trials, subject, held)?;
        if ended == Ended::Stopped || held.is_unsupported() {
            return Ok(ended);
        }
        let longer = self.extension(held)?;
        if longer.cases.is_empty() {
            return Ok(ended);
        }
        let more = longer.trials() - self.planned(&longer);
        self.observer.notify(&Notice::RunExtended(more));
        let open = self.history.open_run(start)?;
        self.measure_plan(&open, &longer, start.planned_trials + more, subject, held)
    }

    /// Measures what is missing of a plan. The whole run will then have `trials`, at most.
    fn measure_plan(
        &mut self,
        open: &OpenRun,
        plan: &Plan,
        trials: u32,
        subject: &BuiltSubject,
        held: &mut RunTrials,
    ) -> Result<Ended> {
        let folder = self.work_folder()?;
        let done = done(open);
        let programs = Programs { subject: &subject.path, platform: &self.config.platform };
        let target = Target { programs, folder: &folder };
        let over = u32::try_from(done.trials.len()).unwrap_or(u32::MAX);
        let runs = [open.id];
        let pass = Pass {
            scope: Scope::Run,
            runs: &runs,
            shown: open.id,
            variants: &[],
            blocks: None,
            planned: trials,
            done: over,
        };
        // The run's own number: another order each time, and the same one when it is resumed.
        let seed = open.id.0.unsigned_abs();
        let mut recorder = Recorder::start(&mut self.history, self.observer, held, pass);
        let ended = runner::measure(plan, &target, &done, seed, self.stop, &mut |event| recorder.run_event(event));
        recorder.finish();
        let _ = fs::remove_dir(&folder);
        ended
    }

    fn trials_of(&self, run: RunId) -> Result<RunTrials> {
        let reader = self.reader()?;
        let mut trials = BTreeMap::new();
        for case in &self.plan.cases {
            let key = case.case.key();
            let kept = reader.trials(run, &key)?;
            trials.insert(key, kept);
        }
        Ok(RunTrials { run, trials, failures: reader.failures(run)? })
    }

    /// The cases whose wall time is not precise enough, with as many trials more as would make it so, the least precise
    /// first, as far as the time for it goes.
    fn extension(&self, held: &RunTrials) -> Result<Plan> {
        let measurements = self.reader()?.measurements(held.run)?;
        let mut imprecise = Vec::new();
        let mut time_left = 0.0;
        for case in &self.plan.cases {
            let trials = held.trials.get(&case.case.key()).map_or(&[][..], Vec::as_slice);
            let took: f64 = trials.iter().map(|trial| trial.duration_ns as f64).sum();
            time_left += EXTENSION * took;
            let wall = measurements.iter().find(|m| m.case == case.case && m.metric == Metric::WALL_TIME);
            let Some(wall) = wall else { continue };
            let more = judge::trials_wanted(wall, case.trials);
            if more > 0 {
                let time = took / trials.len().max(1) as f64 * f64::from(more);
                let width = wall.summary.interval.map_or(0.0, |i| (i.high - i.low) / wall.summary.estimate.abs());
                imprecise.push((width, time, CasePlan { trials: wall.summary.trials + more, ..case.clone() }));
            }
        }
        imprecise.sort_by(|a, b| b.0.total_cmp(&a.0));
        let affordable = imprecise.into_iter().filter_map(|(_, time, case)| {
            let fits = time <= time_left;
            time_left -= if fits { time } else { 0.0 };
            fits.then_some(case)
        });
        Ok(Plan { profile: self.plan.profile, cases: affordable.collect() })
    }

    /// How many trials the plan in force holds of the cases of another.
    fn planned(&self, other: &Plan) -> u32 {
        let same = |case: &&CasePlan| other.cases.iter().any(|longer| longer.case == case.case);
        self.plan.cases.iter().filter(same).map(|case| case.trials).sum()
    }

    fn close(&mut self, ended: Ended, held: &RunTrials) -> Result<RunOutcome> {
        let run = held.run;
        let (state, outcome) = match ended {
            Ended::Stopped => (RunState::Interrupted, RunOutcome::Stopped(Some(run))),
            Ended::Complete if held.is_unsupported() => (RunState::Unsupported, RunOutcome::Unsupported(run)),
            Ended::Complete => (RunState::Finished, RunOutcome::Finished { run, failures: held.failures.len() }),
        };
        self.history.set_progress(None)?;
        self.history.finish_run(run, state, now())?;
        Ok(outcome)
    }
}

/// What a run holds already, as the runner reads it.
fn done(open: &OpenRun) -> Done {
    let failed_trials = open.failed.iter().filter_map(|(key, trial)| Some((key.clone(), (*trial)?)));
    Done {
        trials: open.done.iter().cloned().chain(failed_trials).collect(),
        cases: open.failed.iter().filter(|(_, trial)| trial.is_none()).map(|(key, _)| key.clone()).collect(),
        next_order: open.next_order,
    }
}
