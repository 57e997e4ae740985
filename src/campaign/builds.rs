//! Builds subjects for a campaign, and reports how it goes. It keeps nothing in the history.

use super::{
    config::Config,
    error::{CampaignError, Result},
    observer::{Notice, Observer},
};
use crate::{
    model::Revision,
    revision::{BuildOutcome, BuildVariant, Builder, BuiltSubject, Repository},
    runner::Stop,
};

/// What builds the revisions of one repository.
pub(super) struct Builds<'a> {
    builder: Builder<'a>,
    observer: &'a dyn Observer,
    stop: &'a Stop,
}

impl<'a> Builds<'a> {
    pub(super) fn new(
        config: &Config,
        repository: &'a Repository,
        observer: &'a dyn Observer,
        stop: &'a Stop,
    ) -> Builds<'a> {
        let builder = Builder::new(repository, config.recipe.clone(), &config.cache, repository.target_folder());
        Builds { builder, observer, stop }
    }

    /// Builds the subject of a revision, in the usual way or as a variant.
    pub(super) fn build(&self, revision: &Revision, variant: Option<BuildVariant>) -> Result<BuildOutcome> {
        self.observer.notify(&Notice::BuildStarted);
        let mut on_line = |line: &str| self.observer.notify(&Notice::BuildOutput(line.to_owned()));
        let flag = self.stop.flag();
        let outcome = match variant {
            Some(variant) => self.builder.build_variant(revision, variant, &mut on_line, flag),
            None => self.builder.build(revision, &mut on_line, flag),
        };
        self.observer.notify(&Notice::BuildFinished);
        Ok(outcome?)
    }
}

/// The subject of an outcome, for a campaign that cannot go on without one. `subject` names it in the error. `None` where
/// somebody stopped the build.
pub(super) fn built(outcome: BuildOutcome, subject: &str) -> Result<Option<BuiltSubject>> {
    let subject = subject.to_owned();
    match outcome {
        BuildOutcome::Built(built) => Ok(Some(built)),
        BuildOutcome::Stopped => Ok(None),
        BuildOutcome::Unsupported { reason } => Err(CampaignError::NoSubject { subject, reason }),
        BuildOutcome::Failed { message, log } => Err(CampaignError::BuildFailed { subject, message, log }),
    }
}
