//! One trial of one case for a person who watches: each line of the pipe traced, the files kept, the client under a tool
//! where one is wanted. Its figures never enter the history, because a tool and tracing cost time.

use super::{
    attempt::{Attempt, attempt},
    canary::Workload,
    inspection::Inspection,
    programs::Target,
    spec::TrialSpec,
    stop::Stop,
};
use crate::{probe::machine, scenario::CasePlan};

/// Performs one trial of a case. What the target's folder holds is removed first; what the subject leaves is kept.
pub fn replay(
    plan: &CasePlan,
    target: &Target<'_>,
    inspection: &Inspection<'_>,
    stop: &Stop,
    on_sample: &mut dyn FnMut(u32, u64),
) -> Attempt {
    let spec = TrialSpec {
        plan,
        programs: target.programs,
        folder: target.folder,
        index: 0,
        order: 0,
        clock_step_ns: machine::clock_step_ns(),
        injection: None,
        inspection: Some(inspection),
        stop,
    };
    attempt(&spec, &Workload::new(), on_sample)
}
