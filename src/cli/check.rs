//! `benchline check`: validates the scenario files and performs each case once. Nothing is kept.

use super::{
    exit::{FAILED, FINE},
    output::say,
    project::{Project, scenarios},
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    campaign::{self, Notice, Observer},
    model::{Failure, Profile},
    scenario,
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
    let plan = match args.profile {
        Some(profile) => scenario::plan(&scenarios, profile, &args.scenario)?,
        None => scenario::every_case(&scenarios, &args.scenario)?,
    };
    let project = Project::open(settings)?;
    let lines = Lines(Terminal::new());
    let checked = campaign::check(&project.config, &project.repository, &plan, &lines, &project.stop)?;
    let Some(failures) = checked else { return Ok(FAILED) };
    let failed: Vec<String> = failures.iter().map(name).collect();
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

/// Prints what is worth a line; builds are shown on the terminal.
struct Lines(Terminal);

impl Observer for Lines {
    fn notify(&self, notice: &Notice) {
        match notice {
            Notice::CasePerformed(trial) => {
                let took = Unit::Nanoseconds.format(trial.duration_ns as f64);
                say(format_args!("● {} {} {took}", trial.case.scenario, trial.label.0));
            }
            Notice::Failed { failure, .. } => {
                say(format_args!(
                    "✕ {}: {}: {}",
                    name(failure),
                    failure.kind.as_str().replace('_', " "),
                    failure.message
                ));
                if !failure.log.is_empty() {
                    say(format_args!("  the end of what it wrote to standard error:"));
                    failure.log.trim_end().lines().for_each(|line| say(format_args!("  | {line}")));
                }
                if let Some(case) = &failure.case {
                    say(format_args!("  again: {}", case.replay()));
                }
            }
            other => self.0.notify(other),
        }
    }
}

fn name(failure: &Failure) -> String {
    let scenario = failure.case.as_ref().map_or("", |case| &case.scenario);
    let label = failure.label.as_ref().map_or("", |label| &label.0);
    format!("{scenario} {label}")
}
