//! Writing counts by group of scenarios, in the transaction of what they count.

use crate::database::{Connection, params};
use crate::history::{error::Result, reader, records::GroupCounts};
use crate::model::RunId;

/// Counts the run's cases again.
pub(super) fn recount(connection: &Connection, run: RunId) -> Result<()> {
    connection.prepare_cached("DELETE FROM group_counts WHERE run_id = ?1")?.execute([run.0])?;
    for counts in reader::groups::counted(connection, run)? {
        let GroupCounts { group, sound, noisy, unusable, failed, unsupported } = counts;
        connection
            .prepare_cached(
                "INSERT INTO group_counts (run_id, scenario_group, sound, noisy, unusable, failed, unsupported)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![run.0, group, sound, noisy, unusable, failed, unsupported])?;
    }
    Ok(())
}
