//! Whether findings can be read, keep their limits, and agree with their events and series.

use super::problems::{Agreement, broken, damage, each, vanished};
use crate::database::Connection;
use crate::history::{
    error::{HistoryError, Result},
    limits, reader,
};
use crate::model::FindingId;

const AGREEMENTS: [Agreement; 4] = [
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
];

/// Every problem of a finding.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = broken(connection, &AGREEMENTS)?;
    problems.extend(each(connection, "finding", |id| damage([finding(connection, FindingId(id))]))?);
    Ok(problems)
}

fn finding(connection: &Connection, id: FindingId) -> Result<()> {
    let finding = reader::finding::finding(connection, id)?.ok_or_else(vanished)?;
    let changes = finding.series.iter().map(limits::change);
    changes.chain(finding.events.iter().map(limits::event)).try_for_each(|kept| kept.map_err(HistoryError::damaged))
}
