//! From a revision to rows in the history: build, open or resume the run, measure, close it.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use aws_lc_rs::digest;

use super::{interrupt, recorder::Recorder, settings::Settings, terminal::Terminal};
use crate::{
    history::{OpenRun, RunStart, Writer},
    model::{Environment, Failure, FailureKind, Part, Profile, Revision, RunId, RunState, SubjectBuild, UnixMillis},
    probe::environment,
    revision::{BuildOutcome, Builder, Repository, cache_root},
    runner::{self, Done, Ended, Stop, Target},
    scenario::{self, Plan, Scenario},
};

/// What measuring needs, opened once for all revisions of a command.
pub(super) struct Workbench<'a> {
    settings: &'a Settings,
    repository: &'a Repository,
    builder: Builder<'a>,
    plan: Plan,
    history: Writer,
    terminal: Terminal,
    stop: Arc<Stop>,
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
        Ok(Workbench { settings, repository, builder, plan, history, terminal: Terminal::new(), stop })
    }

    /// The flag that ends measuring.
    pub(super) fn stop(&self) -> &Arc<Stop> {
        &self.stop
    }

    /// Where lines for people go.
    pub(super) fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// Measures one revision, or continues where an earlier process was cut off. What an earlier run has finished is not
    /// measured a second time unless `again`.
    pub(super) fn measure(&mut self, revision: &Revision, again: bool) -> anyhow::Result<Outcome> {
        self.terminal.line(&format!("{}  {}", revision.short(), revision.title));
        let build = self.terminal.building(|on_line| self.builder.build(revision, on_line, self.stop.flag()))?;
        let subject = match build {
            BuildOutcome::Built(subject) => subject,
            BuildOutcome::Stopped => return Ok(Outcome::Stopped(None)),
            BuildOutcome::Unsupported { reason } => {
                let run = self.keep_failure(revision, FailureKind::Unsupported, reason, String::new())?;
                return Ok(Outcome::Unsupported(run));
            }
            BuildOutcome::Failed { message, log } => {
                let run = self.keep_failure(revision, FailureKind::Build, message, log)?;
                return Ok(Outcome::BuildFailed(run));
            }
        };
        let start = self.start(revision, Some(subject.build.clone()));
        if !again && let Some(run) = self.history.finished_run(&start)? {
            self.terminal.line(&format!("  measured already, as run {run}; --again measures it once more"));
            return Ok(Outcome::Already(run));
        }
        let open = self.history.open_run(&start)?;
        if open.resumed {
            let kept = open.done.len();
            self.terminal.line(&format!("  resuming run {} after {kept} of {} trials", open.id, start.planned_trials));
        }
        self.measure_run(&open, &subject.path)
    }

    fn measure_run(&mut self, open: &OpenRun, binary: &std::path::Path) -> anyhow::Result<Outcome> {
        let folder = self.work_folder()?;
        let done = Done {
            trials: open
                .done
                .iter()
                .cloned()
                .chain(open.failed.iter().filter_map(|(key, trial)| Some((key.clone(), (*trial)?))))
                .collect(),
            cases: open.failed.iter().filter(|(_, trial)| trial.is_none()).map(|(key, _)| key.clone()).collect(),
            next_order: open.next_order,
        };
        let target = Target { binary, folder: &folder };
        // The run's own number: another order each time, and the same one when it is resumed.
        let seed = open.id.0.unsigned_abs();
        let mut recorder = Recorder::new(&mut self.history, &self.terminal, open, self.plan.trials());
        let ended = runner::measure(&self.plan, &target, &done, seed, &self.stop, &mut |event| recorder.handle(event));
        let failed = recorder.finish();
        let ended = ended?;
        let state = match ended {
            Ended::Stopped => RunState::Interrupted,
            Ended::Complete if failed.unsupported => RunState::Unsupported,
            Ended::Complete => RunState::Finished,
        };
        self.history.set_progress(None)?;
        self.history.finish_run(open.id, state, now())?;
        let _ = fs::remove_dir(&folder);
        Ok(match ended {
            Ended::Complete if failed.unsupported => Outcome::Unsupported(open.id),
            Ended::Complete => Outcome::Finished { run: open.id, failures: failed.count },
            Ended::Stopped => Outcome::Stopped(Some(open.id)),
        })
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

    fn start(&self, revision: &Revision, build: Option<SubjectBuild>) -> RunStart {
        let plan = digest::digest(&digest::SHA256, self.plan.fingerprint_text().as_bytes());
        RunStart {
            revision: revision.clone(),
            environment: environment_of(build.as_ref()),
            profile: self.plan.profile,
            part: Part::Alone,
            build,
            plan: plan.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
            planned_trials: self.plan.trials(),
            reproduce: reproduce(revision, self.plan.profile),
            at: now(),
        }
    }

    /// Trials' files lie beside the database: on the storage whose speed is measured. The history's lock keeps a second
    /// process out of here.
    fn work_folder(&self) -> anyhow::Result<PathBuf> {
        let folder = std::path::absolute(self.settings.results().join("work"))?;
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(folder)
    }

    /// The repository whose revisions are measured.
    pub(super) fn repository(&self) -> &Repository {
        self.repository
    }
}

fn environment_of(build: Option<&SubjectBuild>) -> Environment {
    environment::fingerprint(build.map(|build| build.toolchain.as_str()))
}

fn reproduce(revision: &Revision, profile: Profile) -> String {
    match revision.kind {
        crate::model::RevisionKind::Commit => {
            format!("benchline run {} --profile {} --again", revision.id, profile.as_str())
        }
        crate::model::RevisionKind::Worktree => format!("benchline run --profile {} --again", profile.as_str()),
    }
}

pub(super) fn now() -> UnixMillis {
    UnixMillis::from(std::time::SystemTime::now())
}
