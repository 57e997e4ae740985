//! Performs one case for somebody who looks on: one trial, as a run performs it, with a tool around the client where one is
//! wanted. Nothing enters the history.

mod folder;
mod tool;

use std::path::{Path, PathBuf};

use super::{
    builds::{Builds, built},
    config::Config,
    error::Result,
    observer::{Notice, Observer},
};
use crate::{
    model::{Failure, Trial},
    revision::{BuiltSubject, Repository},
    runner::{self, Attempt, Inspection, PipeTrace, Programs, Stop, Target},
    scenario::CasePlan,
};
use folder::Folder;
use tool::InstalledTool;

pub use tool::{Tool, ToolReport};

/// Samples where no number is given, and where a tool makes each a long one.
const SAMPLES: (u32, u32) = (5, 1);

/// What to replay.
pub struct ReplaySpec<'a> {
    /// The case.
    pub case: CasePlan,
    /// The revision whose subject performs it; the checkout where nothing is given.
    pub revision: Option<&'a str>,
    /// Samples after warm-up; 5, and 1 with a tool, where nothing is given.
    pub samples: Option<u32>,
    /// What runs the client.
    pub tool: Option<Tool>,
    /// An empty folder, or one to be created, for the subjects' files, which are kept there.
    pub folder: Option<&'a Path>,
}

/// A case that is ready to be performed.
pub struct Replay<'a> {
    plan: CasePlan,
    subject: BuiltSubject,
    platform: &'a Path,
    tool: Option<InstalledTool>,
    folder: Folder,
    /// Whether the files stay even where nothing fails.
    keeps: bool,
}

/// What became of it.
#[derive(Debug)]
pub enum ReplayOutcome {
    /// The trial is whole.
    Performed {
        /// The trial.
        trial: Box<Trial>,
        /// What the tool found.
        report: Option<ToolReport>,
        /// Where the subjects' files are kept, where they are.
        folder: Option<PathBuf>,
    },
    /// The case failed.
    Failed {
        /// What happened.
        failure: Failure,
        /// Where the subjects' files are kept.
        folder: PathBuf,
    },
    /// Somebody stopped it.
    Stopped,
}

impl<'a> Replay<'a> {
    /// Finds the tool, chooses the folder and builds the subject. `None` where somebody stopped the build.
    ///
    /// # Errors
    /// Where the tool is not installed, the folder cannot be used, or the revision has no subject.
    pub fn prepare(
        config: &'a Config,
        repository: &Repository,
        spec: ReplaySpec<'_>,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Option<Replay<'a>>> {
        let mut plan = spec.case;
        plan.samples = spec.samples.unwrap_or(if spec.tool.is_some() { SAMPLES.1 } else { SAMPLES.0 });
        plan.timeout = plan.timeout.saturating_mul(spec.tool.map_or(1, Tool::slowdown));
        let folder = Folder::choose(config.results(), spec.folder)?;
        let tool = spec.tool.map(|tool| tool.find(folder.path(), plan.warmup)).transpose()?;
        let revision = repository.resolve_one(spec.revision)?;
        let outcome = Builds::new(config, repository, observer, stop).build(&revision, None)?;
        let Some(subject) = built(outcome, revision.short())? else { return Ok(None) };
        let keeps = spec.folder.is_some() || tool.is_some();
        Ok(Some(Replay { plan, subject, platform: &config.platform, tool, folder, keeps }))
    }

    /// The case as it will be performed.
    pub fn plan(&self) -> &CasePlan {
        &self.plan
    }

    /// Performs the trial. `trace` receives each line of the pipe.
    ///
    /// # Errors
    /// Where the tool left no output.
    pub fn perform(self, trace: Option<PipeTrace>, observer: &dyn Observer, stop: &Stop) -> Result<ReplayOutcome> {
        let command = self.tool.as_ref().map(InstalledTool::command).unwrap_or_default();
        let folder = self.folder.path().join("trial");
        let programs = Programs { subject: &self.subject.path, platform: self.platform };
        let inspection = Inspection {
            tool: &command,
            trace,
            around: &|client, begins| self.tool.iter().for_each(|tool| tool.around(client, begins)),
        };
        let attempt = runner::replay(
            &self.plan,
            &Target { programs, folder: &folder },
            &inspection,
            stop,
            &mut |sample, wall_ns| {
                observer.notify(&Notice::SampleTaken { sample, wall_ns });
            },
        );
        match attempt {
            Attempt::Stopped => Ok(ReplayOutcome::Stopped),
            Attempt::Failed(failure) => Ok(ReplayOutcome::Failed { failure, folder: self.folder.keep() }),
            Attempt::Kept(trial) => {
                let report = self.tool.map(|tool| tool.report(trial.iterations)).transpose()?;
                let folder = self.keeps.then(|| self.folder.keep());
                Ok(ReplayOutcome::Performed { trial, report, folder })
            }
        }
    }
}
