//! One trial: a fresh set of processes, set up, warmed up, sampled, verified, ended.

use std::{
    fs, io,
    path::Path,
    time::{Instant, SystemTime},
};

use benchline_contract::{Access, Injection, Iterate, Observed, Prepare, Reply, Request, Reset, Role, Sample};

use super::{
    Stop,
    by_hand::ByHand,
    canary::{self, Workload},
    missing::missing,
    programs::Programs,
    readings::{Reading, Readings, percentiles},
    sampler::{Sampled, Sampler},
    subject::{Program, StepError, Subject},
    totals::ChildUsage,
};
use crate::{
    model::{Conditions, FailureKind, Metric, Quantity, Trial, TrialTotal, UnixMillis},
    probe::{
        instructions::InstructionCounter,
        machine::MachineReading,
        tree::{Root, TreeProbe},
    },
    scenario::CasePlan,
};

/// What a trial needs to know.
pub(super) struct TrialSpec<'a> {
    pub(super) plan: &'a CasePlan,
    pub(super) programs: Programs<'a>,
    /// A folder that the trial may fill; emptied before and after.
    pub(super) folder: &'a Path,
    pub(super) index: u32,
    pub(super) order: u32,
    pub(super) clock_step_ns: u64,
    /// What the role that it names is asked to do beside its work.
    pub(super) injection: Option<Injection>,
    /// Set where a person looks on.
    pub(super) by_hand: Option<&'a ByHand<'a>>,
    pub(super) stop: &'a Stop,
}

/// Why there is no trial.
pub(super) enum TrialError {
    Failed { kind: FailureKind, message: String, log: String },
    Stopped,
}

/// Measures one trial, with the canary around it. `on_sample` is told the number of each sample and its wall time per
/// operation.
pub(super) fn run_trial(
    order: &TrialSpec<'_>,
    canary: &Workload,
    on_sample: &mut dyn FnMut(u32, u64),
) -> Result<Trial, TrialError> {
    let before = canary.read();
    let mut subjects = Vec::new();
    let result = empty_folder(order.folder)
        .map_err(|error| {
            let folder = order.folder.display();
            StepError::Failed(FailureKind::Start, format!("the trial's folder {folder} cannot be made: {error}"))
        })
        .and_then(|()| Stage::set(order, &mut subjects))
        .and_then(|stage| stage.measure(order, &mut subjects, on_sample));
    let result = result.map_err(|error| match error {
        StepError::Stopped => TrialError::Stopped,
        StepError::Failed(kind, message) => TrialError::Failed { kind, message, log: logs(&subjects) },
    });
    drop(subjects);
    if order.by_hand.is_none() {
        // What cannot be removed now is removed before the next trial, and its cause is told then.
        let _ = fs::remove_dir_all(order.folder);
    }
    result.map(|trial| Trial { canary: Some(canary::around(before, canary.read())), ..trial })
}

/// Everything that surrounds the samples of one trial.
struct Stage {
    began: Instant,
    started_at: UnixMillis,
    machine: MachineReading,
    own_cpu_ns: u64,
    operation_version: u32,
    probes: Vec<TreeProbe>,
    /// Of each role, or why there is none.
    instructions: Vec<Result<InstructionCounter, String>>,
    rss_before: Vec<u64>,
    sampler: Sampler,
}

