//! Walks a plan for one program: every trial that is not done yet, each told as an event.

use std::{collections::BTreeSet, path::Path};

use super::{
    Stop,
    attempt::{Attempt, FAILURES_IN_A_ROW, attempt, given_up},
    canary::Workload,
    order::rank,
    trial::{Programs, TrialOrder},
};
use crate::{
    model::Event,
    probe::machine,
    scenario::{CasePlan, Plan},
};

/// What is started, and where.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// What is started.
    pub programs: Programs<'a>,
    /// A folder for the trials' files, on the storage that is to be measured. Emptied for each trial.
    pub folder: &'a Path,
}

/// What an earlier, interrupted run has done already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// `(case's key, trial)`, measured or failed.
    pub trials: BTreeSet<(String, u32)>,
    /// Keys of cases that were given up as a whole.
    pub cases: BTreeSet<String>,
    /// The place in the run's order of the next trial.
    pub next_order: u32,
}

/// How the walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything planned was measured or failed.
    Complete,
    /// A person stopped it, or the listener could not keep an event.
    Stopped,
}

/// Measures what is left of `plan`, the cases in the random order of `seed`. Each event is handled by `emit` before anything
/// else is measured; an error from it (a full disk, say) ends the walk and is returned.
///
/// # Errors
/// Only those of `emit`: failures of subjects are events.
pub fn measure<E>(
    plan: &Plan,
    target: &Target<'_>,
    done: &Done,
    seed: u64,
    stop: &Stop,
    emit: &mut dyn FnMut(Event) -> Result<(), E>,
) -> Result<Ended, E> {
    let mut cases: Vec<&CasePlan> = plan.cases.iter().collect();
    cases.sort_by_cached_key(|case| rank(seed, &case.case.key()));
    let mut walk = Walk {
        target,
        stop,
        canary: Workload::new(),
        clock_step_ns: machine::clock_step_ns(),
        order: done.next_order,
        emit,
    };
    for case in cases {
        let key = case.case.key();
        let left: Vec<u32> = (0..case.trials).filter(|trial| !done.trials.contains(&(key.clone(), *trial))).collect();
        if left.is_empty() || done.cases.contains(&key) {
            continue;
        }
        if walk.case(case, &left)? == Ended::Stopped {
            return Ok(Ended::Stopped);
        }
    }
    Ok(if stop.is_set() { Ended::Stopped } else { Ended::Complete })
}

struct Walk<'a, E> {
    target: &'a Target<'a>,
    stop: &'a Stop,
    canary: Workload,
    clock_step_ns: u64,
    order: u32,
    emit: &'a mut dyn FnMut(Event) -> Result<(), E>,
}

impl<E> Walk<'_, E> {
    fn case(&mut self, case: &CasePlan, trials: &[u32]) -> Result<Ended, E> {
        (self.emit)(Event::CaseStarted(case.planned()))?;
        let mut failures_in_a_row = 0;
        for index in trials {
            if self.stop.is_set() {
                return Ok(Ended::Stopped);
            }
            match self.trial(case, *index)? {
                Attempt::Kept(trial) => {
                    failures_in_a_row = 0;
                    (self.emit)(Event::TrialFinished(trial))?;
                }
                Attempt::Stopped => return Ok(Ended::Stopped),
                Attempt::Failed(failure) => {
                    failures_in_a_row += 1;
                    let (kind, whole) = (failure.kind, failure.trial.is_none());
                    (self.emit)(Event::Failed(failure))?;
                    if whole {
                        break;
                    }
                    if failures_in_a_row == FAILURES_IN_A_ROW {
                        (self.emit)(Event::Failed(given_up(case, kind)))?;
                        break;
                    }
                }
            }
        }
        Ok(Ended::Complete)
    }

    fn trial(&mut self, case: &CasePlan, index: u32) -> Result<Attempt, E> {
        (self.emit)(Event::TrialStarted { case: case.case.clone(), index })?;
        let folder = self.target.folder.join("trial");
        let order = TrialOrder {
            plan: case,
            programs: self.target.programs,
            folder: &folder,
            index,
            order: self.order,
            clock_step_ns: self.clock_step_ns,
            injection: None,
            stop: self.stop,
        };
        self.order += 1;
        let mut told = Ok(());
        let attempt = attempt(&order, &self.canary, &mut |sample, wall_ns| {
            if told.is_ok() {
                told = (self.emit)(Event::SampleTaken { index, sample, wall_ns });
            }
        });
        told?;
        Ok(attempt)
    }
}
