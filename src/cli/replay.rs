//! `benchline replay`: performs one case by hand and shows what happened. Nothing enters the history.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use serde_json::json;

use super::{
    FAILED, FINE, interrupt,
    measuring::{platform, runtime, scenarios},
    output::say,
    replaying::{Found, Tool},
    settings::Settings,
    table::table,
    terminal::Terminal,
};
use crate::{
    model::{Failure, Metric, Trial},
    revision::{BuildOutcome, Builder, BuiltSubject, Repository, cache_root},
    runner::{self, Attempt, Inspection, PipeDirection, PipeTrace, Programs, Stop, Target},
    scenario::{self, CasePlan},
    units::Unit,
};

const AFTER_HELP: &str = "\
Examples:
  benchline replay 'sync/upload 10 × 1 MB'              by scenario and label
  benchline replay 'crypto/seal@1 size=1000000*'        a pattern that fits one case
  benchline replay '*documents=10 *' --verbose          every message of the pipe
  benchline replay 'store/create*=mail' --folder kept   keeps what the subject left
  benchline replay 'sync/upload 10 × 1 MB' --callgrind  counts the client's instructions
  benchline replay KEY --revision v1.2                  as another revision does it

One trial: set up, warmed up, sampled, verified, ended, as a run does it. Its figures are for the eye, and are not kept. \
Without --folder the files are kept only where something failed or a tool wrote a profile.
Exit code 1 where the case fails.";

/// Samples where nothing else is asked for, and where a tool makes each a long one.
const SAMPLES: (u32, u32) = (5, 1);

/// A line of the pipe is shown this far; a histogram may be long.
const SHOWN: usize = 4000;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The case: its key, its scenario and label, or a pattern that fits no other
    case: String,
    /// The revision whose subject performs it; this checkout where nothing is given
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// How many samples to take after warm-up [default: 5, and 1 with a tool]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    samples: Option<u32>,
    /// An empty folder, or one to be made, for the subjects' files, which are kept there
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Show every message of the pipe
    #[arg(long, short)]
    verbose: bool,
    /// Count the client's instructions with valgrind, and keep the profile
    #[arg(long, group = "tool")]
    callgrind: bool,
    /// Count the client's system calls with strace
    #[arg(long, group = "tool")]
    syscalls: bool,
    /// Take a profile of the client with perf
    #[arg(long, group = "tool")]
    perf: bool,
    /// The whole trial as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn replay(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let mut plan = scenario::find_case(&scenarios(settings)?, &args.case)?;
    let tool = args.tool();
    plan.samples = args.samples.unwrap_or(if tool.is_some() { SAMPLES.1 } else { SAMPLES.0 });
    plan.timeout = plan.timeout.saturating_mul(tool.map_or(1, Tool::patience));
    let place = Place::choose(settings, args.folder.as_deref())?;
    let tool = tool.map(|tool| tool.find(place.path(), plan.warmup)).transpose()?;
    let stop = Arc::new(Stop::new());
    let runtime = runtime()?;
    interrupt::watch(runtime.handle(), Arc::clone(&stop))?;
    let Some(subject) = subject(settings, args.revision.as_deref(), &stop)? else { return Ok(FAILED) };
    if !args.json {
        say(format_args!("{}, {}\n{}", plan.case.scenario, plan.label.0, plan.case.key()));
    }
    let attempt = perform(&plan, &subject, &platform()?, &place, tool.as_ref(), args, &stop);
    match attempt {
        Attempt::Stopped => Ok(FAILED),
        Attempt::Failed(failure) => {
            tell_failure(&plan, &failure, args.json)?;
            tell_folder(&place.keep(), args.json);
            Ok(FAILED)
        }
        Attempt::Kept(trial) => {
            tell(&plan, &trial, tool.as_ref(), args.json)?;
            if args.folder.is_some() || tool.is_some() {
                tell_folder(&place.keep(), args.json);
            }
            Ok(FINE)
        }
    }
}

impl Args {
    fn tool(&self) -> Option<Tool> {
        let chosen = [(self.callgrind, Tool::Callgrind), (self.syscalls, Tool::Syscalls), (self.perf, Tool::Perf)];
        chosen.into_iter().find_map(|(wanted, tool)| wanted.then_some(tool))
    }
}

/// Where the subjects' files go.
enum Place {
    /// A folder of the person's own.
    Named(PathBuf),
    /// A folder beside the results, so on the same storage; it goes unless it is kept.
    Passing(tempfile::TempDir),
}

impl Place {
    fn choose(settings: &Settings, named: Option<&Path>) -> anyhow::Result<Place> {
        let Some(folder) = named else {
            let results = std::path::absolute(settings.results())?;
            fs::create_dir_all(&results).with_context(|| format!("{} cannot be made", results.display()))?;
            return Ok(Place::Passing(tempfile::Builder::new().prefix("replay-").tempdir_in(results)?));
        };
        let folder = std::path::absolute(folder)?;
        let unusable = || format!("{} cannot be used for the subjects' files", folder.display());
        fs::create_dir_all(&folder).with_context(unusable)?;
        // Each trial empties its folder first: nobody's files must be in it.
        let taken = fs::read_dir(&folder).with_context(unusable)?.next().is_some();
        anyhow::ensure!(!taken, "{} is not empty; name a folder that is, or a new one", folder.display());
        Ok(Place::Named(folder))
    }

