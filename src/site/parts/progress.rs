//! What is being measured now, as pages show it and as the live stream tells it: one record for both, so that a page
//! and what keeps it fresh never differ.

use serde::Serialize;

use crate::{
    history::{HistoryError, Progress, Reader},
    model::{ComparisonId, RunId, Stage},
    site::http::{error::PageError, params},
};

/// What is being measured; shown by `now.html`, told by the stream, kept fresh by `live.js`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Now {
    pub(crate) run: RunId,
    pub(crate) scenario: String,
    pub(crate) label: String,
    /// The id of the case in addresses.
    pub(crate) case: String,
    /// Which trial of the case, from 1; in a comparison, which block of its stage.
    pub(crate) trial: u32,
    /// How many there are.
    pub(crate) trials: u32,
    /// Trials of the run that are over, or of both runs of a comparison.
    pub(crate) done: u32,
    pub(crate) planned: u32,
    /// The comparison, where two runs are measured together.
    pub(crate) comparison: Option<ComparisonId>,
    /// Its stage, 1 or 2.
    pub(crate) stage: Option<u32>,
}

impl Now {
    /// What is being measured, if anything is.
    pub(crate) fn read(reader: &Reader) -> Result<Option<Now>, HistoryError> {
        let Some(progress) = reader.progress()? else { return Ok(None) };
        let comparison = comparison_of(reader, progress.run)?;
        let stage = comparison.map(|comparison| stage(reader, comparison, &progress)).transpose()?;
        Ok(Some(Now {
            run: progress.run,
            case: params::case_id(&progress.case),
            scenario: progress.case.scenario,
            label: progress.label.0,
            trial: progress.trial.saturating_add(1),
            trials: progress.trials,
            done: progress.done_trials,
            planned: progress.planned_trials,
            comparison,
            stage: stage.map(Stage::number),
        }))
    }

    /// The page of what is being measured.
    pub(crate) fn href(&self) -> String {
        match self.comparison {
            Some(comparison) => format!("/comparison/{comparison}"),
            None => format!("/runs/{}", self.run),
        }
    }

    /// What [`Now::trial`] counts.
    pub(crate) fn counts(&self) -> &'static str {
        if self.comparison.is_some() { "block" } else { "trial" }
    }
}

/// What is being measured of one run, by itself or in a comparison.
pub(crate) fn of_run(reader: &Reader, run: RunId) -> Result<Option<Now>, PageError> {
    let Some(now) = Now::read(reader)? else { return Ok(None) };
    let ours = now.run == run
        || now
            .comparison
            .map(|comparison| reader.comparison(comparison))
            .transpose()?
            .flatten()
            .is_some_and(|listing| [listing.comparison.base, listing.comparison.head].contains(&run));
    Ok(Some(now).filter(|_| ours))
}

/// The comparison that a run is measured in: that of its head, or, since whatever is measured now belongs to the newest, the
/// newest one where the run is its base.
fn comparison_of(reader: &Reader, run: RunId) -> Result<Option<ComparisonId>, HistoryError> {
    if let Some(comparison) = reader.comparison_of_run(run)? {
        return Ok(Some(comparison));
    }
    let newest = reader.comparisons(1)?.into_iter().next().map(|listing| listing.comparison);
    Ok(newest.filter(|comparison| comparison.base == run).map(|comparison| comparison.id))
}

/// The stage that a case is in: a case whose first stage is whole and that is still measured is in its second.
fn stage(reader: &Reader, comparison: ComparisonId, progress: &Progress) -> Result<Stage, HistoryError> {
    let blocks = reader.blocks(comparison, &progress.case.key())?;
    let design = reader.comparison(comparison)?.map(|listing| listing.comparison.design);
    let first_over = design.is_some_and(|design| {
        let first = blocks.iter().filter(|block| block.stage == Stage::First).count();
        first as u64 >= u64::from(design.first_blocks)
    });
    let second = first_over || blocks.iter().any(|block| block.stage == Stage::Second);
    Ok(if second { Stage::Second } else { Stage::First })
}
