//! One trial: a fresh set of processes, set up, warmed up, sampled, verified, ended.

use std::{
    fs, io,
    path::Path,
    time::{Instant, SystemTime},
};

use super::{
    canary::{self, Workload},
    readings::{Readings, percentiles},
    sampler::Sampler,
    spec::TrialSpec,
    steps::{offered_version, prepare, probe, program, read_all, take_sample},
    subject::{StepError, Subject},
    totals::{conditions, exit_totals, mean_rss, own_cpu_ns},
    unavailable::unavailable,
};
use crate::{
    model::{FailureKind, Injection, Metric, Quantity, Role, Trial, TrialTotal, UnixMillis},
    probe::{
        instructions::InstructionCounter,
        machine::MachineReading,
        tree::{Root, TreeProbe},
    },
};

/// Why there is no trial.
pub(super) enum TrialError {
    Failed { kind: FailureKind, message: String, log: String },
    Stopped,
}

/// Measures one trial, with the canary around it. `on_sample` receives the number of each sample and its wall time per
/// operation.
pub(super) fn run_trial(
    spec: &TrialSpec<'_>,
    canary: &Workload,
    on_sample: &mut dyn FnMut(u32, u64),
) -> Result<Trial, TrialError> {
    let before = canary.read();
    let mut subjects = Vec::new();
    let result = empty_folder(spec.folder)
        .map_err(|error| {
            let folder = spec.folder.display();
            StepError::Failed(FailureKind::Start, format!("the trial's folder {folder} cannot be made: {error}"))
        })
        .and_then(|()| Stage::set(spec, &mut subjects))
        .and_then(|stage| stage.measure(spec, &mut subjects, on_sample));
    let result = result.map_err(|error| match error {
        StepError::Stopped => TrialError::Stopped,
        StepError::Failed(kind, message) => TrialError::Failed { kind, message, log: logs(&subjects) },
    });
    drop(subjects);
    if spec.inspection.is_none() {
        // What cannot be removed now is removed before the next trial, and the cause is reported then.
        let _ = fs::remove_dir_all(spec.folder);
    }
    result.map(|trial| Trial { canary: Some(canary::around(before, canary.read())), ..trial })
}

/// The state of one trial: started roles, and the readings before the first sample.
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
    fn set(spec: &TrialSpec<'_>, subjects: &mut Vec<Subject>) -> Result<Stage, StepError> {
        let began = Instant::now();
        let machine = MachineReading::now();
        let own_cpu_ns = own_cpu_ns();
        let started_at = now();
        if let Some(Injection { role, .. }) = spec.injection.filter(|wanted| !spec.plan.roles.contains(&wanted.role)) {
            // Leaving it out silently would count a change that was never made as one that was not detected.
            let message = format!("nothing can be injected into the {}: the case has none", role.as_str());
            return Err(StepError::Failed(FailureKind::Unsupported, message));
        }
        let mut server = None;
        let mut operation_version = 0;
        let mut instructions = Vec::new();
        for role in &spec.plan.roles {
            let folder = spec.folder.join(role.as_str());
            fs::create_dir(&folder)
                .map_err(|error| StepError::Failed(FailureKind::Start, format!("{}: {error}", folder.display())))?;
            let program = program(spec, *role)?;
            subjects.push(Subject::start(&program, *role, &folder, spec.plan.timeout, spec.stop)?);
            let Some(subject) = subjects.last_mut() else { continue };
            instructions.push(InstructionCounter::attach(subject.pid()));
            // The subject's version names what is measured; a load sends whatever the server's subject describes.
            if *role != Role::Load {
                operation_version = offered_version(subject, spec.plan)?;
            }
            if let Some(access) = prepare(subject, spec, &folder, server.clone())? {
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
        spec: &TrialSpec<'_>,
        subjects: &mut Vec<Subject>,
        on_sample: &mut dyn FnMut(u32, u64),
    ) -> Result<Trial, StepError> {
        let plan = spec.plan;
        let mut readings = Readings::default();
        for number in 0..plan.warmup + plan.samples {
            if number == plan.warmup {
                // Where the kernel does not allow it, the peak covers warm-up too, for every revision alike.
                self.probes.iter_mut().for_each(|probe| drop(probe.reset_peak()));
                self.sampler.restart_peaks();
            }
            let starts_ns = nanoseconds(self.began);
            let reading = take_sample(spec, subjects, &mut self.probes, &mut self.instructions)?;
            on_sample(number, reading.sample.wall_ns / plan.iterations.max(1));
            readings.add(subjects, starts_ns, plan.iterations, number >= plan.warmup, &reading);
        }
        let peaks = read_all(subjects, &mut self.probes, TreeProbe::rss_peak)?;
        let after = read_all(subjects, &mut self.probes, TreeProbe::rss)?;
        let sampled = self.sampler.finish();
        let subjects_cpu = read_all(subjects, &mut self.probes, TreeProbe::cpu_ns)?.iter().sum::<u64>();
        let elapsed_ns = nanoseconds(self.began);
        let own_cpu = own_cpu_ns().saturating_sub(self.own_cpu_ns);
        let conditions = conditions(&self.machine, elapsed_ns, subjects_cpu + own_cpu, &sampled, spec.clock_step_ns);
        let first_counted = readings.starts_ns.get(plan.warmup as usize).copied().unwrap_or(0);
        let mut totals = Vec::new();
        for (index, role) in plan.roles.iter().enumerate() {
            // No memory at all is no figure: a program that runs only while it is timed has none before and after.
            let mut add = |quantity, value| {
                if value > 0 {
                    totals.push(TrialTotal { metric: Metric::of(*role, quantity), value });
                }
            };
            add(Quantity::RssPeak, peaks[index].max(sampled.peaks[index]).max(readings.reported_peak(*role)));
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
            let usage = subject.finish(spec.stop)?;
            totals.extend(exit_totals(role, &usage).into_iter().filter(|_| counts));
        }
        let (columns, histograms) = readings.columns();
        let unavailable = unavailable(plan, &self.instructions, &columns, &histograms);
        totals.extend(histograms.iter().flat_map(percentiles));
        Ok(Trial {
            case: plan.case.clone(),
            label: plan.label.clone(),
            operation_version: self.operation_version,
            index: spec.index,
            order: spec.order,
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

pub(super) fn now() -> UnixMillis {
    UnixMillis::from(SystemTime::now())
}