impl Stage {
    /// Starts and prepares every role, in order.
    fn set(order: &TrialSpec<'_>, subjects: &mut Vec<Subject>) -> Result<Stage, StepError> {
        let began = Instant::now();
        let machine = MachineReading::now();
        let own_cpu_ns = own_cpu_ns();
        let started_at = now();
        if let Some(Injection { role, .. }) = order.injection.filter(|wanted| !order.plan.roles.contains(&wanted.role))
        {
            // Were it left out in silence, a change that was never made would count as one that nobody saw.
            let message = format!("nothing can be injected into the {}: the case has none", role.as_str());
            return Err(StepError::Failed(FailureKind::Unsupported, message));
        }
        let mut server = None;
        let mut operation_version = 0;
        let mut instructions = Vec::new();
        for role in &order.plan.roles {
            let folder = order.folder.join(role.as_str());
            fs::create_dir(&folder)
                .map_err(|error| StepError::Failed(FailureKind::Start, format!("{}: {error}", folder.display())))?;
            let program = program(order, *role)?;
            subjects.push(Subject::start(&program, *role, &folder, order.plan.timeout, order.stop)?);
            let Some(subject) = subjects.last_mut() else { continue };
            instructions.push(InstructionCounter::attach(subject.pid()));
            // The subject's version names what is measured; a load sends whatever the server's subject describes.
            if *role != Role::Load {
                operation_version = offered_version(subject, order.plan)?;
            }
            if let Some(access) = prepare(subject, order, &folder, server.clone())? {
                server = Some(access);
            }
        }
        let mut probes = subjects.iter().map(probe).collect::<Result<Vec<_>, _>>()?;
        let watched = subjects
            .iter()
            .map(|s| Ok((s.role(), probe(s)?.looking_seldom())))
            .collect::<Result<Vec<_>, StepError>>()?;
        let rss_before = read_all(subjects, &mut probes, TreeProbe::rss)?;
        let sampler = Sampler::start(watched, began);
        Ok(Stage {
            began,
            started_at,
            machine,
            own_cpu_ns,
            operation_version,
            probes,
            instructions,
            rss_before,
            sampler,
        })
    }

    fn measure(
        mut self,
        order: &TrialSpec<'_>,
        subjects: &mut Vec<Subject>,
        on_sample: &mut dyn FnMut(u32, u64),
    ) -> Result<Trial, StepError> {
        let plan = order.plan;
        let mut readings = Readings::default();
        for number in 0..plan.warmup + plan.samples {
            if number == plan.warmup {
                // Where the kernel does not allow it, the peak covers warm-up too, for every revision alike.
                self.probes.iter_mut().for_each(|probe| drop(probe.reset_peak()));
                self.sampler.restart_peaks();
            }
            let starts_ns = nanoseconds(self.began);
            let reading = take_sample(order, subjects, &mut self.probes, &mut self.instructions)?;
            on_sample(number, reading.sample.wall_ns / plan.iterations.max(1));
            readings.add(subjects, starts_ns, plan.iterations, number >= plan.warmup, &reading);
        }
        let peaks = read_all(subjects, &mut self.probes, TreeProbe::rss_peak)?;
        let after = read_all(subjects, &mut self.probes, TreeProbe::rss)?;
        let sampled = self.sampler.finish();
        let subjects_cpu = read_all(subjects, &mut self.probes, TreeProbe::cpu_ns)?.iter().sum::<u64>();
        let elapsed_ns = nanoseconds(self.began);
        let own_cpu = own_cpu_ns().saturating_sub(self.own_cpu_ns);
        let conditions = conditions(&self.machine, elapsed_ns, subjects_cpu + own_cpu, &sampled, order.clock_step_ns);
        let first_counted = readings.starts_ns.get(plan.warmup as usize).copied().unwrap_or(0);
        let mut totals = Vec::new();
        for (index, role) in plan.roles.iter().enumerate() {
            // No memory at all is no figure: a program that runs only while it is timed has none before and after.
            let mut add = |quantity, value| {
                if value > 0 {
                    totals.push(TrialTotal { metric: Metric::of(*role, quantity), value });
                }
            };
            add(Quantity::RssPeak, peaks[index].max(sampled.peaks[index]).max(readings.told_peak(*role)));
            if let Some(mean) = mean_rss(&sampled, *role, first_counted) {
                add(Quantity::RssMean, mean);
            }
            add(Quantity::RssBefore, self.rss_before[index]);
            add(Quantity::RssAfter, after[index]);
        }
        // The client goes first: a server whose clients are gone ends cleanly.
        while let Some(subject) = subjects.pop() {
            let role = subject.role();
            // The account of a process that only holds the subject has its set-up and its own work in it.
            let counts = subject.root() == Root::Counts;
            let usage = subject.finish(order.stop)?;
            totals.extend(exit_totals(role, &usage).into_iter().filter(|_| counts));
        }
        let (columns, histograms) = readings.columns();
        let unavailable = missing(plan, &self.instructions, &columns, &histograms);
        totals.extend(histograms.iter().flat_map(percentiles));
        Ok(Trial {
            case: plan.case.clone(),
            label: plan.label.clone(),
            operation_version: self.operation_version,
            index: order.index,
            order: order.order,
            started_at: self.started_at,
            duration_ns: nanoseconds(self.began),
            iterations: plan.iterations,
            warmup: plan.warmup,
            starts_ns: readings.starts_ns,
            columns,
            totals,
            histograms,
            timelines: sampled.timelines,
            conditions,
            canary: None,
            unavailable,
        })
    }
}

