//! `benchline up`: measures this checkout and a few commits before it, while it serves the pages.

use std::sync::Arc;

use super::{
    FINE,
    measuring::{Outcome, Workbench, runtime, scenarios},
    serve::Site,
    settings::Settings,
};
use crate::{
    model::{Profile, Revision},
    revision::Repository,
    scenario,
};

const AFTER_HELP: &str = "\
Examples:
  benchline up
  benchline up --commits 0              this checkout alone
  benchline up --listen 127.0.0.1:9000

Ctrl-C ends it; what was measured is kept, and the next `up` goes on from there.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// How many earlier commits to measure after this checkout, so that graphs have something to compare with
    #[arg(long, default_value_t = 4, value_name = "N")]
    commits: u16,
}

pub(super) fn up(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let scenarios = scenarios(settings)?;
    let plan = scenario::plan(&scenarios, Profile::Quick, &[])?;
    let repository = Repository::discover(&std::env::current_dir()?)?;
    let runtime = runtime()?;
    let mut workbench = Workbench::open(settings, &repository, plan, runtime.handle())?;
    let site = Site::start(settings, &scenarios, runtime.handle(), Arc::clone(workbench.stop()))?;
    let address = site.address;
    workbench.terminal().line(&format!("live on http://{address}  (Ctrl-C ends)"));
    for revision in checkout_and_before(workbench.repository(), args.commits)? {
        let outcome = workbench.measure(&revision, false)?;
        workbench.refresh_findings()?;
        if let Outcome::Stopped(_) = outcome {
            workbench.terminal().line("interrupted; what was measured is kept, and the next `up` goes on from there");
            break;
        }
    }
    if !workbench.stop().is_set() {
        workbench.terminal().line(&format!("measured; serving on http://{address}  (Ctrl-C ends)"));
    }
    // The history's lock is let go of, so that another benchline may measure while this one serves.
    drop(workbench);
    site.wait(&runtime)?;
    Ok(FINE)
}

/// This checkout first, then as many commits along first parents as there are, newest first.
fn checkout_and_before(repository: &Repository, commits: u16) -> anyhow::Result<Vec<Revision>> {
    let mut revisions = repository.resolve(None)?;
    let mut parent = revisions.first().and_then(Revision::before).map(str::to_owned);
    for _ in 0..commits {
        let Some(id) = parent.take() else { break };
        for revision in repository.resolve(Some(&id))? {
            parent = revision.parent.clone();
            revisions.push(revision);
        }
    }
    Ok(revisions)
}
