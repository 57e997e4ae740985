//! One trial of one case for a person who looks on: every line of the pipe told, the files kept, the client under a tool
//! where one is wanted. Figures that are got this way never enter the history: a tool, and looking on, cost time.

use std::{ffi::OsString, path::Path, sync::Arc};

use benchline_contract::Role;

use super::{
    Stop,
    attempt::{Attempt, attempt},
    canary::Workload,
    programs::Programs,
    trial::TrialSpec,
};
use crate::{probe::machine, scenario::CasePlan};

/// Is told each line of the pipe, without its end: whose pipe, which way, and the line.
pub type Tap = Arc<dyn Fn(Role, Way, &str) + Send + Sync>;

/// Which way a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the runner to the subject.
    Asked,
    /// From the subject to the runner.
    Answered,
}

/// What a person wants of the trial.
pub struct ByHand<'a> {
    /// The programs that play its roles.
    pub programs: Programs<'a>,
    /// A folder for its files. What it holds is removed first; what the subject leaves is kept.
    pub folder: &'a Path,
    /// A program and its arguments that start the client (or the server, where there is no client): put before its own
    /// command line. Empty for none.
    pub tool: &'a [OsString],
    /// Is told each line of the pipe.
    pub tap: Option<Tap>,
    /// Called with that process right before (`true`) and right after each request to iterate, warm-up included.
    pub around: &'a dyn Fn(u32, bool),
}

/// Performs one trial of a case.
pub fn replay(plan: &CasePlan, by_hand: &ByHand<'_>, stop: &Stop, on_sample: &mut dyn FnMut(u32, u64)) -> Attempt {
    let order = TrialSpec {
        plan,
        programs: by_hand.programs,
        folder: by_hand.folder,
        index: 0,
        order: 0,
        clock_step_ns: machine::clock_step_ns(),
        injection: None,
        by_hand: Some(by_hand),
        stop,
    };
    attempt(&order, &Workload::new(), on_sample)
}
