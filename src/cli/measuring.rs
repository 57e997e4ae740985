//! From a revision to rows in the history: build, open or resume the run, measure, close it.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use aws_lc_rs::digest;

use super::{findings, interrupt, settings::Settings, terminal::Terminal};
use crate::{
    history::{Reader, RunStart, Writer},
    model::{
        Environment, Failure, FailureKind, Part, Profile, Revision, RunId, RunState, SubjectBuild, UnixMillis, Value,
    },
    probe::environment,
    revision::{self, BuildOutcome, BuildVariant, Builder, BuiltSubject, Repository, cache_root},
    runner::Stop,
    scenario::{self, Plan, Scenario},
};

/// What measuring needs, opened once for all revisions of a command.
pub(super) struct Workbench<'a> {
    settings: &'a Settings,
    repository: &'a Repository,
    builder: Builder<'a>,
    /// How subjects are built, where not as always.
    variant: Option<BuildVariant>,
    pub(super) plan: Plan,
    pub(super) history: Writer,
    pub(super) terminal: Terminal,
    pub(super) stop: Arc<Stop>,
}

/// How measuring one revision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything planned was measured; this many trials and cases failed.
    Finished { run: RunId, failures: usize },
    /// An earlier run had measured the very same.
    Already(RunId),
    /// The revision has no subject.
    Unsupported(RunId),
    /// The revision does not build.
    BuildFailed(RunId),
    /// A person stopped it; `None` where no run was begun.
    Stopped(Option<RunId>),
}

impl Outcome {
    /// The run that holds the results, where there is one.
    pub(super) fn run(self) -> Option<RunId> {
        match self {
            Outcome::Finished { run, .. }
            | Outcome::Already(run)
            | Outcome::Unsupported(run)
            | Outcome::BuildFailed(run) => Some(run),
            Outcome::Stopped(run) => run,
        }
    }
}

/// This very program, which plays the roles that are not the subject's.
pub(super) fn platform() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("this program does not find its own file")
}

/// The scenarios in force.
pub(super) fn scenarios(settings: &Settings) -> anyhow::Result<Vec<Scenario>> {
    scenario::load_folder(&settings.scenarios).context("the scenarios are not valid")
}

/// A runtime for signals and pages. One worker: measuring wants the other CPUs.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().context("the runtime cannot be started")
}