fn program<'a>(order: &TrialSpec<'a>, role: Role) -> Result<Program<'a>, StepError> {
    let by_hand = order.by_hand;
    let tool = by_hand.filter(|_| Some(role) == under_tool(order.plan)).map_or(&[][..], |by_hand| by_hand.tool);
    let tap = by_hand.and_then(|by_hand| by_hand.tap.clone());
    Ok(Program { tool, tap, ..order.programs.of(order.plan, role)? })
}

/// The role that a tool looks at: the client, or the server where only a load drives it.
fn under_tool(plan: &CasePlan) -> Option<Role> {
    [Role::Client, Role::Server].into_iter().find(|role| plan.roles.contains(role))
}

fn offered_version(subject: &Subject, plan: &CasePlan) -> Result<u32, StepError> {
    let wanted = &plan.case.operation;
    match subject.hello.operations.iter().find(|operation| operation.name == *wanted) {
        Some(operation) => Ok(operation.version),
        None => Err(StepError::Failed(
            FailureKind::Unsupported,
            format!("this revision does not know the operation `{wanted}`"),
        )),
    }
}

fn prepare(
    subject: &mut Subject,
    order: &TrialSpec<'_>,
    folder: &Path,
    server: Option<Access>,
) -> Result<Option<Access>, StepError> {
    let plan = order.plan;
    let request = Request::Prepare(Prepare {
        role: subject.role(),
        operation: plan.case.operation.clone(),
        parameters: plan.case.parameters.clone(),
        configuration: plan.case.configuration.clone(),
        seed: plan.seed,
        folder: folder.to_string_lossy().into_owned(),
        server,
        reactor: plan.reactor,
        injection: order.injection.filter(|injection| subject.role() == injection.role),
    });
    match subject.ask(&request, "prepare", order.stop)? {
        Reply::Prepared(prepared) => Ok(prepared.server),
        other => Err(StepError::Failed(FailureKind::Protocol, subject.unexpected("prepare", &other))),
    }
}

