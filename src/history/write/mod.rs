//! What the writer's transactions do. Nothing here begins or ends a transaction, so that each change is one with whatever
//! else its caller puts beside it.

mod calibration;
mod finding;
mod groups;
mod measurement;
mod run;
mod session;
mod trial;

pub(super) use calibration::{arm, finish_calibration, open_calibration, rates};
pub(super) use finding::{finding_event, new_finding, set_finding};
pub(super) use measurement::measurements;
pub(super) use run::{failure, finish_run, newest, open_run, progress, start_over};
pub(super) use session::{block, finish_session, open_session, verdicts};
pub(super) use trial::trial;

use super::{HistoryError, Result};
use crate::model::RunId;

/// Refuses a run of which no row was changed.
fn known(run: RunId, changed: usize) -> Result<()> {
    if changed == 0 { Err(HistoryError::UnknownRun { run }) } else { Ok(()) }
}
