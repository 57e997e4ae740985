//! The conversation of one trial with its subjects, and the readings of their processes around each iteration.

use std::{io, path::Path};

use benchline_contract::{Access, Iterate, Observed, Prepare, Reply, Request, Reset, Role, Sample};

use super::{
    readings::Reading,
    spec::TrialSpec,
    stop::Stop,
    subject::{Program, StepError, Subject},
};
use crate::{
    model::FailureKind,
    probe::{instructions::InstructionCounter, tree::TreeProbe},
    scenario::CasePlan,
};

/// The program of a role, with what a person attached to it.
pub(super) fn program<'a>(spec: &TrialSpec<'a>, role: Role) -> Result<Program<'a>, StepError> {
    let inspection = spec.inspection;
    let tool = inspection.filter(|_| Some(role) == under_tool(spec.plan)).map_or(&[][..], |inspection| inspection.tool);
    let trace = inspection.and_then(|inspection| inspection.trace.clone());
    Ok(Program { tool, trace, ..spec.programs.of(spec.plan, role)? })
}

/// The role that runs under a tool: the client, or the server where only a load drives it.
fn under_tool(plan: &CasePlan) -> Option<Role> {
    [Role::Client, Role::Server].into_iter().find(|role| plan.roles.contains(role))
}

/// The version of the plan's operation that a subject offers.
pub(super) fn offered_version(subject: &Subject, plan: &CasePlan) -> Result<u32, StepError> {
    let wanted = &plan.case.operation;
    match subject.hello.operations.iter().find(|operation| operation.name == *wanted) {
        Some(operation) => Ok(operation.version),
        None => Err(StepError::Failed(
            FailureKind::Unsupported,
            format!("this revision does not know the operation `{wanted}`"),
        )),
    }
}

/// Prepares a role. Returns where it is reached, if it is a server.
pub(super) fn prepare(
    subject: &mut Subject,
    spec: &TrialSpec<'_>,
    folder: &Path,
    server: Option<Access>,
) -> Result<Option<Access>, StepError> {
    let plan = spec.plan;
    let request = Request::Prepare(Prepare {
        role: subject.role(),
        operation: plan.case.operation.clone(),
        parameters: plan.case.parameters.clone(),
        configuration: plan.case.configuration.clone(),
        seed: plan.seed,
        folder: folder.to_string_lossy().into_owned(),
        server,
        reactor: plan.reactor,
        injection: spec.injection.filter(|injection| subject.role() == injection.role),
    });
    match subject.ask(&request, "prepare", spec.stop)? {
        Reply::Prepared(prepared) => Ok(prepared.server),
        other => Err(subject.unexpected("prepare", &other)),
    }
}

/// One iteration, with everything around it: reset before it, counters right before and right after it, verified after.
pub(super) fn take_sample(
    spec: &TrialSpec<'_>,
    subjects: &mut [Subject],
    probes: &mut [TreeProbe],
    instructions: &mut [Result<InstructionCounter, String>],
) -> Result<Reading, StepError> {
    let stop = spec.stop;
    reset(subjects, stop)?;
    let before = read_all(subjects, probes, TreeProbe::counters)?;
    let executed_before = executed(instructions);
    let iterate = Request::Iterate(Iterate { count: spec.plan.iterations });
    let watched = under_tool(spec.plan).and_then(|role| subjects.iter().find(|s| s.role() == role)).map(Subject::pid);
    let around =
        |begins| spec.inspection.iter().for_each(|inspection| (inspection.around)(watched.unwrap_or(0), begins));
    let driver = spec.plan.driver();
    if let Some(injection) = spec.injection.filter(|injection| injection.role != driver) {
        disturb(playing(injection.role, subjects)?, stop)?;
    }
    let iterating = playing(driver, subjects)?;
    around(true);
    let answer = iterating.ask(&iterate, "iterate", stop);
    around(false);
    let sample = match answer? {
        Reply::Sample(sample) => sample,
        other => return Err(iterating.unexpected("iterate", &other)),
    };
    let executed_after = executed(instructions);
    let after = read_all(subjects, probes, TreeProbe::counters)?;
    let instructions = executed_before.iter().zip(executed_after).map(|(before, after)| Some(after? - (*before)?));
    let instructions = instructions.collect();
    let used = subjects.iter().zip(after.iter().zip(&before)).map(|(subject, (after, before))| {
        let mut used = after.since(before);
        if subject.role() == driver {
            // The pipe's own line in each direction is not the subject's work.
            let (request, reply) = subject.last_exchange;
            used.bytes_read = used.bytes_read.saturating_sub(request);
            used.bytes_written = used.bytes_written.saturating_sub(reply);
            used.read_calls = used.read_calls.saturating_sub(1);
            used.write_calls = used.write_calls.saturating_sub(1);
        }
        used
    });
    let used = used.collect();
    let observed = subjects.iter_mut().map(|subject| match subject.role() == driver {
        true => Ok(None),
        false => observe(subject, stop).map(Some),
    });
    let observed = observed.collect::<Result<Vec<_>, _>>()?;
    verify(spec, subjects, &sample)?;
    Ok(Reading { sample, used, instructions, observed })
}

