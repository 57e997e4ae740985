//! Whether comparisons can be read, keep their limits, and agree with their runs, trials and verdicts.

use super::problems::{Agreement, broken, damage, each, vanished};
use crate::database::Connection;
use crate::history::{
    error::{HistoryError, Result},
    limits, reader,
};
use crate::model::ComparisonId;

const AGREEMENTS: [Agreement; 4] = [
    (
        "SELECT comparisons.id, base.id FROM comparisons
         JOIN runs AS base ON base.id = base_run_id JOIN runs AS head ON head.id = head_run_id
         WHERE base.part <> 'base' OR head.part NOT IN ('head', 'detached') OR base.environment_id <> head.environment_id",
        "the runs of comparison {0} are not a base and a head of one environment",
    ),
    (
        "SELECT comparison_id, block_index FROM blocks JOIN comparisons ON comparisons.id = comparison_id
         JOIN trials AS base ON base.id = base_trial_id JOIN trials AS head ON head.id = head_trial_id
         WHERE (base.run_id, base.case_id) <> (base_run_id, blocks.case_id)
             OR (head.run_id, head.case_id, head.trial_index) <> (head_run_id, blocks.case_id, base.trial_index)",
        "block {1} of comparison {0} has trials of other runs, of another case, or of two indexes",
    ),
    (
        "SELECT comparison_id, series_id FROM verdicts JOIN comparisons ON comparisons.id = comparison_id
         JOIN runs ON runs.id = head_run_id JOIN series ON series.id = series_id
         WHERE series.environment_id <> runs.environment_id",
        "comparison {0} has a verdict on series {1}, which is of another environment",
    ),
    (
        "SELECT id, id FROM comparisons WHERE (worse, better, equivalent, inconclusive, unusable) <> (
             SELECT count(*) FILTER (WHERE kind = 'worse'), count(*) FILTER (WHERE kind = 'better'),
                    count(*) FILTER (WHERE kind = 'equivalent'), count(*) FILTER (WHERE kind = 'inconclusive'),
                    count(*) FILTER (WHERE kind = 'unusable')
             FROM verdicts WHERE comparison_id = comparisons.id AND gate)",
        "the counts of comparison {0} are not those of its verdicts",
    ),
];

/// Every problem of a comparison.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = broken(connection, &AGREEMENTS)?;
    problems.extend(each(connection, "comparison", |id| damage([comparison(connection, ComparisonId(id))]))?);
    Ok(problems)
}

fn comparison(connection: &Connection, id: ComparisonId) -> Result<()> {
    let listing = reader::comparison::comparison(connection, id)?.ok_or_else(vanished)?;
    limits::design(&listing.comparison.design).map_err(HistoryError::damaged)?;
    reader::comparison::all_blocks(connection, id)?;
    for verdict in reader::comparison::verdicts(connection, id)? {
        let told = |why| HistoryError::damaged(format!("{} of {}: {why}", verdict.metric, verdict.case.key()));
        limits::verdict(&verdict).map_err(told)?;
    }
    Ok(())
}
