//! What is being measured now, as pages show it and as the live stream tells it: one record for both, so that a page
//! and what keeps it fresh never differ.

use serde::Serialize;

use super::{error::PageError, params};
use crate::{
    history::{HistoryError, Progress, Reader},
    model::{RunId, SessionId, Stage},
};

/// What is being measured; shown by `now.html`, told by the stream, kept fresh by `live.js`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Now {
    pub(super) run: RunId,
    pub(super) scenario: String,
    pub(super) label: String,
    /// The id of the case in addresses.
    pub(super) case: String,
    /// Which trial of the case, from 1; in a session, which block of its stage.
    pub(super) trial: u32,
    /// How many there are.
    pub(super) trials: u32,
    /// Trials of the run that are over, or of both runs of a session.
    pub(super) done: u32,
    pub(super) planned: u32,
    /// The session, where two runs are measured together.
    pub(super) session: Option<SessionId>,
    /// Its stage, 1 or 2.
    pub(super) stage: Option<u32>,
}

impl Now {
    /// What is being measured, if anything is.
    pub(super) fn read(reader: &Reader) -> Result<Option<Now>, HistoryError> {
        let Some(progress) = reader.progress()? else { return Ok(None) };
        let session = session_of(reader, progress.run)?;
        let stage = session.map(|session| stage(reader, session, &progress)).transpose()?;
        Ok(Some(Now {
            run: progress.run,
            case: params::case_id(&progress.case),
            scenario: progress.case.scenario,
            label: progress.label.0,
            trial: progress.trial.saturating_add(1),
            trials: progress.trials,
            done: progress.done_trials,
            planned: progress.planned_trials,
            session,
            stage: stage.map(Stage::number),
        }))
    }

    /// The page of what is being measured.
    pub(super) fn href(&self) -> String {
        match self.session {
            Some(session) => format!("/comparison/{session}"),
            None => format!("/runs/{}", self.run),
        }
    }

    /// What [`Now::trial`] counts.
    pub(super) fn counts(&self) -> &'static str {
        if self.session.is_some() { "block" } else { "trial" }
    }
}

/// What is being measured of one run, by itself or in a session.
pub(super) fn of_run(reader: &Reader, run: RunId) -> Result<Option<Now>, PageError> {
    let Some(now) = Now::read(reader)? else { return Ok(None) };
    let ours = now.run == run
        || now
            .session
            .map(|session| reader.session(session))
            .transpose()?
            .flatten()
            .is_some_and(|listing| [listing.session.base, listing.session.head].contains(&run));
    Ok(Some(now).filter(|_| ours))
}

/// The session that a run is measured in: that of its head, or, since whatever is measured now belongs to the newest, the
/// newest one where the run is its base.
fn session_of(reader: &Reader, run: RunId) -> Result<Option<SessionId>, HistoryError> {
    if let Some(session) = reader.session_of_run(run)? {
        return Ok(Some(session));
    }
    let newest = reader.sessions(1)?.into_iter().next().map(|listing| listing.session);
    Ok(newest.filter(|session| session.base == run).map(|session| session.id))
}

/// The stage that a case is in: a case whose first stage is whole and that is still measured is in its second.
fn stage(reader: &Reader, session: SessionId, progress: &Progress) -> Result<Stage, HistoryError> {
    let blocks = reader.blocks(session, &progress.case.key())?;
    let design = reader.session(session)?.map(|listing| listing.session.design);
    let first_over = design.is_some_and(|design| {
        let first = blocks.iter().filter(|block| block.stage == Stage::First).count();
        first as u64 >= u64::from(design.first_blocks)
    });
    let second = first_over || blocks.iter().any(|block| block.stage == Stage::Second);
    Ok(if second { Stage::Second } else { Stage::First })
}
