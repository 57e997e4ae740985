//! Writing findings and their events.

use super::Writer;
use crate::database::{Connection, params};
use crate::history::{
    error::{HistoryError, Result},
    intern,
    limits::{self, invalid},
    row::first,
};
use crate::model::{FindingEvent, FindingId, Revision, SeriesChange};

impl Writer {
    /// Stores a new finding with its first event. `series` are numbers of [`crate::history::Series::id`].
    ///
    /// # Errors
    /// `HistoryError::Invalid` where the environment or a series is unknown, a number stands for another
    /// series than the change says, a figure is not finite or out of its range, the person has more than 200 characters or
    /// the reason more than 4 kB.
    pub fn new_finding(
        &mut self,
        environment: &str,
        after: Option<&Revision>,
        at: &Revision,
        series: &[SeriesChange],
        event: &FindingEvent,
    ) -> Result<FindingId> {
        self.change(|connection| new_finding(connection, environment, after, at, series, event))
    }

    /// Sets where a finding is and which series change there, as of the newest analysis. Its events stay.
    ///
    /// # Errors
    /// `HistoryError::UnknownFinding`; and see [`Writer::new_finding`].
    pub fn set_finding(
        &mut self,
        finding: FindingId,
        after: Option<&Revision>,
        at: &Revision,
        series: &[SeriesChange],
    ) -> Result<()> {
        self.change(|connection| set_finding(connection, finding, after, at, series))
    }

    /// Stores an event of a finding, whose state is the event's from here on.
    ///
    /// # Errors
    /// `HistoryError::UnknownFinding`; and see [`Writer::new_finding`].
    pub fn finding_event(&mut self, finding: FindingId, event: &FindingEvent) -> Result<()> {
        self.change(|connection| finding_event(connection, finding, event))
    }
}

fn new_finding(
    connection: &Connection,
    environment: &str,
    after: Option<&Revision>,
    at: &Revision,
    series: &[SeriesChange],
    event: &FindingEvent,
) -> Result<FindingId> {
    let known = first(connection, "SELECT 1 FROM environments WHERE id = ?1", [environment], |_| Ok(()))?;
    if known.is_none() {
        return Err(invalid(
            format!("a finding at {}", at.short()),
            format!("there is no environment `{environment}`"),
        ));
    }
    let (after, at) = places(connection, after, at)?;
    connection.execute(
        "INSERT INTO findings (environment_id, after_revision_id, at_revision_id, state, found_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![environment, after, at, event.state.as_str(), event.at.0],
    )?;
    let id = FindingId(connection.last_insert_rowid());
    set_series(connection, id, environment, series)?;
    finding_event(connection, id, event)?;
    Ok(id)
}

fn set_finding(
    connection: &Connection,
    id: FindingId,
    after: Option<&Revision>,
    at: &Revision,
    series: &[SeriesChange],
) -> Result<()> {
    let (after, at) = places(connection, after, at)?;
    let sql = "UPDATE findings SET after_revision_id = ?2, at_revision_id = ?3 WHERE id = ?1 RETURNING environment_id";
    let environment = first(connection, sql, params![id.0, after, at], |row| Ok(row.get::<_, String>(0)?))?
        .ok_or(HistoryError::UnknownFinding { finding: id })?;
    connection.execute("DELETE FROM finding_series WHERE finding_id = ?1", [id.0])?;
    set_series(connection, id, &environment, series)
}

fn finding_event(connection: &Connection, id: FindingId, event: &FindingEvent) -> Result<()> {
    limits::event(event).map_err(|why| invalid(format!("an event of finding {id}"), why))?;
    let changed =
        connection.execute("UPDATE findings SET state = ?2 WHERE id = ?1", params![id.0, event.state.as_str()])?;
    if changed == 0 {
        return Err(HistoryError::UnknownFinding { finding: id });
    }
    connection.execute(
        "INSERT INTO finding_events (finding_id, at, kind, moved_to, state, person, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            id.0,
            event.at.0,
            event.kind.as_str(),
            event.kind.moved_to(),
            event.state.as_str(),
            event.person,
            event.reason,
        ],
    )?;
    Ok(())
}

/// The rows of the two revisions.
fn places(connection: &Connection, after: Option<&Revision>, at: &Revision) -> Result<(Option<i64>, i64)> {
    let after = after.map(|after| intern::revision(connection, after)).transpose()?;
    Ok((after, intern::revision(connection, at)?))
}

fn set_series(connection: &Connection, id: FindingId, environment: &str, series: &[SeriesChange]) -> Result<()> {
    for (ordinal, change) in series.iter().enumerate() {
        let name = || format!("the change of series {} at finding {id}", change.series);
        limits::change(change).map_err(|why| invalid(name(), why))?;
        known(connection, environment, change).and_then(|known| known.map_err(|why| invalid(name(), why)))?;
        if !insert(connection, id, ordinal, change)? {
            return Err(invalid(name(), "it is listed twice"));
        }
    }
    Ok(())
}

/// Whether the number of the series stands for what the change says, on the finding's environment.
fn known(connection: &Connection, environment: &str, change: &SeriesChange) -> Result<Result<(), String>> {
    let sql = "SELECT key, metric, environment_id FROM series JOIN cases ON cases.id = case_id WHERE series.id = ?1";
    let found = first(connection, sql, [change.series], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let said = (change.case.key(), change.metric.to_string(), environment.to_owned());
    Ok(match found {
        Some(found) if found == said => Ok(()),
        Some((case, metric, environment)) => Err(format!("that is {metric} of {case} on {environment}")),
        None => Err("there is no such series".to_owned()),
    })
}

/// Whether the finding did not have the series yet.
fn insert(connection: &Connection, id: FindingId, ordinal: usize, change: &SeriesChange) -> Result<bool> {
    let interval = change.interval;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO finding_series (finding_id, series_id, ordinal, ratio, low, high, level, gain, penalty,
                                         points_before, points_after, confirmed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            id.0,
            change.series,
            ordinal as i64,
            change.ratio,
            interval.map(|interval| interval.low),
            interval.map(|interval| interval.high),
            interval.map(|interval| interval.level),
            change.gain,
            change.penalty,
            change.points_before,
            change.points_after,
            change.confirmed,
        ])?;
    Ok(inserted > 0)
}
