//! Whole campaigns in this process, with real subjects in a real repository: stopped, cut off, resumed, failing and slow.
//! Kills of the whole program are in `cli`, `compare` and `calibrate`.

mod comparison;
mod run;
mod search;

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use benchline::{
    campaign::{CampaignError, Config, Notice, Observer, Sizes, Workbench},
    history::Reader,
    model::{Profile, Revision},
    revision::{Recipe, Repository},
    runner::Stop,
    scenario::{self, Plan},
};

use crate::support::Project;

/// The case of the toy scenario.
const CASE: &str = "toy/work@1 n=1";

/// Comparisons that end soon: subjects without noise differ at once, and the budget allows it.
const SIZES: Sizes = Sizes { first: 6, second: 8, budget: 0.5 };

/// What happens at a unit of a pass that was kept.
#[derive(Clone, Copy)]
enum After {
    /// Somebody stops the campaign.
    Stop(usize),
    /// The campaign is dropped in the middle, as if its process had died.
    Drop(usize),
}

/// Records every notice, and ends the campaign after some of them.
#[derive(Default)]
struct Recording {
    notices: RefCell<Vec<Notice>>,
    kept: Cell<usize>,
    after: Option<After>,
    stop: Stop,
}

impl Observer for Recording {
    fn notify(&self, notice: &Notice) {
        self.notices.borrow_mut().push(notice.clone());
        if !matches!(notice, Notice::Kept { .. }) {
            return;
        }
        self.kept.set(self.kept.get() + 1);
        match self.after {
            Some(After::Stop(kept)) if kept == self.kept.get() => self.stop.set(),
            Some(After::Drop(kept)) if kept == self.kept.get() => panic!("cut off on purpose"),
            _ => {}
        }
    }
}

impl Recording {
    fn passes(notices: &[Notice]) -> usize {
        notices.iter().filter(|notice| matches!(notice, Notice::PassStarted { .. })).count()
    }
}

fn config(project: &Project) -> Config {
    let recipe = Recipe::new(vec!["true".to_owned()], Path::new("subject.sh"), &["subject.sh".into()]).unwrap();
    Config {
        database: project.path("results/benchline.sqlite"),
        work: project.path("results/work"),
        cache: project.cache().to_owned(),
        recipe,
        platform: env!("CARGO_BIN_EXE_benchline").into(),
    }
}

fn plan(project: &Project, profile: Profile) -> Plan {
    scenario::plan(&scenario::load_folder(&project.path("scenarios")).unwrap(), profile, &[]).unwrap()
}

fn repository(project: &Project) -> Repository {
    Repository::discover(&project.path("")).unwrap()
}

fn reader(project: &Project) -> Reader {
    Reader::open(&project.path("results/benchline.sqlite")).unwrap()
}

/// Opens a workbench for the toy's quick cases, lets `act` use it, and gives what it reported. Nothing where the campaign was
/// cut off.
#[track_caller]
fn try_campaign<T>(
    project: &Project,
    after: Option<After>,
    config: Config,
    plan: Plan,
    act: impl FnOnce(&mut Workbench<'_>, &Repository) -> Result<T, CampaignError>,
) -> (Option<Result<T, CampaignError>>, Vec<Notice>) {
    let repository = repository(project);
    let recording = Recording { after, ..Recording::default() };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut workbench = Workbench::open(config, &repository, plan, &recording, &recording.stop)?;
        act(&mut workbench, &repository)
    }));
    (outcome.ok(), recording.notices.into_inner())
}

/// As [`try_campaign`], for one that ends well.
#[track_caller]
fn campaign<T>(
    project: &Project,
    after: Option<After>,
    act: impl FnOnce(&mut Workbench<'_>, &Repository) -> Result<T, CampaignError>,
) -> (T, Vec<Notice>) {
    let (outcome, notices) = try_campaign(project, after, config(project), plan(project, Profile::Quick), act);
    (outcome.unwrap().unwrap(), notices)
}

#[track_caller]
fn revision(project: &Project, name: &str) -> Revision {
    repository(project).resolve_one(Some(name)).unwrap()
}
