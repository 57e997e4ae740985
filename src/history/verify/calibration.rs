//! Whether calibrations can be read, keep their limits, and agree with the runs of their variants.

use super::problems::{Agreement, broken, damage, each, vanished};
use crate::database::Connection;
use crate::history::{
    error::{HistoryError, Result},
    limits, reader,
};

const AGREEMENTS: [Agreement; 1] = [(
    "SELECT calibration_id, run_id FROM calibration_variants JOIN calibrations ON calibrations.id = calibration_id
         JOIN runs ON runs.id = run_id
         WHERE part <> 'calibration' OR runs.environment_id <> calibrations.environment_id",
    "run {1} cannot be a variant of calibration {0}: it has another part or environment",
)];

/// Every problem of a calibration.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = broken(connection, &AGREEMENTS)?;
    problems.extend(each(connection, "calibration", |id| damage([calibration(connection, id)]))?);
    Ok(problems)
}

fn calibration(connection: &Connection, id: i64) -> Result<()> {
    let calibration = reader::calibration::calibration(connection, id)?.ok_or_else(vanished)?;
    reader::calibration::variants(connection, id)?;
    let design = std::iter::once(limits::design(&calibration.design));
    design.chain(calibration.rates.iter().map(limits::rate)).try_for_each(|kept| kept.map_err(HistoryError::damaged))
}
