//! What a bisection is about: one case, one metric, and the commits between two ends.

use crate::{
    campaign::{
        comparison::Sizes,
        error::{BisectionError, Result},
    },
    model::{Metric, Revision, RevisionKind},
    revision::Repository,
    scenario::{CasePlan, Plan},
    stats::FEWEST_TRIALS,
};

/// The plan with the one case whose label is `label`, or contains it, in which the metric alone decides.
///
/// # Errors
/// [`BisectionError::NotOneCase`], [`BisectionError::NoRole`].
pub fn one_case(plan: &Plan, label: Option<&str>, metric: Metric) -> Result<Plan, BisectionError> {
    let exact = |case: &&CasePlan| label == Some(case.label.0.as_str());
    let similar = |case: &&CasePlan| label.is_none_or(|text| case.label.0.contains(text));
    let mut found: Vec<&CasePlan> = plan.cases.iter().filter(exact).collect();
    if found.is_empty() {
        found = plan.cases.iter().filter(similar).collect();
    }
    let [case] = found[..] else {
        let named = |case: &CasePlan| format!("{} `{}`", case.case.scenario, case.label.0);
        return Err(BisectionError::NotOneCase { found: found.len(), cases: plan.cases.iter().map(named).collect() });
    };
    if let Some(role) = metric.role.filter(|role| !case.roles.contains(role)) {
        return Err(BisectionError::NoRole { scenario: case.case.scenario.clone(), role, metric });
    }
    let mut case = case.clone();
    case.rules.only = Some(metric);
    Ok(Plan { profile: plan.profile, cases: vec![case] })
}

/// Whether comparisons of these sizes can show a commit to be without the change.
///
/// # Errors
/// [`BisectionError::TooFewBlocks`].
pub fn check_sizes(sizes: Sizes) -> Result<(), BisectionError> {
    match sizes.first as usize >= FEWEST_TRIALS {
        true => Ok(()),
        false => Err(BisectionError::TooFewBlocks { blocks: sizes.first }),
    }
}

/// The commits from the good end to the bad one, along first parents, both ends included.
///
/// # Errors
/// Where an end is no commit, or the good end is no ancestor of the bad one; where git fails.
pub fn line_between(repository: &Repository, good: &str, bad: &str) -> Result<Vec<Revision>> {
    let end = |text: &str| -> Result<Revision> {
        let revision = repository.resolve_one(Some(text))?;
        match revision.kind {
            RevisionKind::Commit => Ok(revision),
            RevisionKind::Worktree => Err(BisectionError::NotACommit.into()),
        }
    };
    let (first, last) = (end(good)?, end(bad)?);
    let (good, bad) = (good.to_owned(), bad.to_owned());
    if first.id == last.id {
        return Err(BisectionError::OneCommit { good, bad }.into());
    }
    let line = repository.resolve(Some(&format!("{}..{}", first.id, last.id)))?;
    // A range holds what is on BAD's line and not reachable from GOOD; the two meet only where GOOD is on that line itself.
    match line.get(1).is_some_and(|next| next.parent.as_deref() == Some(first.id.as_str())) {
        true => Ok(line),
        false => Err(BisectionError::NotOneLine { good, bad }.into()),
    }
}
