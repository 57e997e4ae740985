//! `benchline up`: measures this checkout and a few commits before it, while it serves the pages.

use std::sync::Arc;

use super::{
    exit::FINE,
    project::{Project, scenarios},
    serve::Site,
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    campaign::{Workbench, checkout_and_before},
    model::Profile,
    scenario,
};

const AFTER_HELP: &str = "\
Examples:
  benchline up
  benchline up --commits 0              only this checkout
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
    let project = Project::open(settings)?;
    let terminal = Terminal::new();
    let mut workbench = Workbench::open(project.config, &project.repository, plan, &terminal, &project.stop)?;
    let site = Site::start(settings, &scenarios, project.runtime.handle(), Arc::clone(&project.stop))?;
    let address = site.address;
    terminal.line(&format!("live on http://{address}  (Ctrl-C ends)"));
    workbench.measure_all(&checkout_and_before(&project.repository, args.commits)?, false)?;
    // The history's lock is released, so that another benchline may measure while this one serves.
    drop(workbench);
    if project.stop.is_set() {
        terminal.line("interrupted; what was measured is kept, and the next `up` goes on from there");
    } else {
        terminal.line(&format!("measured; serving on http://{address}  (Ctrl-C ends)"));
    }
    site.wait(&project.runtime)?;
    Ok(FINE)
}
