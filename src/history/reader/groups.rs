//! Reading the outcomes of the cases of each group of scenarios in a run.

use super::Reader;
use crate::database::{Connection, Row};
use crate::history::{error::Result, records::GroupCounts, row::all};
use crate::model::{Metric, RunId};

impl Reader {
    /// The outcomes of the cases of each group of scenarios, for each of `runs` in their order, groups by name. A few rows a
    /// run; nothing is counted.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn grades(&self, runs: &[RunId]) -> Result<Vec<Vec<GroupCounts>>> {
        self.with_snapshot(|connection| runs.iter().map(|run| grades(connection, *run)).collect())
    }
}

/// The counts as they are kept, in the order of the groups' names.
pub(in crate::history) fn grades(connection: &Connection, run: RunId) -> Result<Vec<GroupCounts>> {
    let sql = "SELECT * FROM group_counts WHERE run_id = ?1 ORDER BY scenario_group";
    all(connection, sql, [run.0], counts)
}

/// The counts as they should be, from measurements and failures. A case counts once, by the worst said of it. A case of
/// which no gate metric was measured is sound: nothing was said against it.
pub(in crate::history) fn counted(connection: &Connection, run: RunId) -> Result<Vec<GroupCounts>> {
    let gates = Metric::DEFAULT_GATES.map(|metric| format!("'{metric}'")).join(", ");
    let sql = format!(
        "WITH outcomes (case_id, severity) AS (
                   SELECT case_id,
                          max(CASE
                              WHEN metric NOT IN ({gates}) THEN 0
                              WHEN grade = 'unusable' THEN 2
                              WHEN grade = 'noisy' THEN 1
                              ELSE 0 END)
                   FROM measurements JOIN series ON series.id = series_id WHERE run_id = ?1 GROUP BY case_id
                   UNION ALL
                   SELECT case_id, max(CASE kind WHEN 'unsupported' THEN 3 ELSE 4 END)
                   FROM failures WHERE run_id = ?1 AND case_id IS NOT NULL GROUP BY case_id
               ), worst (case_id, severity) AS (SELECT case_id, max(severity) FROM outcomes GROUP BY case_id)
               SELECT substr(scenario, 1, instr(scenario || '/', '/') - 1) AS scenario_group,
                      count(*) FILTER (WHERE severity = 0) AS sound,
                      count(*) FILTER (WHERE severity = 1) AS noisy,
                      count(*) FILTER (WHERE severity = 2) AS unusable,
                      count(*) FILTER (WHERE severity = 4) AS failed,
                      count(*) FILTER (WHERE severity = 3) AS unsupported
               FROM worst JOIN cases ON cases.id = case_id GROUP BY scenario_group ORDER BY scenario_group"
    );
    all(connection, &sql, [run.0], counts)
}

fn counts(row: &Row) -> Result<GroupCounts> {
    Ok(GroupCounts {
        group: row.get("scenario_group")?,
        sound: row.get("sound")?,
        noisy: row.get("noisy")?,
        unusable: row.get("unusable")?,
        failed: row.get("failed")?,
        unsupported: row.get("unsupported")?,
    })
}
