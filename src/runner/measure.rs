//! Walks a plan for one program: every trial that is not done yet, each told as an event.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
};

use super::{
    Stop,
    attempt::{Attempt, FAILURES_IN_A_ROW, attempt, given_up},
    canary::Workload,
    order::rank,
    programs::Programs,
    trial::TrialSpec,
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

/// Measures what is left of `plan`. Scenarios come in the random order of `seed`; the cases of one are measured in rounds
/// of a trial each, every round in an order of its own, so that what the machine does meanwhile it does to all of them, and
/// settings that stand against each other are interleaved. Each event is handled by `emit` before anything else is
/// measured; an error from it (a full disk, say) ends the walk and is returned.
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
    let mut scenarios: BTreeMap<&str, Vec<Left<'_>>> = BTreeMap::new();
    for case in plan.cases.iter().filter(|case| !done.cases.contains(&case.case.key())) {
        scenarios.entry(&case.case.scenario).or_default().push(Left::of(case, done));
    }
    let mut scenarios: Vec<_> = scenarios.into_iter().collect();
    scenarios.sort_by_cached_key(|(name, _)| rank(seed, name));
    let mut walk = Walk {
        target,
        stop,
        canary: Workload::new(),
        clock_step_ns: machine::clock_step_ns(),
        order: done.next_order,
        emit,
    };
    for (_, cases) in scenarios {
        if walk.scenario(cases, seed)? == Ended::Stopped {
            return Ok(Ended::Stopped);
        }
    }
    Ok(if stop.is_set() { Ended::Stopped } else { Ended::Complete })
}

/// A case with the trials that are left of it.
struct Left<'a> {
    case: &'a CasePlan,
    key: String,
    trials: VecDeque<u32>,
    begun: bool,
    failures_in_a_row: u32,
}

impl<'a> Left<'a> {
    fn of(case: &'a CasePlan, done: &Done) -> Left<'a> {
        let key = case.case.key();
        let trials = (0..case.trials).filter(|trial| !done.trials.contains(&(key.clone(), *trial))).collect();
        Left { case, key, trials, begun: false, failures_in_a_row: 0 }
    }
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
    /// Rounds, until no case has a trial left.
    fn scenario(&mut self, mut cases: Vec<Left<'_>>, seed: u64) -> Result<Ended, E> {
        loop {
            cases.retain(|left| !left.trials.is_empty());
            let Some(round) = cases.iter().filter_map(|left| left.trials.front()).min().copied() else {
                return Ok(Ended::Complete);
            };
            cases.sort_by_cached_key(|left| rank(seed, &format!("{round} {}", left.key)));
            // A resumed run first catches up: a case that is ahead waits for the round that it has reached.
            for left in cases.iter_mut().filter(|left| left.trials.front() == Some(&round)) {
                if self.stop.is_set() || self.next(left)? == Ended::Stopped {
                    return Ok(Ended::Stopped);
                }
            }
        }
    }

    /// The next trial of a case.
    fn next(&mut self, left: &mut Left<'_>) -> Result<Ended, E> {
        let Some(index) = left.trials.pop_front() else { return Ok(Ended::Complete) };
        if !left.begun {
            left.begun = true;
            (self.emit)(Event::CaseStarted(left.case.planned()))?;
        }
        match self.trial(left.case, index)? {
            Attempt::Kept(trial) => {
                left.failures_in_a_row = 0;
                (self.emit)(Event::TrialFinished(trial))?;
            }
            Attempt::Stopped => return Ok(Ended::Stopped),
            Attempt::Failed(failure) => {
                left.failures_in_a_row += 1;
                let (kind, whole) = (failure.kind, failure.trial.is_none());
                (self.emit)(Event::Failed(failure))?;
                if whole {
                    left.trials.clear();
                } else if left.failures_in_a_row == FAILURES_IN_A_ROW {
                    left.trials.clear();
                    (self.emit)(Event::Failed(given_up(left.case, kind)))?;
                }
            }
        }
        Ok(Ended::Complete)
    }

    fn trial(&mut self, case: &CasePlan, index: u32) -> Result<Attempt, E> {
        (self.emit)(Event::TrialStarted { case: case.case.clone(), index })?;
        let folder = self.target.folder.join("trial");
        let order = TrialSpec {
            plan: case,
            programs: self.target.programs,
            folder: &folder,
            index,
            order: self.order,
            clock_step_ns: self.clock_step_ns,
            injection: None,
            by_hand: None,
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
