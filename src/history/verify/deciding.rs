//! Looking for damage in what was decided: whether comparisons, findings and calibrations can be read, keep their limits, and
//! agree with what they point at.

use rusqlite::Connection;

use super::{LIMIT, heard};
use crate::history::{HistoryError, Result, limits, read, row::all};
use crate::model::{ComparisonId, FindingId};

/// What has to hold between rows: a query for those that break it, whose first two columns name them, and what is said
/// of each, with `{0}` and `{1}` for the columns.
const AGREEMENTS: [(&str, &str); 9] = [
    (
        "SELECT comparisons.id, base.id FROM comparisons
         JOIN runs AS base ON base.id = base_run_id JOIN runs AS head ON head.id = head_run_id
         WHERE base.part <> 'base' OR head.part NOT IN ('head', 'detached') OR base.environment_id <> head.environment_id",
        "the runs of comparison {0} are not a base and a head of one environment",
    ),
    (
        "SELECT comparison_id, block FROM blocks JOIN comparisons ON comparisons.id = comparison_id
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
    (
        "SELECT id, id FROM findings WHERE NOT EXISTS (SELECT 1 FROM finding_events WHERE finding_id = findings.id)",
        "finding {0} has no events",
    ),
    (
        "SELECT findings.id, last.id FROM findings JOIN finding_events AS last ON last.id =
             (SELECT max(id) FROM finding_events WHERE finding_id = findings.id)
         WHERE findings.state <> last.state",
        "the state of finding {0} is not that of its last event",
    ),
    (
        "SELECT findings.id, first.id FROM findings JOIN finding_events AS first ON first.id =
             (SELECT min(id) FROM finding_events WHERE finding_id = findings.id)
         WHERE found_at <> first.at",
        "finding {0} was found at another time than that of its first event",
    ),
    (
        "SELECT finding_id, series_id FROM finding_series JOIN findings ON findings.id = finding_id
         JOIN series ON series.id = series_id WHERE series.environment_id <> findings.environment_id",
        "finding {0} has series {1}, which is of another environment",
    ),
    (
        "SELECT calibration_id, run_id FROM calibration_variants JOIN calibrations ON calibrations.id = calibration_id
         JOIN runs ON runs.id = run_id
         WHERE part <> 'calibration' OR runs.environment_id <> calibrations.environment_id",
        "run {1} cannot be a variant of calibration {0}: it has another part or environment",
    ),
];

/// Every problem found, in plain English.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (sql, words) in AGREEMENTS {
        problems.extend(all(connection, sql, [], |row| {
            let (first, second): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(words.replace("{0}", &first.to_string()).replace("{1}", &second.to_string()))
        })?);
    }
    each(connection, "comparison", &mut problems, |id| comparison(connection, ComparisonId(id)))?;
    each(connection, "finding", &mut problems, |id| finding(connection, FindingId(id)))?;
    each(connection, "calibration", &mut problems, |id| calibration(connection, id))?;
    Ok(problems)
}

/// Reads every one of a kind of record, whose table is its plural.
fn each(
    connection: &Connection,
    kind: &str,
    problems: &mut Vec<String>,
    look: impl Fn(i64) -> Result<()>,
) -> Result<()> {
    let ids = all(connection, &format!("SELECT id FROM {kind}s ORDER BY id"), [], |row| Ok(row.get::<_, i64>(0)?))?;
    for id in ids {
        if problems.len() >= LIMIT {
            break;
        }
        problems.extend(heard([look(id)])?.into_iter().map(|problem| format!("{kind} {id}: {problem}")));
    }
    Ok(())
}

fn comparison(connection: &Connection, id: ComparisonId) -> Result<()> {
    let listing = read::comparison(connection, id)?.ok_or_else(vanished)?;
    limits::design(&listing.comparison.design).map_err(HistoryError::damaged)?;
    read::all_blocks(connection, id)?;
    for verdict in read::verdicts(connection, id)? {
        let told = |why| HistoryError::damaged(format!("{} of {}: {why}", verdict.metric, verdict.case.key()));
        limits::verdict(&verdict).map_err(told)?;
    }
    Ok(())
}

fn finding(connection: &Connection, id: FindingId) -> Result<()> {
    let finding = read::finding(connection, id)?.ok_or_else(vanished)?;
    let changes = finding.series.iter().map(limits::change);
    changes.chain(finding.events.iter().map(limits::event)).try_for_each(|kept| kept.map_err(HistoryError::damaged))
}

fn calibration(connection: &Connection, id: i64) -> Result<()> {
    let calibration = read::calibration(connection, id)?.ok_or_else(vanished)?;
    read::variants(connection, id)?;
    let design = std::iter::once(limits::design(&calibration.design));
    design.chain(calibration.rates.iter().map(limits::rate)).try_for_each(|kept| kept.map_err(HistoryError::damaged))
}

fn vanished() -> HistoryError {
    HistoryError::damaged("it vanished")
}
