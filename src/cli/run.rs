//! `benchline run`: measures a revision, or a range of them, and keeps the results.

use std::path::PathBuf;

use super::{
    FAILED, FINE,
    comparing::{Compared, Order, Sizes},
    measuring::{Outcome, Workbench, runtime, scenarios},
    output::{say, write_json},
    report,
    settings::Settings,
};
use crate::{
    history::Reader,
    model::{Profile, Purpose, Revision},
    report::{RunReport, RunsReport, text},
    revision::Repository,
    scenario,
};

const AFTER_HELP: &str = "\
Examples:
  benchline run                         this checkout; a dirty work tree is measured as `worktree`
  benchline run --profile quick         a dozen cases of it alone, in about two minutes
  benchline run v1.2 --profile full     a tag, thoroughly
  benchline run HEAD~4..HEAD            five commits along first parents, the first one included
  benchline run --scenario 'crypto/*' --json result.json
  benchline run --profile quick --allocations

With the profile `gate` each revision is measured interleaved with its parent (a dirty work tree \
with its HEAD), and the pair's verdict is kept with it; `quick` and `full` measure it alone. An \
interrupted run is resumed by the same command. What was measured already is not measured again, but \
with --again.";

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
    let repository = Repository::discover(&std::env::current_dir()?)?;
    let revisions = repository.resolve(args.revision.as_deref())?;
    let runtime = runtime()?;
    if args.allocations && args.profile == Profile::Gate {
        anyhow::bail!("allocations are counted alone, not against the parent: add --profile quick or --profile full");
    }
    let mut workbench = Workbench::open(settings, &repository, plan, runtime.handle())?;
    if args.allocations {
        workbench.count_allocations();
    }
    let mut outcomes = Vec::new();
    for revision in &revisions {
        let outcome = match args.profile {
            Profile::Gate => with_parent(&mut workbench, &repository, revision, args.again)?,
            Profile::Quick | Profile::Full => workbench.measure(revision, args.again)?,
        };
        outcomes.push(outcome);
        workbench.refresh_findings()?;
        if matches!(outcome, Outcome::Stopped(_)) {
            workbench.terminal().line("interrupted; what was measured is kept, and the same command resumes");
            break;
        }
    }
    drop(workbench);
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

/// Measures a revision interleaved with the one before it, or alone where there is none to measure.
fn with_parent(
    workbench: &mut Workbench<'_>,
    repository: &Repository,
    head: &Revision,
    again: bool,
) -> anyhow::Result<Outcome> {
    let Some(before) = head.before() else {
        workbench.terminal().line(&format!("{} has no parent: it is measured alone", head.short()));
        return workbench.measure(head, again);
    };
    let base = repository.resolve_one(Some(before))?;
    let order = Order { base: &base, head, purpose: Purpose::Gate, sizes: Sizes::DEFAULT, seed: None, again };
    match workbench.compare(&order)? {
        Compared::Comparison(comparison) if comparison.is_finished() => Ok(Outcome::Finished {
            run: comparison.listing.comparison.head,
            failures: comparison.listing.head.failures as usize,
        }),
        Compared::Comparison(comparison) => Ok(Outcome::Stopped(Some(comparison.listing.comparison.head))),
        Compared::Impossible { revision, outcome } if revision.id == head.id => Ok(outcome),
        Compared::Impossible { .. } => {
            workbench.terminal().line("  its parent cannot be measured: it is measured alone");
            workbench.measure(head, again)
        }
        Compared::Stopped => Ok(Outcome::Stopped(None)),
    }
}

/// A revision without a subject is an outcome; one that cannot be built or measured is not fine.
fn fine(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Finished { failures, .. } => failures == 0,
        Outcome::Already(_) | Outcome::Unsupported(_) => true,
        Outcome::BuildFailed(_) | Outcome::Stopped(_) => false,
    }
}
