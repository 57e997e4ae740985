//! What a command that measures needs, put together from the settings: the repository, the scenarios, where a campaign
//! finds its folders, and the flag that a signal sets.

use std::sync::Arc;

use anyhow::Context as _;

use super::{interrupt, settings::Settings};
use crate::{
    campaign::Config,
    revision::{Repository, cache_root},
    runner::Stop,
    scenario::{self, Scenario},
};

/// The project in the working folder.
pub(super) struct Project {
    pub(super) repository: Repository,
    pub(super) config: Config,
    /// Set by the first Ctrl-C.
    pub(super) stop: Arc<Stop>,
    pub(super) runtime: tokio::runtime::Runtime,
}

impl Project {
    /// Finds the repository of the working folder, and handles signals from now on.
    pub(super) fn open(settings: &Settings) -> anyhow::Result<Project> {
        let repository = Repository::discover(&std::env::current_dir()?)?;
        let config = Config {
            database: settings.database.clone(),
            // Beside the database: on the storage whose speed is measured.
            work: settings.results().join("work"),
            cache: cache_root()?,
            recipe: settings.recipe.clone(),
            platform: std::env::current_exe().context("this program does not find its own file")?,
        };
        let runtime = runtime()?;
        let stop = interrupt::watch(runtime.handle())?;
        Ok(Project { repository, config, stop, runtime })
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
