//! Reading calibrations.

use super::Reader;
use crate::database::{Connection, Row};
use crate::history::{
    error::{HistoryError, Result},
    row::{self, all, first, word_at},
};
use crate::model::{Calibration, Rate, RatedSeries, RunId, UnixMillis, VariantKind};

impl Reader {
    /// The calibrations of one environment or of all, newest first.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn calibrations(&self, environment: Option<&str>) -> Result<Vec<Calibration>> {
        self.with_snapshot(|connection| calibrations(connection, environment))
    }

    /// One calibration.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn calibration(&self, id: i64) -> Result<Option<Calibration>> {
        self.with_snapshot(|connection| calibration(connection, id))
    }

    /// The variants of a calibration that have a run, whose trials [`Reader::trials`] returns. Ordered as [`VariantKind`] is.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn variants(&self, calibration: i64) -> Result<Vec<(VariantKind, RunId)>> {
        self.with_snapshot(|connection| variants(connection, calibration))
    }
}

/// The calibrations of one environment or of all, newest first.
pub(in crate::history) fn calibrations(connection: &Connection, environment: Option<&str>) -> Result<Vec<Calibration>> {
    let read = |row: &Row| calibration_row(connection, row);
    match environment {
        Some(environment) => {
            let sql = "SELECT * FROM calibrations WHERE environment_id = ?1 ORDER BY id DESC";
            all(connection, sql, [environment], read)
        }
        None => all(connection, "SELECT * FROM calibrations ORDER BY id DESC", [], read),
    }
}

pub(in crate::history) fn calibration(connection: &Connection, id: i64) -> Result<Option<Calibration>> {
    first(connection, "SELECT * FROM calibrations WHERE id = ?1", [id], |row| calibration_row(connection, row))
}

/// The variants of a calibration that have a run, in the order of [`VariantKind`].
pub(in crate::history) fn variants(connection: &Connection, calibration: i64) -> Result<Vec<(VariantKind, RunId)>> {
    let sql = "SELECT variant, amount, run_id FROM calibration_variants WHERE calibration_id = ?1";
    let mut variants = all(connection, sql, [calibration], |row| Ok((row::variant(row)?, RunId(row.get("run_id")?))))?;
    variants.sort_unstable();
    Ok(variants)
}

fn calibration_row(connection: &Connection, row: &Row) -> Result<Calibration> {
    let id = row.get("id")?;
    let build = row::build(row)?.ok_or_else(|| HistoryError::damaged(format!("calibration {id} has no build")))?;
    Ok(Calibration {
        id,
        environment: row.get("environment_id")?,
        build,
        state: word_at(row, "state")?,
        started_at: UnixMillis(row.get("started_at")?),
        finished_at: row.get::<_, Option<i64>>("finished_at")?.map(UnixMillis),
        blocks: row.get("blocks")?,
        design: row::design(row)?,
        rates: rates(connection, id)?,
    })
}

fn rates(connection: &Connection, calibration: i64) -> Result<Vec<Rate>> {
    let sql = "SELECT cases.*, calibration_rates.* FROM calibration_rates LEFT JOIN cases ON cases.id = case_id
               WHERE calibration_id = ?1 ORDER BY ordinal";
    all(connection, sql, [calibration], |row| {
        let case_id: Option<i64> = row.get("case_id")?;
        Ok(Rate {
            variant: row::variant(row)?,
            series: case_id.map(|_| rated(row)).transpose()?,
            pairs: row.get("pairs")?,
            independent: row.get("independent")?,
            flagged: row.get("flagged")?,
            spread: row.get("spread")?,
            resolution: row.get("resolution")?,
        })
    })
}

fn rated(row: &Row) -> Result<RatedSeries> {
    Ok(RatedSeries { case: row::case(row)?, label: row::label(row)?, metric: word_at(row, "metric")? })
}
