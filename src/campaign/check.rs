//! Performs each case of a plan once, to see that it works. Nothing enters the history.

use super::{
    builds::{Builds, built},
    config::Config,
    error::{CampaignError, Result},
    observer::{Notice, Observer},
};
use crate::{
    model::{Event, Failure},
    revision::Repository,
    runner::{self, Done, Ended, Programs, Stop, Target},
    scenario::Plan,
};

/// Builds the subject of the checkout and performs each case of the plan: one trial of one sample. Each is reported as it
/// ends. Returns what failed, or `None` where somebody stopped it.
///
/// # Errors
/// Where the checkout has no subject, or does not build.
pub fn check(
    config: &Config,
    repository: &Repository,
    plan: &Plan,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<Option<Vec<Failure>>> {
    let revision = repository.resolve_one(None)?;
    let outcome = Builds::new(config, repository, observer, stop).build(&revision, None)?;
    let Some(subject) = built(outcome, "this checkout")? else { return Ok(None) };
    let folder = tempfile::tempdir().map_err(CampaignError::folder(std::env::temp_dir()))?;
    let programs = Programs { subject: &subject.path, platform: &config.platform };
    let target = Target { programs, folder: folder.path() };
    let mut failures = Vec::new();
    let mut emit = |event| {
        match event {
            Event::TrialFinished(trial) => observer.notify(&Notice::CasePerformed(trial)),
            Event::Failed(failure) => {
                observer.notify(&Notice::Failed { variant: None, failure: failure.clone() });
                failures.push(failure);
            }
            Event::CaseStarted(_) | Event::TrialStarted { .. } | Event::SampleTaken { .. } => {}
        }
        Ok::<(), CampaignError>(())
    };
    let ended = runner::measure(&once(plan), &target, &Done::default(), 0, stop, &mut emit)?;
    Ok((ended == Ended::Complete).then_some(failures))
}

/// The plan with one trial of one sample for each case.
fn once(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for case in &mut plan.cases {
        (case.trials, case.warmup, case.samples, case.iterations) = (1, 0, 1, 1);
    }
    plan
}
