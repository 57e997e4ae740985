//! `benchline run`: measures a revision, or a range of them, and keeps the results.

use std::path::PathBuf;

use super::{
    exit::{FAILED, FINE},
    output::{say, write_json},
    project::{Project, scenarios},
    report,
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    campaign::{RunOutcome, Workbench},
    history::Reader,
    model::Profile,
    report::{RunReport, RunsReport, text},
    scenario,
};

const AFTER_HELP: &str = "\
Examples:
  benchline run                         this checkout; a dirty work tree is measured as `worktree`
  benchline run --profile quick         a dozen of its cases, in about two minutes
  benchline run v1.2 --profile full     a tag, thoroughly
  benchline run HEAD~4..HEAD            five commits along first parents, the first one included
  benchline run --scenario 'crypto/*' --json result.json
  benchline run --profile quick --allocations

With the profile `gate` each revision is measured interleaved with its parent (a dirty work tree \
with its HEAD), and the pair's verdict is kept with it; `quick` and `full` measure it by itself. An \
interrupted run is resumed by the same command. What was already measured is measured again only with \
--again.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A commit, tag or branch, or a range A..B that includes both; this checkout where nothing is given
    revision: Option<String>,
    /// Only scenarios whose name matches; may be given more than once
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    /// Which cases, and how thoroughly: quick, gate or full
    #[arg(long, default_value = "gate")]
    profile: Profile,
    /// Also write the results as JSON to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure once more what was measured already
    #[arg(long)]
    again: bool,
    /// Count what the subject allocates, in a build of its own that is slower, as series of their own
    #[arg(long)]
    allocations: bool,
}

pub(super) fn run(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let scenarios = scenarios(settings)?;
    let plan = scenario::plan(&scenarios, args.profile, &args.scenario)?;
    let project = Project::open(settings)?;
    let revisions = project.repository.resolve(args.revision.as_deref())?;
    if args.allocations && args.profile == Profile::Gate {
        anyhow::bail!(
            "allocations are counted by themselves, not against the parent: add --profile quick or --profile full"
        );
    }
    let terminal = Terminal::new();
    let outcomes = {
        let mut workbench = Workbench::open(project.config, &project.repository, plan, &terminal, &project.stop)?;
        if args.allocations {
            workbench.count_allocations();
        }
        workbench.measure_all(&revisions, args.again)?
    };
    if matches!(outcomes.last(), Some(RunOutcome::Stopped(_))) {
        terminal.line("interrupted; what was measured is kept, and the same command resumes");
    }
    let reader = Reader::open(&settings.database)?;
    let runs = outcomes.iter().filter_map(|outcome| outcome.run()).map(|run| report::run(&reader, run, &scenarios));
    let runs = runs.collect::<anyhow::Result<Vec<RunReport>>>()?;
    let quiet = args.json.as_deref() == Some(std::path::Path::new("-"));
    for run in runs.iter().filter(|_| !quiet) {
        say(format_args!("\n{}", text::run(run)));
    }
    if let Some(path) = &args.json {
        match &runs[..] {
            [one] => write_json(path, one)?,
            _ => write_json(path, &RunsReport { runs })?,
        }
    }
    Ok(if outcomes.iter().copied().all(fine) { FINE } else { FAILED })
}

/// A revision without a subject is an outcome; one that cannot be built or measured is not fine.
fn fine(outcome: RunOutcome) -> bool {
    match outcome {
        RunOutcome::Finished { failures, .. } => failures == 0,
        RunOutcome::AlreadyMeasured(_) | RunOutcome::Unsupported(_) => true,
        RunOutcome::BuildFailed(_) | RunOutcome::Stopped(_) => false,
    }
}
