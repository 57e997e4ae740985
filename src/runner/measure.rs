//! Walks a plan: every trial that is not done yet, in order, each told as an event.

use std::{collections::BTreeSet, path::Path};

use super::{
    Stop,
    trial::{TrialError, TrialOrder, now, run_trial},
};
use crate::{
    model::{Event, Failure, FailureKind},
    probe::machine,
    scenario::{CasePlan, Plan},
};

/// Failed trials of one case in a row after which the rest of it is given up.
const FAILURES_IN_A_ROW: u32 = 2;

/// What is started, and where.
pub struct Target<'a> {
    /// The subject's binary.
    pub binary: &'a Path,
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

/// Measures what is left of `plan`. Each event is handled by `emit` before anything else is measured; an error from it
/// (a full disk, say) ends the walk and is returned.
///
/// # Errors
/// Only those of `emit`: failures of subjects are events.
pub fn measure<E>(
    plan: &Plan,
    target: &Target<'_>,
    done: &Done,
    stop: &Stop,
    emit: &mut dyn FnMut(Event) -> Result<(), E>,
) -> Result<Ended, E> {
    let clock_step_ns = machine::clock_step_ns();
    let mut order = done.next_order;
    for case in &plan.cases {
        let key = case.case.key();
        let left: Vec<u32> = (0..case.trials).filter(|trial| !done.trials.contains(&(key.clone(), *trial))).collect();
        if left.is_empty() || done.cases.contains(&key) {
            continue;
        }
        emit(Event::CaseStarted(case.planned()))?;
        let mut failures_in_a_row = 0;
        for index in left {
            if stop.is_set() {
                return Ok(Ended::Stopped);
            }
            emit(Event::TrialStarted { case: case.case.clone(), index })?;
            let folder = target.folder.join("trial");
            let trial =
                TrialOrder { plan: case, binary: target.binary, folder: &folder, index, order, clock_step_ns, stop };
            let mut told = Ok(());
            let result = run_trial(&trial, &mut |sample, wall_ns| {
                if told.is_ok() {
                    told = emit(Event::SampleTaken { index, sample, wall_ns });
                }
            });
            told?;
            order += 1;
            match result {
                Ok(trial) => {
                    failures_in_a_row = 0;
                    emit(Event::TrialFinished(Box::new(trial)))?;
                }
                Err(TrialError::Stopped) => return Ok(Ended::Stopped),
                Err(TrialError::Failed { kind, message, log }) => {
                    failures_in_a_row += 1;
                    let whole = kind == FailureKind::Unsupported;
                    emit(Event::Failed(failure(case, (!whole).then_some(index), kind, message, log)))?;
                    if whole {
                        break;
                    }
                    if failures_in_a_row == FAILURES_IN_A_ROW {
                        let message = format!("given up after {FAILURES_IN_A_ROW} failed trials in a row");
                        emit(Event::Failed(failure(case, None, kind, message, String::new())))?;
                        break;
                    }
                }
            }
        }
    }
    Ok(if stop.is_set() { Ended::Stopped } else { Ended::Complete })
}

fn failure(case: &CasePlan, trial: Option<u32>, kind: FailureKind, message: String, log: String) -> Failure {
    Failure { case: Some(case.case.clone()), label: Some(case.label.clone()), trial, kind, message, log, at: now() }
}
