//! Walks a plan for one program: measures every trial that is not done yet, and reports each as an event.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    attempt::{Attempt, FAILURES_IN_A_ROW, attempt, given_up},
    canary::Workload,
    order::rank,
    programs::Target,
    spec::TrialSpec,
    stop::{Ended, Stop},
};
use crate::{
    model::Event,
    probe::machine,
    scenario::{CasePlan, Plan},
};

/// What an earlier, interrupted run has already done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// `(case's key, trial)`, measured or failed.
    pub trials: BTreeSet<(String, u32)>,
    /// Keys of cases that were given up as a whole.
    pub cases: BTreeSet<String>,
    /// The next trial's position in the run's order.
    pub next_order: u32,
}

/// Measures what remains of `plan`. Scenarios come in the random order of `seed`. The cases of one scenario are measured in
/// rounds of one trial each, every round in its own order, so that a disturbance of the machine affects all of them and
/// settings that are compared are interleaved. `emit` handles each event before anything else is measured; its error (a
/// full disk, say) ends the walk and is returned.
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
    let mut scenarios: BTreeMap<&str, Vec<Remaining<'_>>> = BTreeMap::new();
    for case in plan.cases.iter().filter(|case| !done.cases.contains(&case.case.key())) {
        scenarios.entry(&case.case.scenario).or_default().push(Remaining::of(case, done));
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

/// A case with its remaining trials.
struct Remaining<'a> {
    case: &'a CasePlan,
    key: String,
    trials: VecDeque<u32>,
    begun: bool,
    failures_in_a_row: u32,
}

impl<'a> Remaining<'a> {
    fn of(case: &'a CasePlan, done: &Done) -> Remaining<'a> {
        let key = case.case.key();
        let trials = (0..case.trials).filter(|trial| !done.trials.contains(&(key.clone(), *trial))).collect();
        Remaining { case, key, trials, begun: false, failures_in_a_row: 0 }
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
    /// Runs rounds until no case has a trial left.
    fn scenario(&mut self, mut cases: Vec<Remaining<'_>>, seed: u64) -> Result<Ended, E> {
        loop {
            cases.retain(|remaining| !remaining.trials.is_empty());
            let Some(round) = cases.iter().filter_map(|remaining| remaining.trials.front()).min().copied() else {
                return Ok(Ended::Complete);
            };
            cases.sort_by_cached_key(|remaining| rank(seed, &format!("{round} {}", remaining.key)));
            // A resumed run first catches up: a case that is ahead waits for the round that it has reached.
            for remaining in cases.iter_mut().filter(|remaining| remaining.trials.front() == Some(&round)) {
                if self.stop.is_set() || self.next(remaining)? == Ended::Stopped {
                    return Ok(Ended::Stopped);
                }
            }
        }
    }

    /// The next trial of a case.
    fn next(&mut self, remaining: &mut Remaining<'_>) -> Result<Ended, E> {
        let Some(index) = remaining.trials.pop_front() else { return Ok(Ended::Complete) };
        if !remaining.begun {
            remaining.begun = true;
            (self.emit)(Event::CaseStarted(remaining.case.planned()))?;
        }
        match self.trial(remaining.case, index)? {
            Attempt::Kept(trial) => {
                remaining.failures_in_a_row = 0;
                (self.emit)(Event::TrialFinished(trial))?;
            }
            Attempt::Stopped => return Ok(Ended::Stopped),
            Attempt::Failed(failure) => {
                remaining.failures_in_a_row += 1;
                let (kind, whole) = (failure.kind, failure.trial.is_none());
                (self.emit)(Event::Failed(failure))?;
                if whole {
                    remaining.trials.clear();
                } else if remaining.failures_in_a_row == FAILURES_IN_A_ROW {
                    remaining.trials.clear();
                    (self.emit)(Event::Failed(given_up(remaining.case, kind)))?;
                }
            }
        }
        Ok(Ended::Complete)
    }

    fn trial(&mut self, case: &CasePlan, index: u32) -> Result<Attempt, E> {
        (self.emit)(Event::TrialStarted { case: case.case.clone(), index })?;
        let folder = self.target.folder.join("trial");
        let spec = TrialSpec {
            plan: case,
            programs: self.target.programs,
            folder: &folder,
            index,
            order: self.order,
            clock_step_ns: self.clock_step_ns,
            injection: None,
            inspection: None,
            stop: self.stop,
        };
        self.order += 1;
        let mut emitted = Ok(());
        let attempt = attempt(&spec, &self.canary, &mut |sample, wall_ns| {
            if emitted.is_ok() {
                emitted = (self.emit)(Event::SampleTaken { index, sample, wall_ns });
            }
        });
        emitted?;
        Ok(attempt)
    }
}
