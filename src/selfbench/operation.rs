//! What an operation of the platform is, and how its parameters are read.

use std::path::Path;

use benchline_contract::{Prepare, Value, Values};

use super::error::{Result, SelfbenchError};

/// What one operation does, and how its result is proved.
pub(super) trait Operation {
    /// Brings the state back to where an operation starts, off the clock.
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    /// One operation, on the clock.
    fn once(&mut self) -> Result<()>;

    /// Things that one operation handles.
    fn items(&self) -> u64;

    /// What the last operation produced, as text.
    fn proof(&mut self) -> Result<String>;
}

/// The only parameter of an operation, a count of at least 1.
pub(super) fn only_count(parameters: &Values, name: &str) -> Result<u64> {
    match (parameters.len(), parameters.get(name)) {
        (1, Some(Value::Count(count @ 1..))) => Ok(*count),
        _ => Err(SelfbenchError::Parameters { name: name.to_owned(), kind: "a count of at least 1" }),
    }
}

/// The folder that this process may use.
pub(super) fn folder(prepare: &Prepare) -> &Path {
    Path::new(&prepare.folder)
}
