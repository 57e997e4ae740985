//! The values substituted for `{name}` in command lines and other texts of a scenario.

use std::{collections::BTreeMap, path::Path};

use benchline_contract::{Prepare, Value};

use super::error::AdapterError;
use crate::model::external::CommandLine;
use crate::model::template::fill;

/// Values by name: places, the case's parameters, and what is known once it runs.
#[derive(Debug)]
pub(super) struct Substitutions(BTreeMap<String, String>);

impl Substitutions {
    /// Of one case, whose programs work in `folder`.
    pub(super) fn new(places: &BTreeMap<String, String>, prepare: &Prepare, folder: &Path) -> Substitutions {
        let mut values = places.clone();
        values.insert("folder".to_owned(), folder.to_string_lossy().into_owned());
        values.insert("seed".to_owned(), prepare.seed.to_string());
        for (name, value) in &prepare.parameters {
            let value = match value {
                Value::Count(count) => count.to_string(),
                Value::Text(text) => text.clone(),
                Value::Flag(flag) => flag.to_string(),
            };
            values.insert(name.clone(), value);
        }
        Substitutions(values)
    }

    /// Adds a value.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    pub(super) fn fill(&self, template: &str) -> Result<String, AdapterError> {
        Ok(fill(template, |name| self.0.get(name))?)
    }

    pub(super) fn line(&self, line: &CommandLine) -> Result<Vec<String>, AdapterError> {
        line.iter().map(|word| self.fill(word)).collect()
    }
}
