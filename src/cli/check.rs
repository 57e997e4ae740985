//! `benchline check`: validates the scenario files and performs each case once. Nothing is kept.

use std::{convert::Infallible, sync::Arc};

use super::{
    FAILED, FINE, interrupt,
    measuring::{platform, runtime, scenarios},
    output::say,
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    model::{Event, Failure, Profile},
    revision::{BuildOutcome, Builder, Repository, cache_root},
    runner::{self, Done, Ended, Programs, Stop, Target},
    scenario::{self, Plan},
    units::Unit,
};

const AFTER_HELP: &str = "\
Examples:
  benchline check
  benchline check --scenario 'store/*'
  benchline check --profile quick       only the cases of a profile

Each case is set up, performed once, and its result compared with what the scenario expects. Exit code 1 where one fails.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Only scenarios whose name matches; may be given more than once
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    /// Only the cases of a profile: quick, gate or full; every case where nothing is given
    #[arg(long)]
    profile: Option<Profile>,
}

pub(super) fn check(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let scenarios = scenarios(settings)?;
    say(format_args!("{} scenario files are valid", scenarios.len()));
    let mut plan = match args.profile {
        Some(profile) => scenario::plan(&scenarios, profile, &args.scenario)?,
        None => scenario::every_case(&scenarios, &args.scenario)?,
    };
    once(&mut plan);
    let repository = Repository::discover(&std::env::current_dir()?)?;
    let builder = Builder::new(&repository, settings.recipe.clone(), &cache_root()?, repository.target_folder());
    let stop = Arc::new(Stop::new());
    let runtime = runtime()?;
    interrupt::watch(runtime.handle(), Arc::clone(&stop))?;
    let mut failed = Vec::new();
    for revision in &repository.resolve(None)? {
        let terminal = Terminal::new();
        let built = terminal.building(|on_line| builder.build(revision, on_line, stop.flag()))?;
        let subject = match built {
            BuildOutcome::Built(subject) => subject,
            BuildOutcome::Stopped => return Ok(FAILED),
            BuildOutcome::Unsupported { reason } => anyhow::bail!("this checkout has no subject: {reason}"),
            BuildOutcome::Failed { message, log } => anyhow::bail!("{message}\n{log}"),
        };
        let folder = tempfile::tempdir()?;
        let platform = platform()?;
        let programs = Programs { subject: &subject.path, platform: &platform };
        let target = Target { programs, folder: folder.path() };
        let ended = runner::measure(&plan, &target, &Done::default(), 0, &stop, &mut |event| {
            failed.extend(tell(&event));
            Ok::<(), Infallible>(())
        });
        let Ok(ended) = ended;
        if ended == Ended::Stopped {
            return Ok(FAILED);
        }
    }
    say(format_args!("{}", conclusion(plan.cases.len(), &failed)));
    Ok(if failed.is_empty() { FINE } else { FAILED })
}

/// How it went, with the names of what failed once more: the table above may be long.
fn conclusion(cases: usize, failed: &[String]) -> String {
    let names: String = failed.iter().map(|name| format!("\n  ✕ {name}")).collect();
    match failed.len() {
        0 => format!("{cases} cases performed, 0 failed"),
        failures => format!("{cases} cases performed, {failures} FAILED:{names}"),
    }
}

/// One trial of one sample each.
fn once(plan: &mut Plan) {
    for case in &mut plan.cases {
        (case.trials, case.warmup, case.samples, case.iterations) = (1, 0, 1, 1);
    }
}

/// Prints what is worth a line. Gives the name of a case that failed.
fn tell(event: &Event) -> Option<String> {
    match event {
        Event::TrialFinished(trial) => {
            let took = Unit::Nanoseconds.format(trial.duration_ns as f64);
            say(format_args!("● {} {} {took}", trial.case.scenario, trial.label.0));
            None
        }
        Event::Failed(failure) => {
            let name = name(failure);
            say(format_args!("✕ {name}: {}: {}", failure.kind.as_str().replace('_', " "), failure.message));
            if !failure.log.is_empty() {
                say(format_args!("  the end of what it wrote to standard error:"));
                failure.log.trim_end().lines().for_each(|line| say(format_args!("  | {line}")));
            }
            if let Some(case) = &failure.case {
                say(format_args!("  again: {}", case.replay()));
            }
            Some(name)
        }
        Event::CaseStarted(_) | Event::TrialStarted { .. } | Event::SampleTaken { .. } => None,
    }
}

fn name(failure: &Failure) -> String {
    let scenario = failure.case.as_ref().map_or("", |case| &case.scenario);
    let label = failure.label.as_ref().map_or("", |label| &label.0);
    format!("{scenario} {label}")
}