    fn path(&self) -> &Path {
        match self {
            Place::Named(folder) => folder,
            Place::Passing(folder) => folder.path(),
        }
    }

    fn keep(self) -> PathBuf {
        match self {
            Place::Named(folder) => folder,
            Place::Passing(folder) => folder.keep(),
        }
    }
}

/// The program that performs the case, or nothing where a person stopped the build.
fn subject(settings: &Settings, revision: Option<&str>, stop: &Stop) -> anyhow::Result<Option<BuiltSubject>> {
    let repository = Repository::discover(&std::env::current_dir()?)?;
    let builder = Builder::new(&repository, settings.recipe.clone(), &cache_root()?, repository.target_folder());
    let revision = repository.resolve_one(revision)?;
    match Terminal::new().building(|on_line| builder.build(&revision, on_line, stop.flag()))? {
        BuildOutcome::Built(subject) => Ok(Some(subject)),
        BuildOutcome::Stopped => Ok(None),
        BuildOutcome::Unsupported { reason } => anyhow::bail!("{} has no subject: {reason}", revision.short()),
        BuildOutcome::Failed { message, log } => anyhow::bail!("{message}\n{log}"),
    }
}

fn perform(
    plan: &CasePlan,
    subject: &BuiltSubject,
    platform: &Path,
    place: &Place,
    tool: Option<&Found>,
    args: &Args,
    stop: &Stop,
) -> Attempt {
    let trace: PipeTrace = Arc::new(|role, direction, line| {
        let arrow = if direction == PipeDirection::Request { "◂" } else { "▸" };
        let cut = if line.len() > SHOWN { " …" } else { "" };
        let shown: String = line.chars().take(SHOWN).collect();
        // Beside the results: standard output may be read by a program.
        eprintln!("{:<6} {arrow} {shown}{cut}", role.as_str());
    });
    let command = tool.map(Found::command).unwrap_or_default();
    let target =
        Target { programs: Programs { subject: &subject.path, platform }, folder: &place.path().join("trial") };
    let inspection = Inspection {
        tool: &command,
        trace: args.verbose.then_some(trace),
        around: &|client, begins| tool.iter().for_each(|tool| tool.around(client, begins)),
    };
    runner::replay(plan, &target, &inspection, stop, &mut |sample, wall_ns| {
        if !args.json {
            let counts = if sample < plan.warmup { "warm-up" } else { "sample" };
            say(format_args!("{counts:<8} {:>12}", Unit::Nanoseconds.format(wall_ns as f64)));
        }
    })
}

fn tell_failure(plan: &CasePlan, failure: &Failure, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let object = json!({ "schema": 1, "key": plan.case.key(), "failure": failure });
        say(format_args!("{}", serde_json::to_string_pretty(&object)?));
        return Ok(());
    }
    say(format_args!("✕ {}: {}", failure.kind.as_str().replace('_', " "), failure.message));
    if !failure.log.is_empty() {
        say(format_args!("the end of what it wrote to standard error:\n{}", failure.log.trim_end()));
    }
    Ok(())
}

fn tell(plan: &CasePlan, trial: &Trial, tool: Option<&Found>, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let object = json!({ "schema": 1, "key": plan.case.key(), "trial": trial });
        say(format_args!("{}", serde_json::to_string_pretty(&object)?));
        return Ok(());
    }
    let expect = &plan.expect;
    say(format_args!("right: {} items, {} bytes, digest {}\n", expect.items, expect.bytes, expect.digest));
    match tool {
        Some(tool) => tool.tell(trial.iterations)?.iter().for_each(|line| say(format_args!("{line}"))),
        None => say(format_args!("{}", figures(trial).trim_end())),
    }
    Ok(())
}

/// Every metric: the median, least and most of its samples, or the one value of the trial.
fn figures(trial: &Trial) -> String {
    let mut rows = vec![["metric", "median", "least", "most"].map(str::to_owned).to_vec()];
    for column in &trial.columns {
        let Some(mut values) = trial.samples(column.metric).filter(|values| !values.is_empty()) else { continue };
        values.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        let median = (values[last / 2] + values[last.div_ceil(2)]) / 2.0;
        let cells = [median, values[0], values[last]].map(|value| column.metric.unit().format(value));
        rows.push(std::iter::once(column.metric.to_string()).chain(cells).collect());
    }
    let total = |metric: Metric, value: u64| vec![metric.to_string(), metric.unit().format(value as f64)];
    rows.extend(trial.totals.iter().map(|each| total(each.metric, each.value)));
    table(&rows, &[false, true, true, true])
}

fn tell_folder(folder: &Path, as_json: bool) {
    let line = format!("kept          {}", folder.display());
    if as_json { eprintln!("{line}") } else { say(format_args!("{line}")) }
}
