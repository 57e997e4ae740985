//! One try at one trial, which ends as a kept trial or as a failure with its cause.

use super::{
    canary::Workload,
    spec::TrialSpec,
    trial::{TrialError, now, run_trial},
};
use crate::{
    model::{Failure, FailureKind, Trial},
    scenario::CasePlan,
};

/// Failed tries at one case in a row after which the rest of it is given up.
pub(super) const FAILURES_IN_A_ROW: u32 = 2;

/// The outcome of a try.
pub enum Attempt {
    /// A whole trial.
    Kept(Box<Trial>),
    /// A failure. One that names no trial is that of the whole case.
    Failed(Failure),
    /// A person asked to stop; nothing is kept.
    Stopped,
}

/// Measures one trial, with the canary around it. `on_sample` receives the number of each sample and its wall time.
pub(super) fn attempt(spec: &TrialSpec<'_>, canary: &Workload, on_sample: &mut dyn FnMut(u32, u64)) -> Attempt {
    match run_trial(spec, canary, on_sample) {
        Ok(trial) => Attempt::Kept(Box::new(trial)),
        Err(TrialError::Stopped) => Attempt::Stopped,
        Err(TrialError::Failed { kind, message, log }) => {
            // An operation that a revision does not support fails in every trial.
            let trial = (kind != FailureKind::Unsupported).then_some(spec.index);
            Attempt::Failed(failure(spec.plan, trial, kind, message, log))
        }
    }
}

/// The failure that ends a case after too many failed tries.
pub(super) fn given_up(case: &CasePlan, kind: FailureKind) -> Failure {
    failure(case, None, kind, format!("given up after {FAILURES_IN_A_ROW} failed trials in a row"), String::new())
}

fn failure(case: &CasePlan, trial: Option<u32>, kind: FailureKind, message: String, log: String) -> Failure {
    Failure { case: Some(case.case.clone()), label: Some(case.label.clone()), trial, kind, message, log, at: now() }
}
