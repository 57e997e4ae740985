//! What measuring needs, opened once for all revisions of a campaign: the history, the builds, the plan, the folder for
//! trials. A revision without a subject becomes a row in the history here.

use std::{fs, path::PathBuf};

use super::{
    builds::Builds,
    config::Config,
    error::{CampaignError, Result},
    identity::{environment_of, fingerprint, now, reproduce},
    observer::{Notice, Observer},
};
use crate::{
    history::{Reader, RunStart, Writer},
    model::{Failure, FailureKind, Part, Revision, RunId, RunState, SubjectBuild, Value},
    revision::{BuildOutcome, BuildVariant, BuiltSubject, Repository},
    runner::Stop,
    scenario::Plan,
};

/// Measures revisions of one repository by one plan, and holds the history's lock meanwhile.
pub struct Workbench<'a> {
    pub(super) config: Config,
    pub(super) repository: &'a Repository,
    pub(super) builds: Builds<'a>,
    /// How subjects are built, where not in the usual way.
    variant: Option<BuildVariant>,
    pub(super) plan: Plan,
    pub(super) history: Writer,
    pub(super) observer: &'a dyn Observer,
    pub(super) stop: &'a Stop,
}

/// How measuring one revision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// Everything planned was measured or failed.
    Finished {
        /// The run.
        run: RunId,
        /// Trials and cases of the run that failed.
        failures: usize,
    },
    /// An earlier run had measured the very same.
    AlreadyMeasured(RunId),
    /// The revision has no subject, or one that knows none of the cases.
    Unsupported(RunId),
    /// The revision does not build.
    BuildFailed(RunId),
    /// Somebody stopped it; `None` where no run was begun. The same call continues it.
    Stopped(Option<RunId>),
}

impl RunOutcome {
    /// The run that holds the results, where there is one.
    pub fn run(self) -> Option<RunId> {
        match self {
            RunOutcome::Finished { run, .. }
            | RunOutcome::AlreadyMeasured(run)
            | RunOutcome::Unsupported(run)
            | RunOutcome::BuildFailed(run) => Some(run),
            RunOutcome::Stopped(run) => run,
        }
    }
}

impl<'a> Workbench<'a> {
    /// Opens the history, which is created where it is missing. Setting `stop` ends whatever the workbench does; what is
    /// measured until then is kept.
    ///
    /// # Errors
    /// [`CampaignError::History`] where it cannot be written, or another process writes it.
    pub fn open(
        config: Config,
        repository: &'a Repository,
        plan: Plan,
        observer: &'a dyn Observer,
        stop: &'a Stop,
    ) -> Result<Workbench<'a>> {
        let builds = Builds::new(&config, repository, observer, stop);
        let history = Writer::open(&config.database)?;
        Ok(Workbench { config, repository, builds, variant: None, plan, history, observer, stop })
    }

    /// From now on subjects count what they allocate. Every case of the plan states it by a setting, because such a subject
    /// is slower: its series are others than those of the ordinary one.
    pub fn count_allocations(&mut self) {
        self.variant = Some(BuildVariant::Allocations);
        for planned in &mut self.plan.cases {
            planned.case.configuration.insert("subject.allocations".to_owned(), Value::Flag(true));
        }
    }

    /// The plan in force.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The results, for reading.
    ///
    /// # Errors
    /// [`CampaignError::History`] where the database cannot be read.
    pub fn reader(&self) -> Result<Reader> {
        Ok(Reader::open(&self.config.database)?)
    }

    /// The subject of a revision, or what became of it instead, which is kept in the history.
    pub(super) fn build(&mut self, revision: &Revision) -> Result<Result<BuiltSubject, RunOutcome>> {
        Ok(match self.builds.build(revision, self.variant)? {
            BuildOutcome::Built(subject) => Ok(subject),
            BuildOutcome::Stopped => Err(RunOutcome::Stopped(None)),
            BuildOutcome::Unsupported { reason } => {
                let run = self.keep_failure(revision, FailureKind::Unsupported, reason, String::new())?;
                Err(RunOutcome::Unsupported(run))
            }
            BuildOutcome::Failed { message, log } => {
                Err(RunOutcome::BuildFailed(self.keep_failure(revision, FailureKind::Build, message, log)?))
            }
        })
    }

    fn keep_failure(&mut self, revision: &Revision, kind: FailureKind, message: String, log: String) -> Result<RunId> {
        let state = if kind == FailureKind::Build { RunState::BuildFailed } else { RunState::Unsupported };
        let start = self.run_start(revision, None);
        let open = self.history.open_run(&start)?;
        let failure = Failure { case: None, label: None, trial: None, kind, message, log, at: now() };
        self.history.record_failure(open.id, &failure)?;
        self.history.finish_run(open.id, state, now())?;
        self.observer.notify(&Notice::NotBuilt(failure));
        Ok(open.id)
    }

    /// How the run of a revision by itself is opened.
    pub(super) fn run_start(&self, revision: &Revision, build: Option<SubjectBuild>) -> RunStart {
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

    /// The folder for files of trials, created. The history's lock keeps a second process out of it.
    pub(super) fn work_folder(&self) -> Result<PathBuf> {
        let given = &self.config.work;
        let folder = std::path::absolute(given).map_err(CampaignError::folder(given))?;
        fs::create_dir_all(&folder).map_err(CampaignError::folder(&folder))?;
        Ok(folder)
    }
}
