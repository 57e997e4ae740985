//! What the writer's transactions do. Nothing here begins or ends a transaction, so that each change is one with whatever
//! else its caller puts beside it.

mod calibration;
mod comparison;
mod finding;
mod groups;
mod measurement;
mod run;
mod trial;

pub(super) use calibration::{finish_calibration, open_calibration, rates, variant};
pub(super) use comparison::{block, finish_comparison, open_comparison, verdicts};
pub(super) use finding::{finding_event, new_finding, set_finding};
pub(super) use measurement::measurements;
pub(super) use run::{failure, finish_run, newest, open_run, progress, start_over};
pub(super) use trial::trial;

use super::{HistoryError, Result};
use crate::model::RunId;

/// Refuses a run of which no row was changed.
fn known(run: RunId, changed: usize) -> Result<()> {
    if changed == 0 { Err(HistoryError::UnknownRun { run }) } else { Ok(()) }
}
