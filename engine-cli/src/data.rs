//! A server's folder of data, for the commands that an operator gives on the server's own machine. They may run while the
//! server does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use benchline_engine::{config::Config, server::Server};

/// Where a server keeps its configuration unless told otherwise.
const CONFIG: &str = "config.toml";

/// Which server.
#[derive(Debug, clap::Args)]
pub(crate) struct DataArgs {
    /// The folder of the server's data
    #[arg(long, env = "BENCHLINE_ENGINE_DATA", default_value = "engine-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The engine's knobs, as TOML or JSON [default: config.toml in the data folder, where there is one]
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
}

impl DataArgs {
    /// The engine's knobs.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let default = self.data.join(CONFIG);
        match &self.config_file {
            Some(file) => read(file),
            None if default.exists() => read(&default),
            None => Ok(Config::default()),
        }
    }

    /// Names the same configuration to another process.
    pub(crate) fn pass_on(&self, command: &mut std::process::Command) {
        if let Some(file) = &self.config_file {
            command.arg("--config-file").arg(file);
        }
    }

    /// Opens the data, making the folder where it is absent.
    pub(crate) async fn open(&self, config: &Config) -> anyhow::Result<Server> {
        let opened = Server::open(&self.data, config).await;
        opened.with_context(|| format!("the server's data in {} cannot be opened", self.data.display()))
    }

    /// Opens the data, which must be there: a mistyped folder shall not become a second server.
    pub(crate) async fn open_existing(&self) -> anyhow::Result<Server> {
        let data = self.data.display();
        anyhow::ensure!(
            self.data.join("accounts.db").exists(),
            "there is no server in {data}: name its folder with --data (`benchline-engine serve` and `user add` make one)"
        );
        self.open(&self.config()?).await
    }
}

fn read(path: &Path) -> anyhow::Result<Config> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let invalid = |error: String| anyhow::anyhow!("{} is not valid:\n{error}", path.display());
    if path.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))
    } else {
        toml::from_str(&text).map_err(|error| invalid(error.to_string()))
    }
}
