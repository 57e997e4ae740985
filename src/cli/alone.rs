//! Measures one revision by itself: opens or resumes its run, measures the plan, and then a little more where the estimates
//! are wide and time allows.

use std::{fs, path::Path};

use super::{
    estimating::EXTENSION,
    measuring::{Outcome, Workbench, now, platform},
    recorder::{Failed, Recorder},
};
use crate::{
    history::OpenRun,
    judge,
    model::{Metric, Revision, RunId, RunState},
    runner::{self, Done, Ended, Programs, Target},
    scenario::{CasePlan, Plan},
};

impl Workbench<'_> {
    /// Measures one revision, or continues where an earlier process was cut off. What an earlier run has finished is not
    /// measured a second time unless `again`.
    pub(super) fn measure(&mut self, revision: &Revision, again: bool) -> anyhow::Result<Outcome> {
        self.terminal.line(&format!("{}  {}", revision.short(), revision.title));
        let subject = match self.build(revision)? {
            Ok(subject) => subject,
            Err(outcome) => return Ok(outcome),
        };
        let start = self.start(revision, Some(subject.build.clone()));
        if !again && let Some(run) = self.history.finished_run(&start)? {
            self.terminal.line(&format!("  measured already, as run {run}; --again measures it once more"));
            return Ok(Outcome::Already(run));
        }
        let open = self.history.open_run(&start)?;
        if open.resumed {
            let kept = open.done.len();
            self.terminal.line(&format!("  resuming run {} after {kept} of {} trials", open.id, start.planned_trials));
        }
        let plan = self.plan.clone();
        let (mut ended, mut failed) = self.walk(&open, &plan, start.planned_trials, &subject.path)?;
        if ended == Ended::Complete && !failed.unsupported {
            let longer = self.longer(open.id)?;
            if !longer.cases.is_empty() {
                let more = longer.trials() - self.planned(&longer);
                self.terminal.line(&format!("  up to {more} trials more, where the interval of the wall time is wide"));
                let open = self.history.open_run(&start)?;
                let most = start.planned_trials + more;
                let (longer_ended, longer_failed) = self.walk(&open, &longer, most, &subject.path)?;
                (ended, failed.count) = (longer_ended, failed.count + longer_failed.count);
            }
        }
        self.close(open.id, ended, &failed)
    }

    /// Measures what is left of a plan. The whole run will then have `trials`, at most.
    fn walk(&mut self, open: &OpenRun, plan: &Plan, trials: u32, binary: &Path) -> anyhow::Result<(Ended, Failed)> {
        let folder = self.work_folder()?;
        let failed_trials = open.failed.iter().filter_map(|(key, trial)| Some((key.clone(), (*trial)?)));
        let done = Done {
            trials: open.done.iter().cloned().chain(failed_trials).collect(),
            cases: open.failed.iter().filter(|(_, trial)| trial.is_none()).map(|(key, _)| key.clone()).collect(),
            next_order: open.next_order,
        };
        let platform = platform()?;
        let target = Target { programs: Programs { subject: binary, platform: &platform }, folder: &folder };
        // The run's own number: another order each time, and the same one when it is resumed.
        let seed = open.id.0.unsigned_abs();
        let mut recorder = Recorder::new(&mut self.history, &self.terminal, open, trials);
        let ended = runner::measure(plan, &target, &done, seed, &self.stop, &mut |event| recorder.handle(event));
        let failed = recorder.finish();
        let _ = fs::remove_dir(&folder);
        Ok((ended?, failed))
    }

    /// The cases whose wall time is not precise enough, with as many trials more as would make it so, the least precise
    /// first, as far as the time for it goes.
    fn longer(&self, run: RunId) -> anyhow::Result<Plan> {
        let measurements = self.reader()?.measurements(run)?;
        let mut imprecise = Vec::new();
        let mut time_left = 0.0;
        for case in &self.plan.cases {
            let trials = self.history.trials(run, &case.case.key())?;
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

    fn close(&mut self, run: RunId, ended: Ended, failed: &Failed) -> anyhow::Result<Outcome> {
        let state = match ended {
            Ended::Stopped => RunState::Interrupted,
            Ended::Complete if failed.unsupported => RunState::Unsupported,
            Ended::Complete => RunState::Finished,
        };
        self.history.set_progress(None)?;
        self.history.finish_run(run, state, now())?;
        Ok(match ended {
            Ended::Complete if failed.unsupported => Outcome::Unsupported(run),
            Ended::Complete => Outcome::Finished { run, failures: failed.count },
            Ended::Stopped => Outcome::Stopped(Some(run)),
        })
    }
}