fn take_sample(
    order: &TrialSpec<'_>,
    subjects: &mut [Subject],
    probes: &mut [TreeProbe],
    instructions: &mut [Result<InstructionCounter, String>],
) -> Result<Reading, StepError> {
    let stop = order.stop;
    reset(subjects, stop)?;
    let before = read_all(subjects, probes, TreeProbe::counters)?;
    let executed_before = executed(instructions);
    let iterate = Request::Iterate(Iterate { count: order.plan.iterations });
    let watched = under_tool(order.plan).and_then(|role| subjects.iter().find(|s| s.role() == role)).map(Subject::pid);
    let around = |begins| order.by_hand.iter().for_each(|by_hand| (by_hand.around)(watched.unwrap_or(0), begins));
    let driver = order.plan.driver();
    if let Some(injection) = order.injection.filter(|injection| injection.role != driver) {
        disturb(playing(injection.role, subjects)?, stop)?;
    }
    let iterating = playing(driver, subjects)?;
    around(true);
    let answer = iterating.ask(&iterate, "iterate", stop);
    around(false);
    let sample = match answer? {
        Reply::Sample(sample) => sample,
        other => return Err(StepError::Failed(FailureKind::Protocol, iterating.unexpected("iterate", &other))),
    };
    let executed_after = executed(instructions);
    let after = read_all(subjects, probes, TreeProbe::counters)?;
    let instructions = executed_before.iter().zip(executed_after).map(|(before, after)| Some(after? - (*before)?));
    let instructions = instructions.collect();
    let used = subjects.iter().zip(after.iter().zip(&before)).map(|(subject, (after, before))| {
        let mut used = after.since(before);
        if subject.role() == driver {
            // The pipe's own line each way is not the subject's work.
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
    verify(order, subjects, &sample)?;
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
            other => return Err(StepError::Failed(FailureKind::Protocol, subject.unexpected("reset", &other))),
        }
    }
    Ok(())
}

/// Has a role that does not iterate do what is injected into it, within what is read of it around the iteration.
fn disturb(subject: &mut Subject, stop: &Stop) -> Result<(), StepError> {
    match subject.ask(&Request::Disturb, "disturb", stop)? {
        Reply::Disturbed => Ok(()),
        other => Err(StepError::Failed(FailureKind::Protocol, subject.unexpected("disturb", &other))),
    }
}

fn observe(subject: &mut Subject, stop: &Stop) -> Result<Observed, StepError> {
    match subject.ask(&Request::Observe, "observe", stop)? {
        Reply::Observed(observed) => Ok(observed),
        other => Err(StepError::Failed(FailureKind::Protocol, subject.unexpected("observe", &other))),
    }
}

fn verify(order: &TrialSpec<'_>, subjects: &mut [Subject], sample: &Sample) -> Result<(), StepError> {
    let expect = &order.plan.expect;
    let driver = playing(order.plan.driver(), subjects)?;
    let digest = match driver.ask(&Request::Verify, "verify", order.stop)? {
        Reply::Verified(verified) => verified.digest,
        other => return Err(StepError::Failed(FailureKind::Protocol, driver.unexpected("verify", &other))),
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

fn exit_totals(role: Role, usage: &ChildUsage) -> [TrialTotal; 7] {
    [
        (Quantity::CpuTotal, usage.user_ns + usage.system_ns),
        (Quantity::CpuUser, usage.user_ns),
        (Quantity::CpuSystem, usage.system_ns),
        (Quantity::VoluntarySwitches, usage.voluntary_switches),
        (Quantity::InvoluntarySwitches, usage.involuntary_switches),
        (Quantity::MinorFaults, usage.minor_faults),
        (Quantity::MajorFaults, usage.major_faults),
    ]
    .map(|(quantity, value)| TrialTotal { metric: Metric::of(role, quantity), value })
}

/// Mean of the resident memory read since the first sample that counts, while there was any.
fn mean_rss(sampled: &Sampled, role: Role, since_ns: u64) -> Option<u64> {
    let timeline = sampled.timelines.iter().find(|timeline| timeline.role == role)?;
    let readings: Vec<u64> =
        timeline.points.iter().filter(|p| p.at_ns >= since_ns && p.rss > 0).map(|p| p.rss).collect();
    (!readings.is_empty()).then(|| readings.iter().sum::<u64>() / readings.len() as u64)
}

fn conditions(
    before: &MachineReading,
    elapsed_ns: u64,
    own_cpu_ns: u64,
    sampled: &Sampled,
    clock_step_ns: u64,
) -> Conditions {
    let used = MachineReading::now().since(before);
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let own_ppm = own_cpu_ns.saturating_mul(1_000_000) / (elapsed_ns.max(1) * cores);
    Conditions {
        pressure_ppm: used.pressure_ppm,
        steal_ppm: used.steal_ppm,
        others_ppm: used.busy_ppm.map(|busy| busy.saturating_sub(own_ppm)),
        sampler_ppm: sampled.cpu_ns.saturating_mul(1_000_000) / elapsed_ns.max(1),
        clock_step_ns,
    }
}

fn probe(subject: &Subject) -> Result<TreeProbe, StepError> {
    TreeProbe::new(subject.pid(), subject.root()).map_err(|error| gone(subject, &error))
}

fn read_all<T>(
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

fn logs(subjects: &[Subject]) -> String {
    let parts = subjects.iter().map(|subject| (subject.role().as_str(), subject.log()));
    parts.filter(|(_, log)| !log.is_empty()).map(|(role, log)| format!("{role}:\n{log}\n")).collect()
}

fn empty_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(folder),
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn own_cpu_ns() -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(std::time::Duration::from).unwrap_or_default();
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn now() -> UnixMillis {
    UnixMillis::from(SystemTime::now())
}
