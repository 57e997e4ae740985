//! The metrics that a trial could not measure, each with a reason: never zero, and never left out silently. Only what
//! another machine, build or subject would have measured is listed, not what has no meaning for the case.

use std::collections::BTreeSet;

use crate::{
    model::{LatencyHistogram, LatencyKind, Metric, Quantity, Role, SampleColumn, Unavailable},
    probe::instructions::InstructionCounter,
    scenario::CasePlan,
};

/// What is unavailable of each of the subject's roles. `counters` are those of the plan's roles, in their order.
pub(super) fn unavailable(
    plan: &CasePlan,
    counters: &[Result<InstructionCounter, String>],
    columns: &[SampleColumn],
    histograms: &[LatencyHistogram],
) -> Vec<Unavailable> {
    let there: BTreeSet<Metric> = columns.iter().map(|column| column.metric).collect();
    let mut missing = Vec::new();
    for (role, counter) in plan.roles.iter().zip(counters).filter(|(role, _)| **role != Role::Load) {
        let mut wanted = |quantity, reason: &str| {
            let metric = Metric::of(*role, quantity);
            if !there.contains(&metric) {
                missing.push(Unavailable { metric, reason: reason.to_owned() });
            }
        };
        let instructions = match counter {
            Ok(_) => "the processor's counter was shared with others, and did not run all the time",
            Err(reason) => reason.as_str(),
        };
        wanted(Quantity::Instructions, instructions);
        wanted(Quantity::Fsyncs, "the subject does not count its calls of fsync");
        for quantity in [Quantity::Allocations, Quantity::AllocatedBytes] {
            wanted(quantity, "this build of the subject does not count what it allocates");
        }
        if *role == plan.driver() && plan.roles.contains(&Role::Server) {
            for quantity in [Quantity::Requests, Quantity::WireSent, Quantity::WireReceived] {
                wanted(quantity, "the subject does not count what it sends and receives");
            }
        }
        let watched = |of: &LatencyHistogram| of.role == *role && of.kind == LatencyKind::Reactor;
        if plan.reactor && !histograms.iter().any(watched) {
            wanted(Quantity::ReactorP99, "the subject does not watch its reactor's latency");
        }
    }
    missing
}
