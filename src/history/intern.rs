//! Rows that many others point at: environments, revisions, cases, series and texts of advice, each inserted when it is
//! first used. The meaning of a name must never change silently, because every older row would change its meaning with it.

use super::{
    error::{HistoryError, Result},
    row::{self, first, kind_word},
};
use crate::database::{Connection, params, signed};
use crate::model::{Case, CaseLabel, Environment, Metric, Revision};

/// Inserts the environment if it is new. Its annotations belong to runs and are ignored here.
pub(super) fn environment(connection: &Connection, environment: &Environment) -> Result<()> {
    let known = first(connection, "SELECT * FROM environments WHERE id = ?1", [&environment.id], row::environment)?;
    match known {
        Some(known) if known == (Environment { annotations: Vec::new(), ..environment.clone() }) => Ok(()),
        Some(known) => Err(HistoryError::Clash { what: "environment", name: known.id }),
        None => {
            let Environment { id, cpu, cores, memory_gib, virtualization, platform, microcode, annotations: _ } =
                environment;
            connection.execute(
                "INSERT INTO environments (id, cpu, cores, memory_gib, virtualization, platform, microcode)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![id, cpu, cores, signed(*memory_gib), virtualization, platform, microcode],
            )?;
            Ok(())
        }
    }
}

/// The revision's row. A known revision is updated: a title may be corrected, and the position changes once a shallow clone
/// has its whole history.
pub(super) fn revision(connection: &Connection, revision: &Revision) -> Result<i64> {
    let Revision { id, kind, commit, parent, tree, title, committed_at, position } = revision;
    let row = connection.query_row(
        "INSERT INTO revisions (name, kind, commit_name, parent, tree, title, committed_at, position)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, commit_name = excluded.commit_name,
             parent = excluded.parent, tree = excluded.tree, title = excluded.title,
             committed_at = excluded.committed_at, position = excluded.position
         RETURNING id",
        params![id, kind_word(*kind), commit, parent, tree, title, committed_at.0, signed(*position)],
        |row| row.get(0),
    )?;
    Ok(row)
}

/// The case's row. It keeps the newest label.
///
/// # Errors
/// [`HistoryError::Clash`] where another case has the same key, such as one whose parameter was text and is a number now.
pub(super) fn case(connection: &Connection, case: &Case, label: Option<&CaseLabel>) -> Result<i64> {
    let key = case.key();
    let known = first(connection, "SELECT * FROM cases WHERE key = ?1", [&key], |row| {
        Ok((row.get::<_, i64>("id")?, row::case(row)?, row::label(row)?))
    })?;
    match known {
        Some((_, known, _)) if known != *case => Err(HistoryError::Clash { what: "case", name: key }),
        Some((id, _, known)) => {
            if let Some(label) = label.filter(|label| **label != known) {
                connection.execute("UPDATE cases SET label = ?2 WHERE id = ?1", params![id, label.0])?;
            }
            Ok(id)
        }
        None => insert_case(connection, case, &key, label),
    }
}

fn insert_case(connection: &Connection, case: &Case, key: &str, label: Option<&CaseLabel>) -> Result<i64> {
    let json = |values| {
        serde_json::to_string(values)
            .map_err(|error| HistoryError::Invalid { what: format!("the case `{key}`"), why: error.to_string() })
    };
    let label = label.map_or("", |label| label.0.as_str());
    connection.execute(
        "INSERT INTO cases (key, scenario, version, operation, parameters, configuration, label)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            key,
            case.scenario,
            case.version,
            case.operation,
            json(&case.parameters)?,
            json(&case.configuration)?,
            label
        ],
    )?;
    Ok(connection.last_insert_rowid())
}

/// The row of a series.
pub(super) fn series(
    connection: &Connection,
    case_id: i64,
    operation_version: u32,
    metric: Metric,
    environment: &str,
) -> Result<i64> {
    let metric = metric.to_string();
    let identity = params![case_id, operation_version, metric, environment];
    let known = first(
        connection,
        "SELECT id FROM series
         WHERE case_id = ?1 AND operation_version = ?2 AND metric = ?3 AND environment_id = ?4",
        identity,
        |row| Ok(row.get(0)?),
    )?;
    if let Some(id) = known {
        return Ok(id);
    }
    connection.execute(
        "INSERT INTO series (case_id, operation_version, metric, environment_id) VALUES (?1, ?2, ?3, ?4)",
        identity,
    )?;
    Ok(connection.last_insert_rowid())
}

/// The row of a text of advice; `None` for no advice.
pub(super) fn advice(connection: &Connection, text: &str) -> Result<Option<i64>> {
    if text.is_empty() {
        return Ok(None);
    }
    connection.prepare_cached("INSERT INTO advice (text) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([text])?;
    first(connection, "SELECT id FROM advice WHERE text = ?1", [text], |row| Ok(row.get(0)?))
}
