//! Measures several revisions, one after the other: each by itself, or against the one before it.

use super::{
    comparison::{ComparisonOutcome, ComparisonSpec, Sizes},
    error::Result,
    findings::refresh_findings,
    identity::environment_of,
    observer::{NoBase, Notice},
    workbench::{RunOutcome, Workbench},
};
use crate::{
    model::{Profile, Purpose, Revision},
    revision::Repository,
};

impl Workbench<'_> {
    /// Measures revisions in the order given, and looks for changes in the series after each. With the profile `gate` a
    /// revision is measured interleaved with the one before it, else by itself. Ends where somebody stops it: then the last
    /// outcome is [`RunOutcome::Stopped`], and the same call goes on from there.
    ///
    /// # Errors
    /// As [`Workbench::measure`] and [`Workbench::compare`].
    pub fn measure_all(&mut self, revisions: &[Revision], again: bool) -> Result<Vec<RunOutcome>> {
        let mut outcomes = Vec::new();
        for revision in revisions {
            let outcome = match self.plan.profile {
                Profile::Gate => self.measure_against_parent(revision, again)?,
                Profile::Quick | Profile::Full => self.measure(revision, again)?,
            };
            outcomes.push(outcome);
            self.find_changes()?;
            if matches!(outcome, RunOutcome::Stopped(_)) {
                break;
            }
        }
        Ok(outcomes)
    }

    /// Measures a revision interleaved with the one before it, or by itself where there is none to measure.
    fn measure_against_parent(&mut self, head: &Revision, again: bool) -> Result<RunOutcome> {
        let Some(before) = head.before() else {
            return self.measure_without_base(head, NoBase::NoParent, again);
        };
        let base = self.repository.resolve_one(Some(before))?;
        let spec =
            ComparisonSpec { base: &base, head, purpose: Purpose::Gate, sizes: Sizes::DEFAULT, seed: None, again };
        match self.compare(&spec)? {
            ComparisonOutcome::Measured(comparison) if comparison.is_finished() => Ok(RunOutcome::Finished {
                run: comparison.listing.comparison.head,
                failures: comparison.listing.head.failures as usize,
            }),
            ComparisonOutcome::Measured(comparison) => {
                Ok(RunOutcome::Stopped(Some(comparison.listing.comparison.head)))
            }
            ComparisonOutcome::Impossible { revision, outcome } if revision.id == head.id => Ok(outcome),
            ComparisonOutcome::Impossible { .. } => self.measure_without_base(head, NoBase::ParentHasNoSubject, again),
            ComparisonOutcome::Stopped => Ok(RunOutcome::Stopped(None)),
        }
    }

    fn measure_without_base(&mut self, revision: &Revision, reason: NoBase, again: bool) -> Result<RunOutcome> {
        self.observer.notify(&Notice::NoBase { revision: revision.clone(), reason });
        self.measure(revision, again)
    }

    /// Looks for changes in the series of this machine, now that there is more to see.
    fn find_changes(&mut self) -> Result<()> {
        let reader = self.reader()?;
        let environment = environment_of(None).id;
        let rules = self.plan.cases.iter().map(|case| &case.rules);
        let new = refresh_findings(&mut self.history, &reader, &environment, rules)?;
        if new > 0 {
            self.observer.notify(&Notice::FindingsFound(new));
        }
        Ok(())
    }
}

/// The checkout first, then as many commits along first parents as there are, newest first.
///
/// # Errors
/// Where git fails, or the clone is shallow.
pub fn checkout_and_before(repository: &Repository, commits: u16) -> Result<Vec<Revision>> {
    let checkout = repository.resolve_one(None)?;
    let mut parent = checkout.before().map(str::to_owned);
    let mut revisions = vec![checkout];
    for _ in 0..commits {
        let Some(id) = parent.take() else { break };
        let revision = repository.resolve_one(Some(&id))?;
        parent = revision.parent.clone();
        revisions.push(revision);
    }
    Ok(revisions)
}