/// Instructions of each role so far, where they are counted.
fn executed(counters: &mut [Result<InstructionCounter, String>]) -> Vec<Option<u64>> {
    counters.iter_mut().map(|counter| counter.as_mut().ok()?.total().ok().flatten()).collect()
}

fn reset(subjects: &mut [Subject], stop: &Stop) -> Result<(), StepError> {
    let mut server = None;
    for subject in subjects {
        match subject.ask(&Request::Reset(Reset { server: server.clone() }), "reset", stop)? {
            Reply::Ready(ready) => server = ready.server.or(server),
            other => return Err(subject.unexpected("reset", &other)),
        }
    }
    Ok(())
}

/// Runs the injection of a role that does not iterate, between the readings around the iteration.
fn disturb(subject: &mut Subject, stop: &Stop) -> Result<(), StepError> {
    match subject.ask(&Request::Disturb, "disturb", stop)? {
        Reply::Disturbed => Ok(()),
        other => Err(subject.unexpected("disturb", &other)),
    }
}

fn observe(subject: &mut Subject, stop: &Stop) -> Result<Observed, StepError> {
    match subject.ask(&Request::Observe, "observe", stop)? {
        Reply::Observed(observed) => Ok(observed),
        other => Err(subject.unexpected("observe", &other)),
    }
}

fn verify(spec: &TrialSpec<'_>, subjects: &mut [Subject], sample: &Sample) -> Result<(), StepError> {
    let expect = &spec.plan.expect;
    let driver = playing(spec.plan.driver(), subjects)?;
    let digest = match driver.ask(&Request::Verify, "verify", spec.stop)? {
        Reply::Verified(verified) => verified.digest,
        other => return Err(driver.unexpected("verify", &other)),
    };
    let got = format!("{} items, {} bytes, digest {digest}", sample.items, sample.bytes);
    let right = format!("{} items, {} bytes, digest {}", expect.items, expect.bytes, expect.digest);
    if got == right {
        return Ok(());
    }
    let message = format!("the result that the client verified is {got}; the scenario expects {right}");
    Err(StepError::Failed(FailureKind::WrongResult, message))
}

fn playing(role: Role, subjects: &mut [Subject]) -> Result<&mut Subject, StepError> {
    let missing = || StepError::Failed(FailureKind::Protocol, format!("the case has no {}", role.as_str()));
    subjects.iter_mut().find(|subject| subject.role() == role).ok_or_else(missing)
}

/// A probe of a subject's processes.
pub(super) fn probe(subject: &Subject) -> Result<TreeProbe, StepError> {
    TreeProbe::new(subject.pid(), subject.root()).map_err(|error| gone(subject, &error))
}

/// One reading of each subject.
pub(super) fn read_all<T>(
    subjects: &[Subject],
    probes: &mut [TreeProbe],
    read: impl Fn(&mut TreeProbe) -> io::Result<T>,
) -> Result<Vec<T>, StepError> {
    subjects.iter().zip(probes).map(|(subject, probe)| read(probe).map_err(|error| gone(subject, &error))).collect()
}

fn gone(subject: &Subject, error: &io::Error) -> StepError {
    let role = subject.role().as_str();
    StepError::Failed(FailureKind::Crashed, format!("the {role} can no longer be read from outside: {error}"))
}
