//! What the site shows: which history, which scenarios, under which name.

use std::{path::PathBuf, sync::Arc};

use crate::model::{Rules, Values};

/// What the site shows.
#[derive(Debug, Clone)]
pub struct SiteState {
    /// The history's database. It need not exist yet: pages say so, and pick it up when it appears.
    pub history: PathBuf,
    /// The scenarios as their files explain them, in the order of their names.
    pub scenarios: Arc<[ScenarioText]>,
    /// The name of what is measured, for titles.
    pub title: String,
}

/// A scenario's file, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioText {
    /// `group/name`.
    pub name: String,
    /// Version of the file.
    pub version: u32,
    /// The question it answers.
    pub question: String,
    /// How to read the answer.
    pub reading: String,
    /// The whole file.
    pub source: String,
    /// The settings that its cases with other settings are held against, where it has such.
    pub baseline: Option<Values>,
    /// How its series are compared, and its budgets.
    pub rules: Rules,
    /// Where the file lies, from the root of the repository.
    pub path: String,
}
