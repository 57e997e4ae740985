//! What is in force: built-in values, then `benchline.toml`, then `BENCHLINE_*` variables and options.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Deserialize;

use crate::revision::Recipe;

/// Options that every command has. clap reads the variables too.
#[derive(Debug, clap::Args)]
pub(super) struct Overrides {
    /// The database that keeps the results [default: results/benchline.sqlite]
    #[arg(long, global = true, env = "BENCHLINE_DATABASE", value_name = "FILE")]
    database: Option<PathBuf>,
    /// The folder that holds the scenario files [default: scenarios]
    #[arg(long, global = true, env = "BENCHLINE_SCENARIOS", value_name = "FOLDER")]
    scenarios: Option<PathBuf>,
    /// The address that pages are served on [default: 127.0.0.1:8580]
    #[arg(long, global = true, env = "BENCHLINE_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// Every setting, and where it comes from.
#[derive(Debug)]
pub(super) struct Settings {
    /// The database that keeps the results.
    pub(super) database: PathBuf,
    /// The folder that holds the scenario files.
    pub(super) scenarios: PathBuf,
    /// The address that pages are served on.
    pub(super) listen: SocketAddr,
    /// How the subject is built.
    pub(super) recipe: Recipe,
    file: Option<PathBuf>,
}

/// `benchline.toml` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    database: Option<PathBuf>,
    scenarios: Option<PathBuf>,
    listen: Option<SocketAddr>,
    subject: Option<Subject>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    build: Vec<String>,
    binary: PathBuf,
    inputs: Vec<PathBuf>,
}

/// Name of the file, looked for in the working folder and above it.
const FILE_NAME: &str = "benchline.toml";

impl Settings {
    /// Reads the file, where there is one, and lays the options over it. Paths in the file are relative to it; the
    /// folder that holds the file is also where built-in paths start.
    pub(super) fn read(overrides: Overrides) -> anyhow::Result<Settings> {
        let here = std::env::current_dir().context("the working folder cannot be found")?;
        let found = here.ancestors().map(|folder| folder.join(FILE_NAME)).find(|file| file.is_file());
        let base = found.as_deref().and_then(Path::parent).unwrap_or(&here).to_owned();
        let file = found.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let below = |path: PathBuf| base.join(path);
        let recipe = match file.subject {
            None => Recipe::of_the_engine(),
            Some(subject) => {
                Recipe::new(subject.build, &subject.binary, &subject.inputs).context("benchline.toml, [subject]")?
            }
        };
        Ok(Settings {
            database: overrides
                .database
                .unwrap_or_else(|| below(file.database.unwrap_or("results/benchline.sqlite".into()))),
            scenarios: overrides.scenarios.unwrap_or_else(|| below(file.scenarios.unwrap_or("scenarios".into()))),
            listen: overrides.listen.or(file.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8580))),
            recipe,
            file: found,
        })
    }

    /// The folder that the database lies in; trials' files are kept beside it while they run.
    pub(super) fn results(&self) -> &Path {
        self.database.parent().unwrap_or(Path::new("."))
    }
}

fn read_file(path: &Path) -> anyhow::Result<File> {
    let text = fs::read_to_string(path).map_err(|error: io::Error| anyhow::anyhow!("{}: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| anyhow::anyhow!("{} is not valid:\n{error}", path.display()))
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => writeln!(f, "# from {}, variables and options", file.display())?,
            None => writeln!(f, "# from variables and options; there is no {FILE_NAME} here or above")?,
        }
        let quoted = |path: &Path| toml::Value::String(path.to_string_lossy().into_owned());
        let inputs: Vec<toml::Value> = self.recipe.inputs().iter().map(|input| quoted(input)).collect();
        writeln!(f, "database = {}", quoted(&self.database))?;
        writeln!(f, "scenarios = {}", quoted(&self.scenarios))?;
        writeln!(f, "listen = \"{}\"", self.listen)?;
        writeln!(f, "\n[subject]\nbuild = {}", toml::Value::from(self.recipe.command().to_vec()))?;
        writeln!(f, "binary = {}", quoted(self.recipe.binary()))?;
        write!(f, "inputs = {}", toml::Value::Array(inputs))
    }
}
