//! Reading findings.

use super::Reader;
use crate::database::{Connection, Row, params};
use crate::history::{
    error::{HistoryError, Result},
    row::{self, all, first, word_at},
};
use crate::model::{
    Finding, FindingEvent, FindingEventKind, FindingId, FindingState, Revision, SeriesChange, UnixMillis,
};

impl Reader {
    /// The findings that are in one of `states`, on one environment or on all: the highest position first, then the newest.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn findings(&self, environment: Option<&str>, states: &[FindingState]) -> Result<Vec<Finding>> {
        self.with_snapshot(|connection| findings(connection, environment, states))
    }

    /// One finding.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn finding(&self, id: FindingId) -> Result<Option<Finding>> {
        self.with_snapshot(|connection| finding(connection, id))
    }
}

/// The findings in one of `states`, of one environment or of all: the highest position first, then the newest.
pub(in crate::history) fn findings(
    connection: &Connection,
    environment: Option<&str>,
    states: &[FindingState],
) -> Result<Vec<Finding>> {
    let by_environment = "SELECT * FROM findings WHERE environment_id = ?2 AND state = ?1";
    let by_state = "SELECT * FROM findings WHERE state = ?1";
    let mut findings = Vec::new();
    for state in FindingState::ALL.into_iter().filter(|state| states.contains(state)) {
        let read = |row: &Row| finding_row(connection, row);
        findings.extend(match environment {
            Some(environment) => all(connection, by_environment, [state.as_str(), environment], read)?,
            None => all(connection, by_state, [state.as_str()], read)?,
        });
    }
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.at.position, finding.id)));
    Ok(findings)
}

pub(in crate::history) fn finding(connection: &Connection, id: FindingId) -> Result<Option<Finding>> {
    first(connection, "SELECT * FROM findings WHERE id = ?1", [id.0], |row| finding_row(connection, row))
}

fn finding_row(connection: &Connection, row: &Row) -> Result<Finding> {
    let id = FindingId(row.get("id")?);
    let after: Option<i64> = row.get("after_revision_id")?;
    Ok(Finding {
        id,
        environment: row.get("environment_id")?,
        after: after.map(|after| revision(connection, id, after)).transpose()?,
        at: revision(connection, id, row.get("at_revision_id")?)?,
        state: word_at(row, "state")?,
        found_at: UnixMillis(row.get("found_at")?),
        series: changes(connection, id)?,
        events: events(connection, id)?,
    })
}

fn revision(connection: &Connection, finding: FindingId, id: i64) -> Result<Revision> {
    first(connection, "SELECT * FROM revisions WHERE id = ?1", [id], row::revision)?
        .ok_or_else(|| HistoryError::damaged(format!("finding {finding} has no revision {id}")))
}

fn changes(connection: &Connection, finding: FindingId) -> Result<Vec<SeriesChange>> {
    let sql = "SELECT cases.*, metric, finding_series.* FROM finding_series
               JOIN series ON series.id = series_id
               JOIN cases ON cases.id = case_id
               WHERE finding_id = ?1 ORDER BY ordinal";
    all(connection, sql, params![finding.0], |row| {
        Ok(SeriesChange {
            series: row.get("series_id")?,
            case: row::case(row)?,
            label: row::label(row)?,
            metric: word_at(row, "metric")?,
            ratio: row.get("ratio")?,
            interval: row::interval(row)?,
            gain: row.get("gain")?,
            penalty: row.get("penalty")?,
            points_before: row.get("points_before")?,
            points_after: row.get("points_after")?,
            confirmed: row.get("confirmed")?,
        })
    })
}

fn events(connection: &Connection, finding: FindingId) -> Result<Vec<FindingEvent>> {
    let sql = "SELECT at, kind, moved_to, state, person, reason FROM finding_events WHERE finding_id = ?1 ORDER BY id";
    all(connection, sql, [finding.0], |row| {
        Ok(FindingEvent {
            at: UnixMillis(row.get("at")?),
            kind: event_kind(row)?,
            state: word_at(row, "state")?,
            person: row.get("person")?,
            reason: row.get("reason")?,
        })
    })
}

/// The columns `kind` and `moved_to`.
fn event_kind(row: &Row) -> Result<FindingEventKind> {
    let (word, moved_to): (String, Option<String>) = (row.get("kind")?, row.get("moved_to")?);
    FindingEventKind::from_parts(&word, moved_to)
        .ok_or_else(|| HistoryError::damaged(format!("`{word}` is not a valid kind of event")))
}
