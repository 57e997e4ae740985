//! What one trial measures, and how.

use std::path::Path;

use super::{inspection::Inspection, programs::Programs, stop::Stop};
use crate::{model::Injection, scenario::CasePlan};

/// What one trial measures, and how.
pub(super) struct TrialSpec<'a> {
    pub(super) plan: &'a CasePlan,
    pub(super) programs: Programs<'a>,
    /// A folder that the trial may fill; emptied before and after.
    pub(super) folder: &'a Path,
    pub(super) index: u32,
    pub(super) order: u32,
    pub(super) clock_step_ns: u64,
    /// What the role that it names does in addition to its work.
    pub(super) injection: Option<Injection>,
    /// Set where a person watches.
    pub(super) inspection: Option<&'a Inspection<'a>>,
    pub(super) stop: &'a Stop,
}