impl<'a> Workbench<'a> {
    /// Opens the history and finds the cache. Signals set the returned workbench's stop flag.
    pub(super) fn open(
        settings: &'a Settings,
        repository: &'a Repository,
        plan: Plan,
        runtime: &tokio::runtime::Handle,
    ) -> anyhow::Result<Workbench<'a>> {
        let builder = Builder::new(repository, settings.recipe.clone(), &cache_root()?, repository.target_folder());
        let history = Writer::open(&settings.database)?;
        let stop = Arc::new(Stop::new());
        interrupt::watch(runtime, Arc::clone(&stop))?;
        Ok(Workbench { settings, repository, builder, variant: None, plan, history, terminal: Terminal::new(), stop })
    }

    /// From now on subjects count what they allocate. Every case of the plan says so by a setting, because such a subject is
    /// slower: its series are others than those of the ordinary one.
    pub(super) fn count_allocations(&mut self) {
        self.variant = Some(BuildVariant::Allocations);
        for planned in &mut self.plan.cases {
            planned.case.configuration.insert("subject.allocations".to_owned(), Value::Flag(true));
        }
    }

    /// The flag that ends measuring.
    pub(super) fn stop(&self) -> &Arc<Stop> {
        &self.stop
    }

    /// Where lines for people go.
    pub(super) fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// The subject of a revision, or what became of it instead: that is kept in the history.
    pub(super) fn build(&mut self, revision: &Revision) -> anyhow::Result<Result<BuiltSubject, Outcome>> {
        let build = match self.variant {
            Some(variant) => self.build_variant(revision, variant)?,
            None => self.terminal.building(|on_line| self.builder.build(revision, on_line, self.stop.flag()))?,
        };
        Ok(match build {
            BuildOutcome::Built(subject) => Ok(subject),
            BuildOutcome::Stopped => Err(Outcome::Stopped(None)),
            BuildOutcome::Unsupported { reason } => Err(Outcome::Unsupported(self.keep_failure(
                revision,
                FailureKind::Unsupported,
                reason,
                String::new(),
            )?)),
            BuildOutcome::Failed { message, log } => {
                Err(Outcome::BuildFailed(self.keep_failure(revision, FailureKind::Build, message, log)?))
            }
        })
    }

    /// The subject of a revision, built another way. What becomes of it is no fact about the revision, and is not kept.
    pub(super) fn build_variant(&self, revision: &Revision, variant: BuildVariant) -> anyhow::Result<BuildOutcome> {
        let stop = self.stop.flag();
        Ok(self.terminal.building(|on_line| self.builder.build_variant(revision, variant, on_line, stop))?)
    }

    /// A revision without a subject is a row in the history too.
    fn keep_failure(
        &mut self,
        revision: &Revision,
        kind: FailureKind,
        message: String,
        log: String,
    ) -> anyhow::Result<RunId> {
        self.terminal.line(&format!("  {message}"));
        let state = if kind == FailureKind::Build { RunState::BuildFailed } else { RunState::Unsupported };
        let start = self.start(revision, None);
        let open = self.history.open_run(&start)?;
        let failure = Failure { case: None, label: None, trial: None, kind, message, log, at: now() };
        self.history.record_failure(open.id, &failure)?;
        self.history.finish_run(open.id, state, now())?;
        Ok(open.id)
    }

    pub(super) fn start(&self, revision: &Revision, build: Option<SubjectBuild>) -> RunStart {
        RunStart {
            revision: revision.clone(),
            environment: environment_of(build.as_ref()),
            profile: self.plan.profile,
            part: Part::Single,
            build,
            plan: fingerprint(&self.plan.fingerprint_text()),
            planned_trials: self.plan.trials(),
            reproduce: reproduce(revision, self.plan.profile, self.variant),
            at: now(),
        }
    }

    /// Looks for changes in the graphs, now that there is more to see.
    pub(super) fn refresh_findings(&mut self) -> anyhow::Result<()> {
        let reader = self.reader()?;
        let environment = environment_of(None).id;
        let rules = self.plan.cases.iter().map(|case| &case.rules);
        let new = findings::refresh(&mut self.history, &reader, &environment, rules)?;
        if new > 0 {
            self.terminal.line(&format!("{new} new findings in the graphs: `benchline findings list` shows them"));
        }
        Ok(())
    }

    /// Trials' files lie beside the database: on the storage whose speed is measured. The history's lock keeps a second
    /// process out of here.
    pub(super) fn work_folder(&self) -> anyhow::Result<PathBuf> {
        let folder = std::path::absolute(self.settings.results().join("work"))?;
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(folder)
    }

    /// What keeps results and what tells them, at once.
    pub(super) fn history_and_terminal(&mut self) -> (&mut Writer, &Terminal) {
        (&mut self.history, &self.terminal)
    }

    /// The results, for reading.
    pub(super) fn reader(&self) -> anyhow::Result<Reader> {
        Ok(Reader::open(&self.settings.database)?)
    }

    /// The repository whose revisions are measured.
    pub(super) fn repository(&self) -> &Repository {
        self.repository
    }
}

/// Digest of everything that decides what is measured.
pub(super) fn fingerprint(text: &str) -> String {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn environment_of(build: Option<&SubjectBuild>) -> Environment {
    let flags = build.map(|_| revision::flags_of_the_caller());
    environment::fingerprint(build.map(|build| build.toolchain.as_str()), flags.as_deref())
}

fn reproduce(revision: &Revision, profile: Profile, variant: Option<BuildVariant>) -> String {
    let counting = if variant == Some(BuildVariant::Allocations) { " --allocations" } else { "" };
    match revision.kind {
        crate::model::RevisionKind::Commit => {
            format!("benchline run {} --profile {}{counting} --again", revision.id, profile.as_str())
        }
        crate::model::RevisionKind::Worktree => {
            format!("benchline run --profile {}{counting} --again", profile.as_str())
        }
    }
}

pub(super) fn now() -> UnixMillis {
    UnixMillis::from(std::time::SystemTime::now())
}
