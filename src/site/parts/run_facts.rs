//! What is known about a run at a glance. Shown by `facts.html` on the pages of commits and runs.

use crate::{
    history::{Reader, RunListing},
    model::{RevisionKind, RunId, RunState},
    report::format,
    site::http::error::PageError,
    units::Unit,
};

/// What is known about a run at a glance; shown by pages of commits and of runs.
#[derive(Debug)]
pub(crate) struct RunFacts {
    pub(crate) revision: String,
    pub(crate) revision_href: String,
    pub(crate) revision_note: String,
    pub(crate) committed: String,
    pub(crate) run: RunId,
    pub(crate) profile: &'static str,
    pub(crate) measured: String,
    pub(crate) environment: String,
    pub(crate) environment_id: String,
    pub(crate) binary: String,
    pub(crate) toolchain: String,
    pub(crate) state: &'static str,
}

/// A run, or the page that says that there is none of this number.
pub(crate) fn find_run(reader: &Reader, id: RunId) -> Result<RunListing, PageError> {
    reader.run(id)?.ok_or_else(|| PageError::missing(format!("there is no run {id}; the overview lists the newest")))
}

impl RunFacts {
    pub(crate) fn of(reader: &Reader, listing: &RunListing) -> Result<RunFacts, PageError> {
        let run = &listing.run;
        let environment = reader.environment(run.id)?;
        let short = |commit: &str| commit.get(..8).unwrap_or(commit).to_owned();
        let note = match (run.revision.kind, &run.revision.parent) {
            (RevisionKind::Worktree, _) => format!("on top of {}", short(&run.revision.commit)),
            (RevisionKind::Commit, Some(parent)) => format!("parent {}", short(parent)),
            (RevisionKind::Commit, None) => "no parent".to_owned(),
        };
        let took = run.finished_at.map(|end| (end.0.saturating_sub(run.started_at.0)).max(0) as f64 * 1e6);
        let took = took.map(|ns| format!(" in {}", Unit::Nanoseconds.format(ns))).unwrap_or_default();
        Ok(RunFacts {
            revision: run.revision.short().to_owned(),
            revision_href: format!("/commits/{}", run.revision.id),
            revision_note: note,
            committed: format::date(run.revision.committed_at),
            run: run.id,
            profile: run.profile.as_str(),
            measured: format!("{}{took}", format::trials(listing.trials, listing.planned_trials)),
            environment: environment.map_or_else(|| run.environment.clone(), |environment| environment.title()),
            environment_id: run.environment.clone(),
            binary: run.build.as_ref().map(|build| short(&build.sha256)).unwrap_or_default(),
            toolchain: run.build.as_ref().map(|build| build.toolchain.clone()).unwrap_or_default(),
            state: format::state(run.state),
        })
    }
}

/// `112 sound, 8 noisy, 2 failures`, or how far a run came that has no numbers.
pub(crate) fn describe_outcome(listing: &RunListing) -> String {
    let counts = [
        (listing.sound, "sound".to_owned()),
        (listing.noisy, "noisy".to_owned()),
        (listing.unusable, "unusable".to_owned()),
        (listing.failures, if listing.failures == 1 { "failure".to_owned() } else { "failures".to_owned() }),
    ];
    let mut parts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if listing.run.state != RunState::Finished {
        let state = format::state(listing.run.state);
        let far = format!("{state} ({})", format::trials(listing.trials, listing.planned_trials));
        parts.push(if listing.planned_trials > 0 { far } else { state.to_owned() });
    }
    parts.join(", ")
}
