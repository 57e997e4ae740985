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
    model::{Event, Profile},
    revision::{BuildOutcome, Builder, Repository, cache_root},
    runner::{self, Done, Ended, Programs, Stop, Target},
    scenario::{self, Plan},
};

const AFTER_HELP: &str = "\
Examples:
  benchline check
  benchline check --scenario 'store/*' --profile full";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Only scenarios whose name matches; may be given more than once
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    /// Which profile's cases: quick, gate or full
    #[arg(long, default_value = "full")]
    profile: Profile,
}

pub(super) fn check(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let scenarios = scenarios(settings)?;
    say(format_args!("{} scenario files are valid", scenarios.len()));
    let mut plan = scenario::plan(&scenarios, args.profile, &args.scenario)?;
    once(&mut plan);
    let repository = Repository::discover(&std::env::current_dir()?)?;
    let builder = Builder::new(&repository, settings.recipe.clone(), &cache_root()?, repository.target_folder());
    let stop = Arc::new(Stop::new());
    let runtime = runtime()?;
    interrupt::watch(runtime.handle(), Arc::clone(&stop))?;
    let mut failures = 0;
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
            failures += u32::from(tell(&event));
            Ok::<(), Infallible>(())
        });
        let Ok(ended) = ended;
        if ended == Ended::Stopped {
            return Ok(FAILED);
        }
    }
    say(format_args!("{} cases performed, {failures} failed", plan.cases.len()));
    Ok(if failures == 0 { FINE } else { FAILED })
}

/// One trial of one sample each.
fn once(plan: &mut Plan) {
    for case in &mut plan.cases {
        (case.trials, case.warmup, case.samples, case.iterations) = (1, 0, 1, 1);
    }
}

/// Prints what is worth a line. Returns whether it was a failure.
fn tell(event: &Event) -> bool {
    match event {
        Event::TrialFinished(trial) => say(format_args!("● {} {}", trial.case.scenario, trial.label.0)),
        Event::Failed(failure) => {
            let scenario = failure.case.as_ref().map_or("", |case| &case.scenario);
            let label = failure.label.as_ref().map_or("", |label| &label.0);
            say(format_args!("✕ {scenario} {label}: {}", failure.message));
            if !failure.log.is_empty() {
                say(format_args!("{}", failure.log));
            }
            return true;
        }
        Event::CaseStarted(_) | Event::TrialStarted { .. } | Event::SampleTaken { .. } => {}
    }
    false
}
